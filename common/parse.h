/* SPDX-License-Identifier: ISC */
/* What a parser of a peer's bytes answers: pure, no I/O, no log. */
#ifndef COMMON_PARSE_H
#define COMMON_PARSE_H

enum parse {
	PARSE_ERROR = -1,	/* it can never become valid */
	PARSE_MORE = 0,		/* valid so far, bytes are missing */
	PARSE_DONE = 1
};

#endif
