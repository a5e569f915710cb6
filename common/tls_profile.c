/* SPDX-License-Identifier: ISC */
/*
 * The TLS profile: see tls_profile.h.  A list may weaken nothing that the
 * design relies on: every suite must have forward secrecy and an AEAD, as
 * keys only ever signs, and HTTP/2 forbids the rest (RFC 9113 9.2.2).
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/tls_profile.h"

/* seeds/004 without its two DHE suites, which are there for who names them. */
#define CIPHERS	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* What keys is asked for: nothing with SHA-1. */
#define SIGALGS	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:" \
	"RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:" \
	"RSA+SHA256:RSA+SHA384:RSA+SHA512"
#define LIST_MAX	2048

static int	profile_version(SSL_CTX *, const struct conf *);
static const char	*profile_ciphers(SSL_CTX *, const char *);
static int	profile_split(const char *, char *, char *);
static int	profile_strong(const SSL_CIPHER *);
static const char	*profile_groups(SSL_CTX *, const char *);

/* The hybrid group first (draft-ietf-tls-ecdhe-mlkem), where there is one. */
static const char *const	groups[] = {
	"X25519MLKEM768:X25519:P-256:P-384",
	"X25519:P-256:P-384",
};

const char *
tls_profile(SSL_CTX *x, const struct conf *c, const char **opt)
{
	const char	*why;

	*opt = "minimum";
	if (profile_version(x, c) == -1)
		return "this TLS library does not speak it";
	*opt = "ciphers";
	if ((why = profile_ciphers(x, c == NULL ? "" : c->tls_ciphers)) !=
	    NULL)
		return why;
	*opt = "groups";
	why = profile_groups(x, c == NULL ? "" : c->tls_groups);
	ERR_clear_error();
	return why;
}

static int
profile_version(SSL_CTX *x, const struct conf *c)
{
	int	 min = TLS1_2_VERSION;

	if (c != NULL && c->tls_minimum == CONF_TLS13)
		min = TLS1_3_VERSION;
	return SSL_CTX_set_min_proto_version(x, min) == 1 &&
	    SSL_CTX_set_max_proto_version(x, TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set1_sigalgs_list(x, SIGALGS) == 1 ? 0 : -1;
}

/* Names that begin with TLS_ are suites of TLS 1.3, which have a list of
 * their own in the library. */
static const char *
profile_ciphers(SSL_CTX *x, const char *list)
{
	STACK_OF(SSL_CIPHER)	*all;
	char			 old[LIST_MAX], new[LIST_MAX];
	int			 i;

	if (*list == '\0')
		return SSL_CTX_set_cipher_list(x, CIPHERS) == 1 ? NULL :
		    "this TLS library does not have the suites";
	if (profile_split(list, old, new) == -1)
		return "the list is too long";
	if (SSL_CTX_set_cipher_list(x, *old == '\0' ? CIPHERS : old) != 1 ||
	    (*new != '\0' && SSL_CTX_set_ciphersuites(x, new) != 1))
		return "no such suite";
	all = SSL_CTX_get_ciphers(x);
	for (i = 0; i < sk_SSL_CIPHER_num(all); i++)
		if (!profile_strong(sk_SSL_CIPHER_value(all, i)))
			return "a suite without forward secrecy, "
			    "authentication or AEAD";
	/* Without parameters these would never be chosen. */
	if (tls_profile_dhe(old) && SSL_CTX_set_dh_auto(x, 1) != 1)
		return "no parameters for DHE";
	return NULL;
}

static int
profile_split(const char *list, char *old, char *new)
{
	char	*to;
	size_t	 n;

	*old = *new = '\0';
	if (strlen(list) >= LIST_MAX)
		return -1;
	for (;;) {
		n = strcspn(list, ":, ");
		to = strncmp(list, "TLS_", 4) == 0 ? new : old;
		if (n > 0) {
			if (*to != '\0')
				strlcat(to, ":", LIST_MAX);
			strncat(to, list, n);
		}
		if (list[n] == '\0')
			return 0;
		list += n + 1;
	}
}

static int
profile_strong(const SSL_CIPHER *s)
{
	int	 kx = SSL_CIPHER_get_kx_nid(s), au = SSL_CIPHER_get_auth_nid(s);

	return SSL_CIPHER_is_aead(s) && (kx == NID_kx_ecdhe ||
	    kx == NID_kx_dhe || kx == NID_kx_any) && au != NID_auth_null;
}

int
tls_profile_dhe(const char *list)
{
	for (; *list != '\0'; list += strspn(list, ":, ")) {
		if (strncmp(list, "DHE-", 4) == 0)
			return 1;
		list += strcspn(list, ":, ");
	}
	return 0;
}

static const char *
profile_groups(SSL_CTX *x, const char *list)
{
	size_t	 i;

	if (*list != '\0')
		return SSL_CTX_set1_groups_list(x, list) == 1 ? NULL :
		    "a group that this TLS library does not have";
	for (i = 0; i < nitems(groups); i++)
		if (SSL_CTX_set1_groups_list(x, groups[i]) == 1)
			return NULL;
	return "this TLS library does not have the groups";
}
