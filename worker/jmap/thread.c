/* SPDX-License-Identifier: ISC */
/* Thread (RFC 8621 3): the ids of the mails in it, oldest first. */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"

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
	.row = thread_row,
};

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
