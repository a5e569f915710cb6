/* SPDX-License-Identifier: ISC */
/*
 * Which runs make the search index of an account: row W, and the open ones.
 * A run that is no longer named stays on the disk for a minute, because
 * another process may be in the middle of a search that began before.
 */
#include "common/compat.h"

#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "worker/store/store_int.h"

#define HEAD	24		/* bytes before the runs */
#define INFO	33		/* of a run */
#define DEAD	12

#define MANIFEST_MAX	(HEAD + 4 + STORE_RUNS * INFO + 4 * STORE_RUNS * DEAD)

static int	 store_runs_decode(struct slice, struct store_manifest *);

/* u8 version, u8 flags, u16 runs, u32 next, u64 upto, u64 at; runs; dead. */
static int
store_runs_decode(struct slice v, struct store_manifest *m)
{
	const uint8_t	*p = v.p;
	size_t		 i, n, nd;

	if (v.n < HEAD + 4 || p[0] > STORE_ROWVER)
		return -1;
	n = store_get16(p + 2);
	if (n > STORE_RUNS || v.n < HEAD + n * INFO + 4)
		return -1;
	nd = store_get32(p + HEAD + n * INFO);
	if (nd > nitems(m->dead) || v.n != HEAD + n * INFO + 4 + nd * DEAD)
		return -1;
	m->flags = p[1];
	m->next = store_get32(p + 4);
	m->upto = store_get64(p + 8);
	m->at = store_get64(p + 16);
	m->n = n;
	for (i = 0, p += HEAD; i < n; i++, p += INFO) {
		m->v[i].id = store_get32(p);
		m->v[i].docs = store_get32(p + 4);
		m->v[i].bytes = store_get64(p + 8);
		m->v[i].lo = store_get64(p + 16);
		m->v[i].hi = store_get64(p + 24);
		m->v[i].set = (enum store_runset)p[32];
	}
	m->ndead = nd;
	for (i = 0, p += 4; i < nd; i++, p += DEAD) {
		m->dead[i].id = store_get32(p);
		m->dead[i].when = store_get64(p + 4);
	}
	return 0;
}

enum store_err
store_runs_load(struct store_txn *txn, struct store_manifest *m)
{
	struct store_key	 k;
	struct slice		 v;
	enum store_err		 e;

	memset(m, 0, sizeof(*m));
	m->flags = STORE_INDEX_WHOLE;
	m->next = 1;
	store_key_space(&k, 'W');
	e = store_get(txn, &k, &v);
	if (e == STORE_OK && store_runs_decode(v, m) == -1)
		return store_broken(txn, "list of search runs");
	return e == STORE_NOTFOUND ? STORE_OK : e;
}

enum store_err
store_runs_save(struct store_txn *txn, const struct store_manifest *m)
{
	struct store_key	 k;
	uint8_t			 b[MANIFEST_MAX], *p = b;
	size_t			 i;

	*p++ = STORE_ROWVER;
	*p++ = (uint8_t)m->flags;
	p = store_put16(p, (uint16_t)m->n);
	p = store_put32(p, m->next);
	p = store_put64(store_put64(p, m->upto), m->at);
	for (i = 0; i < m->n; i++) {
		p = store_put32(store_put32(p, m->v[i].id), m->v[i].docs);
		p = store_put64(p, m->v[i].bytes);
		p = store_put64(store_put64(p, m->v[i].lo), m->v[i].hi);
		*p++ = (uint8_t)m->v[i].set;
	}
	p = store_put32(p, (uint32_t)m->ndead);
	for (i = 0; i < m->ndead; i++)
		p = store_put64(store_put32(p, m->dead[i].id),
		    m->dead[i].when);
	txn->changed = 1;
	store_key_space(&k, 'W');
	return store_put(txn, &k, b, (size_t)(p - b));
}

int
store_runs_add(struct store_manifest *m, const struct store_runinfo *r)
{
	if (m->n == STORE_RUNS) {
		errno = ENOSPC;
		return -1;
	}
	m->v[m->n++] = *r;
	if (r->id >= m->next)
		m->next = r->id + 1;
	return 0;
}

void
store_runs_remove(struct store_manifest *m, uint32_t id)
{
	size_t	 i;

	for (i = 0; i < m->n && m->v[i].id != id; i++)
		;
	if (i == m->n)
		return;
	memmove(&m->v[i], &m->v[i + 1], (--m->n - i) * sizeof(m->v[0]));
	if (m->ndead == nitems(m->dead))	/* then its file stays */
		return;
	m->dead[m->ndead].id = id;
	m->dead[m->ndead++].when = (uint64_t)date_now();
}

int
store_runs_path(const struct store *st, uint32_t id, char *out, size_t n)
{
	int	 r = snprintf(out, n, "%s/search/%08x.run", st->path, id);

	if (r >= 0 && (size_t)r < n)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int
store_runs_sync(const struct store *st)
{
	char	 path[STORE_PATHMAX + 32];
	int	 fd, ret;

	if (store_config.sync == KV_OFF)
		return 0;
	snprintf(path, sizeof(path), "%s/search", st->path);
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	ret = fsync(fd);
	close(fd);
	return ret;
}

/* --- open ones ----------------------------------------------------------- */

struct store_run *
store_runs_get(struct store *st, uint32_t id)
{
	struct store_run	*r;
	char			 path[STORE_PATHMAX + 32];
	size_t			 i;

	for (i = 0; i < st->nruns; i++)
		if (st->runs[i]->id == id)
			return st->runs[i];
	if (st->nruns == nitems(st->runs)) {
		errno = EMFILE;
		return NULL;
	}
	if (store_runs_path(st, id, path, sizeof(path)) == -1 ||
	    (r = store_run_open(path, id)) == NULL)
		return NULL;
	st->runs[st->nruns++] = r;
	return r;
}

void
store_runs_forget(struct store *st, const struct store_manifest *m)
{
	size_t	 i, j, n = 0;

	for (i = 0; i < st->nruns; i++) {
		for (j = 0; m != NULL && j < m->n; j++)
			if (m->v[j].id == st->runs[i]->id)
				break;
		if (st->runs[i]->users > 0 || (m != NULL && j < m->n))
			st->runs[n++] = st->runs[i];
		else
			store_run_close(st->runs[i]);
	}
	st->nruns = n;
}

/* --- one maker ----------------------------------------------------------- */

int
store_runs_lock(struct store *st)
{
	char	 path[STORE_PATHMAX + 32];

	if (st->runlock != -1)
		return 1;
	snprintf(path, sizeof(path), "%s/search", st->path);
	if (store_mkdir(path) == -1)
		return -1;
	strlcat(path, "/lock", sizeof(path));
	st->runlock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (st->runlock == -1)
		return -1;
	/* the kernel gives it back when a process dies */
	if (flock(st->runlock, LOCK_EX | LOCK_NB) == 0)
		return 1;
	close(st->runlock);
	st->runlock = -1;
	return errno == EWOULDBLOCK ? 0 : -1;
}

void
store_runs_unlock(struct store *st)
{
	if (st->runlock != -1)
		close(st->runlock);
	st->runlock = -1;
}
