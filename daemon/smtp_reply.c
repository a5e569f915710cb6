/* SPDX-License-Identifier: ISC */
/*
 * Replies of an SMTP server: RFC 5321 4.2, 2034.  Called by smtp_client.c
 * with what the socket gave, in pieces of any length.
 *
 *	Reply-line = *( Reply-code "-" [ textstring ] CRLF )
 *		     Reply-code [ SP textstring ] CRLF
 *
 * Nothing that a server sends may reach a log, a DSN or a client's screen
 * other than as printable ASCII, or take more memory than the struct has.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "daemon/smtp_reply.h"

static int	smtp_reply_byte(struct smtp_reply *, uint8_t);
static int	smtp_reply_head(struct smtp_reply *, uint8_t);
static int	smtp_reply_eol(struct smtp_reply *);
static void	smtp_reply_keep(struct smtp_reply *, uint8_t);
static size_t	smtp_reply_status(const char *, int);
static size_t	smtp_reply_digits(const char *);
static void	smtp_reply_words(const struct smtp_reply *, char *, size_t);

enum parse
smtp_reply_read(struct smtp_reply *r, const void *data, size_t n, size_t *used)
{
	const uint8_t	*p = data;
	size_t		 i;
	int		 ret;

	for (i = 0; i < n; i++) {
		if ((ret = smtp_reply_byte(r, p[i])) < 0)
			return PARSE_ERROR;
		if (ret > 0) {
			*used = i + 1;
			return PARSE_DONE;
		}
	}
	*used = n;
	return PARSE_MORE;
}

/* 1: that was the reply's last byte; 0; -1: no reply. */
static int
smtp_reply_byte(struct smtp_reply *r, uint8_t c)
{
	/* CR and LF only as a pair: no other line end is guessed */
	if (r->cr)
		return c == '\n' ? smtp_reply_eol(r) : -1;
	if (c == '\n')
		return -1;
	if (c == '\r') {
		r->cr = 1;
		return 0;
	}
	if (++r->col > SMTP_REPLY_LINE)
		return -1;
	if (r->col <= 4)
		return smtp_reply_head(r, c);
	smtp_reply_keep(r, c);
	return 0;
}

/* The code and what is behind it. */
static int
smtp_reply_head(struct smtp_reply *r, uint8_t c)
{
	static const uint16_t	 unit[] = { 100, 10, 1 };
	unsigned int		 have;

	if (r->col == 4) {
		r->sep = c;
		return c == ' ' || c == '-' ? 0 : -1;
	}
	/* 4.2: a first digit other than 2 to 5 is fatal */
	if (c < '0' || c > '9' || (r->col == 1 && (c < '2' || c > '5')))
		return -1;
	if (r->lines == 0) {
		r->code = (uint16_t)(r->code + (c - '0') * unit[r->col - 1]);
		return 0;
	}
	/* 4.2.1: the same code in every line */
	have = r->code / unit[r->col - 1] % 10;
	return have == (unsigned int)(c - '0') ? 0 : -1;
}

static int
smtp_reply_eol(struct smtp_reply *r)
{
	size_t	 n;

	/* 4.2: the code alone is to be accepted, too */
	if (r->col < 3)
		return -1;
	if (r->lines == 0 &&
	    (n = smtp_reply_status(r->text, r->code / 100)) != 0)
		memcpy(r->status, r->text, n);
	if (++r->lines > SMTP_REPLY_LINES)
		return -1;
	if (r->sep != '-')
		return 1;
	if (r->len + 1 < SMTP_REPLY_TEXT)
		r->text[r->len++] = '\n';
	r->col = r->sep = r->cr = 0;
	return 0;
}

/* A byte of the text, if there is room; the last one stays NUL. */
static void
smtp_reply_keep(struct smtp_reply *r, uint8_t c)
{
	static const char	 hex[] = "0123456789abcdef";
	char			 esc[4] = { '\\', 'x', 0, 0 };

	if (c == '\t')
		c = ' ';
	if (c >= ' ' && c <= '~') {
		if (r->len + 1 < SMTP_REPLY_TEXT)
			r->text[r->len++] = (char)c;
		return;
	}
	esc[2] = hex[c >> 4];
	esc[3] = hex[c & 15];
	if (r->len + sizeof(esc) < SMTP_REPLY_TEXT) {
		memcpy(r->text + r->len, esc, sizeof(esc));
		r->len = (uint16_t)(r->len + sizeof(esc));
	}
}

/* --- RFC 2034 4, RFC 3463 2 ---------------------------------------------- */

static size_t
smtp_reply_digits(const char *s)
{
	size_t	 n;

	for (n = 0; n < 4 && s[n] >= '0' && s[n] <= '9'; n++)
		;
	return n <= 3 ? n : 0;
}

/* Bytes of the status code at the start of s that agrees with the class, or
 * 0.  RFC 2034 4: a code that contradicts the reply is none. */
static size_t
smtp_reply_status(const char *s, int class)
{
	size_t	 n, used = 2;

	if ((class != 2 && class != 4 && class != 5) ||
	    s[0] != '0' + class || s[1] != '.' ||
	    (n = smtp_reply_digits(s + used)) == 0)
		return 0;
	used += n;
	if (s[used++] != '.' || (n = smtp_reply_digits(s + used)) == 0)
		return 0;
	used += n;
	return s[used] == '\0' || s[used] == ' ' || s[used] == '\n' ? used : 0;
}

/* --- as a result --------------------------------------------------------- */

void
smtp_reply_result(const struct smtp_reply *r, const char *dflt,
    struct smtp_result *res)
{
	int	 class = r->code / 100;

	memset(res, 0, sizeof(*res));
	res->class = class == 5 ? SMTP_PERM : class == 4 ? SMTP_TEMP :
	    SMTP_SENT;
	res->code = r->code;
	if (r->status[0] != '\0')
		strlcpy(res->status, r->status, sizeof(res->status));
	else {
		strlcpy(res->status, dflt, sizeof(res->status));
		res->status[0] = (char)('0' + class);
	}
	smtp_reply_words(r, res->text, sizeof(res->text));
}

/*
 * RFC 8621 7, smtpReply: code and hyphen become code and space, what later
 * lines have in common with the first is left out (the code, the status),
 * line ends become spaces.
 */
static void
smtp_reply_words(const struct smtp_reply *r, char *out, size_t outlen)
{
	char	 line[SMTP_TEXT];
	size_t	 i, skip;

	snprintf(out, outlen, "%03u", r->code);
	for (i = 0; smtp_reply_line(r, i, line, sizeof(line)) == 0; i++) {
		skip = 0;
		if (i > 0 && r->status[0] != '\0' &&
		    strncmp(line, r->status, strlen(r->status)) == 0)
			skip = strlen(r->status);
		skip += strspn(line + skip, " ");
		if (line[skip] == '\0')
			continue;
		/* a longer one is cut: words, nothing depends on them */
		(void)strlcat(out, " ", outlen);
		(void)strlcat(out, line + skip, outlen);
	}
}

int
smtp_reply_line(const struct smtp_reply *r, size_t n, char *out, size_t outlen)
{
	const char	*p = r->text, *end;
	size_t		 len;

	if (n >= r->lines)
		return -1;
	for (; n > 0; n--) {
		if ((p = strchr(p, '\n')) == NULL)
			return -1;
		p++;
	}
	if ((end = strchr(p, '\n')) == NULL)
		end = p + strlen(p);
	if ((len = (size_t)(end - p)) >= outlen)
		len = outlen - 1;
	memcpy(out, p, len);
	out[len] = '\0';
	return 0;
}
