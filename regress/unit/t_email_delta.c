/* SPDX-License-Identifier: ISC */
/*
 * Email/queryChanges: random changes, where what a client computes from
 * queryChanges must be what a new query says (RFC 8620 5.6); and what did
 * not happen is not told.
 */
#include "regress/unit/email_list.h"

#define WORLD	64		/* mails at most */
#define STEPS	150

struct cached {			/* what a client holds */
	const char	*args;
	char		 list[WORLD * 2][STORE_IDLEN];
	size_t		 n;
	char		 state[32];
};

static const char *const views[] = {
	"'filter':{'inMailbox':'%I'}",
	"'filter':{'inMailbox':'%I'},'collapseThreads':true",
	"'filter':{'inMailbox':'%I'},'sort':[{'property':'receivedAt'}]",
	"'filter':{'inMailbox':'%I'},'sort':[{'property':'receivedAt'}],"
	    "'collapseThreads':true",
	"'filter':{'inMailbox':'%I','notKeyword':'$seen'}",
	"'filter':{'inMailbox':'%I','hasKeyword':'$seen'},"
	    "'collapseThreads':true",
	"'filter':{'inMailbox':'%I','after':'2020-01-01T00:00:20Z'}",
	"'filter':{'inMailbox':'%T'},'collapseThreads':true",
	"'filter':{}",
	"'filter':{},'collapseThreads':true",
	"'filter':{'text':'even'}",
	"'filter':{'inMailbox':'%I'},'sort':[{'property':'subject'}]",
	"'sort':[{'property':'hasKeyword','keyword':'$seen'},"
	    "{'property':'size'}]",
	"'filter':{'operator':'NOT','conditions':[{'inMailbox':'%T'}]}",
};
static struct cached	 caches[nitems(views)];
static uint64_t		 rng = 88172645463325252ULL;

static unsigned
dice(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng % n);
}

static void
refill(struct cached *c)
{
	struct js_val	*v = lab_call("Email/query", "%s", fill(c->args));
	struct js_val	*list = js_get(v, "ids");

	assert_true(js_bool(js_get(v, "canCalculateChanges")));
	assert_true(js_len(list) <= nitems(c->list));
	for (c->n = 0; c->n < js_len(list); c->n++)
		strlcpy(c->list[c->n], js_str(js_at(list, c->n)),
		    STORE_IDLEN);
	strlcpy(c->state, js_str(js_get(v, "queryState")), sizeof(c->state));
}

/* RFC 8620 5.6: splice out, splice in. */
static void
apply(struct cached *c)
{
	struct js_val	*v, *list;
	const char	*id;
	size_t		 i, k, at;

	v = lab_call("Email/queryChanges", "'sinceQueryState':'%s',"
	    "'calculateTotal':true,%s", c->state, fill(c->args));
	list = js_get(v, "removed");
	for (i = 0; i < js_len(list); i++) {
		id = js_str(js_at(list, i));
		for (k = 0; k < c->n && strcmp(c->list[k], id) != 0; k++)
			;
		if (k < c->n)
			memmove(c->list[k], c->list[k + 1],
			    (--c->n - k) * STORE_IDLEN);
	}
	list = js_get(v, "added");
	for (i = 0; i < js_len(list); i++) {
		at = (size_t)js_int(js_get(js_at(list, i), "index"));
		assert_true(at <= c->n);
		memmove(c->list[at + 1], c->list[at],
		    (c->n++ - at) * STORE_IDLEN);
		strlcpy(c->list[at], js_str(js_get(js_at(list, i), "id")),
		    STORE_IDLEN);
	}
	assert_int_equal(js_int(js_get(v, "total")), c->n);
	strlcpy(c->state, js_str(js_get(v, "newQueryState")),
	    sizeof(c->state));
}

static void
compare(const struct cached *c, int step)
{
	static struct cached	 fresh;
	size_t			 i;

	fresh.args = c->args;
	refill(&fresh);
	assert_string_equal(fresh.state, c->state);
	if (fresh.n != c->n)
		fail_msg("step %d: %s: %zu, not %zu", step, c->args, c->n,
		    fresh.n);
	for (i = 0; i < c->n; i++)
		if (strcmp(fresh.list[i], c->list[i]) != 0)
			fail_msg("step %d: %s: entry %zu is %s, not %s",
			    step, c->args, i, c->list[i], fresh.list[i]);
}

/* Any id of the account, or NULL. */
static const char *
pick(void)
{
	static char	 id[STORE_IDLEN];
	struct js_val	*list = js_get(lab_call("Email/query", "'filter':{}"),
			    "ids");

	if (js_len(list) == 0)
		return NULL;
	strlcpy(id, js_str(js_at(list, dice((unsigned)js_len(list)))),
	    sizeof(id));
	return id;
}

static void
change(int step)
{
	const char	*id = pick();
	char		 raw[256], box[STORE_IDLEN];
	uint32_t	 mb;

	strlcpy(box, dice(3) != 0 ? lab.inbox_id : trash, sizeof(box));
	if (id == NULL || dice(10) < 4) {
		/* threads by subject and a few shared references, so that
		 * some merge later */
		snprintf(raw, sizeof(raw), "Message-ID: <%d@x>\n"
		    "References: <r%u@x> <r%u@x>\nSubject: s%u\n\n%s\n", step,
		    dice(12), dice(12), dice(2), step % 2 ? "odd" : "even");
		assert_int_equal(store_id_mailbox_get(box, strlen(box), &mb),
		    0);
		lab_deliver_n(raw, 0, mb, LAB_T0 + dice(40) * 1000,
		    dice(2) ? "$seen" : NULL);
	} else if (dice(6) == 0)
		lab_call("Email/set", "'destroy':['%s']", id);
	else if (dice(2))
		lab_call("Email/set", "'update':{'%s':{'keywords/%s':%s}}",
		    id, dice(3) ? "$seen" : "$flagged", dice(2) ? "true" :
		    "null");
	else
		lab_call("Email/set", "'update':{'%s':{'mailboxIds/%s':%s}}",
		    id, box, dice(2) ? "true" : "null");
}

static void
changes_lead_to_the_new_list(void **state)
{
	size_t	 i;
	int	 step;

	(void)state;
	deliver_all("query5");
	for (i = 0; i < nitems(views); i++) {
		caches[i].args = views[i];
		refill(&caches[i]);
	}
	for (step = 0; step < STEPS; step++) {
		change(step);
		/* each client looks after another number of changes */
		for (i = 0; i < nitems(views); i++)
			if (dice(3) == 0) {
				apply(&caches[i]);
				compare(&caches[i], step);
			}
	}
	lab_close();
}

/* A plain list by receivedAt tells nothing that did not happen. */
static void
changes_are_exact(void **state)
{
	static const struct {
		const char	*args;
		int		 keywords;
	} rows[] = {
		{ "'filter':{'inMailbox':'%I'}", 0 },
		{ "'filter':{'inMailbox':'%I'},'collapseThreads':true", 0 },
	};
	struct js_val	*v;
	char		 s[32], id[STORE_IDLEN];
	size_t		 i;

	(void)state;
	deliver_all("query6");
	for (i = 0; i < nitems(rows); i++) {
		strlcpy(s, js_str(js_get(lab_call("Email/query", "%s",
		    fill(rows[i].args)), "queryState")), sizeof(s));
		/* comes and goes, and a keyword changes */
		strlcpy(id, lab_deliver("Subject: n\n\n", LAB_T0 + 1, NULL),
		    sizeof(id));
		lab_call("Email/set", "'destroy':['%s'],'update':{'%s':"
		    "{'keywords/x':true}}", id, ids[3]);
		v = lab_call("Email/queryChanges", "'sinceQueryState':'%s',%s",
		    s, fill(rows[i].args));
		assert_int_equal(js_len(js_get(v, "added")), 0);
		assert_int_equal(js_len(js_get(v, "removed")), 0);
		/* behind the last one the client has */
		lab_deliver("Subject: o\n\n", LAB_T0 - 1000, NULL);
		v = lab_call("Email/queryChanges", "'sinceQueryState':'%s',"
		    "'upToId':'%s',%s", s, ids[3], fill(rows[i].args));
		assert_int_equal(js_len(js_get(v, "added")), 0);
		v = lab_call("Email/queryChanges", "'sinceQueryState':'%s',%s",
		    s, fill(rows[i].args));
		assert_int_equal(js_len(js_get(v, "added")), 1);
		assert_string_equal(lab_error("Email/queryChanges",
		    "'sinceQueryState':'zzzz',%s", fill(rows[i].args)),
		    "cannotCalculateChanges");
	}
	lab_deliver("Subject: p\n\n", LAB_T0, NULL);
	assert_string_equal(lab_error("Email/queryChanges",
	    "'sinceQueryState':'%s','maxChanges':1,%s", s,
	    fill(rows[0].args)), "tooManyChanges");
	lab_close();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(changes_are_exact),
		cmocka_unit_test(changes_lead_to_the_new_list),
	};
	int	 ret;

	mime_charset_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	lab_end();
	return ret;
}
