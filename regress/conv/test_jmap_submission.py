# SPDX-License-Identifier: ISC
"""RFC 8621 7: EmailSubmission, its envelope, its errors by name, the
implicit Email/set, and what becomes of the mail."""

import datetime
import re
import secrets

import pytest

from helpers import CORE, MAIL, message, wait_for
from submit_tools import (SUBMISSION, call, calls, error, identity, person)

PROPERTIES = {"id", "identityId", "emailId", "threadId", "envelope", "sendAt",
              "undoStatus", "deliveryStatus", "dsnBlobIds", "mdnBlobIds"}


def draft(account, to, data=None, **fields):
    """A draft to be sent; returns its Email id."""
    if data is None:
        fields.setdefault("sender", account.name)
        data = message(to=to, **fields)
    return account.add_mail(data, mailbox=account.mailbox("drafts"),
                            keywords=["$draft", "$seen"])


def submit(account, email, envelope=None, more=None, **props):
    one = {"identityId": identity(account)["id"], "emailId": email, **props}
    if envelope is not None:
        one["envelope"] = envelope
    return call(account, "EmailSubmission/set",
                {"create": {"s": one}, **(more or {})})


def sent(account, email, envelope=None, **props):
    got = submit(account, email, envelope, **props)
    assert got["notCreated"] is None, got
    return got["created"]["s"]


def refused(account, email, envelope=None, **props):
    got = submit(account, email, envelope, **props)
    assert got["created"] is None, got
    return got["notCreated"]["s"]


def env(account, *to, params=None, rcpt_params=None):
    return {"mailFrom": {"email": account.name, "parameters": params},
            "rcptTo": [{"email": t, "parameters": rcpt_params} for t in to]}


def submission(account, id):
    return call(account, "EmailSubmission/get", {"ids": [id]})["list"][0]


def arrived(account, subject):
    def look():
        got = account.emails(["subject", "blobId", "to", "bcc"],
                             filter={"subject": subject})
        return got[0] if got else None
    return wait_for(look, 10)


# --- sending -------------------------------------------------------------


def test_a_mail_is_sent_to_people_here(server):
    ann, bob, eve = person(server), person(server), person(server)
    subject = f"s{secrets.token_hex(6)}"
    email = draft(ann, bob.name, subject=subject, Cc=bob.name.upper(),
                  Bcc=f"Eve <{eve.name}>", X_Odd="kept")
    new = sent(ann, email)
    # everything the server set is told
    assert set(new) == PROPERTIES - {"identityId", "emailId"}
    assert new["undoStatus"] == "pending"
    assert new["envelope"] == {
        "mailFrom": {"email": ann.name, "parameters": None},
        "rcptTo": [{"email": bob.name, "parameters": None},
                   {"email": eve.name, "parameters": None}]}
    assert set(new["deliveryStatus"]) == {bob.name, eve.name}
    for d in new["deliveryStatus"].values():
        assert d["delivered"] == "queued" and d["displayed"] == "unknown"
        assert re.match(r"\d{3} \d\.\d+\.\d+ .", d["smtpReply"])
    assert new["dsnBlobIds"] == new["mdnBlobIds"] == []
    for who in (bob, eve):
        raw = who.download(arrived(who, subject)["blobId"])
        head = raw.split(b"\r\n\r\n")[0].lower()
        # RFC 8621 7.5: "The server MUST remove any Bcc header field"
        assert b"\r\nbcc:" not in head and eve.name.encode() not in raw
        assert b"\r\nx-odd: kept" in head
    # and the sender's own copy has it still
    own = ann.download(ann.emails(["blobId"], filter={
        "subject": subject})[0]["blobId"])
    assert b"\r\nBcc: " in own

    def final():
        s = submission(ann, new["id"])
        return s if s["undoStatus"] == "final" else None
    s = wait_for(final, 10)
    assert set(s) == PROPERTIES
    wait_for(lambda: {d["delivered"] for d in submission(ann, new["id"])[
        "deliveryStatus"].values()} == {"yes"}, 10)
    for d in submission(ann, new["id"])["deliveryStatus"].values():
        assert d["smtpReply"].startswith("250 ")


def test_the_message_is_sent_as_it_must_be(server):
    ann, bob = person(server), person(server)
    subject = f"s{secrets.token_hex(6)}"
    raw = (f"From: {ann.name}\nTo: {bob.name}\nSubject: {subject}\n"
           "Bcc: hidden@example.org,\n more@example.org\n"
           "Resent-Bcc: hidden@example.org\n"
           "bcc : strange@example.org\n\n"
           "line\nline\rline\r\n.\r\n\u00fc\n").encode()
    e = env(ann, bob.name)
    new = sent(ann, draft(ann, None, data=raw), e)
    got = bob.download(arrived(bob, subject)["blobId"])
    head, body = got.split(b"\r\n\r\n", 1)
    assert b"hidden" not in got and b"more@" not in got
    assert b"strange" not in got
    # RFC 6409 8: what is missing is added
    assert b"\r\nDate: " in head and b"\r\nMessage-ID: <" in head
    assert body == "line\r\nline\r\nline\r\n.\r\n\u00fc\r\n".encode()
    assert submission(ann, new["id"])["envelope"] == e


def test_a_submission_outlives_its_email_and_the_other_way(server):
    ann, bob = person(server), person(server)
    subject = f"s{secrets.token_hex(6)}"
    email = draft(ann, bob.name, subject=subject)
    new = sent(ann, email)
    call(ann, "Email/set", {"destroy": [email]})
    assert submission(ann, new["id"])["emailId"] == email
    got = call(ann, "EmailSubmission/set", {"destroy": [new["id"]]})
    assert got["destroyed"] == [new["id"]]
    arrived(bob, subject)
    got = call(ann, "EmailSubmission/get", {"ids": [new["id"]]})
    assert got["notFound"] == [new["id"]]


# --- the envelope --------------------------------------------------------


def test_the_envelope_is_made_from_the_header(server):
    other = f"o{secrets.token_hex(4)}@mail.test"
    ann, bob = person(server, other), person(server)
    # Sender goes before From
    new = sent(ann, draft(ann, bob.name, sender=ann.name,
                          Sender=f"me <{other}>"),
               identityId=identity(ann, other)["id"])
    assert new["envelope"]["mailFrom"]["email"] == other
    # not allowed by the identity: that of the identity
    new = sent(ann, draft(ann, bob.name, sender=other))
    assert new["envelope"]["mailFrom"]["email"] == ann.name
    # a detail is the same address
    plus = ann.name.replace("@", "+x@")
    new = sent(ann, draft(ann, bob.name, sender=plus))
    assert new["envelope"]["mailFrom"]["email"] == plus


def test_a_given_envelope_is_kept_as_it_is(server):
    ann, bob = person(server), person(server)
    e = env(ann, bob.name, params={
        "ret": "HDRS", "ENVID": "my id+1", "BODY": "8BITMIME",
        "SIZE": "1000", "SMTPUTF8": None, "MT-PRIORITY": "-2"},
        rcpt_params={"NOTIFY": "failure,DELAY",
                     "ORCPT": "rfc822;some+one@example.org"})
    new = sent(ann, draft(ann, "nobody@example.org"), e)
    assert "envelope" not in new
    assert submission(ann, new["id"])["envelope"] == e
    assert set(new["deliveryStatus"]) == {bob.name}


def test_an_address_of_an_envelope_has_all_its_properties(server):
    ann, bob = person(server), person(server)
    new = sent(ann, draft(ann, bob.name), {
        "mailFrom": {"email": ann.name}, "rcptTo": [{"email": bob.name}]})
    whole = {"mailFrom": {"email": ann.name, "parameters": None},
             "rcptTo": [{"email": bob.name, "parameters": None}]}
    assert new["envelope"] == whole
    assert submission(ann, new["id"])["envelope"] == whole


@pytest.mark.parametrize("change,said", [
    (lambda e: e.update(mailFrom=None), "mailFrom"),
    (lambda e: e.update(mailFrom="a@b"), "mailFrom"),
    (lambda e: e.pop("mailFrom"), "mailFrom"),
    (lambda e: e["mailFrom"].pop("email"), "email"),
    (lambda e: e["mailFrom"].update(email=1), "email"),
    (lambda e: e["mailFrom"].update(more=1), "more"),
    (lambda e: e["mailFrom"].update(parameters=[]), "parameters"),
    (lambda e: e.pop("rcptTo"), "rcptTo"),
    (lambda e: e.update(rcptTo={}), "rcptTo"),
    (lambda e: e.update(rcptTo=["a@b"]), "rcptTo"),
    (lambda e: e.update(more=1), "more"),
    (lambda e: e["mailFrom"].update(parameters={"NONE": "x"}), "unknown"),
    (lambda e: e["mailFrom"].update(parameters={"BODY": 8}), "value"),
    (lambda e: e["mailFrom"].update(parameters={"BODY": "BINARYMIME"}),
     "BODY"),
    (lambda e: e["mailFrom"].update(parameters={"RET": "SOME"}), "RET"),
    (lambda e: e["mailFrom"].update(parameters={"ENVID": "x" * 101}),
     "ENVID"),
    (lambda e: e["mailFrom"].update(parameters={"ENVID": "a\r\nb"}),
     "ENVID"),
    (lambda e: e["mailFrom"].update(parameters={"SIZE": "x"}), "SIZE"),
    (lambda e: e["mailFrom"].update(parameters={"SMTPUTF8": "x"}),
     "SMTPUTF8"),
    (lambda e: e["mailFrom"].update(parameters={"MT-PRIORITY": "10"}),
     "MT-PRIORITY"),
    (lambda e: e["mailFrom"].update(parameters={"HOLDFOR": "soon"}),
     "HOLDFOR"),
    (lambda e: e["mailFrom"].update(parameters={"HOLDFOR": "999999999"}),
     "maxDelayedSend"),
    (lambda e: e["mailFrom"].update(parameters={"HOLDUNTIL": "tomorrow"}),
     "HOLDUNTIL"),
    (lambda e: e["mailFrom"].update(parameters={
        "HOLDUNTIL": "9999-01-01T00:00:00Z"}), "maxDelayedSend"),
    (lambda e: e["mailFrom"].update(parameters={
        "HOLDFOR": "60", "holduntil": "2030-01-01T00:00:00Z"}), "exclude"),
    (lambda e: e["rcptTo"][0].update(parameters={"NOTIFY": "NEVER,DELAY"}),
     "NOTIFY"),
    (lambda e: e["rcptTo"][0].update(parameters={"NOTIFY": "often"}),
     "NOTIFY"),
    (lambda e: e["rcptTo"][0].update(parameters={"NOTIFY": None}), "value"),
    (lambda e: e["rcptTo"][0].update(parameters={"ORCPT": "no type"}),
     "ORCPT"),
    (lambda e: e["rcptTo"][0].update(parameters={"RET": "FULL"}), "unknown"),
])
def test_envelopes_that_are_wrong_are_invalidProperties(account, change,
                                                        said):
    e = env(account, account.name)
    change(e)
    got = refused(account, draft(account, account.name), e)
    assert got["type"] == "invalidProperties"
    assert got["properties"] == ["envelope"]
    assert said in got["description"]


# --- every SetError of a create ------------------------------------------


def test_unknown_email_and_identity_are_invalidProperties(account):
    got = refused(account, "Enone", identityId="Inone")
    assert got["type"] == "invalidProperties"
    assert sorted(got["properties"]) == ["emailId", "identityId"]
    got = refused(account, "not an id!")
    assert (got["type"], got["properties"]) == ("invalidProperties",
                                                ["emailId"])
    got = call(account, "EmailSubmission/set", {"create": {"s": {}}})
    got = got["notCreated"]["s"]
    assert got["type"] == "invalidProperties"
    assert sorted(got["properties"]) == ["emailId", "identityId"]


@pytest.mark.parametrize("prop,value", [
    ("id", "S1"), ("threadId", "T1"), ("sendAt", "2026-01-01T00:00:00Z"),
    ("undoStatus", "pending"), ("deliveryStatus", {}), ("dsnBlobIds", []),
    ("mdnBlobIds", []), ("_envid", "x"), ("nonesuch", 1),
    ("envelope", 1), ("envelope", []),
])
def test_what_the_server_sets_may_not_be_sent(account, prop, value):
    got = refused(account, draft(account, account.name), **{prop: value})
    assert got["type"] == "invalidProperties"
    assert got["properties"] == [prop]


@pytest.mark.parametrize("head,bad", [
    ("To: x@mail.test\r\n", ["from"]),
    ("From: \r\nTo: x@mail.test\r\n", ["from"]),
    ("From: {me}\r\nFrom: {me}\r\nTo: x@mail.test\r\n", ["from"]),
    ("From: {me}, {me}\r\nTo: x@mail.test\r\n", ["from"]),
    ("From: {me}\r\nSender: {me}\r\nSender: {me}\r\n", ["sender"]),
    ("From: {me}\r\nSender: {me}, {me}\r\n", ["sender"]),
    ("From: {me}\r\nSubject: a\r\nSubject: b\r\n", ["subject"]),
    ("From: {me}\r\nDate: x\r\nDate: y\r\nMessage-ID: <a@b>\r\n"
     "Message-ID: <c@d>\r\n", ["messageId", "sentAt"]),
    ("From: {me}\r\nX: a\0b\r\n", ["bodyStructure"]),
])
def test_invalidEmail_lists_all_that_is_wrong(account, head, bad):
    data = (head.format(me=account.name) + "\r\nhello\r\n").encode()
    got = refused(account, draft(account, None, data=data),
                  env(account, account.name))
    assert got["type"] == "invalidEmail"
    assert sorted(got["properties"]) == bad


def test_several_authors_need_a_sender(account):
    plus = account.name.replace("@", "+x@")
    sent(account, draft(account, account.name, Sender=account.name,
                        sender=f"{account.name}, {plus}"))


def test_noRecipients(account):
    assert refused(account, draft(account, None))["type"] == "noRecipients"
    got = refused(account, draft(account, account.name), env(account))
    assert got["type"] == "noRecipients"


def test_invalidRecipients_lists_them(account):
    bad = ["no address", "a@b@c", "<x@y>", "a@b\r\nDATA", ""]
    got = refused(account, draft(account, account.name),
                  env(account, account.name, *bad))
    assert got["type"] == "invalidRecipients"
    assert got["invalidRecipients"] == bad


def test_a_recipient_that_nobody_is_here_is_invalid(account):
    nobody = f"nobody{secrets.token_hex(4)}@mail.test"
    got = refused(account, draft(account, f"{account.name}, {nobody}"))
    assert got["type"] == "invalidRecipients"
    assert got["invalidRecipients"] == [nobody]


def test_tooManyRecipients(account):
    got = refused(account, draft(account, account.name),
                  env(account, *[f"u{i}@mail.test" for i in range(1001)]))
    assert got["type"] == "tooManyRecipients"
    assert got["maxRecipients"] == 1000


def test_forbiddenMailFrom(server):
    other = f"o{secrets.token_hex(4)}@mail.test"
    ann, bob = person(server, other), person(server)
    email = draft(ann, bob.name)
    for sender in (bob.name, "", other, "x@example.org", "nonsense"):
        e = env(ann, bob.name)
        e["mailFrom"]["email"] = sender
        assert refused(ann, email, e)["type"] == "forbiddenMailFrom", sender
    # the identity of that address is the leave to use it
    e["mailFrom"]["email"] = other
    sent(ann, email, e, identityId=identity(ann, other)["id"])


def test_forbiddenFrom(server):
    ann, bob = person(server), person(server)
    email = draft(ann, bob.name, sender=f"Bob <{bob.name}>")
    assert refused(ann, email)["type"] == "forbiddenFrom"
    email = draft(ann, bob.name, sender=f"{ann.name}, {bob.name}",
                  Sender=ann.name)
    assert refused(ann, email)["type"] == "forbiddenFrom"


def test_forbiddenToSend(server):
    ann = person(server)
    email = draft(ann, ann.name)
    i = identity(ann)["id"]
    r = server.admin().http.patch(
        f"{server.url}/api/principal/{ann.name}",
        json=[{"action": "addItem", "field": "disabledPermissions",
               "value": "email-send"}])
    r.raise_for_status()
    got = refused(ann, email, identityId=i)
    assert got["type"] == "forbiddenToSend"
    assert got["description"]


def test_tooLarge(new_server):
    server = new_server("limits {\n\tmax-message-size = 20K\n}\n")
    ann = person(server)
    got = refused(ann, draft(ann, ann.name, body="x" * 30000))
    assert got["type"] == "tooLarge"
    assert got["maxSize"] == 20 * 1024
    own = ann.session["accounts"][ann.id]["accountCapabilities"][SUBMISSION]
    assert own["submissionExtensions"]["SIZE"] == [str(20 * 1024)]


# --- later, and not at all -----------------------------------------------


def hold(account, **how):
    subject = f"s{secrets.token_hex(6)}"
    email = draft(account, account.name, subject=subject)
    return subject, sent(account, email, env(account, account.name,
                                             params=how))


def test_a_held_mail_is_sent_when_its_time_comes(account):
    before = datetime.datetime.now(datetime.timezone.utc)
    subject, new = hold(account, HOLDFOR="3")
    at = datetime.datetime.fromisoformat(new["sendAt"].replace("Z",
                                                               "+00:00"))
    assert 1 <= (at - before).total_seconds() <= 4
    assert new["undoStatus"] == "pending"
    got = account.emails(["mailboxIds"], filter={
        "subject": subject, "inMailbox": account.mailbox()})
    assert got == []
    wait_for(lambda: account.emails(["id"], filter={
        "subject": subject, "inMailbox": account.mailbox()}), 15)
    assert datetime.datetime.now(datetime.timezone.utc) >= at
    wait_for(lambda: submission(account, new["id"])["undoStatus"] ==
             "final", 10)


def test_holduntil_is_sendAt(account):
    soon = (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    subject, new = hold(account, HOLDUNTIL=soon)
    assert new["sendAt"] == soon
    assert submission(account, new["id"])["sendAt"] == soon
    call(account, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})


def test_undo_send(account):
    subject, new = hold(account, HOLDFOR="600")
    got = call(account, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})
    assert got["updated"] == {new["id"]: None}
    assert submission(account, new["id"])["undoStatus"] == "canceled"
    # once more changes nothing, and is no error
    got = call(account, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})
    assert got["updated"] == {new["id"]: None}
    got = call(account, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "pending"}}})
    got = got["notUpdated"][new["id"]]
    assert (got["type"], got["properties"]) == ("invalidProperties",
                                                ["undoStatus"])


def test_cannotUnsend(server):
    ann, bob = person(server), person(server)
    new = sent(ann, draft(ann, bob.name))
    wait_for(lambda: submission(ann, new["id"])["undoStatus"] == "final",
             10)
    got = call(ann, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})
    assert got["notUpdated"][new["id"]]["type"] == "cannotUnsend"


@pytest.mark.parametrize("patch,bad", [
    ({"undoStatus": "maybe"}, "undoStatus"),
    ({"undoStatus": "final"}, "undoStatus"),
    ({"undoStatus": 1}, "undoStatus"),
    ({"identityId": "Iother"}, "identityId"),
    ({"emailId": "Eother"}, "emailId"),
    ({"threadId": "Tother"}, "threadId"),
    ({"sendAt": "2026-01-01T00:00:00Z"}, "sendAt"),
    ({"envelope": None}, "envelope"),
    ({"envelope/rcptTo": []}, "envelope"),
    ({"deliveryStatus": None}, "deliveryStatus"),
    ({"dsnBlobIds": ["Gx"]}, "dsnBlobIds"),
    ({"nonesuch": 1}, "nonesuch"),
])
def test_nothing_else_can_be_updated(account, patch, bad):
    subject, new = hold(account, HOLDFOR="600")
    got = call(account, "EmailSubmission/set", {
        "update": {new["id"]: patch}})
    got = got["notUpdated"][new["id"]]
    assert (got["type"], got["properties"]) == ("invalidProperties", [bad])
    # what is so already may stand in an update
    is_ = submission(account, new["id"])
    got = call(account, "EmailSubmission/set", {"update": {new["id"]: {
        k: is_[k] for k in PROPERTIES}}})
    assert got["updated"] == {new["id"]: None}
    call(account, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})


def test_notFound(account):
    got = call(account, "EmailSubmission/set", {
        "update": {"Sx": {"undoStatus": "canceled"}}, "destroy": ["Sy"]})
    assert got["notUpdated"]["Sx"]["type"] == "notFound"
    assert got["notDestroyed"]["Sy"]["type"] == "notFound"


# --- onSuccessUpdateEmail, onSuccessDestroyEmail --------------------------


def test_draft_and_send_in_one_request(server):
    """RFC 8621 7.5.1, with the draft made in the same request."""
    ann, bob = person(server), person(server)
    drafts, sent_box = ann.mailbox("drafts"), ann.mailbox("sent")
    subject = f"s{secrets.token_hex(6)}"
    got = calls(
        ann,
        ("Email/set", {"create": {"d": {
            "mailboxIds": {drafts: True}, "keywords": {"$draft": True},
            "from": [{"email": ann.name}], "to": [{"email": bob.name}],
            "subject": subject,
            "bodyValues": {"1": {"value": "hello"}},
            "textBody": [{"partId": "1", "type": "text/plain"}]}}}),
        ("EmailSubmission/set", {
            "create": {"k1490": {"identityId": identity(ann)["id"],
                                 "emailId": "#d"}},
            "onSuccessUpdateEmail": {"#k1490": {
                f"mailboxIds/{drafts}": None,
                f"mailboxIds/{sent_box}": True,
                "keywords/$draft": None}}}))
    email = got[0][1]["created"]["d"]["id"]
    assert [g[0] for g in got] == ["Email/set", "EmailSubmission/set",
                                   "Email/set"]
    # "both have the same method call id"
    assert got[2][2] == got[1][2] == "1"
    assert got[2][1]["updated"] == {email: None}
    assert got[2][1]["oldState"] == got[0][1]["newState"]
    is_ = call(ann, "Email/get", {"ids": [email],
                                  "properties": ["mailboxIds",
                                                 "keywords"]})["list"][0]
    assert is_["mailboxIds"] == {sent_box: True} and is_["keywords"] == {}
    arrived(bob, subject)


def test_destroy_on_success(server):
    ann, bob = person(server), person(server)
    one, two = draft(ann, bob.name), draft(ann, bob.name)
    i = identity(ann)["id"]
    got = calls(ann, ("EmailSubmission/set", {
        "create": {"a": {"identityId": i, "emailId": one},
                   "b": {"identityId": i, "emailId": two}},
        "onSuccessDestroyEmail": ["#a", "#b", "#none"]}))
    assert got[1][0] == "Email/set"
    assert sorted(got[1][1]["destroyed"]) == sorted([one, two])
    assert got[1][1]["updated"] is None


def test_of_updated_and_destroyed_submissions(account):
    subject, new = hold(account, HOLDFOR="600")
    email = submission(account, new["id"])["emailId"]
    got = calls(account, ("EmailSubmission/set", {
        "update": {new["id"]: {"undoStatus": "canceled"}},
        "onSuccessUpdateEmail": {new["id"]: {"keywords/$flagged": True}}}))
    assert got[1][1]["updated"] == {email: None}
    got = calls(account, ("EmailSubmission/set", {
        "destroy": [new["id"]], "onSuccessDestroyEmail": [new["id"]]}))
    assert got[1][1]["destroyed"] == [email]


def test_nothing_is_done_without_success(account):
    email = draft(account, "nobody at all")
    got = calls(account, ("EmailSubmission/set", {
        "create": {"a": {"identityId": identity(account)["id"],
                         "emailId": "Enone"}},
        "onSuccessUpdateEmail": {"#a": {"keywords/$seen": None}},
        "onSuccessDestroyEmail": ["#a"]}))
    assert [g[0] for g in got] == ["EmailSubmission/set"]
    assert call(account, "Email/get", {"ids": [email]})["list"]


def test_the_implicit_call_reports_its_own_errors(server):
    ann, bob = person(server), person(server)
    email = draft(ann, bob.name)
    got = calls(ann, ("EmailSubmission/set", {
        "create": {"a": {"identityId": identity(ann)["id"],
                         "emailId": email}},
        "onSuccessUpdateEmail": {"#a": {"mailboxIds/Mnone": True}}}))
    assert got[0][1]["created"]["a"]
    assert got[1][1]["notUpdated"][email]["type"] == "invalidProperties"


@pytest.mark.parametrize("more", [
    {"onSuccessUpdateEmail": []}, {"onSuccessUpdateEmail": {"#a": 1}},
    {"onSuccessDestroyEmail": {}}, {"onSuccessDestroyEmail": [1]},
    {"onSuccess": {}},
])
def test_arguments_of_the_wrong_kind(account, more):
    got = error(account, "EmailSubmission/set", more)
    assert got["type"] == "invalidArguments"


# --- /get, /changes, /query ----------------------------------------------


def test_get_and_changes(account):
    state = call(account, "EmailSubmission/get", {"ids": []})["state"]
    subject, a = hold(account, HOLDFOR="600")
    subject, b = hold(account, HOLDFOR="600")
    got = call(account, "EmailSubmission/changes", {"sinceState": state})
    assert got["created"] == [a["id"], b["id"]]
    mid = got["newState"]
    call(account, "EmailSubmission/set", {
        "update": {a["id"]: {"undoStatus": "canceled"}}})
    call(account, "EmailSubmission/set", {"destroy": [b["id"]]})
    got = call(account, "EmailSubmission/changes", {"sinceState": mid})
    assert (got["updated"], got["destroyed"]) == ([a["id"]], [b["id"]])
    got = call(account, "EmailSubmission/get", {"properties": ["sendAt"]})
    assert got["list"] == [{"id": a["id"], "sendAt": a["sendAt"]}]
    got = error(account, "EmailSubmission/get", {"properties": ["x"]})
    assert got["type"] == "invalidArguments"


@pytest.fixture
def five(server):
    """Five held submissions of one account, by two identities."""
    other = f"o{secrets.token_hex(4)}@mail.test"
    ann = person(server, other)
    made = []
    for i in range(5):
        email = draft(ann, ann.name, subject=f"number {i}",
                      sender=[ann.name, other][i % 2])
        e = env(ann, ann.name, params={"HOLDFOR": str(1000 - 100 * i)})
        e["mailFrom"]["email"] = [ann.name, other][i % 2]
        new = sent(ann, email, e, identityId=identity(
            ann, [ann.name, other][i % 2])["id"])
        made.append(submission(ann, new["id"]))
    yield ann, made
    left = call(ann, "EmailSubmission/get", {"ids": None})["list"]
    call(ann, "EmailSubmission/set", {"update": {
        m["id"]: {"undoStatus": "canceled"} for m in left
        if m["undoStatus"] == "pending"}})


def query(account, **args):
    return call(account, "EmailSubmission/query", args)["ids"]


def test_query_filters(five):
    ann, made = five
    ids = [m["id"] for m in made]
    assert sorted(query(ann)) == sorted(ids)
    assert query(ann, filter={"emailIds": [made[1]["emailId"],
                                           made[3]["emailId"]]}) == [
        ids[1], ids[3]]
    assert query(ann, filter={"threadIds": [made[2]["threadId"]]}) == [
        ids[2]]
    assert query(ann, filter={"identityIds": [made[1]["identityId"]]}) == [
        ids[1], ids[3]]
    assert query(ann, filter={"emailIds": []}) == []
    by_time = sorted(made, key=lambda m: m["sendAt"])
    mid = by_time[2]["sendAt"]
    assert set(query(ann, filter={"before": mid})) == {
        m["id"] for m in by_time[:2]}
    assert set(query(ann, filter={"after": mid})) == {
        m["id"] for m in by_time[2:]}
    call(ann, "EmailSubmission/set", {
        "update": {ids[4]: {"undoStatus": "canceled"}}})
    assert query(ann, filter={"undoStatus": "canceled"}) == [ids[4]]
    assert query(ann, filter={"undoStatus": "pending"}) == ids[:4]
    assert query(ann, filter={"operator": "NOT", "conditions": [
        {"undoStatus": "pending"}]}) == [ids[4]]
    assert query(ann, filter={"operator": "OR", "conditions": [
        {"emailIds": [made[0]["emailId"]]},
        {"undoStatus": "canceled"}]}) == [ids[0], ids[4]]


@pytest.mark.parametrize("prop,key", [
    ("emailId", "emailId"), ("threadId", "threadId"), ("sentAt", "sendAt"),
    ("sendAt", "sendAt")])
def test_query_sorts(five, prop, key):
    ann, made = five
    up = [m["id"] for m in sorted(made, key=lambda m: m[key])]
    assert query(ann, sort=[{"property": prop}]) == up
    assert query(ann, sort=[{"property": prop, "isAscending": False}]) == \
        up[::-1]
    got = call(ann, "EmailSubmission/query", {
        "sort": [{"property": prop}], "position": 1, "limit": 2,
        "calculateTotal": True})
    assert (got["ids"], got["position"], got["total"]) == (up[1:3], 1, 5)
    got = call(ann, "EmailSubmission/query", {
        "sort": [{"property": prop}], "anchor": up[3], "anchorOffset": -1})
    assert got["ids"] == up[2:]


def test_query_errors(account):
    for args, type in (
            ({"filter": {"nonesuch": 1}}, "unsupportedFilter"),
            ({"filter": {"undoStatus": 1}}, "invalidArguments"),
            ({"filter": {"emailIds": "x"}}, "invalidArguments"),
            ({"filter": {"before": "yesterday"}}, "invalidArguments"),
            ({"sort": [{"property": "undoStatus"}]}, "unsupportedSort"),
            ({"anchor": "Snone"}, "anchorNotFound")):
        got = error(account, "EmailSubmission/query", args)
        assert got["type"] == type, args


def apply(old, got):
    """RFC 8620 5.6: what a client does with queryChanges."""
    new = [i for i in old if i not in got["removed"]]
    for a in got["added"]:
        new.insert(a["index"], a["id"])
    return new


@pytest.mark.parametrize("filter", [
    None, {"undoStatus": "pending"}, {"undoStatus": "canceled"}])
def test_queryChanges(five, filter):
    ann, made = five
    args = {"sort": [{"property": "sentAt"}], "filter": filter}
    old = call(ann, "EmailSubmission/query", args)
    assert old["canCalculateChanges"] is True
    hold(ann, HOLDFOR="550")
    call(ann, "EmailSubmission/set", {
        "update": {made[0]["id"]: {"undoStatus": "canceled"}},
        "destroy": [made[1]["id"]]})
    got = call(ann, "EmailSubmission/queryChanges", {
        **args, "sinceQueryState": old["queryState"],
        "calculateTotal": True})
    new = call(ann, "EmailSubmission/query", args)
    assert apply(old["ids"], got) == new["ids"]
    assert got["newQueryState"] == new["queryState"]
    assert got["total"] == len(new["ids"])
    assert error(ann, "EmailSubmission/queryChanges", {
        **args, "sinceQueryState": old["queryState"],
        "maxChanges": 1})["type"] == "tooManyChanges"
    assert error(ann, "EmailSubmission/queryChanges", {
        **args, "sinceQueryState": "x"})["type"] == \
        "cannotCalculateChanges"


# --- the rest ------------------------------------------------------------


def test_it_needs_the_capability(account):
    for m in ("get", "changes", "query", "queryChanges", "set"):
        got = error(account, f"EmailSubmission/{m}", {},
                    using=(CORE, MAIL))
        assert got["type"] == "unknownMethod"


def test_a_session_says_what_an_envelope_may_have(account):
    own = account.session["accounts"][account.id][
        "accountCapabilities"][SUBMISSION]
    assert set(own["submissionExtensions"]) >= {
        "8BITMIME", "DSN", "FUTURERELEASE", "MT-PRIORITY", "SIZE",
        "SMTPUTF8"}
    assert own["submissionExtensions"]["FUTURERELEASE"] == [
        str(own["maxDelayedSend"])]


def test_the_store_is_right_afterwards(five):
    ann, made = five
    ann.server.jmapctl("check", ann.name)


def test_the_bounds_are_the_configuration(new_server):
    server = new_server("queue {\n\tmax-recipients = 2\n\tmax-hold = 60s\n"
                        "}\n")
    ann = person(server)
    got = refused(ann, draft(ann, ann.name), env(
        ann, ann.name, "a@mail.test", "b@mail.test"))
    assert (got["type"], got["maxRecipients"]) == ("tooManyRecipients", 2)
    own = ann.session["accounts"][ann.id]["accountCapabilities"][SUBMISSION]
    assert own["maxDelayedSend"] == 60
    got = refused(ann, draft(ann, ann.name),
                  env(ann, ann.name, params={"HOLDFOR": "70"}))
    assert got["properties"] == ["envelope"]


def test_changes_are_pushed(account):
    import json
    r = account.http.get(
        account.session["eventSourceUrl"].replace(
            "{types}", "EmailSubmission,Identity")
        .replace("{closeafter}", "no").replace("{ping}", "0"),
        stream=True, timeout=20)
    lines = r.iter_lines()

    def pushed(type, state):
        for line in lines:
            if line.startswith(b"data:"):
                got = json.loads(line[5:]).get("changed", {})
                if got.get(account.id, {}).get(type) == state:
                    return
        raise AssertionError("no StateChange")

    identity(account)
    pushed("Identity", call(account, "Identity/get", {"ids": []})["state"])
    subject, new = hold(account, HOLDFOR="600")
    pushed("EmailSubmission", call(account, "EmailSubmission/get",
                                   {"ids": []})["state"])
    call(account, "EmailSubmission/set", {"update": {
        new["id"]: {"undoStatus": "canceled"}}})
    pushed("EmailSubmission", call(account, "EmailSubmission/get",
                                   {"ids": []})["state"])


def test_a_field_of_the_header_cannot_become_two(server):
    """A bare CR in a value: whoever takes it for a line end must not find
    a field behind it."""
    ann, bob = person(server), person(server)
    subject = f"s{secrets.token_hex(6)}"
    raw = (f"From: {ann.name}\r\nTo: {bob.name}\r\nSubject: {subject}\r\n"
           "X-Odd: a\rBcc: hidden@example.org\r\n"
           "X-Fold: b\r\n c\r\n\r\nhello\r\n").encode()
    sent(ann, draft(ann, None, data=raw), env(ann, bob.name))
    got = bob.download(arrived(bob, subject)["blobId"])
    assert b"\r\nX-Odd: a Bcc: hidden@example.org\r\n" in got
    assert b"\r\nX-Fold: b\r\n c\r\n" in got


def test_the_newest_500_are_kept_and_what_waits(server):
    ann, bob = person(server), person(server)
    subject, held = hold(ann, HOLDFOR="600")
    i, email = identity(ann)["id"], draft(ann, bob.name)
    for n in range(2):
        got = call(ann, "EmailSubmission/set", {"create": {
            f"s{k}": {"identityId": i, "emailId": email}
            for k in range(260)}})
        assert got["notCreated"] is None
        wait_for(lambda: query(ann, filter={"undoStatus": "pending"}) ==
                 [held["id"]], 60, 0.2)
    sent(ann, email)
    got = call(ann, "EmailSubmission/query", {"calculateTotal": True})
    assert got["total"] == 500
    assert held["id"] in got["ids"]
    # so that all of them can be had at once
    assert len(call(ann, "EmailSubmission/get", {"ids": None})["list"]) == \
        500
    call(ann, "EmailSubmission/set", {"update": {
        held["id"]: {"undoStatus": "canceled"}}})
