/* SPDX-License-Identifier: ISC */
/*
 * The configuration: what there is to set, with type, range and default, in
 * const tables that everybody shares.  conf_parse.c (parent only) fills a
 * struct conf from the file; conf_send and conf_set carry it to the other
 * roles value by value, each role getting what its mask in the table says;
 * jmapctl prints it.  An option is added by one row here, one field in
 * struct conf, and its paragraph in jmapd.conf.5.
 *
 * Times are in milliseconds, sizes in bytes, whatever unit the file used.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include "common/compat.h"
#include "common/msg.h"

struct proc_peer;

struct conf_strs {
	char	**v;
	size_t	  n;
};

struct conf_rate {			/* so many in so long; 0: no limit */
	uint64_t	  count;
	uint64_t	  period;	/* ms, at least a second */
};

struct conf_listen {			/* listen NAME { } */
	char		*name;
	char		*address;	/* IPv4, IPv6, or "" with a path */
	uint64_t	 port;
	char		*path;		/* unix socket, lmtp only, or "" */
	uint64_t	 tls;
	uint64_t	 protocol;	/* CONF_HTTP or CONF_LMTP */
	uint64_t	 proxy_protocol;	/* enum conf_proxy */
};
enum conf_protocol { CONF_HTTP, CONF_LMTP };
enum conf_told { CONF_TOLD_NO, CONF_TOLD_ANY, CONF_TOLD_FORWARDED,
	CONF_TOLD_X };
enum conf_proxy { CONF_PROXY_OFF, CONF_PROXY_V1, CONF_PROXY_V2,
	CONF_PROXY_ANY };

struct conf_cert {			/* certificate NAME { } */
	char		*name;
	char		*chain;		/* path of PEM, leaf first */
	char		*key;		/* path of PEM */
	char		*staple;	/* path of an OCSP answer, DER; or "" */
};

/* header NAME { }: one rule about the fields of answers.  What is empty
 * does not restrict it. */
struct conf_header {
	char		*title;		/* of the section */
	char		*name, *value;
	uint64_t	 verb;		/* enum conf_verb */
	struct conf_strs class;		/* "api", "session", ... */
	struct conf_strs path;		/* patterns with '*' */
	struct conf_strs status;	/* "404", "4xx" */
	struct conf_strs method;
	struct conf_strs listener;	/* names */
	char		*cond;		/* "if": an expression */
};
enum conf_verb { CONF_SET, CONF_ADD, CONF_DEFAULT, CONF_REMOVE };

struct conf_redirect {			/* redirect NAME { } */
	char		*name;
	char		*from;		/* a path, maybe with a last "*" */
	char		*to;		/* a path of ours or a URL */
	uint64_t	 status;	/* place in 301, 302, 303, 307, 308 */
};

enum conf_tls { CONF_TLS12, CONF_TLS13 };
enum conf_relay_tls { CONF_RELAY_STARTTLS, CONF_RELAY_IMPLICIT,
	CONF_RELAY_NONE };
enum conf_log { CONF_LOG_PLAIN, CONF_LOG_JSON };
enum conf_people { CONF_PEOPLE_DOMAIN, CONF_PEOPLE_ALL, CONF_PEOPLE_NONE };
enum conf_sync { CONF_SYNC_FULL, CONF_SYNC_META, CONF_SYNC_OFF };

struct conf {
	uint32_t	 generation;	/* counts reloads, from 1 */
	uint32_t	 previous;	/* the one before, still in use until
					 * all have taken this one; or 0 */

	/* the file's top level */
	char		*hostname;
	uint64_t	 workers;	/* 0: four a core */
	char		*data_dir;	/* the workers' root */
	char		*auth_dir;	/* auth's root */
	char		*queue_dir;	/* the queue's root */
	char		*empty_dir;	/* root of keys and push */
	char		*push_dir;	/* of push's key, not its root */
	char		*control_socket;
	char		*user, *auth_user, *keys_user, *push_user;
	char		*queue_user;
	char		*group;		/* of the control socket */
	uint64_t	 log_requests;

	/* http { } */
	char		*url;
	struct conf_strs allowed_endpoint;	/* req_expr.h */
	struct conf_strs headers;
	uint64_t	 hsts;
	uint64_t	 hsts_max_age;	/* ms */
	uint64_t	 hsts_subdomains, hsts_preload;
	uint64_t	 redirect_status;	/* 0: 301, 1: 308 */
	uint64_t	 permissive_cors;
	struct conf_strs cors_origins, cors_headers;
	uint64_t	 cors_private_network;
	uint64_t	 use_x_forwarded; /* enum conf_told */
	uint64_t	 x_real_ip;
	struct conf_strs trusted_proxies;
	uint64_t	 unsafe_blob_override;
	char		*metrics_credentials;	/* "user:password" or "" */
	uint64_t	 http2;
	uint64_t	 max_streams;

	/* rate-limit { } */
	struct conf_rate rate_account, rate_anonymous;

	/* auto-ban { } */
	struct conf_rate ban_authentication, ban_abuse, ban_loiter, ban_scan;
	struct conf_strs ban_scan_paths;	/* conf_check sets defaults */
	struct conf_strs ban_allowed;		/* never banned */
	uint64_t	 ban_expire;		/* ms; 0: never */
	char		*ban_file;		/* "": beside control_socket */

	/* tls { } */
	uint64_t	 tls_minimum;	/* enum conf_tls */
	char		*tls_ciphers;	/* OpenSSL's lists; "": built in */
	char		*tls_groups;
	uint64_t	 tls_sni_strict;
	uint64_t	 tls_ticket_rotation;

	/* log { } */
	uint64_t	 log_format;	/* enum conf_log */

	/* sandbox { } */
	uint64_t	 network_namespace;

	/* limits { } */
	uint64_t	 header_timeout, tls_timeout, body_grace, body_timeout;
	uint64_t	 body_rate;	/* bytes a second */
	uint64_t	 keep_alive, write_timeout, lmtp_timeout, drain_timeout;
	uint64_t	 request_line, field_size, fields_size, fields;
	uint64_t	 connections, connections_per_source;
	uint64_t	 max_size_request, max_size_upload, max_message_size;
	uint64_t	 max_concurrent_requests, max_concurrent_upload;
	uint64_t	 max_calls_in_request;
	uint64_t	 max_objects_in_get, max_objects_in_set;
	uint64_t	 max_query_results, max_changes;
	uint64_t	 max_response;
	uint64_t	 max_event_streams, max_websockets; /* of an account */
	uint64_t	 event_ping_min, websocket_ping;
	uint64_t	 worker_memory;

	/* auth { } */
	uint64_t	 argon2_memory, argon2_time;
	uint64_t	 auth_cache;
	uint64_t	 auth_failures;	/* of a source or login in an hour */

	/* store { } */
	uint64_t	 sync;		/* enum conf_sync */
	uint64_t	 share_people;	/* enum conf_people */
	uint64_t	 share_subscribe; /* 0 or 1 */
	uint64_t	 open_accounts;	/* environments a worker keeps open */
	uint64_t	 segment_size;
	uint64_t	 upload_expiry;
	uint64_t	 upload_space;
	uint64_t	 default_quota;

	/* queue { } */
	char		*queue_relay;	/* host:port, or "": local mail only */
	uint64_t	 queue_tls;	/* enum conf_relay_tls */
	char		*queue_login;	/* at the relay; "": none */
	char		*queue_password;	/* path of a file */
	char		*queue_ca;	/* path of PEM; "": the system's */
	char		*queue_helo;	/* "": hostname */
	uint64_t	 queue_retry, queue_retry_max, queue_expire;	/* ms */
	uint64_t	 queue_delay_notice, queue_max_hold;
	uint64_t	 queue_vacation;	/* ms between two responses */
	uint64_t	 queue_recipients;	/* of one submission */
	uint64_t	 queue_connections;
	uint64_t	 queue_messages, queue_size;	/* it holds at most */
	/* push { } */
	char		*smime_anchor;		/* path of PEM, or "" */
	char		*push_trust_anchor;	/* path of PEM, or "" */
	char		*push_allow_origin;	/* may be on this machine */
	char		*push_resolver;	/* address[:port]; "": the system's */
	char		*push_contact;	/* "": postmaster of hostname */
	struct conf_strs push_ports;	/* of URLs; none: 443 */
	uint64_t	 push_ttl, push_interval, push_timeout;
	uint64_t	 push_retry;	/* ms to the first, then doubled */
	uint64_t	 push_attempts;
	uint64_t	 push_subscriptions;	/* of an account */
	uint64_t	 push_expires, push_max_expires;
	struct conf_rate push_rate;	/* new ones of an account */

	struct conf_listen	*listens;
	size_t			 nlistens;
	struct conf_cert	*certs;
	size_t			 ncerts;
	struct conf_header	*hrules;
	size_t			 nhrules;
	struct conf_redirect	*redirects;
	size_t			 nredirects;
};

enum conf_type {
	CONF_BOOL,	/* uint64_t 0 or 1 */
	CONF_UINT,	/* uint64_t */
	CONF_SIZE,	/* uint64_t; K, M, G are powers of 1024 */
	CONF_TIME,	/* uint64_t ms; ms, s, m, h, d; bare number: seconds */
	CONF_WORD,	/* uint64_t, position in words */
	CONF_RATE,	/* struct conf_rate; 100/1m, false, none, unlimited */
	CONF_STR,	/* char *, never NULL */
	CONF_SECRET,	/* the same, and conf_show does not say it */
	CONF_FILE,	/* the same, a path; from /, whatever the file says */
	CONF_STRS	/* struct conf_strs */
};

#define CONF_IS_STR(o)	((o)->type == CONF_STR || \
	(o)->type == CONF_SECRET || (o)->type == CONF_FILE)

struct conf_opt {
	const char		*name;
	enum conf_type		 type;
	size_t			 off;	/* of the field */
	const char		*dflt;	/* as the file would say it */
	uint64_t		 min, max;
	unsigned int		 roles;	/* MSG_P() mask: who is told */
	const char *const	*words;	/* CONF_WORD: NULL-terminated, in the
					 * order of the enum */
};

struct conf_sect {
	const char		*name;	/* "" for the top level */
	const struct conf_opt	*opts;
	size_t			 nopts;
	size_t			 size;	/* of one item, whose first option is
					 * its title; 0: fields of struct conf
					 * itself, not repeatable */
	size_t			 items;	/* offset of the array pointer */
	size_t			 nitems;/* offset of its count */
};

extern const struct conf_sect	conf_sects[];
extern const size_t		conf_nsects;

/* A fresh configuration with every default, no listeners, no certificates;
 * gives to the caller, who calls conf_free.  Fatal without memory. */
struct conf	*conf_new(void);
void		 conf_free(struct conf *);

/* Base of the item-th struct of a section, or NULL if there is none. */
void	*conf_item(struct conf *, const struct conf_sect *, size_t item);
/* Append one defaulted item to a repeatable section; its number. */
size_t	 conf_add(struct conf *, const struct conf_sect *);
/* Where a base has the value of an option. */
void	*conf_field(const struct conf_opt *, const void *base);
/* Its value as text (list items separated by ", "), into out. */
void	 conf_show(const struct conf_opt *, const void *base, char *out,
	    size_t outlen);

/* Send what this peer may know: BEGIN, SET ..., without END. 0 or -1. */
int	 conf_send(struct conf *, struct proc_peer *);
/* Take one MSG_CONF_SET.  0, or -1 if it is not one of ours. */
int	 conf_set(struct conf *, const struct msg *);

/* --- conf_text.c --------------------------------------------------------- */

/*
 * Set one option of a base from text, as in the file.  For CONF_STRS, adds
 * one string.  0, or -1 with a reason that names the range in err.
 */
int	 conf_text(const struct conf_opt *, void *base, const char *text,
	    char *err, size_t errlen);
/* Set a CONF_STR, or add to a CONF_STRS, whatever the range. */
void	 conf_text_bytes(const struct conf_opt *, void *base, const char *,
	    size_t);

#endif
