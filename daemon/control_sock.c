/* SPDX-License-Identifier: ISC */
/*
 * The control socket's file, and who may connect to it: root, our own user,
 * and the members of the configured group.  Called by control.c with root's
 * rights, at the start and for each client; reads nothing from anybody.
 */
#include "common/compat.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/control_sock.h"
#include "daemon/daemon.h"

static char	*sock_path;
static gid_t	 sock_gid;
static int	 have_gid;

static int	sock_member(uid_t, gid_t);

int
control_sock_open(const struct conf *c)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct group		*gr;
	mode_t			 mask;
	int			 fd, taken;

	if (strlcpy(sun.sun_path, c->control_socket, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		fatalx("control-socket: %s is too long", c->control_socket);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) == -1)
		fatal("socket");
	taken = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	close(fd);
	if (taken)
		fatalx("%s: another jmapd answers on it", sun.sun_path);
	unlink(sun.sun_path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) == -1)
		fatal("socket");
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		fatal("%s", sun.sun_path);
	umask(mask);
	if ((gr = getgrnam(c->group)) != NULL) {
		sock_gid = gr->gr_gid;
		have_gid = 1;
		if (geteuid() == 0 && chown(sun.sun_path, (uid_t)-1,
		    sock_gid) == -1)
			fatal("chown %s", sun.sun_path);
	} else if (geteuid() == 0)
		log_warnx("there is no group \"%s\": root alone controls",
		    c->group);
	if (chmod(sun.sun_path, 0660) == -1)
		fatal("chmod %s", sun.sun_path);
	if (listen(fd, 16) == -1)
		fatal("listen %s", sun.sun_path);
	if ((sock_path = strdup(sun.sun_path)) == NULL)
		fatal("control");
	return fd;
}

void
control_sock_unlink(void)
{
	unlink(sock_path);
}

int
control_sock_may(int fd, int *owner)
{
	uid_t	 uid;
	gid_t	 gid;

	if (getpeereid(fd, &uid, &gid) == -1)
		return 0;
	*owner = uid == 0 || uid == geteuid();
	if (*owner || sock_member(uid, gid))
		return 1;
	log_warnx("control: uid %u may not", (unsigned int)uid);
	return 0;
}

static int
sock_member(uid_t uid, gid_t gid)
{
	struct passwd	*pw;
	gid_t		 groups[64];
	int		 i, n = nitems(groups);

	if (!have_gid)
		return 0;
	if (gid == sock_gid)
		return 1;
	if ((pw = getpwuid(uid)) == NULL)
		return 0;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) == -1)
		n = nitems(groups);	/* as many as fit */
	for (i = 0; i < n; i++)
		if (groups[i] == sock_gid)
			return 1;
	return 0;
}
