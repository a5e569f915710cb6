/* SPDX-License-Identifier: ISC */
/* What a server offers: its answer to EHLO (RFC 5321 4.1.1.1).  Pure. */
#ifndef DAEMON_SMTP_EHLO_H
#define DAEMON_SMTP_EHLO_H

#include "common/compat.h"
#include "daemon/smtp_reply.h"

#define SMTP_EHLO_STARTTLS	0x01	/* RFC 3207 */
#define SMTP_EHLO_PIPELINING	0x02	/* RFC 2920 */
#define SMTP_EHLO_8BITMIME	0x04	/* RFC 6152 */
#define SMTP_EHLO_SMTPUTF8	0x08	/* RFC 6531 */
#define SMTP_EHLO_SIZE		0x10	/* RFC 1870 */
#define SMTP_EHLO_DSN		0x20	/* RFC 3461 */
#define SMTP_EHLO_AUTH		0x40	/* RFC 4954 */
#define SMTP_EHLO_PRIORITY	0x80	/* RFC 6710 */

#define SMTP_EHLO_PLAIN		0x01	/* RFC 4616 */
#define SMTP_EHLO_LOGIN		0x02

struct smtp_ehlo {
	unsigned int	 exts;		/* SMTP_EHLO_STARTTLS ... */
	unsigned int	 auth;		/* SMTP_EHLO_PLAIN ... */
	uint64_t	 size;		/* largest mail, 0: no limit known */
};

/* From a reply of 250 to EHLO; words that are not known are passed over. */
void	smtp_ehlo_read(struct smtp_ehlo *, const struct smtp_reply *);

#endif
