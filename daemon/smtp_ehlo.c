/* SPDX-License-Identifier: ISC */
/*
 * What a server offers: RFC 5321 4.1.1.1.  Called by smtp_client.c once
 * before TLS, where only STARTTLS is believed, and again after it.
 *
 *	ehlo-line = ehlo-keyword *( SP ehlo-param )
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/smtp_ehlo.h"

#define SMTP_EHLO_LINE	1024		/* bytes of a line that are looked at */

static void	smtp_ehlo_size(struct smtp_ehlo *, char *);
static void	smtp_ehlo_auth(struct smtp_ehlo *, char *);
static void	smtp_ehlo_line(struct smtp_ehlo *, char *);

static const struct smtp_ehlo_word {
	const char	*word;
	unsigned int	 ext;
	void		(*params)(struct smtp_ehlo *, char *);
} smtp_ehlo_words[] = {
	{ "8BITMIME",	SMTP_EHLO_8BITMIME,	NULL },
	{ "AUTH",	SMTP_EHLO_AUTH,		smtp_ehlo_auth },
	{ "DSN",	SMTP_EHLO_DSN,		NULL },
	{ "MT-PRIORITY", SMTP_EHLO_PRIORITY,	NULL },
	{ "PIPELINING",	SMTP_EHLO_PIPELINING,	NULL },
	{ "SIZE",	SMTP_EHLO_SIZE,		smtp_ehlo_size },
	{ "SMTPUTF8",	SMTP_EHLO_SMTPUTF8,	NULL },
	{ "STARTTLS",	SMTP_EHLO_STARTTLS,	NULL },
};

void
smtp_ehlo_read(struct smtp_ehlo *e, const struct smtp_reply *r)
{
	char	 line[SMTP_EHLO_LINE];
	size_t	 i;

	memset(e, 0, sizeof(*e));
	/* the first line is the server's name and greeting */
	for (i = 1; smtp_reply_line(r, i, line, sizeof(line)) == 0; i++)
		smtp_ehlo_line(e, line);
}

static void
smtp_ehlo_line(struct smtp_ehlo *e, char *line)
{
	const struct smtp_ehlo_word	*w;
	char				*params = line;
	const char			*word = strsep(&params, " ");

	for (w = smtp_ehlo_words;
	    w < smtp_ehlo_words + nitems(smtp_ehlo_words); w++) {
		if (strcasecmp(word, w->word) != 0)
			continue;
		e->exts |= w->ext;
		if (w->params != NULL && params != NULL)
			w->params(e, params);
	}
}

/* RFC 1870 4: size-param ::= [1*20DIGIT]; 0: no fixed maximum. */
static void
smtp_ehlo_size(struct smtp_ehlo *e, char *params)
{
	const char	*bad, *word = strsep(&params, " ");
	long long	 n;

	n = strtonum(word, 0, INT64_MAX, &bad);
	if (bad == NULL)
		e->size = (uint64_t)n;
}

static void
smtp_ehlo_auth(struct smtp_ehlo *e, char *params)
{
	const char	*word;

	while ((word = strsep(&params, " ")) != NULL) {
		if (strcasecmp(word, "PLAIN") == 0)
			e->auth |= SMTP_EHLO_PLAIN;
		else if (strcasecmp(word, "LOGIN") == 0)
			e->auth |= SMTP_EHLO_LOGIN;
	}
}
