/* SPDX-License-Identifier: ISC */
/*
 * Policy: what is done to every request before its handler, and which
 * fields every answer carries.  Two const tables in policy.c say all of it
 * in order; each step is one small file.  gen.c gives the tables to http,
 * which does not know this folder.
 *
 * Who has the last word about a field of an answer, the later the more:
 *	class table	class.c, when a configuration is loaded
 *	the answer	the handler's own fields
 *	http.headers	custom.c, when a configuration is loaded
 *	header rules	rules.c, for each answer, in the file's order
 *	cors, hsts	cors.c, hsts.c
 *	what is locked	framing, HSTS without TLS, no-store of tokens,
 *			what keeps a download from acting
 */
#ifndef WORKER_POLICY_POLICY_H
#define WORKER_POLICY_POLICY_H

#include "common/compat.h"

#include "common/origin.h"
#include "common/req_expr.h"
#include "worker/http/req.h"

struct rule;

/* What is made of one generation's settings. */
struct policy {
	struct req_expr	 url;		/* http.url, when it has to be asked */
	char		*url_text;	/* else what it always is, or NULL */
	struct req_expr	 endpoint;
	int		 endpoint_status; /* always this; 0: ask */
	char		 tls_port[8];	/* ":8443" or "": where TLS is */
	struct rule	*rules;
	size_t		 nrules;
	unsigned int	 rule_classes;	/* bits of those that have any */
	struct origin	*origins;
	size_t		 norigins;
};

/* The tables. */
extern const struct http_step	policy_steps[];
extern const size_t		policy_nsteps;
extern const struct block_step	policy_blocks[];
extern const size_t		policy_nblocks;

/* Make s->policy, s->trusted, s->allowed and s->late from s->conf.  Fatal
 * on settings that the parent would not have sent. */
void	policy_setup(struct http_setup *);
void	policy_free(struct http_setup *);

/* --- vars.c: expressions about a request ----------------------------- */

/* Evaluate: 0 and *out, which lives as long as r, or -1 and why. */
int	vars_eval(struct req *, const struct req_expr *, struct expr_val *out,
	    const char **why);

/* --- forwarded.c ------------------------------------------------------ */

/*
 * 1 if it was sent on this machine, as far as the configuration lets us
 * know: unlike req_local, a proxy here that it does not ask is not seen.
 * For limits and passwords, where this grants nothing to a stranger that
 * the administrator has not.
 */
int	forwarded_local(const struct req *);

/* --- url.c: what clients are told to use (http.url) ------------------ */

void	url_setup(struct policy *, const struct conf *);
/*
 * Scheme, host, port and path, without a slash at the end, into out; its
 * length, 0 if it does not fit.
 */
size_t	url_base(struct req *, char *out, size_t len);

void	endpoint_setup(struct policy *, const struct conf *);

/* --- cors.c, rules.c: for each answer -------------------------------- */

void	cors_setup(struct policy *, const struct conf *);
void	cors_late(struct req *, struct fields *);
/* 1 if http.cors-origins lets this origin in. */
int	cors_allows(struct req *, const char *origin);
void	rules_setup(struct policy *, const struct conf *);
void	rules_free(struct policy *);
void	rules_late(struct req *, struct fields *);

/* The request steps, one file each; see there. */
enum req_ret	forwarded_step(struct req *);
enum req_ret	banned_step(struct req *);
enum req_ret	rate_step(struct req *);
enum req_ret	hsts_step(struct req *);
enum req_ret	host_step(struct req *);
enum req_ret	endpoint_step(struct req *);
enum req_ret	moved_step(struct req *);
enum req_ret	cors_step(struct req *);
enum req_ret	resource_step(struct req *);
enum req_ret	authz_step(struct req *);
enum req_ret	limits_step(struct req *);

/* The value of Allow: methods of a mask, and OPTIONS; and the field. */
void		resource_methods(unsigned int, char *out, size_t len);
void		resource_allow(struct req *, unsigned int);

/* WWW-Authenticate, as the one who asks can use it. */
void		authz_scheme(struct req *);

/* Bans that the parent tells of: 0, or -1: no such message is sent. */
int	banned_take(const struct msg_bans *, const uint8_t *tail, size_t);
/* Count a request of the client's address, or of its account: 1 if it is one
 * too many and has been answered. */
int	rate_anonymous(struct req *);
int	rate_account(struct req *);

/* The response steps. */
void	class_compose(struct block *, const struct block_ctx *);
void	cors_compose(struct block *, const struct block_ctx *);
void	custom_compose(struct block *, const struct block_ctx *);
void	hsts_compose(struct block *, const struct block_ctx *);

#endif
