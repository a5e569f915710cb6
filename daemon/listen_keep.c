/* SPDX-License-Identifier: ISC */
/*
 * Connections on their way to a worker: see listen_keep.h.  Oldest first;
 * workers take in that order, so what is looked for stands near the front.
 */
#include "common/compat.h"

#include <sys/queue.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/listen_keep.h"

struct keep {
	TAILQ_ENTRY(keep)	 entry;
	const struct child	*child;	/* NULL: an orphan */
	uint32_t		 conn;
	int			 fd;
	void			*from;
	struct sockaddr_storage	 peer;
};

static TAILQ_HEAD(, keep) keeps = TAILQ_HEAD_INITIALIZER(keeps);

static void	keep_free(struct keep *);

void
listen_keep(struct child *c, uint32_t conn, int fd, void *from,
    const struct sockaddr_storage *peer)
{
	struct keep	*k;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		return;
	if ((k->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1) {
		free(k);
		return;
	}
	k->child = c;
	k->conn = conn;
	k->from = from;
	k->peer = *peer;
	TAILQ_INSERT_TAIL(&keeps, k, entry);
}

static void
keep_free(struct keep *k)
{
	TAILQ_REMOVE(&keeps, k, entry);
	if (k->fd != -1)
		close(k->fd);
	free(k);
}

void
listen_keep_taken(const struct child *c, uint32_t conn)
{
	struct keep	*k;

	TAILQ_FOREACH(k, &keeps, entry)
		if (k->child == c && k->conn == conn) {
			keep_free(k);
			return;
		}
}

void
listen_keep_orphan(const struct child *c)
{
	struct keep	*k;

	TAILQ_FOREACH(k, &keeps, entry)
		if (k->child == c)
			k->child = NULL;
}

int
listen_keep_next(void **from, struct sockaddr_storage *peer)
{
	struct keep	*k;
	int		 fd;

	TAILQ_FOREACH(k, &keeps, entry)
		if (k->child == NULL)
			break;
	if (k == NULL)
		return -1;
	fd = k->fd;
	k->fd = -1;
	*from = k->from;
	*peer = k->peer;
	keep_free(k);
	return fd;
}

void
listen_keep_forget(const void *from)
{
	struct keep	*k, *next;

	for (k = TAILQ_FIRST(&keeps); k != NULL; k = next) {
		next = TAILQ_NEXT(k, entry);
		if (k->from == from)
			keep_free(k);
	}
}
