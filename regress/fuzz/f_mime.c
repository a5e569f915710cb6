/* SPDX-License-Identifier: ISC */
/*
 * All of worker/mime on any bytes: everything is parsed, decoded, shown and
 * searched, and what mime.h promises is checked; then the message is built
 * anew from what was found and must come back the same.
 */
#include "common/compat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/utf8.h"
#include "worker/mime/mime.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
is_string(const char *s)
{
	assert(s == NULL || utf8_valid(s, strlen(s)));
}

static void
check_part(struct arena *a, const struct mime_msg *m, uint32_t i)
{
	const struct mime_part	*p = &m->parts[i];
	struct mime_value	 v;
	struct buf		 b;
	size_t			 size;

	assert(p->end > i && p->end <= m->npart);
	assert(p->parent == MIME_NONE ? i == 0 : p->parent < i);
	assert(p->depth <= MIME_DEPTH);
	assert((size_t)p->body + p->bodylen <= m->len);
	assert((size_t)p->head + p->headlen <= m->len);
	assert(p->hdr + p->nhdr <= m->nhdr);
	assert((p->id == NULL) == (p->multipart != 0));
	assert(p->type != NULL && strchr(p->type, '/') != NULL);
	assert(!p->multipart || p->nsub > 0);
	is_string(p->type);
	is_string(p->charset);
	is_string(p->disposition);
	is_string(p->name);
	is_string(p->cid);
	is_string(p->location);
	if (p->multipart)
		return;
	size = mime_cte_size(p->cte, m->raw + p->body, p->bodylen);
	buf_init(&b, size);
	assert(mime_cte_decode(p->cte, m->raw + p->body, p->bodylen, &b) >=
	    0 && b.len == size);
	buf_free(&b);
	assert(mime_text_value(a, m, i, 0, &v) == 0);
	assert(utf8_valid(v.text, v.len) && strlen(v.text) == v.len);
	assert(mime_text_value(a, m, i, 16, &v) == 0 && v.len <= 16);
	assert(utf8_valid(v.text, v.len));
}

static void
check_addrs(const struct mime_addrs *v)
{
	size_t	 i, n = 0;

	for (i = 0; i < v->n; i++) {
		is_string(v->addr[i].name);
		is_string(v->addr[i].email);
		assert(v->addr[i].email != NULL);
	}
	for (i = 0; i < v->ngroup; i++) {
		assert(v->group[i].first == n);
		n += v->group[i].n;
		is_string(v->group[i].name);
	}
	assert(n == v->n);
}

static void
check_list(const struct mime_list *l)
{
	size_t	 i;

	assert((l->v == NULL) == (l->n == 0));
	for (i = 0; i < l->n; i++) {
		assert(l->v[i] != NULL);
		is_string(l->v[i]);
	}
}

static void
check_hdr(struct arena *a, const struct mime_msg *m, const struct mime_hdr *h)
{
	const uint8_t		*v = m->raw + h->val;
	struct mime_addrs	 addrs;
	struct mime_list	 list;
	const char		*s;
	int			 off;

	assert((size_t)h->val + h->vallen <= m->len && h->namelen > 0);
	assert((s = mime_hdr_raw(a, v, h->vallen)) != NULL);
	is_string(s);
	assert((s = mime_hdr_text(a, v, h->vallen)) != NULL);
	is_string(s);
	assert(mime_row_base(a, s, &off) != NULL);
	mime_hdr_date(v, h->vallen, &off);
	assert(mime_addr_list(a, v, h->vallen, &addrs) == 0);
	check_addrs(&addrs);
	assert(mime_hdr_msgids(a, v, h->vallen, &list) == 0);
	check_list(&list);
	assert(mime_hdr_urls(a, v, h->vallen, &list) == 0);
	check_list(&list);
}

static void
check_row(struct arena *a, const struct mime_msg *m)
{
	struct mime_row		 r;
	struct mime_body	 b;
	struct buf		 text;
	size_t			 i;

	assert(mime_row(a, m, &r) == 0 && r.base != NULL);
	is_string(r.subject);
	is_string(r.preview);
	assert(strlen(r.preview) <= MIME_PREVIEW_LEN);
	assert(mime_body_lists(a, m, &b) == 0);
	assert(b.ntext <= m->npart && b.nhtml <= m->npart &&
	    b.nattach <= m->npart);
	for (i = 0; i < b.nattach; i++)
		assert(!m->parts[b.attach[i]].multipart);
	buf_init(&text, 65536);
	mime_text_split(m, &text, &text);
	assert(utf8_valid(text.data, text.len));
	buf_free(&text);
}

/* Subject, From and the first text of the input, as a new message. */
static void
check_build(struct arena *a, const struct mime_msg *m)
{
	struct mime_build_opt	 opt = { "example.com", 0, 0, 1 };
	struct mime_field	 f[2] = {
		{ .name = "Subject", .form = MIME_TEXT },
		{ .name = "From", .form = MIME_GROUPS }
	};
	struct mime_node	 sub[3] = { 0 }, root = { .fields = f };
	struct mime_row		 r, r2;
	struct mime_value	 v;
	struct mime_msg		*m2;
	struct buf		 b, d;

	assert(mime_row(a, m, &r) == 0);
	f[0].text = r.subject == NULL ? "" : r.subject;
	f[1].addrs = r.from;
	root.nfield = r.from.n > 0 ? 2 : 1;
	root.sub = sub;
	root.nsub = 2;
	assert(mime_text_value(a, m, 0, 0, &v) == 0);
	sub[0].data = (const uint8_t *)v.text;
	sub[0].len = v.len;
	sub[0].is_text = 1;
	sub[1].type = m->len % 2 ? "text/x-any" : "application/octet-stream";
	sub[1].name = m->parts[0].name == NULL ? r.preview :
	    m->parts[0].name;
	sub[1].data = m->raw;
	sub[1].len = m->len;
	buf_init(&b, 64UL << 20);
	buf_init(&d, 64UL << 20);
	if (mime_build(&root, &opt, &b) == -1)
		goto done;		/* an address that cannot be written */
	assert((m2 = mime_parse(a, b.data, b.len)) != NULL);
	assert(m2->npart == 3 && m2->parts[0].multipart);
	assert(mime_cte_decode(m2->parts[2].cte, m2->raw + m2->parts[2].body,
	    m2->parts[2].bodylen, &d) == 0);
	assert(d.len == m->len && (d.len == 0 ||
	    memcmp(d.data, m->raw, d.len) == 0));
	assert(mime_row(a, m2, &r2) == 0 && r2.subject != NULL);
	if (m->len < 4096)
		assert(r2.from.n == r.from.n || r.from.n == 0 ||
		    root.nfield == 1 || r2.from.n > 0);
done:
	buf_free(&b);
	buf_free(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int	 once;
	struct arena	 a;
	struct mime_msg	*m;
	uint8_t		*copy;
	uint32_t	 i;

	if (!once)
		once = mime_charset_init();
	copy = malloc(n == 0 ? 1 : n);	/* so that one byte over is seen */
	if (n != 0)
		memcpy(copy, p, n);
	arena_init(&a, 256UL << 20);
	assert((m = mime_parse(&a, copy, n)) != NULL && m->npart > 0);
	for (i = 0; i < m->npart; i++)
		check_part(&a, m, i);
	for (i = 0; i < m->nhdr; i++)
		check_hdr(&a, m, &m->hdrs[i]);
	check_row(&a, m);
	check_build(&a, m);
	arena_free(&a);
	free(copy);
	return 0;
}
