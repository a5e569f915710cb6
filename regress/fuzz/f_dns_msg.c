/* SPDX-License-Identifier: ISC */
/* daemon/dns_msg.c: whatever a DNS server answers. */
#include "common/compat.h"

#include <stdlib.h>

#include "daemon/dns_msg.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint16_t	 types[] = { DNS_MSG_A, DNS_MSG_AAAA };
	struct dns_msg_answer	 a;
	size_t			 i, k;

	for (i = 0; i < nitems(types); i++) {
		/* the id is whatever the answer says: it gets further */
		if (dns_msg_answer(p, n, "push.example.net", types[i],
		    n < 2 ? 0 : (uint16_t)(p[0] << 8 | p[1]), &a) !=
		    DNS_MSG_OK)
			continue;
		if (a.n > DNS_MSG_ADDRS)
			abort();
		for (k = 0; k < a.n; k++)
			if (a.ip[k].af != IP_V4 && a.ip[k].af != IP_V6)
				abort();
	}
	return 0;
}
