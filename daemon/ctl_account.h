/* SPDX-License-Identifier: ISC */
/* Accounts and domains by jmapctl: verbs for the table of ctl.c, argv[0]
 * being the last word of the verb; they return an exit code. */
#ifndef DAEMON_CTL_ACCOUNT_H
#define DAEMON_CTL_ACCOUNT_H

int	ctl_account_add(int argc, char *argv[]);
int	ctl_account_passwd(int argc, char *argv[]);
int	ctl_account_list(int argc, char *argv[]);
int	ctl_account_show(int argc, char *argv[]);
int	ctl_account_delete(int argc, char *argv[]);
int	ctl_account_domain_add(int argc, char *argv[]);
int	ctl_account_domain_list(int argc, char *argv[]);
int	ctl_account_domain_delete(int argc, char *argv[]);

#endif
