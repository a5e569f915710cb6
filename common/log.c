/* SPDX-License-Identifier: ISC */
/*
 * Diagnostics of every process: see log.h.  One write(2) a line, so that
 * lines of several processes on one terminal do not mix.
 */
#include "common/compat.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <vis.h>

#include "common/log.h"

#define LOG_LINE	1024	/* bytes of one line, newline included */
#define LOG_VIS		256	/* characters of peer text in a line */

static char	log_name[64] = "jmapd";
static int	log_stderr = 1;
static int	log_verbose;

static void	log_put(int, int, const char *, va_list)
		    __attribute__((__format__(__printf__, 3, 0)));

void
log_init(const char *name, int to_stderr)
{
	strlcpy(log_name, name, sizeof(log_name));
	log_stderr = to_stderr;
	if (!to_stderr)
		openlog(log_name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	tzset();
}

void
log_setverbose(int v)
{
	log_verbose = v;
}

int
log_getverbose(void)
{
	return log_verbose;
}

void
log_warn(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_put(LOG_ERR, errno, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_put(LOG_ERR, 0, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_put(LOG_INFO, 0, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list	 ap;

	if (!log_verbose)
		return;
	va_start(ap, fmt);
	log_put(LOG_DEBUG, 0, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_put(LOG_CRIT, errno, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_put(LOG_CRIT, 0, fmt, ap);
	va_end(ap);
	exit(1);
}

const char *
log_vis(const void *p, size_t len)
{
	static char	 out[4][LOG_VIS + 1];
	static int	 turn;
	char		*dst = out[turn = (turn + 1) % 4];
	const char	*src = p;
	size_t		 i, at = 0;

	for (i = 0; i < len && at + 5 < LOG_VIS; i++) {
		/* vis(3) asks the locale about each character: 1 us */
		if (src[i] >= ' ' && src[i] <= '~' && src[i] != '\\')
			dst[at++] = src[i];
		else
			at = vis(dst + at, src[i], VIS_CSTYLE | VIS_NL |
			    VIS_TAB, i + 1 < len ? src[i + 1] : 0) - dst;
	}
	dst[at] = '\0';
	return dst;
}

/* Compose the line in one buffer; err is an errno value, or 0 for none. */
static void
log_put(int pri, int err, const char *fmt, va_list ap)
{
	char	 line[LOG_LINE], msg[LOG_LINE - 128];
	int	 saved = errno, n;

	vsnprintf(msg, sizeof(msg), fmt, ap);
	if (!log_stderr) {
		if (err != 0)
			syslog(pri, "%s: %s", msg, strerror(err));
		else
			syslog(pri, "%s", msg);
	} else {
		n = snprintf(line, sizeof(line), "%s: %s%s%s\n", log_name, msg,
		    err != 0 ? ": " : "", err != 0 ? strerror(err) : "");
		if (n >= (int)sizeof(line))
			n = sizeof(line) - 1;
		if (write(STDERR_FILENO, line, n) == -1)
			saved = errno;	/* nowhere left to say it */
	}
	errno = saved;
}
