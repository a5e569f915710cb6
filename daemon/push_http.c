/* SPDX-License-Identifier: ISC */
/*
 * Posts by libcurl's multi interface over libevent: see push_http.h.  Called
 * by push.c.  Names are resolved by dns_ask.c and given to libcurl, so that
 * its own resolver (threads, files) never runs.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>
#include <event.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "common/buf.h"
#include "common/ip.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "daemon/dns_ask.h"
#include "daemon/push_http.h"

#define ANSWER_MAX	65536	/* bytes of an answer, head and body */
#define HOST_MAX	8	/* connections to one push service */
#define KEPT_MAX	32	/* connections kept for the next push */
#define CACHED		900	/* s that libcurl knows an address */

struct push_http {
	LIST_ENTRY(push_http)	 entry;
	CURL			*curl;
	struct curl_slist	*headers, *resolve;
	struct dns_ask		*ask;
	char			*text;
	void			*body;
	struct push_url		 url;
	size_t			 got;		/* bytes of the answer */
	int			 allowed;	/* may be this machine */
	int			 refused;	/* an address was */
	int			 sent;		/* the request began */
	struct event		 ev;		/* ends it soon */
	struct push_http_end	 end;
	push_http_fn		*fn;
	void			*arg;
};

/* A socket of libcurl's that we wait for. */
struct wait {
	struct event	 ev;
};

static void	http_store(const char *);
static int	http_anchors(X509_STORE *);
static void	http_resolved(void *, const struct ip *, size_t);
static int	http_setup(struct push_http *, const struct push_http_req *);
static int	http_options(struct push_http *, size_t);
static int	http_resolve(struct push_http *, const struct ip *, size_t);
static void	http_fail(struct push_http *, enum push_http_result,
		    const char *);
static void	http_soon(int, short, void *);
static void	http_finish(struct push_http *);
static void	http_done(void);
static void	http_result(struct push_http *, CURLcode);
static curl_socket_t	http_open(void *, curlsocktype,
		    struct curl_sockaddr *);
static int	http_own(const struct curl_sockaddr *);
static size_t	http_head(char *, size_t, size_t, void *);
static size_t	http_body(char *, size_t, size_t, void *);
static size_t	http_read(char *, size_t, size_t, void *);
static CURLcode	http_tls(CURL *, void *, void *);
static int	http_socket(CURL *, curl_socket_t, int, void *, void *);
static int	http_timer(CURLM *, long, void *);
static void	http_event(int, short, void *);
static void	http_timeout(int, short, void *);

/* Where the system's trusted certificates are. */
static const char *const	bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/ssl/cert.pem",
	"/etc/pki/tls/certs/ca-bundle.crt",
};

static CURLM			*multi;
static X509_STORE		*store;
static struct event		 ev_timer;
static const struct conf	*conf;
static LIST_HEAD(, push_http)	 posts = LIST_HEAD_INITIALIZER(posts);

/* --- before privileges go ------------------------------------------------- */

void
push_http_init(const struct conf *c)
{
	struct push_url	 u;
	const char	*bad;
	size_t		 i;

	/* nothing of it from whoever started us */
	unsetenv("SSLKEYLOGFILE");
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	unsetenv("CURL_SSL_BACKEND");
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK ||
	    (multi = curl_multi_init()) == NULL)
		fatalx("libcurl cannot be used");
	evtimer_set(&ev_timer, http_timeout, NULL);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, http_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, http_timer);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
	    (long)HOST_MAX);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    (long)PUSH_HTTP_MAX);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)KEPT_MAX);
	http_store(c->push_trust_anchor);
	dns_ask_init(c->push_resolver);
	sandbox_port(dns_ask_port());
	if (c->push_ports.n == 0)
		sandbox_port(443);
	if (c->push_allow_origin[0] != '\0' && push_url_parse(&u,
	    c->push_allow_origin, strlen(c->push_allow_origin)) == NULL)
		sandbox_port(u.port);
	for (i = 0; i < c->push_ports.n && i < 8; i++)
		sandbox_port((uint16_t)strtonum(c->push_ports.v[i], 1,
		    UINT16_MAX, &bad));
}

static void
http_store(const char *anchor)
{
	X509_LOOKUP	*l;

	if ((store = X509_STORE_new()) == NULL)
		fatalx("push: no memory");
	if (http_anchors(store) == 0)
		log_warnx("no file with trusted certificates: no push service "
		    "can be reached");
	if (anchor[0] == '\0')
		return;
	if ((l = X509_STORE_add_lookup(store, X509_LOOKUP_file())) == NULL ||
	    X509_load_cert_file(l, anchor, X509_FILETYPE_PEM) < 1)
		log_warnx("push.trust-anchor: %s: no certificate in it",
		    anchor);
}

static int
http_anchors(X509_STORE *s)
{
	X509_LOOKUP	*l;
	size_t		 i;
	int		 n;

	if ((l = X509_STORE_add_lookup(s, X509_LOOKUP_file())) == NULL)
		return 0;
	for (i = 0; i < nitems(bundles); i++)
		if (access(bundles[i], R_OK) == 0 && (n = X509_load_cert_file(
		    l, bundles[i], X509_FILETYPE_PEM)) > 0) {
			log_debug("%d trusted certificates", n);
			return n;
		}
	return 0;
}

void
push_http_conf(const struct conf *c)
{
	conf = c;
}

/* --- a post --------------------------------------------------------------- */

struct push_http *
push_http_post(const struct push_http_req *q)
{
	struct push_http	*h;
	struct ip		 ip;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return NULL;
	evtimer_set(&h->ev, http_soon, h);
	LIST_INSERT_HEAD(&posts, h, entry);
	h->url = *q->url;
	h->fn = q->fn;
	h->arg = q->arg;
	h->end.why = "";
	h->allowed = conf->push_allow_origin[0] != '\0' &&
	    strcmp(h->url.origin, conf->push_allow_origin) == 0;
	if (http_setup(h, q) == -1)
		goto bad;
	if (h->url.literal) {
		if (ip_parse(&ip, h->url.host, strlen(h->url.host)) == -1)
			goto bad;
		http_resolved(h, &ip, 1);
	} else if ((h->ask = dns_ask(h->url.host, http_resolved, h)) == NULL)
		goto bad;
	return h;
bad:
	push_http_cancel(h);
	return NULL;
}

static int
http_setup(struct push_http *h, const struct push_http_req *q)
{
	struct curl_slist	*more;
	size_t			 i;

	if ((h->text = strdup(q->text)) == NULL ||
	    (h->body = malloc(q->len + 1)) == NULL ||
	    (h->curl = curl_easy_init()) == NULL)
		return -1;
	memcpy(h->body, q->body, q->len);
	/* no "Expect: 100-continue" */
	if ((h->headers = curl_slist_append(NULL, "Expect:")) == NULL)
		return -1;
	for (i = 0; i < q->nheaders; i++) {
		more = curl_slist_append(h->headers, q->headers[i]);
		if (more == NULL)
			return -1;
		h->headers = more;
	}
	return http_options(h, q->len);
}

/* What libcurl does and what it must not. */
static int
http_options(struct push_http *h, size_t len)
{
	CURL	*c = h->curl;

	curl_easy_setopt(c, CURLOPT_PRIVATE, h);
	curl_easy_setopt(c, CURLOPT_URL, h->text);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "jmapd");
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, (char *)h->body);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(c, CURLOPT_PROXY, "");	/* not even by environment */
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)conf->push_timeout);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)conf->push_timeout);
	/* longer than any post: its own resolver must never be needed */
	curl_easy_setopt(c, CURLOPT_DNS_CACHE_TIMEOUT, (long)CACHED);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, http_open);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, http_head);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, http_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, http_read);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	return curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, http_tls) ==
	    CURLE_OK ? 0 : -1;
}

/* Our certificates, read long ago, in the place of libcurl's. */
static CURLcode
http_tls(CURL *c, void *ctx, void *arg)
{
	(void)c;
	(void)arg;
	X509_STORE_up_ref(store);
	SSL_CTX_set_cert_store(ctx, store);
	return CURLE_OK;
}

static void
http_resolved(void *arg, const struct ip *ip, size_t n)
{
	struct push_http	*h = arg;

	h->ask = NULL;
	if (n == 0)
		http_fail(h, PUSH_HTTP_UNREACHED, "the host has no address");
	else if (http_resolve(h, ip, n) == -1)
		http_fail(h, PUSH_HTTP_UNREACHED, "out of memory");
	else if (h->resolve == NULL)
		http_fail(h, PUSH_HTTP_REFUSED,
		    "the host's address is not global");
	else if (curl_multi_add_handle(multi, h->curl) != CURLM_OK)
		http_fail(h, PUSH_HTTP_UNREACHED, "libcurl");
}

/* +host:port:address,address...: none when all are refused.  With the '+' it
 * is forgotten some time after its use. */
static int
http_resolve(struct push_http *h, const struct ip *ip, size_t n)
{
	char		 text[IP_STRLEN];
	struct buf	 b;
	size_t		 i;
	int		 any = 0, ret = 0;

	buf_init(&b, 8192);
	buf_addf(&b, "+%s%s%s:%u:", strchr(h->url.host, ':') ? "[" : "",
	    h->url.host, strchr(h->url.host, ':') ? "]" : "", h->url.port);
	for (i = 0; i < n; i++) {
		if (!ip_global(&ip[i]) && !(h->allowed && ip_loopback(&ip[i])))
			continue;
		buf_addf(&b, "%s%s%s%s", any++ ? "," : "",
		    ip[i].af == IP_V6 ? "[" : "", ip_str(&ip[i], text),
		    ip[i].af == IP_V6 ? "]" : "");
	}
	if (any > 0) {
		if (buf_str(&b) == NULL || (h->resolve = curl_slist_append(
		    NULL, buf_str(&b))) == NULL)
			ret = -1;
		else
			curl_easy_setopt(h->curl, CURLOPT_RESOLVE, h->resolve);
	}
	buf_free(&b);
	return ret;
}

/* --- the end of it -------------------------------------------------------- */

static void
http_fail(struct push_http *h, enum push_http_result r, const char *why)
{
	struct timeval	 now = { 0, 0 };

	h->end.result = r;
	h->end.why = why;
	evtimer_add(&h->ev, &now);
}

static void
http_soon(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	http_finish(arg);
}

static void
http_finish(struct push_http *h)
{
	struct push_http_end	 end = h->end;
	push_http_fn		*fn = h->fn;
	void			*arg = h->arg;

	push_http_cancel(h);
	fn(arg, &end);
}

void
push_http_cancel(struct push_http *h)
{
	if (h->ask != NULL)
		dns_ask_cancel(h->ask);
	evtimer_del(&h->ev);
	LIST_REMOVE(h, entry);
	if (h->curl != NULL) {
		curl_multi_remove_handle(multi, h->curl);
		curl_easy_cleanup(h->curl);
	}
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->resolve);
	if (h->text != NULL)
		freezero(h->text, strlen(h->text));
	free(h->body);
	freezero(h, sizeof(*h));
}

static void
http_done(void)
{
	struct push_http	*h;
	CURLMsg			*m;
	char			*p;
	int			 left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(
		    m->easy_handle, CURLINFO_PRIVATE, &p) != CURLE_OK)
			continue;
		h = (struct push_http *)(void *)p;
		http_result(h, m->data.result);
		http_finish(h);
	}
}

static void
http_result(struct push_http *h, CURLcode code)
{
	curl_off_t	 wait = 0;
	long		 status = 0, sent = 0;

	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h->curl, CURLINFO_REQUEST_SIZE, &sent);
	h->end.why = code == CURLE_OK ? "" : curl_easy_strerror(code);
	if (code == CURLE_OK) {
		curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
		h->end.result = PUSH_HTTP_ANSWER;
		h->end.status = (int)status;
		h->end.retry_s = wait;
	} else if (h->refused && sent == 0) {
		h->end.result = PUSH_HTTP_REFUSED;
		h->end.why = "the host's address is not global";
	} else
		h->end.result = sent == 0 ? PUSH_HTTP_UNREACHED :
		    PUSH_HTTP_BROKEN;
}

/* --- called by libcurl ---------------------------------------------------- */

/* The one gate: this address, now. */
static curl_socket_t
http_open(void *arg, curlsocktype what, struct curl_sockaddr *a)
{
	struct push_http	*h = arg;
	struct ip		 ip;
	char			 text[IP_STRLEN];
	int			 ok;

	ip_from_sa(&ip, NULL, &a->addr);
	ok = what == CURLSOCKTYPE_IPCXN &&
	    (ip.af == IP_V4 || ip.af == IP_V6) &&
	    (h->allowed ? ip_loopback(&ip) || ip_global(&ip) :
	    ip_global(&ip) && !http_own(a));
	if (!ok) {
		h->refused = 1;
		log_warnx("%s: will not connect to %s", h->url.origin,
		    ip_str(&ip, text));
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    a->protocol);
}

/* 1 if the address is this machine's: then we would come from it. */
static int
http_own(const struct curl_sockaddr *a)
{
	struct sockaddr_storage	 sa;
	struct ip		 from, to;
	socklen_t		 len = sizeof(sa);
	int			 fd, own = 0;

	fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return 0;
	if (connect(fd, &a->addr, a->addrlen) == 0 &&
	    getsockname(fd, (struct sockaddr *)&sa, &len) == 0) {
		ip_from_sa(&from, NULL, (struct sockaddr *)&sa);
		ip_from_sa(&to, NULL, &a->addr);
		own = ip_eq(&from, &to);
	}
	close(fd);
	return own;
}

static size_t
http_head(char *p, size_t one, size_t n, void *arg)
{
	return http_body(p, one, n, arg);
}

/* Nothing of it is of interest. */
static size_t
http_body(char *p, size_t one, size_t n, void *arg)
{
	struct push_http	*h = arg;

	(void)p;
	h->got += one * n;
	return h->got > ANSWER_MAX ? 0 : one * n;
}

/* Never standard input. */
static size_t
http_read(char *p, size_t one, size_t n, void *arg)
{
	(void)p;
	(void)one;
	(void)n;
	(void)arg;
	return CURL_READFUNC_ABORT;
}

static int
http_socket(CURL *c, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct wait	*w = mine;
	short		 ev = EV_PERSIST;

	(void)c;
	(void)arg;
	if (w != NULL)
		event_del(&w->ev);
	if (what == CURL_POLL_REMOVE) {
		free(w);
		return 0;
	}
	if (w == NULL) {
		if ((w = calloc(1, sizeof(*w))) == NULL)
			return -1;
		curl_multi_assign(multi, fd, w);
	}
	if (what & CURL_POLL_IN)
		ev |= EV_READ;
	if (what & CURL_POLL_OUT)
		ev |= EV_WRITE;
	event_set(&w->ev, fd, ev, http_event, NULL);
	return event_add(&w->ev, NULL);
}

static int
http_timer(CURLM *m, long ms, void *arg)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	(void)m;
	(void)arg;
	evtimer_del(&ev_timer);
	return ms < 0 ? 0 : evtimer_add(&ev_timer, &tv);
}

static void
http_event(int fd, short what, void *arg)
{
	int	 n, how = 0;

	(void)arg;
	if (what & EV_READ)
		how |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		how |= CURL_CSELECT_OUT;
	curl_multi_socket_action(multi, fd, how, &n);
	http_done();
}

static void
http_timeout(int fd, short what, void *arg)
{
	int	 n;

	(void)fd;
	(void)what;
	(void)arg;
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &n);
	http_done();
}
