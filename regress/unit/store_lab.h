/* SPDX-License-Identifier: ISC */
/*
 * A laboratory for tests of the store: each has an account of its own, and
 * mail in it in one line.  Include after cmocka.h; store_help.h has what needs
 * no account.
 */
#ifndef STORE_LAB_H
#define STORE_LAB_H

#include "regress/unit/store_help.h"

static struct store	*st;

static int
setup(void **state)
{
	(void)state;
	help_start(KV_OFF, 0);
	st = help_open("alice");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(st);
	help_stop();
	return 0;
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The mailbox with a role. */
static inline uint32_t
box(struct store_txn *txn, enum store_role role)
{
	uint32_t	 id = store_mailbox_role(txn, role);

	assert_int_not_equal(id, 0);
	return id;
}

/* A mail; its thread in *tid unless that is NULL. */
static inline uint64_t
add(struct store_txn *txn, const char *subject, const char *refs,
    const char *kw, uint32_t b, int64_t when, uint64_t *tid)
{
	struct help_mail	 m = { subject, refs, "some words of text", kw,
				    { b }, when };
	uint64_t		 id, t;

	assert_int_equal(help_add(txn, &m, &id, &t), STORE_OK);
	if (tid != NULL)
		*tid = t;
	return id;
}

/* What a mailbox counts. */
static inline void
counts(struct store_txn *txn, uint32_t id, unsigned total, unsigned unread,
    unsigned threads, unsigned unread_threads)
{
	struct store_mailbox	 m;

	assert_int_equal(store_mailbox_get(txn, id, &m), STORE_OK);
	assert_int_equal(m.total, total);
	assert_int_equal(m.unread, unread);
	assert_int_equal(m.threads, threads);
	assert_int_equal(m.unread_threads, unread_threads);
}

#endif
