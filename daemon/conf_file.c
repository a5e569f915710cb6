/* SPDX-License-Identifier: ISC */
/*
 * The files that queue { } and smime { } name, read by the parent for those
 * who cannot: the password at the relay, the authorities that may vouch for
 * it, and for signers of mail; and hosts(5) and resolv.conf(5), so that a
 * reload is all that a change of them needs.  Called by conf_check.c,
 * conf_check_queue.c (is all there?) and child.c (to the queue process, push
 * and the workers).  The parent looks at no more than their size and mode.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/daemon.h"

#define FILE_PIECE	32768

static const size_t	 file_max[MSG_FILES] = {
	[MSG_FILE_PASSWORD]	= 1024,
	[MSG_FILE_CA]		= 4 << 20,
	[MSG_FILE_SMIME]	= 4 << 20,
	[MSG_FILE_HOSTS]	= 1 << 20,
	[MSG_FILE_RESOLV]	= 64 << 10,
};

/* They need not be there. */
static const char *const file_of_system[MSG_FILES] = {
	[MSG_FILE_HOSTS]	= "/etc/hosts",
	[MSG_FILE_RESOLV]	= "/etc/resolv.conf",
};

/* Where systems keep the authorities that they trust. */
static const char *const file_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
	"/etc/pki/tls/certs/ca-bundle.crt"
};

static const char	*file_ca(const struct conf *);
static char	*file_read(const char *, enum msg_file, size_t *,
		    const char **);
static int	 file_send_of_system(struct proc_peer *, enum msg_file);
static int	 file_send(struct proc_peer *, enum msg_file, const char *);

/* NULL: none is wanted, or this system has none. */
static const char *
file_ca(const struct conf *c)
{
	size_t	 i;

	if (*c->queue_relay == '\0' || c->queue_tls == CONF_RELAY_NONE)
		return NULL;
	if (*c->queue_ca != '\0')
		return c->queue_ca;
	for (i = 0; i < nitems(file_bundles); i++)
		if (access(file_bundles[i], R_OK) == 0)
			return file_bundles[i];
	return NULL;
}

/* The content, NUL-terminated, or NULL and why. */
static char *
file_read(const char *path, enum msg_file what, size_t *len,
    const char **why)
{
	struct stat	 st;
	char		*p = NULL;
	ssize_t		 n;
	int		 fd;

	*why = NULL;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    fstat(fd, &st) == -1)
		*why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		*why = "is not a file";
	else if (what == MSG_FILE_PASSWORD && (st.st_mode & S_IRWXO))
		*why = "is open to all users";
	else if (st.st_size == 0 || (uint64_t)st.st_size > file_max[what])
		*why = "is empty, or too long";
	else if ((p = calloc(1, (size_t)st.st_size + 1)) == NULL)
		*why = "no memory";
	else if ((n = read(fd, p, (size_t)st.st_size)) <= 0) {
		*why = n == 0 ? "is empty" : strerror(errno);
		freezero(p, (size_t)st.st_size + 1);
		p = NULL;
	} else
		*len = (size_t)n;
	if (fd != -1)
		close(fd);
	return p;
}

const char *
conf_file_why(const char *path, enum msg_file what)
{
	const char	*why;
	char		*p;
	size_t		 len;

	if ((p = file_read(path, what, &len, &why)) != NULL)
		freezero(p, len);
	return why;
}

int
conf_file_send(const struct conf *c, struct proc_peer *p)
{
	const char	*ca = file_ca(c);

	if (p->id == PROC_WORKER)
		return *c->smime_anchor == '\0' ? 0 :
		    file_send(p, MSG_FILE_SMIME, c->smime_anchor);
	if (file_send_of_system(p, MSG_FILE_RESOLV) == -1)
		return -1;
	if (p->id == PROC_PUSH)
		return 0;
	if (file_send_of_system(p, MSG_FILE_HOSTS) == -1)
		return -1;
	if (*c->queue_password != '\0' && file_send(p, MSG_FILE_PASSWORD,
	    c->queue_password) == -1)
		return -1;
	return ca == NULL ? 0 : file_send(p, MSG_FILE_CA, ca);
}

static int
file_send_of_system(struct proc_peer *p, enum msg_file what)
{
	const char	*path = file_of_system[what];

	return conf_file_why(path, what) == NULL ? file_send(p, what, path) :
	    0;
}

static int
file_send(struct proc_peer *p, enum msg_file what, const char *path)
{
	struct msg_conf_file	 h = { what, 0 };
	const char		*why;
	char			*text;
	size_t			 len, off, n;
	int			 ret = 0;

	if ((text = file_read(path, what, &len, &why)) == NULL) {
		/* it was there when it was checked: go on without */
		log_warnx("%s: %s", path, why);
		return 0;
	}
	for (off = 0; ret == 0 && off < len; off += n) {
		n = len - off < FILE_PIECE ? len - off : FILE_PIECE;
		ret = proc_send(p, MSG_CONF_FILE, 0, -1, &h, text + off, n);
	}
	freezero(text, len);
	return ret;
}
