# SPDX-License-Identifier: ISC
"""The queue: mail submitted over JMAP to accounts here.  What goes to a relay
is in test_queue_relay.py."""

import datetime
import email
import email.policy
import os
import re
import signal
import threading
import time

import pytest

import helpers
from queue_tools import (call, count, delivered, empty, get, kill, letter,
                         queue, received, submit, undo)

FAST = "queue { retry = 200ms retry-max = 400ms }\n"


@pytest.fixture(scope="module")
def server():
    """One whose queue has nothing of other modules' tests in it."""
    s = helpers.Server()
    yield s
    s.remove()


def later(seconds):
    t = datetime.datetime.now(datetime.timezone.utc) + \
        datetime.timedelta(seconds=seconds)
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def report(data):
    """The parts of a DSN: text, fields of each block, the third part."""
    msg = email.message_from_bytes(data, policy=email.policy.default)
    assert msg.get_content_type() == "multipart/report"
    assert msg.get_param("report-type") == "delivery-status"
    text, status, original = msg.iter_parts()
    assert status.get_content_type() == "message/delivery-status"
    return msg, text.get_content(), \
        [dict(b.items()) for b in status.iter_parts()], original


def test_mail_to_an_account_here_is_delivered(server, account):
    other = server.adduser()
    s = submit(account, other.name, subject="to you")
    data = received(other, "to you")
    assert data.startswith(b"Return-Path: <" + account.name.encode() +
                           b">\r\nReceived: by localhost (jmapd) id ")
    status = delivered(account, s, other.name, "yes")
    assert status["smtpReply"].startswith("250 2.1.5 ")
    assert status["displayed"] == "unknown"
    assert get(account, s)["undoStatus"] == "final"
    empty(server)


def test_no_such_recipient_is_refused_when_submitted(server, account):
    got = submit(account, [account.name, "nobody-at-all@mail.test"])
    assert got["type"] == "invalidRecipients"
    assert got["invalidRecipients"] == ["nobody-at-all@mail.test"]
    assert queue(server) == []


def test_without_a_relay_others_are_refused_by_name(server, account):
    got = submit(account, [account.name, "somebody@example.org"])
    assert got["type"] == "invalidRecipients"
    assert got["invalidRecipients"] == ["somebody@example.org"]
    assert "relay" in got["description"]


def test_a_mail_waits_for_its_time(server, account):
    s = submit(account, account.name, subject="in two seconds",
               mail={"HOLDFOR": "2"})
    assert get(account, s)["undoStatus"] == "pending"
    row, = [r for r in queue(server) if r["state"] == "later"]
    assert row["recipients"] == 1 and row["left"] == 1
    time.sleep(1)
    assert count(account, "in two seconds") == 0
    received(account, "in two seconds")
    delivered(account, s, account.name, "yes")


def test_undone_it_never_leaves(server, account):
    s = submit(account, account.name, subject="on second thought",
               mail={"HOLDFOR": "3600"})
    assert undo(account, s) is None
    assert get(account, s)["undoStatus"] == "canceled"
    empty(server)
    assert get(account, s)["undoStatus"] == "canceled"
    assert count(account, "on second thought") == 0


def test_what_has_left_cannot_be_undone(server, account):
    s = submit(account, account.name, subject="gone")
    delivered(account, s, account.name, "yes")
    assert undo(account, s)["type"] == "cannotUnsend"


def test_success_is_told_when_it_was_asked_for(server, account):
    other = server.adduser()
    submit(account, (other.name, {"NOTIFY": "SUCCESS",
                                  "ORCPT": "rfc822;other+x@mail.test"}),
           subject="tell me", mail={"ENVID": "my own id"})
    data = received(account, "Mail was delivered")
    msg, text, blocks, original = report(data)
    assert data.startswith(b"Return-Path: <>\r\n")
    assert msg["auto-submitted"] == "auto-replied"
    assert blocks[0]["Original-Envelope-Id"] == "my own id"
    assert blocks[0]["Reporting-MTA"] == "dns; localhost"
    assert blocks[1]["Final-Recipient"] == f"rfc822; {other.name}"
    assert blocks[1]["Original-Recipient"] == "rfc822;other+x@mail.test"
    assert blocks[1]["Action"] == "delivered"
    assert blocks[1]["Status"] == "2.1.5"
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Subject: tell me" in original.get_content()


def test_a_report_says_that_the_mail_was_held(server, account):
    """RFC 4865 5.1.2"""
    for name in "for", "until":
        until = (datetime.datetime.now(datetime.timezone.utc) +
                 datetime.timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        hold, said = {"for": ({"HOLDFOR": "1"}, "for;1"), "until": (
            {"HOLDUNTIL": until}, "until;" + until)}[name]
        submit(account, (account.name, {"NOTIFY": "SUCCESS"}), subject=name,
               mail={"ENVID": name, **hold})
        data = helpers.wait_for(lambda: [
            d for d in (account.download(e["blobId"])
                        for e in account.emails(["blobId"]))
            if b"Original-Envelope-Id: " + name.encode() in d], 15)[0]
        _, _, blocks, _ = report(data)
        assert blocks[0]["Future-Release-Request"] == said
        assert blocks[0]["Arrival-Date"]


@pytest.fixture(scope="module")
def small():
    """A server whose accounts can be too full, and that gives up soon."""
    s = helpers.Server(
        "queue { retry = 200ms retry-max = 300ms expire = 2s "
        "delay-notice = 700ms }\n")
    yield s
    s.remove()


def full(server):
    """An account with no room at all."""
    other = server.adduser()
    name = f"full{os.urandom(4).hex()}@mail.test"
    server.jmapctl("account", "add", "-q", "100", name, input="secret\n")
    return other, name


def test_a_full_mailbox_is_tried_again_then_given_up(small):
    account, name = full(small)
    s = submit(account, (name, {"NOTIFY": "DELAY,FAILURE"}),
               subject="too much", mail={"RET": "FULL", "ENVID": "E+1"})
    delivered(account, s, name, "queued")
    helpers.wait_for(lambda: (get(account, s)["deliveryStatus"][name]
                     ["smtpReply"]).startswith("452 4.2.2"))
    msg, text, blocks, original = report(received(account,
                                                  "Mail is delayed"))
    assert blocks[1]["Action"] == "delayed"
    assert blocks[1]["Status"] == "4.2.2"
    assert "Will-Retry-Until" in blocks[1]
    status = delivered(account, s, name, "no")
    assert status["smtpReply"].startswith("554 5.4.7 expired")
    msg, text, blocks, original = report(received(account,
                                                  "Undelivered mail"))
    assert name in text and "452 4.2.2" in text
    assert blocks[0]["Original-Envelope-Id"] == "E+1"
    assert blocks[1]["Action"] == "failed"
    assert blocks[1]["Status"] == "5.4.7"
    assert "452 4.2.2" in blocks[1]["Diagnostic-Code"]
    assert original.get_content_type() == "message/rfc822"
    assert original.get_content()["subject"] == "too much"
    empty(small)


def test_who_does_not_want_to_know_is_not_told(small):
    account, name = full(small)
    s = submit(account, (name, {"NOTIFY": "NEVER"}), subject="whatever")
    delivered(account, s, name, "no")
    empty(small)
    assert count(account, "Undelivered mail") == 0
    assert count(account, "Mail is delayed") == 0


def test_jmapctl_shows_retries_and_cancels(new_server):
    s = new_server("queue { retry = 1h delay-notice = 0 }\n")
    account, name = full(s)
    sub = submit(account, [name, account.name], subject="stuck")
    row = helpers.wait_for(lambda: [r for r in queue(s)
                                    if r["state"] == "deferred"])[0]
    assert row["from"] == f"<{account.name}>"
    assert (row["recipients"], row["left"]) == (2, 1)
    rows = {r["recipient"]: r for r in queue(s, "show", row["id"])}
    assert rows[f"<{account.name}>"]["fate"] == "delivered"
    r = rows[f"<{name}>"]
    assert r["fate"] == "waiting" and r["attempts"] == 1
    assert r["reply"].startswith("452 4.2.2")
    assert r["next"] > later(1800)
    s.jmapctl("queue", "retry", row["id"])
    helpers.wait_for(lambda: {r["recipient"]: r for r in queue(
        s, "show", row["id"])}[f"<{name}>"]["attempts"] == 2)
    s.jmapctl("queue", "retry", "all")
    helpers.wait_for(lambda: {r["recipient"]: r for r in queue(
        s, "show", row["id"])}[f"<{name}>"]["attempts"] == 3)
    s.jmapctl("queue", "cancel", row["id"])
    assert delivered(account, sub, name, "no")["smtpReply"].startswith(
        "554 5.7.0 canceled by the administrator")
    received(account, "Undelivered mail")
    empty(s)
    for args in (("show", row["id"]), ("retry", row["id"]),
                 ("cancel", row["id"])):
        done = s.jmapctl("queue", *args, check=False)
        assert done.returncode == 1 and "no such message" in done.stderr
    assert s.jmapctl("queue", "show", "xyz", check=False).returncode == 2
    assert s.jmapctl("queue", "cancel", check=False).returncode == 2
    held = submit(account, account.name, mail={"HOLDFOR": "3600"})
    s.jmapctl("queue", "cancel", queue(s)[0]["id"])
    helpers.wait_for(lambda: get(account, held)["undoStatus"] == "canceled")
    empty(s)


# letters of each of three threads: an account keeps 500 EmailSubmissions
MOST = 160


def test_a_killed_queue_loses_nothing(new_server):
    """Submissions go on while the queue process is killed; whatever was
    answered with success arrives, once, and nothing else does."""
    s = new_server(FAST)
    one, two = s.adduser(), s.adduser()
    sent, refused = [], []
    stop = threading.Event()

    def work(n):
        me = helpers.Account(s, one.name, one.password)
        i = 0
        while not stop.is_set() and i < MOST:
            subject = f"letter {n} {i}"
            i += 1
            got = submit(me, two.name, subject=subject)
            (sent if isinstance(got, str) else refused).append(
                (subject, got))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for _ in range(4):
        time.sleep(0.5)
        kill(s)
    time.sleep(0.5)
    stop.set()
    for t in threads:
        t.join()
    assert len(sent) > 20
    for _, e in refused:
        assert e["type"] == "rateLimit", e
    empty(s, 30)
    got = [e["subject"] for e in two.emails(["subject"], limit=5000)]
    assert sorted(got) == sorted(subject for subject, _ in sent)
    for subject, sub in sent:
        assert get(one, sub)["deliveryStatus"][two.name]["delivered"] == \
            "yes", subject


def test_a_killed_worker_loses_nothing(new_server):
    """The same with workers: an answer that did not come says nothing, but
    whatever has an EmailSubmission arrives, once."""
    s = new_server("workers = 3\n" + FAST)
    one, two = s.adduser(), s.adduser()
    stop = threading.Event()
    sent = []

    def work(n):
        i = 0
        while not stop.is_set() and i < MOST:
            me = helpers.Account(s, one.name, one.password)
            subject = f"letter {n} {i}"
            i += 1
            try:
                got = submit(me, two.name, subject=subject)
            except Exception:
                continue
            if isinstance(got, str):
                sent.append(subject)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for i in range(10):
        time.sleep(0.3)
        rows = s.jmapctl("-j", "show", "workers").stdout
        pids = re.findall(r'"pid": ?(\d+)', rows)
        if pids:
            os.kill(int(pids[i % len(pids)]), signal.SIGKILL)
    time.sleep(0.5)
    stop.set()
    for t in threads:
        t.join()
    empty(s, 60)
    got = [e["subject"] for e in two.emails(["subject"], limit=5000)]
    assert len(got) == len(set(got)), "delivered twice"
    ids = call(one, "EmailSubmission/query", {"limit": 5000})["ids"]
    assert len(ids) == len(got)
    assert set(sent) <= set(got)
    assert len(sent) > 10


def test_a_restart_keeps_what_waits(new_server):
    s = new_server()
    account = s.adduser()
    sub = submit(account, account.name, subject="kept",
                 mail={"HOLDFOR": str(4 * helpers.SLOW)})
    s.stop()
    s.start()
    account = helpers.Account(s, account.name, account.password)
    assert queue(s)[0]["state"] == "later"
    received(account, "kept")
    delivered(account, sub, account.name, "yes")
    empty(s)


def test_full_is_refused_for_now(new_server):
    s = new_server("queue { max-messages = 2 }\n")
    account = s.adduser()
    for _ in range(2):
        assert isinstance(submit(account, account.name,
                                 mail={"HOLDFOR": "3600"}), str)
    got = submit(account, account.name, mail={"HOLDFOR": "3600"})
    assert isinstance(got, dict)
    assert "full" in got.get("description", ""), got


def test_a_large_mail_arrives_whole(server, account):
    body = "\r\n".join(f"{i:070d}" for i in range(60000))
    data = letter(account, account.name, subject="large", body=body)
    sub = submit(account, account.name, data)
    assert received(account, "large", 20).endswith(data)
    delivered(account, sub, account.name, "yes")


def test_figures_of_the_queue(new_server):
    s = new_server()
    account = s.adduser()
    sub = submit(account, account.name)
    delivered(account, sub, account.name, "yes")
    submit(account, account.name, mail={"HOLDFOR": "3600"})

    def figure(name):
        text = account.http.get(s.plain_url + "/metrics", auth=None).text
        got = re.search(rf"^{name} (\d+)$", text, re.M)
        return int(got.group(1)) if got else None
    helpers.wait_for(lambda: figure('jmapd_queue_messages') == 1 and
                     figure('jmapd_queue_held') == 1)
    assert figure("jmapd_queue_accepted_total") == 2
    assert figure(r'jmapd_queue_recipients_total\{fate="delivered"\}') == 1
    assert figure("jmapd_queue_bytes") > 100
