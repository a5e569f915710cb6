/* SPDX-License-Identifier: ISC */
/*
 * Email/query and Email/queryChanges.  The first tests are rows; the last
 * make random changes and hold what a client computes from queryChanges
 * against what a new query says (RFC 8620 5.6).
 */
#include "regress/unit/email_lab.h"

static char	 ids[16][STORE_IDLEN];
static char	 trash[STORE_IDLEN];

/* Ten mails in the inbox, the newest last; letters name them in the rows. */
static const struct mail {
	const char	*raw;
	const char	*keyword;
} mails[] = {
	{ "From: Zoe <z@x.org>\nTo: team@x.org\nSubject: alpha report\n"
	    "Message-ID: <a@x>\n\nthe big bus stops here\n", "$seen" },
	{ "From: adam@x.org\nTo: Bob <bob@x.org>\nSubject: Re: beta\n"
	    "Message-ID: <b@x>\nCc: carol@y.org\n\nbusiness as usual\n",
	    NULL },
	{ "From: Mia <mia@x.org>\nSubject: alpha report\n"
	    "Message-ID: <c@x>\nReferences: <a@x>\nX-Tag: One Two\n\n"
	    "stops big bus\n", "$flagged" },
	{ "From: \"=?utf-8?q?J=C3=BCrgen?=\" <j@x.org>\n"
	    "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n"
	    "Message-ID: <d@x>\nContent-Type: text/html; charset=utf-8\n\n"
	    "<p title=hidden>caf\xc3\xa9</p><style>secret</style>\n", NULL },
	{ "From: zoe@x.org\nSubject: gamma\nMessage-ID: <e@x>\n"
	    "Bcc: hidden@x.org\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/mixed; boundary=b\n\n"
	    "--b\n\nbody\n--b\nContent-Type: application/pdf; name=plan.pdf\n"
	    "Content-Disposition: attachment\n\nx\n--b--\n", "$seen" },
	{ "Subject: ALPHA REPORT\nMessage-ID: <f@x>\nIn-Reply-To: <c@x>\n\n"
	    "third of the thread\n", NULL },
};

static void
deliver_all(const char *account)
{
	struct store_txn	*txn;
	size_t			 i;

	lab_open(account);
	for (i = 0; i < nitems(mails); i++)
		strlcpy(ids[i], lab_deliver(mails[i].raw,
		    LAB_T0 + (int64_t)i * 60000, mails[i].keyword),
		    sizeof(ids[i]));
	assert_int_equal(store_begin(lab.user.store, 0, &txn), STORE_OK);
	store_id_mailbox(store_mailbox_role(txn, STORE_ROLE_TRASH), trash);
	store_abort(txn);
}

/* The letters of a list of ids. */
static const char *
letters(struct js_val *list)
{
	static char	 out[64];
	size_t		 i, k;

	for (i = 0; i < js_len(list) && i < sizeof(out) - 1; i++) {
		for (k = 0; k < nitems(ids); k++)
			if (strcmp(ids[k], js_str(js_at(list, i))) == 0)
				break;
		out[i] = k < nitems(ids) ? (char)('a' + k) : '?';
	}
	out[i] = '\0';
	return out;
}

static const struct query_row {
	const char	*args, *want;	/* %I: inbox, %T: trash, %a: an id */
} query_rows[] = {
	/* newest first without a sort */
	{ "'filter':null", "fedcba" },
	{ "'filter':{}", "fedcba" },
	{ "'filter':{'inMailbox':'%I'}", "fedcba" },
	{ "'filter':{'inMailbox':'%T'}", "" },
	{ "'filter':{'inMailbox':'Mzzz'}", "" },
	{ "'filter':{'inMailboxOtherThan':['%I']}", "" },
	{ "'filter':{'inMailboxOtherThan':['%T']}", "fedcba" },
	{ "'filter':{'inMailbox':'%I','hasKeyword':'$seen'}", "ea" },
	{ "'filter':{'inMailbox':'%I','hasKeyword':'$SEEN'}", "ea" },
	{ "'filter':{'inMailbox':'%I','notKeyword':'$seen'}", "fdcb" },
	{ "'filter':{'hasKeyword':'never'}", "" },
	{ "'filter':{'notKeyword':'never'}", "fedcba" },
	{ "'filter':{'after':'2020-01-01T00:02:00Z'}", "fedc" },
	{ "'filter':{'before':'2020-01-01T00:02:00Z'}", "ba" },
	{ "'filter':{'before':'1970-01-01T00:00:00Z'}", "" },
	{ "'filter':{'after':'2020-01-01T00:01:00Z',"
	    "'before':'2020-01-01T00:03:00Z'}", "cb" },
	{ "'filter':{'minSize':200}", "e" },
	{ "'filter':{'hasAttachment':true}", "e" },
	{ "'filter':{'hasAttachment':false}", "fdcba" },
	/* threads: a, c and f are one */
	{ "'filter':{'someInThreadHaveKeyword':'$flagged'}", "fca" },
	{ "'filter':{'noneInThreadHaveKeyword':'$flagged'}", "edb" },
	{ "'filter':{'allInThreadHaveKeyword':'$seen'}", "e" },
	{ "'filter':{'inMailbox':'%I'},'collapseThreads':true", "fedb" },
	{ "'filter':{'inMailbox':'%I','hasKeyword':'$seen'},"
	    "'collapseThreads':true", "ea" },
	/* texts */
	{ "'filter':{'text':'bus'}", "ca" },
	{ "'filter':{'text':'BUS stops'}", "ca" },
	{ "'filter':{'text':'\\'big bus\\''}", "ca" },
	{ "'filter':{'text':'\\\"bus stops\\\"'}", "a" },
	{ "'filter':{'body':'bus','from':'mia'}", "c" },
	{ "'filter':{'subject':'alpha'}", "fca" },
	{ "'filter':{'subject':'gr\xc3\xbc\xc3\x9f" "e'}", "d" },
	{ "'filter':{'from':'J\xc3\xbcrgen'}", "d" },
	{ "'filter':{'from':'zoe'}", "ea" },
	{ "'filter':{'to':'bob@x.org'}", "b" },
	{ "'filter':{'cc':'carol'}", "b" },
	{ "'filter':{'bcc':'hidden'}", "e" },
	{ "'filter':{'body':'caf\xc3\xa9'}", "d" },
	{ "'filter':{'body':'secret'}", "" },
	{ "'filter':{'text':'plan'}", "e" },
	{ "'filter':{'text':''}", "fedcba" },
	{ "'filter':{'text':'absent'}", "" },
	{ "'filter':{'text':'bus','hasKeyword':'$seen'}", "a" },
	{ "'filter':{'text':'bus','inMailbox':'%T'}", "" },
	{ "'filter':{'text':'alpha'},'collapseThreads':true", "f" },
	{ "'filter':{'header':['X-Tag']}", "c" },
	{ "'filter':{'header':['x-tag','one']}", "c" },
	{ "'filter':{'header':['x-tag','three']}", "" },
	{ "'filter':{'header':['Message-ID','d@x']}", "d" },
	/* operators */
	{ "'filter':{'operator':'OR','conditions':[{'from':'adam'},"
	    "{'hasKeyword':'$flagged'}]}", "cb" },
	{ "'filter':{'operator':'NOT','conditions':[{'from':'adam'},"
	    "{'hasKeyword':'$flagged'}]}", "feda" },
	{ "'filter':{'operator':'AND','conditions':[{'inMailbox':'%I'},"
	    "{'operator':'NOT','conditions':[{'text':'bus'}]}]}", "fedb" },
	{ "'filter':{'operator':'AND','conditions':[]}", "fedcba" },
	{ "'filter':{'operator':'OR','conditions':[]}", "" },
	{ "'filter':{'operator':'OR','conditions':[{},{'from':'no'}]}",
	    "fedcba" },
	/* sorts */
	{ "'sort':[{'property':'receivedAt'}]", "abcdef" },
	{ "'sort':[{'property':'receivedAt','isAscending':false}]",
	    "fedcba" },
	{ "'sort':[{'property':'from'},{'property':'receivedAt'}]",
	    "fbdcae" },
	{ "'sort':[{'property':'subject'},{'property':'receivedAt',"
	    "'isAscending':false}]", "fcabed" },
	{ "'sort':[{'property':'subject','collation':'i;ascii-casemap',"
	    "'isAscending':false},{'property':'receivedAt'}]", "debacf" },
	{ "'sort':[{'property':'hasKeyword','keyword':'$seen',"
	    "'isAscending':false},{'property':'receivedAt'}]", "aebcdf" },
	{ "'sort':[{'property':'someInThreadHaveKeyword',"
	    "'keyword':'$flagged','isAscending':false},"
	    "{'property':'receivedAt'}]", "acfbde" },
	{ "'sort':[{'property':'allInThreadHaveKeyword','keyword':'$seen',"
	    "'isAscending':false},{'property':'receivedAt'}]", "eabcdf" },
	{ "'sort':[{'property':'receivedAt'}],'collapseThreads':true",
	    "abde" },
	{ "'filter':{'inMailbox':'%I'},'sort':[{'property':'size',"
	    "'isAscending':false}],'limit':1", "e" },
	/* windows */
	{ "'limit':2", "fe" },
	{ "'position':2,'limit':2", "dc" },
	{ "'position':10", "" },
	{ "'position':-2", "ba" },
	{ "'position':-100,'limit':1", "f" },
	{ "'anchor':'%d','limit':2", "dc" },
	{ "'anchor':'%d','anchorOffset':-1,'limit':2", "ed" },
	{ "'anchor':'%d','anchorOffset':2,'limit':2", "ba" },
	{ "'anchor':'%f','anchorOffset':-5,'limit':1", "f" },
	{ "'anchor':'%c','filter':{'text':'bus'}", "ca" },
	{ "'anchor':'%d','sort':[{'property':'from'},"
	    "{'property':'receivedAt'}]", "dcae" },
	{ "'limit':0", "" },
};

/* The arguments with %I, %T and %x replaced. */
static const char *
fill(const char *s)
{
	static char	 out[1024];
	size_t		 n = 0;

	for (; *s != '\0' && n + STORE_IDLEN < sizeof(out); s++) {
		if (*s != '%') {
			out[n++] = *s;
			continue;
		}
		s++;
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s",
		    *s == 'I' ? lab.inbox_id : *s == 'T' ? trash :
		    ids[*s - 'a']);
	}
	out[n] = '\0';
	return out;
}

static void
rows_find_what_they_should(void **state)
{
	const struct query_row	*r;
	struct js_val		*v;
	const char		*got;
	int			 again;

	(void)state;
	deliver_all("query1");
	/* the second time from the cache */
	for (again = 0; again < 2; again++)
		for (r = query_rows; r < query_rows + nitems(query_rows);
		    r++) {
			v = lab_call("Email/query", "%s", fill(r->args));
			got = letters(js_get(v, "ids"));
			if (strcmp(got, r->want) != 0)
				fail_msg("%s: %s, not %s", r->args, got,
				    r->want);
		}
	lab_close();
}

static void
totals_count_the_whole_list(void **state)
{
	static const struct {
		const char	*args;
		int		 total;
	} rows[] = {
		{ "'filter':{'inMailbox':'%I'},'limit':1", 6 },
		{ "'filter':{'inMailbox':'%I'},'collapseThreads':true,"
		    "'limit':1", 4 },
		{ "'filter':{'inMailbox':'%I','notKeyword':'$seen'},"
		    "'limit':1", 4 },
		{ "'filter':{'inMailbox':'%T'}", 0 },
		{ "'filter':{'inMailbox':'Mzzz'}", 0 },
		{ "'filter':{'text':'bus'},'limit':1", 2 },
		{ "'filter':{'hasAttachment':false},'limit':1", 5 },
		{ "'sort':[{'property':'size'}],'limit':1", 6 },
		{ "'anchor':'%d','limit':1,'filter':{'inMailbox':'%I'}", 6 },
		{ "'position':-1,'limit':1", 6 },
	};
	struct js_val	*v;
	size_t		 i;

	(void)state;
	deliver_all("query2");
	for (i = 0; i < nitems(rows); i++) {
		v = lab_call("Email/query", "'calculateTotal':true,%s",
		    fill(rows[i].args));
		assert_int_equal(js_int(js_get(v, "total")), rows[i].total);
	}
	v = lab_call("Email/query", "'limit':1");
	assert_false(js_has(v, "total"));
	lab_close();
}

static void
wrong_queries_are_refused(void **state)
{
	static const struct {
		const char	*args, *type;
	} rows[] = {
		{ "'filter':{'inMailbox':1}", "invalidArguments" },
		{ "'filter':{'nonsense':1}", "unsupportedFilter" },
		{ "'filter':{'before':'2020'}", "invalidArguments" },
		{ "'filter':{'minSize':-1}", "invalidArguments" },
		{ "'filter':{'header':[]}", "invalidArguments" },
		{ "'filter':{'header':['a','b','c']}", "invalidArguments" },
		{ "'filter':{'operator':'XOR','conditions':[]}",
		    "invalidArguments" },
		{ "'sort':[{'property':'nonsense'}]", "unsupportedSort" },
		{ "'sort':[{'property':'hasKeyword'}]", "invalidArguments" },
		{ "'sort':[{'property':'subject','collation':'i;none'}]",
		    "unsupportedSort" },
		{ "'anchor':'E99'", "anchorNotFound" },
		{ "'anchor':'%a','filter':{'text':'caf\xc3\xa9'}",
		    "anchorNotFound" },
		{ "'anchor':'%a','filter':{'inMailbox':'%T'}",
		    "anchorNotFound" },
		{ "'limit':-1", "invalidArguments" },
		{ "'collapseThreads':1", "invalidArguments" },
	};
	size_t	 i;

	(void)state;
	deliver_all("query3");
	for (i = 0; i < nitems(rows); i++)
		assert_string_equal(lab_error("Email/query", "%s",
		    fill(rows[i].args)), rows[i].type);
	lab_close();
}

static void
state_of_a_mailbox_is_its_own(void **state)
{
	char	 s[32];

	(void)state;
	deliver_all("query4");
	strlcpy(s, js_str(js_get(lab_call("Email/query",
	    "'filter':{'inMailbox':'%s'}", trash), "queryState")), sizeof(s));
	lab_deliver("\n", LAB_T0, NULL);
	assert_string_equal(js_str(js_get(lab_call("Email/query",
	    "'filter':{'inMailbox':'%s'}", trash), "queryState")), s);
	assert_string_not_equal(js_str(js_get(lab_call("Email/query",
	    "'filter':{}"), "queryState")), s);
	lab_close();
}

/* --- queryChanges, at random ------------------------------------------- */

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

static const struct snippet_row {
	const char	*filter, *letter, *subject, *preview;
} snippet_rows[] = {
	{ "{'text':'bus'}", "a", "null",
	    "'the big <mark>bus</mark> stops here '" },
	{ "{'text':'BUS stop*'}", "a", "null",
	    "'the big <mark>bus</mark> <mark>stop</mark>s here '" },
	{ "{'text':'\\'big bus\\''}", "a", "null",
	    "'the <mark>big bus</mark> stops here '" },
	{ "{'text':'stopping'}", "a", "null",
	    "'the big bus <mark>stops</mark> here '" },
	{ "{'text':'\\'stop\\''}", "a", "null", "null" },
	{ "{'text':'alpha'}", "a", "'<mark>alpha</mark> report'", "null" },
	{ "{'subject':'report'}", "f", "'ALPHA <mark>REPORT</mark>'",
	    "null" },
	{ "{'body':'alpha'}", "a", "null", "null" },
	{ "{'text':'cafe'}", "d", "null", "'<mark>caf\xc3\xa9</mark> '" },
	{ "{'subject':'GRUSSE'}", "d",
	    "'<mark>gr\xc3\xbc\xc3\x9f" "e</mark>'", "null" },
	{ "{'operator':'NOT','conditions':[{'text':'bus'}]}", "a", "null",
	    "null" },
	{ "{'hasKeyword':'$seen'}", "a", "null", "null" },
	{ "null", "a", "null", "null" },
};

static void
snippets_show_the_place(void **state)
{
	const struct snippet_row	*r;
	struct js_val			*v, *list;
	struct buf			 b;
	const char			*s;
	int				 i;

	(void)state;
	deliver_all("query7");
	for (r = snippet_rows; r < snippet_rows + nitems(snippet_rows); r++) {
		v = lab_call("SearchSnippet/get", "'filter':%s,'emailIds':"
		    "['%s']", r->filter, ids[r->letter[0] - 'a']);
		assert_null(js_get(v, "notFound"));
		list = js_get(v, "list");
		assert_int_equal(js_len(list), 1);
		assert_string_equal(js_str(js_get(js_at(list, 0), "emailId")),
		    ids[r->letter[0] - 'a']);
		lab_is(js_get(js_at(list, 0), "subject"), r->subject);
		lab_is(js_get(js_at(list, 0), "preview"), r->preview);
	}
	/* a long text of what must be escaped stays within 255 octets */
	buf_init(&b, 1 << 20);
	buf_adds(&b, "Subject: a & b < c\n\n");
	for (i = 0; i < 500; i++)
		buf_adds(&b, i == 250 ? "needle " : "<x> & \xc3\xa9 needlework ");
	strlcpy(ids[6], lab_deliver(buf_str(&b), LAB_T0, NULL),
	    sizeof(ids[6]));
	v = lab_call("SearchSnippet/get", "'filter':{'text':'needle b'},"
	    "'emailIds':['%s','E99']", ids[6]);
	lab_is(js_get(v, "notFound"), "['E99']");
	v = js_at(js_get(v, "list"), 0);
	lab_is(js_get(v, "subject"), "'a &amp; <mark>b</mark> &lt; c'");
	s = js_str(js_get(v, "preview"));
	assert_true(strlen(s) <= 255 && strlen(s) > 200);
	assert_non_null(strstr(s, "<mark>needle</mark>"));
	assert_true(strncmp(s, "... ", 4) == 0);
	buf_free(&b);
	lab_close();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(rows_find_what_they_should),
		cmocka_unit_test(totals_count_the_whole_list),
		cmocka_unit_test(wrong_queries_are_refused),
		cmocka_unit_test(state_of_a_mailbox_is_its_own),
		cmocka_unit_test(snippets_show_the_place),
		cmocka_unit_test(changes_are_exact),
		cmocka_unit_test(changes_lead_to_the_new_list),
	};
	int	 ret;

	(void)lab_prop;
	mime_charset_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	lab_end();
	return ret;
}
