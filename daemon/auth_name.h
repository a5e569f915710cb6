/* SPDX-License-Identifier: ISC */
/* Names of principals and mail addresses, in the one form that we keep. */
#ifndef DAEMON_AUTH_NAME_H
#define DAEMON_AUTH_NAME_H

#include "common/compat.h"
#include "daemon/auth_db.h"

/* Lower-case ASCII in place; -1 unless it is 1 to AUTH_DB_NAME bytes of
 * UTF-8 without controls and blanks. */
int	auth_name_fold(char *);
/* The name and the addresses of a principal, in place; DIR_OK, DIR_MISSING
 * or DIR_OTHERERR. */
enum dir_err	auth_name_normal(struct dir_prin *, struct auth_db_why *);

#endif
