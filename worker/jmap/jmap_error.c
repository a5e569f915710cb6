/* SPDX-License-Identifier: ISC */
/*
 * Every error a client may get, as constants: of a method call (RFC 8620
 * 3.6.2), of one object in a /set (5.3), of a whole request (3.6.1).
 */
#include "common/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "worker/jmap/jmap.h"

#define E(sym, text)	const struct jmap_error jmap_error_##sym = { text }

E(server_unavailable, "serverUnavailable");
E(server_fail, "serverFail");
E(unknown_method, "unknownMethod");
E(invalid_arguments, "invalidArguments");
E(invalid_result_reference, "invalidResultReference");
E(forbidden, "forbidden");
E(account_not_found, "accountNotFound");
E(account_not_supported, "accountNotSupportedByMethod");
E(account_read_only, "accountReadOnly");
E(request_too_large, "requestTooLarge");
E(state_mismatch, "stateMismatch");
E(cannot_calculate_changes, "cannotCalculateChanges");
E(anchor_not_found, "anchorNotFound");
E(unsupported_sort, "unsupportedSort");
E(unsupported_filter, "unsupportedFilter");
E(too_many_changes, "tooManyChanges");
E(from_account_not_found, "fromAccountNotFound");

E(unknown_data_type, "unknownDataType");

E(over_quota, "overQuota");
E(too_large, "tooLarge");
E(rate_limit, "rateLimit");
E(not_found, "notFound");
E(invalid_patch, "invalidPatch");
E(will_destroy, "willDestroy");
E(invalid_properties, "invalidProperties");
E(singleton, "singleton");
E(already_exists, "alreadyExists");

E(mailbox_has_child, "mailboxHasChild");
E(mailbox_has_email, "mailboxHasEmail");
E(blob_not_found, "blobNotFound");
E(too_many_keywords, "tooManyKeywords");
E(too_many_mailboxes, "tooManyMailboxes");
E(invalid_email, "invalidEmail");
E(too_many_recipients, "tooManyRecipients");
E(no_recipients, "noRecipients");
E(invalid_recipients, "invalidRecipients");
E(forbidden_mail_from, "forbiddenMailFrom");
E(forbidden_from, "forbiddenFrom");
E(forbidden_to_send, "forbiddenToSend");
E(cannot_unsend, "cannotUnsend");
E(mdn_already_sent, "mdnAlreadySent");

#define URN	"urn:ietf:params:jmap:error:"

const struct jmap_problem jmap_error_not_json = {
	400, URN "notJSON", "Not JSON", NULL
};
const struct jmap_problem jmap_error_not_request = {
	400, URN "notRequest", "Not a JMAP request", NULL
};
const struct jmap_problem jmap_error_unknown_capability = {
	400, URN "unknownCapability", "Unknown capability", NULL
};
const struct jmap_problem jmap_error_limit_size = {
	400, URN "limit", "Request too large", "maxSizeRequest"
};
const struct jmap_problem jmap_error_limit_calls = {
	400, URN "limit", "Too many method calls", "maxCallsInRequest"
};
const struct jmap_problem jmap_error_limit_concurrent = {
	400, URN "limit", "Too many concurrent requests",
	"maxConcurrentRequests"
};
const struct jmap_problem jmap_error_limit_upload = {
	400, URN "limit", "Upload too large", "maxSizeUpload"
};
const struct jmap_problem jmap_error_limit_concurrent_upload = {
	400, URN "limit", "Too many concurrent uploads",
	"maxConcurrentUpload"
};
const struct jmap_problem jmap_error_internal = {
	500, "about:blank", "Internal Server Error", NULL
};

const struct jmap_error *
jmap_error_say(struct jmap_call *c, const struct jmap_error *e,
    const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	c->desc = jmap_error_text(&c->req->arena, fmt, ap);
	va_end(ap);
	return e;
}

const char *
jmap_error_text(struct arena *a, const char *fmt, va_list ap)
{
	char	 text[512];

	(void)vsnprintf(text, sizeof(text), fmt, ap);	/* may be cut */
	return arena_dup(a, text, utf8_cut(text, strlen(text)));
}

void
jmap_error_problem(struct buf *b, const struct jmap_problem *p,
    const char *detail)
{
	js_out_obj(b);
	js_out_key(b, "type");
	js_out_s(b, p->type);
	js_out_key(b, "status");
	js_out_int(b, p->status);
	js_out_key(b, "title");
	js_out_s(b, p->title);
	if (detail != NULL) {
		js_out_key(b, "detail");
		js_out_s(b, detail);
	}
	if (p->limit != NULL) {
		js_out_key(b, "limit");
		js_out_s(b, p->limit);
	}
	js_out_end(b, '}');
}
