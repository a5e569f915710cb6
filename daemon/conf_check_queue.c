/* SPDX-License-Identifier: ISC */
/* What is wrong with queue { }.  Called by conf_check.c. */
#include "common/compat.h"

#include "common/log.h"
#include "daemon/conf_check.h"
#include "daemon/queue_host.h"

static void	check_relay(struct check *);
static void	check_file(struct check *, const char *, const char *,
		    enum msg_file);

void
conf_check_queue(struct check *k)
{
	const struct conf	*c = k->c;

	if (c->queue_retry > c->queue_retry_max)
		conf_check_bad(k, "queue", 0, "retry", "queue.retry is more "
		    "than queue.retry-max");
	if (c->queue_size < c->max_message_size)
		conf_check_bad(k, "queue", 0, "max-size", "queue.max-size is "
		    "less than limits.max-message-size");
	if ((*c->queue_login == '\0') != (*c->queue_password == '\0'))
		conf_check_bad(k, "queue", 0, "relay-user", "queue.relay-user "
		    "and queue.relay-password: one needs the other");
	check_file(k, "relay-password", c->queue_password, MSG_FILE_PASSWORD);
	check_file(k, "relay-ca", c->queue_ca, MSG_FILE_CA);
	check_relay(k);
}

static void
check_file(struct check *k, const char *opt, const char *path,
    enum msg_file what)
{
	const char	*why;

	if (*path != '\0' && (why = conf_file_why(path, what)) != NULL)
		conf_check_bad(k, "queue", 0, opt, "queue.%s: %s: %s", opt,
		    path, why);
}

static void
check_relay(struct check *k)
{
	const struct conf	*c = k->c;
	char			 host[QUEUE_HOST];
	uint16_t		 port;

	if (*c->queue_relay == '\0')
		return;
	if (queue_host(c->queue_relay, c->queue_tls, host, &port) == -1) {
		conf_check_bad(k, "queue", 0, "relay", "queue.relay: \"%s\" is "
		    "not host, host:port or [address]:port", c->queue_relay);
		return;
	}
	if (c->queue_tls != CONF_RELAY_NONE)
		return;
	if (!queue_host_loopback(host))
		conf_check_bad(k, "queue", 0, "relay-tls", "queue.relay-tls: "
		    "none is for a relay on this machine, not for %s", host);
	if (*c->queue_login != '\0')
		conf_check_bad(k, "queue", 0, "relay-tls", "queue.relay-tls: "
		    "no password goes over a connection without TLS");
}
