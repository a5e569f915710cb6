/* SPDX-License-Identifier: ISC */
/*
 * jmapctl ban add and remove: one message each.  Called by the table
 * of ctl.c.  Options may stand before or behind the address.
 */
#include "common/compat.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/ip.h"
#include "common/msg.h"
#include "daemon/ctl.h"
#include "daemon/ctl_ban.h"

static int	ctl_ban_net(struct msg_ctl_ban *, const char *);
static int	ctl_ban_is(struct msg_ctl_ban *, const char *);
static int	ctl_ban_time(const char *, uint64_t *);

int
ctl_ban_add(int argc, char *argv[])
{
	struct msg_ctl_ban	 m = { .op = MSG_CTL_BAN_ADD,
				    .ms = UINT64_MAX };
	const char		*reason = "by an administrator", *net = NULL;
	int			 c;

	while (optind < argc) {
		if ((c = getopt(argc, argv, "+r:t:")) == -1) {
			if (net != NULL || optind >= argc)
				return ctl_usage();
			net = argv[optind++];
		} else if (c == 'r')
			reason = optarg;
		else if (c != 't' || ctl_ban_time(optarg, &m.ms) == -1)
			return ctl_usage();
	}
	if (net == NULL || ctl_ban_net(&m, net) == -1)
		return ctl_usage();
	return ctl_call(MSG_CTL_BAN, &m, reason, strlen(reason));
}

int
ctl_ban_remove(int argc, char *argv[])
{
	struct msg_ctl_ban	 m = { .op = MSG_CTL_BAN_REMOVE };
	const char		*login = NULL;

	if (argc == 2 && strpbrk(argv[1], "/:") == NULL &&
	    ctl_ban_is(&m, argv[1]) == -1) {
		m.op = MSG_CTL_BAN_LOGIN;
		login = argv[1];
	} else if (argc != 2 || ctl_ban_net(&m, argv[1]) == -1)
		return ctl_usage();
	return ctl_call(MSG_CTL_BAN, &m, login, login == NULL ? 0 :
	    strlen(login));
}

static int
ctl_ban_net(struct msg_ctl_ban *m, const char *text)
{
	if (ctl_ban_is(m, text) == 0)
		return 0;
	warnx("\"%s\" is neither an address nor a network", text);
	return -1;
}

static int
ctl_ban_is(struct msg_ctl_ban *m, const char *text)
{
	struct ip_net	 net;

	if (ip_net_parse(&net, text, strlen(text)) == -1)
		return -1;
	m->bits = net.bits;
	m->addr.family = net.ip.af;
	memcpy(m->addr.addr, net.ip.b, sizeof(m->addr.addr));
	return 0;
}

/* As auto-ban.expire reads it. */
static int
ctl_ban_time(const char *text, uint64_t *ms)
{
	static const struct conf_opt	 o = { "-t", CONF_TIME, 0, "0", 0,
		INT64_C(3650) * 24 * 3600 * 1000, 0, NULL };
	char				 why[128];

	if (conf_text(&o, ms, text, why, sizeof(why)) == 0)
		return 0;
	warnx("%s", why);
	return -1;
}
