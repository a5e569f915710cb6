/* SPDX-License-Identifier: ISC */
/*
 * What a list of mails shows and a thread is made of, in one call: made once
 * at delivery and kept by the store (RFC 8621 4.1.3, RFC 5256 2.1).
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "common/utf8.h"
#include "worker/mime/mime_int.h"

#define BASE_MAX	2000	/* bytes; leader() looks at blobs repeatedly */

static int	 addrs(struct arena *, const struct mime_msg *, enum mime_id,
		    struct mime_addrs *);
static int	 ids(struct arena *, const struct mime_msg *, enum mime_id,
		    struct mime_list *);
static void	 squeeze(struct buf *, const char *);
static int	 trailer(const char *, size_t *, int *);
static int	 leader(const char **, size_t *, int *);
static size_t	 blob(const char *, size_t);
static size_t	 refwd(const char *, size_t);
static int	 blob_first(const char **, size_t *);
static int	 fwd(const char **, size_t *);

int
mime_row(struct arena *a, const struct mime_msg *m, struct mime_row *r)
{
	const struct mime_hdr	*h;
	struct mime_body	 body;

	if (mime_row_heads(a, m, r) == -1 ||
	    addrs(a, m, MIME_H_SENDER, &r->sender) == -1 ||
	    addrs(a, m, MIME_H_REPLY_TO, &r->reply_to) == -1 ||
	    ids(a, m, MIME_H_MESSAGE_ID, &r->message_id) == -1 ||
	    ids(a, m, MIME_H_IN_REPLY_TO, &r->in_reply_to) == -1 ||
	    ids(a, m, MIME_H_REFERENCES, &r->references) == -1 ||
	    mime_body_lists(a, m, &body) == -1)
		return -1;
	r->has_attachment = body.has_attachment;
	if ((r->preview = mime_text_preview(a, m, &body)) == NULL)
		return -1;
	r->base = mime_row_base(a, r->subject == NULL ? "" : r->subject,
	    &r->is_reply);
	if ((h = mime_hdr_get(m, 0, MIME_H_DATE)) != NULL)
		r->sent_at = mime_hdr_date(m->raw + h->val, h->vallen,
		    &r->sent_off);
	return r->base == NULL ? -1 : 0;
}

int
mime_row_heads(struct arena *a, const struct mime_msg *m, struct mime_row *r)
{
	const struct mime_hdr	*h;

	memset(r, 0, sizeof(*r));
	r->sent_at = DATE_NONE;
	if ((h = mime_hdr_get(m, 0, MIME_H_SUBJECT)) != NULL && (r->subject =
	    mime_hdr_text(a, m->raw + h->val, h->vallen)) == NULL)
		return -1;
	if (addrs(a, m, MIME_H_FROM, &r->from) == -1 ||
	    addrs(a, m, MIME_H_TO, &r->to) == -1 ||
	    addrs(a, m, MIME_H_CC, &r->cc) == -1)
		return -1;
	return addrs(a, m, MIME_H_BCC, &r->bcc);
}

static int
addrs(struct arena *a, const struct mime_msg *m, enum mime_id id,
    struct mime_addrs *out)
{
	const struct mime_hdr	*h = mime_hdr_get(m, 0, id);

	if (h == NULL)
		return 0;
	return mime_addr_list(a, m->raw + h->val, h->vallen, out);
}

static int
ids(struct arena *a, const struct mime_msg *m, enum mime_id id,
    struct mime_list *out)
{
	const struct mime_hdr	*h = mime_hdr_get(m, 0, id);

	if (h == NULL)
		return 0;
	return mime_hdr_msgids(a, m->raw + h->val, h->vallen, out);
}

/* RFC 5256 2.1 (1): runs of white space are one space. */
static void
squeeze(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (!mime_int_fws(*s))
			buf_addc(b, *s);
		else if (b->len > 0 && b->data[b->len - 1] != ' ')
			buf_addc(b, ' ');
	}
}

const char *
mime_row_base(struct arena *a, const char *subject, int *is_reply)
{
	struct buf	 b;
	const char	*s, *out;
	size_t		 n;
	int		 reply = 0;

	buf_init(&b, MIME_SCRATCH);
	squeeze(&b, subject);
	s = b.len == 0 ? "" : (const char *)b.data;
	n = b.len <= BASE_MAX ? b.len : utf8_cut(s, BASE_MAX);
	do {
		while (trailer(s, &n, &reply))
			continue;
		while (leader(&s, &n, &reply) || blob_first(&s, &n))
			continue;
	} while (fwd(&s, &n) && (reply = 1));
	if (is_reply != NULL)
		*is_reply = reply;
	out = arena_dup(a, s, n);
	buf_free(&b);
	return out;
}

/* (2) subj-trailer = "(fwd)" / WSP, at the end */
static int
trailer(const char *s, size_t *n, int *reply)
{
	if (*n > 0 && s[*n - 1] == ' ') {
		(*n)--;
		return 1;
	}
	if (*n >= 5 && utf8_caseis(s + *n - 5, 5, "(fwd)")) {
		*n -= 5;
		*reply = 1;
		return 1;
	}
	return 0;
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP; its bytes, or 0. */
static size_t
blob(const char *s, size_t n)
{
	size_t	 i;

	if (n == 0 || s[0] != '[')
		return 0;
	for (i = 1; i < n && s[i] != ']'; i++)
		if (s[i] == '[')
			return 0;
	if (i == n)
		return 0;
	for (i++; i < n && s[i] == ' '; i++)
		continue;
	return i;
}

/* subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static size_t
refwd(const char *s, size_t n)
{
	size_t	 i;

	if (n >= 3 && utf8_caseis(s, 3, "fwd"))
		i = 3;
	else if (n >= 2 && (utf8_caseis(s, 2, "re") ||
	    utf8_caseis(s, 2, "fw")))
		i = 2;
	else
		return 0;
	while (i < n && s[i] == ' ')
		i++;
	i += blob(s + i, n - i);
	return i < n && s[i] == ':' ? i + 1 : 0;
}

/* (3) subj-leader = (*subj-blob subj-refwd) / WSP */
static int
leader(const char **s, size_t *n, int *reply)
{
	size_t	 i = 0, k;

	if (*n > 0 && **s == ' ') {
		(*s)++;
		(*n)--;
		return 1;
	}
	while ((k = blob(*s + i, *n - i)) > 0)
		i += k;
	if ((k = refwd(*s + i, *n - i)) == 0)
		return 0;
	*s += i + k;
	*n -= i + k;
	*reply = 1;
	return 1;
}

/* (4) a blob in front goes if something is left after it */
static int
blob_first(const char **s, size_t *n)
{
	size_t	 k = blob(*s, *n);

	if (k == 0 || k == *n)
		return 0;
	*s += k;
	*n -= k;
	return 1;
}

/* (6) "[fwd:" base "]" */
static int
fwd(const char **s, size_t *n)
{
	if (*n < 6 || !utf8_caseis(*s, 5, "[fwd:") || (*s)[*n - 1] != ']')
		return 0;
	*s += 5;
	*n -= 6;
	return 1;
}
