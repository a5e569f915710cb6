/* SPDX-License-Identifier: ISC */
/*
 * Handles of those who have logged in: see auth_handle.h.  Called by auth.c.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "daemon/auth_handle.h"

#define HANDLE_SETS	4096
#define HANDLE_WAYS	8

struct handle {
	uint8_t		 b[MSG_HANDLE];
	uint64_t	 account;	/* 0: free */
	uint64_t	 perms;
	int64_t		 until;
	uint32_t	 slot;
};

static struct handle	*handles;	/* [HANDLE_SETS][HANDLE_WAYS] */

static struct handle	*handle_set(const uint8_t [MSG_HANDLE]);
static void		 handle_drop(int (*)(const struct handle *, uint64_t),
			    uint64_t);
static int		 handle_of_account(const struct handle *, uint64_t);
static int		 handle_of_slot(const struct handle *, uint64_t);

void
auth_handle_init(void)
{
	free(handles);
	handles = calloc((size_t)HANDLE_SETS * HANDLE_WAYS, sizeof(*handles));
	if (handles == NULL)
		fatal("auth_handle");
}

/* Our own random bytes choose the set: nobody can aim. */
static struct handle *
handle_set(const uint8_t b[MSG_HANDLE])
{
	return handles + (size_t)((b[0] << 8 | b[1]) % HANDLE_SETS) *
	    HANDLE_WAYS;
}

void
auth_handle_make(uint32_t slot, uint64_t account, uint64_t perms,
    int64_t until, uint8_t out[MSG_HANDLE])
{
	struct handle	*set, *h, *use;

	arc4random_buf(out, MSG_HANDLE);
	use = set = handle_set(out);
	for (h = set; h < set + HANDLE_WAYS; h++) {
		if (h->account == 0) {
			use = h;
			break;
		}
		if (h->until < use->until)
			use = h;
	}
	memcpy(use->b, out, MSG_HANDLE);
	use->account = account;
	use->perms = perms;
	use->until = until;
	use->slot = slot;
}

int
auth_handle_find(uint32_t slot, const uint8_t handle[MSG_HANDLE], int64_t now,
    uint64_t *account, uint64_t *perms)
{
	struct handle	*set = handle_set(handle), *h;

	for (h = set; h < set + HANDLE_WAYS; h++) {
		if (h->account == 0 || h->slot != slot || h->until < now ||
		    timingsafe_bcmp(h->b, handle, MSG_HANDLE) != 0)
			continue;
		*account = h->account;
		*perms = h->perms;
		return 1;
	}
	return 0;
}

void
auth_handle_forget(uint64_t account)
{
	handle_drop(handle_of_account, account);
}

void
auth_handle_gone(uint32_t slot)
{
	handle_drop(handle_of_slot, slot);
}

static int
handle_of_account(const struct handle *h, uint64_t account)
{
	return h->account == account;
}

static int
handle_of_slot(const struct handle *h, uint64_t slot)
{
	return h->slot == slot;
}

/* Rare, so a walk over all will do. */
static void
handle_drop(int (*is)(const struct handle *, uint64_t), uint64_t key)
{
	struct handle	*h;

	for (h = handles; h < handles + HANDLE_SETS * HANDLE_WAYS; h++)
		if (is(h, key))
			explicit_bzero(h, sizeof(*h));
}
