/* SPDX-License-Identifier: ISC */
/*
 * A message on its way out: is it one that may be sent (RFC 5322 3.6, RFC
 * 6409 8), whose is it, and its bytes as they leave.  Called by
 * submission_make.c and mdn_send.c.  The Bcc field must never leave.
 */
#include "common/compat.h"

#include <string.h>

#include "common/addr.h"
#include "common/card.h"
#include "common/date.h"
#include "worker/jmap/submission.h"
#include "worker/mime/mime.h"

static size_t	mail_count(const struct mime_msg *, enum mime_id);
static int	mail_addrs(struct submission_mail *, const struct mime_hdr *,
		    struct mime_addrs *);
static int	mail_from(struct submission_mail *);
static void	mail_bad(struct submission_mail *, const char *);
static int	mail_secret(const struct mime_msg *, const struct mime_hdr *);
static int	mail_body(const uint8_t *, size_t, struct buf *);
static int	mail_field(const struct submission_mail *,
		    const struct mime_hdr *, struct buf *);
static int	mail_missing(const struct submission_mail *, const char *,
		    struct buf *);

int
submission_mail_parse(struct submission_mail *m)
{
	const struct mime_hdr	*h;
	struct mime_list	 ids;

	arena_init(&m->arena, MIME_ARENA);
	m->msg = mime_parse(&m->arena, m->raw.data, m->raw.len);
	if (m->msg == NULL || mail_from(m) == -1)
		return -1;
	/* RFC 5321 2.3.7, 4.5.2: NUL cannot be sent */
	if (m->raw.len > 0 && memchr(m->raw.data, '\0', m->raw.len) != NULL)
		mail_bad(m, "bodyStructure");
	if (mail_count(m->msg, MIME_H_DATE) > 1)
		mail_bad(m, "sentAt");
	if (mail_count(m->msg, MIME_H_MESSAGE_ID) > 1)
		mail_bad(m, "messageId");
	if (mail_count(m->msg, MIME_H_SUBJECT) > 1)
		mail_bad(m, "subject");
	if ((h = mime_hdr_get(m->msg, 0, MIME_H_MESSAGE_ID)) != NULL) {
		if (mime_hdr_msgids(&m->arena, m->raw.data + h->val, h->vallen,
		    &ids) == -1)
			return -1;
		if (ids.n > 0)
			m->message_id = ids.v[0];
	}
	return 0;
}

void
submission_mail_free(struct submission_mail *m)
{
	buf_free(&m->raw);
	arena_free(&m->arena);
	memset(m, 0, sizeof(*m));
}

/* RFC 5322 3.6: From once, with an address; Sender at most once, with one. */
static int
mail_from(struct submission_mail *m)
{
	struct mime_addrs	 a;

	a.n = 0;
	if (mail_addrs(m, mime_hdr_get(m->msg, 0, MIME_H_SENDER), &a) == -1)
		return -1;
	if (a.n > 0)
		m->sender = a.addr[0].email;
	if (mail_count(m->msg, MIME_H_SENDER) > 1 || a.n > 1)
		mail_bad(m, "sender");
	a.n = 0;
	if (mail_addrs(m, mime_hdr_get(m->msg, 0, MIME_H_FROM), &a) == -1)
		return -1;
	if (a.n > 0)
		m->from = a.addr[0].email;
	/* several authors are well when one of them says that he sent it */
	if (mail_count(m->msg, MIME_H_FROM) != 1 || a.n == 0 ||
	    (a.n > 1 && m->sender == NULL))
		mail_bad(m, "from");
	return 0;
}

static size_t
mail_count(const struct mime_msg *msg, enum mime_id id)
{
	const struct mime_part	*root = &msg->parts[0];
	size_t			 i, n = 0;

	for (i = 0; i < root->nhdr; i++)
		n += msg->hdrs[root->hdr + i].id == id;
	return n;
}

static int
mail_addrs(struct submission_mail *m, const struct mime_hdr *h,
    struct mime_addrs *out)
{
	memset(out, 0, sizeof(*out));
	if (h == NULL)
		return 0;
	return mime_addr_list(&m->arena, m->raw.data + h->val, h->vallen, out);
}

static void
mail_bad(struct submission_mail *m, const char *prop)
{
	if (m->nbad < nitems(m->bad))
		m->bad[m->nbad++] = prop;
}

/* RFC 8621 7: "the deduplicated set of email addresses" */
int
submission_mail_rcpts(struct submission_mail *m, struct jmap_req *r,
    struct jmap_ids *out)
{
	const struct mime_part	*root = &m->msg->parts[0];
	const struct mime_hdr	*h;
	struct mime_addrs	 a;
	const char		*email;
	size_t			 i, k, j;

	for (i = 0; i < root->nhdr; i++) {
		h = &m->msg->hdrs[root->hdr + i];
		if (h->id != MIME_H_TO && h->id != MIME_H_CC &&
		    h->id != MIME_H_BCC)
			continue;
		if (mail_addrs(m, h, &a) == -1)
			return -1;
		for (k = 0; k < a.n; k++) {
			email = a.addr[k].email;
			for (j = 0; j < out->n; j++)
				if (addr_same(out->id[j], email))
					break;
			if (j == out->n && jmap_api_add(r, out, email,
			    strlen(email)) == -1)
				return -1;
			/* far more than any limit: it is refused for that */
			if (out->n > 2 * QUEUE_ASK_RCPTS)
				return 0;
		}
	}
	return 0;
}

int
submission_mail_own(struct submission_mail *m, const struct card *card)
{
	const struct mime_part	*root = &m->msg->parts[0];
	const struct mime_hdr	*h;
	struct mime_addrs	 a;
	size_t			 i, k;

	for (i = 0; i < root->nhdr; i++) {
		h = &m->msg->hdrs[root->hdr + i];
		if (h->id != MIME_H_FROM)
			continue;
		if (mail_addrs(m, h, &a) == -1)
			return 0;
		for (k = 0; k < a.n; k++)
			if (!card_has(card, a.addr[k].email))
				return 0;
	}
	return 1;
}

/* --- as it leaves -------------------------------------------------------- */

int
submission_mail_out(const struct submission_mail *m, const char *host,
    struct buf *out, uint32_t *flags)
{
	const struct mime_part	*root = &m->msg->parts[0];
	const struct mime_hdr	*h;
	size_t			 i, head;

	for (i = 0; i < root->nhdr; i++) {
		h = &m->msg->hdrs[root->hdr + i];
		if (!mail_secret(m->msg, h) && mail_field(m, h, out) == -1)
			return -1;
	}
	if (mail_missing(m, host, out) == -1)
		return -1;
	for (i = 0, head = out->len; i < head; i++)
		if (out->data[i] & 0x80)
			*flags |= MSG_QUEUE_UTF8 | MSG_QUEUE_8BIT;
	if (buf_add(out, "\r\n", 2) == -1 || mail_body(m->raw.data +
	    root->head + root->headlen, m->raw.len - root->head -
	    root->headlen, out) == -1)
		return -1;
	for (i = head; i < out->len && !(*flags & MSG_QUEUE_8BIT); i++)
		if (out->data[i] & 0x80)
			*flags |= MSG_QUEUE_8BIT;
	return 0;
}

/* RFC 8621 7.5: Bcc is removed; so is what says the same of a resending. */
static int
mail_secret(const struct mime_msg *msg, const struct mime_hdr *h)
{
	static const char	 resent[] = "resent-bcc";

	return h->id == MIME_H_BCC || (h->namelen == sizeof(resent) - 1 &&
	    strncasecmp((const char *)msg->raw + h->name, resent,
	    h->namelen) == 0);
}

/*
 * Name and value of a field, its folds as CRLF.  A line end that is none of
 * a fold becomes a blank: no byte of a value begins a line.
 */
static int
mail_field(const struct submission_mail *m, const struct mime_hdr *h,
    struct buf *out)
{
	const uint8_t	*p = m->raw.data + h->val, *end = p + h->vallen, *q;

	while (end > p && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	buf_add(out, m->raw.data + h->name, h->namelen);
	buf_addc(out, ':');
	for (; p < end; p = q) {
		for (q = p; q < end && *q != '\r' && *q != '\n'; q++)
			;
		buf_add(out, p, (size_t)(q - p));
		if (q == end)
			break;
		q += *q == '\r' && q + 1 < end && q[1] == '\n' ? 2 : 1;
		if (q < end && (*q == ' ' || *q == '\t'))
			buf_add(out, "\r\n", 2);
		else
			buf_addc(out, ' ');
	}
	return buf_add(out, "\r\n", 2) == -1 || buf_bad(out) ? -1 : 0;
}

/* Bytes with every line end as CRLF (RFC 5321 2.3.8: no bare CR or LF). */
static int
mail_body(const uint8_t *p, size_t n, struct buf *out)
{
	const uint8_t	*end = p + n, *q;

	while (p < end) {
		for (q = p; q < end && *q != '\r' && *q != '\n'; q++)
			;
		if (buf_add(out, p, (size_t)(q - p)) == -1)
			return -1;
		if (q == end)
			break;
		p = q + (*q == '\r' && q + 1 < end && q[1] == '\n' ? 2 : 1);
		if (buf_add(out, "\r\n", 2) == -1)
			return -1;
	}
	return 0;
}

/* RFC 6409 8.2, 8.3: a submission server adds these two. */
static int
mail_missing(const struct submission_mail *m, const char *host,
    struct buf *out)
{
	char	 date[DATE_LEN];

	if (mail_count(m->msg, MIME_H_DATE) == 0) {
		date_mail(date_now(), 0, date);
		if (buf_addf(out, "Date: %s\r\n", date) == -1)
			return -1;
	}
	if (mail_count(m->msg, MIME_H_MESSAGE_ID) == 0)
		return buf_addf(out, "Message-ID: <%08x%08x.%llx@%s>\r\n",
		    arc4random(), arc4random(),
		    (unsigned long long)date_now(), host);
	return 0;
}
