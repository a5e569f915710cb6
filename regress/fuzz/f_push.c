/* SPDX-License-Identifier: ISC */
/*
 * daemon/push_list.c and common/push_url.c: whatever a worker says to push.
 * Input: messages of a struct msg_push's numbers, a length, that many bytes.
 * No StateChange is anything but JSON, none is longer than may be sent.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "daemon/push_crypt.h"
#include "daemon/push_list.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
drain(int64_t now)
{
	struct push_sub	*s;
	struct push_msg	 m;
	struct js_val	*v;
	int64_t		 wait;

	while ((s = push_list_next(now, &m, &wait)) != NULL) {
		if (buf_bad(&m.body) ||
		    (m.p256dh != NULL && m.body.len > PUSH_CRYPT_MAX))
			abort();
		if (m.topic[0] != '\0') {	/* a StateChange */
			if (js_parse(m.body.data, m.body.len, NULL, NULL,
			    &v) != JS_OK)
				abort();
			js_free(v);
		}
		buf_free(&m.body);
		push_list_end(s, (enum push_verdict)(now % 5), now % 7, now);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct conf	*c;
	struct msg_push		 h;
	size_t			 len;
	int64_t			 now = 1;
	int			 full;

	if (c == NULL) {
		c = conf_new();
		push_list_conf(c);
	}
	for (; n >= 8; p += len, n -= len) {
		memset(&h, 0, sizeof(h));
		h.account = p[0] & 3;
		h.id = p[0] >> 2 & 3;
		h.keyed = p[0] >> 4 & 3;
		h.kind = p[1] & 3;
		h.urgency = p[1] >> 2 & 7;
		h.url_len = p[2];
		now += p[3] * 97;
		len = (size_t)p[4] << 8 | p[5];
		p += 8;
		n -= 8;
		if (len > n)
			len = n;
		(void)push_list_add(&h, p, len, 0, now, &full);
		if (h.urgency == 7)
			push_list_drop(h.account, h.id);
		else
			drain(now);
	}
	for (len = 0; len < 4; len++)
		push_list_drop(len, 0);
	if (push_list_waiting() != 0)
		abort();
	return 0;
}
