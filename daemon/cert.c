/* SPDX-License-Identifier: ISC */
/*
 * Certificate chains and private keys, on their way from files to the
 * processes that use them.  Called by the parent and by jmapd -n.  Chains
 * are public and stay; a key is in memory only while it is checked or sent,
 * and goes to nobody but keys.
 */
#include "common/compat.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/imsg.h"
#include "common/log.h"
#include "daemon/cert_check.h"

#define CERT_MAX	(IMSG_MAX - sizeof(struct msg_conf_cert))

static int	cert_read(struct cert_try *, size_t, struct cert *);
static STACK_OF(X509)	*cert_chain(struct cert_try *, const struct cert *);
static int	cert_staple(struct cert_try *, STACK_OF(X509) *,
		    struct cert *);
static char	*cert_file(const char *, size_t *, struct stat *);
static int	cert_mode_ok(const struct stat *);
static int	cert_key_check(struct cert_try *, X509 *);
static const char	*cert_why(void);
static const char	*cert_no_key(void);
static EVP_PKEY	*cert_pkey(const char *, size_t);
static void	cert_url(const struct conf_file *, struct buf *);
static int	cert_send_staple(const struct conf *, size_t,
		    const struct cert *, struct proc_peer *);
static int	cert_send_key(const struct conf *, size_t,
		    const struct cert *, struct proc_peer *);

void
cert_free(struct cert_set *s)
{
	size_t	 i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++) {
		free(s->v[i].chain);
		free(s->v[i].staple);
	}
	free(s->v);
	free(s);
}

struct cert_set *
cert_load(const struct conf_file *cf, struct buf *report)
{
	struct cert_try	 t = { cf, report, NULL, 0, 0, 0 };
	struct cert_set	*s;
	size_t		 i;
	int		 bad = 0;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->v = calloc(cf->conf->ncerts + 1, sizeof(*s->v))) == NULL)
		fatal("cert_load");
	s->n = cf->conf->ncerts;
	for (i = 0; i < s->n; i++)
		bad |= cert_read(&t, i, &s->v[i]) == -1;
	if (!bad && s->n > 0 && !t.named)
		cert_check_bad(&t, "warning: ", t.conf->chain, s->n == 1 ?
		    "does not name the hostname" :
		    "nor any other names the hostname");
	if (!bad && s->n > 0 && !t.url)
		cert_url(cf, report);
	if (!bad)
		return s;
	cert_free(s);
	return NULL;
}

/* Clients are told a host that would fail them. */
static void
cert_url(const struct conf_file *cf, struct buf *report)
{
	size_t	 i;

	for (i = 0; strcmp(conf_sects[i].name, "http") != 0; i++)
		continue;
	conf_parse_report(cf->path, conf_parse_line(cf, i, 0, 0), report,
	    "warning: http.url: no certificate names the host of %s",
	    cf->conf->url);
}

/* OpenSSL's own words for what it did not like. */
static const char *
cert_why(void)
{
	const char	*s;

	s = ERR_reason_error_string(ERR_peek_last_error());
	ERR_clear_error();
	return s != NULL ? s : "not what was expected";
}

/* The library says "unsupported" to all that it cannot read. */
static const char *
cert_no_key(void)
{
	unsigned long	 e = ERR_peek_last_error();

	if (ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_BAD_PASSWORD_READ)
		return "has a passphrase, which cannot be asked for";
	return "has no private key in PEM form";
}

static int
cert_read(struct cert_try *t, size_t n, struct cert *c)
{
	STACK_OF(X509)	*chain;
	size_t		 i;
	int		 ret;

	t->conf = &t->cf->conf->certs[n];
	t->line = 0;
	for (i = 0; i < t->cf->norigin; i++)
		if (t->cf->origin[i].item == n && strcmp("certificate",
		    conf_sects[t->cf->origin[i].sect].name) == 0)
			t->line = t->cf->origin[i].line;
	if ((c->chain = cert_file(t->conf->chain, &c->len, NULL)) == NULL) {
		cert_check_bad(t, "", t->conf->chain, strerror(errno));
		return -1;
	}
	if ((chain = cert_chain(t, c)) == NULL)
		return -1;
	ret = cert_check_chain(t, chain);
	if (cert_key_check(t, sk_X509_value(chain, 0)) == -1)
		ret = -1;
	if (ret == 0 && t->conf->staple[0] != '\0')
		ret = cert_staple(t, chain, c);
	sk_X509_pop_free(chain, X509_free);
	return ret;
}

/* A regular file's bytes and a NUL; gives to the caller. */
static char *
cert_file(const char *path, size_t *len, struct stat *out)
{
	struct stat	 st;
	ssize_t		 n = -1;
	char		*p = NULL;
	int		 fd;

	/* nobody may ever write to a fifo, and the parent would wait */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK)) == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		goto done;
	errno = S_ISDIR(st.st_mode) ? EISDIR :
	    !S_ISREG(st.st_mode) ? EINVAL : EFBIG;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)CERT_MAX ||
	    (p = malloc(CERT_MAX + 1)) == NULL)
		goto done;
	if ((n = read(fd, p, CERT_MAX)) == -1)
		goto done;
	p[n] = '\0';
	*len = n;
	if (out != NULL)
		*out = st;
done:
	close(fd);
	if (n == -1) {
		free(p);
		p = NULL;
	}
	return p;
}

/* Every certificate of the chain must parse; gives it to the caller. */
static STACK_OF(X509) *
cert_chain(struct cert_try *t, const struct cert *c)
{
	STACK_OF(X509)	*chain;
	BIO		*bio;
	X509		*x;
	unsigned long	 e;

	if ((bio = BIO_new_mem_buf(c->chain, (int)c->len)) == NULL ||
	    (chain = sk_X509_new_null()) == NULL)
		fatalx("cert: no memory");
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(chain, x) == 0)
			fatalx("cert: no memory");
	BIO_free(bio);
	e = ERR_peek_last_error();
	if (sk_X509_num(chain) > 0 && ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE) {
		ERR_clear_error();	/* the end of the file */
		return chain;
	}
	cert_check_bad(t, "", t->conf->chain, sk_X509_num(chain) == 0 &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE ?
	    "has no certificate in PEM form" : cert_why());
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}

/* What is not good any more is left out, not refused: it is a file that
 * something else should have renewed. */
static int
cert_staple(struct cert_try *t, STACK_OF(X509) *chain, struct cert *c)
{
	c->staple = cert_file(t->conf->staple, &c->staple_len, NULL);
	if (c->staple == NULL) {
		cert_check_bad(t, "", t->conf->staple, strerror(errno));
		return -1;
	}
	c->until = cert_check_staple(t, chain, (uint8_t *)c->staple,
	    c->staple_len);
	return c->until == -1 ? -1 : 0;
}

/* Nobody but the owner; root's file may be readable by root's group. */
static int
cert_mode_ok(const struct stat *st)
{
	if (st->st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
		return 0;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return 0;
	return !(st->st_mode & S_IRGRP) || st->st_uid == 0;
}

static int
cert_key_check(struct cert_try *t, X509 *leaf)
{
	EVP_PKEY	*pk = NULL;
	struct stat	 st;
	char		*pem;
	size_t		 len;
	int		 ret = -1;

	if ((pem = cert_file(t->conf->key, &len, &st)) == NULL) {
		cert_check_bad(t, "", t->conf->key, strerror(errno));
		return -1;
	}
	if (!cert_mode_ok(&st))
		cert_check_bad(t, "", t->conf->key, "others than its owner may "
		    "read or write it (chmod 600), or its owner is neither "
		    "root nor us");
	else if ((pk = cert_pkey(pem, len)) == NULL)
		cert_check_bad(t, "", t->conf->key, cert_no_key());
	else if (X509_check_private_key(leaf, pk) != 1)
		cert_check_bad(t, "", t->conf->key,
		    "is not the key of the chain's "
		    "first certificate");
	else
		ret = 0;
	ERR_clear_error();
	EVP_PKEY_free(pk);
	freezero(pem, CERT_MAX + 1);
	return ret;
}

/* A passphrase cannot be asked for. */
static int
cert_no_pass(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static EVP_PKEY *
cert_pkey(const char *pem, size_t len)
{
	EVP_PKEY	*pk;
	BIO		*bio;

	if ((bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		fatalx("cert: no memory");
	pk = PEM_read_bio_PrivateKey(bio, NULL, cert_no_pass, NULL);
	BIO_free(bio);
	return pk;
}

int
cert_send(const struct cert_set *s, const struct conf *c, struct proc_peer *p)
{
	struct msg_conf_cert	 h = { 0, c->generation };

	for (h.id = 0; h.id < s->n; h.id++) {
		if (proc_send(p, MSG_CONF_CERT, 0, -1, &h, s->v[h.id].chain,
		    s->v[h.id].len) == -1)
			return -1;
		if (p->id == PROC_KEYS &&
		    cert_send_key(c, h.id, &s->v[h.id], p) == -1)
			return -1;
		if (p->id == PROC_WORKER &&
		    cert_send_staple(c, h.id, &s->v[h.id], p) == -1)
			return -1;
	}
	return 0;
}

static int
cert_send_staple(const struct conf *c, size_t n, const struct cert *cert,
    struct proc_peer *p)
{
	struct msg_conf_staple	 h = { n, c->generation, cert->until };

	if (cert->staple == NULL || cert->until == 0)
		return 0;
	return proc_send(p, MSG_CONF_STAPLE, 0, -1, &h, cert->staple,
	    cert->staple_len);
}

/* The file may have changed since it was checked; then it must not go. */
static int
cert_send_key(const struct conf *c, size_t n, const struct cert *cert,
    struct proc_peer *p)
{
	struct msg_conf_cert	 h = { n, c->generation };
	EVP_PKEY		*pk = NULL;
	X509			*leaf = NULL;
	BIO			*bio;
	char			*pem;
	size_t			 len;
	int			 ret = -1;

	if ((bio = BIO_new_mem_buf(cert->chain, (int)cert->len)) == NULL)
		fatalx("cert: no memory");
	leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if ((pem = cert_file(c->certs[n].key, &len, NULL)) != NULL &&
	    (pk = cert_pkey(pem, len)) != NULL && leaf != NULL &&
	    X509_check_private_key(leaf, pk) == 1)
		ret = proc_send(p, MSG_CONF_KEY, 0, -1, &h, pem, len);
	else
		log_warnx("certificate %s: its key file has changed: reload",
		    c->certs[n].name);
	/* the queue held a copy, too */
	if (!imsgbuf_pending(&p->ibuf) && p->ibuf.out.data != NULL)
		explicit_bzero(p->ibuf.out.data, p->ibuf.out.cap);
	ERR_clear_error();
	EVP_PKEY_free(pk);
	X509_free(leaf);
	if (pem != NULL)
		freezero(pem, CERT_MAX + 1);
	return ret;
}
