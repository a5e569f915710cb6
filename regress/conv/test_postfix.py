# SPDX-License-Identifier: ISC
"""Mail by way of Debian's Postfix, over TCP and over a unix socket."""

import re
import subprocess

import pytest

import postfix
from helpers import SAMPLES, message, wait_for

why = postfix.missing()
pytestmark = pytest.mark.skipif(why is not None, reason=str(why))


@pytest.fixture(params=["inet", "unix"])
def relay(server, request):
    if request.param == "unix":
        # Postfix's delivery agent runs as another user
        subprocess.run(["chmod", "a+x", server.dir], check=True)
        subprocess.run(["chmod", "a+rw", server.lmtp_unix], check=True)
    p = postfix.Postfix("inet:" + server.lmtp if request.param == "inet"
                        else "unix:" + server.lmtp_unix)
    yield p
    p.stop()


def test_delivers_to_one_and_to_several(server, relay):
    one, two = server.adduser(), server.adduser()
    with relay.smtp() as s:
        s.sendmail("a@example.org", [one.name], message(subject="single"))
        s.sendmail("b@example.org", [one.name, two.name, "no@mail.test"],
                   message(subject="both"))
    wait_for(lambda: len(one.emails(["id"])) == 2 and
             len(two.emails(["id"])) == 1, 30, 0.2)
    assert {m["subject"] for m in one.emails(["subject"])} == {"single",
                                                               "both"}
    log = wait_for(lambda: relay.log() if "status=bounced" in relay.log()
                   else None, 20, 0.2)
    assert re.search(r"to=<no@mail\.test>.* dsn=5\.1\.1, status=bounced", log)
    assert len(re.findall(r"status=sent \(250 2\.0\.0 delivered\)", log)) == 3
    mail = one.emails(["blobId"], filter={"subject": "single"})[0]
    raw = one.download(mail["blobId"])
    assert raw.startswith(b"Return-Path: <a@example.org>\r\nReceived: from ")


def test_samples_arrive_byte_for_byte(server, relay, tmp_path):
    account = server.adduser()
    subprocess.run([str(SAMPLES / "generate"), str(tmp_path)], check=True)
    # what SMTP can carry, and Postfix does not mend
    mails = [f.read_bytes() for f in sorted(tmp_path.glob("*.eml"))
             if "bad-" not in f.name]
    mails = [m for m in mails if re.match(rb"[!-9;-~]+:", m) and
             b"\0" not in m and not re.search(rb"[^\r]\n|\r[^\n]", m) and
             m.endswith(b"\r\n") and b"\r\n\r\n" in m][:80]
    assert len(mails) == 80
    with relay.smtp() as s:
        for m in mails:
            s.mail("a@example.org", ["BODY=8BITMIME"])
            s.rcpt(account.name)
            assert s.data(m)[0] == 250
    total = {"calculateTotal": True, "limit": 1}
    wait_for(lambda: account.call("Email/query", total)["total"] == 80, 60,
             0.2)
    arrived = [account.download(m["blobId"]) for m in
               account.emails(["blobId"])]
    for m in mails:
        assert any(a.endswith(b"\r\n" + m) for a in arrived), m[:300]
