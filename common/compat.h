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
#define LIBBSD_OPENBSD_VIS	/* strnvis(dst, src, size, flag) */
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

/*
 * LibreSSL lacks these.  It does not read ahead, so that what SSL_pending
 * counts is all that waits, and signs nothing with SHA-1 by itself.
 */
#ifdef LIBRESSL_VERSION_NUMBER
#define compat_ssl_pending(s)	(SSL_pending(s) > 0)
#define SSL_CTX_set1_sigalgs_list(x, list)	1
#ifndef SSL_OP_PRIORITIZE_CHACHA
#define SSL_OP_PRIORITIZE_CHACHA	0
#endif
#else
#define compat_ssl_pending(s)	SSL_has_pending(s)
#endif

#ifndef __dead
#define __dead	__attribute__((__noreturn__))
#endif
#define __printflike_(f, a)	__attribute__((__format__(__printf__, f, a)))

/*
 * OpenBSD has no unified buffer cache: LMDB must write through its map; and
 * its semaphores outlive a killed writer, so kv_lock.c uses flock(2) there.
 */
#ifdef __OpenBSD__
#define COMPAT_KV_WRITEMAP	1
#else
#define COMPAT_KV_WRITEMAP	0
#endif

/* Blocks for len bytes of a new file, so that writing them later does not
 * change its size.  0, or -1 with errno. */
#ifdef __OpenBSD__
#define compat_prealloc(fd, len)	ftruncate((fd), (len))
#else
#define compat_prealloc(fd, len) \
	((errno = posix_fallocate((fd), 0, (len))) == 0 ? 0 : -1)
#endif

/*
 * Memory to be shared by descriptor, len bytes of zeros.  On Linux nobody who
 * has it can change its size, which would kill the others that map it.
 */
#ifdef __linux__
#define compat_shared(fd, len) \
	(((fd) = memfd_create("jmapd", MFD_CLOEXEC | MFD_ALLOW_SEALING)) == \
	    -1 || ftruncate((fd), (len)) == -1 || fcntl((fd), F_ADD_SEALS, \
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1 ? -1 : 0)
#else
#define compat_shared(fd, len) \
	(((fd) = shm_mkstemp(strdup("/tmp/jmapd.XXXXXXXXXX"))) == -1 || \
	    ftruncate((fd), (len)) == -1 ? -1 : 0)
#endif

/* sys/queue.h of glibc has no _SAFE forms; libbsd's overlay has them. */
#ifndef nitems
#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#endif
