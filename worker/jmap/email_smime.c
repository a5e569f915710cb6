/* SPDX-License-Identifier: ISC */
/*
 * S/MIME signatures: see email_smime.h.  Called by email_get.c and
 * email_look.c.  Everything in a signature is a stranger's; OpenSSL's CMS
 * takes it apart, inside of the worker's confinement.  Nothing is fetched:
 * intermediate certificates come with the message, revocation lists are not
 * looked at.
 */
#include "common/compat.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/date.h"
#include "common/log.h"
#include "common/utf8.h"
#include "worker/jmap/email.h"
#include "worker/jmap/email_smime.h"

#define SMIME_DER	(1UL << 20)	/* bytes of a signature */
#define SMIME_SIGNERS	8

/* One verification, for the callback too, which has no argument. */
struct smime_run {
	struct arena		*arena;
	struct email_smime	*out;
	time_t			 at;		/* as at that time */
	int			 quiet;		/* what fails is not told */
	int			 failed;
};

static int	email_smime_check(struct arena *, const struct mime_msg *,
		    int64_t received, struct email_smime *);
static int	 smime_signed(struct arena *, const struct mime_msg *,
		    struct buf *der, struct buf *text);
static int	 smime_other(const struct buf *);
static int	 smime_protocol(struct arena *, const struct mime_msg *);
static int	 smime_canonical(const uint8_t *, size_t, struct buf *);
static int	 smime_run(struct smime_run *, const struct mime_msg *,
		    const struct buf *, const struct buf *, int64_t);
static int	 smime_on_verify(int, X509_STORE_CTX *);
static int	 smime_pardon(X509_STORE_CTX *, int);
static void	 smime_from(struct smime_run *, const struct mime_msg *,
		    CMS_ContentInfo *);
static int	 smime_is_from(X509 *, const char *);
static void	 smime_error(struct smime_run *, const char *);

static const char	 verified[] = "signed/verified";
static const char	 failed[] = "signed/failed";
static const char	 unknown[] = "unknown";

static X509_STORE	*anchors;	/* whom we trust */
static struct smime_run	*running;	/* while OpenSSL verifies */

size_t
email_smime_trust(const void *p, size_t n)
{
	STACK_OF(X509_INFO)	*list;
	X509_INFO		*x;
	BIO			*b = NULL;
	size_t			 got = 0;
	int			 i, crls = 0;

	X509_STORE_free(anchors);
	if ((anchors = X509_STORE_new()) == NULL ||
	    (b = BIO_new_mem_buf(n == 0 ? "" : p, (int)n)) == NULL)
		fatalx("smime: no memory");
	list = PEM_X509_INFO_read_bio(b, NULL, NULL, NULL);
	for (i = 0; i < sk_X509_INFO_num(list); i++) {
		x = sk_X509_INFO_value(list, i);
		if (x->x509 != NULL)
			got += X509_STORE_add_cert(anchors, x->x509) == 1;
		if (x->crl != NULL)
			crls += X509_STORE_add_crl(anchors, x->crl) == 1;
	}
	if (crls > 0)
		X509_STORE_set_flags(anchors, X509_V_FLAG_CRL_CHECK);
	X509_STORE_set_verify_cb(anchors, smime_on_verify);
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	ERR_clear_error();
	BIO_free(b);
	return got;
}

/* RFC 8551 3.2, 3.5 */
int
email_smime_is(const struct mime_msg *m)
{
	static const char *const	types[] = {
		"multipart/signed", "application/pkcs7-mime",
		"application/x-pkcs7-mime"
	};
	size_t	 i;

	for (i = 0; i < nitems(types); i++)
		if (strcmp(m->parts[0].type, types[i]) == 0)
			return 1;
	return 0;
}

/*
 * Look at a parsed message with all its bytes, which arrived then (ms; 0:
 * now).  0, -1 memory.
 */
static int
email_smime_check(struct arena *a, const struct mime_msg *m,
    int64_t received, struct email_smime *out)
{
	struct smime_run	 run = { a, out, 0, 0, 0 };
	struct buf		 der, text;
	int			 got;

	memset(out, 0, sizeof(*out));
	if (!email_smime_is(m))
		return 0;
	buf_init(&der, SMIME_DER);
	buf_init(&text, MIME_ARENA);
	out->status = out->delivered = unknown;
	if ((got = smime_signed(a, m, &der, &text)) == 1) {
		out->at = date_now();
		got = smime_run(&run, m, &der, &text, out->at);
		out->status = got == 1 ? verified : failed;
		run.quiet = 1;
		if (received != 0)
			got = smime_run(&run, m, &der, &text, received);
		out->delivered = got == 1 ? verified : failed;
	}
	buf_free(&der);
	buf_free(&text);
	ERR_clear_error();
	return got == -1 ? -1 : 0;
}

int
email_smime_good(const char *status)
{
	return status == verified;
}

int
email_smime_src(struct email_src *src, const struct email_struct *st,
    int64_t received, struct email_smime *out)
{
	const uint8_t	*raw;
	struct mime_msg	*m;

	memset(out, 0, sizeof(*out));
	if (!email_smime_is(&st->msg))
		return 0;
	if ((raw = email_src_bytes(src, 0, src->size)) == NULL ||
	    (m = mime_parse(src->arena, raw, src->size)) == NULL)
		return -1;
	return email_smime_check(src->arena, m, received, out);
}

int
email_smime_put(struct email_src *src, const struct email_struct *st,
    int64_t received, struct email_smime *s, int which, struct buf *b)
{
	size_t	 i;

	if (!s->known && email_smime_src(src, st, received, s) == -1)
		return -1;
	s->known = 1;
	switch (which) {
	case EMAIL_SMIME_STATUS:
		js_out_s(b, s->status);
		break;
	case EMAIL_SMIME_DELIVERED:
		js_out_s(b, s->delivered);
		break;
	case EMAIL_SMIME_AT:
		s->at == 0 ? js_out_null(b) : js_out_date(b, s->at);
		break;
	default:
		if (s->nerror == 0) {
			js_out_null(b);
			break;
		}
		js_out_arr(b);
		for (i = 0; i < s->nerror; i++)
			js_out_s(b, s->error[i]);
		js_out_end(b, ']');
	}
	return 0;
}

/*
 * The signature, and, when it stands apart, the text that it is for.  1; 0
 * if it is of no kind that we know, or encrypted; -1.
 */
static int
smime_signed(struct arena *a, const struct mime_msg *m, struct buf *der,
    struct buf *text)
{
	const struct mime_part	*root = &m->parts[0], *sig = root, *body;

	if (root->multipart) {
		if (root->nsub != 2 || !smime_protocol(a, m))
			return 0;
		body = &m->parts[1];
		sig = &m->parts[body->end];
		if (strcmp(sig->type, "application/pkcs7-signature") != 0 &&
		    strcmp(sig->type, "application/x-pkcs7-signature") != 0)
			return 0;
		if (smime_canonical(m->raw + body->head,
		    body->body + body->bodylen - body->head, text) == -1)
			return -1;
	}
	if (mime_cte_decode(sig->cte, m->raw + sig->body, sig->bodylen,
	    der) == -1)
		return buf_bad(der) ? 0 : -1;
	return der->len > 0 && (root->multipart || !smime_other(der));
}

/* RFC 8551 3.2.2: encrypted, compressed, or certificates alone?  What cannot
 * be read is not: it may have been signed. */
static int
smime_other(const struct buf *der)
{
	const unsigned char	*p = der->data;
	CMS_ContentInfo		*cms;
	int			 other;

	if ((cms = d2i_CMS_ContentInfo(NULL, &p, (long)der->len)) == NULL) {
		ERR_clear_error();
		return 0;
	}
	other = OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed ||
	    sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)) <= 0;
	CMS_ContentInfo_free(cms);
	return other;
}

/* RFC 1847 2.1: the parameter says what the signature is. */
static int
smime_protocol(struct arena *a, const struct mime_msg *m)
{
	static const char	 name[] = "pkcs7-signature";
	const size_t		 len = sizeof(name) - 1;
	const struct mime_hdr	*h;
	const char		*s;

	h = mime_hdr_last(m, 0, "Content-Type", 12);
	s = h == NULL ? NULL : mime_hdr_raw(a, m->raw + h->val, h->vallen);
	for (; s != NULL && strlen(s) >= len; s++)
		if (utf8_casecmp(s, len, name, len) == 0)
			return 1;
	return 0;
}

/* RFC 8551 3.1.1: what is signed has CRLF at the end of each line. */
static int
smime_canonical(const uint8_t *p, size_t n, struct buf *out)
{
	const uint8_t	*end = p + n, *lf;

	while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		buf_add(out, p, (size_t)(lf - p));
		if (lf == p || lf[-1] != '\r')
			buf_addc(out, '\r');
		buf_addc(out, '\n');
		p = lf + 1;
	}
	buf_add(out, p, (size_t)(end - p));
	return buf_bad(out) ? -1 : 0;
}

/* Verify as at a time: 1 good, 0 not. */
static int
smime_run(struct smime_run *r, const struct mime_msg *m,
    const struct buf *der, const struct buf *text, int64_t at)
{
	const unsigned char	*p = der->data;
	CMS_ContentInfo		*cms;
	BIO			*in = NULL;

	r->failed = 0;
	r->at = (time_t)(at / 1000);
	if ((cms = d2i_CMS_ContentInfo(NULL, &p, (long)der->len)) == NULL ||
	    OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed) {
		smime_error(r, "the signature cannot be read");
		goto done;
	}
	if (text->len > 0)
		in = BIO_new_mem_buf(text->data, (int)text->len);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(anchors),
	    r->at);
	running = r;
	if (CMS_verify(cms, NULL, anchors, in, NULL, CMS_BINARY) != 1 &&
	    !r->failed)
		smime_error(r, "the signature is not of this message");
	running = NULL;
	smime_from(r, m, cms);
done:
	BIO_free(in);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return !r->failed;
}

/* Go on whatever is wrong, so that all of it is told. */
static int
smime_on_verify(int ok, X509_STORE_CTX *ctx)
{
	int	 e = X509_STORE_CTX_get_error(ctx);

	if (!ok && running != NULL && !smime_pardon(ctx, e))
		smime_error(running, X509_verify_cert_error_string(e));
	return 1;
}

/* An authority without a list is one as before there were lists; a list of
 * today says when it was that a certificate was revoked. */
static int
smime_pardon(X509_STORE_CTX *ctx, int e)
{
	STACK_OF(X509_CRL)	*lists;
	X509_REVOKED		*rev;
	X509			*x = X509_STORE_CTX_get_current_cert(ctx);
	int			 i, named = 0, later = 0;

	if (e == X509_V_ERR_UNABLE_TO_GET_CRL ||
	    e == X509_V_ERR_CRL_NOT_YET_VALID)
		return 1;
	if (e != X509_V_ERR_CERT_REVOKED || x == NULL)
		return 0;
	/* the current list is not set if it was made after that time */
	lists = X509_STORE_CTX_get1_crls(ctx, X509_get_issuer_name(x));
	for (i = 0; i < sk_X509_CRL_num(lists); i++) {
		if (X509_CRL_get0_by_cert(sk_X509_CRL_value(lists, i), &rev,
		    x) != 1)
			continue;
		named++;
		later += X509_cmp_time(X509_REVOKED_get0_revocationDate(rev),
		    &running->at) > 0;
	}
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	return named > 0 && later == named;
}

static void
smime_error(struct smime_run *r, const char *why)
{
	size_t	 i;

	r->failed = 1;
	if (r->quiet)
		return;
	for (i = 0; i < r->out->nerror; i++)
		if (strcmp(r->out->error[i], why) == 0)
			return;
	if (i < nitems(r->out->error))
		r->out->error[r->out->nerror++] = why;
}

/* RFC 9219 4.1: who signed is who it is from.  Of all authors, one. */
static void
smime_from(struct smime_run *r, const struct mime_msg *m,
    CMS_ContentInfo *cms)
{
	STACK_OF(X509)	*signers = CMS_get0_signers(cms);
	struct mime_row	 row;
	size_t		 i;
	int		 k, ok = 0;

	if (mime_row_heads(r->arena, m, &row) == -1)
		memset(&row, 0, sizeof(row));
	for (k = 0; k < sk_X509_num(signers) && k < SMIME_SIGNERS; k++)
		for (i = 0; i < row.from.n; i++)
			ok |= smime_is_from(sk_X509_value(signers, k),
			    row.from.addr[i].email);
	if (!ok && sk_X509_num(signers) > 0)
		smime_error(r, "the From address is not one of the "
		    "signer's certificate");
	sk_X509_free(signers);
}

static int
smime_is_from(X509 *x, const char *address)
{
	STACK_OF(OPENSSL_STRING)	*l = X509_get1_email(x);
	const char			*s;
	int				 i, ok = 0;

	for (i = 0; i < sk_OPENSSL_STRING_num(l) && !ok; i++) {
		s = sk_OPENSSL_STRING_value(l, i);
		ok = address != NULL && utf8_casecmp(s, strlen(s), address,
		    strlen(address)) == 0;
	}
	X509_email_free(l);
	return ok;
}
