/* SPDX-License-Identifier: ISC */
/*
 * Rows of answers to jmapctl (the tail of MSG_CTL_ROW, MSG_ST_ROW and
 * MSG_DIR_ROW): fields in order, each a name, NUL, a value, NUL.  Both are
 * UTF-8 without control characters; jmapctl prints a table or JSON of them.
 * A name that ends in '#' says that the value is a number in decimal; the
 * mark itself is not printed.
 */
#ifndef COMMON_ROW_H
#define COMMON_ROW_H

#include "common/buf.h"
#include "common/compat.h"
#include "common/cur.h"

#define ROW_MAX	32768		/* bytes of one row */

/*
 * Append a field.  The buffer was buf_init'ed with ROW_MAX; its sticky "bad"
 * tells whether a row is whole.  Control characters become '?'.
 */
void	row_add(struct buf *, const char *name, const char *value);
/* The same with a number; adds the '#' itself. */
void	row_addu(struct buf *, const char *name, uint64_t);
void	row_addf(struct buf *, const char *name, const char *fmt, ...)
	    __printflike_(3, 4);

/* The next field, pointing into the row: 1, 0 at the end, -1 malformed. */
int	row_next(struct cur *, const char **name, const char **value);
/* The value of a field by its name (without '#'), or NULL. */
const char	*row_get(const void *row, size_t len, const char *name);

#endif
