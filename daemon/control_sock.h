/* SPDX-License-Identifier: ISC */
/*
 * Where jmapctl(8) connects, and who may.  Used by control.c alone.
 */
#ifndef DAEMON_CONTROL_SOCK_H
#define DAEMON_CONTROL_SOCK_H

#include "common/compat.h"

struct conf;

/* The socket that control-socket names, of the configured group: a listening
 * descriptor.  Takes the place of a dead one; fatal if another jmapd answers
 * on it, or if it cannot be made. */
int	control_sock_open(const struct conf *);
/* Remove the file. */
void	control_sock_unlink(void);
/* 1 if who connected may give commands, 0 if not (logged); *owner: it is root
 * or our own user. */
int	control_sock_may(int fd, int *owner);

#endif
