/* SPDX-License-Identifier: ISC */
/*
 * Functions that make texts of texts: trim, case, cutting, hashes.
 * Pure functions of expr_fn.h's table.
 */
#include "common/compat.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

#include "common/enc.h"
#include "common/expr_fn.h"
#include "common/ip.h"
#include "common/utf8.h"

static void
fn_str(struct expr_val *out, const void *p, size_t n)
{
	*out = expr_val_str(p, n);
}

static const uint8_t *
bytes(struct slice s)
{
	return s.p;
}

static int
is_space(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes that one character takes; 1 for what is not UTF-8. */
static size_t
char_len(const uint8_t *p, size_t n)
{
	uint32_t	 cp;
	size_t		 k = utf8_get(p, n, &cp);

	return k == 0 ? 1 : k;
}

static int
has_prefix(struct slice s, struct slice t)
{
	return t.n <= s.n && (t.n == 0 || memcmp(s.p, t.p, t.n) == 0);
}

static int
has_suffix(struct slice s, struct slice t)
{
	return t.n <= s.n && (t.n == 0 ||
	    memcmp(bytes(s) + s.n - t.n, t.p, t.n) == 0);
}

static int
fn_starts_with(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	EXPR_FN_INT(has_prefix(s, t));
}

static int
fn_ends_with(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	EXPR_FN_INT(has_suffix(s, t));
}

/* The part of an address that is named 'local' or 'domain'. */
static int
fn_email_part(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, part;
	size_t		 at;
	int		 local;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &part);
	local = part.n == 5 && memcmp(part.p, "local", 5) == 0;
	if (!local && (part.n != 6 || memcmp(part.p, "domain", 6) != 0)) {
		x->err = "the parts of an email are local and domain";
		return -1;
	}
	for (at = s.n; at > 0 && bytes(s)[at - 1] != '@'; at--)
		;
	fn_str(out, "", 0);
	if (at == 0)
		return 0;
	if (local)
		fn_str(out, s.p, at - 1);
	else
		fn_str(out, bytes(s) + at, s.n - at);
	return 0;
}

#define REVERSE_LEN	64	/* 32 nibbles, 31 dots and a NUL */

/* As a DNS list wants it: 4.3.2.1, or the nibbles of an IPv6 address. */
static int
fn_ip_reverse_name(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	static const char	 hex[] = "0123456789abcdef";
	struct slice		 s;
	struct ip		 ip;
	char			*p;
	int			 i;

	EXPR_FN_TEXT(a, &s);
	fn_str(out, "", 0);
	if (ip_parse(&ip, s.p, s.n) == -1)
		return 0;
	if ((p = arena_get(x->arena, REVERSE_LEN)) == NULL)
		return expr_fn_nomem(x);
	if (ip.af == IP_V4)
		snprintf(p, REVERSE_LEN, "%u.%u.%u.%u", ip.b[3], ip.b[2],
		    ip.b[1], ip.b[0]);
	for (i = 0; ip.af == IP_V6 && i < 32; i++) {
		p[i * 2] = hex[ip.b[15 - i / 2] >> (i % 2 * 4) & 15];
		p[i * 2 + 1] = i < 31 ? '.' : '\0';
	}
	fn_str(out, p, strlen(p));
	return 0;
}

static int
trim(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out,
    int start, int end)
{
	struct slice	 s;
	size_t		 i = 0;

	EXPR_FN_TEXT(a, &s);
	while (start && i < s.n && is_space(bytes(s)[i]))
		i++;
	while (end && s.n > i && is_space(bytes(s)[s.n - 1]))
		s.n--;
	fn_str(out, bytes(s) + i, s.n - i);
	return 0;
}

static int
fn_trim(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	return trim(x, a, out, 1, 1);
}

static int
fn_trim_start(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return trim(x, a, out, 1, 0);
}

static int
fn_trim_end(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return trim(x, a, out, 0, 1);
}

/* ASCII letters from lo to hi move by d. */
static int
change_case(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out, int lo, int hi, int d)
{
	struct slice	 s;
	uint8_t		*p;
	size_t		 i;

	EXPR_FN_TEXT(a, &s);
	if ((p = arena_get(x->arena, s.n + 1)) == NULL)
		return expr_fn_nomem(x);
	for (i = 0; i < s.n; i++)
		p[i] = bytes(s)[i] >= lo && bytes(s)[i] <= hi ?
		    bytes(s)[i] + d : bytes(s)[i];
	fn_str(out, p, s.n);
	return 0;
}

static int
fn_to_lowercase(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return change_case(x, a, out, 'A', 'Z', 'a' - 'A');
}

static int
fn_to_uppercase(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return change_case(x, a, out, 'a', 'z', 'A' - 'a');
}

/* substring(text, start, count), in characters */
static int
fn_substring(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	int64_t		 from = expr_val_toint(&a[1]);
	int64_t		 count = expr_val_toint(&a[2]);
	struct slice	 s;
	size_t		 i = 0, start;

	EXPR_FN_TEXT(&a[0], &s);
	for (; i < s.n && from > 0; from--)
		i += char_len(bytes(s) + i, s.n - i);
	start = i;
	for (; i < s.n && count > 0; count--)
		i += char_len(bytes(s) + i, s.n - i);
	fn_str(out, bytes(s) + start, i - start);
	return 0;
}

/* The rest, or the empty text where the prefix is not there. */
static int
fn_strip_prefix(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	fn_str(out, "", 0);
	if (has_prefix(s, t))
		fn_str(out, bytes(s) + t.n, s.n - t.n);
	return 0;
}

static int
fn_strip_suffix(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	fn_str(out, "", 0);
	if (has_suffix(s, t))
		fn_str(out, s.p, s.n - t.n);
	return 0;
}

/* Cut s at each t, at most max pieces; an empty t cuts nothing. */
static int
split(struct expr_ctx *x, struct slice s, struct slice t, int64_t max,
    struct expr_fn_list *l)
{
	ssize_t	 at;

	for (; t.n > 0 && max > 1 &&
	    (at = expr_fn_find_text(s, t, 0)) != -1; max--) {
		if (expr_fn_add(x, l, expr_val_str(s.p, at)) == -1)
			return -1;
		s = SLICE(bytes(s) + at + t.n, s.n - at - t.n);
	}
	return expr_fn_add(x, l, expr_val_str(s.p, s.n));
}

static int
fn_split(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	struct expr_fn_list	 l = { NULL, 0, 0 };
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	if (split(x, s, t, INT64_MAX, &l) == -1)
		return -1;
	expr_fn_out(&l, out);
	return 0;
}

/* split_n(text, separator, pieces) */
static int
fn_split_n(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct expr_fn_list	 l = { NULL, 0, 0 };
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	if (split(x, s, t, expr_val_toint(&a[2]), &l) == -1)
		return -1;
	expr_fn_out(&l, out);
	return 0;
}

/* The pieces from the last to the first. */
static int
fn_rsplit(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	struct expr_val	 tmp;
	struct expr_fn_list	 l = { NULL, 0, 0 };
	struct slice	 s, t;
	size_t		 i;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	if (split(x, s, t, INT64_MAX, &l) == -1)
		return -1;
	for (i = 0; i < l.n / 2; i++) {
		tmp = l.v[i];
		l.v[i] = l.v[l.n - 1 - i];
		l.v[l.n - 1 - i] = tmp;
	}
	expr_fn_out(&l, out);
	return 0;
}

/* Before and behind a position; an empty array when there is none. */
static int
cut(struct expr_ctx *x, struct slice s, struct slice t, ssize_t at,
    struct expr_val *out)
{
	struct expr_fn_list	 l = { NULL, 0, 0 };

	if (at != -1 && (expr_fn_add(x, &l, expr_val_str(s.p, at)) == -1 ||
	    expr_fn_add(x, &l, expr_val_str(bytes(s) + at + t.n,
	    s.n - at - t.n)) == -1))
		return -1;
	expr_fn_out(&l, out);
	return 0;
}

static int
fn_split_once(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	return cut(x, s, t, expr_fn_find_text(s, t, 0), out);
}

static int
fn_rsplit_once(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;
	ssize_t		 at;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	for (at = (ssize_t)s.n - (ssize_t)t.n; at >= 0; at--)
		if (t.n == 0 || memcmp(bytes(s) + at, t.p, t.n) == 0)
			break;
	return cut(x, s, t, at < 0 ? -1 : at, out);
}

/* Pieces between bytes that sep() is true of; empty ones are left out. */
static int
pieces(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out,
    int (*sep)(int))
{
	struct expr_fn_list	 l = { NULL, 0, 0 };
	struct slice	 s;
	size_t		 i = 0, from;

	EXPR_FN_TEXT(a, &s);
	for (;;) {
		while (i < s.n && sep(bytes(s)[i]))
			i++;
		if (i == s.n)
			break;
		for (from = i; i < s.n && !sep(bytes(s)[i]); i++)
			;
		if (expr_fn_add(x, &l, expr_val_str(bytes(s) + from,
		    i - from)) == -1)
			return -1;
	}
	expr_fn_out(&l, out);
	return 0;
}

static int
no_word(int c)
{
	return c < 0x80 && !(c >= '0' && c <= '9') &&
	    !(utf8_lower(c) >= 'a' && utf8_lower(c) <= 'z');
}

static int
fn_split_words(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return pieces(x, a, out, no_word);
}

static int
line_end(int c)
{
	return c == '\n' || c == '\r';
}

static int
fn_lines(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	return pieces(x, a, out, line_end);
}

/* hash(text, "md5" | "sha1" | "sha256" | "sha512") in hexadecimal */
static int
fn_hash(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	static const char *const	 names[] = { "md5", "sha1", "sha256",
					    "sha512" };
	struct slice			 s, t;
	uint8_t				 md[EVP_MAX_MD_SIZE];
	unsigned int			 len;
	char				*p;
	size_t				 i;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	for (i = 0; i < nitems(names); i++)
		if (t.n == strlen(names[i]) &&
		    memcmp(t.p, names[i], t.n) == 0)
			break;
	if (i == nitems(names) || !EVP_Digest(s.p, s.n, md, &len,
	    EVP_get_digestbyname(names[i]), NULL)) {
		x->err = "no such hash (md5, sha1, sha256, sha512)";
		return -1;
	}
	if ((p = arena_get(x->arena, ENC_HEX_LEN(len) + 1)) == NULL)
		return expr_fn_nomem(x);
	fn_str(out, p, enc_hex(md, len, p));
	return 0;
}

static int
fn_if_then(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	(void)x;
	*out = expr_val_true(&a[0]) ? a[1] : a[2];
	return 0;
}

const struct expr_fn expr_text_fns[] = {
	EXPR_FN_ROW(email_part, 2), EXPR_FN_ROW(ends_with, 2),
	EXPR_FN_ROW(hash, 2), EXPR_FN_ROW(if_then, 3),
	EXPR_FN_ROW(ip_reverse_name, 1), EXPR_FN_ROW(lines, 1),
	EXPR_FN_ROW(rsplit, 2), EXPR_FN_ROW(rsplit_once, 2),
	EXPR_FN_ROW(split, 2), EXPR_FN_ROW(split_n, 3),
	EXPR_FN_ROW(split_once, 2), EXPR_FN_ROW(split_words, 1),
	EXPR_FN_ROW(starts_with, 2), EXPR_FN_ROW(strip_prefix, 2),
	EXPR_FN_ROW(strip_suffix, 2), EXPR_FN_ROW(substring, 3),
	EXPR_FN_ROW(to_lowercase, 1), EXPR_FN_ROW(to_uppercase, 1),
	EXPR_FN_ROW(trim, 1), EXPR_FN_ROW(trim_end, 1),
	EXPR_FN_ROW(trim_start, 1),
};
const size_t expr_text_nfns = nitems(expr_text_fns);
