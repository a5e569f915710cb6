/* SPDX-License-Identifier: ISC */
/*
 * The full text of the mail: finding mails by words, and words in them.  What
 * is indexed is handed in with the mail (struct store_newmail of store.h).
 */
#ifndef STORE_STORE_SEARCH_H
#define STORE_STORE_SEARCH_H

#include "worker/store/store.h"

/*
 * Words of text, all of which must stand in one of the fields `in`; a word
 * that ends in '*' is a prefix, an e-mail address is one word.  Others are
 * found by their stem, too, in subject, body and attachments (design 5).
 * exact: no stems, addresses are their words: of phrases.  Exact items come
 * after the others.
 */
struct store_words {
	unsigned	in;
	struct slice	text;
	int		exact;
};
/*
 * The eids (not mail ids) of all mails that have all words of all n items,
 * upward, into the empty *eids.  They may name mails since destroyed, and
 * order of words is not looked at: whoever means a phrase verifies it on the
 * text.  A text without any word matches nothing: *usable is then 0.
 * STORE_TOOMANY: words.  STORE_NOINDEX: see store_rebuild_begin.
 */
enum store_err	store_search(struct store_txn *, const struct store_words *,
		    size_t n, struct store_ids *eids, int *usable);
/*
 * Where the words of a question stand in a mail's texts, as the index would
 * find them: for marking them.  After new, and for each mail learn (its
 * texts say which language it is in), find calls fn with the bytes from..to
 * of each word of the text that is asked for in the fields; more or less in
 * order, and one may be within another.  A nonzero result of fn ends it.
 */
struct store_marker;
typedef int store_mark_fn(void *, size_t from, size_t to);
/* NULL: no memory, or too many words. */
struct store_marker *store_mark_new(const struct store_words *, size_t);
void	store_mark_free(struct store_marker *);
void	store_mark_learn(struct store_marker *, const struct store_text *,
	    size_t n, struct slice language);
void	store_mark_find(struct store_marker *, unsigned in, struct slice text,
	    store_mark_fn *, void *);

/* One bounded step: waiting mail into the index when there is enough of it,
 * or in any case with force, and small parts of it into larger.  1 there is
 * more to do, 0 not, -1 error. */
int	store_search_merge(struct store *, int force);

#endif
