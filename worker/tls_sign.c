/* SPDX-License-Identifier: ISC */
/*
 * One signature is one MSG_SIGN to keys and one answer: see tls_sign.h.  The
 * worker waits for it, so nothing else may be said on this pipe.
 */
#include "common/compat.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/proc.h"
#include "worker/tls_sign.h"

#define SIGN_MS		2000		/* longer than this is broken */

static struct proc_peer	keys;
static int		have_keys;
static uint32_t		last_id;

static void	sign_gone(struct proc_peer *);

static proc_fn *const	handlers[MSG_MAX];	/* none: only answers come */

int
tls_sign_up(void)
{
	return have_keys;
}

void
tls_sign_peer(uint32_t slot, int fd)
{
	if (have_keys)
		proc_close(&keys);
	proc_open(&keys, PROC_KEYS, slot, fd, handlers, sign_gone, NULL);
	have_keys = 1;
}

static void
sign_gone(struct proc_peer *p)
{
	(void)p;
	have_keys = 0;
	log_warnx("keys has gone: no new TLS sessions until it is back");
}

int
tls_sign_on_cert(struct ssl_st *ssl, void *arg)
{
	(void)ssl;
	(void)arg;
	if (have_keys && keys.slow == 0)
		proc_send(&keys, MSG_SIGN_SOON, 0, -1, NULL, NULL, 0);
	return 1;
}

size_t
tls_sign(uint32_t key, uint32_t generation, uint32_t scheme,
    const uint8_t *tbs, size_t len, uint8_t *sig, size_t room)
{
	struct msg_sign		 q = { key, generation, scheme };
	const struct msg_signed	*answer;
	struct msg		 m;

	if (!have_keys)
		return 0;
	if (proc_call(&keys, MSG_SIGN, ++last_id, &q, tbs, len, MSG_SIGNED,
	    SIGN_MS, &m) == -1) {
		log_warn("no signature from keys");
		return 0;
	}
	answer = m.fixed;
	if (answer->error != 0 || m.tail_len == 0 || m.tail_len > room) {
		errno = (int)answer->error;
		log_warn("keys refuses to sign");
		return 0;
	}
	memcpy(sig, m.tail, m.tail_len);
	return m.tail_len;
}
