/* SPDX-License-Identifier: ISC */
/*
 * The grammar of LMTP, see lmtp_parse.h.  Called by lmtp.c, by the unit
 * tests and by the fuzzer.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/lmtp/lmtp_parse.h"

#define C_ATEXT	 0x01		/* RFC 5321 4.1.2 atext, and the dot */
#define C_DOMAIN 0x02		/* letters, digits, "-", ".", and "_" */
#define C_BLANK	 0x04

static const struct lmtp_word {
	char		word[5];
	enum lmtp_verb	verb;
} words[] = {
	{ "BDAT", LMTP_BDAT },
	{ "DATA", LMTP_DATA },
	{ "EHLO", LMTP_EHLO },
	{ "HELO", LMTP_HELO },
	{ "LHLO", LMTP_LHLO },
	{ "MAIL", LMTP_MAIL },
	{ "NOOP", LMTP_NOOP },
	{ "QUIT", LMTP_QUIT },
	{ "RCPT", LMTP_RCPT },
	{ "RSET", LMTP_RSET },
	{ "VRFY", LMTP_VRFY },
};

/* Where the DATA stream stands. */
enum { DATA_START, DATA_DOT, DATA_DOT_CR, DATA_TEXT, DATA_CR };

static int	lmtp_class(int);
static int	lmtp_take(struct slice *, const char *);
static int	lmtp_skip(struct slice *, int);
static enum lmtp_error	lmtp_path(struct slice *, int, struct lmtp_path *);
static int	lmtp_route(struct slice *);
static int	lmtp_local(struct slice *, struct lmtp_path *);
static int	lmtp_quoted(struct slice *, struct lmtp_path *);
static int	lmtp_domain(struct slice *, struct lmtp_path *);
static int	lmtp_literal(struct slice *, struct lmtp_path *);
static int	lmtp_put(struct lmtp_path *, int);
static int	lmtp_char(struct slice *, int, struct lmtp_path *);
static enum lmtp_error	lmtp_param(struct slice, struct lmtp_mail *);
static int	lmtp_number(struct slice *, uint64_t *);
static size_t	lmtp_text(struct lmtp_data *, const uint8_t *, size_t,
		    struct buf *);
static void	lmtp_out(struct lmtp_data *, struct buf *, const void *,
		    size_t);

enum parse
lmtp_parse_line(const uint8_t *p, size_t n, size_t *len)
{
	const uint8_t	*q;
	size_t		 off = 0;

	while (off < n && (q = memchr(p + off, '\n', n - off)) != NULL) {
		off = q - p + 1;
		if (off >= 2 && q[-1] == '\r') {
			if (off - 2 > LMTP_LINEMAX)
				return PARSE_ERROR;
			*len = off - 2;
			return PARSE_DONE;
		}
	}
	return n > LMTP_LINEMAX + 1 ? PARSE_ERROR : PARSE_MORE;
}

enum lmtp_verb
lmtp_parse_verb(const uint8_t *p, size_t n, struct slice *arg)
{
	size_t	 i;

	*arg = SLICE(NULL, 0);
	for (i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return LMTP_UNKNOWN;
	/* RFC 5321 4.1.1: tolerate white space before CRLF */
	while (n > 0 && p[n - 1] == ' ')
		n--;
	if (n < 4 || (n > 4 && p[4] != ' ') || !utf8_valid(p, n))
		return LMTP_UNKNOWN;
	for (i = 0; i < nitems(words); i++)
		if (utf8_caseis(p, 4, words[i].word))
			break;
	if (i == nitems(words))
		return LMTP_UNKNOWN;
	if (n > 5)
		*arg = SLICE(p + 5, n - 5);
	return words[i].verb;
}

static int
lmtp_class(int c)
{
	if ((c >= '0' && c <= '9') || (utf8_lower(c) >= 'a' &&
	    utf8_lower(c) <= 'z') || c == '-' || c == '.' || c == '_')
		return C_ATEXT | C_DOMAIN;
	if (c != 0 && strchr("!#$%&'*+/=?^`{|}~", c) != NULL)
		return C_ATEXT;
	return c == ' ' ? C_BLANK : 0;
}

/* Take the word, any case, off the front; 1 or 0. */
static int
lmtp_take(struct slice *s, const char *word)
{
	size_t	 n = strlen(word);

	if (s->n < n || !utf8_caseis(s->p, n, word))
		return 0;
	*s = SLICE((const uint8_t *)s->p + n, s->n - n);
	return 1;
}

/* Take one character c off the front; 1 or 0. */
static int
lmtp_skip(struct slice *s, int c)
{
	if (s->n == 0 || *(const uint8_t *)s->p != c)
		return 0;
	*s = SLICE((const uint8_t *)s->p + 1, s->n - 1);
	return 1;
}

int
lmtp_parse_helo(struct slice arg, char out[LMTP_HELOMAX + 1])
{
	const uint8_t	*p = arg.p;
	size_t		 i;

	if (arg.n == 0 || arg.n > LMTP_HELOMAX)
		return -1;
	/* It will stand in a Received field: nothing that has a meaning. */
	for (i = 0; i < arg.n; i++)
		if (p[i] < 0x80 && !(lmtp_class(p[i]) & C_DOMAIN) &&
		    strchr("[]:", p[i]) == NULL)
			return -1;
	memcpy(out, p, arg.n);
	out[arg.n] = '\0';
	return 0;
}

enum lmtp_error
lmtp_parse_mail(struct slice arg, struct lmtp_mail *m)
{
	enum lmtp_error	 e;
	const uint8_t	*blank;
	struct slice	 par;

	memset(m, 0, sizeof(*m));
	if (!lmtp_take(&arg, "FROM:"))
		return LMTP_SYNTAX;
	if ((e = lmtp_path(&arg, 1, &m->path)) != LMTP_OK)
		return e;
	while (lmtp_skip(&arg, ' ')) {
		if (arg.n == 0 || *(const uint8_t *)arg.p == ' ')
			continue;
		par = arg;
		if ((blank = memchr(arg.p, ' ', arg.n)) != NULL)
			par.n = blank - (const uint8_t *)arg.p;
		if ((e = lmtp_param(par, m)) != LMTP_OK)
			return e;
		arg = SLICE((const uint8_t *)arg.p + par.n, arg.n - par.n);
	}
	if (arg.n != 0)
		return LMTP_SYNTAX;
	return m->path.utf8 && !m->utf8 ? LMTP_UTF8 : LMTP_OK;
}

static enum lmtp_error
lmtp_param(struct slice p, struct lmtp_mail *m)
{
	if (lmtp_take(&p, "SIZE="))
		return lmtp_number(&p, &m->size) == 0 && p.n == 0 ? LMTP_OK :
		    LMTP_SYNTAX;
	if (lmtp_take(&p, "BODY=")) {
		m->body8 = lmtp_take(&p, "8BITMIME");
		if (!m->body8 && !lmtp_take(&p, "7BIT"))
			return LMTP_SYNTAX;
		return p.n == 0 ? LMTP_OK : LMTP_SYNTAX;
	}
	if (lmtp_take(&p, "SMTPUTF8") && p.n == 0) {
		m->utf8 = 1;
		return LMTP_OK;
	}
	return LMTP_PARAM;
}

enum lmtp_error
lmtp_parse_rcpt(struct slice arg, int utf8, struct lmtp_path *path)
{
	enum lmtp_error	 e;

	memset(path, 0, sizeof(*path));
	if (!lmtp_take(&arg, "TO:"))
		return LMTP_SYNTAX;
	if ((e = lmtp_path(&arg, 0, path)) != LMTP_OK)
		return e;
	if (arg.n != 0)
		return *(const uint8_t *)arg.p == ' ' ? LMTP_PARAM :
		    LMTP_SYNTAX;
	return path->utf8 && !utf8 ? LMTP_UTF8 : LMTP_OK;
}

int
lmtp_parse_bdat(struct slice arg, uint64_t *size, int *last)
{
	*last = 0;
	if (lmtp_number(&arg, size) == -1)
		return -1;
	if (lmtp_take(&arg, " LAST"))
		*last = 1;
	return arg.n == 0 ? 0 : -1;
}

/* 1*20DIGIT that fits; taken off the front. */
static int
lmtp_number(struct slice *s, uint64_t *v)
{
	const uint8_t	*p = s->p;
	size_t		 i;

	*v = 0;
	for (i = 0; i < s->n && p[i] >= '0' && p[i] <= '9'; i++) {
		if (*v > (UINT64_MAX - (p[i] - '0')) / 10)
			return -1;
		*v = *v * 10 + (p[i] - '0');
	}
	if (i == 0)
		return -1;
	*s = SLICE(p + i, s->n - i);
	return 0;
}

/*
 * Path = "<" [ A-d-l ":" ] Mailbox ">", the null path only where allowed, a
 * bare local part only where it is not.
 */
static enum lmtp_error
lmtp_path(struct slice *s, int null, struct lmtp_path *out)
{
	if (!lmtp_skip(s, '<'))
		return LMTP_SYNTAX;
	if (lmtp_skip(s, '>'))
		return null ? LMTP_OK : LMTP_ADDRESS;
	if (lmtp_route(s) == -1 || lmtp_local(s, out) == -1)
		return LMTP_ADDRESS;
	if (lmtp_skip(s, '@')) {
		if (lmtp_put(out, '@') == -1 || lmtp_domain(s, out) == -1)
			return LMTP_ADDRESS;
	} else if (null)
		return LMTP_ADDRESS;
	if (!lmtp_skip(s, '>'))
		return LMTP_ADDRESS;
	out->text[out->len] = '\0';
	return LMTP_OK;
}

/* RFC 5321 4.1.2: a source route is accepted and ignored. */
static int
lmtp_route(struct slice *s)
{
	struct lmtp_path	 hop;

	if (s->n == 0 || *(const uint8_t *)s->p != '@')
		return 0;
	do {
		hop.len = 0;
		if (!lmtp_skip(s, '@') || lmtp_domain(s, &hop) == -1)
			return -1;
	} while (lmtp_skip(s, ','));
	return lmtp_skip(s, ':') ? 0 : -1;
}

/*
 * Dot-string or Quoted-string.  Dots may stand where they like: such senders
 * exist, and their mail is wanted.
 */
static int
lmtp_local(struct slice *s, struct lmtp_path *out)
{
	if (lmtp_skip(s, '"'))
		return lmtp_quoted(s, out);
	while (lmtp_char(s, C_ATEXT, out) == 0)
		;
	return out->len > 0 && out->len <= 64 ? 0 : -1;
}

/* The rest of a quoted string; loses its quotes when it does not need them. */
static int
lmtp_quoted(struct slice *s, struct lmtp_path *out)
{
	size_t	 i;
	int	 plain = 1;

	if (lmtp_put(out, '"') == -1)
		return -1;
	while (!lmtp_skip(s, '"')) {
		if (lmtp_skip(s, '\\')) {
			plain = 0;
			if (lmtp_put(out, '\\') == -1)
				return -1;
		}
		if (s->n == 0 || lmtp_put(out, *(const uint8_t *)s->p) == -1)
			return -1;
		*s = SLICE((const uint8_t *)s->p + 1, s->n - 1);
	}
	if (lmtp_put(out, '"') == -1)
		return -1;
	for (i = 1; i < out->len - 1; i++)
		if ((uint8_t)out->text[i] < 0x80 &&
		    !(lmtp_class(out->text[i]) & C_ATEXT))
			plain = 0;
	if (plain && out->len > 2) {
		memmove(out->text, out->text + 1, out->len - 2);
		out->len -= 2;
	}
	return out->len <= 66 ? 0 : -1;
}

static int
lmtp_domain(struct slice *s, struct lmtp_path *out)
{
	size_t	 start = out->len;

	if (lmtp_skip(s, '['))
		return lmtp_literal(s, out);
	while (lmtp_char(s, C_DOMAIN, out) == 0)
		;
	return out->len > start && out->len - start <= 255 ? 0 : -1;
}

/* RFC 5321 4.1.3: "[" dcontent "]" */
static int
lmtp_literal(struct slice *s, struct lmtp_path *out)
{
	const uint8_t	*p;

	if (lmtp_put(out, '[') == -1)
		return -1;
	while (!lmtp_skip(s, ']')) {
		p = s->p;
		if (s->n == 0 || *p <= ' ' || *p >= 0x7f ||
		    strchr("[\\<>", *p) != NULL || lmtp_put(out, *p) == -1)
			return -1;
		*s = SLICE(p + 1, s->n - 1);
	}
	return lmtp_put(out, ']');
}

/* Move one character of the class, or above ASCII, to out: 0, or -1. */
static int
lmtp_char(struct slice *s, int class, struct lmtp_path *out)
{
	const uint8_t	*p = s->p;

	if (s->n == 0 || (*p < 0x80 && !(lmtp_class(*p) & class)) ||
	    lmtp_put(out, *p) == -1)
		return -1;
	*s = SLICE(p + 1, s->n - 1);
	return 0;
}

static int
lmtp_put(struct lmtp_path *out, int c)
{
	if (out->len == LMTP_PATHMAX)
		return -1;
	if ((uint8_t)c >= 0x80)
		out->utf8 = 1;
	out->text[out->len++] = c;
	return 0;
}

enum parse
lmtp_parse_data(struct lmtp_data *d, const uint8_t *p, size_t n,
    struct buf *out, size_t *used)
{
	size_t	 i = 0;

	while (i < n) {
		switch (d->state) {
		case DATA_START:
			d->state = p[i] == '.' ? DATA_DOT : DATA_TEXT;
			i += p[i] == '.';
			break;
		case DATA_DOT:
			/* RFC 5321 4.5.2: more than a period: drop it */
			d->state = p[i] == '\r' ? DATA_DOT_CR : DATA_TEXT;
			i += p[i] == '\r';
			break;
		case DATA_DOT_CR:
			if (p[i] == '\n') {
				*used = i + 1;
				return PARSE_DONE;
			}
			lmtp_out(d, out, "\r", 1);
			d->state = DATA_CR;
			break;
		default:
			i += lmtp_text(d, p + i, n - i, out);
			break;
		}
	}
	*used = n;
	return PARSE_MORE;
}

/* Take what is left of a line, at most n bytes; how many. */
static size_t
lmtp_text(struct lmtp_data *d, const uint8_t *p, size_t n, struct buf *out)
{
	const uint8_t	*nl;
	int		 cr;

	if ((nl = memchr(p, '\n', n)) != NULL)
		n = nl - p + 1;
	lmtp_out(d, out, p, n);
	if (nl == NULL) {
		d->state = p[n - 1] == '\r' ? DATA_CR : DATA_TEXT;
		return n;
	}
	cr = n > 1 ? p[n - 2] == '\r' : d->state == DATA_CR;
	if (!cr)
		d->bare_lf = 1;
	d->state = cr ? DATA_START : DATA_TEXT;
	return n;
}

static void
lmtp_out(struct lmtp_data *d, struct buf *out, const void *p, size_t n)
{
	if (!d->full && buf_add(out, p, n) == -1)
		d->full = 1;
}
