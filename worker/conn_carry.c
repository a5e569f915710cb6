/* SPDX-License-Identifier: ISC */
/* Connections without a socket, on a stream of another one: see conn.h.
 * Called by http2_tunnel.c, which is their machine. */
#include "common/compat.h"

#include "worker/conn.h"
#include "worker/worker.h"

#define OUT_MAX		((size_t)1 << 30) /* answers have limits of their own */

void
conn_carry(struct conn *c, const struct conn *under,
    const struct conn_proto *proto, void (*carrier)(struct conn *))
{
	c->fd = -1;
	c->carrier = carrier;
	c->id = under->id;
	c->listener = under->listener;
	c->listen = under->listen;
	c->gen = gen_ref(under->gen);
	c->setup = under->setup;
	c->hosts = under->hosts;
	c->peer = under->peer;
	c->peer_port = under->peer_port;
	c->client = under->client;
	c->client_port = under->client_port;
	c->local = under->local;
	c->local_port = under->local_port;
	c->tls = under->tls;
	c->secure = under->secure;
	c->proto = proto;
	buf_init(&c->in, proto->in_max);
	buf_init(&c->out, OUT_MAX);
	c->step = proto->open;
	c->want = IO_DONE;
}

void
conn_carry_end(struct conn *c)
{
	if (c->data != NULL)
		c->proto->free(c);
	buf_freezero(&c->in);
	buf_freezero(&c->out);
	gen_unref(c->gen);
}
