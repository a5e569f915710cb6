/* SPDX-License-Identifier: ISC */
/*
 * Framed messages over a local socket: see imsg.h.  Used between our own
 * processes and by jmapctl.  A frame that breaks a rule is reported, never
 * repaired; who is cut off for it is proc.c's business.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/imsg.h"

#define IMSG_READ	(sizeof(struct imsg_hdr) + IMSG_MAX)

static int	imsg_keep_fds(struct imsgbuf *, struct msghdr *);
static size_t	imsg_limit(const struct imsgbuf *);
static ssize_t	imsg_send(struct imsgbuf *, size_t);

int
imsgbuf_init(struct imsgbuf *ib, int fd)
{
	int	 fl;

	memset(ib, 0, sizeof(*ib));
	buf_init(&ib->in, 2 * IMSG_READ);
	buf_init(&ib->out, IMSG_QUEUE);
	ib->fd = fd;
	if ((fl = fcntl(fd, F_GETFL)) == -1)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return -1;
	return fcntl(fd, F_SETFL, fl | O_NONBLOCK) == -1 ? -1 : 0;
}

void
imsgbuf_clear(struct imsgbuf *ib)
{
	size_t	 i;

	for (i = 0; i < ib->in_nfds; i++)
		close(ib->in_fds[i]);
	for (i = 0; i < ib->out_nfds; i++)
		close(ib->out_fds[i].fd);
	buf_freezero(&ib->in);
	buf_freezero(&ib->out);
	if (ib->fd != -1)
		close(ib->fd);
	ib->fd = -1;
	ib->in_nfds = ib->out_nfds = 0;
}

/* Take the descriptors that came along; more than we hold are closed. */
static int
imsg_keep_fds(struct imsgbuf *ib, struct msghdr *mh)
{
	struct cmsghdr	*c;
	size_t		 i, n;
	int		 fd, ret = 0;

	for (c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(fd));
			if (ib->in_nfds < IMSG_FDS)
				ib->in_fds[ib->in_nfds++] = fd;
			else {
				close(fd);
				ret = -1;
			}
		}
	}
	if (mh->msg_flags & MSG_CTRUNC)
		ret = -1;
	if (ret == -1)
		errno = EMSGSIZE;
	return ret;
}

int
imsgbuf_read(struct imsgbuf *ib)
{
	union {
		struct cmsghdr	 h;
		uint8_t		 b[CMSG_SPACE(sizeof(int) * IMSG_FDS)];
	} ctl;
	struct msghdr	 mh = { 0 };
	struct iovec	 io;
	ssize_t		 n;

	buf_compact(&ib->in);
	if ((io.iov_base = buf_reserve(&ib->in, IMSG_READ)) == NULL) {
		errno = ENOBUFS;
		return -1;
	}
	io.iov_len = IMSG_READ;
	mh.msg_iov = &io;
	mh.msg_iovlen = 1;
	mh.msg_control = &ctl;
	mh.msg_controllen = sizeof(ctl);
	while ((n = recvmsg(ib->fd, &mh, MSG_CMSG_CLOEXEC)) == -1)
		if (errno != EINTR)
			return -1;
	if (n == 0)
		return 0;
	buf_commit(&ib->in, n);
	return imsg_keep_fds(ib, &mh) == -1 ? -1 : 1;
}

/*
 * A descriptor travels with the first byte of its frame, so a write ends
 * where the next descriptor's frame begins.
 */
static size_t
imsg_limit(const struct imsgbuf *ib)
{
	size_t	 i, left = buf_left(&ib->out);

	for (i = 0; i < ib->out_nfds; i++)
		if (ib->out_fds[i].at > ib->sent)
			break;
	if (i < ib->out_nfds && ib->out_fds[i].at - ib->sent < left)
		left = ib->out_fds[i].at - ib->sent;
	return left;
}

/* Send len bytes at most, with the descriptor that is due, if any. */
static ssize_t
imsg_send(struct imsgbuf *ib, size_t len)
{
	union {
		struct cmsghdr	 h;
		uint8_t		 b[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr	 mh = { 0 };
	struct iovec	 io;
	ssize_t		 n;
	int		 due;

	io.iov_base = ib->out.data + ib->out.off;
	io.iov_len = len;
	mh.msg_iov = &io;
	mh.msg_iovlen = 1;
	due = ib->out_nfds > 0 && ib->out_fds[0].at == ib->sent;
	if (due) {
		memset(&ctl, 0, sizeof(ctl));
		mh.msg_control = &ctl;
		mh.msg_controllen = sizeof(ctl.b);
		ctl.h.cmsg_level = SOL_SOCKET;
		ctl.h.cmsg_type = SCM_RIGHTS;
		ctl.h.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&ctl.h), &ib->out_fds[0].fd, sizeof(int));
	}
	while ((n = sendmsg(ib->fd, &mh, MSG_NOSIGNAL)) == -1)
		if (errno != EINTR)
			return -1;
	if (due && n > 0) {
		close(ib->out_fds[0].fd);
		ib->out_nfds--;
		memmove(ib->out_fds, ib->out_fds + 1,
		    ib->out_nfds * sizeof(ib->out_fds[0]));
	}
	return n;
}

int
imsgbuf_write(struct imsgbuf *ib)
{
	ssize_t	 n;

	while (buf_left(&ib->out) > 0) {
		if ((n = imsg_send(ib, imsg_limit(ib))) == -1)
			/* TOOMANYREFS: descriptors the peer did not take yet */
			return errno == EAGAIN || errno == ENOBUFS ||
			    errno == ETOOMANYREFS ? 0 : -1;
		ib->sent += n;
		buf_skip(&ib->out, n);
	}
	buf_reset(&ib->out);
	return 1;
}

int
imsgbuf_pending(const struct imsgbuf *ib)
{
	return buf_left(&ib->out) > 0;
}

int
imsg_compose(struct imsgbuf *ib, uint32_t type, uint32_t id, int fd,
    const void *a, size_t alen, const void *b, size_t blen)
{
	struct imsg_hdr	 h = { type, 0, id, fd != -1 };
	uint8_t		*to;

	if (alen > IMSG_MAX || blen > IMSG_MAX - alen) {
		errno = EMSGSIZE;
		return -1;
	}
	h.len = alen + blen;
	if (buf_left(&ib->out) > 0 && ib->out.off > ib->out.cap / 2)
		buf_compact(&ib->out);
	to = buf_reserve(&ib->out, sizeof(h) + h.len);
	if (to == NULL || (fd != -1 && ib->out_nfds == IMSG_FDS)) {
		ib->out.bad = 0;	/* refused whole; the queue is intact */
		errno = ENOBUFS;
		return -1;
	}
	memcpy(to, &h, sizeof(h));
	if (alen != 0)
		memcpy(to + sizeof(h), a, alen);
	if (blen != 0)
		memcpy(to + sizeof(h) + alen, b, blen);
	if (fd != -1)
		ib->out_fds[ib->out_nfds++] =
		    (struct imsg_out){ ib->sent + buf_left(&ib->out), fd };
	buf_commit(&ib->out, sizeof(h) + h.len);
	return 0;
}

int
imsg_get(struct imsgbuf *ib, struct imsg *m)
{
	size_t	 left = buf_left(&ib->in);

	if (left < sizeof(m->hdr))
		return 0;
	memcpy(&m->hdr, buf_peek(&ib->in), sizeof(m->hdr));
	if (m->hdr.len > IMSG_MAX || m->hdr.fd > 1)
		return -1;
	if (left - sizeof(m->hdr) < m->hdr.len)
		return 0;
	m->fd = -1;
	if (m->hdr.fd) {
		if (ib->in_nfds == 0)
			return -1;	/* promised, not sent */
		m->fd = ib->in_fds[0];
		ib->in_nfds--;
		memmove(ib->in_fds, ib->in_fds + 1,
		    ib->in_nfds * sizeof(int));
	}
	m->data = buf_peek(&ib->in) + sizeof(m->hdr);
	buf_skip(&ib->in, sizeof(m->hdr) + m->hdr.len);
	return 1;
}
