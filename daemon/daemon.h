/* SPDX-License-Identifier: ISC */
/*
 * What the files of daemon/ share.  main.c chooses between the parent and
 * the roles; the parent (parent.c, child.c, listen.c, control.c, conf_parse.c,
 * conf_check.c, cert.c) runs as root and never reads a byte that came from
 * the network; keys.c, auth.c, push.c and queue.c are roles, see common/role.h.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "common/buf.h"
#include "common/compat.h"
#include "common/conf.h"
#include "common/ip.h"
#include "common/msg.h"
#include "common/proc.h"

/* --- roles: each never returns --------------------------------------- */

__dead void	keys(int argc, char *argv[]);
__dead void	queue(int argc, char *argv[]);

/* --- main.c to parent.c ----------------------------------------------- */

struct parent_opts {
	const char	*file;		/* configuration */
	const char	*program;	/* this program, for the roles */
	const char	*worker;	/* the worker's program */
	const char	*push;		/* and push's */
	int		 foreground;
	int		 verbose;
};
__dead void	parent(const struct parent_opts *);

/* --- conf_parse.c ------------------------------------------------------ */

struct conf_origin {		/* where a value was set */
	uint16_t	 sect, item, opt;
	int		 line;
};
struct conf_file {
	struct conf		*conf;
	char			*path;
	struct conf_origin	*origin;	/* what the file sets */
	size_t			 norigin;
};

#define CONF_REPORT_MAX	32768	/* bytes of errors and warnings */

/*
 * Read a file: NULL when it is wrong.  Errors and warnings are appended to
 * report as lines "file:line: text\n".  Gives to the caller, who calls
 * conf_parse_free.
 */
struct conf_file	*conf_parse(const char *path, struct buf *report);
/* The same with the text at hand; path is for the report. */
struct conf_file	*conf_parse_text(const char *path, const char *text,
	    struct buf *report);
void	conf_parse_free(struct conf_file *);
/* The path from /, its links not followed; gives to the caller. */
char	*conf_parse_path(const char *path);
/* The line that set an option, or 0: it has its default. */
int	conf_parse_line(const struct conf_file *, size_t sect, size_t item,
	    size_t opt);
/* Append "path:line: text" to the report. */
void	conf_parse_report(const char *path, int line, struct buf *report,
	    const char *, ...) __printflike_(4, 5);
/* Print the whole configuration in the file's syntax, each value with its
 * origin as a comment. */
void	conf_parse_print(struct conf_file *);

/* --- conf_check.c ------------------------------------------------------ */

/* What no single value shows.  May add the default listener.  0, or -1 with
 * the reasons in report. */
int	conf_check(struct conf_file *, struct buf *report);
/* Options that cannot change while we run: 0, or -1 and the reasons. */
int	conf_check_reload(const struct conf_file *from,
	    const struct conf_file *to, struct buf *report);

/* --- conf_file.c ------------------------------------------------------- */

/* What is wrong with such a file; NULL: nothing. */
const char	*conf_file_why(const char *path, enum msg_file);
/* Send the contents of the files that queue { } names to the queue, or that
 * smime { } names to a worker, and to queue and push those that say where
 * hosts are; 0 or -1. */
int	conf_file_send(const struct conf *, struct proc_peer *);

/* --- cert.c ------------------------------------------------------------ */

struct cert_set {
	struct cert {
		char	*chain;		/* PEM, public */
		size_t	 len;
		char	*staple;	/* OCSP answer, DER, or NULL */
		size_t	 staple_len;
		int64_t	 until;		/* it is good, wall clock ms; 0: not */
	}	*v;
	size_t	 n;
};
/*
 * Read and check the chains and keys that a configuration names.  NULL with
 * the reasons in report.  No private key stays in memory.
 */
struct cert_set	*cert_load(const struct conf_file *, struct buf *report);
void	cert_free(struct cert_set *);
/* Send the chains to keys or a worker; to keys also the private keys, read
 * again from their files.  0, or -1: a key does not fit its chain any more. */
int	cert_send(const struct cert_set *, const struct conf *,
	    struct proc_peer *);

/* --- selftest.c --------------------------------------------------------- */

/* jmapd -S role: enter its confinement and try to get out by every way; prints
 * a table, exits 0 if all of them are closed. */
__dead void	selftest(const char *conf, const char *role);

/* --- child.c ----------------------------------------------------------- */

/* How often something may be started again; see restart.c. */
#define RESTART_FREE	3	/* at once, within the window */
struct restart {
	int64_t	 last[RESTART_FREE];	/* ms, monotonic; 0 never */
	int64_t	 delay;			/* ms, of the last one */
};
/* It died at "now" (ms): how many ms to wait before it is started again. */
int64_t	restart_delay(struct restart *, int64_t now);

struct child {
	TAILQ_ENTRY(child)	 entry;
	enum msg_proc		 id;
	uint32_t		 slot;
	pid_t			 pid;		/* 0: not running */
	struct proc_peer	 peer;
	uint32_t		 generation;	/* taken; 0: none yet */
	int			 retire;	/* drains, will not come back */
	uint32_t		 nconns;	/* connections it has */
	uint64_t		 chosen;	/* listen_accepted then */
	uint32_t		 conns;		/* their list, listen_table.c */
	int64_t			 started;	/* ms, monotonic */
	uint64_t		 restarts;
	struct restart		 restart;
	struct event		 ev_restart;
};
TAILQ_HEAD(child_list, child);
extern struct child_list	child_list;	/* roles, then workers */

/* Programs and flags for children; once. */
void	child_init(const struct parent_opts *);
struct child	*child_add(enum msg_proc, uint32_t slot);
/* The running child of a role, or NULL. */
struct child	*child_find(enum msg_proc, uint32_t slot);
/* Fork, send the configuration that reload_conf gives, connect it to the
 * others.  On failure the throttled restart is scheduled. */
void	child_start(struct child *);
/* Forget one that does not run. */
void	child_free(struct child *);
/* Send a configuration and its certificates. */
int	child_configure(struct child *, struct conf *,
	    const struct cert_set *);
/* Collect the dead (SIGCHLD). */
void	child_reap(void);
/* Close every pipe and wait, up to ms, for all to exit. */
void	child_stop_all(int ms);
/* Running children of the mask. */
size_t	child_count(unsigned int mask);
/* No restarts from now on. */
void	child_no_restart(void);

/* --- reload.c ---------------------------------------------------------- */

/* Who wants to know how a reload ends. */
struct reload_asker {
	enum msg_proc	 proc;	/* PROC_CTL, PROC_AUTH; PROC_PARENT: the log */
	uint32_t	 id;	/* control's client, auth's message */
};

/* Load the first configuration of a file that stays the file; 0 or -1. */
int	reload_open(const char *file, struct buf *report);
/* Bring it to the children that child_add has made. */
void	reload_start(void);
/* Load the file again and bring it to all children, then tell. */
void	reload_ask(const struct reload_asker *);
/* A transaction is under way. */
int	reload_busy(void);
/* The configuration in force, at the start the one that will be. */
struct conf_file	*reload_file(void);
/* What a child that starts now is to be told; 0, or -1: nothing yet. */
int	reload_conf(const struct child *, struct conf **, struct cert_set **);
/* A child said READY; a child died. */
void	reload_ready(struct child *, const struct msg *);
void	reload_child_gone(void);

/* --- parent.c ----------------------------------------------------------- */

void	parent_child_gone(struct child *);
/* A worker has been started and has its configuration. */
void	parent_greet(struct child *);
/* Load the file again; the control client is told the outcome (0: log). */
void	parent_reload(uint32_t client);
/* Of the roles in the mask (MSG_P()), 0: all, parent too. */
void	parent_verbose(int, uint32_t roles);
/* 1 if this role is to talk for developers, also when started anew. */
int	parent_is_verbose(enum msg_proc);
void	parent_stop(void);
uint64_t	parent_uptime(void);	/* seconds */
/* Log a report line by line; then it is empty. */
void	parent_log_report(struct buf *);
extern proc_fn *const	parent_handlers[MSG_MAX];

/* --- changed.c --------------------------------------------------------- */

/* MSG_CHANGED of a worker: the others hear of it within a moment. */
proc_fn	changed_told;

/* --- listen.c ---------------------------------------------------------- */

/*
 * Bind what the configuration lists, keeping sockets that are open already;
 * nothing is closed and nothing accepted yet.  0, or -1 with the reason in
 * report.  Then one of commit and abort.
 */
int	listen_prepare(const struct conf_file *, struct buf *report);
void	listen_commit(const struct conf *);
void	listen_abort(void);
/* Accept no more for now; go on; close all for good. */
void	listen_pause(void);
void	listen_resume(void);
void	listen_close(void);
/* A worker said that a connection ended: 0, or -1: it was not its own. */
int	listen_conn_end(struct child *, uint32_t conn);
/* A worker is about to read from a connection. */
void	listen_conn_taken(struct child *, uint32_t conn);
/* A worker died: all its connections ended but those that it had not taken;
 * others get those. */
void	listen_child_gone(struct child *);
/* The worker for the next connection or stream, or NULL. */
struct child	*listen_choose(void);
/* Rows for jmapctl: fn is called with each whole row. */
void	listen_rows(void (*)(void *, const struct buf *), void *);
size_t	listen_nconns(void);
/* Whose a connection of a child is, see listen_table.h. */
int	listen_peer(struct child *, uint32_t conn, struct ip *peer, int *tells);
int	listen_knows(uint32_t slot, const struct ip *);
/* Connections let in, and turned away at a limit, since the start. */
void	listen_figures(uint64_t *accepted, uint64_t *refused);

/* --- control.c --------------------------------------------------------- */

void	control_open(const struct conf *);
void	control_close(void);
/* Answers of roles on their way to a client (id is the client's). */
void	control_row(struct child *, struct msg *);
void	control_end(struct child *, struct msg *);
void	control_rcpt(struct msg *);
void	control_child_gone(struct child *);
/* Tell a client the outcome: code is jmapctl's exit code. */
void	control_done(uint32_t client, uint32_t code, const char *text);

/* --- control_show.c ----------------------------------------------------- */

/* What the parent knows itself: fn is called with each whole row. */
typedef void	control_row_fn(void *, const struct buf *);
void	control_show_status(control_row_fn *, void *);
void	control_show_listeners(control_row_fn *, void *);
void	control_show_config(control_row_fn *, void *);

/* --- tbs.c: what keys will sign ---------------------------------------- */

/*
 * Are these bytes what a TLS server signs in a handshake with this scheme
 * (RFC 8446 4.2.3)?  1 or 0.  Either the content of RFC 8446 4.4.3 with the
 * server's context string, or the parameters of RFC 8422 5.4 with both
 * randoms before them.
 */
int	tbs_ok(uint32_t scheme, const uint8_t *, size_t);
/* 1 if it is a TLS 1.2 key exchange in one of RFC 3526's groups, for where
 * DHE suites are configured. */
int	tbs_dhe(const uint8_t *, size_t);

#endif
