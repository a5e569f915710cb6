/* SPDX-License-Identifier: ISC */
/*
 * common/imsg.c and msg.c: frames survive any cutting, descriptors travel
 * with their own frame, nothing against the table gets through.
 */
#include "common/compat.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/imsg.h"
#include "common/msg.h"
#include "common/proc.h"

static void
pair(struct imsgbuf *a, struct imsgbuf *b)
{
	int	 sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(imsgbuf_init(a, sv[0]), 0);
	assert_int_equal(imsgbuf_init(b, sv[1]), 0);
}

static void
messages_arrive_in_order(void **state)
{
	struct imsgbuf	 a, b;
	struct imsg	 m;
	char		 big[IMSG_MAX];
	uint32_t	 i, got = 0;

	(void)state;
	pair(&a, &b);
	memset(big, 'x', sizeof(big));
	for (i = 0; i < 50; i++)
		assert_int_equal(imsg_compose(&a, i, 1000 + i, -1, big,
		    i * 100, big, i * 7), 0);
	while (got < 50) {
		assert_int_not_equal(imsgbuf_write(&a), -1);
		assert_int_equal(imsgbuf_read(&b), 1);
		while (imsg_get(&b, &m) == 1) {
			assert_int_equal(m.hdr.type, got);
			assert_int_equal(m.hdr.id, 1000 + got);
			assert_int_equal(m.hdr.len, got * 107);
			assert_int_equal(m.fd, -1);
			got++;
		}
	}
	imsgbuf_clear(&a);
	assert_int_equal(imsgbuf_read(&b), 0);
	imsgbuf_clear(&b);
}

/* Each message with an even number carries a pipe that says the number. */
static void
descriptors_stay_with_their_message(void **state)
{
	struct imsgbuf	 a, b;
	struct imsg	 m;
	uint32_t	 i, got = 0;
	int		 p[2];
	char		 c;

	(void)state;
	pair(&a, &b);
	for (i = 0; i < 40; i++) {
		p[0] = -1;
		if (i % 2 == 0) {
			assert_int_equal(pipe(p), 0);
			c = i;
			assert_int_equal(write(p[1], &c, 1), 1);
			close(p[1]);
		}
		assert_int_equal(imsg_compose(&a, 1, i, p[0], "abc", 3, NULL,
		    0), 0);
	}
	while (got < 40) {
		imsgbuf_write(&a);
		assert_int_equal(imsgbuf_read(&b), 1);
		for (; imsg_get(&b, &m) == 1; got++) {
			assert_int_equal(m.hdr.id, got);
			assert_int_equal(m.fd != -1, got % 2 == 0);
			if (m.fd == -1)
				continue;
			assert_int_equal(read(m.fd, &c, 1), 1);
			assert_int_equal(c, got);
			close(m.fd);
		}
	}
	imsgbuf_clear(&a);
	imsgbuf_clear(&b);
}

static void
broken_framing_is_reported(void **state)
{
	static const struct imsg_hdr	 bad[] = {
		{ 1, IMSG_MAX + 1, 0, 0 },	/* too long */
		{ 1, 0, 0, 2 },			/* no such flag */
		{ 1, 0, 0, 1 },			/* promises a descriptor */
	};
	struct imsgbuf	 a, b;
	struct imsg	 m;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		pair(&a, &b);
		assert_int_equal(write(a.fd, &bad[i], sizeof(bad[i])),
		    sizeof(bad[i]));
		assert_int_equal(imsgbuf_read(&b), 1);
		assert_int_equal(imsg_get(&b, &m), -1);
		imsgbuf_clear(&a);
		imsgbuf_clear(&b);
	}
}

static void
too_much_is_refused(void **state)
{
	static char	 big[IMSG_MAX];
	struct imsgbuf	 a, b;
	int		 n = 0;

	(void)state;
	pair(&a, &b);
	assert_int_equal(imsg_compose(&a, 1, 0, -1, big, IMSG_MAX, big, 1),
	    -1);
	assert_int_equal(errno, EMSGSIZE);
	while (imsg_compose(&a, 1, 0, -1, big, sizeof(big), NULL, 0) == 0)
		assert_true(++n <= IMSG_QUEUE / IMSG_MAX);
	assert_int_equal(errno, ENOBUFS);
	assert_true(n > 200);
	/* what was accepted before is whole */
	assert_int_not_equal(imsgbuf_write(&a), -1);
	imsgbuf_clear(&a);
	imsgbuf_clear(&b);
}

static const struct ok_row {
	uint32_t	 type;
	size_t		 len;
	int		 fd;
	enum msg_proc	 from, to;
	int		 ok;
} ok_rows[] = {
	{ MSG_SIGN_SOON, 0, 0, PROC_WORKER, PROC_KEYS, 1 },
	{ MSG_SIGN_SOON, 1, 0, PROC_WORKER, PROC_KEYS, 0 },
	{ MSG_SIGN_SOON, 0, 0, PROC_KEYS, PROC_WORKER, 0 },
	{ MSG_SIGN, sizeof(struct msg_sign), 0, PROC_WORKER, PROC_KEYS, 1 },
	{ MSG_SIGN, sizeof(struct msg_sign) + 9, 0, PROC_WORKER, PROC_KEYS, 1 },
	{ MSG_SIGN, sizeof(struct msg_sign) - 1, 0, PROC_WORKER, PROC_KEYS, 0 },
	{ MSG_SIGN, sizeof(struct msg_sign), 1, PROC_WORKER, PROC_KEYS, 0 },
	{ MSG_SIGN, sizeof(struct msg_sign), 0, PROC_AUTH, PROC_KEYS, 0 },
	{ MSG_SIGN, sizeof(struct msg_sign), 0, PROC_WORKER, PROC_AUTH, 0 },
	{ MSG_CONN, sizeof(struct msg_conn), 1, PROC_PARENT, PROC_WORKER, 1 },
	{ MSG_CONN, sizeof(struct msg_conn), 0, PROC_PARENT, PROC_WORKER, 0 },
	{ MSG_CONN, sizeof(struct msg_conn) + 1, 1, PROC_PARENT, PROC_WORKER,
	    0 },
	{ MSG_CONF_KEY, 64, 0, PROC_PARENT, PROC_WORKER, 0 },
	{ MSG_CTL_STOP, 0, 0, PROC_CTL, PROC_PARENT, 1 },
	{ MSG_CTL_STOP, 0, 0, PROC_WORKER, PROC_PARENT, 0 },
	{ MSG_NONE, 0, 0, PROC_PARENT, PROC_WORKER, 0 },
	{ MSG_MAX, 0, 0, PROC_PARENT, PROC_WORKER, 0 },
	{ UINT32_MAX, 0, 0, PROC_PARENT, PROC_WORKER, 0 },
};

static void
the_table_decides(void **state)
{
	const struct ok_row	*r;

	(void)state;
	for (r = ok_rows; r < ok_rows + nitems(ok_rows); r++)
		assert_int_equal(msg_ok(r->type, r->len, r->fd, r->from,
		    r->to), r->ok);
}

static void
every_message_has_a_row(void **state)
{
	uint32_t	 t;

	(void)state;
	for (t = MSG_NONE + 1; t < MSG_MAX; t++) {
		assert_non_null(msg_rules[t].name);
		assert_true(msg_rules[t].from != 0 && msg_rules[t].to != 0);
		assert_true(msg_rules[t].len <=
		    sizeof(((struct proc_peer *)NULL)->fixed));
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(messages_arrive_in_order),
		cmocka_unit_test(descriptors_stay_with_their_message),
		cmocka_unit_test(broken_framing_is_reported),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(the_table_decides),
		cmocka_unit_test(every_message_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
