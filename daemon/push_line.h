/* SPDX-License-Identifier: ISC */
/* A line of MSG_PUSH_STATE (common/msg.h): "account type state\n". */
#ifndef DAEMON_PUSH_LINE_H
#define DAEMON_PUSH_LINE_H

#include "common/compat.h"

/*
 * The length of the first line of len bytes, its end included, and those of
 * its first two words; 0: it is none.  Words are 1 to 255 of the characters
 * of an Id (RFC 8620 1.2), so all of them may stand in JSON as they are.
 */
size_t	push_line(const char *, size_t len, size_t *account, size_t *type);

#endif
