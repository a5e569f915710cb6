/* SPDX-License-Identifier: ISC */
/*
 * Every resource that this server has, in one table: the only place where
 * HTTP meets JMAP, management and the rest.  route.c says how a row is
 * found, http.h what its columns mean.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/eventsource.h"
#include "worker/policy/policy.h"
#include "worker/rest/rest.h"
#include "worker/worker.h"
#include "worker/worker_jmap.h"
#include "worker/worker_ws.h"

#define REST	(ROUTE_AUTH | ROUTE_ADMIN)

static void	routes_to(struct req *, int, const char *);
static void	root_get(struct req *);
static void	jmap_get(struct req *);
static void	robots_get(struct req *);

const struct route	worker_routes[] = {
	/* methods, path, class, flags, body, handler, limit */
	{ M_GET, "/", HTTP_R, 0, BODY_NONE, root_get, NULL },
	{ M_GET, "/robots.txt", HTTP_W, 0, BODY_NONE, robots_get, NULL },
	{ M_GET, "/healthz/live", HTTP_A, ROUTE_OPEN, BODY_NONE, health_live,
	    NULL },
	{ M_GET, "/healthz/ready", HTTP_A, ROUTE_OPEN, BODY_NONE,
	    health_ready, NULL },
	{ M_GET, "/metrics", HTTP_A, 0, BODY_NONE, metrics_get, NULL },
	{ M_GET, "/metrics/prometheus", HTTP_A, 0, BODY_NONE, metrics_get,
	    NULL },
	{ M_GET, "/api/principal", HTTP_A, REST, BODY_NONE,
	    rest_principal_list, NULL },
	{ M_POST, "/api/principal", HTTP_A, REST, BODY_REQUEST,
	    rest_change_create, NULL },
	{ M_GET, "/api/principal/{name}", HTTP_A, REST, BODY_NONE,
	    rest_principal_get, NULL },
	{ M_PATCH, "/api/principal/{name}", HTTP_A, REST, BODY_REQUEST,
	    rest_change_update, NULL },
	{ M_DELETE, "/api/principal/{name}", HTTP_A, REST, BODY_NONE,
	    rest_principal_delete, NULL },
	{ M_GET, "/api/reload", HTTP_A, REST, BODY_NONE,
	    rest_principal_reload, NULL },
	{ M_GET, "/api/reload/{what}", HTTP_A, REST, BODY_NONE,
	    rest_principal_reload, NULL },

	/* RFC 8620 2, 3, 6 */
	{ M_GET, "/.well-known/jmap", HTTP_R, 0, BODY_NONE, jmap_get, NULL },
	{ M_GET, "/jmap/session", HTTP_S, ROUTE_AUTH, BODY_NONE,
	    worker_jmap_session, NULL },
	{ M_POST, "/jmap", HTTP_A, ROUTE_AUTH, BODY_REQUEST,
	    worker_jmap_api, "maxSizeRequest" },
	{ M_POST, "/jmap/", HTTP_A, ROUTE_AUTH, BODY_REQUEST,
	    worker_jmap_api, "maxSizeRequest" },
	{ M_POST, "/jmap/upload/{account}", HTTP_A, ROUTE_AUTH | ROUTE_UPLOAD,
	    BODY_UPLOAD, worker_jmap_upload, "maxSizeUpload" },
	{ M_POST, "/jmap/upload/{account}/", HTTP_A,
	    ROUTE_AUTH | ROUTE_UPLOAD, BODY_UPLOAD, worker_jmap_upload,
	    "maxSizeUpload" },
	{ M_GET, "/jmap/eventsource", HTTP_E, ROUTE_AUTH, BODY_NONE,
	    eventsource_get, NULL },
	{ M_GET, "/jmap/eventsource/", HTTP_E, ROUTE_AUTH, BODY_NONE,
	    eventsource_get, NULL },
	{ M_GET, "/jmap/ws", HTTP_A, ROUTE_AUTH | ROUTE_UPGRADE, BODY_NONE,
	    worker_ws_get, NULL },
	{ M_GET, "/jmap/ws/", HTTP_A, ROUTE_AUTH | ROUTE_UPGRADE, BODY_NONE,
	    worker_ws_get, NULL },
	{ M_GET, "/jmap/download/{account}/{blob}", HTTP_B, ROUTE_AUTH,
	    BODY_NONE, worker_jmap_download, NULL },
	{ M_GET, "/jmap/download/{account}/{blob}/{name}", HTTP_B, ROUTE_AUTH,
	    BODY_NONE, worker_jmap_download, NULL },
};
const size_t	worker_nroutes = nitems(worker_routes);

/*
 * To a resource of ours, at the same host, so that a client's login goes with
 * it; below the path of http.url, where a proxy has put us.
 */
static void
routes_to(struct req *r, int status, const char *path)
{
	char		 url[512], *base, *to;

	url_base(r, url, sizeof(url));
	base = strstr(url, "://");
	if (base != NULL)
		base = strchr(base + 3, '/');
	to = arena_printf(&r->arena, "%s%s", base != NULL ? base : "", path);
	req_redirect(r, status, to != NULL ? to : path);
}

/* What a person sees who types the server's name. */
static void
root_get(struct req *r)
{
	routes_to(r, 302, "/.well-known/jmap");
}

/* RFC 8620 2.2; not cached, so that the session may move. */
static void
jmap_get(struct req *r)
{
	req_hdr_set(r, "Cache-Control", "no-cache");
	routes_to(r, 307, "/jmap/session");
}

/* RFC 9309: there is nothing here for a search engine. */
static void
robots_get(struct req *r)
{
	static const char	 text[] = "User-agent: *\nDisallow: /\n";

	req_reply(r, 200, "text/plain; charset=utf-8", text,
	    sizeof(text) - 1);
}
