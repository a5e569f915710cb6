/* SPDX-License-Identifier: ISC */
/*
 * Lists of principals, filtered: see auth_find.h.  Called by auth_dir.c.
 * A word is what stands between bytes that are no letters and no digits.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "daemon/auth_db.h"
#include "daemon/auth_find.h"

struct find {
	const struct dir_find	*f;
	const char		*words;
	int			(*row)(void *, const struct dir_prin *);
	void			*arg;
	uint32_t		 n;	/* that match, so far */
	int			 more;	/* rows are still wanted */
};

static int	 find_one(void *, const struct dir_prin *);
static int	 find_matches(const struct dir_prin *, const char *);
static int	 find_word(const struct dir_prin *, const char *, size_t);
static int	 find_word_in(const char *, const char *, size_t);
static int	 find_wordchar(int);

enum dir_err
auth_find(const struct dir_find *f, const char *words,
    int (*row)(void *, const struct dir_prin *), void *arg, uint32_t *total)
{
	struct find	 x = { f, words, row, arg, 0, f->max > 0 };
	enum dir_err	 e;

	e = auth_db_walk(find_one, &x);
	*total = x.n;
	return e;
}

static int
find_one(void *arg, const struct dir_prin *d)
{
	struct find	*x = arg;

	if (!(x->f->types & 1u << d->type) || !find_matches(d, x->words))
		return 1;
	if (x->more && x->n >= x->f->at)
		x->more = x->row(x->arg, d) &&
		    x->n - x->f->at < x->f->max - 1;
	x->n++;
	return 1;
}

static int
find_matches(const struct dir_prin *d, const char *words)
{
	const char	*end;

	for (; *words != '\0'; words = end) {
		while (*words != '\0' && !find_wordchar(*words))
			words++;
		for (end = words; find_wordchar(*end); end++)
			;
		if (end != words && !find_word(d, words, (size_t)(end - words)))
			return 0;
	}
	return 1;
}

static int
find_word(const struct dir_prin *d, const char *w, size_t n)
{
	static const enum dir_field	 in[] = { DIR_NAME, DIR_DESCRIPTION,
	    DIR_EMAILS };
	const struct dir_values		*f;
	size_t				 i, k;

	for (k = 0; k < nitems(in); k++) {
		f = &d->f[in[k]];
		for (i = 0; i < f->n; i++)
			if (find_word_in(f->v[i], w, n))
				return 1;
	}
	return 0;
}

static int
find_word_in(const char *s, const char *w, size_t n)
{
	const char	*end;

	for (; *s != '\0'; s = end) {
		while (*s != '\0' && !find_wordchar(*s))
			s++;
		for (end = s; find_wordchar(*end); end++)
			;
		if (utf8_casecmp(s, (size_t)(end - s), w, n) == 0)
			return 1;
	}
	return 0;
}

/* Letters, digits, and every byte beyond ASCII. */
static int
find_wordchar(int c)
{
	c = (unsigned char)c;
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}
