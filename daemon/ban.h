/* SPDX-License-Identifier: ISC */
/*
 * Who is shut out (security.md 3.6): reports of abuse are counted here, in
 * the parent, the one process that all of them reach; a network with too many
 * is banned for a time and dropped at accept.  Bans are kept in a file.
 *
 * A report comes from a process that strangers may have taken over, so it is
 * believed only about an address from which the parent itself has handed that
 * worker a connection, or, where a proxy may tell of clients, about one told
 * on a connection of that proxy.  Wrong passwords are reported by auth, which
 * names the worker that told it of the client; the same is asked of that.
 * What the allow list or the trusted proxies hold is never banned.
 *
 * ban.c is the list, ban_count.c counts, ban_file.c reads and writes.
 */
#ifndef DAEMON_BAN_H
#define DAEMON_BAN_H

#include "common/buf.h"
#include "common/compat.h"
#include "common/ip.h"
#include "common/msg.h"

struct child;
struct conf;
struct conf_rate;

#define BAN_HAND	MSG_ABUSE_MAX	/* kind of those made by jmapctl */
#define BAN_KINDS	(MSG_ABUSE_MAX + 1)
#define BAN_REASON	96		/* bytes of a reason, NUL too */
#define BAN_FOR_EVER	0
#define BAN_DEFAULT	UINT64_MAX	/* ms: as auto-ban.expire says */

struct ban {
	struct ip_net	 net;
	int64_t		 since, until;	/* wall clock, ms; until 0: ever */
	uint32_t	 kind;		/* enum msg_abuse_kind or BAN_HAND */
	char		 reason[BAN_REASON];	/* printable */
};
extern const char *const	ban_kinds[BAN_KINDS];	/* "scan", ... */

/* --- ban.c --------------------------------------------------------------- */

/* Take the settings of a configuration; the first time, read the file. */
void	ban_conf(const struct conf *);
/* Write the file if something has changed. */
void	ban_close(void);
/* May this address not be banned? */
int	ban_allowed(const struct ip *);
/* Is it?  For each accepted connection; counts those it says yes to. */
int	ban_has(const struct ip *);
uint64_t	ban_dropped(void);
/* One more fault of this kind; 1 if it led to a ban. */
int	ban_fault(const struct ip *, uint32_t kind);
/* By hand: NULL, or why not (static). ms as above. */
const char	*ban_add(const struct ip_net *, uint64_t ms,
		    const char *reason);
const char	*ban_remove(const struct ip_net *);
/* Tell a worker that starts of all of them. */
void	ban_tell(struct child *);
/* Rows for jmapctl: address, since, until, kind, reason. */
void	ban_rows(void (*)(void *, const struct buf *), void *);
/* How many there are of each kind. */
void	ban_figures(uint64_t [BAN_KINDS]);

/* --- ban_report.c -------------------------------------------------------- */

/* MSG_ABUSE of a child: believe it or not, count it. */
void	ban_report(struct child *, const struct msg_abuse *);

/* --- ban_count.c --------------------------------------------------------- */

#define BAN_SLOTS	65536

struct ban_count;
/* An empty table of BAN_SLOTS counters; fatal without memory. */
struct ban_count	*ban_count_new(void);
void	ban_count_free(struct ban_count *);
/*
 * One more of a key at now (ms, monotonic, above 0): 1 if that is more than
 * times * rate allows (its count within a period, then evenly), else 0.  When
 * there is no room the counter nearest to empty is lost.  No limit: 0.
 */
int	ban_count_hit(struct ban_count *, const uint8_t key[16],
	    const struct conf_rate *, unsigned int times, int64_t now);
/* As if it had never been hit. */
void	ban_count_forget(struct ban_count *, const uint8_t key[16]);
/* The key of an address' network. */
void	ban_count_key(uint8_t key[16], uint32_t kind, const struct ip_net *);

/* --- ban_file.c ---------------------------------------------------------- */

#define BAN_LINE	256	/* bytes of a line */

/* One line without its newline: 0, or -1: it is none of ours. */
int	ban_file_parse(const char *, size_t, struct ban *);
/* Append the line of a ban. */
void	ban_file_line(struct buf *, const struct ban *);
/* Read a file, fn for each ban: how many lines were bad, 0 if there is no
 * file, or -1: it cannot be used at all (logged). */
int	ban_file_load(const char *path, void (*fn)(const struct ban *));
/* Replace it atomically: 0, or -1 (logged). */
int	ban_file_save(const char *path, const struct buf *lines);

#endif
