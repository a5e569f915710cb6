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
#include <openssl/x509v3.h>

#include "common/imsg.h"
#include "common/log.h"
#include "daemon/daemon.h"

#define CERT_MAX	(IMSG_MAX - sizeof(struct msg_conf_cert))

struct cert_try {		/* one certificate on its way in */
	const struct conf_file	*cf;
	struct buf		*report;
	const struct conf_cert	*conf;
	int			 line;
};

static int	cert_read(struct cert_try *, size_t, struct cert *);
static X509	*cert_leaf(struct cert_try *, const struct cert *);
static char	*cert_file(const char *, size_t *, struct stat *);
static int	cert_mode_ok(const struct stat *);
static int	cert_key_check(struct cert_try *, X509 *);
static void	cert_leaf_check(struct cert_try *, X509 *);
static void	cert_bad(struct cert_try *, const char *, const char *,
		    const char *);
static const char	*cert_why(void);
static EVP_PKEY	*cert_pkey(const char *, size_t);
static int	cert_send_key(const struct conf *, size_t,
		    const struct cert *, struct proc_peer *);

void
cert_free(struct cert_set *s)
{
	size_t	 i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++)
		free(s->v[i].chain);
	free(s->v);
	free(s);
}

struct cert_set *
cert_load(const struct conf_file *cf, struct buf *report)
{
	struct cert_try	 t = { cf, report, NULL, 0 };
	struct cert_set	*s;
	size_t		 i;
	int		 bad = 0;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->v = calloc(cf->conf->ncerts + 1, sizeof(*s->v))) == NULL)
		fatal("cert_load");
	s->n = cf->conf->ncerts;
	for (i = 0; i < s->n; i++)
		bad |= cert_read(&t, i, &s->v[i]) == -1;
	if (!bad)
		return s;
	cert_free(s);
	return NULL;
}

static void
cert_bad(struct cert_try *t, const char *what, const char *path,
    const char *why)
{
	conf_parse_report(t->cf->path, t->line, t->report,
	    "%scertificate %s: %s: %s", what, t->conf->name, path, why);
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

static int
cert_read(struct cert_try *t, size_t n, struct cert *c)
{
	X509	*leaf;
	size_t	 i;
	int	 ret;

	t->conf = &t->cf->conf->certs[n];
	t->line = 0;
	for (i = 0; i < t->cf->norigin; i++)
		if (t->cf->origin[i].item == n && strcmp("certificate",
		    conf_sects[t->cf->origin[i].sect].name) == 0)
			t->line = t->cf->origin[i].line;
	if ((c->chain = cert_file(t->conf->chain, &c->len, NULL)) == NULL) {
		cert_bad(t, "", t->conf->chain, strerror(errno));
		return -1;
	}
	if ((leaf = cert_leaf(t, c)) == NULL)
		return -1;
	cert_leaf_check(t, leaf);
	ret = cert_key_check(t, leaf);
	X509_free(leaf);
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

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		goto done;
	errno = !S_ISREG(st.st_mode) ? EINVAL : EFBIG;
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

/* Every certificate of the chain must parse; the leaf is given. */
static X509 *
cert_leaf(struct cert_try *t, const struct cert *c)
{
	X509		*leaf = NULL, *x;
	BIO		*bio;
	unsigned long	 e;

	if ((bio = BIO_new_mem_buf(c->chain, (int)c->len)) == NULL)
		fatalx("cert: no memory");
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (leaf == NULL)
			leaf = x;
		else
			X509_free(x);
	}
	BIO_free(bio);
	e = ERR_peek_last_error();
	if (leaf != NULL && ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE) {
		ERR_clear_error();	/* the end of the file */
		return leaf;
	}
	cert_bad(t, "", t->conf->chain, cert_why());
	X509_free(leaf);
	return NULL;
}

/* An operator must be able to start with it, so these only warn. */
static void
cert_leaf_check(struct cert_try *t, X509 *x)
{
	const char	*path = t->conf->chain;

	if (X509_cmp_current_time(X509_get0_notAfter(x)) <= 0)
		cert_bad(t, "warning: ", path, "has expired");
	if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
		cert_bad(t, "warning: ", path, "is not valid yet");
	if (t->cf->conf->ncerts == 1 &&
	    X509_check_host(x, t->cf->conf->hostname, 0, 0, NULL) != 1)
		cert_bad(t, "warning: ", path, "does not name the hostname");
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
		cert_bad(t, "", t->conf->key, strerror(errno));
		return -1;
	}
	if (!cert_mode_ok(&st))
		cert_bad(t, "", t->conf->key, "others than its owner may "
		    "read or write it (chmod 600), or its owner is neither "
		    "root nor us");
	else if ((pk = cert_pkey(pem, len)) == NULL)
		cert_bad(t, "", t->conf->key, cert_why());
	else if (X509_check_private_key(leaf, pk) != 1)
		cert_bad(t, "", t->conf->key, "is not the key of the chain's "
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
	}
	return 0;
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
