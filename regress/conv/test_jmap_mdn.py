# SPDX-License-Identifier: ISC
"""RFC 9007: MDN/send and MDN/parse; and the notifications and delivery
status reports that come back to a submission (RFC 8621 7)."""

import secrets

import pytest

from helpers import CORE, MAIL, message, wait_for
from submit_tools import (MDN, SUBMISSION, USING, call, calls, error,
                          identity, person)
from test_jmap_submission import (arrived, draft, env, sent, submission)

DISPLAYED = {"actionMode": "manual-action",
             "sendingMode": "mdn-sent-manually", "type": "displayed"}
PROPERTIES = {"forEmailId", "subject", "textBody", "includeOriginalMessage",
              "reportingUA", "disposition", "mdnGateway",
              "originalRecipient", "finalRecipient", "originalMessageId",
              "error", "extensionFields"}


def asked(account, by, subject=None, **fields):
    """A mail in the inbox that asks for a notification; (id, Message-ID)."""
    mid = fields.pop("mid", f"{secrets.token_hex(8)}@example.org")
    fields.setdefault("Disposition_Notification_To", f"Asker <{by}>")
    data = message(subject=subject or "World domination", sender=by,
                   to=account.name, Message_ID=f"<{mid}>", **fields)
    return account.add_mail(data), mid


def send(account, email, patch=True, identity_id=None, **props):
    one = {"forEmailId": email, "disposition": DISPLAYED, **props}
    if patch is True:
        patch = {"keywords/$mdnsent": True}
    args = {"identityId": identity_id or identity(account)["id"],
            "send": {"k": one}}
    if patch is not None:
        args["onSuccessUpdateEmail"] = {"#k": patch}
    return calls(account, ("MDN/send", args))


def refused(account, email, **props):
    got = send(account, email, **props)
    assert len(got) == 1 and got[0][0] == "MDN/send", got
    assert got[0][1]["sent"] is None
    return got[0][1]["notSent"]["k"]


def parsed(account, blob):
    got = call(account, "MDN/parse", {"blobIds": [blob]})
    assert got["notFound"] is None and got["notParsable"] is None, got
    assert set(got["parsed"][blob]) == PROPERTIES
    return got["parsed"][blob]


# --- MDN/send ------------------------------------------------------------


def test_a_receipt_goes_to_who_asked(server):
    """The sample of RFC 9007 3.1."""
    ann, bob = person(server, name="Ann"), person(server)
    subject = f"s{secrets.token_hex(6)}"
    email, mid = asked(ann, bob.name)
    got = send(ann, email, subject=subject,
               textBody="It has been displayed.\n",
               reportingUA="joes-pc.cs.example.com; Foomail 97.1",
               extensionFields={"EXTENSION-EXAMPLE": "example.com"})
    assert got[0][1]["notSent"] is None
    # "any properties that were not set by the client"
    assert got[0][1]["sent"] == {"k": {
        "finalRecipient": f"rfc822; {ann.name}",
        "originalMessageId": f"<{mid}>", "originalRecipient": None,
        "mdnGateway": None, "error": None,
        "includeOriginalMessage": False}}
    # the implicit Email/set, with the same call id
    assert got[1][0] == "Email/set" and got[1][2] == got[0][2]
    assert got[1][1]["updated"] == {email: None}
    kw = call(ann, "Email/get", {"ids": [email],
                                 "properties": ["keywords"]})
    assert kw["list"][0]["keywords"] == {"$mdnsent": True}

    mail = arrived(bob, subject)
    raw = bob.download(mail["blobId"])
    head = raw.split(b"\r\n\r\n")[0]
    assert head.startswith(b"Return-Path: <>\r\n")
    assert b"multipart/report; report-type=disposition-notification" in head
    assert b"\r\nAuto-Submitted: auto-replied" in head
    assert f"\r\nIn-Reply-To: <{mid}>".encode() in head
    is_ = parsed(bob, mail["blobId"])
    assert is_ == {
        "forEmailId": None, "subject": subject,
        "textBody": "It has been displayed.\n",
        "includeOriginalMessage": False,
        "reportingUA": "joes-pc.cs.example.com; Foomail 97.1",
        "disposition": DISPLAYED, "mdnGateway": None,
        "originalRecipient": None, "finalRecipient": f"rfc822; {ann.name}",
        "originalMessageId": f"<{mid}>", "error": None,
        "extensionFields": {"EXTENSION-EXAMPLE": "example.com"}}


def test_what_is_left_out_has_a_default(server):
    ann, bob = person(server), person(server)
    subject = f"s{secrets.token_hex(6)}"
    email, mid = asked(ann, bob.name, subject,
                       Original_Recipient="rfc822; ann@old.example")
    got = send(ann, email)[0][1]["sent"]["k"]
    assert set(got) == PROPERTIES - {"forEmailId", "disposition"}
    assert got["originalRecipient"] == "rfc822; ann@old.example"
    assert got["subject"] == f"Disposition notification: {subject}"
    assert got["includeOriginalMessage"] is False
    assert got["reportingUA"] is None and got["extensionFields"] is None
    is_ = parsed(bob, arrived(bob, subject)["blobId"])
    assert is_["textBody"].strip() == got["textBody"].strip()
    assert is_["originalRecipient"] == "rfc822; ann@old.example"


def test_the_original_message_goes_along_when_asked(server):
    ann, bob = person(server), person(server)
    subject = f"s{secrets.token_hex(6)}"
    email, mid = asked(ann, bob.name, subject, body="secret words\r\n")
    assert send(ann, email, includeOriginalMessage=True)[0][1]["sent"]
    blob = arrived(bob, subject)["blobId"]
    assert b"secret words" in bob.download(blob)
    assert parsed(bob, blob)["includeOriginalMessage"] is True


def test_every_disposition(server):
    ann, bob = person(server), person(server)
    for i, type in enumerate(("deleted", "dispatched", "displayed",
                              "processed")):
        subject = f"s{secrets.token_hex(6)}"
        email, mid = asked(ann, bob.name, subject)
        d = {"actionMode": ["manual-action", "automatic-action"][i % 2],
             "sendingMode": ["mdn-sent-manually",
                             "mdn-sent-automatically"][i // 2],
             "type": type}
        assert send(ann, email, disposition=d)[0][1]["sent"]
        assert parsed(bob, arrived(bob, subject)["blobId"])[
            "disposition"] == d


def test_mdnAlreadySent(server):
    ann, bob = person(server), person(server)
    email, mid = asked(ann, bob.name)
    assert send(ann, email)[0][1]["sent"]
    assert refused(ann, email)["type"] == "mdnAlreadySent"
    # twice in one call is once
    email, mid = asked(ann, bob.name)
    one = {"forEmailId": email, "disposition": DISPLAYED}
    got = call(ann, "MDN/send", {
        "identityId": identity(ann)["id"], "send": {"a": one, "b": one},
        "onSuccessUpdateEmail": {k: {"keywords": {"$mdnsent": True}}
                                 for k in ("#a", "#b")}})
    assert len(got["sent"]) == 1
    assert [e["type"] for e in got["notSent"].values()] == ["mdnAlreadySent"]


@pytest.mark.parametrize("patch", [
    None, {}, {"keywords/$seen": True}, {"keywords/$mdnsent": None},
    {"keywords": {"$seen": True}}, {"keywords/$mdnsent": False}])
def test_it_must_set_the_keyword(server, patch):
    ann, bob = person(server), person(server)
    email, mid = asked(ann, bob.name)
    got = send(ann, email, patch=patch)
    assert got[0][0] == "error"
    assert got[0][1]["type"] == "invalidArguments"
    assert "$mdnsent" in got[0][1]["description"]
    assert bob.emails(["id"]) == []


def test_notFound(server):
    ann, bob = person(server), person(server)
    assert refused(ann, "Enone")["type"] == "notFound"
    # it does not ask for one, or not in a way that can be answered
    for to in (None, "", "nobody", "a b <c d>"):
        email, mid = asked(ann, bob.name, Disposition_Notification_To=to)
        assert refused(ann, email)["type"] == "notFound", to


@pytest.mark.parametrize("fields, type", [
    # RFC 8098 2.1: not in response to an MDN
    ({"Content_Type": "multipart/report; boundary=x; "
      "report-type=disposition-notification",
      "body": "--x\r\n\r\nread\r\n--x\r\n"
      "Content-Type: message/disposition-notification\r\n\r\n"
      "Final-Recipient: rfc822; a@b.c\r\n"
      "Disposition: manual-action/mdn-sent-manually; displayed\r\n"
      "--x--\r\n"}, "forbidden"),
    # 2.2: nobody knows how it is to be made
    ({"Disposition_Notification_Options": "a=optional,b; c = Required,d"},
     "forbidden"),
    ({"Disposition_Notification_Options": "a=optional,required"}, None),
])
def test_what_must_not_be_answered(server, fields, type):
    ann, bob = person(server), person(server)
    email, mid = asked(ann, bob.name, **fields)
    if type is None:
        assert send(ann, email)[0][1]["notSent"] is None
    else:
        assert refused(ann, email)["type"] == type


def test_forbiddenFrom_and_forbidden(server):
    other = f"o{secrets.token_hex(4)}@mail.test"
    ann, bob = person(server, other), person(server)
    email, mid = asked(ann, bob.name)
    got = refused(ann, email, finalRecipient=f"rfc822; {bob.name}")
    assert got["type"] == "forbiddenFrom"
    i = identity(ann)["id"]
    got = send(ann, email, finalRecipient=f"rfc822; {other}")
    assert "finalRecipient" not in got[0][1]["sent"]["k"]
    email, mid = asked(ann, bob.name)
    server.admin().http.patch(
        f"{server.url}/api/principal/{ann.name}",
        json=[{"action": "addItem", "field": "disabledPermissions",
               "value": "email-send"}]).raise_for_status()
    assert refused(ann, email, identity_id=i)["type"] == "forbidden"


def test_tooLarge(new_server):
    server = new_server("limits {\n\tmax-message-size = 20K\n}\n")
    ann, bob = person(server), person(server)
    email, mid = asked(ann, bob.name, body="x\r\n" * 5000)
    assert refused(ann, email, includeOriginalMessage=True,
                   textBody="y" * 10000)["type"] == "tooLarge"


@pytest.mark.parametrize("props,bad", [
    ({"forEmailId": None}, "forEmailId"),
    ({"subject": "a\r\nb"}, "subject"), ({"subject": 1}, "subject"),
    ({"textBody": []}, "textBody"),
    ({"includeOriginalMessage": None}, "includeOriginalMessage"),
    ({"reportingUA": "a\nb"}, "reportingUA"),
    ({"disposition": None}, "disposition"),
    ({"disposition": {**DISPLAYED, "type": "read"}}, "disposition"),
    ({"disposition": {**DISPLAYED, "type": "Displayed"}}, "disposition"),
    ({"disposition": {**DISPLAYED, "more": 1}}, "disposition"),
    ({"disposition": {"type": "displayed"}}, "disposition"),
    ({"finalRecipient": "rfc822; nobody"}, "finalRecipient"),
    ({"finalRecipient": 1}, "finalRecipient"),
    ({"extensionFields": {"X": 1}}, "extensionFields"),
    ({"extensionFields": {"a b": "x"}}, "extensionFields"),
    ({"extensionFields": {"X": "a\r\nDisposition: x"}}, "extensionFields"),
    ({"extensionFields": {"disposition": "x"}}, "extensionFields"),
    ({"mdnGateway": "x"}, "mdnGateway"),
    ({"originalRecipient": "x"}, "originalRecipient"),
    ({"originalMessageId": "x"}, "originalMessageId"),
    ({"error": []}, "error"), ({"nonesuch": 1}, "nonesuch"),
])
def test_invalidProperties(account, props, bad):
    email, mid = asked(account, account.name)
    got = refused(account, email, **props)
    assert (got["type"], got["properties"]) == ("invalidProperties", [bad])


def test_method_errors_of_send(account):
    for args in ({}, {"identityId": "Inone", "send": {}},
                 {"accountId": "u0", "identityId": "Inone", "send": {}},
                 {"identityId": identity(account)["id"], "send": []},
                 {"identityId": identity(account)["id"],
                  "send": {"a": 1}},
                 {"identityId": identity(account)["id"], "send": {},
                  "onSuccessUpdateEmail": {"#a": 1}},
                 {"identityId": identity(account)["id"], "send": {},
                  "more": 1}):
        assert error(account, "MDN/send", args)["type"] == \
            "invalidArguments", args
    got = call(account, "MDN/send", {
        "identityId": identity(account)["id"], "send": {}})
    assert got == {"accountId": account.id, "sent": None, "notSent": None}


def test_capabilities(account):
    assert account.session["capabilities"][MDN] == {}
    assert account.session["accounts"][account.id]["accountCapabilities"][
        MDN] == {}
    args = {"identityId": "I1", "send": {}}
    for using in ((CORE, MAIL, SUBMISSION), (CORE, MDN, SUBMISSION)):
        got = error(account, "MDN/send", args, using=using)
        assert got["type"] == "unknownMethod"
    assert MDN in USING


def test_by_a_creation_id_of_the_request(server):
    """forEmailId may be what an import before it made."""
    ann, bob = person(server), person(server)
    blob = ann.upload(message(sender=bob.name, to=ann.name,
                              Disposition_Notification_To=bob.name))
    got = calls(
        ann,
        ("Email/import", {"emails": {"m": {
            "blobId": blob["blobId"],
            "mailboxIds": {ann.mailbox(): True}}}}),
        ("MDN/send", {
            "identityId": identity(ann)["id"],
            "send": {"k": {"forEmailId": "#m", "disposition": DISPLAYED}},
            "onSuccessUpdateEmail": {"#k": {"keywords/$mdnsent": True}}}))
    assert got[1][1]["sent"]["k"]["originalMessageId"]
    assert list(got[2][1]["updated"]) == [
        got[0][1]["created"]["m"]["id"]]


# --- MDN/parse -----------------------------------------------------------


def report(fields, type="disposition-notification", original="",
           text="Read.\r\n", to="ann@mail.test"):
    return (f"From: bob@example.org\r\nTo: {to}\r\n"
            f"Subject: s{secrets.token_hex(6)}\r\n"
            f"Message-ID: <{secrets.token_hex(8)}@example.org>\r\n"
            "Date: Fri, 20 Nov 2026 09:00:00 +0000\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/report; "
            f"report-type={type}; boundary=bb\r\n\r\n--bb\r\n"
            f"Content-Type: text/plain\r\n\r\n{text}\r\n--bb\r\n"
            f"Content-Type: message/{type}\r\n\r\n{fields}\r\n"
            f"{original}--bb--\r\n").encode()


def test_parse_of_every_property(account):
    email, mid = asked(account, "bob@example.org")
    data = report(
        "Reporting-UA: pc;\r\n  Mail 1.0\r\nMDN-Gateway: dns; gate\r\n"
        "original-recipient: rfc822; a@b\r\n"
        "Final-Recipient: RFC822;c@d\r\n"
        f"Original-Message-ID: <{mid}>\r\n"
        "Disposition: Automatic-Action / MDN-sent-automatically;\r\n"
        "\tDispatched/error, warning\r\n"
        "Error: it\r\n went wrong\r\nError: twice\r\n"
        "X-More: yes\r\n",
        original="--bb\r\nContent-Type: message/rfc822\r\n\r\n"
                 "Subject: old\r\n\r\nold\r\n")
    got = parsed(account, account.upload(data)["blobId"])
    assert got["forEmailId"] == email
    # "MUST be converted to lowercase by MDN/parse"
    assert got["disposition"] == {
        "actionMode": "automatic-action",
        "sendingMode": "mdn-sent-automatically", "type": "dispatched"}
    assert got["reportingUA"] == "pc; Mail 1.0"
    assert got["mdnGateway"] == "dns; gate"
    assert got["originalRecipient"] == "rfc822; a@b"
    assert got["finalRecipient"] == "RFC822;c@d"
    assert got["originalMessageId"] == f"<{mid}>"
    assert got["error"] == ["it went wrong", "twice"]
    assert got["extensionFields"] == {"X-More": "yes"}
    assert got["textBody"].strip() == "Read."
    assert got["includeOriginalMessage"] is True
    # two of that id: no telling which
    asked(account, "bob@example.org", mid=mid)
    assert parsed(account, account.upload(data)["blobId"])[
        "forEmailId"] is None


@pytest.mark.parametrize("data", ids=[str(i) for i in range(7)], argvalues=[
    b"", b"Subject: plain\r\n\r\nhello\r\n",
    report("Final-Recipient: rfc822; a@b\r\n"),
    report("Disposition: manual-action/mdn-sent-manually; displayed\r\n"),
    report("Final-Recipient: rfc822; a@b\r\nDisposition: displayed\r\n"),
    report("Final-Recipient: rfc822; a@b\r\n"
           "Disposition: manual-action/mdn-sent-manually; eaten\r\n"),
    report("Final-Recipient: rfc822; a@b\r\nAction: failed\r\n",
           "delivery-status"),
])
def test_notParsable(account, data):
    blob = account.upload(data or b"\r\n")["blobId"]
    got = call(account, "MDN/parse", {"blobIds": [blob, "Gnone", blob]})
    assert got == {"accountId": account.id, "parsed": None,
                   "notParsable": [blob], "notFound": ["Gnone"]}


def test_method_errors_of_parse(account):
    for args in ({}, {"blobIds": None}, {"blobIds": "x"}, {"blobIds": [1]},
                 {"accountId": "u0", "blobIds": []},
                 {"blobIds": [], "more": 1}):
        assert error(account, "MDN/parse", args)["type"] == \
            "invalidArguments", args
    got = error(account, "MDN/parse", {
        "blobIds": [f"G{i}" for i in range(501)]})
    assert got["type"] == "requestTooLarge"
    assert error(account, "MDN/parse", {"blobIds": []},
                 using=(CORE, MAIL))["type"] == "unknownMethod"


# --- what comes back to a submission -------------------------------------


def test_a_read_receipt_shows_in_the_submission(server):
    """From the request for it to "displayed", with nobody's help."""
    ann, bob = person(server), person(server)
    subject = f"s{secrets.token_hex(6)}"
    mid = f"{secrets.token_hex(8)}@mail.test"
    new = sent(ann, draft(ann, bob.name, subject=subject,
                          Message_ID=f"<{mid}>",
                          Disposition_Notification_To=ann.name))
    got = arrived(bob, subject)
    reply = f"r{secrets.token_hex(6)}"
    assert send(bob, got["id"], subject=reply)[0][1]["sent"]
    mdn = arrived(ann, reply)
    s = submission(ann, new["id"])
    assert s["mdnBlobIds"] == [mdn["blobId"]]
    assert s["deliveryStatus"][bob.name]["displayed"] == "yes"
    is_ = parsed(ann, s["mdnBlobIds"][0])
    assert is_["originalMessageId"] == f"<{mid}>"
    assert is_["forEmailId"] == s["emailId"]
    # the blob lives as long as the submission, whatever becomes of the mail
    call(ann, "Email/set", {"destroy": [mdn["id"]]})
    assert ann.download(s["mdnBlobIds"][0])
    server.jmapctl("check", ann.name)


@pytest.mark.parametrize("action,delivered", [
    ("delivered", "yes"), ("failed", "no"), ("delayed", "unknown"),
    ("relayed", "unknown")])
def test_a_dsn_shows_in_the_submission(server, action, delivered):
    ann, bob = person(server), person(server)
    mid = f"{secrets.token_hex(8)}@mail.test"
    e = env(ann, bob.name, params={"HOLDFOR": "600", "ENVID": "my id+1"})
    new = sent(ann, draft(ann, bob.name, Message_ID=f"<{mid}>"), e)
    fields = ("Original-Envelope-Id: my id+1\r\nReporting-MTA: dns; x\r\n\r\n"
              f"Final-Recipient: rfc822; {bob.name.upper()}\r\n"
              f"Action: {action}\r\nStatus: 5.7.1\r\n"
              "Diagnostic-Code: smtp; 550 5.7.1 no\r\n thanks\r\n\r\n"
              "Final-Recipient: rfc822; other@example.org\r\n"
              "Action: failed\r\nStatus: 5.1.1\r\n")
    data = report(fields, "delivery-status", to=ann.name)
    with server.lmtp_client() as c:
        assert c.deliver(data, ann.name, sender="")[0][0] == 250
    s = submission(ann, new["id"])
    assert len(s["dsnBlobIds"]) == 1
    assert ann.download(s["dsnBlobIds"][0]).endswith(b"--bb--\r\n")
    d = s["deliveryStatus"][bob.name]
    if delivered == "unknown":
        assert d["delivered"] == "queued"
    else:
        assert d["delivered"] == delivered
        assert d["smtpReply"] == "550 5.7.1 no thanks"
    assert set(s["deliveryStatus"]) == {bob.name}
    call(ann, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})


@pytest.mark.parametrize("rcpt", [
    "utf-8; jü%s", "utf-8;j\\x{FC}%s", "UTF-8; \\x{6A}\\x{FC}%s"])
def test_a_dsn_with_utf8_shows_in_the_submission(server, rcpt):
    """RFC 6533 3, 4: what we make of mail to such an address, and others."""
    rest = f"{secrets.token_hex(4)}@mail.test"
    ann, bob, jo = person(server), person(server), person(server, "jü" + rest)
    mid = f"{secrets.token_hex(8)}@mail.test"
    e = env(ann, bob.name, params={"HOLDFOR": "600", "ENVID": "utf8 id"})
    e["rcptTo"].append({"email": "jü" + rest, "parameters": None})
    new = sent(ann, draft(ann, bob.name, Message_ID=f"<{mid}>"), e)
    data = report("Original-Envelope-Id: utf8 id\r\n"
                  "Reporting-MTA: dns; x\r\n\r\n"
                  f"Final-Recipient: {rcpt % rest}\r\n"
                  "Action: failed\r\nStatus: 5.6.7\r\n",
                  "global-delivery-status", to=ann.name)
    with server.lmtp_client() as c:
        assert c.deliver(data, ann.name, sender="")[0][0] == 250
    s = submission(ann, new["id"])
    assert len(s["dsnBlobIds"]) == 1
    d = s["deliveryStatus"]
    assert d["jü" + rest]["delivered"] == "no"
    assert d[bob.name]["delivered"] == "queued"
    call(ann, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})


def test_a_report_about_nothing_of_ours_changes_nothing(server):
    ann, bob = person(server), person(server)
    new = sent(ann, draft(ann, bob.name),
               env(ann, bob.name, params={"HOLDFOR": "600"}))
    state = call(ann, "EmailSubmission/get", {"ids": []})["state"]
    with server.lmtp_client() as c:
        for data in (
                report("Original-Envelope-Id: guess\r\n\r\nFinal-Recipient:"
                       f" rfc822; {bob.name}\r\nAction: failed\r\n",
                       "delivery-status", to=ann.name),
                report("Final-Recipient: rfc822; x@y\r\nOriginal-Message-ID"
                       ": <none@x>\r\nDisposition: manual-action/"
                       "mdn-sent-manually; displayed\r\n", to=ann.name)):
            assert c.deliver(data, ann.name, sender="")[0][0] == 250
    assert len(ann.emails(["id"], filter={
        "inMailbox": ann.mailbox()})) == 2
    assert call(ann, "EmailSubmission/get", {"ids": []})["state"] == state
    call(ann, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})
