/* SPDX-License-Identifier: ISC */
/*
 * jmapctl import, export and check: the conversation with the worker that
 * worker/stream.h describes, and a line on a terminal that shows how far it
 * is.  Called by ctl.c; files are read and written by ctl_mbox.c and
 * ctl_maildir.c.
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

#include "common/date.h"
#include "common/imsg.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/row.h"
#include "daemon/ctl.h"
#include "daemon/ctl_mail.h"

#define MAIL_BATCH	100		/* mails between two SYNCs .. */
#define MAIL_BYTES	(4 << 20)	/* .. or bytes */
#define MAIL_PIECE	60000		/* bytes of one ST_DATA */
#define MAIL_AHEAD	2		/* SYNCs that may be unanswered */
#define MAIL_QUEUE	(1 << 20)	/* bytes unsent before we wait */
#define MAIL_SHOW_MS	200		/* between two progress lines */
#define MAIL_MAX	(2UL << 30)	/* bytes of one message */

static const struct ctl_form {
	const char		*name;
	int			(*read)(const char *, const char *,
				    ctl_mail_fn *, void *);
	const struct ctl_sink	*sink;
} mail_forms[] = {
	{ "mbox",	ctl_mbox_read,		&ctl_mbox_sink },
	{ "maildir",	ctl_maildir_read,	&ctl_maildir_sink },
};

/* A stream, and what has come of it. */
struct mail_stream {
	struct imsgbuf	 ib;
	const char	*doing;		/* "imported" */
	uint64_t	 sent, done, bytes;
	uint32_t	 known, refused;
	unsigned int	 ahead;		/* SYNCs without an answer */
	int		 failed;	/* the worker gave up */
	int		 end;		/* it said the last word */
	int64_t		 begun, shown;
	/* import */
	char		**box;		/* by number */
	uint32_t	 nbox;
	int		 boxed;		/* the answer to ST_BOX came */
	int		 again;		/* -a: forget earlier imports */
	unsigned int	 batch;		/* mails since the last SYNC */
	size_t		 batchlen;
	/* export */
	const struct ctl_sink *sink;
	void		*out;
	struct ctl_mail	 mail;		/* whose data is coming */
	struct buf	 data;
	uint64_t	 left;		/* bytes of it to come */
};

/* How a message of the worker is taken; 0, or -1: the stream is no good. */
typedef int	 mail_take(struct mail_stream *, const struct imsg *,
		    const void *fixed, const uint8_t *tail, size_t n);

static const struct ctl_form	*mail_form(const char *);
static int	mail_begin(struct mail_stream *, uint32_t, const char *,
		    const char *);
static void	mail_finish(struct mail_stream *);
static int	mail_say(struct mail_stream *, uint32_t, uint32_t,
		    const void *, const void *, size_t);
static int	mail_wait(struct mail_stream *, int);
static int	mail_hear(struct mail_stream *);
static int	mail_one(struct mail_stream *, const struct imsg *);
static mail_take mail_ok, mail_fail, mail_got_box, mail_got_mail;
static mail_take mail_got_data, mail_row;
static int	mail_whole(struct mail_stream *);
static int	mail_send(void *, struct ctl_mail *);
static int	mail_box(struct mail_stream *, const char *, uint32_t *);
static int	mail_sync(struct mail_stream *);
static int	mail_drain(struct mail_stream *);
static void	mail_progress(struct mail_stream *, int);
static void	mail_result(struct mail_stream *);

static mail_take *const mail_takes[MSG_MAX] = {
	[MSG_ST_OK]	= mail_ok,
	[MSG_ST_FAIL]	= mail_fail,
	[MSG_ST_BOX]	= mail_got_box,
	[MSG_ST_MAIL]	= mail_got_mail,
	[MSG_ST_DATA]	= mail_got_data,
	[MSG_ST_ROW]	= mail_row,
};

static const struct ctl_form *
mail_form(const char *name)
{
	size_t	 i;

	for (i = 0; i < nitems(mail_forms); i++)
		if (strcmp(mail_forms[i].name, name) == 0)
			return &mail_forms[i];
	errx(CTL_USAGE, "%s: neither mbox nor maildir", name);
}

/* --- verbs ------------------------------------------------------------- */

int
ctl_mail_import(int argc, char *argv[])
{
	struct mail_stream	 s;
	const struct ctl_form	*form;
	char			*box = NULL;
	int			 c, ret, again = 0;

	optind = 1;
	while ((c = getopt(argc, argv, "+am:")) != -1)
		switch (c) {
		case 'a':
			again = 1;
			break;
		case 'm':
			box = ctl_name_typed(optarg);
			break;
		default:
			return ctl_usage();
		}
	if (argc - optind != 3)
		return ctl_usage();
	argv += optind;
	form = mail_form(argv[1]);
	if (mail_begin(&s, MSG_STREAM_IMPORT, argv[0], "imported") == -1)
		return CTL_FAILED;
	s.again = again;
	ret = form->read(argv[2], box, mail_send, &s);
	/* also after an error: what was read shall be kept */
	if (!s.failed && (mail_sync(&s) == -1 || mail_drain(&s) == -1))
		ret = -1;
	mail_progress(&s, 1);
	mail_result(&s);
	c = ret != 0 || s.failed || s.refused != 0;
	mail_finish(&s);
	free(box);
	return c;
}

int
ctl_mail_export(int argc, char *argv[])
{
	struct msg_st_go	 go = { 0 };
	struct mail_stream	 s;
	const struct ctl_form	*form;
	int			 ret = -1;

	if (argc != 4)
		return ctl_usage();
	form = mail_form(argv[2]);
	if (mail_begin(&s, MSG_STREAM_EXPORT, argv[1], "exported") == -1)
		return CTL_FAILED;
	s.sink = form->sink;
	if ((s.out = form->sink->open(argv[3])) == NULL)
		goto done;
	ret = mail_say(&s, MSG_ST_GO, 0, &go, NULL, 0);
	while (ret == 0 && !s.end && !s.failed)
		ret = mail_wait(&s, 1);
	if (form->sink->close(s.out) == -1)
		ret = -1;
	mail_progress(&s, 1);
	mail_result(&s);
done:
	ret = ret != 0 || s.failed;
	mail_finish(&s);
	return ret;
}

int
ctl_mail_check(int argc, char *argv[])
{
	struct msg_st_go	 go = { 0 };
	struct mail_stream	 s;
	int			 c, ret;

	optind = 1;
	while ((c = getopt(argc, argv, "+r")) != -1) {
		if (c != 'r')
			return ctl_usage();
		go.flags = 1;
	}
	if (argc - optind != 1)
		return ctl_usage();
	if (mail_begin(&s, MSG_STREAM_CHECK, argv[optind], "checked") == -1)
		return CTL_FAILED;
	ret = mail_say(&s, MSG_ST_GO, 0, &go, NULL, 0);
	while (ret == 0 && !s.end && !s.failed)
		ret = mail_wait(&s, 1);
	if (s.end && ctl_json)
		printf("{\"differences\":%" PRIu64 "}\n", s.done);
	else if (s.end)
		printf("%" PRIu64 " differences%s\n", s.done,
		    go.flags && s.done > 0 ? ", repaired" : "");
	ret = ret != 0 || s.failed || s.done != 0;
	mail_finish(&s);
	return ret;
}

/* --- the stream -------------------------------------------------------- */

static int
mail_begin(struct mail_stream *s, uint32_t kind, const char *account,
    const char *doing)
{
	int	 fd;

	memset(s, 0, sizeof(*s));
	s->doing = doing;
	s->begun = date_mono();
	buf_init(&s->mail.words, CTL_WORDS);
	buf_init(&s->data, MAIL_MAX);
	if ((fd = ctl_stream(kind, account)) == -1)
		return -1;
	if (imsgbuf_init(&s->ib, fd) == -1)
		err(1, NULL);
	return 0;
}

static void
mail_finish(struct mail_stream *s)
{
	imsgbuf_clear(&s->ib);
	while (s->nbox > 0)
		free(s->box[--s->nbox]);
	free(s->box);
	buf_free(&s->mail.words);
	buf_free(&s->data);
}

static int
mail_say(struct mail_stream *s, uint32_t type, uint32_t id,
    const void *fixed, const void *tail, size_t n)
{
	if (imsg_compose(&s->ib, type, id, -1, fixed, msg_rules[type].len,
	    tail, n) == -1) {
		warn("%s", msg_name(type));
		s->failed = 1;
		return -1;
	}
	return mail_wait(s, 0);
}

/* Write what fits, take what there is.  answer: until something came. */
static int
mail_wait(struct mail_stream *s, int answer)
{
	struct pollfd	 pfd = { s->ib.fd, POLLIN, 0 };
	int		 n;

	do {
		if (imsgbuf_write(&s->ib) == -1 && errno != EAGAIN) {
			/* it may have said why: read that */
			answer = 1;
		}
		pfd.events = POLLIN;
		if (imsgbuf_pending(&s->ib))
			pfd.events |= POLLOUT;
		n = poll(&pfd, 1, answer || buf_left(&s->ib.out) >
		    MAIL_QUEUE ? -1 : 0);
		if (n == -1 && errno != EINTR)
			err(1, "poll");
		if (n == 1 && (pfd.revents & (POLLIN | POLLHUP))) {
			if (mail_hear(s) == -1)
				return -1;
			answer = 0;
		}
		mail_progress(s, 0);
	} while (answer || buf_left(&s->ib.out) > MAIL_QUEUE);
	return s->failed ? -1 : 0;
}

static int
mail_hear(struct mail_stream *s)
{
	struct imsg	 im;
	int		 n;

	if ((n = imsgbuf_read(&s->ib)) == -1 && errno == EAGAIN)
		return 0;
	if (n != 1) {
		if (!s->failed)
			warnx("the server went away");
		s->failed = 1;
		return -1;
	}
	while ((n = imsg_get(&s->ib, &im)) == 1)
		if (mail_one(s, &im) == -1)
			return -1;
	if (n == -1)
		warnx("the server broke the framing");
	return n;
}

/* One message; fixed parts are copied to where they are aligned. */
static int
mail_one(struct mail_stream *s, const struct imsg *im)
{
	uint64_t	 fixed[8];
	size_t		 len;

	if (im->fd != -1)
		close(im->fd);
	if (!msg_ok(im->hdr.type, im->hdr.len, im->fd != -1, PROC_WORKER,
	    PROC_CTL) || mail_takes[im->hdr.type] == NULL ||
	    (len = msg_rules[im->hdr.type].len) > sizeof(fixed)) {
		warnx("the server said something strange");
		s->failed = 1;
		return -1;
	}
	memcpy(fixed, im->data, len);
	return mail_takes[im->hdr.type](s, im, fixed, im->data + len,
	    im->hdr.len - len);
}

static int
mail_ok(struct mail_stream *s, const struct imsg *im, const void *fixed,
    const uint8_t *tail, size_t n)
{
	const struct msg_st_ok	*ok = fixed;

	(void)tail;
	(void)n;
	if (s->sink == NULL && s->nbox != 0 && !s->boxed) {
		s->boxed = 1;
		return 0;
	}
	s->done = ok->done;
	s->known = ok->box;
	if (s->ahead > 0)
		s->ahead--;
	else if (ok->code == 0)
		s->end = 1;
	else
		return mail_say(s, MSG_ST_SYNC, im->hdr.id, NULL, NULL, 0);
	return 0;
}

/* code 0: one mail was refused; else it is over. */
static int
mail_fail(struct mail_stream *s, const struct imsg *im, const void *fixed,
    const uint8_t *tail, size_t n)
{
	const struct msg_st_ok	*ok = fixed;

	mail_progress(s, 1);
	if (ok->code == 0) {
		s->refused++;
		warnx("mail %u: %s", im->hdr.id, log_vis(tail, n));
		return 0;
	}
	warnx("%s", log_vis(tail, n));
	s->failed = 1;
	return -1;
}

/* --- import ------------------------------------------------------------ */

static int
mail_send(void *arg, struct ctl_mail *m)
{
	struct mail_stream	*s = arg;
	struct msg_st_mail	 head;
	size_t			 off, n;

	memset(&head, 0, sizeof(head));
	if (mail_box(s, m->box, &head.box) == -1)
		return -1;
	if (m->data == NULL)
		return 0;
	head.size = m->len;
	head.received = m->received;
	head.key = s->again ? 0 : m->key;
	head.nkeywords = m->nwords;
	if (mail_say(s, MSG_ST_MAIL, (uint32_t)++s->sent, &head,
	    m->words.data, m->words.len) == -1)
		return -1;
	for (off = 0; off < m->len; off += n) {
		n = m->len - off < MAIL_PIECE ? m->len - off : MAIL_PIECE;
		if (mail_say(s, MSG_ST_DATA, 0, NULL, m->data + off, n) == -1)
			return -1;
	}
	s->bytes += m->len;
	s->batchlen += m->len;
	if (++s->batch < MAIL_BATCH && s->batchlen < MAIL_BYTES)
		return 0;
	return mail_sync(s);
}

/* Everything so far onto the disk; a few of these may be on their way. */
static int
mail_sync(struct mail_stream *s)
{
	s->batch = 0;
	s->batchlen = 0;
	s->ahead++;
	if (mail_say(s, MSG_ST_SYNC, 0, NULL, NULL, 0) == -1)
		return -1;
	while (s->ahead > MAIL_AHEAD)
		if (mail_wait(s, 1) == -1)
			return -1;
	return 0;
}

static int
mail_drain(struct mail_stream *s)
{
	while (s->ahead > 0)
		if (mail_wait(s, 1) == -1)
			return -1;
	return 0;
}

/* The number of a mailbox, which is made at the server if need be. */
static int
mail_box(struct mail_stream *s, const char *path, uint32_t *number)
{
	struct msg_st_box	 box = { s->nbox, 0 };

	/* mails of a mailbox come together: look from the end */
	for (*number = s->nbox; *number > 0; (*number)--)
		if (strcmp(s->box[*number - 1], path) == 0) {
			(*number)--;
			return 0;
		}
	/* its answer must not be taken for that of a SYNC */
	if (mail_drain(s) == -1)
		return -1;
	s->box = recallocarray(s->box, s->nbox, s->nbox + 1, sizeof(*s->box));
	if (s->box == NULL || (s->box[s->nbox] = strdup(path)) == NULL)
		err(1, NULL);
	*number = s->nbox++;
	s->boxed = 0;
	if (mail_say(s, MSG_ST_BOX, 0, &box, path, strlen(path)) == -1)
		return -1;
	while (!s->boxed)
		if (mail_wait(s, 1) == -1)
			return -1;
	return 0;
}

/* --- export ------------------------------------------------------------ */

static int
mail_got_box(struct mail_stream *s, const struct imsg *im, const void *fixed,
    const uint8_t *tail, size_t n)
{
	const struct msg_st_box	*box = fixed;

	(void)im;
	if (s->sink == NULL || box->box != s->nbox ||
	    memchr(tail, '\0', n) != NULL) {
		s->failed = 1;
		return -1;
	}
	s->box = recallocarray(s->box, s->nbox, s->nbox + 1, sizeof(*s->box));
	if (s->box == NULL || (s->box[s->nbox] =
	    strndup((const char *)tail, n)) == NULL)
		err(1, NULL);
	if (s->sink->box(s->out, s->box[s->nbox++]) == -1) {
		s->failed = 1;
		return -1;
	}
	return 0;
}

static int
mail_got_mail(struct mail_stream *s, const struct imsg *im, const void *fixed,
    const uint8_t *tail, size_t n)
{
	const struct msg_st_mail	*head = fixed;

	(void)im;
	if (s->sink == NULL || s->left != 0 || head->box >= s->nbox ||
	    (n != 0 && tail[n - 1] != '\0')) {
		s->failed = 1;
		return -1;
	}
	buf_reset(&s->data);
	buf_reset(&s->mail.words);
	buf_add(&s->mail.words, tail, n);
	s->mail.nwords = head->nkeywords;
	s->mail.box = s->box[head->box];
	s->mail.received = head->received;
	s->mail.key = head->key;
	s->left = head->size;
	return s->left == 0 ? mail_whole(s) : 0;
}

static int
mail_got_data(struct mail_stream *s, const struct imsg *im, const void *fixed,
    const uint8_t *tail, size_t n)
{
	(void)im;
	(void)fixed;
	if (s->sink == NULL || n > s->left ||
	    buf_add(&s->data, tail, n) == -1) {
		warnx("a mail is too big");
		s->failed = 1;
		return -1;
	}
	s->left -= n;
	s->bytes += n;
	return s->left == 0 ? mail_whole(s) : 0;
}

static int
mail_whole(struct mail_stream *s)
{
	s->mail.data = s->data.data != NULL ? s->data.data :
	    (const uint8_t *)"";
	s->mail.len = s->data.len;
	s->sent++;
	if (s->sink->mail(s->out, &s->mail) == 0)
		return 0;
	s->failed = 1;
	return -1;
}

/* --- for people -------------------------------------------------------- */

static int
mail_row(struct mail_stream *s, const struct imsg *im, const void *fixed,
    const uint8_t *tail, size_t n)
{
	const char	*line = row_get(tail, n, "difference");

	(void)s;
	(void)im;
	(void)fixed;
	if (line != NULL)
		fprintf(ctl_json ? stderr : stdout, "%s\n",
		    log_vis(line, strlen(line)));
	return 0;
}

/* A line that is written over, on a terminal; clear: take it away. */
static void
mail_progress(struct mail_stream *s, int clear)
{
	int64_t	 now = date_mono(), ms = now - s->begun;

	if (!isatty(STDERR_FILENO) || (s->shown == 0 && clear) ||
	    (!clear && now - s->shown < MAIL_SHOW_MS))
		return;
	s->shown = clear ? 0 : now;
	if (clear)
		fprintf(stderr, "\r\033[K");
	else
		fprintf(stderr, "\r%" PRIu64 " mails, %" PRIu64 " MB, "
		    "%" PRIu64 "/s \033[K", s->sent, s->bytes >> 20,
		    ms > 0 ? s->sent * 1000 / (uint64_t)ms : 0);
}

static void
mail_result(struct mail_stream *s)
{
	uint64_t	 fresh = s->done - s->known;

	if (ctl_json)
		printf("{\"%s\":%" PRIu64 ",\"known\":%u,\"refused\":%u,"
		    "\"bytes\":%" PRIu64 ",\"complete\":%s}\n", s->doing,
		    fresh, s->known, s->refused, s->bytes,
		    s->failed ? "false" : "true");
	else if (s->sink != NULL)
		printf("%" PRIu64 " mails exported\n", s->sent);
	else
		printf("%" PRIu64 " mails imported, %u were there already, "
		    "%u refused\n", fresh, s->known, s->refused);
	if (s->failed && s->sink == NULL)
		warnx("not complete: run it again, no mail comes twice");
}
