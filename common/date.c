/* SPDX-License-Identifier: ISC */
/*
 * Points in time and their text forms: see date.h.  Pure arithmetic on the
 * proleptic Gregorian calendar: no locale, no TZ, no tables of the system,
 * so that it works in an empty chroot and gives the same everywhere.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/date.h"
#include "common/utf8.h"

#define DAY_MS	86400000LL
#define MIN_MS	60000LL
/* RFC 3339 has four digits for the year: 0000-01-01 to 9999-12-31. */
#define MS_MIN	(-62167219200000LL)
#define MS_MAX	253402300799999LL

struct civil {
	int64_t	 year;
	int	 month, day, hour, min, sec, ms, wday;
};

/* What the reader of mail dates has found so far; -1 means not yet. */
struct found {
	int	 year, month, day, hour, min, sec, off, zone;
};

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
    "Sat" };

/* RFC 5322 4.3.  All other words, military letters too, mean -0000. */
static const struct zone {
	char	 name[5];
	int	 off;		/* minutes */
} zones[] = {
	{ "EDT", -240 }, { "EST", -300 }, { "CDT", -300 }, { "CST", -360 },
	{ "MDT", -360 }, { "MST", -420 }, { "PDT", -420 }, { "PST", -480 },
	{ "CET", 60 }, { "CEST", 120 }, { "MET", 60 }, { "BST", 60 },
	{ "JST", 540 },
};

static void	 split(int64_t, int, struct civil *);
static int64_t	 clamp(int64_t);
static int64_t	 join(const struct civil *, int);
static int	 valid(const struct civil *);
static int	 month_len(int64_t, int);
static int64_t	 digits(const char **, const char *, int);
static int	 lit(const char **, const char *, int);
static int	 fraction(const char **, const char *, int *);
static int	 zone_3339(const char **, const char *, int, int *);
static const char *skip(const char *, const char *);
static const char *word(struct found *, const char *, const char *);
static const char *number(struct found *, const char *, const char *, int);
static const char *clock_time(struct found *, const char *, const char *, int);
static void	 small(struct found *, int);
static void	 offset(struct found *, int, int, int);
static int	 full_year(int, int);
static int	 digit(const char *, const char *);

int64_t
date_now(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
date_mono(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Years begin in March here, so that the leap day is the last of its year;
 * 153 days are five months, 146097 days are 400 years.
 */
int64_t
date_days(int64_t year, int month, int day)
{
	int64_t	 era, doy, yoe;

	if (month <= 2)
		year--;
	era = (year >= 0 ? year : year - 399) / 400;
	yoe = year - era * 400;
	doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* Times beyond RFC 3339's years become its first or last. */
static int64_t
clamp(int64_t ms)
{
	return ms < MS_MIN ? MS_MIN : ms > MS_MAX ? MS_MAX : ms;
}

/* The inverse, at a place off minutes east of UTC. */
static void
split(int64_t ms, int off, struct civil *c)
{
	int64_t	 d, era, doe, yoe, doy, t;

	ms = clamp(clamp(ms) + off * MIN_MS);
	d = (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS;
	t = ms - d * DAY_MS;
	c->ms = t % 1000;
	c->sec = t / 1000 % 60;
	c->min = t / MIN_MS % 60;
	c->hour = t / (60 * MIN_MS);
	c->wday = ((d + 4) % 7 + 7) % 7;	/* 1970-01-01: a Thursday */

	d += 719468;
	era = (d >= 0 ? d : d - 146096) / 146097;
	doe = d - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	t = (5 * doy + 2) / 153;
	c->day = doy - (153 * t + 2) / 5 + 1;
	c->month = t < 10 ? t + 3 : t - 9;
	c->year = yoe + era * 400 + (c->month <= 2);
}

static int64_t
join(const struct civil *c, int off)
{
	return date_days(c->year, c->month, c->day) * DAY_MS +
	    ((c->hour * 60 + c->min - off) * 60LL + c->sec) * 1000 + c->ms;
}

static int
month_len(int64_t year, int month)
{
	return date_days(month == 12 ? year + 1 : year, month % 12 + 1, 1) -
	    date_days(year, month, 1);
}

static int
valid(const struct civil *c)
{
	return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	    c->day <= month_len(c->year, c->month) && c->hour < 24 &&
	    c->min < 60 && c->sec <= 60;
}

void
date_utc(int64_t ms, char out[DATE_LEN])
{
	date_local(ms, 0, out);
}

void
date_local(int64_t ms, int off, char out[DATE_LEN])
{
	struct civil	 c;
	char		 frac[8] = "", zone[16] = "Z";

	split(ms, off, &c);
	if (c.ms != 0)
		snprintf(frac, sizeof(frac), ".%03d", c.ms);
	if (off != 0)
		snprintf(zone, sizeof(zone), "%c%02d:%02d",
		    off < 0 ? '-' : '+', (off < 0 ? -off : off) / 60 % 24,
		    (off < 0 ? -off : off) % 60);
	snprintf(out, DATE_LEN, "%04d-%02d-%02dT%02d:%02d:%02d%s%s",
	    (int)c.year, c.month, c.day, c.hour, c.min, c.sec, frac, zone);
}

void
date_http(int64_t ms, char out[DATE_LEN])
{
	struct civil	 c;

	split(ms, 0, &c);
	snprintf(out, DATE_LEN, "%s, %02d %s %04d %02d:%02d:%02d GMT",
	    days[c.wday], c.day, months[c.month - 1], (int)c.year, c.hour,
	    c.min, c.sec);
}

void
date_mail(int64_t ms, int off, char out[DATE_LEN])
{
	struct civil	 c;
	int		 a = off < 0 ? -off : off;

	split(ms, off, &c);
	snprintf(out, DATE_LEN, "%s, %d %s %04d %02d:%02d:%02d %c%02d%02d",
	    days[c.wday], c.day, months[c.month - 1], (int)c.year, c.hour,
	    c.min, c.sec, off < 0 ? '-' : '+', a / 60 % 24, a % 60);
}

static int
digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/* Exactly n digits, or -1. */
static int64_t
digits(const char **p, const char *end, int n)
{
	int64_t	 v = 0;

	for (; n > 0; n--, (*p)++) {
		if (!digit(*p, end))
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

/* Take the character c: 1, or 0 if it is not there. */
static int
lit(const char **p, const char *end, int c)
{
	if (*p == end || **p != c)
		return 0;
	(*p)++;
	return 1;
}

/* time-secfrac; digits after the third are dropped. */
static int
fraction(const char **p, const char *end, int *ms)
{
	int	 unit = 100;

	*ms = 0;
	if (!lit(p, end, '.'))
		return 0;
	if (!digit(*p, end))
		return -1;
	for (; digit(*p, end); (*p)++, unit /= 10)
		*ms += (**p - '0') * unit;
	return 0;
}

static int
zone_3339(const char **p, const char *end, int utc_only, int *off)
{
	int64_t	 h, m;
	int	 neg;

	*off = 0;
	if (lit(p, end, 'Z'))
		return 0;
	neg = *p < end && **p == '-';
	if (utc_only || (!lit(p, end, '+') && !lit(p, end, '-')))
		return -1;
	if ((h = digits(p, end, 2)) == -1 || !lit(p, end, ':') ||
	    (m = digits(p, end, 2)) == -1 || h > 23 || m > 59)
		return -1;
	*off = neg ? -(h * 60 + m) : h * 60 + m;
	return 0;
}

int64_t
date_3339(const char *p, size_t n, int utc_only, int *off)
{
	const char	*end = p + n;
	struct civil	 c;
	int		 o;

	/* RFC 8620 1.4: letters MUST be upper case */
	if ((c.year = digits(&p, end, 4)) == -1 || !lit(&p, end, '-') ||
	    (c.month = digits(&p, end, 2)) == -1 || !lit(&p, end, '-') ||
	    (c.day = digits(&p, end, 2)) == -1 || !lit(&p, end, 'T') ||
	    (c.hour = digits(&p, end, 2)) == -1 || !lit(&p, end, ':') ||
	    (c.min = digits(&p, end, 2)) == -1 || !lit(&p, end, ':') ||
	    (c.sec = digits(&p, end, 2)) == -1 ||
	    fraction(&p, end, &c.ms) == -1 ||
	    zone_3339(&p, end, utc_only, &o) == -1 || p != end || !valid(&c))
		return DATE_NONE;
	if (off != NULL)
		*off = o;
	return join(&c, o);
}

/* White space, separators and comments (which nest, and may not end). */
static const char *
skip(const char *p, const char *end)
{
	int	 depth = 0;

	for (; p < end; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && depth > 0)
			depth--;
		else if (*p == '\\' && depth > 0 && end - p > 1)
			p++;
		else if (depth == 0 && (*p == '+' || *p == '-' ||
		    digit(p, end) || (utf8_lower((uint8_t)*p) >= 'a' &&
		    utf8_lower((uint8_t)*p) <= 'z')))
			break;
	}
	return p;
}

/* A name of a month or of a zone; all others say nothing. */
static const char *
word(struct found *f, const char *p, const char *end)
{
	const char	*from = p;
	size_t		 i, n;

	while (p < end && utf8_lower((uint8_t)*p) >= 'a' &&
	    utf8_lower((uint8_t)*p) <= 'z')
		p++;
	n = p - from;
	if (f->month == -1 && n >= 3)
		for (i = 0; i < nitems(months); i++)
			if (utf8_caseis(from, 3, months[i]))
				f->month = i + 1;
	if (f->hour == -1 || f->zone)
		return p;
	if (utf8_caseis(from, n, "pm") && f->hour < 12)
		f->hour += 12;
	else if (utf8_caseis(from, n, "am") && f->hour == 12)
		f->hour = 0;
	for (i = 0; i < nitems(zones); i++)
		if (utf8_caseis(from, n, zones[i].name)) {
			f->off = zones[i].off;
			f->zone = 1;
		}
	return p;
}

/* RFC 5322 4.3: two digits are 1950 to 2049, three count from 1900. */
static int
full_year(int v, int len)
{
	if (len >= 4)
		return v;
	if (len == 3)
		return v + 1900;
	return v < 50 ? v + 2000 : v + 1900;
}

/* After a colon, and RFC 5322 4.3's blanks about it; NULL: none is next. */
static const char *
colon(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p++ != ':')
		return NULL;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

/* hh:mm[:ss]; p is at the first separator. */
static const char *
clock_time(struct found *f, const char *p, const char *end, int hour)
{
	const char	*next;
	int		*to[2] = { &f->min, &f->sec };
	int		 i;

	f->hour = hour;
	f->min = f->sec = 0;
	for (i = 0; i < 2 && (next = colon(p, end)) != NULL; i++) {
		for (p = next; digit(p, end); p++)
			if (*to[i] < 1000)
				*to[i] = *to[i] * 10 + (*p - '0');
	}
	return p;
}

/* +hhmm or +hh:mm; what cannot be is taken as "not known" (-0000). */
static void
offset(struct found *f, int sign, int v, int len)
{
	int	 h = len <= 2 ? v : v / 100, m = len <= 2 ? 0 : v % 100;

	f->zone = 1;
	f->off = h < 24 && m < 60 ? sign * (h * 60 + m) : 0;
}

/* A number of one or two digits that is not a time. */
static void
small(struct found *f, int v)
{
	if (f->year != -1 && f->month == -1)
		f->month = v;		/* 2014-10-30 */
	else if (f->day == -1)
		f->day = v;
	else if (f->year == -1)
		f->year = full_year(v, 2);
}

static const char *
number(struct found *f, const char *p, const char *end, int sign)
{
	const char	*from = p;
	int		 v = 0, len, after;

	for (; digit(p, end); p++)
		if (v < 100000)
			v = v * 10 + (*p - '0');
	len = p - from;
	after = p < end ? *p : 0;
	if (f->hour != -1 && !f->zone && sign != 0) {
		offset(f, sign, v, len);
		if (after == ':' && len <= 2 && end - p >= 3 &&
		    digit(p + 1, end) && digit(p + 2, end)) {
			offset(f, sign, v * 100 + (p[1] - '0') * 10 +
			    (p[2] - '0'), 4);
			p += 3;
		}
	} else if (f->hour == -1 && len <= 2 && colon(p, end) != NULL)
		return clock_time(f, p, end, v);
	else if (len <= 2)
		small(f, v);
	else if (f->year == -1 && len <= 4)
		f->year = full_year(v, len);
	return p;
}

/*
 * Not a grammar but a hunt: mail has asctime() order, dashes, comments and
 * worse, and a date that people can read should be found.
 */
int64_t
date_5322(const char *p, size_t n, int *off)
{
	struct found	 f = { -1, -1, -1, -1, 0, 0, 0, 0 };
	const char	*end = p + (n > 256 ? 256 : n);
	struct civil	 c = { 0 };
	int		 sign;

	while ((p = skip(p, end)) < end) {
		sign = 0;
		if (*p == '+' || *p == '-') {
			sign = *p++ == '-' ? -1 : 1;
			if (!digit(p, end))
				continue;
		}
		p = digit(p, end) ? number(&f, p, end, sign) :
		    word(&f, p, end);
	}
	if (f.year == -1 || f.month == -1 || f.day == -1)
		return DATE_NONE;
	c.year = f.year;
	c.month = f.month;
	c.day = f.day;
	c.hour = f.hour == -1 ? 0 : f.hour;
	c.min = f.min;
	c.sec = f.sec;
	if (!valid(&c))
		return DATE_NONE;
	if (off != NULL)
		*off = f.off;
	return join(&c, f.off);
}
