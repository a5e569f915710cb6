# SPDX-License-Identifier: ISC
"""Who is shut out, for how long, and who never is.  Clients have addresses of
their own in 127.0.0.0/8, of which only 127.0.0.1 is a trusted proxy here, or
are told by X-Forwarded-For."""

import json
import os
import pathlib
import socket
import time

import pytest

import helpers
from http_tools import Conn, basic, get

CONF = """
workers = 2
http {
	use-x-forwarded = true
	trusted-proxies = {"127.0.0.1"}
}
auto-ban {
	scan = 2/1d
	abuse = 2/1d
	loiter = 1/1d
	authentication = 3/1d
	allowed = {"127.0.9.0/24"}
}
limits {
	header-timeout = 300ms
	connections-per-source = 100000
	drain-timeout = 1s
}
"""


@pytest.fixture(scope="module")
def banning():
    s = helpers.Server(CONF)
    yield s
    s.remove()


def come(server, source):
    host, port = server.plain_url.split("//")[1].rsplit(":", 1)
    return Conn(socket.create_connection((host, int(port)), timeout=5,
                                         source_address=(source, 0)))


def open_to(server, source):
    """Is a request from there answered?"""
    try:
        c = come(server, source)
    except OSError:
        return False
    try:
        return c.ask(get("/healthz/live")).status == 200
    except (AssertionError, OSError):
        return False
    finally:
        c.sock.close()


def bans(server):
    out = server.jmapctl("-j", "ban", "list").stdout
    return {b["address"]: b for b in map(json.loads, out.splitlines())}


def wait_ban(server, net):
    return helpers.wait_for(lambda: bans(server).get(net))


def told(server, ip, *fields, path="/healthz/live"):
    c = come(server, "127.0.0.1")
    try:
        return c.ask(get(path, f"X-Forwarded-For: {ip}", *fields))
    finally:
        c.sock.close()


def test_a_scanner_is_dropped_before_its_first_byte(banning):
    c = come(banning, "127.0.0.10")
    for path in ("/wp-login.php", "/x.PHP", "/cgi-bin/sh"):
        assert c.ask(get(path)).status == 404
    b = wait_ban(banning, "127.0.0.10/32")
    assert b["kind"] == "scan" and b["reason"]
    assert not open_to(banning, "127.0.0.10")
    assert open_to(banning, "127.0.0.11")
    # nothing was read: the connection ends although nothing was sent
    try:
        assert come(banning, "127.0.0.10").sock.recv(1) == b""
    except ConnectionError:
        pass                    # a reset is the end, too
    # and what was open before is of no more use
    assert c.ask(get("/healthz/live")).status == 403


def test_a_404_that_no_scanner_wants_is_no_fault(banning):
    c = come(banning, "127.0.0.12")
    for i in range(10):
        assert c.ask(get(f"/favicon{i}.ico")).status == 404
    time.sleep(0.2)
    assert "127.0.0.12/32" not in bans(banning)


def test_malformed_requests(banning):
    for _ in range(3):
        c = come(banning, "127.0.0.13")
        assert c.ask(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n").status == 400
    assert wait_ban(banning, "127.0.0.13/32")["kind"] == "abuse"


def test_broken_frames(banning):
    for _ in range(3):
        c = come(banning, "127.0.0.18")
        # SETTINGS of one byte: RFC 9113 6.5, a connection error
        c.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
               b"\x00\x00\x01\x04\x00\x00\x00\x00\x00\x00")
        while c.more():
            pass
    assert wait_ban(banning, "127.0.0.18/32")["kind"] == "abuse"


def test_loiterers(banning):
    for part in (b"", b"GET / HT"):
        come(banning, "127.0.0.14").send(part).more()
    assert wait_ban(banning, "127.0.0.14/32")["kind"] == "loiter"


def test_who_just_connects_and_goes_is_no_loiterer(banning):
    for _ in range(5):
        come(banning, "127.0.0.15").sock.close()
    c = come(banning, "127.0.0.15")
    assert c.ask(get("/healthz/live")).status == 200
    time.sleep(0.5)
    assert "127.0.0.15/32" not in bans(banning)


def wrong(server, ip, who, password="wrong"):
    bad = helpers.Account(server, who.name, password)
    return told(server, ip, "X-Forwarded-Proto: https", basic(bad),
                path="/jmap/session")


def test_wrong_passwords_are_reported_by_auth(banning):
    who = banning.adduser()
    # the login is refused at last, which does not save the address
    codes = [wrong(banning, "192.0.2.50", who, f"no{i}").status
             for i in range(4)]
    assert codes == [401, 401, 401, 429]
    b = wait_ban(banning, "192.0.2.50/32")
    assert b["kind"] == "authentication"
    helpers.wait_for(lambda: told(banning, "192.0.2.50").status == 403)
    a = told(banning, "192.0.2.50")
    assert a.get("Content-Type") == "application/problem+json"
    assert json.loads(a.body)["status"] == 403
    assert told(banning, "192.0.2.51").status == 200


def test_a_login_is_refused_to_strangers_for_a_while(banning):
    who = banning.adduser()
    ok = ("X-Forwarded-Proto: https", basic(who))
    assert told(banning, "192.0.2.40", *ok,
                path="/jmap/session").status == 200
    for i in range(3):
        assert wrong(banning, f"192.0.2.{41 + i}", who).status == 401
    a = wrong(banning, "198.51.100.9", who)
    assert a.status == 429 and int(a.get("Retry-After")) > 3600
    assert told(banning, "192.0.2.40", *ok,
                path="/jmap/session").status == 200
    rows = [json.loads(x) for x in
            banning.jmapctl("-j", "ban", "list").stdout.splitlines()]
    mine = {r["address"]: r for r in rows if who.name in r["reason"]}
    assert set(mine) == {"any", "192.0.2.0/24"}
    for r in mine.values():
        assert r["kind"] == "login"
        assert r["reason"] == f"wrong passwords for {who.name}"
        assert r["since"] < r["until"]
    assert who.name in banning.jmapctl("ban", "list").stdout
    # a stranger to whom this happens has done nothing
    for _ in range(5):
        wrong(banning, "198.51.100.9", who)
    time.sleep(0.2)
    assert "198.51.100.9/32" not in bans(banning)
    # an administrator ends it, everywhere
    banning.jmapctl("ban", "remove", who.name.upper())
    assert who.name not in banning.jmapctl("ban", "list").stdout
    assert f"{who.name} is let in again by jmapctl" in banning.log()
    for ip in "198.51.100.9", "192.0.2.41":
        assert told(banning, ip, *ok, path="/jmap/session").status == 200
    for none in who.name, "nobody@mail.test", "1.2.3", "\x01", "":
        done = banning.jmapctl("ban", "remove", none, check=False)
        assert done.returncode == 1 and "neither" in done.stderr, none
    for bad in "1.2.3.4/33", "::g":
        done = banning.jmapctl("ban", "remove", bad, check=False)
        assert done.returncode == 2 and "neither" in done.stderr, bad


def test_an_attack_that_ends_each_connection_at_once_counts(banning):
    who = banning.adduser()
    for i in range(4):
        c = come(banning, "127.0.0.16")
        bad = helpers.Account(banning, who.name, f"no{i}")
        c.send(get("/jmap/session", basic(bad)))
        time.sleep(0.05)
        c.sock.close()
    assert wait_ban(banning, "127.0.0.16/32")["kind"] == "authentication"


def test_the_owner_is_let_in_where_he_has_been(banning):
    who = banning.adduser()
    ok = ("X-Forwarded-Proto: https", basic(who))
    assert told(banning, "192.0.2.60", *ok,
                path="/jmap/session").status == 200
    # strangers try his name until their addresses are shut out
    for k in range(4):
        for i in range(5):
            wrong(banning, f"192.0.2.{61 + k}", who, f"no{k}{i}")
    helpers.wait_for(lambda: told(banning, "192.0.2.61").status == 403)
    assert told(banning, "192.0.2.60", *ok,
                path="/jmap/session").status == 200
    # his own slips from there do not shut him out
    for i in range(6):
        wrong(banning, "192.0.2.60", who, f"slip{i}")
    time.sleep(0.2)
    assert "192.0.2.60/32" not in bans(banning)


def test_ipv6_is_banned_by_64_and_48(banning):
    for i in range(3):
        told(banning, f"2001:db8:1:1::{i + 1:x}", path="/x.php")
    wait_ban(banning, "2001:db8:1:1::/64")
    assert told(banning, "2001:db8:1:1:9::9").status == 403
    assert told(banning, "2001:db8:1:2::1").status == 200
    for i in range(17):
        told(banning, f"2001:db8:2:{i:x}::1", path="/x.php")
    wait_ban(banning, "2001:db8:2::/48")
    assert told(banning, "2001:db8:2:ffff::1").status == 403


def test_the_proxy_and_the_allowed_are_never_banned(banning):
    for _ in range(5):
        told(banning, "127.0.9.9", path="/x.php")
        come(banning, "127.0.0.1").ask(get("/x.php"))
        come(banning, "127.0.9.8").ask(get("/x.php"))
        come(banning, "127.0.0.1").ask(b"GET / HTTP/1.1\r\nA b\r\n\r\n")
    time.sleep(0.2)
    got = bans(banning)
    assert not [b for b in got if b.startswith("127.0.9.")]
    assert "127.0.0.1/32" not in got
    for net in ("127.0.0.1", "127.0.9.0/25", "127.0.0.0/8"):
        done = banning.jmapctl("ban", "add", net, check=False)
        assert done.returncode == 1 and "never banned" in done.stderr


def test_the_allowed_are_let_in_where_the_network_around_is_not(new_server):
    """Also who is allowed only after that."""
    s = new_server(CONF.replace('allowed = {', 'allowed = '
                                '{"2001:db8:3:1::5", '))
    for i in range(4):
        told(s, "2001:db8:3:1::6", path="/x.php")
    wait_ban(s, "2001:db8:3:1::/64")
    s.jmapctl("ban", "add", "192.0.2.0/24")
    assert told(s, "2001:db8:3:1::6").status == 403
    assert told(s, "2001:db8:3:1::5").status == 200
    assert told(s, "192.0.2.5").status == 403
    conf = pathlib.Path(s.dir, "jmapd.conf")
    conf.write_text(conf.read_text().replace('allowed = {', 'allowed = '
                                             '{"192.0.2.5", '))
    s.jmapctl("reload")
    assert told(s, "192.0.2.5").status == 200
    assert told(s, "192.0.2.6").status == 403
    assert told(s, "2001:db8:3:1::5").status == 200


def test_by_hand(banning):
    assert open_to(banning, "127.0.1.1")
    banning.jmapctl("ban", "add", "127.0.1.0/24", "-t", "1h", "-r",
                    "made\ttrouble")
    b = bans(banning)["127.0.1.0/24"]
    assert b["kind"] == "manual" and b["reason"] == "made?trouble"
    assert not open_to(banning, "127.0.1.1")
    done = banning.jmapctl("ban", "remove", "127.0.1.1", check=False)
    assert done.returncode == 1 and "part of a network" in done.stderr
    banning.jmapctl("ban", "remove", "127.0.1.0/24")
    assert open_to(banning, "127.0.1.1")
    assert "127.0.1.0/24 is banned by jmapctl: made?trouble" in banning.log()
    assert "127.0.1.0/24 is let in again by jmapctl" in banning.log()
    done = banning.jmapctl("ban", "remove", "127.0.1.0/24", check=False)
    assert done.returncode == 1 and "not banned" in done.stderr
    for bad in ("x", "1.2.3.4/33", "1.2.3.4/24", "::1%lo"):
        done = banning.jmapctl("ban", "add", bad, check=False)
        assert done.returncode == 2, bad


def test_a_ban_ends(banning):
    banning.jmapctl("ban", "add", "-t", "400ms", "127.0.1.2")
    banning.jmapctl("ban", "add", "-t", "400ms", "192.0.2.99")
    assert not open_to(banning, "127.0.1.2")
    assert told(banning, "192.0.2.99").status == 403
    time.sleep(0.5)
    assert open_to(banning, "127.0.1.2")
    assert told(banning, "192.0.2.99").status == 200
    assert "127.0.1.2/32" not in bans(banning)


def test_bans_survive_a_restart_and_a_killed_parent(new_server):
    s = new_server(CONF)
    s.jmapctl("ban", "add", "127.0.2.1", "-r", "for good", "-t", "0")
    s.jmapctl("ban", "add", "192.0.2.7", "-t", "1h")
    before = bans(s)
    assert before["127.0.2.1/32"]["until"] == "ever"
    s.stop()
    s.start()
    assert bans(s) == before
    assert not open_to(s, "127.0.2.1")
    assert told(s, "192.0.2.7").status == 403
    # written soon after the change, not only at the end
    s.jmapctl("ban", "add", "127.0.2.2")
    path = pathlib.Path(s.dir, "data-bans", "list")
    helpers.wait_for(lambda: "127.0.2.2/32" in path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    s.jmapctl("ban", "remove", "127.0.2.1")
    helpers.wait_for(lambda: "127.0.2.1/32" not in path.read_text())
    os.kill(s.pid, 9)
    helpers.wait_for(lambda: not pathlib.Path(f"/proc/{s.pid}").exists() or
                     "Z" in pathlib.Path(f"/proc/{s.pid}/stat").read_text())
    pathlib.Path(s.dir, "pid").unlink()
    s.start()
    assert sorted(bans(s)) == ["127.0.2.2/32", "192.0.2.7/32"]


def test_a_worker_that_is_started_again_knows_the_bans(new_server):
    s = new_server(CONF)
    s.jmapctl("ban", "add", "192.0.2.8")
    for row in s.jmapctl("-j", "show", "workers").stdout.splitlines():
        os.kill(json.loads(row)["pid"], 9)

    def refused():
        try:
            return told(s, "192.0.2.8").status == 403
        except (AssertionError, OSError):
            return False
    helpers.wait_for(refused)
    assert told(s, "192.0.2.9").status == 200


def test_a_client_cannot_have_another_banned(banning):
    """X-Forwarded-For of somebody who is no proxy counts for himself."""
    c = come(banning, "127.0.0.20")
    for _ in range(3):
        c.ask(get("/x.php", "X-Forwarded-For: 192.0.2.77"))
    wait_ban(banning, "127.0.0.20/32")
    assert "192.0.2.77/32" not in bans(banning)
