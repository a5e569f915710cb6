/* SPDX-License-Identifier: ISC */
/*
 * Everything that an LMTP client may send, to worker/lmtp/lmtp_parse.c.  The
 * same bytes are taken as lines of commands and as a DATA stream; the latter
 * whole and in small pieces must come out the same.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/lmtp/lmtp_parse.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
lines(const uint8_t *p, size_t n)
{
	struct lmtp_mail	 m;
	struct lmtp_path	 path;
	struct slice		 arg;
	char			 helo[LMTP_HELOMAX + 1];
	uint64_t		 size;
	size_t			 len;
	int			 last;

	while (lmtp_parse_line(p, n, &len) == PARSE_DONE) {
		if (len > n - 2)
			abort();
		(void)lmtp_parse_verb(p, len, &arg);
		(void)lmtp_parse_helo(arg, helo);
		if (lmtp_parse_mail(arg, &m) == LMTP_OK &&
		    (strlen(m.path.text) != m.path.len ||
		    strpbrk(m.path.text, "\r\n") != NULL))
			abort();
		if (lmtp_parse_rcpt(arg, 1, &path) == LMTP_OK &&
		    (path.len == 0 || path.len > LMTP_PATHMAX))
			abort();
		(void)lmtp_parse_bdat(arg, &size, &last);
		p += len + 2;
		n -= len + 2;
	}
}

static size_t
stream(const uint8_t *p, size_t n, size_t step, struct buf *out)
{
	struct lmtp_data	 d = { 0, 0, 0 };
	size_t			 off = 0, used;

	while (off < n) {
		if (lmtp_parse_data(&d, p + off, n - off < step ? n - off :
		    step, out, &used) == PARSE_DONE)
			return off + used;
		off += used;
	}
	return off;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf	 a, b;

	lines(p, n);
	buf_init(&a, n + 1);
	buf_init(&b, n + 1);
	if (stream(p, n, SIZE_MAX, &a) != stream(p, n, 3, &b) ||
	    a.len != b.len || (a.len != 0 && memcmp(a.data, b.data, a.len)))
		abort();
	buf_free(&a);
	buf_free(&b);
	return 0;
}
