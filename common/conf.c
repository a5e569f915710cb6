/* SPDX-License-Identifier: ISC */
/*
 * The tables of the configuration, and what is done by walking them:
 * defaults, value to text, value to message and back.  Text to value is
 * conf_text.c; the file itself is read by daemon/conf_parse.c.
 */
#include "common/compat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/cur.h"
#include "common/log.h"
#include "common/proc.h"

#define KEYS	MSG_P(PROC_KEYS)
#define AUTH	MSG_P(PROC_AUTH)
#define PUSH	MSG_P(PROC_PUSH)
#define QUEUE	MSG_P(PROC_QUEUE)
#define WORKER	MSG_P(PROC_WORKER)
#define NONE	0
#define ALL	(KEYS | AUTH | PUSH | QUEUE | WORKER)

#define SECOND	1000ULL
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)
#define KB	1024ULL
#define MB	(1024 * KB)
#define GB	(1024 * MB)

static const char *const words_protocol[] = { "http", "lmtp", NULL };
static const char *const words_people[] = { "domain", "all", "none", NULL };
static const char *const words_sync[] = { "full", "meta", "off", NULL };
static const char *const words_moved[] = { "301", "308", NULL };
static const char *const words_redirect[] = {
	"301", "302", "303", "307", "308", NULL
};
static const char *const words_tls[] = { "tls1.2", "tls1.3", NULL };
static const char *const words_relay[] = {
	"starttls", "implicit", "none", NULL
};
static const char *const words_log[] = { "plain", "json", NULL };
static const char *const words_told[] = {
	"false", "true", "forwarded", "x-forwarded-for", NULL
};
static const char *const words_proxy[] = { "off", "v1", "v2", "any", NULL };
static const char *const words_verb[] = {
	"set", "add", "default", "remove", NULL
};

#define O(n, t, f, d, lo, hi, r) \
	{ n, t, offsetof(struct conf, f), d, lo, hi, r, NULL }
#define STR(n, f, d, r)	O(n, CONF_STR, f, d, 0, 1024, r)
#define PATH(n, f, r)	O(n, CONF_FILE, f, "", 0, 1024, r)

static const struct conf_opt opts_top[] = {
	STR("hostname", hostname, "", ALL),
	O("workers", CONF_UINT, workers, "0", 0, 256, WORKER),
	STR("data-dir", data_dir, "/var/jmapd", WORKER),
	STR("auth-dir", auth_dir, "/var/jmapd-auth", AUTH),
	STR("queue-dir", queue_dir, "/var/jmapd-queue", QUEUE),
	STR("empty-dir", empty_dir, "/var/empty", KEYS | PUSH),
	STR("push-dir", push_dir, "/var/jmapd-push", PUSH),
	STR("control-socket", control_socket, "/var/run/jmapd.sock", NONE),
	STR("user", user, "_jmapd", WORKER),
	STR("auth-user", auth_user, "_jmapauth", AUTH),
	STR("keys-user", keys_user, "_jmapkey", KEYS),
	STR("push-user", push_user, "_jmappush", PUSH),
	STR("queue-user", queue_user, "_jmapqueue", QUEUE),
	STR("group", group, "_jmapd", NONE),
	O("log-requests", CONF_BOOL, log_requests, "true", 0, 1, WORKER),
	{ "share-principals", CONF_WORD, offsetof(struct conf, share_people),
	    "domain", 0, 0, AUTH, words_people },
	O("share-subscribe", CONF_BOOL, share_subscribe, "true", 0, 1,
	    WORKER),
};

#define BOOL(n, f, d, r)	O(n, CONF_BOOL, f, d, 0, 1, r)
#define STRS(n, f, max, r)	O(n, CONF_STRS, f, NULL, 0, max, r)
#define WORD(n, f, d, w, r) \
	{ n, CONF_WORD, offsetof(struct conf, f), d, 0, 0, r, w }

static const struct conf_opt opts_http[] = {
	O("url", CONF_STR, url, "", 0, 4096, WORKER),
	STRS("allowed-endpoint", allowed_endpoint, 4096, WORKER),
	STRS("headers", headers, 4096, WORKER),
	BOOL("hsts", hsts, "false", WORKER),
	O("hsts-max-age", CONF_TIME, hsts_max_age, "365d", 0, 3650 * DAY,
	    WORKER),
	BOOL("hsts-subdomains", hsts_subdomains, "true", WORKER),
	BOOL("hsts-preload", hsts_preload, "false", WORKER),
	WORD("redirect-status", redirect_status, "301", words_moved, WORKER),
	BOOL("permissive-cors", permissive_cors, "false", WORKER),
	STRS("cors-origins", cors_origins, 512, WORKER),
	STRS("cors-headers", cors_headers, 128, WORKER),
	BOOL("cors-private-network", cors_private_network, "false", WORKER),
	WORD("use-x-forwarded", use_x_forwarded, "false", words_told, WORKER),
	BOOL("x-real-ip", x_real_ip, "false", WORKER),
	STRS("trusted-proxies", trusted_proxies, 128, WORKER),
	BOOL("unsafe-blob-override", unsafe_blob_override, "false", WORKER),
	O("metrics-credentials", CONF_SECRET, metrics_credentials, "", 0,
	    1024, WORKER),
	BOOL("http2", http2, "true", WORKER),
	O("max-streams", CONF_UINT, max_streams, "64", 1, 1000, WORKER),
};

#define RATE(n, f, d) \
	O(n, CONF_RATE, f, d, 1000, 365 * DAY, AUTH | WORKER)

static const struct conf_opt opts_rate[] = {
	RATE("account", rate_account, "1000/1m"),
	RATE("anonymous", rate_anonymous, "100/1m"),
};

static const struct conf_opt opts_ban[] = {
	RATE("authentication", ban_authentication, "100/1d"),
	RATE("abuse", ban_abuse, "35/1d"),
	RATE("loiter", ban_loiter, "150/1d"),
	RATE("scan", ban_scan, "30/1d"),
	STRS("scan-paths", ban_scan_paths, 256, WORKER),
	STRS("allowed", ban_allowed, 128, AUTH | WORKER),
	O("expire", CONF_TIME, ban_expire, "1d", 0, 3650 * DAY,
	    AUTH | WORKER),
	STR("file", ban_file, "", NONE),
};

static const struct conf_opt opts_tls[] = {
	WORD("minimum", tls_minimum, "tls1.2", words_tls, WORKER),
	STR("ciphers", tls_ciphers, "", KEYS | WORKER),
	STR("groups", tls_groups, "", WORKER),
	BOOL("sni-strict", tls_sni_strict, "false", WORKER),
	O("ticket-rotation", CONF_TIME, tls_ticket_rotation, "12h",
	    SECOND, 7 * DAY, KEYS | WORKER),
};

static const struct conf_opt opts_log[] = {
	WORD("format", log_format, "plain", words_log, ALL),
};

static const struct conf_opt opts_sandbox[] = {
	BOOL("network-namespace", network_namespace, "true", ALL),
};

#define TIME(n, f, d, lo, hi)	O(n, CONF_TIME, f, d, lo, hi, WORKER)
#define SIZE(n, f, d, lo, hi)	O(n, CONF_SIZE, f, d, lo, hi, WORKER)
#define UINT(n, f, d, lo, hi)	O(n, CONF_UINT, f, d, lo, hi, WORKER)

static const struct conf_opt opts_limits[] = {
	TIME("header-timeout", header_timeout, "10s", 100, HOUR),
	TIME("tls-timeout", tls_timeout, "10s", 100, HOUR),
	TIME("body-grace", body_grace, "10s", 100, HOUR),
	TIME("body-timeout", body_timeout, "300s", 100, DAY),
	SIZE("body-rate", body_rate, "1K", 0, GB),
	TIME("keep-alive", keep_alive, "60s", 0, DAY),
	TIME("write-timeout", write_timeout, "30s", 100, HOUR),
	TIME("lmtp-timeout", lmtp_timeout, "300s", 1000, DAY),
	TIME("drain-timeout", drain_timeout, "60s", 0, DAY),
	SIZE("request-line", request_line, "8K", 256, 64 * KB),
	SIZE("field-size", field_size, "8K", 256, 64 * KB),
	SIZE("fields-size", fields_size, "32K", 1 * KB, 256 * KB),
	UINT("fields", fields, "100", 8, 100),
	O("connections", CONF_UINT, connections, "10000", 1, 1000000, NONE),
	O("connections-per-source", CONF_UINT, connections_per_source, "64",
	    1, 1000000, NONE),
	SIZE("max-size-request", max_size_request, "10000000", KB, 256 * MB),
	SIZE("max-size-upload", max_size_upload, "50000000", KB, 2 * GB),
	O("max-message-size", CONF_SIZE, max_message_size, "50000000", KB,
	    2 * GB, QUEUE | WORKER),
	UINT("max-concurrent-requests", max_concurrent_requests, "4", 1,
	    10000),
	UINT("max-concurrent-upload", max_concurrent_upload, "4", 1, 10000),
	UINT("max-calls-in-request", max_calls_in_request, "16", 1, 1024),
	UINT("max-objects-in-get", max_objects_in_get, "500", 1, 100000),
	UINT("max-objects-in-set", max_objects_in_set, "500", 1, 100000),
	UINT("max-query-results", max_query_results, "5000", 1, 1000000),
	UINT("max-changes", max_changes, "5000", 1, 1000000),
	SIZE("max-response", max_response, "64M", MB, GB),
	UINT("max-event-streams", max_event_streams, "4", 1, 10000),
	UINT("max-websockets", max_websockets, "64", 1, 60000),
	TIME("websocket-ping", websocket_ping, "60s", SECOND, HOUR),
	TIME("event-ping-min", event_ping_min, "30s", SECOND, 30 * SECOND),
	SIZE("worker-memory", worker_memory, "512M", 64 * MB, 1024 * GB),
};

static const struct conf_opt opts_auth[] = {
	O("argon2-memory", CONF_SIZE, argon2_memory, "19M", 64 * KB, 4 * GB,
	    AUTH),
	O("argon2-time", CONF_UINT, argon2_time, "2", 1, 100, AUTH),
	O("cache", CONF_TIME, auth_cache, "300s", 0, DAY, AUTH),
	O("failures", CONF_UINT, auth_failures, "100", 1, 1000000, AUTH),
};

static const struct conf_opt opts_store[] = {
	{ "sync", CONF_WORD, offsetof(struct conf, sync), "full", 0, 0,
	    QUEUE | WORKER, words_sync },
	UINT("open-accounts", open_accounts, "256", 1, 100000),
	SIZE("segment-size", segment_size, "8M", 64 * KB, GB),
	TIME("upload-expiry", upload_expiry, "1h", 60 * SECOND, 365 * DAY),
	SIZE("upload-space", upload_space, "500M", 0, 1ULL << 50),
	O("default-quota", CONF_SIZE, default_quota, "0", 0, 1ULL << 50,
	    AUTH | WORKER),
};

#define Q(n, t, f, d, lo, hi)	O(n, t, f, d, lo, hi, QUEUE)

static const struct conf_opt opts_queue[] = {
	STR("relay", queue_relay, "", QUEUE | WORKER),
	WORD("relay-tls", queue_tls, "starttls", words_relay, QUEUE),
	STR("relay-user", queue_login, "", QUEUE),
	PATH("relay-password", queue_password, NONE),
	PATH("relay-ca", queue_ca, NONE),
	STR("helo", queue_helo, "", QUEUE),
	Q("retry", CONF_TIME, queue_retry, "5m", 100, DAY),
	Q("retry-max", CONF_TIME, queue_retry_max, "2h", 100, 7 * DAY),
	Q("expire", CONF_TIME, queue_expire, "5d", SECOND, 30 * DAY),
	Q("delay-notice", CONF_TIME, queue_delay_notice, "4h", 0, 30 * DAY),
	O("max-hold", CONF_TIME, queue_max_hold, "30d", 0, 365 * DAY,
	    QUEUE | WORKER),
	O("vacation-period", CONF_TIME, queue_vacation, "7d", SECOND,
	    365 * DAY, WORKER),
	O("max-recipients", CONF_UINT, queue_recipients, "1000", 1, 1000,
	    WORKER),
	Q("max-connections", CONF_UINT, queue_connections, "4", 1, 64),
	Q("max-messages", CONF_UINT, queue_messages, "20000", 1, 1000000),
	Q("max-size", CONF_SIZE, queue_size, "4G", MB, 1024 * GB),
};

#define P(n, t, f, d, lo, hi)	O(n, t, f, d, lo, hi, PUSH)

static const struct conf_opt opts_push[] = {
	PATH("trust-anchor", push_trust_anchor, PUSH),
	STR("allow-origin", push_allow_origin, "", PUSH | WORKER),
	STR("resolver", push_resolver, "", PUSH),
	STR("contact", push_contact, "", PUSH),
	STRS("ports", push_ports, 5, PUSH | WORKER),
	P("ttl", CONF_TIME, push_ttl, "1d", 0, 28 * DAY),
	P("interval", CONF_TIME, push_interval, "1s", 0, HOUR),
	P("timeout", CONF_TIME, push_timeout, "10s", 100, 5 * MINUTE),
	P("retry", CONF_TIME, push_retry, "30s", 10, HOUR),
	P("attempts", CONF_UINT, push_attempts, "8", 1, 100),
	UINT("subscriptions", push_subscriptions, "15", 0, 1000),
	TIME("expires", push_expires, "7d", 2 * DAY, 365 * DAY),
	TIME("max-expires", push_max_expires, "30d", 2 * DAY, 365 * DAY),
	O("rate", CONF_RATE, push_rate, "30/1h", 1000, 365 * DAY, WORKER),
};

static const struct conf_opt opts_smime[] = {
	PATH("trust-anchor", smime_anchor, NONE),
};

#define L(n, t, f, d, lo, hi, w) \
	{ n, t, offsetof(struct conf_listen, f), d, lo, hi, WORKER, w }

static const struct conf_opt opts_listen[] = {
	L("name", CONF_STR, name, "", 0, 64, NULL),
	L("address", CONF_STR, address, "", 0, 64, NULL),
	L("port", CONF_UINT, port, "0", 0, 65535, NULL),
	L("path", CONF_STR, path, "", 0, 100, NULL),
	L("tls", CONF_BOOL, tls, "false", 0, 1, NULL),
	L("protocol", CONF_WORD, protocol, "http", 0, 0, words_protocol),
	L("proxy-protocol", CONF_WORD, proxy_protocol, "off", 0, 0,
	    words_proxy),
};

#define C(n, t, f, r) \
	{ n, t, offsetof(struct conf_cert, f), "", 0, 1024, r, NULL }

static const struct conf_opt opts_cert[] = {
	C("name", CONF_STR, name, KEYS | WORKER),
	C("chain", CONF_FILE, chain, NONE),
	C("key", CONF_FILE, key, NONE),
	C("staple", CONF_FILE, staple, NONE),
};

#define H(n, t, f, d, hi, w) \
	{ n, t, offsetof(struct conf_header, f), d, 0, hi, WORKER, w }

static const struct conf_opt opts_header[] = {
	H("title", CONF_STR, title, "", 64, NULL),
	H("name", CONF_STR, name, "", 256, NULL),
	H("value", CONF_STR, value, "", 4096, NULL),
	H("verb", CONF_WORD, verb, "set", 0, words_verb),
	H("class", CONF_STRS, class, NULL, 16, NULL),
	H("path", CONF_STRS, path, NULL, 256, NULL),
	H("status", CONF_STRS, status, NULL, 3, NULL),
	H("method", CONF_STRS, method, NULL, 16, NULL),
	H("listener", CONF_STRS, listener, NULL, 64, NULL),
	H("if", CONF_STR, cond, "", 4096, NULL),
};

#define R(n, t, f, d, hi, w) \
	{ n, t, offsetof(struct conf_redirect, f), d, 0, hi, WORKER, w }

static const struct conf_opt opts_redirect[] = {
	R("name", CONF_STR, name, "", 64, NULL),
	R("from", CONF_STR, from, "", 1024, NULL),
	R("to", CONF_STR, to, "", 1024, NULL),
	R("status", CONF_WORD, status, "302", 0, words_redirect),
};

#define SECT(n, o)	{ n, o, nitems(o), 0, 0, 0 }
#define MANY(n, o, t, v, c) \
	{ n, o, nitems(o), sizeof(struct t), offsetof(struct conf, v), \
	    offsetof(struct conf, c) }

const struct conf_sect conf_sects[] = {
	SECT("", opts_top),
	SECT("http", opts_http),
	SECT("limits", opts_limits),
	SECT("auth", opts_auth),
	SECT("store", opts_store),
	SECT("queue", opts_queue),
	SECT("rate-limit", opts_rate),
	SECT("auto-ban", opts_ban),
	SECT("tls", opts_tls),
	SECT("log", opts_log),
	SECT("sandbox", opts_sandbox),
	SECT("push", opts_push),
	SECT("smime", opts_smime),
	MANY("listen", opts_listen, conf_listen, listens, nlistens),
	MANY("certificate", opts_cert, conf_cert, certs, ncerts),
	MANY("header", opts_header, conf_header, hrules, nhrules),
	MANY("redirect", opts_redirect, conf_redirect, redirects,
	    nredirects),
};
const size_t	conf_nsects = nitems(conf_sects);

static void	conf_defaults(const struct conf_sect *, void *);
static void	conf_clear(const struct conf_sect *, void *);
static int	conf_send_opt(struct proc_peer *, struct msg_conf_set *,
		    const struct conf_opt *, const void *);

void *
conf_field(const struct conf_opt *o, const void *base)
{
	return (uint8_t *)(uintptr_t)base + o->off;
}

struct conf *
conf_new(void)
{
	struct conf	*c;
	size_t		 i;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		fatal("conf");
	for (i = 0; i < conf_nsects; i++)
		if (conf_sects[i].size == 0)
			conf_defaults(&conf_sects[i], c);
	return c;
}

static void
conf_defaults(const struct conf_sect *s, void *base)
{
	const struct conf_opt	*o;
	char			 err[128];

	for (o = s->opts; o < s->opts + s->nopts; o++)
		if (o->dflt != NULL &&
		    conf_text(o, base, o->dflt, err, sizeof(err)) == -1)
			fatalx("default of %s: %s", o->name, err);
}

void
conf_free(struct conf *c)
{
	const struct conf_sect	*s;
	void			*item;
	size_t			 n;

	if (c == NULL)
		return;
	for (s = conf_sects; s < conf_sects + conf_nsects; s++)
		for (n = 0; (item = conf_item(c, s, n)) != NULL; n++)
			conf_clear(s, item);
	free(c->listens);
	free(c->certs);
	free(c->hrules);
	free(c->redirects);
	free(c);
}

static void
conf_clear(const struct conf_sect *s, void *base)
{
	const struct conf_opt	*o;
	struct conf_strs	*l;
	size_t			 i;

	for (o = s->opts; o < s->opts + s->nopts; o++) {
		if (CONF_IS_STR(o))
			free(*(char **)conf_field(o, base));
		if (o->type != CONF_STRS)
			continue;
		l = conf_field(o, base);
		for (i = 0; i < l->n; i++)
			free(l->v[i]);
		free(l->v);
	}
}

void *
conf_item(struct conf *c, const struct conf_sect *s, size_t item)
{
	uint8_t	*base = (uint8_t *)c;

	if (s->size == 0)
		return item == 0 ? c : NULL;
	if (item >= *(size_t *)(void *)(base + s->nitems))
		return NULL;
	return *(uint8_t **)(void *)(base + s->items) + item * s->size;
}

size_t
conf_add(struct conf *c, const struct conf_sect *s)
{
	uint8_t	*base = (uint8_t *)c, *p;
	size_t	*n = (void *)(base + s->nitems);
	void	**items = (void *)(base + s->items);

	if ((p = reallocarray(*items, *n + 1, s->size)) == NULL)
		fatal("conf");
	*items = p;
	memset(p + *n * s->size, 0, s->size);
	conf_defaults(s, p + *n * s->size);
	return (*n)++;
}

void
conf_show(const struct conf_opt *o, const void *base, char *out, size_t outlen)
{
	const struct conf_strs	*l = conf_field(o, base);
	const struct conf_rate	*r;
	uint64_t		 v;
	size_t			 i;

	out[0] = '\0';
	if (CONF_IS_STR(o)) {
		strlcpy(out, *(char **)conf_field(o, base), outlen);
		if (o->type == CONF_SECRET && out[0] != '\0')
			strlcpy(out, "(not shown)", outlen);
		return;
	}
	if (o->type == CONF_STRS) {
		for (i = 0; i < l->n; i++) {
			strlcat(out, i == 0 ? "" : ", ", outlen);
			strlcat(out, l->v[i], outlen);
		}
		return;
	}
	if (o->type == CONF_RATE) {
		r = conf_field(o, base);
		if (r->count == 0)
			strlcpy(out, "unlimited", outlen);
		else
			snprintf(out, outlen, "%" PRIu64 "/%" PRIu64 "ms",
			    r->count, r->period);
		return;
	}
	v = *(uint64_t *)conf_field(o, base);
	if (o->type == CONF_BOOL)
		strlcpy(out, v ? "true" : "false", outlen);
	else if (o->type == CONF_WORD)
		strlcpy(out, o->words[v], outlen);
	else
		snprintf(out, outlen, "%" PRIu64 "%s", v,
		    o->type == CONF_TIME ? "ms" : "");
}

int
conf_send(struct conf *c, struct proc_peer *p)
{
	struct msg_conf		 begin = { c->generation, c->previous };
	struct msg_conf_set	 h = { 0, 0, 0, 0 };
	const struct conf_sect	*s;
	const void		*base;

	if (proc_send(p, MSG_CONF_BEGIN, 0, -1, &begin, NULL, 0) == -1)
		return -1;
	for (h.sect = 0; h.sect < conf_nsects; h.sect++) {
		s = &conf_sects[h.sect];
		for (h.item = 0; (base = conf_item(c, s, h.item)) != NULL;
		    h.item++)
			for (h.opt = 0; h.opt < s->nopts; h.opt++)
				if ((s->opts[h.opt].roles & MSG_P(p->id)) &&
				    conf_send_opt(p, &h, &s->opts[h.opt],
				    base) == -1)
					return -1;
	}
	return 0;
}

/* Strings as bytes, numbers as text: nothing depends on a struct's shape. */
static int
conf_send_opt(struct proc_peer *p, struct msg_conf_set *h,
    const struct conf_opt *o, const void *base)
{
	const struct conf_strs	*l = conf_field(o, base);
	uint64_t		 v;
	const char		*s;
	size_t			 i;

	if (o->type == CONF_STRS) {
		for (i = 0; i < l->n; i++)
			if (proc_send(p, MSG_CONF_SET, 0, -1, h, l->v[i],
			    strlen(l->v[i])) == -1)
				return -1;
		return 0;
	}
	if (CONF_IS_STR(o)) {
		s = *(char **)conf_field(o, base);
		return proc_send(p, MSG_CONF_SET, 0, -1, h, s, strlen(s));
	}
	if (o->type == CONF_RATE)
		return proc_send(p, MSG_CONF_SET, 0, -1, h,
		    conf_field(o, base), sizeof(struct conf_rate));
	v = *(uint64_t *)conf_field(o, base);
	return proc_send(p, MSG_CONF_SET, 0, -1, h, &v, sizeof(v));
}

int
conf_set(struct conf *c, const struct msg *m)
{
	const struct msg_conf_set	*h = m->fixed;
	const struct conf_sect		*s;
	const struct conf_opt		*o;
	void				*base;

	if (h->sect >= conf_nsects)
		return -1;
	s = &conf_sects[h->sect];
	if (h->opt >= s->nopts)
		return -1;
	o = &s->opts[h->opt];
	if (s->size != 0 && conf_item(c, s, h->item) == NULL)
		conf_add(c, s);
	if ((base = conf_item(c, s, h->item)) == NULL)
		return -1;
	if (CONF_IS_STR(o) || o->type == CONF_STRS)
		conf_text_bytes(o, base, (const char *)m->tail, m->tail_len);
	else if (m->tail_len == (o->type == CONF_RATE ?
	    sizeof(struct conf_rate) : sizeof(uint64_t)))
		memcpy(conf_field(o, base), m->tail, m->tail_len);
	else
		return -1;
	return 0;
}
