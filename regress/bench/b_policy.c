/* SPDX-License-Identifier: ISC */
/*
 * What the policy costs a request: the steps before a handler (but logging
 * in, which is remembered) and the fields of the answer, on a request as
 * mail clients send it, without a socket.  With and without in turns, in one
 * run; beside it stands the list view of b_list (issue 3: at most 5 %).
 *
 *	b_policy [seconds]
 */
#include "common/compat.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/conf.h"
#include "worker/http/hdr.h"
#include "worker/policy/policy.h"

#define TURN	20000		/* requests between two looks at the clock */

static void	set(struct conf *, const char *, const char *, const char *);
static void	make(struct http_setup *, struct conf *, int);
static double	run(const struct http_setup *);
static void	one(const struct http_setup *, const struct conf_listen *);
static void	answer(struct req *);
static void	tp_reply(struct req *);
static void	tp_wake(struct req *);

static const struct route	routes[] = {
	{ M_POST, "/jmap/", HTTP_A, 0, BODY_REQUEST, answer, NULL },
};
static const struct transport	tp = { "bench", tp_reply, tp_wake };
static struct buf		out;

/* What a mail client says about itself. */
static const char *const	fields[][2] = {
	{ "Host", "mail.example.org" },
	{ "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)" },
	{ "Accept", "application/json" },
	{ "Accept-Language", "de,en-US;q=0.7,en;q=0.3" },
	{ "Authorization", "Basic dXNlckBleGFtcGxlLm9yZzpzZWNyZXQ=" },
	{ "Content-Type", "application/json" },
	{ "Origin", "https://mail.example.com" },
	{ "Sec-Fetch-Site", "same-origin" },
	{ "X-Forwarded-For", "192.0.2.1" },
	{ "X-Forwarded-Proto", "https" },
};

int
main(int argc, char *argv[])
{
	static const char *const names[] = {
		"no policy", "defaults", "hsts, headers, proxy",
		"origins, 8 rules, endpoint"
	};
	struct http_setup	 setup[4];
	double			 us[4] = { 0, 0, 0, 0 }, took;
	int			 i, turn, turns = argc > 1 ? atoi(argv[1]) : 3;

	buf_init(&out, 1 << 20);
	for (i = 0; i < 4; i++)
		make(&setup[i], conf_new(), i);
	for (turn = 0; turn < turns * 10; turn++)
		for (i = 0; i < 4; i++) {
			took = run(&setup[i]);
			if (turn == 0 || took < us[i])
				us[i] = took;
		}
	for (i = 0; i < 4; i++)
		printf("%-28s %6.2f us a request, %+6.2f us\n", names[i],
		    us[i], us[i] - us[0]);
	return 0;
}

static void
set(struct conf *c, const char *sect, const char *name, const char *text)
{
	const struct conf_sect	*s;
	const struct conf_opt	*o;
	char			 why[256];
	void			*base;

	for (s = conf_sects; strcmp(s->name, sect) != 0; s++)
		continue;
	for (o = s->opts; strcmp(o->name, name) != 0; o++)
		continue;
	base = c;
	if (s->size != 0)
		base = conf_item(c, s, *(size_t *)(void *)((char *)c +
		    s->nitems) - 1);
	if (conf_text(o, base, text, why, sizeof(why)) == -1)
		errx(1, "%s: %s", name, why);
}

static void
make(struct http_setup *s, struct conf *c, int level)
{
	const struct conf_sect	*sect;
	char			 name[16];
	size_t			 n = 0, i;
	static struct http_step	 steps[32];

	set(c, "", "hostname", "mail.example.org");
	set(c, "", "log-requests", "false");
	if (level >= 2) {
		set(c, "http", "hsts", "true");
		set(c, "http", "use-x-forwarded", "true");
		set(c, "http", "headers", "Server: Stalwart JMAP");
	}
	for (i = 0; level == 3 && i < 8; i++) {
		for (sect = conf_sects; strcmp(sect->name, "header") != 0;
		    sect++)
			continue;
		conf_add(c, sect);
		snprintf(name, sizeof(name), "X-Field-%zu", i);
		set(c, "header", "name", name);
		set(c, "header", "value", "some value");
		if (i == 7)
			set(c, "header", "if", "is_tls && method == 'POST'");
	}
	if (level == 3) {
		set(c, "http", "cors-origins", "https://mail.example.com");
		set(c, "http", "allowed-endpoint", "if starts_with(url_path,"
		    " '/api') && remote_ip != '127.0.0.1'");
		set(c, "http", "allowed-endpoint", "then 404");
		set(c, "http", "allowed-endpoint", "else 200");
	}
	memset(s, 0, sizeof(*s));
	s->conf = c;
	s->routes = routes;
	s->nroutes = nitems(routes);
	for (i = 0; i < policy_nsteps; i++)
		if (strcmp(policy_steps[i].name, "authz") != 0)
			steps[n++] = policy_steps[i];
	s->steps = steps;
	s->nsteps = level == 0 ? 0 : n;
	hosts_add(&s->hosts, "mail.example.org", 16);
	policy_setup(s);
	http_setup_blocks(s, policy_blocks, level == 0 ? 0 : policy_nblocks);
}

static double
run(const struct http_setup *s)
{
	static const struct conf_listen	 l;
	struct timespec			 a, b;
	int				 i;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (i = 0; i < TURN; i++)
		one(s, &l);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 +
	    (double)(b.tv_nsec - a.tv_nsec)) / 1e3 / TURN;
}

static void
one(const struct http_setup *s, const struct conf_listen *l)
{
	struct req	*r;
	char		*n, *v;
	size_t		 i;

	if ((r = req_new(s, &tp, NULL)) == NULL)
		err(1, NULL);
	r->method = HTTP_POST;
	r->target = r->path = "/jmap/";
	r->path_len = 6;
	r->host = "mail.example.org";
	r->hosts = &s->hosts;
	r->listen = l;
	r->peer.af = r->client.af = r->local.af = IP_V4;
	r->peer.b[0] = r->client.b[0] = 127;
	r->local.b[0] = 10;
	r->tls = 1;
	for (i = 0; i < nitems(fields); i++) {
		n = arena_dup(&r->arena, fields[i][0], strlen(fields[i][0]));
		v = arena_dup(&r->arena, fields[i][1], strlen(fields[i][1]));
		hdr_add(r, n, strlen(n), v, strlen(v));
	}
	req_begin(r);
	if (r->state != REQ_BODY)
		errx(1, "it was answered %d", r->reply->status);
	req_body_end(r);
	req_free(r);
	buf_reset(&out);
}

static void
answer(struct req *r)
{
	req_reply(r, 200, "application/json", "{}", 2);
}

static void
tp_reply(struct req *r)
{
	req_fields(r, &out);
}

static void
tp_wake(struct req *r)
{
	(void)r;
}
