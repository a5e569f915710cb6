/* SPDX-License-Identifier: ISC */
/*
 * What the tests of Mailbox share: ids in variables, and texts that name
 * them.  Include after cmocka.h.
 */
#ifndef MAILBOX_LAB_H
#define MAILBOX_LAB_H

#include "regress/unit/jmap_help.h"

/* args with each $x replaced by the id that var x holds, or a text. */
static char	 vars[26][64];

static const char *
expand(const char *s)
{
	static char	 out[8192];
	size_t		 n = 0;

	for (; *s != '\0'; s++) {
		if (*s == '$' && s[1] >= 'a' && s[1] <= 'z')
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s",
			    vars[*++s - 'a']);
		else
			out[n++] = *s;
	}
	out[n] = '\0';
	return out;
}

static struct js_val *
set(const char *args)
{
	return jh_call("Mailbox/set", expand(args));
}

static void
is(struct js_val *res, const char *path, const char *want)
{
	static char	 p[256];

	(void)strlcpy(p, expand(path), sizeof(p));
	jh_is(res, p, expand(want));
}

/* Create one; its id goes into a variable. */
static void
make(int var, const char *obj)
{
	struct js_val	*res;
	char		 text[512];

	(void)snprintf(text, sizeof(text), "'create':{'n':%s}", obj);
	res = set(text);
	if (js_type(jh_at(res, "created/n/id")) != JS_STR)
		fail_msg("%s: %s", text, buf_str(&jh_out));
	(void)strlcpy(vars[var - 'a'], js_str(jh_at(res, "created/n/id")),
	    sizeof(vars[0]));
	js_free(res);
}

static void
gone(const char *args)
{
	js_free(set(args));
}

#endif
