/* SPDX-License-Identifier: ISC */
/* Whom somebody finds to share with: DIR_PEOPLE of dir.h. */
#ifndef DAEMON_AUTH_PEOPLE_H
#define DAEMON_AUTH_PEOPLE_H

#include "daemon/auth_dir.h"

/* Called by auth_dir.c; call->self is who asks. */
enum dir_err	auth_people(struct auth_dir_call *, struct cur *);

#endif
