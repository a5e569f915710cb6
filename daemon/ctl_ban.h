/* SPDX-License-Identifier: ISC */
/* Verbs of jmapctl(8) about bans; the table of ctl.c names them. */
#ifndef DAEMON_CTL_BAN_H
#define DAEMON_CTL_BAN_H

int	ctl_ban_add(int, char *[]);
int	ctl_ban_remove(int, char *[]);

#endif
