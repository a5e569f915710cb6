/* SPDX-License-Identifier: ISC */
/* Thread (RFC 8621 3): the ids of the mails in it, oldest first. */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/store/store_query.h"

static int	thread_all(struct jmap_get *, struct jmap_ids *);
static int	thread_row(struct jmap_get *, const char *);
static void	thread_emails(struct jmap_get *, const struct store_ids *);

/* In a table for their names alone: thread_row writes them. */
static const struct jmap_prop thread_props[] = {
	{ "emailIds", JP_SERVER, NULL, NULL },
	{ "id", JP_SERVER | JP_FIXED, NULL, NULL },
};

const struct jmap_type thread_type = {
	.name = "Thread",
	.kind = STORE_THREAD,
	.idtext = store_id_thread,
	.props = thread_props,
	.nprops = nitems(thread_props),
	.all = thread_all,
	.row = thread_row,
};

/* "ids": null: as many as may be, and one for the refusal of more. */
static int
thread_all(struct jmap_get *g, struct jmap_ids *ids)
{
	struct store_query	 all;
	struct store_ids	 found;
	struct store_mail	 mail;
	struct jmap_call	*c = g->c;
	char			 id[STORE_IDLEN];
	size_t			 i;
	int			 ret;

	memset(&all, 0, sizeof(all));
	memset(&found, 0, sizeof(found));
	all.collapse = 1;
	ret = jmap_api_store(c, store_query(c->txn, &all, 0,
	    c->req->env->limits->max_objects_in_get + 1, &found, NULL));
	for (i = 0; ret == 1 && i < found.n; i++) {
		ret = jmap_api_store(c, store_mail_get(c->txn, found.v[i],
		    &mail));
		if (ret == 1 && jmap_api_add(c->req, ids, id,
		    store_id_thread(mail.tid, id)) == -1)
			ret = -1;
	}
	store_ids_free(&found);
	return ret == 1 ? 1 : -1;
}

static int
thread_row(struct jmap_get *g, const char *id)
{
	struct jmap_call	*c = g->c;
	struct store_ids	 ids;
	uint64_t		 tid;
	int			 got;

	if (store_id_thread_get(id, strlen(id), &tid) == -1)
		return 0;
	memset(&ids, 0, sizeof(ids));
	got = jmap_api_store(c, store_thread_get(c->txn, tid, &ids));
	if (got == 1) {
		js_out_obj(c->out);
		js_out_key(c->out, "id");
		js_out_s(c->out, id);
		if (jmap_get_wants(g, "emailIds"))
			thread_emails(g, &ids);
		js_out_end(c->out, '}');
	}
	store_ids_free(&ids);
	return c->store_err == STORE_OK ? got : -1;
}

static void
thread_emails(struct jmap_get *g, const struct store_ids *ids)
{
	struct jmap_call	*c = g->c;
	struct jmap_ids		*keep;
	char			 id[STORE_IDLEN];
	size_t			 i, n;

	if (g->arg == NULL)
		g->arg = jmap_ref_keep(c, "/list/*/emailIds");
	keep = g->arg;
	js_out_key(c->out, "emailIds");
	js_out_arr(c->out);
	for (i = 0; i < ids->n; i++) {
		n = store_id_mail(ids->v[i], id);
		js_out_str(c->out, id, n);
		if (keep != NULL &&
		    jmap_api_add(c->req, keep, id, n) == -1)
			c->store_err = STORE_IO;	/* out of memory */
	}
	js_out_end(c->out, ']');
}
