/* SPDX-License-Identifier: ISC */
/* Lists of principals, filtered. */
#ifndef DAEMON_AUTH_FIND_H
#define DAEMON_AUTH_FIND_H

#include "common/compat.h"
#include "common/dir.h"

/*
 * Principals in order of their names, of the types of find->types, with all
 * of the words, each of which must be a whole word of name, description or
 * an address.  Calls row for those from find->at on, until it returns 0 or
 * find->max are given; *total counts all.  DIR_OK or DIR_FAILED.
 */
enum dir_err	auth_find(const struct dir_find *, const char *words,
		    int (*row)(void *, const struct dir_prin *), void *,
		    uint32_t *total);

#endif
