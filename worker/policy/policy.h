/* SPDX-License-Identifier: ISC */
/*
 * Policy: what is done to every request before its handler, and which
 * fields every answer carries.  Two const tables in policy.c say all of it
 * in order; each step is one small file.  gen.c gives the tables to http,
 * which does not know this folder.
 */
#ifndef WORKER_POLICY_POLICY_H
#define WORKER_POLICY_POLICY_H

#include "common/compat.h"

#include "worker/http/req.h"

/* The tables. */
extern const struct http_step	policy_steps[];
extern const size_t		policy_nsteps;
extern const struct block_step	policy_blocks[];
extern const size_t		policy_nblocks;

/* Fill s->trusted from s->conf: loopback when nothing is said. */
void	policy_trusted(struct http_setup *);

/* The request steps, one file each; see there. */
enum req_ret	forwarded_step(struct req *);
enum req_ret	host_step(struct req *);
enum req_ret	hsts_step(struct req *);
enum req_ret	cors_step(struct req *);
enum req_ret	resource_step(struct req *);
enum req_ret	authz_step(struct req *);
enum req_ret	limits_step(struct req *);

/* The response steps. */
void	class_compose(struct block *, const struct block_ctx *);
void	cors_compose(struct block *, const struct block_ctx *);
void	custom_compose(struct block *, const struct block_ctx *);
void	hsts_compose(struct block *, const struct block_ctx *);

#endif
