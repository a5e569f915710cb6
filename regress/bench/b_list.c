/* SPDX-License-Identifier: ISC */
/*
 * The list view without a socket: Email/query of the 30 newest and Email/get
 * of their rows, through jmap_api, on 500 and on 50,000 generated messages.
 * Prints one line for each and their ratio (issue 2: at most 1.2).
 *
 *	b_list [messages [seconds]]
 */
#include "common/compat.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/date.h"
#include "worker/jmap/email_row.h"
#include "worker/jmap/jmap.h"
#include "worker/mime/mime.h"

#define BATCH	500		/* deliveries a commit */

struct box {
	struct jmap_user	 user;
	uint32_t		 inbox;
	char			 id[STORE_IDLEN];
};

static const char request[] =
    "{\"using\":[\"urn:ietf:params:jmap:core\",\"urn:ietf:params:jmap:mail\"],"
    "\"methodCalls\":[[\"Email/query\",{\"accountId\":\"%s\","
    "\"filter\":{\"inMailbox\":\"%s\"},\"sort\":[{\"property\":"
    "\"receivedAt\",\"isAscending\":false}],%s\"limit\":30},\"0\"],"
    "[\"Email/get\",{\"accountId\":\"%s\",\"#ids\":{\"resultOf\":\"0\","
    "\"name\":\"Email/query\",\"path\":\"/ids\"},\"properties\":[\"id\","
    "\"threadId\",\"mailboxIds\",\"keywords\",\"from\",\"to\",\"subject\","
    "\"receivedAt\",\"preview\",\"hasAttachment\",\"size\"]},\"1\"]]}";

static void	fill(struct box *, const char *, unsigned);
static size_t	message(char *, size_t, unsigned);
static double	run(const struct box *, const char *, double, size_t *);
static double	cpu(void);

int
main(int argc, char *argv[])
{
	static const struct {
		const char	*name, *more;
	} views[] = {
		{ "list", "" },
		{ "list+total", "\"calculateTotal\":true," },
		{ "threads", "\"collapseThreads\":true," },
		{ "unread", "\"position\":0," },
	};
	struct store_conf	 conf;
	struct box		 small, large;
	char			 dir[] = "/tmp/email-bench.XXXXXX", cmd[64];
	unsigned		 n = argc > 1 ? (unsigned)atoi(argv[1]) : 50000;
	double			 s = argc > 2 ? atof(argv[2]) : 1, a, b;
	size_t			 i, len;

	if (mkdtemp(dir) == NULL)
		err(1, "mkdtemp");
	store_conf_init(&conf);
	strlcpy(conf.dir, dir, sizeof(conf.dir));
	conf.sync = KV_OFF;
	store_init(&conf);
	fill(&small, "small", 500);
	a = cpu();
	fill(&large, "large", n);
	printf("delivery\t%.1f us a message\n", (cpu() - a) * 1e6 / n);
	for (i = 0; i < 3; i++) {
		a = run(&small, views[i].more, s, &len);
		b = run(&large, views[i].more, s, &len);
		printf("%s\t%.2f us on 500, %.2f us on %u, ratio %.2f, "
		    "%zu bytes\n", views[i].name, a, b, n, b / a, len);
	}
	store_close(small.user.store);
	store_close(large.user.store);
	store_shutdown();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
fill(struct box *box, const char *name, unsigned n)
{
	struct store_newmail	 m;
	struct store_txn	*txn = NULL;
	struct slice		 seen = SLICE("$seen", 5);
	struct arena		 a;
	char			 raw[4096];
	uint64_t		 id, tid;
	unsigned		 i;

	memset(box, 0, sizeof(*box));
	box->user.name = box->user.account = name;
	box->user.caps = JMAP_CAP_CORE | JMAP_CAP_MAIL;
	if (store_open(name, STORE_CREATE, &box->user.store) != STORE_OK)
		errx(1, "open");
	for (i = 0; i < n; i++) {
		if (txn == NULL && store_begin(box->user.store, 1, &txn) !=
		    STORE_OK)
			errx(1, "begin");
		box->inbox = store_mailbox_role(txn, STORE_ROLE_INBOX);
		memset(&m, 0, sizeof(m));
		m.mailbox = &box->inbox;
		m.nmailbox = 1;
		m.keyword = &seen;
		m.nkeyword = i % 10 != 0;
		m.received = 1500000000000LL + (int64_t)i * 60000;
		arena_init(&a, 2 * MIME_ARENA);
		if (email_row_add(txn, &a, raw, message(raw, sizeof(raw), i),
		    &m, &id, &tid) != STORE_OK)
			errx(1, "message %u", i);
		arena_free(&a);
		if (i % BATCH == BATCH - 1 || i + 1 == n) {
			switch (store_commit(txn)) {
			case STORE_OK:
				break;
			case STORE_AGAIN:	/* the map had to grow */
				i -= i % BATCH + 1;
				break;
			default:
				errx(1, "commit");
			}
			txn = NULL;
		}
	}
	store_id_mailbox(box->inbox, box->id);
}

static size_t
message(char *p, size_t size, unsigned i)
{
	int	 n;

	n = snprintf(p, size, "From: Sender %u <sender%u@example.com>\r\n"
	    "To: Somebody Else <somebody@example.org>\r\n"
	    "Subject: %sMessage number %u about a thing\r\n"
	    "Date: Thu, 30 Oct 2014 14:12:00 +0800\r\n"
	    "Message-ID: <%u@example.com>\r\n%s"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
	    "Hello Somebody, this is message %u. It goes on for some lines, "
	    "so that its preview has something to show:\r\nthe quick brown "
	    "fox jumps over the lazy dog %u times.\r\n", i % 97, i % 97,
	    i % 3 ? "Re: " : "", i / 3, i, "", i, i % 13);
	return (size_t)n;
}

/* Microseconds of CPU a request, best of several runs. */
static double
run(const struct box *box, const char *more, double seconds, size_t *len)
{
	struct jmap_env	 env = { .limits = &jmap_api_limits,
			    .url = "https://localhost" };
	struct buf	 out;
	const char	*detail;
	char		 req[2048];
	double		 t0, t, best = 1e9, end;
	int		 i;

	snprintf(req, sizeof(req), request, box->user.account, box->id, more,
	    box->user.account);
	buf_init(&out, 1 << 20);
	for (end = cpu() + seconds; cpu() < end;) {
		t0 = cpu();
		for (i = 0; i < 500; i++) {
			buf_reset(&out);
			if (jmap_api(&env, &box->user, req, strlen(req), 0,
			    &out, &detail) != NULL)
				errx(1, "jmap_api");
		}
		t = (cpu() - t0) * 1e6 / 500;
		if (t < best)
			best = t;
	}
	*len = out.len;
	buf_free(&out);
	return best;
}

static double
cpu(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}
