/* SPDX-License-Identifier: ISC */
/* What the scan passes, json-c must take; what we write must come back, but
 * where there were noncharacters, which become U+FFFD. */
#include "common/compat.h"

#include <stdlib.h>

#include "common/js.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct js_val	*v, *again;
	struct js_info	 info;
	struct buf	 b;

	if (js_parse(p, n, NULL, &info, &v) != JS_OK)
		return 0;
	buf_init(&b, 8 * n + 64);
	js_out_val(&b, v);
	if (buf_bad(&b))
		abort();
	if (js_parse(b.data, b.len, &js_scan_strict, NULL, &again) == JS_OK) {
		if (js_scan(p, n, &js_scan_strict, &info) == JS_OK &&
		    !js_equal(v, again))
			abort();
		js_free(again);
	} else if (js_scan(p, n, &js_scan_strict, &info) == JS_OK)
		abort();
	js_free(v);
	buf_free(&b);
	return 0;
}
