/* SPDX-License-Identifier: ISC */
/*
 * Email/get (RFC 8621 4.2).  A property is either copied (email_get_fast.c):
 * from the list row as the JSON text it was kept as, or from the mail's state;
 * or made: from the structure record and, last of all, the message's bytes.  A
 * request for copied ones only, the list view, reads two rows a mail and
 * nothing else.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/email_get.h"
#include "worker/jmap/email_row.h"
#include "worker/store/store_share.h"

#define GET_SCRATCH	(MIME_ARENA + (160UL << 20))	/* one mail's work */

#define KEY(n)	n, ",\"" n "\":", sizeof(n) + 3

/* In strcmp order, as email_type.props. */
static const struct getprop getprops[] = {
	{ KEY("attachments"), GET_ATTACHMENTS, 0, NULL },
	{ KEY("bcc"), GET_FRAG, STORE_F_BCC, "header:Bcc:asAddresses" },
	{ KEY("blobId"), GET_FRAG, STORE_F_BLOBID, NULL },
	{ KEY("bodyStructure"), GET_STRUCTURE, 0, NULL },
	{ KEY("bodyValues"), GET_VALUES, 0, NULL },
	{ KEY("cc"), GET_FRAG, STORE_F_CC, "header:Cc:asAddresses" },
	{ KEY("from"), GET_FRAG, STORE_F_FROM, "header:From:asAddresses" },
	{ KEY("hasAttachment"), GET_FRAG, STORE_F_HASATTACHMENT, NULL },
	{ KEY("headers"), GET_HEADERS, 0, NULL },
	{ KEY("htmlBody"), GET_HTMLBODY, 0, NULL },
	{ KEY("id"), GET_ID, 0, NULL },
	{ KEY("inReplyTo"), GET_FRAG, STORE_F_INREPLYTO,
	    "header:In-Reply-To:asMessageIds" },
	{ KEY("keywords"), GET_KEYWORDS, 0, NULL },
	{ KEY("mailboxIds"), GET_MAILBOXES, 0, NULL },
	{ KEY("messageId"), GET_FRAG, STORE_F_MESSAGEID,
	    "header:Message-ID:asMessageIds" },
	{ KEY("preview"), GET_FRAG, STORE_F_PREVIEW, NULL },
	{ KEY("receivedAt"), GET_FRAG, STORE_F_RECEIVEDAT, NULL },
	{ KEY("references"), GET_FRAG, STORE_F_REFERENCES,
	    "header:References:asMessageIds" },
	{ KEY("replyTo"), GET_FRAG, STORE_F_REPLYTO,
	    "header:Reply-To:asAddresses" },
	{ KEY("sender"), GET_FRAG, STORE_F_SENDER,
	    "header:Sender:asAddresses" },
	{ KEY("sentAt"), GET_FRAG, STORE_F_SENTAT, NULL },
	{ KEY("size"), GET_FRAG, STORE_F_SIZE, NULL },
	{ KEY("smimeErrors"), GET_SMIMEERRORS, 0, NULL },
	{ KEY("smimeStatus"), GET_SMIME, 0, NULL },
	{ KEY("smimeStatusAtDelivery"), GET_SMIMEWAS, 0, NULL },
	{ KEY("smimeVerifiedAt"), GET_SMIMEAT, 0, NULL },
	{ KEY("subject"), GET_FRAG, STORE_F_SUBJECT, "header:Subject:asText" },
	{ KEY("textBody"), GET_TEXTBODY, 0, NULL },
	{ KEY("threadId"), GET_THREAD, 0, NULL },
	{ KEY("to"), GET_FRAG, STORE_F_TO, "header:To:asAddresses" },
};
_Static_assert(nitems(getprops) <= EMAIL_GET_PROPS, "struct email_get");

static int	get_ready(struct jmap_get *, struct email_get *);
static int	get_shared(struct jmap_get *, struct email_get *);
static void	get_open(struct getmail *);
static void	get_close(struct getmail *);
static int	get_object(struct getmail *, struct buf *);
static int	get_slow(struct getmail *, struct buf *);
static int	get_structure(struct getmail *);
static int	get_made(struct getmail *, enum getkind, struct buf *);
static int	get_header(struct getmail *, const struct email_hdr *,
		    struct buf *);
static int	get_failed(struct getmail *);
static int	getprop_cmp(const void *, const void *);

const struct jmap_error *
email_get_args(struct jmap_get *g, struct js_rd *rd)
{
	struct email_get	*eg;

	if ((eg = arena_get(&g->c->req->arena, sizeof(*eg))) == NULL)
		return &jmap_error_server_fail;
	g->arg = eg;
	eg->threads = jmap_ref_keep(g->c, "/list/*/threadId");
	return email_body_args(g->c, rd, &eg->fetch);
}

int
email_get_other(struct jmap_get *g, const char *name)
{
	struct email_hdr	 h;
	size_t			 i;

	if (!email_json_prop(name, &h))
		return 0;
	for (i = 0; i < g->more.n; i++)		/* named once */
		if (strcmp(g->more.id[i], name) == 0)
			return 1;
	return jmap_api_add(g->c->req, &g->more, name, strlen(name)) == 0;
}

int
email_get_row(struct jmap_get *g, const char *id)
{
	struct email_get	*eg = g->arg;
	struct store_mail	 mail;
	struct getmail		 m;
	char			 tid[STORE_IDLEN];
	uint64_t		 n;
	int			 ret;

	m.c = g->c;
	m.eg = eg;
	m.mail = &mail;
	m.w = &eg->work;
	m.open = m.have = 0;
	if (!eg->ready && (get_ready(g, eg) == -1 || (g->c->shared &&
	    get_shared(g, eg) == -1)))
		return -1;
	if (store_id_mail_get(id, strlen(id), &n) == -1)
		return 0;
	if ((ret = jmap_api_store(g->c, store_mail_get(g->c->txn, n,
	    &mail))) != 1)
		return ret;
	if (jmap_api_store(g->c, store_mail_row(g->c->txn, &mail,
	    &m.row)) != 1)
		return -1;
	if (eg->threads != NULL && jmap_api_add(g->c->req, eg->threads, tid,
	    store_id_thread(mail.tid, tid)) == -1)
		return -1;
	/* a bomb of bodies is not read to its end */
	if (eg->nslow > 0 && jmap_api_spent(g->c->req))
		return -1;
	ret = get_object(&m, g->c->out);
	get_close(&m);
	return ret == -1 ? -1 : 1;
}

int
email_get_parsed(struct jmap_get *g, struct email_src *src,
    const struct store_newmail *nm, struct buf *b)
{
	struct email_get	*eg = g->arg;
	struct getmail		 m;

	memset(&m, 0, sizeof(m));
	m.c = g->c;
	m.eg = eg;
	m.w = &eg->work;
	if (!eg->ready && get_ready(g, eg) == -1)
		return -1;
	memcpy(m.row.frag, nm->frag, sizeof(m.row.frag));
	m.row.frag[STORE_F_RECEIVEDAT] = SLICE(NULL, 0);
	m.w->src = *src;
	m.open = m.have = 1;
	if (email_struct_get(src->arena, nm->structure, &m.w->st) != 1)
		return -1;
	return get_object(&m, b);
}

/* Ready to read the message; closed when its object is written. */
static void
get_open(struct getmail *m)
{
	if (m->open)
		return;
	arena_init(&m->w->scratch, GET_SCRATCH);
	email_src_init(&m->w->src, m->c->txn, &m->w->scratch, m->row.blob,
	    m->mail->size);
	if (store_view_who(m->c->txn) != 0)
		m->w->src.blob.eid = STORE_EID(m->mail->id);
	m->open = 1;
}

static void
get_close(struct getmail *m)
{
	if (m->open)
		arena_free(&m->w->scratch);
	m->open = m->have = m->w->smime.known = 0;
}

static int
get_object(struct getmail *m, struct buf *b)
{
	int	 ret;

	js_out_obj(b);
	if ((ret = email_get_fast(m, b)) == 0 &&
	    (m->eg->nslow > 0 || m->eg->nhdr > 0))
		ret = get_slow(m, b);
	js_out_end(b, '}');
	return ret;
}

/* --- which properties ---------------------------------------------------- */

/* What the client wants, sorted into ways of having it: once a call. */
static int
get_ready(struct jmap_get *g, struct email_get *eg)
{
	const struct getprop	*p;
	size_t			 i;

	for (i = 0; i < g->type->nprops; i++) {
		if (!(g->want & ((uint64_t)1 << i)))
			continue;
		p = &getprops[i];
		if (p->kind >= GET_ATTACHMENTS)
			eg->slow[eg->nslow++] = p;
		else {
			eg->fast[eg->nfast++] = p;
			eg->keylen += p->len;
		}
	}
	eg->hdr = arena_array(&g->c->req->arena, g->more.n + 1,
	    sizeof(*eg->hdr));
	if (eg->hdr == NULL)
		return -1;
	for (i = 0; i < g->more.n; i++)
		if (email_json_prop(g->more.id[i], &eg->hdr[eg->nhdr]))
			eg->nhdr++;
	eg->ready = 1;
	return 0;
}

/* In an account that is shared with the user blobs have other ids. */
static int
get_shared(struct jmap_get *g, struct email_get *eg)
{
	struct getprop	*own;
	size_t		 i;

	for (i = 0; i < eg->nfast; i++) {
		if (eg->fast[i]->kind != GET_FRAG ||
		    eg->fast[i]->frag != STORE_F_BLOBID)
			continue;
		if ((own = arena_get(&g->c->req->arena,
		    sizeof(*own))) == NULL)
			return -1;
		*own = *eg->fast[i];
		own->kind = GET_BLOB;
		eg->fast[i] = own;
	}
	return 0;
}

/* --- made ---------------------------------------------------------------- */

int
email_get_big(struct getmail *m, const struct getprop *prop, struct buf *b)
{
	struct email_hdr	 h;

	if (!email_json_prop(prop->field, &h) || get_structure(m) == -1)
		return -1;
	return get_header(m, &h, b);
}

static int
get_slow(struct getmail *m, struct buf *b)
{
	size_t	 i;

	if (get_structure(m) == -1)
		return -1;
	for (i = 0; i < m->eg->nslow; i++) {
		js_out_key(b, m->eg->slow[i]->name);
		if (get_made(m, m->eg->slow[i]->kind, b) == -1)
			return get_failed(m);
	}
	for (i = 0; i < m->eg->nhdr; i++) {
		js_out_key(b, m->eg->hdr[i].prop);
		if (get_header(m, &m->eg->hdr[i], b) == -1)
			return -1;
	}
	return 0;
}

static int
get_structure(struct getmail *m)
{
	struct email_src	*src = &m->w->src;
	struct slice		 rec;
	const uint8_t		*raw;

	if (m->have)
		return 0;
	get_open(m);
	if (jmap_api_store(m->c, store_mail_structure(m->c->txn, m->mail,
	    &rec)) != 1)
		return -1;
	switch (email_struct_get(src->arena, rec, &m->w->st)) {
	case 1:
		break;
	case 0:		/* of another version, or damaged: as at delivery */
		if ((raw = email_src_bytes(src, 0, src->size)) == NULL)
			return get_failed(m);
		if (email_struct_make(src->arena, raw, src->size,
		    &m->w->st) == -1)
			return -1;
		break;
	default:
		return -1;
	}
	m->have = 1;
	return 0;
}

static int
get_made(struct getmail *m, enum getkind kind, struct buf *b)
{
	const struct email_fetch	*f = &m->eg->fetch;
	struct email_src		*src = &m->w->src;
	struct email_struct		*st = &m->w->st;
	const struct mime_body		*l = &st->body;
	struct mime_msg			*head;

	switch (kind) {
	case GET_STRUCTURE:
		return email_body_structure(src, st, f, b);
	case GET_TEXTBODY:
		return email_body_list(src, st, f, l->text, l->ntext, b);
	case GET_HTMLBODY:
		return email_body_list(src, st, f, l->html, l->nhtml, b);
	case GET_ATTACHMENTS:
		return email_body_list(src, st, f, l->attach, l->nattach, b);
	case GET_VALUES:
		return email_body_values(src, st, f, b);
	case GET_HEADERS:
		head = email_src_head(src, st);
		return head == NULL ? -1 :
		    email_json_headers(b, src->arena, head, 0);
	case GET_SMIME:
	case GET_SMIMEWAS:
	case GET_SMIMEERRORS:
	case GET_SMIMEAT:
		return email_smime_put(src, st, m->mail == NULL ? 0 :
		    m->mail->received, &m->w->smime, kind - GET_SMIME, b);
	default:
		return -1;
	}
}

static int
get_header(struct getmail *m, const struct email_hdr *h, struct buf *b)
{
	struct email_src	*src = &m->w->src;
	struct mime_msg		*head;

	if ((head = email_src_head(src, &m->w->st)) == NULL ||
	    email_json_header(b, src->arena, head, 0, h) == -1)
		return get_failed(m);
	return 0;
}

/* Tell the call why, when it was the store. */
static int
get_failed(struct getmail *m)
{
	if (m->w->src.err != STORE_OK)
		jmap_api_store(m->c, m->w->src.err == STORE_NOTFOUND ?
		    STORE_CORRUPT : m->w->src.err);
	return -1;
}

/* --- for Email/set ------------------------------------------------------- */

int
email_get_one(struct jmap_call *c, const struct store_mail *mail,
    const char *prop, struct buf *b)
{
	struct email_get		 eg;
	struct getmail			 m;
	const struct getprop		*p;
	struct getprop			 bare;
	struct email_hdr		 h;
	int				 ret;

	memset(&eg, 0, sizeof(eg));
	memset(&m, 0, sizeof(m));
	m.c = c;
	m.eg = &eg;
	m.mail = mail;
	m.w = &eg.work;
	p = bsearch(prop, getprops, nitems(getprops), sizeof(getprops[0]),
	    getprop_cmp);
	if (p == NULL && !email_json_prop(prop, &h))
		return 0;
	if (jmap_api_store(c, store_mail_row(c->txn, mail, &m.row)) != 1)
		return -1;
	if (p == NULL)
		ret = get_structure(&m) == -1 ? -1 : get_header(&m, &h, b);
	else if (p->kind < GET_ATTACHMENTS) {
		bare = *p;		/* the value, no key */
		bare.key = ",";
		bare.len = 1;
		if (c->shared && p->kind == GET_FRAG &&
		    p->frag == STORE_F_BLOBID)
			bare.kind = GET_BLOB;
		eg.fast[eg.nfast++] = &bare;
		ret = email_get_fast(&m, b);
	} else
		ret = email_body_all(c, &eg.fetch) != NULL ||
		    get_structure(&m) == -1 ? -1 : get_made(&m, p->kind, b);
	get_close(&m);
	return ret == -1 ? -1 : 1;
}

static int
getprop_cmp(const void *name, const void *row)
{
	return strcmp(name, ((const struct getprop *)row)->name);
}
