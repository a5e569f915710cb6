/* SPDX-License-Identifier: ISC */
/*
 * CRC-32C (Castagnoli; RFC 9260 appendix A): of the PROXY protocol and of
 * what the store keeps on disk.
 */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include "common/compat.h"

/* Of n more bytes; start with crc 0, go on with what it returned. */
uint32_t	crc32c(uint32_t crc, const void *, size_t n);

#endif
