/* SPDX-License-Identifier: ISC */
/*
 * A disposition notification as a message (RFC 8098 3): what a person reads,
 * what a machine reads, perhaps the message itself.  Called by mdn_send.c,
 * which has seen to it that no value has a line end in it.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "common/utf8.h"
#include "worker/jmap/mdn.h"

static int	build_fields(const struct mdn *, struct buf *);
static int	build_message(struct arena *, const struct mdn *,
		    const struct buf *, struct buf *);

const char *const	mdn_action_modes[] = {
	"manual-action", "automatic-action", NULL
};
const char *const	mdn_sending_modes[] = {
	"mdn-sent-manually", "mdn-sent-automatically", NULL
};
const char *const	mdn_types[] = {
	"deleted", "dispatched", "displayed", "processed", NULL
};

int
mdn_word(const char *const *list, const char *s, size_t n, const char **out)
{
	for (; *list != NULL; list++)
		if (utf8_caseis(s, n, *list)) {
			*out = *list;
			return 1;
		}
	return 0;
}

int
mdn_known_field(const char *name)
{
	static const char *const known[] = {
		"Reporting-UA", "MDN-Gateway", "Original-Recipient",
		"Final-Recipient", "Original-Message-ID", "Disposition",
		"Failure", "Error", "Warning"
	};
	size_t	 i;

	for (i = 0; i < nitems(known); i++)
		if (strcasecmp(known[i], name) == 0)
			return 1;
	return 0;
}

int
mdn_build(struct arena *a, const struct mdn *m, struct buf *out)
{
	struct buf	 fields;
	int		 ret = -1;

	buf_init(&fields, 1 << 20);
	if (build_fields(m, &fields) == 0)
		ret = build_message(a, m, &fields, out);
	buf_free(&fields);
	return ret;
}

/* RFC 8098 3.1 */
static int
build_fields(const struct mdn *m, struct buf *b)
{
	struct js_iter	 it;

	if (m->reporting_ua != NULL)
		buf_addf(b, "Reporting-UA: %s\r\n", m->reporting_ua);
	if (m->original_recipient != NULL)
		buf_addf(b, "Original-Recipient: %s\r\n",
		    m->original_recipient);
	buf_addf(b, "Final-Recipient: %s\r\n", m->final_recipient);
	if (m->original_id != NULL)
		buf_addf(b, "Original-Message-ID: <%s>\r\n", m->original_id);
	buf_addf(b, "Disposition: %s/%s; %s\r\n", m->action, m->sending,
	    m->type);
	for (js_first(&it, m->extension); js_next(&it);)
		buf_addf(b, "%s: %s\r\n", it.key, js_str(it.val));
	return buf_bad(b) ? -1 : 0;
}

static int
build_message(struct arena *a, const struct mdn *m, const struct buf *fields,
    struct buf *out)
{
	struct mime_addrs	 from = { .n = 1 };
	struct mime_list	 about = { NULL, 0 };
	struct mime_node	 root, part[3];
	struct mime_build_opt	 opt;
	struct mime_field	 f[] = {
		{ .name = "From", .form = MIME_ADDRESSES },
		{ .name = "To", .form = MIME_ADDRESSES, .addrs = m->to },
		{ .name = "Subject", .form = MIME_TEXT, .text = m->subject },
		{ .name = "Content-Type", .form = MIME_RAW, .text =
		    " multipart/report; report-type=disposition-notification" },
		/* RFC 3834 2: nothing may answer it */
		{ .name = "Auto-Submitted", .form = MIME_RAW,
		    .text = " auto-replied" },
		{ .name = "In-Reply-To", .form = MIME_MESSAGEIDS },
		{ .name = "References", .form = MIME_MESSAGEIDS },
	};

	if ((from.addr = arena_get(a, sizeof(*from.addr))) == NULL)
		return -1;
	from.addr[0] = m->from;
	f[0].addrs = from;
	about.v = arena_array(a, 1, sizeof(*about.v));
	if (about.v == NULL)
		return -1;
	about.v[0] = m->original_id;
	about.n = 1;
	f[5].list = f[6].list = about;
	memset(part, 0, sizeof(part));
	part[0].type = "text/plain";
	part[0].is_text = 1;
	part[0].data = (const uint8_t *)m->text;
	part[0].len = strlen(m->text);
	part[1].type = "message/disposition-notification";
	part[1].data = fields->data;
	part[1].len = fields->len;
	part[2].type = "message/rfc822";
	part[2].data = m->original;
	part[2].len = m->original_len;
	memset(&root, 0, sizeof(root));
	root.type = "multipart/report";
	root.sub = part;
	root.nsub = m->original == NULL ? 2 : 3;
	root.fields = f;
	root.nfield = nitems(f) - (m->original_id == NULL ? 2 : 0);
	memset(&opt, 0, sizeof(opt));
	opt.host = strrchr(m->from.email, '@') + 1;
	opt.now = date_now();
	return mime_build(&root, &opt, out);
}
