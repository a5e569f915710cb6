/* SPDX-License-Identifier: ISC */
/*
 * Anything as a server, to daemon/smtp_client.c: two mails, fed in pieces
 * whose lengths are in the input.  Whatever it says, each mail comes back
 * once with every recipient decided, memory is bounded, no password goes out
 * beside TLS, and what goes out has CR and LF only together.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/smtp_client.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char	 text[] = "Subject: a\n\n.b\rc\r\n.";

static ssize_t
reader(void *arg, uint64_t off, void *p, size_t n)
{
	(void)arg;
	memcpy(p, text + off, n);
	return (ssize_t)n;
}

/* What it wrote is written; a CR may be the last byte of it only. */
static void
drain(struct smtp_client *c)
{
	static const char	 secret[] = "czNjcjN0";
	static char		 seen[SMTP_CLIENT_OUT + 1];
	const uint8_t		*p;
	size_t			 i, n;

	smtp_client_fill(c);
	n = buf_left(&c->out);
	p = buf_peek(&c->out);
	if (buf_bad(&c->out) || n > SMTP_CLIENT_OUT)
		abort();
	for (i = 0; i < n; i++)
		if ((p[i] == '\n' && (i == 0 || p[i - 1] != '\r')) ||
		    (p[i] == '\r' && i + 1 < n && p[i + 1] != '\n') ||
		    p[i] == 0)
			abort();
	if (n > 0) {
		memcpy(seen, p, n);
		seen[n] = '\0';
		if (!c->tls && strstr(seen, secret) != NULL)
			abort();
	}
	buf_skip(&c->out, n);
}

static void
given(const struct smtp_mail *m)
{
	size_t	 i;

	for (i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].result.class == SMTP_NONE ||
		    m->rcpts[i].result.status[0] == '\0')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct smtp_relay	 relays[] = {
		{ "r", "me", NULL, NULL, SMTP_TLS_NONE, 0, { 0 } },
		{ "r", "me", "s3cr3t", "s3cr3t", SMTP_TLS_STARTTLS, 1, { 0 } },
		{ "r", "me", "s3cr3t", "s3cr3t", SMTP_TLS_IMPLICIT, 0, { 0 } },
		{ "r", "me", "s3cr3t", "s3cr3t", SMTP_TLS_NONE, 0, { 0 } },
	};
	struct smtp_rcpt	 r[3] = { { .addr = "a@b.c", .notify = 6,
				    .orcpt = "rfc822;q@r.s" },
				    { .addr = "\xc3\xa4@b.c" },
				    { .addr = "x\n@b.c" } };
	struct smtp_client	 c;
	struct smtp_mail	 m, *got;
	size_t			 len, sent = 0, done = 0;

	if (n < 1)
		return 0;
	memset(&m, 0, sizeof(m));
	m.from = "f@b.c";
	m.rcpts = r;
	m.nrcpts = p[0] & 4 ? 1 : 3;
	m.len = sizeof(text) - 1;
	m.size = m.len;
	m.eightbit = (p[0] & 8) != 0;
	m.read = reader;
	smtp_client_init(&c, &relays[p[0] & 3]);
	for (p++, n--; n > 0; p += len, n -= len) {
		len = *p++ & 63;
		n--;
		len = len < n ? len : n;
		drain(&c);
		if (smtp_client_want(&c) == SMTP_WANT_TLS && len == 0)
			smtp_client_tls(&c);
		if (smtp_client_want(&c) == SMTP_WANT_MAIL && sent < 2) {
			sent++;
			smtp_client_send(&c, &m);
			if (len & 1)
				drain(&c);
		}
		smtp_client_feed(&c, p, len);
		if ((got = smtp_client_take(&c)) != NULL) {
			done++;
			given(got);
		}
	}
	smtp_client_lost(&c, "4.4.2", "end");
	if ((got = smtp_client_take(&c)) != NULL) {
		done++;
		given(got);
	}
	if (done != sent)
		abort();
	if (smtp_client_want(&c) != SMTP_WANT_CLOSE ||
	    c.why.class == SMTP_PERM)
		abort();
	smtp_client_free(&c);
	return 0;
}
