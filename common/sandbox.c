/* SPDX-License-Identifier: ISC */
/* The last step before a role's loop: see sandbox.h. */
#include "common/compat.h"

#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "common/log.h"
#include "common/sandbox.h"

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

void
sandbox_enter(enum msg_proc id, const char *dir, uint64_t memory)
{
	(void)id;
	(void)dir;
#ifndef SANITIZED	/* the sanitizer maps terabytes */
	if (memory != 0)
		sandbox_limit(RLIMIT_DATA, "data", memory);
#else
	(void)memory;
	(void)sandbox_limit;
#endif
#ifdef __linux__
	if (prctl(PR_SET_DUMPABLE, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("prctl");
#endif
}
