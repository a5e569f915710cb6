/* SPDX-License-Identifier: ISC */
/*
 * JMAP without a socket: a scratch account in a folder of its own, requests
 * in, answers out.  Texts may use ' for ".  Include after cmocka.h.
 */
#ifndef UNIT_JMAP_HELP_H
#define UNIT_JMAP_HELP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/slice.h"
#include "worker/jmap/jmap.h"

#define ACC	"u1"
#define CORE	"urn:ietf:params:jmap:core"
#define MAIL	"urn:ietf:params:jmap:mail"

static char			 jh_dir[] = "/tmp/jmapd-unit-XXXXXX";
static struct jmap_limits	 jh_limits;
static struct jmap_env		 jh_env;
static struct jmap_user		 jh_user;
static struct buf		 jh_out;
static const struct jmap_problem *jh_problem;
static const char		*jh_detail;
static int			 jh_changes;	/* commits that changed a state */

static void
jh_changed(const char *account, uint32_t types)
{
	assert_string_equal(account, ACC);
	assert_int_not_equal(types, 0);
	jh_changes++;
}

static int
jh_setup(void **state)
{
	struct store_conf	 c;

	(void)state;
	if (mkdtemp(jh_dir) == NULL)
		return -1;
	store_conf_init(&c);
	(void)strlcpy(c.dir, jh_dir, sizeof(c.dir));
	c.sync = KV_OFF;
	c.changed = jh_changed;
	store_init(&c);
	jh_limits = jmap_api_limits;
	jh_env.limits = &jh_limits;
	jh_env.url = "https://mail.test";
	jh_user.name = "user@mail.test";
	jh_user.account = ACC;
	jh_user.caps = JMAP_CAP_CORE | JMAP_CAP_MAIL;
	buf_init(&jh_out, 128 << 20);
	return store_open(ACC, STORE_CREATE, &jh_user.store) == STORE_OK ?
	    0 : -1;
}

static int
jh_teardown(void **state)
{
	char	 cmd[64];

	(void)state;
	store_close(jh_user.store);
	store_shutdown();
	buf_free(&jh_out);
	(void)snprintf(cmd, sizeof(cmd), "rm -r %s", jh_dir);
	return system(cmd);
}

/* A whole request; the answer, or "" when there was a problem. */
static inline const char *
jh_raw(const char *text)
{
	char	*copy = strdup(text), *p;

	for (p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	buf_reset(&jh_out);
	jh_problem = jmap_api(&jh_env, &jh_user, copy, strlen(copy), 0,
	    &jh_out, &jh_detail);
	free(copy);
	return buf_str(&jh_out);
}

/* Method calls alone: "['Core/echo',{},'0']". */
static inline const char *
jh_calls(const char *calls)
{
	char		*text;
	const char	*got;

	if (asprintf(&text, "{'using':['" CORE "','" MAIL "'],"
	    "'methodCalls':[%s]}", calls) == -1)
		abort();
	got = jh_raw(text);
	free(text);
	if (jh_problem != NULL)
		fail_msg("%s: %s", jh_problem->type,
		    jh_detail == NULL ? "" : jh_detail);
	return got;
}

/* One call with accountId put in; its response parsed: [name, {...}, id].
 * The caller frees it. */
static inline struct js_val *
jh_call(const char *name, const char *args)
{
	struct js_val	*v, *one;
	char		*text;

	if (asprintf(&text, "['%s',{'accountId':'" ACC "'%s%s},'c']", name,
	    args[0] == '\0' ? "" : ",", args) == -1)
		abort();
	jh_calls(text);
	free(text);
	assert_int_equal(js_parse(jh_out.data, jh_out.len, NULL, NULL, &v),
	    JS_OK);
	one = js_ref(js_at(js_get(v, "methodResponses"), 0));
	js_free(v);
	return one;
}

/* The value at a path of names and numbers in a response's arguments. */
static inline struct js_val *
jh_at(struct js_val *res, const char *path)
{
	struct js_val	*v = js_at(res, 1);
	char		 copy[256], *p, *next;

	(void)strlcpy(copy, path, sizeof(copy));
	for (p = copy; p != NULL && *p != '\0'; p = next) {
		if ((next = strchr(p, '/')) != NULL)
			*next++ = '\0';
		v = js_type(v) == JS_ARR ? js_at(v, strtoul(p, NULL, 10)) :
		    js_get(v, p);
	}
	return v;
}

/* The response's text at a path must be that JSON. */
static inline void
jh_is(struct js_val *res, const char *path, const char *want)
{
	struct js_val	*v;
	char		*copy = strdup(want), *p;
	struct buf	 b;

	for (p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	assert_int_equal(js_parse(copy, strlen(copy), NULL, NULL, &v), JS_OK);
	if (!js_equal(v, jh_at(res, path))) {
		buf_init(&b, 1 << 20);
		js_out_val(&b, res);
		fail_msg("%s is not %s in %s", path, copy, buf_str(&b));
	}
	js_free(v);
	free(copy);
}

#endif
