/* SPDX-License-Identifier: ISC */
/*
 * Anything as a server's replies, to daemon/smtp_reply.c and smtp_ehlo.c:
 * whole and in pieces must come out the same, and printable.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/smtp_ehlo.h"
#include "daemon/smtp_reply.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static enum parse
feed(struct smtp_reply *r, const uint8_t *p, size_t n, size_t step,
    size_t *off)
{
	enum parse	 ret = PARSE_MORE;
	size_t		 used;

	memset(r, 0, sizeof(*r));
	for (*off = 0; *off < n && ret == PARSE_MORE; *off += used) {
		used = 0;
		ret = smtp_reply_read(r, p + *off, n - *off < step ?
		    n - *off : step, &used);
	}
	return ret;
}

static void
printable(const char *s, int nl)
{
	for (; *s != '\0'; s++)
		if ((*s < ' ' || *s > '~') && !(nl && *s == '\n'))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct smtp_reply	 a, b;
	struct smtp_result	 res;
	struct smtp_ehlo	 e;
	size_t			 na, nb;
	enum parse		 ret;

	while (n > 0) {
		ret = feed(&a, p, n, SIZE_MAX, &na);
		if (feed(&b, p, n, 1, &nb) != ret)
			abort();
		if (ret != PARSE_DONE)
			return 0;
		if (na != nb || memcmp(&a, &b, sizeof(a)) != 0)
			abort();
		if (a.code < 200 || a.code > 599 ||
		    strlen(a.text) != a.len)
			abort();
		printable(a.text, 1);
		smtp_reply_result(&a, "x.0.0", &res);
		printable(res.text, 0);
		printable(res.status, 0);
		if (res.status[0] != '0' + a.code / 100)
			abort();
		smtp_ehlo_read(&e, &a);
		p += na;
		n -= na;
	}
	return 0;
}
