/* SPDX-License-Identifier: ISC */
/*
 * CRC-32C (Castagnoli, RFC 3720 B.4), eight bytes a step from tables that
 * the first call makes.  Finds what a disk spoiled; no defence against a
 * forger.
 */
#include "common/compat.h"

#include "common/crc32c.h"

#define POLY	0x82f63b78U	/* reversed 0x1edc6f41 */

static uint32_t	 table[8][256];

static void	 crc32c_init(void);

static void
crc32c_init(void)
{
	uint32_t	 c;
	unsigned	 i, j;

	for (i = 0; i < 256; i++) {
		c = i;
		for (j = 0; j < 8; j++)
			c = c & 1 ? c >> 1 ^ POLY : c >> 1;
		table[0][i] = c;
	}
	for (i = 0; i < 256; i++)
		for (j = 1; j < 8; j++)
			table[j][i] = table[j - 1][i] >> 8 ^
			    table[0][table[j - 1][i] & 0xff];
}

/* Of n bytes, going on from the crc of those before (0 at the start). */
uint32_t
crc32c(uint32_t crc, const void *bytes, size_t n)
{
	const uint8_t	*p = bytes;
	uint32_t	 c = ~crc;

	if (table[0][1] == 0)
		crc32c_init();
	for (; n >= 8; n -= 8, p += 8) {
		c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		    (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		c = table[7][c & 0xff] ^ table[6][c >> 8 & 0xff] ^
		    table[5][c >> 16 & 0xff] ^ table[4][c >> 24] ^
		    table[3][p[4]] ^ table[2][p[5]] ^
		    table[1][p[6]] ^ table[0][p[7]];
	}
	while (n-- > 0)
		c = table[0][(c ^ *p++) & 0xff] ^ c >> 8;
	return ~c;
}
