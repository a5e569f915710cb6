/* SPDX-License-Identifier: ISC */
/*
 * Words of the search index: what the files store_fold.c (letters),
 * store_token.c (words), store_lang.c (stems) and store_stop.c (languages)
 * give to each other and to store_search.c.  Included by store_int.h.
 *
 * A term on disk is the bytes of a word and a last byte, its tag: which
 * language the mail was written in, so that a stem is only looked for where
 * it is one.  No byte of a word is below ' ', and a tag always is.
 */
#ifndef STORE_STORE_WORD_H
#define STORE_STORE_WORD_H

#include "common/buf.h"
#include "common/slice.h"

#define STORE_TERMMAX	64	/* bytes of a word; the rest is dropped */
#define STORE_FOLD_MAX	18	/* code points that one may unfold to */
#define STORE_LANGS	31	/* LANG_NONE and as many languages */
/* Fields that are prose: only there words have stems. */
#define STORE_STEMMED	(STORE_IN_SUBJECT | STORE_IN_BODY | \
			STORE_IN_ATTACHMENT)

enum store_script {
	SCRIPT_NONE, SCRIPT_LATIN, SCRIPT_GREEK, SCRIPT_CYRILLIC,
	SCRIPT_ARMENIAN, SCRIPT_HEBREW, SCRIPT_ARABIC, SCRIPT_DEVANAGARI,
	SCRIPT_TAMIL, SCRIPT_MAX
};

/* --- store_fold.c -------------------------------------------------------- */

/* Of a script without spaces; anything of a word; invisible. */
int		 store_fold_joined(uint32_t);
int		 store_fold_letter(uint32_t);
int		 store_fold_nothing(uint32_t);
enum store_script	 store_fold_script(uint32_t);
/* A code point folded and taken apart (accents still there): how many. */
size_t		 store_fold_apart(uint32_t, int32_t[STORE_FOLD_MAX]);
/* Such code points as UTF-8, at most max bytes: without accents; put
 * together again, with them (changes the array).  Bytes written. */
size_t		 store_fold_bare(const int32_t *, size_t, uint8_t *, size_t);
size_t		 store_fold_whole(int32_t *, size_t, uint8_t *, size_t);
/* A short text folded and without accents. */
size_t		 store_fold_strip(const uint8_t *, size_t, uint8_t *,
		    size_t max);

/* --- store_token.c ------------------------------------------------------- */

struct store_term {
	uint64_t	 hash;
	uint32_t	 at;		/* into the list's bytes */
	uint32_t	 wat;		/* with its accents; wlen 0: none */
	uint8_t		 len, wlen, in, prefix, script;
};
struct store_terms {			/* each once, in order of coming */
	struct buf	 bytes;
	struct store_term *v;
	size_t		 n, cap;
	uint32_t	*slot;		/* hash: index + 1 into v; cap * 2 */
};
void		 store_token_init(struct store_terms *);
void		 store_token_free(struct store_terms *);
/*
 * Cut text into terms.  QUERY: each time a word comes it is one more, '*'
 * is heeded, a lone letter of a script without spaces, too, and an address
 * is one term.  PHRASE: addresses are their words only.
 */
#define STORE_CUT_QUERY		0x01
#define STORE_CUT_PHRASE	0x02
int		 store_token_add(struct store_terms *, struct slice,
		    unsigned in, unsigned how);
/* Call fn for each word of a text as of a mail, and where it stands; -1 from
 * it ends the walk.  0 or -1.  Addresses come after their first words. */
typedef int	 store_token_fn(void *, struct slice word, struct slice whole,
		    enum store_script, size_t from, size_t to);
int		 store_token_walk(struct slice, store_token_fn *, void *);
/* The index of a term, which is added if it is new; -1 without memory. */
int64_t		 store_token_intern(struct store_terms *, const uint8_t *,
		    size_t);
const uint8_t	*store_token_bytes(const struct store_terms *, size_t);

/* --- store_lang.c -------------------------------------------------------- */

enum {				/* those that are named elsewhere */
	LANG_NONE = 0, LANG_ENGLISH = 1, LANG_SERBIAN = 20, LANG_HINDI = 25,
	LANG_NEPALI = 26, LANG_YIDDISH = 27
};
struct store_stem {
	uint8_t	 n, b[STORE_TERMMAX];
};
/* Make the stemmers; before any worker's loop. */
void		 store_lang_init(void);
/* 2 if the language has a stemmer here and is written so, 1 it can be, 0. */
int		 store_lang_writes(unsigned lang, enum store_script);
/* The language of a tag (RFC 5646), or LANG_NONE. */
unsigned	 store_lang_tag(const char *, size_t);
/* The stems of a folded word (and of the same with its accents, or n 0):
 * how many, 0 to 2. */
unsigned	 store_lang_stems(unsigned lang, struct slice word,
		    struct slice whole, struct store_stem[2]);
/* 1 if a folded word is its own and only stem. */
int		 store_lang_fixed(unsigned lang, const uint8_t *, size_t);

/* --- store_search.c ------------------------------------------------------ */

struct store_stems {			/* of a word in one language */
	struct store_stem	 v[2];
	uint8_t			 n, known;
	uint8_t			 self[2];	/* the stem is a word's own */
};
struct store_ask {			/* a word that is asked for */
	struct slice	 word, whole;
	unsigned	 in, script;
	int		 prefix, exact;
	struct store_stems lang[STORE_LANGS];
};
struct store_asks {
	struct store_ask *v;
	size_t		 n;
	struct store_terms terms;
};
/* What a word becomes in a language, made when first asked for. */
const struct store_stems *store_search_stems(struct store_ask *, unsigned);

/* --- store_stop.c -------------------------------------------------------- */

/* The language of each script in a mail's terms; told: Content-Language. */
void		 store_stop_vote(const struct store_terms *, unsigned told,
		    uint8_t langs[SCRIPT_MAX]);

#endif
