/* SPDX-License-Identifier: ISC */
/*
 * Every message that crosses a pipe between our processes, or between
 * jmapctl and them: type, fixed part, who may say it to whom.
 *
 * A message has a fixed struct of fixed-width fields, then, where its row in
 * msg_rules says so, bytes of variable length (the tail) or one descriptor.
 * No pointer, bool, enum or size_t is on the wire.  Who sent a message is
 * known from the pipe it came by, never from a field in it.
 * proc.c checks the row before a handler runs, so handlers may assume it.
 */
#ifndef COMMON_MSG_H
#define COMMON_MSG_H

#include "common/compat.h"

#define MSG_CTL_VERSION	2	/* first word on the control socket */

/* The processes, the more privileged first; as bits of a mask too. */
enum msg_proc {
	PROC_PARENT,
	PROC_KEYS,
	PROC_AUTH,
	PROC_PUSH,
	PROC_QUEUE,
	PROC_WORKER,
	PROC_CTL,		/* jmapctl: nobody's child, least trusted */
	PROC_MAX
};
#define MSG_P(p)	(1u << (p))

/*
 * from -> to: fixed part (struct), + what follows it; = the answer.
 * wrk: a worker.
 */
enum msg_type {
	MSG_NONE,

	/* set-up: a transaction, in this order; END is answered READY; then
	 * the pipes to other roles */
	MSG_CONF_BEGIN,	/* parent -> any: msg_conf */
	MSG_CONF_SET,	/* parent -> any: msg_conf_set + value */
	MSG_CONF_CERT,	/* parent -> wrk,keys: msg_conf_cert + PEM */
	MSG_CONF_KEY,	/* parent -> keys: msg_conf_cert + PEM */
	MSG_CONF_STAPLE, /* parent -> wrk: msg_conf_staple + DER */
	MSG_CONF_FILE,	/* parent -> queue, push, wrk: msg_conf_file, a piece */
	MSG_CONF_END,	/* parent -> any: msg_conf = READY */
	MSG_PEER,	/* parent -> any: msg_peer + fd */
	MSG_READY,	/* any -> parent: msg_ready + error */
	MSG_VERBOSE,	/* parent -> any: msg_verbose */

	/* connections */
	MSG_CONN,	/* parent -> wrk: msg_conn + fd = CONN_END */
	MSG_CONN_TAKEN,	/* wrk -> parent: msg_conn_end */
	MSG_CONN_END,	/* wrk -> parent: msg_conn_end */
	MSG_DRAIN,	/* parent -> wrk: = exits */
	MSG_TICKET,	/* keys -> parent -> wrk: msg_ticket */

	/* abuse: who reports is known from the pipe; the parent believes it
	 * about addresses that it let in there itself, see ban.h */
	MSG_SHARE,	/* parent -> wrk: + fd */
	MSG_SHARE_GONE,	/* parent -> wrk: msg_share_gone */
	MSG_ABUSE,	/* wrk,auth -> parent: msg_abuse */
	MSG_BANS,	/* parent -> wrk: msg_bans + msg_ban* */
	MSG_STATS,	/* wrk -> parent: = STATS_IS */
	MSG_STATS_IS,	/* parent -> wrk: msg_stats */
	MSG_CHANGED,	/* wrk -> parent -> wrk: msg_changed */
	MSG_PING,	/* wrk -> parent -> keys, queue: = PONG of each */
	MSG_PONG,	/* keys, queue -> parent -> wrk */

	/* signatures: synchronous, on the pipe of worker and keys */
	MSG_SIGN_SOON,	/* wrk -> keys: a MSG_SIGN follows at once */
	MSG_SIGN,	/* wrk -> keys: msg_sign + tbs = SIGNED */
	MSG_SIGNED,	/* keys -> wrk: msg_signed + sig */

	/* identity, on the pipe of worker and auth */
	MSG_AUTH,	/* wrk -> auth: msg_auth + strings = AUTH_OK|NO */
	MSG_AUTH_OK,	/* auth -> wrk: msg_auth_ok + name, card */
	MSG_AUTH_NO,	/* auth -> wrk: msg_auth_no */
	MSG_REVOKE,	/* auth -> wrk: msg_revoke */
	MSG_RCPT,	/* wrk,parent -> auth: + address, or '#' and the
			 * number of an account = RCPT_IS */
	MSG_RCPT_IS,	/* auth -> wrk,parent: msg_rcpt_is + card (wrk) */
	MSG_DIR,	/* wrk -> auth: msg_dir + request = DIR_ROW* END */
	MSG_DIR_ROW,	/* auth -> wrk: + row */
	MSG_DIR_END,	/* auth -> wrk: msg_dir_end + text */
	MSG_RELOAD,	/* auth -> parent: = RELOADED */
	MSG_RELOADED,	/* parent -> auth: msg_reloaded + text */
	MSG_ERASE,	/* auth -> parent -> wrk: msg_erase = ERASED */
	MSG_ERASED,	/* wrk -> parent -> auth: msg_erase */

	/* mail that leaves: see common/queue_ask.h for the conversations.
	 * Calls of a worker, on a pipe of their own (MSG_PEER_CALLS): */
	MSG_QUEUE_PUT,	/* wrk -> queue: msg_queue_put + 2 strings */
	MSG_QUEUE_RCPT,	/* wrk -> queue: msg_queue_rcpt + 2 strings */
	MSG_QUEUE_DATA,	/* wrk <-> queue: + bytes of the message */
	MSG_QUEUE_END,	/* wrk -> queue: = QUEUED */
	MSG_QUEUED,	/* queue -> wrk: msg_queued + refused + text */
	MSG_QUEUE_GO,	/* wrk -> queue: msg_queue_sub */
	MSG_QUEUE_DROP,	/* wrk -> queue: msg_queue_sub */
	MSG_QUEUE_CANCEL, /* wrk -> queue: msg_queue_sub = CANCELED */
	MSG_QUEUE_CANCELED, /* queue -> wrk: msg_queue_is */
	/* work of the queue for any worker, each answered with IS: */
	MSG_QUEUE_ASK,	/* queue -> wrk: msg_queue_sub = IS */
	MSG_QUEUE_DELIVER, /* queue -> wrk: msg_queue_deliver + from = IS */
	MSG_QUEUE_MORE,	/* wrk -> queue: msg_queue_more = DATA* */
	MSG_QUEUE_STATUS, /* queue -> wrk: msg_queue_status + rows = IS */
	MSG_QUEUE_IS,	/* wrk -> queue: msg_queue_is + text */
	MSG_QUEUE_STATS, /* queue -> parent: msg_queue_stats */

	/* web push, on the pipe of worker and push; figures to parent */
	MSG_PUSH_KEY,	/* push -> wrk: msg_push_key */
	MSG_PUSH,	/* wrk -> push: msg_push + URL, content */
	MSG_PUSH_DROP,	/* wrk -> push: msg_push_id: forget it */
	MSG_PUSH_GONE,	/* push -> wrk: msg_push_id: destroy it */
	MSG_PUSH_STATS,	/* push -> parent: msg_push_stats */

	/* control: jmapctl says HELLO first; rows until END */
	MSG_CTL_HELLO,	/* ctl -> parent: msg_ctl_hello = CTL_END */
	MSG_CTL_SHOW,	/* ctl -> parent -> any: msg_ctl_show = ROW* END */
	MSG_CTL_RELOAD,	/* ctl -> parent: = CTL_END */
	MSG_CTL_VERBOSE, /* ctl -> parent: msg_verbose = CTL_END */
	MSG_CTL_BAN,	/* ctl -> parent, for a login -> auth: msg_ctl_ban +
			 * text = CTL_END */
	MSG_CTL_STOP,	/* ctl -> parent: = CTL_END */
	MSG_CTL_DIR,	/* ctl -> parent -> auth: msg_dir + text = ROW* END */
	MSG_CTL_STREAM,	/* ctl -> parent: msg_ctl_stream + name = STREAM_FD */
	MSG_CTL_STREAM_FD, /* parent -> ctl: + fd */
	/* ctl -> parent -> wrk: msg_ctl_headers + strings = ROW* END */
	MSG_CTL_HEADERS,
	MSG_CTL_QUEUE,	/* ctl -> parent -> queue: msg_ctl_queue = ROW* END */
	MSG_CTL_ROW,	/* any -> parent -> ctl: + fields */
	MSG_CTL_END,	/* any -> parent -> ctl: msg_ctl_end + text */
	MSG_STREAM,	/* parent -> wrk: msg_stream + fd */

	/* a stream between jmapctl and one worker: import, export, check,
	 * reindex */
	MSG_ST_BOX,	/* either way: msg_st_box + path = ST_OK|FAIL */
	MSG_ST_MAIL,	/* either way: msg_st_mail + fields */
	MSG_ST_DATA,	/* either way: + bytes */
	MSG_ST_SYNC,	/* ctl -> wrk: = ST_OK */
	MSG_ST_GO,	/* ctl -> wrk: msg_st_go = rows, ST_OK */
	MSG_ST_ROW,	/* wrk -> ctl: + fields */
	MSG_ST_OK,	/* wrk -> ctl: msg_st_ok */
	MSG_ST_FAIL,	/* wrk -> ctl: msg_st_ok + text */

	MSG_MAX
};

struct msg_peer {		/* the other end of the pipe that comes along */
	uint32_t	 proc;		/* enum msg_proc */
	uint32_t	 slot;		/* which of several workers, and: */
};
#define MSG_PEER_CALLS	0x10000		/* second pipe: the worker's calls */
struct msg_conf {
	uint32_t	 generation;	/* counts reloads, from 1 */
	uint32_t	 previous;	/* in force until all are READY, or 0 */
};
struct msg_conf_set {		/* one value; conf.c packs and unpacks it */
	uint16_t	 sect;
	uint16_t	 item;		/* which of the sections of a kind */
	uint16_t	 opt;
	uint16_t	 zero;
};
struct msg_conf_cert {
	uint32_t	 id;		/* item of conf.certs */
	uint32_t	 generation;
};
struct msg_conf_staple {
	uint32_t	 id;		/* item of conf.certs */
	uint32_t	 generation;
	int64_t		 until;		/* wall clock ms: good until then */
};
/* The queue's: password at the relay, its authorities, hosts(5); a worker's:
 * the authorities of signers of mail; queue's and push's: resolv.conf(5). */
enum msg_file { MSG_FILE_PASSWORD, MSG_FILE_CA, MSG_FILE_SMIME,
	MSG_FILE_HOSTS, MSG_FILE_RESOLV, MSG_FILES };
struct msg_conf_file {		/* pieces follow each other until END */
	uint32_t	 what;		/* enum msg_file */
	uint32_t	 zero;
};
struct msg_ready {
	uint32_t	 generation;
	uint32_t	 ok;		/* 1; 0 with the reason as tail */
};
struct msg_verbose {
	uint32_t	 verbose;	/* 0 or 1 */
	uint32_t	 roles;		/* MSG_P() mask; 0: all */
};
struct msg_addr {		/* an end of a connection */
	uint8_t		 family;	/* 4, 6, or 0 for a unix socket */
	uint8_t		 zero;
	uint16_t	 port;		/* host order */
	uint8_t		 addr[16];	/* first 4 for IPv4 */
};
struct msg_conn {
	uint32_t	 conn;		/* parent's number for it */
	uint32_t	 listener;	/* item of conf.listens */
	struct msg_addr	 peer;
	struct msg_addr	 local;
	uint32_t	 crowded;	/* limits.connections: most are taken */
};
struct msg_conn_end {
	uint32_t	 conn;
};
enum msg_abuse_kind {
	MSG_ABUSE_AUTH,		/* wrong password: said by auth alone */
	MSG_ABUSE_HTTP,		/* not HTTP, or malformed */
	MSG_ABUSE_LOITER,	/* a connection that never asked anything */
	MSG_ABUSE_SCAN,		/* looks for other people's flaws */
	MSG_ABUSE_MAX
};
struct msg_abuse {
	uint32_t	 kind;		/* enum msg_abuse_kind */
	uint32_t	 conn;		/* of a worker: the connection */
	uint32_t	 worker;	/* of auth: who told it of the client */
	struct msg_addr	 client;	/* the peer, or told by its proxy */
};
struct msg_share_gone {
	uint32_t	 slot;		/* of a worker that is no more */
};
enum msg_bans_op { MSG_BANS_ADD, MSG_BANS_REMOVE };
struct msg_bans {
	uint32_t	 op;		/* enum msg_bans_op */
	uint32_t	 n;		/* struct msg_ban in the tail */
};
struct msg_ban {		/* a network that is banned */
	uint8_t		 addr[16];
	uint8_t		 family;	/* 4 or 6 */
	uint8_t		 bits;
	uint8_t		 zero[6];
	int64_t		 until;		/* wall clock, ms; 0: for ever */
};
struct msg_queue_stats {	/* figures of the queue */
	uint64_t	 messages, bytes;	/* in it now */
	uint64_t	 held, deferred;	/* of those */
	uint64_t	 accepted, refused;	/* since the start */
	uint64_t	 delivered, relayed, failed; /* recipients */
	uint64_t	 retries;		/* attempts put off */
	uint64_t	 bounces;		/* DSNs made */
};
struct msg_push_stats {		/* since push started; waiting: now */
	uint64_t	 sent, failed, refused, dropped, waiting;
};
struct msg_pong {
	uint32_t	 role;		/* who is well: enum msg_proc */
};
struct msg_stats {		/* what the parent alone knows */
	uint64_t	 uptime;	/* s */
	uint64_t	 generation;
	uint64_t	 conns, accepted, refused, banned;
	uint64_t	 bans[MSG_ABUSE_MAX + 1];	/* in force; by hand */
	uint64_t	 up[PROC_MAX];	/* processes that run */
	uint64_t	 restarts[PROC_MAX];
	struct msg_queue_stats	 queue;
	struct msg_push_stats	 push;
};
struct msg_changed {		/* what push channels tell of */
	uint64_t	 account;	/* 0: any, look at all of them */
	uint32_t	 types;		/* bit n: enum store_type n */
	uint32_t	 zero;
};
#define MSG_TICKET_KEYS	3	/* current, previous, next */
struct msg_ticket {
	struct msg_ticket_key {
		uint8_t	 name[16];
		uint8_t	 aes[32];
		uint8_t	 hmac[32];
	} key[MSG_TICKET_KEYS];
	uint64_t	 made;		/* wall clock, ms, of the current one */
};
struct msg_sign {
	uint32_t	 key;		/* item of conf.certs */
	uint32_t	 generation;
	uint32_t	 scheme;	/* RFC 8446 4.2.3, or MSG_SIGN_* */
};
/* Above what RFC 8446 can name: a digest or block, not the text itself. */
#define MSG_SIGN_PKCS1	0x10001
#define MSG_SIGN_PSS	0x10002
#define MSG_SIGN_ECDSA	0x10003
struct msg_signed {
	uint32_t	 error;		/* 0, or an errno value and no tail */
};
struct msg_auth {		/* tail: user, then secret, no NULs between */
	struct msg_addr	 client;
	uint16_t	 user_len;
	uint16_t	 secret_len;
};
#define MSG_HANDLE	16
struct msg_auth_ok {		/* tail: canonical login name, NUL, card (as
				 * card.h: full name, addresses) */
	uint64_t	 account;
	uint64_t	 perms;		/* PERM_BIT()s of perm.h */
	uint32_t	 ttl_ms;	/* how long it may be cached */
	uint32_t	 zero;
	uint8_t		 handle[MSG_HANDLE];	/* proves it to MSG_DIR */
};
struct msg_auth_no {
	uint32_t	 reason;	/* 0 wrong, 1 too many, 2 busy, 3 off */
	uint32_t	 retry_s;	/* for 1 and 2 */
};
struct msg_revoke {
	uint64_t	 account;	/* forget it; 0: forget everybody */
	uint32_t	 secrets;	/* 1: who had logged in may not any
					 * more: what is tied to that ends */
	uint32_t	 zero;
};
struct msg_rcpt_is {
	uint64_t	 account;	/* 0: no such recipient here */
	uint64_t	 quota;		/* bytes, 0 for none */
	uint32_t	 error;		/* 0, or an errno value: try later */
	uint32_t	 ours;		/* 1: the domain is one of ours */
};
struct msg_dir {		/* a call on the directory */
	uint32_t	 op;		/* enum dir_op of dir.h; so the tail */
	uint32_t	 flags;		/* believed from jmapctl only */
	uint8_t		 handle[MSG_HANDLE];	/* zero from jmapctl */
};
struct msg_dir_end {
	uint32_t	 error;		/* enum dir_err, tail as said there */
	uint32_t	 total;		/* DIR_FIND: all that match */
};
struct msg_reloaded {		/* tail: why it failed */
	uint32_t	 ok;
};
struct msg_erase {		/* remove the mail of a deleted account */
	uint64_t	 account;
};
/* How mail shall be sent; the bits of msg_queue_put.flags. */
#define MSG_QUEUE_RET_FULL	0x01	/* RFC 3461 RET=FULL, */
#define MSG_QUEUE_RET_HDRS	0x02	/* RET=HDRS */
#define MSG_QUEUE_UTF8		0x04	/* needs SMTPUTF8 (RFC 6531) */
#define MSG_QUEUE_8BIT		0x08	/* needs 8BITMIME (RFC 6152) */
#define MSG_QUEUE_HOLDFOR	0x10	/* hold was given as an interval */
struct msg_queue_put {		/* tail: MAIL FROM, ENVID; each ended by NUL */
	uint64_t	 account;
	uint64_t	 submission;	/* 0: nobody waits for its fate */
	int64_t		 hold;		/* wall clock ms: not before; 0: now */
	int64_t		 by;		/* RFC 2852: give up then; 0: never */
	uint64_t	 size;		/* bytes of the message */
	uint32_t	 nrcpt;
	uint32_t	 flags;
	int32_t		 priority;	/* RFC 6710: -9 to 9 */
	uint32_t	 zero;
};
/* RFC 3461 4.1 NOTIFY; 0: not said. */
#define MSG_QUEUE_NEVER		0x01
#define MSG_QUEUE_SUCCESS	0x02
#define MSG_QUEUE_FAILURE	0x04
#define MSG_QUEUE_DELAY		0x08
struct msg_queue_rcpt {		/* tail: address, ORCPT; each ended by NUL */
	uint32_t	 notify;
	uint32_t	 zero;
};
struct msg_queued {		/* tail: nrefused numbers (u32, big-endian) of
				 * recipients, then why */
	uint64_t	 id;		/* the queue's */
	uint32_t	 error;		/* enum queue_ask_err */
	uint32_t	 nrefused;
};
struct msg_queue_sub {
	uint64_t	 account;
	uint64_t	 submission;
};
struct msg_queue_deliver {	/* tail: return path, ended by NUL */
	uint64_t	 account;
	uint64_t	 quota;		/* bytes, 0: none */
	uint64_t	 size;
	int64_t		 received;	/* ms */
	uint64_t	 submission;	/* of the account; a DSN is about it */
	uint32_t	 again;		/* 1: may have been delivered before */
	uint32_t	 zero;
};
#define MSG_QUEUE_WINDOW	(1 << 20)	/* bytes of an answer to MORE */
struct msg_queue_more {		/* the next window of the message */
	uint64_t	 off;
};
struct msg_queue_status {	/* tail: see queue_ask_status_rcpt */
	uint64_t	 account;
	uint64_t	 submission;
	uint32_t	 undo;		/* enum queue_ask_undo */
	uint32_t	 nrcpt;		/* in the tail */
};
struct msg_queue_is {
	uint32_t	 result;	/* enum queue_ask_is */
	uint32_t	 zero;
};
struct msg_push_key {		/* RFC 8292 3.2, as SEC 1 writes a point */
	uint8_t		 point[65];
	uint8_t		 zero[7];
};
enum msg_push_kind {
	MSG_PUSH_STATE,		/* lines "account type state\n", merged with
				 * what waits; push makes the StateChange */
	MSG_PUSH_OBJECT,	/* a JSON object, sent as it is */
	MSG_PUSH_VERIFY,	/* the same, and never sent twice */
	MSG_PUSH_KINDS
};
enum msg_push_urgency {		/* RFC 8030 5.3 */
	MSG_PUSH_VERY_LOW, MSG_PUSH_LOW, MSG_PUSH_NORMAL, MSG_PUSH_HIGH,
	MSG_PUSH_URGENCIES
};
struct msg_push {		/* tail: the URL, then the content */
	uint64_t	 account;	/* whose subscription */
	uint64_t	 id;		/* its number there */
	uint32_t	 kind;		/* enum msg_push_kind */
	uint32_t	 urgency;	/* enum msg_push_urgency */
	uint32_t	 url_len;
	uint32_t	 keyed;		/* 1: encrypt with these (RFC 8291) */
	uint8_t		 p256dh[65];
	uint8_t		 auth[16];
	uint8_t		 zero[7];
};
struct msg_push_id {
	uint64_t	 account;
	uint64_t	 id;		/* DROP: 0 is all of the account */
};
struct msg_ctl_hello {
	uint32_t	 version;	/* MSG_CTL_VERSION */
};
enum msg_ctl_ban_op {
	MSG_CTL_BAN_ADD, MSG_CTL_BAN_REMOVE, MSG_CTL_BAN_LOGIN
};
struct msg_ctl_ban {		/* tail: the reason, for ADD; the login */
	uint32_t	 op;		/* enum msg_ctl_ban_op */
	uint32_t	 bits;
	uint64_t	 ms;		/* for how long; 0: for ever */
	struct msg_addr	 addr;
	uint32_t	 zero;
};
struct msg_ctl_show {
	uint32_t	 what;		/* enum msg_show */
};
enum msg_show {
	MSG_SHOW_STATUS, MSG_SHOW_WORKERS, MSG_SHOW_LISTENERS,
	MSG_SHOW_CONNECTIONS, MSG_SHOW_CONFIG, MSG_SHOW_BANS
};
enum msg_stream_kind {
	MSG_STREAM_IMPORT, MSG_STREAM_EXPORT, MSG_STREAM_CHECK,
	MSG_STREAM_REINDEX
};
struct msg_ctl_stream {		/* tail: login name */
	uint32_t	 kind;		/* enum msg_stream_kind */
	uint32_t	 flags;
};
struct msg_ctl_headers {	/* tail: method, URL, field lines; each ended
				 * by NUL */
	uint32_t	 status;	/* the handler's; 0: find out */
};
enum msg_ctl_queue_op {
	MSG_CTL_QUEUE_LIST, MSG_CTL_QUEUE_SHOW, MSG_CTL_QUEUE_RETRY,
	MSG_CTL_QUEUE_CANCEL
};
struct msg_ctl_queue {
	uint32_t	 op;		/* enum msg_ctl_queue_op */
	uint32_t	 zero;
	uint64_t	 id;		/* of a message; 0: all of them */
};
struct msg_ctl_end {
	uint32_t	 code;		/* exit code of jmapctl, text as tail */
};
struct msg_stream {
	uint64_t	 account;
	uint32_t	 kind;
	uint32_t	 flags;
};
struct msg_st_box {		/* tail: mailbox path, components by '/' */
	uint32_t	 box;		/* number used by ST_MAIL below */
	uint32_t	 flags;
};
struct msg_st_mail {		/* tail: keywords, each ended by NUL; the
				 * message follows in ST_DATA, size bytes */
	uint64_t	 size;
	int64_t		 received;	/* ms */
	uint64_t	 key;		/* importer's, for resuming */
	uint32_t	 box;
	uint32_t	 nkeywords;
};
struct msg_st_go {
	uint32_t	 flags;		/* check: 1 repair */
};
struct msg_st_ok {
	uint64_t	 done;		/* mails durable so far here */
	uint32_t	 box;
	uint32_t	 code;
};

#define MSG_FD	0x01	/* carries exactly one descriptor */
#define MSG_VAR	0x02	/* a tail follows the fixed part */

struct msg_rule {
	const char	*name;		/* for logs */
	unsigned int	 from;		/* MSG_P() mask of senders */
	unsigned int	 to;		/* MSG_P() mask of receivers */
	size_t		 len;		/* bytes of the fixed part */
	int		 flags;
};
extern const struct msg_rule msg_rules[MSG_MAX];
extern const char *const msg_procs[PROC_MAX];	/* "parent", "keys", ... */

/* A message as handlers see it. */
struct msg {
	uint32_t	 type;
	uint32_t	 id;		/* echo it in an answer */
	int		 fd;		/* or -1; a handler that keeps it
					 * sets -1 here */
	const void	*fixed;		/* aligned; cast to the row's struct */
	const uint8_t	*tail;
	size_t		 tail_len;
};

/*
 * Does this frame keep its rule, said by "from" to "to"?  1 or 0.  len is
 * the data's length, has_fd whether a descriptor came.
 */
int	msg_ok(uint32_t type, size_t len, int has_fd, enum msg_proc from,
	    enum msg_proc to);
/* The name of a type for logs, "?" if there is none. */
const char	*msg_name(uint32_t type);

#endif
