/* SPDX-License-Identifier: ISC */
/*
 * Header fields: finding them, and the forms of RFC 8621 4.1.2 that are not
 * addresses.  Called by JMAP for header:* properties, by mime_row.c for the
 * usual ones and by mime_parse.c.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define F(form)		(1u << (form))
#define F_TEXT		F(MIME_TEXT)
#define F_ADDR		(F(MIME_ADDRESSES) | F(MIME_GROUPS))
#define F_IDS		F(MIME_MESSAGEIDS)
#define F_DATE		F(MIME_DATE)
#define F_URLS		F(MIME_URLS)

static size_t	 comment(const uint8_t *, size_t);
static size_t	 capped(size_t);
static int	 list_add(struct arena *, struct mime_list *, struct buf *);
static int	 bare_ids(struct arena *, const uint8_t *, size_t,
		    struct mime_list *);
static int	 angle_items(struct arena *, const uint8_t *, size_t,
		    struct mime_list *);
static size_t	 count(const uint8_t *, size_t, int);

/*
 * The fields of RFC 5322 and RFC 2369, and which forms RFC 8621 4.1.2 lets
 * them be had in; Raw always.  A field that is not here has every form.
 */
static const struct known {
	const char	*name;
	uint8_t		 len;
	enum mime_id	 id;
	unsigned	 forms;
} known[] = {
#define K(name, id, forms)	{ name, sizeof(name) - 1, id, forms }
	K("to", MIME_H_TO, F_ADDR),
	K("cc", MIME_H_CC, F_ADDR),
	K("bcc", MIME_H_BCC, F_ADDR),
	K("from", MIME_H_FROM, F_ADDR),
	K("date", MIME_H_DATE, F_DATE),
	K("sender", MIME_H_SENDER, F_ADDR),
	K("subject", MIME_H_SUBJECT, F_TEXT),
	K("reply-to", MIME_H_REPLY_TO, F_ADDR),
	K("message-id", MIME_H_MESSAGE_ID, F_IDS),
	K("references", MIME_H_REFERENCES, F_IDS),
	K("in-reply-to", MIME_H_IN_REPLY_TO, F_IDS),
	K("list-id", MIME_H_LIST_ID, ~0u),
	K("content-type", MIME_H_CONTENT_TYPE, ~0u),
	K("content-id", MIME_H_CONTENT_ID, ~0u),
	K("content-transfer-encoding", MIME_H_CONTENT_CTE, ~0u),
	K("content-disposition", MIME_H_CONTENT_DISPOSITION, ~0u),
	K("content-language", MIME_H_CONTENT_LANGUAGE, ~0u),
	K("content-location", MIME_H_CONTENT_LOCATION, ~0u),
	K("comments", MIME_H_OTHER, F_TEXT),
	K("keywords", MIME_H_OTHER, F_TEXT),
	K("received", MIME_H_OTHER, 0),
	K("return-path", MIME_H_OTHER, 0),
	K("resent-to", MIME_H_OTHER, F_ADDR),
	K("resent-cc", MIME_H_OTHER, F_ADDR),
	K("resent-bcc", MIME_H_OTHER, F_ADDR),
	K("resent-from", MIME_H_OTHER, F_ADDR),
	K("resent-sender", MIME_H_OTHER, F_ADDR),
	K("resent-reply-to", MIME_H_OTHER, F_ADDR),
	K("resent-date", MIME_H_OTHER, F_DATE),
	K("resent-message-id", MIME_H_OTHER, F_IDS),
	K("list-help", MIME_H_OTHER, F_URLS),
	K("list-post", MIME_H_OTHER, F_URLS),
	K("list-owner", MIME_H_OTHER, F_URLS),
	K("list-archive", MIME_H_OTHER, F_URLS),
	K("list-subscribe", MIME_H_OTHER, F_URLS),
	K("list-unsubscribe", MIME_H_OTHER, F_URLS),
#undef K
};

static const char *const forms[MIME_FORM_MAX] = {
	[MIME_RAW]		= "asRaw",
	[MIME_TEXT]		= "asText",
	[MIME_ADDRESSES]	= "asAddresses",
	[MIME_GROUPS]		= "asGroupedAddresses",
	[MIME_MESSAGEIDS]	= "asMessageIds",
	[MIME_DATE]		= "asDate",
	[MIME_URLS]		= "asURLs",
};

static const struct known *
lookup(const uint8_t *s, size_t n)
{
	const struct known	*k;
	int			 c;

	if (n == 0)
		return NULL;
	c = utf8_lower(s[0]);
	for (k = known; k < known + nitems(known); k++)
		if (k->len == n && k->name[0] == c &&
		    utf8_casecmp(s, n, k->name, n) == 0)
			return k;
	return NULL;
}

enum mime_id
mime_hdr_id(const uint8_t *s, size_t n)
{
	const struct known	*k = lookup(s, n);

	return k == NULL ? MIME_H_OTHER : k->id;
}

enum mime_form
mime_hdr_form(const char *s, size_t n)
{
	int	 f;

	for (f = 0; f < MIME_FORM_MAX; f++)
		if (strlen(forms[f]) == n && memcmp(forms[f], s, n) == 0)
			break;
	return f;
}

int
mime_hdr_allows(const char *name, size_t n, enum mime_form form)
{
	const struct known	*k;

	if (form == MIME_RAW)
		return 1;
	k = lookup((const uint8_t *)name, n);
	return k == NULL || (k->forms & F(form)) != 0;
}

const struct mime_hdr *
mime_hdr_get(const struct mime_msg *m, uint32_t part, enum mime_id id)
{
	const struct mime_hdr	*h, *first;

	/* while its header is still being read, a part has what is there */
	first = m->hdrs + m->parts[part].hdr;
	for (h = first + m->parts[part].nhdr; h > first; )
		if ((--h)->id == id)
			return h;
	return NULL;
}

const struct mime_hdr *
mime_hdr_last(const struct mime_msg *m, uint32_t part, const char *name,
    size_t n)
{
	const struct mime_hdr	*h, *first;

	first = m->hdrs + m->parts[part].hdr;
	for (h = first + m->parts[part].nhdr; h > first; ) {
		h--;
		if (h->namelen == n &&
		    utf8_casecmp(m->raw + h->name, n, name, n) == 0)
			return h;
	}
	return NULL;
}

const struct mime_hdr *
mime_hdr_next(const struct mime_msg *m, uint32_t part, const char *name,
    size_t n, const struct mime_hdr *prev)
{
	const struct mime_hdr	*h = m->hdrs + m->parts[part].hdr, *end;

	end = h + m->parts[part].nhdr;
	for (h = prev == NULL ? h : prev + 1; h < end; h++)
		if (h->namelen == n &&
		    utf8_casecmp(m->raw + h->name, n, name, n) == 0)
			return h;
	return NULL;
}

static size_t
capped(size_t n)
{
	return n < MIME_VALUE ? n : MIME_VALUE;
}

/* A comment at the front, nested ones with it; 0 if it does not end. */
static size_t
comment(const uint8_t *s, size_t n)
{
	size_t	 i, depth = 0;

	for (i = 0; i < n; i++) {
		if (s[i] == '\\')
			i++;
		else if (s[i] == '(')
			depth++;
		else if (s[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

size_t
mime_hdr_cfws(const uint8_t *s, size_t n)
{
	size_t	 i = 0, k;

	while (i < n) {
		if (mime_int_fws(s[i]))
			i++;
		else if (s[i] == '(') {
			/* one without an end takes all: else it would be
			 * searched for again and again */
			k = comment(s + i, n - i);
			i += k > 0 ? k : n - i;
		} else
			break;
	}
	return i;
}

const char *
mime_hdr_raw(struct arena *a, const uint8_t *s, size_t n)
{
	struct buf	 b;
	const char	*out;
	uint32_t	 cp;
	size_t		 k;

	n = capped(n);
	if (utf8_valid(s, n) && (n == 0 || memchr(s, '\0', n) == NULL))
		return arena_dup(a, s, n);
	buf_init(&b, MIME_SCRATCH);
	/* RFC 8621 4.1.2.1: NUL dropped, what is not UTF-8 U+FFFD */
	while (n > 0) {
		if ((k = utf8_get(s, n, &cp)) == 0)
			buf_add(&b, "\xef\xbf\xbd", 3);
		else if (cp != 0)
			buf_add(&b, s, k);
		k = k == 0 ? 1 : k;
		s += k;
		n -= k;
	}
	out = arena_dup(a, b.data, b.len);
	buf_free(&b);
	return out;
}

const char *
mime_hdr_text(struct arena *a, const uint8_t *s, size_t n)
{
	struct buf	 b;
	const char	*out;

	n = capped(n);
	while (n > 0 && mime_int_fws(*s))
		s++, n--;
	buf_init(&b, MIME_SCRATCH);
	mime_word_text(s, n, &b);
	out = mime_word_nfc(a, &b);
	buf_free(&b);
	return out;
}

int64_t
mime_hdr_date(const uint8_t *s, size_t n, int *off)
{
	return date_5322((const char *)s, n, off);
}

/* Room for the items that n bytes can hold at most: one a '<', or a word. */
static size_t
count(const uint8_t *s, size_t n, int c)
{
	size_t	 i, k = 0;

	for (i = 0; i < n && k < MIME_ITEMS; i++)
		k += s[i] == c;
	return k;
}

static int
list_add(struct arena *a, struct mime_list *l, struct buf *b)
{
	if (b->len != 0 && (l->v[l->n++] = mime_hdr_raw(a, b->data,
	    b->len)) == NULL)
		return -1;
	buf_reset(b);
	return 0;
}

/* What stands in "<>", without the white space in it. */
static int
angle_items(struct arena *a, const uint8_t *s, size_t n, struct mime_list *l)
{
	struct buf	 b;
	size_t		 i = 0, max = count(s, n, '<'), k;
	int		 ret = -1, open = 0, comments = 1;

	buf_init(&b, MIME_SCRATCH);
	if ((l->v = arena_array(a, max + 1, sizeof(char *))) == NULL)
		goto done;
	while (i < n && l->n < max) {
		if (!open && comments && s[i] == '(') {
			k = comment(s + i, n - i);
			comments = k > 0;	/* none ends after this */
			i += k > 0 ? k : 1;
			continue;
		}
		if (s[i] == '<') {
			open = 1;
			buf_reset(&b);
		} else if (s[i] == '>' && open) {
			open = 0;
			if (list_add(a, l, &b) == -1)
				goto done;
		} else if (open && !mime_int_fws(s[i]))
			buf_addc(&b, s[i]);
		i++;
	}
	ret = 0;
done:
	buf_free(&b);
	return ret;
}

/* Ids whose sender forgot the "<>": words with an "@". */
static int
bare_ids(struct arena *a, const uint8_t *s, size_t n, struct mime_list *l)
{
	struct buf	 b;
	size_t		 i = 0, from, max = count(s, n, '@');
	int		 ret = -1;

	buf_init(&b, MIME_SCRATCH);
	if ((l->v = arena_array(a, max + 1, sizeof(char *))) == NULL)
		goto done;
	while (i < n && l->n < max) {
		if (mime_int_fws(s[i]) || s[i] == ',' || s[i] == '<' ||
		    s[i] == '>') {
			i++;
			continue;
		}
		for (from = i; i < n && !mime_int_fws(s[i]) && s[i] != ',' &&
		    s[i] != '<' && s[i] != '>'; i++)
			continue;
		if (memchr(s + from, '@', i - from) == NULL)
			continue;
		buf_add(&b, s + from, i - from);
		if (list_add(a, l, &b) == -1)
			goto done;
	}
	ret = 0;
done:
	buf_free(&b);
	return ret;
}

int
mime_hdr_msgids(struct arena *a, const uint8_t *s, size_t n,
    struct mime_list *l)
{
	n = capped(n);
	memset(l, 0, sizeof(*l));
	if (angle_items(a, s, n, l) == -1 ||
	    (l->n == 0 && bare_ids(a, s, n, l) == -1))
		return -1;
	if (l->n == 0)
		l->v = NULL;
	return 0;
}

int
mime_hdr_urls(struct arena *a, const uint8_t *s, size_t n,
    struct mime_list *l)
{
	memset(l, 0, sizeof(*l));
	if (angle_items(a, s, capped(n), l) == -1)
		return -1;
	if (l->n == 0)
		l->v = NULL;
	return 0;
}
