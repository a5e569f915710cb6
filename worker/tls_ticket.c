/* SPDX-License-Identifier: ISC */
/*
 * Session tickets: see tls_ticket.h.  AES-256-CBC under HMAC-SHA-256, by the
 * names of the keys that the keys process makes and all workers have.  What
 * differs between libraries is how the MAC takes its key: mac_key.
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#ifdef TLS_LEGACY
#include <openssl/hmac.h>
#else
#include <openssl/core_names.h>
#endif

#include "common/log.h"
#include "common/msg.h"
#include "worker/tls_ticket.h"

#ifdef TLS_LEGACY
#define MAC_CTX		HMAC_CTX
#define set_callback	SSL_CTX_set_tlsext_ticket_key_cb
#define fetch_cipher()	EVP_aes_256_cbc()
#else
#define MAC_CTX		EVP_MAC_CTX
#define set_callback	SSL_CTX_set_tlsext_ticket_key_evp_cb
#define fetch_cipher()	EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL)
#endif

static int	on_ticket(SSL *, unsigned char *, unsigned char *,
		    EVP_CIPHER_CTX *, MAC_CTX *, int);
static int	mac_key(MAC_CTX *, struct msg_ticket_key *);

static struct msg_ticket	 ring;
static int			 have_ring;
static const EVP_CIPHER		*cipher;	/* a fetch a ticket is slow */

void
tls_ticket_init(void)
{
	if ((cipher = fetch_cipher()) == NULL)
		fatalx("AES-256-CBC is missing");
}

void
tls_ticket_keys(const struct msg_ticket *t)
{
	memcpy(&ring, t, sizeof(ring));
	have_ring = 1;
}

void
tls_ticket_use(SSL_CTX *x)
{
	set_callback(x, on_ticket);
}

/* 1: go on; 2: go on and give a new ticket; 0: full handshake; -1: fail. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *ctx, MAC_CTX *mac, int making)
{
	struct msg_ticket_key	*k = &ring.key[0];
	int			 i;

	(void)ssl;
	if (!have_ring)
		return 0;
	if (making) {
		memcpy(name, k->name, sizeof(k->name));
		if (RAND_bytes(iv, 16) != 1)
			return -1;
	}
	for (i = 0; memcmp(name, k->name, sizeof(k->name)) != 0; k++)
		if (++i == MSG_TICKET_KEYS)
			return 0;
	if (mac_key(mac, k) == -1)
		return -1;
	if (making)
		return EVP_EncryptInit_ex(ctx, cipher, NULL, k->aes, iv) ==
		    1 ? 1 : -1;
	if (EVP_DecryptInit_ex(ctx, cipher, NULL, k->aes, iv) != 1)
		return -1;
	/* TLS 1.3 gives a fresh ticket anyway. */
	return i == 0 ? 1 : 2;
}

#ifdef TLS_LEGACY
static int
mac_key(HMAC_CTX *mac, struct msg_ticket_key *k)
{
	return HMAC_Init_ex(mac, k->hmac, sizeof(k->hmac), EVP_sha256(),
	    NULL) == 1 ? 0 : -1;
}
#else
static int
mac_key(EVP_MAC_CTX *mac, struct msg_ticket_key *k)
{
	OSSL_PARAM	 p[3];

	p[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->hmac,
	    sizeof(k->hmac));
	p[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
	    (char *)(uintptr_t)"SHA256", 0);
	p[2] = OSSL_PARAM_construct_end();
	return EVP_MAC_CTX_set_params(mac, p) == 1 ? 0 : -1;
}
#endif
