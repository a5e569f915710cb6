/* SPDX-License-Identifier: ISC */
/*
 * What mime_build writes is read back by mime_parse as what was written:
 * texts, addresses, ids, a date, a text, an attachment and its name.  The
 * input says what these are; what cannot be written is refused (EINVAL).
 */
#include "common/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "common/norm.h"
#include "worker/mime/mime.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct in {			/* the input, taken from its front */
	const uint8_t	*p;
	size_t		 n;
	struct arena	 a;
};

static unsigned
byte(struct in *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

/* Text of up to max bytes: UTF-8 as it comes, else ASCII of it.  Lines: may
 * have line ends. */
static const char *
text(struct in *in, size_t max, int lines)
{
	size_t	 i, n = byte(in);
	char	*s;

	if (max > 255)
		n = n << 8 | byte(in);
	n = n > max ? max : n;
	n = n > in->n ? in->n : n;
	if ((s = arena_dup(&in->a, in->p, n)) == NULL)
		abort();
	in->p += n;
	in->n -= n;
	if (memchr(s, '\0', n) != NULL || !js_scan_text(s, n))
		for (i = 0; i < n; i++)
			s[i] &= 0x7f;
	for (i = 0; i + 1 < n; i++)	/* 4.1.2.2: controls are dropped */
		if ((uint8_t)s[i] == 0xc2 && (uint8_t)s[i + 1] < 0xa0)
			s[i + 1] = (char)0xa9;
	for (i = 0; i < n; i++)
		/* in a field a tab is written as a space */
		if ((s[i] < ' ' && s[i] >= 0 && !(lines &&
		    (s[i] == '\t' || s[i] == '\n' || s[i] == '\r'))) ||
		    s[i] == 0x7f)
			s[i] = ' ';
	return s;
}

/* An addr-spec without what would need quotes (RFC 5322 3.4.1). */
static const char *
addr(struct in *in)
{
	const char	*t = text(in, 60, 0);
	size_t		 i;
	char		*s;

	if ((s = arena_dup(&in->a, t, strlen(t))) == NULL)
		abort();
	for (i = 0; s[i] != '\0'; i++)
		if (strchr(" ()<>[]:;,\\\"", s[i]) != NULL)
			s[i] = 'a';
	return s;
}

/* In the form in which header fields are read: NFC, no blanks outside. */
static const char *
plain(struct arena *a, const char *s)
{
	struct buf	 b;
	const char	*out;
	size_t		 n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t');)
		n--;
	buf_init(&b, 1 << 20);
	if (norm_add(&b, s, n, NORM_NFC) == -1 ||
	    (out = arena_dup(a, n > 0 ? (const char *)b.data : "",
	    b.len)) == NULL)
		abort();
	buf_free(&b);
	return out;
}

static void
equal(struct arena *a, const char *want, const char *got)
{
	if (got == NULL || strcmp(plain(a, want), plain(a, got)) != 0) {
		fprintf(stderr, "want [%s]\ngot  [%s]\n", want,
		    got == NULL ? "(null)" : got);
		abort();
	}
}

static void
lines(const struct buf *b)
{
	size_t	 i, start = 0;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] == '\0' || (b->data[i] == '\n' &&
		    (i == 0 || b->data[i - 1] != '\r')))
			abort();
		if (b->data[i] == '\r') {
			if (i + 1 == b->len || b->data[i + 1] != '\n' ||
			    i - start > 998)
				abort();
			start = ++i + 1;
		}
	}
}

struct made {
	const char		*subject, *odd, *name, *addr, *body, *file;
	const char		*id;
	int64_t			 date;
	int			 off;
	const uint8_t		*data;
	size_t			 len;
	struct mime_field	 f[5];
	struct mime_addr	 from;
	struct mime_node	 part[2], root;
};

static void
make(struct in *in, struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->subject = text(in, 600, 0);
	m->odd = text(in, 255, 0);
	m->name = text(in, 255, 0);
	m->addr = addr(in);
	m->id = text(in, 60, 0);
	m->file = text(in, 255, 0);
	m->date = (int64_t)(byte(in) << 16 | byte(in) << 8 | byte(in)) *
	    200000;
	m->off = (int)(byte(in) % 24) * 30 - 330;
	m->body = text(in, 4000, 1);
	m->data = in->p;
	m->len = in->n;
	m->f[0].name = "Subject";
	m->f[0].form = MIME_TEXT;
	m->f[0].text = m->subject;
	m->f[1].name = "X-Odd";
	m->f[1].form = MIME_TEXT;
	m->f[1].text = m->odd;
	m->from.name = m->name;
	m->from.email = m->addr;
	m->f[2].name = "From";
	m->f[2].form = MIME_ADDRESSES;
	m->f[2].addrs.addr = &m->from;
	m->f[2].addrs.n = 1;
	m->f[3].name = "Date";
	m->f[3].form = MIME_DATE;
	m->f[3].date = m->date;
	m->f[3].off = m->off;
	m->f[4].name = "Message-ID";
	m->f[4].form = MIME_MESSAGEIDS;
	m->f[4].list.v = &m->id;
	m->f[4].list.n = 1;
	m->part[0].type = "text/plain";
	m->part[0].is_text = 1;
	m->part[0].data = (const uint8_t *)m->body;
	m->part[0].len = strlen(m->body);
	m->part[1].type = "application/octet-stream";
	m->part[1].name = m->file[0] != '\0' ? m->file : NULL;
	m->part[1].disposition = "attachment";
	m->part[1].data = m->len > 0 ? m->data : (const uint8_t *)"";
	m->part[1].len = m->len;
	m->root.type = "multipart/mixed";
	m->root.fields = m->f;
	m->root.nfield = nitems(m->f);
	m->root.sub = m->part;
	m->root.nsub = nitems(m->part);
}

static const struct mime_hdr *
field(const struct mime_msg *msg, const char *name)
{
	const struct mime_hdr	*h;

	if ((h = mime_hdr_last(msg, 0, name, strlen(name))) == NULL)
		abort();
	return h;
}

static void
headers(struct in *in, const struct made *m, const struct mime_msg *msg)
{
	const struct mime_hdr	*h;
	struct mime_addrs	 addrs;
	struct mime_list	 list;
	int			 off;

	h = field(msg, "Subject");
	equal(&in->a, m->subject, mime_hdr_text(&in->a, msg->raw + h->val,
	    h->vallen));
	h = field(msg, "X-Odd");
	equal(&in->a, m->odd, mime_hdr_text(&in->a, msg->raw + h->val,
	    h->vallen));
	h = field(msg, "From");
	if (mime_addr_list(&in->a, msg->raw + h->val, h->vallen, &addrs) ==
	    -1 || addrs.n != 1)
		abort();
	equal(&in->a, m->addr, addrs.addr[0].email);
	equal(&in->a, m->name, addrs.addr[0].name == NULL ? "" :
	    addrs.addr[0].name);
	h = field(msg, "Date");
	if (mime_hdr_date(msg->raw + h->val, h->vallen, &off) != m->date ||
	    off != m->off)
		abort();
	h = field(msg, "Message-ID");
	if (mime_hdr_msgids(&in->a, msg->raw + h->val, h->vallen,
	    &list) == -1 || list.n != 1 || strcmp(list.v[0], m->id) != 0)
		abort();
}

/* A line end more may stand at the end of a text; U+FEFF that it begins with
 * is a byte order mark when it is read. */
static void
bodies(struct in *in, const struct made *m, const struct mime_msg *msg)
{
	struct mime_value	 v;
	struct buf		 b;
	const char		*s;
	size_t			 n = 0;

	if (msg->npart != 3 ||
	    mime_text_value(&in->a, msg, 1, 0, &v) == -1 || v.problem)
		abort();
	s = m->body;
	if (strncmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	for (; *s != '\0'; s++) {
		if (s[0] == '\r' && s[1] == '\n')
			continue;
		if (n == v.len || v.text[n++] != *s)
			abort();
	}
	if (v.len - n > 1 || (n < v.len && v.text[n] != '\n'))
		abort();
	buf_init(&b, 1 << 20);
	if (mime_cte_decode(msg->parts[2].cte, msg->raw + msg->parts[2].body,
	    msg->parts[2].bodylen, &b) != 0 || b.len != m->len ||
	    (b.len > 0 && memcmp(b.data, m->data, b.len) != 0))
		abort();
	buf_free(&b);
	if (m->file[0] != '\0')
		equal(&in->a, m->file, msg->parts[2].name);
}

/* Boundaries come of it; with a constant one the fuzzer puts them into the
 * text, which nobody can who does not know the seed. */
static uint64_t
seed_of(const uint8_t *p, size_t n)
{
	uint64_t	 h = 14695981039346656037u;

	while (n-- > 0)
		h = (h ^ *p++) * 1099511628211u;
	return h | 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mime_build_opt	 opt = { .host = "x.test",
				    .seed = seed_of(p, n) };
	struct mime_msg		*msg;
	struct made		 m;
	struct buf		 out;
	struct in		 in = { .p = p, .n = n };

	arena_init(&in.a, 2 * MIME_ARENA);
	buf_init(&out, 1 << 20);
	make(&in, &m);
	/* white space and brackets are refused where JSON is read */
	if (m.addr[0] != '\0' && m.id[0] != '\0' && m.id[strcspn(m.id, "<> \t")] == '\0' &&
	    mime_build(&m.root, &opt, &out) == 0) {
		if (getenv("F_BUILD_SHOW") != NULL)
			(void)fwrite(out.data, 1, out.len, stderr);
		lines(&out);
		if ((msg = mime_parse(&in.a, out.data, out.len)) == NULL)
			abort();
		headers(&in, &m, msg);
		bodies(&in, &m, msg);
	}
	buf_free(&out);
	arena_free(&in.a);
	return 0;
}
