/* SPDX-License-Identifier: ISC */
/* common/log.c: no peer's byte can shape a log line. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

static const struct vis_row {
	const char	*in;
	size_t		 len;
	const char	*out;
} vis_rows[] = {
	{ "plain text ~", 12, "plain text ~" },
	{ "a\r\nb\tc", 6, "a\\r\\nb\\tc" },
	{ "back\\slash", 10, "back\\\\slash" },
	{ "\x1b[31m", 5, "\\^[[31m" },
	{ "\0x", 2, "\\0x" },
	{ "\0001", 2, "\\0001" },
	{ "\xff", 1, "\\M^?" },
	{ "", 0, "" },
};

static void
control_characters_are_spelled_out(void **state)
{
	const struct vis_row	*r;

	(void)state;
	for (r = vis_rows; r < vis_rows + nitems(vis_rows); r++)
		assert_string_equal(log_vis(r->in, r->len), r->out);
}

static void
long_text_is_cut(void **state)
{
	char		 in[5000];
	const char	*a, *b;

	(void)state;
	memset(in, '\n', sizeof(in));
	a = log_vis(in, sizeof(in));
	assert_true(strlen(a) <= 256);
	memset(in, 'x', sizeof(in));
	b = log_vis(in, sizeof(in));
	assert_true(strlen(b) <= 256 && strlen(b) > 200);
	assert_true(a[0] == '\\');	/* the first is still whole */
}

/* What needs six characters for each of its own, or two. */
static void
a_long_line_in_json_is_cut_and_not_lost(void **state)
{
	static const char	 fill[] = { '\xe9', '"', '\n' };
	char			 in[1000], line[4096];
	FILE			*f;
	size_t			 i, n;
	int			 was;

	(void)state;
	log_init("a process with a name of some length", 1);
	log_setjson(1);
	for (i = 0; i < sizeof(fill); i++) {
		memset(in, fill[i], sizeof(in) - 1);
		in[sizeof(in) - 1] = '\0';
		assert_non_null(f = tmpfile());
		was = dup(STDERR_FILENO);
		dup2(fileno(f), STDERR_FILENO);
		log_warnx("%s", in);
		dup2(was, STDERR_FILENO);
		close(was);
		rewind(f);
		n = fread(line, 1, sizeof(line), f);
		fclose(f);
		assert_true(n > 1500 && n <= 2048);
		assert_memory_equal(line, "{\"time\":", 8);
		assert_memory_equal(line + n - 3, "\"}\n", 3);
	}
	log_setjson(0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(control_characters_are_spelled_out),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(a_long_line_in_json_is_cut_and_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
