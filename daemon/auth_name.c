/* SPDX-License-Identifier: ISC */
/*
 * Names and addresses as the directory keeps them: see auth_name.h.  What
 * they are made of was chosen by somebody at the far end of a pipe.
 */
#include "common/compat.h"

#include <string.h>

#include "common/utf8.h"
#include "daemon/auth_name.h"

static enum dir_err name_address(char *, struct auth_db_why *);

int
auth_name_fold(char *s)
{
	size_t	 i, n = strlen(s);

	if (n == 0 || n > AUTH_DB_NAME || !utf8_valid(s, n))
		return -1;
	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return -1;
		s[i] = (char)utf8_lower((unsigned char)s[i]);
	}
	return 0;
}

/* Name and addresses as we keep them. */
enum dir_err
auth_name_normal(struct dir_prin *d, struct auth_db_why *w)
{
	struct dir_values	*f = &d->f[DIR_NAME];
	enum dir_err		 e;
	size_t			 i;

	if (f->n == 0 || f->v[0][0] == '\0')
		return auth_db_say(w, DIR_MISSING, "name", "");
	if (auth_name_fold(f->v[0]) == -1)
		return auth_db_say(w, DIR_OTHERERR, "Invalid name",
		    "1 to 255 bytes of UTF-8 without blanks");
	if (d->type == DIR_DOMAIN && strpbrk(f->v[0], "@/:\\\"") != NULL)
		return auth_db_say(w, DIR_OTHERERR, "Invalid domain name",
		    f->v[0]);
	f = &d->f[DIR_EMAILS];
	for (i = 0; i < f->n; i++)
		if ((e = name_address(f->v[i], w)) != DIR_OK)
			return e;
	return DIR_OK;
}

static enum dir_err
name_address(char *a, struct auth_db_why *w)
{
	const char	*at;

	if (auth_name_fold(a) == -1 || (at = strrchr(a, '@')) == NULL ||
	    at[1] == '\0' || memchr(a, '@', (size_t)(at - a)) != NULL)
		return auth_db_say(w, DIR_OTHERERR, "Invalid email address",
		    a);
	return DIR_OK;
}
