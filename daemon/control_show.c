/* SPDX-License-Identifier: ISC */
/*
 * What the parent shows of itself to jmapctl: its state, the listeners, the
 * configuration.  Called by control.c; the roles show the rest.
 */
#include "common/compat.h"

#include <unistd.h>

#include "common/row.h"
#include "daemon/daemon.h"

static void	show_config_item(control_row_fn *, void *, struct conf_file *,
		    size_t, size_t, struct buf *);

void
control_show_status(control_row_fn *fn, void *arg)
{
	struct conf_file	*cf = reload_file();
	struct child		*ch;
	uint64_t		 restarts = 0;
	struct buf		 b;

	TAILQ_FOREACH(ch, &child_list, entry)
		restarts += ch->restarts;
	buf_init(&b, ROW_MAX);
	row_add(&b, "process", "parent");
	row_addu(&b, "pid", (uint64_t)getpid());
	row_addf(&b, "detail", "up %llu s, configuration %u, %zu workers, "
	    "%zu connections, %llu restarts%s",
	    (unsigned long long)parent_uptime(), cf->conf->generation,
	    child_count(MSG_P(PROC_WORKER)), listen_nconns(),
	    (unsigned long long)restarts,
	    geteuid() != 0 ? ", NOT ROOT" : "");
	fn(arg, &b);
	buf_free(&b);
}

void
control_show_listeners(control_row_fn *fn, void *arg)
{
	listen_rows(fn, arg);
}

static void
show_config_item(control_row_fn *fn, void *arg, struct conf_file *cf,
    size_t sect, size_t item, struct buf *b)
{
	const struct conf_sect	*s = &conf_sects[sect];
	const void		*base = conf_item(cf->conf, s, item);
	char			 value[8192];
	size_t			 i;
	int			 line;

	for (i = s->size != 0; i < s->nopts; i++) {
		buf_reset(b);
		conf_show(&s->opts[i], base, value, sizeof(value));
		if (s->size == 0)
			row_addf(b, "option", "%s%s%s", s->name,
			    *s->name ? "." : "", s->opts[i].name);
		else
			row_addf(b, "option", "%s %s.%s", s->name,
			    *(char *const *)(const void *)((const uint8_t *)
			    base + s->opts[0].off), s->opts[i].name);
		row_add(b, "value", value);
		if ((line = conf_parse_line(cf, sect, item, i)) != 0)
			row_addf(b, "from", "%s:%d", cf->path, line);
		else
			row_add(b, "from", "default");
		fn(arg, b);
	}
}

void
control_show_config(control_row_fn *fn, void *arg)
{
	struct conf_file	*cf = reload_file();
	struct buf		 b;
	size_t			 i, k;

	buf_init(&b, ROW_MAX);
	for (i = 0; i < conf_nsects; i++)
		for (k = 0; conf_item(cf->conf, &conf_sects[i], k) != NULL; k++)
			show_config_item(fn, arg, cf, i, k, &b);
	buf_free(&b);
}
