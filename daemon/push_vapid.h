/* SPDX-License-Identifier: ISC */
/*
 * Who we are to a push service (VAPID, RFC 8292): one key on P-256, made at
 * the first start and kept in push-dir, and a signed token for each push.
 * Losing the file means that all clients subscribe anew (RFC 9749 5).
 */
#ifndef DAEMON_PUSH_VAPID_H
#define DAEMON_PUSH_VAPID_H

#include "common/buf.h"
#include "common/compat.h"
#include "daemon/push_crypt.h"

#define PUSH_VAPID_FILE	"vapid.pem"

/*
 * Read the key from dir, or make it there; before privileges go.  0, or -1
 * (logged): there is none, pushes go unsigned.
 */
int	push_vapid_open(const char *dir);
/* The public half: 0, or -1: there is none. */
int	push_vapid_point(uint8_t out[P256_POINT]);
/*
 * Append the value of Authorization (RFC 8292 3) for a push service at an
 * origin, good for some hours from now (wall clock ms); contact is a mailto:
 * or https: URL.  0, or -1.
 */
int	push_vapid_header(struct buf *, const char *origin,
	    const char *contact, int64_t now);

#endif
