/* SPDX-License-Identifier: ISC */
/* AUTH (RFC 4954): two steps of smtp_client.c, which alone calls them. */
#ifndef DAEMON_SMTP_AUTH_H
#define DAEMON_SMTP_AUTH_H

#include "common/compat.h"
#include "daemon/smtp_client.h"

/* EHLO was answered: say who we are, or end the session. */
void	smtp_auth_begin(struct smtp_client *);
/* A reply in SMTP_AUTH. */
void	smtp_auth_reply(struct smtp_client *);

#endif
