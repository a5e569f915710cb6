/* SPDX-License-Identifier: ISC */
/*
 * Six mails that queries find, for the tests of Email/query, queryChanges and
 * SearchSnippet/get: each is known by its letter.
 */
#ifndef REGRESS_EMAIL_LIST_H
#define REGRESS_EMAIL_LIST_H

#include "regress/unit/email_lab.h"

static char	 ids[16][STORE_IDLEN];
static char	 trash[STORE_IDLEN];

/* Mails in the inbox, the newest last; letters name them in the rows. */
static const struct mail {
	const char	*raw;
	const char	*keyword;
} mails[] = {
	{ "From: Zoe <z@x.org>\nTo: team@x.org\nSubject: alpha report\n"
	    "Message-ID: <a@x>\n\nthe big bus stops here\n", "$seen" },
	{ "From: adam@x.org\nTo: Bob <bob@x.org>\nSubject: Re: beta\n"
	    "Message-ID: <b@x>\nCc: carol@y.org\n\nbusiness as usual\n",
	    NULL },
	{ "From: Mia <mia@x.org>\nSubject: alpha report\n"
	    "Message-ID: <c@x>\nReferences: <a@x>\nX-Tag: One Two\n\n"
	    "stops big bus\n", "$flagged" },
	{ "From: \"=?utf-8?q?J=C3=BCrgen?=\" <j@x.org>\n"
	    "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n"
	    "Message-ID: <d@x>\nContent-Type: text/html; charset=utf-8\n\n"
	    "<p title=hidden>caf\xc3\xa9</p><style>secret</style>\n", NULL },
	{ "From: zoe@x.org\nSubject: gamma\nMessage-ID: <e@x>\n"
	    "Bcc: hidden@x.org\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n"
	    "--b\n\nbody\n--b\nContent-Type: application/pdf; name=plan.pdf\n"
	    "Content-Disposition: attachment\n\nx\n--b--\n", "$seen" },
	{ "Subject: ALPHA REPORT\nMessage-ID: <f@x>\nIn-Reply-To: <c@x>\n\n"
	    "third of the thread\n", NULL },
};

static inline void
deliver_all(const char *account)
{
	struct store_txn	*txn;
	size_t			 i;

	lab_open(account);
	for (i = 0; i < nitems(mails); i++)
		strlcpy(ids[i], lab_deliver(mails[i].raw,
		    LAB_T0 + (int64_t)i * 60000, mails[i].keyword),
		    sizeof(ids[i]));
	assert_int_equal(store_begin(lab.user.store, 0, &txn), STORE_OK);
	store_id_mailbox(store_mailbox_role(txn, STORE_ROLE_TRASH), trash);
	store_abort(txn);
}

/* The arguments with %I, %T and %x replaced. */
static inline const char *
fill(const char *s)
{
	static char	 out[1024];
	size_t		 n = 0;

	for (; *s != '\0' && n + STORE_IDLEN < sizeof(out); s++) {
		if (*s != '%') {
			out[n++] = *s;
			continue;
		}
		s++;
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s",
		    *s == 'I' ? lab.inbox_id : *s == 'T' ? trash :
		    ids[*s - 'a']);
	}
	out[n] = '\0';
	return out;
}

#endif
