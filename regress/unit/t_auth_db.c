/* SPDX-License-Identifier: ISC */
/* daemon/auth_db.c, auth_find.c and auth_dir.c on a directory of their own. */
#include "common/compat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/perm.h"
#include "daemon/auth_db.h"
#include "daemon/auth_dir.h"
#include "daemon/auth_find.h"
#include "daemon/auth_pass.h"

static char			 dir[64];
static struct auth_db_why	 why;

static int
begin(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/auth-db-XXXXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	auth_pass_init(64 * 1024, 1);
	return auth_db_open(dir);
}

static int
end(void **state)
{
	static const char *const	 files[] = { "data.mdb", "lock.mdb" };
	char				 path[96];
	size_t				 i;

	(void)state;
	auth_db_close();
	for (i = 0; i < nitems(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* Make a principal with up to two addresses; its id, or 0 and why. */
static uint64_t
make(enum dir_type type, const char *name, const char *a, const char *b)
{
	struct dir_prin	 d;
	uint64_t	 id = 0;

	dir_init(&d);
	d.type = type;
	dir_set(&d, DIR_NAME, name);
	if (a != NULL)
		dir_set(&d, DIR_EMAILS, a);
	if (b != NULL) {
		struct dir_entry e = { DIR_ADD, DIR_EMAILS, b, strlen(b) };

		assert_int_equal(dir_apply_one(&d, &e), 0);
	}
	memset(&why, 0, sizeof(why));
	if (auth_db_create(&d, 0, &why) == DIR_OK)
		id = d.id;
	dir_free(&d);
	return id;
}

/* Who gets mail for the address; 0 for nobody. */
static uint64_t
rcpt(const char *address)
{
	struct dir_prin	 d;
	uint64_t	 id = 0;
	int		 ours;

	dir_init(&d);
	if (auth_db_rcpt(address, &d, &ours) == DIR_OK)
		id = d.id;
	dir_free(&d);
	return id;
}

static uint64_t
login(const char *name)
{
	struct dir_prin	 d;
	uint64_t	 id = 0;

	dir_init(&d);
	if (auth_db_login(name, &d) == DIR_OK)
		id = d.id;
	dir_free(&d);
	return id;
}

static void
principals_survive_reopening(void **state)
{
	struct dir_prin	 d;
	uint64_t	 dom, bob;

	(void)state;
	dom = make(DIR_DOMAIN, "Example.ORG", NULL, NULL);
	bob = make(DIR_INDIVIDUAL, "Bob", "Bob@Example.org", NULL);
	assert_true(dom != 0 && bob != 0 && dom != bob);
	auth_db_close();
	assert_int_equal(auth_db_open(dir), 0);
	dir_init(&d);
	assert_int_equal(auth_db_key("BOB", &d), DIR_OK);
	assert_true(d.id == bob);
	assert_string_equal(dir_first(&d, DIR_NAME), "bob");
	assert_string_equal(dir_first(&d, DIR_EMAILS), "bob@example.org");
	dir_free(&d);
	dir_init(&d);
	assert_int_equal(auth_db_key("1", &d), DIR_OK);	/* by id */
	assert_true(d.id == dom);
	dir_free(&d);
	assert_true(make(DIR_INDIVIDUAL, "ann", NULL, NULL) == bob + 1);
}

static void
names_and_addresses_are_unique(void **state)
{
	(void)state;
	assert_true(make(DIR_DOMAIN, "a.test", NULL, NULL) != 0);
	assert_true(make(DIR_INDIVIDUAL, "one", "x@a.test", NULL) != 0);
	assert_true(make(DIR_INDIVIDUAL, "ONE", NULL, NULL) == 0);
	assert_string_equal(why.what, "name");
	assert_string_equal(why.more, "one");
	assert_true(make(DIR_INDIVIDUAL, "two", "y@a.test", "X@A.test") == 0);
	assert_string_equal(why.what, "emails");
	assert_string_equal(why.more, "x@a.test");
	/* nothing of the refused one is left */
	assert_true(rcpt("y@a.test") == 0);
	assert_true(make(DIR_INDIVIDUAL, "two", "y@b.test", NULL) == 0);
	assert_string_equal(why.what, "b.test");
	assert_true(make(DIR_INDIVIDUAL, "", NULL, NULL) == 0);
	assert_true(make(DIR_INDIVIDUAL, "with blank", NULL, NULL) == 0);
	assert_true(make(DIR_INDIVIDUAL, "two", "no-at", NULL) == 0);
	assert_true(make(DIR_INDIVIDUAL, "two", "a@b@a.test", NULL) == 0);
	assert_true(make(DIR_DOMAIN, "a/b", NULL, NULL) == 0);
}

static const struct rcpt_row {
	const char	*address;
	int		 who;		/* 0 nobody, 1 bob, 2 the catch-all */
} rcpt_rows[] = {
	{ "bob@a.test", 1 },
	{ "BOB@A.TEST", 1 },
	{ "bob+list@a.test", 1 },
	{ "bob+a+b@a.test", 1 },
	{ "tag+ged@a.test", 1 },	/* an address of its own */
	{ "+bob@a.test", 2 },
	{ "nobody@a.test", 2 },
	{ "bob@b.test", 0 },		/* a domain without catch-all */
	{ "bob@c.test", 0 },		/* no domain of ours */
	{ "bob", 0 },
	{ "@a.test", 0 },
	{ "bob@", 0 },
	{ "", 0 },
};

static void
addresses_find_their_owner(void **state)
{
	const struct rcpt_row	*r;
	uint64_t		 id[3] = { 0, 0, 0 };

	(void)state;
	assert_true(make(DIR_DOMAIN, "a.test", NULL, NULL) != 0);
	assert_true(make(DIR_DOMAIN, "b.test", NULL, NULL) != 0);
	id[1] = make(DIR_INDIVIDUAL, "bob", "bob@a.test", "tag+ged@a.test");
	id[2] = make(DIR_INDIVIDUAL, "all", "@a.test", NULL);
	for (r = rcpt_rows; r < rcpt_rows + nitems(rcpt_rows); r++)
		if (rcpt(r->address) != id[r->who])
			fail_msg("%s", r->address);
	assert_true(login("bob@a.test") == id[1]);
	assert_true(login("Bob") == id[1]);
	assert_true(login("bob+list@a.test") == 0);
	assert_true(login("@a.test") == 0);
}

static void
a_domain_that_goes_takes_its_mail_along(void **state)
{
	struct dir_prin	 d;

	(void)state;
	make(DIR_DOMAIN, "a.test", NULL, NULL);
	make(DIR_INDIVIDUAL, "bob", "bob@a.test", NULL);
	assert_true(rcpt("bob@a.test") != 0);
	dir_init(&d);
	assert_int_equal(auth_db_key("a.test", &d), DIR_OK);
	assert_int_equal(auth_db_delete(&d), DIR_OK);
	dir_free(&d);
	assert_true(rcpt("bob@a.test") == 0);
	assert_true(login("bob") != 0);
}

static void
an_update_moves_the_indexes(void **state)
{
	struct dir_prin	 old, d;
	uint64_t	 bob;

	(void)state;
	make(DIR_DOMAIN, "a.test", NULL, NULL);
	bob = make(DIR_INDIVIDUAL, "bob", "bob@a.test", NULL);
	make(DIR_INDIVIDUAL, "ann", "ann@a.test", NULL);
	dir_init(&old);
	dir_init(&d);
	assert_int_equal(auth_db_get(bob, &old), DIR_OK);
	assert_int_equal(auth_db_get(bob, &d), DIR_OK);
	dir_set(&d, DIR_NAME, "robert");
	dir_set(&d, DIR_EMAILS, "robert@a.test");
	assert_int_equal(auth_db_update(&old, &d, &why), DIR_OK);
	assert_true(login("bob") == 0 && rcpt("bob@a.test") == 0);
	assert_true(login("robert") == bob && rcpt("robert@a.test") == bob);
	dir_free(&old);
	dir_init(&old);
	assert_int_equal(auth_db_get(bob, &old), DIR_OK);
	dir_set(&d, DIR_NAME, "ann");
	assert_int_equal(auth_db_update(&old, &d, &why), DIR_EXISTS);
	assert_true(login("robert") == bob);
	dir_free(&old);
	dir_free(&d);
}

static uint64_t	erasing[8];
static size_t	nerasing;

static void
note_erasing(uint64_t id)
{
	assert_true(nerasing < nitems(erasing));
	erasing[nerasing++] = id;
}

static void
a_deleted_id_is_remembered_and_not_reused(void **state)
{
	struct dir_prin	 d;
	uint64_t	 bob;

	(void)state;
	bob = make(DIR_INDIVIDUAL, "bob", NULL, NULL);
	dir_init(&d);
	assert_int_equal(auth_db_get(bob, &d), DIR_OK);
	assert_int_equal(auth_db_delete(&d), DIR_OK);
	dir_free(&d);
	assert_true(login("bob") == 0);
	auth_db_close();
	assert_int_equal(auth_db_open(dir), 0);
	assert_true(make(DIR_INDIVIDUAL, "bob", NULL, NULL) > bob);
	nerasing = 0;
	auth_db_erasing(note_erasing);
	assert_int_equal(nerasing, 1);
	assert_true(erasing[0] == bob);
	auth_db_erased(bob);
	nerasing = 0;
	auth_db_erasing(note_erasing);
	assert_int_equal(nerasing, 0);
}

/* --- lists -------------------------------------------------------------- */

static char	found[512];

static int
note_row(void *arg, const struct dir_prin *d)
{
	(void)arg;
	strlcat(found, dir_first(d, DIR_NAME), sizeof(found));
	strlcat(found, " ", sizeof(found));
	return 1;
}

static const struct find_row {
	struct dir_find	 f;
	const char	*words, *rows;
	uint32_t	 total;
} find_rows[] = {
	{ { 1u << DIR_INDIVIDUAL, 0, 10, 0 }, "", "ann bob zoe ", 3 },
	{ { 1u << DIR_DOMAIN, 0, 10, 0 }, "", "a.test ", 1 },
	{ { ~0u, 0, 10, 0 }, "", "a.test ann bob zoe ", 4 },
	{ { ~0u, 1, 2, 0 }, "", "ann bob ", 4 },
	{ { ~0u, 3, 2, 0 }, "", "zoe ", 4 },
	{ { ~0u, 4, 2, 0 }, "", "", 4 },
	{ { ~0u, 0, 0, 0 }, "", "", 4 },
	{ { ~0u, 0, 10, 0 }, "BOB", "bob ", 1 },
	{ { ~0u, 0, 10, 0 }, "bo", "", 0 },	/* whole words only */
	{ { ~0u, 0, 10, 0 }, "sales", "bob zoe ", 2 },
	{ { ~0u, 0, 10, 0 }, "sales, zoe", "zoe ", 1 },
	{ { ~0u, 0, 10, 0 }, "test", "a.test bob zoe ", 3 },
};

static void
lists_are_filtered_and_cut(void **state)
{
	const struct find_row	*r;
	uint32_t		 total;

	(void)state;
	make(DIR_DOMAIN, "a.test", NULL, NULL);
	make(DIR_INDIVIDUAL, "zoe", "sales@a.test", NULL);
	make(DIR_INDIVIDUAL, "ann", NULL, NULL);
	make(DIR_INDIVIDUAL, "bob", "bob.sales@a.test", NULL);
	for (r = find_rows; r < find_rows + nitems(find_rows); r++) {
		found[0] = '\0';
		assert_int_equal(auth_find(&r->f, r->words, note_row, NULL,
		    &total), DIR_OK);
		assert_string_equal(found, r->rows);
		assert_int_equal(total, r->total);
	}
}

/* --- calls -------------------------------------------------------------- */

static struct dir_prin	 last;

static int
keep_row(void *arg, const struct dir_prin *d)
{
	struct buf	 b;

	(void)arg;
	dir_free(&last);
	buf_init(&b, DIR_SIZE_MAX);
	dir_pack(&b, d);
	assert_int_equal(dir_apply(&last, b.data, b.len), 0);
	buf_free(&b);
	return 1;
}

/* One call by somebody with these permissions; tail as name, key or not. */
static enum dir_err
call(struct auth_dir_call *c, uint32_t op, uint64_t perms, const char *key,
    const char *const (*values)[2])
{
	struct buf	 b;
	enum dir_err	 e;

	memset(c, 0, sizeof(*c));
	c->perms = perms;
	c->row = keep_row;
	buf_init(&b, DIR_SIZE_MAX);
	if (key != NULL)
		buf_add(&b, key, strlen(key) + 1);
	for (; values != NULL && (*values)[0] != NULL; values++)
		dir_put(&b, DIR_ADD, (enum dir_field)dir_field((*values)[0]),
		    (*values)[1], strlen((*values)[1]));
	e = auth_dir(op, b.data, b.len, c);
	buf_free(&b);
	return e;
}

static void
passwords_go_in_and_never_come_out(void **state)
{
	static const char *const	 bob[][2] = { { "type", "0" },
	    { "name", "bob" }, { "secrets", "hunter2" }, { "roles", "user" },
	    { NULL, NULL } };
	struct auth_dir_call		 c;
	struct dir_prin			 d;

	(void)state;
	assert_int_equal(call(&c, DIR_CREATE, PERM_ALL, NULL, bob), DIR_OK);
	assert_int_equal(last.f[DIR_SECRETS].n, 0);
	assert_string_equal(dir_first(&last, DIR_NAME), "bob");
	dir_init(&d);
	assert_int_equal(auth_db_key("bob", &d), DIR_OK);
	assert_int_equal(d.f[DIR_SECRETS].n, 1);
	assert_int_equal(auth_pass_check(dir_first(&d, DIR_SECRETS),
	    "hunter2"), 1);
	dir_free(&d);
	dir_free(&last);
	assert_int_equal(call(&c, DIR_GET, PERM_ALL, "bob", NULL), DIR_OK);
	assert_int_equal(last.f[DIR_SECRETS].n, 0);
	assert_true(dir_has(&last, DIR_ROLES, "user"));
	dir_free(&last);
}

static void
nobody_does_more_than_he_may(void **state)
{
	static const char *const	 bob[][2] = { { "type", "0" },
	    { "name", "bob" }, { "roles", "user" }, { NULL, NULL } };
	static const char *const	 root[][2] = { { "type", "0" },
	    { "name", "root" }, { "roles", "admin" }, { NULL, NULL } };
	static const char *const	 secret[][2] = {
	    { "secrets", "stolen" }, { NULL, NULL } };
	static const char *const	 grant[][2] = {
	    { "enabledPermissions", "domain-delete" }, { NULL, NULL } };
	static const char *const	 typo[][2] = {
	    { "enabledPermissions", "domain-explode" }, { NULL, NULL } };
	static const char *const	 fake[][2] = { { "roles", "root" },
	    { NULL, NULL } };
	static const char *const	 otp[][2] = {
	    { "secrets", "otpauth://totp/x" }, { NULL, NULL } };
	struct auth_dir_call		 c;
	uint64_t			 some, user;
	struct dir_prin			 u;

	(void)state;
	dir_init(&u);
	dir_set(&u, DIR_ROLES, "user");
	user = perm_of(&u);
	dir_free(&u);
	/* an administrator of accounts alone */
	some = user | PERM_BIT(PERM_INDIVIDUAL + PERM_CREATE) |
	    PERM_BIT(PERM_INDIVIDUAL + PERM_UPDATE) |
	    PERM_BIT(PERM_INDIVIDUAL + PERM_DELETE);
	assert_int_equal(call(&c, DIR_CREATE, user, NULL, bob),
	    DIR_FORBIDDEN);
	assert_string_equal(c.why.what, "individual-create");
	assert_int_equal(call(&c, DIR_CREATE, some, NULL, bob), DIR_OK);
	assert_int_equal(call(&c, DIR_GET, some, "bob", NULL),
	    DIR_FORBIDDEN);
	assert_int_equal(call(&c, DIR_CREATE, some, NULL, root),
	    DIR_OTHERERR);
	assert_int_equal(call(&c, DIR_CREATE, PERM_ALL, NULL, root), DIR_OK);
	/* who could set root's password would be root */
	assert_int_equal(call(&c, DIR_UPDATE, some, "root", secret),
	    DIR_FORBIDDEN);
	assert_int_equal(call(&c, DIR_DELETE, some, "root", NULL),
	    DIR_FORBIDDEN);
	assert_int_equal(call(&c, DIR_UPDATE, some, "bob", secret), DIR_OK);
	assert_true(c.revoke != 0);
	assert_string_equal(c.login, "bob");
	assert_int_equal(call(&c, DIR_UPDATE, some, "bob", grant),
	    DIR_OTHERERR);
	assert_true(c.revoke == 0);
	assert_int_equal(call(&c, DIR_UPDATE, PERM_ALL, "bob", grant),
	    DIR_OK);
	assert_int_equal(call(&c, DIR_UPDATE, PERM_ALL, "bob", typo),
	    DIR_OTHERERR);
	assert_string_equal(c.why.what, "Invalid enabledPermissions value");
	assert_int_equal(call(&c, DIR_UPDATE, PERM_ALL, "bob", fake),
	    DIR_NOTFOUND);
	assert_int_equal(call(&c, DIR_UPDATE, PERM_ALL, "bob", otp),
	    DIR_UNSUPPORTED);
	assert_int_equal(call(&c, DIR_DELETE, PERM_ALL, "bob", NULL), DIR_OK);
	assert_true(c.erase != 0 && c.erase == c.revoke);
	assert_int_equal(call(&c, DIR_DELETE, PERM_ALL, "bob", NULL),
	    DIR_NOTFOUND);
	dir_free(&last);
}

static void
garbage_is_refused(void **state)
{
	struct auth_dir_call	 c;
	uint8_t			 junk[64];
	uint32_t		 op;

	(void)state;
	memset(junk, 0xff, sizeof(junk));
	for (op = 0; op < DIR_OPS + 3; op++) {
		memset(&c, 0, sizeof(c));
		c.perms = PERM_ALL;
		c.row = keep_row;
		assert_int_not_equal(auth_dir(op, junk, sizeof(junk), &c),
		    DIR_OK);
		assert_int_not_equal(auth_dir(op, junk, 0, &c), DIR_OK);
		assert_true(c.revoke == 0 && c.erase == 0);
	}
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, begin, end)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(principals_survive_reopening),
		TEST(names_and_addresses_are_unique),
		TEST(addresses_find_their_owner),
		TEST(a_domain_that_goes_takes_its_mail_along),
		TEST(an_update_moves_the_indexes),
		TEST(a_deleted_id_is_remembered_and_not_reused),
		TEST(lists_are_filtered_and_cut),
		TEST(passwords_go_in_and_never_come_out),
		TEST(nobody_does_more_than_he_may),
		TEST(garbage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
