/* SPDX-License-Identifier: ISC */
/* worker/lmtp/lmtp_parse.c, by table. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/lmtp/lmtp_parse.h"

static const struct line {
	const char	*in;
	enum parse	 want;
	size_t		 len;
} lines[] = {
	{ "", PARSE_MORE, 0 },
	{ "NOOP", PARSE_MORE, 0 },
	{ "NOOP\r", PARSE_MORE, 0 },
	{ "NOOP\n", PARSE_MORE, 0 },		/* no line end */
	{ "NOOP\r\nQUIT\r\n", PARSE_DONE, 4 },
	{ "NO\nOP\r\n", PARSE_DONE, 5 },	/* one line, refused later */
	{ "\n\r\n", PARSE_DONE, 1 },
	{ "\r\n", PARSE_DONE, 0 },
};

static void
only_crlf_ends_a_line(void **state)
{
	const struct line	*l;
	size_t			 len;

	(void)state;
	for (l = lines; l < lines + nitems(lines); l++) {
		len = 0;
		assert_int_equal(lmtp_parse_line((const uint8_t *)l->in,
		    strlen(l->in), &len), l->want);
		assert_int_equal(len, l->len);
	}
}

static void
long_lines_are_refused(void **state)
{
	uint8_t	 p[LMTP_LINEMAX + 8];
	size_t	 len;

	(void)state;
	memset(p, 'x', sizeof(p));
	assert_int_equal(lmtp_parse_line(p, LMTP_LINEMAX + 1, &len),
	    PARSE_MORE);
	assert_int_equal(lmtp_parse_line(p, LMTP_LINEMAX + 2, &len),
	    PARSE_ERROR);
	memcpy(p + LMTP_LINEMAX, "\r\n", 2);
	assert_int_equal(lmtp_parse_line(p, sizeof(p), &len), PARSE_DONE);
	assert_int_equal(len, LMTP_LINEMAX);
	memcpy(p + LMTP_LINEMAX, "x\r\n", 3);
	assert_int_equal(lmtp_parse_line(p, sizeof(p), &len), PARSE_ERROR);
}

static const struct verb {
	const char	*in;
	enum lmtp_verb	 want;
	const char	*arg;
} verbs[] = {
	{ "LHLO a", LMTP_LHLO, "a" },
	{ "lhlo a b  ", LMTP_LHLO, "a b" },
	{ "QUIT", LMTP_QUIT, "" },
	{ "QUIT   ", LMTP_QUIT, "" },
	{ "quit x", LMTP_QUIT, "x" },
	{ "EHLO a", LMTP_EHLO, "a" },
	{ "MAIL  FROM:<>", LMTP_MAIL, " FROM:<>" },
	{ "QUITX", LMTP_UNKNOWN, "" },
	{ "QUI", LMTP_UNKNOWN, "" },
	{ "", LMTP_UNKNOWN, "" },
	{ "NOOP\ta", LMTP_UNKNOWN, "" },
	{ "NOOP a\nb", LMTP_UNKNOWN, "" },
	{ "NOOP a\x7f", LMTP_UNKNOWN, "" },
	{ "NOOP \xff", LMTP_UNKNOWN, "" },
	{ "NOOP \xc3\xa4", LMTP_NOOP, "\xc3\xa4" },
};

static void
verbs_have_four_letters_and_a_blank(void **state)
{
	const struct verb	*v;
	struct slice		 arg;

	(void)state;
	for (v = verbs; v < verbs + nitems(verbs); v++) {
		assert_int_equal(lmtp_parse_verb((const uint8_t *)v->in,
		    strlen(v->in), &arg), v->want);
		assert_int_equal(arg.n, strlen(v->arg));
		if (arg.n != 0)
			assert_memory_equal(arg.p, v->arg, arg.n);
	}
}

static const struct from {
	const char	*in;
	enum lmtp_error	 want;
	const char	*path;
	uint64_t	 size;
	int		 body8, utf8;
} froms[] = {
	{ "FROM:<>", LMTP_OK, "", 0, 0, 0 },
	{ "from:<a@b>", LMTP_OK, "a@b", 0, 0, 0 },
	{ "FROM:<a.b..c.@b-c.example>", LMTP_OK, "a.b..c.@b-c.example",
	    0, 0, 0 },
	{ "FROM:<@x,@y.z:a@b>", LMTP_OK, "a@b", 0, 0, 0 },
	{ "FROM:<a@[127.0.0.1]>", LMTP_OK, "a@[127.0.0.1]", 0, 0, 0 },
	{ "FROM:<a@[IPv6:::1]>", LMTP_OK, "a@[IPv6:::1]", 0, 0, 0 },
	{ "FROM:<\"ab\"@c>", LMTP_OK, "ab@c", 0, 0, 0 },
	{ "FROM:<\"a b\"@c>", LMTP_OK, "\"a b\"@c", 0, 0, 0 },
	{ "FROM:<\"a\\\"b\"@c>", LMTP_OK, "\"a\\\"b\"@c", 0, 0, 0 },
	{ "FROM:<\"a@b\"@c>", LMTP_OK, "\"a@b\"@c", 0, 0, 0 },
	{ "FROM:<\"\"@c>", LMTP_OK, "\"\"@c", 0, 0, 0 },
	{ "FROM:<a@b> SIZE=10 BODY=8bitmime", LMTP_OK, "a@b", 10, 1, 0 },
	{ "FROM:<a@b>  BODY=7BIT ", LMTP_OK, "a@b", 0, 0, 0 },
	{ "FROM:<a@b> SIZE=18446744073709551615", LMTP_OK, "a@b",
	    UINT64_MAX, 0, 0 },
	{ "FROM:<\xc3\xa4@b> SMTPUTF8", LMTP_OK, "\xc3\xa4@b", 0, 0, 1 },
	{ "FROM:<\xc3\xa4@b>", LMTP_UTF8, NULL, 0, 0, 0 },
	{ "FROM:<a@b> SIZE=18446744073709551616", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM:<a@b> SIZE=", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM:<a@b> SIZE=1x", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM:<a@b> BODY=9BIT", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM:<a@b> BODY=7BITS", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM:<a@b> RET=HDRS", LMTP_PARAM, NULL, 0, 0, 0 },
	{ "FROM:<a@b> SMTPUTF8=1", LMTP_PARAM, NULL, 0, 0, 0 },
	{ "FROM:<a@b>SIZE=1", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM: <a@b>", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM:a@b", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "TO:<a@b>", LMTP_SYNTAX, NULL, 0, 0, 0 },
	{ "FROM:<a>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<@b>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<a@>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<a@b", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<a b@c>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<a@b@c>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<\"a@b>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<\"a\\", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<a@[b", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<a@[<]>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "FROM:<@x,a@b>", LMTP_ADDRESS, NULL, 0, 0, 0 },
	{ "", LMTP_SYNTAX, NULL, 0, 0, 0 },
};

static void
mail_takes_paths_and_parameters(void **state)
{
	const struct from	*f;
	struct lmtp_mail	 m;

	(void)state;
	for (f = froms; f < froms + nitems(froms); f++) {
		assert_int_equal(lmtp_parse_mail(SLICE_STR(f->in), &m),
		    f->want);
		if (f->want != LMTP_OK)
			continue;
		assert_string_equal(m.path.text, f->path);
		assert_true(m.size == f->size);
		assert_int_equal(m.body8, f->body8);
		assert_int_equal(m.utf8, f->utf8);
	}
}

static const struct to {
	const char	*in;
	int		 utf8;
	enum lmtp_error	 want;
	const char	*path;
} tos[] = {
	{ "TO:<a@b>", 0, LMTP_OK, "a@b" },
	{ "TO:<Postmaster>", 0, LMTP_OK, "Postmaster" },
	{ "TO:<a+b@c>", 0, LMTP_OK, "a+b@c" },
	{ "TO:<\xc3\xa4@b>", 1, LMTP_OK, "\xc3\xa4@b" },
	{ "TO:<\xc3\xa4@b>", 0, LMTP_UTF8, NULL },
	{ "TO:<>", 0, LMTP_ADDRESS, NULL },
	{ "TO:<a@b> NOTIFY=NEVER", 0, LMTP_PARAM, NULL },
	{ "TO:<a@b>x", 0, LMTP_SYNTAX, NULL },
	{ "TO:a@b", 0, LMTP_SYNTAX, NULL },
	{ "FROM:<a@b>", 0, LMTP_SYNTAX, NULL },
};

static void
rcpt_takes_one_path(void **state)
{
	const struct to		*t;
	struct lmtp_path	 path;

	(void)state;
	for (t = tos; t < tos + nitems(tos); t++) {
		assert_int_equal(lmtp_parse_rcpt(SLICE_STR(t->in), t->utf8,
		    &path), t->want);
		if (t->want == LMTP_OK)
			assert_string_equal(path.text, t->path);
	}
}

static void
paths_have_a_longest(void **state)
{
	struct lmtp_path	 path;
	char			 in[600];

	(void)state;
	memset(in, 'x', sizeof(in));
	memcpy(in, "TO:<", 4);
	memcpy(in + 4 + 64, "@b>", 4);
	assert_int_equal(lmtp_parse_rcpt(SLICE_STR(in), 0, &path), LMTP_OK);
	in[4 + 64] = 'x';
	memcpy(in + 4 + 65, "@b>", 4);
	assert_int_equal(lmtp_parse_rcpt(SLICE_STR(in), 0, &path),
	    LMTP_ADDRESS);
	memset(in, 'x', sizeof(in));
	memcpy(in, "TO:<a@", 6);
	memcpy(in + 6 + 255, ">", 2);
	assert_int_equal(lmtp_parse_rcpt(SLICE_STR(in), 0, &path), LMTP_OK);
	memcpy(in + 6 + 255, "x>", 3);
	assert_int_equal(lmtp_parse_rcpt(SLICE_STR(in), 0, &path),
	    LMTP_ADDRESS);
}

static const struct chunk {
	const char	*in;
	int		 want;
	uint64_t	 size;
	int		 last;
} chunks[] = {
	{ "0", 0, 0, 0 },
	{ "86 LAST", 0, 86, 1 },
	{ "86 last", 0, 86, 1 },
	{ "18446744073709551615", 0, UINT64_MAX, 0 },
	{ "18446744073709551616", -1, 0, 0 },
	{ "", -1, 0, 0 },
	{ "-1", -1, 0, 0 },
	{ " 1", -1, 0, 0 },
	{ "1  LAST", -1, 0, 0 },
	{ "1 LAS", -1, 0, 0 },
	{ "1 LAST x", -1, 0, 0 },
};

static void
bdat_says_size_and_last(void **state)
{
	const struct chunk	*c;
	uint64_t		 size;
	int			 last;

	(void)state;
	for (c = chunks; c < chunks + nitems(chunks); c++) {
		assert_int_equal(lmtp_parse_bdat(SLICE_STR(c->in), &size,
		    &last), c->want);
		if (c->want == -1)
			continue;
		assert_true(size == c->size);
		assert_int_equal(last, c->last);
	}
}

static const struct data {
	const char	*in, *out;
	enum parse	 want;
	const char	*rest;
	int		 bare_lf;
} datas[] = {
	{ ".\r\nQUIT\r\n", "", PARSE_DONE, "QUIT\r\n", 0 },
	{ "a\r\n.\r\n", "a\r\n", PARSE_DONE, "", 0 },
	{ "a\r\n..b\r\n.\r\n", "a\r\n.b\r\n", PARSE_DONE, "", 0 },
	{ "..\r\n.\r\n", ".\r\n", PARSE_DONE, "", 0 },
	{ ".a\r\n.\r\n", "a\r\n", PARSE_DONE, "", 0 },
	{ "a\r\n\r\n.\r\n", "a\r\n\r\n", PARSE_DONE, "", 0 },
	/* what others have taken for the end of a message */
	{ "a\n.\nMAIL\r\n.\r\n", "a\n.\nMAIL\r\n", PARSE_DONE, "", 1 },
	{ "a\n.\r\nMAIL\r\n.\r\n", "a\n.\r\nMAIL\r\n", PARSE_DONE, "", 1 },
	{ "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", PARSE_DONE, "", 1 },
	{ "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n", PARSE_DONE, "", 0 },
	{ "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", PARSE_DONE, "", 0 },
	{ "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", PARSE_DONE, "", 0 },
	{ "a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n", PARSE_DONE, "", 0 },
	{ "a\r\n.\r", "a\r\n", PARSE_MORE, "", 0 },
	{ "a\r\n.", "a\r\n", PARSE_MORE, "", 0 },
	{ "a", "a", PARSE_MORE, "", 0 },
};

/* Feed in pieces of at most step bytes. */
static void
feed(const struct data *t, size_t step)
{
	struct lmtp_data	 d = { 0, 0, 0 };
	struct buf		 out;
	enum parse		 got = PARSE_MORE;
	size_t			 off = 0, n = strlen(t->in), used, part;

	buf_init(&out, 1024);
	while (off < n && got == PARSE_MORE) {
		part = n - off < step ? n - off : step;
		got = lmtp_parse_data(&d, (const uint8_t *)t->in + off, part,
		    &out, &used);
		assert_true(used <= part);
		assert_true(used == part || got == PARSE_DONE);
		off += used;
	}
	assert_int_equal(got, t->want);
	assert_string_equal(t->in + off, t->rest);
	assert_int_equal(out.len, strlen(t->out));
	if (out.len != 0)
		assert_memory_equal(out.data, t->out, out.len);
	assert_int_equal(d.bare_lf, t->bare_lf);
	buf_free(&out);
}

static void
only_crlf_dot_crlf_ends_a_message(void **state)
{
	size_t	 i, step;

	(void)state;
	for (i = 0; i < nitems(datas); i++)
		for (step = 1; step < 12; step++)
			feed(&datas[i], step);
}

static void
too_much_data_is_swallowed_to_its_end(void **state)
{
	static const char	 in[] = "0123456789\r\nabc\r\n.\r\nX";
	struct lmtp_data	 d = { 0, 0, 0 };
	struct buf		 out;
	size_t			 used;

	(void)state;
	buf_init(&out, 12);
	assert_int_equal(lmtp_parse_data(&d, (const uint8_t *)in,
	    sizeof(in) - 1, &out, &used), PARSE_DONE);
	assert_int_equal(used, sizeof(in) - 2);
	assert_int_equal(d.full, 1);
	assert_int_equal(out.len, 12);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_crlf_ends_a_line),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(verbs_have_four_letters_and_a_blank),
		cmocka_unit_test(mail_takes_paths_and_parameters),
		cmocka_unit_test(rcpt_takes_one_path),
		cmocka_unit_test(paths_have_a_longest),
		cmocka_unit_test(bdat_says_size_and_last),
		cmocka_unit_test(only_crlf_dot_crlf_ends_a_message),
		cmocka_unit_test(too_much_data_is_swallowed_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
