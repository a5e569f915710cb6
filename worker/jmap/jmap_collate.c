/* SPDX-License-Identifier: ISC */
/*
 * Collations (RFC 4790): the ones the Session advertises.  A text is turned
 * into a key once; keys are compared as bytes.
 */
#include "common/compat.h"

#include <string.h>

#include "common/norm.h"
#include "worker/jmap/jmap.h"

static const char	*collate_unicode(struct arena *, const char *);
static const char	*collate_ascii(struct arena *, const char *);
static const char	*collate_octet(struct arena *, const char *);

static const struct {
	const char	*name;
	const char	*(*key)(struct arena *, const char *);
} collations[] = {
	{ "i;unicode-casemap", collate_unicode },	/* the default */
	{ "i;ascii-casemap", collate_ascii },
	{ "i;octet", collate_octet }
};

int
jmap_collate_known(const char *name)
{
	size_t	 i;

	for (i = 0; i < nitems(collations); i++)
		if (strcmp(collations[i].name, name) == 0)
			return 1;
	return 0;
}

const char *
jmap_collate_key(struct arena *a, const char *name, const char *text)
{
	size_t	 i;

	for (i = 0; name != NULL && i < nitems(collations); i++)
		if (strcmp(collations[i].name, name) == 0)
			return collations[i].key(a, text);
	return collate_unicode(a, text);
}

/* RFC 5051: case folded and decomposed (it says titlecase, which orders
 * letters the same). */
static const char *
collate_unicode(struct arena *a, const char *text)
{
	size_t		 n = strlen(text);
	struct buf	 b;
	const char	*key = NULL;

	buf_init(&b, n < SIZE_MAX / 16 ? 11 * n + 64 : SIZE_MAX);
	if (norm_add(&b, text, n, NORM_KEY) == 0)
		key = arena_dup(a, b.data, b.len);
	buf_free(&b);
	return key;
}

static const char *
collate_ascii(struct arena *a, const char *text)
{
	size_t	 i, n = strlen(text);
	char	*key;

	if ((key = arena_dup(a, text, n)) == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		if (key[i] >= 'a' && key[i] <= 'z')
			key[i] -= 'a' - 'A';	/* RFC 4790 9.2.1: to upper */
	return key;
}

static const char *
collate_octet(struct arena *a, const char *text)
{
	return arena_dup(a, text, strlen(text));
}
