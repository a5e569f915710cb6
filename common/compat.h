/* SPDX-License-Identifier: ISC */
/*
 * The one place that knows which system we are on.  Everything that a BSD
 * has in libc comes from libbsd's overlay on Linux (the makefile puts its
 * headers first), so other files include <string.h> and friends as if they
 * stood on OpenBSD.  Include this first in every .c file.
 */
#ifndef COMMON_COMPAT_H
#define COMMON_COMPAT_H

#ifdef __linux__
#define LIBBSD_OPENBSD_VIS	/* strnvis(dst, src, size, flag), not NetBSD's */
#endif

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include <openssl/crypto.h>

#ifndef __OpenBSD__
/* libbsd 0.11 lacks it; OpenSSL's has the same meaning for equality. */
#define timingsafe_bcmp(a, b, n)	CRYPTO_memcmp((a), (b), (n))
#endif

#ifndef __dead
#define __dead	__attribute__((__noreturn__))
#endif
#define __printflike_(f, a)	__attribute__((__format__(__printf__, f, a)))

/* sys/queue.h of glibc has no _SAFE forms; libbsd's overlay has them. */
#ifndef nitems
#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#endif
