/* SPDX-License-Identifier: ISC */
/*
 * Removing an account and all of its files.  Called by the worker when the
 * directory has no such account any more.
 */
#include "common/compat.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "worker/store/store_int.h"

static int	 store_rmtree(const char *);

enum store_err
store_destroy(const char *account)
{
	char		 path[STORE_PATHMAX], gone[STORE_PATHMAX];

	if (!store_name_ok(account))
		return STORE_INVALID;
	store_forget(account);
	snprintf(path, sizeof(path), "%s/%s", store_config.dir, account);
	/* a name no account can have: a half-removed one is never opened */
	snprintf(gone, sizeof(gone), "%s/%s.%lld", store_config.dir, account,
	    (long long)date_now());
	if (rename(path, gone) == -1)
		return errno == ENOENT ? STORE_NOTFOUND : STORE_IO;
	return store_rmtree(gone) == 0 ? STORE_OK : STORE_IO;
}

/* Remove an account's folder: files, and folders of files. */
static int
store_rmtree(const char *path)
{
	char		 sub[STORE_PATHMAX + 300];
	struct dirent	*d;
	DIR		*dir;

	if ((dir = opendir(path)) == NULL)
		return -1;
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, d->d_name);
		if (unlink(sub) == 0)
			continue;
		if (errno != EISDIR && errno != EPERM)
			break;
		/* search/ and blob/ only: one level, so this ends */
		if (strlen(sub) < STORE_PATHMAX && store_rmtree(sub) == -1)
			break;
	}
	closedir(dir);
	return rmdir(path);
}
