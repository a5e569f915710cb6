/* SPDX-License-Identifier: ISC */
/*
 * VacationResponse (RFC 8621 8): the one object "singleton" that says
 * whether and what to answer while the user is away.  A change of it lets
 * everybody be answered anew.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "worker/jmap/vacation.h"

static int	vacation_check(struct jmap_set *, const struct jmap_prop *,
		    struct js_val *);
static int	vacation_update(struct jmap_set *, const struct jmap_object *,
		    struct jmap_object *);
static int64_t	vacation_date(const struct jmap_object *, const char *);

static const struct jmap_prop vacation_props[] = {
	{ "fromDate", JO_DATE_NULL, NULL, NULL },
	{ "htmlBody", JO_STR_NULL, NULL, NULL },
	{ "id", JP_SERVER | JP_FIXED, NULL, NULL },
	{ "isEnabled", JO_BOOL, NULL, NULL },
	{ "subject", JO_STR_NULL, NULL, NULL },
	{ "textBody", JO_STR_NULL, NULL, NULL },
	{ "toDate", JO_DATE_NULL, NULL, NULL },
};

static const struct jmap_object_type vacation_object = {
	.check = vacation_check,
	.update = vacation_update,
};

const struct jmap_type vacation_type = {
	.name = "VacationResponse",
	.kind = STORE_VACATION,
	.props = vacation_props,
	.nprops = nitems(vacation_props),
	.object = &vacation_object,
	.all = jmap_object_all,
	.row = jmap_object_row,
	.update = jmap_object_update,
};

/* A subject is one line. */
static int
vacation_check(struct jmap_set *s, const struct jmap_prop *p, struct js_val *v)
{
	const char	*text;

	if (strcmp(p->name, "subject") != 0)
		return 0;
	for (text = js_str(v); *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return jmap_set_bad(s, p->name, "a control character");
	return 0;
}

static int
vacation_update(struct jmap_set *s, const struct jmap_object *old,
    struct jmap_object *o)
{
	if (js_equal(old->val, o->val))
		return 1;
	return jmap_api_store(s->c, store_note_put(s->c->txn,
	    STORE_NOTE_VACATION, SLICE(NULL, 0))) == 1 ? 1 : -1;
}

enum store_err
vacation_on(struct store_txn *txn, int64_t ms, int *on)
{
	struct jmap_object	 o;
	enum store_err		 e;
	int64_t			 from, to;

	*on = 0;
	e = jmap_objrow_load(txn, &vacation_type, 1, &o);
	if (e != STORE_OK)
		return e == STORE_NOTFOUND ? STORE_OK : e;
	from = vacation_date(&o, "fromDate");
	to = vacation_date(&o, "toDate");
	*on = js_bool(js_get(o.val, "isEnabled")) &&
	    (from == DATE_NONE || ms >= from) && (to == DATE_NONE || ms < to);
	jmap_objrow_free(&o);
	return STORE_OK;
}

static int64_t
vacation_date(const struct jmap_object *o, const char *name)
{
	struct js_val	*v = js_get(o->val, name);

	return v == NULL ? DATE_NONE : date_3339(js_str(v), js_len(v), 1,
	    NULL);
}
