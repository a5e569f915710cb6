/* SPDX-License-Identifier: ISC */
/*
 * Whole JMAP requests against an account with a little mail in it.  Whatever
 * comes in, what goes out is JSON, and the counters of the store still add
 * up (store_check, now and then).
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/jmap.h"
#include "worker/mime/mime.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char		 dir[] = "/tmp/jmapd-fuzz-XXXXXX";
static struct jmap_user	 user = {
	.name = "u", .account = "u1", .caps = JMAP_CAP_CORE | JMAP_CAP_MAIL
};
static struct jmap_env	 env = {
	.limits = &jmap_api_limits, .url = "https://x"
};

static void
differs(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
	abort();
}

static const char *const mails[] = {
	"From: a@x\nSubject: one\nMessage-ID: <1@x>\n\nhello world\n",
	"Subject: Re: one\nReferences: <1@x>\nContent-Type: multipart/mixed;"
	    " boundary=b\n\n--b\n\nhi\n--b\nContent-Type: image/png\n"
	    "Content-Disposition: attachment; filename=f\n\nx\n--b--\n",
	"To: =?utf-8?q?J=C3=B6?= <j@x>\nContent-Type: text/html\n\n<b>hi</b>\n",
};

static void
deliver(const char *raw)
{
	struct store_newmail	 m;
	struct store_txn	*txn;
	struct arena		 a;
	uint32_t		 inbox;
	uint64_t		 id, tid;

	memset(&m, 0, sizeof(m));
	arena_init(&a, 2 * MIME_ARENA);
	if (store_begin(user.store, 1, &txn) != STORE_OK)
		abort();
	inbox = store_mailbox_role(txn, STORE_ROLE_INBOX);
	m.mailbox = &inbox;
	m.nmailbox = 1;
	m.received = 1500000000000LL;
	if (email_row_add(txn, &a, raw, strlen(raw), &m, &id, &tid) !=
	    STORE_OK || store_commit(txn) != STORE_OK)
		abort();
	arena_free(&a);
}

static void
start(void)
{
	struct store_conf	 c;
	size_t			 i;

	if (mkdtemp(dir) == NULL)
		abort();
	store_conf_init(&c);
	(void)strlcpy(c.dir, dir, sizeof(c.dir));
	c.sync = KV_OFF;
	store_init(&c);
	if (store_open("u1", STORE_CREATE, &user.store) != STORE_OK)
		abort();
	for (i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		deliver(mails[i]);
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
		(void)store_check(user.store, 0, differs, NULL);
	return 0;
}
