/* SPDX-License-Identifier: ISC */
/*
 * jmapd(8): the command line.  Without -T this becomes the parent; with -T
 * it is one of the parent's children and becomes that role.  The worker and
 * push are programs of their own, so that no protocol code is in this one.
 */
#include "common/compat.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/auth.h"
#include "daemon/daemon.h"

#define MAIN_CONF	"/etc/jmapd.conf"
/* only when started by a bare name */
#ifndef MAIN_PREFIX
#define MAIN_PREFIX	"/usr/local"
#endif

static const struct main_role {
	const char	*name;
	__dead void	(*run)(int, char *[]);
} main_roles[] = {
	{ "auth",	auth },
	{ "keys",	keys },
	{ "queue",	queue },
};

static __dead void	usage(void);
static __dead void	main_role(const char *, int, char *[]);
static __dead void	main_check(const char *, int);
static const char	*main_self(const char *);
static const char	*main_beside(const char *, const char *);

static __dead void
usage(void)
{
	fprintf(stderr, "usage: jmapd [-dnv] [-f file] [-W worker]\n"
	    "       jmapd -S role [-f file]\n");
	exit(1);
}

int
main(int argc, char *argv[])
{
	struct parent_opts	 o = { .file = MAIN_CONF };
	const char		*role = NULL, *test = NULL;
	int			 c, check = 0;

	while ((c = getopt(argc, argv, "df:I:nS:T:vW:")) != -1)
		switch (c) {
		case 'd':
			o.foreground = 1;
			break;
		case 'f':
			o.file = optarg;
			break;
		case 'I':
			break;
		case 'n':
			check++;
			break;
		case 'S':
			test = optarg;
			break;
		case 'T':
			role = optarg;
			break;
		case 'v':
			o.verbose = 1;
			break;
		case 'W':
			o.worker = optarg;
			break;
		default:
			usage();
		}
	if (argc > optind)
		usage();
	if (role != NULL)
		main_role(role, argc, argv);
	if (test != NULL)
		selftest(o.file, test);
	if (check > 0)
		main_check(o.file, check);
	o.program = main_self(argv[0]);
	if (o.worker == NULL)
		o.worker = main_beside(o.program, "jmapd-worker");
	o.push = main_beside(o.program, "jmapd-push");
	parent(&o);
}

static __dead void
main_role(const char *name, int argc, char *argv[])
{
	size_t	 i;

	for (i = 0; i < nitems(main_roles); i++)
		if (strcmp(main_roles[i].name, name) == 0)
			main_roles[i].run(argc, argv);
	errx(1, "-T %s: no such role", name);
}

/* -n: say whether the file is right; -nn: print what it comes to. */
static __dead void
main_check(const char *path, int level)
{
	struct conf_file	*cf;
	struct cert_set		*certs = NULL;
	struct buf		 report;

	buf_init(&report, CONF_REPORT_MAX);
	log_init("jmapd", 1);
	if ((cf = conf_parse(path, &report)) != NULL &&
	    conf_check(cf, &report) == 0)
		certs = cert_load(cf, &report);
	if (buf_left(&report) > 0)
		fwrite(buf_peek(&report), 1, buf_left(&report), stderr);
	if (certs == NULL)
		exit(1);
	if (level > 1)
		conf_parse_print(cf);
	else
		fprintf(stderr, "%s: configuration OK\n", path);
	cert_free(certs);
	conf_parse_free(cf);
	buf_free(&report);
	exit(0);
}

/* Roles are this program, executed again by its full path. */
static const char *
main_self(const char *argv0)
{
	static char	 path[PATH_MAX];

	if (strchr(argv0, '/') == NULL)
		return MAIN_PREFIX "/sbin/jmapd";
	if (realpath(argv0, path) == NULL)
		err(1, "%s", argv0);
	return path;
}

/* Next to us in a build tree, or where make install puts it; ours for good. */
static const char *
main_beside(const char *self, const char *name)
{
	static const char *const	 places[] = { "/", "/../libexec/" };
	const char			*slash = strrchr(self, '/');
	char				 path[PATH_MAX], *found;
	size_t				 i;
	int				 n;

	for (i = 0; i < nitems(places); i++) {
		n = snprintf(path, sizeof(path), "%.*s%s%s",
		    (int)(slash - self), self, places[i], name);
		if (n > 0 && (size_t)n < sizeof(path) &&
		    access(path, X_OK) == 0 &&
		    (found = realpath(path, NULL)) != NULL)
			return found;
	}
	errx(1, "no %s, neither beside %s nor in ../libexec", name, self);
}
