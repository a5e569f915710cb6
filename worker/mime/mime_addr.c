/* SPDX-License-Identifier: ISC */
/*
 * Lists of addresses: RFC 5322 3.4 with the obsolete forms of 4.4, RFC 6532
 * UTF-8, and the rules of RFC 8621 4.1.2.3 and 4.1.2.4.  Called by
 * mime_row.c and by JMAP for the Addresses and GroupedAddresses forms.
 *
 * Best effort: whatever stands between two commas gives something.  A quote,
 * comment or "<" that does not end is an ordinary character; that is noted
 * once, so that the time stays linear.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "worker/mime/mime_int.h"

struct scan {
	struct arena		*a;
	const uint8_t		*s;
	size_t			 n, i;
	int			 no_quote, no_comment;
	struct mime_addrs	*out;
	size_t			 acap, gcap;
	int			 in_group;
	int			 full;
};

/* What lies between two separators. */
struct item {
	size_t	 from, to;	/* before '<', or all of it */
	int	 end;		/* the separator: , ; : < or 0 */
	int	 at;		/* has an '@' */
	size_t	 comment, commentlen;	/* that follows its text */
};

static void	 item_next(struct scan *, struct item *);
static size_t	 skip(struct scan *, size_t, struct item *);
static size_t	 quoted_len(struct scan *, size_t);
static size_t	 comment_len(struct scan *, size_t);
static void	 mailbox_angle(struct scan *, struct item *);
static size_t	 angle_end(struct scan *, size_t, size_t *);
static void	 after_angle(struct scan *, struct item *);
static void	 mailbox_bare(struct scan *, const struct item *);
static int	 split_name(struct scan *, const struct item *, struct buf *,
		    struct item *);
static void	 email_text(struct scan *, size_t, size_t, struct buf *);
static int	 dotted(const uint8_t *, size_t);
static const char *phrase(struct scan *, size_t, size_t);
static size_t	 phrase_gap(const struct scan *, size_t, size_t, struct buf *);
static void	 phrase_quoted(struct buf *, const uint8_t *, size_t);
static const char *comment_name(struct scan *, const struct item *);
static const char *trimmed(struct scan *, struct buf *);
static void	 addr_add(struct scan *, const char *, struct buf *);
static void	 group_open(struct scan *, const struct item *);
static void	 group_add(struct scan *, const char *);
static void	*more(struct arena *, void *, size_t, size_t *, size_t);

int
mime_addr_list(struct arena *a, const uint8_t *s, size_t n,
    struct mime_addrs *out)
{
	struct scan	 sc = { .a = a, .s = s, .out = out };
	struct item	 it;

	sc.n = n < MIME_VALUE ? n : MIME_VALUE;
	memset(out, 0, sizeof(*out));
	sc.acap = 2;
	if ((out->addr = arena_array(a, sc.acap, sizeof(*out->addr))) == NULL)
		return -1;
	while (sc.i < sc.n && !sc.full && out->n < MIME_ADDRS) {
		item_next(&sc, &it);
		if (it.end == '<')
			mailbox_angle(&sc, &it);
		else if (it.end == ':')
			group_open(&sc, &it);
		else
			mailbox_bare(&sc, &it);
		sc.in_group = it.end == ':' || (sc.in_group && it.end != ';');
	}
	return sc.full ? -1 : 0;
}

/* Up to the next separator that is not quoted, which is taken. */
static void
item_next(struct scan *sc, struct item *it)
{
	size_t	 i = sc->i, k;
	int	 c;

	memset(it, 0, sizeof(*it));
	it->from = i;
	for (; i < sc->n; i += k) {
		k = skip(sc, i, it);
		c = sc->s[i];
		if (k > 1 || mime_int_fws(c)) {
			if (k > 1 && c != '(')
				it->commentlen = 0;
			continue;
		}
		it->at |= c == '@';
		/* a route or a URL has colons, too, and groups do not nest */
		if (c == ',' || c == ';' || c == '<' ||
		    (c == ':' && !it->at && !sc->in_group)) {
			it->end = c;
			break;
		}
		/* RFC 8621 4.1.2.3: immediately following the addr-spec */
		it->commentlen = 0;
	}
	it->to = i;
	sc->i = i < sc->n ? i + 1 : i;
}

/* Bytes of the quote, comment, pair, encoded word or character at i. */
static size_t
skip(struct scan *sc, size_t i, struct item *it)
{
	size_t	 k;

	switch (sc->s[i]) {
	case '"':
		return quoted_len(sc, i);
	case '(':
		if ((k = comment_len(sc, i)) > 1 && it != NULL &&
		    it->commentlen == 0) {
			it->comment = i + 1;
			it->commentlen = k - 2;
		}
		return k;
	case '\\':
		return i + 1 < sc->n ? 2 : 1;
	case '=':
		/* a word may hold a comma, though it should not */
		k = mime_word_len(sc->s + i, sc->n - i);
		return k > 0 ? k : 1;
	default:
		return 1;
	}
}

/* 1 if the quote at i does not end. */
static size_t
quoted_len(struct scan *sc, size_t i)
{
	size_t	 from = i;

	if (sc->no_quote)
		return 1;
	for (i++; i < sc->n; i++) {
		if (sc->s[i] == '\\')
			i++;
		else if (sc->s[i] == '"')
			return i + 1 - from;
	}
	sc->no_quote = 1;
	return 1;
}

static size_t
comment_len(struct scan *sc, size_t i)
{
	size_t	 from = i, depth = 0;

	if (sc->no_comment)
		return 1;
	for (; i < sc->n; i++) {
		if (sc->s[i] == '\\')
			i++;
		else if (sc->s[i] == '(')
			depth++;
		else if (sc->s[i] == ')' && --depth == 0)
			return i + 1 - from;
	}
	sc->no_comment = 1;
	return 1;
}

/* [display-name] "<" has been read; then [obs-route] addr-spec ">". */
static void
mailbox_angle(struct scan *sc, struct item *it)
{
	struct buf	 email;
	const char	*name = phrase(sc, it->from, it->to);
	size_t		 from = sc->i, to, i;

	to = angle_end(sc, from, &sc->i);
	/* RFC 5322 4.4: obs-route, "@a,@b:", means nothing any more */
	if (from < to && sc->s[from] == '@')
		for (i = from; i < to; i++)
			if (sc->s[i] == ':') {
				from = i + 1;
				break;
			}
	memset(it, 0, sizeof(*it));
	after_angle(sc, it);
	if (name == NULL)
		name = comment_name(sc, it);
	buf_init(&email, MIME_SCRATCH);
	email_text(sc, from, to, &email);
	/* "<>" alone is nobody, but a name without an address is somebody */
	if (email.len > 0 || name != NULL)
		addr_add(sc, name, &email);
	buf_free(&email);
}

/*
 * Where the address that starts at i ends; *next: after its ">".  If there
 * is none before another "<", it ends at the comma.
 */
static size_t
angle_end(struct scan *sc, size_t i, size_t *next)
{
	size_t	 comma = 0, k;

	for (; i < sc->n && sc->s[i] != '<'; i += k) {
		k = skip(sc, i, NULL);
		if (sc->s[i] == '>') {
			*next = i + 1;
			return i;
		}
		if (comma == 0 && (sc->s[i] == ',' || sc->s[i] == ';'))
			comma = i;
	}
	if (comma != 0)
		i = comma;
	*next = i;
	return i;
}

/* After ">": comments up to the separator, which is taken. */
static void
after_angle(struct scan *sc, struct item *it)
{
	size_t	 i = sc->i, from = i, k;

	for (; i < sc->n; i += k) {
		k = skip(sc, i, it);
		if (sc->s[i] == ',' || sc->s[i] == ';') {
			it->end = sc->s[i++];
			break;
		}
		/* a comma was forgotten: the next address begins here */
		if (sc->s[i] == '<') {
			i = from;
			break;
		}
	}
	sc->i = i;
}

/* No "<": addr-spec, with its name in a comment perhaps. */
static void
mailbox_bare(struct scan *sc, const struct item *it)
{
	struct item	 rest = *it;
	struct buf	 email;
	const char	*name;

	buf_init(&email, MIME_SCRATCH);
	if (it->at && split_name(sc, it, &email, &rest))
		name = phrase(sc, rest.from, rest.to);
	else {
		buf_reset(&email);
		email_text(sc, it->from, it->to, &email);
		name = comment_name(sc, it);
	}
	if (email.len > 0)
		addr_add(sc, name, &email);
	buf_free(&email);
}

/*
 * "Jane Doe jane@example.com": the last word is the address if white space
 * stands before it that no dot or "@" takes away.  1 if so.
 */
static int
split_name(struct scan *sc, const struct item *it, struct buf *email,
    struct item *name)
{
	size_t	 i, k, word = it->from, last = it->from;
	int	 at = 0;

	for (i = it->from; i < it->to; i += k) {
		k = skip(sc, i, NULL);
		if (k == 1 && mime_int_fws(sc->s[i])) {
			word = i + 1;
			at = 0;
		} else if (sc->s[i] == '@' && k == 1 && !at) {
			at = i > word;
			last = word;
		} else if (sc->s[i] == '(' && k > 1)
			return 0;
	}
	if (!at || last == it->from)
		return 0;
	name->from = it->from;
	for (k = last; k > it->from && mime_int_fws(sc->s[k - 1]); k--)
		continue;
	name->to = k;
	if (k == it->from || sc->s[k - 1] == '.' || sc->s[k - 1] == '@')
		return 0;
	email_text(sc, last, it->to, email);
	return 1;
}

/*
 * The text of an address: no comments, and no white space but between words
 * that are not joined by "." or "@" (which is no address anyway).
 */
static void
email_text(struct scan *sc, size_t i, size_t to, struct buf *out)
{
	size_t	 k;
	int	 gap = 0;

	for (; i < to; i += k) {
		k = skip(sc, i, NULL);
		if (k > to - i)
			k = to - i;
		if (mime_int_fws(sc->s[i]) || (sc->s[i] == '(' && k > 1)) {
			gap = 1;
			continue;
		}
		if (gap && !dotted(out->data, out->len) &&
		    !dotted(sc->s + i, 1))
			buf_addc(out, ' ');
		gap = 0;
		mime_word_unfold(sc->s + i, k, out);
	}
}

/* Empty, or ends in one of the characters that bind. */
static int
dotted(const uint8_t *s, size_t n)
{
	return n == 0 || s[n - 1] == '.' || s[n - 1] == '@';
}

/* A display-name, decoded; NULL if there is nothing in it. */
static const char *
phrase(struct scan *sc, size_t from, size_t to)
{
	struct buf	 b;
	const char	*name;
	size_t		 i, run = from, k;

	buf_init(&b, MIME_SCRATCH);
	for (i = from; i < to; i += k) {
		k = skip(sc, i, NULL);
		if (k == 1 || sc->s[i] == '\\' || sc->s[i] == '=')
			continue;
		mime_word_text(sc->s + run, i - run, &b);
		run = i + k;
		if (sc->s[i] == '"')
			phrase_quoted(&b, sc->s + i + 1, k - 2);
		else
			run = phrase_gap(sc, run, to, &b);
	}
	if (run < to)
		mime_word_text(sc->s + run, to - run, &b);
	name = trimmed(sc, &b);
	buf_free(&b);
	return name;
}

/* A comment, and what white space is about it, is one blank.  What follows. */
static size_t
phrase_gap(const struct scan *sc, size_t i, size_t to, struct buf *out)
{
	if (out->len > 0 && !mime_int_fws(out->data[out->len - 1]))
		buf_addc(out, ' ');
	while (i < to && mime_int_fws(sc->s[i]))
		i++;
	return i;
}

/*
 * The inside of a quoted-string.  RFC 2047 5 (3) forbids encoded words here,
 * but where there is nothing else, the sender meant them.
 */
static void
phrase_quoted(struct buf *out, const uint8_t *s, size_t n)
{
	struct buf	 b;
	size_t		 i;

	if (mime_word_only(s, n)) {
		mime_word_text(s, n, out);
		return;
	}
	buf_init(&b, MIME_SCRATCH);
	for (i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n)
			i++;
		buf_addc(&b, s[i]);
	}
	if (utf8_valid(b.data, b.len))
		mime_word_unfold(b.data, b.len, out);
	else
		mime_charset_utf8("", 0, b.data, b.len, out);
	buf_free(&b);
}

static const char *
comment_name(struct scan *sc, const struct item *it)
{
	struct buf	 b, u;
	const char	*name;
	size_t		 i;

	if (it->commentlen == 0)
		return NULL;
	buf_init(&b, MIME_SCRATCH);
	buf_init(&u, MIME_SCRATCH);
	for (i = 0; i < it->commentlen; i++) {
		if (sc->s[it->comment + i] == '\\' && i + 1 < it->commentlen)
			i++;
		buf_addc(&b, sc->s[it->comment + i]);
	}
	mime_word_text(b.data, b.len, &u);
	name = trimmed(sc, &u);
	buf_free(&b);
	buf_free(&u);
	return name;
}

/* The buffer's text without white space or stray quotes at its ends. */
static const char *
trimmed(struct scan *sc, struct buf *b)
{
	struct buf	 t;
	const char	*s;
	size_t		 from = 0, to = b->len;

	while (from < to && (mime_int_fws(b->data[from]) ||
	    (sc->no_quote && b->data[from] == '"')))
		from++;
	while (to > from && (mime_int_fws(b->data[to - 1]) ||
	    (sc->no_quote && b->data[to - 1] == '"')))
		to--;
	if (from == to)
		return NULL;
	buf_init(&t, MIME_SCRATCH);
	mime_word_unfold(b->data + from, to - from, &t);
	s = mime_word_nfc(sc->a, &t);
	buf_free(&t);
	if (s == NULL)
		sc->full = 1;
	return s;
}

/* Room for one more behind n. */
static void *
more(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	void	*v;

	if (n < *cap)
		return old;
	*cap = *cap == 0 ? 2 : *cap * 2;
	if ((v = arena_array(a, *cap, size)) != NULL && n != 0)
		memcpy(v, old, n * size);
	return v;
}

/* display-name ":" has been read. */
static void
group_open(struct scan *sc, const struct item *it)
{
	const char	*name = phrase(sc, it->from, it->to);

	group_add(sc, name == NULL ? "" : name);
}

static void
group_add(struct scan *sc, const char *name)
{
	struct mime_addrs	*out = sc->out;
	struct mime_group	*v;

	v = more(sc->a, out->group, out->ngroup, &sc->gcap, sizeof(*v));
	if (v == NULL) {
		sc->full = 1;
		return;
	}
	out->group = v;
	v += out->ngroup++;
	v->name = name;
	v->first = out->n;
	v->n = 0;
}

static void
addr_add(struct scan *sc, const char *name, struct buf *email)
{
	struct mime_addrs	*out = sc->out;
	struct mime_addr	*v;

	v = more(sc->a, out->addr, out->n, &sc->acap, sizeof(*v));
	if (v == NULL) {
		sc->full = 1;
		return;
	}
	out->addr = v;
	v += out->n;
	v->name = name;
	if ((v->email = mime_hdr_raw(sc->a, email->data, email->len)) ==
	    NULL) {
		sc->full = 1;
		return;
	}
	/* outside any group, or behind one: a group without a name */
	if (!sc->in_group && (out->ngroup == 0 ||
	    out->group[out->ngroup - 1].name != NULL))
		group_add(sc, NULL);
	if (sc->full)
		return;
	out->group[out->ngroup - 1].n++;
	out->n++;
}
