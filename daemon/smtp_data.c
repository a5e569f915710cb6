/* SPDX-License-Identifier: ISC */
/*
 * The message on the wire, see smtp_data.h: RFC 5321 2.3.8, 4.1.1.4, 4.5.2.
 * Called by smtp_client.c with what it read from the spool, and by the queue
 * role when a message comes in.
 */
#include "common/compat.h"

#include <string.h>

#include "daemon/smtp_data.h"

static void	smtp_data_run(struct smtp_data *, const uint8_t *, size_t,
		    struct buf *);
static void	smtp_data_byte(struct smtp_data_scan *, uint8_t);

void
smtp_data_put(struct smtp_data *d, const void *data, size_t n, struct buf *out)
{
	const uint8_t	*p = data, *end = p + n, *q;

	while (p < end) {
		if (d->cr) {
			d->cr = 0;
			if (*p != '\n') {
				/* a bare CR: never a line end, to nobody */
				smtp_data_run(d, (const uint8_t *)" ", 1, out);
				continue;
			}
		}
		if (*p == '\r') {
			d->cr = 1;
			p++;
			continue;
		}
		if (*p == '\n') {
			/* with its CR, or bare: a line end all the same */
			buf_add(out, "\r\n", 2);
			d->text = 0;
			p++;
			continue;
		}
		for (q = p; q < end && *q != '\r' && *q != '\n'; q++)
			;
		smtp_data_run(d, p, (size_t)(q - p), out);
		p = q;
	}
}

/* Bytes within a line, at least one. */
static void
smtp_data_run(struct smtp_data *d, const uint8_t *p, size_t n, struct buf *out)
{
	/* 4.5.2: if the first character is a period, one more in front */
	if (!d->text && p[0] == '.')
		buf_addc(out, '.');
	d->text = 1;
	buf_add(out, p, n);
}

void
smtp_data_end(struct smtp_data *d, struct buf *out)
{
	if (d->cr)
		smtp_data_run(d, (const uint8_t *)" ", 1, out);
	/* 4.1.1.4: the CRLF of the last line is that of CRLF "." CRLF */
	if (d->text)
		buf_add(out, "\r\n", 2);
	buf_add(out, ".\r\n", 3);
}

/* --- what a message needs ------------------------------------------------ */

void
smtp_data_scan(struct smtp_data_scan *s, const void *data, size_t n)
{
	const uint8_t	*p = data, *end = p + n;

	for (; p < end; p++)
		smtp_data_byte(s, *p);
}

static void
smtp_data_byte(struct smtp_data_scan *s, uint8_t c)
{
	if (s->cr && c != '\n') {
		s->col++;
		s->size++;
	}
	s->cr = c == '\r';
	if (c == '\r')
		return;
	if (c == '\n') {
		if (s->col == 0)
			s->body = 1;
		if (s->col > s->line)
			s->line = s->col;
		s->col = 0;
		s->size += 2;
		return;
	}
	s->col++;
	s->size++;
	if (c == 0)
		s->nul = 1;
	if (c & 0x80) {
		if (s->body)
			s->eightbit = 1;
		else
			s->utf8 = 1;
	}
}

void
smtp_data_scan_end(struct smtp_data_scan *s)
{
	if (s->cr) {
		s->cr = 0;
		s->col++;
		s->size++;
	}
	if (s->col == 0)
		return;
	if (s->col > s->line)
		s->line = s->col;
	s->col = 0;
	s->size += 2;
}
