/* SPDX-License-Identifier: ISC */
/*
 * jmapctl(8): what its files share.  ctl.c has the table of verbs and speaks
 * with the parent; ctl_row.c prints; further verbs live in files of their
 * own (ctl_account.c, ctl_mail.c) and are named in the table of ctl.c.
 */
#ifndef DAEMON_CTL_H
#define DAEMON_CTL_H

#include "common/buf.h"
#include "common/compat.h"

/* Exit codes, jmapctl(8) explains them. */
enum ctl_exit {
	CTL_OK		= 0,
	CTL_FAILED	= 1,	/* jmapd said no; the reason is on stderr */
	CTL_USAGE	= 2,
	CTL_CONNECT	= 3,	/* no jmapd at the socket, or not allowed */
	CTL_PROTOCOL	= 4	/* another version, or jmapd hung up */
};

/* --- ctl.c ---------------------------------------------------------------- */

extern int	ctl_json;	/* -j */

/*
 * Send one command to the parent, print the rows of its answer, and the text
 * of its end (on stderr if it failed).  Connects when that was not done yet,
 * and ends the program with CTL_CONNECT or CTL_PROTOCOL if it cannot.
 * Returns an exit code.
 */
int	ctl_call(uint32_t type, const void *fixed, const void *tail,
	    size_t tail_len);
/* The same, but each row is given to fn. */
typedef void	ctl_row_fn(void *, const void *row, size_t len);
int	ctl_rows(uint32_t type, const void *fixed, const void *tail,
	    size_t tail_len, ctl_row_fn *, void *);
/* Say how the verb that runs is used; CTL_USAGE. */
int	ctl_usage(void);
/* A stream to a worker, see ctl_mail.h: its descriptor, or -1 (said why). */
int	ctl_stream(uint32_t kind, const char *account);

/* --- ctl_row.c ------------------------------------------------------------ */

/* One row (common/row.h): kept for the table, or printed as JSON at once. */
void	ctl_row(const void *, size_t);
/* No more rows: print the table. */
void	ctl_row_end(void);

#endif
