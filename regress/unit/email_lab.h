/* SPDX-License-Identifier: ISC */
/*
 * A laboratory for tests of Email: an account in a folder of its own, mail
 * delivered as everybody does, and jmap_api asked without a socket.  Each
 * file that includes this has its own.
 */
#ifndef REGRESS_EMAIL_LAB_H
#define REGRESS_EMAIL_LAB_H

#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/js.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"

#define LAB_T0	1577836800000LL		/* 2020-01-01T00:00:00Z */

struct lab {
	char			 dir[64];
	struct jmap_env		 env;
	struct jmap_user	 user;
	uint32_t		 inbox;
	char			 inbox_id[STORE_IDLEN];
	struct buf		 out;
	struct js_val		*answer;	/* of the last request */
};
static struct lab	lab;

/* A new account; name must not repeat in a process. */
static inline void
lab_open(const char *account)
{
	struct store_conf	 conf;
	struct store_txn	*txn;

	if (lab.dir[0] == '\0') {
		strlcpy(lab.dir, "/tmp/email-lab.XXXXXX", sizeof(lab.dir));
		assert_non_null(mkdtemp(lab.dir));
		store_conf_init(&conf);
		strlcpy(conf.dir, lab.dir, sizeof(conf.dir));
		conf.sync = KV_OFF;
		conf.texts = email_index;
		store_init(&conf);
	}
	lab.env.limits = &jmap_api_limits;
	lab.env.url = "https://mail.example.com:8443";
	lab.user.name = lab.user.account = account;
	lab.user.caps = JMAP_CAP_CORE | JMAP_CAP_MAIL;
	assert_int_equal(store_open(account, STORE_CREATE, &lab.user.store),
	    STORE_OK);
	assert_int_equal(store_begin(lab.user.store, 0, &txn), STORE_OK);
	lab.inbox = store_mailbox_role(txn, STORE_ROLE_INBOX);
	assert_int_not_equal(lab.inbox, 0);
	store_id_mailbox(lab.inbox, lab.inbox_id);
	store_abort(txn);
	if (lab.out.max == 0)
		buf_init(&lab.out, 256 << 20);
}

static inline void
lab_close(void)
{
	js_free(lab.answer);
	lab.answer = NULL;
	buf_reset(&lab.out);
	store_close(lab.user.store);
}

static inline void
lab_end(void)
{
	char	 cmd[128];

	store_shutdown();
	buf_free(&lab.out);
	if (lab.dir[0] == '\0')
		return;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", lab.dir);
	assert_int_equal(system(cmd), 0);
}

/* Deliver; n 0 for a string.  The mail's id is returned in a static text. */
static inline const char *
lab_deliver_n(const char *raw, size_t n, uint32_t mailbox, int64_t received,
    const char *keyword)
{
	static char		 id[STORE_IDLEN];
	struct store_newmail	 m;
	struct store_txn	*txn;
	struct arena		 a;
	struct slice		 kw;
	uint64_t		 eid, tid;

	memset(&m, 0, sizeof(m));
	m.mailbox = &mailbox;
	m.nmailbox = 1;
	m.received = received;
	if (keyword != NULL) {
		kw = SLICE_STR(keyword);
		m.keyword = &kw;
		m.nkeyword = 1;
	}
	arena_init(&a, EMAIL_ROW_ARENA);
	assert_int_equal(store_begin(lab.user.store, 1, &txn), STORE_OK);
	assert_int_equal(email_row_add(txn, &a, raw, n != 0 ? n : strlen(raw),
	    &m, &eid, &tid), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	arena_free(&a);
	store_id_mail(eid, id);
	return id;
}

static inline const char *
lab_deliver(const char *raw, int64_t received, const char *keyword)
{
	return lab_deliver_n(raw, 0, lab.inbox, received, keyword);
}

/*
 * One method call: arguments are JSON without accountId; ' stands for ".
 * Returns the arguments of the response; *name, unless NULL, its name.
 */
static inline struct js_val *
lab_call_as(const char **name, const char *method, const char *args)
{
	const char	*detail = NULL, *p;
	struct buf	 req;
	struct js_val	*r;

	buf_init(&req, 64 << 20);
	buf_addf(&req, "{\"using\":[\"urn:ietf:params:jmap:core\","
	    "\"urn:ietf:params:jmap:mail\"],\"methodCalls\":[[\"%s\",{"
	    "\"accountId\":\"%s\"%s", method, lab.user.account,
	    *args != '\0' ? "," : "");
	for (p = args; *p != '\0'; p++)
		buf_addc(&req, *p == '\'' ? '"' : (unsigned char)*p);
	buf_adds(&req, "},\"c\"]]}");
	buf_reset(&lab.out);
	assert_null(jmap_api(&lab.env, &lab.user, req.data, req.len, 0,
	    &lab.out, &detail));
	buf_free(&req);
	js_free(lab.answer);
	lab.answer = NULL;
	assert_int_equal(js_parse(lab.out.data, lab.out.len, NULL, NULL,
	    &lab.answer), JS_OK);
	r = js_at(js_get(lab.answer, "methodResponses"), 0);
	if (name != NULL)
		*name = js_str(js_at(r, 0));
	return js_at(r, 1);
}

static inline struct js_val * __printflike_(2, 3)
lab_call(const char *method, const char *fmt, ...)
{
	const char	*name;
	struct js_val	*v;
	va_list		 ap;
	char		*args;

	va_start(ap, fmt);
	assert_true(vasprintf(&args, fmt, ap) >= 0);
	va_end(ap);
	v = lab_call_as(&name, method, args);
	if (strcmp(name, method) != 0)
		fail_msg("%s(%s): %s", method, args, buf_str(&lab.out));
	free(args);
	return v;
}

/* The type of the method-level error that a call ends with. */
static inline const char * __printflike_(2, 3)
lab_error(const char *method, const char *fmt, ...)
{
	static char	 type[64];
	const char	*name;
	struct js_val	*v;
	va_list		 ap;
	char		*args;

	va_start(ap, fmt);
	assert_true(vasprintf(&args, fmt, ap) >= 0);
	va_end(ap);
	v = lab_call_as(&name, method, args);
	if (strcmp(name, "error") != 0)
		fail_msg("%s(%s): no error: %s", method, args,
		    buf_str(&lab.out));
	free(args);
	strlcpy(type, js_str(js_get(v, "type")), sizeof(type));
	return type;
}

/* Is the value this JSON text (' for ")?  Order of members is free. */
static inline void
lab_is(struct js_val *v, const char *json)
{
	struct js_val	*want = NULL;
	struct buf	 b;
	const char	*p;

	buf_init(&b, 1 << 20);
	for (p = json; *p != '\0'; p++)
		buf_addc(&b, *p == '\'' ? '"' : (unsigned char)*p);
	if (js_parse(b.data, b.len, NULL, NULL, &want) != JS_OK)
		fail_msg("not JSON: %s", json);
	if (!js_equal(v, want)) {
		buf_reset(&b);
		js_out_val(&b, v);
		fail_msg("%s is not %s", buf_str(&b), json);
	}
	js_free(want);
	buf_free(&b);
}

/* One property of one mail. */
static inline struct js_val *
lab_prop(const char *id, const char *prop)
{
	struct js_val	*list;

	list = js_get(lab_call("Email/get", "'ids':['%s'],'properties':['%s']",
	    id, prop), "list");
	assert_int_equal(js_len(list), 1);
	assert_true(js_has(js_at(list, 0), prop));
	return js_get(js_at(list, 0), prop);
}

#endif
