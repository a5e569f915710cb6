/* SPDX-License-Identifier: ISC */
/*
 * The life of a request, from the transport's side.  Handlers read http.h
 * only; this is for http1.c, later http2.c, and for worker.c, which makes the
 * setup.
 */
#ifndef WORKER_HTTP_REQ_H
#define WORKER_HTTP_REQ_H

#include "common/buf.h"
#include "common/compat.h"

#include "worker/http/block.h"
#include "worker/http/fields.h"
#include "worker/http/hosts.h"
#include "worker/http/http.h"
#include "worker/http/http1_head.h"

struct conn;

/*
 * What a response step knows when it composes a block: everything about an
 * answer but the answer.
 */
struct block_ctx {
	const struct conf	*conf;
	enum http_class		 class;
	int			 secure;	/* over TLS */
	int			 error;		/* status 400 and above */
};
struct block_step {
	const char	*name;
	void		(*compose)(struct block *, const struct block_ctx *);
};

/* Everything HTTP needs to know for one generation of the configuration. */
struct http_setup {
	const struct conf	*conf;
	const struct route	*routes;
	size_t			 nroutes;
	const struct http_step	*steps;
	size_t			 nsteps;
	struct http1_limits	 limits;
	struct block		*block;	/* [class][secure][error] */
	struct ip_net		*trusted;
	size_t			 ntrusted;
	struct ip_net		*allowed;	/* never banned */
	size_t			 nallowed;
	struct hosts		 hosts;	/* all names, for plain listeners */
	struct policy		*policy; /* worker/policy's own */
	/* What depends on more than the class; NULL: nothing does. */
	void			(*late)(struct req *, struct fields *);
};

/* Compose all blocks by the steps in their order.  Fatal without memory. */
void	http_setup_blocks(struct http_setup *, const struct block_step *,
	    size_t n);
void	http_setup_free(struct http_setup *);

/* The answer that a request carries until it is sent. */
struct reply {
	int			 status;
	const char		*type;
	struct block_field	 field[HTTP_MAX_OUT];
	size_t			 nfields;
	int			 bad;	/* an octet that may not be sent */
	const uint8_t		*body;	/* borrowed during tp->reply only */
	size_t			 len;
	struct buf		 own;	/* req_reply_buf's */
	stream_fn		*stream;
	int64_t			 stream_len;	/* or -1 */
	void			(*done)(struct req *, void *);
	void			*arg;
	const struct conn_proto	*up;	/* req_upgrade's; arg is its data */
	uint64_t		 sent;	/* body bytes handed over */
};

struct transport {
	const char	*name;
	/* r->reply is complete: send it.  Never calls back. */
	void		(*reply)(struct req *);
	/* Something changed outside of the transport's own call. */
	void		(*wake)(struct req *);
};

/* A fresh request of this transport; NULL without memory. */
struct req	*req_new(const struct http_setup *, const struct transport *,
		    void *tp_arg);
/*
 * The head is read: find the route and run the steps.  Ask r->state then:
 * REQ_BODY: read the body; REQ_ANSWERED; REQ_STEPS: parked.
 */
void	req_begin(struct req *);
/* The body's length is known to be n: 0, or -1 after answering 413. */
int	req_length(struct req *, uint64_t n);
/* A piece of body for r->sink, or the end of the body for the handler. */
int	req_sink(struct req *, const uint8_t *, size_t, int end);
void	req_body_end(struct req *);
/* Answer a fault of the transport's making; r may be half filled. */
void	req_refuse(struct req *, int status, const char *detail);
/* It is over: sent, or the client is gone.  Frees r. */
void	req_free(struct req *);

/* Write status line or pseudo-fields' companions: date, block, the
 * handler's fields, content type.  Not the length, not the empty line. */
void	req_fields(struct req *, struct buf *out);
/* The same as a list. */
void	req_fields_list(struct req *, struct fields *);

/* Counters of this worker. */
struct http_stats {
	uint64_t	 begun, ended, errors;	/* requests; 5xx answers */
};
extern struct http_stats	http_stats;

/* What the worker wants to hear of; set before the first request. */
struct http_hooks {
	/* It has been answered, us microseconds after it began. */
	void	(*ended)(const struct req *, int64_t us);
	/* Its client did wrong: enum msg_abuse_kind. */
	void	(*abuse)(const struct req *, uint32_t kind);
	/* The same outside of a request. */
	void	(*broke)(const struct conn *, uint32_t kind);
};
extern struct http_hooks	http_hooks;

#endif
