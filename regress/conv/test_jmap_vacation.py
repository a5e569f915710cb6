# SPDX-License-Identifier: ISC
"""RFC 8621 8: VacationResponse, and that it really answers (RFC 3834)."""

import datetime
import secrets
import time

import pytest

from helpers import CORE, MAIL, message, wait_for
from submit_tools import VACATION, call, calls, error, person

OFF = {"id": "singleton", "isEnabled": False, "fromDate": None,
       "toDate": None, "subject": None, "textBody": None, "htmlBody": None}


def get(account):
    return call(account, "VacationResponse/get",
                {"ids": ["singleton"]})["list"][0]


def put(account, **patch):
    got = call(account, "VacationResponse/set",
               {"update": {"singleton": patch}})
    assert got["notUpdated"] is None, got
    return got


def utc(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(seconds=seconds)).strftime(
                "%Y-%m-%dT%H:%M:%SZ")


# --- the object ----------------------------------------------------------


def test_there_is_exactly_one(account):
    got = call(account, "VacationResponse/get", {"ids": None})
    assert got["list"] == [OFF] and got["notFound"] == []
    got = call(account, "VacationResponse/get",
               {"ids": ["singleton", "V1"], "properties": ["isEnabled"]})
    assert got["list"] == [{"id": "singleton", "isEnabled": False}]
    assert got["notFound"] == ["V1"]


def test_every_property_can_be_set_and_taken_back(account):
    state = call(account, "VacationResponse/get")["state"]
    new = {"isEnabled": True, "fromDate": "2026-01-01T00:00:00Z",
           "toDate": "2026-12-31T00:00:00Z", "subject": "Away \u263c",
           "textBody": "I am away.\n", "htmlBody": "<p>I am away.</p>"}
    got = put(account, **new)
    assert got["updated"] == {"singleton": None}
    assert got["oldState"] == state != got["newState"]
    assert get(account) == {"id": "singleton", **new}
    got = put(account, isEnabled=None, fromDate=None, toDate=None,
              subject=None, textBody=None, htmlBody=None)
    assert get(account) == OFF


@pytest.mark.parametrize("patch,bad", [
    ({"isEnabled": "yes"}, "isEnabled"),
    ({"isEnabled": 1}, "isEnabled"),
    ({"fromDate": "tomorrow"}, "fromDate"),
    ({"fromDate": "2026-01-01T00:00:00+01:00"}, "fromDate"),
    ({"toDate": 0}, "toDate"),
    ({"subject": "a\r\nBcc: x@y"}, "subject"),
    ({"subject": []}, "subject"),
    ({"textBody": 1}, "textBody"),
    ({"htmlBody": {}}, "htmlBody"),
    ({"id": "other"}, "id"),
    ({"nonesuch": 1}, "nonesuch"),
])
def test_invalidProperties(account, patch, bad):
    got = call(account, "VacationResponse/set",
               {"update": {"singleton": patch}})
    err = got["notUpdated"]["singleton"]
    assert (err["type"], err["properties"]) == ("invalidProperties", [bad])
    assert get(account) == OFF


def test_singleton(account):
    got = call(account, "VacationResponse/set", {
        "create": {"n": {"isEnabled": True}}, "destroy": ["singleton"],
        "update": {"other": {"isEnabled": True}}})
    assert got["notCreated"]["n"]["type"] == "singleton"
    assert got["notDestroyed"]["singleton"]["type"] == "singleton"
    assert got["notUpdated"]["other"]["type"] == "notFound"


def test_ifInState(account):
    got = error(account, "VacationResponse/set", {
        "ifInState": "x", "update": {"singleton": {"isEnabled": True}}})
    assert got["type"] == "stateMismatch"
    assert get(account) == OFF


def test_it_needs_the_capability(account):
    for m in ("get", "set"):
        got = error(account, f"VacationResponse/{m}", {},
                    using=(CORE, MAIL))
        assert got["type"] == "unknownMethod"
    assert account.session["capabilities"][VACATION] == {}
    assert account.session["accounts"][account.id]["accountCapabilities"][
        VACATION] == {}
    got = error(account, "VacationResponse/changes", {"sinceState": "0"})
    assert got["type"] == "unknownMethod"


# --- the answer ----------------------------------------------------------


@pytest.fixture
def pair(server):
    """Somebody who is away, and somebody who writes to him."""
    return person(server, name="Ann Away"), person(server, name="Bob")


def deliver(server, ann, sender, subject=None, **fields):
    """By LMTP; returns the Message-ID."""
    id = f"<{secrets.token_hex(8)}@example.org>"
    fields.setdefault("to", ann.name)
    data = message(subject=subject or "hello", sender=sender,
                   Message_ID=id, **fields)
    with server.lmtp_client() as c:
        assert c.deliver(data, ann.name, sender=sender)[0][0] == 250
    return id


def answers(bob):
    return bob.emails(["subject", "from", "to", "inReplyTo", "references",
                       "header:Auto-Submitted", "header:Return-Path",
                       "messageId", "sentAt", "textBody", "htmlBody",
                       "bodyValues", "blobId"])


def answered(bob, n=1):
    wait_for(lambda: len(answers(bob)) >= n, 10)
    time.sleep(0.3)
    got = answers(bob)
    assert len(got) == n
    return got


def silent(server, ann, bob, **fields):
    """A message of that kind is not answered, a plain one then is."""
    deliver(server, ann, bob.name, "quiet", **fields)
    deliver(server, ann, bob.name, "plain")
    assert answered(bob)[0]["subject"] == "Auto: plain"


def test_it_answers_as_RFC_3834_wants(server, pair):
    ann, bob = pair
    put(ann, isEnabled=True)
    id = deliver(server, ann, bob.name, "Where are you?",
                 References="<root@x> <other@x>", In_Reply_To="<other@x>")
    got = answered(bob)[0]
    assert got["subject"] == "Auto: Where are you?"
    assert got["from"] == [{"name": "Ann Away", "email": ann.name}]
    assert got["to"] == [{"name": None, "email": bob.name}]
    assert got["inReplyTo"] == [id.strip("<>")]
    assert got["references"] == ["root@x", "other@x", id.strip("<>")]
    assert got["header:Auto-Submitted"].strip() == "auto-replied"
    assert got["header:Return-Path"].strip() == "<>"
    assert got["messageId"] and got["sentAt"]
    assert b"away" in bob.download(got["blobId"])


def test_subject_and_bodies(server, pair):
    ann, bob = pair
    put(ann, isEnabled=True, subject="Bin weg \u263c", textBody="Text.\n",
        htmlBody="<p>Html <b>body</b>.</p>")
    deliver(server, ann, bob.name)
    answered(bob)
    got = call(bob, "Email/get", {
        "ids": [bob.emails(["id"])[0]["id"]],
        "properties": ["subject", "textBody", "htmlBody", "bodyValues"],
        "fetchAllBodyValues": True})["list"][0]
    assert got["subject"] == "Bin weg \u263c"
    values = got["bodyValues"]
    assert values[got["textBody"][0]["partId"]]["value"].strip() == "Text."
    assert "<b>body</b>" in values[got["htmlBody"][0]["partId"]]["value"]


def test_text_is_made_from_html(server, pair):
    ann, bob = pair
    put(ann, isEnabled=True, htmlBody="<p>Back <i>soon</i>.</p>")
    deliver(server, ann, bob.name)
    answered(bob)
    got = call(bob, "Email/get", {
        "ids": [bob.emails(["id"])[0]["id"]],
        "properties": ["textBody", "htmlBody", "bodyValues"],
        "fetchAllBodyValues": True})["list"][0]
    values = got["bodyValues"]
    assert got["textBody"][0]["type"] == "text/plain"
    assert values[got["textBody"][0]["partId"]]["value"].strip() == \
        "Back soon."


def test_once_each_sender_until_it_changes(server, pair):
    ann, bob = pair
    eve = person(server)
    put(ann, isEnabled=True)
    deliver(server, ann, bob.name, "one")
    answered(bob)
    deliver(server, ann, bob.name, "two")
    deliver(server, ann, bob.name.upper(), "three")
    deliver(server, ann, eve.name, "four")
    answered(eve)
    answered(bob)
    # a new message of the user's is for everybody again
    put(ann, textBody="something new")
    deliver(server, ann, bob.name, "five")
    got = answered(bob, 2)
    assert {g["subject"] for g in got} == {"Auto: one", "Auto: five"}


def test_the_period_is_the_configuration(new_server):
    s = new_server("queue { vacation-period = 1s }\n")
    ann, bob = person(s), person(s)
    put(ann, isEnabled=True)
    for n in (1, 2):
        deliver(s, ann, bob.name, f"number {n}")
        wait_for(lambda: len(bob.emails()) == n)
        time.sleep(1.1)


def test_it_is_remembered_across_a_restart(new_server):
    server = new_server()
    ann, bob = person(server), person(server)
    put(ann, isEnabled=True)
    deliver(server, ann, bob.name, "one")
    answered(bob)
    server.stop()
    server.start()
    ann._session = bob._session = None
    deliver(server, ann, bob.name, "two")
    time.sleep(1)
    answered(bob)
    server.jmapctl("check", ann.name)


@pytest.mark.parametrize("fields", [
    {"Auto_Submitted": "auto-replied"},
    {"Auto_Submitted": "auto-generated"},
    {"Precedence": "bulk"}, {"Precedence": "list"}, {"Precedence": "junk"},
    {"List_Id": "<list.example.org>"},
    {"List_Unsubscribe": "<mailto:leave@example.org>"},
    {"Content_Type": "multipart/report; boundary=x"},
    {"to": "everybody@example.org"},
    {"X_Auto_Response_Suppress": "OOF"},
])
def test_what_is_not_answered(server, pair, fields):
    ann, bob = pair
    put(ann, isEnabled=True)
    silent(server, ann, bob, **fields)


def test_bounces_and_oneself_are_not_answered(server, pair):
    ann, bob = pair
    put(ann, isEnabled=True)
    with server.lmtp_client() as c:
        for sender in ("", ann.name, f"owner-{bob.name}"):
            data = message(to=ann.name, sender=bob.name)
            assert c.deliver(data, ann.name, sender=sender)[0][0] == 250
    deliver(server, ann, bob.name, "plain")
    assert answered(bob)[0]["subject"] == "Auto: plain"
    assert ann.emails(["id"], filter={"subject": "Auto"}) == []


def test_two_who_are_away_do_not_answer_each_other(server, pair):
    ann, bob = pair
    put(ann, isEnabled=True)
    put(bob, isEnabled=True)
    deliver(server, ann, bob.name, "ping")
    answered(bob)
    time.sleep(1)
    assert len(ann.emails(["id"])) == 1


def test_only_between_its_dates(server, pair):
    ann, bob = pair
    put(ann, isEnabled=True, fromDate=utc(3600))
    deliver(server, ann, bob.name, "too early")
    put(ann, fromDate=utc(-3600), toDate=utc(-60))
    deliver(server, ann, bob.name, "too late")
    put(ann, isEnabled=False, toDate=utc(3600))
    deliver(server, ann, bob.name, "off")
    put(ann, isEnabled=True)
    deliver(server, ann, bob.name, "now")
    assert answered(bob)[0]["subject"] == "Auto: now"


def test_mail_of_the_queue_is_answered_too(server, pair):
    from test_jmap_submission import draft, sent
    ann, bob = pair
    put(ann, isEnabled=True)
    sent(bob, draft(bob, ann.name, subject="by submission"))
    wait_for(lambda: bob.emails(["id"], filter={
        "subject": "Auto: by submission", "inMailbox": bob.mailbox()}), 10)


def test_a_change_is_pushed(account):
    import json
    r = account.http.get(
        account.session["eventSourceUrl"].replace("{types}",
                                                  "VacationResponse")
        .replace("{closeafter}", "state").replace("{ping}", "0"),
        stream=True, timeout=20)
    lines = r.iter_lines()
    put(account, isEnabled=True)
    for line in lines:
        if line.startswith(b"data:"):
            got = json.loads(line[5:])
            if account.id in got["changed"] and "VacationResponse" in \
                    got["changed"][account.id]:
                break
    else:
        raise AssertionError("no StateChange")
    state = call(account, "VacationResponse/get")["state"]
    assert got["changed"][account.id] == {"VacationResponse": state}
