/* SPDX-License-Identifier: ISC */
/* Mail addresses as SMTP has them (RFC 5321 4.1.2, RFC 6531 3.3). */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include "common/compat.h"

#define ADDR_LOCAL	64	/* bytes, RFC 5321 4.5.3.1 */
#define ADDR_DOMAIN	255
#define ADDR_MAX	254	/* a path of 256 without its brackets */

/*
 * 1 if the text is a Mailbox: local part (dot-string or quoted string), "@",
 * a domain or an address literal; UTF-8 may stand where letters may.
 */
int	addr_ok(const char *);
/* 1 if two mailboxes are one: domains in any case of ASCII letters, local
 * parts, too, as our directory has them. */
int	addr_same(const char *, const char *);

#endif
