/* SPDX-License-Identifier: ISC */
/*
 * Headers of the administrator (http { headers }): each replaces what the
 * class and the handler say, on every status, but not what is locked
 * (security.md 1.7).  conf_parse has refused bad ones; so has nobody else
 * to.
 */
#include "common/compat.h"

#include <string.h>

#include "common/conf.h"
#include "common/hdr_check.h"
#include "common/log.h"
#include "common/utf8.h"
#include "worker/policy/policy.h"

void
custom_compose(struct block *b, const struct block_ctx *x)
{
	const char	*value;
	char		 name[HDR_CHECK_LINE + 1], text[HDR_CHECK_LINE + 1];
	size_t		 i, nlen, vlen;

	for (i = 0; i < x->conf->headers.n; i++) {
		if (hdr_check(x->conf->headers.v[i], &nlen, &value, &vlen) !=
		    NULL)
			fatalx("a header that parent has not checked");
		/* A download's name and disposition are its lock. */
		if (x->class == HTTP_B && !x->conf->unsafe_blob_override &&
		    utf8_caseis(x->conf->headers.v[i], nlen,
		    "content-disposition"))
			continue;
		memcpy(name, x->conf->headers.v[i], nlen);
		name[nlen] = '\0';
		memcpy(text, value, vlen);
		text[vlen] = '\0';
		block_set(b, name, text, BLOCK_CUSTOM);
	}
}
