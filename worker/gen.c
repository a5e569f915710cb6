/* SPDX-License-Identifier: ISC */
/*
 * Generations of the configuration in a worker: what parent sent becomes
 * TLS contexts, blocks of headers and names, all at once; connections move
 * over when their next request begins, and the old goes with the last
 * reference.  Called by worker.c and conn.c.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/http/http1.h"
#include "worker/http/target.h"
#include "worker/policy/policy.h"
#include "worker/tls.h"
#include "worker/worker.h"

/* A chain on its way in, until the configuration's end. */
struct pending {
	uint32_t	 generation, id;
	uint8_t		*pem;
	size_t		 len;
	uint8_t		*staple;	/* or NULL */
	size_t		 staple_len;
	int64_t		 until;
};

static void	gen_pending_clear(void);
static const char	*gen_tls(struct conf_gen *);
static void	gen_http(struct conf_gen *);
static void	gen_name(struct conf_gen *, const char *);
static void	gen_names(struct conf_gen *);
static void	gen_free(struct conf_gen *);

/* What a listener speaks, and where its settings are in a generation. */
static const struct gen_proto {
	const struct conn_proto	*proto;
	size_t			 setup;
} protos[] = {
	[CONF_HTTP] = { &http1_proto, offsetof(struct conf_gen, http) },
	[CONF_LMTP] = { &lmtp_proto, offsetof(struct conf_gen, lmtp) },
};

static struct conf_gen	*current;
static struct pending	*pending;
static size_t		 npending;

void
gen_cert(uint32_t generation, uint32_t id, const uint8_t *pem, size_t len)
{
	struct pending	*p;

	p = reallocarray(pending, npending + 1, sizeof(*p));
	if (p == NULL)
		fatal("gen");
	pending = p;
	p = &pending[npending++];
	p->staple = NULL;
	p->generation = generation;
	p->id = id;
	p->len = len;
	if ((p->pem = malloc(len + 1)) == NULL)
		fatal("gen");
	memcpy(p->pem, pem, len);
}

void
gen_staple(const struct msg_conf_staple *h, const uint8_t *der, size_t len)
{
	struct pending	*p = npending == 0 ? NULL : &pending[npending - 1];

	if (p == NULL || p->generation != h->generation || p->id != h->id ||
	    p->staple != NULL)
		fatalx("an OCSP answer for no certificate");
	if ((p->staple = malloc(len + 1)) == NULL)
		fatal("gen");
	memcpy(p->staple, der, len);
	p->staple_len = len;
	p->until = h->until;
}

const char *
gen_load(struct conf *conf)
{
	struct conf_gen	*g;
	const char	*why;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		fatal("gen");
	g->refs = 1;
	g->tls = tls_set_new();
	g->conf = conf;
	why = gen_tls(g);
	gen_pending_clear();
	if (why != NULL) {
		g->conf = NULL;		/* stays the caller's */
		gen_free(g);
		return why;
	}
	gen_names(g);
	gen_http(g);
	lmtp_setup(&g->lmtp, conf);
	if (current != NULL)
		gen_unref(current);
	current = g;
	return NULL;
}

static void
gen_pending_clear(void)
{
	size_t	 i;

	for (i = 0; i < npending; i++) {
		free(pending[i].pem);
		free(pending[i].staple);
	}
	free(pending);
	pending = NULL;
	npending = 0;
}

static const char *
gen_tls(struct conf_gen *g)
{
	const char	*why;
	size_t		 i;

	for (i = 0; i < npending; i++) {
		if (pending[i].generation != g->conf->generation)
			continue;
		why = tls_set_add(g->tls, g->conf, pending[i].id,
		    pending[i].pem, pending[i].len);
		if (why != NULL)
			return why;
		if (pending[i].staple != NULL)
			tls_set_staple(g->tls, pending[i].staple,
			    pending[i].staple_len, pending[i].until);
	}
	for (i = 0; i < g->conf->nlistens; i++) {
		if (g->conf->listens[i].protocol >= nitems(protos))
			return "a listener speaks what workers do not";
		if (g->conf->listens[i].tls && g->tls->n == 0)
			return "a TLS listener needs a certificate";
	}
	return NULL;
}

/*
 * A name of ours.  When a certificate has it, it is served under that one
 * alone (RFC 9110 7.4, else 421); when none has it, under each, so that a
 * poor certificate is the client's decision.
 */
static void
gen_name(struct conf_gen *g, const char *name)
{
	size_t	 i;

	for (i = 0; i < g->tls->n; i++)
		if (hosts_has(&g->tls->v[i].names, name))
			return;
	for (i = 0; i < g->tls->n; i++)
		hosts_add(&g->tls->v[i].names, name, strlen(name));
}

/* Each certificate's names, and those of the configuration. */
static void
gen_names(struct conf_gen *g)
{
	struct hosts	 own = { NULL, 0 };
	char		 host[TARGET_HOST_MAX + 1];
	const char	*p;
	size_t		 i;

	hosts_add(&own, g->conf->hostname, strlen(g->conf->hostname));
	if ((p = strstr(g->conf->url, "://")) != NULL &&
	    target_host(p + 3, strcspn(p + 3, "/?#"), host) == 0)
		hosts_add(&own, host, strlen(host));
	hosts_add_all(&g->http.hosts, &own);
	for (i = 0; i < g->tls->n; i++)
		hosts_add_all(&g->http.hosts, &g->tls->v[i].names);
	for (i = 0; i < own.n; i++)
		gen_name(g, own.v[i]);
	hosts_free(&own);
}

static void
gen_http(struct conf_gen *g)
{
	struct http_setup	*s = &g->http;
	const struct conf	*c = g->conf;

	s->conf = c;
	s->routes = worker_routes;
	s->nroutes = worker_nroutes;
	s->steps = policy_steps;
	s->nsteps = policy_nsteps;
	s->limits.line = (uint32_t)c->request_line;
	s->limits.field = (uint32_t)c->field_size;
	s->limits.fields = (uint32_t)c->fields_size;
	s->limits.nfields = (uint32_t)c->fields;
	policy_setup(s);
	http_setup_blocks(s, policy_blocks, policy_nblocks);
}

struct conf_gen *
gen_now(void)
{
	return current;
}

struct conf_gen *
gen_ref(struct conf_gen *g)
{
	g->refs++;
	return g;
}

void
gen_unref(struct conf_gen *g)
{
	if (--g->refs == 0)
		gen_free(g);
}

static void
gen_free(struct conf_gen *g)
{
	policy_free(&g->http);
	http_setup_free(&g->http);
	tls_set_free(g->tls);
	conf_free(g->conf);
	free(g);
}

int
gen_has_listener(const struct conf_gen *g, uint32_t i,
    const struct conf_listen *was)
{
	const struct conf_listen	*l;

	if (i >= g->conf->nlistens)
		return 0;
	l = &g->conf->listens[i];
	return strcmp(l->name, was->name) == 0 &&
	    strcmp(l->address, was->address) == 0 && l->port == was->port &&
	    l->tls == was->tls && l->protocol == was->protocol;
}

const struct conn_proto *
gen_proto(const struct conf_gen *g, uint32_t listener)
{
	return protos[g->conf->listens[listener].protocol].proto;
}

void
gen_apply(struct conn *c)
{
	struct conf_gen	*g = c->gen;

	c->listen = &g->conf->listens[c->listener];
	c->setup = (const uint8_t *)g + protos[c->listen->protocol].setup;
	c->hosts = &g->http.hosts;
	if (c->ssl != NULL &&
	    (c->cert = tls_set_find(g->tls, tls_name(c))) != NULL)
		c->hosts = &c->cert->names;
}
