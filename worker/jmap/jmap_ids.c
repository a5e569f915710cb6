/* SPDX-License-Identifier: ISC */
/*
 * Lists of ids: those that a client sent, each of which is answered once (RFC
 * 8620 5.1), and those of the store's numbers.  Called by the methods that
 * take or give them; time and memory go with the length of the list.
 */
#include "common/compat.h"

#include <string.h>

#include "worker/jmap/jmap_object.h"

static size_t	jmap_ids_text(const struct jmap_type *, uint64_t,
		    char [STORE_IDLEN]);

int
jmap_ids_take(struct jmap_req *r, struct js_val *v, struct jmap_ids *ids)
{
	const char	*id, *real;
	size_t		 i;

	for (i = 0; i < js_len(v); i++) {
		id = js_str(js_at(v, i));
		if ((real = jmap_api_real(r, id)) != NULL)
			id = real;
		if (jmap_api_add(r, ids, id, strlen(id)) == -1)
			return -1;
	}
	return jmap_ids_unique(r, ids);
}

int
jmap_ids_unique(struct jmap_req *r, struct jmap_ids *ids)
{
	const char	*p, **slot;
	size_t		 i, h, n = 0, size = 64;

	while (size < 2 * ids->n)
		size *= 2;
	slot = arena_array(&r->arena, size, sizeof(*slot));
	if (slot == NULL)
		return -1;
	for (i = 0; i < ids->n; i++) {
		h = 5381;
		for (p = ids->id[i]; *p != '\0'; p++)
			h = h * 33 + (uint8_t)*p;
		for (h &= size - 1; slot[h] != NULL; h = (h + 1) & (size - 1))
			if (strcmp(slot[h], ids->id[i]) == 0)
				break;
		if (slot[h] == NULL)
			slot[h] = ids->id[n++] = ids->id[i];
	}
	ids->n = n;
	return 0;
}

/* The text of a type's number, and its length. */
static size_t
jmap_ids_text(const struct jmap_type *t, uint64_t id, char out[STORE_IDLEN])
{
	return t->idtext != NULL ? t->idtext(id, out) :
	    jmap_objrow_id(t, id, out);
}

int
jmap_ids_put(struct jmap_req *r, const struct jmap_type *t, const uint64_t *v,
    size_t n, struct jmap_ids *ids)
{
	char	 text[STORE_IDLEN];
	size_t	 i, len;

	for (i = 0; i < n; i++) {
		len = jmap_ids_text(t, v[i], text);
		if (jmap_api_add(r, ids, text, len) == -1)
			return -1;
	}
	return 0;
}
