/* SPDX-License-Identifier: ISC */
/*
 * The keys process: holds the TLS private keys and signs for the workers.
 * It signs nothing but a TLS handshake (tbs.c), with a key of the current or
 * the previous configuration, by a scheme that suits the key, and sizes its
 * answer from its own key, never from a number that a worker sent.
 *
 * It also makes the keys of session tickets, which parent repeats to all
 * workers, and changes them as tls.ticket-rotation says.
 */
#include "common/compat.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/date.h"
#include "common/log.h"
#include "common/role.h"
#include "common/row.h"
#include "common/tls_profile.h"
#include "daemon/daemon.h"
#include "daemon/keys_raw.h"

#define KEYS_SIG_MAX	1024		/* bytes: RSA of 8192 bits */

#define KEYS_SCHEMES	13
#define KEYS_LOOKS	300	/* for a question that was announced */

/* A private key, or (pk NULL yet) the certificate that waits for it. */
struct key {
	TAILQ_ENTRY(key)	 entry;
	uint32_t		 generation, id;
	X509			*leaf;
	EVP_PKEY		*pk;
	EVP_PKEY_CTX		*ready[KEYS_SCHEMES];	/* made at first use */
};

struct keys_worker {
	struct proc_peer	 peer;
};

/* RFC 8446 4.2.3; the PKCS1 ones sign in TLS 1.2 only (tbs.c). */
static const struct keys_scheme {
	uint32_t	 scheme;
	int		 type;			/* EVP_PKEY_* */
	const EVP_MD	*(*md)(void);
	int		 pss;
} keys_schemes[KEYS_SCHEMES] = {
	{ 0x0401, EVP_PKEY_RSA, EVP_sha256, 0 },
	{ 0x0501, EVP_PKEY_RSA, EVP_sha384, 0 },
	{ 0x0601, EVP_PKEY_RSA, EVP_sha512, 0 },
	{ 0x0403, EVP_PKEY_EC, EVP_sha256, 0 },
	{ 0x0503, EVP_PKEY_EC, EVP_sha384, 0 },
	{ 0x0603, EVP_PKEY_EC, EVP_sha512, 0 },
	{ 0x0804, EVP_PKEY_RSA, EVP_sha256, 1 },
	{ 0x0805, EVP_PKEY_RSA, EVP_sha384, 1 },
	{ 0x0806, EVP_PKEY_RSA, EVP_sha512, 1 },
	{ 0x0807, EVP_PKEY_ED25519, NULL, 0 },
	{ 0x0809, EVP_PKEY_RSA_PSS, EVP_sha256, 1 },
	{ 0x080a, EVP_PKEY_RSA_PSS, EVP_sha384, 1 },
	{ 0x080b, EVP_PKEY_RSA_PSS, EVP_sha512, 1 },
};

static TAILQ_HEAD(, key)	 keys_list = TAILQ_HEAD_INITIALIZER(keys_list);
static uint64_t			 keys_signed, keys_refused;
static struct msg_ticket	 keys_ticket;
static struct event		 keys_timer;
static uint64_t			 keys_rotation;	/* ms */
static int			 keys_dhe;	/* DHE suites are spoken */

static const char	*keys_user(const struct conf *);
static const char	*keys_dir(const struct conf *);
static const char	*keys_conf(struct conf *);
static void	keys_peer(enum msg_proc, uint32_t, int);
static void	keys_gone(struct proc_peer *);
static void	keys_cert(struct proc_peer *, struct msg *);
static void	keys_key(struct proc_peer *, struct msg *);
static void	keys_show(struct proc_peer *, struct msg *);
static void	keys_soon(struct proc_peer *, struct msg *);
static void	keys_sign(struct proc_peer *, struct msg *);
static struct key	*keys_find(uint32_t, uint32_t);
static void	keys_forget(struct key *);
static int	keys_make(struct key *, const struct msg *, uint8_t *,
		    size_t *);
static int	keys_make_pure(struct key *, const struct msg *, uint8_t *,
		    size_t *);
static int	keys_make_hash(struct key *, const struct keys_scheme *,
		    const struct msg *, uint8_t *, size_t *);
static EVP_PKEY_CTX	*keys_ready(EVP_PKEY *, const struct keys_scheme *);
static void	keys_rotate(int, short, void *);
static void	keys_tickets(uint64_t);
static int	keys_may(const struct msg *);

static proc_fn *const keys_from_parent[MSG_MAX] = {
	[MSG_CONF_CERT]	= keys_cert,
	[MSG_CONF_KEY]	= keys_key,
	[MSG_CTL_SHOW]	= keys_show,
};

static proc_fn *const keys_from_worker[MSG_MAX] = {
	[MSG_SIGN_SOON]	= keys_soon,
	[MSG_SIGN]	= keys_sign,
};

static const struct role keys_role = {
	.id		= PROC_KEYS,
	.handlers	= keys_from_parent,
	.user		= keys_user,
	.dir		= keys_dir,
	.conf		= keys_conf,
	.peer		= keys_peer,
};

__dead void
keys(int argc, char *argv[])
{
#ifndef LIBRESSL_VERSION_NUMBER
	/* no configuration file decides what signs here */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS, NULL);
#endif
	role_run(&keys_role, argc, argv);
}

static const char *
keys_user(const struct conf *c)
{
	return c->keys_user;
}

static const char *
keys_dir(const struct conf *c)
{
	return c->empty_dir;
}

/* --- from the parent ----------------------------------------------------- */

static struct key *
keys_find(uint32_t generation, uint32_t id)
{
	struct key	*k;

	TAILQ_FOREACH(k, &keys_list, entry)
		if (k->generation == generation && k->id == id)
			return k;
	return NULL;
}

static void
keys_forget(struct key *k)
{
	size_t	 i;

	TAILQ_REMOVE(&keys_list, k, entry);
	for (i = 0; i < nitems(k->ready); i++)
		EVP_PKEY_CTX_free(k->ready[i]);
	X509_free(k->leaf);
	EVP_PKEY_free(k->pk);
	free(k);
}

/* The chain's first certificate, to see that the key is its. */
static void
keys_cert(struct proc_peer *p, struct msg *m)
{
	const struct msg_conf_cert	*h = m->fixed;
	struct key			*k;
	BIO				*bio;

	(void)p;
	if ((k = keys_find(h->generation, h->id)) != NULL)
		keys_forget(k);
	if ((k = calloc(1, sizeof(*k))) == NULL ||
	    (bio = BIO_new_mem_buf(m->tail, (int)m->tail_len)) == NULL)
		fatalx("keys: no memory");
	k->generation = h->generation;
	k->id = h->id;
	k->leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	TAILQ_INSERT_TAIL(&keys_list, k, entry);
}

static void
keys_key(struct proc_peer *p, struct msg *m)
{
	const struct msg_conf_cert	*h = m->fixed;
	struct key			*k;
	BIO				*bio;

	if ((k = keys_find(h->generation, h->id)) == NULL || k->pk != NULL)
		fatalx("keys: a key without its certificate");
	if ((bio = BIO_new_mem_buf(m->tail, (int)m->tail_len)) == NULL)
		fatalx("keys: no memory");
	k->pk = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	/* the PEM text still lies in the pipe's buffer, which is ours */
	explicit_bzero(p->ibuf.in.data + (m->tail - p->ibuf.in.data),
	    m->tail_len);
	ERR_clear_error();
}

/* All keys are there: forget those that nobody can ask for any more. */
static const char *
keys_conf(struct conf *c)
{
	struct key	*k, *next;
	size_t		 id;

	for (id = 0; id < c->ncerts; id++) {
		k = keys_find(c->generation, id);
		if (k == NULL || k->pk == NULL || k->leaf == NULL ||
		    X509_check_private_key(k->leaf, k->pk) != 1)
			return "a private key does not fit its certificate";
		if (EVP_PKEY_size(k->pk) > KEYS_SIG_MAX)
			return "a private key is too large";
	}
	TAILQ_FOREACH_SAFE(k, &keys_list, entry, next)
		if (k->generation != c->generation &&
		    k->generation != c->previous)
			keys_forget(k);
	if (mlockall(MCL_CURRENT) == -1)
		log_debug("mlockall: not allowed, keys may be swapped out");
	keys_dhe = tls_profile_dhe(c->tls_ciphers);
	keys_tickets(c->tls_ticket_rotation);
	return NULL;
}

static void
keys_show(struct proc_peer *p, struct msg *m)
{
	struct msg_ctl_end	 end = { 0 };
	struct buf		 b;
	struct key		*k;
	size_t			 n = 0;

	TAILQ_FOREACH(k, &keys_list, entry)
		n++;
	buf_init(&b, ROW_MAX);
	row_add(&b, "process", "keys");
	row_addu(&b, "pid", (uint64_t)getpid());
	row_addf(&b, "detail", "%zu keys, %llu signatures, %llu refused", n,
	    (unsigned long long)keys_signed,
	    (unsigned long long)keys_refused);
	proc_send(p, MSG_CTL_ROW, m->id, -1, NULL, b.data, b.len);
	proc_send(p, MSG_CTL_END, m->id, -1, &end, NULL, 0);
	buf_free(&b);
}

/* A new rotation counts from the making of the key in use. */
static void
keys_tickets(uint64_t rotation)
{
	int64_t		 left;
	struct timeval	 tv;

	if (keys_ticket.made == 0) {
		keys_rotation = rotation;
		keys_rotate(-1, 0, NULL);
		return;
	}
	if (rotation == keys_rotation)
		return;
	keys_rotation = rotation;
	left = (int64_t)(keys_ticket.made + rotation) - date_now();
	left = left < 0 ? 0 : left;
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	evtimer_del(&keys_timer);
	evtimer_add(&keys_timer, &tv);
}

/* Current becomes previous, next becomes current, a new one is next. */
static void
keys_rotate(int fd, short what, void *arg)
{
	struct timeval	 tv = { (time_t)(keys_rotation / 1000),
	    (suseconds_t)(keys_rotation % 1000 * 1000) };

	(void)fd;
	(void)what;
	(void)arg;
	if (keys_ticket.made == 0) {
		arc4random_buf(keys_ticket.key, sizeof(keys_ticket.key));
		evtimer_set(&keys_timer, keys_rotate, NULL);
	} else {
		keys_ticket.key[1] = keys_ticket.key[0];
		keys_ticket.key[0] = keys_ticket.key[2];
		arc4random_buf(&keys_ticket.key[2],
		    sizeof(keys_ticket.key[2]));
	}
	keys_ticket.made = (uint64_t)date_now();
	proc_send(&role_parent, MSG_TICKET, 0, -1, &keys_ticket, NULL, 0);
	evtimer_add(&keys_timer, &tv);
}

/* --- from a worker, who is not to be trusted ------------------------------ */

static void
keys_peer(enum msg_proc id, uint32_t slot, int fd)
{
	struct keys_worker	*w;

	if (id != PROC_WORKER)
		fatalx("keys: a pipe to %s", msg_procs[id]);
	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("keys");
	proc_open(&w->peer, PROC_WORKER, slot, fd, keys_from_worker,
	    keys_gone, w);
}

static void
keys_gone(struct proc_peer *p)
{
	free(p->arg);
}

static const struct keys_scheme *
keys_scheme(uint32_t scheme)
{
	size_t	 i;

	for (i = 0; i < nitems(keys_schemes); i++)
		if (keys_schemes[i].scheme == scheme)
			return &keys_schemes[i];
	return NULL;
}

/* May it be signed at all, with whatever key?  No TLS library asks else. */
static int
keys_may(const struct msg *m)
{
	const struct msg_sign	*h = m->fixed;

	return keys_raw_is(h->scheme) ||
	    (keys_scheme(h->scheme) != NULL &&
	    (tbs_ok(h->scheme, m->tail, m->tail_len) ||
	    (keys_dhe && tbs_dhe(m->tail, m->tail_len))));
}

/*
 * A question follows in less time than it takes to wake a processor that has
 * gone to sleep: stay awake for it, 100 us or so.  A worker says it only
 * while answers come fast, which is while a processor is idle (tls_sign.c).
 */
static void
keys_soon(struct proc_peer *p, struct msg *m)
{
	char	 c;
	int	 i;

	(void)m;
	for (i = 0; i < KEYS_LOOKS; i++)
		if (recv(p->ibuf.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) != -1 ||
		    errno != EAGAIN)
			return;
}

static void
keys_sign(struct proc_peer *p, struct msg *m)
{
	const struct msg_sign	*h = m->fixed;
	struct key		*k = keys_find(h->generation, h->key);
	struct msg_signed	 r = { 0 };
	uint8_t			 sig[KEYS_SIG_MAX];
	size_t			 len = 0;

	if (!keys_may(m)) {
		log_warnx("worker %u: will not sign %zu bytes by scheme %#x",
		    p->slot, m->tail_len, h->scheme);
		r.error = EPERM;
		p->dead = 1;
	} else if (k == NULL || k->pk == NULL)
		r.error = ESTALE;
	else
		r.error = (uint32_t)keys_make(k, m, sig, &len);
	if (r.error == 0)
		keys_signed++;
	else
		keys_refused++;
	proc_send(p, MSG_SIGNED, m->id, -1, &r, sig, len);
}

/*
 * 0 or an errno.  sig has KEYS_SIG_MAX bytes, which keys_conf has seen to be
 * enough.
 */
static int
keys_make(struct key *k, const struct msg *m, uint8_t *sig, size_t *len)
{
	const struct msg_sign		*h = m->fixed;
	const struct keys_scheme	*s = keys_scheme(h->scheme);
	int				 fits, ret;

	fits = s == NULL ?
	    keys_raw_ok(k->pk, h->scheme, m->tail, m->tail_len) :
	    EVP_PKEY_base_id(k->pk) == s->type;
	if (!fits)
		return EINVAL;
	*len = KEYS_SIG_MAX;
	ret = s == NULL ? keys_raw_make(k->pk, h->scheme, m->tail,
	    m->tail_len, sig, len) :
	    s->md == NULL ? keys_make_pure(k, m, sig, len) :
	    keys_make_hash(k, s, m, sig, len);
	if (ret == 0)
		return 0;
	*len = 0;
	ERR_clear_error();
	return EIO;
}

/* Ed25519 hashes the text itself, twice (RFC 8032 5.1.6). */
static int
keys_make_pure(struct key *k, const struct msg *m, uint8_t *sig, size_t *len)
{
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	int		 ok;

	ok = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pk) == 1 &&
	    EVP_DigestSign(ctx, sig, len, m->tail, m->tail_len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

static int
keys_make_hash(struct key *k, const struct keys_scheme *s,
    const struct msg *m, uint8_t *sig, size_t *len)
{
	EVP_PKEY_CTX	**ctx = &k->ready[s - keys_schemes];
	uint8_t		  hash[EVP_MAX_MD_SIZE];
	unsigned int	  n;

	if (*ctx == NULL && (*ctx = keys_ready(k->pk, s)) == NULL)
		return -1;
	if (EVP_Digest(m->tail, m->tail_len, hash, &n, s->md(), NULL) != 1)
		return -1;
	return EVP_PKEY_sign(*ctx, sig, len, hash, n) == 1 ? 0 : -1;
}

/* Everything about a signature but the text; to look it up costs 15 %. */
static EVP_PKEY_CTX *
keys_ready(EVP_PKEY *pk, const struct keys_scheme *s)
{
	EVP_PKEY_CTX	*ctx = EVP_PKEY_CTX_new(pk, NULL);

	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1)
		goto fail;
	if (s->pss && EVP_PKEY_CTX_set_rsa_padding(ctx,
	    RSA_PKCS1_PSS_PADDING) != 1)
		goto fail;
	if (EVP_PKEY_CTX_set_signature_md(ctx, s->md()) != 1)
		goto fail;
	/* RFC 8446 4.2.3: the salt is as long as the digest */
	if (s->pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx,
	    RSA_PSS_SALTLEN_DIGEST) != 1)
		goto fail;
	return ctx;
fail:
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}
