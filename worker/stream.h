/* SPDX-License-Identifier: ISC */
/*
 * A stream between jmapctl and this worker about one account's store:
 * import, export, check, reindex.  jmapctl got its end of the socket from the
 * parent after its rights were checked; still it is the less privileged side,
 * and what breaks a rule closes the stream.
 *
 * The conversation (messages in common/msg.h; the id of ST_MAIL is echoed):
 *
 * import	ctl: ST_BOX path	worker: ST_OK, or ST_FAIL
 *		ctl: ST_MAIL ST_DATA ..	worker: nothing, or ST_FAIL with the
 *					mail's id: it was refused
 *		ctl: ST_SYNC		worker: ST_OK, done = mails that are on
 *					the disk, box = those of them that
 *					were there before
 * export	ctl: ST_GO		worker: ST_BOX for every mailbox,
 *					ST_MAIL ST_DATA ..., ST_OK
 *		code STREAM_MORE in ST_OK: say ST_SYNC to get more; 0: the end
 * check	ctl: ST_GO (1: repair)	worker: ST_ROW ..., ST_OK, done =
 *					differences
 * reindex	ctl: ST_GO		worker: ST_ROW (at, of) ..., ST_OK
 *
 * A path is components joined by '/', each percent-encoded.  "INBOX" as the
 * first is the mailbox with that role.  Box numbers count from 0.
 *
 * A mail's key is the importer's name for it.  Keys are kept in the account,
 * in the transaction that adds the mail, so that an import that was cut off
 * anywhere and is run again adds each mail once.  Key 0 is never remembered.
 */
#ifndef WORKER_STREAM_H
#define WORKER_STREAM_H

#include "common/msg.h"

#define STREAM_MORE	1	/* msg_st_ok.code: go on with ST_SYNC */
#define STREAM_REPAIR	1	/* msg_st_go.flags */
#define STREAM_MAILS	100	/* mails of one commit */
#define STREAM_BYTES	(4 << 20)	/* .. or bytes */
#define STREAM_DATA	60000	/* bytes of one ST_DATA */

/* MSG_STREAM has come: fd is ours.  max_size: bytes of one mail. */
void	stream_open(const struct msg_stream *, int fd, uint64_t max_size);
/* How many streams are open (a worker that drains waits for them). */
unsigned int	stream_count(void);

#endif
