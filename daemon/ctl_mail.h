/* SPDX-License-Identifier: ISC */
/*
 * Mail in and out of an account by jmapctl: import, export, check.  The far
 * end is a worker, see worker/stream.h for what is said.
 *
 *	ctl_mail.c	the three verbs, the conversation, the progress line
 *	ctl_reindex.c	reindex
 *	ctl_mbox.c	mbox files: mboxrd, mboxo; written by ctl_mbox_out.c
 *	ctl_maildir.c	Maildir++ folders
 *	ctl_name.c	names of mailboxes in paths, keywords, keys
 *
 * Files are hostile, too: no symbolic link is followed below the path that
 * was named, nothing is overwritten, and no byte of a file or mailbox name
 * reaches a terminal or a path unescaped.
 */
#ifndef DAEMON_CTL_MAIL_H
#define DAEMON_CTL_MAIL_H

#include "common/buf.h"
#include "common/compat.h"

/* --- verbs of ctl.c: argv[0] is the last word; the exit code ----------- */

int	ctl_mail_import(int argc, char *argv[]);
int	ctl_mail_export(int argc, char *argv[]);
int	ctl_mail_check(int argc, char *argv[]);
int	ctl_reindex(int argc, char *argv[]);

/* --- one mail, between the conversation and the files ------------------ */

#define CTL_WORDS	60000	/* bytes of all keywords of one mail */
#define CTL_DEPTH	32	/* folders inside folders */

/* A letter of a mail system, and the keyword it stands for. */
struct ctl_flag {
	char		 letter;
	const char	*word;
};

struct ctl_mail {
	const char	*box;		/* path as in worker/stream.h */
	int64_t		 received;	/* ms */
	uint64_t	 key;		/* on import; on export a number that
					 * no other mail has */
	struct buf	 words;		/* keywords, each ended by NUL */
	uint32_t	 nwords;
	const uint8_t	*data;		/* NULL: no mail, but box is there */
	size_t		 len;
};

/*
 * Reading: fn is called for each mailbox, then for each mail of it; its
 * nonzero result ends the reading and is returned.  -1: reading failed (was
 * said on standard error).  box: where to, or NULL: INBOX and what the files
 * say.
 */
typedef int	ctl_mail_fn(void *, struct ctl_mail *);
int	ctl_mbox_read(const char *path, const char *box, ctl_mail_fn *, void *);
int	ctl_maildir_read(const char *path, const char *box, ctl_mail_fn *,
	    void *);

/* Writing.  open: path must not exist, or be an empty folder.  All return 0,
 * or -1 (was said).  close always frees. */
struct ctl_sink {
	const char	*name;
	void		*(*open)(const char *path);
	int		 (*box)(void *, const char *path);
	int		 (*mail)(void *, const struct ctl_mail *);
	int		 (*close)(void *);
};
extern const struct ctl_sink	ctl_mbox_sink, ctl_maildir_sink;

/* --- ctl_mbox.c, for ctl_mbox_out.c and the tests ----------------------- */

/* 1 if the line (without its end) is a From_ line; its date in *ms. */
int	ctl_mbox_from(const char *line, size_t len, int64_t *ms);
/*
 * If a field of that name ("": any line of a header) begins at p, its length
 * with the line's end, and its value in *v; else 0.
 */
size_t	ctl_mbox_field(const char *p, size_t n, const char *name,
	    const char **v, size_t *vlen);
/* The letters of X-Status. */
#define CTL_XSTATUS	4
extern const struct ctl_flag	ctl_mbox_xstatus[CTL_XSTATUS];

/* --- ctl_name.c -------------------------------------------------------- */

/* Append the words to m's keywords if they can be one (RFC 8621 4.1.1). */
void	ctl_name_word(struct ctl_mail *, const char *, size_t);
/* 1 if the keyword is there, in any case of letters. */
int	ctl_name_has(const struct ctl_mail *, const char *word);
/* Call fn for each keyword. */
void	ctl_name_each(const struct ctl_mail *, void (*)(void *, const char *),
	    void *);

/* For readers: tell fn that there is a mailbox. */
int	ctl_name_box(ctl_mail_fn *, void *, const char *box);
/* Append a component to a path as in worker/stream.h. */
void	ctl_name_add(struct buf *path, const char *, size_t);
/* "Lists/Work", as typed after -m, as such a path, the caller's to free; what
 * names no mailbox ends the program. */
char	*ctl_name_typed(const char *);
/*
 * The next component of such a path, decoded, into out: 1, 0 at the end,
 * -1 it is malformed.  *path moves on.
 */
int	ctl_name_next(const char **path, char *out, size_t size);

/* Modified UTF-7 (RFC 3501 5.1.3), '.' and '/' encoded too.  get: 0, or -1:
 * it is not that (the text is then appended as it stands). */
void	ctl_name_utf7(struct buf *, const char *utf8);
int	ctl_name_utf7_get(struct buf *, const char *, size_t);
/* A name for a file: '/', '%', controls and a leading '.' as %XX. */
void	ctl_name_file(struct buf *, const char *);

/* Names in the folder below dirfd, sorted bytewise, without "." and "..".
 * 0, or -1 with errno; to be freed in any case. */
struct ctl_list {
	char	**v;
	size_t	  n;
};
int	ctl_name_list(int dirfd, const char *name, struct ctl_list *);
void	ctl_name_list_free(struct ctl_list *);
/* Make the folder, or take an empty one: its descriptor, or -1 (was said). */
int	ctl_name_folder(const char *path);

/* The key of a mail: who it is, whatever its flags.  Two mails that are the
 * same in everything have different keys, in order. */
uint64_t	ctl_name_key(const char *box, const char *name, const void *,
		    size_t);

#endif
