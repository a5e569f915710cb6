/* SPDX-License-Identifier: ISC */
/*
 * Processes: starting one, giving up privilege, and the pipes between them.
 *
 * There is one way to fork: proc_spawn, which forks and executes the program
 * again, so that each role has a fresh address space.  A role finds its pipe
 * to the parent at descriptor PROC_FD.
 *
 * Drop downward, die upward: a message that breaks its rule closes the pipe
 * when the peer is less privileged than we are (proc_gone is called), and is
 * fatal when it is more privileged.
 */
#ifndef COMMON_PROC_H
#define COMMON_PROC_H

#include <sys/time.h>
#include <event.h>

#include "common/compat.h"
#include "common/imsg.h"
#include "common/msg.h"

#define PROC_FD		3	/* a role's pipe to the parent */

struct proc_peer;
/* Handle one message that kept its rule. */
typedef void	proc_fn(struct proc_peer *, struct msg *);
/* The pipe is gone: the peer closed or broke a rule.  Frees what it owns,
 * but not the peer itself, which proc_close has emptied already. */
typedef void	proc_gone_fn(struct proc_peer *);

struct proc_peer {
	enum msg_proc		 id;		/* who is at the other end */
	uint32_t		 slot;		/* which worker */
	struct imsgbuf		 ibuf;
	struct event		 ev_read, ev_write;
	proc_fn *const		*handlers;	/* [MSG_MAX], NULL: refused */
	proc_gone_fn		*gone;
	void			*arg;		/* the owner's */
	int			 open;
	int			 dead;		/* broken while in a handler */
	uint64_t		 fixed[64];	/* last message's, aligned */
	int			 slow;		/* calls that sleep at once */
};

/* Who this process is; set once by the role before any peer is opened. */
extern enum msg_proc	proc_self;

/*
 * Start "program" as the role "id", slot n, with a fresh pipe.  Extra
 * arguments (NULL-terminated, may be NULL) go behind -T role -I n.
 * Returns the child's pid and our end of the pipe in *fd, or -1 with errno.
 */
pid_t	proc_spawn(const char *program, enum msg_proc id, uint32_t slot,
	    char *const extra[], int *fd);

/*
 * Give up privilege for good: chroot to dir, become user with no other
 * groups, verify that there is no way back.  Fatal on any failure.
 * When not started as root it only changes to no directory at all and says
 * so at debug level (tests, first trial).  RLIMIT_CORE 0 and not dumpable.
 */
void	proc_drop(const char *user, const char *dir);

/* Make fd (owned from now on) a peer and listen to it.  Fatal on failure. */
void	proc_open(struct proc_peer *, enum msg_proc id, uint32_t slot, int fd,
	    proc_fn *const handlers[MSG_MAX], proc_gone_fn *, void *arg);
/* Close it without calling gone. */
void	proc_close(struct proc_peer *);

/*
 * Queue a message: fixed part of the row's size, then tail.  fd travels and
 * is closed here in any case.  0, or -1 when the peer is gone or does not
 * read (logged); the message is then lost.
 */
int	proc_send(struct proc_peer *, uint32_t type, uint32_t id, int fd,
	    const void *fixed, const void *tail, size_t tail_len);
/* Wait up to ms until all that is queued has been written; 0 or -1. */
int	proc_flush(struct proc_peer *, int ms);
/* Handle what a process that is dead still had to say; gone is not called. */
void	proc_drain(struct proc_peer *);
/*
 * Send, then wait up to ms milliseconds for the answer of type "answer" with
 * the same id; ids count up, so that an answer with an earlier one, to a call
 * that was given up, is dropped; any other message breaks the rule.  On 0 *m is
 * filled, valid until the next message from this peer.  -1 with errno.
 * Only for a pipe that carries nothing else (worker and keys).
 */
int	proc_call(struct proc_peer *, uint32_t type, uint32_t id,
	    const void *fixed, const void *tail, size_t tail_len,
	    uint32_t answer, int ms, struct msg *m);

#endif
