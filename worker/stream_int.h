/* SPDX-License-Identifier: ISC */
/*
 * What stream.c, stream_in.c and stream_out.c share: nobody else includes
 * this.
 */
#ifndef WORKER_STREAM_INT_H
#define WORKER_STREAM_INT_H

#include <sys/queue.h>

#include "common/buf.h"
#include "common/dir.h"
#include "common/proc.h"
#include "worker/store/store.h"
#include "worker/stream.h"

#define STREAM_BOXES	100000	/* mailboxes of one import */

/* A mail on its way in. */
struct stream_mail {
	TAILQ_ENTRY(stream_mail) entry;
	struct msg_st_mail	 head;
	uint32_t		 id;	/* the message's */
	char			*words;	/* keywords, each ended by NUL */
	size_t			 nwords; /* bytes */
	int			 known;	/* 1 it is there, 2 it was refused */
	struct buf		 data;
};
TAILQ_HEAD(stream_mails, stream_mail);

struct stream {
	struct proc_peer	 ctl;
	char			 account[DIR_ACCOUNT_LEN];
	uint32_t		 kind;
	uint64_t		 max_size;
	uint64_t		 done;	/* mails in or out */
	uint32_t		*box;	/* mailbox ids by box number */
	uint32_t		 nbox;
	/* import */
	struct stream_mail	*cur;	/* its data are not complete */
	struct stream_mails	 batch;
	size_t			 nbatch, bytes;
	uint64_t		*key;	/* those known before, sorted */
	size_t			 nkey;
	uint64_t		 keystate; /* store_state they are of */
	uint32_t		 known;	/* mails that were there already */
	/* export */
	uint32_t		 at;	/* box number */
	struct store_ids	 ids;	/* mails of that box */
	size_t			 next;	/* of them */
	uint8_t			 blob[STORE_HASHLEN];
	uint64_t		 off, size;	/* of the mail that is going */
	/* reindex */
	struct event		 ev;
	int			 timed;	/* it was set */
	int64_t			 told;	/* date_mono of the last row */
};

extern proc_fn *const	stream_in[MSG_MAX];
extern proc_fn *const	stream_out[MSG_MAX];
extern proc_fn *const	stream_reindex[MSG_MAX];

/* End the stream: say why, and take nothing more. */
void	stream_fail(struct stream *, const char *);
/* The same for an error of the store. */
void	stream_broken(struct stream *, enum store_err);
/* Open the account's store; NULL when it was said to the peer. */
struct store	*stream_store(struct stream *, unsigned flags);
void	stream_ok(struct stream *, uint32_t id, uint32_t box, uint32_t code);
/* A path's mailbox, made where there is none. */
enum store_err	stream_box_find(struct store_txn *, const char *path,
		    size_t len, uint32_t *id);
/* The path of a mailbox, appended; 0, or -1. */
int	stream_box_path(struct store_txn *, uint32_t id, struct buf *);

void	stream_in_free(struct stream *);

#endif
