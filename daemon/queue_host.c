/* SPDX-License-Identifier: ISC */
/*
 * The relay as the configuration names it.  Called by conf_check_queue.c and
 * by the queue role.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "daemon/queue_host.h"

/* RFC 6409 3.1, RFC 8314 7.3, RFC 5321 4.5.4.2. */
static const uint16_t	host_ports[] = {
	[CONF_RELAY_STARTTLS] = 587,
	[CONF_RELAY_IMPLICIT] = 465,
	[CONF_RELAY_NONE] = 25,
};

/* Letters, digits, '-' and '.'; of an IPv6 address ':', too. */
static int
host_ok(const char *p, size_t n, int v6)
{
	static const char	 chars[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:";
	size_t			 i;

	if (n == 0 || n >= QUEUE_HOST || p[0] == '-' || p[0] == '.')
		return 0;
	for (i = 0; i < n; i++)
		if (strchr(chars, p[i]) == NULL || (p[i] == ':' && !v6))
			return 0;
	return 1;
}

int
queue_host(const char *text, uint64_t tls, char host[QUEUE_HOST],
    uint16_t *port)
{
	const char	*end, *bad = NULL;
	size_t		 n;
	int		 v6 = text[0] == '[';

	if (v6)
		text++;
	n = v6 ? strcspn(text, "]") : strcspn(text, ":");
	end = text + n;
	if ((v6 && *end++ != ']') || !host_ok(text, n, v6))
		return -1;
	*port = host_ports[tls];
	if (*end == ':')
		*port = (uint16_t)strtonum(end + 1, 1, 65535, &bad);
	else if (*end != '\0')
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	return bad == NULL ? 0 : -1;
}

int
queue_host_loopback(const char *host)
{
	struct ip	 ip;

	if (strcasecmp(host, "localhost") == 0)
		return 1;
	return ip_parse(&ip, host, strlen(host)) == 0 && ip_loopback(&ip);
}
