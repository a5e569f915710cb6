/* SPDX-License-Identifier: ISC */
/*
 * The one table of messages, and the check every frame passes before a
 * handler sees it: see msg.h.
 */
#include "common/compat.h"

#include "common/imsg.h"
#include "common/msg.h"

#define PARENT	MSG_P(PROC_PARENT)
#define KEYS	MSG_P(PROC_KEYS)
#define AUTH	MSG_P(PROC_AUTH)
#define PUSH	MSG_P(PROC_PUSH)
#define QUEUE	MSG_P(PROC_QUEUE)
#define WORKER	MSG_P(PROC_WORKER)
#define CTL	MSG_P(PROC_CTL)
#define ROLES	(KEYS | AUTH | PUSH | QUEUE | WORKER)
#define STREAM	(WORKER | CTL)

/* The wire does not depend on a compiler's padding. */
_Static_assert(sizeof(struct msg_peer) == 8, "msg_peer");
_Static_assert(sizeof(struct msg_conf) == 8, "msg_conf");
_Static_assert(sizeof(struct msg_conf_set) == 8, "msg_conf_set");
_Static_assert(sizeof(struct msg_conf_cert) == 8, "msg_conf_cert");
_Static_assert(sizeof(struct msg_conf_staple) == 16, "msg_conf_staple");
_Static_assert(sizeof(struct msg_ready) == 8, "msg_ready");
_Static_assert(sizeof(struct msg_addr) == 20, "msg_addr");
_Static_assert(sizeof(struct msg_conn) == 52, "msg_conn");
_Static_assert(sizeof(struct msg_abuse) == 32, "msg_abuse");
_Static_assert(sizeof(struct msg_share_gone) == 4, "msg_share_gone");
_Static_assert(sizeof(struct msg_bans) == 8, "msg_bans");
_Static_assert(sizeof(struct msg_ban) == 32, "msg_ban");
_Static_assert(sizeof(struct msg_stats) == 328, "msg_stats");
_Static_assert(sizeof(struct msg_changed) == 16, "msg_changed");
_Static_assert(sizeof(struct msg_ctl_ban) == 40, "msg_ctl_ban");
_Static_assert(sizeof(struct msg_ticket) == 248, "msg_ticket");
_Static_assert(sizeof(struct msg_sign) == 12, "msg_sign");
_Static_assert(sizeof(struct msg_auth) == 24, "msg_auth");
_Static_assert(sizeof(struct msg_auth_ok) == 40, "msg_auth_ok");
_Static_assert(sizeof(struct msg_auth_no) == 8, "msg_auth_no");
_Static_assert(sizeof(struct msg_rcpt_is) == 24, "msg_rcpt_is");
_Static_assert(sizeof(struct msg_dir) == 24, "msg_dir");
_Static_assert(sizeof(struct msg_dir_end) == 8, "msg_dir_end");
_Static_assert(sizeof(struct msg_erase) == 8, "msg_erase");
_Static_assert(sizeof(struct msg_conf_file) == 8, "msg_conf_file");
_Static_assert(sizeof(struct msg_queue_put) == 56, "msg_queue_put");
_Static_assert(sizeof(struct msg_queue_rcpt) == 8, "msg_queue_rcpt");
_Static_assert(sizeof(struct msg_queued) == 16, "msg_queued");
_Static_assert(sizeof(struct msg_queue_sub) == 16, "msg_queue_sub");
_Static_assert(sizeof(struct msg_queue_deliver) == 48, "msg_queue_deliver");
_Static_assert(sizeof(struct msg_queue_more) == 8, "msg_queue_more");
_Static_assert(sizeof(struct msg_queue_status) == 24, "msg_queue_status");
_Static_assert(sizeof(struct msg_queue_is) == 8, "msg_queue_is");
_Static_assert(sizeof(struct msg_queue_stats) == 88, "msg_queue_stats");
_Static_assert(sizeof(struct msg_ctl_queue) == 16, "msg_ctl_queue");
_Static_assert(sizeof(struct msg_push_key) == 72, "msg_push_key");
_Static_assert(sizeof(struct msg_push) == 120, "msg_push");
_Static_assert(sizeof(struct msg_push_id) == 16, "msg_push_id");
_Static_assert(sizeof(struct msg_push_stats) == 40, "msg_push_stats");
_Static_assert(sizeof(struct msg_ctl_stream) == 8, "msg_ctl_stream");
_Static_assert(sizeof(struct msg_stream) == 16, "msg_stream");
_Static_assert(sizeof(struct msg_st_box) == 8, "msg_st_box");
_Static_assert(sizeof(struct msg_st_mail) == 32, "msg_st_mail");
_Static_assert(sizeof(struct msg_st_ok) == 16, "msg_st_ok");

#define ROW(n, f, t, l, x)	{ n, f, t, l, x }

const struct msg_rule msg_rules[MSG_MAX] = {
	[MSG_PEER] = ROW("peer", PARENT, ROLES,
	    sizeof(struct msg_peer), MSG_FD),
	[MSG_CONF_BEGIN] = ROW("conf-begin", PARENT, ROLES,
	    sizeof(struct msg_conf), 0),
	[MSG_CONF_SET] = ROW("conf-set", PARENT, ROLES,
	    sizeof(struct msg_conf_set), MSG_VAR),
	[MSG_CONF_CERT] = ROW("conf-cert", PARENT, KEYS | WORKER,
	    sizeof(struct msg_conf_cert), MSG_VAR),
	[MSG_CONF_KEY] = ROW("conf-key", PARENT, KEYS,
	    sizeof(struct msg_conf_cert), MSG_VAR),
	[MSG_CONF_STAPLE] = ROW("conf-staple", PARENT, WORKER,
	    sizeof(struct msg_conf_staple), MSG_VAR),
	[MSG_CONF_FILE] = ROW("conf-file", PARENT, PUSH | QUEUE | WORKER,
	    sizeof(struct msg_conf_file), MSG_VAR),
	[MSG_CONF_END] = ROW("conf-end", PARENT, ROLES,
	    sizeof(struct msg_conf), 0),
	[MSG_READY] = ROW("ready", ROLES, PARENT,
	    sizeof(struct msg_ready), MSG_VAR),
	[MSG_VERBOSE] = ROW("verbose", PARENT, ROLES,
	    sizeof(struct msg_verbose), 0),

	[MSG_CONN] = ROW("conn", PARENT, WORKER,
	    sizeof(struct msg_conn), MSG_FD),
	[MSG_CONN_TAKEN] = ROW("conn-taken", WORKER, PARENT,
	    sizeof(struct msg_conn_end), 0),
	[MSG_CONN_END] = ROW("conn-end", WORKER, PARENT,
	    sizeof(struct msg_conn_end), 0),
	[MSG_DRAIN] = ROW("drain", PARENT, WORKER, 0, 0),
	[MSG_TICKET] = ROW("ticket", KEYS | PARENT, PARENT | WORKER,
	    sizeof(struct msg_ticket), 0),

	[MSG_SHARE] = ROW("share", PARENT, WORKER, 0, MSG_FD),
	[MSG_SHARE_GONE] = ROW("share-gone", PARENT, WORKER,
	    sizeof(struct msg_share_gone), 0),
	[MSG_ABUSE] = ROW("abuse", WORKER | AUTH, PARENT,
	    sizeof(struct msg_abuse), 0),
	[MSG_BANS] = ROW("bans", PARENT, WORKER,
	    sizeof(struct msg_bans), MSG_VAR),
	[MSG_STATS] = ROW("stats", WORKER, PARENT, 0, 0),
	[MSG_STATS_IS] = ROW("stats-is", PARENT, WORKER,
	    sizeof(struct msg_stats), 0),
	[MSG_CHANGED] = ROW("changed", WORKER | PARENT, PARENT | WORKER,
	    sizeof(struct msg_changed), 0),
	[MSG_PING] = ROW("ping", WORKER | PARENT,
	    PARENT | KEYS | QUEUE, 0, 0),
	[MSG_PONG] = ROW("pong", KEYS | QUEUE | PARENT, PARENT | WORKER,
	    sizeof(struct msg_pong), 0),

	[MSG_SIGN_SOON] = ROW("sign-soon", WORKER, KEYS, 0, 0),
	[MSG_SIGN] = ROW("sign", WORKER, KEYS,
	    sizeof(struct msg_sign), MSG_VAR),
	[MSG_SIGNED] = ROW("signed", KEYS, WORKER,
	    sizeof(struct msg_signed), MSG_VAR),

	[MSG_AUTH] = ROW("auth", WORKER, AUTH,
	    sizeof(struct msg_auth), MSG_VAR),
	[MSG_AUTH_OK] = ROW("auth-ok", AUTH, WORKER,
	    sizeof(struct msg_auth_ok), MSG_VAR),
	[MSG_AUTH_NO] = ROW("auth-no", AUTH, WORKER,
	    sizeof(struct msg_auth_no), 0),
	[MSG_REVOKE] = ROW("revoke", AUTH, WORKER,
	    sizeof(struct msg_revoke), 0),
	[MSG_RCPT] = ROW("rcpt", WORKER | QUEUE | PARENT, AUTH, 0, MSG_VAR),
	[MSG_RCPT_IS] = ROW("rcpt-is", AUTH, WORKER | QUEUE | PARENT,
	    sizeof(struct msg_rcpt_is), MSG_VAR),
	[MSG_DIR] = ROW("dir", WORKER, AUTH,
	    sizeof(struct msg_dir), MSG_VAR),
	[MSG_DIR_ROW] = ROW("dir-row", AUTH, WORKER, 0, MSG_VAR),
	[MSG_DIR_END] = ROW("dir-end", AUTH, WORKER,
	    sizeof(struct msg_dir_end), MSG_VAR),

	[MSG_RELOAD] = ROW("reload", AUTH, PARENT, 0, 0),
	[MSG_RELOADED] = ROW("reloaded", PARENT, AUTH,
	    sizeof(struct msg_reloaded), MSG_VAR),
	[MSG_ERASE] = ROW("erase", AUTH | PARENT, PARENT | WORKER,
	    sizeof(struct msg_erase), 0),
	[MSG_ERASED] = ROW("erased", WORKER | PARENT, PARENT | AUTH,
	    sizeof(struct msg_erase), 0),

	[MSG_QUEUE_PUT] = ROW("queue-put", WORKER, QUEUE,
	    sizeof(struct msg_queue_put), MSG_VAR),
	[MSG_QUEUE_RCPT] = ROW("queue-rcpt", WORKER, QUEUE,
	    sizeof(struct msg_queue_rcpt), MSG_VAR),
	[MSG_QUEUE_DATA] = ROW("queue-data", WORKER | QUEUE, WORKER | QUEUE,
	    0, MSG_VAR),
	[MSG_QUEUE_END] = ROW("queue-end", WORKER, QUEUE, 0, 0),
	[MSG_QUEUED] = ROW("queued", QUEUE, WORKER,
	    sizeof(struct msg_queued), MSG_VAR),
	[MSG_QUEUE_GO] = ROW("queue-go", WORKER, QUEUE,
	    sizeof(struct msg_queue_sub), 0),
	[MSG_QUEUE_DROP] = ROW("queue-drop", WORKER, QUEUE,
	    sizeof(struct msg_queue_sub), 0),
	[MSG_QUEUE_CANCEL] = ROW("queue-cancel", WORKER, QUEUE,
	    sizeof(struct msg_queue_sub), 0),
	[MSG_QUEUE_CANCELED] = ROW("queue-canceled", QUEUE, WORKER,
	    sizeof(struct msg_queue_is), 0),
	[MSG_QUEUE_ASK] = ROW("queue-ask", QUEUE, WORKER,
	    sizeof(struct msg_queue_sub), 0),
	[MSG_QUEUE_DELIVER] = ROW("queue-deliver", QUEUE, WORKER,
	    sizeof(struct msg_queue_deliver), MSG_VAR),
	[MSG_QUEUE_MORE] = ROW("queue-more", WORKER, QUEUE,
	    sizeof(struct msg_queue_more), 0),
	[MSG_QUEUE_STATUS] = ROW("queue-status", QUEUE, WORKER,
	    sizeof(struct msg_queue_status), MSG_VAR),
	[MSG_QUEUE_IS] = ROW("queue-is", WORKER, QUEUE,
	    sizeof(struct msg_queue_is), MSG_VAR),
	[MSG_QUEUE_STATS] = ROW("queue-stats", QUEUE, PARENT,
	    sizeof(struct msg_queue_stats), 0),

	[MSG_PUSH_KEY] = ROW("push-key", PUSH, WORKER,
	    sizeof(struct msg_push_key), 0),
	[MSG_PUSH] = ROW("push", WORKER, PUSH,
	    sizeof(struct msg_push), MSG_VAR),
	[MSG_PUSH_DROP] = ROW("push-drop", WORKER, PUSH,
	    sizeof(struct msg_push_id), 0),
	[MSG_PUSH_GONE] = ROW("push-gone", PUSH, WORKER,
	    sizeof(struct msg_push_id), 0),
	[MSG_PUSH_STATS] = ROW("push-stats", PUSH, PARENT,
	    sizeof(struct msg_push_stats), 0),

	[MSG_CTL_HELLO] = ROW("ctl-hello", CTL, PARENT,
	    sizeof(struct msg_ctl_hello), 0),
	[MSG_CTL_SHOW] = ROW("ctl-show", CTL | PARENT, PARENT | ROLES,
	    sizeof(struct msg_ctl_show), 0),
	[MSG_CTL_RELOAD] = ROW("ctl-reload", CTL, PARENT, 0, 0),
	[MSG_CTL_VERBOSE] = ROW("ctl-verbose", CTL, PARENT,
	    sizeof(struct msg_verbose), 0),
	[MSG_CTL_BAN] = ROW("ctl-ban", CTL | PARENT, PARENT | AUTH,
	    sizeof(struct msg_ctl_ban), MSG_VAR),
	[MSG_CTL_STOP] = ROW("ctl-stop", CTL, PARENT, 0, 0),
	[MSG_CTL_DIR] = ROW("ctl-dir", CTL | PARENT, PARENT | AUTH,
	    sizeof(struct msg_dir), MSG_VAR),
	[MSG_CTL_STREAM] = ROW("ctl-stream", CTL, PARENT,
	    sizeof(struct msg_ctl_stream), MSG_VAR),
	[MSG_CTL_STREAM_FD] = ROW("ctl-stream-fd", PARENT, CTL, 0, MSG_FD),
	[MSG_CTL_HEADERS] = ROW("ctl-headers", CTL | PARENT, PARENT | WORKER,
	    sizeof(struct msg_ctl_headers), MSG_VAR),
	[MSG_CTL_QUEUE] = ROW("ctl-queue", CTL | PARENT, PARENT | QUEUE,
	    sizeof(struct msg_ctl_queue), 0),
	[MSG_CTL_ROW] = ROW("ctl-row", ROLES | PARENT, PARENT | CTL,
	    0, MSG_VAR),
	[MSG_CTL_END] = ROW("ctl-end", ROLES | PARENT, PARENT | CTL,
	    sizeof(struct msg_ctl_end), MSG_VAR),
	[MSG_STREAM] = ROW("stream", PARENT, WORKER,
	    sizeof(struct msg_stream), MSG_FD),

	[MSG_ST_BOX] = ROW("st-box", STREAM, STREAM,
	    sizeof(struct msg_st_box), MSG_VAR),
	[MSG_ST_MAIL] = ROW("st-mail", STREAM, STREAM,
	    sizeof(struct msg_st_mail), MSG_VAR),
	[MSG_ST_DATA] = ROW("st-data", STREAM, STREAM, 0, MSG_VAR),
	[MSG_ST_SYNC] = ROW("st-sync", CTL, WORKER, 0, 0),
	[MSG_ST_GO] = ROW("st-go", CTL, WORKER, sizeof(struct msg_st_go), 0),
	[MSG_ST_ROW] = ROW("st-row", WORKER, CTL, 0, MSG_VAR),
	[MSG_ST_OK] = ROW("st-ok", WORKER, CTL, sizeof(struct msg_st_ok), 0),
	[MSG_ST_FAIL] = ROW("st-fail", WORKER, CTL,
	    sizeof(struct msg_st_ok), MSG_VAR),
};

const char *const msg_procs[PROC_MAX] = {
	[PROC_PARENT]	= "parent",
	[PROC_KEYS]	= "keys",
	[PROC_AUTH]	= "auth",
	[PROC_PUSH]	= "push",
	[PROC_QUEUE]	= "queue",
	[PROC_WORKER]	= "worker",
	[PROC_CTL]	= "ctl",
};

int
msg_ok(uint32_t type, size_t len, int has_fd, enum msg_proc from,
    enum msg_proc to)
{
	const struct msg_rule	*r;

	if (type >= MSG_MAX || (r = &msg_rules[type])->name == NULL)
		return 0;
	if (!(r->from & MSG_P(from)) || !(r->to & MSG_P(to)))
		return 0;
	if (!!has_fd != !!(r->flags & MSG_FD))
		return 0;
	return r->flags & MSG_VAR ? len >= r->len : len == r->len;
}

const char *
msg_name(uint32_t type)
{
	if (type >= MSG_MAX || msg_rules[type].name == NULL)
		return "?";
	return msg_rules[type].name;
}
