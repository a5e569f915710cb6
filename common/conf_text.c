/* SPDX-License-Identifier: ISC */
/*
 * Text to the value of an option, by its row in the tables of conf.c: type,
 * unit, range.  Called by conf.c for the defaults and for what a message
 * brings, by daemon/conf_parse.c with the file's words, by jmapctl with its
 * arguments.  What is wrong is said in words that name the range; nothing
 * is fatal but the lack of memory.
 */
#include "common/compat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"

#define DAY	(24 * 3600 * 1000ULL)

struct conf_unit {
	const char	*name;
	uint64_t	 factor;
};
static const struct conf_unit units_size[] = {
	{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
	{ NULL, 0 }
};
static const struct conf_unit units_time[] = {
	{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 },
	{ "h", 3600 * 1000 }, { "d", DAY }, { NULL, 0 }
};
static const struct conf_unit units_none[] = { { "", 1 }, { NULL, 0 } };

static int	conf_number(const struct conf_opt *, uint64_t *, const char *,
		    char *, size_t);
static int	conf_rate(const struct conf_opt *, struct conf_rate *,
		    const char *, char *, size_t);
static int	conf_word(const struct conf_opt *, uint64_t *, const char *,
		    char *, size_t);
static const struct conf_unit	*conf_units(enum conf_type);
static void	conf_str(char **, const char *, size_t);
static void	conf_strs_add(struct conf_strs *, const char *, size_t);

int
conf_text(const struct conf_opt *o, void *base, const char *text, char *err,
    size_t errlen)
{
	size_t	 len = strlen(text);

	switch (o->type) {
	case CONF_STR:
	case CONF_SECRET:
	case CONF_FILE:
	case CONF_STRS:
		if (len > o->max) {
			snprintf(err, errlen, "longer than %" PRIu64
			    " bytes", o->max);
			return -1;
		}
		conf_text_bytes(o, base, text, len);
		return 0;
	case CONF_BOOL:
	case CONF_WORD:
		return conf_word(o, conf_field(o, base), text, err, errlen);
	case CONF_RATE:
		return conf_rate(o, conf_field(o, base), text, err, errlen);
	default:
		return conf_number(o, conf_field(o, base), text, err, errlen);
	}
}

static const struct conf_unit *
conf_units(enum conf_type t)
{
	return t == CONF_SIZE ? units_size : t == CONF_TIME ? units_time :
	    units_none;
}

/* Digits and a unit; overflow and range are checked. */
static int
conf_number(const struct conf_opt *o, uint64_t *to, const char *text,
    char *err, size_t errlen)
{
	const struct conf_unit	*u;
	char			*end;
	uint64_t		 v;

	errno = 0;
	v = strtoull(text, &end, 10);
	for (u = conf_units(o->type); u->name != NULL; u++)
		if (strcmp(u->name, end) == 0)
			break;
	if (end == text || text[0] < '0' || text[0] > '9' || u->name == NULL) {
		snprintf(err, errlen, "\"%s\" is not a %s", text,
		    o->type == CONF_TIME ? "time (like 10s, 5m, 1h)" :
		    o->type == CONF_SIZE ? "size (like 4096, 8K, 50M)" :
		    "number");
		return -1;
	}
	if (errno == ERANGE || v > o->max / u->factor ||
	    v * u->factor < o->min) {
		snprintf(err, errlen, "\"%s\" is out of range (%" PRIu64
		    " to %" PRIu64 "%s)", text, o->min, o->max,
		    o->type == CONF_TIME ? " ms" :
		    o->type == CONF_SIZE ? " bytes" : "");
		return -1;
	}
	*to = v * u->factor;
	return 0;
}

/* count/time, where a time below the least is the least (a second). */
static int
conf_rate(const struct conf_opt *o, struct conf_rate *to, const char *text,
    char *err, size_t errlen)
{
	static const struct conf_opt	 count = {
		"count", CONF_UINT, 0, NULL, 1, 1000000000, 0, NULL
	}, period = {
		"time", CONF_TIME, 0, NULL, 1, 365 * DAY, 0, NULL
	};
	struct conf_rate		 r = { 0, 0 };
	const char			*slash = strchr(text, '/');
	char				 head[32];

	if (strcmp(text, "false") == 0 || strcmp(text, "none") == 0 ||
	    strcmp(text, "unlimited") == 0) {
		*to = r;
		return 0;
	}
	if (slash == NULL || (size_t)(slash - text) >= sizeof(head)) {
		snprintf(err, errlen, "\"%s\" is not a rate (like 100/1m) "
		    "or false", text);
		return -1;
	}
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	if (conf_number(&count, &r.count, head, err, errlen) == -1 ||
	    conf_number(&period, &r.period, slash + 1, err, errlen) == -1)
		return -1;
	if (r.period < o->min)
		r.period = o->min;
	*to = r;
	return 0;
}

static int
conf_word(const struct conf_opt *o, uint64_t *to, const char *text, char *err,
    size_t errlen)
{
	static const char *const	 bools[] = { "false", "true", NULL };
	const char *const		*w, *const *words;

	words = o->type == CONF_BOOL ? bools : o->words;
	for (w = words; *w != NULL; w++)
		if (strcmp(*w, text) == 0) {
			*to = w - words;
			return 0;
		}
	snprintf(err, errlen, "\"%s\" is not one of", text);
	for (w = words; *w != NULL; w++) {
		strlcat(err, w == words ? " " : ", ", errlen);
		strlcat(err, *w, errlen);
	}
	return -1;
}

void
conf_text_bytes(const struct conf_opt *o, void *base, const char *p, size_t n)
{
	if (CONF_IS_STR(o))
		conf_str(conf_field(o, base), p, n);
	else
		conf_strs_add(conf_field(o, base), p, n);
}

static void
conf_str(char **to, const char *s, size_t len)
{
	free(*to);
	if ((*to = strndup(s, len)) == NULL)
		fatal("conf");
}

static void
conf_strs_add(struct conf_strs *l, const char *s, size_t len)
{
	char	**v;

	if ((v = reallocarray(l->v, l->n + 1, sizeof(*v))) == NULL)
		fatal("conf");
	l->v = v;
	v[l->n] = NULL;
	conf_str(&v[l->n++], s, len);
}
