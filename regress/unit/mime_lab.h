/* SPDX-License-Identifier: ISC */
/*
 * The memory of the tests of worker/mime, for all tests of a file.  Include
 * after cmocka.h.
 */
#ifndef MIME_LAB_H
#define MIME_LAB_H

#include "worker/mime/mime.h"

#ifndef MIME_LAB_BYTES
#define MIME_LAB_BYTES	(64UL << 20)
#endif

static struct arena	a;

static int
up(void **state)
{
	(void)state;
	arena_init(&a, MIME_LAB_BYTES);
	return mime_charset_init() > 30 ? 0 : -1;
}

static int
down(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

#endif
