/* SPDX-License-Identifier: ISC */
/*
 * Authorization of a stranger (authz.c): what is taken for a user and a
 * password is text of the promised length, and is what was encoded.
 */
#include "common/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "worker/policy/authz.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char	 value[8193], user[AUTHZ_USER], secret[AUTHZ_SECRET];
	char	 text[AUTHZ_USER + AUTHZ_SECRET];
	char	 b64[ENC_B64_LEN(sizeof(text)) + 1];
	size_t	 len;

	if (n >= sizeof(value) || memchr(p, '\0', n) != NULL)
		return 0;
	memcpy(value, p, n);
	value[n] = '\0';
	if (!authz_basic(value, user, secret))
		return 0;
	if (strchr(user, ':') != NULL || !utf8_valid(user, strlen(user)) ||
	    !utf8_valid(secret, strlen(secret)))
		abort();
	len = (size_t)snprintf(text, sizeof(text), "%s:%s", user, secret);
	enc_b64(text, len, b64);
	if (n < strlen(b64) || strcmp(value + n - strlen(b64), b64) != 0)
		abort();
	return 0;
}
