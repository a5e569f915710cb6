/* SPDX-License-Identifier: ISC */
/*
 * What shows only when the whole file is known: listeners that collide, TLS
 * without a certificate, an address that is none.  Called by the parent and
 * by jmapd -n after conf_parse.  Everything wrong is reported, not only the
 * first.
 */
#include "common/compat.h"

#include <ctype.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "common/ip.h"
#include "common/log.h"
#include "common/tls_profile.h"
#include "daemon/conf_check.h"

static void	check_smime(struct check *);
static void	check_report(struct check *, const char *, size_t,
		    const char *, const char *, const char *, va_list);
static void	check_default(struct check *);
static void	check_hostname(struct check *);
static int	check_is_host(const char *);
static void	check_listen(struct check *, size_t);
static void	check_listens(struct check *);
static void	check_certs(struct check *);
static void	check_ban(struct check *);
static void	check_tls(struct check *);
static void	check_proxy(struct check *);
static void	check_limits(struct check *);
static void	check_paths(struct check *);
static void	check_users(struct check *);

/* The index of a section or option by its name; both are ours. */
static size_t
check_find_sect(const char *name)
{
	size_t	 i;

	for (i = 0; i < conf_nsects; i++)
		if (strcmp(conf_sects[i].name, name) == 0)
			return i;
	fatalx("no section %s", name);
}

static size_t
check_find_opt(const struct conf_sect *s, const char *name)
{
	size_t	 i;

	for (i = 0; i < s->nopts; i++)
		if (strcmp(s->opts[i].name, name) == 0)
			return i;
	fatalx("no option %s", name);
}

static void
check_report(struct check *k, const char *sect, size_t item, const char *opt,
    const char *how, const char *fmt, va_list ap)
{
	size_t	 i, s = check_find_sect(sect);
	char	 text[1024];
	int	 line;

	line = conf_parse_line(k->cf, s, item,
	    check_find_opt(&conf_sects[s], opt));
	for (i = 0; line == 0 && i < k->cf->norigin; i++)
		if (*sect != '\0' && k->cf->origin[i].sect == s &&
		    k->cf->origin[i].item == item)
			line = k->cf->origin[i].line;
	vsnprintf(text, sizeof(text), fmt, ap);
	conf_parse_report(k->cf->path, line, k->report, "%s%s", how, text);
}

void
conf_check_bad(struct check *k, const char *sect, size_t item,
    const char *opt, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	check_report(k, sect, item, opt, "", fmt, ap);
	va_end(ap);
	k->bad = 1;
}

void
conf_check_warn(struct check *k, const char *sect, size_t item,
    const char *opt, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	check_report(k, sect, item, opt, "warning: ", fmt, ap);
	va_end(ap);
}

int
conf_check(struct conf_file *cf, struct buf *report)
{
	struct check	 k = { cf, cf->conf, report, 0 };

	check_default(&k);
	check_hostname(&k);
	check_listens(&k);
	check_certs(&k);
	conf_check_front(&k);
	conf_check_push(&k);
	check_ban(&k);
	check_tls(&k);
	check_proxy(&k);
	check_limits(&k);
	check_paths(&k);
	check_users(&k);
	conf_check_queue(&k);
	check_smime(&k);
	return k.bad ? -1 : 0;
}

/* A certificate and nothing else: HTTPS on every address. */
static void
check_default(struct check *k)
{
	const struct conf_sect	*s;
	struct conf_listen	*l;

	if (k->c->nlistens != 0)
		return;
	if (k->c->ncerts == 0) {
		conf_parse_report(k->cf->path, 0, k->report,
		    "neither a listen nor a certificate section");
		k->bad = 1;
		return;
	}
	s = &conf_sects[check_find_sect("listen")];
	l = conf_item(k->c, s, conf_add(k->c, s));
	free(l->name);
	if ((l->name = strdup("https")) == NULL)
		fatal("conf_check");
	l->port = 443;
	l->tls = 1;
}

static void
check_hostname(struct check *k)
{
	char	 name[256];

	if (k->c->hostname[0] == '\0') {
		if (gethostname(name, sizeof(name)) == -1)
			fatal("gethostname");
		name[sizeof(name) - 1] = '\0';
		free(k->c->hostname);
		if ((k->c->hostname = strdup(name)) == NULL)
			fatal("conf_check");
	}
	if (!check_is_host(k->c->hostname))
		conf_check_bad(k, "", 0, "hostname", "hostname: \"%s\" is not "
		    "the name of a host", k->c->hostname);
}

/* RFC 1123 2.1: labels of letters, digits and, within, hyphens. */
static int
check_is_host(const char *s)
{
	size_t	 n, all = strlen(s);

	if (all == 0 || all > 253)
		return 0;
	for (;; s += n + 1) {
		for (n = 0; isalnum((unsigned char)s[n]) || s[n] == '-'; n++)
			;
		if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
			return 0;
		if (s[n] != '.')
			return s[n] == '\0';
	}
}

static void
check_listen(struct check *k, size_t n)
{
	const struct conf_listen	*l = &k->c->listens[n];
	struct ip			 ip;

	if (l->path[0] != '\0') {
		if (l->protocol != CONF_LMTP)
			conf_check_bad(k, "listen", n, "path", "listen %s: "
			    "path is for protocol lmtp only", l->name);
		if (l->path[0] != '/')
			conf_check_bad(k, "listen", n, "path", "listen %s: "
			    "path \"%s\" does not start with /", l->name,
			    l->path);
		if (l->address[0] != '\0' || l->port != 0 || l->tls)
			conf_check_bad(k, "listen", n, "path", "listen %s: "
			    "path goes with none of address, port, tls",
			    l->name);
		return;
	}
	if (l->address[0] != '\0' && strcmp(l->address, "*") != 0 &&
	    ip_parse(&ip, l->address, strlen(l->address)) == -1)
		conf_check_bad(k, "listen", n, "address", "listen %s: address "
		    "\"%s\" is neither IPv4 nor IPv6 nor *", l->name,
		    l->address);
	if (l->tls && l->protocol == CONF_LMTP)
		conf_check_bad(k, "listen", n, "tls", "listen %s: protocol "
		    "lmtp has no tls", l->name);
	if (l->tls && k->c->ncerts == 0)
		conf_check_bad(k, "listen", n, "tls", "listen %s: tls needs a "
		    "certificate section", l->name);
}

static int
check_same(const struct conf_listen *a, const struct conf_listen *b)
{
	if (a->path[0] != '\0' || b->path[0] != '\0')
		return strcmp(a->path, b->path) == 0;
	return a->port != 0 && a->port == b->port &&
	    strcmp(a->address, b->address) == 0;
}

static void
check_listens(struct check *k)
{
	const struct conf_listen	*l = k->c->listens;
	size_t				 i, n;

	for (n = 0; n < k->c->nlistens; n++) {
		check_listen(k, n);
		for (i = 0; i < n; i++)
			if (check_same(&l[i], &l[n]))
				conf_check_bad(k, "listen", n, l[n].path[0] ?
				    "path" : "port", "listen %s: the same as "
				    "listen %s", l[n].name, l[i].name);
	}
}

static void
check_certs(struct check *k)
{
	const struct conf_cert	*c;
	size_t			 n;

	for (n = 0; n < k->c->ncerts; n++) {
		c = &k->c->certs[n];
		if (c->chain[0] == '\0')
			conf_check_bad(k, "certificate", n, "chain",
			    "certificate %s: chain is not set", c->name);
		if (c->key[0] == '\0')
			conf_check_bad(k, "certificate", n, "key",
			    "certificate %s: key is not set", c->name);
	}
}

void
conf_check_nets(struct check *k, const char *sect, const char *opt,
    const struct conf_strs *l)
{
	struct ip_net	 net;
	size_t		 i;

	for (i = 0; i < l->n; i++)
		if (ip_net_parse(&net, l->v[i], strlen(l->v[i])) == -1)
			conf_check_bad(k, sect, 0, opt, "%s.%s: \"%s\" is not "
			    "an address or address/bits", sect, opt, l->v[i]);
}

/* What scanners of the web are fond of. */
static const char *const check_scan_paths[] = {
	"*.php*", "*.cgi*", "*.asp*", "*/wp-*", "*/php*", "*/cgi-bin*",
	"*xmlrpc*", "*../*", "*/..*", "*joomla*", "*wordpress*", "*drupal*",
};

static void
check_ban(struct check *k)
{
	size_t			 i, s = check_find_sect("auto-ban");
	const struct conf_opt	*o;
	char			 why[128];

	conf_check_nets(k, "auto-ban", "allowed", &k->c->ban_allowed);
	if (k->c->ban_scan_paths.n != 0)
		return;
	o = &conf_sects[s].opts[check_find_opt(&conf_sects[s], "scan-paths")];
	for (i = 0; i < nitems(check_scan_paths); i++)
		conf_text(o, k->c, check_scan_paths[i], why, sizeof(why));
}

/* On a context that is thrown away: only the library knows its lists. */
static void
check_tls(struct check *k)
{
	SSL_CTX		*x;
	const char	*opt, *why;

	if ((x = SSL_CTX_new(TLS_server_method())) == NULL)
		fatalx("conf_check: no memory");
	if ((why = tls_profile(x, k->c, &opt)) != NULL)
		conf_check_bad(k, "tls", 0, opt, "tls.%s: %s", opt, why);
	SSL_CTX_free(x);
}

/* security.md 1.8: two ways to be told of one client contradict. */
static void
check_proxy(struct check *k)
{
	const struct conf_listen	*l;
	size_t				 i;

	for (i = 0; i < k->c->nlistens; i++) {
		l = &k->c->listens[i];
		if (l->proxy_protocol == CONF_PROXY_OFF)
			continue;
		if (k->c->use_x_forwarded || k->c->x_real_ip)
			conf_check_bad(k, "listen", i, "proxy-protocol",
			    "listen %s: proxy-protocol goes together with "
			    "neither use-x-forwarded nor x-real-ip", l->name);
		if (k->c->trusted_proxies.n == 0)
			conf_check_bad(k, "listen", i, "proxy-protocol",
			    "listen %s: proxy-protocol needs "
			    "http.trusted-proxies", l->name);
	}
}

/* Pairs where the first may not be more than the second. */
static const struct check_pair {
	const char	*small, *big;
	size_t		 off_small, off_big;
} check_pairs[] = {
	{ "field-size", "fields-size", offsetof(struct conf, field_size),
	    offsetof(struct conf, fields_size) },
	{ "max-size-request", "worker-memory",
	    offsetof(struct conf, max_size_request),
	    offsetof(struct conf, worker_memory) },
};

static void
check_limits(struct check *k)
{
	const struct check_pair	*p;
	uint64_t		 a, b;

	for (p = check_pairs; p < check_pairs + nitems(check_pairs); p++) {
		memcpy(&a, (uint8_t *)k->c + p->off_small, sizeof(a));
		memcpy(&b, (uint8_t *)k->c + p->off_big, sizeof(b));
		if (a > b)
			conf_check_bad(k, "limits", 0, p->small, "limits.%s is "
			    "more than limits.%s", p->small, p->big);
	}
	/* RFC 8620 6: room for what one object can refer to */
	if (k->c->upload_space != 0 &&
	    k->c->upload_space < k->c->max_size_upload)
		conf_check_bad(k, "store", 0, "upload-space",
		    "store.upload-space is less than limits.max-size-upload");
}

/* We leave the folder that we were started in. */
static void
check_paths(struct check *k)
{
	const struct {
		const char	*sect, *opt, *path;
	} all[] = {
		{ "", "data-dir", k->c->data_dir },
		{ "", "auth-dir", k->c->auth_dir },
		{ "", "queue-dir", k->c->queue_dir },
		{ "", "empty-dir", k->c->empty_dir },
		{ "", "push-dir", k->c->push_dir },
		{ "", "control-socket", k->c->control_socket },
		{ "auto-ban", "file", k->c->ban_file },
	};
	size_t	 i;

	for (i = 0; i < nitems(all); i++)
		if (all[i].path[0] != '/' && all[i].path[0] != '\0')
			conf_check_bad(k, all[i].sect, 0, all[i].opt,
			    "%s%s%s: \"%s\" does not start with /",
			    all[i].sect, *all[i].sect != '\0' ? "." : "",
			    all[i].opt, all[i].path);
}

static void
check_users(struct check *k)
{
	const char	*names[] = { "user", "auth-user", "keys-user",
			    "push-user", "queue-user" };
	const char	*users[] = { k->c->user, k->c->auth_user,
			    k->c->keys_user, k->c->push_user,
			    k->c->queue_user };
	size_t		 i, j;

	if (geteuid() != 0)
		return;		/* then nobody's rights are taken on */
	for (i = 0; i < nitems(users); i++) {
		if (getpwnam(users[i]) == NULL)
			conf_check_bad(k, "", 0, names[i], "%s: there is no "
			    "user \"%s\"", names[i], users[i]);
		for (j = 0; j < i; j++)
			if (strcmp(users[i], users[j]) == 0)
				conf_check_bad(k, "", 0, names[i], "%s: is "
				    "\"%s\" as %s is; roles of one user could "
				    "signal each other", names[i], users[i],
				    names[j]);
	}
}

static void
check_smime(struct check *k)
{
	const char	*path = k->c->smime_anchor, *why;

	if (*path != '\0' && (why = conf_file_why(path, MSG_FILE_SMIME)) !=
	    NULL)
		conf_check_bad(k, "smime", 0, "trust-anchor", "smime.trust-"
		    "anchor: %s: %s", path, why);
}

/* Processes have their root and user for life. */
static const struct {
	const char	*sect, *opt;
} check_fixed[] = {
	{ "", "data-dir" }, { "", "auth-dir" }, { "", "queue-dir" },
	{ "", "empty-dir" },
 { "", "push-dir" }, { "", "control-socket" },
	{ "", "user" },
	{ "", "auth-user" }, { "", "keys-user" },
	{ "", "push-user" }, { "", "queue-user" }, { "", "group" },
	{ "push", "trust-anchor" }, { "push", "allow-origin" },
	{ "push", "resolver" }, { "push", "ports" },
};

int
conf_check_reload(const struct conf_file *from, const struct conf_file *to,
    struct buf *report)
{
	const struct conf_sect	*s;
	char			 a[2048], b[2048];
	size_t			 i, n, o;
	int			 ret = 0;

	for (i = 0; i < nitems(check_fixed); i++) {
		n = check_find_sect(check_fixed[i].sect);
		s = &conf_sects[n];
		o = check_find_opt(s, check_fixed[i].opt);
		conf_show(&s->opts[o], from->conf, a, sizeof(a));
		conf_show(&s->opts[o], to->conf, b, sizeof(b));
		if (strcmp(a, b) == 0)
			continue;
		conf_parse_report(to->path, conf_parse_line(to, n, 0, o),
		    report, "%s%s%s cannot change from \"%s\" to \"%s\" "
		    "without a restart", s->name, *s->name ? "." : "",
		    check_fixed[i].opt, a, b);
		ret = -1;
	}
	return ret;
}
