/* SPDX-License-Identifier: ISC */
/* jmapctl eval and headers: verbs of ctl.c's table. */
#ifndef DAEMON_CTL_EVAL_H
#define DAEMON_CTL_EVAL_H

#include "common/compat.h"

int	ctl_eval(int, char *[]);
int	ctl_eval_headers(int, char *[]);

#endif
