/* SPDX-License-Identifier: ISC */
/*
 * jmapctl headers: a request that nobody sent, through the parser, the
 * steps and, where it needs no login and changes nothing, the handler; what
 * the answer would carry comes back with who put it there.  It is the way
 * of every request, over a transport that goes nowhere.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "common/cur.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/proc.h"
#include "common/row.h"
#include "worker/http/http1_head.h"
#include "worker/probe.h"
#include "worker/worker.h"

#define PROBE_HEAD	16384

/* Who asks and where: addresses of no network (RFC 5737), so that nothing
 * that is for this machine alone is shown. */
static const struct ip	probe_client = { IP_V4, { 192, 0, 2, 1 } };
static const struct ip	probe_local = { IP_V4, { 192, 0, 2, 2 } };

struct probe {
	struct proc_peer	*peer;
	uint32_t		 id;
	int			 answered;
};

static const char	*probe_head(struct buf *, struct msg *, int *tls,
			    struct ip *client);
static const char	*probe_url(struct buf *, const char *, const char *,
			    int *);
static const char	*probe_fields(struct buf *, struct cur *,
			    struct ip *);
static const char	*probe_run(struct probe *, struct buf *, int, int,
			    const struct ip *);
static void		 probe_begin(struct req *, int);
static const struct conf_listen	*probe_listener(const struct conf *, int);
static void		 probe_reply(struct req *);
static void		 probe_wake(struct req *);
static void		 probe_row(struct probe *, const char *, size_t,
			    const char *, size_t, const char *);

static const struct transport	probe_transport = {
	"probe", probe_reply, probe_wake
};

void
probe_headers(struct proc_peer *p, struct msg *m)
{
	const struct msg_ctl_headers	*h = m->fixed;
	struct msg_ctl_end		 end = { 0 };
	struct probe			 x = { p, m->id, 0 };
	struct ip			 client = probe_client;
	struct buf			 head;
	const char			*why;
	int				 tls;

	buf_init(&head, PROBE_HEAD);
	if ((why = probe_head(&head, m, &tls, &client)) == NULL)
		why = probe_run(&x, &head, tls, (int)h->status, &client);
	buf_free(&head);
	if (why != NULL)
		end.code = 1;
	proc_send(p, MSG_CTL_END, m->id, -1, &end, why,
	    why == NULL ? 0 : strlen(why));
}

/* The message's strings as the head of a request; NULL, or what is wrong
 * with them. */
static const char *
probe_head(struct buf *b, struct msg *m, int *tls, struct ip *client)
{
	const char	*method, *url, *why;
	struct cur	 c;

	cur_init(&c, m->tail, m->tail_len);
	method = cur_str(&c);
	url = cur_str(&c);
	if (method == NULL || url == NULL)
		return "a method and a URL are needed";
	if ((why = probe_url(b, method, url, tls)) != NULL ||
	    (why = probe_fields(b, &c, client)) != NULL)
		return why;
	buf_adds(b, "\r\n");
	return buf_bad(b) ? "that is too long" : NULL;
}

static const char *
probe_url(struct buf *b, const char *method, const char *url, int *tls)
{
	const char	*host, *path;

	if (strncmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncmp(url, "http://", 7) == 0)
		host = url + 7;
	else
		return "the URL does not begin with https:// or http://";
	*tls = url[4] == 's';
	path = host + strcspn(host, "/");
	buf_addf(b, "%s %s HTTP/1.1\r\nHost: %.*s\r\n", method,
	    *path == '\0' ? "/" : path, (int)(path - host), host);
	return NULL;
}

static const char *
probe_fields(struct buf *b, struct cur *c, struct ip *client)
{
	const char	*s;

	while ((s = cur_str(c)) != NULL) {
		if (strchr(s, ':') == NULL || strpbrk(s, "\r\n") != NULL)
			return "a field is \"Name: value\"";
		if (strncmp(s, "client:", 7) == 0) {
			if (ip_parse(client, s + 7, strlen(s + 7)) == -1)
				return "the client's address is none";
			continue;
		}
		buf_addf(b, "%s\r\n", s);
	}
	return NULL;
}

static const char *
probe_run(struct probe *x, struct buf *head, int tls, int status,
    const struct ip *client)
{
	struct http_setup		 setup = gen_now()->http;
	const struct http1_error	*err;
	struct http1_find		 find = { 0, 0, 0, 0 };
	struct http1_frame		 frame;
	struct req			*r;
	enum parse			 ret;
	size_t				 used, i;

	/* Who asks is not known: a status that is given begins there. */
	for (i = 0; status != 0 && i < setup.nsteps; i++)
		if (strcmp(setup.steps[i].name, "authz") == 0)
			setup.nsteps = i;
	if ((r = req_new(&setup, &probe_transport, x)) == NULL)
		return "out of memory";
	r->peer = r->client = *client;
	r->local = probe_local;
	r->tls = r->secure = tls;
	r->hosts = &setup.hosts;
	r->listen = probe_listener(setup.conf, tls);
	r->local_port = (uint16_t)r->listen->port;
	ret = http1_head_find(&find, (const char *)head->data, head->len,
	    &setup.limits, &used, &err);
	if (ret == PARSE_DONE)
		err = http1_head_parse(r, (char *)head->data + find.start,
		    used - find.start, &frame);
	if (ret == PARSE_MORE || (ret == PARSE_DONE && used != head->len)) {
		req_free(r);
		return "that is not one request";
	}
	r->busy++;
	if (err != NULL && (ret == PARSE_ERROR || ret == PARSE_DONE))
		req_refuse(r, err->status, err->detail);
	else
		probe_begin(r, status);
	r->busy--;
	req_free(r);
	return x->answered ? NULL :
	    "it waits for something: say a status with -s";
}

static void
probe_begin(struct req *r, int status)
{
	req_begin(r);
	if (r->state != REQ_BODY)
		return;
	if (status != 0 && status < 400)
		req_reply(r, status, NULL, NULL, 0);
	else if (status != 0)
		req_problem(r, status, NULL, NULL, NULL);
	else if (HTTP_M(r->method) & M_GET &&
	    !(r->route->flags & ROUTE_AUTH))
		req_body_end(r);
}

static const struct conf_listen *
probe_listener(const struct conf *c, int tls)
{
	size_t	 i;

	for (i = 0; i < c->nlistens; i++)
		if (c->listens[i].protocol == CONF_HTTP &&
		    !c->listens[i].tls == !tls)
			return &c->listens[i];
	return &c->listens[0];
}

static void
probe_reply(struct req *r)
{
	static struct fields	 f;
	struct probe		*x = r->tp_arg;
	char			 status[16];
	size_t			 i;

	x->answered = 1;
	snprintf(status, sizeof(status), "%d", r->reply->status);
	probe_row(x, "status", 6, status, strlen(status),
	    r->route != NULL ? r->route->path : "no resource");
	req_fields_list(r, &f);
	for (i = 0; i < f.n; i++)
		probe_row(x, f.v[i].name, f.v[i].name_len, f.v[i].value,
		    f.v[i].value_len, f.v[i].by);
}

static void
probe_wake(struct req *r)
{
	(void)r;
}

static void
probe_row(struct probe *x, const char *name, size_t nlen, const char *value,
    size_t vlen, const char *by)
{
	struct buf	 row;

	buf_init(&row, ROW_MAX);
	row_addf(&row, "field", "%.*s", (int)nlen, name);
	row_add(&row, "by", by);
	row_addf(&row, "value", "%.*s", (int)vlen, value);
	if (!buf_bad(&row))
		proc_send(x->peer, MSG_CTL_ROW, x->id, -1, NULL, row.data,
		    row.len);
	buf_free(&row);
}
