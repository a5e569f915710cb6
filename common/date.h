/* SPDX-License-Identifier: ISC */
/*
 * Points in time.  A time is int64_t milliseconds since 1970 UTC unless a
 * name says otherwise; date_mono is for deadlines only.
 */
#ifndef COMMON_DATE_H
#define COMMON_DATE_H

#include "common/compat.h"

#define DATE_NONE	INT64_MIN	/* not a time */
#define DATE_LEN	40		/* bytes that any text form fits in */

/* Now, milliseconds: wall clock, and monotonic. */
int64_t	date_now(void);
int64_t	date_mono(void);

/* Days since 1970-01-01 of a proleptic Gregorian date; month 1 to 12. */
int64_t	date_days(int64_t year, int month, int day);

/*
 * RFC 3339 as RFC 8620 1.4 narrows it: date_utc writes "2014-10-30T06:12:00Z"
 * (UTCDate; milliseconds only when not zero); date_local writes the same
 * with an offset in minutes ("2014-10-30T14:12:00+08:00").
 */
void	date_utc(int64_t ms, char out[DATE_LEN]);
void	date_local(int64_t ms, int offset_min, char out[DATE_LEN]);
/* Parse either form.  Offset in minutes to *off unless NULL.  DATE_NONE if
 * it is not one; utc_only: insist on "Z" (UTCDate). */
int64_t	date_3339(const char *, size_t, int utc_only, int *off);

/* RFC 9110 5.6.7 IMF-fixdate. */
void	date_http(int64_t ms, char out[DATE_LEN]);
/*
 * RFC 5322 3.3 date-time with 4.3's obsolete forms, as lenient as mail needs:
 * comments skipped, missing weekday or seconds or zone accepted.  Offset in
 * minutes to *off unless NULL.  DATE_NONE when there is no date in it.
 */
int64_t	date_5322(const char *, size_t, int *off);
/* Write "Thu, 30 Oct 2014 14:12:00 +0800". */
void	date_mail(int64_t ms, int offset_min, char out[DATE_LEN]);

#endif
