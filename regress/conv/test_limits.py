# SPDX-License-Identifier: ISC
"""How much one client may ask: rates and requests at once, over all workers.
Clients are told apart by X-Forwarded-For of a trusted proxy, which is us."""

import json
import pathlib
import re
import socket
import time

import pytest

import helpers
from http_tools import Conn, ECHO, ask, basic, get, post

CONF = """
workers = 4
http {
	use-x-forwarded = true
	trusted-proxies = {"127.0.0.1"}
}
rate-limit { anonymous = 6/1m account = 12/1m }
auto-ban { allowed = {"203.0.113.0/24"} }
limits {
	max-concurrent-requests = 2
	max-concurrent-upload = 1
	connections-per-source = 100000
	drain-timeout = 1s
}
"""


@pytest.fixture(scope="module")
def limited():
    s = helpers.Server(CONF)
    yield s
    s.remove()


def fr(ip):
    return f"X-Forwarded-For: {ip}"


def secure(ip):
    """A login is taken from there: the proxy says that it was https."""
    return f"{fr(ip)}\r\nX-Forwarded-Proto: https"


def test_anonymous_rate_is_one_for_all_workers(limited):
    codes = [ask(limited, get("/healthz/live", fr("192.0.2.1"))).status
             for _ in range(10)]
    assert codes == [200] * 6 + [429] * 4


def test_429_says_when_to_come_again(limited):
    for _ in range(6):
        ask(limited, get("/robots.txt", fr("192.0.2.2")))
    a = ask(limited, get("/robots.txt", fr("192.0.2.2")))
    assert a.status == 429
    assert a.get("Content-Type") == "application/problem+json"
    body = json.loads(a.body)
    assert body["status"] == 429 and body["title"] == "Too Many Requests"
    assert 1 <= int(a.get("Retry-After")) <= 10
    assert a.get("RateLimit-Policy") == '"anonymous";q=6;w=60'
    got = re.fullmatch(r'"anonymous";r=0;t=(\d+)', a.get("RateLimit"))
    assert got and got.group(1) == a.get("Retry-After")
    # the headers of the class stay
    assert a.get("X-Content-Type-Options") == "nosniff"


def test_time_gives_it_back(new_server):
    s = new_server(CONF.replace("6/1m", "2/2s"))
    for want in (200, 200, 429):
        assert ask(s, get("/healthz/live", fr("192.0.2.1"))).status == want
    time.sleep(1.1)
    for want in (200, 429):
        assert ask(s, get("/healthz/live", fr("192.0.2.1"))).status == want


def test_other_addresses_have_their_own(limited):
    for i in range(20):
        a = ask(limited, get("/healthz/live", fr(f"192.0.2.{100 + i}")))
        assert a.status == 200


def test_an_ipv6_household_is_one_client(limited):
    codes = [ask(limited, get("/healthz/live",
                              fr(f"2001:db8:1:2::{i:x}"))).status
             for i in range(1, 9)]
    assert codes == [200] * 6 + [429] * 2
    assert ask(limited, get("/healthz/live",
                            fr("2001:db8:1:3::1"))).status == 200


@pytest.mark.parametrize("path", ["/nope", "/jmap/session", "/jmap/"])
def test_what_fails_counts_too(limited, path):
    ip = f"198.51.100.{len(path)}"
    codes = [ask(limited, get(path, fr(ip))).status for _ in range(8)]
    assert 429 not in codes[:6] and codes[6:] == [429, 429]


def test_credentials_that_are_none_count(limited):
    codes = [ask(limited, get("/jmap/session", secure("198.51.100.77"),
                              f"Authorization: Bearer x{i}")).status
             for i in range(8)]
    assert codes == [401] * 6 + [429] * 2


def test_loopback_and_the_allowed_are_not_limited(limited):
    for _ in range(30):
        assert ask(limited, get("/healthz/live")).status == 200
        assert ask(limited, get("/healthz/live",
                                fr("203.0.113.5"))).status == 200


def test_account_rate_wherever_it_comes_from(limited):
    who = limited.adduser()
    codes = []
    for i in range(16):
        a = ask(limited, get("/jmap/session", basic(who),
                             secure(f"192.0.2.{200 + i}")))
        codes.append(a.status)
    assert codes == [200] * 12 + [429] * 4
    assert a.get("RateLimit-Policy") == '"account";q=12;w=60'
    # others are not touched by it
    other = limited.adduser()
    assert ask(limited, get("/jmap/session", basic(other))).status == 200


def test_clients_are_told_what_is_left(new_server):
    """security.md 1.2: on the API and the session each time, elsewhere when
    little is left."""
    s = new_server(CONF.replace("account = 12/1m", "account = 30/1h"))
    who = s.first()
    for i in range(29, 19, -1):
        a = ask(s, get("/jmap/session", basic(who)))
        assert a.get("RateLimit-Policy") == '"account";q=30;w=3600'
        assert a.get("RateLimit").startswith(f'"account";r={i};t=')
    assert ask(s, post("/jmap", ECHO, basic(who))).get("RateLimit") \
        .startswith('"account";r=19;')
    where = f"/jmap/download/{who.id}/Gx/a"     # and one more for the id
    got = [ask(s, get(where, basic(who))).get("RateLimit")
           for _ in range(18)]
    assert got[:15] == [None] * 15
    assert [re.match(r'"account";r=(\d)', g).group(1) for g in got[15:]] == \
        ["2", "1", "0"]


def test_no_limit_where_none_is_set(server):
    for _ in range(150):
        assert ask(server, get("/healthz/live")).status == 200


def slow(server, who, path, length, type="application/json"):
    """A request whose body does not come.  It has passed the limits when the
    server asks for the body, so it cannot lose its place to a later one."""
    c = Conn(server.plain())
    c.send(get(path, basic(who), f"Content-Type: {type}",
               f"Content-Length: {length}", "Expect: 100-continue",
               method="POST"))
    assert c.answer().status == 100
    return c


def test_requests_at_once_are_counted_over_workers(limited):
    who = limited.adduser()
    assert ask(limited, get("/jmap/session", basic(who))).status == 200
    held = [slow(limited, who, "/jmap/", len(ECHO)) for _ in range(2)]
    a = ask(limited, post("/jmap/", ECHO, basic(who)))
    assert a.status == 429
    body = json.loads(a.body)
    assert body["type"] == "urn:ietf:params:jmap:error:limit"
    assert body["limit"] == "maxConcurrentRequests"
    assert a.get("Retry-After") == "1"
    for c in held:
        assert c.send(ECHO).answer().status == 200
    assert ask(limited, post("/jmap/", ECHO, basic(who))).status == 200


def test_a_worker_that_is_not_replaced_gives_back_what_it_held(new_server):
    """It drains, since fewer are wanted, and dies over that."""
    s = new_server(CONF.replace("12/1m", "1000/1m")
                   .replace("drain-timeout = 1s", "drain-timeout = 60s"))
    who = s.first()
    url = f"/jmap/upload/{who.session['primaryAccounts'][helpers.MAIL]}/"
    small = post(url, b"x", basic(who), type="text/plain")
    workers = lambda: [json.loads(x) for x in s.jmapctl(
        "-j", "show", "workers").stdout.splitlines()]
    while True:
        held = slow(s, who, url, 1000, "text/plain")
        busy = helpers.wait_for(lambda: [w for w in workers()
                                         if w["running"]])[0]
        if busy["worker"] > 0:
            break
        held.send(b"x" * 1000)
        assert held.answer().status == 201
    conf = pathlib.Path(s.dir, "jmapd.conf")
    conf.write_text(conf.read_text().replace("workers = 4", "workers = 1"))
    s.jmapctl("reload")
    assert ask(s, small).status == 429
    helpers.os.kill(busy["pid"], 9)
    helpers.wait_for(lambda: ask(s, small).status == 201)


def test_a_killed_worker_gives_back_what_it_held(new_server):
    s = new_server(CONF.replace("12/1m", "1000/1m"))
    who = s.first()
    url = f"/jmap/upload/{who.session['primaryAccounts'][helpers.MAIL]}/"
    held = slow(s, who, url, 1000, "text/plain")
    small = post(url, b"x", basic(who), type="text/plain")
    assert ask(s, small).status == 429
    body = json.loads(ask(s, small).body)
    assert body["limit"] == "maxConcurrentUpload"
    rows = [json.loads(x) for x in
            s.jmapctl("-j", "show", "workers").stdout.splitlines()]
    for row in rows:
        if row["running"]:
            helpers.os.kill(row["pid"], 9)
    held.sock.settimeout(5)
    assert held.sock.recv(10) == b""

    def again():
        try:
            return ask(s, small).status == 201
        except (AssertionError, OSError):
            return False
    helpers.wait_for(again)
