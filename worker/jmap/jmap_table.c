/* SPDX-License-Identifier: ISC */
/*
 * Every method, in strcmp order.  A new one is a row here and nothing else:
 * jmap_api.c finds it, opens the kind of transaction it names, and calls.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/blob.h"
#include "worker/jmap/jmap.h"
#include "worker/jmap/jmap_share.h"
#include "worker/jmap/quota.h"

#define GET	(JM_READ | JM_ACCOUNT | JM_REFS)
#define READ	(JM_READ | JM_ACCOUNT)
#define SET	(JM_WRITE | JM_ACCOUNT | JM_REFS)
#define MAIL	JMAP_CAP_MAIL
#define SHARE	JMAP_CAP_PRINCIPALS
#define SUBMIT	JMAP_CAP_SUBMISSION
#define VACATION JMAP_CAP_VACATION

static int	table_cmp(const void *, const void *);

static const struct jmap_method methods[] = {
	{ "Blob/copy", JMAP_CAP_CORE, jmap_blob_copy, JM_WRITE | JM_ACCOUNT,
	    NULL },
	{ "Blob/get", JMAP_CAP_BLOB, jmap_get, GET, &blob_type },
	{ "Blob/lookup", JMAP_CAP_BLOB, blob_lookup, READ, NULL },
	{ "Blob/upload", JMAP_CAP_BLOB, blob_upload, JM_WRITE | JM_ACCOUNT,
	    NULL },
	{ "Core/echo", JMAP_CAP_CORE, jmap_api_echo, 0, NULL },
	{ "Email/changes", MAIL, jmap_changes, READ, &email_type },
	{ "Email/copy", MAIL, email_copy, JM_WRITE | JM_ACCOUNT, NULL },
	{ "Email/get", MAIL, jmap_get, GET, &email_type },
	{ "Email/import", MAIL, email_import, JM_WRITE | JM_ACCOUNT, NULL },
	{ "Email/parse", MAIL, email_parse, READ, NULL },
	{ "Email/query", MAIL, jmap_query, READ, &email_type },
	{ "Email/queryChanges", MAIL, jmap_query_changes, READ, &email_type },
	{ "Email/set", MAIL, jmap_set, SET, &email_type },
	{ "EmailSubmission/changes", SUBMIT, jmap_changes, READ,
	    &submission_type },
	{ "EmailSubmission/get", SUBMIT, jmap_get, GET, &submission_type },
	{ "EmailSubmission/query", SUBMIT, jmap_query, READ,
	    &submission_type },
	{ "EmailSubmission/queryChanges", SUBMIT, jmap_query_changes, READ,
	    &submission_type },
	{ "EmailSubmission/set", SUBMIT, jmap_set, SET, &submission_type },
	{ "Identity/changes", SUBMIT, jmap_changes, READ, &identity_type },
	{ "Identity/get", SUBMIT, jmap_get, GET, &identity_type },
	{ "Identity/set", SUBMIT, jmap_set, SET, &identity_type },
	{ "MDN/parse", JMAP_CAP_MDN, mdn_parse, READ | JM_ARGUMENT, NULL },
	{ "MDN/send", JMAP_CAP_MDN, mdn_send, JM_WRITE | JM_ACCOUNT |
	    JM_ARGUMENT, NULL },
	{ "Mailbox/changes", MAIL, jmap_changes, READ, &mailbox_type },
	{ "Mailbox/get", MAIL, jmap_get, GET, &mailbox_type },
	{ "Mailbox/query", MAIL, jmap_query, READ, &mailbox_type },
	{ "Mailbox/queryChanges", MAIL, jmap_query_changes, READ,
	    &mailbox_type },
	{ "Mailbox/set", MAIL, jmap_set, SET, &mailbox_type },
	{ "Principal/changes", SHARE, principal_changes, READ, NULL },
	{ "Principal/get", SHARE, jmap_get, GET, &principal_type },
	{ "Principal/query", SHARE, jmap_query, READ, &principal_type },
	{ "Principal/queryChanges", SHARE, jmap_query_changes, READ,
	    &principal_type },
	{ "Principal/set", SHARE, jmap_set, SET, &principal_type },
	{ "PushSubscription/get", JMAP_CAP_CORE, jmap_get, JM_READ | JM_REFS,
	    &pushsub_type },
	{ "PushSubscription/set", JMAP_CAP_CORE, jmap_set, JM_WRITE | JM_REFS,
	    &pushsub_type },
	{ "Quota/changes", JMAP_CAP_QUOTA, jmap_changes, READ, &quota_type },
	{ "Quota/get", JMAP_CAP_QUOTA, jmap_get, GET, &quota_type },
	{ "Quota/query", JMAP_CAP_QUOTA, jmap_query, READ, &quota_type },
	{ "Quota/queryChanges", JMAP_CAP_QUOTA, jmap_query_changes, READ,
	    &quota_type },
	{ "SearchSnippet/get", MAIL, email_snippet, READ, NULL },
	{ "ShareNotification/changes", SHARE, jmap_changes, READ,
	    &share_note_type },
	{ "ShareNotification/get", SHARE, jmap_get, GET, &share_note_type },
	{ "ShareNotification/query", SHARE, jmap_query, READ,
	    &share_note_type },
	{ "ShareNotification/queryChanges", SHARE, jmap_query_changes, READ,
	    &share_note_type },
	{ "ShareNotification/set", SHARE, jmap_set, SET, &share_note_type },
	{ "Thread/changes", MAIL, jmap_changes, READ, &thread_type },
	{ "Thread/get", MAIL, jmap_get, GET, &thread_type },
	{ "VacationResponse/get", VACATION, jmap_get, GET, &vacation_type },
	{ "VacationResponse/set", VACATION, jmap_set, SET, &vacation_type },
};

static int
table_cmp(const void *name, const void *row)
{
	return strcmp(name, ((const struct jmap_method *)row)->name);
}

const struct jmap_method *
jmap_table_find(const char *name)
{
	return bsearch(name, methods, nitems(methods), sizeof(methods[0]),
	    table_cmp);
}

size_t
jmap_table_all(const struct jmap_method **out)
{
	*out = methods;
	return nitems(methods);
}
