/* SPDX-License-Identifier: ISC */
/*
 * Mail in Maildir++ folders: the one that is named is INBOX, a folder .A.B
 * in it is the mailbox A/B, names in modified UTF-7.  Called by ctl_mail.c.
 *
 * Messages are kept byte for byte; the time of a file is receivedAt; letters
 * after ":2," are keywords, the lower case ones by the file dovecot-keywords
 * of their folder, as Dovecot writes it.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/utf8.h"
#include "daemon/ctl_mail.h"

#define MAILDIR_MAX	(2UL << 30)	/* bytes of one message */
#define MAILDIR_WORDS	26		/* keywords of a folder */
#define MAILDIR_PATH	65000

static const struct ctl_flag maildir_flags[] = {
	{ 'D', "$draft" },
	{ 'F', "$flagged" },
	{ 'P', "$forwarded" },
	{ 'R', "$answered" },
	{ 'S', "$seen" },
	{ 'T', "$deleted" },
};

/* The keywords of a folder, by letter. */
struct maildir_words {
	char	*v[MAILDIR_WORDS];
	size_t	 n;
};

struct maildir_in {
	ctl_mail_fn		*fn;
	void			*arg;
	const char		*box;
	struct ctl_mail		 mail;
	struct maildir_words	 words;
};

static int	maildir_folder(int, const char *, struct maildir_in *);
static int	maildir_files(int, const char *, struct maildir_in *);
static int	maildir_file(int, const char *, struct maildir_in *);
static uint8_t	*maildir_bytes(int, size_t *);
static void	maildir_letters(struct maildir_in *, const char *);
static void	maildir_words_read(int, struct maildir_words *);
static void	maildir_words_free(struct maildir_words *);
static int	maildir_path(const char *, const char *, struct buf *);

/* --- reading ----------------------------------------------------------- */

int
ctl_maildir_read(const char *path, const char *box, ctl_mail_fn *fn,
    void *arg)
{
	struct maildir_in	 in;
	struct ctl_list		 list;
	struct buf		 at;
	size_t			 i;
	int			 fd, sub, ret;

	memset(&in, 0, sizeof(in));
	in.fn = fn;
	in.arg = arg;
	in.box = box != NULL ? box : "INBOX";
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    ctl_name_list(fd, ".", &list) == -1) {
		warn("%s", path);
		return -1;
	}
	if (faccessat(fd, "cur", F_OK, 0) == -1) {
		warnx("%s: not a maildir: it has no folder cur", path);
		return -1;
	}
	buf_init(&in.mail.words, CTL_WORDS);
	buf_init(&at, MAILDIR_PATH);
	ret = maildir_folder(fd, path, &in);
	for (i = 0; ret == 0 && i < list.n; i++) {
		if (list.v[i][0] != '.' || (sub = openat(fd, list.v[i],
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1)
			continue;
		buf_reset(&at);
		if (maildir_path(list.v[i] + 1, box, &at) == -1)
			warnx("%s: a strange name, taken as it stands",
			    log_vis(list.v[i], strlen(list.v[i])));
		in.box = buf_str(&at);
		ret = maildir_folder(sub, list.v[i], &in);
		close(sub);
	}
	ctl_name_list_free(&list);
	buf_free(&in.mail.words);
	buf_free(&at);
	close(fd);
	return ret;
}

/* The path of a folder's name, below prefix unless NULL.  0, or -1. */
static int
maildir_path(const char *name, const char *prefix, struct buf *at)
{
	struct buf	 part;
	size_t		 n;
	int		 ret = 0;

	if (prefix != NULL)
		buf_adds(at, prefix);
	buf_init(&part, MAILDIR_PATH);
	for (; *name != '\0'; name += n + (name[n] == '.')) {
		if ((n = strcspn(name, ".")) == 0)
			continue;
		buf_reset(&part);
		if (ctl_name_utf7_get(&part, name, n) == -1 &&
		    !utf8_valid(part.data, part.len)) {
			buf_reset(&part);
			buf_adds(&part, "damaged-name");
			ret = -1;
		}
		ctl_name_add(at, (const char *)part.data, part.len);
	}
	buf_free(&part);
	if (at->len == 0)
		buf_adds(at, "INBOX");
	return ret;
}

static int
maildir_folder(int dir, const char *shown, struct maildir_in *in)
{
	int	 ret;

	if (faccessat(dir, "cur", F_OK, 0) == -1)
		return 0;	/* some other folder */
	maildir_words_read(dir, &in->words);
	if ((ret = ctl_name_box(in->fn, in->arg, in->box)) == 0)
		ret = maildir_files(dir, "cur", in);
	if (ret == 0)
		ret = maildir_files(dir, "new", in);
	if (ret == -1)
		warnx("%s: could not be read", log_vis(shown, strlen(shown)));
	maildir_words_free(&in->words);
	return ret;
}

static int
maildir_files(int dir, const char *name, struct maildir_in *in)
{
	struct ctl_list	 list;
	size_t		 i;
	int		 fd, ret = 0;

	if ((fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC)) == -1)
		return errno == ENOENT ? 0 : -1;
	if (ctl_name_list(fd, ".", &list) == -1)
		ret = -1;
	for (i = 0; ret == 0 && i < list.n; i++)
		if (list.v[i][0] != '.')
			ret = maildir_file(fd, list.v[i], in);
	ctl_name_list_free(&list);
	close(fd);
	return ret;
}

static int
maildir_file(int dir, const char *name, struct maildir_in *in)
{
	struct ctl_mail	*m = &in->mail;
	struct stat	 st;
	uint8_t		*data;
	char		 base[256];
	int		 fd, ret;

	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		/* a program that uses the maildir may have moved it */
		warnx("%s: passed over", log_vis(name, strlen(name)));
		if (fd != -1)
			close(fd);
		return 0;
	}
	data = maildir_bytes(fd, &m->len);
	close(fd);
	if (data == NULL) {
		warn("%s", log_vis(name, strlen(name)));
		return -1;
	}
	buf_reset(&m->words);
	m->nwords = 0;
	maildir_letters(in, name);
	m->box = in->box;
	m->received = (int64_t)st.st_mtime * 1000;
	m->data = data;
	strlcpy(base, name, sizeof(base));
	base[strcspn(base, ":")] = '\0';
	m->key = ctl_name_key(in->box, base, data, m->len);
	ret = in->fn(in->arg, m);
	free(data);
	return ret;
}

/* All bytes of a file, or NULL with errno. */
static uint8_t *
maildir_bytes(int fd, size_t *len)
{
	struct buf	 b;
	uint8_t		*p;
	ssize_t		 n;

	buf_init(&b, MAILDIR_MAX);
	for (;;) {
		if ((p = buf_reserve(&b, 65536)) == NULL) {
			errno = EFBIG;
			break;
		}
		if ((n = read(fd, p, 65536)) == -1 && errno == EINTR)
			continue;
		if (n == -1)
			break;
		buf_commit(&b, n);
		if (n == 0) {
			*len = b.len;
			return b.data;	/* the caller's now */
		}
	}
	buf_free(&b);
	return NULL;
}

static void
maildir_letters(struct maildir_in *in, const char *name)
{
	const char	*p = strstr(name, ":2,"), *word;
	size_t		 i;

	if (p == NULL)
		return;
	for (p += 3; *p != '\0' && *p != ','; p++) {
		for (i = 0; i < nitems(maildir_flags); i++)
			if (maildir_flags[i].letter == *p)
				ctl_name_word(&in->mail,
				    maildir_flags[i].word,
				    strlen(maildir_flags[i].word));
		if (*p < 'a' || *p > 'z')
			continue;
		if ((word = in->words.v[*p - 'a']) != NULL)
			ctl_name_word(&in->mail, word, strlen(word));
	}
}

/* Lines "0 word". */
static void
maildir_words_read(int dir, struct maildir_words *w)
{
	char		*line = NULL;
	size_t		 cap = 0;
	ssize_t		 n;
	long		 i;
	FILE		*f;
	char		*end;
	int		 fd;

	memset(w, 0, sizeof(*w));
	if ((fd = openat(dir, "dovecot-keywords", O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC)) == -1)
		return;
	if ((f = fdopen(fd, "r")) == NULL)
		err(1, NULL);
	while ((n = getline(&line, &cap, f)) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		i = strtol(line, &end, 10);
		if (end == line || *end != ' ' || i < 0 || i >= MAILDIR_WORDS)
			continue;
		free(w->v[i]);
		if ((w->v[i] = strdup(end + 1)) == NULL)
			err(1, NULL);
	}
	free(line);
	fclose(f);
}

static void
maildir_words_free(struct maildir_words *w)
{
	size_t	 i;

	for (i = 0; i < MAILDIR_WORDS; i++)
		free(w->v[i]);
	memset(w, 0, sizeof(*w));
}

/* --- writing ----------------------------------------------------------- */

struct maildir_out {
	int			 dir;	/* the folder that was named */
	char			*box;	/* the mailbox that is open .. */
	int			 fd;	/* .. and its folder */
	struct maildir_words	 words;
	char			 letters[MAILDIR_WORDS + 16];
	size_t			 nletters;
	uint64_t		 lost;	/* keywords beyond MAILDIR_WORDS */
};

static void	*maildir_open(const char *);
static int	 maildir_box(void *, const char *);
static int	 maildir_mail(void *, const struct ctl_mail *);
static int	 maildir_close(void *);
static int	 maildir_finish(struct maildir_out *);
static int	 maildir_words_write(struct maildir_out *);
static int	 maildir_enter(struct maildir_out *, const char *);
static int	 maildir_make(int);
static void	 maildir_letter(void *, const char *);
static int	 maildir_write(int, const char *, const struct ctl_mail *);

const struct ctl_sink	ctl_maildir_sink = {
	"maildir", maildir_open, maildir_box, maildir_mail, maildir_close
};

static void *
maildir_open(const char *path)
{
	struct maildir_out	*o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		err(1, NULL);
	o->fd = -1;
	if ((o->dir = ctl_name_folder(path)) == -1) {
		free(o);
		return NULL;
	}
	if (maildir_make(o->dir) == -1) {
		warn("%s", path);
		maildir_close(o);
		return NULL;
	}
	return o;
}

static int
maildir_close(void *arg)
{
	struct maildir_out	*o = arg;
	int			 ret;

	ret = maildir_finish(o);
	if (o->lost != 0)
		warnx("%" PRIu64 " keywords were left out: a maildir folder "
		    "holds %d kinds", o->lost, MAILDIR_WORDS);
	close(o->dir);
	free(o);
	return ret;
}

/* The mailbox that is open is complete: write its keywords. */
static int
maildir_finish(struct maildir_out *o)
{
	int	 ret = 0;

	if (o->fd != -1) {
		if (o->words.n > 0 && maildir_words_write(o) == -1) {
			warn("%s: dovecot-keywords", o->box);
			ret = -1;
		}
		close(o->fd);
	}
	o->fd = -1;
	maildir_words_free(&o->words);
	free(o->box);
	o->box = NULL;
	return ret;
}

static int
maildir_words_write(struct maildir_out *o)
{
	FILE	*f;
	size_t	 i;
	int	 fd, bad;

	if ((fd = openat(o->fd, "dovecot-keywords", O_WRONLY | O_CREAT |
	    O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) == -1 ||
	    (f = fdopen(fd, "w")) == NULL)
		return -1;
	for (i = 0; i < o->words.n; i++)
		fprintf(f, "%zu %s\n", i, o->words.v[i]);
	bad = ferror(f);
	return fclose(f) != 0 || bad ? -1 : 0;
}

static int
maildir_box(void *arg, const char *path)
{
	struct maildir_out	*o = arg;

	if (maildir_finish(o) == -1 || maildir_enter(o, path) == -1) {
		warn("%s", path);
		return -1;
	}
	return 0;
}

/* Open, or make, the folder of a mailbox. */
static int
maildir_enter(struct maildir_out *o, const char *path)
{
	char		 part[1024];
	struct buf	 name;
	const char	*p = path;
	int		 fd = -1, mark;

	buf_init(&name, MAILDIR_PATH);
	if (strcmp(path, "INBOX") == 0)
		buf_addc(&name, '.');
	else
		while (ctl_name_next(&p, part, sizeof(part)) == 1) {
			buf_addc(&name, '.');
			ctl_name_utf7(&name, part);
		}
	if (buf_str(&name) == NULL)
		errno = ENAMETOOLONG;
	else if (mkdirat(o->dir, buf_str(&name), 0700) == 0 ||
	    errno == EEXIST)
		fd = openat(o->dir, buf_str(&name), O_RDONLY | O_DIRECTORY |
		    O_NOFOLLOW | O_CLOEXEC);
	buf_free(&name);
	if (fd == -1)
		return -1;
	if (maildir_make(fd) == -1 || (o->box = strdup(path)) == NULL) {
		close(fd);
		return -1;
	}
	/* Maildir++: marks a folder that is not the top one */
	if (strcmp(path, "INBOX") != 0 && (mark = openat(fd, "maildirfolder",
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) != -1)
		close(mark);
	o->fd = fd;
	return 0;
}

static int
maildir_make(int fd)
{
	static const char *const	 subs[] = { "cur", "new", "tmp" };
	size_t				 i;

	for (i = 0; i < nitems(subs); i++)
		if (mkdirat(fd, subs[i], 0700) == -1 && errno != EEXIST)
			return -1;
	return 0;
}

static int
maildir_mail(void *arg, const struct ctl_mail *m)
{
	struct maildir_out	*o = arg;
	char			 name[256];
	int			 n;

	if ((o->box == NULL || strcmp(o->box, m->box) != 0) &&
	    maildir_box(o, m->box) == -1)
		return -1;
	o->nletters = 0;
	ctl_name_each(m, maildir_letter, o);
	o->letters[o->nletters] = '\0';
	n = snprintf(name, sizeof(name), "cur/%" PRId64 ".E%" PRIu64
	    ".jmapd:2,%s", m->received / 1000, m->key, o->letters);
	if (n < 0 || (size_t)n >= sizeof(name) ||
	    maildir_write(o->fd, name, m) == -1) {
		warn("%s", o->box);
		return -1;
	}
	return 0;
}

static int
maildir_char_cmp(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/* Letters stand in the order of ASCII. */
static void
maildir_letter(void *arg, const char *word)
{
	struct maildir_out	*o = arg;
	size_t			 i;
	int			 c = 0;

	for (i = 0; i < nitems(maildir_flags); i++)
		if (strcasecmp(maildir_flags[i].word, word) == 0)
			c = maildir_flags[i].letter;
	for (i = 0; c == 0 && i < o->words.n; i++)
		if (strcmp(o->words.v[i], word) == 0)
			c = 'a' + i;
	if (c == 0 && o->words.n == MAILDIR_WORDS) {
		o->lost++;
		return;
	}
	if (c == 0) {
		c = 'a' + o->words.n;
		if ((o->words.v[o->words.n++] = strdup(word)) == NULL)
			err(1, NULL);
	}
	if (o->nletters == sizeof(o->letters) - 1)
		return;
	o->letters[o->nletters++] = c;
	qsort(o->letters, o->nletters, 1, maildir_char_cmp);
}

/* By way of tmp, as everybody who writes into a maildir. */
static int
maildir_write(int dir, const char *name, const struct ctl_mail *m)
{
	struct timespec	 times[2];
	const uint8_t	*p = m->data;
	size_t		 n = m->len;
	ssize_t		 w;
	int		 fd, ret = -1;

	if ((fd = openat(dir, "tmp/mail", O_WRONLY | O_CREAT | O_TRUNC |
	    O_NOFOLLOW | O_CLOEXEC, 0600)) == -1)
		return -1;
	for (; n > 0; p += w, n -= w)
		if ((w = write(fd, p, n)) == -1)
			goto done;
	times[0].tv_sec = times[1].tv_sec = m->received / 1000;
	times[0].tv_nsec = times[1].tv_nsec = 0;
	if (futimens(fd, times) == -1 || fsync(fd) == -1)
		goto done;
	ret = renameat(dir, "tmp/mail", dir, name);
done:
	if (ret == -1)
		unlinkat(dir, "tmp/mail", 0);
	close(fd);
	return ret;
}
