# SPDX-License-Identifier: ISC
"""The SMTP client against a server that fails in every way, and Postfix; by
regress/conv/d_smtp.c, which does what the queue role does."""

import itertools
import os
import pathlib
import subprocess
import time

import pytest

from smtp_server import DROP, HANG, RESET, Certs, Server

TOP = pathlib.Path(__file__).resolve().parents[2]
MAIL = (b"From: a@client.test\r\nTo: b@relay.test\r\nSubject: hello\r\n\r\n"
        b"line\r\n.dot\r\n..\r\n.\r\nend\r\n")


@pytest.fixture(scope="session")
def driver():
    san = ["SAN=1"] if "obj/san" in os.environ.get("JMAPD_BIN", "") else []
    prog = TOP / ("obj/san/d_smtp" if san else "obj/d_smtp")
    subprocess.run(["make", "-s", *san, str(prog.relative_to(TOP))], cwd=TOP,
                   check=True, stdout=subprocess.DEVNULL)
    return prog


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("smtp-certs"))


class Said:
    """What the client told its owner."""

    def __init__(self, text):
        self.text = text
        lines = [line.split(" ", 5) for line in text.splitlines()]
        self.rcpts = [(w[1], w[3]) for w in lines if w[0] == "rcpt"]
        self.words = [w[5] for w in lines if w[0] == "rcpt"]
        self.done = [w for w in lines if w[0] == "done"]
        self.closed = [(w[1], w[3], w[5]) for w in lines
                       if w[0] == "closed"][0]


@pytest.fixture
def client(driver, certs):
    def run(server, *args, mail=MAIL, rcpts=("b@relay.test",), wait=3000,
            host="localhost", tls=None, addresses=("127.0.0.1",)):
        args = ["-h", host, "-c", str(certs.ca), "-T", str(wait), *args]
        args += ["-t", tls or server.tls or "none"]
        for r in rcpts:
            args += ["-r", r]
        p = subprocess.run([driver, *args, str(server.port), *addresses],
                           input=mail, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=60)
        assert p.returncode == 0, p.stderr.decode()
        assert server.errors == []
        return Said(p.stdout.decode())
    return run


MODES = [None, "starttls", "implicit"]
GOOD = "2.1.5"


@pytest.mark.parametrize("tls", MODES)
@pytest.mark.parametrize("pipelining", [True, False])
def test_delivers_byte_for_byte(client, certs, tls, pipelining):
    exts = ["PIPELINING"] if pipelining else ["X-NOTHING"]
    with Server(certs, tls=tls, exts=exts) as s:
        r = client(s, rcpts=["b@relay.test", "c@relay.test"])
        assert r.rcpts == [("S", GOOD)] * 2 and r.closed[0] == "S"
        [m] = s.mails
        assert m.data == MAIL and m.sender == "from@client.test"
        assert m.to() == ["b@relay.test", "c@relay.test"]
        assert m.tls == (tls is not None) and m.helo == "client.test"


def test_a_large_message_arrives_whole(client, certs):
    body = b"".join(b"%d .......\r\n" % i for i in range(400000))
    for tls in MODES:
        with Server(certs, tls=tls) as s:
            r = client(s, mail=b"Subject: big\r\n\r\n" + body, wait=20000)
            assert r.rcpts == [("S", GOOD)]
            assert s.mails[0].data == b"Subject: big\r\n\r\n" + body


def test_line_ends_are_mended_so_that_nothing_is_smuggled(client):
    evil = (b"Subject: x\n\na\r\n.\nMAIL FROM:<evil@x>\nb\n.\r\n"
            b"MAIL FROM:<evil@x>\r\nc\r.\rd\r.\r\nQUIT\r\n")
    with Server() as s:
        client(s, mail=evil)
        [m] = s.mails
        assert m.data == (
            b"Subject: x\r\n\r\na\r\n.\r\nMAIL FROM:<evil@x>\r\nb\r\n.\r\n"
            b"MAIL FROM:<evil@x>\r\nc . d .\r\nQUIT\r\n")
        assert len([x for x in s.seen if x.startswith("MAIL")]) == 1


# --- each step, each failure ----------------------------------------------

STEPS = ["greeting", "ehlo", "starttls", "ehlo2", "auth", "mail", "rcpt",
         "data", "dot"]
SESSION = set(STEPS[:5])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", [DROP, RESET, "451 4.7.1 later",
                                 "554 5.7.1 never", "421 4.3.2 down",
                                 b"\x00\xff\r\n", b"garbage\r\n"],
                         ids=["drop", "reset", "4xx", "5xx", "421", "binary",
                              "garbage"])
def test_each_failure_at_each_step(client, certs, step, how):
    with Server(certs, tls="starttls", users={"me": "secret"},
                replies={step: how}) as s:
        r = client(s, "-u", "me", "-p", "secret")
        assert s.mails == []
        if step in SESSION:     # nothing of it is about the mail
            assert r.rcpts == [] and r.closed[0] == "T", r.text
            assert r.closed[1].startswith("4.")
            return
        want = ("P", "5.7.1") if how == "554 5.7.1 never" else \
            ("T", "4.7.1") if how == "451 4.7.1 later" else \
            ("T", "4.3.2") if how == "421 4.3.2 down" else \
            ("T", "4.4.2") if how in (DROP, RESET) else ("T", "4.5.0")
        assert r.rcpts == [want], r.text
        unsure = step == "dot" and how in (DROP, RESET)
        assert r.done[0][1] == "unsure=%d" % unsure


@pytest.mark.parametrize("step", STEPS)
def test_silence_at_each_step(client, certs, step):
    with Server(certs, tls="starttls", users={"me": "secret"},
                replies={step: HANG}) as s:
        t = time.monotonic()
        r = client(s, "-u", "me", "-p", "secret", wait=300)
        assert 0.25 < time.monotonic() - t < 5
        assert r.closed[:2] == ("T", "4.4.2")
        assert "did not answer in time" in r.closed[2]
        if step not in SESSION:
            assert r.rcpts == [("T", "4.4.2")]


def test_silence_within_the_handshake(client, certs):
    class Mute(Certs):
        def __init__(self):
            pass

        def context(self, _):
            time.sleep(2)
            raise OSError
    for tls in ("starttls", "implicit"):
        with Server(Mute(), tls=tls) as s:
            r = client(s, wait=300)
            assert r.closed[:2] == ("T", "4.4.2")
            assert "handshake" in r.closed[2]


def test_an_answer_that_trickles_does_not_hold_the_clock(client):
    def drip(_):
        for _ in range(100):
            time.sleep(0.1)
            yield b"2"
    with Server(replies={"greeting": drip}) as s:
        t = time.monotonic()
        assert client(s, wait=400).closed[1] in ("4.4.2", "4.5.0")
        assert time.monotonic() - t < 3


@pytest.mark.parametrize("what", [
    b"220-x\r\n", b"220 " + b"x" * 1000, b"2", b"\r\n", b"\n"])
def test_a_banner_without_end(client, what):
    with Server(replies={"greeting": lambda _: itertools.repeat(what)}) as s:
        r = client(s)
        assert r.closed[:2] == ("T", "4.5.0")


def test_long_replies_are_cut_not_kept(client):
    text = "\n".join(["550-5.1.1 " + "long " * 200] * 20 + ["550 5.1.1 end"])
    with Server(replies={"rcpt": text}) as s:
        r = client(s)
        assert r.rcpts == [("P", "5.1.1")] and len(r.words[0]) <= 511


def test_words_of_the_relay_are_made_printable(client):
    with Server(replies={"rcpt": b"550 5.1.1 \x1b[2Jno\tuser \xc3\xbc\r\n"}) \
            as s:
        assert client(s).words == [
            "550 5.1.1 \\x1b[2Jno user \\xc3\\xbc"]


def test_each_recipient_has_its_own_answer(client):
    for exts in (None, ["8BITMIME"]):
        with Server(exts=exts, replies={
                "rcpt a@x.test": "550-5.1.1 no\n550 5.1.1 such user",
                "rcpt b@x.test": "452 4.5.3 too many",
                "rcpt d@x.test": "450 4.2.1 grey"}) as s:
            r = client(s, rcpts=["a@x.test", "b@x.test", "c@x.test",
                                 "d@x.test", "no address", "e@x.test"])
            assert r.rcpts == [("P", "5.1.1"), ("T", "4.5.3"), ("S", GOOD),
                               ("T", "4.2.1"), ("P", "5.1.3"), ("S", GOOD)]
            assert s.mails[0].to() == ["c@x.test", "e@x.test"]
            assert r.words[0] == "550 5.1.1 no such user"
            assert r.closed[0] == "S"


def test_hundreds_of_recipients(client):
    rcpts = ["somebody.%d@a.domain.with.a.long.name.test" % i
             for i in range(900)]
    refused = {"rcpt " + r: "550 5.1.1 no" for r in rcpts[::7]}
    with Server(replies=refused) as s:
        r = client(s, rcpts=rcpts)
        assert r.rcpts == [("P", "5.1.1") if i % 7 == 0 else ("S", GOOD)
                           for i in range(900)]
        assert len(s.mails[0].rcpts) == 900 - len(refused)


def test_a_go_ahead_without_recipients_gets_a_dot_alone(client):
    with Server(obey=True, replies={"rcpt": "550 5.1.1 no"}) as s:
        assert client(s).rcpts == [("P", "5.1.1")]
        assert s.mails == [] and s.seen[-2:] == ["RSET", "QUIT"]


def test_the_relay_may_stop_us_within_the_message(client):
    big = b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n" * 3000000
    for reply, want in ((b"552 5.3.4 too large\r\n", ("P", "5.3.4")),
                        (b"452 4.3.1 full\r\n", ("T", "4.3.1")),
                        (DROP, ("T", "4.4.2")), (RESET, ("T", "4.4.2"))):
        with Server(replies={"body": reply}) as s:
            r = client(s, mail=big)
            assert r.rcpts == [want] and s.mails == []
            assert "unsure=0" in r.done[0]


def test_a_relay_that_stops_reading(client):
    big = b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 20000
    with Server(exts=[], replies={"body": HANG}) as s:
        r = client(s, mail=big, wait=400)
        assert r.rcpts == [("T", "4.4.2")]


# --- what the relay offers ------------------------------------------------

def test_only_what_is_offered_is_used(client):
    args = ["-N", "6", "-E", "id=1", "-R", "hdrs"]
    with Server() as s:
        client(s, *args)
        m = s.mails[0]
        assert m.params == ["SIZE=%d" % len(MAIL), "RET=HDRS", "ENVID=id+3D1"]
        assert m.rcpts == [("b@relay.test", ["NOTIFY=SUCCESS,FAILURE"])]
    with Server(exts=["PIPELINING"]) as s:
        client(s, *args)
        m = s.mails[0]
        assert m.params == [] and m.rcpts == [("b@relay.test", [])]


@pytest.mark.parametrize("mail, exts, want", [
    (b"Subject: x\r\n\r\n\xc3\xbc\r\n", ["SMTPUTF8"], ("P", "5.6.3")),
    ("Subject: ü\r\n\r\n".encode(), ["8BITMIME"], ("P", "5.6.9")),
    (b"Subject: x\r\n\r\n" + b"x" * 100, ["SIZE 50"], ("P", "5.3.4")),
    (b"Subject: x\r\n\r\n\0\r\n", ["8BITMIME"], ("P", "5.6.0")),
], ids=["8bit", "utf8", "size", "nul"])
def test_what_the_relay_cannot_take_fails_before_it_is_sent(client, mail, exts,
                                                            want):
    with Server(exts=exts) as s:
        r = client(s, mail=mail)
        assert r.rcpts == [want] and r.closed[0] == "S"
        assert not [x for x in s.seen if x.startswith("MAIL")]


def test_8bit_and_utf8_are_announced_where_offered(client):
    text = "Subject: ü\r\n\r\nü\r\n".encode()
    with Server() as s:
        r = client(s, "-f", "ä@client.test", mail=text,
                   rcpts=["ö@relay.test", "b@relay.test"])
        assert r.rcpts == [("S", GOOD)] * 2
        m = s.mails[0]
        assert m.params == ["SIZE=%d" % len(text), "BODY=8BITMIME",
                            "SMTPUTF8"]
        assert m.sender == "ä@client.test" and m.to()[0] == "ö@relay.test"
        assert m.data == text
    with Server(exts=["8BITMIME"]) as s:
        r = client(s, rcpts=["ö@relay.test", "b@relay.test"])
        assert r.rcpts == [("P", "5.6.7"), ("S", GOOD)]


@pytest.mark.parametrize("evil", [
    "b@x.test>\r\nRCPT TO:<c@x.test", "b@x.test\nDATA", "b\r@x.test",
    "b@x.test> NOTIFY=NEVER", "\x7f@x.test", "b@[x\r\ny]"])
def test_no_address_injects_a_command(client, evil):
    with Server() as s:
        assert client(s, rcpts=[evil]).rcpts == [("P", "5.1.3")]
        assert client(s, "-f", evil).rcpts == [("P", "5.1.7")]
        assert s.mails == []
        assert {x.split(" ")[0] for x in s.seen} == {"EHLO", "QUIT"}


def test_helo_for_an_old_server(client):
    with Server(replies={"ehlo": "502 5.5.1 what?"}) as s:
        assert client(s, "-N", "2").rcpts == [("S", GOOD)]
        assert s.seen[:2] == ["EHLO client.test", "HELO client.test"]


# --- connections ----------------------------------------------------------

def test_one_connection_for_several_mails_up_to_the_limit(client, certs):
    with Server(certs, tls="starttls") as s:
        r = client(s, "-n", "5")
        assert len(s.mails) == 5 and s.connections == 1
        assert r.closed[0] == "S"
    with Server(certs, tls="starttls") as s:
        r = client(s, "-n", "5", "-m", "3")
        assert len(s.mails) == 3 and s.connections == 1
        assert r.closed[0] == "S" and s.seen[-1] == "QUIT"


def test_rset_between_a_refused_mail_and_the_next(client):
    with Server(replies={"mail": ["451 4.3.0 later", None]}) as s:
        r = client(s, "-n", "2")
        assert r.rcpts == [("T", "4.3.0"), ("S", GOOD)]
        assert "RSET" in s.seen and s.connections == 1


@pytest.mark.parametrize("how", [DROP, "421 4.4.2 idle"])
def test_a_connection_that_died_between_mails_is_no_verdict(client, how):
    with Server(replies={"mail": [None, how]}) as s:
        r = client(s, "-n", "2")
        assert r.rcpts[0] == ("S", GOOD) and r.rcpts[1][0] == "T"
        assert [d[2] for d in r.done] == ["untried=0", "untried=1"]


def test_the_next_address_is_tried(client):
    with Server() as s:
        r = client(s, addresses=["127.0.0.77", "127.0.0.78", "127.0.0.1"])
        assert r.rcpts == [("S", GOOD)]
    r = client(s, addresses=["127.0.0.77", "127.0.0.1"])    # it has stopped
    assert r.closed[:2] == ("T", "4.4.1")
    assert "Connection refused" in r.closed[2] and "127.0.0.1" in r.closed[2]


# --- TLS and AUTH ---------------------------------------------------------

@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("cert", ["expired", "future", "wrongname", "cnonly",
                                  "self", "client", "address"])
def test_a_certificate_that_is_wrong_stops_everything(client, certs, tls,
                                                      cert):
    with Server(certs, tls=tls, cert=cert, users={"me": "secret"}) as s:
        r = client(s, "-u", "me", "-p", "secret")
        assert r.closed[:2] == ("T", "4.7.5"), r.text
        assert "certificate" in r.closed[2]
        assert not [x for x in s.seen if x[:4] in ("AUTH", "MAIL")]


@pytest.mark.parametrize("cert, host, good", [
    ("good", "relay.test", True), ("good", "RELAY.test", True),
    ("good", "x.relay.test", False), ("wildcard", "x.relay.test", True),
    ("wildcard", "relay.test", False), ("wildcard", "a.b.relay.test", False),
    ("partial", "mx1.relay.test", False), ("address", "127.0.0.1", True),
    ("address", "127.0.0.2", False), ("good", "127.0.0.1", False)])
def test_the_name_in_the_configuration_is_what_counts(client, certs, cert,
                                                      host, good):
    with Server(certs, tls="implicit", cert=cert) as s:
        r = client(s, host=host)
        assert r.closed[0] == ("S" if good else "T"), r.text
        assert len(s.mails) == good


def test_no_mail_where_starttls_is_not_offered(client, certs):
    with Server(certs, users={"me": "secret"}) as s:
        r = client(s, "-u", "me", "-p", "secret", tls="starttls")
        assert r.closed[:2] == ("T", "4.7.4")
        assert s.seen == ["EHLO client.test", "QUIT"]


@pytest.mark.parametrize("extra", [
    b"250-mx.test\r\n250 AUTH PLAIN\r\n", b"235 2.0.0 ok\r\n", b"2", b"\0"])
def test_bytes_behind_starttls_are_an_attack(client, certs, extra):
    with Server(certs, tls="starttls", replies={
            "starttls": b"220 go\r\n" + extra}) as s:
        r = client(s)
        assert r.closed[:2] == ("T", "4.5.0")
        assert "handshake" in r.closed[2] and s.mails == []


def test_what_was_offered_before_tls_is_forgotten(client, certs):
    with Server(certs, tls="starttls", exts=["DSN", "SIZE 1"],
                replies={"ehlo2": "250-mx\n250 8BITMIME"}) as s:
        r = client(s, "-N", "2")
        assert r.rcpts == [("S", GOOD)] and s.mails[0].params == []


def test_tls_where_there_is_none(client, certs):
    with Server() as s:
        assert client(s, tls="implicit").closed[:2] == ("T", "4.7.5")


@pytest.mark.parametrize("mechs", ["PLAIN LOGIN", "LOGIN", "GSSAPI PLAIN"])
@pytest.mark.parametrize("password", ["secret", "p ä ss\u2028",
                                      "x" * 400])
def test_auth(client, certs, mechs, password):
    with Server(certs, tls="starttls", mechs=mechs,
                users={"me@relay.test": password}) as s:
        r = client(s, "-u", "me@relay.test", "-p", password)
        assert r.rcpts == [("S", GOOD)]
        assert s.mails[0].user == "me@relay.test" and s.mails[0].tls
        r = client(s, "-u", "me@relay.test", "-p", "wrong")
        assert r.closed[:2] == ("T", "4.7.8")
        assert "wrong" in r.closed[2] and "bWU" not in r.text


@pytest.mark.parametrize("mechs", ["CRAM-MD5", "XOAUTH2 GSSAPI", ""])
def test_no_mechanism_that_we_know(client, certs, mechs):
    with Server(certs, tls="starttls", mechs=mechs, users={}) as s:
        r = client(s, "-u", "me", "-p", "secret")
        assert r.closed[:2] == ("T", "4.7.4")
        assert not [x for x in s.seen if x.startswith("AUTH")]


@pytest.mark.parametrize("challenge", ["334 ", "334 not base64!", "334 AAAA"])
def test_a_challenge_out_of_place_is_cancelled(client, certs, challenge):
    with Server(certs, tls="starttls", users={}, mechs="PLAIN",
                replies={"auth": challenge}) as s:
        r = client(s, "-u", "me", "-p", "secret")
        assert r.closed[:2] == ("T", "4.7.0") and "*" in s.seen


def test_no_password_without_tls(client):
    with Server(users={"me": "secret"}) as s:
        r = client(s, "-u", "me", "-p", "secret", tls="none")
        assert r.closed[:2] == ("T", "4.7.4")
        assert s.seen == ["EHLO client.test", "QUIT"]
