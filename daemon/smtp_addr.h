/* SPDX-License-Identifier: ISC */
/*
 * Addresses and parameters as SMTP commands carry them.  Pure.  Whatever the
 * text, what is appended has no CR, LF, NUL or other control character, no
 * space outside quotes and no ">" outside quotes: a command cannot be
 * injected by an address.
 */
#ifndef DAEMON_SMTP_ADDR_H
#define DAEMON_SMTP_ADDR_H

#include "common/compat.h"
#include "common/buf.h"

/*
 * Append an address as RFC 5321 4.1.2 Mailbox (RFC 6531 3.3 with UTF-8).  A
 * local part that is neither Dot-string nor Quoted-string but could be one
 * with quotes gets them.  *utf8 is set to 1 if it has a byte over 127, else
 * to 0.  0; or -1, nothing appended: no mailbox, or longer than allowed.
 */
int	smtp_addr_put(struct buf *, const char *addr, int *utf8);
/* Append as xtext (RFC 3461 4).  0; -1, nothing appended: not printable
 * ASCII, or more than max bytes when encoded. */
int	smtp_addr_xtext(struct buf *, const char *, size_t max);
/*
 * Append the value of ORCPT from "type;address", decoded: xtext, or with a
 * byte over 127 utf-8-addr-xtext of RFC 6533 3, under the type utf-8.  0; -1,
 * nothing appended: no such form, too long.
 */
int	smtp_addr_orcpt(struct buf *, const char *);

#endif
