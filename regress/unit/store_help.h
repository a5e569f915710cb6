/* SPDX-License-Identifier: ISC */
/*
 * What the store's tests share: a scratch folder, an account in it, and mail
 * made of a few words.  Included by t_store_*.c and b_store.c only.
 */
#ifndef STORE_HELP_H
#define STORE_HELP_H

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "worker/store/store.h"

static char	help_dir[64];

static inline void
help_rmtree(void)
{
	char	 cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", help_dir);
	if (*help_dir != '\0' && system(cmd) != 0)
		abort();
	*help_dir = '\0';
}

/* A fresh folder and a store in it. */
static inline void
help_start(enum kv_sync sync, int nolock)
{
	struct store_conf	 c;

	snprintf(help_dir, sizeof(help_dir), "/tmp/store-test.XXXXXX");
	if (mkdtemp(help_dir) == NULL)
		abort();
	store_conf_init(&c);
	strlcpy(c.dir, help_dir, sizeof(c.dir));
	c.sync = sync;
	c.nolock = nolock;
	store_init(&c);
}

static inline void
help_stop(void)
{
	store_shutdown();
	help_rmtree();
}

static inline struct store *
help_open(const char *account)
{
	struct store	*st;
	enum store_err	 e;

	if ((e = store_open(account, STORE_CREATE, &st)) != STORE_OK) {
		fprintf(stderr, "open: %s\n", store_strerror(e));
		abort();
	}
	return st;
}

static inline struct store_txn *
help_begin(struct store *st, int write)
{
	struct store_txn	*txn;
	enum store_err		 e;

	if ((e = store_begin(st, write, &txn)) != STORE_OK) {
		fprintf(stderr, "begin: %s\n", store_strerror(e));
		abort();
	}
	return txn;
}

static inline void
help_commit(struct store_txn *txn)
{
	enum store_err	 e;

	if ((e = store_commit(txn)) != STORE_OK) {
		fprintf(stderr, "commit: %s\n", store_strerror(e));
		abort();
	}
}

/* A mail in words: refs are message ids with spaces between, first its own. */
struct help_mail {
	const char	*subject, *refs, *body, *kw;	/* kw: spaces, too */
	uint32_t	 box[4];
	int64_t		 received;
};

static inline size_t
help_words(const char *s, struct slice *v, size_t max)
{
	size_t	 n = 0, len;

	for (; s != NULL && *s != '\0' && n < max; s += len) {
		if ((len = strcspn(s, " ")) > 0)
			v[n++] = SLICE(s, len);
		len += s[len] == ' ';
	}
	return n;
}

static inline enum store_err
help_add(struct store_txn *txn, const struct help_mail *m, uint64_t *id,
    uint64_t *tid)
{
	struct store_newmail	 nm;
	struct store_text	 text[2];
	struct slice		 kw[32], refs[64];
	char			 raw[4096];
	enum store_err		 e;

	memset(&nm, 0, sizeof(nm));
	snprintf(raw, sizeof(raw), "Message-ID: <%s>\r\nSubject: %s\r\n\r\n%s"
	    "\r\n", m->refs == NULL ? "" : m->refs, m->subject, m->body);
	if ((e = store_blob_put(txn, raw, strlen(raw), nm.blob)) != STORE_OK)
		return e;
	nm.received = m->received;
	nm.sent = DATE_NONE;
	nm.size = (uint32_t)strlen(raw);
	nm.mailbox = m->box;
	while (nm.nmailbox < 4 && m->box[nm.nmailbox] != 0)
		nm.nmailbox++;
	nm.keyword = kw;
	nm.nkeyword = help_words(m->kw, kw, nitems(kw));
	nm.msgid = refs;
	nm.nmsgid = help_words(m->refs, refs, nitems(refs));
	nm.subject = SLICE_STR(m->subject);
	nm.frag[STORE_F_SUBJECT] = SLICE_STR(m->subject);
	nm.frag[STORE_F_SORTSUBJECT] = SLICE_STR(m->subject);
	nm.frag[STORE_F_PREVIEW] = SLICE_STR(m->body);
	nm.structure = SLICE("\1structure", 10);
	text[0].in = STORE_IN_SUBJECT;
	text[0].text = nm.subject;
	text[1].in = STORE_IN_BODY;
	text[1].text = SLICE_STR(m->body);
	nm.text = text;
	nm.ntext = 2;
	return store_mail_add(txn, &nm, id, tid);
}

static inline void
help_say(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "check: %s\n", line);
}

#endif
