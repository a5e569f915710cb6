/* SPDX-License-Identifier: ISC */
/*
 * The input as the filter of a query (RFC 8620 5.5).  What it finds and what
 * its NOT finds are all there is and have nothing in common; twice it in an
 * AND is it, it or its NOT is everything; and each answer is JSON.
 */
#include "regress/fuzz/jmap_lab.h"

#define ANSWERS	4		/* F; NOT F; F AND F; F OR NOT F */

static size_t		 mails, boxes;

static void
start(void)
{
	static const struct {
		const char	*raw, *keyword;
		enum store_role	 role;
	} rows[] = {
		{ lab_plain, "work", STORE_ROLE_INBOX },
		{ lab_mixed, "$seen", STORE_ROLE_INBOX },
		{ "To: =?utf-8?q?J=C3=B6?= <j@x>\nCc: c@x\n"
		    "Content-Type: text/html\n\n<b>hi</b> you\n", "work",
		    STORE_ROLE_INBOX },
		{ "Bcc: d@x\nSubject: two\nX-A: b\n\n\"quoted\" text of it\n",
		    NULL, STORE_ROLE_TRASH },
	};
	const struct store_mailbox	*m;
	struct store_txn		*txn;

	lab_start();
	for (; mails < nitems(rows); mails++)
		lab_deliver(rows[mails].raw, rows[mails].role,
		    1500000000000LL + (int64_t)mails * 1000,
		    rows[mails].keyword);
	if (store_begin(user.store, 0, &txn) != STORE_OK ||
	    store_mailbox_all(txn, &m, &boxes) != STORE_OK)
		abort();
	store_abort(txn);
}

/* Four calls of method, each with a filter made of the input. */
static void
ask(struct buf *b, const char *method, const char *f, int n)
{
	static const char *const shapes[ANSWERS] = {
		"%.*s", "{\"operator\":\"NOT\",\"conditions\":[%.*s]}",
		"{\"operator\":\"AND\",\"conditions\":[%.*s,%.*s]}",
		"{\"operator\":\"OR\",\"conditions\":[%.*s,"
		    "{\"operator\":\"NOT\",\"conditions\":[%.*s]}]}"
	};
	size_t	 i;

	for (i = 0; i < ANSWERS; i++) {
		buf_addf(b, "%s[\"%s\",{\"accountId\":\"u1\","
		    "\"calculateTotal\":true,\"filter\":", i > 0 ? "," : "",
		    method);
		if (i < 2)
			buf_addf(b, shapes[i], n, f);
		else
			buf_addf(b, shapes[i], n, f, n, f);
		buf_adds(b, "},\"\"]");
	}
}

/* The ids of an answer; NULL for an error, which must be of two kinds. */
static struct js_val *
ids(struct js_val *answer)
{
	struct js_val	*args = js_at(answer, 1);
	const char	*type = js_str(js_get(args, "type"));

	if (strcmp(js_str(js_at(answer, 0)), "error") != 0) {
		if (js_int(js_get(args, "total")) !=
		    (int64_t)js_len(js_get(args, "ids")))
			abort();
		return js_get(args, "ids");
	}
	if (strcmp(type, "invalidArguments") != 0 &&
	    strcmp(type, "unsupportedFilter") != 0)
		abort();
	return NULL;
}

static int
has(struct js_val *list, const char *id)
{
	size_t	 i;

	for (i = 0; i < js_len(list); i++)
		if (strcmp(js_str(js_at(list, i)), id) == 0)
			return 1;
	return 0;
}

static void
compare(struct js_val *answers, size_t all)
{
	struct js_val	*f = ids(js_at(answers, 0));
	struct js_val	*not = ids(js_at(answers, 1));
	struct js_val	*both = ids(js_at(answers, 2));
	struct js_val	*any = ids(js_at(answers, 3));
	size_t		 i;

	/* a filter may be good, and too deep or too long twice */
	if (f == NULL && (not != NULL || both != NULL || any != NULL))
		abort();
	if (f == NULL)
		return;
	for (i = 0; not != NULL && i < js_len(not); i++)
		if (has(f, js_str(js_at(not, i))))
			abort();
	if ((not != NULL && js_len(f) + js_len(not) != all) ||
	    (both != NULL && !js_equal(f, both)) ||
	    (any != NULL && js_len(any) != all))
		abort();
}

static void
query(const char *method, const char *f, size_t n, size_t all)
{
	struct js_val	*v = NULL;
	struct buf	 b, out;
	const char	*detail;

	buf_init(&b, 10 << 20);
	buf_init(&out, 65 << 20);
	buf_adds(&b, "{\"using\":[\"urn:ietf:params:jmap:core\","
	    "\"urn:ietf:params:jmap:mail\"],\"methodCalls\":[");
	ask(&b, method, f, (int)n);
	buf_adds(&b, "]}");
	if (!buf_bad(&b) && jmap_api(&env, &user, b.data, b.len, 0, &out,
	    &detail) == NULL) {
		if (js_parse(out.data, out.len, NULL, NULL, &v) != JS_OK)
			abort();
		compare(js_get(v, "methodResponses"), all);
		js_free(v);
	}
	buf_free(&b);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct js_val	*v = NULL;
	int		 object;

	if (user.store == NULL)
		start();
	if (n > 4096 || js_parse(p, n, NULL, NULL, &v) != JS_OK)
		return -1;
	object = js_type(v) == JS_OBJ;
	js_free(v);
	if (!object)		/* null is everything, in a NOT nothing */
		return -1;
	query("Email/query", (const char *)p, n, mails);
	query("Mailbox/query", (const char *)p, n, boxes);
	return 0;
}
