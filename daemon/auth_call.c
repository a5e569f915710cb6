/* SPDX-License-Identifier: ISC */
/*
 * Calls on the directory, as messages: from a worker with the handle of who
 * asks, from the parent for jmapctl.  Here they meet auth_dir.c; what it
 * changed is told to every worker before it is answered.  What only the
 * parent can do (reload, removal of mail) is passed on from here, so that
 * no worker can make it happen by itself.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/date.h"
#include "common/log.h"
#include "common/perm.h"
#include "common/role.h"
#include "common/row.h"
#include "daemon/auth.h"
#include "daemon/auth_dir.h"
#include "daemon/auth_handle.h"
#include "daemon/auth_limit.h"

#define CALL_RELOADS	8	/* reloads that wait for the parent */
#define CALL_ROW_BYTES	(1 << 20)	/* of one DIR_FIND; ask for more */
#define CALL_CTL_BYTES	(8 << 20)	/* ... of jmapctl, which does not */

/* Where rows of a directory call go. */
struct call_out {
	struct proc_peer	*peer;
	uint32_t		 id;
	size_t			 bytes;
	uint32_t		 nrows;
	int			 failed;
};

static struct {
	struct auth_worker	*worker;	/* NULL: free */
	uint32_t		 id;
} call_reloads[CALL_RELOADS];

static void	 call_changed(const struct auth_dir_call *);
static size_t	 call_why(const struct auth_dir_call *, char *, size_t);
static void	 call_sentence(enum dir_err, const struct auth_dir_call *,
		    char *, size_t);
static int	 call_row_worker(void *, const struct dir_prin *);
static int	 call_row_ctl(void *, const struct dir_prin *);
static void	 call_row_list(struct buf *, const struct dir_prin *,
		    enum dir_field);
static void	 call_reload(struct auth_worker *, uint32_t, uint64_t);

void
auth_call_worker(struct proc_peer *p, struct msg *m)
{
	const struct msg_dir	*h = m->fixed;
	struct msg_dir_end	 end = { DIR_EXPIRED, 0 };
	struct call_out		 out = { p, m->id, 0, 0, 0 };
	struct auth_dir_call	 c;
	struct auth_worker	*w = p->arg;
	uint64_t		 account;
	char			 text[2 * DIR_STR_MAX + 4];

	memset(&c, 0, sizeof(c));
	c.row = call_row_worker;
	c.arg = &out;
	if (auth_handle_find(w->slot, h->handle, date_mono(), &account,
	    &c.perms)) {
		if (h->op == DIR_RELOAD) {
			call_reload(w, m->id, c.perms);
			return;
		}
		c.self = account;
		c.people = auth_people_of();
		end.error = auth_dir(h->op, m->tail, m->tail_len, &c);
		end.total = c.total;
	}
	call_changed(&c);
	proc_send(p, MSG_DIR_END, m->id, -1, &end, text,
	    call_why(&c, text, sizeof(text)));
}

/* The parent checked who stands at the control socket. */
void
auth_call_ctl(struct proc_peer *p, struct msg *m)
{
	const struct msg_dir	*h = m->fixed;
	struct msg_ctl_end	 end;
	struct call_out		 out = { p, m->id, 0, 0, 0 };
	struct auth_dir_call	 c;
	char			 text[2 * DIR_STR_MAX + 64];
	enum dir_err		 e;

	memset(&c, 0, sizeof(c));
	c.row = call_row_ctl;
	c.arg = &out;
	c.trusted = 1;
	c.perms = PERM_ALL;
	c.make_domains = (h->flags & DIR_MAKE_DOMAINS) != 0;
	c.types = h->flags >> 16;
	e = auth_dir(h->op, m->tail, m->tail_len, &c);
	call_changed(&c);
	end.code = e != DIR_OK;
	call_sentence(e, &c, text, sizeof(text));
	if (out.nrows < c.total)
		snprintf(text, sizeof(text), "%u more: give a filter",
		    c.total - out.nrows);
	proc_send(p, MSG_CTL_END, m->id, -1, &end, text, strlen(text));
}

/* What jmapctl prints; it exits with 0 or 1. */
static void
call_sentence(enum dir_err e, const struct auth_dir_call *c, char *out,
    size_t size)
{
	static const char *const	 forms[DIR_ERRS] = {
		[DIR_OK]		= "",
		[DIR_EXISTS]		= "%s: somebody has it already: %s",
		[DIR_MISSING]		= "%s is missing",
		[DIR_NOTFOUND]		= "%s: there is none",
		[DIR_UNSUPPORTED]	= "%s: not supported",
		[DIR_OTHERERR]		= "%s: %s",
		[DIR_FORBIDDEN]		= "%s: not permitted",
		[DIR_EXPIRED]		= "not permitted",
		[DIR_FAILED]		= "%s: the directory failed",
	};

	/* each form has at most these two, in this order */
	snprintf(out, size, e < DIR_ERRS ? forms[e] : "", c->why.what,
	    c->why.more);
}

/* Two strings, each with its NUL. */
static size_t
call_why(const struct auth_dir_call *c, char *out, size_t size)
{
	size_t	 n;

	strlcpy(out, c->why.what, size);
	n = strlen(out) + 1;
	strlcpy(out + n, c->why.more, size - n);
	return n + strlen(out + n) + 1;
}

/*
 * What workers know of the account is out of date, before the change is
 * answered: each pipe keeps its order, so no later request of the caller's
 * own worker can meet the old state.
 */
static void
call_changed(const struct auth_dir_call *c)
{
	if (c->revoke == 0)
		return;
	auth_handle_forget(c->revoke);
	auth_limit_forget(c->login);
	auth_revoke(c->revoke, c->secrets);
	if (c->erase != 0)
		auth_call_erase(c->erase);
}

static int
call_row_worker(void *arg, const struct dir_prin *d)
{
	struct call_out	*o = arg;
	struct buf	 b;

	buf_init(&b, DIR_SIZE_MAX + 1024);
	dir_pack(&b, d);
	if (buf_bad(&b) || proc_send(o->peer, MSG_DIR_ROW, o->id, -1, NULL,
	    b.data, b.len) == -1)
		o->failed = 1;
	o->bytes += b.len;
	buf_free(&b);
	return !o->failed && o->bytes < CALL_ROW_BYTES;
}

static int
call_row_ctl(void *arg, const struct dir_prin *d)
{
	struct call_out	*o = arg;
	struct buf	 b;
	char		 account[DIR_ACCOUNT_LEN];
	const char	*s;

	buf_init(&b, ROW_MAX);
	row_addu(&b, "id", d->id);
	row_add(&b, "type", dir_types[d->type]);
	row_add(&b, "name", dir_first(d, DIR_NAME));
	if (d->type == DIR_INDIVIDUAL) {
		row_add(&b, "account", dir_account(d->id, account));
		call_row_list(&b, d, DIR_EMAILS);
		call_row_list(&b, d, DIR_ROLES);
		row_addu(&b, "quota", d->quota);
	}
	s = dir_first(d, DIR_DESCRIPTION);
	row_add(&b, "description", s == NULL ? "" : s);
	if (buf_bad(&b) || proc_send(o->peer, MSG_CTL_ROW, o->id, -1, NULL,
	    b.data, b.len) == -1)
		o->failed = 1;
	o->bytes += b.len;
	o->nrows += !o->failed;
	buf_free(&b);
	return !o->failed && o->bytes < CALL_CTL_BYTES;
}

/* As many as fit, separated by blanks. */
static void
call_row_list(struct buf *b, const struct dir_prin *d, enum dir_field field)
{
	const struct dir_values	*f = &d->f[field];
	char			 text[4096] = "";
	size_t			 i;

	for (i = 0; i < f->n; i++) {
		if (i > 0)
			strlcat(text, " ", sizeof(text));
		if (strlcat(text, f->v[i], sizeof(text)) >= sizeof(text))
			break;
	}
	row_add(b, dir_fields[field].name, text);
}

/* --- what only the parent can do ---------------------------------------- */

static void
call_reload(struct auth_worker *w, uint32_t id, uint64_t perms)
{
	struct msg_dir_end	 end = { DIR_FORBIDDEN, 0 };
	static const char	 may[] = "settings-reload\0";
	static const char	 busy[] = "a reload is under way\0";
	size_t			 i;

	if (!(perms & PERM_BIT(PERM_SETTINGS_RELOAD))) {
		proc_send(&w->peer, MSG_DIR_END, id, -1, &end, may,
		    sizeof(may));
		return;
	}
	for (i = 0; i < nitems(call_reloads); i++)
		if (call_reloads[i].worker == NULL)
			break;
	if (i == nitems(call_reloads)) {
		end.error = DIR_OTHERERR;
		proc_send(&w->peer, MSG_DIR_END, id, -1, &end, busy,
		    sizeof(busy));
		return;
	}
	call_reloads[i].worker = w;
	call_reloads[i].id = id;
	proc_send(&role_parent, MSG_RELOAD, (uint32_t)i, -1, NULL, NULL, 0);
}

void
auth_call_reloaded(struct proc_peer *p, struct msg *m)
{
	const struct msg_reloaded	*h = m->fixed;
	struct msg_dir_end		 end = { DIR_OK, 0 };
	char				 text[2 * DIR_STR_MAX + 4];
	size_t				 n;

	(void)p;
	if (m->id >= nitems(call_reloads) ||
	    call_reloads[m->id].worker == NULL)
		return;
	if (!h->ok)
		end.error = DIR_OTHERERR;
	n = m->tail_len > DIR_STR_MAX ? DIR_STR_MAX : m->tail_len;
	memcpy(text, m->tail, n);
	text[n] = text[n + 1] = '\0';
	proc_send(&call_reloads[m->id].worker->peer, MSG_DIR_END,
	    call_reloads[m->id].id, -1, &end, text, n + 2);
	call_reloads[m->id].worker = NULL;
}

void
auth_call_erase(uint64_t id)
{
	struct msg_erase	 e = { id };

	proc_send(&role_parent, MSG_ERASE, 0, -1, &e, NULL, 0);
}

void
auth_call_erased(struct proc_peer *p, struct msg *m)
{
	const struct msg_erase	*h = m->fixed;

	(void)p;
	auth_db_erased(h->account);
}

void
auth_call_gone(const struct auth_worker *w)
{
	size_t	 i;

	for (i = 0; i < nitems(call_reloads); i++)
		if (call_reloads[i].worker == w)
			call_reloads[i].worker = NULL;
}
