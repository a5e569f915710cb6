/* SPDX-License-Identifier: ISC */
/*
 * daemon/push_http.c: the gate that each address passes when its socket is
 * opened, whatever was resolved before.  It is not reached from outside with
 * any address but loopback in a test that must not leave this machine, so
 * the file itself is included.
 */
#include "daemon/push_http.c"	/* libcurl is in it */

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* May a socket be opened for the address?  Nothing is sent. */
static int
may(const char *address, int allowed, int *refused)
{
	struct push_http	 h;
	struct sockaddr_in6	*sin6;
	struct sockaddr_in	*sin;
	union {
		struct curl_sockaddr	 a;
		uint8_t			 room[sizeof(struct curl_sockaddr) +
					    sizeof(struct sockaddr_in6)];
	}			 u;
	curl_socket_t		 fd;

	memset(&u, 0, sizeof(u));
	memset(&h, 0, sizeof(h));
	h.allowed = allowed;
	sin6 = (void *)&u.a.addr;
	sin = (void *)&u.a.addr;
	u.a.socktype = SOCK_STREAM;
	u.a.protocol = IPPROTO_TCP;
	if (strchr(address, ':') != NULL) {
		u.a.family = sin6->sin6_family = AF_INET6;
		u.a.addrlen = sizeof(*sin6);
		sin6->sin6_port = htons(443);
		assert_int_equal(inet_pton(AF_INET6, address,
		    &sin6->sin6_addr), 1);
	} else {
		u.a.family = sin->sin_family = AF_INET;
		u.a.addrlen = sizeof(*sin);
		sin->sin_port = htons(443);
		assert_int_equal(inet_pton(AF_INET, address, &sin->sin_addr),
		    1);
	}
	fd = http_open(&h, CURLSOCKTYPE_IPCXN, &u.a);
	*refused = h.refused;
	if (fd == CURL_SOCKET_BAD)
		return 0;
	close(fd);
	return 1;
}

static void
only_global_addresses_get_a_socket(void **state)
{
	static const struct {
		const char	*address;
		int		 may, allowed;	/* where loopback is */
	} rows[] = {
		{ "1.1.1.1", 1, 1 },
		{ "127.0.0.1", 0, 1 },
		{ "127.3.2.1", 0, 1 },
		{ "10.0.0.1", 0, 0 },
		{ "169.254.169.254", 0, 0 },
		{ "192.168.1.1", 0, 0 },
		{ "0.0.0.0", 0, 0 },
		{ "255.255.255.255", 0, 0 },
		{ "::1", 0, 1 },
		{ "::ffff:127.0.0.1", 0, 1 },
		{ "::ffff:10.0.0.1", 0, 0 },
		{ "fe80::1", 0, 0 },
		{ "fc00::1", 0, 0 },
		{ "64:ff9b::10.0.0.1", 0, 0 },
	};
	size_t	 i;
	int	 refused;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		if (may(rows[i].address, 0, &refused) != rows[i].may ||
		    refused == rows[i].may)
			fail_msg("%s", rows[i].address);
		if (may(rows[i].address, 1, &refused) != rows[i].allowed ||
		    refused == rows[i].allowed)
			fail_msg("%s, for the allowed origin",
			    rows[i].address);
	}
}

static void
our_own_addresses_are_known(void **state)
{
	struct curl_sockaddr	 a;
	struct sockaddr_in	*sin = (void *)&a.addr;

	(void)state;
	memset(&a, 0, sizeof(a));
	a.family = sin->sin_family = AF_INET;
	a.addrlen = sizeof(*sin);
	sin->sin_port = htons(443);
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(http_own(&a), 1);
	sin->sin_addr.s_addr = htonl(0x01010101);
	assert_int_equal(http_own(&a), 0);
}

static void
a_unix_socket_is_no_way_out(void **state)
{
	struct curl_sockaddr	 a;
	struct push_http	 h;

	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&h, 0, sizeof(h));
	a.family = a.addr.sa_family = AF_UNIX;
	a.socktype = SOCK_STREAM;
	a.addrlen = sizeof(a.addr);
	h.allowed = 1;
	assert_int_equal(http_open(&h, CURLSOCKTYPE_IPCXN, &a),
	    CURL_SOCKET_BAD);
	a.family = a.addr.sa_family = AF_INET;
	assert_int_equal(http_open(&h, CURLSOCKTYPE_ACCEPT, &a),
	    CURL_SOCKET_BAD);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(only_global_addresses_get_a_socket),
		cmocka_unit_test(our_own_addresses_are_known),
		cmocka_unit_test(a_unix_socket_is_no_way_out),
	};

	log_init("t_push_http", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
