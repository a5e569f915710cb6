/* SPDX-License-Identifier: ISC */
/*
 * The input as a PatchObject (RFC 8620 5.3) for an Email and for a Mailbox.
 * Refused, it changed nothing; taken, the same patch again changes nothing
 * more; and each answer is JSON.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/jmap.h"
#include "worker/mime/mime.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char		 dir[] = "/tmp/jmapd-fuzz-XXXXXX";
static char		 mail[STORE_IDLEN], box[STORE_IDLEN];
static struct jmap_user	 user = {
	.name = "u", .account = "u1", .caps = JMAP_CAP_CORE | JMAP_CAP_MAIL
};
static struct jmap_env	 env = {
	.limits = &jmap_api_limits, .url = "https://x"
};
static const char	 raw[] = "From: a@x\nSubject: one\n"
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n"
    "Content-Type: image/png\n\nx\n--b--\n";

static void
differs(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
	abort();
}

static void
start(void)
{
	struct slice		 kw = SLICE_STR("$seen");
	struct store_mailbox	 mb;
	struct store_newmail	 m;
	struct store_conf	 c;
	struct store_txn	*txn;
	struct arena		 a;
	uint32_t		 inbox;
	uint64_t		 id, tid;

	if (mkdtemp(dir) == NULL)
		abort();
	store_conf_init(&c);
	(void)strlcpy(c.dir, dir, sizeof(c.dir));
	c.sync = KV_OFF;
	store_init(&c);
	memset(&m, 0, sizeof(m));
	memset(&mb, 0, sizeof(mb));
	(void)strlcpy(mb.name, "box", sizeof(mb.name));
	arena_init(&a, 2 * MIME_ARENA);
	if (store_open("u1", STORE_CREATE, &user.store) != STORE_OK ||
	    store_begin(user.store, 1, &txn) != STORE_OK ||
	    store_mailbox_create(txn, &mb) != STORE_OK)
		abort();
	inbox = store_mailbox_role(txn, STORE_ROLE_INBOX);
	m.mailbox = &inbox;
	m.nmailbox = 1;
	m.keyword = &kw;
	m.nkeyword = 1;
	m.received = 1500000000000LL;
	if (email_row_add(txn, &a, raw, strlen(raw), &m, &id, &tid) !=
	    STORE_OK || store_commit(txn) != STORE_OK)
		abort();
	arena_free(&a);
	store_id_mail(id, mail);
	store_id_mailbox(mb.id, box);
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
		(void)store_check(user.store, 0, differs, NULL);
	return 0;
}
