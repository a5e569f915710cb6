/* SPDX-License-Identifier: ISC */
/*
 * What every role (keys, auth, push, worker) does alike: find the pipe to
 * the parent, take the configuration as a transaction, give up privilege,
 * enter the sandbox, then serve until the parent's pipe closes, which is the
 * order to exit.
 *
 * The parent sends, in this order: CONF_BEGIN, CONF_SET ..., CONF_CERT and
 * CONF_KEY where they are due, CONF_END; then MSG_PEER for each pipe to
 * another role.  At the first CONF_END, in this order: role->init (still
 * with the rights we were started with: open what lies outside the root),
 * proc_drop, sandbox_enter, role->conf, READY.  So no byte of a less
 * privileged process is read before the privileges are gone.  At a later
 * CONF_END (reload) only role->conf and READY.
 */
#ifndef COMMON_ROLE_H
#define COMMON_ROLE_H

#include "common/compat.h"
#include "common/conf.h"
#include "common/msg.h"
#include "common/proc.h"

struct role {
	enum msg_proc	 id;
	/* Messages from the parent beside those of this file; CONF_BEGIN,
	 * CONF_SET, CONF_END, PEER and VERBOSE are taken.  May be NULL. */
	proc_fn *const	*handlers;	/* [MSG_MAX] */
	/* Before privileges go: libraries that read files, descriptors to
	 * keep.  The configuration is complete.  May be NULL. */
	void		(*init)(const struct conf *);
	/* The folder of the role and its user, from the configuration. */
	const char	*(*user)(const struct conf *);
	const char	*(*dir)(const struct conf *);
	/* 1: it reads and writes files below dir; 0: it touches none. */
	int		 files;
	/* RLIMIT_DATA, bytes, 0 none.  May be NULL. */
	uint64_t	(*memory)(const struct conf *);
	/*
	 * Take a configuration: NULL, or why not (a static string or one of
	 * the role's own); then the one before stays in force.  The role may
	 * keep a pointer to it until its next call has returned NULL; after
	 * that the old one is freed, unless hold says otherwise.
	 */
	const char	*(*conf)(struct conf *);
	/* A pipe to another role has come.  fd is the role's from here. */
	void		(*peer)(enum msg_proc, uint32_t slot, int fd);
	/* 1: the role frees configurations it has taken (conf_free) itself. */
	int		 hold;
	/* The parent went; flush what matters, exit(0) follows.  May be
	 * NULL. */
	void		(*stop)(void);
};

/* The pipe to the parent, and which of several this process is. */
extern struct proc_peer	role_parent;
extern uint32_t		role_slot;
/* The folder of the role as it sees it: "" after chroot, else the real path.
 * A file of it is asprintf("%s/%s", role_root(), name). */
const char	*role_root(void);

/*
 * Give up all that a role does not need, for good: its network, the rights of
 * root for those of user with dir as the root, then the sandbox; files as in
 * struct role.  Fatal on failure.  Called by role_run, and by jmapd -S.
 */
void	role_confine(enum msg_proc, const struct conf *, const char *user,
	    const char *dir, int files, uint64_t memory);

/*
 * Run the role: reads -T, -I, -d, -v of the command line, never returns.
 * event_init has been called before any callback runs.
 */
__dead void	role_run(const struct role *, int argc, char *argv[]);

#endif
