# SPDX-License-Identifier: ISC
"""The name of the relay: literal, hosts, and a name server that answers,
lies, fails, or is not there; by regress/conv/d_smtp.c."""

import socket
import struct
import subprocess

import pytest

from dns_server import A, AAAA, CNAME, Dns, answer, asked
from smtp_server import Server
from test_smtp_client import driver     # noqa: F401, a fixture

NAME = "relay.example.test"
DEAD = "127.0.0.77:53"
NONE = "none: no address, or no name server answered"


@pytest.fixture
def lookup(driver, tmp_path):           # noqa: F811
    def run(host, conf=DEAD, hosts="", times=1, port=1):
        (tmp_path / "hosts").write_text(hosts)
        p = subprocess.run(
            [driver, "-D", conf, "-H", tmp_path / "hosts",
             "-h", host, "-r", "a@b.test", "-o", str(times), str(port)],
            input=b"Subject: x\r\n\r\n", stdout=subprocess.PIPE, timeout=60)
        assert p.returncode == 0
        lines = [x for x in p.stdout.decode().splitlines()
                 if x.startswith("addresses")]
        if times == 0:
            return p.stdout.decode()
        assert len(lines) == times and len(set(lines)) == 1
        return lines[0][len("addresses "):]
    return run


@pytest.mark.parametrize("host, want", [
    ("127.0.0.9", "127.0.0.9"), ("::1", "::1"),
    ("localhost", "::1 127.0.0.1"), ("x.hosts.test", None), ("in.hosts.test", "127.0.0.5 ::5"),
    ("ALIAS.hosts.test", "127.0.0.5"), ("commented.test", None)])
def test_literals_and_hosts_need_no_server(lookup, host, want):
    got = lookup(host, DEAD,
                 "# 127.0.0.6 commented.test\n127.0.0.5\tin.hosts.test "
                 "alias.hosts.test # commented.test\n::5 in.hosts.test\n"
                 "nonsense in.hosts.test\n")
    assert got == (want or NONE)


def test_both_families_ipv6_first(lookup):
    with Dns({(NAME, A): [(NAME, A, 60, "192.0.2.1"),
                          (NAME, A, 60, "192.0.2.2")],
              (NAME, AAAA): [(NAME, AAAA, 60, "2001:db8::1")]}) as d:
        assert lookup(NAME, d.line()) == "2001:db8::1 192.0.2.1 192.0.2.2"
        assert len(d.asked) == 2
        # RFC 5452 9.2: another port and another id each
        assert len({x[1] for x in d.asked}) == 2
        assert len({x[2] for x in d.asked}) == 2


def test_an_answer_is_kept_for_its_time(lookup):
    with Dns({(NAME, A): [(NAME, A, 60, "192.0.2.1")]}) as d:
        assert lookup(NAME, d.line(), times=20) == "192.0.2.1"
        assert len(d.asked) == 2


def test_aliases_are_followed_and_nothing_else_believed(lookup):
    other = "x.example.test"
    with Dns({(NAME, A): [
            (other, A, 60, "192.0.2.66"), (NAME, CNAME, 60, "b.test"),
            ("b.test", CNAME, 60, "C.test"), ("c.test", A, 60, "192.0.2.3"),
            (NAME, A, 60, "192.0.2.67")]}) as d:
        assert lookup(NAME, d.line()) == "192.0.2.3"
    loop = [(NAME, CNAME, 60, "b.test"), ("b.test", CNAME, 60, NAME)]
    with Dns({(NAME, A): loop}) as d:
        assert lookup(NAME, d.line()) == NONE


def test_forged_answers_are_passed_over(lookup):
    bad = [(NAME, A, 60, "192.0.2.66")]

    def lie(q):
        other = asked(q).replace(b"relay", b"relax")
        aaaa = asked(q)[:-4] + struct.pack("!HH", 28, 1)
        return [
            answer(q, bad, ident=struct.unpack("!H", q[:2])[0] ^ 1),
            answer(q, bad, question=other), answer(q, bad, question=aaaa),
            answer(q, bad, flags=0x0180),       # a question
            answer(q, bad)[:-7][:11], b"", b"\0" * 12,
            answer(q, [(NAME, A, 60, "192.0.2.1")])]
    with Dns({(NAME, A): lie}) as d:
        assert lookup(NAME, d.line()) == "192.0.2.1"


def test_the_last_answer_serves_while_there_is_no_other(lookup):
    # kept for no time at all, then the server fails
    seen = []

    def once(q):
        seen.append(q)
        return [answer(q, [(NAME, A, 0, "192.0.2.1")] if len(seen) == 1
                       else [], rcode=0 if len(seen) == 1 else 2)]
    with Dns({(NAME, A): once}) as d:
        assert lookup(NAME, d.line(), times=2) == "192.0.2.1"
        assert len(seen) > 1


def test_there_is_none(lookup):
    with Dns({}) as d:
        assert lookup(NAME, d.line()) == NONE
    with Dns({("x", A): [], (NAME, A): []}) as d:
        assert lookup(NAME, d.line()) == NONE
    for name in (NAME, "a..b", "x" * 64 + ".test", ".a", "a" * 300):
        assert lookup(name) == NONE


def test_a_mail_by_name(lookup):
    with Server() as s, Dns({(NAME, A): [
            (NAME, A, 60, "127.0.0.77"), (NAME, A, 60, "127.0.0.1")]}) as d:
        text = lookup(NAME, d.line(), times=0, port=s.port)
        assert "rcpt S" in text and len(s.mails) == 1
    assert "closed T 0 4.4.3" in lookup("a..b", times=0)


def test_a_family_that_is_not_there_is_passed_over(lookup):
    with Server() as s, Dns({
            (NAME, AAAA): [(NAME, AAAA, 60, "2001:db8::1")],
            (NAME, A): [(NAME, A, 60, "127.0.0.1")]}) as d:
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.settimeout(0.2)
                probe.connect(("2001:db8::1", 25))
        except TimeoutError:
            pytest.skip("a route to the documentation prefix")
        except OSError:
            pass
        assert "rcpt S" in lookup(NAME, d.line(), times=0, port=s.port)
