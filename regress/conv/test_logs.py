# SPDX-License-Identifier: ISC
"""What is logged of a request: one line, whole, and nothing secret."""

import json
import os
import re
import signal

import pytest

import helpers
from http_tools import basic, get, plain, post, tls, ECHO

PLAIN = re.compile(
    r"jmapd worker \d+: (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z) "
    r"client=(?P<client>\S+)( peer=(?P<peer>\S+))? "
    r"listener=(?P<listener>\S+) account=(?P<account>\S+) "
    r"method=(?P<method>[A-Z]+|-) class=(?P<cls>[a-z]+) "
    r"(?P<what>route|path)=(?P<where>\S+) status=(?P<status>\d+) "
    r"bytes=(?P<bytes>\d+) us=(?P<us>\d+) id=(?P<id>[0-9a-f]{8}-\d+)")
FORWARD = """
http {
	use-x-forwarded = true
	trusted-proxies = {"127.0.0.1"}
}
"""


@pytest.fixture(scope="module")
def logging():
    s = helpers.Server("workers = 1\n" + FORWARD)
    yield s
    s.remove()


@pytest.fixture(scope="module")
def logging_json():
    s = helpers.Server("workers = 1\nlog { format = json }\n" + FORWARD)
    yield s
    s.remove()


def lines(server, mark):
    """The request lines that have a mark."""
    return helpers.wait_for(lambda: [x for x in server.log().splitlines()
                                     if mark in x and "status" in x])


def test_a_plain_line_has_it_all(logging):
    who = logging.first()
    a = tls(logging).ask(post("/jmap/", ECHO, basic(who),
                              "X-Forwarded-For: 192.0.2.31"))
    assert a.status == 200
    (line,) = lines(logging, "192.0.2.31")
    m = PLAIN.fullmatch(line)
    assert m, line
    assert m["client"] == "192.0.2.31" and m["peer"] == "127.0.0.1"
    assert m["listener"] == "tls" and m["account"] == who.name
    assert (m["method"], m["cls"]) == ("POST", "api")
    assert (m["what"], m["where"]) == ("route", "/jmap/")
    assert m["status"] == "200" and int(m["bytes"]) == len(a.body)
    assert 0 < int(m["us"]) < 10_000_000


def test_the_peer_is_named_only_when_it_is_another(logging):
    plain(logging).ask(get("/nope-direct"))
    (line,) = lines(logging, "/nope-direct")
    m = PLAIN.fullmatch(line)
    assert m["client"] == "127.0.0.1" and m["peer"] is None
    assert m["listener"] == "plain" and m["account"] == "-"


def test_a_method_that_is_not_known_is_none(logging, logging_json):
    """A first line that could not be read is not logged as GET."""
    for data, status in ((b"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n",
                          501), (b"nonsense\r\n\r\n", 400)):
        for s, mark in ((logging, "method=- "),
                        (logging_json, '"method":"-"')):
            assert plain(s).ask(data).status == status
            assert any(str(status) in x for x in lines(s, mark))


def test_ids_differ(logging):
    c = plain(logging)
    for _ in range(3):
        c.ask(get("/nope-ids"))
    got = helpers.wait_for(lambda: len(lines(logging, "/nope-ids")) == 3 and
                           lines(logging, "/nope-ids"))
    assert len({PLAIN.fullmatch(x)["id"] for x in got}) == 3


@pytest.mark.parametrize("target", [
    "/evil%0ajmapd%20worker%200:%20fake", "/evil%1b%5b31m", "/evil%22%5c",
    "/evil%20status=200", "/evil%e2%80%ae", "/evil" + "x" * 3000])
def test_peer_text_stays_in_its_line(logging, logging_json, target):
    for s in (logging, logging_json):
        n = len(s.log().splitlines())
        assert plain(s).ask(get(target, "X-Forwarded-For: 192.0.2.33"
                                )).status in (400, 404)
        new = helpers.wait_for(lambda: s.log().splitlines()[n:])
        assert len(new) == 1
        assert all(" " <= c <= "~" for c in new[0]) and len(new[0]) < 1500
        if s is logging:
            assert PLAIN.fullmatch(new[0])
        else:
            json.loads(new[0])


def test_no_secret_is_logged(logging, logging_json):
    for s in (logging, logging_json):
        who = s.first()
        token = basic(who).split()[-1]
        tls(s).ask(get("/jmap/session?access_token=querysecret",
                       basic(who), "Cookie: sid=cookiesecret"))
        bad = helpers.Account(s, who.name, "wrongsecret")
        tls(s).ask(get("/jmap/session", basic(bad)))
        tls(s).ask(get("/nope?x=querysecret", basic(who)))
        log = helpers.wait_for(lambda: "/nope" in s.log() and s.log())
        for secret in (who.password, token, "querysecret", "cookiesecret",
                       "wrongsecret", basic(bad).split()[-1]):
            assert secret not in log


def test_json_lines(logging_json):
    who = logging_json.first()
    a = tls(logging_json).ask(get("/jmap/session", basic(who),
                                  "X-Forwarded-For: 192.0.2.32"))
    (line,) = lines(logging_json, "192.0.2.32")
    got = json.loads(line)
    assert got["client"] == "192.0.2.32" and got["peer"] == "127.0.0.1"
    assert got["account"] == who.name and got["status"] == 200
    assert got["route"] == "/jmap/session" and got["class"] == "session"
    assert got["bytes"] == len(a.body) and got["method"] == "GET"
    assert got["process"] == "jmapd worker 0" and got["level"] == "info"
    assert re.fullmatch(r"[0-9a-f]{8}-\d+", got["id"])
    assert got["listener"] == "tls" and got["us"] > 0 and got["time"]
    # every process, once the configuration is known
    logging_json.jmapctl("log", "verbose")
    logging_json.jmapctl("log", "brief")
    tail = logging_json.log().splitlines()
    first = next(i for i, x in enumerate(tail) if x.startswith("{"))
    for x in tail[first:]:
        assert json.loads(x)["time"]


def test_one_role_at_a_time_is_verbose(new_server):
    s = new_server("workers = 1\n")
    for args in (("x",), ("worker", "auth"), ("ctl",)):
        assert s.jmapctl("log", "verbose", *args,
                         check=False).returncode == 2
    roles = ("parent", "keys", "auth", "push", "queue", "worker")

    def said():
        """Who takes a configuration and says so; the parent speaks of the
        worker that it starts in a killed one's place."""
        before = len(s.log())
        s.jmapctl("reload")
        old = worker(s)
        os.kill(old, signal.SIGKILL)
        helpers.wait_for(lambda: worker(s) not in (None, old) and alive(s),
                         20)
        log = s.log()[before:]
        return {r for r in roles if re.search(
            rf"^jmapd {r}( \d+)?: has configuration" if r != "parent" else
            r"^jmapd: worker 0 is process", log, re.M)}
    for role in roles:
        assert said() == set()
        s.jmapctl("log", "verbose", role)
        assert said() == {role}
        s.jmapctl("log", "brief", role)
    assert said() == set()
    s.jmapctl("log", "verbose")
    assert said() == set(roles)
    s.jmapctl("log", "brief")
    assert said() == set()


def worker(s):
    for row in s.jmapctl("-j", "show", "workers").stdout.splitlines():
        return json.loads(row)["pid"]


def alive(s):
    try:
        return plain(s).ask(get("/healthz/live")).status == 200
    except (OSError, AssertionError):
        return False


def test_requests_are_not_logged_when_not_wanted(new_server):
    s = new_server("workers = 1\nlog-requests = false\n")
    plain(s).ask(get("/nope-unlogged"))
    assert "/nope-unlogged" not in s.log()
