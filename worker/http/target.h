/* SPDX-License-Identifier: ISC */
/* The request target: what a transport reads becomes path, query and host. */
#ifndef WORKER_HTTP_TARGET_H
#define WORKER_HTTP_TARGET_H

#include "common/compat.h"

#define TARGET_HOST_MAX	255

/*
 * Decode the path of len bytes in place (RFC 3986 2.1), once.  Returns the
 * new length, NUL written after it, or -1: a raw octet that may not stand
 * there, a bad escape, a control octet, an encoded '/' or '\', a "." or ".."
 * segment, no UTF-8.
 */
ssize_t	target_path(char *, size_t len);
/* 0 if every octet and escape of the raw query may stand there, else -1. */
int	target_query(const char *, size_t len);
/*
 * uri-host [":" port] (RFC 9110 7.2) into out in lower case without port,
 * brackets and final dot.  0, or -1 if it is none.
 */
int	target_host(const char *, size_t len, char out[TARGET_HOST_MAX + 1]);

#endif
