/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol, versions 1 and 2: what a proxy in front says of the
 * connection before the first byte of it.  Only where a listener demands it,
 * and only from a trusted peer; then it must be there.
 */
#ifndef WORKER_PROXY_H
#define WORKER_PROXY_H

#include "common/ip.h"
#include "common/parse.h"
#include "common/slice.h"

#define PROXY_V1	0x01
#define PROXY_V2	0x02
#define PROXY_MAX	(16 + 4096)	/* bytes of a header that we read at most */

struct proxy {
	size_t		 len;		/* bytes of the header, to be skipped */
	int		 known;		/* 1: src and dst are set; 0: use the
					 * socket's own addresses */
	struct ip	 src, dst;
	uint16_t	 sport, dport;
	/* Told by version 2, empty if not; they point into the header. */
	struct slice	 authority;	/* server name */
	struct slice	 alpn;
	struct slice	 unique;	/* at most 128 bytes */
	int		 ssl;		/* the client spoke TLS to the proxy */
	int		 verified;	/* with a certificate that was good */
};

/*
 * The header at the start of n bytes, of one of the versions in the mask.
 * PARSE_DONE fills *p.  PARSE_MORE: read on, but never beyond *want bytes in
 * all, so that what follows the header stays in the socket.
 */
enum parse	proxy_parse(const uint8_t *, size_t n, unsigned versions,
		    struct proxy *p, size_t *want);

#endif
