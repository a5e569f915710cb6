/* SPDX-License-Identifier: ISC */
/*
 * An account for targets that ask JMAP: a scratch folder, gone at the end,
 * a little mail in it, and who asks.
 */
#ifndef FUZZ_JMAP_LAB_H
#define FUZZ_JMAP_LAB_H

#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/js.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/jmap.h"
#include "worker/mime/mime.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char		 lab_dir[] = "/tmp/jmapd-fuzz-XXXXXX";
static struct jmap_user	 user = {
	.name = "u", .account = "u1", .caps = JMAP_CAP_CORE | JMAP_CAP_MAIL
};
static const struct jmap_env	 env = {
	.limits = &jmap_api_limits, .url = "https://x"
};

/* Mails that have a bit of everything. */
static const char	 lab_plain[] =
    "From: a@x\nSubject: one\nMessage-ID: <1@x>\n\nhello world\n";
static const char	 lab_mixed[] =
    "Subject: Re: one\nReferences: <1@x>\nContent-Type: multipart/mixed;"
    " boundary=b\n\n--b\n\nhi\n--b\nContent-Type: image/png\n"
    "Content-Disposition: attachment; filename=f\n\nx\n--b--\n";

static inline void
lab_cleanup(void)
{
	char	 cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", lab_dir);
	if (system(cmd) != 0)
		abort();
}

/* Once, before the first input. */
static inline void
lab_start(void)
{
	struct store_conf	 c;

	if (mkdtemp(lab_dir) == NULL)
		abort();
	atexit(lab_cleanup);
	store_conf_init(&c);
	(void)strlcpy(c.dir, lab_dir, sizeof(c.dir));
	c.sync = KV_OFF;
	c.texts = email_index;
	store_init(&c);
	mime_charset_init();
	if (store_open("u1", STORE_CREATE, &user.store) != STORE_OK)
		abort();
}

/* A mail in a mailbox, with a keyword unless that is NULL; its id. */
static inline uint64_t
lab_deliver(const char *raw, enum store_role role, int64_t received,
    const char *keyword)
{
	struct slice		 kw = { NULL, 0 };
	struct store_newmail	 m;
	struct store_txn	*txn;
	struct arena		 a;
	uint32_t		 box;
	uint64_t		 id, tid;

	memset(&m, 0, sizeof(m));
	arena_init(&a, 2 * MIME_ARENA);
	if (store_begin(user.store, 1, &txn) != STORE_OK)
		abort();
	box = store_mailbox_role(txn, role);
	m.mailbox = &box;
	m.nmailbox = 1;
	if (keyword != NULL)
		kw = SLICE_STR(keyword);
	m.keyword = &kw;
	m.nkeyword = keyword != NULL;
	m.received = received;
	if (email_row_add(txn, &a, raw, strlen(raw), &m, &id, &tid) !=
	    STORE_OK || store_commit(txn) != STORE_OK)
		abort();
	arena_free(&a);
	return id;
}

/* For store_check: there must be none. */
static inline void
lab_differs(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
	abort();
}

#endif
