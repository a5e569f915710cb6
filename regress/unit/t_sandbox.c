/* SPDX-License-Identifier: ISC */
/*
 * common/sandbox.c: in a child process of each role, what must work works and
 * what must not does not.  Under sanitizers there is no sandbox to test.
 */
#include "common/compat.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/sandbox.h"

static char	dir[64];

/* Each returns 0: it worked; or an errno value. */
static int
try_read(void)
{
	char	 path[128], b[4];
	int	 fd;

	snprintf(path, sizeof(path), "%s/in", dir);
	if ((fd = open(path, O_RDONLY)) == -1)
		return errno;
	return read(fd, b, sizeof(b)) == 2 ? 0 : EIO;
}

static int
try_write(void)
{
	char	 path[128];
	int	 fd;

	snprintf(path, sizeof(path), "%s/out", dir);
	if ((fd = open(path, O_RDWR | O_CREAT, 0600)) == -1)
		return errno;
	return write(fd, "x", 1) == 1 && fdatasync(fd) == 0 ? 0 : errno;
}

static int
try_outside(void)
{
	return open("/etc/passwd", O_RDONLY) == -1 ? errno : 0;
}

static int
try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) == -1 ? errno : 0;
}

static int
try_fork(void)
{
	pid_t	 pid;

	if ((pid = fork()) == 0)
		_exit(0);
	return pid == -1 ? errno : 0;
}

static int
try_exec(void)
{
	char	*argv[] = { NULL };

	execv("/bin/true", argv);
	return errno;
}

static int
try_map_exec(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int
try_malloc(void)
{
	char	*p = malloc(8 << 20);

	if (p == NULL)
		return errno;
	memset(p, 1, 8 << 20);
	free(p);
	return 0;
}

static int
try_signal(void)
{
	return kill(getppid(), 0) == -1 ? errno : 0;
}

#define KILLED	-1	/* by SIGSYS */

static const struct row {
	const char	*what;
	enum msg_proc	 id;
	int		 (*fn)(void);
	int		 want;
} rows[] = {
	{ "a worker reads its folder", PROC_WORKER, try_read, 0 },
	{ "a worker writes its folder", PROC_WORKER, try_write, 0 },
	{ "auth writes its folder", PROC_AUTH, try_write, 0 },
	{ "keys opens nothing", PROC_KEYS, try_read, EACCES },
	{ "push opens nothing", PROC_PUSH, try_outside, EACCES },
	{ "a worker has no socket", PROC_WORKER, try_socket, EACCES },
	{ "keys has no socket", PROC_KEYS, try_socket, EACCES },
	{ "a worker does not fork", PROC_WORKER, try_fork, KILLED },
	{ "a worker does not exec", PROC_WORKER, try_exec, KILLED },
	{ "keys does not exec", PROC_KEYS, try_exec, KILLED },
	{ "no memory becomes code", PROC_WORKER, try_map_exec, KILLED },
	{ "nobody is signalled", PROC_WORKER, try_signal, KILLED },
	{ "a worker has memory", PROC_WORKER, try_malloc, 0 },
	{ "keys has memory", PROC_KEYS, try_malloc, 0 },
};

static int
run(const struct row *r)
{
	pid_t	 pid;
	int	 status;

	if ((pid = fork()) == 0) {
		sandbox_enter(r->id, r->id == PROC_KEYS || r->id == PROC_PUSH ?
		    NULL : dir, 64 << 20);
		_exit(r->fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return KILLED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 999;
}

static void
roles_can_do_what_they_need_and_no_more(void **state)
{
	size_t	 i;
	int	 got;

	(void)state;
#if defined(SANITIZED) || !defined(__linux__)
	skip();
#endif
	for (i = 0; i < nitems(rows); i++)
		if ((got = run(&rows[i])) != rows[i].want)
			fail_msg("%s: %d, not %d", rows[i].what, got,
			    rows[i].want);
}

static void
a_worker_sees_only_its_folder(void **state)
{
	const struct row	 r = { "", PROC_WORKER, try_outside, 0 };

	(void)state;
#if defined(SANITIZED) || !defined(__linux__)
	skip();
#endif
	/* EACCES is Landlock's; a kernel without it leaves this to chroot */
	if (run(&r) != EACCES)
		skip();
}

static int
make_dir(void **state)
{
	char	 path[128];
	int	 fd;

	(void)state;
	strlcpy(dir, "/tmp/t_sandbox.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/in", dir);
	if ((fd = open(path, O_WRONLY | O_CREAT, 0600)) == -1)
		return -1;
	return write(fd, "ok", 2) == 2 && close(fd) == 0 ? 0 : -1;
}

static int
drop_dir(void **state)
{
	char	 path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/in", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/out", dir);
	unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(roles_can_do_what_they_need_and_no_more),
		cmocka_unit_test(a_worker_sees_only_its_folder),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
