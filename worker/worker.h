/* SPDX-License-Identifier: ISC */
/*
 * What the files of worker/ (top) share: generations of the configuration,
 * and what the connection machine tells the role.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "common/compat.h"
#include "common/conf.h"
#include "worker/conn.h"
#include "worker/http/req.h"
#include "worker/lmtp/lmtp.h"

struct msg;
struct proc_peer;
struct tls_set;

/*
 * One loaded configuration and all that is made of it.  A connection holds
 * a reference; the newest one is held by gen.c.
 */
struct conf_gen {
	struct conf		*conf;
	struct http_setup	 http;
	struct lmtp_setup	 lmtp;
	struct tls_set		*tls;
	int			 refs;
};

/* --- gen.c ----------------------------------------------------------- */
/* A piece of a configuration on its way in: a certificate chain. */
void	gen_cert(uint32_t generation, uint32_t id, const uint8_t *pem,
	    size_t len);
/* The OCSP answer of the chain that came last. */
void	gen_staple(const struct msg_conf_staple *, const uint8_t *der,
	    size_t len);
/* Make conf the newest generation; NULL, or why not (then nothing changed,
 * and conf stays the caller's). */
const char	*gen_load(struct conf *);
struct conf_gen	*gen_now(void);
struct conf_gen	*gen_ref(struct conf_gen *);
void		 gen_unref(struct conf_gen *);
/* 1 if item i of the listeners is still the one that was. */
int	gen_has_listener(const struct conf_gen *, uint32_t i,
	    const struct conf_listen *was);
/* The protocol that a listener speaks first. */
const struct conn_proto	*gen_proto(const struct conf_gen *, uint32_t listener);
/* Point c->listen, c->setup and c->hosts into c->gen. */
void	gen_apply(struct conn *);

/* --- worker.c -------------------------------------------------------- */
void	worker_conn_ended(uint32_t id);
/* The last connection, or jmapctl's stream, has ended: a draining worker does,
 * too. */
void	worker_drained(void);
/* A connection is cut on which nothing was ever asked. */
void	worker_loiters(const struct conn *);

/* --- health.c --- */
void	health_live(struct req *);
void	health_ready(struct req *);
/* Keys has answered. */
void	health_pong(struct proc_peer *, struct msg *);

/* --- metrics.c --- */
/* The hook of http: a request has been answered. */
void	metrics_ended(const struct req *, int64_t us);
/* The parent's part of the figures has come. */
void	metrics_stats(struct proc_peer *, struct msg *);
void	metrics_get(struct req *);

/* --- worker_routes.c ------------------------------------------------- */
extern const struct route	worker_routes[];
extern const size_t		worker_nroutes;

#endif
