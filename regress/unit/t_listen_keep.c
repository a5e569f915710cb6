/* SPDX-License-Identifier: ISC */
/* daemon/listen_keep.c: connections between parent and a worker. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/daemon.h"
#include "daemon/listen_keep.h"

static struct child		 one, two;
static struct sockaddr_storage	 peer;
static int			 from;

/* A pipe's end stands for a connection: at its end the other end knows. */
static void
put(struct child *c, uint32_t conn, int p[2])
{
	assert_int_equal(pipe(p), 0);
	listen_keep(c, conn, p[1], &from, &peer);
	close(p[1]);
}

static int
ended(int p[2])
{
	char	 x;
	int	 n;

	n = read(p[0], &x, 1) == 0;
	close(p[0]);
	return n;
}

static void
what_was_taken_is_let_go(void **state)
{
	int	 a[2], b[2];
	void	*who;

	(void)state;
	put(&one, 1, a);
	put(&one, 2, b);
	listen_keep_taken(&two, 1);	/* not its own */
	listen_keep_taken(&one, 2);
	assert_true(ended(b));
	listen_keep_taken(&one, 1);
	assert_true(ended(a));
	listen_keep_orphan(&one);
	assert_int_equal(listen_keep_next(&who, &peer), -1);
}

static void
what_was_not_taken_is_an_orphan(void **state)
{
	struct sockaddr_storage	 ss;
	int			 a[2], b[2], c[2], fd;
	void			*who;

	(void)state;
	peer.ss_family = AF_UNIX;
	put(&one, 1, a);
	put(&two, 2, b);
	put(&one, 3, c);
	assert_int_equal(listen_keep_next(&who, &ss), -1);
	listen_keep_orphan(&one);
	fd = listen_keep_next(&who, &ss);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_ptr_equal(who, &from);
	assert_int_equal(ss.ss_family, AF_UNIX);
	close(fd);
	close(listen_keep_next(&who, &ss));
	assert_true(ended(c));
	assert_int_equal(listen_keep_next(&who, &ss), -1);
	listen_keep_forget(&from);
	assert_true(ended(b));
	assert_false(ended(a));		/* the oldest went first */
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(what_was_taken_is_let_go),
		cmocka_unit_test(what_was_not_taken_is_an_orphan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
