# SPDX-License-Identifier: ISC
"""The name of the relay: literal, hosts, and a name server that answers,
lies, fails, or is not there; by regress/conv/d_smtp.c."""

import socket
import struct
import subprocess
import time

import pytest

from dns_server import A, AAAA, CNAME, Dns, answer
from smtp_server import Server
from test_smtp_client import driver     # noqa: F401, a fixture

NAME = "relay.example.test"


@pytest.fixture
def lookup(driver, tmp_path):           # noqa: F811
    def run(host, conf="", hosts="", times=1, port=1):
        (tmp_path / "conf").write_text(conf)
        (tmp_path / "hosts").write_text(hosts)
        p = subprocess.run(
            [driver, "-D", tmp_path / "conf", "-H", tmp_path / "hosts",
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
    ("localhost", "::1 127.0.0.1"), ("in.hosts.test", "127.0.0.5 ::5"),
    ("ALIAS.hosts.test", "127.0.0.5"), ("commented.test", None)])
def test_literals_and_hosts_need_no_server(lookup, host, want):
    got = lookup(host, "nameserver 127.0.0.77\n",
                 "# 127.0.0.6 commented.test\n127.0.0.5\tin.hosts.test "
                 "alias.hosts.test # commented.test\n::5 in.hosts.test\n"
                 "nonsense in.hosts.test\n") if want else "none"
    assert got == (want or "none")


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
            ("c.test", A, 60, "192.0.2.3"), ("b.test", CNAME, 60, "C.test"),
            ("b.test", A, 60, "192.0.2.67")]}) as d:
        assert lookup(NAME, d.line()) == "192.0.2.3"
    loop = [(NAME, CNAME, 60, "b.test"), ("b.test", CNAME, 60, NAME)]
    with Dns({(NAME, A): loop}) as d:
        assert lookup(NAME, d.line()) == "none: no address"


def test_forged_answers_are_passed_over(lookup):
    bad = [(NAME, A, 60, "192.0.2.66")]

    def lie(q):
        other = q[12:].replace(b"relay", b"relax")
        aaaa = q[12:-4] + struct.pack("!HH", 28, 1)
        return [
            answer(q, bad, ident=struct.unpack("!H", q[:2])[0] ^ 1),
            answer(q, bad, question=other), answer(q, bad, question=aaaa),
            answer(q, bad, flags=0x0180),       # a question
            answer(q, bad)[:-7][:11], b"", b"\0" * 12,
            answer(q, [(NAME, A, 60, "192.0.2.1")])]
    with Dns({(NAME, A): lie}) as d:
        assert lookup(NAME, d.line()) == "192.0.2.1"


def test_the_next_server_when_one_is_mute_dead_or_fails(lookup):
    records = [(NAME, A, 60, "192.0.2.1")]
    with Dns({(NAME, A): lambda q: [answer(q, rcode=2)],
              (NAME, AAAA): lambda q: [answer(q, rcode=5)]}) as fails, \
            Dns({(NAME, A): lambda q: []}) as mute, \
            Dns({(NAME, A): records}) as good:
        t = time.monotonic()
        assert lookup(NAME, fails.line() + good.line()) == "192.0.2.1"
        assert lookup(NAME, "nameserver [127.0.0.77]:53\n" +
                      good.line()) == "192.0.2.1"
        assert time.monotonic() - t < 1.4
        assert lookup(NAME, mute.line() + good.line()) == "192.0.2.1"
        assert 1.4 < time.monotonic() - t < 3


def test_who_has_an_address_does_not_wait_for_the_other(lookup):
    with Dns({(NAME, A): [(NAME, A, 60, "192.0.2.1")],
              (NAME, AAAA): lambda q: []}) as d:
        t = time.monotonic()
        assert lookup(NAME, d.line()) == "192.0.2.1"
        assert time.monotonic() - t < 1


def test_why_there_is_none(lookup):
    with Dns({}) as d:
        assert lookup(NAME, d.line()) == "none: there is no such name"
    with Dns({("x", A): [], (NAME, A): []}) as d:
        assert lookup(NAME, d.line()) == "none: no address"
    t = time.monotonic()
    assert lookup(NAME, "nameserver 127.0.0.77\n") == \
        "none: no name server answered"
    for name in ("a..b", "x" * 64 + ".test", ".a"):
        assert lookup(name, "nameserver 127.0.0.77\n").startswith("none: ")
    assert time.monotonic() - t < 5


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
