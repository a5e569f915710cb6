/* SPDX-License-Identifier: ISC */
/* worker/jmap/email_text.c: texts as they are compared. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/jmap/email.h"

static struct arena	 a;

static int
setup(void **state)
{
	(void)state;
	arena_init(&a, 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static const struct {
	const char	*in, *out;
} folds[] = {
	{ "", "" }, { " ", "" }, { "\r\n\t ", "" }, { "a", "a" },
	{ " a", "a" }, { "a ", "a" }, { "\n\na\n\n", "a" },
	{ "One  Two\r\nThree\tFour", "one two three four" },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz" },
	/* neighbours of the letters, and other controls, stay */
	{ "@[`{", "@[`{" }, { "a\vb\fc\001d", "a\vb\fc\001d" },
	{ "12345678 GRÜSSE  Straße", "12345678 grüsse strasse" },
	{ "E\xcc\x81t\xc3\xa9", "\xc3\xa9t\xc3\xa9" },
	{ "\xef\xbc\xa1\xef\xbc\xa2", "ab" },		/* fullwidth */
	{ "a\xc2\xa0 b", "a b" },	/* a no-break space is one of them */
	{ "long enough for eight at a time, \xc3\x84 and ON Again",
	    "long enough for eight at a time, \xc3\xa4 and on again" },
};

static void
case_marks_and_white_space_are_folded(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(folds); i++)
		assert_string_equal(email_text_fold(&a, folds[i].in,
		    strlen(folds[i].in)), folds[i].out);
}

static void
each_octet_of_ascii_is_its_own_or_small_or_white(void **state)
{
	char	 in[4] = "x?y", want[4] = "x?y", *out;
	int	 c;

	(void)state;
	for (c = 1; c < 0x80; c++) {
		in[1] = (char)c;
		want[1] = (char)(strchr(" \t\r\n", c) != NULL ? ' ' :
		    c >= 'A' && c <= 'Z' ? c + 32 : c);
		out = email_text_fold(&a, in, 3);
		assert_string_equal(out, want);
	}
}

static const struct {
	const char	*text, *phrase;
	int		 has;
} phrases[] = {
	{ "The quick brown fox", "quick brown", 1 },
	{ "The QUICK\r\n  Brown fox", "quick brown", 1 },
	{ "quick, brown", "quick brown", 1 },
	{ "quick red brown", "quick brown", 0 },
	{ "thequick brown", "quick brown", 0 },
	{ "quick browns", "quick brown", 0 },
	{ "quick quick brown", "quick brown", 1 },
	{ "brown quick", "quick brown", 0 },
};

static void
a_phrase_is_the_sequence_of_its_words(void **state)
{
	const char	*t, *p;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(phrases); i++) {
		t = email_text_fold(&a, phrases[i].text,
		    strlen(phrases[i].text));
		p = email_text_fold(&a, phrases[i].phrase,
		    strlen(phrases[i].phrase));
		assert_int_equal(email_text_has(t, p), phrases[i].has);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(case_marks_and_white_space_are_folded),
		cmocka_unit_test(
		    each_octet_of_ascii_is_its_own_or_small_or_white),
		cmocka_unit_test(a_phrase_is_the_sequence_of_its_words),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
