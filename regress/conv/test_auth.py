# SPDX-License-Identifier: ISC
"""Who gets in: Basic authentication, its limits, and how it ends."""

import base64
import concurrent.futures
import json
import os
import re
import signal
import time

import pytest
import requests

import helpers

CHEAP = "argon2-memory = 64K\nargon2-time = 1\n"
PATH = "/api/principal"		# 403 for who is known and no administrator


def ask(server, user=None, password=None, plain=False, session=None,
        path=PATH, **headers):
    if user is not None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = "Basic " + token
    url = server.plain_url if plain else server.url
    session = session or requests.Session()
    session.trust_env = False
    return session.get(url + path, headers=headers, verify=server.ca)


def hashes(server):
    """Password hashes that auth has computed."""
    for line in server.jmapctl("-j", "status").stdout.splitlines():
        row = json.loads(line)
        if row.get("process") == "auth":
            return int(re.search(r"(\d+) checked", row["detail"])[1])
    raise AssertionError("no row of auth")


def roles(server):
    """pid by the name of the role."""
    found = {}
    for pid in helpers.children(server.pid):
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            words = f.read().decode().split("\0")
        found.setdefault(words[words.index("-T") + 1], []).append(pid)
    return found


def test_a_right_password_gets_in(server, account):
    assert ask(server, account.name, account.password).status_code == 403
    assert ask(server, server.admin_user,
               server.admin_pass).status_code == 200


def test_login_by_another_case_and_by_address(server):
    server.jmapctl("account", "add", "-e", "short.name@mail.test", "short",
                   input="pw of short\n")
    for name in ("short", "SHORT", "Short.Name@Mail.Test"):
        assert ask(server, name, "pw of short").status_code == 403
    assert ask(server, "short", "PW of short").status_code == 401


def test_unknown_user_and_wrong_password_look_the_same(server, account):
    wrong = ask(server, account.name, "not this")
    unknown = ask(server, "nobody@mail.test", "not this")
    nothing = ask(server)
    for r in (wrong, unknown, nothing):
        assert r.status_code == 401
        assert r.headers["WWW-Authenticate"] == \
            'Basic realm="jmapd", charset="UTF-8"'
        assert r.headers["Content-Type"] == "application/problem+json"
        assert r.json()["status"] == 401
        assert r.content == wrong.content
        assert list(r.headers) == list(wrong.headers)


def test_unknown_user_costs_a_hash_as_a_wrong_password_does(server, account):
    before = hashes(server)
    ask(server, account.name, "not this either")
    middle = hashes(server)
    ask(server, "nobody-at-all@mail.test", "not this either")
    assert middle - before == 1
    assert hashes(server) - middle == 1


def test_a_good_answer_is_cached(server, account):
    with requests.Session() as s:	# one connection, so one worker
        ask(server, account.name, account.password, session=s)
        before = hashes(server)
        for _ in range(5):
            r = ask(server, account.name, account.password, session=s)
            assert r.status_code == 403
        assert hashes(server) == before


@pytest.mark.parametrize("value", [
    "Basic", "Basic !!!!", "Basic QQ", "Basic QTpi=", "Bearer x", "x",
    "Basic " + "QTpi" * 1000, "Basic " + base64.b64encode(b"nocolon").decode(),
    "Basic " + base64.b64encode(b"a\xff:b").decode(),
    "Basic " + base64.b64encode(b"a\0:b").decode(),
])
def test_what_is_no_credential_is_401(server, value):
    assert ask(server, Authorization=value).status_code == 401


def test_two_credentials_are_refused(server, account):
    token = base64.b64encode(
        f"{account.name}:{account.password}".encode()).decode()
    with server.tls() as s:
        got = helpers.exchange(
            s, (f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Basic {token}\r\n"
                f"Authorization: Basic {token}\r\n"
                "Connection: close\r\n\r\n").encode())
    assert got.startswith(b"HTTP/1.1 400 ")


def test_a_script_of_a_browser_sees_no_basic_challenge(server):
    r = ask(server, **{"Sec-Fetch-Mode": "cors"})
    assert r.headers["WWW-Authenticate"].startswith("Bearer ")
    r = ask(server, **{"X-Requested-With": "XMLHttpRequest"})
    assert r.headers["WWW-Authenticate"].startswith("Bearer ")


def test_utf8_in_name_and_password(server):
    server.jmapctl("account", "add", "j\u00fcrgen", input="p\u00e4sswort\n")
    assert ask(server, "j\u00fcrgen", "p\u00e4sswort").status_code == 403
    latin = base64.b64encode("j\u00fcrgen:p\u00e4sswort".encode("latin-1"))
    r = ask(server, Authorization="Basic " + latin.decode())
    assert r.status_code == 401


def test_an_account_without_a_role_may_not_log_in(server):
    admin = server.admin().http
    r = admin.post(server.url + PATH, json={
        "type": "individual", "name": "roleless", "secrets": ["x y z"]})
    assert "data" in r.json()
    assert ask(server, "roleless", "x y z").status_code == 403
    assert "may not log in" in ask(server, "roleless", "x y z").text
    assert ask(server, "roleless", "wrong").status_code == 401


# --- hashes of others

@pytest.mark.parametrize("made", [
    "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
    "$6$rounds=1000$saltsalt$Z/J9iYO1iE9xnr8JPQL57ZWsVRtVjrUv3CiWc/wKWseqXgS"
    "qn3HFYJ/Ng7YXa8XlLj.wpdAwHOJJzuGFqBBRa0",
    "$y$j75$heUjHQKSTstcU/Tm3.DMN.$kDLAN1uPKP3Z90AfjalBTfDEIfSvovPF7saEXoRgj"
    "7D",
    "$argon2id$v=19$m=256,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$N/mxfE6fuofjr+5jqXk"
    "AT727IzWRSYzCjyHgXaSeBIQ",
])
def test_imported_hashes_work_and_become_ours(server, made):
    name = "import" + re.sub(r"\W", "", made[:3]) + os.urandom(3).hex()
    server.jmapctl("account", "add", "-H", name, input=made + "\n")
    assert ask(server, name, "passwore").status_code == 401
    before = hashes(server)
    assert ask(server, name, "password").status_code == 403
    helpers.wait_for(lambda: hashes(server) - before == 2)	# and a new one
    server.jmapctl("account", "passwd", name, input="other\n")
    assert ask(server, name, "password").status_code == 401
    assert ask(server, name, "other").status_code == 403


def test_a_weak_or_costly_hash_is_refused(server):
    for bad in ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
                "$6$rounds=99999999$saltsalt$x"):
        r = server.jmapctl("account", "add", "-H", "weak", input=bad + "\n",
                           check=False)
        assert r.returncode == 1
        assert "hash" in r.stderr


# --- how it ends

def test_a_new_password_ends_access_on_every_worker(server, account):
    sessions = [requests.Session() for _ in range(12)]
    for s in sessions:
        r = ask(server, account.name, account.password, session=s)
        assert r.status_code == 403
    server.jmapctl("account", "passwd", account.name, input="changed\n")

    def all_out():
        return {ask(server, account.name, account.password,
                    session=s).status_code for s in sessions} == {401}
    helpers.wait_for(all_out, seconds=1)
    for s in sessions:
        assert ask(server, account.name, "changed",
                   session=s).status_code == 403
        s.close()


def test_deletion_and_lost_permission_end_access(server):
    a = server.adduser()
    admin = server.admin().http
    with requests.Session() as s:
        def status():
            return ask(server, a.name, a.password, session=s).status_code
        grant = [{"action": "addItem", "field": "enabledPermissions",
                  "value": "individual-list"}]
        assert status() == 403
        url = f"{server.url}{PATH}/{a.name}"
        assert admin.patch(url, json=grant).json() == {"data": None}
        one = f"{PATH}?types=individual"
        helpers.wait_for(lambda: ask(
            server, a.name, a.password, session=s,
            path=one).status_code == 200, seconds=1)
        # of that type only, and nothing else
        assert status() == 403
        assert ask(server, a.name, a.password, session=s,
                   path=f"{PATH}/{a.name}").status_code == 403
        grant[0]["action"] = "removeItem"
        assert admin.patch(url, json=grant).json() == {"data": None}
        helpers.wait_for(lambda: ask(
            server, a.name, a.password, session=s,
            path=one).status_code == 403, seconds=1)
        assert admin.delete(url).json() == {"data": None}
        helpers.wait_for(lambda: status() == 401, seconds=1)


# --- plain HTTP

def test_passwords_are_refused_over_plain_http(new_server):
    s = new_server("http {\n\tuse-x-forwarded = true\n}\n")
    user = s.user1, s.pass1
    # this machine itself
    assert ask(s, *user, plain=True).status_code == 403
    assert "administrator" in ask(s, *user, plain=True).text
    # somebody else, who came over plain HTTP, as a proxy here says
    away = {"X-Forwarded-For": "192.0.2.9"}
    r = ask(s, *user, plain=True, **away)
    assert r.status_code == 403
    assert "https" in r.json()["detail"]
    assert "WWW-Authenticate" not in r.headers
    r = ask(s, plain=True, **away)
    assert r.status_code == 403 and "https" in r.json()["detail"]
    # the same who came over TLS
    r = ask(s, *user, plain=True, **away, **{"X-Forwarded-Proto": "https"})
    assert "administrator" in r.text


# --- limits

def test_guessing_is_limited(new_server):
    s = new_server("auth {\n" + CHEAP + "failures = 5\n}\n"
                   "http {\n\tuse-x-forwarded = true\n}\n")
    bad = {"X-Forwarded-For": "192.0.2.66"}
    good = {"X-Forwarded-For": "198.51.100.7"}
    assert ask(s, s.user1, s.pass1, **good).status_code == 403
    for i in range(5):
        assert ask(s, s.user1, f"guess{i}", **bad).status_code == 401
    r = ask(s, s.user1, "guess", **bad)
    assert r.status_code == 429
    assert 600 < int(r.headers["Retry-After"]) <= 720
    # limited, too: the right password from there, other names from there
    before = hashes(s)
    assert ask(s, s.user2, s.pass2, **bad).status_code == 429
    assert ask(s, s.user1, "x", **bad).status_code == 429
    assert hashes(s) == before			# and it costs nothing
    # the same name from where nobody knows it
    other = {"X-Forwarded-For": "192.0.2.67"}
    assert ask(s, s.user1, "guess", **other).status_code == 429
    # its owner, where he was before, is not locked out
    s.jmapctl("reload")				# nor is a reload a reset
    assert ask(s, s.user1, s.pass1, **good).status_code == 403
    assert ask(s, s.user2, s.pass2, **good).status_code == 403
    # an administrator's new password opens the name again
    s.jmapctl("account", "passwd", s.user1, input="fresh\n")
    assert ask(s, s.user1, "fresh", **other).status_code == 403


def test_a_flood_neither_starves_mail_nor_grows(new_server):
    s = new_server("auth {\nargon2-memory = 16M\nargon2-time = 2\n"
                   "failures = 1000000\n}\n"
                   "http {\n\tuse-x-forwarded = true\n}\n")

    def guess(i):
        return ask(s, s.user1, f"guess{i}",
                   **{"X-Forwarded-For": f"192.0.2.{i // 40}"}).status_code

    known = {"X-Forwarded-For": "198.51.100.7"}
    assert ask(s, s.user2, s.pass2, **known).status_code == 403
    s.jmapctl("account", "passwd", s.user2, input="fresh\n")
    with concurrent.futures.ThreadPoolExecutor(160) as pool:
        jobs = [pool.submit(guess, i) for i in range(160)]
        time.sleep(0.1)
        # one who was here before is let in, and before all strangers
        began = time.monotonic()
        assert ask(s, s.user2, "fresh", **known).status_code == 403
        assert time.monotonic() - began < 2 * helpers.SLOW
        with s.lmtp_client() as c:
            assert c.cmd("MAIL FROM:<a@b.test>")[0] == 250
            began = time.monotonic()
            assert c.cmd(f"RCPT TO:<{s.user1}>")[0] == 250
            took = time.monotonic() - began
        waiting = sum(not j.done() for j in jobs)
        codes = [j.result() for j in jobs]
    assert set(codes) == {401, 503}, codes
    assert codes.count(503) > 20
    assert waiting > 5, "the flood was over before mail came"
    assert took < 2 * helpers.SLOW, f"RCPT waited {took:.1f} s"


def test_without_auth_it_is_503_and_then_well_again(new_server):
    s = new_server()
    assert ask(s, s.user1, s.pass1).status_code == 403
    os.kill(roles(s)["auth"][0], signal.SIGKILL)
    seen = set()

    def back():
        seen.add(ask(s, s.user2, s.pass2).status_code)
        return 403 in seen
    helpers.wait_for(back, seconds=5, pause=0)
    assert seen <= {403, 503}
    assert ask(s, s.user1, s.pass1).status_code == 403
    with s.lmtp_client() as c:
        assert c.cmd("MAIL FROM:<a@b.test>")[0] == 250
        assert c.cmd(f"RCPT TO:<{s.user1}>")[0] == 250


# --- addresses

def test_addresses_that_get_mail(server):
    name = "rcpt" + os.urandom(3).hex()
    server.jmapctl("account", "add", "-e", f"{name}@mail.test", name,
                   input="pw\n")
    with server.lmtp_client() as c:
        assert c.cmd("MAIL FROM:<a@b.test>")[0] == 250
        for to, code in ((f"{name}@mail.test", 250),
                         (f"{name.upper()}@MAIL.TEST", 250),
                         (f"{name}+tag@mail.test", 250),
                         (f"no{name}@mail.test", 550),
                         (f"{name}@other.test", 550)):
            assert c.cmd(f"RCPT TO:<{to}>")[0] == code, to
        server.jmapctl("account", "delete", name)
        assert c.cmd(f"RCPT TO:<{name}@mail.test>")[0] == 550
