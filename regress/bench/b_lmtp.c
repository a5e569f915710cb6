/* SPDX-License-Identifier: ISC */
/*
 * Deliveries by LMTP, as fast as the server answers: sessions side by side,
 * each one transaction after the other with the envelope pipelined, as a mail
 * transport agent does it.
 *
 *	b_lmtp socket recipient sessions seconds bytes
 *
 * Prints: deliveries a second, and p50 and p99 of one in microseconds.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES	200000		/* of one session */

static double
now(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int
reach(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd;

	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	return fd;
}

/* Read until n lines that end a reply have come; each must begin with ok. */
static void
replies(FILE *f, int n, const char *ok)
{
	char	 line[1024];

	while (n > 0) {
		if (fgets(line, sizeof(line), f) == NULL)
			errx(1, "the server hung up");
		if (line[3] == '-')
			continue;
		if (strchr(ok, line[0]) == NULL)
			errx(1, "%s", line);
		n--;
	}
}

/* One session: its latencies to fd. */
static void
session(const char *path, const char *to, double seconds, size_t bytes, int out)
{
	float	*us;
	char	*text, head[512], id[128];
	double	 end = now() + seconds, t;
	size_t	 i, n = 0;
	int	 fd = reach(path), len;
	FILE	*f = fdopen(fd, "r");

	if ((us = calloc(SAMPLES, sizeof(*us))) == NULL ||
	    (text = malloc(bytes + 8)) == NULL || f == NULL)
		err(1, NULL);
	for (i = 0; i < bytes; i++)
		text[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' :
		    'a' + (i * 7 + i / 31) % 26;
	memcpy(text + bytes, "\r\n.\r\n", 5);
	replies(f, 1, "2");
	if (write(fd, "LHLO b\r\n", 8) != 8)
		err(1, "write");
	replies(f, 1, "2");
	len = snprintf(head, sizeof(head), "MAIL FROM:<b@example.org>\r\n"
	    "RCPT TO:<%s>\r\nDATA\r\n", to);
	while ((t = now()) < end && n < SAMPLES) {
		if (write(fd, head, len) != len)
			err(1, "write");
		replies(f, 3, "23");
		i = snprintf(id, sizeof(id), "From: b@example.org\r\nSubject: "
		    "%d %zu\r\nMessage-ID: <%d.%zu@b>\r\n\r\n", (int)getpid(),
		    n, (int)getpid(), n);
		if (write(fd, id, i) != (ssize_t)i ||
		    write(fd, text, bytes + 5) != (ssize_t)bytes + 5)
			err(1, "write");
		replies(f, 1, "2");
		us[n++] = (now() - t) * 1e6;
	}
	for (i = 0; i < n; i += 1000)
		if (write(out, us + i, (n - i < 1000 ? n - i : 1000) *
		    sizeof(*us)) == -1)
			err(1, "pipe");
	_exit(0);
}

static int
cmp(const void *a, const void *b)
{
	float	 x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

int
main(int argc, char *argv[])
{
	float	*all;
	size_t	 n = 0;
	ssize_t	 r;
	int	 i, p[2];

	if (argc != 6)
		errx(1, "usage: b_lmtp socket rcpt sessions seconds bytes");
	if (pipe(p) == -1)
		err(1, "pipe");
	for (i = 0; i < atoi(argv[3]); i++)
		if (fork() == 0)
			session(argv[1], argv[2], atof(argv[4]),
			    atoi(argv[5]), p[1]);
	close(p[1]);
	if ((all = calloc(SAMPLES * 8, sizeof(*all))) == NULL)
		err(1, NULL);
	while ((r = read(p[0], (char *)all + n, SAMPLES * 8 * sizeof(*all) -
	    n)) > 0)
		n += r;
	n /= sizeof(*all);
	while (wait(&i) > 0)
		if (i != 0)
			errx(1, "a session failed");
	if (n == 0)
		errx(1, "nothing was delivered");
	qsort(all, n, sizeof(*all), cmp);
	printf("%.1f %.1f %.1f\n", n / atof(argv[4]), all[n / 2],
	    all[n * 99 / 100]);
	free(all);
	return 0;
}
