/* SPDX-License-Identifier: ISC */
/*
 * Answering while the user is away (RFC 8621 8, RFC 3834 3): a message was
 * delivered, vacation responses are on; who is to be answered is, once in a
 * while, by mail with an empty return path.  That he was is on the disk with
 * the answer, so that a restart answers nobody twice.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/auth_ask.h"
#include "common/date.h"
#include "common/dir.h"
#include "common/log.h"
#include "worker/jmap/submission.h"
#include "worker/jmap/vacation.h"

#define REPLY_HEAD	(256 << 10)	/* bytes of a header that are read */
#define REPLY_SIZE	(4 << 20)	/* bytes of a response */
#define REPLY_REFS	20		/* message ids in References */

/* A header that waits for the account's addresses. */
struct reply_wait {
	uint64_t	 account;
	size_t		 len;
	uint8_t		 head[];
};

/* An answer in the making. */
struct reply {
	struct arena		 arena;
	const struct mime_msg	*m;
	const struct card	*card;
	const char		*to, *own;
	struct mime_list	 refs, about;
	char			 name[DIR_ACCOUNT_LEN];
};

static size_t	reply_head(const uint8_t *, size_t);
static void	reply_later(uint64_t, const uint8_t *, size_t);
static void	reply_card(void *, int, uint64_t, uint64_t);
static void	reply_with(const struct card *, const uint8_t *, size_t);
static enum store_err	reply_store(struct reply *);
static store_write_fn	reply_once;
static int	reply_send(struct reply *, const struct jmap_object *);
static int	reply_build(struct reply *, const struct jmap_object *,
		    struct buf *);
static size_t	reply_bodies(struct reply *, const struct jmap_object *,
		    struct mime_node [2]);
static const char	*reply_plain(struct reply *, const char *);
static const char	*reply_subject(struct reply *, struct js_val *);
static int	reply_refs(struct reply *);
static const struct mime_hdr	*reply_hdr(const struct reply *,
				    enum mime_id);

static int64_t	 reply_period = 7 * 86400000LL;	/* RFC 5230 4.1 */

void
vacation_period(int64_t ms)
{
	reply_period = ms;
}

void
vacation_reply(uint64_t account, const void *raw, size_t len)
{
	const struct card	*card = card_get(account);

	len = reply_head(raw, len);
	if (card != NULL)
		reply_with(card, raw, len);
	else
		reply_later(account, raw, len);
}

/* Bytes of the header; all that is answered stands there. */
static size_t
reply_head(const uint8_t *raw, size_t len)
{
	const uint8_t	*end;

	if (len > REPLY_HEAD)
		len = REPLY_HEAD;
	if ((end = memmem(raw, len, "\r\n\r\n", 4)) != NULL ||
	    (end = memmem(raw, len, "\n\n", 2)) != NULL)
		len = (size_t)(end - raw) + 2;
	return len;
}

static void
reply_later(uint64_t account, const uint8_t *head, size_t len)
{
	struct reply_wait	*w;

	if ((w = malloc(sizeof(*w) + len)) == NULL)
		return;
	w->account = account;
	w->len = len;
	memcpy(w->head, head, len);
	if (auth_ask_card(account, reply_card, w) == NULL)
		free(w);
}

static void
reply_card(void *arg, int error, uint64_t account, uint64_t quota)
{
	struct reply_wait	*w = arg;
	const struct card	*card = card_get(w->account);

	(void)error;
	(void)quota;
	if (account == w->account && card != NULL)
		reply_with(card, w->head, w->len);
	free(w);
}

static void
reply_with(const struct card *card, const uint8_t *head, size_t len)
{
	struct reply	 r;
	const char	*why = NULL;
	enum store_err	 e;

	memset(&r, 0, sizeof(r));
	arena_init(&r.arena, 4 * REPLY_SIZE);
	r.card = card;
	(void)dir_account(card->account, r.name);
	r.m = mime_parse(&r.arena, head, len);
	if (r.m != NULL && vacation_rule(&r.arena, r.m, card, &r.to, &r.own,
	    &why) == 1) {
		if ((e = reply_store(&r)) != STORE_OK)
			log_warnx("account %s: vacation response: %s",
			    r.name, store_strerror(e));
	} else
		log_debug("account %s: no vacation response: %s", r.name,
		    why == NULL ? "out of memory" : why);
	arena_free(&r.arena);
}

static enum store_err
reply_store(struct reply *r)
{
	enum store_err	 e = store_write_to(r->name, reply_once, r);

	/* refused: not now, or no more */
	return e == STORE_NOTFOUND || e == STORE_CANNOT ? STORE_OK : e;
}

static enum store_err
reply_once(struct store_txn *txn, void *arg)
{
	struct reply		*r = arg;
	struct jmap_object	 o = { 0, NULL };
	struct slice		 was = { NULL, 0 };
	struct buf		 note;
	int64_t			 now = date_now();
	enum store_err		 e;
	int			 on, got;

	if ((e = vacation_on(txn, now, &on)) != STORE_OK || !on)
		return e == STORE_OK ? STORE_NOTFOUND : e;
	e = store_note_get(txn, STORE_NOTE_VACATION, &was);
	if (e != STORE_OK && e != STORE_NOTFOUND)
		return e;
	buf_init(&note, 1 << 20);
	if ((got = vacation_rule_once(was, r->to, now, reply_period,
	    &note)) != 1)
		e = got == 0 ? STORE_NOTFOUND : STORE_IO;
	else if ((e = jmap_objrow_load(txn, &vacation_type, 1, &o)) ==
	    STORE_OK && (e = store_note_put(txn, STORE_NOTE_VACATION,
	    SLICE(note.data, note.len))) == STORE_OK)
		e = reply_send(r, &o) == -1 ? STORE_CANNOT : STORE_OK;
	jmap_objrow_free(&o);
	buf_free(&note);
	return e;
}

/* Into the queue: 0, or -1 (logged), then the next message is another try. */
static int
reply_send(struct reply *r, const struct jmap_object *o)
{
	struct buf	 out;
	uint32_t	 flags = 0;
	size_t		 i;
	int		 ret = -1;

	buf_init(&out, REPLY_SIZE);
	if (reply_build(r, o, &out) == -1)
		log_warn("account %s: a vacation response", r->name);
	else {
		for (i = 0; i < out.len; i++)
			if (out.data[i] & 0x80)
				flags |= MSG_QUEUE_UTF8 | MSG_QUEUE_8BIT;
		ret = submission_make_bare(r->card->account, &r->to, 1,
		    out.data, out.len, flags);
	}
	buf_free(&out);
	return ret;
}

/* --- the message --------------------------------------------------------- */

static int
reply_build(struct reply *r, const struct jmap_object *o, struct buf *out)
{
	struct mime_addr	 from = { r->card->name, r->own };
	struct mime_addr	 to = { NULL, r->to };
	struct mime_node	 root, part[2];
	struct mime_build_opt	 opt;
	/* RFC 3834 3.1 */
	struct mime_field	 f[] = {
		{ .name = "From", .form = MIME_ADDRESSES,
		    .addrs = { .addr = &from, .n = 1 } },
		{ .name = "To", .form = MIME_ADDRESSES,
		    .addrs = { .addr = &to, .n = 1 } },
		{ .name = "Subject", .form = MIME_TEXT,
		    .text = reply_subject(r, js_get(o->val, "subject")) },
		{ .name = "Auto-Submitted", .form = MIME_RAW,
		    .text = " auto-replied" },
		{ .name = "X-Auto-Response-Suppress", .form = MIME_RAW,
		    .text = " All" },
		{ .name = "In-Reply-To", .form = MIME_MESSAGEIDS },
		{ .name = "References", .form = MIME_MESSAGEIDS },
	};
	size_t			 n = reply_bodies(r, o, part);

	if (n == 0 || f[2].text == NULL || reply_refs(r) == -1)
		return -1;
	if (from.name[0] == '\0')
		from.name = NULL;
	f[5].list = r->about;
	f[6].list = r->refs;
	memset(&root, 0, sizeof(root));
	if (n == 1)
		root = part[0];
	else {
		root.type = "multipart/alternative";
		root.sub = part;
		root.nsub = 2;
	}
	root.fields = f;
	root.nfield = nitems(f) - (r->about.n == 0 ? 2 : 0);
	memset(&opt, 0, sizeof(opt));
	opt.host = strrchr(r->own, '@') + 1;
	opt.now = date_now();
	return mime_build(&root, &opt, out);
}

/* RFC 8621 8: what is missing is made from the other, or is our own. */
static size_t
reply_bodies(struct reply *r, const struct jmap_object *o,
    struct mime_node part[2])
{
	static const char	 away[] = "I am away and may read your "
	    "message later.\n";
	struct js_val		*text = js_get(o->val, "textBody");
	struct js_val		*html = js_get(o->val, "htmlBody");
	const char		*plain;

	memset(part, 0, 2 * sizeof(part[0]));
	plain = text != NULL ? js_str(text) :
	    html != NULL ? reply_plain(r, js_str(html)) : away;
	if (plain == NULL)
		return 0;
	part[0].type = "text/plain";
	part[0].is_text = 1;
	part[0].data = (const uint8_t *)plain;
	part[0].len = strlen(plain);
	if (html == NULL)
		return 1;
	part[1].type = "text/html";
	part[1].is_text = 1;
	part[1].data = (const uint8_t *)js_str(html);
	part[1].len = strlen(js_str(html));
	return 2;
}

static const char *
reply_plain(struct reply *r, const char *html)
{
	struct buf	 b;
	const char	*text = NULL;

	buf_init(&b, REPLY_SIZE);
	mime_html_text(html, strlen(html), REPLY_SIZE / 2, &b);
	buf_addc(&b, '\n');
	if (!buf_bad(&b))
		text = arena_dup(&r->arena, b.data, b.len);
	buf_free(&b);
	return text;
}

/* RFC 3834 3.1.5: "Auto: " and the subject of what is answered. */
static const char *
reply_subject(struct reply *r, struct js_val *own)
{
	const struct mime_hdr	*h = reply_hdr(r, MIME_H_SUBJECT);
	const char		*text = "";

	if (own != NULL)
		return arena_dup(&r->arena, js_str(own), js_len(own));
	if (h != NULL && (text = mime_hdr_text(&r->arena, r->m->raw + h->val,
	    h->vallen)) == NULL)
		return NULL;
	return text[0] == '\0' ? "Auto: your message" :
	    arena_printf(&r->arena, "Auto: %s", text);
}

/* RFC 5322 3.6.4: In-Reply-To names it, References what is before, too. */
static int
reply_refs(struct reply *r)
{
	const struct mime_hdr	*h;
	struct mime_list	 before = { NULL, 0 };
	size_t			 skip;

	if ((h = reply_hdr(r, MIME_H_MESSAGE_ID)) == NULL)
		return 0;
	if (mime_hdr_msgids(&r->arena, r->m->raw + h->val, h->vallen,
	    &r->about) == -1)
		return -1;
	if (r->about.n == 0)
		return 0;
	r->about.n = 1;
	if ((h = reply_hdr(r, MIME_H_REFERENCES)) == NULL)
		h = reply_hdr(r, MIME_H_IN_REPLY_TO);
	if (h != NULL && mime_hdr_msgids(&r->arena, r->m->raw + h->val,
	    h->vallen, &before) == -1)
		return -1;
	skip = before.n >= REPLY_REFS ? before.n - REPLY_REFS + 1 : 0;
	r->refs.v = arena_array(&r->arena, before.n - skip + 1,
	    sizeof(*r->refs.v));
	if (r->refs.v == NULL)
		return -1;
	for (; skip < before.n; skip++)
		r->refs.v[r->refs.n++] = before.v[skip];
	r->refs.v[r->refs.n++] = r->about.v[0];
	return 0;
}

static const struct mime_hdr *
reply_hdr(const struct reply *r, enum mime_id id)
{
	return mime_hdr_get(r->m, 0, id);
}
