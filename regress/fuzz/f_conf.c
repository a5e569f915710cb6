/* SPDX-License-Identifier: ISC */
/*
 * daemon/conf_parse.c and conf_check.c: whatever the text, there is a
 * configuration or at least one line that says why not.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct conf_file	*cf;
	struct buf		 report;
	char			*text;

	/* conf_parse refuses a NUL when it reads the file */
	if (memchr(p, '\0', len) != NULL || (text = malloc(len + 1)) == NULL)
		return 0;
	memcpy(text, p, len);
	text[len] = '\0';
	buf_init(&report, CONF_REPORT_MAX);
	cf = conf_parse_text("fuzz", text, &report);
	if (cf == NULL && buf_left(&report) == 0 && !buf_bad(&report))
		abort();
	if (cf != NULL)
		conf_check(cf, &report);
	conf_parse_free(cf);
	buf_free(&report);
	free(text);
	return 0;
}
