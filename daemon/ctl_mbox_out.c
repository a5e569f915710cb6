/* SPDX-License-Identifier: ISC */
/*
 * Mail to mbox files, one for each mailbox, as ctl_mbox.c reads them: mboxrd
 * quoting, the flags in three fields before the message's first line, line
 * ends as they are.  Called by ctl_mail.c.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ctl_mail.h"

#define MBOX_PATH	65000
#define MBOX_SUFFIX	".mbox"

struct mbox_out {
	int		 dir;		/* the folder that was named */
	char		*box;		/* whose file is open */
	FILE		*f;
};

static void	*mbox_open(const char *);
static int	 mbox_box(void *, const char *);
static int	 mbox_mail(void *, const struct ctl_mail *);
static int	 mbox_close(void *);
static int	 mbox_finish(struct mbox_out *);
static int	 mbox_create(struct mbox_out *, const char *);
static void	 mbox_from(FILE *, const struct ctl_mail *);
static void	 mbox_block(FILE *, const struct ctl_mail *);
static void	 mbox_keyword(void *, const char *);
static void	 mbox_body(FILE *, const char *, size_t);

const struct ctl_sink	ctl_mbox_sink = {
	"mbox", mbox_open, mbox_box, mbox_mail, mbox_close
};

static void *
mbox_open(const char *path)
{
	struct mbox_out	*o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		err(1, NULL);
	if ((o->dir = ctl_name_folder(path)) == -1) {
		free(o);
		return NULL;
	}
	return o;
}

static int
mbox_close(void *arg)
{
	struct mbox_out	*o = arg;
	int		 ret;

	ret = mbox_finish(o);
	close(o->dir);
	free(o);
	return ret;
}

/* Close the file that is open: nothing lost that was written. */
static int
mbox_finish(struct mbox_out *o)
{
	int	 bad = 0;

	if (o->f != NULL) {
		bad = ferror(o->f) | fflush(o->f) | fsync(fileno(o->f));
		bad |= fclose(o->f);
		if (bad)
			warn("%s", o->box);
	}
	o->f = NULL;
	free(o->box);
	o->box = NULL;
	return bad ? -1 : 0;
}

/* Make folders and the empty file.  Mails of a box come together, later. */
static int
mbox_box(void *arg, const char *path)
{
	struct mbox_out	*o = arg;

	return mbox_finish(o) == -1 || mbox_create(o, path) == -1 ? -1 : 0;
}

/* Open the file of a box, to append. */
static int
mbox_create(struct mbox_out *o, const char *path)
{
	char		 part[1024];
	struct buf	 name;
	const char	*p = path;
	int		 dir = dup(o->dir), next, fd, ret = -1;

	buf_init(&name, MBOX_PATH);
	while (dir != -1 && ctl_name_next(&p, part, sizeof(part)) == 1) {
		buf_reset(&name);
		ctl_name_file(&name, part);
		if (*p == '\0')
			break;
		mkdirat(dir, buf_str(&name), 0700);
		next = openat(dir, buf_str(&name), O_RDONLY | O_DIRECTORY |
		    O_NOFOLLOW | O_CLOEXEC);
		close(dir);
		dir = next;
	}
	buf_adds(&name, MBOX_SUFFIX);
	if (dir == -1 || buf_str(&name) == NULL || (fd = openat(dir,
	    buf_str(&name), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW |
	    O_CLOEXEC, 0600)) == -1)
		goto done;
	if ((o->f = fdopen(fd, "a")) == NULL || (o->box = strdup(path)) == NULL)
		err(1, NULL);
	ret = 0;
done:
	if (ret == -1)
		warn("%s", path);
	if (dir != -1)
		close(dir);
	buf_free(&name);
	return ret;
}

static int
mbox_mail(void *arg, const struct ctl_mail *m)
{
	struct mbox_out	*o = arg;

	if ((o->box == NULL || strcmp(o->box, m->box) != 0) &&
	    mbox_box(o, m->box) == -1)
		return -1;
	mbox_from(o->f, m);
	mbox_block(o->f, m);
	mbox_body(o->f, (const char *)m->data, m->len);
	if (ferror(o->f)) {
		warn("%s", o->box);
		return -1;
	}
	return 0;
}

/* The sender of the Return-Path field if it is a plain address. */
static void
mbox_from(FILE *f, const struct ctl_mail *m)
{
	const char	*v = NULL;
	char		 when[64];
	size_t		 vlen = 0, i;
	time_t		 t = m->received / 1000;
	struct tm	 tm;

	if (ctl_mbox_field((const char *)m->data, m->len, "Return-Path", &v,
	    &vlen)) {
		while (vlen > 0 && strchr(" \t<", *v) != NULL)
			v++, vlen--;
		while (vlen > 0 && strchr(" \t>", v[vlen - 1]) != NULL)
			vlen--;
		for (i = 0; i < vlen; i++)
			if (v[i] <= ' ' || v[i] >= 0x7f)
				vlen = 0;
	}
	if (vlen == 0 || vlen > 320) {
		v = "MAILER-DAEMON";
		vlen = strlen(v);
	}
	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm);
	fprintf(f, "From %.*s %s\n", (int)vlen, v, when);
}

/* The three fields that carry the flags. */
static void
mbox_block(FILE *f, const struct ctl_mail *m)
{
	const uint8_t	*nl = memchr(m->data, '\n', m->len);
	const char	*eol = nl != NULL && nl > m->data && nl[-1] == '\r' ?
			    "\r\n" : "\n";
	size_t		 i;

	fprintf(f, "Status: %sO%s", ctl_name_has(m, "$seen") ? "R" : "", eol);
	fputs("X-Status: ", f);
	for (i = 0; i < CTL_XSTATUS; i++)
		if (ctl_name_has(m, ctl_mbox_xstatus[i].word))
			putc(ctl_mbox_xstatus[i].letter, f);
	fprintf(f, "%sX-Keywords:", eol);
	ctl_name_each(m, mbox_keyword, f);
	fputs(eol, f);
}

static void
mbox_keyword(void *arg, const char *word)
{
	size_t	 i;

	if (strcasecmp(word, "$seen") == 0)
		return;
	for (i = 0; i < CTL_XSTATUS; i++)
		if (strcasecmp(word, ctl_mbox_xstatus[i].word) == 0)
			return;
	fprintf(arg, " %s", word);
}

/* Quoted, ended, and an empty line behind. */
static void
mbox_body(FILE *f, const char *p, size_t n)
{
	const char	*nl;
	size_t		 len, q;

	while (n > 0) {
		nl = memchr(p, '\n', n);
		len = nl == NULL ? n : (size_t)(nl - p) + 1;
		for (q = 0; q < len && p[q] == '>'; q++)
			;
		if (len - q >= 5 && memcmp(p + q, "From ", 5) == 0)
			putc('>', f);
		fwrite(p, 1, len, f);
		if (nl == NULL)
			putc('\n', f);
		p += len;
		n -= len;
	}
	putc('\n', f);
}
