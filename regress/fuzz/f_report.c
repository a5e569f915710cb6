/* SPDX-License-Identifier: ISC */
/*
 * What deliveries and submissions read of a stranger's message: reports
 * (report.c), whether a machine may answer (vacation_rule.c), and the
 * message as it leaves (submission_mail.c), where no Bcc may be left and no
 * line end may be half of one.
 */
#include "common/compat.h"

#include <assert.h>
#include <string.h>

#include "common/addr.h"
#include "common/utf8.h"
#include "worker/jmap/report.h"
#include "worker/jmap/submission.h"
#include "worker/jmap/vacation.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
reports(struct arena *a, const struct mime_msg *m, const char *type)
{
	struct report	 r;
	const char	*id;
	char		 out[REPORT_ADDRESS];
	size_t		 i;

	if (report_read(a, m, type, &r) != 1)
		return;
	for (i = 0; i < r.nfield; i++) {
		assert(r.field[i].group < r.ngroup);
		assert(utf8_valid(r.field[i].name, strlen(r.field[i].name)));
		assert(utf8_valid(r.field[i].value,
		    strlen(r.field[i].value)));
		assert(strpbrk(r.field[i].value, "\r\n") == NULL);
	}
	(void)report_address(report_get(&r, 0, "Final-Recipient"), out);
	if ((id = report_original(a, &r)) != NULL)
		assert(utf8_valid(id, strlen(id)));
}

static void
answers(struct arena *a, const struct mime_msg *m)
{
	static const char	 text[] = "0\0Ann\0ann@example.com\0@all.test";
	const char		*to, *own, *why;

	card_put(7, text, sizeof(text));
	if (vacation_rule(a, m, card_get(7), &to, &own, &why) == 1) {
		assert(addr_ok(to) && addr_ok(own));
		assert(card_has(card_get(7), own));
	}
}

static void
leaves(const uint8_t *p, size_t n)
{
	struct submission_mail	 s;
	struct arena		 a;
	struct mime_msg		*m;
	struct buf		 out;
	uint32_t		 flags = 0;
	size_t			 i;

	memset(&s, 0, sizeof(s));
	buf_init(&s.raw, SIZE_MAX);
	buf_init(&out, SIZE_MAX);
	arena_init(&a, MIME_ARENA);
	assert(n == 0 || buf_add(&s.raw, p, n) == 0);
	assert(submission_mail_parse(&s) == 0);
	assert(submission_mail_out(&s, "mail.test", &out, &flags) == 0);
	for (i = 0; i < out.len; i++) {
		if (out.data[i] == '\r')
			assert(i + 1 < out.len && out.data[i + 1] == '\n');
		if (out.data[i] == '\n')
			assert(i > 0 && out.data[i - 1] == '\r');
		assert(!(out.data[i] & 0x80) || flags & MSG_QUEUE_8BIT);
	}
	assert((m = mime_parse(&a, out.data, out.len)) != NULL);
	assert(mime_hdr_get(m, 0, MIME_H_BCC) == NULL);
	assert(mime_hdr_get(m, 0, MIME_H_DATE) != NULL);
	assert(mime_hdr_get(m, 0, MIME_H_MESSAGE_ID) != NULL);
	submission_mail_free(&s);
	buf_free(&out);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena	 a;
	struct mime_msg	*m;

	arena_init(&a, MIME_ARENA);
	if ((m = mime_parse(&a, p, n)) != NULL) {
		reports(&a, m, REPORT_DSN);
		reports(&a, m, REPORT_MDN);
		answers(&a, m);
	}
	arena_free(&a);
	leaves(p, n);
	return 0;
}
