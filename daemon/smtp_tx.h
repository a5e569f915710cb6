/* SPDX-License-Identifier: ISC */
/*
 * One transaction of smtp_client.c: MAIL, RCPT, DATA, the message, the dot;
 * pipelined or not; which answer belongs to which recipient.  Works on the
 * client's fields, is called by smtp_client.c alone.
 */
#ifndef DAEMON_SMTP_TX_H
#define DAEMON_SMTP_TX_H

#include "common/compat.h"
#include "daemon/smtp_client.h"

/* Begin with c->mail: refuse what can be refused here, send what may be sent.
 * The mail may be done after it. */
void	smtp_tx_begin(struct smtp_client *);
/* A reply in SMTP_ENVELOPE, SMTP_DATA, SMTP_DOT, SMTP_NODATA. */
void	smtp_tx_envelope(struct smtp_client *);
void	smtp_tx_early(struct smtp_client *);
void	smtp_tx_end(struct smtp_client *);
void	smtp_tx_nodata(struct smtp_client *);
/* More of the message, or of the envelope. */
void	smtp_tx_fill(struct smtp_client *);
/* The session ends: the recipients without a final result get this one, the
 * mail is done. */
void	smtp_tx_fail(struct smtp_client *, const struct smtp_result *);

#endif
