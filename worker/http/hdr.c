/* SPDX-License-Identifier: ISC */
/*
 * Fields of a request (RFC 9110 5): ids by name, lines chained by id.
 * Called by each transport while it reads a head, and by everybody who asks
 * for a field.  A name with '_' is no token here: some front ends turn '-'
 * into '_', and then two names become one (CVE-2025-64484).
 */
#include "common/compat.h"

#include <string.h>

#include "common/ip.h"
#include "common/utf8.h"
#include "worker/http/hdr.h"

struct hdr_name {
	const char	*name;		/* lower case */
	enum http_hdr	 id;
};

/* By length, each list ended by NULL. */
static const struct hdr_name	len2[] = { { "te", HDR_TE }, { NULL, 0 } };
static const struct hdr_name	len4[] = { { "host", HDR_HOST }, { NULL, 0 } };
static const struct hdr_name	len5[] = { { "range", HDR_RANGE },
	{ NULL, 0 } };
static const struct hdr_name	len6[] = { { "accept", HDR_ACCEPT },
	{ "cookie", HDR_COOKIE }, { "expect", HDR_EXPECT },
	{ "origin", HDR_ORIGIN }, { NULL, 0 } };
static const struct hdr_name	len7[] = { { "trailer", HDR_TRAILER },
	{ "upgrade", HDR_UPGRADE }, { NULL, 0 } };
static const struct hdr_name	len8[] = { { "if-match", HDR_IF_MATCH },
	{ "if-range", HDR_IF_RANGE }, { NULL, 0 } };
static const struct hdr_name	len9[] = { { "forwarded", HDR_FORWARDED },
	{ NULL, 0 } };
static const struct hdr_name	len10[] = { { "connection", HDR_CONNECTION },
	{ "user-agent", HDR_USER_AGENT }, { NULL, 0 } };
static const struct hdr_name	len12[] = { { "content-type",
	HDR_CONTENT_TYPE }, { NULL, 0 } };
static const struct hdr_name	len13[] = { { "authorization",
	HDR_AUTHORIZATION }, { "if-none-match", HDR_IF_NONE_MATCH },
	{ "last-event-id", HDR_LAST_EVENT_ID }, { NULL, 0 } };
static const struct hdr_name	len14[] = { { "content-length",
	HDR_CONTENT_LENGTH }, { "sec-fetch-dest", HDR_SEC_FETCH_DEST },
	{ "sec-fetch-mode", HDR_SEC_FETCH_MODE },
	{ "sec-fetch-site", HDR_SEC_FETCH_SITE },
	{ "service-worker", HDR_SERVICE_WORKER }, { NULL, 0 } };
static const struct hdr_name	len15[] = { { "x-forwarded-for",
	HDR_X_FORWARDED_FOR }, { NULL, 0 } };
static const struct hdr_name	len16[] = { { "content-encoding",
	HDR_CONTENT_ENCODING }, { "x-requested-with", HDR_X_REQUESTED_WITH },
	{ NULL, 0 } };
static const struct hdr_name	len17[] = { { "if-modified-since",
	HDR_IF_MODIFIED_SINCE }, { "transfer-encoding",
	HDR_TRANSFER_ENCODING }, { "x-forwarded-proto",
	HDR_X_FORWARDED_PROTO }, { NULL, 0 } };
static const struct hdr_name	len29[] = { { "access-control-request-method",
	HDR_AC_METHOD }, { NULL, 0 } };
static const struct hdr_name	len30[] = { {
	"access-control-request-headers", HDR_AC_HEADERS }, { NULL, 0 } };

static const struct hdr_name *const	by_len[31] = {
	[2] = len2, [4] = len4, [5] = len5, [6] = len6, [7] = len7,
	[8] = len8, [9] = len9, [10] = len10, [12] = len12, [13] = len13,
	[14] = len14, [15] = len15, [16] = len16, [17] = len17,
	[29] = len29, [30] = len30,
};

/* RFC 9110 5.3: a recipient may not merge lines of these; security.md
 * 3.1 rule 12 refuses them. */
static const enum http_hdr	singletons[] = {
	HDR_AC_METHOD, HDR_AUTHORIZATION, HDR_CONTENT_ENCODING,
	HDR_CONTENT_LENGTH, HDR_CONTENT_TYPE, HDR_EXPECT, HDR_HOST,
	HDR_IF_MODIFIED_SINCE, HDR_IF_RANGE, HDR_LAST_EVENT_ID, HDR_ORIGIN,
	HDR_RANGE, HDR_SEC_FETCH_DEST, HDR_SEC_FETCH_MODE, HDR_SEC_FETCH_SITE,
	HDR_TRANSFER_ENCODING, HDR_X_FORWARDED_PROTO,
};

const uint8_t	hdr_octet[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 7, 2, 3, 7, 7, 7, 7, 6, 6, 7, 7, 6, 15, 15, 6,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 2, 6, 2, 6,
	6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 2, 6, 3, 6,
	3, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 2, 3, 2, 7, 0,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
};

enum http_hdr
hdr_id(const char *name, size_t len)
{
	const struct hdr_name	*n;
	size_t			 i;

	if (len >= nitems(by_len) || by_len[len] == NULL)
		return HDR_OTHER;
	for (n = by_len[len]; n->name != NULL; n++) {
		/* A token's bytes: | 0x20 folds letters and moves nothing
		 * else onto the letters, digits and '-' of our names but
		 * control octets, which no token has. */
		for (i = 0; i < len; i++)
			if ((name[i] | 0x20) != n->name[i])
				break;
		if (i == len)
			return n->id;
	}
	return HDR_OTHER;
}

void
hdr_reset(struct req *r)
{
	r->nhdr = 0;
	memset(r->known, 0xff, sizeof(r->known));	/* all -1 */
}

int
hdr_add(struct req *r, char *name, size_t nlen, char *value, size_t vlen)
{
	struct req_hdr	*h;
	int16_t		*link;

	if (r->nhdr == HTTP_MAX_HDRS)
		return -1;
	h = &r->hdr[r->nhdr];
	h->name = name;
	h->name_len = (uint32_t)nlen;
	h->value = value;
	h->value_len = (uint32_t)vlen;
	h->id = hdr_id(name, nlen);
	h->next = -1;
	if (h->id != HDR_OTHER) {
		for (link = &r->known[h->id]; *link != -1; )
			link = &r->hdr[*link].next;
		*link = (int16_t)r->nhdr;
	}
	r->nhdr++;
	return 0;
}

const char *
hdr_duplicate(const struct req *r)
{
	size_t	 i;
	int16_t	 first;

	for (i = 0; i < nitems(singletons); i++) {
		first = r->known[singletons[i]];
		if (first != -1 && r->hdr[first].next != -1)
			return r->hdr[first].name;
	}
	return NULL;
}

const char *
req_hdr(const struct req *r, enum http_hdr id)
{
	return r->known[id] == -1 ? NULL : r->hdr[r->known[id]].value;
}

const char *
req_hdr_find(const struct req *r, const char *name)
{
	int	 i;

	for (i = 0; i < r->nhdr; i++)
		if (utf8_caseis(r->hdr[i].name, r->hdr[i].name_len, name))
			return r->hdr[i].value;
	return NULL;
}

int
req_local(const struct req *r)
{
	return ip_loopback(&r->peer) && ip_loopback(&r->client) &&
	    r->known[HDR_FORWARDED] == -1 &&
	    r->known[HDR_X_FORWARDED_FOR] == -1 &&
	    r->known[HDR_X_FORWARDED_PROTO] == -1 &&
	    req_hdr_find(r, "X-Real-IP") == NULL &&
	    req_hdr_find(r, "Via") == NULL;
}

int
req_is_type(const struct req *r, const char *type)
{
	const char	*v = req_hdr(r, HDR_CONTENT_TYPE);
	size_t		 n;

	if (v == NULL)
		return 0;
	n = strcspn(v, "; \t");
	return utf8_caseis(v, n, type);
}
