/* SPDX-License-Identifier: ISC */
/*
 * DSNs and MDNs that come back to the sender (RFC 8621 7 deliveryStatus,
 * dsnBlobIds, mdnBlobIds).  Called for every message that is delivered, so
 * whatever is not a report must cost next to nothing.
 *
 * Anybody can send one.  It is believed only about a submission whose ENVID
 * or Message-ID it names, and about recipients of that.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/utf8.h"
#include "worker/jmap/report.h"
#include "worker/jmap/submission.h"

#define REPORT_ARENA	(16 << 20)	/* bytes for reading one */
#define REPORT_LOOK	1000		/* submissions, the newest first */

struct back {				/* a report that came back */
	struct arena		 arena;
	struct report		 r;
	int			 mdn;
	const char		*envid;		/* as xtext, or NULL */
	const char		*message_id;	/* without brackets, or NULL */
	char			 blob[STORE_IDLEN];
};

static int	back_read(struct back *, const void *, size_t);
static const char	*back_msgid(struct arena *, const char *);
static enum store_err	back_blob(struct store_txn *, uint64_t,
			    char [STORE_IDLEN]);
static enum store_err	back_find(struct store_txn *, const struct back *,
			    struct jmap_object *);
static int	back_is(const struct back *, const struct jmap_object *);
static int	back_note(const struct back *, struct jmap_object *);
static void	back_mdn(const struct back *, struct jmap_object *);
static void	back_dsn(const struct back *, uint32_t, struct jmap_object *);
static const char	*back_reply(const struct back *, uint32_t,
			    char [QUEUE_ASK_TEXT]);
static struct js_val	*back_rcpt(struct jmap_object *, const char *);
static void	back_set(struct js_val *, const char *, const char *);

enum store_err
submission_report(struct store_txn *txn, uint64_t mail, const void *raw,
    size_t len)
{
	struct jmap_object	 o = { 0, NULL };
	struct back		 b;
	enum store_err		 e = STORE_OK;

	memset(&b, 0, sizeof(b));
	arena_init(&b.arena, REPORT_ARENA);
	if (back_read(&b, raw, len) == 1 &&
	    (e = back_find(txn, &b, &o)) == STORE_OK &&
	    (e = back_blob(txn, mail, b.blob)) == STORE_OK &&
	    back_note(&b, &o) == 1)
		e = jmap_objrow_update(txn, &submission_type, &o);
	jmap_objrow_free(&o);
	arena_free(&b.arena);
	/* what it is about may be gone, or full of reports */
	return e <= STORE_REFUSED ? STORE_OK : e;
}

/* Is it one, and about which mail?  1 or 0. */
static int
back_read(struct back *b, const void *raw, size_t len)
{
	struct mime_msg	*m;
	const char	*id;

	/* quick: no report says nothing of one near its beginning */
	if (memmem(raw, len < 65536 ? len : 65536, "report", 6) == NULL ||
	    len > REPORT_ARENA || (m = mime_parse(&b->arena, raw, len)) == NULL)
		return 0;
	if (report_read(&b->arena, m, REPORT_MDN, &b->r) == 1) {
		b->mdn = 1;
		id = report_get(&b->r, 0, "Original-Message-ID");
		if (id != NULL)
			b->message_id = back_msgid(&b->arena, id);
		return b->message_id != NULL;
	}
	if (report_read(&b->arena, m, REPORT_DSN, &b->r) != 1)
		return 0;
	if ((id = report_get(&b->r, 0, "Original-Envelope-Id")) != NULL)
		b->envid = submission_param_xtext(&b->arena, id);
	b->message_id = report_original(&b->arena, &b->r);
	return b->envid != NULL || b->message_id != NULL;
}

static const char *
back_msgid(struct arena *a, const char *text)
{
	struct mime_list	 ids;

	if (mime_hdr_msgids(a, (const uint8_t *)text, strlen(text), &ids) ==
	    -1 || ids.n == 0)
		return NULL;
	return ids.v[0];
}

static enum store_err
back_blob(struct store_txn *txn, uint64_t mail, char out[STORE_IDLEN])
{
	struct store_mail	 m;
	struct store_row	 row;
	enum store_err		 e;

	if ((e = store_mail_get(txn, mail, &m)) == STORE_OK &&
	    (e = store_mail_row(txn, &m, &row)) == STORE_OK)
		store_id_blob(row.blob, out);
	return e;
}

/* The newest submission that it is about. */
static enum store_err
back_find(struct store_txn *txn, const struct back *b, struct jmap_object *o)
{
	struct store_ids	 ids = { NULL, 0, 0 };
	enum store_err		 e;
	size_t			 i, n = 0;
	int			 found = 0;

	e = store_object_ids(txn, STORE_SUBMISSION, &ids);
	for (i = ids.n; e == STORE_OK && i > 0 && !found &&
	    n++ < REPORT_LOOK; i--) {
		e = jmap_objrow_load(txn, &submission_type, ids.v[i - 1], o);
		if (e == STORE_OK && (found = back_is(b, o)) == 0)
			jmap_objrow_free(o);
	}
	store_ids_free(&ids);
	return e == STORE_OK && !found ? STORE_NOTFOUND : e;
}

static int
back_is(const struct back *b, const struct jmap_object *o)
{
	const char	*envid = js_str(js_get(o->val, "_envid"));
	const char	*id = js_str(js_get(o->val, "_messageId"));

	if (b->envid != NULL && envid[0] != '\0' &&
	    strcmp(b->envid, envid) == 0)
		return 1;
	return b->message_id != NULL && id[0] != '\0' &&
	    strcmp(b->message_id, id) == 0;
}

static int
back_note(const struct back *b, struct jmap_object *o)
{
	struct js_val	*list;
	uint32_t	 g;
	size_t		 i;

	list = js_get(o->val, b->mdn ? "mdnBlobIds" : "dsnBlobIds");
	for (i = 0; i < js_len(list); i++)
		if (strcmp(js_str(js_at(list, i)), b->blob) == 0)
			return 0;
	if (js_add(list, js_new_str(b->blob, strlen(b->blob))) == -1)
		return 0;
	if (b->mdn)
		back_mdn(b, o);
	else
		for (g = 1; g < b->r.ngroup; g++)
			back_dsn(b, g, o);
	return 1;
}

/* "If an MDN is received for this recipient with Disposition-Type equal to
 * displayed, this property SHOULD be set to yes." */
static void
back_mdn(const struct back *b, struct jmap_object *o)
{
	const char	*d = report_get(&b->r, 0, "Disposition"), *type;
	struct js_val	*rcpt;

	rcpt = back_rcpt(o, report_get(&b->r, 0, "Original-Recipient"));
	if (rcpt == NULL)
		rcpt = back_rcpt(o, report_get(&b->r, 0, "Final-Recipient"));
	if (d == NULL || rcpt == NULL || (type = strchr(d, ';')) == NULL)
		return;
	type += 1 + strspn(type + 1, " ");
	if (strncasecmp(type, "displayed", 9) == 0)
		back_set(rcpt, "displayed", "yes");
}

/* RFC 8621 7: "delivered" and "failed" alone count. */
static void
back_dsn(const struct back *b, uint32_t group, struct jmap_object *o)
{
	const char	*action = report_get(&b->r, group, "Action");
	struct js_val	*rcpt;
	char		 text[QUEUE_ASK_TEXT];

	rcpt = back_rcpt(o, report_get(&b->r, group, "Original-Recipient"));
	if (rcpt == NULL)
		rcpt = back_rcpt(o, report_get(&b->r, group,
		    "Final-Recipient"));
	if (rcpt == NULL || action == NULL)
		return;
	if (strcasecmp(action, "delivered") == 0)
		back_set(rcpt, "delivered", "yes");
	else if (strcasecmp(action, "failed") == 0)
		back_set(rcpt, "delivered", "no");
	else
		return;
	if (back_reply(b, group, text) != NULL)
		back_set(rcpt, "smtpReply", text);
}

/* The reply of the server that said so, or one made of the status. */
static const char *
back_reply(const struct back *b, uint32_t group, char out[QUEUE_ASK_TEXT])
{
	const char	*diag = report_get(&b->r, group, "Diagnostic-Code");
	const char	*status = report_get(&b->r, group, "Status");

	if (diag != NULL && strncasecmp(diag, "smtp;", 5) == 0) {
		diag += 5 + strspn(diag + 5, " ");
		if (strspn(diag, "0123456789") == 3 && diag[3] == ' ') {
			(void)strlcpy(out, diag, QUEUE_ASK_TEXT);
			return out;
		}
	}
	if (status == NULL || strspn(status, "245") == 0 || status[1] != '.' ||
	    strspn(status, "0123456789.") != strlen(status) ||
	    strlen(status) > 11)
		return NULL;
	(void)snprintf(out, QUEUE_ASK_TEXT, "%c50 %s said in a delivery "
	    "status notification", status[0], status);
	return out;
}

static struct js_val *
back_rcpt(struct jmap_object *o, const char *field)
{
	char		 text[REPORT_ADDRESS];
	const char	*address = report_address(field, text);
	struct js_iter	 it;

	for (js_first(&it, js_get(o->val, "deliveryStatus"));
	    address != NULL && js_next(&it);)
		if (addr_same(it.key, address))
			return it.val;
	return NULL;
}

static void
back_set(struct js_val *rcpt, const char *name, const char *text)
{
	/* without memory it stays as it was */
	(void)js_set(rcpt, name, js_new_str(text, utf8_cut(text,
	    strlen(text))));
}
