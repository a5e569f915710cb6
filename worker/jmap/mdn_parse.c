/* SPDX-License-Identifier: ISC */
/*
 * MDN/parse (RFC 9007 2.2): blobs that are disposition notifications, as MDN
 * objects, and which messages may have one.  What is in them is a stranger's.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/jmap/jmap_parse.h"
#include "worker/jmap/mdn.h"
#include "worker/jmap/report.h"

#define PARSE_TEXT	(256 << 10)	/* bytes of textBody */
#define PARSE_MAILS	200		/* of a thread that are looked at */

static jmap_parse_show	parsing_show;
static int	parsing_disposition(const char *, const char *[3]);
static int	parsing_put(struct jmap_parse *, struct arena *,
		    const struct report *, const char *const [3]);
static int	parsing_text(struct jmap_parse *, struct arena *,
		    const struct report *);
static void	parsing_errors(struct jmap_parse *, const struct report *);
static void	parsing_extensions(struct jmap_parse *, const struct report *);
static int	parsing_email(struct jmap_parse *, struct arena *, const char *,
		    const char **);
static int	parsing_thread(struct jmap_parse *, uint64_t,
		    const struct buf *, uint64_t *, size_t *);

const struct jmap_error *
mdn_parse(struct jmap_call *c)
{
	struct jmap_parse	 p;
	struct js_rd		 rd;

	memset(&p, 0, sizeof(p));
	p.c = c;
	p.show = parsing_show;
	jmap_parse_args(&p, &rd);
	if (js_rd_end(&rd) == -1)
		return jmap_error_say(c, &jmap_error_invalid_arguments, "%s",
		    rd.fault);
	return jmap_parse(&p);
}

/* 1, 0 it is no notification, -1. */
static int
parsing_show(struct jmap_parse *p, const char *id, const struct buf *raw)
{
	const struct mime_msg	*m;
	struct report		 r;
	struct arena		 a;
	const char		*disposition[3], *d;
	size_t			 mark = p->good.len;
	int			 got;

	arena_init(&a, MIME_ARENA);
	if ((m = mime_parse(&a, raw->data, raw->len)) == NULL)
		got = -1;
	else
		got = report_read(&a, m, REPORT_MDN, &r);
	/* RFC 8098 3.1: these two are there */
	if (got == 1 && ((d = report_get(&r, 0, "Disposition")) == NULL ||
	    report_get(&r, 0, "Final-Recipient") == NULL ||
	    !parsing_disposition(d, disposition)))
		got = 0;
	if (got == 1) {
		js_out_keyn(&p->good, id, strlen(id));
		if ((got = parsing_put(p, &a, &r, disposition)) != 1)
			p->good.len = mark;
	}
	arena_free(&a);
	return got;
}

/* RFC 8098 3.2.6: action "/" sending ";" type [ "/" modifiers ] */
static int
parsing_disposition(const char *s, const char *out[3])
{
	const char	*slash = strchr(s, '/'), *semi = strchr(s, ';');
	const char	*e;
	size_t		 n;

	if (slash == NULL || semi == NULL || slash > semi)
		return 0;
	for (e = slash; e > s && e[-1] == ' '; e--)
		;
	if (!mdn_word(mdn_action_modes, s, (size_t)(e - s), &out[0]))
		return 0;
	s = slash + 1 + strspn(slash + 1, " ");
	for (e = semi; e > s && e[-1] == ' '; e--)
		;
	if (!mdn_word(mdn_sending_modes, s, (size_t)(e - s), &out[1]))
		return 0;
	s = semi + 1 + strspn(semi + 1, " ");
	n = strcspn(s, " /,;");
	return mdn_word(mdn_types, s, n, &out[2]);
}

/* --- the object ---------------------------------------------------------- */

static int
parsing_put(struct jmap_parse *p, struct arena *a, const struct report *r,
    const char *const disposition[3])
{
	static const char *const words[] = {
		"actionMode", "sendingMode", "type"
	};
	const struct {
		const char	*name, *field;
	} rows[] = {
		{ "reportingUA", "Reporting-UA" },
		{ "mdnGateway", "MDN-Gateway" },
		{ "originalRecipient", "Original-Recipient" },
		{ "finalRecipient", "Final-Recipient" },
		{ "originalMessageId", "Original-Message-ID" }
	};
	const struct mime_hdr	*h;
	struct buf		*b = &p->good;
	const char		*email = NULL, *subject = NULL;
	size_t			 i;

	if (parsing_email(p, a, report_get(r, 0, "Original-Message-ID"),
	    &email) == -1)
		return -1;
	if ((h = mime_hdr_get(r->msg, 0, MIME_H_SUBJECT)) != NULL)
		subject = mime_hdr_text(a, r->msg->raw + h->val, h->vallen);
	js_out_obj(b);
	js_out_key(b, "forEmailId");
	js_out_s(b, email);
	js_out_key(b, "subject");
	js_out_s(b, subject);
	if (parsing_text(p, a, r) == -1)
		return -1;
	js_out_key(b, "includeOriginalMessage");
	js_out_bool(b, r->original != MIME_NONE &&
	    strncmp(r->msg->parts[r->original].type, "message/", 8) == 0);
	for (i = 0; i < nitems(rows); i++) {
		js_out_key(b, rows[i].name);
		js_out_s(b, report_get(r, 0, rows[i].field));
	}
	js_out_key(b, "disposition");
	js_out_obj(b);
	for (i = 0; i < nitems(words); i++) {
		js_out_key(b, words[i]);
		js_out_s(b, disposition[i]);
	}
	js_out_end(b, '}');
	parsing_errors(p, r);
	parsing_extensions(p, r);
	js_out_end(b, '}');
	return 1;
}

static int
parsing_text(struct jmap_parse *p, struct arena *a, const struct report *r)
{
	struct mime_value	 v;

	js_out_key(&p->good, "textBody");
	if (r->text == MIME_NONE) {
		js_out_null(&p->good);
		return 0;
	}
	if (mime_text_value(a, r->msg, r->text, PARSE_TEXT, &v) == -1)
		return -1;
	js_out_str(&p->good, v.text, v.len);
	return 0;
}

static void
parsing_errors(struct jmap_parse *p, const struct report *r)
{
	struct buf	*b = &p->good;
	size_t		 i, n = 0;

	js_out_key(b, "error");
	for (i = 0; i < r->nfield; i++) {
		if (r->field[i].group != 0 ||
		    strcasecmp(r->field[i].name, "Error") != 0)
			continue;
		if (n++ == 0)
			js_out_arr(b);
		js_out_s(b, r->field[i].value);
	}
	if (n == 0)
		js_out_null(b);
	else
		js_out_end(b, ']');
}

/* RFC 8098 3.3; a name that comes twice is told once. */
static void
parsing_extensions(struct jmap_parse *p, const struct report *r)
{
	const struct report_field	*f = r->field;
	struct buf			*b = &p->good;
	size_t				 i, k, n = 0;

	js_out_key(b, "extensionFields");
	for (i = 0; i < r->nfield && i < 1000; i++) {
		for (k = 0; k < i; k++)
			if (strcasecmp(f[k].name, f[i].name) == 0)
				break;
		if (f[i].group != 0 || k < i || mdn_known_field(f[i].name))
			continue;
		if (n++ == 0)
			js_out_obj(b);
		js_out_keyn(b, f[i].name, strlen(f[i].name));
		js_out_s(b, f[i].value);
	}
	if (n == 0)
		js_out_null(b);
	else
		js_out_end(b, '}');
}

/* --- the mail it is about ------------------------------------------------ */

/* The one Email with that Message-ID; none when there are several. */
static int
parsing_email(struct jmap_parse *p, struct arena *a, const char *field,
    const char **out)
{
	struct jmap_call	*c = p->c;
	struct store_ids	 tids = { NULL, 0, 0 };
	struct mime_list	 list = { NULL, 0 };
	struct buf		 want;
	char			 text[STORE_IDLEN];
	uint64_t		 id = 0;
	size_t			 i, n = 0;
	int			 got = 1;

	if (field != NULL && mime_hdr_msgids(a, (const uint8_t *)field,
	    strlen(field), &list) == -1)
		return -1;
	if (list.n == 0)
		return 0;
	buf_init(&want, 8192);
	js_out_s(&want, list.v[0]);		/* as it stands in the row */
	got = jmap_api_store(c, store_thread_msgid(c->txn,
	    SLICE_STR(list.v[0]), &tids));
	for (i = 0; got == 1 && i < tids.n && !buf_bad(&want); i++)
		got = parsing_thread(p, tids.v[i], &want, &id, &n);
	if (got == 1 && n == 1 && (*out = arena_dup(a, text,
	    store_id_mail(id, text))) == NULL)
		got = -1;
	store_ids_free(&tids);
	buf_free(&want);
	return got == 1 ? 0 : -1;
}

/* Mails of a thread whose own Message-ID it is: counted, the last kept. */
static int
parsing_thread(struct jmap_parse *p, uint64_t tid, const struct buf *want,
    uint64_t *id, size_t *n)
{
	struct jmap_call	*c = p->c;
	struct store_ids	 ids = { NULL, 0, 0 };
	struct store_mail	 m;
	struct store_row	 row;
	struct slice		 v;
	size_t			 i;
	int			 got;

	got = jmap_api_store(c, store_thread_get(c->txn, tid, &ids));
	for (i = 0; got == 1 && i < ids.n && i < PARSE_MAILS; i++) {
		if (jmap_api_store(c, store_mail_get(c->txn, ids.v[i],
		    &m)) != 1 || jmap_api_store(c, store_mail_row(c->txn, &m,
		    &row)) != 1) {
			got = -1;
			break;
		}
		v = row.frag[STORE_F_MESSAGEID];
		if (v.n > 0 && memmem(v.p, v.n, want->data, want->len) !=
		    NULL) {
			*id = ids.v[i];
			++*n;
		}
	}
	store_ids_free(&ids);
	return got;
}

/* --- for MDN/send ------------------------------------------------------ */

int
mdn_may(struct arena *a, const struct mime_msg *m, const char *options,
    const char **why)
{
	struct report	 r;
	const char	*p = options;
	int		 got;

	/* 2.1: MUST NOT be generated in response to an MDN */
	*why = "the Email is a notification itself";
	if ((got = report_read(a, m, REPORT_MDN, &r)) != 0)
		return got == -1 ? -1 : 0;
	/* 2.2: attribute "=" importance "," value; no attribute is known */
	*why = "it requires an option that is not known here";
	while (p != NULL && (p = strchr(p, '=')) != NULL) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, "required", strlen("required")) == 0)
			return 0;
	}
	return 1;
}
