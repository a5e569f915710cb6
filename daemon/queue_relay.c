/* SPDX-License-Identifier: ISC */
/* What goes to the relay: waits until the SMTP client is there. */
#include "common/compat.h"

#include "daemon/queue.h"

void
queue_relay_init(void)
{
}

const char *
queue_relay_conf(const struct conf *c, const char *pass, const char *ca,
    size_t ca_len)
{
	(void)c;
	(void)pass;
	(void)ca;
	(void)ca_len;
	return NULL;
}

void
queue_relay_add(struct queue_msg *m)
{
	uint32_t	 i;

	for (i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].fate == QUEUE_WAITS && !m->rcpt[i].busy &&
		    !(m->rcpt[i].flags & QUEUE_R_LOCAL))
			queue_flow_result(m, i, QUEUE_TEMP,
			    "451 4.4.4 there is no way to the relay yet");
}

void
queue_relay_del(struct queue_msg *m)
{
	(void)m;
}

size_t
queue_relay_conns(void)
{
	return 0;
}
