/* SPDX-License-Identifier: ISC */
/*
 * Reading reports: see report.h.  Called by mdn_parse.c with blobs and by
 * submission_report.c with every delivered message.
 */
#include "common/compat.h"

#include <string.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "worker/jmap/report.h"

#define REPORT_MAX	(1 << 20)	/* bytes of a report that are read */

static int	report_type(const char *, const char *);
static size_t	report_char(const char *, char [4], size_t *);
static int	report_fields(struct arena *, struct report *);
static int	report_line(struct arena *, struct report *, const char *,
		    size_t);
static char	*report_unfold(struct arena *, const char *, size_t);

int
report_read(struct arena *a, const struct mime_msg *m, const char *type,
    struct report *r)
{
	uint32_t	 i;

	memset(r, 0, sizeof(*r));
	r->msg = m;
	r->part = r->text = r->original = MIME_NONE;
	if (strcmp(m->parts[0].type, "multipart/report") != 0)
		return 0;
	for (i = 1; i < m->npart; i++) {
		if (r->part == MIME_NONE && m->parts[i].parent == 0 &&
		    report_type(m->parts[i].type, type))
			r->part = i;
		else if (r->part == MIME_NONE && r->text == MIME_NONE &&
		    strcmp(m->parts[i].type, "text/plain") == 0)
			r->text = i;
		else if (r->part != MIME_NONE && r->original == MIME_NONE &&
		    m->parts[i].parent == 0)
			r->original = i;
	}
	if (r->part == MIME_NONE)
		return 0;
	return report_fields(a, r) == -1 ? -1 : 1;
}

/* "message/x", or "message/global-x". */
static int
report_type(const char *is, const char *want)
{
	static const char	 global[] = "message/global-";
	const char		*name = strchr(want, '/') + 1;

	return strcmp(is, want) == 0 || (strncmp(is, global,
	    sizeof(global) - 1) == 0 &&
	    strcmp(is + sizeof(global) - 1, name) == 0);
}

/* The part's lines: fields as of a header, groups between empty lines. */
static int
report_fields(struct arena *a, struct report *r)
{
	const struct mime_part	*p = &r->msg->parts[r->part];
	struct buf		 b;
	const char		*s, *end, *line;
	int			 ret = -1;

	buf_init(&b, REPORT_MAX);
	/* what is too long is cut */
	(void)mime_cte_decode(p->cte, r->msg->raw + p->body,
	    p->bodylen < REPORT_MAX / 2 ? p->bodylen : REPORT_MAX / 2, &b);
	b.bad = 0;
	r->field = arena_array(a, REPORT_FIELDS, sizeof(*r->field));
	if (r->field == NULL || buf_addc(&b, '\n') == -1)
		goto done;
	line = s = (const char *)b.data;
	for (end = s + b.len; s < end; s++) {
		/* a line goes on when the next begins with white space */
		if (*s != '\n' || (s + 1 < end && s > line &&
		    (s[1] == ' ' || s[1] == '\t')))
			continue;
		if (report_line(a, r, line, (size_t)(s - line)) == -1)
			goto done;
		line = s + 1;
	}
	r->ngroup = r->nfield == 0 ? 0 : r->field[r->nfield - 1].group + 1;
	ret = 0;
done:
	buf_free(&b);
	return ret;
}

static int
report_line(struct arena *a, struct report *r, const char *s, size_t n)
{
	struct report_field	*f = &r->field[r->nfield];
	const char		*colon;
	size_t			 len;

	while (n > 0 && (s[n - 1] == '\r' || s[n - 1] == ' '))
		n--;
	if (n == 0) {
		/* the next field begins a group */
		if (r->nfield > 0 && f[-1].group + 1 == r->ngroup)
			r->ngroup++;
		return 0;
	}
	if ((colon = memchr(s, ':', n)) == NULL || r->nfield == REPORT_FIELDS)
		return 0;
	for (len = (size_t)(colon - s); len > 0 && (s[len - 1] == ' ' ||
	    s[len - 1] == '\t'); len--)
		;
	if (r->ngroup == 0)
		r->ngroup = 1;
	f->group = r->ngroup - 1;
	f->name = report_unfold(a, s, len);
	f->value = report_unfold(a, colon + 1, n - (size_t)(colon + 1 - s));
	if (f->name == NULL || f->value == NULL)
		return -1;
	r->nfield++;
	return 0;
}

/* White runs become a blank; what is no text becomes '?'. */
static char *
report_unfold(struct arena *a, const char *s, size_t n)
{
	char	*out, *p;
	size_t	 i;
	int	 utf8 = utf8_valid(s, n);

	if ((out = p = arena_get(a, n + 1)) == NULL)
		return NULL;
	for (i = 0; i < n; i++) {
		if (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' ||
		    s[i] == '\n') {
			if (p > out && p[-1] != ' ')
				*p++ = ' ';
		} else if ((unsigned char)s[i] < ' ' || s[i] == 0x7f ||
		    (!utf8 && s[i] & 0x80))
			*p++ = '?';
		else
			*p++ = s[i];
	}
	while (p > out && p[-1] == ' ')
		p--;
	*p = '\0';
	return out;
}

const char *
report_get(const struct report *r, uint32_t group, const char *name)
{
	size_t	 i;

	for (i = 0; i < r->nfield; i++)
		if (r->field[i].group == group &&
		    strcasecmp(r->field[i].name, name) == 0)
			return r->field[i].value;
	return NULL;
}

const char *
report_address(const char *value, char out[REPORT_ADDRESS])
{
	const char	*p;
	char		 c[4];
	size_t		 n, len = 0;

	if (value == NULL || (p = strchr(value, ';')) == NULL)
		return NULL;
	for (p++; *p == ' '; p++)
		;
	if (strncasecmp(value, "utf-8", 5) != 0)
		return *p == '\0' ? NULL : p;
	for (; *p != '\0'; len += n) {
		p += report_char(p, c, &n);
		if (len + n >= REPORT_ADDRESS)
			return NULL;
		memcpy(out + len, c, n);
	}
	out[len] = '\0';
	return len == 0 ? NULL : out;
}

/* RFC 6533 3, EmbeddedUnicodeChar: "\x{" 2 to 6 digits "}".  Bytes of s that
 * are one character, into c. */
static size_t
report_char(const char *s, char c[4], size_t *n)
{
	size_t		 k;
	uint32_t	 u = 0;
	int		 hex;

	for (k = 3; strncmp(s, "\\x{", 3) == 0 && k < 9 &&
	    (hex = enc_hexval(s[k])) != -1; k++)
		u = u << 4 | (uint32_t)hex;
	if (k > 4 && s[k] == '}' && u > ' ' &&
	    (*n = utf8_put(u, (uint8_t *)c)) > 0)
		return k + 1;
	c[0] = s[0];
	*n = 1;
	return 1;
}

const char *
report_original(struct arena *a, const struct report *r)
{
	const struct mime_part	*p;
	const struct mime_hdr	*h;
	struct mime_msg		*m;
	struct mime_list	 ids;
	struct buf		 b;
	const char		*id = NULL;
	char			*copy;

	if (r->original == MIME_NONE)
		return NULL;
	p = &r->msg->parts[r->original];
	buf_init(&b, REPORT_MAX);
	(void)mime_cte_decode(p->cte, r->msg->raw + p->body,
	    p->bodylen < REPORT_MAX / 2 ? p->bodylen : REPORT_MAX / 2, &b);
	if (b.len > 0 && (copy = arena_dup(a, b.data, b.len)) != NULL &&
	    (m = mime_parse(a, (const uint8_t *)copy, b.len)) != NULL &&
	    (h = mime_hdr_get(m, 0, MIME_H_MESSAGE_ID)) != NULL &&
	    mime_hdr_msgids(a, m->raw + h->val, h->vallen, &ids) == 0 &&
	    ids.n > 0)
		id = ids.v[0];
	buf_free(&b);
	return id;
}
