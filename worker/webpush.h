/* SPDX-License-Identifier: ISC */
/*
 * Web push from a worker: what this worker committed is told to the push
 * role for each subscription that wants to hear of it.
 */
#ifndef WORKER_WEBPUSH_H
#define WORKER_WEBPUSH_H

#include "common/compat.h"
#include "common/conf.h"
#include "worker/jmap/pushsub.h"

/* Once, before the first store is opened. */
void	webpush_init(void);
/* The pipe to push; fd becomes ours. */
void	webpush_open(uint32_t slot, int fd);
/* What a request's struct jmap_env says of push; valid until the next call. */
const struct pushsub_conf	*webpush_conf(const struct conf *);

/* A commit here gave these types of an account (1 << enum store_type) a new
 * state: it may be in the middle of anything, so it is only noted. */
void	webpush_changed(const char *account, uint32_t types);
/* An account is removed. */
void	webpush_erased(uint64_t account);

#endif
