/* SPDX-License-Identifier: ISC */
/*
 * The names of character sets: what IANA and the WHATWG have, and what else
 * is seen in mail, without anything but letters and digits.  Called by
 * mime_charset.c for each text, so it is a binary search; regress/unit/
 * t_mime_alias.c sees to it that the table is in order.
 *
 * As the WHATWG does, a name stands for the superset that senders really
 * use: ISO-8859-1 is Windows-1252, GB2312 is GB18030, Shift_JIS is CP932.
 */
#include "common/compat.h"

#include <stdlib.h>
#include <string.h>

#include "common/slice.h"
#include "worker/mime/mime_int.h"

/* In strcmp order. */
const struct mime_alias mime_alias_table[] = {
	{ "437", SET_CP437 }, { "646", SET_ASCII }, { "850", SET_CP850 },
	{ "866", SET_CP866 }, { "ansix341968", SET_ASCII },
	{ "ansix341986", SET_ASCII }, { "arabic", SET_8859_6 },
	{ "ascii", SET_ASCII }, { "asmo708", SET_8859_6 }, { "big5", SET_BIG5 },
	{ "big5hkscs", SET_BIG5 }, { "chinese", SET_GB18030 },
	{ "cnbig5", SET_BIG5 }, { "cp1250", SET_CP1250 },
	{ "cp1251", SET_CP1251 }, { "cp1252", SET_CP1252 },
	{ "cp1253", SET_CP1253 }, { "cp1254", SET_CP1254 },
	{ "cp1255", SET_CP1255 }, { "cp1256", SET_CP1256 },
	{ "cp1257", SET_CP1257 }, { "cp1258", SET_CP1258 },
	{ "cp367", SET_ASCII }, { "cp437", SET_CP437 }, { "cp737", SET_CP737 },
	{ "cp775", SET_CP775 }, { "cp819", SET_CP1252 }, { "cp850", SET_CP850 },
	{ "cp852", SET_CP852 }, { "cp855", SET_CP855 }, { "cp857", SET_CP857 },
	{ "cp858", SET_CP858 }, { "cp862", SET_CP862 }, { "cp866", SET_CP866 },
	{ "cp874", SET_CP874 }, { "cp932", SET_CP932 },
	{ "cp936", SET_GB18030 }, { "cp949", SET_CP949 }, { "cp950", SET_BIG5 },
	{ "csascii", SET_ASCII }, { "csbig5", SET_BIG5 },
	{ "cseuckr", SET_CP949 }, { "cseucpkdfmtjapanese", SET_EUC_JP },
	{ "csgb2312", SET_GB18030 }, { "csibm866", SET_CP866 },
	{ "csiso2022jp", SET_2022_JP_2 }, { "csiso58gb231280", SET_GB18030 },
	{ "csiso88596e", SET_8859_6 }, { "csiso88596i", SET_8859_6 },
	{ "csiso88598e", SET_8859_8 }, { "csiso88598i", SET_8859_8 },
	{ "csisolatin1", SET_CP1252 }, { "csisolatin2", SET_8859_2 },
	{ "csisolatin3", SET_8859_3 }, { "csisolatin4", SET_8859_4 },
	{ "csisolatin5", SET_CP1254 }, { "csisolatin6", SET_8859_10 },
	{ "csisolatin9", SET_8859_15 }, { "csisolatinarabic", SET_8859_6 },
	{ "csisolatincyrillic", SET_8859_5 }, { "csisolatingreek", SET_8859_7 },
	{ "csisolatinhebrew", SET_8859_8 }, { "cskoi8r", SET_KOI8_R },
	{ "csksc56011987", SET_CP949 }, { "csmacintosh", SET_MACINTOSH },
	{ "csshiftjis", SET_CP932 }, { "csunicode", SET_UTF16 },
	{ "cyrillic", SET_8859_5 }, { "dos874", SET_CP874 },
	{ "ecma114", SET_8859_6 }, { "ecma118", SET_8859_7 },
	{ "elot928", SET_8859_7 }, { "eucjp", SET_EUC_JP },
	{ "euckr", SET_CP949 }, { "gb18030", SET_GB18030 },
	{ "gb2312", SET_GB18030 }, { "gb231280", SET_GB18030 },
	{ "gbk", SET_GB18030 }, { "greek", SET_8859_7 },
	{ "greek8", SET_8859_7 }, { "hebrew", SET_8859_8 }, { "hz", SET_HZ },
	{ "hzgb2312", SET_HZ }, { "ibm00858", SET_CP858 },
	{ "ibm367", SET_ASCII }, { "ibm437", SET_CP437 },
	{ "ibm737", SET_CP737 }, { "ibm775", SET_CP775 },
	{ "ibm819", SET_CP1252 }, { "ibm850", SET_CP850 },
	{ "ibm852", SET_CP852 }, { "ibm855", SET_CP855 },
	{ "ibm857", SET_CP857 }, { "ibm858", SET_CP858 },
	{ "ibm862", SET_CP862 }, { "ibm866", SET_CP866 },
	{ "iso10646ucs2", SET_UTF16 }, { "iso2022jp", SET_2022_JP_2 },
	{ "iso2022jp1", SET_2022_JP_1 }, { "iso2022jp2", SET_2022_JP_2 },
	{ "iso2022kr", SET_2022_KR }, { "iso646us", SET_ASCII },
	{ "iso88591", SET_CP1252 }, { "iso885910", SET_8859_10 },
	{ "iso885911", SET_CP874 }, { "iso885911987", SET_CP1252 },
	{ "iso885913", SET_8859_13 }, { "iso885914", SET_8859_14 },
	{ "iso885915", SET_8859_15 }, { "iso885916", SET_8859_16 },
	{ "iso88592", SET_8859_2 }, { "iso885921987", SET_8859_2 },
	{ "iso88593", SET_8859_3 }, { "iso885931988", SET_8859_3 },
	{ "iso88594", SET_8859_4 }, { "iso885941988", SET_8859_4 },
	{ "iso88595", SET_8859_5 }, { "iso885951988", SET_8859_5 },
	{ "iso88596", SET_8859_6 }, { "iso885961987", SET_8859_6 },
	{ "iso88596e", SET_8859_6 }, { "iso88596i", SET_8859_6 },
	{ "iso88597", SET_8859_7 }, { "iso885971987", SET_8859_7 },
	{ "iso88598", SET_8859_8 }, { "iso885981988", SET_8859_8 },
	{ "iso88598e", SET_8859_8 }, { "iso88598i", SET_8859_8 },
	{ "iso88599", SET_CP1254 }, { "iso885991989", SET_CP1254 },
	{ "isoir100", SET_CP1252 }, { "isoir101", SET_8859_2 },
	{ "isoir109", SET_8859_3 }, { "isoir110", SET_8859_4 },
	{ "isoir126", SET_8859_7 }, { "isoir127", SET_8859_6 },
	{ "isoir138", SET_8859_8 }, { "isoir144", SET_8859_5 },
	{ "isoir148", SET_CP1254 }, { "isoir149", SET_CP949 },
	{ "isoir157", SET_8859_10 }, { "isoir58", SET_GB18030 },
	{ "isoir6", SET_ASCII }, { "johab", SET_JOHAB }, { "koi", SET_KOI8_R },
	{ "koi8", SET_KOI8_R }, { "koi8r", SET_KOI8_R },
	{ "koi8ru", SET_KOI8_U }, { "koi8t", SET_KOI8_T },
	{ "koi8u", SET_KOI8_U }, { "korean", SET_CP949 },
	{ "ksc5601", SET_CP949 }, { "ksc56011987", SET_CP949 },
	{ "ksc56011989", SET_CP949 }, { "l1", SET_CP1252 },
	{ "l2", SET_8859_2 }, { "l3", SET_8859_3 }, { "l4", SET_8859_4 },
	{ "l5", SET_CP1254 }, { "l6", SET_8859_10 }, { "l9", SET_8859_15 },
	{ "latin1", SET_CP1252 }, { "latin2", SET_8859_2 },
	{ "latin3", SET_8859_3 }, { "latin4", SET_8859_4 },
	{ "latin5", SET_CP1254 }, { "latin6", SET_8859_10 },
	{ "latin9", SET_8859_15 }, { "logical", SET_8859_8 },
	{ "mac", SET_MACINTOSH }, { "maccyrillic", SET_MAC_CYRILLIC },
	{ "macintosh", SET_MACINTOSH }, { "macroman", SET_MACINTOSH },
	{ "ms932", SET_CP932 }, { "ms936", SET_GB18030 },
	{ "ms949", SET_CP949 }, { "mskanji", SET_CP932 },
	{ "shiftjis", SET_CP932 }, { "sjis", SET_CP932 },
	{ "suneugreek", SET_8859_7 }, { "tcvn", SET_TCVN },
	{ "tis620", SET_CP874 }, { "ucs2", SET_UTF16 }, { "uhc", SET_CP949 },
	{ "unicode", SET_UTF16 }, { "unicode11utf7", SET_UTF7 },
	{ "unicode11utf8", SET_UTF8 }, { "unicode20utf8", SET_UTF8 },
	{ "unicodefeff", SET_UTF16 }, { "unicodefffe", SET_UTF16BE },
	{ "us", SET_ASCII }, { "usascii", SET_ASCII }, { "utf16", SET_UTF16 },
	{ "utf16be", SET_UTF16BE }, { "utf16le", SET_UTF16LE },
	{ "utf32", SET_UTF32 }, { "utf32be", SET_UTF32BE },
	{ "utf32le", SET_UTF32LE }, { "utf7", SET_UTF7 }, { "utf8", SET_UTF8 },
	{ "utf8mb4", SET_UTF8 }, { "viscii", SET_VISCII },
	{ "visual", SET_8859_8 }, { "win1250", SET_CP1250 },
	{ "win1251", SET_CP1251 }, { "win1252", SET_CP1252 },
	{ "windows1250", SET_CP1250 }, { "windows1251", SET_CP1251 },
	{ "windows1252", SET_CP1252 }, { "windows1253", SET_CP1253 },
	{ "windows1254", SET_CP1254 }, { "windows1255", SET_CP1255 },
	{ "windows1256", SET_CP1256 }, { "windows1257", SET_CP1257 },
	{ "windows1258", SET_CP1258 }, { "windows31j", SET_CP932 },
	{ "windows874", SET_CP874 }, { "windows936", SET_GB18030 },
	{ "windows949", SET_CP949 }, { "xansi", SET_CP1252 },
	{ "xbig5", SET_BIG5 }, { "xcp1250", SET_CP1250 },
	{ "xcp1251", SET_CP1251 }, { "xcp1252", SET_CP1252 },
	{ "xcp1253", SET_CP1253 }, { "xcp1254", SET_CP1254 },
	{ "xcp1255", SET_CP1255 }, { "xcp1256", SET_CP1256 },
	{ "xcp1257", SET_CP1257 }, { "xcp1258", SET_CP1258 },
	{ "xeucjp", SET_EUC_JP }, { "xgbk", SET_GB18030 },
	{ "xmacce", SET_MAC_CE }, { "xmaccentraleurroman", SET_MAC_CE },
	{ "xmaccyrillic", SET_MAC_CYRILLIC }, { "xmacroman", SET_MACINTOSH },
	{ "xmacukrainian", SET_MAC_CYRILLIC }, { "xsjis", SET_CP932 },
	{ "xunicode20utf8", SET_UTF8 }, { "xutf8", SET_UTF8 },
	{ "xwindows949", SET_CP949 }, { "xxbig5", SET_BIG5 },
};
const size_t	mime_alias_n = nitems(mime_alias_table);

static int	alias_cmp(const void *, const void *);

const struct mime_alias *
mime_alias(const char *key, size_t n)
{
	const struct slice	 k = SLICE(key, n);

	return bsearch(&k, mime_alias_table, mime_alias_n,
	    sizeof(mime_alias_table[0]), alias_cmp);
}

static int
alias_cmp(const void *a, const void *b)
{
	const struct slice	*k = a;
	const char		*name = ((const struct mime_alias *)b)->name;
	int			 d = strncmp(k->p, name, k->n);

	return d != 0 ? d : name[k->n] == '\0' ? 0 : -1;
}
