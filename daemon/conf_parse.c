/* SPDX-License-Identifier: ISC */
/*
 * Reads jmapd.conf(5) with libconfuse, whose tables are made from those of
 * common/conf.c, so that an option is named once.  Called by the parent and
 * by jmapd -n.  Each value is checked while its line is at hand; what only
 * shows with the whole file is conf_check.c's.
 */
#include "common/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <confuse.h>

#include "common/log.h"
#include "daemon/daemon.h"

#define PARSE_OPTS	64	/* options of a section, at most */
#define PARSE_FILE	(1 << 20)	/* bytes of a file, at most */

/* libconfuse takes the end of the file for the end of a section, so this
 * stands behind it and is known at the top level only. */
#define PARSE_END	"the-end-of-the-file"

/* libconfuse hands no argument to its callbacks. */
static struct conf_file	*parse_file;
static struct conf	*parse_old;	/* what "server { http" sets */
static struct buf	*parse_report;
static struct conf_origin *parse_old_origin;
static size_t		 parse_old_norigin;

static char	*parse_read(const char *);
static cfg_t	*parse_cfg(void);
static size_t	 parse_opts(cfg_opt_t *, const struct conf_sect *,
		    cfg_callback_t);
static void	 parse_error(cfg_t *, const char *, va_list);
static const struct conf_sect	*parse_sect(cfg_t *);
static size_t	 parse_item(const struct conf_sect *, const char *);
static int	 parse_value(cfg_t *, cfg_opt_t *, const char *, void *);
static int	 parse_value_old(cfg_t *, cfg_opt_t *, const char *, void *);
static int	 parse_set(cfg_t *, cfg_opt_t *, const char *, struct conf *,
		    struct conf_origin **, size_t *);
static char	*parse_from(const struct conf_opt *, const char *);
static int	 parse_origin(struct conf_origin **, size_t *,
		    const struct conf_origin *, int);
static int	 parse_titles(cfg_t *);
static void	 parse_empty(const struct conf_sect *, size_t, int);
static int	 parse_merge(void);
static void	 parse_print_sect(struct conf_file *, size_t, size_t);

static int
origin_find(const struct conf_origin *v, size_t n, size_t sect, size_t item,
    size_t opt)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (v[i].sect == sect && v[i].item == item && v[i].opt == opt)
			return v[i].line;
	return 0;
}

int
conf_parse_line(const struct conf_file *cf, size_t sect, size_t item,
    size_t opt)
{
	return origin_find(cf->origin, cf->norigin, sect, item, opt);
}

void
conf_parse_report(const char *path, int line, struct buf *report,
    const char *fmt, ...)
{
	char	 text[1024];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line > 0)
		buf_addf(report, "%s:%d: %s\n", path, line, text);
	else
		buf_addf(report, "%s: %s\n", path, text);
}

void
conf_parse_free(struct conf_file *cf)
{
	if (cf == NULL)
		return;
	conf_free(cf->conf);
	free(cf->path);
	free(cf->origin);
	free(cf);
}

char *
conf_parse_path(const char *path)
{
	char	*cwd = NULL, *abs;

	if (*path != '/' && (cwd = getcwd(NULL, 0)) == NULL)
		fatal("getcwd");
	if (asprintf(&abs, "%s%s%s", cwd != NULL ? cwd : "",
	    cwd != NULL ? "/" : "", path) == -1)
		fatal("conf_parse");
	free(cwd);
	return abs;
}

struct conf_file *
conf_parse(const char *path, struct buf *report)
{
	struct conf_file	*cf = NULL;
	char			*text;

	if ((text = parse_read(path)) == NULL)
		conf_parse_report(path, 0, report, "%s", strerror(errno));
	else
		cf = conf_parse_text(path, text, report);
	free(text);
	return cf;
}

struct conf_file *
conf_parse_text(const char *path, const char *text, struct buf *report)
{
	struct conf_file	*cf;
	cfg_t			*cfg;
	char			*marked;
	size_t			 said = buf_left(report);
	int			 ok;

	if ((cf = calloc(1, sizeof(*cf))) == NULL ||
	    (cf->path = strdup(path)) == NULL ||
	    asprintf(&marked, "%s\n" PARSE_END " = x\n", text) == -1)
		fatal("conf_parse");
	cf->conf = conf_new();
	parse_file = cf;
	parse_report = report;
	parse_old = conf_new();
	cfg = parse_cfg();
	ok = cfg_parse_buf(cfg, marked) == CFG_SUCCESS &&
	    parse_titles(cfg) == 0 && parse_merge() == 0;
	/* libconfuse has faults that it does not name */
	if (!ok && buf_left(report) == said)
		conf_parse_report(path, cfg->line, report, "syntax error");
	cfg_free(cfg);
	free(marked);
	conf_free(parse_old);
	free(parse_old_origin);
	parse_old_origin = NULL;
	parse_old_norigin = 0;
	if (ok)
		return cf;
	conf_parse_free(cf);
	return NULL;
}

/* The file as a string; gives to the caller, NULL with errno. */
static char *
parse_read(const char *path)
{
	char	*text;
	ssize_t	 n, len = 0;
	int	 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return NULL;
	if ((text = malloc(PARSE_FILE + 1)) == NULL)
		fatal("conf_parse");
	while ((n = read(fd, text + len, PARSE_FILE - len)) > 0)
		len += n;
	close(fd);
	if (n == 0 && len < PARSE_FILE && memchr(text, '\0', len) == NULL) {
		text[len] = '\0';
		return text;
	}
	if (n == 0)
		errno = len == PARSE_FILE ? EFBIG : EINVAL;
	free(text);
	return NULL;
}

/* The tables of common/conf.c as libconfuse wants them; it copies. */
static cfg_t *
parse_cfg(void)
{
	static cfg_opt_t	 opts[32][PARSE_OPTS], old[PARSE_OPTS];
	cfg_opt_t		 server[] = {
		CFG_SEC("http", old, CFGF_NONE), CFG_END()
	};
	cfg_opt_t		*top = opts[0];
	const struct conf_sect	*s;
	cfg_t			*cfg;
	size_t			 i, n = 0;

	for (i = 0; i < conf_nsects; i++) {
		s = &conf_sects[i];
		if (s->name[0] == '\0') {
			n = parse_opts(top, s, parse_value);
			continue;
		}
		parse_opts(opts[i], s, parse_value);
		top[n++] = (cfg_opt_t)CFG_SEC(s->name, opts[i],
		    s->size == 0 ? CFGF_NONE :
		    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
		if (strcmp(s->name, "http") == 0)
			parse_opts(old, s, parse_value_old);
	}
	top[n++] = (cfg_opt_t)CFG_SEC("server", server, CFGF_NONE);
	top[n++] = (cfg_opt_t)CFG_STR(PARSE_END, NULL, CFGF_NODEFAULT);
	top[n] = (cfg_opt_t)CFG_END();
	if ((cfg = cfg_init(top, CFGF_NONE)) == NULL)
		fatal("cfg_init");
	cfg_set_error_function(cfg, parse_error);
	return cfg;
}

/* Everything is a string to libconfuse; conf_text knows types and ranges. */
static size_t
parse_opts(cfg_opt_t *out, const struct conf_sect *s, cfg_callback_t cb)
{
	const struct conf_opt	*o;
	size_t			 n = 0;

	for (o = s->opts; o < s->opts + s->nopts; o++) {
		if (s->size != 0 && o == s->opts)
			continue;	/* the section's title */
		if (n + 16 > PARSE_OPTS)
			fatalx("too many options in section %s", s->name);
		out[n] = (cfg_opt_t)CFG_STR(o->name, NULL, CFGF_NODEFAULT);
		if (o->type == CONF_STRS)
			out[n] = (cfg_opt_t)CFG_STR_LIST(o->name, NULL,
			    CFGF_NODEFAULT);
		out[n++].parsecb = cb;
	}
	out[n] = (cfg_opt_t)CFG_END();
	return n;
}

static void
parse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char	 text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (strstr(text, PARSE_END) != NULL)
		strlcpy(text, "a } is missing", sizeof(text));
	conf_parse_report(parse_file->path, cfg == NULL ? 0 : cfg->line,
	    parse_report, "%s", text);
}

static const struct conf_sect *
parse_sect(cfg_t *cfg)
{
	size_t	 i;

	for (i = 1; i < conf_nsects; i++)
		if (strcmp(conf_sects[i].name, cfg_name(cfg)) == 0)
			return &conf_sects[i];
	return &conf_sects[0];
}

/* The item of a repeatable section that has this title; made if new. */
static size_t
parse_item(const struct conf_sect *s, const char *title)
{
	const char	*const *name;
	char		 err[256];
	void		*base;
	size_t		 i;

	for (i = 0; (base = conf_item(parse_file->conf, s, i)) != NULL; i++) {
		/* the first option of such a section is its name */
		name = (void *)((uint8_t *)base + s->opts[0].off);
		if (strcmp(*name, title) == 0)
			return i;
	}
	i = conf_add(parse_file->conf, s);
	conf_text(&s->opts[0], conf_item(parse_file->conf, s, i), title, err,
	    sizeof(err));
	return i;
}

static int
parse_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	return parse_set(cfg, opt, value, parse_file->conf,
	    &parse_file->origin, &parse_file->norigin);
}

static int
parse_value_old(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	return parse_set(cfg, opt, value, parse_old, &parse_old_origin,
	    &parse_old_norigin);
}

static int
parse_set(cfg_t *cfg, cfg_opt_t *opt, const char *value, struct conf *conf,
    struct conf_origin **origin, size_t *norigin)
{
	const struct conf_sect	*s = parse_sect(cfg);
	struct conf_origin	 at = { s - conf_sects, 0, 0, cfg->line };
	const struct conf_opt	*o;
	char			 err[512], *text;
	int			 line, ret;

	for (; strcmp(s->opts[at.opt].name, cfg_opt_name(opt)) != 0; at.opt++)
		continue;
	if (s->size != 0)
		at.item = parse_item(s, cfg_title(cfg));
	o = &s->opts[at.opt];
	/* libconfuse has counted this value already */
	line = parse_origin(origin, norigin, &at,
	    o->type == CONF_STRS && cfg_opt_size(opt) > 1);
	if (line != 0) {
		cfg_error(cfg, "%s is set twice (first on line %d)",
		    cfg_opt_name(opt), line);
		return -1;
	}
	text = parse_from(o, value);
	ret = conf_text(o, conf_item(conf, s, at.item), text, err,
	    sizeof(err));
	free(text);
	if (ret == -1)
		cfg_error(cfg, "%s%s%s: %s", s->name, *s->name ? "." : "",
		    cfg_opt_name(opt), err);
	return ret;
}

/* A path starts in the folder of the file that names it: that one stays,
 * while ours becomes / once we are a daemon.  Gives to the caller. */
static char *
parse_from(const struct conf_opt *o, const char *value)
{
	char	*file = NULL, *text;
	int	 n = 0;

	if (o->type == CONF_FILE && *value != '/' && *value != '\0') {
		file = conf_parse_path(parse_file->path);
		n = (int)(strrchr(file, '/') + 1 - file);
	}
	if (asprintf(&text, "%.*s%s", n, n > 0 ? file : "", value) == -1)
		fatal("conf_parse");
	free(file);
	return text;
}

/* Remember where; the line of an earlier setting, or 0.  "more" strings of
 * one list are no second setting. */
static int
parse_origin(struct conf_origin **v, size_t *n, const struct conf_origin *at,
    int more)
{
	struct conf_origin	*p;
	int			 line;

	line = origin_find(*v, *n, at->sect, at->item, at->opt);
	if (line != 0)
		return more ? 0 : line;
	if ((p = reallocarray(*v, *n + 1, sizeof(*p))) == NULL)
		fatal("conf_parse");
	*v = p;
	p[(*n)++] = *at;
	return 0;
}

/* Sections that set nothing exist, too; a title must be a plain word. */
static int
parse_titles(cfg_t *cfg)
{
	const struct conf_sect	*s;
	const char		*title;
	cfg_t			*sec;
	unsigned int		 i;
	int			 ret = 0;

	for (s = conf_sects; s < conf_sects + conf_nsects; s++) {
		if (s->size == 0)
			continue;
		for (i = 0; i < cfg_size(cfg, s->name); i++) {
			sec = cfg_getnsec(cfg, s->name, i);
			title = cfg_title(sec);
			if (strlen(title) > 64 || title[0] == '\0' ||
			    title[strspn(title, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")]) {
				conf_parse_report(parse_file->path, sec->line,
				    parse_report, "%s \"%s\": a name is 1 to "
				    "64 letters, digits, '-', '_' or '.'",
				    s->name, title);
				ret = -1;
			} else
				parse_empty(s, parse_item(s, title),
				    sec->line);
		}
	}
	return ret;
}

/* A section that sets nothing is somewhere, too: its end. */
static void
parse_empty(const struct conf_sect *s, size_t item, int line)
{
	const struct conf_origin	 at = { s - conf_sects, item,
					    s->nopts, line };
	size_t				 i;

	for (i = 0; i < parse_file->norigin; i++)
		if (parse_file->origin[i].sect == at.sect &&
		    parse_file->origin[i].item == item)
			return;
	parse_origin(&parse_file->origin, &parse_file->norigin, &at, 0);
}

/* server { http { } } is the name of before: accepted, unless it and the
 * name of now disagree. */
static int
parse_merge(void)
{
	const struct conf_origin *at;
	const struct conf_sect	*s;
	const struct conf_opt	*o;
	char			 old[8192], now[8192], err[512];
	struct conf_strs	*from;
	size_t			 i, k;
	int			 line, ret = 0;

	for (i = 0; i < parse_old_norigin; i++) {
		at = &parse_old_origin[i];
		s = &conf_sects[at->sect];
		o = &s->opts[at->opt];
		conf_show(o, parse_old, old, sizeof(old));
		conf_show(o, parse_file->conf, now, sizeof(now));
		line = conf_parse_line(parse_file, at->sect, 0, at->opt);
		if (line != 0 && strcmp(old, now) != 0) {
			conf_parse_report(parse_file->path, at->line,
			    parse_report, "server.http.%s differs from "
			    "http.%s on line %d", o->name, o->name, line);
			ret = -1;
		}
		if (line != 0)
			continue;
		conf_parse_report(parse_file->path, at->line, parse_report,
		    "warning: server.http.%s is now http.%s", o->name,
		    o->name);
		parse_origin(&parse_file->origin, &parse_file->norigin, at, 0);
		if (o->type != CONF_STRS) {
			conf_text(o, parse_file->conf, old, err, sizeof(err));
			continue;
		}
		from = conf_field(o, parse_old);
		for (k = 0; k < from->n; k++)
			conf_text(o, parse_file->conf, from->v[k], err,
			    sizeof(err));
	}
	return ret;
}

/* --- printing ----------------------------------------------------------- */

static void
parse_print_str(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

static void
parse_print_value(const struct conf_opt *o, const void *base)
{
	const struct conf_strs	*l;
	char			 text[8192];
	size_t			 i;

	switch (o->type) {
	case CONF_STRS:
		l = conf_field(o, base);
		putchar('{');
		for (i = 0; i < l->n; i++) {
			if (i > 0)
				printf(", ");
			parse_print_str(l->v[i]);
		}
		putchar('}');
		break;
	case CONF_STR:
	case CONF_SECRET:
	case CONF_FILE:
		conf_show(o, base, text, sizeof(text));
		parse_print_str(text);
		break;
	default:
		conf_show(o, base, text, sizeof(text));
		printf("%s", text);
	}
}

static void
parse_print_sect(struct conf_file *cf, size_t sect, size_t item)
{
	const struct conf_sect	*s = &conf_sects[sect];
	const void		*base = conf_item(cf->conf, s, item);
	const char		*tab = s->name[0] == '\0' ? "" : "\t";
	size_t			 i;
	int			 line;

	if (s->size != 0)
		printf("%s %s {\n", s->name, *(char *const *)(const void *)
		    ((const uint8_t *)base + s->opts[0].off));
	else if (s->name[0] != '\0')
		printf("%s {\n", s->name);
	for (i = s->size != 0; i < s->nopts; i++) {
		printf("%s%s = ", tab, s->opts[i].name);
		parse_print_value(&s->opts[i], base);
		line = conf_parse_line(cf, sect, item, i);
		if (line != 0)
			printf("\t# line %d\n", line);
		else
			printf("\t# default\n");
	}
	if (s->name[0] != '\0')
		printf("}\n");
}

void
conf_parse_print(struct conf_file *cf)
{
	size_t	 i, k;

	for (i = 0; i < conf_nsects; i++)
		for (k = 0; conf_item(cf->conf, &conf_sects[i], k) != NULL; k++)
			parse_print_sect(cf, i, k);
}
