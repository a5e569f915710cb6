/* SPDX-License-Identifier: ISC */
/* Foo/changes (RFC 8620 5.2) for every type, from the store's log. */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"

static const struct jmap_error	*changes_args(struct jmap_changes *,
				    uint64_t *);
static const struct jmap_error	*changes_log(struct jmap_changes *, size_t);
static void	changes_put(struct jmap_changes *, const char *,
		    const struct jmap_ids *);

const struct jmap_error *
jmap_changes(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct jmap_changes	 ch;
	uint64_t		 max;

	memset(&ch, 0, sizeof(ch));
	ch.c = c;
	ch.type = c->method->type;
	if ((e = changes_args(&ch, &max)) != NULL ||
	    (e = changes_log(&ch, max)) != NULL)
		return e;
	js_out_obj(c->out);
	jmap_api_account(c);
	js_out_key(c->out, "oldState");
	js_out_s(c->out, jmap_api_state(c->req, ch.since));
	js_out_key(c->out, "newState");
	js_out_s(c->out, jmap_api_state(c->req, ch.now));
	js_out_key(c->out, "hasMoreChanges");
	js_out_bool(c->out, ch.more);
	if (ch.type->changes != NULL && ch.type->changes(&ch, c->out) == -1)
		return jmap_api_lost(c);
	changes_put(&ch, "/created", &ch.created);
	changes_put(&ch, "/updated", &ch.updated);
	changes_put(&ch, "/destroyed", &ch.destroyed);
	js_out_end(c->out, '}');
	return NULL;
}

static const struct jmap_error *
changes_args(struct jmap_changes *ch, uint64_t *max)
{
	struct jmap_call	*c = ch->c;
	struct js_rd		 rd;
	const char		*account, *since = NULL;
	unsigned		 limit = c->req->env->limits->max_changes;
	uint64_t		 n;

	*max = limit;
	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	if (js_rd_str(&rd, "sinceState", &since) == 0)
		js_rd_bad(&rd, "sinceState");
	if (js_rd_uint_null(&rd, "maxChanges", &n) == 1) {
		if (n == 0)
			js_rd_bad(&rd, "maxChanges");
		else if (n < limit)
			*max = n;
	}
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (jmap_api_state_get(since, &ch->since) == -1)
		return &jmap_error_cannot_calculate_changes;
	return NULL;
}

/* The log as ids in the answer. */
static const struct jmap_error *
changes_log(struct jmap_changes *ch, size_t max)
{
	const struct jmap_error	*e;
	struct jmap_req		*r = ch->c->req;
	struct store_changes	 sc;

	e = jmap_changes_read(ch->c, ch->type->kind, ch->since, max, &sc);
	if (e == NULL && (jmap_ids_put(r, ch->type, sc.created, sc.ncreated,
	    &ch->created) == -1 || jmap_ids_put(r, ch->type, sc.updated,
	    sc.nupdated, &ch->updated) == -1 || jmap_ids_put(r, ch->type,
	    sc.destroyed, sc.ndestroyed, &ch->destroyed) == -1))
		e = jmap_api_lost(ch->c);
	ch->now = sc.state;
	ch->more = sc.more;
	ch->counts_only = sc.counts_only;
	store_changes_free(&sc);
	return e;
}

const struct jmap_error *
jmap_changes_read(struct jmap_call *c, enum store_type kind, uint64_t since,
    size_t max, struct store_changes *sc)
{
	memset(sc, 0, sizeof(*sc));
	switch (jmap_api_store(c, store_changes(c->txn, kind, since, max,
	    sc))) {
	case 1:
		return NULL;
	case 0:
		return &jmap_error_cannot_calculate_changes;
	default:
		return jmap_api_lost(c);
	}
}

/* path is the name after a slash, as a back reference has it. */
static void
changes_put(struct jmap_changes *ch, const char *path,
    const struct jmap_ids *ids)
{
	struct jmap_ids	*keep = jmap_ref_keep(ch->c, path);
	struct buf	*b = ch->c->out;
	size_t		 i;

	js_out_key(b, path + 1);
	js_out_arr(b);
	for (i = 0; i < ids->n; i++)
		js_out_s(b, ids->id[i]);
	js_out_end(b, ']');
	if (keep != NULL)
		*keep = *ids;
}
