/* SPDX-License-Identifier: ISC */
/*
 * Which messages a vacation response answers (RFC 3834 2, RFC 5230 4.5, 4.6):
 * those that a person wrote to the user, once in a while each person.  Pure:
 * no I/O.  When in doubt the answer is no: two machines that answer each
 * other never stop.
 */
#include "common/compat.h"

#include <string.h>

#include "common/addr.h"
#include "common/cur.h"
#include "common/utf8.h"
#include "worker/jmap/vacation.h"

#define RULE_VERSION	1	/* of the note */
#define RULE_ENTRY	16	/* bytes: hash of the address, when */
#define RULE_KEPT	4096	/* people remembered */
#define RULE_HOUR	3600000LL

struct rule;

static const char	*rule_sender(const char *);
static int		 rule_words(const struct rule *, const char *);
static const char	*rule_header(struct arena *, const struct mime_msg *);
static char		*rule_text(struct arena *, const struct mime_msg *,
			    const struct mime_hdr *);
static char		*rule_return_path(struct arena *,
			    const struct mime_msg *);
static int		 rule_own(struct arena *, const struct mime_msg *,
			    const struct card *, const char **);
static uint64_t		 rule_hash(const char *);

/* A field that is there, or whose value begins with a word, or does not. */
static const struct rule {
	const char	*name;
	const char	*words[5];	/* none: that it is there will do */
	int		 unless;	/* any other value than these */
	const char	*why;
} rules[] = {
	/* RFC 3834 2: "no" alone is written by people */
	{ "Auto-Submitted", { "no", NULL }, 1, "sent by a machine" },
	{ "Precedence", { "bulk", "list", "junk", "auto_reply", NULL }, 0,
	    "bulk mail" },
	{ "List-Id", { NULL }, 0, "from a list" },
	{ "List-Help", { NULL }, 0, "from a list" },
	{ "List-Subscribe", { NULL }, 0, "from a list" },
	{ "List-Unsubscribe", { NULL }, 0, "from a list" },
	{ "List-Post", { NULL }, 0, "from a list" },
	{ "List-Owner", { NULL }, 0, "from a list" },
	{ "List-Archive", { NULL }, 0, "from a list" },
	{ "X-Auto-Response-Suppress", { "all", "oof", "autoreply", NULL }, 0,
	    "it asks for no answer" },
	{ "X-Spam-Flag", { "yes", NULL }, 0, "spam" },
	{ "Content-Type", { "multipart/report", NULL }, 0, "a report" },
};

int
vacation_rule(struct arena *a, const struct mime_msg *m,
    const struct card *card, const char **to, const char **own,
    const char **why)
{
	*own = NULL;
	if ((*to = rule_return_path(a, m)) == NULL) {
		*why = "no return path";
		return 0;
	}
	if ((*why = rule_sender(*to)) != NULL ||
	    (*why = rule_header(a, m)) != NULL)
		return 0;
	*why = "from an address of one's own";
	if (card_has(card, *to))
		return 0;
	if (rule_own(a, m, card, own) == -1)
		return -1;
	/* RFC 3834 2: a name of his must be in a recipient field */
	*why = "not to this user by name";
	return *own != NULL;
}

/* The address in our Return-Path, NULL when it is empty or none. */
static char *
rule_return_path(struct arena *a, const struct mime_msg *m)
{
	const struct mime_hdr	*h;
	char			*s, *end;

	h = mime_hdr_next(m, 0, "Return-Path", strlen("Return-Path"), NULL);
	/* ours is the first of all fields */
	if (h == NULL || h->name != 0 || (s = rule_text(a, m, h)) == NULL ||
	    *s++ != '<' || (end = strrchr(s, '>')) == NULL)
		return NULL;
	*end = '\0';
	return addr_ok(s) ? s : NULL;
}

/* Addresses that are no person's. */
static const char *
rule_sender(const char *address)
{
	static const char *const whole[] = {
		"mailer-daemon", "listserv", "majordomo", "mailman",
		"sympa", "postmaster", "daemon", "root", "nobody", "bounce",
		"bounces"
	};
	static const char *const prefix[] = {
		"owner-", "bounce-", "bounces-"
	};
	static const char *const suffix[] = {
		"-request", "-owner", "-bounce", "-bounces", "-relay"
	};
	static const char *const part[] = {
		"noreply", "no-reply", "no_reply", "donotreply",
		"do-not-reply"
	};
	const char	*at = strrchr(address, '@');
	char		 local[ADDR_LOCAL + 1];
	size_t		 i, n = (size_t)(at - address);

	for (i = 0; i < n && i < ADDR_LOCAL; i++)
		local[i] = (char)utf8_lower((unsigned char)address[i]);
	/* VERP: list-bounces+bob=example.org@ */
	local[i] = '\0';
	local[n = strcspn(local, "+")] = '\0';
	for (i = 0; i < nitems(prefix); i++)
		if (strncmp(local, prefix[i], strlen(prefix[i])) == 0)
			return "from a list's address";
	for (i = 0; i < nitems(whole); i++)
		if (strcmp(local, whole[i]) == 0)
			return "from a machine's address";
	for (i = 0; i < nitems(suffix); i++)
		if (n > strlen(suffix[i]) && strcmp(local + n -
		    strlen(suffix[i]), suffix[i]) == 0)
			return "from a list's address";
	for (i = 0; i < nitems(part); i++)
		if (strstr(local, part[i]) != NULL)
			return "from an address that takes no mail";
	return NULL;
}

static const char *
rule_header(struct arena *a, const struct mime_msg *m)
{
	const struct rule	*r;
	const struct mime_hdr	*h;
	const char		*text;

	for (r = rules; r < rules + nitems(rules); r++)
		for (h = NULL; (h = mime_hdr_next(m, 0, r->name,
		    strlen(r->name), h)) != NULL;) {
			if (r->words[0] == NULL)
				return r->why;
			if ((text = rule_text(a, m, h)) == NULL)
				return "out of memory";
			if (rule_words(r, text) != r->unless)
				return r->why;
		}
	return NULL;
}

/* Is one of the value's words one of the rule's? */
static int
rule_words(const struct rule *r, const char *text)
{
	size_t	 i, n;

	for (; *text != '\0'; text += n) {
		text += strspn(text, " ,;");
		n = strcspn(text, " ,;");
		for (i = 0; r->words[i] != NULL; i++)
			if (utf8_caseis(text, n, r->words[i]))
				return 1;
	}
	return 0;
}

/* The value on one line, without white space around it. */
static char *
rule_text(struct arena *a, const struct mime_msg *m, const struct mime_hdr *h)
{
	const char	*s = (const char *)m->raw + h->val;
	size_t		 n = h->vallen, i;
	char		*out;

	while (n > 0 && (unsigned char)*s <= ' ') {
		s++;
		n--;
	}
	while (n > 0 && (unsigned char)s[n - 1] <= ' ')
		n--;
	if ((out = arena_dup(a, s, n)) == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ')
			out[i] = ' ';
	return out;
}

static int
rule_own(struct arena *a, const struct mime_msg *m, const struct card *card,
    const char **own)
{
	static const char *const names[] = {
		"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"
	};
	const struct mime_hdr	*h;
	struct mime_addrs	 addrs;
	size_t			 i, k;

	for (i = 0; i < nitems(names); i++)
		for (h = NULL; (h = mime_hdr_next(m, 0, names[i],
		    strlen(names[i]), h)) != NULL;) {
			if (mime_addr_list(a, m->raw + h->val, h->vallen,
			    &addrs) == -1)
				return -1;
			for (k = 0; k < addrs.n; k++)
				if (addr_ok(addrs.addr[k].email) &&
				    card_has(card, addrs.addr[k].email)) {
					*own = addrs.addr[k].email;
					return 0;
				}
		}
	return 0;
}

/* --- once each person ---------------------------------------------------- */

/*
 * The note: version, then hash and time of everybody that was answered
 * within the period, the oldest first.
 */
int
vacation_rule_once(struct slice note, const char *to, int64_t ms,
    int64_t period, struct buf *out)
{
	struct cur	 c;
	uint64_t	 hash, who = rule_hash(to);
	int64_t		 when;
	size_t		 lately = 0, skip = 0;

	cur_init(&c, note.p, note.n);
	if (note.n > 0 && (cur_u8(&c) != RULE_VERSION ||
	    c.n % RULE_ENTRY != 0))
		cur_init(&c, NULL, 0);		/* not ours: begin anew */
	if (c.n / RULE_ENTRY >= RULE_KEPT)
		skip = c.n / RULE_ENTRY - RULE_KEPT + 1;
	buf_addc(out, RULE_VERSION);
	while (c.n > 0) {
		hash = cur_be64(&c);
		when = (int64_t)cur_be64(&c);
		/* a clock that was put back does not silence anybody */
		if (when + period <= ms || when > ms)
			continue;
		if (hash == who)
			return 0;
		lately += when + RULE_HOUR > ms;
		if (skip > 0) {
			skip--;
			continue;
		}
		buf_be64(out, hash);
		buf_be64(out, (uint64_t)when);
	}
	if (lately >= VACATION_HOURLY)
		return 0;
	buf_be64(out, who);
	return buf_be64(out, (uint64_t)ms) == -1 || buf_bad(out) ? -1 : 1;
}

/* FNV-1a: two people who share one share an answer. */
static uint64_t
rule_hash(const char *address)
{
	uint64_t	 h = 0xcbf29ce484222325ULL;

	for (; *address != '\0'; address++)
		h = (h ^ (uint64_t)utf8_lower((unsigned char)*address)) *
		    0x100000001b3ULL;
	return h;
}
