/* SPDX-License-Identifier: ISC */
/*
 * The input as a PatchObject (RFC 8620 5.3) for an Email and for a Mailbox.
 * Refused, it changed nothing; taken, the same patch again changes nothing
 * more; and each answer is JSON.
 */
#include "regress/fuzz/jmap_lab.h"

static char		 mail[STORE_IDLEN], box[STORE_IDLEN];

static void
start(void)
{
	struct store_mailbox	 mb;
	struct store_txn	*txn;

	lab_start();
	memset(&mb, 0, sizeof(mb));
	(void)strlcpy(mb.name, "box", sizeof(mb.name));
	if (store_begin(user.store, 1, &txn) != STORE_OK ||
	    store_mailbox_create(txn, &mb) != STORE_OK ||
	    store_commit(txn) != STORE_OK)
		abort();
	store_id_mailbox(mb.id, box);
	store_id_mail(lab_deliver(lab_mixed, STORE_ROLE_INBOX,
	    1500000000000LL, "$seen"), mail);
}

/* A call; its answer, which the caller frees. */
static struct js_val *
call(const char *method, const char *args, size_t n)
{
	struct js_val	*v = NULL;
	struct buf	 b, out;
	const char	*detail;

	buf_init(&b, 10 << 20);
	buf_init(&out, 65 << 20);
	buf_addf(&b, "{\"using\":[\"urn:ietf:params:jmap:core\","
	    "\"urn:ietf:params:jmap:mail\"],\"methodCalls\":[[\"%s\","
	    "{\"accountId\":\"u1\",", method);
	buf_add(&b, args, n);
	buf_adds(&b, "},\"\"]]}");
	if (buf_bad(&b) || jmap_api(&env, &user, b.data, b.len, 0, &out,
	    &detail) != NULL)
		abort();
	if (js_parse(out.data, out.len, NULL, NULL, &v) != JS_OK)
		abort();
	buf_free(&b);
	buf_free(&out);
	return v;
}

static struct js_val *
args(struct js_val *answer)
{
	return js_at(js_at(js_get(answer, "methodResponses"), 0), 1);
}

/* All of the object that a client can see. */
static struct js_val *
look(const char *type, const char *id)
{
	char	 method[32], text[256];

	snprintf(method, sizeof(method), "%s/get", type);
	snprintf(text, sizeof(text), "\"ids\":[\"%s\"]", id);
	return call(method, text, strlen(text));
}

static struct js_val *
change(const char *type, const char *id, const uint8_t *p, size_t n)
{
	struct js_val	*v;
	struct buf	 b;
	char		 method[32];

	snprintf(method, sizeof(method), "%s/set", type);
	buf_init(&b, 1 << 20);
	buf_addf(&b, "\"update\":{\"%s\":", id);
	buf_add(&b, p, n);
	buf_addc(&b, '}');
	if (buf_bad(&b))
		abort();
	v = call(method, (const char *)b.data, b.len);
	buf_free(&b);
	return v;
}

static int
taken(struct js_val *answer)
{
	struct js_val	*done = js_get(args(answer), "updated");
	struct js_val	*not = js_get(args(answer), "notUpdated");

	if (js_len(done) + js_len(not) != 1)
		abort();
	return js_len(done) == 1;
}

/* The list of a /get, without the state beside it. */
static int
same(struct js_val *a, struct js_val *b)
{
	return js_equal(js_get(args(a), "list"), js_get(args(b), "list"));
}

static void
patch(const char *type, const char *id, const uint8_t *p, size_t n)
{
	struct js_val	*before = look(type, id), *one, *after, *two, *then;

	if (js_len(js_get(args(before), "list")) != 1)
		abort();
	one = change(type, id, p, n);
	after = look(type, id);
	if (!taken(one)) {
		if (!same(before, after))
			abort();
	} else {
		two = change(type, id, p, n);
		then = look(type, id);
		/* what the server sets may be named with its old value */
		if (taken(two) && !same(after, then))
			abort();
		js_free(two);
		js_free(then);
	}
	js_free(before);
	js_free(one);
	js_free(after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static unsigned	 runs;
	struct js_val	*v = NULL;
	int		 object;

	if (user.store == NULL)
		start();
	if (n > 16384 || js_parse(p, n, NULL, NULL, &v) != JS_OK)
		return -1;
	object = js_type(v) == JS_OBJ;
	js_free(v);
	if (!object)
		return -1;
	patch("Email", mail, p, n);
	patch("Mailbox", box, p, n);
	if (++runs % 5000 == 0)
		(void)store_check(user.store, 0, lab_differs, NULL);
	return 0;
}
