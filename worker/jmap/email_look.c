/* SPDX-License-Identifier: ISC */
/*
 * Conditions of a filter that only the message itself can decide: phrases
 * and header fields.  Called by email_match.c, last of all.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/email_smime.h"

static int	look_in(const char **, size_t, const char *);
static int	look_texts(struct arena *, const struct mime_msg *,
		    unsigned, const char **, size_t *);
static int	look_addrs(struct arena *, const struct mime_addrs *,
		    const char **, size_t *);
static int	look_body(struct arena *, const struct mime_msg *, unsigned,
		    const char **, size_t *);
static int	look_fold(struct arena *, struct buf *, const char **,
		    size_t *);
static int	look_open(struct email_match *, struct store_txn *,
		    const struct store_mail *, const struct store_row *,
		    struct email_src *, struct email_struct *);
static int	look_row(struct email_match *, struct store_txn *,
		    const struct store_mail *, struct store_row *);
static int	look_failed(struct email_match *, const struct email_src *);
static int	look_needles(const struct email_node *, const char *);
static int	look_absent(const struct email_node *,
		    const struct store_row *);
static int	look_lacks(const struct slice *, const char *);

/* Are all phrases in it, each in one of the fields? */
int
email_look_phrases(struct email_match *m, const struct email_node *n,
    struct store_txn *txn, const struct store_mail *mail)
{
	struct email_src	 src;
	struct mime_msg		*msg;
	struct store_row	 row;
	const char		*text[8];
	const uint8_t		*raw;
	size_t			 i, ntext = 0;
	int			 heads = 0, ret = 0;

	if (look_row(m, txn, mail, &row) == -1)
		return -1;
	email_src_init(&src, txn, &m->scratch, row.blob, mail->size);
	if ((raw = email_src_bytes(&src, 0, mail->size)) == NULL ||
	    (msg = mime_parse(&m->scratch, raw, mail->size)) == NULL ||
	    look_body(&m->scratch, msg, n->in, text, &ntext) == -1)
		goto done;
	/* the header only when a phrase is not in the body */
	for (i = 0; i < n->text.nphrase;) {
		if (look_in(text, ntext, n->text.phrase[i]))
			i++;
		else if (heads++ > 0 || look_texts(&m->scratch, msg, n->in,
		    text, &ntext) == -1)
			goto done;
	}
	ret = 1;
done:
	arena_free(&m->scratch);
	return look_failed(m, &src) ? -1 : ret;
}

static int
look_in(const char **text, size_t n, const char *phrase)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (email_text_has(text[i], phrase))
			return 1;
	return 0;
}

/* The folded texts of the header's fields in the mask. */
static int
look_texts(struct arena *a, const struct mime_msg *msg, unsigned in,
    const char **text, size_t *n)
{
	struct mime_row	 row;
	const char	*s;

	if (mime_row_heads(a, msg, &row) == -1)
		return -1;
	if ((in & STORE_IN_SUBJECT) && row.subject != NULL) {
		if ((s = email_text_fold(a, row.subject,
		    strlen(row.subject))) == NULL)
			return -1;
		text[(*n)++] = s;
	}
	if (((in & STORE_IN_FROM) &&
	    look_addrs(a, &row.from, text, n) == -1) ||
	    ((in & STORE_IN_TO) &&
	    look_addrs(a, &row.to, text, n) == -1) ||
	    ((in & STORE_IN_CC) &&
	    look_addrs(a, &row.cc, text, n) == -1) ||
	    ((in & STORE_IN_BCC) &&
	    look_addrs(a, &row.bcc, text, n) == -1))
		return -1;
	return 0;
}

static int
look_addrs(struct arena *a, const struct mime_addrs *l,
    const char **text, size_t *n)
{
	struct buf	 b;

	buf_init(&b, MIME_ARENA);
	email_text_addrs(&b, l);
	return look_fold(a, &b, text, n);
}

/* No phrase goes from the one into the other. */
static int
look_body(struct arena *a, const struct mime_msg *msg, unsigned in,
    const char **text, size_t *n)
{
	struct buf	 body, attached;
	int		 r;

	if (!(in & (STORE_IN_BODY | STORE_IN_ATTACHMENT)))
		return 0;
	buf_init(&body, EMAIL_ROW_TEXT);
	buf_init(&attached, EMAIL_ROW_TEXT);
	mime_text_split(msg, &body, &attached);
	if (!(in & STORE_IN_BODY))
		buf_reset(&body);
	if (!(in & STORE_IN_ATTACHMENT))
		buf_reset(&attached);
	r = look_fold(a, &body, text, n);
	return look_fold(a, &attached, text, n) == -1 ? -1 : r;
}

/* The buffer's text folded, one more of the texts; frees the buffer. */
static int
look_fold(struct arena *a, struct buf *b, const char **text, size_t *n)
{
	int	 ret = 0;

	if (b->len > 0 && (text[(*n)++] = email_text_fold(a,
	    (char *)b->data, b->len)) == NULL)
		ret = -1;
	buf_free(b);
	return ret;
}

/* Its structure, as kept or from its bytes: 1; 0 that failed; -1. */
static int
look_open(struct email_match *m, struct store_txn *txn,
    const struct store_mail *mail, const struct store_row *row,
    struct email_src *src, struct email_struct *st)
{
	struct arena	*a = &m->scratch;
	struct slice	 rec;
	const uint8_t	*raw;

	email_src_init(src, txn, a, row->blob, mail->size);
	if (jmap_api_store(m->c, store_mail_structure(txn, mail,
	    &rec)) != 1)
		return -1;
	if (email_struct_get(a, rec, st) == 1)
		return 1;
	return (raw = email_src_bytes(src, 0, mail->size)) != NULL &&
	    email_struct_make(a, raw, mail->size, st) == 0;
}

/* RFC 9219 4.2: is its signature as the condition says? */
int
email_look_smime(struct email_match *m, const struct email_node *n,
    struct store_txn *txn, const struct store_mail *mail)
{
	struct email_src	 src;
	struct email_struct	 st;
	struct email_smime	 s;
	struct store_row	 row;
	int			 ret, is = 0;

	if (look_row(m, txn, mail, &row) == -1)
		return -1;
	if ((ret = look_open(m, txn, mail, &row, &src, &st)) == 1) {
		if (n->code == EMAIL_Q_SMIME)
			is = email_smime_is(&st.msg);
		else if (email_smime_src(&src, &st, mail->received,
		    &s) == 0)
			is = email_smime_good(n->code == EMAIL_Q_SMIMEGOOD ?
			    s.status : s.delivered);
	}
	arena_free(&m->scratch);
	return ret == -1 || look_failed(m, &src) ? -1 : is == (int)n->num;
}

/* Has it that header field, with that text in it? */
int
email_look_field(struct email_match *m, const struct email_node *n,
    struct store_txn *txn, const struct store_mail *mail)
{
	struct arena		*a = &m->scratch;
	struct email_src	 src;
	struct email_struct	 st;
	const struct mime_msg	*head;
	const struct mime_hdr	*h = NULL;
	struct store_row	 row;
	const char		*text;
	int			 ret = 0;

	if (look_row(m, txn, mail, &row) == -1)
		return -1;
	if (look_absent(n, &row))
		return 0;
	if ((ret = look_open(m, txn, mail, &row, &src, &st)) != 1)
		goto done;
	ret = 0;
	if ((head = email_src_head(&src, &st)) == NULL)
		goto done;
	while (ret == 0 && (h = mime_hdr_next(head, 0, n->name,
	    strlen(n->name), h)) != NULL) {
		text = mime_hdr_text(a, head->raw + h->val, h->vallen);
		if (text == NULL || (text = email_text_fold(a, text,
		    strlen(text))) == NULL)
			break;
		ret = look_needles(n, text);
	}
done:
	arena_free(a);
	return ret == -1 || look_failed(m, &src) ? -1 : ret;
}

static int
look_needles(const struct email_node *n, const char *text)
{
	size_t	 i;

	for (i = 0; i < n->nneedle; i++)
		if (strstr(text, n->needle[i]) == NULL)
			return 0;
	return 1;
}

static int
look_row(struct email_match *m, struct store_txn *txn,
    const struct store_mail *mail, struct store_row *row)
{
	/* one of 50 MB takes a tenth of a second: ask each time */
	if (jmap_api_spent(m->c->req)) {
		m->spent = 1;
		return -1;
	}
	return jmap_api_store(m->c, store_mail_row(txn, mail, row)) == 1 ?
	    0 : -1;
}

/* A mail that is too large to look at does not match; a store that fails
 * ends the query. */
static int
look_failed(struct email_match *m, const struct email_src *src)
{
	if (src->err == STORE_OK)
		return 0;
	jmap_api_store(m->c, src->err == STORE_NOTFOUND ? STORE_CORRUPT :
	    src->err);
	return 1;
}

/*
 * Does the list row say already that a text is not in the field?  For the
 * ids of messages, which clients look up like this.
 */
static int
look_absent(const struct email_node *n, const struct store_row *row)
{
	static const struct {
		const char	*name;
		enum store_frag	 frag;
	} kept[] = {
		{ "message-id", STORE_F_MESSAGEID },
		{ "in-reply-to", STORE_F_INREPLYTO },
		{ "references", STORE_F_REFERENCES },
	};
	const struct slice	*f;
	size_t			 i, j;

	for (i = 0; i < nitems(kept); i++)
		if (utf8_caseis(n->name, strlen(n->name), kept[i].name))
			break;
	if (i == nitems(kept))
		return 0;
	f = &row->frag[kept[i].frag];
	if (f->n <= strlen(EMAIL_ROW_BIG))	/* null, or too long */
		return 0;
	for (j = 0; j < n->nneedle; j++)
		if (look_lacks(f, n->needle[j]))
			return 1;
	return 0;
}

static int
look_lacks(const struct slice *f, const char *p)
{
	size_t	 i, len = strlen(p);

	if (len > 0 && *p == '<') {
		p++;
		len--;
	}
	if (len > 0 && p[len - 1] == '>')
		len--;
	/* only where the row has the text as the field has */
	for (i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] > '~' || strchr("<>()\"\\,",
		    p[i]) != NULL)
			return 0;
	for (i = 0; i + len <= f->n; i++)
		if (utf8_casecmp((const char *)f->p + i, len, p, len) == 0)
			return 0;
	return 1;
}
