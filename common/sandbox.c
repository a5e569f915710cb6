/* SPDX-License-Identifier: ISC */
/*
 * The last step before a role serves: see sandbox.h.  Called by role.c, after
 * the user and the root directory are changed.
 *
 * Linux: one table says which role may make which system call.  What is not
 * in it kills the process (SIGSYS, which the parent logs); a few are answered
 * EACCES instead, because libraries try them and live without: looking at
 * files where there are none, and a socket (syslog(3) after syslogd was
 * started again).  With -v the call is logged before the end: that is how to
 * find out what is missing here.
 *
 * Nothing may be added that executes or forks.  Only the roles of CLIENTS,
 * which connect outward, open a socket: of IPv4 or IPv6, never one that
 * listens; Landlock (of Linux 6.7) lets TCP go to the ports of sandbox_port
 * alone where a role names any.
 */
#include "common/compat.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#endif

#include "common/log.h"
#include "common/sandbox.h"

#define KEYS	MSG_P(PROC_KEYS)
#define AUTH	MSG_P(PROC_AUTH)
#define PUSH	MSG_P(PROC_PUSH)
#define QUEUE	MSG_P(PROC_QUEUE)
#define WORKER	MSG_P(PROC_WORKER)
#define FILES	(AUTH | QUEUE | WORKER)		/* have a folder */
#define CLIENTS	(PUSH | QUEUE)			/* connect outward */
#define ALL	(KEYS | AUTH | PUSH | QUEUE | WORKER)

#define SANDBOX_FEW	1024	/* descriptors of a role without clients */
#define SANDBOX_PORTS	16

static uint16_t	sandbox_ports[SANDBOX_PORTS];
static size_t	sandbox_nports;

#ifndef SANITIZED
static void	sandbox_limit(int, const char *, rlim_t);

static void
sandbox_limit(int what, const char *name, rlim_t max)
{
	struct rlimit	 rl;

	if (getrlimit(what, &rl) == -1)
		fatal("getrlimit %s", name);
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < max)
		max = rl.rlim_max;
	rl.rlim_cur = rl.rlim_max = max;
	if (setrlimit(what, &rl) == -1)
		fatal("setrlimit %s", name);
}
#endif

void
sandbox_port(uint16_t port)
{
	if (sandbox_nports == SANDBOX_PORTS)
		fatalx("sandbox: too many ports");
	sandbox_ports[sandbox_nports++] = port;
}

#if defined(SANITIZED)

/* The sanitizer maps terabytes, opens /proc and ptraces itself. */
void
sandbox_enter(enum msg_proc id, const char *dir, uint64_t memory)
{
	(void)dir;
	(void)memory;
	log_debug("%s: a build with sanitizers has no sandbox",
	    msg_procs[id]);
#ifdef __linux__
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("no_new_privs");
#endif
}

#elif defined(__OpenBSD__)

static const char *const sandbox_promises[PROC_MAX] = {
	[PROC_KEYS]	= "stdio recvfd",
	[PROC_AUTH]	= "stdio rpath wpath cpath flock recvfd",
	[PROC_PUSH]	= "stdio recvfd inet",
	[PROC_QUEUE]	= "stdio rpath wpath cpath flock recvfd inet",
	[PROC_WORKER]	= "stdio rpath wpath cpath flock recvfd",
};

void
sandbox_enter(enum msg_proc id, const char *dir, uint64_t memory)
{
	if (memory != 0)
		sandbox_limit(RLIMIT_DATA, "data", memory);
	if (id != PROC_WORKER)
		sandbox_limit(RLIMIT_NOFILE, "openfiles", SANDBOX_FEW);
	if (unveil(dir != NULL ? dir : "/", dir != NULL ? "rwc" : "") == -1 ||
	    unveil(NULL, NULL) == -1)
		fatal("unveil");
	if (pledge(sandbox_promises[id], NULL) == -1)
		fatal("pledge");
}

#elif defined(__linux__)

#if defined(__x86_64__)
#define SANDBOX_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCH	AUDIT_ARCH_AARCH64
#endif

/* --- Landlock: raw, so that an older header does not matter ------------- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif
#define LL_VERSION	1	/* LANDLOCK_CREATE_RULESET_VERSION */
#define LL_BENEATH	1	/* LANDLOCK_RULE_PATH_BENEATH */
#define LL_PORT		2	/* LANDLOCK_RULE_NET_PORT */
#define LL_CONNECT	(1ULL << 1)	/* LANDLOCK_ACCESS_NET_CONNECT_TCP */

/* Files may be read, written, made and removed, truncated and renamed
 * between folders; not executed; no devices, sockets, links. */
#define LL_OURS		(1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | \
			    1u << 7 | 1u << 8 | 1u << 13 | 1u << 14)

struct ll_ruleset {
	uint64_t	 fs, net, scoped;
};
struct ll_beneath {
	uint64_t	 fs;
	int32_t		 fd;
} __attribute__((__packed__));
struct ll_port {
	uint64_t	 net, port;
};

/* What each version of the kernel's interface added. */
static const struct ll_abi {
	int		 abi;
	size_t		 size;		/* bytes of struct ll_ruleset */
	unsigned int	 fs, net, scoped;	/* number of bits */
} ll_abis[] = {
	{ 6, 24, 16, 2, 2 },
	{ 5, 16, 16, 2, 0 },
	{ 4, 16, 15, 2, 0 },
	{ 3, 8, 15, 0, 0 },
	{ 2, 8, 14, 0, 0 },
	{ 1, 8, 13, 0, 0 },
};

static int	sandbox_landlock(enum msg_proc, const char *);
static void	sandbox_landlock_allow(int, uint64_t, const char *);

/* The version in use, or 0: there is none. */
static int
sandbox_landlock(enum msg_proc id, const char *dir)
{
	const struct ll_abi	*a = ll_abis;
	struct ll_ruleset	 r = { 0, 0, 0 };
	struct ll_port		 p = { LL_CONNECT, 0 };
	size_t			 i;
	int			 abi, fd;

	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LL_VERSION);
	if (abi < 1)
		return 0;
	while (a->abi > abi)
		a++;
	r.fs = (1u << a->fs) - 1;
	r.net = (1u << a->net) - 1;
	if ((MSG_P(id) & CLIENTS) && sandbox_nports == 0)
		r.net &= ~LL_CONNECT;
	r.scoped = (1u << a->scoped) - 1;
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, a->size, 0);
	if (fd == -1)
		fatal("landlock_create_ruleset");
	if (dir != NULL)
		sandbox_landlock_allow(fd, r.fs & LL_OURS, dir);
	for (i = 0; (r.net & LL_CONNECT) && i < sandbox_nports; i++) {
		p.port = sandbox_ports[i];
		if (syscall(SYS_landlock_add_rule, fd, LL_PORT, &p, 0) == -1)
			fatal("landlock_add_rule port %llu",
			    (unsigned long long)p.port);
	}
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		fatal("landlock_restrict_self");
	close(fd);
	return a->abi;
}

static void
sandbox_landlock_allow(int set, uint64_t fs, const char *dir)
{
	struct ll_beneath	 b = { fs, -1 };

	if ((b.fd = open(dir, O_PATH | O_CLOEXEC)) == -1)
		fatal("%s", dir);
	if (syscall(SYS_landlock_add_rule, set, LL_BENEATH, &b, 0) == -1)
		fatal("landlock_add_rule %s", dir);
	close(b.fd);
}

/* --- seccomp ------------------------------------------------------------ */

#ifdef SANDBOX_ARCH

enum sandbox_how {
	ALLOW,
	ACCESS,		/* EACCES */
	NO_BITS,	/* if an argument has none of some bits, else no */
	IS_NULL,	/* if it is a null pointer, else EPERM */
	ONE_OF,		/* if it is one of a list, else no */
	INET,		/* if it is AF_INET or AF_INET6, else EACCES */
	AMONG,		/* if it is one of a list, else EACCES */
	LINGER,		/* if it is setsockopt(SO_LINGER), else EACCES */
	OURSELVES	/* if it is the number of this process, else no */
};

#ifdef __NR_open
#define LEGACY(name, roles, how)	{ __NR_##name, roles, how, 0, 0, NULL },
#else
#define LEGACY(name, roles, how)	/* not on this machine */
#endif
#define CALL(name, roles)	{ __NR_##name, roles, ALLOW, 0, 0, NULL },
#define FAIL(name, roles)	{ __NR_##name, roles, ACCESS, 0, 0, NULL },
#define ARGS(name, roles, how, arg, bits, list) \
	{ __NR_##name, roles, how, arg, bits, list },

/* Not F_SETOWN, F_SETSIG or F_NOTIFY: they send signals to others. */
static const uint32_t	sandbox_fcntl[] = {
	F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC,
	F_GETLK, F_SETLK, F_SETLKW, 0
};

static const uint32_t	sandbox_levels[] = { IPPROTO_TCP, 0 };

/* The first row that names a call and the role decides. */
static const struct sandbox_call {
	uint32_t		 nr;
	unsigned int		 roles;
	enum sandbox_how	 how;
	int			 arg;		/* its number, from 0 */
	uint32_t		 bits;
	const uint32_t		*list;		/* ends with 0 */
} sandbox_calls[] = {
	/* the loop */
	LEGACY(epoll_wait, ALL, ALLOW)
	CALL(epoll_pwait, ALL)
#ifdef __NR_epoll_pwait2
	CALL(epoll_pwait2, ALL)
#endif
	CALL(epoll_ctl, ALL)
	CALL(clock_gettime, ALL)
	CALL(read, ALL)
	CALL(write, ALL)
	CALL(readv, ALL)
	CALL(writev, ALL)
	CALL(recvfrom, ALL)
	CALL(sendto, ALL)
	CALL(recvmsg, ALL)
	CALL(sendmsg, ALL)
	CALL(close, ALL)
	CALL(shutdown, ALL)
	ARGS(fcntl, ALL, ONE_OF, 1, 0, sandbox_fcntl)
	LEGACY(poll, ALL, ALLOW)
	CALL(ppoll, ALL)
	CALL(getsockopt, ALL)

	/* memory, none of it executable */
	CALL(brk, ALL)
	ARGS(mmap, ALL, NO_BITS, 2, PROT_EXEC, NULL)
	ARGS(mprotect, ALL, NO_BITS, 2, PROT_EXEC, NULL)
	CALL(munmap, ALL)
	CALL(mremap, ALL)
	CALL(madvise, ALL)
	CALL(mlockall, KEYS)

	/* what libc and libcrypto ask */
	CALL(futex, ALL)
	CALL(getrandom, ALL)
	CALL(getpid, ALL)
	CALL(gettid, ALL)
	CALL(getuid, ALL)
	CALL(geteuid, ALL)
	CALL(getgid, ALL)
	CALL(getegid, ALL)
	CALL(gettimeofday, ALL)
	LEGACY(time, ALL, ALLOW)
	CALL(clock_nanosleep, ALL)
	CALL(nanosleep, ALL)
	CALL(sched_yield, ALL)
	CALL(sched_getaffinity, ALL)
	CALL(sysinfo, ALL)
	CALL(uname, ALL)
	ARGS(prlimit64, ALL, IS_NULL, 2, 0, NULL)	/* no new limit */
	CALL(getrusage, ALL)
	CALL(rt_sigprocmask, ALL)
	CALL(rt_sigaction, ALL)
	CALL(rt_sigreturn, ALL)
	CALL(restart_syscall, ALL)
	ARGS(tgkill, ALL, OURSELVES, 0, 0, NULL)	/* abort(3) */
	CALL(exit, ALL)
	CALL(exit_group, ALL)

	/* files below the folder; Landlock and the root say which */
	CALL(pread64, FILES)
	CALL(pwrite64, FILES)
	CALL(pwritev, FILES)
	CALL(fdatasync, FILES)
	CALL(fsync, FILES)
	CALL(openat, FILES)
	CALL(lseek, FILES)
	CALL(fstat, ALL)
	CALL(newfstatat, FILES)
	CALL(statx, FILES)
	CALL(fstatfs, FILES)
	CALL(ftruncate, FILES)
	CALL(fallocate, FILES)
	CALL(flock, FILES)
	CALL(faccessat, FILES)
	CALL(getdents64, FILES)
	CALL(mkdirat, FILES)
	CALL(unlinkat, FILES)
	CALL(renameat, FILES)
#ifdef __NR_renameat2
	CALL(renameat2, FILES)
#endif
	LEGACY(open, FILES, ALLOW)
	LEGACY(stat, FILES, ALLOW)
	LEGACY(lstat, FILES, ALLOW)
	LEGACY(access, FILES, ALLOW)
	LEGACY(mkdir, FILES, ALLOW)
	LEGACY(rmdir, FILES, ALLOW)
	LEGACY(unlink, FILES, ALLOW)
	LEGACY(rename, FILES, ALLOW)

	/* the way out */
	CALL(getsockname, PUSH)
	CALL(getpeername, PUSH)
	ARGS(setsockopt, PUSH, AMONG, 1, 0, sandbox_levels)

	/* tried, refused, survived */
	FAIL(openat, KEYS | PUSH)
	FAIL(newfstatat, KEYS | PUSH)
	FAIL(statx, KEYS | PUSH)
	FAIL(faccessat, KEYS | PUSH)
	LEGACY(open, KEYS | PUSH, ACCESS)
	LEGACY(stat, KEYS | PUSH, ACCESS)
	LEGACY(lstat, KEYS | PUSH, ACCESS)
	LEGACY(access, KEYS | PUSH, ACCESS)
	LEGACY(readlink, ALL, ACCESS)
	FAIL(readlinkat, ALL)
	ARGS(socket, CLIENTS, INET, 0, 0, NULL)
	CALL(connect, CLIENTS)
	FAIL(socket, ALL & ~CLIENTS)
	FAIL(connect, ALL & ~CLIENTS)
	FAIL(setsockopt, ALL & ~WORKER)
	ARGS(setsockopt, WORKER, LINGER, 1, 0, NULL)
	FAIL(ioctl, ALL)
	FAIL(prctl, ALL)
};

/* The halves of an argument.  Where the kernel takes an int, the high one
 * says nothing. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARG(n)	(offsetof(struct seccomp_data, args) + 8 * (n))
#define ARG_HIGH(n)	(ARG(n) + 4)
#else
#define ARG(n)	(offsetof(struct seccomp_data, args) + 8 * (n) + 4)
#define ARG_HIGH(n)	(ARG(n) - 4)
#endif
#define LOAD(off)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off)
#define RETURN(v)	BPF_STMT(BPF_RET | BPF_K, v)
#define IF(op, v, yes, no)	BPF_JUMP(BPF_JMP | (op) | BPF_K, v, yes, no)

#define SANDBOX_PROG	(32 + 6 * nitems(sandbox_calls))

struct sandbox_prog {
	struct sock_filter	 f[SANDBOX_PROG];
	size_t			 n;
	uint32_t		 no;	/* verdict on what is not allowed */
};

static void	sandbox_put(struct sandbox_prog *, struct sock_filter);
static void	sandbox_row(struct sandbox_prog *, const struct sandbox_call *);
static size_t	sandbox_test(const struct sandbox_call *, struct sock_filter *);
static void	sandbox_seccomp(enum msg_proc);
static void	sandbox_trap(int, siginfo_t *, void *);

static void
sandbox_put(struct sandbox_prog *p, struct sock_filter f)
{
	if (p->n >= SANDBOX_PROG)
		fatalx("sandbox: the program is too long");
	p->f[p->n++] = f;
}

/*
 * The accumulator holds the call's number before and after.  A row with a
 * test: skip it all unless it is the call; the argument; the test, which
 * falls through to ALLOW or jumps over it; the verdict on who failed.
 */
static void
sandbox_row(struct sandbox_prog *p, const struct sandbox_call *c)
{
	struct sock_filter	 test[16];
	size_t			 i, n = sandbox_test(c, test);

	sandbox_put(p, (struct sock_filter)IF(BPF_JEQ, c->nr, 0,
	    (uint8_t)(n + (n == 0 ? 1 : 2))));
	for (i = 0; i < n; i++)
		sandbox_put(p, test[i]);
	if (c->how != ACCESS)
		sandbox_put(p, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	if (c->how == ACCESS)
		sandbox_put(p, (struct sock_filter)RETURN(SECCOMP_RET_ERRNO |
		    EACCES));
	else if (c->how == IS_NULL)
		sandbox_put(p, (struct sock_filter)RETURN(SECCOMP_RET_ERRNO |
		    EPERM));
	else if (c->how == LINGER || c->how == INET ||
	    c->how == AMONG)
		sandbox_put(p, (struct sock_filter)RETURN(SECCOMP_RET_ERRNO |
		    EACCES));
	else if (n > 0)
		sandbox_put(p, (struct sock_filter)RETURN(p->no));
}

/* The instructions of a row's test, which end before its two verdicts. */
static size_t
sandbox_test(const struct sandbox_call *c, struct sock_filter *f)
{
	size_t	 i, n = 0, left;

	if (c->how == ALLOW || c->how == ACCESS)
		return 0;
	f[n++] = (struct sock_filter)LOAD(ARG(c->arg));
	if (c->how == NO_BITS)
		f[n++] = (struct sock_filter)IF(BPF_JSET, c->bits, 1, 0);
	else if (c->how == OURSELVES)
		f[n++] = (struct sock_filter)IF(BPF_JEQ,
		    (uint32_t)getpid(), 0, 1);
	else if (c->how == INET) {
		f[n++] = (struct sock_filter)IF(BPF_JEQ, AF_INET, 1, 0);
		f[n++] = (struct sock_filter)IF(BPF_JEQ, AF_INET6, 0, 1);
	} else if (c->how == IS_NULL) {
		f[n++] = (struct sock_filter)IF(BPF_JEQ, 0, 0, 3);
		f[n++] = (struct sock_filter)LOAD(ARG_HIGH(c->arg));
		f[n++] = (struct sock_filter)IF(BPF_JEQ, 0, 0, 1);
	} else if (c->how == LINGER) {
		f[n++] = (struct sock_filter)IF(BPF_JEQ, SOL_SOCKET, 0, 3);
		f[n++] = (struct sock_filter)LOAD(ARG(c->arg + 1));
		f[n++] = (struct sock_filter)IF(BPF_JEQ, SO_LINGER, 0, 1);
	} else {
		for (left = 0; c->list[left] != 0; left++)
			;
		/* each match jumps to ALLOW, the last miss over it */
		for (i = 0; left-- > 0; i++)
			f[n++] = (struct sock_filter)IF(BPF_JEQ, c->list[i],
			    (uint8_t)left, left == 0 ? 1 : 0);
	}
	return n;
}

static void
sandbox_seccomp(enum msg_proc id)
{
	static struct sandbox_prog	 p;
	struct sigaction		 sa = { 0 };
	struct sock_fprog		 prog;
	size_t				 i;

	p.no = SECCOMP_RET_KILL_PROCESS;
	if (log_getverbose()) {
		p.no = SECCOMP_RET_TRAP;
		sa.sa_sigaction = sandbox_trap;
		sa.sa_flags = SA_SIGINFO;
		sigaction(SIGSYS, &sa, NULL);
	}
	sandbox_put(&p, (struct sock_filter)LOAD(offsetof(
	    struct seccomp_data, arch)));
	sandbox_put(&p, (struct sock_filter)IF(BPF_JEQ, SANDBOX_ARCH, 1, 0));
	sandbox_put(&p, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	/* x32's numbers are in no row */
	sandbox_put(&p, (struct sock_filter)LOAD(offsetof(
	    struct seccomp_data, nr)));
	for (i = 0; i < nitems(sandbox_calls); i++)
		if (sandbox_calls[i].roles & MSG_P(id))
			sandbox_row(&p, &sandbox_calls[i]);
	sandbox_put(&p, (struct sock_filter)RETURN(p.no));
	prog.len = (unsigned short)p.n;
	prog.filter = p.f;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		fatal("seccomp");
}

/* Only with -v; the process ends as it would have. */
static void
sandbox_trap(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	(void)ctx;
	log_warnx("sandbox: system call %d is not allowed here",
	    si->si_syscall);
	_exit(1);
}
#endif /* SANDBOX_ARCH */

void
sandbox_enter(enum msg_proc id, const char *dir, uint64_t memory)
{
	int	 abi;

	if (memory != 0)
		sandbox_limit(RLIMIT_DATA, "data", memory);
	if (id != PROC_WORKER)
		sandbox_limit(RLIMIT_NOFILE, "openfiles", SANDBOX_FEW);
	sandbox_limit(RLIMIT_NPROC, "nproc", 0);
	if (prctl(PR_SET_DUMPABLE, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("prctl");
	if ((abi = sandbox_landlock(id, dir)) == 0)
		log_debug("this kernel has no Landlock");
	else
		log_debug("Landlock, version %d", abi);
#ifdef SANDBOX_ARCH
	sandbox_seccomp(id);
#else
	log_warnx("no seccomp table for this machine");
#endif
}

#else

void
sandbox_enter(enum msg_proc id, const char *dir, uint64_t memory)
{
	(void)dir;
	(void)memory;
	log_warnx("%s: no sandbox on this system", msg_procs[id]);
}

#endif

void
sandbox_network(enum msg_proc id)
{
#ifdef __linux__
	if (id == PROC_PUSH || id == PROC_QUEUE || geteuid() != 0)
		return;
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) == -1)
		log_debug("no network namespace of its own: %s",
		    strerror(errno));
#else
	(void)id;
#endif
}

int
sandbox_filters(void)
{
#if defined(SANDBOX_ARCH) && !defined(SANITIZED)
	return 1;
#else
	return 0;
#endif
}
