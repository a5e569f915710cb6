/* SPDX-License-Identifier: ISC */
/*
 * AUTH of the SMTP client: RFC 4954 with PLAIN (RFC 4616), and LOGIN for
 * servers that have nothing else.  Called by smtp_client.c after EHLO inside
 * TLS.  What is secret is wiped from the stack here, from the buffer when the
 * client is freed, and never logged.
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "daemon/smtp_auth.h"

#define SMTP_AUTH_LINE	512	/* RFC 5321 4.5.3.1.4, CRLF counted */
#define SMTP_AUTH_USER	512	/* bytes of a user, or a password */

/* What the next reply answers. */
enum { AUTH_PLAIN, AUTH_PLAIN_WAIT, AUTH_LOGIN, AUTH_LOGIN_PASS, AUTH_LAST,
    AUTH_CANCEL };

static void	smtp_auth_plain(struct smtp_client *, const char *);
static void	smtp_auth_secret(struct smtp_client *, const char *);

void
smtp_auth_begin(struct smtp_client *c)
{
	struct smtp_result	 res;
	const char		*why = NULL;

	if (!c->tls)
		why = "AUTH needs TLS";
	else if (strlen(c->relay->user) > SMTP_AUTH_USER ||
	    strlen(c->relay->pass) > SMTP_AUTH_USER)
		why = "user or password are too long";
	else if (!(c->ehlo.auth & (SMTP_EHLO_PLAIN | SMTP_EHLO_LOGIN)))
		why = "the relay offers neither AUTH PLAIN nor LOGIN";
	if (why != NULL) {
		smtp_client_local(&res, 0, "4.7.4", why);
		smtp_client_end(c, &res, 1);
		return;
	}
	smtp_client_state(c, SMTP_AUTH);
	if (c->ehlo.auth & SMTP_EHLO_PLAIN)
		smtp_auth_plain(c, "AUTH PLAIN ");
	else {
		buf_adds(&c->out, "AUTH LOGIN\r\n");
		c->auth = AUTH_LOGIN;
	}
}

/* RFC 4616: authzid NUL authcid NUL password; with the command if the line
 * does not grow too long (RFC 4954 4), else alone after a challenge. */
static void
smtp_auth_plain(struct smtp_client *c, const char *command)
{
	char	 raw[2 * SMTP_AUTH_USER + 3];
	char	 text[ENC_B64_LEN(sizeof(raw)) + 1];
	size_t	 nuser = strlen(c->relay->user);
	size_t	 npass = strlen(c->relay->pass), n;

	raw[0] = '\0';
	memcpy(raw + 1, c->relay->user, nuser);
	raw[nuser + 1] = '\0';
	memcpy(raw + nuser + 2, c->relay->pass, npass);
	n = enc_b64(raw, nuser + npass + 2, text);
	if (*command != '\0' &&
	    strlen(command) + n + 2 > SMTP_AUTH_LINE) {
		buf_adds(&c->out, "AUTH PLAIN\r\n");
		c->auth = AUTH_PLAIN_WAIT;
	} else {
		buf_addf(&c->out, "%s%s\r\n", command, text);
		c->auth = AUTH_PLAIN;
	}
	explicit_bzero(raw, sizeof(raw));
	explicit_bzero(text, sizeof(text));
}

static void
smtp_auth_secret(struct smtp_client *c, const char *s)
{
	char	 text[ENC_B64_LEN(SMTP_AUTH_USER) + 1];

	enc_b64(s, strlen(s), text);
	buf_addf(&c->out, "%s\r\n", text);
	explicit_bzero(text, sizeof(text));
}

void
smtp_auth_reply(struct smtp_client *c)
{
	char	 challenge[SMTP_TEXT], raw[SMTP_TEXT];

	if (c->reply.code == 235 && c->auth != AUTH_CANCEL) {
		smtp_client_next(c, 0);
		return;
	}
	if (c->reply.code != 334) {
		if (smtp_client_is(c, 2) || smtp_client_is(c, 3))
			smtp_client_nonsense(c, "AUTH");
		else
			smtp_client_no(c, "x.7.8");
		return;
	}
	c->tick++;
	/* RFC 4954 4: cancel what cannot be decoded, what is not expected */
	if (c->reply.lines != 1 || smtp_reply_line(&c->reply, 0, challenge,
	    sizeof(challenge)) == -1 || enc_b64_get(challenge,
	    strlen(challenge), raw, sizeof(raw)) == -1)
		c->auth = c->auth == AUTH_CANCEL ? AUTH_CANCEL : AUTH_LAST;
	switch (c->auth) {
	case AUTH_PLAIN_WAIT:
		smtp_auth_plain(c, "");
		c->auth = AUTH_LAST;
		break;
	case AUTH_LOGIN:
		smtp_auth_secret(c, c->relay->user);
		c->auth = AUTH_LOGIN_PASS;
		break;
	case AUTH_LOGIN_PASS:
		smtp_auth_secret(c, c->relay->pass);
		c->auth = AUTH_LAST;
		break;
	case AUTH_CANCEL:
		smtp_client_nonsense(c, "AUTH");
		break;
	default:
		buf_adds(&c->out, "*\r\n");
		c->auth = AUTH_CANCEL;
		break;
	}
}
