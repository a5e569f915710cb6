/* SPDX-License-Identifier: ISC */
/*
 * Patterns in which '*' stands for any bytes, '/' too, and everything else
 * for itself.  For paths in the configuration.
 */
#ifndef COMMON_GLOB_H
#define COMMON_GLOB_H

#include "common/compat.h"

/* 1 if the whole text matches; nocase: ASCII letters of any case.  Takes at
 * most length of pattern times length of text steps. */
int	glob_match(const char *pattern, const char *text, int nocase);

#endif
