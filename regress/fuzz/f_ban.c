/* SPDX-License-Identifier: ISC */
/*
 * daemon/ban_file.c: a line that is read is written the same way again, and
 * names a network, a kind and printable text.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/banset.h"
#include "daemon/ban.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct ip_net	 net;
	struct ban	 a, b;
	struct buf	 out;

	if (ban_file_parse((const char *)p, len, &a) == -1)
		return 0;
	banset_net(&net, &a.net.ip, a.net.bits);
	if (memcmp(&net, &a.net, sizeof(net)) != 0 || a.kind >= BAN_KINDS ||
	    a.since < 0 || a.until < 0)
		abort();
	buf_init(&out, 2 * BAN_LINE);
	ban_file_line(&out, &a);
	if (buf_bad(&out) || out.data[out.len - 1] != '\n' ||
	    ban_file_parse((const char *)out.data, out.len - 1, &b) == -1 ||
	    memcmp(&a, &b, sizeof(a)) != 0)
		abort();
	buf_free(&out);
	return 0;
}
