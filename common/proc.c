/* SPDX-License-Identifier: ISC */
/*
 * Processes and the pipes between them: see proc.h.  Used by every role.
 * Nothing here knows what a message means.
 */
#include "common/compat.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "common/proc.h"

#define PROC_ARGS	16	/* arguments of a role at most */
/*
 * Looks at the pipe before a call sleeps on it.  An elliptic signature is
 * there in 50 us, and to sleep and be woken takes an idle processor as long.
 * After a slow answer (RSA, or no processor is idle) the next calls sleep at
 * once.  No sched_yield between looks: where others run, they run for
 * milliseconds then, while the answer lies there.
 */
#define PROC_SPINS	100
#define PROC_SLOW	100	/* calls */

enum msg_proc	proc_self = PROC_PARENT;

static __dead void	proc_child(const char *, enum msg_proc, uint32_t,
			    char *const [], int);
static void	proc_readable(int, short, void *);
static void	proc_writable(int, short, void *);
static void	proc_dispatch(struct proc_peer *);
static void	proc_handle(struct proc_peer *, struct imsg *);
static void	proc_broken(struct proc_peer *, const char *, uint32_t);
static void	proc_lost(struct proc_peer *);
static int	proc_late(const struct imsg *, int, uint32_t, uint32_t);
static int	proc_wait(struct proc_peer *, short, int64_t);
static void	proc_msg(struct proc_peer *, struct msg *,
		    const struct imsg *);

pid_t
proc_spawn(const char *program, enum msg_proc id, uint32_t slot,
    char *const extra[], int *fd)
{
	int	 sv[2];
	pid_t	 pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		return -1;
	switch (pid = fork()) {
	case -1:
		close(sv[0]);
		close(sv[1]);
		return -1;
	case 0:
		proc_child(program, id, slot, extra, sv[1]);
	default:
		close(sv[1]);
		*fd = sv[0];
		return pid;
	}
}

static __dead void
proc_child(const char *program, enum msg_proc id, uint32_t slot,
    char *const extra[], int fd)
{
	char	*argv[PROC_ARGS], num[16];
	char	 role[16], t[] = "-T", i[] = "-I";
	char	*prog;
	size_t	 n = 0;

	snprintf(num, sizeof(num), "%u", slot);
	strlcpy(role, msg_procs[id], sizeof(role));
	if ((prog = strdup(program)) == NULL)
		_exit(1);
	argv[n++] = prog;
	argv[n++] = t;
	argv[n++] = role;
	argv[n++] = i;
	argv[n++] = num;
	for (; extra != NULL && *extra != NULL && n < PROC_ARGS - 1; extra++)
		argv[n++] = *extra;
	argv[n] = NULL;
	/* dup2 of a descriptor onto itself would keep close-on-exec */
	if (fd == PROC_FD && (fd = dup(fd)) == -1)
		_exit(1);
	if (dup2(fd, PROC_FD) == -1)
		_exit(1);
	closefrom(PROC_FD + 1);
	execv(program, argv);
	log_warn("%s", program);
	_exit(1);
}

void
proc_drop(const char *user, const char *dir)
{
	struct rlimit	 none = { 0, 0 };
	struct passwd	*pw;

	if (setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("setrlimit");
	if (geteuid() != 0) {
		log_debug("not root: no chroot to %s, no change to %s", dir,
		    user);
		return;
	}
	if ((pw = getpwnam(user)) == NULL)
		fatalx("%s: no such user", user);
	if (pw->pw_uid == 0)
		fatalx("%s: is root", user);
	if (chroot(dir) == -1 || chdir("/") == -1)
		fatal("chroot %s", dir);
	if (setgroups(1, &pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		fatal("cannot become %s", user);
	if (setuid(0) != -1 || setgid(0) != -1)
		fatalx("still root after becoming %s", user);
}

void
proc_open(struct proc_peer *p, enum msg_proc id, uint32_t slot, int fd,
    proc_fn *const handlers[MSG_MAX], proc_gone_fn *gone, void *arg)
{
	memset(p, 0, sizeof(*p));
	p->id = id;
	p->slot = slot;
	p->handlers = handlers;
	p->gone = gone;
	p->arg = arg;
	if (imsgbuf_init(&p->ibuf, fd) == -1)
		fatal("pipe to %s", msg_procs[id]);
	event_set(&p->ev_read, fd, EV_READ | EV_PERSIST, proc_readable, p);
	event_set(&p->ev_write, fd, EV_WRITE, proc_writable, p);
	if (event_add(&p->ev_read, NULL) == -1)
		fatal("event_add");
	p->open = 1;
}

void
proc_close(struct proc_peer *p)
{
	if (!p->open)
		return;
	p->open = 0;
	event_del(&p->ev_read);
	event_del(&p->ev_write);
	imsgbuf_clear(&p->ibuf);
}

static void
proc_readable(int fd, short what, void *arg)
{
	struct proc_peer	*p = arg;
	int			 n;

	(void)fd;
	(void)what;
	if ((n = imsgbuf_read(&p->ibuf)) == -1 && errno == EAGAIN)
		return;
	if (n == -1)
		log_warn("pipe to %s %u", msg_procs[p->id], p->slot);
	if (n == 1)
		proc_dispatch(p);
	else
		proc_lost(p);
}

static void
proc_writable(int fd, short what, void *arg)
{
	struct proc_peer	*p = arg;

	(void)fd;
	(void)what;
	switch (imsgbuf_write(&p->ibuf)) {
	case 0:
		event_add(&p->ev_write, NULL);
		break;
	case -1:
		/* what it still had to say is readable; EOF follows */
		log_debug("pipe to %s %u is closed", msg_procs[p->id],
		    p->slot);
		break;
	}
}

/* All whole messages in the buffer.  A handler may close the peer. */
static void
proc_dispatch(struct proc_peer *p)
{
	struct imsg	 im;
	int		 n;

	while (p->open && !p->dead && (n = imsg_get(&p->ibuf, &im)) != 0) {
		if (n == -1) {
			proc_broken(p, "framing", 0);
			break;
		}
		proc_handle(p, &im);
	}
	if (p->open && p->dead)
		proc_lost(p);
}

/* As handlers see it; the fixed part copied to where it is aligned. */
static void
proc_msg(struct proc_peer *p, struct msg *m, const struct imsg *im)
{
	size_t	 len = msg_rules[im->hdr.type].len;

	assert(len <= sizeof(p->fixed));
	memcpy(p->fixed, im->data, len);
	m->type = im->hdr.type;
	m->id = im->hdr.id;
	m->fd = im->fd;
	m->fixed = p->fixed;
	m->tail = im->data + len;
	m->tail_len = im->hdr.len - len;
}

static void
proc_handle(struct proc_peer *p, struct imsg *im)
{
	struct msg	 m;

	if (!msg_ok(im->hdr.type, im->hdr.len, im->fd != -1, p->id,
	    proc_self) || p->handlers[im->hdr.type] == NULL) {
		if (im->fd != -1)
			close(im->fd);
		proc_broken(p, msg_name(im->hdr.type), im->hdr.type);
		return;
	}
	proc_msg(p, &m, im);
	p->handlers[m.type](p, &m);
	if (m.fd != -1)
		close(m.fd);
}

/* Drop downward, die upward. */
static void
proc_broken(struct proc_peer *p, const char *what, uint32_t type)
{
	if (p->id < proc_self && proc_self != PROC_CTL)
		fatalx("%s broke the rule of message %s (%u)",
		    msg_procs[p->id], what, type);
	log_warnx("%s %u broke the rule of message %s (%u): closed",
	    msg_procs[p->id], p->slot, what, type);
	p->dead = 1;
}

void
proc_drain(struct proc_peer *p)
{
	struct imsg	 im;
	int		 n = 0;

	while (p->open && !p->dead && n != -1 && imsgbuf_read(&p->ibuf) == 1)
		while (p->open && !p->dead &&
		    (n = imsg_get(&p->ibuf, &im)) == 1)
			proc_handle(p, &im);
}

static void
proc_lost(struct proc_peer *p)
{
	proc_close(p);
	if (p->gone != NULL)
		p->gone(p);
}

int
proc_send(struct proc_peer *p, uint32_t type, uint32_t id, int fd,
    const void *fixed, const void *tail, size_t tail_len)
{
	int	 idle;

	assert(type < MSG_MAX && msg_rules[type].name != NULL);
	if (!p->open) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	idle = !imsgbuf_pending(&p->ibuf);
	if (imsg_compose(&p->ibuf, type, id, fd, fixed, msg_rules[type].len,
	    tail, tail_len) == -1) {
		log_warn("%s to %s %u", msg_name(type), msg_procs[p->id],
		    p->slot);
		if (fd != -1)
			close(fd);
		return -1;
	}
	/* mostly it fits at once, and no event is needed */
	if (idle)
		proc_writable(p->ibuf.fd, EV_WRITE, p);
	return 0;
}

/* Wait for the pipe; 0, or -1 with errno (ETIMEDOUT). */
static int
proc_wait(struct proc_peer *p, short events, int64_t until)
{
	struct pollfd	 pfd = { p->ibuf.fd, events, 0 };
	int64_t		 left;
	int		 n;

	do {
		if ((left = until - date_mono()) <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = poll(&pfd, 1, left);
	} while (n == 0 || (n == -1 && errno == EINTR));
	return n == -1 ? -1 : 0;
}

int
proc_flush(struct proc_peer *p, int ms)
{
	int64_t	 until = date_mono() + ms;

	while (imsgbuf_pending(&p->ibuf))
		if (proc_wait(p, POLLOUT, until) == -1 ||
		    imsgbuf_write(&p->ibuf) == -1)
			return -1;
	return 0;
}

/* The answer to an earlier call that was given up? */
static int
proc_late(const struct imsg *im, int n, uint32_t answer, uint32_t id)
{
	return n == 1 && im->fd == -1 && im->hdr.type == answer &&
	    (int32_t)(im->hdr.id - id) < 0;
}

int
proc_call(struct proc_peer *p, uint32_t type, uint32_t id, const void *fixed,
    const void *tail, size_t tail_len, uint32_t answer, int ms, struct msg *m)
{
	struct imsg	 im;
	int64_t		 until = date_mono() + ms;
	int		 n, spins = p->slow > 0 ? 0 : PROC_SPINS;

	if (proc_send(p, type, id, -1, fixed, tail, tail_len) == -1) {
		errno = EPIPE;
		return -1;
	}
	if (proc_flush(p, ms) == -1)
		return -1;
	while ((n = imsg_get(&p->ibuf, &im)) == 0 ||
	    proc_late(&im, n, answer, id)) {
		if (n != 0)
			continue;
		if (spins <= 0 && proc_wait(p, POLLIN, until) == -1)
			return -1;
		if (--spins == 0)
			p->slow = PROC_SLOW;
		if ((n = imsgbuf_read(&p->ibuf)) == 0)
			errno = EPIPE;
		if (n == 0 || (n == -1 && errno != EAGAIN))
			return -1;
	}
	if (n == -1 || im.hdr.type != answer || im.hdr.id != id ||
	    !msg_ok(answer, im.hdr.len, im.fd != -1, p->id, proc_self)) {
		if (n == 1 && im.fd != -1)
			close(im.fd);
		proc_broken(p, "unexpected answer", 0);
		errno = EPROTO;
		return -1;
	}
	if (p->slow > 0)
		p->slow--;
	proc_msg(p, m, &im);
	return 0;
}
