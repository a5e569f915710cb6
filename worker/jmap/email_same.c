/* SPDX-License-Identifier: ISC */
/*
 * A property of an Email that cannot be changed, in an update all the same:
 * RFC 8620 5.3 lets it stand there with the value it has, so that a client
 * may send back the whole object it got.  Called by email_set.c.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/email.h"

#define SAME_VALUE	(16 << 20)	/* bytes of JSON that are compared */

static int	same_value(const char *, struct js_val *, struct js_val *);
static int	same_within(struct js_val *, struct js_val *);
static int	same_array(struct js_val *, struct js_val *);
static int	same_bodies(struct js_val *, struct js_val *);

int
email_same(struct jmap_set *s, const struct store_mail *mail,
    const struct jmap_patch_op *op)
{
	struct js_val	*now = NULL;
	struct buf	 b;
	int		 ret, same = 0;

	buf_init(&b, SAME_VALUE);
	ret = email_get_one(s->c, mail, op->prop, &b);
	if (ret == 1 && !buf_bad(&b) &&
	    js_parse(b.data, b.len, NULL, NULL, &now) == JS_OK) {
		same = same_value(op->prop, op->val, now);
		js_free(now);
	}
	buf_free(&b);
	if (ret == -1)
		return -1;
	if (!same)
		email_set_bad(s->c, &s->e, op->path,
		    "only keywords and mailboxIds can be changed");
	return 0;
}

/* What a client has of bodies depends on what it asked for. */
static int
same_value(const char *prop, struct js_val *sent, struct js_val *now)
{
	static const char *const parts[] = { "attachments", "bodyStructure",
	    "htmlBody", "textBody" };
	size_t	 i;

	if (strcmp(prop, "bodyValues") == 0)
		return same_bodies(sent, now);
	for (i = 0; i < nitems(parts); i++)
		if (strcmp(prop, parts[i]) == 0)
			return same_within(sent, now);
	return js_equal(sent, now);
}

/* Each member sent is so now.  Depth: what js_parse allows. */
static int
same_within(struct js_val *sent, struct js_val *now)
{
	struct js_iter	 it;
	struct js_val	*v;

	if (js_type(sent) == JS_ARR)
		return same_array(sent, now);
	if (js_type(sent) != JS_OBJ)
		return js_equal(sent, now);
	for (js_first(&it, sent); js_next(&it);)
		if (!js_find(now, it.key, &v) || !same_within(it.val, v))
			return 0;
	return js_type(now) == JS_OBJ;
}

static int
same_array(struct js_val *sent, struct js_val *now)
{
	size_t	 i;

	if (js_type(now) != JS_ARR || js_len(sent) != js_len(now))
		return 0;
	for (i = 0; i < js_len(sent); i++)
		if (!same_within(js_at(sent, i), js_at(now, i)))
			return 0;
	return 1;
}

/* bodyValues: each of a part there is; a truncated one is a beginning. */
static int
same_bodies(struct js_val *sent, struct js_val *now)
{
	struct js_iter	 it;
	struct js_val	*v, *a, *b;

	if (js_type(sent) != JS_OBJ)
		return 0;
	for (js_first(&it, sent); js_next(&it);) {
		if (!js_find(now, it.key, &v) || js_type(it.val) != JS_OBJ)
			return 0;
		a = js_get(it.val, "value");
		b = js_get(v, "value");
		if (js_type(a) != JS_STR || js_len(a) > js_len(b) ||
		    memcmp(js_str(a), js_str(b), js_len(a)) != 0 ||
		    (js_len(a) < js_len(b) &&
		    !js_bool(js_get(it.val, "isTruncated"))))
			return 0;
	}
	return 1;
}
