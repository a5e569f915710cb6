/* SPDX-License-Identifier: ISC */
/*
 * From one account to another: Blob/copy (RFC 8620 6.3), and what Foo/copy
 * (5.4) needs.  The call's own transaction writes to the target; the source
 * is a snapshot, so no two writers are ever held together and no two workers
 * can wait for each other.  It is over before the target commits.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_blob.h"
#include "worker/jmap/jmap_share.h"

#define COPY_TEXT	(1 << 20)	/* bytes of an answer's map */

static const struct jmap_error	*copy_args(struct jmap_call *, const char **,
				    struct jmap_ids *);
static int	copy_blob(struct jmap_call *, struct jmap_from *, const char *,
		    struct buf *, struct buf *);

const struct jmap_error *
jmap_copy_open(struct jmap_call *c, const char *from, struct jmap_from *f)
{
	const struct jmap_user	*u = c->req->user;
	uint64_t		 viewer;
	enum store_err		 e;
	int			 got;

	memset(f, 0, sizeof(*f));
	/* RFC 8620 5.4: This MUST be different to the "fromAccountId". */
	if (strcmp(from, c->account) == 0)
		return jmap_error_say(c, &jmap_error_invalid_arguments,
		    "fromAccountId and accountId are the same");
	/* while the user's own is written, it is asked within that */
	if ((got = jmap_share_open(u, c->shared ? NULL : c->txn, from,
	    &f->store, &viewer)) != 1)
		return got == 0 ? &jmap_error_from_account_not_found :
		    &jmap_error_server_unavailable;
	if ((e = jmap_share_begin(f->store, viewer, 0, &f->txn)) == STORE_OK) {
		f->account = from;
		return NULL;
	}
	store_close(f->store);
	f->store = NULL;
	return e == STORE_NOTFOUND ? &jmap_error_from_account_not_found :
	    &jmap_error_server_unavailable;
}

void
jmap_copy_close(struct jmap_from *f)
{
	if (f->txn != NULL)
		store_abort(f->txn);
	if (f->store != NULL)
		store_close(f->store);
	f->txn = NULL;
	f->store = NULL;
}

/* --- Blob/copy ----------------------------------------------------------- */

const struct jmap_error *
jmap_blob_copy(struct jmap_call *c)
{
	const struct jmap_error	*e;
	struct jmap_from	 f;
	struct jmap_ids		 ids = { NULL, 0, 0 };
	struct buf		 good, bad;
	const char		*from = NULL;
	size_t			 i;

	if ((e = copy_args(c, &from, &ids)) != NULL ||
	    (e = jmap_copy_open(c, from, &f)) != NULL)
		return e;
	buf_init(&good, COPY_TEXT);
	buf_init(&bad, COPY_TEXT);
	for (i = 0; e == NULL && i < ids.n; i++)
		if (copy_blob(c, &f, ids.id[i], &good, &bad) == -1)
			e = jmap_api_lost(c);
	if (e == NULL) {
		js_out_obj(c->out);
		js_out_key(c->out, "fromAccountId");
		js_out_s(c->out, from);
		jmap_api_account(c);
		jmap_setout_map(c->out, "copied", &good);
		jmap_setout_map(c->out, "notCopied", &bad);
		js_out_end(c->out, '}');
	}
	buf_free(&good);
	buf_free(&bad);
	jmap_copy_close(&f);
	return e;
}

static const struct jmap_error *
copy_args(struct jmap_call *c, const char **from, struct jmap_ids *ids)
{
	struct js_val	*sent = NULL;
	struct js_rd	 rd;
	const char	*to;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &to);
	if (js_rd_id(&rd, "fromAccountId", from) == 0)
		js_rd_bad(&rd, "fromAccountId");
	js_rd_ids(&rd, "blobIds", &sent);
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(sent) > c->req->env->limits->max_objects_in_set)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more blobs than maxObjectsInSet");
	/* as keys of "copied" they stand once */
	return jmap_ids_take(c->req, sent, ids) == -1 ? jmap_api_lost(c) :
	    NULL;
}

/* 0, or -1 when the call must end. */
static int
copy_blob(struct jmap_call *c, struct jmap_from *f, const char *id,
    struct buf *good, struct buf *bad)
{
	struct jmap_seterr	 no;
	struct buf		 bytes;
	uint8_t			 hash[STORE_HASHLEN];
	char			 text[STORE_IDLEN];
	enum store_err		 e;
	int			 got;

	if (jmap_api_spent(c->req))
		return -1;
	buf_init(&bytes, UINT32_MAX);
	memset(&no, 0, sizeof(no));
	got = jmap_blob_read(f->txn, id, &bytes, &e);
	if (got == 1) {
		e = store_blob_upload(c->txn, bytes.data, bytes.len, hash);
		got = jmap_api_store(c, e);
		no.err = &jmap_error_over_quota;
		no.desc = "no room for more uploads";
	} else if (got == 0) {
		no.err = &jmap_error_not_found;
		no.desc = "there is no such blob";
	} else
		jmap_api_store(c, e == STORE_OK ? STORE_IO : e);
	if (got == 0) {
		js_out_keyn(bad, id, strlen(id));
		jmap_setout_error(bad, &no);
	}
	if (got == 1) {
		js_out_keyn(good, id, strlen(id));
		js_out_str(good, text, store_id_blob(hash, text));
	}
	buf_free(&bytes);
	return got == -1 || buf_bad(good) || buf_bad(bad) ? -1 : 0;
}
