/* SPDX-License-Identifier: ISC */
/*
 * Raw message -> struct store_newmail: see email_row.h.  Called wherever a
 * mail comes in.  Everything here is done once a mail, so that the list view
 * of Email/get is nothing but copies.
 */
#include "common/compat.h"

#include <errno.h>
#include <string.h>

#include "common/date.h"
#include "common/utf8.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"

#define ROW_MS_MAX	253402300799000LL	/* 9999-12-31T23:59:59Z */
#define ROW_JSON	(32UL << 20)	/* one field escaped, not cut yet */

/* Fragments under construction: offsets, as the buffer may move. */
struct row {
	struct arena		*arena;
	const struct mime_msg	*msg;
	struct mime_row		 mime;
	struct mime_body	 body;
	struct store_newmail	*mail;
	struct buf		 json;
	size_t			 at[STORE_F_MAX], len[STORE_F_MAX];
};

static int	row_parse(struct row *, const void *, size_t);
static void	row_frags(struct row *);
static void	row_meta(struct row *);
static void	row_end(struct row *, enum store_frag, size_t);
static void	row_sort(struct row *, enum store_frag, const char *);
static const char *row_first(const struct mime_addrs *);
static int	row_frags_done(struct row *);
static int	row_struct(struct row *);
static int64_t	row_stamp(const char *, const char *);
static int	row_thread(struct row *);
static char	*row_topic(struct arena *, const char *);
static size_t	row_prefix(const char *);
static size_t	row_refs(struct row *, struct slice *);
static const char *row_key(struct arena *, const char *);

int
email_row(struct arena *a, const void *raw, size_t len,
    struct store_newmail *m)
{
	struct row	 r;
	int		 ret = -1;

	memset(&r, 0, sizeof(r));
	r.arena = a;
	r.mail = m;
	buf_init(&r.json, ROW_JSON);
	if (row_parse(&r, raw, len) == -1)
		goto done;
	m->size = (uint32_t)len;
	m->received -= m->received % 1000;
	if (m->received < 0)
		m->received = 0;
	if (m->received > ROW_MS_MAX)
		m->received = ROW_MS_MAX;
	m->sent = r.mime.sent_at;
	m->attachment = r.mime.has_attachment;
	row_frags(&r);
	if (row_frags_done(&r) == -1 || row_struct(&r) == -1 ||
	    row_thread(&r) == -1 ||
	    email_index_texts(a, r.msg, &r.mime, m) == -1)
		goto done;
	ret = 0;
done:
	buf_free(&r.json);
	return ret;
}

enum store_err
email_row_add(struct store_txn *txn, struct arena *a, const void *raw,
    size_t len, struct store_newmail *m, uint64_t *id, uint64_t *tid)
{
	enum store_err	 err;

	if (m->received == DATE_NONE &&
	    (m->received = email_row_received(raw, len)) == DATE_NONE)
		m->received = date_now();
	if ((err = store_blob_put(txn, raw, len, m->blob)) != STORE_OK)
		return err;
	if (m->structure.n == 0 && email_row(a, raw, len, m) == -1)
		return STORE_IO;
	return store_mail_add(txn, m, id, tid);
}

int64_t
email_row_received(const void *raw, size_t len)
{
	static const char	 name[] = "received:";
	const char		*p = raw, *end, *eol, *semi;
	int64_t			 ms;

	if (len == 0)
		return DATE_NONE;
	end = p + len;
	/* the newest is the topmost field; stop where the header ends */
	for (; p < end && *p != '\r' && *p != '\n'; p = eol + 1) {
		if ((eol = memchr(p, '\n', (size_t)(end - p))) == NULL)
			return DATE_NONE;
		while (eol + 1 < end && (eol[1] == ' ' || eol[1] == '\t') &&
		    (semi = memchr(eol + 1, '\n',
		    (size_t)(end - eol - 1))) != NULL)
			eol = semi;
		if ((size_t)(eol - p) < sizeof(name) || utf8_casecmp(p,
		    sizeof(name) - 1, name, sizeof(name) - 1) != 0)
			continue;
		ms = row_stamp(p, eol);
		if (ms != DATE_NONE)
			return ms;
	}
	return DATE_NONE;
}

/* RFC 5321 4.4: the date stands after the last semicolon that is not in a
 * comment behind it. */
static int64_t
row_stamp(const char *p, const char *eol)
{
	const char	*semi;
	int64_t		 ms = DATE_NONE;
	int		 tries = 4;

	for (semi = eol; semi > p && ms == DATE_NONE && tries > 0; semi--)
		if (*semi == ';') {
			ms = date_5322(semi + 1, (size_t)(eol - semi - 1),
			    NULL);
			tries--;
		}
	return ms;
}

static int
row_parse(struct row *r, const void *raw, size_t len)
{
	struct mime_msg	*m;

	if ((m = mime_parse(r->arena, raw, len)) == NULL)
		return -1;
	r->msg = m;
	if (mime_row(r->arena, m, &r->mime) == -1 ||
	    mime_body_lists(r->arena, m, &r->body) == -1)
		return -1;
	return 0;
}

static void
row_frags(struct row *r)
{
	static const struct {
		enum store_frag	 frag;
		size_t		 off;
	} addrs[] = {
		{ STORE_F_FROM, offsetof(struct mime_row, from) },
		{ STORE_F_TO, offsetof(struct mime_row, to) },
		{ STORE_F_CC, offsetof(struct mime_row, cc) },
		{ STORE_F_BCC, offsetof(struct mime_row, bcc) },
		{ STORE_F_REPLYTO, offsetof(struct mime_row, reply_to) },
		{ STORE_F_SENDER, offsetof(struct mime_row, sender) },
	}, lists[] = {
		{ STORE_F_MESSAGEID, offsetof(struct mime_row, message_id) },
		{ STORE_F_INREPLYTO, offsetof(struct mime_row, in_reply_to) },
		{ STORE_F_REFERENCES, offsetof(struct mime_row, references) },
	};
	const char	*base = (const char *)&r->mime;
	size_t		 i, at;

	for (i = 0; i < nitems(addrs); i++) {
		at = r->json.len;
		email_json_addrs(&r->json, (const void *)(base +
		    addrs[i].off));
		row_end(r, addrs[i].frag, at);
	}
	for (i = 0; i < nitems(lists); i++) {
		at = r->json.len;
		email_json_list(&r->json, (const void *)(base +
		    lists[i].off));
		row_end(r, lists[i].frag, at);
	}
	row_meta(r);
	row_sort(r, STORE_F_SORTFROM, row_first(&r->mime.from));
	row_sort(r, STORE_F_SORTTO, row_first(&r->mime.to));
	row_sort(r, STORE_F_SORTSUBJECT, r->mime.base);
}

static void
row_meta(struct row *r)
{
	struct buf	*b = &r->json;
	char		 id[STORE_IDLEN];
	size_t		 at = b->len;

	js_out_s(b, r->mime.subject);
	row_end(r, STORE_F_SUBJECT, at);
	at = b->len;
	email_json_date(b, r->mime.sent_at, r->mime.sent_off);
	row_end(r, STORE_F_SENTAT, at);
	at = b->len;
	js_out_s(b, r->mime.preview);
	row_end(r, STORE_F_PREVIEW, at);
	at = b->len;
	js_out_bool(b, r->mime.has_attachment);
	row_end(r, STORE_F_HASATTACHMENT, at);
	at = b->len;
	js_out_date(b, r->mail->received);
	row_end(r, STORE_F_RECEIVEDAT, at);
	at = b->len;
	js_out_uint(b, r->mail->size);
	row_end(r, STORE_F_SIZE, at);
	at = b->len;
	store_id_blob(r->mail->blob, id);
	js_out_s(b, id);
	row_end(r, STORE_F_BLOBID, at);
}

/*
 * A fragment was written from `at` to the end.  null is an absent one.  The
 * writer put a comma before it if something stood there.
 */
static void
row_end(struct row *r, enum store_frag f, size_t at)
{
	struct buf	*b = &r->json;
	size_t		 len;

	if (buf_bad(b))
		return;
	if (at < b->len && at > 0 && b->data[at] == ',')
		at++;
	len = b->len - at;
	if (len == 4 && memcmp(b->data + at, "null", 4) == 0)
		len = 0;
	if (len > EMAIL_ROW_FRAG) {
		b->len = at;
		buf_adds(b, EMAIL_ROW_BIG);
		len = strlen(EMAIL_ROW_BIG);
	}
	r->at[f] = at;
	r->len[f] = len;
}

static void
row_sort(struct row *r, enum store_frag f, const char *text)
{
	const char	*key;

	if (text == NULL)
		return;
	if ((key = row_key(r->arena, text)) == NULL) {
		r->json.bad = 1;
		return;
	}
	r->at[f] = r->json.len;
	r->len[f] = strlen(key);
	buf_add(&r->json, key, r->len[f]);
}

/* RFC 8621 4.4.2: the name or else the address of the first. */
static const char *
row_first(const struct mime_addrs *l)
{
	if (l->addr == NULL || l->n == 0)
		return NULL;
	if (l->addr[0].name != NULL && l->addr[0].name[0] != '\0')
		return l->addr[0].name;
	return l->addr[0].email;
}

static int
row_frags_done(struct row *r)
{
	const char	*copy;
	size_t		 i;

	if (buf_bad(&r->json) || (copy = arena_dup(r->arena, r->json.data,
	    r->json.len)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	for (i = 0; i < STORE_F_MAX; i++)
		r->mail->frag[i] = SLICE(copy + r->at[i], r->len[i]);
	return 0;
}

static int
row_struct(struct row *r)
{
	struct buf	 b;
	const char	*copy = NULL;

	/* what is decoded may take three bytes for one */
	buf_init(&b, 4 * r->msg->len + MIME_PARTS * 1024UL);
	if (email_struct_put(&b, r->msg, &r->body) == 0)
		copy = arena_dup(r->arena, b.data, b.len);
	if (copy != NULL)
		r->mail->structure = SLICE(copy, b.len);
	buf_free(&b);
	return copy == NULL ? -1 : 0;
}

/*
 * RFC 8621 3: same thread when a message id is shared and the base subject
 * is the same, "ignoring white space".
 */
static int
row_thread(struct row *r)
{
	struct slice	*ids;
	char		*key, *p, *w;

	key = row_topic(r->arena, r->mime.base);
	ids = arena_array(r->arena, STORE_MAXREFS, sizeof(*ids));
	if (key == NULL || ids == NULL)
		return -1;
	for (p = w = key; *p != '\0'; p++)
		if (*p != ' ')
			*w++ = *p;
	r->mail->subject = SLICE(key, (size_t)(w - key));
	r->mail->msgid = ids;
	r->mail->nmsgid = row_refs(r, ids);
	return 0;
}

/*
 * A base subject folded, without the "automatically added prefixes" of
 * other languages either, which RFC 5256 does not know of.
 */
static char *
row_topic(struct arena *a, const char *base)
{
	char	*s;
	size_t	 k;
	int	 i;

	s = email_text_fold(a, base, strlen(base));
	for (i = 0; i < 16 && s != NULL && (k = row_prefix(s)) > 0; i++)
		s = (base = mime_row_base(a, s + k, NULL)) == NULL ? NULL :
		    email_text_fold(a, base, strlen(base));
	return s;
}

/* Bytes of such a prefix in front of a folded subject, or 0. */
static size_t
row_prefix(const char *s)
{
	/* what mail programs put before replies and forwards: German, Dutch,
	 * Scandinavian, Finnish, Hungarian, Portuguese, Spanish, French,
	 * Italian, Polish, Turkish, Greek, Russian, Chinese, Hebrew, Arabic */
	static const char	*const words[] = {
		"aw", "antw", "antwort", "wg", "doorst", "betr", "sv", "vs",
		"vb", "vl", "v\xc3\xa1", "tov", "res", "enc", "rv", "tr",
		"rif", "r", "i", "odp", "pd", "ynt", "ilt",
		"\xcf\x83\xcf\x87\xce\xb5\xcf\x84", "\xce\xb1\xcf\x80",
		"\xd0\xbe\xd1\x82\xd0\xb2",
		"\xe5\x9b\x9e\xe5\xa4\x8d", "\xe5\x9b\x9e\xe8\xa6\x86",
		"\xe7\xad\x94\xe5\xa4\x8d", "\xe8\xbd\xac\xe5\x8f\x91",
		"\xe8\xbd\x89\xe5\xaf\x84", "\xd7\x94\xd7\xa9\xd7\x91",
		"\xd7\x94\xd7\xa2\xd7\x91\xd7\xa8", "\xd8\xb1\xd8\xaf",
	};
	size_t	 i, k;

	for (i = 0; i < nitems(words); i++) {
		k = strlen(words[i]);
		if (strncmp(s, words[i], k) != 0)
			continue;
		if (s[k] == '[' && s[k + 1 + strspn(s + k + 1,
		    "0123456789")] == ']')
			k += 2 + strspn(s + k + 1, "0123456789");
		k += strspn(s + k, " ");
		if (s[k] == ':')
			return k + 1;
	}
	return 0;
}

/* Own id first; of a long chain the newest count, the direct parent last. */
static size_t
row_refs(struct row *r, struct slice *ids)
{
	const struct mime_list	*own = &r->mime.message_id;
	const struct mime_list	*refs = &r->mime.references;
	const struct mime_list	*reply = &r->mime.in_reply_to;
	size_t			 n = 0, i, room;

	if (own->v != NULL && own->n > 0)
		ids[n++] = SLICE_STR(own->v[0]);
	room = STORE_MAXREFS - n;
	if (reply->v != NULL)
		room -= reply->n < 8 ? reply->n : 8;
	if (refs->v != NULL)
		for (i = refs->n > room ? refs->n - room : 0; i < refs->n; i++)
			ids[n++] = SLICE_STR(refs->v[i]);
	if (reply->v != NULL)
		for (i = 0; i < reply->n && i < 8; i++)
			ids[n++] = SLICE_STR(reply->v[i]);
	return n;
}

/* A sort key in i;unicode-casemap (RFC 5051), which for ASCII is what
 * i;ascii-casemap compares, cut. */
static const char *
row_key(struct arena *a, const char *s)
{
	char		*copy;
	const char	*key;
	size_t		 n;

	n = utf8_cut(s, strnlen(s, EMAIL_ROW_KEY));
	if ((copy = arena_dup(a, s, n)) == NULL ||
	    (key = jmap_collate_key(a, NULL, copy)) == NULL)
		return NULL;
	n = strlen(key);
	return n <= EMAIL_ROW_KEY ? key :
	    arena_dup(a, key, utf8_cut(key, EMAIL_ROW_KEY));
}
