/* SPDX-License-Identifier: ISC */
/*
 * The auth process: answers workers (is this the password, whose address is
 * this, change the directory) and parent (the same for jmapctl).  It holds
 * the only open copy of the directory and the only code that sees a hash.
 *
 * A password check takes tens of milliseconds on purpose, so checks wait in
 * a bounded queue and one is done in a turn of the loop; everything else is
 * answered at once, between two of them.  An unknown user costs the same as
 * a wrong password.  No secret and no hash ever leaves by a message or a log.
 */
#include "common/compat.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/log.h"
#include "common/perm.h"
#include "common/role.h"
#include "common/row.h"
#include "daemon/auth.h"
#include "daemon/auth_banned.h"
#include "daemon/auth_db.h"
#include "daemon/auth_handle.h"
#include "daemon/auth_limit.h"
#include "daemon/auth_name.h"
#include "daemon/auth_pass.h"

#define AUTH_QUEUE	64	/* checks waiting in all */
#define AUTH_SOURCE	16	/* ... from one source */
#define AUTH_KNOWN	32	/* more for those who were here before */
#define AUTH_BUSY_S	2	/* come back after so many seconds */
#define AUTH_GRACE	60000	/* ms a handle outlives the cached answer */

enum auth_no { NO_WRONG, NO_LIMIT, NO_BUSY, NO_OFF };

/* A password to be checked. */
struct auth_job {
	TAILQ_ENTRY(auth_job)	 entry;
	struct auth_worker	*worker;
	uint32_t		 id;
	struct msg_addr		 client;
	char			 user[AUTH_DB_NAME + 1];
	char			 secret[AUTH_PASS_MAX + 1];
};

static const struct conf		*auth_conf;
static struct auth_worker		**auth_workers;	/* by slot, or NULL */
static size_t				 auth_nworkers;
static TAILQ_HEAD(, auth_job)		 auth_jobs =
    TAILQ_HEAD_INITIALIZER(auth_jobs);
static size_t				 auth_njobs;
static struct event			 auth_turn;
static struct proc_peer			 auth_queue_peer;

static const char	*auth_take(struct conf *);
static void	 auth_peer(enum msg_proc, uint32_t, int);
static void	 auth_gone(struct proc_peer *);
static void	 auth_stop(void);
static void	 auth_login(struct proc_peer *, struct msg *);
static void	 auth_canonical(char [AUTH_DB_NAME + 1]);
static void	 auth_queue(struct auth_job *);
static int	 auth_admit(const struct msg_addr *);
static void	 auth_next(int, short, void *);
static void	 auth_schedule(void);
static void	 auth_try(struct auth_job *);
static int	 auth_secret(const struct dir_prin *, const char *, int *);
static void	 auth_yes(struct auth_job *, const struct dir_prin *);
static uint64_t	 auth_quota(const struct dir_prin *);
static void	 auth_card(struct buf *, const struct dir_prin *);
static void	 auth_no(struct proc_peer *, uint32_t, enum auth_no, uint32_t);
static void	 auth_report(const struct auth_job *);
static void	 auth_rehash(const struct dir_prin *, int, const char *);
static void	 auth_job_free(struct auth_job *);
static void	 auth_rcpt(struct proc_peer *, struct msg *);
static enum dir_err	 auth_rcpt_find(struct proc_peer *, struct msg *,
			    struct dir_prin *, int *);

static void	 auth_show(struct proc_peer *, struct msg *);

static proc_fn *const from_parent[MSG_MAX] = {
	[MSG_RCPT]	= auth_rcpt,
	[MSG_RELOADED]	= auth_call_reloaded,
	[MSG_ERASED]	= auth_call_erased,
	[MSG_CTL_DIR]	= auth_call_ctl,
	[MSG_CTL_SHOW]	= auth_show,
	[MSG_CTL_BAN]	= auth_banned_end,
};

static proc_fn *const from_worker[MSG_MAX] = {
	[MSG_AUTH]	= auth_login,
	[MSG_RCPT]	= auth_rcpt,
	[MSG_DIR]	= auth_call_worker,
};

static proc_fn *const from_queue[MSG_MAX] = {
	[MSG_RCPT]	= auth_rcpt,
};

static const char *
auth_user(const struct conf *c)
{
	return c->auth_user;
}

static const char *
auth_root(const struct conf *c)
{
	return c->auth_dir;
}

__dead void
auth(int argc, char *argv[])
{
	static const struct role	 role = {
		.id = PROC_AUTH,
		.handlers = from_parent,
		.user = auth_user,
		.dir = auth_root,
		.files = 1,
		.conf = auth_take,
		.peer = auth_peer,
		.stop = auth_stop,
	};

	role_run(&role, argc, argv);
}

static const char *
auth_take(struct conf *c)
{
	const char	*root = role_root();

	if (auth_conf == NULL) {
		if (auth_db_open(*root == '\0' ? "/" : root) == -1)
			return "the directory in auth-dir cannot be opened";
		auth_handle_init();
		auth_limit_init(c->auth_failures);
		evtimer_set(&auth_turn, auth_next, NULL);
	}
	if (auth_conf == NULL || c->argon2_memory != auth_conf->argon2_memory ||
	    c->argon2_time != auth_conf->argon2_time)
		auth_pass_init(c->argon2_memory, c->argon2_time);
	auth_limit_rate(c->auth_failures);
	auth_limit_ban(&c->ban_authentication);
	auth_conf = c;
	return NULL;
}

static void
auth_stop(void)
{
	auth_db_close();
}

/* --- workers ------------------------------------------------------------ */

static void
auth_peer(enum msg_proc proc, uint32_t slot, int fd)
{
	struct auth_worker	*w, **grown;

	if (proc == PROC_QUEUE) {
		proc_close(&auth_queue_peer);
		proc_open(&auth_queue_peer, proc, slot, fd, from_queue, NULL,
		    NULL);
		return;
	}
	if (proc != PROC_WORKER)
		fatalx("a pipe to %s", msg_procs[proc]);
	if (slot >= auth_nworkers) {
		grown = recallocarray(auth_workers, auth_nworkers, slot + 1,
		    sizeof(*grown));
		if (grown == NULL)
			fatal("auth_peer");
		auth_workers = grown;
		auth_nworkers = slot + 1;
	}
	if ((w = auth_workers[slot]) == NULL) {
		if ((w = calloc(1, sizeof(*w))) == NULL)
			fatal("auth_peer");
		w->slot = slot;
		auth_workers[slot] = w;
	} else if (w->peer.open) {
		/* a new worker in the place of one whose end we missed */
		proc_close(&w->peer);
		auth_gone(&w->peer);
	}
	proc_open(&w->peer, PROC_WORKER, slot, fd, from_worker, auth_gone, w);
	auth_db_erasing(auth_call_erase);
}

static void
auth_gone(struct proc_peer *p)
{
	struct auth_worker	*w = p->arg;
	struct auth_job		*j, *next;

	for (j = TAILQ_FIRST(&auth_jobs); j != NULL; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (j->worker == w)
			auth_job_free(j);
	}
	auth_call_gone(w);
	auth_handle_gone(w->slot);
}

/* --- passwords ---------------------------------------------------------- */

static void
auth_login(struct proc_peer *p, struct msg *m)
{
	const struct msg_auth	*h = m->fixed;
	struct auth_job		*j;

	if (m->tail_len != (size_t)h->user_len + h->secret_len ||
	    h->user_len > AUTH_DB_NAME || h->secret_len > AUTH_PASS_MAX ||
	    memchr(m->tail, '\0', m->tail_len) != NULL) {
		auth_no(p, m->id, NO_WRONG, 0);
		return;
	}
	if (auth_njobs >= AUTH_QUEUE + AUTH_KNOWN ||
	    (j = calloc(1, sizeof(*j))) == NULL) {
		auth_no(p, m->id, NO_BUSY, AUTH_BUSY_S);
		return;
	}
	j->worker = p->arg;
	j->id = m->id;
	j->client = h->client;
	memcpy(j->user, m->tail, h->user_len);
	memcpy(j->secret, m->tail + h->user_len, h->secret_len);
	auth_canonical(j->user);
	auth_queue(j);
	auth_schedule();
}

/*
 * A login has one name to be counted by, whatever was typed: that of its
 * principal or, when there is none, the text in lower case.
 */
static void
auth_canonical(char user[AUTH_DB_NAME + 1])
{
	struct dir_prin	 d;

	dir_init(&d);
	if (auth_db_login(user, &d) == DIR_OK)
		strlcpy(user, dir_first(&d, DIR_NAME), AUTH_DB_NAME + 1);
	else
		auth_name_fold(user);
	dir_free(&d);
}

/* Into the queue, or back with a "no": a flood of strangers must not keep
 * those out who have come from there before. */
static void
auth_queue(struct auth_job *j)
{
	int64_t		 now = date_mono();
	uint32_t	 wait;
	int		 known;

	known = auth_limit_known(&j->client, j->user, now);
	if ((wait = auth_limit_check(&j->client, j->user, now)) > 0) {
		auth_no(&j->worker->peer, j->id, NO_LIMIT, wait);
		/* who goes on all the same shall not hide behind that */
		if (auth_limit_own(&j->client, j->user, now))
			auth_report(j);
	} else if (!known && (auth_njobs >= AUTH_QUEUE ||
	    !auth_admit(&j->client)))
		auth_no(&j->worker->peer, j->id, NO_BUSY, AUTH_BUSY_S);
	else {
		if (known)
			TAILQ_INSERT_HEAD(&auth_jobs, j, entry);
		else
			TAILQ_INSERT_TAIL(&auth_jobs, j, entry);
		auth_njobs++;
		return;
	}
	freezero(j, sizeof(*j));
}

/* One source may not fill the queue. */
static int
auth_admit(const struct msg_addr *a)
{
	const struct auth_job	*j;
	size_t			 n = 0, len = a->family == 4 ? 4 : 8;

	if (a->family == 0)
		return 1;
	TAILQ_FOREACH(j, &auth_jobs, entry)
		if (j->client.family == a->family &&
		    memcmp(j->client.addr, a->addr, len) == 0)
			n++;
	return n < AUTH_SOURCE;
}

static void
auth_schedule(void)
{
	struct timeval	 now = { 0, 0 };

	if (!TAILQ_EMPTY(&auth_jobs) && !evtimer_pending(&auth_turn, NULL))
		evtimer_add(&auth_turn, &now);
}

/* One check, then the loop looks at the pipes again. */
static void
auth_next(int fd, short what, void *arg)
{
	struct auth_job	*j;

	(void)fd;
	(void)what;
	(void)arg;
	if ((j = TAILQ_FIRST(&auth_jobs)) == NULL)
		return;
	auth_try(j);
	auth_job_free(j);
	auth_schedule();
}

static void
auth_try(struct auth_job *j)
{
	struct proc_peer	*p = &j->worker->peer;
	struct dir_prin		 d;
	int64_t			 now = date_mono();
	uint32_t		 wait;
	int			 found, ok, which;
	enum dir_err		 e;

	dir_init(&d);
	if ((e = auth_db_login(j->user, &d)) == DIR_FAILED) {
		auth_no(p, j->id, NO_BUSY, AUTH_BUSY_S);
		return;
	}
	found = e == DIR_OK && d.type == DIR_INDIVIDUAL;
	/* the failures of those before it in the queue count */
	if ((wait = auth_limit_check(&j->client, j->user, now)) > 0) {
		auth_no(p, j->id, NO_LIMIT, wait);
		goto done;
	}
	ok = auth_secret(found ? &d : NULL, j->secret, &which);
	if (!ok) {
		auth_limit_fail(&j->client, j->user, now);
		auth_report(j);
		auth_no(p, j->id, NO_WRONG, 0);
		goto done;
	}
	auth_limit_good(&j->client, j->user, now);
	auth_yes(j, &d);
	auth_rehash(&d, which, j->secret);
done:
	dir_free(&d);
}

/* d NULL: nobody; as much work as for somebody with one password. */
static int
auth_secret(const struct dir_prin *d, const char *secret, int *which)
{
	const struct dir_values	*f;
	size_t			 i;

	*which = -1;
	if (d == NULL || d->f[DIR_SECRETS].n == 0)
		return auth_pass_check(NULL, secret);
	f = &d->f[DIR_SECRETS];
	for (i = 0; i < f->n; i++)
		if (auth_pass_check(f->v[i], secret)) {
			*which = (int)i;
			return 1;
		}
	return 0;
}

static void
auth_yes(struct auth_job *j, const struct dir_prin *d)
{
	struct msg_auth_ok	 ok;
	struct buf		 b;
	const char		*name = dir_first(d, DIR_NAME);

	memset(&ok, 0, sizeof(ok));
	ok.account = d->id;
	ok.perms = perm_of(d);
	if (!(ok.perms & PERM_BIT(PERM_AUTHENTICATE))) {
		auth_no(&j->worker->peer, j->id, NO_OFF, 0);
		return;
	}
	ok.ttl_ms = (uint32_t)auth_conf->auth_cache;
	auth_handle_make(j->worker->slot, d->id, ok.perms,
	    date_mono() + ok.ttl_ms + AUTH_GRACE, ok.handle);
	buf_init(&b, DIR_SIZE_MAX);
	buf_add(&b, name, strlen(name) + 1);
	auth_card(&b, d);
	if (buf_bad(&b))
		auth_no(&j->worker->peer, j->id, NO_BUSY, AUTH_BUSY_S);
	else
		proc_send(&j->worker->peer, MSG_AUTH_OK, j->id, -1, &ok,
		    b.data, b.len);
	buf_free(&b);
}

static uint64_t
auth_quota(const struct dir_prin *d)
{
	return d->quota != 0 ? d->quota : auth_conf->default_quota;
}

/* Append quota, full name and addresses, as card.h has them. */
static void
auth_card(struct buf *b, const struct dir_prin *d)
{
	const struct dir_values	*f = &d->f[DIR_EMAILS];
	const char		*name = dir_first(d, DIR_DESCRIPTION);
	size_t			 i;

	buf_addu(b, auth_quota(d));
	buf_addc(b, '\0');
	buf_adds(b, name == NULL ? "" : name);
	buf_addc(b, '\0');
	for (i = 0; i < f->n; i++)
		buf_add(b, f->v[i], strlen(f->v[i]) + 1);
}

/* A wrong password, to the parent, which bans; but not who is known here. */
static void
auth_report(const struct auth_job *j)
{
	struct msg_abuse	 m;

	if (j->client.family == 0 || auth_limit_known(&j->client, j->user,
	    date_mono()))
		return;
	memset(&m, 0, sizeof(m));
	m.kind = MSG_ABUSE_AUTH;
	m.worker = j->worker->slot;
	m.client = j->client;
	proc_send(&role_parent, MSG_ABUSE, 0, -1, &m, NULL, 0);
}

static void
auth_no(struct proc_peer *p, uint32_t id, enum auth_no why, uint32_t retry)
{
	struct msg_auth_no	 no = { why, retry };

	proc_send(p, MSG_AUTH_NO, id, -1, &no, NULL, 0);
}

/* An imported hash, or one with older parameters, is replaced by ours. */
static void
auth_rehash(const struct dir_prin *old, int which, const char *secret)
{
	struct auth_db_why	 why;
	struct dir_prin		 d;
	struct dir_values	*f;
	char			 hash[AUTH_PASS_HASH], *copy;

	if (which == -1 || !auth_pass_stale(old->f[DIR_SECRETS].v[which]))
		return;
	dir_init(&d);
	f = &d.f[DIR_SECRETS];
	if (auth_pass_make(secret, hash) == -1 ||
	    auth_db_get(old->id, &d) != DIR_OK || f->n <= (size_t)which ||
	    (copy = strdup(hash)) == NULL)
		goto done;
	freezero(f->v[which], strlen(f->v[which]));
	f->v[which] = copy;
	auth_db_update(old, &d, &why);
done:
	dir_free(&d);
}

static void
auth_job_free(struct auth_job *j)
{
	TAILQ_REMOVE(&auth_jobs, j, entry);
	auth_njobs--;
	freezero(j, sizeof(*j));
}

/* --- addresses ---------------------------------------------------------- */

/* From the parent also a login name, for the streams of jmapctl; from a
 * worker also the number of an account, for its card. */
static void
auth_rcpt(struct proc_peer *p, struct msg *m)
{
	struct msg_rcpt_is	 is;
	struct dir_prin		 d;
	struct buf		 card;
	enum dir_err		 e;
	int			 ours = 0;

	memset(&is, 0, sizeof(is));
	buf_init(&card, DIR_SIZE_MAX);
	dir_init(&d);
	e = auth_rcpt_find(p, m, &d, &ours);
	if (e == DIR_FAILED)
		is.error = EIO;
	else if (e == DIR_OK && d.type == DIR_INDIVIDUAL &&
	    (p->id == PROC_PARENT ||
	    perm_of(&d) & PERM_BIT(PERM_EMAIL_RECEIVE))) {
		is.account = d.id;
		is.quota = auth_quota(&d);
		if (p->id == PROC_WORKER)
			auth_card(&card, &d);
	}
	is.ours = (uint32_t)ours;
	dir_free(&d);
	proc_send(p, MSG_RCPT_IS, m->id, -1, &is, card.data,
	    buf_bad(&card) ? 0 : card.len);
	buf_free(&card);
}

static enum dir_err
auth_rcpt_find(struct proc_peer *p, struct msg *m, struct dir_prin *d,
    int *ours)
{
	char		 a[AUTH_DB_NAME + 1];
	const char	*err = NULL;
	uint64_t	 id;
	enum dir_err	 e;

	if (m->tail_len >= sizeof(a) ||
	    memchr(m->tail, '\0', m->tail_len) != NULL)
		return DIR_NOTFOUND;
	memcpy(a, m->tail, m->tail_len);
	a[m->tail_len] = '\0';
	if (a[0] == '#' && p->id != PROC_PARENT && strchr(a, '@') == NULL) {
		id = (uint64_t)strtonum(a + 1, 1, LLONG_MAX, &err);
		return err != NULL ? DIR_NOTFOUND : auth_db_get(id, d);
	}
	if (p->id == PROC_PARENT &&
	    (e = auth_db_login(a, d)) != DIR_NOTFOUND)
		return e;
	return auth_db_rcpt(a, d, ours);
}

/* --- for auth_call.c ---------------------------------------------------- */

uint64_t
auth_people_of(void)
{
	return auth_conf->share_people;
}

void
auth_revoke(uint64_t account, int secrets)
{
	struct msg_revoke	 r = { account, secrets != 0, 0 };
	size_t			 i;

	for (i = 0; i < auth_nworkers; i++)
		if (auth_workers[i] != NULL && auth_workers[i]->peer.open)
			proc_send(&auth_workers[i]->peer, MSG_REVOKE, 0, -1,
			    &r, NULL, 0);
}

static void
auth_show(struct proc_peer *p, struct msg *m)
{
	const struct msg_ctl_show	*h = m->fixed;
	struct msg_ctl_end		 end = { 0 };
	struct buf			 b;

	if (h->what == MSG_SHOW_BANS)
		auth_banned(p, m->id);
	else {
		buf_init(&b, ROW_MAX);
		row_add(&b, "process", "auth");
		row_addu(&b, "pid", (uint64_t)getpid());
		row_addf(&b, "detail", "%zu passwords waiting, %llu checked",
		    (size_t)auth_njobs, (unsigned long long)auth_pass_count());
		if (!buf_bad(&b))
			proc_send(p, MSG_CTL_ROW, m->id, -1, NULL, b.data,
			    b.len);
		buf_free(&b);
	}
	proc_send(p, MSG_CTL_END, m->id, -1, &end, NULL, 0);
}
