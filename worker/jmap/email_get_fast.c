/* SPDX-License-Identifier: ISC */
/*
 * The properties of Email/get that are copied: from the list row as the JSON
 * text it was kept as, or from the mail's state.  Called by email_get.c, for
 * each mail of a list view: one reservation of the output, then memcpy.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/email_get.h"

#define GET_KEYWORD	(STORE_KW_MAXLEN + 8)

static size_t	get_room(const struct getmail *);
static uint8_t *get_bytes(uint8_t *, const void *, size_t);
static uint8_t *get_meta(struct getmail *, enum getkind, uint8_t *);
static uint8_t *get_quoted(uint8_t *, const char *, size_t);
static uint8_t *get_boxes(const struct getmail *, uint8_t *);
static uint8_t *get_keywords(struct getmail *, uint8_t *);
static struct slice get_keyword(struct getmail *, unsigned);

int
email_get_fast(struct getmail *m, struct buf *b)
{
	const struct getprop	*k;
	const struct slice	*f;
	uint8_t			*p, *start;
	size_t			 i, skip;

	if ((start = p = buf_reserve(b, get_room(m))) == NULL)
		return -1;
	for (i = 0; i < m->eg->nfast; i++) {
		k = m->eg->fast[i];
		skip = i == 0;		/* the comma */
		memcpy(p, k->key + skip, k->len - skip);
		p += k->len - skip;
		if (k->kind != GET_FRAG) {
			p = get_meta(m, k->kind, p);
			continue;
		}
		f = &m->row.frag[k->frag];
		if (f->n == 1 && k->field != NULL) {
			/* longer than a row may be */
			buf_commit(b, (size_t)(p - start));
			if (email_get_big(m, k, b) == -1 ||
			    (p = start = buf_reserve(b, get_room(m))) == NULL)
				return -1;
		} else
			p = f->n > 0 ? get_bytes(p, f->p, f->n) :
			    get_bytes(p, "null", 4);
	}
	buf_commit(b, (size_t)(p - start));
	return 0;
}

/* Bytes that the copied part of a mail takes at most. */
static size_t
get_room(const struct getmail *m)
{
	const struct email_get	*eg = m->eg;
	size_t			 i, n = eg->keylen + 4 * STORE_IDLEN;

	for (i = 0; i < eg->nfast; i++)
		switch (eg->fast[i]->kind) {
		case GET_FRAG:
			n += m->row.frag[eg->fast[i]->frag].n + 4;
			break;
		case GET_KEYWORDS:
			n += m->mail == NULL ? 4 :
			    2 + GET_KEYWORD * (m->mail->nmore +
			    (size_t)__builtin_popcountll(m->mail->kw));
			break;
		case GET_MAILBOXES:
			n += m->mail == NULL ? 4 :
			    2 + m->mail->nmailbox * (STORE_IDLEN + 8);
			break;
		default:
			break;
		}
	return n;
}

static uint8_t *
get_bytes(uint8_t *p, const void *s, size_t n)
{
	memcpy(p, s, n);
	return p + n;
}

/* RFC 8621 4.1.1; all null in Email/parse. */
static uint8_t *
get_meta(struct getmail *m, enum getkind kind, uint8_t *p)
{
	char	 id[STORE_IDLEN];

	if (m->mail == NULL)
		return get_bytes(p, "null", 4);
	switch (kind) {
	case GET_BLOB:
		return email_set_quote(m->c, m->mail->id, m->row.blob, p);
	case GET_ID:
		return get_quoted(p, id, store_id_mail(m->mail->id, id));
	case GET_THREAD:
		return get_quoted(p, id, store_id_thread(m->mail->tid, id));
	case GET_MAILBOXES:
		return get_boxes(m, p);
	default:
		return get_keywords(m, p);
	}
}

static uint8_t *
get_quoted(uint8_t *p, const char *s, size_t n)
{
	*p++ = '"';
	p = get_bytes(p, s, n);
	*p++ = '"';
	return p;
}

static uint8_t *
get_boxes(const struct getmail *m, uint8_t *p)
{
	char	 id[STORE_IDLEN];
	size_t	 i;

	*p++ = '{';
	for (i = 0; i < m->mail->nmailbox; i++) {
		if (i > 0)
			*p++ = ',';
		p = get_quoted(p, id, store_id_mailbox(
		    store_mail_mailbox(m->mail, i), id));
		p = get_bytes(p, ":true", 5);
	}
	*p++ = '}';
	return p;
}

static uint8_t *
get_keywords(struct getmail *m, uint8_t *p)
{
	struct slice	 s;
	uint64_t	 left;
	size_t		 i;
	int		 first = 1;

	*p++ = '{';
	for (left = m->mail->kw; left != 0; left &= left - 1) {
		s = get_keyword(m, (unsigned)__builtin_ctzll(left));
		if (s.n == 0)
			continue;
		if (!first)
			*p++ = ',';
		first = 0;
		p = get_bytes(p, s.p, s.n);
	}
	for (i = 0; i < m->mail->nmore; i++) {
		s = store_keyword_name(m->c->txn,
		    store_mail_more(m->mail, i));
		if (s.n == 0 || s.n > STORE_KW_MAXLEN)
			continue;
		if (!first)
			*p++ = ',';
		first = 0;
		/* RFC 8621 4.1.1: no character of a keyword needs escaping */
		p = get_quoted(p, s.p, s.n);
		p = get_bytes(p, ":true", 5);
	}
	*p++ = '}';
	return p;
}

/* `"$seen":true`, looked up once a call. */
static struct slice
get_keyword(struct getmail *m, unsigned slot)
{
	struct slice	*k = &m->eg->kw[slot], name;
	char		*text;

	if (k->n > 0)
		return *k;
	name = store_keyword_name(m->c->txn, slot);
	if (name.n == 0 || name.n > STORE_KW_MAXLEN)
		return SLICE(NULL, 0);
	text = arena_printf(&m->c->req->arena, "\"%.*s\":true", (int)name.n,
	    (const char *)name.p);
	if (text == NULL)
		return SLICE(NULL, 0);
	return *k = SLICE_STR(text);
}
