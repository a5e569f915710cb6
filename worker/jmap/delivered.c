/* SPDX-License-Identifier: ISC */
/* After a delivery: see delivered.h. */
#include "common/compat.h"

#include "common/date.h"
#include "worker/jmap/delivered.h"
#include "worker/jmap/submission.h"
#include "worker/jmap/vacation.h"

void
delivered_setup(int64_t period)
{
	vacation_period(period);
}

enum store_err
delivered(struct store_txn *txn, uint64_t mail, const void *raw, size_t len,
    int *reply)
{
	enum store_err	 e;

	*reply = 0;
	if ((e = submission_report(txn, mail, raw, len)) != STORE_OK)
		return e;
	return vacation_on(txn, date_now(), reply);
}

void
delivered_reply(uint64_t account, const void *raw, size_t len)
{
	vacation_reply(account, raw, len);
}
