/* SPDX-License-Identifier: ISC */
/*
 * The file that bans survive in: see ban.h.  Called by ban.c, in the parent.
 *
 *	file = "jmapd bans 1" LF *( line LF )
 *	line = network SP since SP until SP kind SP reason
 *
 * Times are milliseconds since 1970.  The file is ours, yet what is in it is
 * checked like a stranger's: bounded, strict, a bad line costs itself only.
 * A file that another user could have written is not read.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/banset.h"
#include "common/log.h"
#include "daemon/ban.h"

#define BAN_MAGIC	"jmapd bans 1\n"
#define BAN_FILE_MAX	((off_t)BANSET_MAX * BAN_LINE)

static int	ban_file_time(const char **, const char *, int64_t *);
static int	ban_file_word(const char **, const char *, const char **,
		    size_t *);
static int	ban_file_lines(const char *, size_t,
		    void (*)(const struct ban *));
static char	*ban_file_read(const char *, size_t *);
static int	ban_file_write(int, const struct buf *);
static void	ban_file_sync_dir(const char *);

/* Up to the next space, which is skipped. */
static int
ban_file_word(const char **p, const char *end, const char **word, size_t *len)
{
	const char	*sp = memchr(*p, ' ', (size_t)(end - *p));

	if (sp == NULL || sp == *p)
		return -1;
	*word = *p;
	*len = (size_t)(sp - *p);
	*p = sp + 1;
	return 0;
}

static int
ban_file_time(const char **p, const char *end, int64_t *ms)
{
	const char	*w;
	size_t		 n, i;

	/* 16 digits reach into the year 300000 */
	if (ban_file_word(p, end, &w, &n) == -1 || n > 16)
		return -1;
	for (*ms = 0, i = 0; i < n; i++) {
		if (w[i] < '0' || w[i] > '9')
			return -1;
		*ms = *ms * 10 + (w[i] - '0');
	}
	return 0;
}

int
ban_file_parse(const char *p, size_t len, struct ban *b)
{
	const char	*end = p + len, *w;
	size_t		 n, i;

	memset(b, 0, sizeof(*b));
	if (len > BAN_LINE || ban_file_word(&p, end, &w, &n) == -1 ||
	    ip_net_parse(&b->net, w, n) == -1 ||
	    ban_file_time(&p, end, &b->since) == -1 ||
	    ban_file_time(&p, end, &b->until) == -1 ||
	    ban_file_word(&p, end, &w, &n) == -1)
		return -1;
	while (b->kind < BAN_KINDS && (strlen(ban_kinds[b->kind]) != n ||
	    memcmp(ban_kinds[b->kind], w, n) != 0))
		b->kind++;
	n = (size_t)(end - p);
	if (b->kind == BAN_KINDS || n >= sizeof(b->reason))
		return -1;
	for (i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] > '~')
			return -1;
	memcpy(b->reason, p, n);
	return 0;
}

void
ban_file_line(struct buf *out, const struct ban *b)
{
	char	 ip[IP_STRLEN];

	buf_addf(out, "%s/%u %lld %lld %s %s\n", ip_str(&b->net.ip, ip),
	    b->net.bits, (long long)b->since, (long long)b->until,
	    ban_kinds[b->kind], b->reason);
}

/* --- the file ------------------------------------------------------------- */

/* All of it, for free(); NULL and errno. */
static char *
ban_file_read(const char *path, size_t *len)
{
	struct stat	 st;
	char		*text = NULL;
	ssize_t		 n;
	int		 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK)) == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		goto done;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_size > BAN_FILE_MAX) {
		errno = EPERM;
		goto done;
	}
	if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		goto done;
	for (*len = 0; *len < (size_t)st.st_size; *len += (size_t)n)
		if ((n = read(fd, text + *len,
		    (size_t)st.st_size - *len)) <= 0)
			break;
done:
	close(fd);
	return text;
}

int
ban_file_load(const char *path, void (*fn)(const struct ban *))
{
	size_t	 len, magic = sizeof(BAN_MAGIC) - 1;
	char	*text, bad[PATH_MAX];
	int	 ret = -1;

	if ((text = ban_file_read(path, &len)) == NULL) {
		if (errno == ENOENT)
			return 0;
		log_warn("bans are not read: %s", path);
		return -1;
	}
	if (len >= magic && memcmp(text, BAN_MAGIC, magic) == 0)
		ret = ban_file_lines(text + magic, len - magic, fn);
	else if ((size_t)snprintf(bad, sizeof(bad), "%s.bad", path) <
	    sizeof(bad) && rename(path, bad) == 0)
		log_warnx("%s is no file of bans: it is now %s", path, bad);
	free(text);
	return ret;
}

/* The last line may lack its end: then it is not whole. */
static int
ban_file_lines(const char *p, size_t len, void (*fn)(const struct ban *))
{
	const char	*nl;
	struct ban	 b;
	int		 bad = 0;

	for (; len > 0; len -= (size_t)(nl + 1 - p), p = nl + 1) {
		if ((nl = memchr(p, '\n', len)) == NULL)
			return bad + 1;
		if (ban_file_parse(p, (size_t)(nl - p), &b) == 0)
			fn(&b);
		else
			bad++;
	}
	return bad;
}

int
ban_file_save(const char *path, const struct buf *lines)
{
	char	 tmp[PATH_MAX];
	int	 fd, ret = -1;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.new", path) >= sizeof(tmp))
		return -1;
	unlink(tmp);
	if ((fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600)) == -1 || ban_file_write(fd, lines) == -1 ||
	    rename(tmp, path) == -1)
		log_warn("bans are not written: %s", path);
	else {
		ban_file_sync_dir(path);
		ret = 0;
	}
	if (fd != -1)
		close(fd);
	return ret;
}

static int
ban_file_write(int fd, const struct buf *lines)
{
	const uint8_t	*p = lines->data;
	size_t		 left = lines->len;
	ssize_t		 n;

	if (write(fd, BAN_MAGIC, sizeof(BAN_MAGIC) - 1) == -1)
		return -1;
	for (; left > 0; p += n, left -= (size_t)n)
		if ((n = write(fd, p, left)) == -1)
			return -1;
	return fsync(fd);
}

static void
ban_file_sync_dir(const char *path)
{
	char	 dir[PATH_MAX], *slash;
	int	 fd;

	if (strlcpy(dir, path, sizeof(dir)) >= sizeof(dir) ||
	    (slash = strrchr(dir, '/')) == NULL)
		return;
	slash[slash == dir] = '\0';
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return;
	fsync(fd);
	close(fd);
}
