/* SPDX-License-Identifier: ISC */
/*
 * Names in import and export: mailboxes in paths and in files, keywords, and
 * the key by which a mail is known again.  See ctl_mail.h.
 */
#include "common/compat.h"

#include <openssl/evp.h>

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/enc.h"
#include "common/utf8.h"
#include "daemon/ctl.h"
#include "daemon/ctl_mail.h"

static int	name_seen(uint64_t);
static void	name_grow(void);
static void	name_base64(struct buf *, const uint8_t *, size_t);
static ssize_t	name_unbase64(const char *, size_t, uint8_t *, size_t);
static int	name_utf16(struct buf *, const uint8_t *, size_t);

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* --- keywords ---------------------------------------------------------- */

void
ctl_name_word(struct ctl_mail *m, const char *p, size_t n)
{
	char	 word[256];
	size_t	 i;

	/* RFC 8621 4.1.1 */
	if (n == 0 || n > 255 || m->words.len + n + 1 > CTL_WORDS)
		return;
	for (i = 0; i < n; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f ||
		    strchr("(){]%*\"\\", p[i]) != NULL)
			return;
	memcpy(word, p, n);
	word[n] = '\0';
	if (ctl_name_has(m, word))
		return;
	buf_add(&m->words, word, n + 1);
	m->nwords++;
}

int
ctl_name_has(const struct ctl_mail *m, const char *word)
{
	const char	*p = (const char *)m->words.data;
	size_t		 i, n;

	for (i = 0; i < m->words.len; i += n + 1) {
		n = strlen(p + i);
		if (utf8_caseis(p + i, n, word))
			return 1;
	}
	return 0;
}

void
ctl_name_each(const struct ctl_mail *m, void (*fn)(void *, const char *),
    void *arg)
{
	const char	*p = (const char *)m->words.data;
	size_t		 i;

	for (i = 0; i < m->words.len; i += strlen(p + i) + 1)
		fn(arg, p + i);
}

/* --- paths ------------------------------------------------------------- */

/* For the readers: say that there is a mailbox. */
int
ctl_name_box(ctl_mail_fn *fn, void *arg, const char *box)
{
	struct ctl_mail	 m;

	memset(&m, 0, sizeof(m));
	m.box = box;
	return fn(arg, &m);
}

void
ctl_name_add(struct buf *path, const char *p, size_t n)
{
	if (path->len != 0)
		buf_addc(path, '/');
	enc_pct(path, p, n);
}

char *
ctl_name_typed(const char *typed)
{
	struct buf	 path;
	char		*ret;
	size_t		 n;

	buf_init(&path, 4096);
	if (strncasecmp(typed, "INBOX", 5) == 0 &&
	    (typed[5] == '/' || typed[5] == '\0')) {
		buf_adds(&path, "INBOX");
		typed += 5;
	}
	for (; *typed != '\0'; typed += n + (typed[n] == '/'))
		if ((n = strcspn(typed, "/")) > 0)
			ctl_name_add(&path, typed, n);
	if (path.len == 0 || buf_str(&path) == NULL)
		errx(CTL_USAGE, "-m: not the name of a mailbox");
	if ((ret = strdup(buf_str(&path))) == NULL)
		err(1, NULL);
	buf_free(&path);
	return ret;
}

int
ctl_name_next(const char **path, char *out, size_t size)
{
	size_t	 n = strcspn(*path, "/");
	ssize_t	 len;

	if (n == 0)
		return **path == '\0' ? 0 : -1;
	len = enc_pct_get(*path, n, out, size - 1);
	if (len <= 0 || memchr(out, '\0', len) != NULL)
		return -1;
	out[len] = '\0';
	*path += n + ((*path)[n] == '/');
	return 1;
}

void
ctl_name_file(struct buf *out, const char *name)
{
	const unsigned char	*p;

	for (p = (const unsigned char *)name; *p != '\0'; p++)
		if (*p == '/' || *p == '%' || *p < 0x20 || *p == 0x7f ||
		    (*p == '.' && p == (const unsigned char *)name))
			buf_addf(out, "%%%02X", *p);
		else
			buf_addc(out, *p);
}

/* --- folders ----------------------------------------------------------- */

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
ctl_name_list(int dirfd, const char *name, struct ctl_list *list)
{
	struct dirent	*d;
	DIR		*dir;
	int		 fd;

	list->v = NULL;
	list->n = 0;
	if ((fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC)) == -1)
		return -1;
	if ((dir = fdopendir(fd)) == NULL)
		err(1, NULL);
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		list->v = recallocarray(list->v, list->n, list->n + 1,
		    sizeof(*list->v));
		if (list->v == NULL ||
		    (list->v[list->n++] = strdup(d->d_name)) == NULL)
			err(1, NULL);
	}
	closedir(dir);
	if (list->n != 0)
		qsort(list->v, list->n, sizeof(*list->v), name_cmp);
	return 0;
}

void
ctl_name_list_free(struct ctl_list *list)
{
	while (list->n > 0)
		free(list->v[--list->n]);
	free(list->v);
}

int
ctl_name_folder(const char *path)
{
	struct ctl_list	 list;
	int		 fd;
	size_t		 n;

	if (mkdir(path, 0700) == -1 && errno != EEXIST) {
		warn("%s", path);
		return -1;
	}
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    ctl_name_list(fd, ".", &list) == -1) {
		warn("%s", path);
		return -1;
	}
	n = list.n;
	ctl_name_list_free(&list);
	if (n == 0)
		return fd;
	warnx("%s: is not empty", path);
	close(fd);
	return -1;
}

/* --- modified UTF-7 ---------------------------------------------------- */

void
ctl_name_utf7(struct buf *out, const char *name)
{
	const uint8_t	*p = (const uint8_t *)name;
	struct buf	 wide;
	uint32_t	 cp;
	size_t		 n;

	buf_init(&wide, 4096);
	for (; *p != '\0'; p += n) {
		if ((n = utf8_get(p, strlen((const char *)p), &cp)) == 0) {
			n = 1;
			cp = 0xfffd;
		}
		if (cp >= 0x20 && cp < 0x7f && cp != '.' && cp != '/') {
			name_base64(out, wide.data, wide.len);
			buf_reset(&wide);
			buf_addc(out, cp);
			if (cp == '&')
				buf_addc(out, '-');
		} else if (cp < 0x10000)
			buf_be16(&wide, cp);
		else {
			buf_be16(&wide, 0xd800 + ((cp - 0x10000) >> 10));
			buf_be16(&wide, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		}
	}
	name_base64(out, wide.data, wide.len);
	buf_free(&wide);
}

/* "&" base64 "-", without padding and with ',' for '/'; nothing for none. */
static void
name_base64(struct buf *out, const uint8_t *p, size_t n)
{
	uint32_t	 bits = 0;
	int		 have = 0;

	if (n == 0)
		return;
	buf_addc(out, '&');
	for (; n > 0; n--, p++) {
		bits = (bits << 8 | *p) & 0xffff;
		for (have += 8; have >= 6; have -= 6)
			buf_addc(out, base64[bits >> (have - 6) & 0x3f]);
	}
	if (have > 0)
		buf_addc(out, base64[bits << (6 - have) & 0x3f]);
	buf_addc(out, '-');
}

int
ctl_name_utf7_get(struct buf *out, const char *p, size_t n)
{
	uint8_t		 wide[1024];
	const char	*end;
	ssize_t		 len;
	size_t		 start = out->len, i, run;

	for (i = 0; i < n; i += run) {
		run = 1;
		if (p[i] != '&') {
			if (p[i] < 0x20 || p[i] >= 0x7f)
				goto bad;
			buf_addc(out, p[i]);
			continue;
		}
		if ((end = memchr(p + i, '-', n - i)) == NULL)
			goto bad;
		run = end - (p + i) + 1;
		if (run == 2) {
			buf_addc(out, '&');
			continue;
		}
		len = name_unbase64(p + i + 1, run - 2, wide, sizeof(wide));
		if (len == -1 || name_utf16(out, wide, len) == -1)
			goto bad;
	}
	return 0;
bad:
	out->len = start;
	buf_add(out, p, n);
	return -1;
}

static ssize_t
name_unbase64(const char *p, size_t n, uint8_t *out, size_t max)
{
	const char	*d;
	uint32_t	 bits = 0;
	size_t		 len = 0;
	int		 have = 0;

	for (; n > 0; n--, p++) {
		if (*p == '\0' || (d = strchr(base64, *p)) == NULL)
			return -1;
		bits = (bits << 6 | (uint32_t)(d - base64)) & 0xffff;
		if ((have += 6) < 8)
			continue;
		have -= 8;
		if (len == max)
			return -1;
		out[len++] = bits >> have & 0xff;
	}
	return have < 6 ? (ssize_t)len : -1;
}

static int
name_utf16(struct buf *out, const uint8_t *p, size_t n)
{
	uint8_t		 utf8[4];
	uint32_t	 cp, low;
	size_t		 i, len;

	if (n % 2 != 0)
		return -1;
	for (i = 0; i < n; i += 2) {
		cp = (uint32_t)p[i] << 8 | p[i + 1];
		if (cp >= 0xd800 && cp < 0xdc00 && i + 4 <= n) {
			low = (uint32_t)p[i + 2] << 8 | p[i + 3];
			if (low < 0xdc00 || low > 0xdfff)
				return -1;
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
		}
		if (cp == 0 || (len = utf8_put(cp, utf8)) == 0)
			return -1;
		buf_add(out, utf8, len);
	}
	return 0;
}

/* --- keys -------------------------------------------------------------- */

/* The keys given so far: open addressing, 0 is free. */
static uint64_t	*seen;
static size_t	 nseen, cap;

uint64_t
ctl_name_key(const char *box, const char *name, const void *data, size_t len)
{
	unsigned char	 hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX	*md;
	uint64_t	 key;
	uint32_t	 again = 0;

	do {
		if ((md = EVP_MD_CTX_new()) == NULL ||
		    !EVP_DigestInit_ex(md, EVP_sha256(), NULL) ||
		    !EVP_DigestUpdate(md, &again, sizeof(again)) ||
		    !EVP_DigestUpdate(md, box, strlen(box) + 1) ||
		    !EVP_DigestUpdate(md, name, strlen(name) + 1) ||
		    !EVP_DigestUpdate(md, data, len) ||
		    !EVP_DigestFinal_ex(md, hash, NULL))
			errx(1, "SHA-256 failed");
		EVP_MD_CTX_free(md);
		memcpy(&key, hash, sizeof(key));
		again++;
	} while (key == 0 || name_seen(key));
	return key;
}

/* 1 if it was given already; else it is noted. */
static int
name_seen(uint64_t key)
{
	size_t	 i;

	if (nseen * 2 >= cap)
		name_grow();
	for (i = key & (cap - 1); seen[i] != 0; i = (i + 1) & (cap - 1))
		if (seen[i] == key)
			return 1;
	seen[i] = key;
	nseen++;
	return 0;
}

static void
name_grow(void)
{
	uint64_t	*old = seen;
	size_t		 i, n = cap;

	cap = cap == 0 ? 1024 : cap * 2;
	nseen = 0;
	if ((seen = calloc(cap, sizeof(*seen))) == NULL)
		err(1, NULL);
	for (i = 0; i < n; i++)
		if (old[i] != 0)
			name_seen(old[i]);
	free(old);
}
