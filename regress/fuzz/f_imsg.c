/* SPDX-License-Identifier: ISC */
/*
 * Frames from a hostile process (imsg.c, msg.c, conf_set): whatever the
 * bytes, every message that comes out lies inside the buffer and, where the
 * table lets it pass, has its fixed part whole.
 */
#include "common/compat.h"

#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/imsg.h"
#include "common/msg.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
one(struct conf *c, const struct imsg *im)
{
	struct msg_conf_set	 fixed;
	struct msg		 m = { .fd = -1 };
	volatile uint8_t	 sum = 0;
	uint32_t		 i;

	for (i = 0; i < im->hdr.len; i++)
		sum += im->data[i];
	if (!msg_ok(im->hdr.type, im->hdr.len, im->fd != -1, PROC_PARENT,
	    PROC_WORKER))
		return;
	if (im->hdr.len < msg_rules[im->hdr.type].len)
		abort();
	if (im->hdr.type != MSG_CONF_SET)
		return;
	memcpy(&fixed, im->data, sizeof(fixed));
	m.fixed = &fixed;
	m.tail = im->data + sizeof(fixed);
	m.tail_len = im->hdr.len - sizeof(fixed);
	conf_set(c, &m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct imsgbuf	 ib;
	struct imsg	 im;
	struct conf	*c;
	int		 sv[2];

	if (len > 100000 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == -1)
		return 0;
	if (imsgbuf_init(&ib, sv[0]) == -1)
		abort();
	c = conf_new();
	if (write(sv[1], data, len) == (ssize_t)len && len > 0)
		while (imsgbuf_read(&ib) == 1)
			while (imsg_get(&ib, &im) == 1)
				one(c, &im);
	close(sv[1]);
	imsgbuf_clear(&ib);
	conf_free(c);
	return 0;
}
