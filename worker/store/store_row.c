/* SPDX-License-Identifier: ISC */
/*
 * The rows of one mail as bytes: S (state), E and e (list row), P
 * (structure).  store_key.h draws them.
 */
#include "common/compat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "worker/store/store_int.h"

#define S_HEAD		84
#define E_HEAD		(2 + STORE_HASHLEN)
#define E_HOT		1800	/* bytes of fragments that stay in E */
#define E_COLD		0x8000
#define CRC_LEN		4

static enum store_err	 store_row_list(struct store_txn *, uint64_t,
			    const struct store_newmail *);
static uint32_t		 store_row_cold(const struct slice *);
static enum store_err	 store_row_long(struct store_txn *, uint64_t,
			    const struct slice *, uint32_t);
static enum store_err	 store_row_structure(struct store_txn *, uint64_t,
			    const struct store_newmail *,
			    const struct store_refs *);
static enum store_err	 store_row_read_long(struct store_txn *, uint64_t,
			    struct store_row *);

/* --- S ------------------------------------------------------------------- */

int
store_row_state(struct slice key, struct slice val, struct store_mail *m)
{
	const uint8_t	*p = val.p;

	if (key.n != 9 || val.n < S_HEAD || p[0] > STORE_ROWVER)
		return -1;
	m->id = store_get64((const uint8_t *)key.p + 1) << 16 |
	    store_get16(p + 2);
	m->attachment = p[1] & 1;
	m->size = store_get32(p + 4);
	m->tid = store_get64(p + 8);
	m->kw = store_get64(p + 16);
	m->modseq = store_get64(p + 24);
	m->created = store_get64(p + 32);
	m->received = (int64_t)store_get64(p + 40);
	m->sent = (int64_t)store_get64(p + 48);
	m->from = store_get64(p + 56);
	m->to = store_get64(p + 64);
	m->subject = store_get64(p + 72);
	m->nmailbox = store_get16(p + 80);
	m->nmore = store_get16(p + 82);
	m->mailboxes = p + S_HEAD;
	m->more = m->mailboxes + 8 * m->nmailbox;
	if (val.n != S_HEAD + 8 * m->nmailbox + 2 * m->nmore ||
	    m->nmailbox > STORE_MAXBOXES || m->nmore > STORE_KW_MAX)
		return -1;
	return 0;
}

void
store_row_edit(const struct store_mail *m, struct store_state *s)
{
	size_t	 i;

	s->m = *m;
	s->nmbid = m->nmailbox;
	s->nmore = m->nmore;
	for (i = 0; i < s->nmbid; i++) {
		s->mbid[i] = store_get32(m->mailboxes + 8 * i);
		s->uid[i] = store_get32(m->mailboxes + 8 * i + 4);
	}
	for (i = 0; i < s->nmore; i++)
		s->more[i] = store_get16(m->more + 2 * i);
	s->m.mailboxes = s->m.more = NULL;
}

enum store_err
store_row_save(struct store_txn *txn, const struct store_state *s)
{
	struct store_key	 k;
	uint8_t			 b[S_HEAD + 8 * STORE_MAXBOXES +
				    2 * STORE_KW_MAX], *p = b;
	size_t			 i;

	*p++ = STORE_ROWVER;
	*p++ = s->m.attachment != 0;
	p = store_put16(p, (uint16_t)STORE_GEN(s->m.id));
	p = store_put32(p, s->m.size);
	p = store_put64(p, s->m.tid);
	p = store_put64(p, s->m.kw);
	p = store_put64(p, s->m.modseq);
	p = store_put64(p, s->m.created);
	p = store_put64(p, (uint64_t)s->m.received);
	p = store_put64(p, (uint64_t)s->m.sent);
	p = store_put64(p, s->m.from);
	p = store_put64(p, s->m.to);
	p = store_put64(p, s->m.subject);
	p = store_put16(p, (uint16_t)s->nmbid);
	p = store_put16(p, (uint16_t)s->nmore);
	for (i = 0; i < s->nmbid; i++)
		p = store_put32(store_put32(p, s->mbid[i]), s->uid[i]);
	for (i = 0; i < s->nmore; i++)
		p = store_put16(p, s->more[i]);
	store_key_u64(&k, 'S', STORE_EID(s->m.id));
	return store_put(txn, &k, b, (size_t)(p - b));
}

uint64_t
store_row_prefix(struct slice s)
{
	uint8_t	 b[8] = { 0 };

	if (s.n > 0)
		memcpy(b, s.p, s.n < 8 ? s.n : 8);
	return store_get64(b);
}

/* --- E, e, P ------------------------------------------------------------- */

int
store_row_of(struct slice v, const uint8_t *hash)
{
	return v.n >= E_HEAD &&
	    memcmp((const uint8_t *)v.p + 2, hash, STORE_HASHLEN) == 0;
}

enum store_err
store_row_add(struct store_txn *txn, uint64_t eid,
    const struct store_newmail *nm, const struct store_refs *refs)
{
	enum store_err	 e;

	if ((e = store_row_list(txn, eid, nm)) != STORE_OK)
		return e;
	return store_row_structure(txn, eid, nm, refs);
}

/* Which fragments lie apart: the longest, until the rest is short enough. */
static uint32_t
store_row_cold(const struct slice *f)
{
	uint32_t	 cold = 0;
	size_t		 i, big, sum = 0;

	for (i = 0; i < STORE_F_MAX; i++)
		sum += f[i].n;
	while (sum > E_HOT) {
		for (i = big = 0; i < STORE_F_MAX; i++)
			if ((cold & 1U << big || f[i].n > f[big].n) &&
			    (cold & 1U << i) == 0)
				big = i;
		cold |= 1U << big;
		sum -= f[big].n;
	}
	return cold;
}

static enum store_err
store_row_list(struct store_txn *txn, uint64_t eid,
    const struct store_newmail *nm)
{
	struct store_key	 k;
	uint8_t			 b[E_HEAD + 2 * STORE_F_MAX + E_HOT + CRC_LEN];
	uint8_t			*p, *q = b + E_HEAD + 2 * STORE_F_MAX;
	uint32_t		 cold = store_row_cold(nm->frag);
	size_t			 i, end = 0;

	_Static_assert(STORE_F_MAX <= 32, "a bit each");
	b[0] = STORE_ROWVER;
	b[1] = STORE_F_MAX;
	memcpy(b + 2, nm->blob, STORE_HASHLEN);
	p = b + E_HEAD;
	for (i = 0; i < STORE_F_MAX; i++) {
		if ((cold & 1U << i) == 0 && nm->frag[i].n > 0) {
			memcpy(q + end, nm->frag[i].p, nm->frag[i].n);
			end += nm->frag[i].n;
		}
		p = store_put16(p, (uint16_t)(end |
		    (cold & 1U << i ? E_COLD : 0)));
	}
	q += end;
	store_put32(q, crc32c(0, b, (size_t)(q - b)));
	store_key_u64(&k, 'E', eid);
	if (store_put(txn, &k, b, (size_t)(q - b) + CRC_LEN) != STORE_OK)
		return txn->dead;
	return cold == 0 ? STORE_OK : store_row_long(txn, eid, nm->frag, cold);
}

static enum store_err
store_row_long(struct store_txn *txn, uint64_t eid, const struct slice *f,
    uint32_t cold)
{
	struct store_key	 k;
	uint8_t			*b, *p;
	size_t			 i, len = 1 + CRC_LEN;
	enum store_err		 e;

	for (i = 0; i < STORE_F_MAX; i++)
		if (cold & 1U << i)
			len += 5 + f[i].n;
	if ((b = malloc(len)) == NULL)
		return store_fail(txn);
	p = b;
	*p++ = STORE_ROWVER;
	for (i = 0; i < STORE_F_MAX; i++) {
		if ((cold & 1U << i) == 0)
			continue;
		*p++ = (uint8_t)i;
		p = store_put32(p, (uint32_t)f[i].n);
		memcpy(p, f[i].p, f[i].n);
		p += f[i].n;
	}
	store_put32(p, crc32c(0, b, (size_t)(p - b)));
	store_key_u64(&k, 'e', eid);
	e = store_put(txn, &k, b, len);
	free(b);
	return e;
}

static enum store_err
store_row_structure(struct store_txn *txn, uint64_t eid,
    const struct store_newmail *nm, const struct store_refs *refs)
{
	struct store_key	 k;
	size_t			 i, len;
	uint8_t			*b, *p;
	enum store_err		 e;

	len = 6 + 8 * refs->n + nm->structure.n + CRC_LEN;
	if ((b = malloc(len)) == NULL)
		return store_fail(txn);
	p = b;
	*p++ = STORE_ROWVER;
	*p++ = (uint8_t)refs->n;
	p = store_put32(p, refs->subject);
	for (i = 0; i < refs->n; i++)
		p = store_put64(p, refs->h[i]);
	if (nm->structure.n > 0)
		memcpy(p, nm->structure.p, nm->structure.n);
	p += nm->structure.n;
	store_put32(p, crc32c(0, b, (size_t)(p - b)));
	store_key_u64(&k, 'P', eid);
	e = store_put(txn, &k, b, len);
	free(b);
	return e;
}

enum store_err
store_row_erase(struct store_txn *txn, uint64_t eid)
{
	static const char	 spaces[] = "SEeP";
	struct store_key	 k;
	enum store_err		 e;
	const char		*s;

	for (s = spaces; *s != '\0'; s++) {
		store_key_u64(&k, *s, eid);
		if ((e = store_del(txn, &k)) != STORE_OK)
			return e;
	}
	return STORE_OK;
}

int
store_row_check(struct slice v)
{
	const uint8_t	*p = v.p;

	if (v.n < 1 + CRC_LEN || p[0] > STORE_ROWVER)
		return -1;
	return store_get32(p + v.n - CRC_LEN) ==
	    crc32c(0, p, v.n - CRC_LEN) ? 0 : -1;
}

enum store_err
store_row_refs(struct store_txn *txn, uint64_t eid, struct store_refs *refs)
{
	struct store_key	 k;
	struct slice		 v;
	const uint8_t		*p;
	enum store_err		 e;
	size_t			 i;

	store_key_u64(&k, 'P', eid);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e == STORE_NOTFOUND ? store_broken(txn, "mail") : e;
	p = v.p;
	if (v.n < 6 + CRC_LEN || p[1] > STORE_MAXREFS ||
	    v.n < 6 + CRC_LEN + 8 * (size_t)p[1])
		return store_broken(txn, "structure row");
	refs->n = p[1];
	refs->subject = store_get32(p + 2);
	for (i = 0; i < refs->n; i++)
		refs->h[i] = store_get64(p + 6 + 8 * i);
	return STORE_OK;
}

enum store_err
store_mail_structure(struct store_txn *txn, const struct store_mail *m,
    struct slice *out)
{
	struct store_key	 k;
	struct slice		 v;
	const uint8_t		*p;
	enum store_err		 e;
	size_t			 head;

	store_key_u64(&k, 'P', STORE_EID(m->id));
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e;
	p = v.p;
	if (store_row_check(v) == -1 || v.n < 6 + CRC_LEN ||
	    v.n < (head = 6 + 8 * (size_t)p[1]) + CRC_LEN)
		return store_broken(txn, "structure row");
	*out = SLICE(p + head, v.n - head - CRC_LEN);
	return STORE_OK;
}

enum store_err
store_mail_row(struct store_txn *txn, const struct store_mail *m,
    struct store_row *row)
{
	struct store_key	 k;
	struct slice		 v;
	const uint8_t		*p, *text;
	enum store_err		 e;
	size_t			 i, n, at = 0, end, len;
	int			 cold = 0;

	store_key_u64(&k, 'E', STORE_EID(m->id));
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e;
	p = v.p;
	if (v.n < E_HEAD + CRC_LEN || p[0] > STORE_ROWVER ||
	    v.n < E_HEAD + 2 * (n = p[1]) + CRC_LEN)
		return store_broken(txn, "list row");
	row->blob = p + 2;
	text = p + E_HEAD + 2 * n;
	len = v.n - E_HEAD - 2 * n - CRC_LEN;
	for (i = 0; i < STORE_F_MAX; i++) {
		row->frag[i] = SLICE(NULL, 0);
		if (i >= n)
			continue;	/* written before it was thought of */
		end = store_get16(p + E_HEAD + 2 * i);
		cold |= (end & E_COLD) != 0;
		end &= E_COLD - 1;
		if (end < at || end > len)
			return store_broken(txn, "list row");
		row->frag[i] = SLICE(text + at, end - at);
		at = end;
	}
	return cold ? store_row_read_long(txn, STORE_EID(m->id), row) :
	    STORE_OK;
}

static enum store_err
store_row_read_long(struct store_txn *txn, uint64_t eid, struct store_row *row)
{
	struct store_key	 k;
	struct slice		 v;
	const uint8_t		*p;
	enum store_err		 e;
	size_t			 at, len;

	store_key_u64(&k, 'e', eid);
	if ((e = store_get(txn, &k, &v)) != STORE_OK)
		return e == STORE_NOTFOUND ? store_broken(txn, "mail") : e;
	p = v.p;
	if (store_row_check(v) == -1)
		return store_broken(txn, "long row");
	for (at = 1; at + 5 + CRC_LEN <= v.n; at += 5 + len) {
		len = store_get32(p + at + 1);
		if (len > v.n - at - 5 - CRC_LEN || p[at] >= STORE_F_MAX)
			return store_broken(txn, "long row");
		row->frag[p[at]] = SLICE(p + at + 5, len);
	}
	return STORE_OK;
}
