/* SPDX-License-Identifier: ISC */
/*
 * What a worker puts into the queue, as a series of messages; what comes of
 * it is written, read back, and told of in a notification.
 * A message: a kind, two bytes of length, the bytes.
 */
#include "common/compat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/cur.h"
#include "daemon/queue.h"
#include "daemon/queue_dsn.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct conf	*conf;

static int
spill(struct queue_msg *m)
{
	buf_reset(&m->content);
	return 0;
}

/* The fixed part as a process would copy it. */
static int
one(struct queue_in *in, int kind, const uint8_t *p, size_t n)
{
	struct msg_queue_put	 put;
	struct msg_queue_rcpt	 rcpt;

	switch (kind % 4) {
	case 0:
		if (n < sizeof(put))
			return 0;
		memcpy(&put, p, sizeof(put));
		return queue_in_put(in, &put, p + sizeof(put),
		    n - sizeof(put), conf, 77, 1700000000000);
	case 1:
		if (n < sizeof(rcpt))
			return 0;
		memcpy(&rcpt, p, sizeof(rcpt));
		return queue_in_rcpt(in, &rcpt, p + sizeof(rcpt),
		    n - sizeof(rcpt));
	case 2:
		return queue_in_data(in, p, n);
	default:
		return queue_in_end(in);
	}
}

static void
tell(struct queue_msg *m)
{
	struct queue_dsn	 d;
	struct queue_msg	*n;
	struct buf		 b, r;
	uint32_t		 i;

	buf_init(&b, 1 << 20);
	buf_init(&r, 1 << 20);
	queue_msg_put(&b, m);
	assert((n = queue_msg_get(m->id, SLICE(b.data, b.len))) != NULL);
	for (i = 0; i < m->nrcpt; i++) {
		buf_reset(&r);
		queue_msg_put_rcpt(&r, &m->rcpt[i]);
		assert(queue_msg_get_rcpt(n, i, SLICE(r.data, r.len)) == 0);
	}
	memset(&d, 0, sizeof(d));
	d.kind = m->account % QUEUE_DSN_KINDS;
	d.msg = n;
	d.host = "here";
	d.relay = "there";
	d.full = m->submission & 1;
	d.original = SLICE(m->content.data, m->content.len);
	d.which = calloc(m->nrcpt, 1);
	assert(d.which != NULL);
	memset((uint8_t *)(uintptr_t)d.which, 1, m->nrcpt);
	buf_reset(&b);
	queue_dsn_build(&d, &b);
	free((uint8_t *)(uintptr_t)d.which);
	queue_msg_free(n);
	buf_free(&b);
	buf_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct queue_in		 in;
	struct queue_msg	*m;
	struct cur		 c;
	size_t			 len;
	int			 kind, ret = 0;

	if (conf == NULL)
		conf = conf_new();
	/* a record that somebody else wrote */
	if ((m = queue_msg_get(1, SLICE(p, n))) != NULL) {
		queue_msg_get_rcpt(m, 0, SLICE(p, n));
		queue_msg_free(m);
	}
	memset(&in, 0, sizeof(in));
	in.spill = spill;
	cur_init(&c, p, n);
	while (ret == 0 && c.n > 3) {
		kind = cur_u8(&c);
		len = cur_be16(&c);
		len = len < c.n ? len : c.n;
		ret = one(&in, kind, cur_bytes(&c, len), len);
		if (ret == 0 && kind % 4 == 3) {
			m = queue_in_reset(&in);
			if (in.error == QUEUE_ASK_OK)
				tell(m);
			queue_msg_free(m);
		}
	}
	queue_msg_free(queue_in_reset(&in));
	return 0;
}
