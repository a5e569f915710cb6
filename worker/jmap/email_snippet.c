/* SPDX-License-Identifier: ISC */
/*
 * SearchSnippet/get (RFC 8621 5): where in subject and body the words of a
 * filter stand, marked.  Words match as the search index matches them
 * (store_mark.c), phrases as email_look.c does.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "common/utf8.h"
#include "worker/jmap/email.h"
#include "worker/store/store_search.h"

#define SNIPPET_LEN	255	/* octets of a preview (RFC 8621 5) */
#define SNIPPET_BEFORE	60	/* bytes shown before the first match */
#define SNIPPET_BODY	(512 * 1024)	/* of the body that is looked at */
#define SNIPPET_TEXTS	64	/* conditions with text */
#define SNIPPET_MARKS	256	/* matches in one text */

struct phrase {
	const char	*text;		/* folded */
	unsigned	 in;
};
struct snippets {
	struct jmap_query	 q;
	struct jmap_ids		 ids;
	struct store_words	 words[SNIPPET_TEXTS];
	size_t			 nwords;
	struct store_marker	*marker;	/* of the words, or NULL */
	struct phrase		 phrase[SNIPPET_TEXTS];
	size_t			 nphrase;
	struct jmap_ids		 missing;
};
/* A text folded, and for each byte of that where it comes from. */
struct folded {
	char		*s;
	uint32_t	*at;		/* n + 1 of them */
	size_t		 n;
};
struct range {
	size_t	 from, to;		/* bytes of the text */
};
struct marks {
	struct range	 v[SNIPPET_MARKS];
	size_t		 n;
	size_t		 enough;	/* bytes after the first that count */
};

static const struct jmap_error *snippet_args(struct snippets *);
static const struct jmap_error *snippet_all(struct snippets *);
static int	snippet_filter(struct snippets *, const struct jmap_filter *);
static int	snippet_text(struct snippets *, const char *, unsigned);
static int	snippet_one(struct snippets *, const char *);
static void	snippet_put(struct snippets *, struct arena *,
		    struct email_src *, struct buf *);
static int	snippet_fold(struct arena *, const char *, size_t,
		    struct folded *);
static size_t	snippet_fold_cp(uint32_t, char *, size_t);
static int	snippet_found(void *, size_t, size_t);
static void	snippet_phrases(const struct snippets *, struct arena *,
		    unsigned, const char *, size_t, struct marks *);
static void	snippet_tidy(struct marks *);
static int	snippet_range_cmp(const void *, const void *);
static int	snippet_mark(struct snippets *, struct arena *, unsigned,
		    const char *, size_t, size_t, struct buf *);
static void	snippet_out(const struct marks *, const char *, size_t,
		    size_t, struct buf *);
static size_t	snippet_char(struct buf *, const char *, size_t);

const struct jmap_error *
email_snippet(struct jmap_call *c)
{
	const struct jmap_error	*err;
	struct snippets		*s;

	if ((s = arena_get(&c->req->arena, sizeof(*s))) == NULL)
		return &jmap_error_server_fail;
	s->q.c = c;
	s->q.type = &email_type;
	if ((err = snippet_args(s)) == NULL) {
		if (s->nwords > 0)
			s->marker = store_mark_new(s->words, s->nwords);
		err = snippet_all(s);
		store_mark_free(s->marker);
	}
	return err;
}

static const struct jmap_error *
snippet_all(struct snippets *s)
{
	struct jmap_call	*c = s->q.c;
	size_t			 i;

	js_out_obj(c->out);
	jmap_api_account(c);
	js_out_key(c->out, "list");
	js_out_arr(c->out);
	for (i = 0; i < s->ids.n; i++) {
		if (snippet_one(s, s->ids.id[i]) == -1)
			return jmap_api_lost(c);
		if (jmap_api_spent(c->req))
			return jmap_error_say(c, &jmap_error_request_too_large,
			    "too many emailIds to look into");
	}
	js_out_end(c->out, ']');
	jmap_setout_ids(c->out, "notFound", &s->missing);
	js_out_end(c->out, '}');
	return NULL;
}

static const struct jmap_error *
snippet_args(struct snippets *s)
{
	const struct jmap_error	*err;
	struct jmap_call	*c = s->q.c;
	struct js_val		*filter = NULL, *sent = NULL;
	struct js_rd		 rd;
	const char		*account;

	js_rd_init(&rd, c->args, "");
	js_rd_id(&rd, "accountId", &account);
	js_rd_obj_null(&rd, "filter", &filter);
	js_rd_ids(&rd, "emailIds", &sent);
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	if (js_len(sent) > c->req->env->limits->max_objects_in_get)
		return jmap_error_say(c, &jmap_error_request_too_large,
		    "more emailIds than maxObjectsInGet");
	if ((err = jmap_query_filter(&s->q, filter)) != NULL)
		return err;
	if (jmap_ids_take(c->req, sent, &s->ids) == -1 ||
	    (s->q.filter != NULL && snippet_filter(s, s->q.filter) == -1))
		return jmap_api_lost(c);
	return NULL;
}

/* --- what to look for ---------------------------------------------------- */

/* Every text that may make a mail match.  Depth is bounded by jmap_query.c. */
static int
snippet_filter(struct snippets *s, const struct jmap_filter *f)
{
	const struct jmap_filter_term	*t;
	size_t				 i;

	if (f->op == JMAP_NOT)
		return 0;
	for (i = 0; i < f->nkids; i++)
		if (snippet_filter(s, &f->kids[i]) == -1)
			return -1;
	for (t = f->terms; t < f->terms + f->nterms; t++) {
		if ((t->cond->code == EMAIL_Q_TEXT && snippet_text(s, t->str,
		    STORE_IN_SUBJECT | STORE_IN_BODY |
		    STORE_IN_ATTACHMENT) == -1) ||
		    (t->cond->code == EMAIL_Q_SUBJECT && snippet_text(s,
		    t->str, STORE_IN_SUBJECT) == -1) ||
		    (t->cond->code == EMAIL_Q_BODY && snippet_text(s, t->str,
		    STORE_IN_BODY | STORE_IN_ATTACHMENT) == -1))
			return -1;
	}
	return 0;
}

static int
snippet_text(struct snippets *s, const char *text, unsigned in)
{
	struct email_text	 t;
	size_t			 i;

	if (email_text_parse(&s->q.c->req->arena, text, &t) == -1)
		return -1;
	for (i = 0; i < t.nphrase && s->nphrase < SNIPPET_TEXTS; i++)
		if (*t.phrase[i] != '\0')
			s->phrase[s->nphrase++] = (struct phrase){
			    t.phrase[i], in };
	if (*t.loose != '\0' && s->nwords < SNIPPET_TEXTS)
		s->words[s->nwords++] = (struct store_words){ in,
		    SLICE_STR(t.loose), 0 };
	return 0;
}

/* --- one mail ------------------------------------------------------------ */

static int
snippet_one(struct snippets *s, const char *id)
{
	struct jmap_call	*c = s->q.c;
	struct store_mail	 mail;
	struct store_row	 row;
	struct email_src	 src;
	struct arena		 a;
	uint64_t		 n;
	int			 ret = 0;

	if (store_id_mail_get(id, strlen(id), &n) == 0)
		ret = jmap_api_store(c, store_mail_get(c->txn, n, &mail));
	if (ret == 0)
		return jmap_api_add(c->req, &s->missing, id, strlen(id));
	if (ret == -1 || jmap_api_store(c, store_mail_row(c->txn, &mail,
	    &row)) != 1)
		return -1;
	js_out_obj(c->out);
	js_out_key(c->out, "emailId");
	js_out_s(c->out, id);
	arena_init(&a, 4 * MIME_ARENA);
	email_src_init(&src, c->txn, &a, row.blob, mail.size);
	snippet_put(s, &a, &src, c->out);
	arena_free(&a);
	js_out_end(c->out, '}');
	if (src.err != STORE_OK && src.err != STORE_NOTFOUND)
		return jmap_api_store(c, src.err) == -1 ? -1 : 0;
	return 0;
}

/* "If the server is unable to determine search snippets": both null. */
static void
snippet_put(struct snippets *s, struct arena *a, struct email_src *src,
    struct buf *b)
{
	struct store_newmail	 m;
	struct mime_msg		*msg = NULL;
	struct mime_row		 row;
	const struct store_text	*t;
	const uint8_t		*raw;
	size_t			 i;
	int			 ok, done = 0;

	memset(&m, 0, sizeof(m));
	ok = s->marker != NULL || s->nphrase > 0;
	ok = ok && (raw = email_src_bytes(src, 0, src->size)) != NULL &&
	    (msg = mime_parse(a, raw, src->size)) != NULL &&
	    mime_row_heads(a, msg, &row) == 0 &&
	    email_index_texts(a, msg, &row, &m) == 0;
	if (ok && s->marker != NULL)
		store_mark_learn(s->marker, m.text, m.ntext, m.language);
	js_out_key(b, "subject");
	if (!ok || row.subject == NULL || !snippet_mark(s, a,
	    STORE_IN_SUBJECT, row.subject, strlen(row.subject), SIZE_MAX, b))
		js_out_null(b);
	js_out_key(b, "preview");
	/* the body stands before what is attached */
	for (i = 0; ok && i < m.ntext && !done; i++) {
		t = &m.text[i];
		if (t->in == STORE_IN_BODY || t->in == STORE_IN_ATTACHMENT)
			done = snippet_mark(s, a, t->in, t->text.p,
			    t->text.n < SNIPPET_BODY ? t->text.n :
			    utf8_cut(t->text.p, SNIPPET_BODY), SNIPPET_LEN,
			    b);
	}
	if (!done)
		js_out_null(b);
}

/* --- where matches are --------------------------------------------------- */

static int
snippet_found(void *arg, size_t from, size_t to)
{
	struct marks	*m = arg;

	if (m->n == SNIPPET_MARKS ||
	    (m->n > 0 && from > m->v[0].from + m->enough))
		return 1;
	if (to > from)
		m->v[m->n++] = (struct range){ from, to };
	return 0;
}

/* Phrases stand in the folded text between the ends of words. */
static void
snippet_phrases(const struct snippets *s, struct arena *a, unsigned in,
    const char *text, size_t n, struct marks *m)
{
	const struct phrase	*p;
	struct folded		 f;
	size_t			 i, k;

	if (s->nphrase == 0 || snippet_fold(a, text, n, &f) == -1)
		return;
	for (i = 0; i < f.n; i++)
		for (p = s->phrase; p < s->phrase + s->nphrase; p++) {
			if (!(p->in & in) || f.s[i] != p->text[0] ||
			    email_text_inside(f.s, f.s + i) ||
			    (k = email_text_at(f.s + i, p->text)) == 0 ||
			    email_text_inside(f.s, f.s + i + k))
				continue;
			if (snippet_found(m, f.at[i], f.at[i + k]))
				return;
		}
}

static int
snippet_range_cmp(const void *a, const void *b)
{
	const struct range	*x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* In order, and none within or beside another. */
static void
snippet_tidy(struct marks *m)
{
	size_t	 i, n = 0;

	if (m->n > 1)
		qsort(m->v, m->n, sizeof(m->v[0]), snippet_range_cmp);
	for (i = 0; i < m->n; i++)
		if (n > 0 && m->v[i].from <= m->v[n - 1].to) {
			if (m->v[i].to > m->v[n - 1].to)
				m->v[n - 1].to = m->v[i].to;
		} else
			m->v[n++] = m->v[i];
	m->n = n;
}

/* Append the text with its matches marked, at most max octets: 1, or 0 there
 * is none. */
static int
snippet_mark(struct snippets *s, struct arena *a, unsigned in,
    const char *text, size_t n, size_t max, struct buf *out)
{
	static struct marks	 m;

	m.n = 0;
	m.enough = SIZE_MAX / 2;
	if (max != SIZE_MAX)
		m.enough = max;
	if (s->marker != NULL)
		store_mark_find(s->marker, in, SLICE(text, n), snippet_found,
		    &m);
	snippet_phrases(s, a, in, text, n, &m);
	if (m.n == 0)
		return 0;
	snippet_tidy(&m);
	snippet_out(&m, text, n, max, out);
	return 1;
}

/* --- what is shown ------------------------------------------------------- */

static void
snippet_out(const struct marks *m, const char *text, size_t n, size_t max,
    struct buf *out)
{
	const struct range	*r = m->v, *end = m->v + m->n;
	struct buf		 b;
	size_t			 at = 0, used;
	int			 open = 0;

	buf_init(&b, max == SIZE_MAX ? 16 * n + 64 : max);
	if (max != SIZE_MAX && r->from > SNIPPET_BEFORE) {
		at = r->from - SNIPPET_BEFORE;
		while (at < r->from && text[at] != ' ' && text[at] != '\n')
			at++;
		buf_adds(&b, "...");
	}
	while (at < n) {
		if (open && at >= r->to) {
			buf_adds(&b, "</mark>");
			open = 0;
			r++;
		}
		/* room for the longest that may follow, and for the ends */
		used = b.len + (open ? 7 : 0) + 8 + 3;
		if (used + (!open && r < end && at >= r->from ? 13 : 0) >
		    b.max)
			break;
		if (!open && r < end && at >= r->from) {
			buf_adds(&b, "<mark>");
			open = 1;
		}
		at += snippet_char(&b, text + at, n - at);
	}
	if (open)
		buf_adds(&b, "</mark>");
	if (at < n)
		buf_adds(&b, "...");
	js_out_str(out, b.data, b.len);
	buf_free(&b);
}

/* One character as HTML; white space as one blank.  Bytes it took. */
static size_t
snippet_char(struct buf *b, const char *p, size_t n)
{
	uint32_t	 cp;
	size_t		 k;

	if (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') {
		for (k = 1; k < n && (p[k] == ' ' || p[k] == '\n' ||
		    p[k] == '\t' || p[k] == '\r'); k++)
			;
		buf_addc(b, ' ');
		return k;
	}
	if (*p == '&' || *p == '<' || *p == '>') {
		buf_adds(b, *p == '&' ? "&amp;" : *p == '<' ? "&lt;" :
		    "&gt;");
		return 1;
	}
	if ((k = utf8_get((const uint8_t *)p, n, &cp)) == 0)
		return 1;
	buf_add(b, p, k);
	return k;
}

/* --- folding ------------------------------------------------- */

static int
snippet_fold(struct arena *a, const char *p, size_t n, struct folded *f)
{
	char		 one[64];
	uint32_t	 cp;
	size_t		 i, k, len, j;

	memset(f, 0, sizeof(*f));
	/* a character takes at most 18 times the room, and hardly ever more
	 * than its own: what does not fit is not found */
	if ((f->s = arena_get(a, 2 * n + 64)) == NULL ||
	    (f->at = arena_array(a, 2 * n + 65, sizeof(*f->at))) == NULL)
		return -1;
	for (i = 0; i < n; i += k) {
		if ((k = utf8_get((const uint8_t *)p + i, n - i, &cp)) == 0) {
			k = 1;
			cp = ' ';
		}
		len = snippet_fold_cp(cp, one, sizeof(one));
		if (len == 1 && one[0] == ' ' &&
		    (f->n == 0 || f->s[f->n - 1] == ' '))
			continue;
		if (f->n + len > 2 * n + 63)
			break;
		for (j = 0; j < len; j++) {
			f->at[f->n] = (uint32_t)i;
			f->s[f->n++] = one[j];
		}
		f->at[f->n] = (uint32_t)(i + k);
	}
	f->s[f->n] = '\0';
	return 0;
}

static size_t
snippet_fold_cp(uint32_t cp, char *out, size_t max)
{
	utf8proc_int32_t	 v[18];
	utf8proc_ssize_t	 n, i;
	size_t			 len = 0;
	int			 bound = 0;

	if (cp <= ' ') {
		out[0] = ' ';
		return 1;
	}
	if (cp < 0x80) {
		out[0] = (char)utf8_lower((int)cp);
		return 1;
	}
	/* as email_text_fold does, a character at a time */
	n = utf8proc_decompose_char((utf8proc_int32_t)cp, v, 18,
	    UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
	    UTF8PROC_CASEFOLD, &bound);
	if (n > 0 && n <= 18)
		n = utf8proc_normalize_utf32(v, n, UTF8PROC_STABLE |
		    UTF8PROC_COMPOSE);
	for (i = 0; i < n && i < 18 && len + 4 <= max; i++)
		len += utf8_put((uint32_t)v[i], (uint8_t *)out + len);
	return len;
}
