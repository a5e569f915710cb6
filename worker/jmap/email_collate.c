/* SPDX-License-Identifier: ISC */
/*
 * Email/query sorted by a text in a collation of the client's (RFC 8620 5.5,
 * RFC 4790).  The store keeps keys of i;unicode-casemap; for any other the
 * key is made from the list row's own text.  Called by store_query_sorted
 * for mails that it compares.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/email.h"

struct collate {
	struct arena	*arena;
	const char	*collation;
	enum store_sort	 by;
};

static const char	*collate_text(const struct collate *,
			    const struct store_row *);
static const char	*collate_first(struct js_val *);
static struct slice	 collate_key(void *, const struct store_row *);

int
email_collate(struct jmap_call *c, const char *collation,
    struct store_order *o)
{
	struct collate	*k;

	if (collation == NULL || strcmp(collation, "i;unicode-casemap") == 0 ||
	    (o->by != STORE_BY_FROM && o->by != STORE_BY_TO &&
	    o->by != STORE_BY_SUBJECT))
		return 0;
	if ((k = arena_get(&c->req->arena, sizeof(*k))) == NULL)
		return -1;
	k->arena = &c->req->arena;
	k->collation = collation;
	k->by = o->by;
	o->text = collate_key;
	o->arg = k;
	return 0;
}

/* Nothing for a mail without that text: it comes first. */
static struct slice
collate_key(void *arg, const struct store_row *row)
{
	const struct collate	*k = arg;
	const char		*text = collate_text(k, row);

	if (text != NULL)
		text = jmap_collate_key(k->arena, k->collation, text);
	return text == NULL ? SLICE(NULL, 0) : SLICE_STR(text);
}

/* RFC 8621 4.4.2: the base subject; the first name, or else address. */
static const char *
collate_text(const struct collate *k, const struct store_row *row)
{
	static const enum store_frag frag[] = {
		[STORE_BY_FROM] = STORE_F_FROM, [STORE_BY_TO] = STORE_F_TO,
		[STORE_BY_SUBJECT] = STORE_F_SUBJECT
	};
	const struct slice	*f = &row->frag[frag[k->by]];
	struct js_val		*v = NULL;
	const char		*text = NULL;

	if (f->n == 0 || js_parse(f->p, f->n, NULL, NULL, &v) != JS_OK)
		return NULL;
	if (k->by == STORE_BY_SUBJECT)
		text = mime_row_base(k->arena, js_str(v), NULL);
	else if ((text = collate_first(v)) != NULL)
		text = arena_dup(k->arena, text, strlen(text));
	js_free(v);
	return text;
}

static const char *
collate_first(struct js_val *list)
{
	struct js_val	*addr = js_len(list) > 0 ? js_at(list, 0) : NULL;
	const char	*name = js_str(js_get(addr, "name"));

	return name[0] != '\0' ? name : js_str(js_get(addr, "email"));
}
