/* SPDX-License-Identifier: ISC */
/*
 * EmailPush objects: see webpush_mail.h.  Called by webpush.c.  The filter
 * and the properties are Email/query's and Email/get's, and so they are who
 * is asked, by requests like any client's: what a mail matches and what it
 * says is decided in one place.
 */
#include "common/compat.h"

#include <string.h>

#include "common/date.h"
#include "common/dir.h"
#include "worker/http/http.h"
#include "worker/webpush_mail.h"
#include "worker/worker_jmap.h"

/* The properties of one mail as members of an object, in order. */
struct batch {
	struct buf	 b;		/* the emails of the object in hand */
	size_t		 n;
	size_t		 room;		/* bytes that may be in b */
	char		 account[DIR_ACCOUNT_LEN];
	char		 state[24];
	void		(*fn)(void *, struct buf *);
	void		*arg;
};

static struct js_val	*mail_ask(const struct conf *, uint64_t,
			    struct buf *);
static void	mail_begin(struct buf *, const char *, const char *);
static int	mail_wanted(const struct conf *, uint64_t, struct js_val *,
		    const struct webpush_mail *);
static void	mail_query(struct buf *, const char *, struct js_val *,
		    const struct webpush_mail *);
static struct js_val	*mail_read(const struct conf *, uint64_t,
			    struct js_val *, const char *);
static void	mail_add(struct batch *, struct js_val *, struct js_val *);
static void	mail_object(struct buf *, struct js_val *, struct js_val *,
		    size_t);
static void	mail_flush(struct batch *);

size_t
webpush_mail_find(struct store_txn *txn, uint64_t from, uint64_t to,
    struct webpush_mail *out, size_t max)
{
	struct store_changes	 c;
	struct store_mail	 m;
	size_t			 i, n = 0;

	if (store_changes(txn, STORE_EMAIL, from, 0, &c) == STORE_OK)
		for (i = 0; i < c.ncreated && n < max; i++) {
			if (store_mail_get(txn, c.created[i], &m) !=
			    STORE_OK || m.created > to)
				continue;
			store_id_mail(m.id, out[n].id);
			out[n++].received = m.received;
		}
	store_changes_free(&c);
	return n;
}

void
webpush_mail(const struct conf *c, uint64_t account, struct js_val *config,
    const struct webpush_mail *m, size_t n, size_t max,
    void (*fn)(void *, struct buf *), void *arg)
{
	struct js_val	*props = js_get(config, "properties"), *got, *list;
	struct batch	 bt = { .fn = fn, .arg = arg };
	size_t		 i;

	dir_account(account, bt.account);
	buf_init(&bt.b, max);
	bt.room = max - 128 - strlen(bt.account);
	for (i = 0; i < n; i++) {
		if (!mail_wanted(c, account, js_get(config, "filter"), &m[i]))
			continue;
		if ((got = mail_read(c, account, props, m[i].id)) == NULL)
			continue;
		list = js_get(got, "list");
		strlcpy(bt.state, js_str(js_get(got, "state")),
		    sizeof(bt.state));
		if (js_len(list) == 1)
			mail_add(&bt, props, js_at(list, 0));
		js_free(got);
	}
	mail_flush(&bt);
	buf_free(&bt.b);
}

/* --- asking --------------------------------------------------------------- */

static void
mail_begin(struct buf *b, const char *method, const char *account)
{
	buf_init(b, 1 << 20);
	buf_adds(b, "{\"@type\":\"Request\",\"using\":["
	    "\"urn:ietf:params:jmap:core\",\"urn:ietf:params:jmap:mail\"],"
	    "\"methodCalls\":[[");
	js_out_s(b, method);
	buf_addc(b, ',');
	js_out_obj(b);
	js_out_key(b, "accountId");
	js_out_s(b, account);
}

/* The arguments of the response, given; NULL: an error. */
static struct js_val *
mail_ask(const struct conf *c, uint64_t account, struct buf *b)
{
	struct req_user	 u;
	struct js_val	*all = NULL, *one, *args = NULL;
	struct buf	 out;

	memset(&u, 0, sizeof(u));
	u.account = account;
	js_out_end(b, '}');
	buf_adds(b, ",\"0\"]]}");
	if (!buf_bad(b)) {
		if (worker_jmap_message(c, &u, NULL, "", b->data, b->len,
		    &out) == 0 &&
		    js_parse(out.data, out.len, NULL, NULL, &all) == JS_OK) {
			one = js_at(js_get(all, "methodResponses"), 0);
			if (strcmp(js_str(js_at(one, 0)), "error") != 0)
				args = js_ref(js_at(one, 1));
		}
		buf_free(&out);
	}
	js_free(all);
	buf_free(b);
	return args;
}

/* 1 if the filter lets it through. */
static int
mail_wanted(const struct conf *c, uint64_t account, struct js_val *filter,
    const struct webpush_mail *m)
{
	char		 text[DIR_ACCOUNT_LEN];
	struct js_val	*got, *ids;
	struct buf	 b;
	size_t		 i;
	int		 found = 0;

	if (filter == NULL)
		return 1;
	mail_query(&b, dir_account(account, text), filter, m);
	if ((got = mail_ask(c, account, &b)) == NULL)
		return 0;
	ids = js_get(got, "ids");
	for (i = 0; i < js_len(ids) && !found; i++)
		found = strcmp(js_str(js_at(ids, i)), m->id) == 0;
	js_free(got);
	return found;
}

/* The filter, of the mails of one second. */
static void
mail_query(struct buf *b, const char *account, struct js_val *filter,
    const struct webpush_mail *m)
{
	int64_t	 second = m->received - (m->received % 1000 + 1000) % 1000;

	mail_begin(b, "Email/query", account);
	js_out_key(b, "filter");
	js_out_obj(b);
	js_out_key(b, "operator");
	js_out_s(b, "AND");
	js_out_key(b, "conditions");
	js_out_arr(b);
	js_out_val(b, filter);
	js_out_obj(b);
	js_out_key(b, "after");
	js_out_date(b, second);
	js_out_key(b, "before");
	js_out_date(b, second + 1000);
	js_out_end(b, '}');
	js_out_end(b, ']');
	js_out_end(b, '}');
}

static struct js_val *
mail_read(const struct conf *c, uint64_t account, struct js_val *props,
    const char *id)
{
	char		 text[DIR_ACCOUNT_LEN];
	struct buf	 b;

	mail_begin(&b, "Email/get", dir_account(account, text));
	js_out_key(&b, "ids");
	js_out_arr(&b);
	js_out_s(&b, id);
	js_out_end(&b, ']');
	js_out_key(&b, "properties");
	js_out_val(&b, props);
	return mail_ask(c, account, &b);
}

/* --- telling -------------------------------------------------------------- */

/* Into the object in hand if it has room for all of it, else into the next,
 * there with what has room. */
static void
mail_add(struct batch *bt, struct js_val *props, struct js_val *mail)
{
	struct buf	 one;

	buf_init(&one, 1 << 20);
	mail_object(&one, props, mail, SIZE_MAX);
	if (bt->n > 0 && bt->b.len + one.len + 1 > bt->room)
		mail_flush(bt);
	if (one.len + 1 > bt->room) {
		buf_reset(&one);
		mail_object(&one, props, mail, bt->room);
	}
	if (!buf_bad(&one)) {
		if (bt->n++ > 0)
			buf_addc(&bt->b, ',');
		buf_add(&bt->b, one.data, one.len);
	}
	buf_free(&one);
}

/* The draft 3: in the order of the config's properties; one that would be too
 * much is left out. */
static void
mail_object(struct buf *b, struct js_val *props, struct js_val *mail,
    size_t room)
{
	struct js_val	*v;
	const char	*name;
	size_t		 i, was;

	js_out_obj(b);
	for (i = 0; i < js_len(props); i++) {
		name = js_str(js_at(props, i));
		if (!js_find(mail, name, &v))
			continue;
		was = b->len;
		js_out_keyn(b, name, strlen(name));
		js_out_val(b, v);
		if (b->len + 1 > room)
			b->len = was;
	}
	js_out_end(b, '}');
}

static void
mail_flush(struct batch *bt)
{
	struct buf	 b;

	if (bt->n == 0)
		return;
	buf_init(&b, bt->b.max);
	js_out_obj(&b);
	js_out_key(&b, "@type");
	js_out_s(&b, "EmailPush");
	js_out_key(&b, "accountId");
	js_out_s(&b, bt->account);
	js_out_key(&b, "emails");
	js_out_arr(&b);
	js_out_raw(&b, bt->b.data, bt->b.len);
	js_out_end(&b, ']');
	js_out_key(&b, "state");
	js_out_s(&b, bt->state);
	js_out_end(&b, '}');
	if (!buf_bad(&b))
		bt->fn(bt->arg, &b);
	buf_free(&b);
	buf_reset(&bt->b);
	bt->n = 0;
}
