/* SPDX-License-Identifier: ISC */
/*
 * Many idle WebSockets (RFC 8887) on one server, from several addresses of
 * the loopback network.  What TLS needs here is given back behind the
 * handshake but for one in a hundred, which then shows that they live.
 *
 *	b_ws address port name cafile authorization count
 *
 * Prints "ready COUNT SECONDS", waits for a line of its input, prints
 * "alive N" after an echo over each of the hundredth, and leaves at the next
 * line or the end of the input.
 */
#include "common/compat.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <openssl/ssl.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEEP		100	/* one in so many keeps its TLS */
#define PER_ADDRESS	10000	/* sockets of one source address */

static void	room(rlim_t);
static int	reach(const struct sockaddr_in *, int);
static SSL	*upgrade(SSL_CTX *, int, const char *, const char *);
static void	echo(SSL *);

static double
now(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	SSL_CTX			*ctx;
	SSL			**kept, *ssl;
	char			 line[16];
	double			 begin = now();
	int			 i, n = 0, count;

	if (argc != 7)
		errx(1, "usage: b_ws address port name cafile auth count");
	count = atoi(argv[6]);
	room((rlim_t)count + 64);
	sin.sin_port = htons((uint16_t)atoi(argv[2]));
	if (inet_pton(AF_INET, argv[1], &sin.sin_addr) != 1 ||
	    (kept = calloc((size_t)count, sizeof(*kept))) == NULL ||
	    (ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_load_verify_locations(ctx, argv[4], NULL) != 1)
		errx(1, "cannot start");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	for (i = 0; i < count; i++) {
		ssl = upgrade(ctx, reach(&sin, i), argv[3], argv[5]);
		if (i % KEEP == 0)
			kept[n++] = ssl;
		else
			SSL_free(ssl);		/* the socket stays */
	}
	printf("ready %d %.1f\n", count, now() - begin);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return 0;
	for (i = 0; i < n; i++)
		echo(kept[i]);
	printf("alive %d\n", n);
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) == NULL && ferror(stdin);
}

static void
room(rlim_t files)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	rl.rlim_cur = files;
	if (rl.rlim_max < files)
		rl.rlim_max = files;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "%llu open files", (unsigned long long)files);
}

/* A connection from 127.0.0.2 and the addresses behind it. */
static int
reach(const struct sockaddr_in *to, int i)
{
	struct sockaddr_in	 from = { .sin_family = AF_INET };
	int			 fd, one = 1;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 +
	    (uint32_t)(i / PER_ADDRESS));
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
	    sizeof(one)) == -1 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) == -1)
		err(1, "socket %d", i);
	return fd;
}

static SSL *
upgrade(SSL_CTX *ctx, int fd, const char *name, const char *auth)
{
	char	 head[1024], got[4096];
	SSL	*ssl;
	int	 n, at = 0;

	if ((ssl = SSL_new(ctx)) == NULL || SSL_set1_host(ssl, name) != 1 ||
	    SSL_set_tlsext_host_name(ssl, name) != 1 ||
	    SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		errx(1, "no TLS");
	n = snprintf(head, sizeof(head), "GET /jmap/ws/ HTTP/1.1\r\n"
	    "Host: %s\r\nAuthorization: %s\r\nConnection: Upgrade\r\n"
	    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	    "Sec-WebSocket-Protocol: jmap\r\n\r\n", name, auth);
	if (n < 0 || (size_t)n >= sizeof(head) ||
	    SSL_write(ssl, head, n) != n)
		errx(1, "cannot ask");
	do {
		n = SSL_read(ssl, got + at, (int)sizeof(got) - 1 - at);
		if (n <= 0)
			errx(1, "the server hung up");
		at += n;
		got[at] = '\0';
	} while (strstr(got, "\r\n\r\n") == NULL);
	if (strncmp(got, "HTTP/1.1 101 ", 13) != 0)
		errx(1, "%s", got);
	return ssl;
}

/* A request in a frame whose mask is zero, and its answer. */
static void
echo(SSL *ssl)
{
	static const char	 text[] = "{\"@type\":\"Request\",\"id\":\"R\","
	    "\"using\":[\"urn:ietf:params:jmap:core\"],"
	    "\"methodCalls\":[[\"Core/echo\",{},\"0\"]]}";
	unsigned char		 frame[256] = { 0x81, 0x80 };
	char			 got[1024];
	int			 n = (int)sizeof(text) - 1;

	frame[1] |= (unsigned char)n;
	memcpy(frame + 6, text, (size_t)n);
	if (SSL_write(ssl, frame, n + 6) != n + 6 ||
	    (n = SSL_read(ssl, got, sizeof(got) - 1)) <= 0)
		errx(1, "a WebSocket has gone");
	got[n] = '\0';
	if (strstr(got, "\"requestId\":\"R\"") == NULL)
		errx(1, "%s", got);
}
