/* SPDX-License-Identifier: ISC */
/* Anything as a name server's answer, to daemon/smtp_dns.c. */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/smtp_dns.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const unsigned int	 types[] = { SMTP_DNS_A,
					    SMTP_DNS_AAAA };
	struct smtp_dns			 d;
	uint8_t				 q[SMTP_DNS_UDP];
	size_t				 i, j, len;

	for (i = 0; i < nitems(types); i++) {
		if (smtp_dns_read(p, n, 0x1234, "a.test", types[i], &d) !=
		    PARSE_DONE)
			continue;
		if (d.n > SMTP_DNS_IPS)
			abort();
		for (j = 0; j < d.n; j++)
			if (d.ips[j].af != IP_V4 && d.ips[j].af != IP_V6)
				abort();
		/* an answer repeats the question */
		len = smtp_dns_ask(q, 0x1234, "a.test", types[i]);
		if (len == 0 || n < len || memcmp(p, q, 2) != 0)
			abort();
	}
	return 0;
}
