/* SPDX-License-Identifier: ISC */
/*
 * Is the client shut out?  The parent drops a banned peer before we see it;
 * this is for clients that a proxy tells of, and for connections that are
 * older than the ban.  The parent tells of each ban (MSG_BANS); we only
 * repeat its list.  As there, who is allowed is let in even when the network
 * around him is not.
 */
#include "common/compat.h"

#include <string.h>

#include "common/banset.h"
#include "common/date.h"
#include "common/share.h"
#include "worker/policy/policy.h"

static struct banset	banned;

static int	banned_never(const struct ip *, const struct ip_net *, size_t);
static int	banned_net(struct ip_net *, const struct msg_ban *);

enum req_ret
banned_step(struct req *r)
{
	const struct http_setup	*s = r->setup;

	if (banned.n == 0 || banset_find(&banned, &r->client, date_now()) ==
	    BANSET_NONE || banned_never(&r->client, s->allowed, s->nallowed) ||
	    banned_never(&r->client, s->trusted, s->ntrusted))
		return REQ_NEXT;
	share_add(SHARE_BANNED, 1);
	req_problem(r, 403, NULL, NULL, "this address is banned here");
	return REQ_DONE;
}

static int
banned_never(const struct ip *ip, const struct ip_net *v, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (ip_in(ip, &v[i]))
			return 1;
	return 0;
}

int
banned_take(const struct msg_bans *h, const uint8_t *tail, size_t len)
{
	struct msg_ban	 m;
	struct ip_net	 net;
	uint32_t	 i;

	if (len != (size_t)h->n * sizeof(m))
		return -1;
	if (banned.bucket == NULL)
		banset_init(&banned);
	for (; len > 0; tail += sizeof(m), len -= sizeof(m)) {
		memcpy(&m, tail, sizeof(m));
		if (banned_net(&net, &m) == -1)
			return -1;
		if (h->op == MSG_BANS_ADD)
			banset_put(&banned, &net, m.until);
		else if ((i = banset_get(&banned, &net)) != BANSET_NONE)
			banset_remove(&banned, i);
	}
	return 0;
}

static int
banned_net(struct ip_net *net, const struct msg_ban *m)
{
	struct ip	 ip;

	memset(&ip, 0, sizeof(ip));
	if ((m->family != IP_V4 && m->family != IP_V6) ||
	    m->bits > (m->family == IP_V4 ? 32 : 128))
		return -1;
	ip.af = m->family;
	memcpy(ip.b, m->addr, sizeof(ip.b));
	banset_net(net, &ip, m->bits);
	return 0;
}
