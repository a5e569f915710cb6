# SPDX-License-Identifier: ISC
"""The SMTP client with Debian's Postfix as its relay, TLS and password asked
for; what Postfix hands on is compared byte for byte."""

import re

import pytest

import postfix
from smtp_server import Server
from test_smtp_client import GOOD, certs, client, driver    # noqa: F401

why = postfix.missing()
pytestmark = pytest.mark.skipif(why is not None, reason=str(why))

USER = ["-u", "me@relay.test", "-p", "s3 cret"]


class Port:
    """What client() wants to know of a server."""
    errors = []

    def __init__(self, port, tls):
        self.port, self.tls = port, tls


@pytest.fixture(scope="module")
def relay(certs):                       # noqa: F811
    certs.context("good")
    for f in (certs.dir, *certs.dir.iterdir()):
        f.chmod(0o755)
    with Server(exts=["SIZE", "8BITMIME", "SMTPUTF8", "DSN"]) as end:
        p = postfix.Postfix(relay={
            "cert": certs.dir / "good.pem", "key": certs.dir / "good.key",
            "next": end.port, "user": "me@relay.test",
            "password": "s3 cret"})
        p.end = end
        p.ports = {"starttls": Port(p.port, "starttls"),
                   "implicit": Port(p.tls_port, "implicit")}
        yield p
        p.stop()


def arrived(relay, n):
    """What came out at the other end, without Postfix's own Received."""
    mails = relay.end.waits(n, 30)[-1:]
    [m] = mails
    head = re.match(rb"Received: (?:.*\r\n)(?:[ \t].*\r\n)*", m.data)
    return m, m.data[head.end():]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mail", [
    b"From: a@b.test\r\nSubject: x\r\nDate: Fri, 1 Jan 2027 00:00:00 +0000\r\n"
    b"Message-ID: <1@b.test>\r\n\r\n.\r\n..\r\n.x\r\n \r\nend\r\n",
    "From: a@b.test\r\nSubject: x\r\nDate: Fri, 1 Jan 2027 00:00:00 +0000\r\n"
    "Message-ID: <2@b.test>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode(),
    "From: ä@b.test\r\nSubject: Grüße\r\nMessage-ID: <3@b.test>\r\n"
    "Date: Fri, 1 Jan 2027 00:00:00 +0000\r\n\r\nx\r\n".encode(),
    b"From: a@b.test\r\nSubject: x\r\nDate: Fri, 1 Jan 2027 00:00:00 +0000\r\n"
    b"Message-ID: <4@b.test>\r\n\r\n" + b"x" * 500000 + b"\r\n" +
    b"0123456789\r\n" * 30000,
], ids=["dots", "8bit", "utf8", "large"])
def test_postfix_relays_it_byte_for_byte(client, relay, tls,    # noqa: F811
                                         mail):
    n = len(relay.end.mails)
    r = client(relay.ports[tls], *USER, mail=mail, wait=20000)
    assert r.rcpts == [("S", GOOD)] and r.closed[0] == "S", r.text
    m, data = arrived(relay, n + 1)
    assert data == mail
    assert m.sender == "from@client.test" and m.to() == ["b@relay.test"]
    assert set(re.findall(r"TLS connection established from .*: (\S+) with",
                          relay.log())) == {"TLSv1.3"}


def test_utf8_addresses_and_dsn_options_pass_through(client,    # noqa: F811
                                                     relay):
    n = len(relay.end.mails)
    r = client(relay.ports["starttls"], *USER, "-f", "ä@client.test", "-N",
               "6", "-E", "id+1", "-R", "hdrs", rcpts=["ö@relay.test"])
    assert r.rcpts == [("S", GOOD)] and "dsn=1" in r.done[0][3]
    m, _ = arrived(relay, n + 1)
    assert m.sender == "ä@client.test" and m.to() == ["ö@relay.test"]
    assert {"SMTPUTF8", "RET=HDRS", "ENVID=id+2B1"} <= set(m.params)
    assert "NOTIFY=SUCCESS,FAILURE" in m.rcpts[0][1]


def test_postfix_refuses_some(client, relay):           # noqa: F811
    n = len(relay.end.mails)
    r = client(relay.ports["starttls"], *USER, "-n", "3", rcpts=[
        "no@relay.test", "b@relay.test", "grey@relay.test"])
    assert r.rcpts == [("P", "5.7.1"), ("S", GOOD), ("T", "4.7.1")] * 3
    assert "no such user" in r.words[0]
    m, _ = arrived(relay, n + 3)
    assert m.to() == ["b@relay.test"]


def test_postfix_wants_the_password_and_tls(client, relay):     # noqa: F811
    port = relay.ports["starttls"]
    r = client(port, "-u", "me@relay.test", "-p", "wrong")
    assert r.closed[:2] == ("T", "4.7.8") and "535 5.7.8" in r.closed[2]
    # nobody: the relay says so, and that is about us, yet at RCPT
    assert client(port).rcpts == [("P", "5.7.1")]
    assert client(port, tls="none").rcpts == [("P", "5.7.0")]


def test_postfix_says_how_much_it_takes(client, relay):         # noqa: F811
    r = client(relay.ports["starttls"], *USER,
               mail=b"Subject: x\r\n\r\n" + b"x\r\n" * 400000)
    assert r.rcpts == [("P", "5.3.4")] and r.closed[0] == "S"
