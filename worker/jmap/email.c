/* SPDX-License-Identifier: ISC */
/*
 * The Email type (RFC 8621 4): what it has, in tables.  The work is in the
 * other email files; jmap_get.c and its like drive it.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/email.h"

static int	email_all(struct jmap_get *, struct jmap_ids *);

#define SERVER	(JP_SERVER | JP_FIXED)
#define FIXED	JP_FIXED
#define MORE	JP_NOTDEF	/* not in the default list of 4.2 */

/* In strcmp order: email_get.c has a row for each of these. */
static const struct jmap_prop props[] = {
	{ "attachments", FIXED, NULL, NULL },
	{ "bcc", FIXED, NULL, NULL },
	{ "blobId", SERVER, NULL, NULL },
	{ "bodyStructure", FIXED | MORE, NULL, NULL },
	{ "bodyValues", FIXED, NULL, NULL },
	{ "cc", FIXED, NULL, NULL },
	{ "from", FIXED, NULL, NULL },
	{ "hasAttachment", SERVER, NULL, NULL },
	{ "headers", FIXED | MORE, NULL, NULL },
	{ "htmlBody", FIXED, NULL, NULL },
	{ "id", SERVER, NULL, NULL },
	{ "inReplyTo", FIXED, NULL, NULL },
	{ "keywords", 0, NULL, NULL },
	{ "mailboxIds", JP_IDREF, NULL, NULL },
	{ "messageId", FIXED, NULL, NULL },
	{ "preview", SERVER, NULL, NULL },
	{ "receivedAt", FIXED, NULL, NULL },
	{ "references", FIXED, NULL, NULL },
	{ "replyTo", FIXED, NULL, NULL },
	{ "sender", FIXED, NULL, NULL },
	{ "sentAt", FIXED, NULL, NULL },
	{ "size", SERVER, NULL, NULL },
	{ "smimeErrors", SERVER | MORE | JP_SMIME, NULL, NULL },
	{ "smimeStatus", SERVER | MORE | JP_SMIME, NULL, NULL },
	{ "smimeStatusAtDelivery", SERVER | MORE | JP_SMIME, NULL, NULL },
	{ "smimeVerifiedAt", SERVER | MORE | JP_SMIME, NULL, NULL },
	{ "subject", FIXED, NULL, NULL },
	{ "textBody", FIXED, NULL, NULL },
	{ "threadId", SERVER, NULL, NULL },
	{ "to", FIXED, NULL, NULL },
};

/* RFC 8621 4.4.1, RFC 9219 4.2 */
static const struct jmap_cond conds[] = {
	{ "after", JK_DATE, EMAIL_Q_AFTER, NULL },
	{ "allInThreadHaveKeyword", JK_STR, EMAIL_Q_ALLTHREAD, NULL },
	{ "bcc", JK_STR, EMAIL_Q_BCC, NULL },
	{ "before", JK_DATE, EMAIL_Q_BEFORE, NULL },
	{ "body", JK_STR, EMAIL_Q_BODY, NULL },
	{ "cc", JK_STR, EMAIL_Q_CC, NULL },
	{ "from", JK_STR, EMAIL_Q_FROM, NULL },
	{ "hasAttachment", JK_BOOL, EMAIL_Q_HASATTACHMENT, NULL },
	{ "hasKeyword", JK_STR, EMAIL_Q_HASKEYWORD, NULL },
	{ "hasSmime", JK_BOOL, EMAIL_Q_SMIME, NULL },
	{ "hasVerifiedSmime", JK_BOOL, EMAIL_Q_SMIMEGOOD, NULL },
	{ "hasVerifiedSmimeAtDelivery", JK_BOOL, EMAIL_Q_SMIMEWAS, NULL },
	{ "header", JK_STRS, EMAIL_Q_HEADER, NULL },
	{ "inMailbox", JK_ID, EMAIL_Q_MAILBOX, NULL },
	{ "inMailboxOtherThan", JK_IDS, EMAIL_Q_OTHERTHAN, NULL },
	{ "maxSize", JK_UINT, EMAIL_Q_MAXSIZE, NULL },
	{ "minSize", JK_UINT, EMAIL_Q_MINSIZE, NULL },
	{ "noneInThreadHaveKeyword", JK_STR, EMAIL_Q_NONETHREAD, NULL },
	{ "notKeyword", JK_STR, EMAIL_Q_NOTKEYWORD, NULL },
	{ "someInThreadHaveKeyword", JK_STR, EMAIL_Q_SOMETHREAD, NULL },
	{ "subject", JK_STR, EMAIL_Q_SUBJECT, NULL },
	{ "text", JK_STR, EMAIL_Q_TEXT, NULL },
	{ "to", JK_STR, EMAIL_Q_TO, NULL },
};

/* RFC 8621 4.4.2 */
static const struct jmap_order orders[] = {
	{ "allInThreadHaveKeyword", STORE_BY_ALL_KEYWORD, NULL, JQ_KEYWORD },
	{ "from", STORE_BY_FROM, NULL, JQ_TEXT },
	{ "hasKeyword", STORE_BY_KEYWORD, NULL, JQ_KEYWORD },
	{ "receivedAt", STORE_BY_RECEIVED, NULL, 0 },
	{ "sentAt", STORE_BY_SENT, NULL, 0 },
	{ "size", STORE_BY_SIZE, NULL, 0 },
	{ "someInThreadHaveKeyword", STORE_BY_SOME_KEYWORD, NULL, JQ_KEYWORD },
	{ "subject", STORE_BY_SUBJECT, NULL, JQ_TEXT },
	{ "to", STORE_BY_TO, NULL, JQ_TEXT },
};

const struct jmap_type email_type = {
	.name = "Email",
	.kind = STORE_EMAIL,
	.idtext = store_id_mail,
	.props = props,
	.nprops = nitems(props),
	.args = email_get_args,
	.other = email_get_other,
	.all = email_all,
	.row = email_get_row,
	.create = email_create,
	.update = email_set_update,
	.destroy = email_set_destroy,
	.conds = conds,
	.nconds = nitems(conds),
	.orders = orders,
	.norders = nitems(orders),
	.query_args = email_query_args,
	.query = email_query,
	.query_changes = email_delta,
};

/* "ids": null: as many as may be, and one for the refusal of more. */
static int
email_all(struct jmap_get *g, struct jmap_ids *ids)
{
	struct store_query	 all;
	struct store_ids	 found;
	struct jmap_call	*c = g->c;
	int			 ret;

	memset(&all, 0, sizeof(all));
	memset(&found, 0, sizeof(found));
	ret = jmap_api_store(c, store_query(c->txn, &all, 0,
	    c->req->env->limits->max_objects_in_get + 1, &found, NULL));
	if (ret == 1 && jmap_ids_put(c->req, g->type, found.v, found.n,
	    ids) == -1)
		ret = -1;
	store_ids_free(&found);
	return ret == 1 ? 1 : -1;
}
