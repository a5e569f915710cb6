/* SPDX-License-Identifier: ISC */
/*
 * What the files share that check a whole configuration: conf_check.c, and
 * conf_check_front.c for what the front door is told.
 */
#ifndef DAEMON_CONF_CHECK_H
#define DAEMON_CONF_CHECK_H

#include "common/compat.h"
#include "daemon/daemon.h"

struct check {
	struct conf_file	*cf;
	struct conf		*c;
	struct buf		*report;
	int			 bad;
};

/* Report against the line of an option, or of its section's first one. */
void	conf_check_bad(struct check *, const char *sect, size_t item,
	    const char *opt, const char *fmt, ...) __printflike_(5, 6);
/* The same, and go on: it is no fault. */
void	conf_check_warn(struct check *, const char *sect, size_t item,
	    const char *opt, const char *fmt, ...) __printflike_(5, 6);
/* Every string of a list must be an address or a network. */
void	conf_check_nets(struct check *, const char *sect, const char *opt,
	    const struct conf_strs *);

/* --- conf_check_front.c --- */
void	conf_check_front(struct check *);
/* --- conf_check_push.c --- */
void	conf_check_push(struct check *);

/* --- conf_check_queue.c ------------------------------------------------ */

void	conf_check_queue(struct check *);

#endif
