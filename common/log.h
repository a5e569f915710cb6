/* SPDX-License-Identifier: ISC */
/*
 * Diagnostics of every process, in OpenBSD's vocabulary.  Lines go to
 * standard error in the foreground and to syslog otherwise, each with the
 * name of the process.  Peer text must pass log_vis first; credentials,
 * message bodies and subjects never come here.
 *
 * warn:  something an operator can mend.     info:  what happened, one line.
 * debug: for developers, only with -v.       fatal: we cannot go on.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/compat.h"

/* Call once at start; to_stderr: 1 foreground, 0 syslog (daemon facility). */
void	log_init(const char *name, int to_stderr);
/* 1: each line is one JSON object (time, process, level, text). */
void	log_setjson(int);
int	log_getjson(void);
/* 0 brief (info and up), 1 verbose (debug too). */
void	log_setverbose(int);
int	log_getverbose(void);

/* The plain forms append ": " and strerror(errno); the x forms do not. */
void	log_warn(const char *, ...) __printflike_(1, 2);
void	log_warnx(const char *, ...) __printflike_(1, 2);
void	log_info(const char *, ...) __printflike_(1, 2);
void	log_debug(const char *, ...) __printflike_(1, 2);
__dead void	fatal(const char *, ...) __printflike_(1, 2);
__dead void	fatalx(const char *, ...) __printflike_(1, 2);

/* A line at level info whose JSON form has these members instead of a text:
 * "\"a\":1,\"b\":\"x\"", valid JSON that the caller made. */
void	log_members(const char *members);

/*
 * The len bytes at p made fit for a log line by vis(3), cut at 256
 * characters.  Points into one of four static buffers, used in turn.
 */
const char	*log_vis(const void *p, size_t len);

#endif
