/* SPDX-License-Identifier: ISC */
/*
 * What is in an account's folder, byte by byte.
 *
 *	DIR/ACCOUNT/data.mdb		the rows below (LMDB, one database)
 *	DIR/ACCOUNT/search/%08x.run	the search index, see store_run.h; can
 *					be made again
 *	DIR/ACCOUNT/blob/%08x.seg	raw mail and uploads; see store_seg.h
 *
 * A key is one letter, its space, then fixed-width fields.  Integers are
 * big-endian, so that memcmp orders them.  eid and tid take 8 bytes, mbid 4,
 * t 6 (milliseconds since 1970), ~t its complement: newest first.
 *
 *  space key             value
 *  A                     u16 version, u16 n, n x u64: enum store_hot.  The one
 *                        hot record, rewritten by each commit.
 *  B     mbid            mailbox: u8 version, u8 role, u8 subscribed, u8 -,
 *                        u32 parent sort total unread threads unread_threads
 *                        uidnext uidvalidity -, u64 created props counts
 *                        emails, name to the end (from byte 72)
 *  S     eid             state of a mail, the only part that changes:
 *                          0 u8 version, u8 flags (1 attachment), u16 gen,
 *                          4 u32 size, 8 u64 tid, 16 u64 kw, 24 u64 modseq,
 *                         32 u64 created, 40 u64 received, 48 i64 sent,
 *                         56 8 bytes each of the from, to and subject keys,
 *                         80 u16 n, u16 nmore,
 *                         84 n x { u32 mbid, u32 uid }, nmore x u16 slot > 63
 *  E     eid             list row, never rewritten: u8 version, u8 nfrag,
 *                        32 bytes blob, nfrag x u16 end of fragment (top bit:
 *                        it lies in e), fragments, u32 CRC-32C.  < 2 KB, for
 *                        longer values cost LMDB an overflow page
 *  e     eid             its long fragments: u8 version, then each u8 number,
 *                        u32 length, bytes.  u32 CRC-32C at the end
 *  P     eid             u8 version, u8 nhash, u32 subject hash, nhash x u64
 *                        message-id hash, the caller's structure record,
 *                        u32 CRC-32C
 *  M     mbid ~t eid     u64 kw, u64 tid, u64 modseq, u64 added, u16 gen:
 *                        the list of a mailbox; mbid 0 is all mail
 *  m     mbid ~t eid removed   the same value as it left: tombstones for
 *                        queryChanges, trimmed with the log
 *  K     u16 slot ~t eid the same value; one row for each keyword a mail
 *                        has, but slot 0: those that are not $seen (sparse)
 *  T     tid t eid       u16 gen, u64 kw, n x u32 mbid: a thread, oldest first
 *  H     tid             the head of a thread: u32 mails, u32 unread not only
 *                        in the trash, u32 unread in the trash, for each
 *                        mailbox that one of them is in u32 mbid, u32 mails
 *  I     h64(msgid) h32(base subject)   u64 tid, u32 mails that say so
 *  L     modseq          u8 type, u8 op, u8 counts only, u8 -, u64 id; of mail
 *                        that left mailboxes also t, n x u32 mbid
 *  D     name            u16 slot: the keyword dictionary
 *  d     slot            name
 *  G     sha256          u32 segment, u32 refs, u64 offset, u64 length,
 *                        u64 bytes in the segment, u64 expiry (0: refs > 0)
 *  X     expiry sha256   nothing: blobs that nobody refers to
 *  V     segment         u64 bytes written, u64 bytes alive, u64 dead since; of
 *                        the one being written A has the numbers
 *  F     eid             words not yet in a run: u8 version (2), then each u8
 *                        fields, u8 tag, u8 length, word, u8 n, n stems of u8
 *                        length, bytes
 *  W                     the runs of the search index: u8 version, u8 flags,
 *                        u16 n, u32 next number, u64 upto, u64 at (of a
 *                        rebuild); n x { u32 number, u32 mails, u64 bytes, u64
 *                        lowest, u64 highest eid, u8 set }; u32 n, n x { u32
 *                        number, u64 time } of files to be removed
 *  O     u8 type, u64 id bytes of another object
 *  a     u64 who mbid    a mailbox shared: u8 version, u8 subscribed, u16 -,
 *                        u32 rights, u64 -; with mbid 0: the last u64 is the
 *                        modseq when what he may see changed
 *  Y     sha256 u64 who  nothing: a sharee put the blob, and may use it;
 *			  who 0: and the owner has never had it
 *  U     mbid uid        reserved for IMAP (eid)
 *
 * Every format has a version: in A for the key layout, in the first byte of
 * a row for the row.  A newer one than ours is refused (STORE_VERSION).
 */
#ifndef STORE_STORE_KEY_H
#define STORE_STORE_KEY_H

#include <string.h>

#include "worker/store/store.h"

#define STORE_LAYOUT	3		/* version in A */
#define STORE_ROWVER	1		/* of every row that has one */
#define STORE_SLOT_UNSEEN	0	/* the K rows of what is not $seen */
#define STORE_TMAX	INT64_C(253402300799999)	/* end of 9999 */

/* Numbers of the hot record, in order; new ones go before HOT_TYPES. */
enum store_hot {
	HOT_MODSEQ, HOT_LOWWATER, HOT_EID, HOT_MBID, HOT_OBJECT, HOT_SLOTS,
	HOT_MAILS, HOT_BYTES, HOT_THREADS, HOT_SEG, HOT_SEGOFF, HOT_PENDING,
	HOT_UIDVALIDITY, HOT_SEGUSED, HOT_SEGLIVE, HOT_BLOBBYTES, HOT_QUOTA,
	HOT_IDLE,			/* bytes of the blobs in X */
	HOT_COUNTED,			/* 1: HOT_IDLE is of all of them */
	HOT_TYPES = 32,			/* the state of each enum store_type */
	HOT_MAX = HOT_TYPES + STORE_TYPES
};

struct store_key {
	uint8_t	 b[64];
	size_t	 n;
};

static inline uint16_t
store_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
store_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
store_get64(const uint8_t *p)
{
	return (uint64_t)store_get32(p) << 32 | store_get32(p + 4);
}

static inline uint64_t
store_get48(const uint8_t *p)
{
	return (uint64_t)store_get16(p) << 32 | store_get32(p + 2);
}

static inline uint8_t *
store_put16(uint8_t *p, uint16_t x)
{
	*p++ = (uint8_t)(x >> 8);
	*p++ = (uint8_t)x;
	return p;
}

static inline uint8_t *
store_put32(uint8_t *p, uint32_t x)
{
	return store_put16(store_put16(p, (uint16_t)(x >> 16)), (uint16_t)x);
}

static inline uint8_t *
store_put48(uint8_t *p, uint64_t x)
{
	return store_put32(store_put16(p, (uint16_t)(x >> 32)), (uint32_t)x);
}

static inline uint8_t *
store_put64(uint8_t *p, uint64_t x)
{
	return store_put32(store_put32(p, (uint32_t)(x >> 32)), (uint32_t)x);
}

/* The entry of a list: the value of M, m and K rows. */
#define STORE_ENTRYLEN	34
struct store_entry {
	uint64_t	kw, tid, modseq, added;
	uint16_t	gen;
};
void	store_key_entry(const struct store_entry *, uint8_t[STORE_ENTRYLEN]);
int	store_key_entry_get(struct slice, struct store_entry *);

/* Time and eid of an M, m (without removed) or K key; -1 if it is none. */
int	store_key_place(struct slice key, int64_t *received, uint64_t *eid);

/* Keys.  space is the letter. */
void	store_key_space(struct store_key *, int space);
void	store_key_u32(struct store_key *, int space, uint32_t);
void	store_key_u64(struct store_key *, int space, uint64_t);
void	store_key_blob(struct store_key *, int space, const uint8_t *hash);
/* M and m; m's removed is appended with store_key_add64. */
void	store_key_list(struct store_key *, int space, uint32_t mbid,
	    int64_t received, uint64_t eid);
void	store_key_keyword(struct store_key *, unsigned slot,
	    int64_t received, uint64_t eid);
void	store_key_thread(struct store_key *, uint64_t tid, int64_t received,
	    uint64_t eid);
void	store_key_msgid(struct store_key *, uint64_t h, uint32_t subject);
void	store_key_expiry(struct store_key *, uint64_t, const uint8_t *hash);
void	store_key_object(struct store_key *, unsigned type, uint64_t id);
void	store_key_add64(struct store_key *, uint64_t);
void	store_key_share(struct store_key *, uint64_t who, uint32_t mbid);

/* FNV-1a with a finishing mix: places, not secrets. */
uint64_t	store_key_hash(const void *, size_t);

#endif
