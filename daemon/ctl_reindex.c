/* SPDX-License-Identifier: ISC */
/*
 * jmapctl reindex: the search index of an account, or of each, is made again
 * by a worker (worker/stream_reindex.c) while the old one serves; this side
 * says which, waits, and shows on a terminal how far it is.
 */
#include "common/compat.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dir.h"
#include "common/imsg.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/row.h"
#include "daemon/ctl.h"
#include "daemon/ctl_mail.h"

struct names {
	char	**v;
	size_t	  n;
};

static void	reindex_name(void *, const void *, size_t);
static int	reindex_one(const char *);
static int	reindex_wait(struct imsgbuf *, const char *);
static int	reindex_hear(const struct imsg *, const char *);
static void	reindex_show(const char *, const void *, size_t);

int
ctl_reindex(int argc, char *argv[])
{
	struct dir_find	 f = { 1u << DIR_INDIVIDUAL, 0, UINT32_MAX, 0 };
	struct msg_dir	 h = { DIR_FIND, 0, { 0 } };
	struct names	 names = { NULL, 0 };
	struct buf	 tail;
	size_t		 i;
	int		 code;

	if (argc != 2)
		return ctl_usage();
	if (strcmp(argv[1], "all") != 0)
		return reindex_one(argv[1]);
	buf_init(&tail, DIR_SIZE_MAX);
	buf_add(&tail, &f, sizeof(f));
	buf_addc(&tail, '\0');
	code = ctl_rows(MSG_CTL_DIR, &h, tail.data, tail.len, reindex_name,
	    &names);
	buf_free(&tail);
	for (i = 0; i < names.n; i++) {
		if (reindex_one(names.v[i]) != CTL_OK)
			code = CTL_FAILED;
		free(names.v[i]);
	}
	free(names.v);
	return code;
}

static void
reindex_name(void *arg, const void *row, size_t len)
{
	struct names	*names = arg;
	const char	*name = row_get(row, len, "name");

	if (name == NULL)
		return;
	names->v = recallocarray(names->v, names->n, names->n + 1,
	    sizeof(*names->v));
	if (names->v == NULL || (names->v[names->n++] = strdup(name)) == NULL)
		err(1, NULL);
}

static int
reindex_one(const char *account)
{
	struct msg_st_go	 go = { 0 };
	struct imsgbuf		 ib;
	int			 code = CTL_FAILED, fd;

	if ((fd = ctl_stream(MSG_STREAM_REINDEX, account)) == -1)
		return CTL_FAILED;
	if (imsgbuf_init(&ib, fd) == -1)
		err(1, NULL);
	if (imsg_compose(&ib, MSG_ST_GO, 0, -1, &go, sizeof(go), NULL, 0) ==
	    -1)
		warn("%s", account);
	else
		code = reindex_wait(&ib, account);
	imsgbuf_clear(&ib);
	return code;
}

/* Until the worker's last word. */
static int
reindex_wait(struct imsgbuf *ib, const char *account)
{
	struct pollfd	 pfd = { ib->fd, POLLIN, 0 };
	struct imsg	 im;
	int		 n, code;

	for (;;) {
		if (imsgbuf_write(ib) == -1 && errno != EAGAIN)
			break;
		pfd.events = imsgbuf_pending(ib) ? POLLIN | POLLOUT : POLLIN;
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			err(1, "poll");
		if ((pfd.revents & (POLLIN | POLLHUP)) == 0)
			continue;
		if ((n = imsgbuf_read(ib)) == -1 && errno == EAGAIN)
			continue;
		if (n != 1)
			break;
		while ((n = imsg_get(ib, &im)) == 1)
			if ((code = reindex_hear(&im, account)) != -1)
				return code;
		if (n == -1)
			break;
	}
	/* it goes on where it was: see jmapctl(8) */
	warnx("%s: the server went away, the rest is done while it is idle",
	    account);
	return CTL_FAILED;
}

/* One message: an exit code, or -1: go on. */
static int
reindex_hear(const struct imsg *im, const char *account)
{
	size_t	 len;

	if (im->fd != -1)
		close(im->fd);
	if (!msg_ok(im->hdr.type, im->hdr.len, im->fd != -1, PROC_WORKER,
	    PROC_CTL))
		errx(CTL_PROTOCOL, "the server said something strange");
	len = msg_rules[im->hdr.type].len;
	switch (im->hdr.type) {
	case MSG_ST_ROW:
		reindex_show(account, im->data + len, im->hdr.len - len);
		return -1;
	case MSG_ST_FAIL:
		warnx("%s: %s", account, log_vis(im->data + len,
		    im->hdr.len - len));
		return CTL_FAILED;
	case MSG_ST_OK:
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r\033[K");
		if (!ctl_json)
			printf("%s: done\n", log_vis(account,
			    strlen(account)));
		return CTL_OK;
	default:
		return -1;
	}
}

static void
reindex_show(const char *account, const void *row, size_t len)
{
	const char	*at = row_get(row, len, "at");
	const char	*of = row_get(row, len, "of");
	char		*name;

	if (at == NULL || of == NULL || !isatty(STDERR_FILENO) ||
	    strtod(of, NULL) <= 0 ||
	    (name = strdup(log_vis(account, strlen(account)))) == NULL)
		return;
	fprintf(stderr, "\r%s: %.0f %% \033[K", name,
	    100 * strtod(at, NULL) / strtod(of, NULL));
	free(name);
}
