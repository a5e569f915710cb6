/* SPDX-License-Identifier: ISC */
/*
 * Whole JMAP requests against an account with a little mail in it.  Whatever
 * comes in, what goes out is JSON, and the counters of the store still add
 * up (store_check, now and then).
 */
#include "regress/fuzz/jmap_lab.h"

static void
start(void)
{
	lab_start();
	lab_deliver(lab_plain, STORE_ROLE_INBOX, 1500000000000LL, NULL);
	lab_deliver(lab_mixed, STORE_ROLE_INBOX, 1500000000000LL, NULL);
	lab_deliver("To: =?utf-8?q?J=C3=B6?= <j@x>\nContent-Type: text/html\n"
	    "\n<b>hi</b>\n", STORE_ROLE_INBOX, 1500000000000LL, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static unsigned		 runs;
	struct js_limits	 lim = js_scan_strict;
	struct js_info		 info;
	struct buf		 out;
	const char		*detail;

	if (user.store == NULL)
		start();
	buf_init(&out, 65 << 20);
	lim.values = lim.objects = lim.memory = SIZE_MAX;
	if (jmap_api(&env, &user, p, n, n & 1, &out, &detail) == NULL &&
	    js_scan(out.data, out.len, &lim, &info) != JS_OK)
		abort();
	buf_free(&out);
	if (++runs % 20000 == 0)
		(void)store_check(user.store, 0, lab_differs, NULL);
	return 0;
}
