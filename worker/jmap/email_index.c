/* SPDX-License-Identifier: ISC */
/*
 * What of a message goes into the search index: subject, people, the text
 * of its bodies, names and text of what is attached, and for the "header"
 * condition the names of its fields and the words of some.  Called by
 * email_row.c at delivery and by the store when the index is made again.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"

#define INDEX_TEXTS	9
#define INDEX_NAMES	(16 * 1024)	/* bytes of names of fields */

/* Fields whose words are kept: those that programs look mail up by. */
static const char *const worded[] = {
	"message-id", "in-reply-to", "references", "list-id", "list-post",
	"reply-to", "sender", "delivered-to", "resent-message-id",
	"x-original-to"
};

struct index {
	struct arena		*arena;
	const struct mime_msg	*msg;
	struct store_text	 text[INDEX_TEXTS];
	size_t			 n;
};

static int	 index_add(struct index *, unsigned, struct buf *);
static int	 index_addrs(struct index *, unsigned,
		    const struct mime_addrs *);
static int	 index_bodies(struct index *);
static int	 index_fields(struct index *);
static struct slice index_language(const struct mime_msg *);

/* One more text, out of a buffer that is freed. */
static int
index_add(struct index *x, unsigned in, struct buf *b)
{
	const char	*copy = NULL;
	int		 none = b->len == 0;

	if (!none && (copy = arena_dup(x->arena, b->data, b->len)) != NULL)
		x->text[x->n++] = (struct store_text){ in,
		    SLICE(copy, b->len) };
	buf_free(b);
	return none || copy != NULL ? 0 : -1;
}

static int
index_addrs(struct index *x, unsigned in, const struct mime_addrs *l)
{
	struct buf	 b;

	if (l->addr == NULL || l->n == 0)
		return 0;
	buf_init(&b, EMAIL_ROW_TEXT);	/* what is beyond is not found */
	email_text_addrs(&b, l);
	return index_add(x, in, &b);
}

static int
index_bodies(struct index *x)
{
	struct buf	 body, attached;
	int		 r;

	buf_init(&body, EMAIL_ROW_TEXT);
	buf_init(&attached, EMAIL_ROW_TEXT);
	mime_text_split(x->msg, &body, &attached);
	r = index_add(x, STORE_IN_BODY, &body);
	return index_add(x, STORE_IN_ATTACHMENT, &attached) == -1 ? -1 : r;
}

unsigned
email_index_worded(const char *name)
{
	size_t	 i;

	for (i = 0; i < nitems(worded); i++)
		if (utf8_caseis(name, strlen(name), worded[i]))
			return 1;
	return 0;
}

/* Names of the fields of the message, and the words of some. */
static int
index_fields(struct index *x)
{
	const struct mime_part	*root = &x->msg->parts[0];
	const struct mime_hdr	*h = &x->msg->hdrs[root->hdr];
	const char		*raw = (const char *)x->msg->raw, *s;
	struct buf		 names, words;
	char			 name[64];
	uint32_t		 i;
	int			 r;

	buf_init(&names, INDEX_NAMES);
	buf_init(&words, EMAIL_ROW_TEXT);
	for (i = 0; i < root->nhdr; i++, h++) {
		if (h->namelen == 0 || h->namelen >= sizeof(name))
			continue;
		memcpy(name, raw + h->name, h->namelen);
		name[h->namelen] = '\0';
		buf_adds(&names, name);
		buf_addc(&names, '\n');
		if (!email_index_worded(name))
			continue;
		s = mime_hdr_text(x->arena, x->msg->raw + h->val, h->vallen);
		if (s != NULL)
			buf_adds(&words, s);
		buf_addc(&words, '\n');
	}
	r = index_add(x, STORE_IN_NAMES, &names);
	return index_add(x, STORE_IN_HEADER, &words) == -1 ? -1 : r;
}

/* Content-Language of the message, or of its first part that has one. */
static struct slice
index_language(const struct mime_msg *m)
{
	uint32_t	 i;

	for (i = 0; i < m->npart && i < 8; i++)
		if (m->parts[i].nlanguage > 0)
			return SLICE_STR(m->parts[i].language[0]);
	return SLICE(NULL, 0);
}

int
email_index_texts(struct arena *a, const struct mime_msg *msg,
    const struct mime_row *row, struct store_newmail *m)
{
	struct index		 x;
	struct store_text	*t;

	memset(&x, 0, sizeof(x));
	x.arena = a;
	x.msg = msg;
	/* the header first: what is too much of a mail is its body */
	if (index_fields(&x) == -1)
		return -1;
	if (row->subject != NULL)
		x.text[x.n++] = (struct store_text){ STORE_IN_SUBJECT,
		    SLICE_STR(row->subject) };
	if (index_addrs(&x, STORE_IN_FROM, &row->from) == -1 ||
	    index_addrs(&x, STORE_IN_TO, &row->to) == -1 ||
	    index_addrs(&x, STORE_IN_CC, &row->cc) == -1 ||
	    index_addrs(&x, STORE_IN_BCC, &row->bcc) == -1 ||
	    index_bodies(&x) == -1 ||
	    (t = arena_array(a, x.n + 1, sizeof(*t))) == NULL)
		return -1;
	if (x.n > 0)
		memcpy(t, x.text, x.n * sizeof(*t));
	m->text = t;
	m->ntext = x.n;
	m->language = index_language(msg);
	return 0;
}

int
email_index(const void *raw, size_t len, store_texts_fn *fn, void *arg)
{
	struct store_newmail	 m;
	struct mime_row		 row;
	struct mime_msg		*msg;
	struct arena		 a;
	int			 ret = -1;

	memset(&m, 0, sizeof(m));
	arena_init(&a, EMAIL_ROW_ARENA);
	if ((msg = mime_parse(&a, raw, len)) != NULL &&
	    mime_row_heads(&a, msg, &row) == 0 &&
	    email_index_texts(&a, msg, &row, &m) == 0)
		ret = fn(arg, m.text, m.ntext, m.language);
	arena_free(&a);
	return ret;
}
