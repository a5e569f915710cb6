/* SPDX-License-Identifier: ISC */
/*
 * The queue process started by a test, which is its parent, its auth and its
 * workers.  Included by t_queue_role.c and t_queue_death.c.
 */
#ifndef UNIT_QUEUE_HELP_H
#define UNIT_QUEUE_HELP_H

#include "common/compat.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/proc.h"
#include "common/queue_ask.h"
#include "common/row.h"
#include "daemon/daemon.h"

#define NOBODY	65534
#define WAIT_MS	5000

enum pipe { PARENT, AUTH, WORK0, CALLS0, WORK1, CALLS1, PIPES };

/* The last message that expect() found. */
static struct {
	uint32_t	 type, id;
	uint64_t	 fixed[64];
	uint8_t		 tail[IMSG_MAX + 1];
	size_t		 len;
} got;

#define GOT(t)	((const struct t *)got_fixed())

static const void *
got_fixed(void)
{
	return got.fixed;
}

static struct proc_peer	 peers[PIPES];
static char		 dir[64];
static pid_t		 child;
static uint32_t		 generation;
static uint32_t		 last_id;
static uint64_t		 limit;		/* max-messages, 0 the default */
static int		 auth_down;
static rlim_t		 disk;		/* bytes of a file, 0 no limit */

/* --- the process -------------------------------------------------------- */

static void
nothing(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
peer_make(enum pipe which, enum msg_proc as, int fd)
{
	struct proc_peer	*p = &peers[which];

	memset(p, 0, sizeof(*p));
	p->id = PROC_QUEUE;
	p->open = 1;
	(void)as;
	assert_int_equal(imsgbuf_init(&p->ibuf, fd), 0);
	event_set(&p->ev_write, fd, EV_WRITE, nothing, NULL);
}

static void
peer_end(enum pipe which)
{
	if (peers[which].open)
		imsgbuf_clear(&peers[which].ibuf);
	peers[which].open = 0;
}

static void
peer_connect(enum pipe which, enum msg_proc as, uint32_t slot)
{
	struct msg_peer	 h = { as, slot };
	int		 sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	peer_make(which, as, sv[0]);
	assert_int_equal(proc_send(&peers[PARENT], MSG_PEER, 0, sv[1], &h,
	    NULL, 0), 0);
	assert_int_equal(proc_flush(&peers[PARENT], WAIT_MS), 0);
}

static void
workers(void)
{
	peer_connect(WORK0, PROC_WORKER, 0);
	peer_connect(CALLS0, PROC_WORKER, 0 | MSG_PEER_CALLS);
	peer_connect(WORK1, PROC_WORKER, 1);
	peer_connect(CALLS1, PROC_WORKER, 1 | MSG_PEER_CALLS);
}

static void
text(char **to, const char *s)
{
	free(*to);
	*to = strdup(s);
	assert_non_null(*to);
}

static void	expect(enum pipe, uint32_t);

static void
configure(void)
{
	struct conf	*c = conf_new();
	struct msg_conf	 end;

	text(&c->queue_dir, dir);
	text(&c->queue_user, "nobody");
	text(&c->hostname, "mail.here");
	c->queue_retry = 100;
	c->queue_retry_max = 200;
	c->queue_delay_notice = 0;
	c->sync = CONF_SYNC_OFF;
	c->network_namespace = 0;
	if (limit != 0)
		c->queue_messages = limit;
	c->generation = end.generation = ++generation;
	end.previous = 0;
	assert_int_equal(conf_send(c, &peers[PARENT]), 0);
	proc_send(&peers[PARENT], MSG_CONF_END, 0, -1, &end, NULL, 0);
	assert_int_equal(proc_flush(&peers[PARENT], WAIT_MS), 0);
	conf_free(c);
	expect(PARENT, MSG_READY);
	assert_int_equal(GOT(msg_ready)->ok, 1);
}

static void
start(void)
{
	static char	 name[] = "jmapd", d[] = "-d";
	char		*argv[] = { name, d, NULL };
	int		 sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	if ((child = fork()) == 0) {
		if (dup2(sv[1], PROC_FD) == -1)
			_exit(1);
		/* thousands of lines */
		if (getenv("QUEUE_LOG") == NULL &&
		    freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		closefrom(PROC_FD + 1);
		if (disk != 0) {
			struct rlimit	 rl = { disk, disk };

			signal(SIGXFSZ, SIG_IGN);
			setrlimit(RLIMIT_FSIZE, &rl);
		}
		queue(2, argv);
	}
	close(sv[1]);
	peer_make(PARENT, PROC_PARENT, sv[0]);
	configure();
	peer_connect(AUTH, PROC_AUTH, 0);
	workers();
}

static void
stop(int sig)
{
	int	 i, status;

	if (sig != 0)
		kill(child, sig);
	for (i = 0; i < PIPES; i++)
		peer_end(i);
	assert_int_equal(waitpid(child, &status, 0), child);
#ifdef SANITIZED
	/* who is not dumpable cannot be looked at for leaks: exits 1 */
	sig = 1;
#endif
	if (sig == 0)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int
setup(void **state)
{
	(void)state;
	proc_self = PROC_PARENT;
	limit = 0;
	auth_down = 0;
	disk = 0;
	strlcpy(dir, "/tmp/queue-test.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL ||
	    (geteuid() == 0 && chown(dir, NOBODY, NOBODY) == -1))
		return -1;
	start();
	return 0;
}

static int
teardown(void **state)
{
	char	 cmd[128];

	(void)state;
	stop(0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) == 0 ? 0 : -1;
}

/* --- messages ----------------------------------------------------------- */

/* Everybody's address at "here" is known but nobody's; and account 'a'. */
static void
auth_answer(const struct imsg *im)
{
	struct msg_rcpt_is	 is;
	const char		*a = (const char *)im->data;
	size_t			 n = im->hdr.len;

	memset(&is, 0, sizeof(is));
	is.ours = n > 5 && memcmp(a + n - 5, "@here", 5) == 0;
	if (n == 3 && memcmp(a, "#97", 3) == 0)
		is.account = 'a';
	else if (is.ours && (n < 6 || memcmp(a, "nobody", 6) != 0))
		is.account = (uint64_t)a[0];
	if (auth_down)
		is.error = EIO;
	proc_send(&peers[AUTH], MSG_RCPT_IS, im->hdr.id, -1, &is, NULL, 0);
}

/* 1 and the next message of that pipe in got, 0 none, -1 closed. */
static int
take(enum pipe which)
{
	struct imsg	 im;
	size_t		 n;

	if (!peers[which].open)
		return 0;
	if (imsg_get(&peers[which].ibuf, &im) != 1) {
		switch (imsgbuf_read(&peers[which].ibuf)) {
		case 0:
			return -1;
		case -1:
			return errno == EAGAIN ? 0 : -1;
		}
		if (imsg_get(&peers[which].ibuf, &im) != 1)
			return 0;
	}
	if (which == AUTH) {
		auth_answer(&im);
		return 0;
	}
	if (im.hdr.type == MSG_QUEUE_STATS)
		return 0;
	n = msg_rules[im.hdr.type].len;
	assert_true(msg_ok(im.hdr.type, im.hdr.len, 0, PROC_QUEUE,
	    which == PARENT ? PROC_PARENT : PROC_WORKER));
	got.type = im.hdr.type;
	got.id = im.hdr.id;
	memcpy(got.fixed, im.data, n);
	got.len = im.hdr.len - n;
	memcpy(got.tail, im.data + n, got.len);
	got.tail[got.len] = '\0';
	return 1;
}

/* Wait for a message of a pipe, which must be of that type; type 0: none must
 * come within ms. */
static int
pump(enum pipe which, int ms)
{
	int64_t	 until = date_mono() + ms;
	int	 n;

	while (date_mono() < until) {
		take(AUTH);
		if ((n = take(which)) != 0)
			return n;
		poll(NULL, 0, 1);
	}
	return 0;
}

static void
expect(enum pipe which, uint32_t type)
{
	if (pump(which, WAIT_MS) != 1)
		fail_msg("no %s came", msg_name(type));
	if (got.type != type)
		fail_msg("%s instead of %s", msg_name(got.type),
		    msg_name(type));
}

/* Either worker's. */
static enum pipe
expect_work(uint32_t type)
{
	int64_t	 until = date_mono() + WAIT_MS;
	enum pipe w;

	while (date_mono() < until) {
		for (w = WORK0; w <= WORK1; w += 2)
			if (peers[w].open && pump(w, 2) == 1) {
				if (got.type != type)
					fail_msg("%s instead of %s",
					    msg_name(got.type),
					    msg_name(type));
				return w;
			}
	}
	fail_msg("no %s came", msg_name(type));
	return PIPES;
}

static void
quiet(int ms)
{
	int64_t	 until = date_mono() + ms;

	while (date_mono() < until) {
		if (peers[WORK0].open && pump(WORK0, 5) == 1)
			fail_msg("%s came", msg_name(got.type));
		if (peers[WORK1].open && pump(WORK1, 5) == 1)
			fail_msg("%s came", msg_name(got.type));
	}
}

static void
send_to(enum pipe which, uint32_t type, uint32_t id, const void *fixed,
    const void *tail, size_t n)
{
	proc_send(&peers[which], type, id, -1, fixed, tail, n);
	proc_flush(&peers[which], WAIT_MS);
}

static void
is(enum pipe w, enum queue_ask_is result, const char *reply)
{
	struct msg_queue_is	 h = { result, 0 };

	send_to(w, MSG_QUEUE_IS, got.id, &h, reply, strlen(reply));
}

/* --- a worker's calls --------------------------------------------------- */

struct put {
	uint64_t	 submission;
	int64_t		 hold, by;
	uint32_t	 flags, notify;
	const char	*from, *to;
	const char	*msg;
	size_t		 len;
};

static const char	 mail[] = "From: a@here\r\nSubject: hello\r\n"
			    "Message-ID: <1@here>\r\n\r\nhello\r\n";

static void
put_one(enum pipe w, const struct put *p, const char *to)
{
	struct msg_queue_rcpt	 r = { p->notify, 0 };
	char			 tail[512];
	size_t			 n;

	n = strlcpy(tail, to, sizeof(tail)) + 1;
	tail[n] = '\0';
	send_to(w, MSG_QUEUE_RCPT, 0, &r, tail, n + 1);
}

/* Recipients are split at spaces.  Returns the error. */
static uint32_t
put(enum pipe w, const struct put *p)
{
	struct msg_queue_put	 h;
	const char		*msg = p->msg == NULL ? mail : p->msg;
	size_t			 len = p->msg == NULL ? strlen(mail) : p->len;
	size_t			 n, off;
	char			 to[512], tail[512], *s, *next;

	memset(&h, 0, sizeof(h));
	h.account = 'a';
	h.submission = p->submission;
	h.hold = p->hold;
	h.by = p->by;
	h.flags = p->flags;
	h.size = len;
	strlcpy(to, p->to, sizeof(to));
	for (h.nrcpt = 1, s = to; *s != '\0'; s++)
		h.nrcpt += *s == ' ';
	n = strlcpy(tail, p->from == NULL ? "a@here" : p->from,
	    sizeof(tail)) + 1;
	tail[n] = '\0';
	send_to(w, MSG_QUEUE_PUT, 0, &h, tail, n + 1);
	next = to;
	while ((s = strsep(&next, " ")) != NULL)
		put_one(w, p, s);
	for (off = 0; off < len; off += n) {
		n = len - off < 50000 ? len - off : 50000;
		send_to(w, MSG_QUEUE_DATA, 0, NULL, msg + off, n);
	}
	send_to(w, MSG_QUEUE_END, ++last_id, NULL, NULL, 0);
	expect(w, MSG_QUEUED);
	assert_int_equal(got.id, last_id);
	return GOT(msg_queued)->error;
}

static void
sub(enum pipe w, uint32_t type, uint64_t submission)
{
	struct msg_queue_sub	 h = { 'a', submission };

	send_to(w, type, ++last_id, &h, NULL, 0);
}

static uint32_t
cancel(enum pipe w, uint64_t submission)
{
	sub(w, MSG_QUEUE_CANCEL, submission);
	expect(w, MSG_QUEUE_CANCELED);
	return GOT(msg_queue_is)->result;
}

/* The content of a delivery, which has been given to w. */
static size_t
content(enum pipe w, char *out, size_t max)
{
	struct msg_queue_deliver	 h;
	struct msg_queue_more		 more = { 0 };
	uint32_t			 id = got.id;
	size_t				 n = 0;

	memcpy(&h, got.fixed, sizeof(h));
	assert_true(h.size < max);
	while (n < h.size) {
		if (n % MSG_QUEUE_WINDOW == 0) {
			more.off = n;
			send_to(w, MSG_QUEUE_MORE, id, &more, NULL, 0);
		}
		expect(w, MSG_QUEUE_DATA);
		assert_int_equal(got.id, id);
		memcpy(out + n, got.tail, got.len);
		n += got.len;
	}
	out[n] = '\0';
	got.id = id;
	return n;
}

/* The rows of a status: how many, and the last one's. */
static uint8_t
status(enum queue_ask_undo undo, const char *address, const char *reply)
{
	const struct msg_queue_status	*h = got_fixed();
	struct cur			 c;
	uint8_t				 delivered = 255;
	const char			*a, *r;
	uint32_t			 i;

	assert_int_equal(h->undo, undo);
	cur_init(&c, got.tail, got.len);
	for (i = 0; i < h->nrcpt; i++) {
		delivered = cur_u8(&c);
		a = cur_str(&c);
		r = cur_str(&c);
		assert_non_null(r);
		assert_string_equal(a, address);
		assert_non_null(strstr(r, reply));
	}
	assert_true(cur_end(&c));
	return delivered;
}

/* Messages in the queue, as jmapctl sees them; the state of the last one. */
static int
listed(char state[32])
{
	struct msg_ctl_queue	 h = { MSG_CTL_QUEUE_LIST, 0, 0 };
	int			 n = 0;

	send_to(PARENT, MSG_CTL_QUEUE, ++last_id, &h, NULL, 0);
	for (;;) {
		assert_int_equal(pump(PARENT, WAIT_MS), 1);
		if (got.type == MSG_CTL_END)
			return n;
		assert_int_equal(got.type, MSG_CTL_ROW);
		strlcpy(state, row_get(got.tail, got.len, "state"), 32);
		n++;
	}
}

static void
empty(void)
{
	char	 state[32] = "";
	int	 i;

	for (i = 0; i < 200 && listed(state) > 0; i++)
		poll(NULL, 0, 10);
	if (i == 200)
		fail_msg("still in the queue: %s", state);
}

#endif
