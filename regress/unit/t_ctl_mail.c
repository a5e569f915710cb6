/* SPDX-License-Identifier: ISC */
/*
 * daemon/ctl_name.c, ctl_mbox.c, ctl_maildir.c: what is written comes back
 * byte for byte, with dates, flags and folders; files of others are read.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/date.h"
#include "daemon/ctl_mail.h"

/* --- names ------------------------------------------------------------- */

static const struct utf7 {
	const char	*name, *utf7;
} utf7s[] = {
	{ "Sent", "Sent" },
	{ "A & B", "A &- B" },
	{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" },
	{ "\xe5\x8f\xb0\xe5\x8c\x97", "&U,BTFw-" },	/* RFC 3501 5.1.3 */
	{ "\xf0\x9f\x98\x80!", "&2D3eAA-!" },
	{ "a.b/c", "a&AC4-b&AC8-c" },
	{ "x\x01y", "x&AAE-y" },
};

static void
modified_utf7_goes_both_ways(void **state)
{
	const struct utf7	*u;
	struct buf		 b;

	(void)state;
	buf_init(&b, 4096);
	for (u = utf7s; u < utf7s + nitems(utf7s); u++) {
		buf_reset(&b);
		ctl_name_utf7(&b, u->name);
		assert_string_equal(buf_str(&b), u->utf7);
		buf_reset(&b);
		assert_int_equal(ctl_name_utf7_get(&b, u->utf7,
		    strlen(u->utf7)), 0);
		assert_string_equal(buf_str(&b), u->name);
	}
	buf_free(&b);
}

static void
what_is_no_utf7_stays_as_it_is(void **state)
{
	static const char *const bad[] = {
		"a&", "a&b", "&AA-", "&2D0-", "&AAA-", "caf\xe9", "&A-", "&*-"
	};
	struct buf	 b;
	size_t		 i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < nitems(bad); i++) {
		buf_reset(&b);
		assert_int_equal(ctl_name_utf7_get(&b, bad[i],
		    strlen(bad[i])), -1);
		assert_string_equal(buf_str(&b), bad[i]);
	}
	buf_free(&b);
}

static void
file_names_cannot_leave_their_folder(void **state)
{
	struct buf	 b;

	(void)state;
	buf_init(&b, 4096);
	ctl_name_file(&b, "..");
	assert_string_equal(buf_str(&b), "%2E.");
	buf_reset(&b);
	ctl_name_file(&b, "a/../b%\n");
	assert_string_equal(buf_str(&b), "a%2F..%2Fb%25%0A");
	buf_free(&b);
}

static void
same_mails_have_keys_of_their_own(void **state)
{
	uint64_t	 a, b;

	(void)state;
	a = ctl_name_key("INBOX", "From x", "abc", 3);
	b = ctl_name_key("INBOX", "From x", "abc", 3);
	assert_true(a != b);
	assert_true(a != 0 && b != 0);
	assert_true(ctl_name_key("INBOX", "From y", "abc", 3) != a);
}

static void
words_that_are_no_keywords_are_left_out(void **state)
{
	struct ctl_mail	 m;

	(void)state;
	memset(&m, 0, sizeof(m));
	buf_init(&m.words, CTL_WORDS);
	ctl_name_word(&m, "$seen", 5);
	ctl_name_word(&m, "$SEEN", 5);
	ctl_name_word(&m, "a b", 3);
	ctl_name_word(&m, "a\\", 2);
	ctl_name_word(&m, "", 0);
	ctl_name_word(&m, "caf\xc3\xa9", 5);
	ctl_name_word(&m, "work", 4);
	assert_int_equal(m.nwords, 2);
	assert_int_equal(m.words.len, 11);
	assert_true(ctl_name_has(&m, "WORK"));
	assert_false(ctl_name_has(&m, "wor"));
	buf_free(&m.words);
}

/* --- the From_ line ---------------------------------------------------- */

static const struct from {
	const char	*line, *utc;	/* NULL: it is none */
} froms[] = {
	{ "From a@b Thu Nov 20 09:00:01 2026", "2026-11-20T09:00:01Z" },
	{ "From a@b  Mon Jan  5 23:59:59 1998", "1998-01-05T23:59:59Z" },
	{ "From a@b Mon Jan 05 23:59 1998", "1998-01-05T23:59:00Z" },
	{ "From a b c Mon Jan 5 23:59:59 +0100 1998", "1998-01-05T22:59:59Z" },
	{ "From - Mon Jan 5 23:59:59 1998 -0800", "1998-01-06T07:59:59Z" },
	{ "From a@b Mon Jan 5 23:59:59 PST 1998", "1998-01-05T23:59:59Z" },
	{ "From Mon to Fri we work.", NULL },
	{ "From Mon Jan on it will be", NULL },
	{ "From what I hear", NULL },
	{ "From ", NULL },
	{ "from a@b Thu Nov 20 09:00:01 2026", NULL },
	{ "From a@b Thu Nov 20 9:00:01 2026", NULL },
	{ "From a@b Thu Nov 40 09:00:01 2026", NULL },
	{ "From a@b Thu Nov 20 09:00:01", NULL },
};

static void
from_lines_are_told_from_text(void **state)
{
	const struct from	*f;
	char			 utc[DATE_LEN];
	int64_t			 ms;

	(void)state;
	for (f = froms; f < froms + nitems(froms); f++) {
		assert_int_equal(ctl_mbox_from(f->line, strlen(f->line), &ms),
		    f->utc != NULL);
		if (f->utc == NULL)
			continue;
		date_utc(ms, utc);
		assert_string_equal(utc, f->utc);
	}
}

/* --- both forms, there and back ---------------------------------------- */

static const struct sample {
	const char	*box, *words, *data;
	int64_t		 received;
} samples[] = {
	{ "INBOX", "", "Subject: a\r\n\r\nbody\r\n", 1000000000000LL },
	{ "INBOX", "$seen $flagged", "Subject: b\n\nbody\n\n\n",
	    1000000001000LL },
	{ "INBOX", "$answered $draft $forwarded work Todo",
	    "Return-Path: <x@y>\r\n\r\nFrom here on\r\n>From there\r\n"
	    ">>From\r\n\r\nFrom me Thu Nov 20 09:00:01 2026\r\n",
	    1700000000000LL },
	{ "INBOX", "$seen", "Status: O\nX-Status: \nX-Keywords:\n\nhis own\n",
	    1700000001000LL },
	{ "INBOX", "$seen", "\n", 1700000002000LL },
	{ "Sent", "$seen", "no header at all\r\n", 1700000003000LL },
	{ "Work/a%2Fb.%C3%BC", "todo work", "Subject: deep\r\n\r\n\0x",
	    1700000004000LL },
	{ "../passwd", "", "Subject: out\r\n\r\nx\r\n", 1700000005000LL },
};

static char	dir[64];
static int	seen[nitems(samples)];
static size_t	nseen;

static void
words_of(struct ctl_mail *m, const char *words)
{
	size_t	 n;

	for (; *words != '\0'; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		ctl_name_word(m, words, n);
	}
}

/* One that was read: find it among the samples. */
static int
compare(void *arg, struct ctl_mail *m)
{
	const struct sample	*s;
	struct ctl_mail		 want;
	size_t			 i;

	(void)arg;
	if (m->data == NULL)
		return 0;
	for (i = 0; i < nitems(samples); i++)
		if (samples[i].received == m->received)
			break;
	assert_true(i < nitems(samples));
	s = &samples[i];
	assert_int_equal(seen[i]++, 0);
	nseen++;
	assert_string_equal(m->box, s->box);
	assert_int_equal(m->len, strlen(s->data));
	assert_memory_equal(m->data, s->data, m->len);
	memset(&want, 0, sizeof(want));
	buf_init(&want.words, CTL_WORDS);
	words_of(&want, s->words);
	assert_int_equal(m->nwords, want.nwords);
	for (i = 0; i < want.words.len;
	    i += strlen((char *)want.words.data + i) + 1)
		assert_true(ctl_name_has(m, (char *)want.words.data + i));
	buf_free(&want.words);
	assert_true(m->key != 0);
	return 0;
}

static void
write_all(const struct ctl_sink *sink)
{
	struct ctl_mail	 m;
	void		*out;
	size_t		 i;

	strlcpy(dir, "/tmp/jmapd-t_ctl_mail.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	assert_non_null(out = sink->open(dir));
	for (i = 0; i < nitems(samples); i++)
		assert_int_equal(sink->box(out, samples[i].box), 0);
	for (i = 0; i < nitems(samples); i++) {
		memset(&m, 0, sizeof(m));
		buf_init(&m.words, CTL_WORDS);
		m.box = samples[i].box;
		m.received = samples[i].received;
		m.key = i;
		words_of(&m, samples[i].words);
		m.data = (const uint8_t *)samples[i].data;
		m.len = strlen(samples[i].data);
		assert_int_equal(sink->mail(out, &m), 0);
		buf_free(&m.words);
	}
	assert_int_equal(sink->close(out), 0);
	/* never into a folder that has something in it */
	assert_null(sink->open(dir));
}

static void
sweep(void)
{
	char	 cmd[128];

	assert_int_equal(strncmp(dir, "/tmp/jmapd-t_ctl_mail.", 22), 0);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	assert_int_equal(system(cmd), 0);
	memset(seen, 0, sizeof(seen));
	nseen = 0;
}

static void
mbox_comes_back_byte_for_byte(void **state)
{
	(void)state;
	write_all(&ctl_mbox_sink);
	assert_int_equal(ctl_mbox_read(dir, NULL, compare, NULL), 0);
	assert_int_equal(nseen, nitems(samples));
	sweep();
}

static void
maildir_comes_back_byte_for_byte(void **state)
{
	(void)state;
	write_all(&ctl_maildir_sink);
	assert_int_equal(ctl_maildir_read(dir, NULL, compare, NULL), 0);
	assert_int_equal(nseen, nitems(samples));
	sweep();
}

static int
count(void *arg, struct ctl_mail *m)
{
	struct buf	*b = arg;
	size_t		 i;

	if (m->data == NULL)
		return 0;
	buf_addf(b, "[%s %.*s|", m->box, (int)m->len, (const char *)m->data);
	for (i = 0; i < m->words.len;
	    i += strlen((char *)m->words.data + i) + 1)
		buf_addf(b, "%s ", (char *)m->words.data + i);
	buf_adds(b, "]");
	return 0;
}

static void
put(const char *name, const char *text)
{
	char	 path[256];
	FILE	*f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	fclose(f);
}

static void
links_in_a_maildir_are_not_followed(void **state)
{
	char		 path[256];
	struct buf	 b;

	(void)state;
	strlcpy(dir, "/tmp/jmapd-t_ctl_mail.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/cur", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	put("secret", "secret");
	put("cur/1.a:2,SX", "one");
	snprintf(path, sizeof(path), "%s/cur/2.b:2,", dir);
	assert_int_equal(symlink("../secret", path), 0);
	snprintf(path, sizeof(path), "%s/.Link", dir);
	assert_int_equal(symlink(".", path), 0);
	buf_init(&b, 4096);
	assert_int_equal(ctl_maildir_read(dir, "Old/x", count, &b), 0);
	assert_string_equal(buf_str(&b), "[Old/x one|$seen ]");
	buf_free(&b);
	sweep();
}

static void
mbox_of_others_is_read(void **state)
{
	static const char text[] =
	    "From a@b Thu Nov 20 09:00:01 2026\n"
	    "Subject: x\nStatus: RO\nX-Status: F\nX-Keywords: one  two\n"
	    "\nFrom nobody\n>From somebody\nx\n"
	    "From inside Thu Nov 20 09:00:01 2026\n"
	    "\n"
	    "From c@d Thu Nov 20 09:00:02 2026\n"
	    "\n";
	char		 path[256];
	struct buf	 b;

	(void)state;
	strlcpy(dir, "/tmp/jmapd-t_ctl_mail.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	put("old mail", text);
	put("no", "Subject: x\n");
	buf_init(&b, 4096);
	snprintf(path, sizeof(path), "%s/old mail", dir);
	assert_int_equal(ctl_mbox_read(path, NULL, count, &b), 0);
	assert_string_equal(buf_str(&b), "[INBOX Subject: x\nStatus: RO\n"
	    "X-Status: F\nX-Keywords: one  two\n\nFrom nobody\n"
	    "From somebody\nx\nFrom inside Thu Nov 20 09:00:01 2026\n"
	    "|$seen $flagged one two ][INBOX |]");
	snprintf(path, sizeof(path), "%s/no", dir);
	assert_int_equal(ctl_mbox_read(path, NULL, count, &b), -1);
	buf_free(&b);
	sweep();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modified_utf7_goes_both_ways),
		cmocka_unit_test(what_is_no_utf7_stays_as_it_is),
		cmocka_unit_test(file_names_cannot_leave_their_folder),
		cmocka_unit_test(same_mails_have_keys_of_their_own),
		cmocka_unit_test(words_that_are_no_keywords_are_left_out),
		cmocka_unit_test(from_lines_are_told_from_text),
		cmocka_unit_test(mbox_comes_back_byte_for_byte),
		cmocka_unit_test(maildir_comes_back_byte_for_byte),
		cmocka_unit_test(links_in_a_maildir_are_not_followed),
		cmocka_unit_test(mbox_of_others_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
