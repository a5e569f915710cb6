/* SPDX-License-Identifier: ISC */
/*
 * What email_row.c makes of any bytes: each fragment is JSON, the structure
 * record reads back as what was parsed; and the same bytes taken for a
 * damaged structure record, a search text and a property's name.
 */
#include "common/compat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_row.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_row(struct arena *a, const uint8_t *p, size_t n)
{
	struct store_newmail	 m;
	struct email_struct	 s;
	struct js_info		 info;
	uint32_t		 i;

	memset(&m, 0, sizeof(m));
	m.received = email_row_received(p, n);
	if (email_row(a, p, n, &m) == -1)
		return;
	for (i = 0; i < STORE_F_SORTFROM; i++)
		assert(m.frag[i].n <= EMAIL_ROW_FRAG && (m.frag[i].n <= 1 ||
		    js_scan(m.frag[i].p, m.frag[i].n, &js_scan_strict,
		    &info) == JS_OK));
	assert(m.nmsgid <= STORE_MAXREFS);
	assert(email_struct_get(a, m.structure, &s) == 1);
	for (i = 0; i < s.msg.npart; i++)
		assert((size_t)s.msg.parts[i].body + s.msg.parts[i].bodylen <=
		    n && s.msg.parts[i].end <= s.msg.npart);
}

/* Whatever a record says, nothing outside it is touched. */
static void
check_record(struct arena *a, const uint8_t *p, size_t n)
{
	struct email_struct	 s;
	struct email_fetch	 f;
	struct email_src	 src;
	struct buf		 b;
	uint8_t			 hash[STORE_HASHLEN] = { 0 };

	if (email_struct_get(a, SLICE(p, n), &s) != 1)
		return;
	memset(&f, 0, sizeof(f));
	buf_init(&b, 1 << 20);
	email_src_init(&src, NULL, a, hash, n);
	email_body_structure(&src, &s, &f, &b);
	email_body_list(&src, &s, &f, s.body.text, s.body.ntext, &b);
	email_body_list(&src, &s, &f, s.body.attach, s.body.nattach, &b);
	buf_free(&b);
}

static void
check_text(struct arena *a, const uint8_t *p, size_t n)
{
	struct email_text	 t;
	struct email_hdr	 h;
	const char		*s, *folded;
	size_t			 i;

	if (!js_scan_text(p, n) || (s = arena_dup(a, p, n)) == NULL)
		return;
	(void)email_json_prop(s, &h);
	folded = email_text_fold(a, s, n);
	if (folded == NULL || email_text_parse(a, s, &t) == -1)
		return;
	for (i = 0; i < t.nphrase; i++)
		(void)email_text_has(folded, t.phrase[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena	 a;

	if (n > 1 << 20)
		return 0;
	arena_init(&a, 4 * MIME_ARENA);
	check_row(&a, p, n);
	check_record(&a, p, n);
	check_text(&a, p, n);
	arena_free(&a);
	return 0;
}
