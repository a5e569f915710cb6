/* SPDX-License-Identifier: ISC */
/*
 * Addresses and parameters as SMTP commands carry them, see smtp_addr.h.
 *
 *	Mailbox       = Local-part "@" ( Domain / address-literal )
 *	Local-part    = Dot-string / Quoted-string
 *	Dot-string    = Atom *("." Atom)
 *	Quoted-string = DQUOTE *( qtextSMTP / "\" %d32-126 ) DQUOTE
 *	qtextSMTP     = %d32-33 / %d35-91 / %d93-126
 *
 * RFC 5321 4.1.2; RFC 6531 3.3 adds what is UTF-8 and not ASCII to atext,
 * qtextSMTP and labels.  Called by smtp_tx.c.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "daemon/smtp.h"
#include "daemon/smtp_addr.h"

#define SMTP_ADDR_LOCAL		64	/* RFC 5321 4.5.3.1.1 */
#define SMTP_ADDR_DOMAIN	255	/* 4.5.3.1.2 */
#define SMTP_ADDR_LABEL		63	/* RFC 1035 2.3.4 */
#define SMTP_ADDR_ORCPT		500	/* RFC 3461 4.2 */

static int	smtp_addr_text(const uint8_t *, size_t, int *);
static int	smtp_addr_dotted(const uint8_t *, size_t);
static int	smtp_addr_quoted(const uint8_t *, size_t);
static int	smtp_addr_domain(const uint8_t *, size_t);
static int	smtp_addr_literal(const uint8_t *, size_t);
static void	smtp_addr_quote(struct buf *, const uint8_t *, size_t);
static int	smtp_addr_atext(uint8_t);
static int	smtp_addr_alnum(uint8_t);
static void	smtp_addr_unitext(struct buf *, const char *);

int
smtp_addr_put(struct buf *out, const char *addr, int *utf8)
{
	const char	*at = strrchr(addr, '@');
	const uint8_t	*local = (const uint8_t *)addr, *domain;
	struct buf	 b;
	size_t		 nlocal, ndomain;
	int		 ret = -1;

	buf_init(&b, SMTP_PATH);
	if (at == NULL || smtp_addr_text(local, strlen(addr), utf8) == -1)
		goto done;
	nlocal = (size_t)(at - addr);
	domain = (const uint8_t *)at + 1;
	ndomain = strlen(at + 1);
	if (nlocal == 0 || nlocal > SMTP_ADDR_LOCAL)
		goto done;
	if (!smtp_addr_domain(domain, ndomain) &&
	    !smtp_addr_literal(domain, ndomain))
		goto done;
	if (smtp_addr_dotted(local, nlocal) || smtp_addr_quoted(local, nlocal))
		buf_add(&b, local, nlocal);
	else
		smtp_addr_quote(&b, local, nlocal);
	if (b.len > SMTP_ADDR_LOCAL)
		goto done;
	buf_addc(&b, '@');
	buf_add(&b, domain, ndomain);
	/* 4.5.3.1.3: 256 with the brackets */
	if (buf_bad(&b) || b.len > SMTP_PATH - 2)
		goto done;
	ret = buf_add(out, b.data, b.len);
done:
	buf_free(&b);
	return ret;
}

/* 0 if it is text without controls, those of ASCII and of Unicode. */
static int
smtp_addr_text(const uint8_t *p, size_t n, int *utf8)
{
	uint32_t	 cp;
	size_t		 len;

	*utf8 = 0;
	for (; n > 0; p += len, n -= len) {
		if ((len = utf8_get(p, n, &cp)) == 0 || cp < 0x20 ||
		    (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029)
			return -1;
		if (cp > 0x7f)
			*utf8 = 1;
	}
	return 0;
}

static int
smtp_addr_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || c >= 0x80;
}

static int
smtp_addr_atext(uint8_t c)
{
	return smtp_addr_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static int
smtp_addr_dotted(const uint8_t *p, size_t n)
{
	size_t	 i;

	if (p[0] == '.' || p[n - 1] == '.')
		return 0;
	for (i = 0; i < n; i++)
		if (!smtp_addr_atext(p[i]) &&
		    (p[i] != '.' || p[i - 1] == '.'))
			return 0;
	return 1;
}

static int
smtp_addr_quoted(const uint8_t *p, size_t n)
{
	size_t	 i;

	if (n < 2 || p[0] != '"' || p[n - 1] != '"')
		return 0;
	for (i = 1; i < n - 1; i++) {
		if (p[i] == '"')
			return 0;
		/* the pair's second byte must be ASCII, and within */
		if (p[i] == '\\' && (++i == n - 1 || p[i] >= 0x80))
			return 0;
	}
	return 1;
}

/* Text that was found to have no controls, as a Quoted-string. */
static void
smtp_addr_quote(struct buf *b, const uint8_t *p, size_t n)
{
	size_t	 i;

	buf_addc(b, '"');
	for (i = 0; i < n; i++) {
		if (p[i] == '"' || p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, p[i]);
	}
	buf_addc(b, '"');
}

/* Labels of letters, digits and hyphens, an underscore as some hosts have. */
static int
smtp_addr_domain(const uint8_t *p, size_t n)
{
	size_t	 i, label = 0;

	if (n == 0 || n > SMTP_ADDR_DOMAIN)
		return 0;
	for (i = 0; i < n; i++) {
		if (p[i] == '.') {
			if (label == 0 || p[i - 1] == '-')
				return 0;
			label = 0;
			continue;
		}
		if (!smtp_addr_alnum(p[i]) && p[i] != '_' &&
		    (p[i] != '-' || label == 0))
			return 0;
		/* UTF-8 is longer than its A-label may be: the peer's task */
		if (++label > SMTP_ADDR_LABEL && p[i] < 0x80)
			return 0;
	}
	return label != 0 && p[n - 1] != '-';
}

/* 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]", "[tag:dcontent]". */
static int
smtp_addr_literal(const uint8_t *p, size_t n)
{
	size_t	 i;

	if (n < 3 || n > SMTP_ADDR_DOMAIN || p[0] != '[' || p[n - 1] != ']')
		return 0;
	for (i = 1; i < n - 1; i++)
		if (!smtp_addr_alnum(p[i]) && p[i] != '.' && p[i] != ':' &&
		    p[i] != '-')
			return 0;
	return 1;
}

/* --- parameters ---------------------------------------------------------- */

int
smtp_addr_xtext(struct buf *out, const char *s, size_t max)
{
	struct buf	 b;
	int		 ret = -1;

	buf_init(&b, max);
	for (; *s != '\0'; s++) {
		if (*s < ' ' || *s > '~')
			goto done;
		/* RFC 3461 4: xchar is any from "!" to "~" but "+" and "=" */
		if (*s == '+' || *s == '=' || *s == ' ')
			buf_addf(&b, "+%02X", (unsigned int)*s);
		else
			buf_addc(&b, *s);
	}
	if (!buf_bad(&b) && b.len > 0)
		ret = buf_add(out, b.data, b.len);
done:
	buf_free(&b);
	return ret;
}

int
smtp_addr_orcpt(struct buf *out, const char *s)
{
	const char	*semi = strchr(s, ';');
	struct buf	 b;
	size_t		 ntype, i;
	int		 utf8, ret = -1;

	buf_init(&b, SMTP_ADDR_ORCPT);
	if (semi == NULL || semi[1] == '\0' ||
	    smtp_addr_text((const uint8_t *)s, strlen(s), &utf8) == -1)
		goto done;
	ntype = (size_t)(semi - s);
	for (i = 0; i < ntype; i++)
		if (!smtp_addr_alnum((uint8_t)s[i]) && s[i] != '-')
			goto done;
	if (ntype == 0 || (uint8_t)s[0] >= 0x80)
		goto done;
	if (utf8 || utf8_caseis(s, ntype, "utf-8")) {
		buf_adds(&b, "utf-8;");
		smtp_addr_unitext(&b, semi + 1);
	} else {
		buf_add(&b, s, ntype + 1);
		if (smtp_addr_xtext(&b, semi + 1, SMTP_ADDR_ORCPT) == -1)
			goto done;
	}
	if (!buf_bad(&b))
		ret = buf_add(out, b.data, b.len);
done:
	buf_free(&b);
	return ret;
}

/* RFC 6533 3, utf-8-addr-xtext: QCHAR, else \x{code point}. */
static void
smtp_addr_unitext(struct buf *b, const char *s)
{
	const uint8_t	*p = (const uint8_t *)s;
	uint32_t	 cp;
	size_t		 n = strlen(s), len;

	for (; n > 0 && (len = utf8_get(p, n, &cp)) > 0; p += len, n -= len) {
		if (cp > ' ' && cp < 0x7f && cp != '+' && cp != '=' &&
		    cp != '\\')
			buf_addc(b, (int)cp);
		else
			buf_addf(b, "\\x{%02X}", cp);
	}
}
