/* SPDX-License-Identifier: ISC */
/*
 * jmapd -S role: does the confinement of a role hold on this machine?  Each
 * way out is tried by a process of its own, which confines itself as the
 * role does (role_confine) and then does the one thing that it must not.  An
 * error from the kernel or death by SIGSYS (pledge: SIGABRT) is a refusal.
 * Behind the filter of system calls others would refuse most of it, too; what
 * the filter is to stop must be stopped by the filter, or a hole in it would
 * show only when the rest is gone.
 *
 * What an attacker in a role would be after: files, connections, programs,
 * and the other processes.  Called by main.c.
 */
#include "common/compat.h"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "common/ip.h"
#include "common/log.h"
#include "common/role.h"
#include "common/sandbox.h"
#include "daemon/daemon.h"

#define CLIENTS	(MSG_P(PROC_PUSH) | MSG_P(PROC_QUEUE))	/* connect outward */
#define WENT	0	/* what a try says when it succeeded, else errno */
#define KILLED	(-1)	/* how the filter refuses what it has no word of */

/* Held from before the confinement, as a leak would be. */
static struct held {
	int	 root;		/* the folder / */
	int	 sock;		/* TCP, not connected */
	int	 pipe[2];	/* says that the confinement was entered */
	pid_t	 parent;	/* to ask for it is no call of a role */
	struct sockaddr_storage	 peer;	/* a listener of ours on loopback */
	socklen_t		 peerlen;
} held;

static const struct selftest_role {
	const char	*name;
	enum msg_proc	 id;
	size_t		 user, dir;	/* offsets of char * in struct conf */
	int		 files;
} roles[] = {
#define R(name, id, user, dir, files) \
	{ name, id, offsetof(struct conf, user), offsetof(struct conf, dir), \
	files }
	R("auth", PROC_AUTH, auth_user, auth_dir, 1),
	R("keys", PROC_KEYS, keys_user, empty_dir, 0),
	R("push", PROC_PUSH, push_user, empty_dir, 0),
	R("queue", PROC_QUEUE, queue_user, queue_dir, 1),
	R("worker", PROC_WORKER, user, data_dir, 1),
};

static int
said(int ret)
{
	return ret == -1 ? errno : WENT;
}

/* --- files --------------------------------------------------------------- */

static int
try_open(void)
{
	return said(open("/etc/passwd", O_RDONLY));
}

static int
try_open_held(void)
{
	return said(openat(held.root, "etc/passwd", O_RDONLY));
}

static int
try_create_held(void)
{
	return said(openat(held.root, "tmp/jmapd-selftest", O_WRONLY |
	    O_CREAT | O_EXCL, 0600));
}

static int
try_fchdir(void)
{
	return said(fchdir(held.root));
}

static int
try_chroot(void)
{
	return said(chroot("."));
}

static int
try_suid(void)
{
	int	 fd;

	if ((fd = open("selftest", O_RDWR | O_CREAT, 0600)) == -1)
		fd = 2;
	else
		unlink("selftest");
	return said(fchmod(fd, 04755));
}

/* --- the network --------------------------------------------------------- */

static int
try_socket(void)
{
	return said(socket(AF_INET, SOCK_STREAM, 0));
}

static int
try_socket6(void)
{
	return said(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int
try_socket_unix(void)
{
	return said(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
try_connect(void)
{
	return said(connect(held.sock, (struct sockaddr *)&held.peer,
	    held.peerlen));
}

static int
try_bind(void)
{
	struct sockaddr_storage	 sa = held.peer;

	((struct sockaddr_in *)&sa)->sin_port = 0;
	return said(bind(held.sock, (struct sockaddr *)&sa, held.peerlen));
}

static int
try_listen(void)
{
	return said(listen(held.sock, 1));
}

/* --- programs and memory ------------------------------------------------- */

static char	 sh[] = "sh", minus_c[] = "-c", exit_0[] = "exit 0";
static char	*shell[] = { sh, minus_c, exit_0, NULL };

static int
try_fork(void)
{
	pid_t	 pid = fork();

	if (pid == 0)
		_exit(0);
	return said((int)pid);
}

static int
try_exec(void)
{
	return said(execve("/bin/sh", shell, shell + 3));
}

static int
try_exec_held(void)
{
	int	 fd;

	if ((fd = openat(held.root, "bin/sh", O_RDONLY)) == -1)
		return errno;
	return said(fexecve(fd, shell, shell + 3));
}

static int
try_map(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANON, -1, 0) == MAP_FAILED ? errno : WENT;
}

static int
try_protect(void)
{
	void	*p;

	if ((p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANON, -1, 0)) == MAP_FAILED)
		return errno;
	return said(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int
try_limit(void)
{
	struct rlimit	 rl = { 16, 16 };

	return said(setrlimit(RLIMIT_NOFILE, &rl));
}

/* --- other processes ----------------------------------------------------- */

static int
try_kill(void)
{
	return said(kill(held.parent, 0));
}

static int
try_setuid(void)
{
	return said(setuid(getuid() == 0 ? 1 : 0));
}

#ifdef __linux__
static int
try_ptrace(void)
{
	return said((int)ptrace(PTRACE_ATTACH, held.parent, NULL, NULL));
}

static int
try_tgkill(void)
{
	return said((int)syscall(SYS_tgkill, held.parent, held.parent, 0));
}

static int
try_owner(void)
{
	return said(fcntl(held.sock, F_SETOWN, held.parent));
}

static int
try_peek(void)
{
	char	 b[8];
	uint64_t v[4] = { (uintptr_t)b, sizeof(b), (uintptr_t)&held, 8 };

	return said((int)syscall(SYS_process_vm_readv, held.parent, &v[0], 1,
	    &v[2], 1, 0));
}

static int
try_clone3(void)
{
	return said((int)syscall(435, NULL, 0));
}

static int
try_userns(void)
{
	return said(unshare(CLONE_NEWUSER));
}

static int
try_mount(void)
{
	return said(mount("none", "/", "tmpfs", 0, NULL));
}

static int
try_dumpable(void)
{
	return said(prctl(PR_SET_DUMPABLE, 1));
}

static int
try_filter(void)
{
	return said(setsockopt(held.sock, SOL_SOCKET, SO_ATTACH_FILTER, "", 0));
}

static int
try_link(void)
{
	return said(symlinkat("/etc/passwd", AT_FDCWD, "selftest"));
}

static int
try_ioctl(void)
{
	return said((int)syscall(SYS_ioctl, 2, 0x5412 /* TIOCSTI */, "x"));
}

static int
try_bpf(void)
{
	return said((int)syscall(SYS_bpf, 0, NULL, 0));
}

static int
try_uring(void)
{
	char	 params[256] = { 0 };

	return said((int)syscall(425, 1, params));
}

static int
try_keyctl(void)
{
	return said((int)syscall(SYS_keyctl, 0, -3, 1));
}

static int
try_memfd(void)
{
	return said((int)syscall(SYS_memfd_create, "x", 0));
}

static int
try_perf(void)
{
	return said((int)syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}
#endif

static const struct selftest_try {
	const char	*what;
	int		 (*fn)(void);
	unsigned int	 may;		/* MSG_P() mask: whose job it is */
	int		 how;		/* the filter: KILLED, errno, 0: any */
} tries[] = {
	{ "open /etc/passwd", try_open, 0, 0 },
	{ "open it through a folder held", try_open_held, 0, 0 },
	{ "create a file there", try_create_held, 0, 0 },
	{ "change into that folder", try_fchdir, 0, KILLED },
	{ "change the root", try_chroot, 0, KILLED },
	{ "make a set-user-id file", try_suid, 0, KILLED },
	{ "open an IPv4 socket", try_socket, CLIENTS, EACCES },
	{ "open an IPv6 socket", try_socket6, CLIENTS, EACCES },
	{ "open a unix socket", try_socket_unix, 0, EACCES },
	{ "connect a socket held", try_connect, CLIENTS, EACCES },
	{ "bind it", try_bind, 0, KILLED },
	{ "listen on it", try_listen, 0, KILLED },
	{ "fork", try_fork, 0, KILLED },
	{ "execute /bin/sh", try_exec, 0, KILLED },
	{ "execute it through a folder held", try_exec_held, 0, 0 },
	{ "map executable memory", try_map, 0, KILLED },
	{ "make memory executable", try_protect, 0, KILLED },
	{ "set a limit", try_limit, 0, 0 },
	{ "signal the parent", try_kill, 0, KILLED },
	{ "become another user", try_setuid, 0, KILLED },
#ifdef __linux__
	{ "trace the parent", try_ptrace, 0, KILLED },
	{ "signal a thread of the parent", try_tgkill, 0, KILLED },
	{ "give a socket's signals to the parent", try_owner, 0, KILLED },
	{ "read the parent's memory", try_peek, 0, KILLED },
	{ "clone3", try_clone3, 0, KILLED },
	{ "make a user namespace", try_userns, 0, KILLED },
	{ "mount", try_mount, 0, KILLED },
	{ "become dumpable", try_dumpable, 0, EACCES },
	{ "attach a program to a socket", try_filter, 0, EACCES },
	{ "make a link", try_link, 0, KILLED },
	{ "type into the terminal", try_ioctl, 0, EACCES },
	{ "use bpf", try_bpf, 0, KILLED },
	{ "use io_uring", try_uring, 0, KILLED },
	{ "use keyctl", try_keyctl, 0, KILLED },
	{ "make a file in memory", try_memfd, 0, KILLED },
	{ "use perf events", try_perf, 0, KILLED },
#endif
};

static struct conf	*selftest_conf(const char *);
static void	selftest_hold(void);
static int	selftest_one(const struct selftest_role *, struct conf *,
		    const struct selftest_try *, char *, size_t);
static __dead void	selftest_child(const struct selftest_role *,
		    struct conf *, const struct selftest_try *);

__dead void
selftest(const char *path, const char *name)
{
	const struct selftest_role	*r = NULL;
	struct conf			*c;
	char				 how[64];
	size_t				 i, n = 0, open_ways = 0;
	int				 ok;

	for (i = 0; i < nitems(roles); i++)
		if (strcmp(roles[i].name, name) == 0)
			r = &roles[i];
	if (r == NULL)
		errx(1, "-S %s: no such role", name);
	log_init("jmapd", 1);
#ifdef SANITIZED
	errx(2, "a build with sanitizers has no sandbox");
#endif
	log_setverbose(0);	/* with it nobody is killed: sandbox.c */
	c = selftest_conf(path);
	selftest_hold();
	for (i = 0; i < nitems(tries); i++) {
		if (tries[i].may & MSG_P(r->id))
			continue;
		ok = selftest_one(r, c, &tries[i], how, sizeof(how));
		printf("%-8s%-42s%s\n", name, tries[i].what, how);
		open_ways += !ok;
		n++;
	}
	printf("%s: %zu of %zu refused%s\n", name, n - open_ways, n,
	    geteuid() == 0 ? "" :
	    " (not root: no chroot, no other user)");
	exit(open_ways == 0 ? 0 : 1);
}

static struct conf *
selftest_conf(const char *path)
{
	struct conf_file	*cf;
	struct buf		 report;

	buf_init(&report, CONF_REPORT_MAX);
	if ((cf = conf_parse(path, &report)) == NULL ||
	    conf_check(cf, &report) == -1) {
		fwrite(buf_peek(&report), 1, buf_left(&report), stderr);
		exit(1);
	}
	return cf->conf;
}

static void
selftest_hold(void)
{
	struct sockaddr_in	*sin = (struct sockaddr_in *)&held.peer;
	int			 fd;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	held.peerlen = sizeof(*sin);
	held.parent = getpid();
	if ((held.root = open("/", O_RDONLY | O_DIRECTORY)) == -1 ||
	    (held.sock = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    (fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)sin, sizeof(*sin)) == -1 ||
	    listen(fd, 64) == -1 ||
	    getsockname(fd, (struct sockaddr *)sin, &held.peerlen) == -1)
		err(1, "selftest");
	/* else its death would show nothing but that it is dead */
	fflush(stdout);
}

/* 1 if it was refused; how says how. */
static int
selftest_one(const struct selftest_role *r, struct conf *c,
    const struct selftest_try *t, char *how, size_t len)
{
	char	 in = 0;
	pid_t	 pid;
	int	 status;

	if (pipe(held.pipe) == -1)
		err(1, "pipe");
	fflush(stdout);
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0)
		selftest_child(r, c, t);
	close(held.pipe[1]);
	if (read(held.pipe[0], &in, 1) != 1)
		in = 0;
	close(held.pipe[0]);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			err(1, "waitpid");
	if (in == 0)
		snprintf(how, len, "NOT TRIED: it could not be confined");
	else if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS ||
	    WTERMSIG(status) == SIGABRT))
		snprintf(how, len, "refused: killed");
	else if (WIFEXITED(status) && WEXITSTATUS(status) != WENT)
		snprintf(how, len, "%s: %s", t->how == 0 ||
		    t->how == WEXITSTATUS(status) || !sandbox_filters() ?
		    "refused" : "NOT BY THE FILTER",
		    strerror(WEXITSTATUS(status)));
	else
		snprintf(how, len, "%s", t->may & MSG_P(r->id) ?
		    "its work" : "ALLOWED");
	return in != 0 && strncmp(how, "refused", 7) == 0;
}

static __dead void
selftest_child(const struct selftest_role *r, struct conf *c,
    const struct selftest_try *t)
{
	const char	*user, *dir;
	int		 ret;

	memcpy(&user, (const uint8_t *)c + r->user, sizeof(user));
	memcpy(&dir, (const uint8_t *)c + r->dir, sizeof(dir));
	close(held.pipe[0]);
	if (r->id == PROC_PUSH)
		sandbox_port(443);
	role_confine(r->id, c, user, dir, r->files, 0);
	if (write(held.pipe[1], "1", 1) != 1)
		_exit(WENT);
	ret = t->fn();
	_exit(ret < 0 || ret > 255 ? 255 : ret);
}
