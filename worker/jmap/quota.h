/* SPDX-License-Identifier: ISC */
/* Quotas of an account (RFC 9425). */
#ifndef WORKER_JMAP_QUOTA_H
#define WORKER_JMAP_QUOTA_H

#include "worker/jmap/jmap_object.h"

extern const struct jmap_type	quota_type;

#endif
