/* SPDX-License-Identifier: ISC */
/*
 * The table of permissions and roles: see perm.h.  Auth computes what
 * somebody may do; workers only look at the bits that auth gave them.
 */
#include "common/compat.h"

#include <stdio.h>
#include <string.h>

#include "common/dir.h"
#include "common/perm.h"

#define USER	(PERM_BIT(PERM_AUTHENTICATE) | PERM_BIT(PERM_EMAIL_SEND) | \
		PERM_BIT(PERM_EMAIL_RECEIVE) | \
		PERM_BIT(PERM_MANAGE_PASSWORDS))

static const struct {
	const char	*name;
	uint64_t	 bits;
} perm_roles[] = {
	{ "admin",	PERM_ALL },
	{ "user",	USER },
};

/* Those that we ask for, by number. */
static const char *const perm_names[PERM_MAX] = {
	[PERM_AUTHENTICATE]	= "authenticate",
	[PERM_EMAIL_SEND]	= "email-send",
	[PERM_EMAIL_RECEIVE]	= "email-receive",
	[PERM_MANAGE_PASSWORDS]	= "manage-passwords",
	[PERM_INDIVIDUAL + PERM_LIST]	= "individual-list",
	[PERM_INDIVIDUAL + PERM_GET]	= "individual-get",
	[PERM_INDIVIDUAL + PERM_CREATE]	= "individual-create",
	[PERM_INDIVIDUAL + PERM_UPDATE]	= "individual-update",
	[PERM_INDIVIDUAL + PERM_DELETE]	= "individual-delete",
	[PERM_DOMAIN + PERM_LIST]	= "domain-list",
	[PERM_DOMAIN + PERM_GET]	= "domain-get",
	[PERM_DOMAIN + PERM_CREATE]	= "domain-create",
	[PERM_DOMAIN + PERM_UPDATE]	= "domain-update",
	[PERM_DOMAIN + PERM_DELETE]	= "domain-delete",
	[PERM_PRINCIPAL + PERM_LIST]	= "principal-list",
	[PERM_PRINCIPAL + PERM_GET]	= "principal-get",
	[PERM_PRINCIPAL + PERM_CREATE]	= "principal-create",
	[PERM_PRINCIPAL + PERM_UPDATE]	= "principal-update",
	[PERM_PRINCIPAL + PERM_DELETE]	= "principal-delete",
	[PERM_SETTINGS_RELOAD]	= "settings-reload",
};

/* Known names without a bit yet: whole names, and beginnings ending in "-". */
static const char *const perm_later[] = {
	"ai-model-interact", "api-key-", "authenticate-oauth", "blob-fetch",
	"calendar-", "dav-", "dkim-signature-create", "dkim-signature-get",
	"fts-reindex", "group-", "imap-", "impersonate", "incoming-report-",
	"jmap-", "logs-view", "mailing-list-", "manage-encryption",
	"message-queue-", "metrics-list", "metrics-live", "oauth-client-",
	"outgoing-report-", "pop3-", "purge-", "restart", "role-",
	"settings-delete", "settings-list", "settings-update", "sieve-",
	"spam-filter-", "tenant-", "tracing-", "troubleshoot", "undelete",
	"unlimited-requests", "unlimited-uploads", "webadmin-update",
};

uint64_t
perm_role(const char *name, int *known)
{
	size_t	 i;

	for (i = 0; i < nitems(perm_roles); i++)
		if (strcmp(name, perm_roles[i].name) == 0) {
			*known = 1;
			return perm_roles[i].bits;
		}
	*known = 0;
	return 0;
}

uint64_t
perm_bits(const char *name, int *known)
{
	size_t	 i, n;

	*known = 1;
	for (i = 0; i < PERM_MAX; i++)
		if (strcmp(name, perm_names[i]) == 0)
			return PERM_BIT(i);
	for (i = 0; i < nitems(perm_later); i++) {
		n = strlen(perm_later[i]);
		if (perm_later[i][n - 1] == '-' ? strlen(name) > n &&
		    strncmp(name, perm_later[i], n) == 0 :
		    strcmp(name, perm_later[i]) == 0)
			return 0;
	}
	*known = 0;
	return 0;
}

const char *
perm_name(enum perm p)
{
	return perm_names[p];
}

uint64_t
perm_of(const struct dir_prin *d)
{
	const struct dir_values	*f;
	uint64_t		 bits = 0;
	size_t			 i;
	int			 known;

	f = &d->f[DIR_ROLES];
	for (i = 0; i < f->n; i++)
		bits |= perm_role(f->v[i], &known);
	f = &d->f[DIR_ENABLED];
	for (i = 0; i < f->n; i++)
		bits |= perm_bits(f->v[i], &known);
	f = &d->f[DIR_DISABLED];
	for (i = 0; i < f->n; i++)
		bits &= ~perm_bits(f->v[i], &known);
	return bits;
}
