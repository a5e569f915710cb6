/* SPDX-License-Identifier: ISC */
/*
 * Keys and list entries as bytes: see store_key.h, which draws them all.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/store/store_key.h"

#define T48	UINT64_C(0xffffffffffff)

void
store_key_entry(const struct store_entry *e, uint8_t out[STORE_ENTRYLEN])
{
	out = store_put64(out, e->kw);
	out = store_put64(out, e->tid);
	out = store_put64(out, e->modseq);
	out = store_put64(out, e->added);
	store_put16(out, e->gen);
}

int
store_key_entry_get(struct slice v, struct store_entry *e)
{
	const uint8_t	*p = v.p;

	if (v.n != STORE_ENTRYLEN)
		return -1;
	e->kw = store_get64(p);
	e->tid = store_get64(p + 8);
	e->modseq = store_get64(p + 16);
	e->added = store_get64(p + 24);
	e->gen = store_get16(p + 32);
	return 0;
}

int
store_key_place(struct slice key, int64_t *received, uint64_t *eid)
{
	const uint8_t	*p = key.p;
	size_t		 at;

	if (key.n < 1)
		return -1;
	at = p[0] == 'K' ? 3 : 5;
	if (key.n < at + 14)
		return -1;
	*received = (int64_t)(~store_get48(p + at) & T48);
	*eid = store_get64(p + at + 6);
	return 0;
}

void
store_key_space(struct store_key *k, int space)
{
	k->b[0] = (uint8_t)space;
	k->n = 1;
}

void
store_key_u32(struct store_key *k, int space, uint32_t x)
{
	k->b[0] = (uint8_t)space;
	store_put32(k->b + 1, x);
	k->n = 5;
}

void
store_key_u64(struct store_key *k, int space, uint64_t x)
{
	k->b[0] = (uint8_t)space;
	store_put64(k->b + 1, x);
	k->n = 9;
}

void
store_key_blob(struct store_key *k, int space, const uint8_t *hash)
{
	k->b[0] = (uint8_t)space;
	memcpy(k->b + 1, hash, STORE_HASHLEN);
	k->n = 1 + STORE_HASHLEN;
}

void
store_key_list(struct store_key *k, int space, uint32_t mbid,
    int64_t received, uint64_t eid)
{
	uint8_t	*p;

	k->b[0] = (uint8_t)space;
	p = store_put32(k->b + 1, mbid);
	p = store_put48(p, ~(uint64_t)received & T48);
	store_put64(p, eid);
	k->n = 19;
}

void
store_key_keyword(struct store_key *k, unsigned slot, int64_t received,
    uint64_t eid)
{
	uint8_t	*p;

	k->b[0] = 'K';
	p = store_put16(k->b + 1, (uint16_t)slot);
	p = store_put48(p, ~(uint64_t)received & T48);
	store_put64(p, eid);
	k->n = 17;
}

void
store_key_thread(struct store_key *k, uint64_t tid, int64_t received,
    uint64_t eid)
{
	uint8_t	*p;

	k->b[0] = 'T';
	p = store_put64(k->b + 1, tid);
	p = store_put48(p, (uint64_t)received);
	store_put64(p, eid);
	k->n = 23;
}

void
store_key_msgid(struct store_key *k, uint64_t h, uint32_t subject)
{
	k->b[0] = 'I';
	store_put32(store_put64(k->b + 1, h), subject);
	k->n = 13;
}

void
store_key_expiry(struct store_key *k, uint64_t when, const uint8_t *hash)
{
	k->b[0] = 'X';
	memcpy(store_put64(k->b + 1, when), hash, STORE_HASHLEN);
	k->n = 9 + STORE_HASHLEN;
}

void
store_key_object(struct store_key *k, unsigned type, uint64_t id)
{
	k->b[0] = 'O';
	k->b[1] = (uint8_t)type;
	store_put64(k->b + 2, id);
	k->n = 10;
}

void
store_key_share(struct store_key *k, uint64_t who, uint32_t mbid)
{
	store_key_u64(k, 'a', who);
	store_put32(k->b + k->n, mbid);
	k->n += 4;
}

void
store_key_add64(struct store_key *k, uint64_t x)
{
	store_put64(k->b + k->n, x);
	k->n += 8;
}

uint64_t
store_key_hash(const void *bytes, size_t n)
{
	const uint8_t	*p = bytes;
	uint64_t	 h = UINT64_C(0xcbf29ce484222325);

	while (n-- > 0)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}
