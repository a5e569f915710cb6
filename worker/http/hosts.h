/* SPDX-License-Identifier: ISC */
/* Names that we answer for: hostname, http.url's host, certificates'. */
#ifndef WORKER_HTTP_HOSTS_H
#define WORKER_HTTP_HOSTS_H

#include "common/compat.h"

struct hosts {
	char	**v;		/* lower case; "*.x" stands for one label */
	size_t	  n;
};

/* Add a name if it is not there; ignores an empty one.  Fatal: no memory. */
void	hosts_add(struct hosts *, const char *name, size_t len);
void	hosts_add_all(struct hosts *, const struct hosts *);
void	hosts_free(struct hosts *);
/* Is this lower-case name without port served?  HOSTS_WILD where only a
 * wildcard has it; HOSTS_NOT is 0. */
enum { HOSTS_NOT, HOSTS_WILD, HOSTS_OWN };
int	hosts_has(const struct hosts *, const char *name);

#endif
