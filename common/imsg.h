/* SPDX-License-Identifier: ISC */
/*
 * Framed messages over a local stream socket, each with at most one
 * descriptor.  libbsd has no imsg; the names and shapes here stay near
 * OpenBSD's so that the base one could serve.
 *
 * A frame is a header in host byte order (both ends run on one machine) and
 * up to IMSG_MAX bytes.  Nothing is allocated by a number that a peer sent:
 * the input buffer has room for one whole frame and is reused.
 */
#ifndef COMMON_IMSG_H
#define COMMON_IMSG_H

#include "common/buf.h"
#include "common/compat.h"

#define IMSG_MAX	65536		/* bytes of a message's data */
#define IMSG_QUEUE	(16 << 20)	/* bytes unsent before compose fails */
#define IMSG_FDS	64		/* descriptors waiting, each way */

struct imsg_hdr {
	uint32_t	 type;
	uint32_t	 len;		/* of the data that follow */
	uint32_t	 id;		/* the sender's; echoed in an answer */
	uint32_t	 fd;		/* 1: a descriptor comes with it */
};

struct imsg {
	struct imsg_hdr	 hdr;
	const uint8_t	*data;		/* in the buffer, until the next get */
	int		 fd;		/* or -1; yours: take it or close it */
};

struct imsg_out {			/* a descriptor on its way out */
	uint64_t	 at;		/* stream position of its frame */
	int		 fd;
};

struct imsgbuf {
	int		 fd;
	struct buf	 in, out;
	uint64_t	 sent;		/* stream position of out.off */
	int		 in_fds[IMSG_FDS];
	size_t		 in_nfds;
	struct imsg_out	 out_fds[IMSG_FDS];
	size_t		 out_nfds;
};

/* fd becomes the buffer's and non-blocking.  0, or -1 with errno. */
int	imsgbuf_init(struct imsgbuf *, int fd);
/* Close the socket and every descriptor still waiting; free. */
void	imsgbuf_clear(struct imsgbuf *);

/* Read what is there: 1 something, 0 the peer closed, -1 errno (EAGAIN). */
int	imsgbuf_read(struct imsgbuf *);
/* Write what fits: 1 all is out, 0 some is left, -1 errno. */
int	imsgbuf_write(struct imsgbuf *);
/* 1 if bytes wait to be written. */
int	imsgbuf_pending(const struct imsgbuf *);

/*
 * Queue a message made of two pieces (either may be empty).  fd is sent and
 * then closed here, or -1.  0, or -1 with errno: EMSGSIZE, ENOBUFS (the
 * peer does not read); fd then stays the caller's.
 */
int	imsg_compose(struct imsgbuf *, uint32_t type, uint32_t id, int fd,
	    const void *, size_t, const void *, size_t);
/* The next whole message: 1, 0 none yet, -1 the peer broke the framing. */
int	imsg_get(struct imsgbuf *, struct imsg *);

#endif
