/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets, TCP and unix: see listen_sock.h.  Called by listen.c with
 * the parent's rights, at the start and at a reload.  Accepts nothing.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/ip.h"
#include "common/log.h"
#include "daemon/listen_sock.h"

#define SOCK_QUEUE	1024	/* backlog asked for; the system has its own */
#define SOCK_UNSENT	(256 * 1024)	/* bytes of a connection */

static void	sock_unsent(int, const union listen_addr *);
static int	sock_bind_unix(int, const union listen_addr *, socklen_t);

socklen_t
listen_sock_addr(union listen_addr *a, const struct conf_listen *l,
    const char *address)
{
	struct ip	 ip;

	memset(a, 0, sizeof(*a));
	if (l->path[0] != '\0') {
		a->un.sun_family = AF_UNIX;
		/* conf.c keeps paths at 100 bytes */
		strlcpy(a->un.sun_path, l->path, sizeof(a->un.sun_path));
		return sizeof(a->un);
	}
	if (ip_parse(&ip, address, strlen(address)) == -1)
		fatalx("listen: %s passed the check", address);
	if (ip.af == IP_V4) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)l->port);
		memcpy(&a->in.sin_addr, ip.b, 4);
		return sizeof(a->in);
	}
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons((uint16_t)l->port);
	memcpy(&a->in6.sin6_addr, ip.b, 16);
	return sizeof(a->in6);
}

int
listen_sock_any(const union listen_addr *a)
{
	return (a->sa.sa_family == AF_INET && a->in.sin_port == 0) ||
	    (a->sa.sa_family == AF_INET6 && a->in6.sin6_port == 0);
}

int
listen_sock_bind(const union listen_addr *want, socklen_t len,
    union listen_addr *have)
{
	int		 fd, one = 1, ret = -1, saved;
	socklen_t	 n = sizeof(*have);

	fd = socket(want->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (want->sa.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &one, sizeof(one)) == -1)
		goto done;
	if (want->sa.sa_family == AF_UNIX) {
		if (sock_bind_unix(fd, want, len) == -1)
			goto done;
	} else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one)) == -1 || bind(fd, &want->sa, len) == -1)
		goto done;
	if (listen(fd, SOCK_QUEUE) == -1 ||
	    getsockname(fd, &have->sa, &n) == -1)
		goto done;
	sock_unsent(fd, want);
	ret = fd;
done:
	if (ret == -1) {
		saved = errno;
		close(fd);
		errno = saved;
	}
	return ret;
}

/*
 * Connections inherit it: the kernel takes so much that it cannot send yet
 * and no more.  Otherwise that is up to 4 MB for a client who does not read,
 * and the worker, which saw its write succeed, has no stall to end it for
 * (security.md 3.2: slow read).
 */
static void
sock_unsent(int fd, const union listen_addr *want)
{
#ifdef TCP_NOTSENT_LOWAT
	int	 max = SOCK_UNSENT;

	if (want->sa.sa_family != AF_UNIX && setsockopt(fd, IPPROTO_TCP,
	    TCP_NOTSENT_LOWAT, &max, sizeof(max)) == -1)
		log_warn("TCP_NOTSENT_LOWAT");
#else
	(void)fd;
	(void)want;
#endif
}

/*
 * A socket file that nobody answers on was left by a crash.  Everybody may
 * connect, as to a loopback port; the folder it is in says who can reach it.
 */
static int
sock_bind_unix(int sock, const union listen_addr *want, socklen_t len)
{
	struct stat	 st;
	mode_t		 mask;
	int		 fd, ret;

	if (lstat(want->un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
			return -1;
		ret = connect(fd, &want->sa, len);
		close(fd);
		if (ret == 0) {
			errno = EADDRINUSE;
			return -1;
		}
		unlink(want->un.sun_path);
	}
	mask = umask(0111);
	ret = bind(sock, &want->sa, len);
	umask(mask);
	return ret;
}
