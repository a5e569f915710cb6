/* SPDX-License-Identifier: ISC */
/*
 * The fields that protect an answer by its class: security.md 1.2 as one
 * const table.  A class belongs to the route and is known before the handler
 * runs, so an error inside a class carries the same fields.
 */
#include "common/compat.h"

#include "common/conf.h"
#include "worker/policy/policy.h"

#define C(x)	(1u << HTTP_##x)
#define ALL	(C(A) | C(S) | C(K) | C(B) | C(E) | C(H) | C(T) | C(O) | \
		 C(W) | C(R) | C(P) | C(L) | C(X))
#define JSON	(C(A) | C(S) | C(K) | C(L) | C(X))

#define C1	"default-src 'none'; frame-ancestors 'none'; " \
		"base-uri 'none'; form-action 'none'"
/* A bare sandbox is an opaque origin: no script, form or popup. */
#define C2	"sandbox; default-src 'none'; base-uri 'none'; " \
		"form-action 'none'; frame-ancestors 'none'"
#define C3	"default-src 'none'; script-src 'self'; style-src 'self'; " \
		"img-src 'self' data:; font-src 'self'; " \
		"connect-src 'self'; manifest-src 'self'; " \
		"form-action 'self'; frame-ancestors 'none'; " \
		"base-uri 'none'; object-src 'none'; " \
		"require-trusted-types-for 'script'; " \
		"upgrade-insecure-requests"
#define C4	"default-src 'none'; style-src 'self'; img-src 'self'; " \
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
/* seeds/004 */
#define PP1	"accelerometer=(), ambient-light-sensor=(), autoplay=(), " \
		"battery=(), browsing-topics=(), camera=(), " \
		"clipboard-read=(), display-capture=(), " \
		"document-domain=(), encrypted-media=(), fullscreen=(), " \
		"geolocation=(), gyroscope=(), hid=(), idle-detection=(), " \
		"interest-cohort=(), magnetometer=(), microphone=(), " \
		"midi=(), payment=(), picture-in-picture=(), " \
		"screen-wake-lock=(), serial=(), usb=(), sync-xhr=(), " \
		"xr-spatial-tracking=()"

enum on { ANY, OK, ERR };		/* which answers: status below 400 */

static const struct class_row {
	const char	*name;
	const char	*value;
	unsigned int	 classes;
	enum on		 on;
	enum block_rank	 rank;
} rows[] = {
	{ "Content-Security-Policy", C1,
	    ALL & ~(C(B) | C(H) | C(O)), ANY, BLOCK_DEFAULT },
	{ "Content-Security-Policy", C2, C(B), ANY, BLOCK_LOCKED },
	{ "Content-Security-Policy", C3, C(H), ANY, BLOCK_DEFAULT },
	{ "Content-Security-Policy", C4, C(O), ANY, BLOCK_DEFAULT },
	{ "X-Content-Type-Options", "nosniff", ALL & ~C(B), ANY,
	    BLOCK_DEFAULT },
	{ "X-Content-Type-Options", "nosniff", C(B), ANY, BLOCK_LOCKED },
	{ "X-Frame-Options", "DENY",
	    JSON | C(B) | C(H) | C(O) | C(R), ANY, BLOCK_DEFAULT },
	{ "Referrer-Policy", "no-referrer", ALL & ~C(P), ANY,
	    BLOCK_DEFAULT },
	/* W, too: fetch() with CORS does not ask for this, nobody embeds
	 * what is meant for programs, and scanners count it */
	{ "Cross-Origin-Resource-Policy", "same-origin",
	    ALL & ~(C(B) | C(P)), ANY, BLOCK_DEFAULT },
	{ "Cross-Origin-Resource-Policy", "same-origin", C(B), ANY,
	    BLOCK_LOCKED },
	{ "Cross-Origin-Opener-Policy", "same-origin",
	    C(B) | C(H) | C(O), ANY, BLOCK_DEFAULT },
	{ "Cross-Origin-Embedder-Policy", "require-corp", C(H) | C(O), ANY,
	    BLOCK_DEFAULT },
	{ "Permissions-Policy", PP1, C(B) | C(H) | C(O), ANY,
	    BLOCK_DEFAULT },
	{ "X-XSS-Protection", "0", C(H) | C(O), ANY, BLOCK_DEFAULT },
	{ "Origin-Agent-Cluster", "?1", C(H) | C(O), ANY, BLOCK_DEFAULT },
	{ "X-Permitted-Cross-Domain-Policies", "none", ALL & ~C(P), ANY,
	    BLOCK_DEFAULT },
	{ "X-Robots-Tag", "noindex, nofollow",
	    JSON | C(B) | C(E) | C(H) | C(O), ANY, BLOCK_DEFAULT },
	{ "Cache-Control", "no-store", C(A) | C(R) | C(P) | C(L) | C(X), ANY,
	    BLOCK_DEFAULT },
	/* RFC 8620 2 */
	{ "Cache-Control", "no-cache, no-store, must-revalidate", C(S), ANY,
	    BLOCK_DEFAULT },
	/* RFC 6749 5.1: MUST */
	{ "Cache-Control", "no-store", C(K) | C(O), ANY, BLOCK_LOCKED },
	{ "Pragma", "no-cache", C(K) | C(O), ANY, BLOCK_LOCKED },
	/* no-transform keeps a helpful proxy from compressing (BREACH) */
	{ "Cache-Control", "no-store, no-transform", C(E), ANY,
	    BLOCK_DEFAULT },
	/* RFC 8620 6.2 */
	{ "Cache-Control", "private, immutable, max-age=31536000", C(B), OK,
	    BLOCK_DEFAULT },
	{ "Cache-Control", "no-cache", C(H), OK, BLOCK_DEFAULT },
	{ "Cache-Control", "public, max-age=31536000, immutable", C(T), OK,
	    BLOCK_DEFAULT },
	{ "Cache-Control", "public, max-age=3600", C(W), OK, BLOCK_DEFAULT },
	{ "Cache-Control", "no-store", C(B) | C(H) | C(T) | C(W), ERR,
	    BLOCK_DEFAULT },
	{ "Vary", "Origin, Access-Control-Request-Method, "
	    "Access-Control-Request-Headers", C(P), ANY, BLOCK_DEFAULT },
	{ "Clear-Site-Data", "\"cache\", \"cookies\", \"storage\"", C(L), OK,
	    BLOCK_DEFAULT },
};

void
class_compose(struct block *b, const struct block_ctx *x)
{
	const struct class_row	*r;
	enum block_rank		 rank;
	size_t			 i;

	for (i = 0; i < nitems(rows); i++) {
		r = &rows[i];
		if (!(r->classes & (1u << x->class)) ||
		    (r->on == OK && x->error) || (r->on == ERR && !x->error))
			continue;
		rank = r->rank;
		if (x->class == HTTP_B && x->conf->unsafe_blob_override)
			rank = BLOCK_DEFAULT;
		block_set(b, r->name, r->value, rank);
	}
}
