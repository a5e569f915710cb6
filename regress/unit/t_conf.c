/* SPDX-License-Identifier: ISC */
/* common/conf.c: text to value by table, ranges named, values sent whole. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/conf.h"

static const struct conf_opt *
find(const char *sect, const char *name, const struct conf_sect **s)
{
	size_t	 i, j;

	for (i = 0; i < conf_nsects; i++)
		for (j = 0; j < conf_sects[i].nopts; j++)
			if (strcmp(conf_sects[i].name, sect) == 0 &&
			    strcmp(conf_sects[i].opts[j].name, name) == 0) {
				*s = &conf_sects[i];
				return &conf_sects[i].opts[j];
			}
	fail_msg("no option %s", name);
	return NULL;
}

static const struct text_row {
	const char	*sect, *name, *text;
	const char	*show;		/* NULL: refused */
	const char	*err;		/* part of the reason */
} text_rows[] = {
	{ "", "workers", "8", "8", NULL },
	{ "", "workers", "257", NULL, "out of range (0 to 256)" },
	{ "", "workers", "-1", NULL, "not a number" },
	{ "", "workers", "", NULL, "not a number" },
	{ "", "workers", "4x", NULL, "not a number" },
	{ "", "hostname", "mx.example.org", "mx.example.org", NULL },
	{ "http", "hsts", "true", "true", NULL },
	{ "http", "hsts", "yes", NULL, "not one of false, true" },
	{ "limits", "header-timeout", "250ms", "250ms", NULL },
	{ "limits", "header-timeout", "2", "2000ms", NULL },
	{ "limits", "header-timeout", "1h", "3600000ms", NULL },
	{ "limits", "header-timeout", "2h", NULL, "100 to 3600000 ms" },
	{ "limits", "header-timeout", "10K", NULL, "not a time" },
	{ "limits", "request-line", "8K", "8192", NULL },
	{ "limits", "request-line", "1G", NULL, "256 to 65536 bytes" },
	{ "limits", "request-line", "99999999999999999999", NULL, "range" },
	{ "limits", "max-response", "18446744073709551615G", NULL, "range" },
	{ "rate-limit", "account", "7/10s", "7/10000ms", NULL },
	{ "rate-limit", "account", "7/10ms", "7/1000ms", NULL },
	{ "rate-limit", "account", "none", "unlimited", NULL },
	{ "rate-limit", "account", "false", "unlimited", NULL },
	{ "rate-limit", "account", "100", NULL, "not a rate" },
	{ "rate-limit", "account", "0/1m", NULL, "out of range" },
	{ "rate-limit", "account", "9/1x", NULL, "not a time" },
	{ "header", "verb", "add", "add", NULL },
	{ "header", "verb", "append", NULL, "set, add, default, remove" },
	{ "redirect", "status", "308", "308", NULL },
	{ "redirect", "status", "200", NULL, "not one of 301" },
	{ "store", "sync", "meta", "meta", NULL },
	{ "store", "sync", "none", NULL, "not one of full, meta, off" },
	{ "listen", "protocol", "lmtp", "lmtp", NULL },
	{ "listen", "port", "65536", NULL, "0 to 65535" },
};

static void
text_becomes_value(void **state)
{
	const struct text_row	*r;
	const struct conf_sect	*s;
	const struct conf_opt	*o;
	struct conf		*c;
	char			 err[128], out[128];
	int			 ret;

	(void)state;
	for (r = text_rows; r < text_rows + nitems(text_rows); r++) {
		c = conf_new();
		o = find(r->sect, r->name, &s);
		if (s->size != 0)
			conf_add(c, s);
		ret = conf_text(o, conf_item(c, s, 0), r->text, err,
		    sizeof(err));
		assert_int_equal(ret, r->show == NULL ? -1 : 0);
		if (ret == -1)
			assert_non_null(strstr(err, r->err));
		else {
			conf_show(o, conf_item(c, s, 0), out, sizeof(out));
			assert_string_equal(out, r->show);
		}
		conf_free(c);
	}
}

static void
defaults_keep_their_own_range(void **state)
{
	const struct conf_sect	*s;
	const struct conf_opt	*o;
	struct conf		*c = conf_new();
	uint64_t		 v;

	(void)state;
	for (s = conf_sects; s < conf_sects + conf_nsects; s++)
		for (o = s->opts; o < s->opts + s->nopts; o++) {
			if (CONF_IS_STR(o) || o->type == CONF_STRS ||
			    o->type == CONF_RATE || s->size != 0)
				continue;
			v = *(uint64_t *)(void *)((uint8_t *)c + o->off);
			if (o->type != CONF_WORD)
				assert_true(v >= o->min && v <= o->max);
		}
	conf_free(c);
}

/* What a MSG_CONF_SET says arrives; what it must not say is refused. */
static void
values_cross_a_pipe(void **state)
{
	struct msg_conf_set	 h = { 0, 0, 0, 0 };
	struct msg		 m = { .fixed = &h, .fd = -1 };
	const struct conf_sect	*s;
	const struct conf_opt	*o;
	struct conf		*c = conf_new();
	uint64_t		 port = 443;

	(void)state;
	o = find("listen", "port", &s);
	h.sect = s - conf_sects;
	h.opt = o - s->opts;
	h.item = 0;
	m.tail = (const uint8_t *)&port;
	m.tail_len = sizeof(port);
	assert_int_equal(conf_set(c, &m), 0);
	assert_int_equal(c->nlistens, 1);
	assert_int_equal(c->listens[0].port, 443);
	m.tail_len = 3;
	assert_int_equal(conf_set(c, &m), -1);
	h.item = 7;			/* items come in order */
	m.tail_len = sizeof(port);
	assert_int_equal(conf_set(c, &m), -1);
	h.item = 0;
	h.opt = 1000;
	assert_int_equal(conf_set(c, &m), -1);
	h.sect = 1000;
	assert_int_equal(conf_set(c, &m), -1);
	conf_free(c);
}

static void
lists_grow(void **state)
{
	const struct conf_sect	*s;
	const struct conf_opt	*o = find("http", "headers", &s);
	struct conf		*c = conf_new();
	char			 err[64], out[64];

	(void)state;
	assert_int_equal(conf_text(o, c, "A: b", err, sizeof(err)), 0);
	assert_int_equal(conf_text(o, c, "C: d", err, sizeof(err)), 0);
	conf_show(o, c, out, sizeof(out));
	assert_string_equal(out, "A: b, C: d");
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(text_becomes_value),
		cmocka_unit_test(defaults_keep_their_own_range),
		cmocka_unit_test(values_cross_a_pipe),
		cmocka_unit_test(lists_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
