/* SPDX-License-Identifier: ISC */
/*
 * A filter of Email/query (RFC 8621 4.4.1) made ready, and one mail against
 * it.  What the mailbox index can decide is handed to store_query; words are
 * looked up once in the search index; the message itself is read only for
 * phrases and header fields (email_look.c), of mails that everything cheaper
 * has passed.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "worker/jmap/email.h"
#include "worker/store/store_search.h"

#define MATCH_DEPTH	16	/* of operators; jmap_query.c allows fewer */
#define MATCH_SCRATCH	(MIME_ARENA * 2)
#define MATCH_NEEDLES	8	/* of one field, asked of the index */

enum { COST_STATE, COST_HITS, COST_THREAD, COST_BYTES };	/* of a leaf */

static const struct {
	int		 cost;
	unsigned	 in;		/* STORE_IN_ fields of a text */
	unsigned	 uses;
} codes[] = {
	[EMAIL_Q_AFTER]		= { COST_STATE, 0, 0 },
	[EMAIL_Q_ALLTHREAD]	= { COST_THREAD, 0, EMAIL_USES_THREAD },
	[EMAIL_Q_BCC]		= { COST_HITS, STORE_IN_BCC, 0 },
	[EMAIL_Q_BEFORE]	= { COST_STATE, 0, 0 },
	[EMAIL_Q_BODY]		= { COST_HITS, STORE_IN_BODY |
				    STORE_IN_ATTACHMENT, 0 },
	[EMAIL_Q_CC]		= { COST_HITS, STORE_IN_CC, 0 },
	[EMAIL_Q_FROM]		= { COST_HITS, STORE_IN_FROM, 0 },
	[EMAIL_Q_HASATTACHMENT]	= { COST_STATE, 0, 0 },
	[EMAIL_Q_HASKEYWORD]	= { COST_STATE, 0, EMAIL_USES_KEYWORD },
	[EMAIL_Q_HEADER]	= { COST_BYTES, 0, 0 },
	[EMAIL_Q_MAILBOX]	= { COST_STATE, 0, 0 },
	[EMAIL_Q_MAXSIZE]	= { COST_STATE, 0, 0 },
	[EMAIL_Q_MINSIZE]	= { COST_STATE, 0, 0 },
	[EMAIL_Q_NONETHREAD]	= { COST_THREAD, 0, EMAIL_USES_THREAD },
	[EMAIL_Q_NOTKEYWORD]	= { COST_STATE, 0, EMAIL_USES_KEYWORD },
	[EMAIL_Q_OTHERTHAN]	= { COST_STATE, 0, 0 },
	[EMAIL_Q_SMIME]		= { COST_BYTES, 0, 0 },
	[EMAIL_Q_SMIMEGOOD]	= { COST_BYTES, 0, 0 },
	[EMAIL_Q_SMIMEWAS]	= { COST_BYTES, 0, 0 },
	[EMAIL_Q_SOMETHREAD]	= { COST_THREAD, 0, EMAIL_USES_THREAD },
	[EMAIL_Q_SUBJECT]	= { COST_HITS, STORE_IN_SUBJECT, 0 },
	[EMAIL_Q_TEXT]		= { COST_HITS, STORE_IN_ANY, 0 },
	[EMAIL_Q_TO]		= { COST_HITS, STORE_IN_TO, 0 },
};

static int	match_node(struct email_match *, const struct jmap_filter *,
		    struct email_node *, unsigned);
static int	match_leaf(struct email_match *,
		    const struct jmap_filter_term *, struct email_node *);
static int	match_boxes(struct email_match *, struct js_val *,
		    struct email_node *);
static int	match_header(struct email_match *, struct js_val *,
		    struct email_node *);
static int	match_needles(struct email_match *, const char *,
		    struct email_node *);
static int	match_needle_words(const char *, struct buf *, size_t *);
static int	match_header_words(struct email_match *, struct email_node *);
static int	match_alnum(int);
static int	match_text(struct email_match *, const char *,
		    struct email_node *);
static int	match_ask(struct email_match *, const struct store_words *,
		    size_t, struct email_node *);
static int	match_only(struct email_match *, const struct email_node *);
static int	match_cmp(const void *, const void *);
static void	match_lift(struct email_match *, struct email_node *,
		    struct store_query *);
static int	match_lift_leaf(struct email_match *,
		    const struct email_node *, struct store_query *);
static void	match_node_free(struct email_node *);
static int	match_eval(struct email_match *, const struct email_node *,
		    struct store_txn *, const struct store_mail *);
static int	match_eval_leaf(struct email_match *,
		    const struct email_node *, struct store_txn *,
		    const struct store_mail *);
static int	match_other(const struct email_node *,
		    const struct store_mail *);
static int	match_thread(struct email_match *, const struct email_node *,
		    struct store_txn *, const struct store_mail *);

static int
match_alnum(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* --- compile ------------------------------------------------------------- */

const struct jmap_error *
email_match_init(struct email_match *m, struct jmap_call *c,
    const struct jmap_filter *f, struct store_query *sq)
{
	memset(m, 0, sizeof(*m));
	memset(sq, 0, sizeof(*sq));
	m->c = c;
	arena_init(&m->scratch, MATCH_SCRATCH);
	m->root.op = JMAP_AND;
	if (f == NULL)
		return NULL;
	m->root.kids = arena_get(&c->req->arena, sizeof(*m->root.kids));
	if (m->root.kids == NULL)
		return &jmap_error_server_fail;
	m->root.nkids = 1;
	if (match_node(m, f, &m->root.kids[0], 0) == -1)
		return m->bad != NULL ? m->bad : jmap_api_lost(c);
	match_lift(m, &m->root, sq);
	if (c->store_err != STORE_OK)
		return jmap_api_lost(c);
	if (m->driven) {
		sq->only = &m->only;
		m->empty |= m->only.n == 0;
	}
	m->rest = m->root.nkids > 0;
	if (m->rest) {
		sq->match = email_match_fn;
		sq->arg = m;
	}
	return NULL;
}

void
email_match_free(struct email_match *m)
{
	match_node_free(&m->root);
	store_ids_free(&m->only);
	arena_free(&m->scratch);
}

static void
match_node_free(struct email_node *n)
{
	size_t	 i;

	store_ids_free(&n->hits);
	for (i = 0; i < n->nkids; i++)
		match_node_free(&n->kids[i]);
}

static int
match_node(struct email_match *m, const struct jmap_filter *f,
    struct email_node *n, unsigned depth)
{
	size_t	 i, nkids = f->op == JMAP_COND ? f->nterms : f->nkids;

	n->op = f->op == JMAP_COND ? JMAP_AND : f->op;
	if (depth > MATCH_DEPTH) {
		m->bad = &jmap_error_unsupported_filter;
		return -1;
	}
	n->kids = arena_array(&m->c->req->arena, nkids + 1, sizeof(*n->kids));
	if (n->kids == NULL)
		return -1;
	for (i = 0; i < nkids; i++) {
		n->nkids++;
		if (f->op == JMAP_COND) {
			if (match_leaf(m, &f->terms[i], &n->kids[i]) == -1)
				return -1;
		} else if (match_node(m, &f->kids[i], &n->kids[i],
		    depth + 1) == -1)
			return -1;
		if (n->kids[i].cost > n->cost)
			n->cost = n->kids[i].cost;
	}
	if (nkids > 1)
		qsort(n->kids, nkids, sizeof(*n->kids), match_cmp);
	return 0;
}

static int
match_cmp(const void *a, const void *b)
{
	const struct email_node	*x = a, *y = b;

	return x->cost - y->cost;
}

static int
match_leaf(struct email_match *m, const struct jmap_filter_term *t,
    struct email_node *n)
{
	const char	*s = t->str != NULL ? t->str : "";

	n->op = JMAP_COND;
	n->code = (enum email_code)t->cond->code;
	n->cost = codes[n->code].cost;
	n->in = codes[n->code].in;
	n->num = t->num;
	m->uses |= codes[n->code].uses;
	m->boxes += n->code == EMAIL_Q_MAILBOX || n->code == EMAIL_Q_OTHERTHAN;
	switch (n->code) {
	case EMAIL_Q_ALLTHREAD:
	case EMAIL_Q_HASKEYWORD:
	case EMAIL_Q_NONETHREAD:
	case EMAIL_Q_NOTKEYWORD:
	case EMAIL_Q_SOMETHREAD:
		n->slot = store_keyword(m->c->txn, s, strlen(s));
		return 0;
	case EMAIL_Q_MAILBOX:
		if (store_id_mailbox_get(s, strlen(s), &n->mailbox) == -1)
			n->mailbox = 0;		/* nothing is in that */
		return 0;
	case EMAIL_Q_OTHERTHAN:
		return match_boxes(m, t->val, n);
	case EMAIL_Q_HEADER:
		return match_header(m, t->val, n);
	case EMAIL_Q_SMIME:
	case EMAIL_Q_SMIMEGOOD:
	case EMAIL_Q_SMIMEWAS:
		if (m->c->req->using & JMAP_CAP_SMIME)
			return 0;
		m->bad = &jmap_error_unsupported_filter;
		return -1;
	default:
		return n->in != 0 ? match_text(m, s, n) : 0;
	}
}

static int
match_boxes(struct email_match *m, struct js_val *list, struct email_node *n)
{
	const char	*s;
	size_t		 i;

	n->boxes = arena_array(&m->c->req->arena, js_len(list) + 1,
	    sizeof(*n->boxes));
	if (n->boxes == NULL)
		return -1;
	for (i = 0; i < js_len(list); i++) {
		s = js_str(js_at(list, i));
		if (s[0] == '#' && (s = jmap_api_real(m->c->req, s)) == NULL)
			continue;
		if (store_id_mailbox_get(s, strlen(s),
		    &n->boxes[n->nboxes]) == 0)
			n->nboxes++;
	}
	return 0;
}

static int
match_header(struct email_match *m, struct js_val *list, struct email_node *n)
{
	/* "The array MUST contain either one or two elements" */
	if (js_len(list) < 1 || js_len(list) > 2) {
		m->bad = jmap_error_say(m->c, &jmap_error_invalid_arguments,
		    "filter/header: one or two strings");
		return -1;
	}
	n->name = js_str(js_at(list, 0));
	if (js_len(list) == 2 && match_needles(m, js_str(js_at(list, 1)),
	    n) == -1)
		return -1;
	return match_header_words(m, n);
}

/* The words and phrases of a text, each of which the field must hold. */
static int
match_needles(struct email_match *m, const char *s, struct email_node *n)
{
	struct arena		*a = &m->c->req->arena;
	struct email_text	 t;
	const char		*p;
	size_t			 i, k, max;

	if (email_text_parse(a, s, &t) == -1)
		return -1;
	max = t.nphrase + strlen(t.loose);
	if ((n->needle = arena_array(a, max + 1, sizeof(*n->needle))) == NULL)
		return -1;
	for (p = t.loose; *p != '\0'; p += k + 1) {
		k = strcspn(p, " ");
		if ((n->needle[n->nneedle++] = email_text_fold(a, p,
		    k)) == NULL)
			return -1;
	}
	for (i = 0; i < t.nphrase; i++)
		n->needle[n->nneedle++] = t.phrase[i];
	return 0;
}

/*
 * Which mails have the field is in the index, and of some fields the words.
 * The text may begin or end within a word: of the first and last only what
 * is whole is asked for, a beginning as such.
 */
static int
match_header_words(struct email_match *m, struct email_node *n)
{
	struct store_words	 w[MATCH_NEEDLES + 1];
	struct buf		 b[MATCH_NEEDLES];
	size_t			 i, len = strlen(n->name), nw = 1, nb = 0;
	int			 r;

	if (len == 0 || len > 62)
		return 0;		/* not in the index */
	for (i = 0; i < len; i++)
		if (n->name[i] <= ' ' || n->name[i] > '~')
			return 0;
	w[0] = (struct store_words){ STORE_IN_NAMES, SLICE(n->name, len), 1 };
	if (email_index_worded(n->name))
		for (; nb < n->nneedle && nb < MATCH_NEEDLES; nb++) {
			buf_init(&b[nb], strlen(n->needle[nb]) + 2);
			if (match_needle_words(n->needle[nb], &b[nb], &i))
				w[nw++] = (struct store_words){
				    STORE_IN_HEADER, SLICE(b[nb].data + i,
				    b[nb].len - i), 1 };
		}
	r = match_ask(m, w, nw, n);
	for (i = 0; i < nb; i++)
		buf_free(&b[i]);
	return r;
}

/* What of a needle the index knows: 1 and from where in b, or 0. */
static int
match_needle_words(const char *p, struct buf *b, size_t *from)
{
	size_t	 i;

	while (match_alnum(*p))		/* folded: lower case */
		p++;
	for (; *p != '\0' && (unsigned char)*p < 0x80; p++)
		buf_addc(b, match_alnum(*p) ? *p : ' ');
	if (*p != '\0')
		b->len = 0;
	else if (b->len > 0 && b->data[b->len - 1] != ' ')
		buf_addc(b, '*');
	for (i = 0; i < b->len && b->data[i] == ' '; i++)
		;
	*from = i;
	return i < b->len;
}

static int
match_text(struct email_match *m, const char *s, struct email_node *n)
{
	struct store_words	 w[2];
	size_t			 k = 0;

	n->anything = s[strspn(s, " \t\r\n")] == '\0';
	if (n->anything)
		return 0;
	if (email_text_parse(&m->c->req->arena, s, &n->text) == -1)
		return -1;
	if ((n->anything = n->text.words[0] == '\0'))
		return 0;
	if (n->text.nphrase > 0)
		n->cost = COST_BYTES;
	if (n->text.loose[0] != '\0')
		w[k++] = (struct store_words){ n->in,
		    SLICE_STR(n->text.loose), 0 };
	if (n->text.quoted[0] != '\0')
		w[k++] = (struct store_words){ n->in,
		    SLICE_STR(n->text.quoted), 1 };
	return match_ask(m, w, k, n);
}

static int
match_ask(struct email_match *m, const struct store_words *w, size_t k,
    struct email_node *n)
{
	enum store_err	 e;
	int		 usable = 0;

	e = store_search(m->c->txn, w, k, &n->hits, &usable);
	if (e == STORE_NOINDEX && n->code == EMAIL_Q_HEADER)
		return 0;		/* then every mail is looked at */
	n->listed = 1;
	if (e == STORE_NOINDEX)
		m->bad = jmap_error_say(m->c, &jmap_error_server_unavailable,
		    "the search index of this account is being made");
	else if (e == STORE_TOOMANY)
		m->bad = jmap_error_say(m->c, &jmap_error_unsupported_filter,
		    "too many words");
	else
		return jmap_api_store(m->c, e) == 1 ? 0 : -1;
	return -1;
}

/* Nothing but these mails can match. */
static int
match_only(struct email_match *m, const struct email_node *n)
{
	struct store_ids	*o = &m->only;

	if (m->driven) {
		store_ids_and(o, &n->hits);
		return 0;
	}
	m->driven = 1;
	if (n->hits.n == 0)
		return 0;
	if ((o->v = calloc(n->hits.n, sizeof(*o->v))) == NULL)
		return -1;
	memcpy(o->v, n->hits.v, n->hits.n * sizeof(*o->v));
	o->n = o->cap = n->hits.n;
	return 0;
}

/* Take from the conjunction what the index scan can do. */
static void
match_lift(struct email_match *m, struct email_node *n,
    struct store_query *sq)
{
	struct email_node	*kid;
	size_t			 i, kept = 0;
	int			 gone;

	for (i = 0; i < n->nkids; i++) {
		kid = &n->kids[i];
		gone = 0;
		if (kid->op == JMAP_AND) {
			match_lift(m, kid, sq);
			gone = kid->nkids == 0;
		} else if (kid->op == JMAP_COND)
			gone = match_lift_leaf(m, kid, sq);
		if (gone)
			match_node_free(kid);
		else if (kept++ != i)
			n->kids[kept - 1] = *kid;
	}
	n->nkids = kept;
}

static int
match_lift_leaf(struct email_match *m, const struct email_node *n,
    struct store_query *sq)
{
	struct store_mailbox	 mb;

	switch (n->code) {
	case EMAIL_Q_MAILBOX:
		if (sq->mailbox != 0 && sq->mailbox != n->mailbox)
			return 0;
		sq->mailbox = n->mailbox;
		m->boxes--;
		if (n->mailbox == 0 || store_mailbox_get(m->c->txn,
		    n->mailbox, &mb) != STORE_OK)
			m->empty = 1;
		return 1;
	case EMAIL_Q_HASKEYWORD:
		if (n->slot == -1)
			m->empty = 1;
		else if (n->slot > 63)
			return 0;
		else
			sq->all |= STORE_BIT(n->slot);
		return 1;
	case EMAIL_Q_NOTKEYWORD:
		if (n->slot > 63)
			return 0;
		if (n->slot != -1)
			sq->none |= STORE_BIT(n->slot);
		return 1;
	case EMAIL_Q_AFTER:
		if (n->num > sq->after)
			sq->after = n->num;
		return 1;
	case EMAIL_Q_BEFORE:
		if (n->num <= 0)	/* 0 would be "no bound" */
			m->empty = 1;
		else if (sq->before == 0 || n->num < sq->before)
			sq->before = n->num;
		return 1;
	default:
		if (n->in != 0 && n->anything)
			return 1;
		if (!n->listed)
			return 0;
		if (match_only(m, n) == -1)
			m->c->store_err = STORE_IO;
		/* what the index cannot decide stays */
		return n->code != EMAIL_Q_HEADER && n->text.nphrase == 0;
	}
}

/* --- one mail ------------------------------------------------------------ */

int
email_match_fn(void *arg, struct store_txn *txn, const struct store_mail *mail)
{
	struct email_match	*m = arg;

	if ((++m->asked & 0xff) == 0 && jmap_api_spent(m->c->req)) {
		m->spent = 1;
		return -1;
	}
	return match_eval(m, &m->root, txn, mail);
}

/* Depth is bounded by match_node. */
static int
match_eval(struct email_match *m, const struct email_node *n,
    struct store_txn *txn, const struct store_mail *mail)
{
	size_t	 i;
	int	 yes;

	if (n->op == JMAP_COND)
		return match_eval_leaf(m, n, txn, mail);
	for (i = 0; i < n->nkids; i++) {
		yes = match_eval(m, &n->kids[i], txn, mail);
		if (yes == -1)
			return -1;
		if (n->op == JMAP_AND && !yes)
			return 0;
		if (n->op != JMAP_AND && yes)
			return n->op == JMAP_OR;
	}
	/* RFC 8620 5.5: OR wants one, NOT wants none */
	return n->op != JMAP_OR;
}

static int
match_eval_leaf(struct email_match *m, const struct email_node *n,
    struct store_txn *txn, const struct store_mail *mail)
{
	switch (n->code) {
	case EMAIL_Q_AFTER:
		return mail->received >= n->num;
	case EMAIL_Q_BEFORE:
		return mail->received < n->num;
	case EMAIL_Q_MINSIZE:
		return mail->size >= n->num;
	case EMAIL_Q_MAXSIZE:
		return mail->size < n->num;
	case EMAIL_Q_HASATTACHMENT:
		return !mail->attachment == !n->num;
	case EMAIL_Q_HASKEYWORD:
		return store_mail_has(mail, n->slot);
	case EMAIL_Q_NOTKEYWORD:
		return !store_mail_has(mail, n->slot);
	case EMAIL_Q_MAILBOX:
		return n->mailbox != 0 && store_mail_in(mail, n->mailbox);
	case EMAIL_Q_OTHERTHAN:
		return match_other(n, mail);
	case EMAIL_Q_ALLTHREAD:
	case EMAIL_Q_SOMETHREAD:
	case EMAIL_Q_NONETHREAD:
		return match_thread(m, n, txn, mail);
	case EMAIL_Q_HEADER:
		if (n->listed && !store_ids_has(&n->hits,
		    STORE_EID(mail->id)))
			return 0;
		return email_look_field(m, n, txn, mail);
	case EMAIL_Q_SMIME:
	case EMAIL_Q_SMIMEGOOD:
	case EMAIL_Q_SMIMEWAS:
		return email_look_smime(m, n, txn, mail);
	default:
		if (n->anything)
			return 1;
		if (!store_ids_has(&n->hits, STORE_EID(mail->id)))
			return 0;
		return n->text.nphrase == 0 ||
		    email_look_phrases(m, n, txn, mail);
	}
}

static int
match_other(const struct email_node *n, const struct store_mail *mail)
{
	uint32_t	 mb;
	size_t		 i, k;

	for (i = 0; i < mail->nmailbox; i++) {
		mb = store_mail_mailbox(mail, i);
		for (k = 0; k < n->nboxes && n->boxes[k] != mb; k++)
			;
		if (k == n->nboxes)
			return 1;
	}
	return 0;
}

static int
match_thread(struct email_match *m, const struct email_node *n,
    struct store_txn *txn, const struct store_mail *mail)
{
	unsigned	 have = 0, all = 1;

	if (n->slot != -1 && jmap_api_store(m->c, store_thread_keyword(txn,
	    mail->tid, n->slot, &have, &all)) != 1)
		return -1;
	if (n->code == EMAIL_Q_ALLTHREAD)
		return have == all;
	return n->code == EMAIL_Q_SOMETHREAD ? have > 0 : have == 0;
}
