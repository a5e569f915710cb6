/* SPDX-License-Identifier: ISC */
/*
 * The model of t_store_model.c: mail in plain arrays, and what happens to it
 * at random, there and in the store.  Include after cmocka.h.
 */
#ifndef STORE_MODEL_H
#define STORE_MODEL_H

#include "regress/unit/store_help.h"

#define MAILS	400
#define BOXES	5
#define KWS	8		/* of the model; the first three are built in */
#define MSGIDS	60
#define SUBJECTS 3

static const char *const kwname[KWS] = {
	"$seen", "$draft", "$flagged", "one", "two", "three", "four", "five"
};
static const char *const subjects[SUBJECTS] = {
	"alpha subject that is long", "alpha subject that is short", "beta"
};

struct mail {
	int		 alive;
	uint64_t	 id;
	int		 thread;	/* label */
	unsigned	 kw, box;	/* masks */
	int		 msgid[3];	/* own, and two it refers to; -1 none */
	int		 subject;
	int64_t		 received;
};

static struct mail	 mails[MAILS];
static int		 nmails, nthreads;
static uint32_t		 boxes[BOXES];
static struct store	*st;

static unsigned
rnd(unsigned n)
{
	return (unsigned)(random() >> 4) % n;
}

static struct mail *
any_alive(void)
{
	int	 i, start = nmails == 0 ? 0 : (int)rnd((unsigned)nmails);

	for (i = 0; i < nmails; i++)
		if (mails[(start + i) % nmails].alive)
			return &mails[(start + i) % nmails];
	return NULL;
}

/* Two mails that know the same message under the same subject. */
static int
related(const struct mail *a, const struct mail *b)
{
	int	 i, j;

	if (a->subject != b->subject)
		return 0;
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++)
			if (a->msgid[i] != -1 && a->msgid[i] == b->msgid[j])
				return 1;
	return 0;
}

static void
model_thread(struct mail *m)
{
	int	 i, j, old;

	m->thread = nthreads++;
	for (i = 0; i < nmails; i++) {
		if (!mails[i].alive || &mails[i] == m ||
		    !related(m, &mails[i]) || mails[i].thread == m->thread)
			continue;
		old = mails[i].thread;
		for (j = 0; j < nmails; j++)
			if (mails[j].thread == old)
				mails[j].thread = m->thread;
	}
}

static void
do_add(struct store_txn *txn)
{
	struct mail		*m = &mails[nmails];
	struct help_mail	 h;
	char			 refs[64], kw[128];
	uint64_t		 tid;
	size_t			 n = 0;
	int			 i;

	if (nmails == MAILS)
		return;
	memset(m, 0, sizeof(*m));
	memset(&h, 0, sizeof(h));
	m->alive = 1;
	m->kw = rnd(1 << KWS) & rnd(1 << KWS);
	m->box = rnd((1 << BOXES) - 1) + 1;
	m->received = (int64_t)rnd(50) * 1000;
	m->subject = (int)rnd(SUBJECTS);
	*refs = *kw = '\0';
	for (i = 0; i < 3; i++) {
		m->msgid[i] = i == 0 || rnd(3) == 0 ? (int)rnd(MSGIDS) : -1;
		if (m->msgid[i] != -1)
			snprintf(refs + strlen(refs), sizeof(refs) -
			    strlen(refs), "id%d@x ", m->msgid[i]);
	}
	for (i = 0; i < KWS; i++)
		if (m->kw & 1U << i)
			snprintf(kw + strlen(kw), sizeof(kw) - strlen(kw),
			    "%s ", kwname[i]);
	for (i = 0; i < BOXES && n < 4; i++)
		if (m->box & 1U << i)
			h.box[n++] = boxes[i];
		else
			continue;
	if (m->box == (1 << BOXES) - 1)		/* help_mail holds four */
		m->box &= (1 << (BOXES - 1)) - 1;
	h.subject = subjects[m->subject];
	h.refs = refs;
	h.kw = kw;
	h.body = "body";
	h.received = m->received;
	assert_int_equal(help_add(txn, &h, &m->id, &tid), STORE_OK);
	nmails++;
	model_thread(m);
}

/* Merges change ids: find a mail's by its eid. */
static uint64_t
now_id(struct store_txn *txn, const struct mail *m)
{
	struct store_mail	 s;

	assert_int_equal(store_mail_eid(txn, STORE_EID(m->id), &s), STORE_OK);
	return s.id;
}

static void
do_update(struct store_txn *txn)
{
	struct store_mailmod	 mod;
	struct slice		 add[KWS], del[KWS];
	uint32_t		 badd[BOXES], bdel[BOXES];
	struct mail		*m = any_alive();
	unsigned		 kw, box, old;
	int			 i;

	if (m == NULL)
		return;
	memset(&mod, 0, sizeof(mod));
	kw = rnd(2) ? rnd(1 << KWS) : m->kw ^ 1U << rnd(KWS);
	box = rnd(2) ? m->box : rnd(1 << BOXES);
	if (rnd(4) == 0)
		mod.flags |= STORE_REPLACE_KEYWORDS;
	if (rnd(4) == 0)
		mod.flags |= STORE_REPLACE_MAILBOXES;
	old = mod.flags & STORE_REPLACE_KEYWORDS ? 0 : m->kw;
	for (i = 0; i < KWS; i++) {
		if (kw & ~old & 1U << i)
			add[mod.nkw_add++] = SLICE_STR(kwname[i]);
		if (~kw & old & 1U << i)
			del[mod.nkw_del++] = SLICE_STR(kwname[i]);
	}
	old = mod.flags & STORE_REPLACE_MAILBOXES ? 0 : m->box;
	for (i = 0; i < BOXES; i++) {
		if (box & ~old & 1U << i)
			badd[mod.nmb_add++] = boxes[i];
		if (~box & old & 1U << i)
			bdel[mod.nmb_del++] = boxes[i];
	}
	mod.kw_add = add;
	mod.kw_del = del;
	mod.mb_add = badd;
	mod.mb_del = bdel;
	if (box == 0) {
		assert_int_equal(store_mail_update(txn, now_id(txn, m), &mod),
		    STORE_NOMAILBOX);
		return;
	}
	assert_int_equal(store_mail_update(txn, now_id(txn, m), &mod),
	    STORE_OK);
	m->kw = kw;
	m->box = box;
}

static void
do_destroy(struct store_txn *txn)
{
	struct mail	*m = any_alive();

	if (m == NULL)
		return;
	assert_int_equal(store_mail_destroy(txn, now_id(txn, m)), STORE_OK);
	m->alive = 0;
	m->thread = -1;
}

#endif
