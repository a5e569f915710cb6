/* SPDX-License-Identifier: ISC */
/*
 * An SMTP server that takes everything and keeps nothing, for the line
 * "submission" of bench.py: what is measured is not to wait for it.
 *
 *	b_sink
 *
 * Prints its port on loopback, then, at the end of its input, how many mails
 * it took.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <netinet/in.h>

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS	64
#define LINE	4096

static struct client {
	int	 fd, data, nl;		/* nl: bytes of CRLF.CRLF seen */
	size_t	 n;
	char	 line[LINE];
} clients[CLIENTS];
static unsigned long	 mails;

static const struct verb {
	const char	*word, *reply;
} verbs[] = {
	{ "EHLO", "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n250-DSN\r\n250 SIZE\r\n" },
	{ "MAIL", "250 2.1.0 ok\r\n" },
	{ "RCPT", "250 2.1.5 ok\r\n" },
	{ "DATA", "354 go on\r\n" },
	{ "RSET", "250 2.0.0 ok\r\n" },
	{ "QUIT", "221 2.0.0 bye\r\n" },
};

static void
say(struct client *c, const char *s)
{
	if (write(c->fd, s, strlen(s)) != (ssize_t)strlen(s))
		warn("write");
}

static void
command(struct client *c)
{
	const struct verb	*v;

	for (v = verbs; v < verbs + nitems(verbs); v++)
		if (strncasecmp(c->line, v->word, 4) == 0) {
			c->data = strcmp(v->word, "DATA") == 0;
			c->nl = 2;
			say(c, v->reply);
			return;
		}
	say(c, "502 5.5.1 no\r\n");
}

static void
feed(struct client *c, const char *p, size_t n)
{
	static const char	 end[] = "\r\n.\r\n";

	for (; n > 0; p++, n--) {
		if (!c->data) {
			if (c->n < LINE)
				c->line[c->n++] = *p;
			if (*p == '\n') {
				command(c);
				c->n = 0;
			}
			continue;
		}
		c->nl = *p == end[c->nl] ? c->nl + 1 : *p == '\r';
		if (c->nl == 5) {
			c->data = 0;
			mails++;
			say(c, "250 2.0.0 taken\r\n");
		}
	}
}

static void
welcome(int lfd)
{
	int	 i, fd = accept(lfd, NULL, NULL);

	for (i = 0; i < CLIENTS; i++)
		if (clients[i].fd == -1) {
			memset(&clients[i], 0, sizeof(clients[i]));
			clients[i].fd = fd;
			say(&clients[i], "220 sink\r\n");
			return;
		}
	close(fd);
}

int
main(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	struct pollfd		 p[CLIENTS + 2];
	socklen_t		 len = sizeof(sin);
	ssize_t			 n;
	char			 b[65536];
	int			 i, lfd;

	signal(SIGPIPE, SIG_IGN);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((lfd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(lfd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(lfd, 64) == -1 ||
	    getsockname(lfd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "socket");
	printf("%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	for (i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	for (;;) {
		for (i = 0; i < CLIENTS; i++)
			p[i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
		p[CLIENTS] = (struct pollfd){ lfd, POLLIN, 0 };
		p[CLIENTS + 1] = (struct pollfd){ 0, POLLIN, 0 };
		if (poll(p, CLIENTS + 2, -1) == -1)
			err(1, "poll");
		for (i = 0; i < CLIENTS; i++) {
			if (p[i].revents == 0)
				continue;
			if ((n = read(p[i].fd, b, sizeof(b))) > 0) {
				feed(&clients[i], b, (size_t)n);
				continue;
			}
			close(p[i].fd);
			clients[i].fd = -1;
		}
		if (p[CLIENTS].revents)
			welcome(lfd);
		if (p[CLIENTS + 1].revents && read(0, b, sizeof(b)) <= 0)
			break;
	}
	printf("%lu\n", mails);
	return 0;
}
