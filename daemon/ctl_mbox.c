/* SPDX-License-Identifier: ISC */
/*
 * Mail from mbox files: one mailbox a file, a message after each From_ line
 * that stands at the start or after an empty line.  Called by ctl_mail.c.
 *
 * Ours are written (ctl_mbox_out.c) as mboxrd: a line of any number of '>'
 * and "From " gets one more '>', so that reading takes off what writing put
 * on.  mboxo files read well, too.  Line ends are kept as they are.  Times
 * are in UTC unless the line has a zone.
 *
 * Flags stand in the fields Status, X-Status and X-Keywords.  We write all
 * three, in this order, before the message's own first line, and take off
 * exactly that when reading; such fields elsewhere are read and stay.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/enc.h"
#include "common/log.h"
#include "common/utf8.h"
#include "daemon/ctl_mail.h"

#define MBOX_MAX	(2UL << 30)	/* bytes of one message */
#define MBOX_PATH	65000
#define MBOX_SUFFIX	".mbox"

static const struct ctl_flag mbox_status[] = {
	{ 'R', "$seen" },
	{ 'O', NULL },
};
const struct ctl_flag	ctl_mbox_xstatus[CTL_XSTATUS] = {
	{ 'A', "$answered" },
	{ 'D', "$deleted" },
	{ 'F', "$flagged" },
	{ 'T', "$draft" },
};

struct mbox_in {
	ctl_mail_fn	*fn;
	void		*arg;
	const char	*box;
	struct ctl_mail	 mail;
	struct buf	 data;
	char		 from[256];	/* the From_ line, for the key */
	int		 open;		/* a message has begun */
	int		 blank;		/* the line before was empty; it is
					 * held back */
	char		 held[3];
};

static int	mbox_dir(int, const char *, struct buf *, int, ctl_mail_fn *,
		    void *);
static int	mbox_entry(int, const char *, struct buf *, int, ctl_mail_fn *,
		    void *);
static int	mbox_file(int, const char *, const char *, ctl_mail_fn *,
		    void *);
static int	mbox_line(struct mbox_in *, const char *, size_t);
static int	mbox_end(struct mbox_in *);
static size_t	mbox_eol(const char *, size_t);
static void	mbox_name(struct buf *, const char *, size_t);
static size_t	mbox_flags(struct ctl_mail *, const char *, size_t);
static size_t	mbox_own(const char *, size_t);
static void	mbox_letters(struct ctl_mail *, const char *, size_t,
		    const struct ctl_flag *, size_t);
static void	mbox_words(struct ctl_mail *, const char *, size_t);
static int	mbox_word(const char **, const char *, const char **);
static int	mbox_month(const char *, size_t);
static int	mbox_clock(const char *, size_t, int64_t *);
static int	mbox_zone(const char *, size_t, int64_t *);

/* --- reading ----------------------------------------------------------- */

int
ctl_mbox_read(const char *path, const char *box, ctl_mail_fn *fn, void *arg)
{
	struct stat	 st;
	struct buf	 at;
	int		 fd, ret;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    fstat(fd, &st) == -1) {
		warn("%s", path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return mbox_file(fd, path, box != NULL ? box : "INBOX", fn,
		    arg);
	buf_init(&at, MBOX_PATH);
	if (box != NULL)
		buf_adds(&at, box);
	ret = mbox_dir(fd, path, &at, 0, fn, arg);
	buf_free(&at);
	return ret;
}

/* Every NAME.mbox below the folder fd, which is closed here. */
static int
mbox_dir(int fd, const char *shown, struct buf *at, int depth,
    ctl_mail_fn *fn, void *arg)
{
	struct ctl_list	 list;
	size_t		 i, len = at->len;
	int		 ret;

	if ((ret = ctl_name_list(fd, ".", &list)) == -1)
		warn("%s", log_vis(shown, strlen(shown)));
	for (i = 0; ret == 0 && i < list.n; i++) {
		if (list.v[i][0] != '.')
			ret = mbox_entry(fd, list.v[i], at, depth, fn, arg);
		at->len = len;
	}
	ctl_name_list_free(&list);
	close(fd);
	return ret;
}

static int
mbox_entry(int dir, const char *name, struct buf *at, int depth,
    ctl_mail_fn *fn, void *arg)
{
	struct stat	 st;
	size_t		 n = strlen(name), suffix = strlen(MBOX_SUFFIX);
	int		 fd;

	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		warn("%s: passed over", log_vis(name, n));
		if (fd != -1)
			close(fd);
		return 0;
	}
	if (S_ISDIR(st.st_mode) && depth < CTL_DEPTH) {
		mbox_name(at, name, n);
		return mbox_dir(fd, name, at, depth + 1, fn, arg);
	}
	if (S_ISREG(st.st_mode) && n > suffix &&
	    strcmp(name + n - suffix, MBOX_SUFFIX) == 0) {
		mbox_name(at, name, n - suffix);
		return mbox_file(fd, name, buf_str(at), fn, arg);
	}
	warnx("%s: passed over", log_vis(name, n));
	close(fd);
	return 0;
}

/* Names of ours are percent-encoded; others are taken as they stand. */
static void
mbox_name(struct buf *at, const char *name, size_t n)
{
	char	 plain[1024];
	ssize_t	 len;

	len = enc_pct_get(name, n, plain, sizeof(plain));
	if (len > 0 && memchr(plain, '\0', len) == NULL &&
	    utf8_valid(plain, len))
		ctl_name_add(at, plain, len);
	else if (utf8_valid(name, n))
		ctl_name_add(at, name, n);
	else
		ctl_name_add(at, "damaged-name", 12);
}

/* One file; fd is closed here. */
static int
mbox_file(int fd, const char *shown, const char *box, ctl_mail_fn *fn,
    void *arg)
{
	struct mbox_in	 in;
	char		*line = NULL;
	size_t		 cap = 0;
	ssize_t		 n;
	FILE		*f;
	int		 ret = 0;

	memset(&in, 0, sizeof(in));
	in.fn = fn;
	in.arg = arg;
	in.box = box;
	buf_init(&in.data, MBOX_MAX);
	buf_init(&in.mail.words, CTL_WORDS);
	if ((f = fdopen(fd, "r")) == NULL)
		err(1, NULL);
	ret = ctl_name_box(fn, arg, box);
	while (ret == 0 && (n = getline(&line, &cap, f)) > 0)
		ret = mbox_line(&in, line, n);
	if (ret == 0 && ferror(f)) {
		warn("%s", log_vis(shown, strlen(shown)));
		ret = -1;
	}
	if (ret == 0)
		ret = mbox_end(&in);
	free(line);
	fclose(f);
	buf_free(&in.data);
	buf_free(&in.mail.words);
	return ret;
}

/* Length of a line without its end. */
static size_t
mbox_eol(const char *p, size_t n)
{
	if (n > 0 && p[n - 1] == '\n')
		n--;
	if (n > 0 && p[n - 1] == '\r')
		n--;
	return n;
}

static int
mbox_line(struct mbox_in *in, const char *p, size_t n)
{
	size_t	 bare = mbox_eol(p, n), q;
	int64_t	 ms;
	int	 ret;

	if ((!in->open || in->blank) && ctl_mbox_from(p, bare, &ms)) {
		in->blank = 0;		/* the empty line is the separator */
		ret = mbox_end(in);
		in->open = 1;
		in->mail.received = ms;
		if (bare >= sizeof(in->from))
			bare = sizeof(in->from) - 1;
		memcpy(in->from, p, bare);
		in->from[bare] = '\0';
		return ret;
	}
	if (!in->open) {
		if (bare == 0)
			return 0;
		warnx("not an mbox file: it does not begin with \"From \"");
		return -1;
	}
	if (in->blank)
		buf_adds(&in->data, in->held);
	if ((in->blank = bare == 0)) {
		memcpy(in->held, p, n);
		in->held[n] = '\0';
		return 0;
	}
	q = strspn(p, ">");
	if (q > 0 && n - q >= 5 && memcmp(p + q, "From ", 5) == 0) {
		p++;
		n--;
	}
	if (buf_add(&in->data, p, n) == -1) {
		warnx("a message is too big for this machine's memory");
		return -1;
	}
	return 0;
}

/* The message is complete. */
static int
mbox_end(struct mbox_in *in)
{
	struct ctl_mail	*m = &in->mail;
	size_t		 skip;
	int		 ret;

	if (!in->open)
		return 0;
	buf_reset(&m->words);
	m->nwords = 0;
	skip = mbox_flags(m, (const char *)in->data.data, in->data.len);
	m->box = in->box;
	m->data = in->data.data + skip;
	m->len = in->data.len - skip;
	if (in->data.data == NULL)
		m->data = (const uint8_t *)"";
	m->key = ctl_name_key(in->box, in->from, m->data, m->len);
	ret = in->fn(in->arg, m);
	buf_reset(&in->data);
	return ret;
}

/*
 * Read the flags from the header; how many bytes at its start are not the
 * message's.
 */
static size_t
mbox_flags(struct ctl_mail *m, const char *p, size_t n)
{
	const char	*v;
	size_t		 len, vlen, own = mbox_own(p, n);

	if (own != 0)
		n = own;	/* they say all */
	for (; n > 0; p += len, n -= len) {
		if ((len = ctl_mbox_field(p, n, "Status", &v, &vlen)) > 0)
			mbox_letters(m, v, vlen, mbox_status,
			    nitems(mbox_status));
		else if ((len = ctl_mbox_field(p, n, "X-Status", &v,
		    &vlen)) > 0)
			mbox_letters(m, v, vlen, ctl_mbox_xstatus,
			    CTL_XSTATUS);
		else if ((len = ctl_mbox_field(p, n, "X-Keywords", &v,
		    &vlen)) > 0)
			mbox_words(m, v, vlen);
		else if ((len = ctl_mbox_field(p, n, "", &v, &vlen)) == 0)
			break;		/* the header ends */
	}
	return own;
}

/* Bytes of the three fields that mbox_block writes, or 0. */
static size_t
mbox_own(const char *p, size_t n)
{
	static const char *const names[] = {
		"Status", "X-Status", "X-Keywords"
	};
	const char	*v;
	size_t		 i, len, vlen, off = 0;

	for (i = 0; i < nitems(names); i++) {
		if (off >= n || (len = ctl_mbox_field(p + off, n - off,
		    names[i], &v, &vlen)) == 0)
			return 0;
		off += len;
	}
	return off;
}

size_t
ctl_mbox_field(const char *p, size_t n, const char *name, const char **v,
    size_t *vlen)
{
	const char	*nl = memchr(p, '\n', n);
	size_t		 len = nl == NULL ? n : (size_t)(nl - p) + 1;
	size_t		 k = strlen(name);

	if (mbox_eol(p, len) == 0)
		return 0;
	if (k == 0)
		return len;
	if (len <= k || p[k] != ':' || !utf8_caseis(p, k, name))
		return 0;
	*v = p + k + 1;
	*vlen = mbox_eol(p, len) - k - 1;
	return len;
}

static void
mbox_letters(struct ctl_mail *m, const char *p, size_t n,
    const struct ctl_flag *flag, size_t nflag)
{
	size_t	 i;

	for (; n > 0; n--, p++)
		for (i = 0; i < nflag; i++)
			if (*p == flag[i].letter && flag[i].word != NULL)
				ctl_name_word(m, flag[i].word,
				    strlen(flag[i].word));
}

static void
mbox_words(struct ctl_mail *m, const char *p, size_t n)
{
	const char	*end = p + n, *word;

	while (mbox_word(&p, end, &word))
		ctl_name_word(m, word, p - word);
}

/* --- the From_ line ---------------------------------------------------- */

/* The next run of non-blanks: *word to *p; 1 or 0. */
static int
mbox_word(const char **p, const char *end, const char **word)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	for (*word = *p; *p < end && **p != ' ' && **p != '\t'; (*p)++)
		;
	return *p > *word;
}

/*
 * "From " address [weekday] month day hh:mm[:ss] [zone] year [zone]
 * The address may have blanks: the weekday is looked for.
 */
int
ctl_mbox_from(const char *line, size_t len, int64_t *ms)
{
	static const char	 days[] = "MonTueWedThuFriSatSun";
	const char		*p = line + 5, *end = line + len, *w;
	int64_t			 t, zone = 0, year = 0;
	int			 i, month = 0, day;

	if (len < 6 || memcmp(line, "From ", 5) != 0)
		return 0;
	while (month == 0 && mbox_word(&p, end, &w)) {
		for (i = 0; i < 7; i++)
			if (p - w == 3 && memcmp(w, days + i * 3, 3) == 0)
				break;
		if (i < 7 && mbox_word(&p, end, &w))
			month = mbox_month(w, p - w);
	}
	if (month == 0 || !mbox_word(&p, end, &w) || !isdigit((uint8_t)*w))
		return 0;
	day = atoi(w);
	if (!mbox_word(&p, end, &w) || mbox_clock(w, p - w, &t) == -1)
		return 0;
	while (mbox_word(&p, end, &w))
		if (mbox_zone(w, p - w, &zone) == 0)
			continue;
		else if (p - w == 4 && isdigit((uint8_t)*w))
			year = atoi(w);
	if (day < 1 || day > 31 || year < 1970)
		return 0;
	*ms = (date_days(year, month, day) * 86400 + t - zone * 60) * 1000;
	return 1;
}

static int
mbox_month(const char *p, size_t n)
{
	static const char	 names[] =
	    "JanFebMarAprMayJunJulAugSepOctNovDec";
	int			 i;

	for (i = 0; n == 3 && i < 12; i++)
		if (memcmp(p, names + i * 3, 3) == 0)
			return i + 1;
	return 0;
}

/* hh:mm or hh:mm:ss in seconds. */
static int
mbox_clock(const char *p, size_t n, int64_t *t)
{
	size_t	 i;

	if (n != 5 && n != 8)
		return -1;
	for (i = 0; i < n; i++)
		if (i % 3 == 2 ? p[i] != ':' : !isdigit((uint8_t)p[i]))
			return -1;
	*t = atoi(p) * 3600 + atoi(p + 3) * 60 + (n == 8 ? atoi(p + 6) : 0);
	return 0;
}

/* "+0100" in minutes; names of zones other than UTC's are not believed. */
static int
mbox_zone(const char *p, size_t n, int64_t *zone)
{
	int	 v;

	if (n != 5 || (*p != '+' && *p != '-'))
		return -1;
	v = atoi(p + 1);
	*zone = (v / 100 * 60 + v % 100) * (*p == '-' ? -1 : 1);
	return 0;
}
