/* SPDX-License-Identifier: ISC */
/*
 * Questions that expressions ask: is it an address, how many, which case.
 * Pure functions of expr_fn.h's table.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/expr_fn.h"
#include "common/ip.h"
#include "common/utf8.h"

static const uint8_t *
bytes(struct slice s)
{
	return s.p;
}

static int
fn_is_empty(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	(void)x;
	EXPR_FN_INT(a->type == EXPR_STR ? a->u.str.n == 0 :
	    a->type == EXPR_ARR ? a->u.arr.n == 0 : 0);
}

static int
fn_is_number(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct expr_val	 n = expr_val_num(a);
	size_t		 i, sign;

	(void)x;
	if (a->type != EXPR_STR)
		EXPR_FN_INT(a->type != EXPR_ARR);
	if (n.type == EXPR_FLOAT || n.u.i != 0)
		EXPR_FN_INT(1);
	/* 0 is what a text that is no number gives, too */
	sign = a->u.str.n > 0 && (bytes(a->u.str)[0] == '-' ||
	    bytes(a->u.str)[0] == '+');
	for (i = sign; i < a->u.str.n; i++)
		if (bytes(a->u.str)[i] != '0')
			EXPR_FN_INT(0);
	EXPR_FN_INT(i > sign);
}

/* Where the last @ is, or -1. */
static ssize_t
at_sign(struct slice s)
{
	size_t	 i;

	for (i = s.n; i > 0; i--)
		if (bytes(s)[i - 1] == '@')
			return i - 1;
	return -1;
}

/* A dot-string: no specials, no dot at either end or doubled. */
static int
is_local(const uint8_t *p, size_t n)
{
	size_t	 i;

	if (n == 0 || n > 64 || p[0] == '.' || p[n - 1] == '.')
		return 0;
	for (i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] == 0x7f ||
		    strchr("()<>[]:;@\\,\"", p[i]) != NULL ||
		    (p[i] == '.' && p[i + 1] == '.'))
			return 0;
	return 1;
}

/* Labels with at least one dot between them, of letters (of any script),
 * digits and hyphens. */
static int
is_domain(const uint8_t *p, size_t n)
{
	size_t	 i;
	int	 dots = 0;

	if (n == 0 || n > 253 || p[0] == '.' || p[n - 1] == '.')
		return 0;
	for (i = 0; i < n; i++) {
		if ((p[i] < 0x80 && p[i] != '-' && p[i] != '.' &&
		    !(p[i] >= '0' && p[i] <= '9') &&
		    !(utf8_lower(p[i]) >= 'a' && utf8_lower(p[i]) <= 'z')) ||
		    (p[i] == '.' && p[i + 1] == '.'))
			return 0;
		dots += p[i] == '.';
	}
	return dots > 0;
}

/* RFC 5321 4.1.2 Mailbox, without quoted local parts and literals. */
static int
fn_is_email(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s;
	ssize_t		 at;

	EXPR_FN_TEXT(a, &s);
	if ((at = at_sign(s)) == -1)
		EXPR_FN_INT(0);
	EXPR_FN_INT(is_local(s.p, at) &&
	    is_domain(bytes(s) + at + 1, s.n - at - 1));
}

static int
ask_ip(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out,
    int want)
{
	struct slice	 s;
	struct ip	 ip;

	EXPR_FN_TEXT(a, &s);
	EXPR_FN_INT(ip_parse(&ip, s.p, s.n) == 0 &&
	    (want == 0 || ip.af == want));
}

static int
fn_is_ip_addr(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return ask_ip(x, a, out, 0);
}

static int
fn_is_ipv4_addr(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return ask_ip(x, a, out, IP_V4);
}

static int
fn_is_ipv6_addr(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	return ask_ip(x, a, out, IP_V6);
}

/* is_ip_in_cidr(address, "192.0.2.0/24") */
static int
fn_is_ip_in_cidr(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;
	struct ip_net	 net;
	struct ip	 ip;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	if (ip_net_parse(&net, t.p, t.n) == -1) {
		x->err = "not a network in is_ip_in_cidr";
		return -1;
	}
	EXPR_FN_INT(ip_parse(&ip, s.p, s.n) == 0 && ip_in(&ip, &net));
}

/* How many bytes lie in lo .. hi. */
static int
count_range(struct expr_ctx *x, const struct expr_val *a, int lo, int hi,
    int64_t *n)
{
	struct slice	 s;
	size_t		 i;

	EXPR_FN_TEXT(a, &s);
	for (*n = 0, i = 0; i < s.n; i++)
		*n += bytes(s)[i] >= lo && bytes(s)[i] <= hi;
	return 0;
}

static int
fn_has_digits(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	int64_t	 n;

	if (count_range(x, a, '0', '9', &n) == -1)
		return -1;
	EXPR_FN_INT(n > 0);
}

static int
fn_count_uppercase(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	int64_t	 n;

	if (count_range(x, a, 'A', 'Z', &n) == -1)
		return -1;
	EXPR_FN_INT(n);
}

static int
fn_count_lowercase(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	int64_t	 n;

	if (count_range(x, a, 'a', 'z', &n) == -1)
		return -1;
	EXPR_FN_INT(n);
}

/* No letter of the other case. */
static int
fn_is_uppercase(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	int64_t	 n;

	if (count_range(x, a, 'a', 'z', &n) == -1)
		return -1;
	EXPR_FN_INT(n == 0);
}

static int
fn_is_lowercase(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	int64_t	 n;

	if (count_range(x, a, 'A', 'Z', &n) == -1)
		return -1;
	EXPR_FN_INT(n == 0);
}

static int
fn_count_spaces(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	int64_t	 blanks, others;

	if (count_range(x, a, ' ', ' ', &blanks) == -1 ||
	    count_range(x, a, '\t', '\r', &others) == -1)
		return -1;
	EXPR_FN_INT(blanks + others);
}

/* Code points; a byte that is no UTF-8 counts as one. */
static int
fn_count_chars(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s;
	uint32_t	 cp;
	size_t		 i, k;
	int64_t		 n = 0;

	EXPR_FN_TEXT(a, &s);
	for (i = 0; i < s.n; i += k == 0 ? 1 : k, n++)
		k = utf8_get(bytes(s) + i, s.n - i, &cp);
	EXPR_FN_INT(n);
}

/* Bytes of a text, elements of an array. */
static int
fn_len(struct expr_ctx *x, const struct expr_val *a, struct expr_val *out)
{
	struct slice	 s;

	if (a->type == EXPR_ARR)
		EXPR_FN_INT(a->u.arr.n);
	EXPR_FN_TEXT(a, &s);
	EXPR_FN_INT(s.n);
}

static int
fn_eq_ignore_case(struct expr_ctx *x, const struct expr_val *a,
    struct expr_val *out)
{
	struct slice	 s, t;

	EXPR_FN_TEXT(&a[0], &s);
	EXPR_FN_TEXT(&a[1], &t);
	EXPR_FN_INT(s.n == t.n && utf8_casecmp(s.p, s.n, t.p, t.n) == 0);
}

const struct expr_fn expr_ask_fns[] = {
	EXPR_FN_ROW(count_chars, 1), EXPR_FN_ROW(count_lowercase, 1),
	EXPR_FN_ROW(count_spaces, 1), EXPR_FN_ROW(count_uppercase, 1),
	EXPR_FN_ROW(eq_ignore_case, 2), EXPR_FN_ROW(has_digits, 1),
	EXPR_FN_ROW(is_email, 1), EXPR_FN_ROW(is_empty, 1),
	EXPR_FN_ROW(is_ip_addr, 1), EXPR_FN_ROW(is_ip_in_cidr, 2),
	EXPR_FN_ROW(is_ipv4_addr, 1), EXPR_FN_ROW(is_ipv6_addr, 1),
	EXPR_FN_ROW(is_lowercase, 1), EXPR_FN_ROW(is_number, 1),
	EXPR_FN_ROW(is_uppercase, 1), EXPR_FN_ROW(len, 1),
};
const size_t	expr_ask_nfns = nitems(expr_ask_fns);
