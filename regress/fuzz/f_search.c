/* SPDX-License-Identifier: ISC */
/*
 * The search index on any bytes: a mail's words with their stems make a row
 * that reads back whole, and each of its words finds it, waiting and in a
 * run; a run of any bytes is an error or walks to its end; a filter of any
 * bytes is answered or refused, never with serverFail.
 */
#include "common/compat.h"

#include <assert.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "common/utf8.h"
#include "regress/fuzz/jmap_lab.h"
#include "worker/store/store_int.h"
#include "worker/store/store_search.h"

static void
start(void)
{
	lab_start();
	lab_deliver("From: a@x.example\nSubject: one running\n"
	    "Message-ID: <1@x>\n\nhello the world of "
	    "\xe6\x97\xa5\xe6\x9c\xac\n",
	    STORE_ROLE_INBOX, 1500000000000LL, NULL);
	while (store_search_merge(user.store, 1) == 1)
		;
	lab_deliver("To: b@x.example\nList-Id: <l.x>\n\n"
	    "die H\xc3\xa4user nicht\n", STORE_ROLE_INBOX, 1500000000000LL,
	    NULL);
}

/* The row of a text, word by word. */
static void
check_row(const uint8_t *p, size_t n)
{
	struct store_text	 t = { STORE_IN_BODY, { p, n } };
	struct store_entry_f	 e;
	struct buf		 b;
	const uint8_t		*at, *end, *s;
	unsigned		 i;
	int			 r;

	buf_init(&b, SIZE_MAX);
	assert(store_pend_row(&b, &t, 1, SLICE(p, n < 5 ? n : 5)) == 0);
	assert(store_pend_open(SLICE(b.data, b.len), &at, &end) == 0);
	while ((r = store_pend_each(&at, end, &e)) == 1) {
		assert(e.len > 0 && e.len <= STORE_TERMMAX);
		assert(utf8_valid(e.word, e.len));
		assert(e.word[0] > ' ' && e.tag > 0 && e.tag < ' ');
		assert(e.nstem <= 2);
		for (s = e.stem, i = 0; i < e.nstem; i++, s += 1 + *s) {
			assert(*s > 0 && *s <= STORE_TERMMAX);
			assert(utf8_valid(s + 1, *s));
		}
	}
	assert(r == 0);
	buf_free(&b);
	/* and a row of any bytes is read to some end */
	if (store_pend_open(SLICE(p, n), &at, &end) == 0)
		while (store_pend_each(&at, end, &e) == 1)
			assert(e.stem <= end);
}

/* The same bytes as the one block of a run whose checksums are right. */
static void
wrap(struct buf *b, const uint8_t *p, size_t n)
{
	size_t	 at;

	buf_be32(b, crc32c(0, p, n));
	buf_add(b, p, n);
	at = b->len;
	buf_be64(b, 0);
	buf_be32(b, (uint32_t)n + 4);
	buf_be32(b, 0);
	buf_add(b, "\1a", 2);
	buf_add(b, "JRUN\0\0\0\1", 8);
	buf_be64(b, at);
	buf_be32(b, 1);
	buf_be32(b, 2);
	buf_be64(b, 5);
	buf_be64(b, 5000);
	buf_be32(b, 9);
	buf_be32(b, 3);
	buf_be32(b, crc32c(0, b->data + at, 18));
	buf_be32(b, crc32c(0, b->data + at + 18, 52));
}

static void
check_run(const uint8_t *p, size_t n, int wrapped)
{
	struct store_cursor	 c;
	struct store_unpack	 u;
	struct store_run	*run;
	struct buf		 b;
	char			 path[64];
	FILE			*f;
	int			 r;

	buf_init(&b, 1 << 20);
	if (wrapped)
		wrap(&b, p, n);
	else
		buf_add(&b, p, n);
	snprintf(path, sizeof(path), "%s/run", lab_dir);
	if ((f = fopen(path, "w")) == NULL ||
	    fwrite(b.data, 1, b.len, f) != b.len || fclose(f) != 0)
		abort();
	buf_free(&b);
	if ((run = store_run_open(path, 1)) == NULL) {
		assert(!wrapped);
		return;
	}
	for (r = store_run_seek(&c, run, "m", 1); r == 1;
	    r = store_run_next(&c)) {
		assert(c.n <= STORE_RUNTERM);
		store_post_unpack(&u, c.post, run->lo);
		while (store_post_next(&u) == 1)
			;
	}
	store_run_close(run);
}

static void
check_filter(const uint8_t *p, size_t n)
{
	static const char *const forms[] = {
		"\"filter\":{\"text\":", "\"filter\":{\"header\":[\"List-Id\",",
		"\"filter\":", "\"filter\":{\"subject\":\"one\",\"body\":"
	};
	static const char *const ends[] = { "}", "]}", "", "}" };
	const char	*detail;
	struct buf	 req, out;
	size_t		 i, k = n > 0 ? p[0] % nitems(forms) : 0;

	buf_init(&req, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_addf(&req, "{\"using\":[\"urn:ietf:params:jmap:core\","
	    "\"urn:ietf:params:jmap:mail\"],\"methodCalls\":[[\"%s\",{"
	    "\"accountId\":\"u1\",%s%s", n % 3 == 0 ? "SearchSnippet/get" :
	    "Email/query", n % 3 == 0 ? "\"emailIds\":[\"E1\",\"E2\"]," : "",
	    forms[k]);
	if (k == 2)
		buf_add(&req, p + 1, n - 1);
	else {
		buf_addc(&req, '"');
		for (i = 1; i < n; i++)
			if (p[i] == '"' || p[i] == '\\' || p[i] < ' ')
				buf_addf(&req, "\\u%04x", p[i]);
			else
				buf_addc(&req, p[i]);
		buf_addc(&req, '"');
	}
	buf_addf(&req, "%s},\"c\"]]}", ends[k]);
	if (!buf_bad(&req) && jmap_api(&env, &user, req.data, req.len, 0,
	    &out, &detail) == NULL) {
		assert(buf_str(&out) != NULL);
		assert(strstr(buf_str(&out), "\"serverFail\"") == NULL);
	}
	buf_free(&req);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int	 started;

	if (!started)
		start();
	started = 1;
	if (n == 0)
		return 0;
	switch (p[0] >> 6) {
	case 0:
		if (n > 2)
			check_run(p + 2, n - 2, p[1] & 1);
		break;
	case 1:
		check_row(p + 1, n - 1);
		break;
	default:
		check_filter(p, n);
	}
	return 0;
}
