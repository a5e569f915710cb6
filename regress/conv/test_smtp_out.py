# SPDX-License-Identifier: ISC
"""From EmailSubmission/set to the relay: a relay that fails in every way, and
Debian's Postfix.  What the client alone does is in test_smtp_client.py."""

import os
import pathlib
import re
import subprocess
import time

import pytest

import helpers
import postfix
from queue_tools import (count, delivered, empty, get, kill, letter, queue,
                         received, submit, undo)
from smtp_server import DROP, EXTS, HANG, RESET, Certs, Server

CONF = """
queue {
	relay = "localhost:%(port)d"
	relay-tls = %(tls)s
	relay-user = "me@relay.test"
	relay-password = "%(dir)s/password"
	relay-ca = "%(dir)s/ca.pem"
	helo = client.test
	retry = 100ms
	retry-max = 300ms
	expire = %(expire)s
}
"""
USERS = {"me@relay.test": "s3 cret"}


def readable(certs):
    """The server may be another user."""
    (certs.dir / "password").write_text("s3 cret\n")
    for f in (certs.dir, *certs.dir.iterdir()):
        f.chmod(0o700 if f.is_dir() else 0o600)
        if os.geteuid() == 0:
            os.chown(f, 65534, 65534)


@pytest.fixture(scope="module")
def certs():
    dir = pathlib.Path(subprocess.run(
        ["mktemp", "-d", "/tmp/jmapd-test-XXXXXX"], check=True, text=True,
        stdout=subprocess.PIPE).stdout.strip())
    certs = Certs(dir)
    for kind in ("good", "expired", "wrongname"):
        certs.context(kind)
    readable(certs)
    yield certs
    subprocess.run(["rm", "-rf", str(dir)], check=True)


@pytest.fixture(scope="module")
def relay(certs):
    with Server(certs, tls="starttls", users=USERS) as s:
        yield s


@pytest.fixture(scope="module")
def out(certs, relay):
    s = helpers.Server(CONF % {"port": relay.port, "tls": "starttls",
                               "dir": certs.dir, "expire": "1h"})
    s.relay = relay
    yield s
    s.remove()


@pytest.fixture
def sender(out):
    """An account; the relay is as it should be, before and after."""
    yield out.adduser()
    out.relay.replies.clear()
    out.relay.counts.clear()
    out.relay.cert, out.relay.tls, out.relay.users = "good", "starttls", USERS
    out.relay.exts = EXTS
    empty(out, 20)
    assert out.relay.errors == []


def came(relay, subject, n=1, seconds=15):
    """Wait for n mails of that subject at the relay; the last one."""
    def there():
        got = [m for m in relay.mails
               if b"\r\nSubject: " + subject.encode() + b"\r\n" in m.data]
        return got[-1] if len(got) >= n else None
    return helpers.wait_for(there, seconds)


def times(relay, subject):
    return sum(b"\r\nSubject: " + subject.encode() + b"\r\n" in m.data
               for m in relay.mails)


def test_a_submission_reaches_the_relay_byte_for_byte(out, sender):
    data = letter(sender, "b@relay.test", "as it is",
                  ".dot\r\n..\r\n.\r\n" + "x" * 2000 + "\r\n.\r\n \r\nend")
    s = submit(sender, ["b@relay.test", "c@relay.test"], data)
    m = came(out.relay, "as it is")
    assert m.data.endswith(data)
    assert re.fullmatch(rb"(Received: by localhost .*\r\n([ \t].*\r\n)*)?",
                        m.data[:-len(data)])
    assert m.tls and m.user == "me@relay.test" and m.helo == "client.test"
    assert m.sender == sender.name
    assert m.to() == ["b@relay.test", "c@relay.test"]
    for to in m.to():
        status = delivered(sender, s, to, "unknown")
        assert status["smtpReply"] == "250 2.1.5 ok"
    assert get(sender, s)["undoStatus"] == "final"


def test_options_of_the_submission_reach_the_relay(out, sender):
    submit(sender, [("b@relay.test", {"NOTIFY": "SUCCESS,DELAY",
                                      "ORCPT": "rfc822;q+r@s.test"})],
           subject="options", mail={"RET": "HDRS", "ENVID": "id=1"})
    m = came(out.relay, "options")
    assert {"RET=HDRS", "ENVID=id+3D1"} <= set(m.params)
    [(_, params)] = m.rcpts
    assert set(params) == {"NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;q+2Br@s.test"}


def test_a_report_about_an_alias_is_of_the_recipient(out, sender):
    """ORCPT is added (RFC 3461 5.2.1 d), and found again in what comes back
    from a system behind the relay that knows b by another name."""
    s = submit(sender, ["b+1@relay.test", "ö@relay.test"], subject="alias")
    m = came(out.relay, "alias")
    delivered(sender, s, "b+1@relay.test", "unknown")
    assert [p for _, p in m.rcpts] == [["ORCPT=rfc822;b+2B1@relay.test"],
                                       ["ORCPT=utf-8;\\x{F6}@relay.test"]]
    envid = [p[6:] for p in m.params if p.startswith("ENVID=")][0]
    with out.lmtp_client() as c:
        c.deliver((
            "From: MAILER-DAEMON@far.test\r\nSubject: failed\r\n"
            "Content-Type: multipart/report; boundary=x; "
            "report-type=delivery-status\r\n\r\n--x\r\n\r\nSorry.\r\n--x\r\n"
            "Content-Type: message/delivery-status\r\n\r\n"
            f"Original-Envelope-Id: {envid}\r\n\r\n"
            "Original-Recipient: rfc822;b+1@relay.test\r\n"
            "Final-Recipient: rfc822;bob@far.test\r\n"
            "Action: failed\r\nStatus: 5.1.1\r\n\r\n--x--\r\n").encode(),
            sender.name, sender="")
    status = get(sender, s)["deliveryStatus"]
    assert status["b+1@relay.test"]["delivered"] == "no"
    assert status["ö@relay.test"]["delivered"] == "unknown"


def test_a_priority_goes_on_to_a_relay_that_knows_it(out, sender):
    """RFC 6710 4.2, 4.3"""
    for subject, exts, said in (
            ("known", EXTS + ["MT-PRIORITY MIXER"], True),
            ("unknown", EXTS, False)):
        fresh(out)
        out.relay.exts = exts
        submit(sender, "b@relay.test", subject=subject,
               mail={"MT-PRIORITY": "-3"})
        m = came(out.relay, subject)
        assert ("MT-PRIORITY=-3" in m.params) == said


STEPS = ["greeting", "ehlo", "starttls", "ehlo2", "auth", "mail", "rcpt",
         "data", "dot"]


@pytest.mark.parametrize("step, how", [
    *[(step, DROP) for step in STEPS],
    *[(step, "451 4.7.1 later") for step in STEPS],
    *[(step, how) for step in ("mail", "dot")
      for how in (RESET, "421 4.3.2 down", b"garbage\r\n")]])
def test_what_passes_is_tried_again(out, sender, step, how):
    """All answers at all steps: test_smtp_client.py."""
    subject = "again %s %s" % (step, os.urandom(4).hex())
    out.relay.replies[step] = [how, None]
    s = submit(sender, "b@relay.test", subject=subject)
    came(out.relay, subject)
    assert delivered(sender, s, "b@relay.test", "unknown")["smtpReply"] == \
        "250 2.1.5 ok"
    assert times(out.relay, subject) == 1
    assert count(sender, subject) == 0          # nothing came back


@pytest.mark.parametrize("step, pending", [
    ("mail", True), ("rcpt", True), ("data", True), ("dot", True),
    # a mail whose answer was lost may be somewhere
    ("lost", False)])
def test_what_nobody_has_taken_can_be_undone(out, sender, step, pending):
    out.relay.replies["dot" if step == "lost" else step] = \
        DROP if step == "lost" else "450 4.2.0 not yet"
    s = submit(sender, "b@relay.test", subject="undone " + step)
    helpers.wait_for(lambda: "Queued" not in get(sender, s)[
        "deliveryStatus"]["b@relay.test"]["smtpReply"], 15)
    assert get(sender, s)["deliveryStatus"]["b@relay.test"][
        "delivered"] == "queued"
    if not pending:
        assert get(sender, s)["undoStatus"] == "final"
        assert undo(sender, s)["type"] == "cannotUnsend"
        return
    assert get(sender, s)["undoStatus"] == "pending"
    # not in the middle of the next attempt
    helpers.wait_for(lambda: undo(sender, s) is None)
    assert get(sender, s)["undoStatus"] == "canceled"
    out.relay.replies.clear()
    empty(out, 20)
    assert times(out.relay, "undone " + step) == 0


@pytest.mark.parametrize("step", ["greeting", "ehlo", "starttls", "auth"])
def test_a_relay_that_refuses_us_does_not_cost_a_mail(out, sender, step):
    subject = "5xx %s" % step
    out.relay.replies[step] = ["554 5.7.1 never", None]
    submit(sender, "b@relay.test", subject=subject)
    came(out.relay, subject)


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
def test_what_is_refused_for_good_comes_back(out, sender, step):
    subject = "never %s" % step
    out.relay.replies[step] = "550-5.7.1 not from\n550 5.7.1 you"
    s = submit(sender, "b@relay.test", subject=subject)
    status = delivered(sender, s, "b@relay.test", "no", 15)
    assert status["smtpReply"] == "550 5.7.1 not from you"
    report = bounce(sender, b"Final-Recipient: rfc822; ?b@relay.test")
    assert re.search(rb"(?m)^Status: 5\.7\.1\r$", report)
    assert re.search(rb"(?m)^Diagnostic-Code: smtp; ?550 5\.7\.1 not from you",
                     report)
    assert re.search(rb"(?m)^Action: failed\r$", report)
    assert times(out.relay, subject) == 0


def bounce(account, pattern, seconds=15):
    """Wait for a report in the account that has the pattern."""
    def there():
        for e in account.emails(["blobId", "keywords"]):
            data = account.download(e["blobId"])
            if b"multipart/report" in data and re.search(pattern, data):
                return data
    return helpers.wait_for(there, seconds)


def test_each_recipient_has_its_own_fate(out, sender):
    out.relay.replies.update({
        "rcpt a@relay.test": "550 5.1.1 who?",
        "rcpt b@relay.test": ["452 4.5.3 too many", "451 4.3.0 busy", None]})
    here = out.adduser()
    s = submit(sender, ["a@relay.test", "b@relay.test", "c@relay.test",
                        here.name], subject="fates")
    assert delivered(sender, s, "a@relay.test", "no", 15)["smtpReply"] == \
        "550 5.1.1 who?"
    delivered(sender, s, "c@relay.test", "unknown", 15)
    delivered(sender, s, here.name, "yes", 15)
    came(out.relay, "fates", 2)
    delivered(sender, s, "b@relay.test", "unknown", 15)
    assert [m.to() for m in out.relay.mails if b"Subject: fates" in m.data] \
        == [["c@relay.test"], ["b@relay.test"]]
    received(here, "fates")
    bounce(sender, b"Final-Recipient: rfc822; ?a@relay.test")


@pytest.mark.parametrize("change", [
    {"cert": "expired"}, {"cert": "wrongname"}, {"tls": None},
    {"users": {"me@relay.test": "changed"}}],
    ids=["expired", "wrongname", "no-starttls", "password"])
def test_mail_waits_until_the_relay_can_be_trusted(out, sender, change):
    subject = "waits " + os.urandom(4).hex()
    for k, v in change.items():
        setattr(out.relay, k, v)
    fresh(out)
    n = out.relay.connections
    s = submit(sender, "b@relay.test", subject=subject)
    helpers.wait_for(lambda: out.relay.connections >= n + 2, 10)
    reply = helpers.wait_for(lambda: (get(sender, s)["deliveryStatus"] or {})
                             .get("b@relay.test", {}).get("smtpReply"), 10)
    assert re.match(r"451 4\.7\.[45] |535 5\.7\.8 ", reply), reply
    assert times(out.relay, subject) == 0
    out.relay.cert, out.relay.tls, out.relay.users = "good", "starttls", USERS
    came(out.relay, subject)


def fresh(out):
    """No connection to the relay is left open."""
    helpers.wait_for(lambda: not out.relay.open, 40)


def test_what_the_relay_cannot_take_comes_back(out, sender):
    fresh(out)
    out.relay.exts = ["8BITMIME", "SIZE 3000"]
    s = submit(sender, "b@relay.test", subject="large", body="x" * 4000)
    assert "5.3.4" in delivered(sender, s, "b@relay.test", "no",
                                15)["smtpReply"]
    s = submit(sender, "ö@relay.test", subject="utf8")
    if isinstance(s, str):              # or it was refused at once
        assert "5.6." in delivered(sender, s, "ö@relay.test", "no",
                                    15)["smtpReply"]
    assert times(out.relay, "large") == times(out.relay, "utf8") == 0


def test_a_queue_that_is_killed_in_the_middle_sends_it_after(out, sender):
    out.relay.replies["data"] = [HANG, None]
    submit(sender, "b@relay.test", subject="killed")
    helpers.wait_for(lambda: out.relay.seen[-1:] == ["DATA"] or
                     "DATA" in out.relay.seen[-5:], 10)
    kill(out)
    came(out.relay, "killed")
    empty(out, 15)
    assert times(out.relay, "killed") == 1


def test_many_mails_use_few_connections(out, sender):
    fresh(out)
    n, before = 60, out.relay.connections
    for i in range(n):
        submit(sender, "b@relay.test", subject="many")
    came(out.relay, "many", n, 30)
    empty(out, 15)
    assert times(out.relay, "many") == n
    assert out.relay.connections - before <= 20


def test_an_expired_mail_comes_back(certs):
    with Server(certs, tls="starttls", users=USERS, replies={
            "rcpt": "451 4.2.1 not today"}) as s:
        out = helpers.Server(CONF % {"port": s.port, "tls": "starttls",
                                     "dir": certs.dir, "expire": "2s"})
        try:
            a = out.adduser()
            submit(a, "b@relay.test", subject="too late")
            report = bounce(a, b"Final-Recipient: rfc822; ?b@relay.test")
            assert re.search(rb"(?m)^Action: failed\r$", report)
            assert re.search(rb"(?m)^Status: 5\.4\.7\r$|^Status: 4\.2\.1\r$",
                             report)
            empty(out)
        finally:
            out.remove()


def test_a_relay_that_is_away_gets_it_when_it_is_back(certs):
    first = Server(certs, tls="implicit", users=USERS)
    out = helpers.Server(CONF % {"port": first.port, "tls": "implicit",
                                 "dir": certs.dir, "expire": "1h"})
    first.stop()
    try:
        a = out.adduser()
        submit(a, "b@relay.test", subject="away")
        time.sleep(0.5)
        [row] = queue(out)
        assert row["left"] == 1
        with Server(certs, tls="implicit", users=USERS,
                    port=first.port) as again:
            came(again, "away")
            empty(out)
    finally:
        out.remove()


# --- Postfix --------------------------------------------------------------

@pytest.mark.skipif(postfix.missing() is not None,
                    reason=str(postfix.missing()))
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_postfix_relays_what_was_submitted(tls):
    dir = pathlib.Path(subprocess.run(
        ["mktemp", "-d", "/tmp/jmapd-test-XXXXXX"], check=True, text=True,
        stdout=subprocess.PIPE).stdout.strip())
    certs = Certs(dir)
    certs.context("good")
    out = None
    with Server(exts=["SIZE", "8BITMIME", "SMTPUTF8", "DSN"]) as end:
        p = postfix.Postfix(relay={
            "cert": dir / "good.pem", "key": dir / "good.key",
            "next": end.port, "user": "me@relay.test",
            "password": "s3 cret"})
        readable(certs)
        try:
            out = helpers.Server(CONF % {
                "port": p.port if tls == "starttls" else p.tls_port,
                "tls": tls, "dir": dir, "expire": "1h"})
            a = out.adduser()
            data = letter(a, "b@relay.test", "through Postfix",
                          "Gr\u00fc\u00dfe\r\n.\r\n..dots\r\n \r\nend",
                          "MIME-Version: 1.0\r\nContent-Type: text/plain; "
                          "charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
                          "\r\n")
            s = submit(a, ["b@relay.test", "no@relay.test"], data)
            m = came(end, "through Postfix", seconds=30)
            assert m.data.endswith(data)
            assert m.to() == ["b@relay.test"] and m.sender == a.name
            assert delivered(a, s, "b@relay.test", "unknown")["smtpReply"] \
                .startswith("250 2.1.5 ")
            assert delivered(a, s, "no@relay.test", "no")["smtpReply"] \
                .startswith("554 5.7.1 ")
            bounce(a, b"Final-Recipient: rfc822; ?no@relay.test")
            empty(out)
        finally:
            p.stop()
            if out is not None:
                out.remove()
            subprocess.run(["rm", "-rf", str(dir)], check=True)
