/* SPDX-License-Identifier: ISC */
/* jmapctl queue list, show, retry, cancel.  Each returns an exit code. */
#ifndef DAEMON_CTL_QUEUE_H
#define DAEMON_CTL_QUEUE_H

int	ctl_queue_list(int, char *[]);
int	ctl_queue_id(int, char *[]);

#endif
