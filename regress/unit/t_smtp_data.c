/* SPDX-License-Identifier: ISC */
/* daemon/smtp_data.c, by table; each row in pieces of every length. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/smtp_data.h"

static const struct row {
	const char	*in, *out;
} rows[] = {
	{ "", ".\r\n" },
	{ "a", "a\r\n.\r\n" },
	{ "a\r\n", "a\r\n.\r\n" },
	{ "a\r\nb\r\n", "a\r\nb\r\n.\r\n" },
	{ "\r\n", "\r\n.\r\n" },
	{ "\r\n\r\n", "\r\n\r\n.\r\n" },
	/* RFC 5321 4.5.2 */
	{ ".", "..\r\n.\r\n" },
	{ ".\r\n", "..\r\n.\r\n" },
	{ "..\r\n", "...\r\n.\r\n" },
	{ ".a\r\n", "..a\r\n.\r\n" },
	{ "a.\r\n", "a.\r\n.\r\n" },
	{ "a\r\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r\n.", "a\r\n..\r\n.\r\n" },
	{ "\r\n.\r\n", "\r\n..\r\n.\r\n" },
	/* bare LF */
	{ "a\nb\n", "a\r\nb\r\n.\r\n" },
	{ "\n", "\r\n.\r\n" },
	{ "a\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\n.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n" },
	{ "a\r\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n" },
	/* bare CR */
	{ "a\rb\r\n", "a b\r\n.\r\n" },
	{ "a\r", "a \r\n.\r\n" },
	{ "\r", " \r\n.\r\n" },
	{ "\r\r\n", " \r\n.\r\n" },
	{ "\r\r", "  \r\n.\r\n" },
	{ "\n\r", "\r\n \r\n.\r\n" },
	{ "a\r.\r\nb", "a .\r\nb\r\n.\r\n" },
	{ "a\r\n.\rb", "a\r\n.. b\r\n.\r\n" },
	{ "a\r\n\r.\r\nb", "a\r\n .\r\nb\r\n.\r\n" },
	{ "a\r\n.\r\r\nb", "a\r\n.. \r\nb\r\n.\r\n" },
	/* 8 bits pass */
	{ "\xc3\xbc\r\n", "\xc3\xbc\r\n.\r\n" },
};

static void
rows_come_out_as_they_should(void **state)
{
	const struct row	*w;
	struct smtp_data	 d;
	struct buf		 b;
	size_t			 n, off, step;

	(void)state;
	buf_init(&b, 4096);
	for (w = rows; w < rows + nitems(rows); w++)
		for (step = 1; step <= strlen(w->in) + 1; step++) {
			memset(&d, 0, sizeof(d));
			buf_reset(&b);
			for (off = 0; off < strlen(w->in); off += n) {
				n = strlen(w->in) - off;
				n = n < step ? n : step;
				smtp_data_put(&d, w->in + off, n, &b);
			}
			smtp_data_end(&d, &b);
			assert_int_equal(buf_bad(&b), 0);
			assert_string_equal(buf_str(&b), w->out);
		}
	buf_free(&b);
}

/* No text whatever makes a line of "." but the last, a bare CR, a bare LF. */
static void
nothing_ends_the_message_early(void **state)
{
	static const char	 alphabet[] = { '\r', '\n', '.', 'x' };
	struct smtp_data	 d;
	struct smtp_data_scan	 s;
	struct buf		 b;
	unsigned int		 i, j;
	size_t			 k, dots;
	char			 in[7], *end;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < 1u << 14; i++) {
		for (j = 0; j < sizeof(in); j++)
			in[j] = alphabet[i >> 2 * j & 3];
		memset(&d, 0, sizeof(d));
		memset(&s, 0, sizeof(s));
		buf_reset(&b);
		smtp_data_put(&d, in, sizeof(in), &b);
		smtp_data_end(&d, &b);
		buf_str(&b);
		if ((end = strstr((char *)b.data, "\r\n.\r\n")) != NULL)
			assert_ptr_equal(end, b.data + b.len - 5);
		assert_memory_equal(b.data + b.len - 3, ".\r\n", 3);
		for (k = dots = 0; k < b.len; k++) {
			if (b.data[k] == '\r')
				assert_int_equal(b.data[k + 1], '\n');
			if (b.data[k] == '\n')
				assert_true(k > 0 && b.data[k - 1] == '\r');
			if (b.data[k] == '.' && (k == 0 ||
			    b.data[k - 1] == '\n'))
				dots++;
		}
		/* SIZE is what is sent, without the dots */
		smtp_data_scan(&s, in, sizeof(in));
		smtp_data_scan_end(&s);
		assert_int_equal(s.size + (dots - 1) + 3, b.len);
	}
	buf_free(&b);
}

static const struct need {
	const char	*in;
	size_t		 len;
	uint64_t	 size;
	uint32_t	 line;
	int		 eightbit, utf8, nul;
} needs[] = {
	{ "", 0, 0, 0, 0, 0, 0 },
	{ "A: b\r\n\r\ntext\r\n", 14, 14, 4, 0, 0, 0 },
	{ "A: b\n\ntext", 10, 14, 4, 0, 0, 0 },
	{ "A: \xc3\xbc\r\n\r\ntext\r\n", 15, 15, 5, 0, 1, 0 },
	{ "A: b\r\n\r\nt\xc3\xbcxt\r\n", 15, 15, 5, 1, 0, 0 },
	{ "A: b\n\nt\xc3\xbcxt\n", 12, 15, 5, 1, 0, 0 },
	{ "A: \xfc\n\n\xfc\n", 8, 11, 4, 1, 1, 0 },
	{ "A: b\n\n\0\n", 8, 11, 4, 0, 0, 1 },
	{ "A: b\rc\r\n", 8, 8, 6, 0, 0, 0 },
	{ "A: b\r", 5, 7, 5, 0, 0, 0 },
	{ "\r\n\xfc\r\n", 5, 5, 1, 1, 0, 0 },
};

static void
needs_are_found(void **state)
{
	const struct need	*w;
	struct smtp_data_scan	 s;
	size_t			 off, n, step;

	(void)state;
	for (w = needs; w < needs + nitems(needs); w++)
		for (step = 1; step <= w->len + 1; step++) {
			memset(&s, 0, sizeof(s));
			for (off = 0; off < w->len; off += n) {
				n = w->len - off < step ? w->len - off : step;
				smtp_data_scan(&s, w->in + off, n);
			}
			smtp_data_scan_end(&s);
			assert_int_equal(s.size, w->size);
			assert_int_equal(s.line, w->line);
			assert_int_equal(s.eightbit, w->eightbit);
			assert_int_equal(s.utf8, w->utf8);
			assert_int_equal(s.nul, w->nul);
		}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(rows_come_out_as_they_should),
		cmocka_unit_test(nothing_ends_the_message_early),
		cmocka_unit_test(needs_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
