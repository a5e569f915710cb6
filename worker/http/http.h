/* SPDX-License-Identifier: ISC */
/*
 * HTTP: the request that every transport makes and every handler answers.
 * This is the manual of worker/http; handlers need no other header of it.
 *
 * Life of a request
 *	transport (http1, later http2)   bytes -> struct req
 *	req_begin     finds the route, runs the request steps in table order
 *	              (limits, cors, authz); a step may park the request
 *	transport     reads the body: whole into r->body, or, on a route with
 *	              ROUTE_UPLOAD, piece by piece into r->sink
 *	handler       route->handler(r), body complete; it answers now, or
 *	              later from another turn of the loop
 *	req_reply...  the response steps make the head; transport sends it
 *	req end       r and everything from r->arena is gone
 *
 * Rules for handlers
 *	Answer exactly once: req_reply, req_stream, req_problem, req_redirect.
 *	After that r may be gone: touch nothing of it.
 *	If you do not answer before you return, call req_park first, so that
 *	you hear when the client goes away.
 *	A peer's bytes go into a header only through req_hdr_add.
 *	Strings in struct req are NUL-terminated and contain no other NUL.
 */
#ifndef WORKER_HTTP_HTTP_H
#define WORKER_HTTP_HTTP_H

#include "common/compat.h"

#include "common/arena.h"
#include "common/ip.h"
#include "common/msg.h"

struct buf;
struct conf;
struct conf_listen;
struct conn_proto;
struct hosts;
struct http_setup;
struct req;

#define HTTP_MAX_HDRS	101	/* field lines of a request, and one more:
				 * Host where HTTP/2 has :authority */
#define HTTP_MAX_PARAMS	6	/* {names} in a route's path */
#define HTTP_MAX_OUT	24	/* fields a handler adds to its answer */

enum http_method {
	HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE,
	HTTP_OPTIONS, HTTP_METHODS
};
#define HTTP_M(m)	(1u << (m))
#define M_GET		(HTTP_M(HTTP_GET) | HTTP_M(HTTP_HEAD))
#define M_POST		HTTP_M(HTTP_POST)
#define M_PUT		HTTP_M(HTTP_PUT)
#define M_PATCH		HTTP_M(HTTP_PATCH)
#define M_DELETE	HTTP_M(HTTP_DELETE)

/* Classes of answers: which headers protect them (policy/class.c). */
enum http_class {
	HTTP_A,		/* API JSON */
	HTTP_S,		/* session object */
	HTTP_K,		/* tokens and their kin */
	HTTP_B,		/* blob download: bytes that a stranger wrote */
	HTTP_E,		/* event stream */
	HTTP_H,		/* web admin HTML */
	HTTP_T,		/* hashed static assets */
	HTTP_O,		/* login and consent HTML */
	HTTP_W,		/* public discovery documents */
	HTTP_R,		/* redirects */
	HTTP_P,		/* OPTIONS and preflight */
	HTTP_L,		/* logout */
	HTTP_X,		/* errors before any route is known */
	HTTP_CLASSES
};

/* Request fields that code asks for; any other by req_hdr_find. */
enum http_hdr {
	HDR_ACCEPT, HDR_AC_HEADERS, HDR_AC_METHOD, HDR_AUTHORIZATION,
	HDR_CONNECTION, HDR_CONTENT_ENCODING, HDR_CONTENT_LENGTH,
	HDR_CONTENT_TYPE, HDR_COOKIE, HDR_EXPECT, HDR_FORWARDED, HDR_HOST,
	HDR_IF_MATCH, HDR_IF_MODIFIED_SINCE, HDR_IF_NONE_MATCH, HDR_IF_RANGE,
	HDR_LAST_EVENT_ID, HDR_ORIGIN, HDR_RANGE, HDR_SEC_FETCH_DEST,
	HDR_SEC_FETCH_MODE, HDR_SEC_FETCH_SITE, HDR_SERVICE_WORKER, HDR_TE,
	HDR_TRAILER, HDR_TRANSFER_ENCODING, HDR_UPGRADE, HDR_USER_AGENT,
	HDR_X_FORWARDED_FOR, HDR_X_FORWARDED_PROTO, HDR_X_REQUESTED_WITH,
	HDR_OTHER, HDR_MAX = HDR_OTHER
};

struct req_hdr {
	const char	*name;		/* as sent, NUL-terminated */
	const char	*value;		/* trimmed, NUL-terminated */
	uint32_t	 name_len, value_len;
	enum http_hdr	 id;
	int16_t		 next;		/* next line of the same id, or -1 */
};

struct req_str {
	const char	*p;		/* NUL-terminated, decoded */
	size_t		 len;
};

/* --- routes ---------------------------------------------------------- */

#define ROUTE_AUTH	0x01	/* r->user is set, or the answer was 401 */
#define ROUTE_ADMIN	0x02	/* and it is an administrator, or 403 */
#define ROUTE_UPLOAD	0x04	/* handler runs before the body, sets r->sink */
#define ROUTE_JSON	0x08	/* body must be application/json, else 415 */
#define ROUTE_OPEN	0x10	/* answered on plain HTTP too, despite hsts */
#define ROUTE_UPGRADE	0x20	/* leaves HTTP: req_upgrade */

enum route_body {
	BODY_NONE,		/* a body is refused: 400 */
	BODY_SMALL,		/* 64 KiB */
	BODY_REQUEST,		/* conf: max-size-request */
	BODY_UPLOAD		/* conf: max-size-upload */
};

struct route {
	unsigned int	 methods;	/* M_GET | M_POST ... */
	const char	*path;		/* "/jmap/download/{account}/{blob}"; a
					 * last segment "*" takes the rest */
	enum http_class	 class;
	unsigned int	 flags;
	enum route_body	 body;
	void		(*handler)(struct req *);
	const char	*limit;		/* name of the limit in a "too large"
					 * answer (RFC 8620 3.6.1), or NULL */
};

/* --- who asks -------------------------------------------------------- */

/* What auth answered (struct msg_auth_ok), copied. */
struct req_user {
	uint64_t	 account;
	uint64_t	 perms;			/* PERM_BIT()s of perm.h */
	uint8_t		 handle[MSG_HANDLE];	/* proves it to MSG_DIR */
	char		 login[256];		/* canonical */
};

/* --- the request ----------------------------------------------------- */

enum req_ret {
	REQ_NEXT,	/* go on with the next step */
	REQ_PARK,	/* wait: req_resume will run this same step again */
	REQ_DONE	/* it has been answered */
};

/* A request step.  tables: worker/policy/policy.c */
struct http_step {
	const char	*name;
	enum req_ret	(*run)(struct req *);
};

enum req_state {
	REQ_STEPS,	/* in the request steps, perhaps parked */
	REQ_BODY,	/* steps passed, the transport may read the body */
	REQ_HANDLER,	/* the handler has it */
	REQ_ANSWERED	/* an answer was given to the transport */
};

/*
 * Where an answer in pieces comes from.  Appends at most max bytes to out.
 * Returns the bytes appended, 0 at the end, -1 on failure (the connection
 * is cut, so that the client notices), STREAM_WAIT when there is nothing
 * now; req_resume(r) asks again.
 */
#define STREAM_WAIT	(-2)
typedef ssize_t	 stream_fn(struct req *, void *arg, struct buf *out,
		    size_t max);

/*
 * Where a body in pieces goes (ROUTE_UPLOAD).  end is 1 with the last call
 * (len may be 0 then), on which it must answer or park.  To refuse earlier,
 * answer and return -1; it is not called again.  When the client vanishes,
 * only the park function is called.
 */
typedef int	 sink_fn(struct req *, void *arg, const uint8_t *, size_t len,
		    int end);

struct req {
	/* what was asked; set by the transport */
	enum http_method	 method;
	const char		*target;	/* as sent, for logs */
	const char		*path;		/* percent-decoded once */
	size_t			 path_len;
	const char		*query;		/* raw, "" if none */
	const char		*host;		/* lower case, without port */
	unsigned int		 version;	/* 10, 11, 20 */
	struct req_hdr		 hdr[HTTP_MAX_HDRS];
	int			 nhdr;
	int16_t			 known[HDR_MAX]; /* first line by id, or -1 */
	const uint8_t		*body;		/* whole, if no sink has it */
	size_t			 body_len;
	uint64_t		 body_max;	/* limit that applies */
	sink_fn			*sink;
	void			*sink_arg;

	/* from where; constant */
	uint64_t		 id;		/* unique in this worker */
	uint32_t		 conn;		/* parent's number, MSG_CONN */
#define HTTP_NO_CONN	UINT32_MAX	/* nobody sent it: jmapctl headers */
	struct ip		 peer;		/* of the socket */
	struct ip		 local;		/* our end of it */
	struct ip		 client;	/* peer, or as a proxy says */
	uint16_t		 peer_port, local_port;
	/* host[:port] that a trusted proxy was asked for, or NULL */
	const char		*authority;
	int			 tls;		/* this socket is TLS */
	int			 secure;	/* tls, or a proxy says so */
	int			 clear;		/* no TLS, a proxy says */
	int			 hidden;	/* a proxy that we trust said
						 * something of the client
						 * that is no address: client
						 * is the last one known */
	const struct hosts	*hosts;		/* names served on it */
	const struct conf_listen *listen;
	const struct conf	*conf;		/* settings it was born under */

	/* what it is */
	const struct route	*route;		/* NULL: no such resource */
	unsigned int		 allowed;	/* methods of that path */
	enum http_class		 class;
	int			 cors;		/* a script asks whose origin
						 * may read the answer */
	int			 connect;	/* extended CONNECT (RFC 8441)
						 * for WebSocket, method GET */
	struct req_str		 param[HTTP_MAX_PARAMS]; /* order of the path */
	int			 nparam;

	/* who asks; set by policy/authz.c */
	struct req_user		 user;
	int			 has_user;

	/* For whoever works on it now. */
	struct arena		 arena;		/* lives as long as r */
	void			*step_data;	/* the parked step's */
	int			 step_state;	/* 0 at first */
	void			*data;		/* the handler's */

	/* Private to worker/http. */
	const struct http_setup	*setup;
	const struct transport	*tp;
	void			*tp_arg;	/* its connection or stream */
	struct reply		*reply;
	enum req_state		 state;
	int			 step;		/* index of the running step */
	int			 busy;		/* inside a step or handler */
	void			(*gone)(struct req *, void *);
	void			*gone_arg;
	void			(*release)(struct req *); /* at its end */
	int			 place;		/* policy/limits.c's */
	int64_t			 began;		/* microseconds, monotonic */
};

/* Value of the first line of that name, or NULL. */
const char	*req_hdr(const struct req *, enum http_hdr);
/* The same for a name (any case) that has no id. */
const char	*req_hdr_find(const struct req *, const char *name);
/*
 * 1 if it was sent on this machine and not through a proxy: by the socket's
 * address, never by what a field says, and not with a field that a proxy
 * writes (it may say nothing that can be understood: "for=unknown").
 */
int		 req_local(const struct req *);
/*
 * The decoded value of a query parameter, from the arena, or NULL when it
 * is absent, given twice, or malformed.  '+' is a space.
 */
const char	*req_query(struct req *, const char *name);
/* The i-th {param} of the path, "" if there is none. */
const char	*req_param(const struct req *, int i);
/* 1 if the Content-Type is this type (parameters ignored, any case). */
int		 req_is_type(const struct req *, const char *type);

/*
 * Wait for something.  gone(r, arg) is called if the client vanishes
 * first: forget r then.  A step returns REQ_PARK after it; a handler just
 * returns.  Parking again replaces the pair.
 */
void	req_park(struct req *, void (*gone)(struct req *, void *), void *arg);
/*
 * It happened.  In a step: the same step runs again.  In a stream: the
 * stream function is asked again.  A handler does not resume: it answers.
 */
void	req_resume(struct req *);

/* --- answers --------------------------------------------------------- */

/*
 * Add a field to the answer, before giving it.  name is ours; value may
 * contain a peer's bytes: a control octet or one above 0x7e in it turns the
 * whole answer into a 500 (security.md 1.7).  Copies both.  "set" replaces.
 */
void	req_hdr_add(struct req *, const char *name, const char *value);
void	req_hdr_set(struct req *, const char *name, const char *value);

/* Answer with len bytes, which are copied.  type NULL: no body at all. */
void	req_reply(struct req *, int status, const char *type, const void *body,
	    size_t len);
/* The same without a copy: the buffer's memory becomes the request's, *b is
 * left empty. */
void	req_reply_buf(struct req *, int status, const char *type,
	    struct buf *b);
/*
 * Answer in pieces.  len: the exact length, or -1 for chunked coding.
 * done(r, arg), unless NULL, is called once at the end, however it ends.
 */
void	req_stream(struct req *, int status, const char *type, int64_t len,
	    stream_fn *, void (*done)(struct req *, void *), void *arg);
/*
 * Leave HTTP for the protocol of that token, whose open finds data in
 * c->data: answer 101, and the connection is the protocol's (RFC 9110 7.8);
 * or, if r->connect, answer 200, and the stream is (RFC 8441 5).  done(r,
 * data) is called instead when it does not come to that.
 */
void	req_upgrade(struct req *, const char *token, const struct conn_proto *,
	    void (*done)(struct req *, void *), void *data);
/*
 * Problem details (RFC 9457).  type NULL: about:blank; title NULL: the
 * status's own phrase; detail NULL: none.  members: more JSON members that
 * we wrote ourselves ("\"limit\":\"maxSizeRequest\""), or NULL.
 */
void	req_problem(struct req *, int status, const char *type,
	    const char *title, const char *detail);
void	req_problem_more(struct req *, int status, const char *type,
	    const char *title, const char *detail, const char *members);
/* 301, 302, 303, 307 or 308 to a path of ours or a URL that we made. */
void	req_redirect(struct req *, int status, const char *location);

/* "Not Found" and so on; "Unknown" for one that only an administrator
 * thought of. */
const char	*http_phrase(int status);
const char	*http_method_name(enum http_method);

#endif
