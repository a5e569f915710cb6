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

#include "common/date.h"
#include "common/log.h"

#define LOG_LINE	2048	/* bytes of one line, newline included */
#define LOG_HEAD	192	/* of it what stands around the text in JSON */
#define LOG_VIS		256	/* characters of peer text in a line */

static char	log_name[64] = "jmapd";
static int	log_stderr = 1;
static int	log_verbose;
static int	log_json;

static void	log_write(int, const char *);
static void	log_object(int, const char *, const char *);
static void	log_quote(char *, size_t, const char *);
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
log_setjson(int on)
{
	log_json = on;
}

int
log_getjson(void)
{
	return log_json;
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
	char	 msg[LOG_LINE / 2], text[LOG_LINE - LOG_HEAD];
	int	 saved = errno;

	vsnprintf(msg, sizeof(msg), fmt, ap);
	if (err != 0 && strlcat(msg, ": ", sizeof(msg)) < sizeof(msg))
		strlcat(msg, strerror(err), sizeof(msg));
	if (log_json) {
		log_quote(text, sizeof(text), msg);
		log_object(pri, "text", text);
	} else
		log_write(pri, msg);
	errno = saved;
}

/* One line out. */
static void
log_write(int pri, const char *msg)
{
	char	 line[LOG_LINE];
	int	 n;

	if (!log_stderr) {
		syslog(pri, "%s", msg);
		return;
	}
	n = snprintf(line, sizeof(line), log_json ? "%s%s\n" : "%s: %s\n",
	    log_json ? "" : log_name, msg);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, n) == -1)
		return;		/* nowhere left to say it */
}

/* name NULL: value is members already. */
static void
log_object(int pri, const char *name, const char *value)
{
	char		 line[LOG_LINE], date[DATE_LEN];
	const char	*level = pri == LOG_INFO ? "info" :
			    pri == LOG_DEBUG ? "debug" :
			    pri == LOG_CRIT ? "fatal" : "warn";

	date_utc(date_now(), date);
	if (snprintf(line, sizeof(line), name == NULL ?
	    "{\"time\":\"%s\",\"process\":\"%s\",\"level\":\"%s\"%s,%s}" :
	    "{\"time\":\"%s\",\"process\":\"%s\",\"level\":\"%s\","
	    "\"%s\":\"%s\"}", date, log_name, level, name == NULL ? "" : name,
	    value) >= (int)sizeof(line))
		return;			/* half an object helps nobody */
	log_write(pri, line);
}

void
log_members(const char *members)
{
	log_object(LOG_INFO, NULL, members);
}

/* RFC 8259 7; what does not fit is cut between characters. */
static void
log_quote(char *out, size_t max, const char *s)
{
	size_t	 n = 0;

	for (; *s != '\0' && n + 7 < max; s++) {
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			n += (size_t)snprintf(out + n, 7, "\\u%04x",
			    (unsigned char)*s);
		else
			out[n++] = *s;
	}
	out[n] = '\0';
}
