/* SPDX-License-Identifier: ISC */
/*
 * Header fields of a blob's download: see blob_head.h.  What is in doubt is
 * an attachment of type application/octet-stream, which no browser will
 * run, style with, or sniff.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/enc.h"
#include "common/utf8.h"
#include "worker/blob_head.h"

#define OCTETS		"application/octet-stream"
#define NAME_MAX_BYTES	180	/* of a file's name */
#define EXT_MAX		16	/* of an extension that is kept */

static int	type_active(const char *, size_t);
static size_t	type_token(const char *);
static const char	*type_charset(const char *);
static int	head_is(const char *, const char *);
static void	name_clean(const char *, struct buf *);
static int	name_drops(uint32_t);
static void	name_trim(struct buf *);
static void	name_shorten(struct buf *);
static int	range_number(const char **, uint64_t *);

/* Types that are code, style, markup or containers of them. */
static const char *const active[] = {
	"text/html", "text/css", "text/xsl", "text/jscript",
	"text/livescript", "text/vbscript", "text/vtt",
	"text/cache-manifest", "application/wasm",
	"application/x-shockwave-flash", "application/manifest+json",
	"application/xml-dtd", "application/xml-external-parsed-entity",
	"text/xml-external-parsed-entity"
};
static const char *const active_head[] = { "multipart/", "message/" };
static const char *const active_tail[] = { "/xml", "+xml" };
static const char *const active_part[] = { "javascript", "ecmascript" };

void
blob_head_type(const char *asked, char out[BLOB_HEAD_TYPE])
{
	const char	*charset = "";
	size_t		 n, m, i;

	if (asked == NULL)
		goto octets;
	n = type_token(asked);
	if (n == 0 || asked[n] != '/' || (m = type_token(asked + n + 1)) == 0)
		goto octets;
	n += 1 + m;
	if (asked[n] != '\0' &&
	    (charset = type_charset(asked + n)) == NULL)
		goto octets;
	if (snprintf(out, BLOB_HEAD_TYPE, "%.*s%s%s", (int)n, asked,
	    *charset != '\0' ? "; charset=" : "", charset) >= BLOB_HEAD_TYPE)
		goto octets;
	for (i = 0; out[i] != '\0'; i++)
		out[i] = utf8_lower((uint8_t)out[i]);
	if (!type_active(out, n))
		return;
octets:
	(void)strlcpy(out, OCTETS, BLOB_HEAD_TYPE);
}

/* RFC 9110 5.6.2 token: its length. */
static size_t
type_token(const char *s)
{
	return strspn(s, "!#$%&'*+-.^_`|~0123456789"
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* OWS ";" OWS "charset=" token, to the end: the token, or NULL. */
static const char *
type_charset(const char *s)
{
	size_t	 n;

	s += strspn(s, " \t");
	if (*s++ != ';')
		return NULL;
	s += strspn(s, " \t");
	if (!utf8_caseis(s, strnlen(s, 8), "charset="))
		return NULL;
	s += 8;
	n = type_token(s);
	return n == 0 || s[n] != '\0' ? NULL : s;
}

/* t is in lower case; its type/subtype has n bytes. */
static int
type_active(const char *t, size_t n)
{
	char	 type[BLOB_HEAD_TYPE];
	size_t	 i, m;

	memcpy(type, t, n);
	type[n] = '\0';
	for (i = 0; i < nitems(active); i++)
		if (strcmp(type, active[i]) == 0)
			return 1;
	for (i = 0; i < nitems(active_head); i++)
		if (strncmp(type, active_head[i], strlen(active_head[i])) == 0)
			return 1;
	for (i = 0; i < nitems(active_tail); i++) {
		m = strlen(active_tail[i]);
		if (n >= m && strcmp(type + n - m, active_tail[i]) == 0)
			return 1;
	}
	for (i = 0; i < nitems(active_part); i++)
		if (strstr(type, active_part[i]) != NULL)
			return 1;
	return 0;
}

int
blob_head_inline(const char *type, const uint8_t *p, size_t n)
{
	static const struct {
		const char	*type;
		size_t		 at, len;	/* of the magic */
		const char	*magic;
	} images[] = {
		{ "image/png", 0, 8, "\x89PNG\r\n\x1a\n" },
		{ "image/jpeg", 0, 3, "\xff\xd8\xff" },
		{ "image/gif", 0, 4, "GIF8" },
		{ "image/webp", 8, 4, "WEBP" },
		{ "image/avif", 4, 8, "ftypavif" },
		{ "image/bmp", 0, 2, "BM" }
	};
	size_t	 i;

	for (i = 0; i < nitems(images); i++)
		if (strcmp(type, images[i].type) == 0)
			return n >= images[i].at + images[i].len &&
			    memcmp(p + images[i].at, images[i].magic,
			    images[i].len) == 0;
	return strncmp(type, "audio/", 6) == 0 ||
	    strncmp(type, "video/", 6) == 0 ||
	    strcmp(type, "text/plain;charset=utf-8") == 0 ||
	    strcmp(type, "text/plain; charset=utf-8") == 0;
}

/* --- the file's name ------------------------------------------------- */

void
blob_head_disposition(struct buf *b, int inln, const char *name)
{
	struct buf	 clean;
	size_t		 i;
	int		 ascii = 1;

	buf_init(&clean, 4096);
	name_clean(name, &clean);
	name_trim(&clean);
	name_shorten(&clean);
	if (clean.len == 0 || buf_bad(&clean)) {
		buf_reset(&clean);
		buf_adds(&clean, "attachment");
	}
	buf_adds(b, inln ? "inline; filename=\"" : "attachment; filename=\"");
	for (i = 0; i < clean.len; i++) {
		/* what an old client might decode twice, too */
		if (clean.data[i] >= 0x80 || clean.data[i] == '%') {
			ascii = 0;
			/* one for a character, not for each of its bytes */
			if ((clean.data[i] & 0xc0) != 0x80)
				buf_addc(b, '_');
		} else
			buf_addc(b, clean.data[i]);
	}
	buf_addc(b, '"');
	if (!ascii) {
		buf_adds(b, "; filename*=UTF-8''");
		enc_pct(b, clean.data, clean.len);
	}
	buf_free(&clean);
}

/* The name without what no file's name should have. */
static void
name_clean(const char *name, struct buf *out)
{
	const uint8_t	*p = (const uint8_t *)name;
	uint32_t	 cp;
	size_t		 n, left = strlen(name);

	/* a very long one is cut before it is looked at */
	if (left > 1024)
		left = 1024;
	for (; left > 0; p += n, left -= n) {
		if ((n = utf8_get(p, left, &cp)) == 0)
			n = 1;
		else if (!name_drops(cp))
			buf_add(out, p, n);
	}
}

static int
name_drops(uint32_t cp)
{
	if (cp < 0x80)
		return cp < 0x20 || cp == 0x7f ||
		    strchr("/\\:*?\"<>|", (int)cp) != NULL;
	/* C1; direction marks, embeddings, overrides, isolates; line and
	 * paragraph separators; byte order mark */
	return cp < 0xa0 || cp == 0x200e || cp == 0x200f ||
	    (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	    cp == 0xfeff;
}

static void
name_trim(struct buf *b)
{
	size_t	 n = 0;

	while (n < b->len && (b->data[n] == '.' || b->data[n] == ' '))
		n++;
	buf_skip(b, n);
	buf_compact(b);
	while (b->len > 0 && (b->data[b->len - 1] == '.' ||
	    b->data[b->len - 1] == ' '))
		b->len--;
}

static void
name_shorten(struct buf *b)
{
	uint8_t	 ext[EXT_MAX];
	size_t	 n, dot;

	if (b->len <= NAME_MAX_BYTES)
		return;
	for (dot = b->len; dot > 0 && b->data[dot - 1] != '.'; dot--)
		;
	n = dot == 0 ? 0 : b->len - dot + 1;	/* with its dot */
	if (n > sizeof(ext))
		n = 0;
	if (n > 0)
		memcpy(ext, b->data + b->len - n, n);
	b->len = utf8_cut(b->data, NAME_MAX_BYTES - n);
	buf_add(b, ext, n);
}

/* --- the request's fields -------------------------------------------- */

static int
head_is(const char *value, const char *what)
{
	return utf8_caseis(value, strlen(value), what);
}

int
blob_head_fetch(const char *dest, const char *site,
    const char *service_worker)
{
	static const char *const dests[] = {
		"", "empty", "document", "image", "audio", "video"
	};
	size_t	 i;

	if (service_worker != NULL)
		return 0;
	if (site != NULL && head_is(site, "cross-site"))
		return 0;
	if (dest == NULL)
		return 1;
	for (i = 0; i < nitems(dests); i++)
		if (head_is(dest, dests[i]))
			return 1;
	return 0;
}

int
blob_head_match(const char *list, const char *tag)
{
	size_t	 n;

	if (list == NULL)
		return 0;
	for (;;) {
		list += strspn(list, " \t,");
		if (*list == '\0')
			return 0;
		if (strcmp(list, "*") == 0)
			return 1;
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		if (*list != '"')
			return 0;
		n = 1 + strcspn(list + 1, "\"");
		if (list[n] != '"')
			return 0;
		n++;
		if (n == strlen(tag) && memcmp(list, tag, n) == 0)
			return 1;
		list += n;
	}
}

/* Digits: 1 and the number, or 0. */
static int
range_number(const char **p, uint64_t *out)
{
	const char	*s = *p;
	uint64_t	 v = 0;

	for (; *s >= '0' && *s <= '9' && s - *p < 18; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	if (s == *p || (*s >= '0' && *s <= '9'))
		return 0;
	*p = s;
	*out = v;
	return 1;
}

/* ranges-specifier = "bytes=" first-pos "-" [ last-pos ] / "-" suffix */
enum blob_head_range
blob_head_range(const char *s, uint64_t size, uint64_t *from, uint64_t *to)
{
	uint64_t	 n;
	int		 last;

	if (s == NULL || !utf8_caseis(s, strnlen(s, 6), "bytes="))
		return BLOB_HEAD_WHOLE;
	s += 6;
	if (*s == '-') {
		s++;
		if (!range_number(&s, &n) || *s != '\0')
			return BLOB_HEAD_WHOLE;
		if (n == 0 || size == 0)
			return BLOB_HEAD_OUTSIDE;
		*from = n >= size ? 0 : size - n;
		*to = size - 1;
		return BLOB_HEAD_PART;
	}
	if (!range_number(&s, from) || *s++ != '-')
		return BLOB_HEAD_WHOLE;
	last = range_number(&s, to);
	if (*s != '\0' || (last && *to < *from))
		return BLOB_HEAD_WHOLE;
	if (*from >= size)
		return BLOB_HEAD_OUTSIDE;
	if (!last || *to >= size)
		*to = size - 1;
	return BLOB_HEAD_PART;
}
