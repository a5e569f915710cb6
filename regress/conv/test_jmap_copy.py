# SPDX-License-Identifier: ISC
"""Email/copy and Blob/copy between accounts (RFC 8620 5.4, 6.3, RFC 8621
4.7): every argument, every error, and that originals go only after."""

import json

import pytest

from helpers import CORE, MAIL, Server, message
from share_tools import USING, call, error, share

BODY = message("a letter", "Some text.\r\n" * 50)


@pytest.fixture
def ann(server):
    return server.adduser()


@pytest.fixture
def bob(server):
    return server.adduser()


def box_of(owner, name):
    got = owner.call("Mailbox/set", {"create": {"c": {"name": name}}})
    return got["created"]["c"]["id"]


def copy(who, src, dst, create, **more):
    return call(who, "Email/copy", {"fromAccountId": src, "accountId": dst,
                                    "create": create, **more})


@pytest.fixture
def shared(ann, bob):
    """A mailbox of ann's that bob may read and empty, with a mail in it."""
    box = box_of(ann, "shared")
    share(ann, box, bob, "mayReadItems", "mayRemoveItems", "mayAddItems",
          "maySetSeen", "maySetKeywords")
    mail = ann.add_mail(BODY, box, ["$seen", "$flagged", "word"],
                        "2026-01-02T03:04:05Z")
    return box, mail


def test_a_copy_has_all_of_the_original(ann, bob, shared):
    box, mail = shared
    got = copy(bob, ann.id, bob.id, {"c": {
        "id": mail, "mailboxIds": {bob.mailbox(): True}}})
    assert got["fromAccountId"] == ann.id and got["accountId"] == bob.id
    assert got["notCreated"] is None
    made = got["created"]["c"]
    assert set(made) == {"id", "blobId", "threadId", "size"}
    assert made["size"] == len(BODY)
    e = bob.call("Email/get", {"ids": [made["id"]]})["list"][0]
    assert e["keywords"] == {"$seen": True, "$flagged": True, "word": True}
    assert e["receivedAt"] == "2026-01-02T03:04:05Z"
    assert e["mailboxIds"] == {bob.mailbox(): True}
    assert bob.download(made["blobId"]) == BODY
    assert got["newState"] == bob.call("Email/get", {"ids": []})["state"]
    assert got["oldState"] != got["newState"]
    # found by its text, there as well
    assert bob.call("Email/query", {"filter": {"text": "letter"}})[
        "ids"] == [made["id"]]
    # and the original is where it was
    assert ann.call("Email/get", {"ids": [mail]})["list"]


def test_what_may_be_set_is_set(ann, bob, shared):
    box, mail = shared
    got = copy(bob, ann.id, bob.id, {"c": {
        "id": mail, "mailboxIds": {bob.mailbox(): True},
        "keywords": {"$answered": True},
        "receivedAt": "2025-05-05T05:05:05Z"}})
    e = bob.call("Email/get", {"ids": [got["created"]["c"]["id"]]})
    assert e["list"][0]["keywords"] == {"$answered": True}
    assert e["list"][0]["receivedAt"] == "2025-05-05T05:05:05Z"
    got = copy(bob, ann.id, bob.id, {"x": {
        "id": mail, "mailboxIds": {bob.mailbox(): True}, "subject": "no"}})
    assert got["notCreated"]["x"]["type"] == "invalidProperties"
    assert got["notCreated"]["x"]["properties"] == ["subject"]


def test_no_keywords_is_no_keywords(ann, bob, shared):
    box, mail = shared
    got = copy(bob, ann.id, bob.id, {"c": {
        "id": mail, "mailboxIds": {bob.mailbox(): True}, "keywords": {}}})
    e = bob.call("Email/get", {"ids": [got["created"]["c"]["id"]]})
    assert e["list"][0]["keywords"] == {}


@pytest.mark.parametrize("bad, kind", [
    ({"mailboxIds": None}, "invalidProperties"),
    ({"mailboxIds": {}}, "invalidProperties"),
    ({"mailboxIds": {"Mzzz": True}}, "invalidProperties"),
    ({"id": "Ezzzz"}, "notFound"),
    ({"id": None}, "invalidProperties"),
    ({"id": "#x"}, "invalidProperties"),
    ({"keywords": {"$a": False}}, "invalidProperties"),
    ({"receivedAt": "yesterday"}, "invalidProperties"),
])
def test_refusals_by_name(ann, bob, shared, bad, kind):
    box, mail = shared
    one = {"id": mail, "mailboxIds": {bob.mailbox(): True}, **bad}
    got = copy(bob, ann.id, bob.id, {"c": one}, onSuccessDestroyOriginal=True)
    assert got["created"] is None
    assert got["notCreated"]["c"]["type"] == kind
    assert got["oldState"] == got["newState"]
    assert ann.call("Email/get", {"ids": [mail]})["list"]


def test_one_refusal_does_not_stop_another(ann, bob, shared):
    box, mail = shared
    to = {bob.mailbox(): True}
    got = copy(bob, ann.id, bob.id, {
        "good": {"id": mail, "mailboxIds": to},
        "bad": {"id": "Ezzz", "mailboxIds": to}})
    assert set(got["created"]) == {"good"}
    assert got["notCreated"]["bad"]["type"] == "notFound"


def test_a_message_that_is_there_is_not_copied_again(ann, bob, shared):
    box, mail = shared
    one = {"id": mail, "mailboxIds": {bob.mailbox(): True}}
    first = copy(bob, ann.id, bob.id, {"c": one})["created"]["c"]["id"]
    got = copy(bob, ann.id, bob.id, {"c": one})
    assert got["notCreated"]["c"]["type"] == "alreadyExists"
    assert got["notCreated"]["c"]["existingId"] == first
    bob.call("Email/set", {"destroy": [first]})
    assert copy(bob, ann.id, bob.id, {"c": one})["created"]


def test_what_the_sharee_cannot_see_does_not_exist(ann, bob):
    hidden, box = box_of(ann, "hidden"), box_of(ann, "shared")
    share(ann, box, bob, "mayReadItems", "mayAddItems")
    mail = ann.add_mail(BODY, hidden)
    got = copy(bob, ann.id, bob.id, {"c": {
        "id": mail, "mailboxIds": {bob.mailbox(): True}}})
    assert got["notCreated"]["c"]["type"] == "notFound"
    # nor is he told that the owner has it already
    own = bob.add_mail(BODY)
    got = copy(bob, bob.id, ann.id, {"c": {
        "id": own, "mailboxIds": {box: True}}})
    assert got["created"]["c"]["id"]


def test_into_a_shared_account(ann, bob, shared):
    box, _ = shared
    own = bob.add_mail(message("from bob"), keywords=["$seen"])
    got = copy(bob, bob.id, ann.id, {
        "c": {"id": own, "mailboxIds": {box: True}},
        "x": {"id": own, "mailboxIds": {ann.mailbox(): True}}})
    assert got["notCreated"]["x"]["type"] == "invalidProperties"
    made = got["created"]["c"]
    assert ann.call("Email/get", {"ids": [made["id"]]})["list"][0][
        "subject"] == "from bob"
    share(ann, box, bob, "mayReadItems", "maySetSeen")
    other = bob.add_mail(message("more"))
    got = copy(bob, bob.id, ann.id, {"c": {
        "id": other, "mailboxIds": {box: True}}})
    assert got["notCreated"]["c"]["type"] == "forbidden"


def test_between_two_shared_accounts(server, ann, bob, shared):
    eve = server.adduser()
    box, mail = shared
    there = box_of(eve, "theirs")
    share(eve, there, bob, "mayAddItems", "maySetSeen", "maySetKeywords")
    got = copy(bob, ann.id, eve.id, {"c": {
        "id": mail, "mailboxIds": {there: True}}})
    e = eve.call("Email/get", {"ids": [got["created"]["c"]["id"]]})["list"]
    assert e[0]["keywords"] == {"$seen": True, "$flagged": True,
                                "word": True}


def move(bob, ann, mail, **more):
    """Email/copy with onSuccessDestroyOriginal: both responses."""
    got = bob.request([["Email/copy", {
        "fromAccountId": ann.id, "accountId": bob.id,
        "onSuccessDestroyOriginal": True, "create": {"c": {
            "id": mail, "mailboxIds": {bob.mailbox(): True}}}, **more},
        "m"], ["Core/echo", {}, "e"]])["methodResponses"]
    assert [r[2] for r in got] == ["m"] * (len(got) - 1) + ["e"]
    return got[:-1]


def test_originals_are_destroyed_by_one_email_set(ann, bob, shared):
    box, mail = shared
    state = call(bob, "Email/get", {"accountId": ann.id, "ids": []})["state"]
    copied, destroyed = move(bob, ann, mail, destroyFromIfInState=state)
    assert copied[0] == "Email/copy" and copied[1]["created"]["c"]
    assert destroyed[0] == "Email/set"
    assert destroyed[1]["accountId"] == ann.id
    assert destroyed[1]["destroyed"] == [mail]
    assert ann.call("Email/get", {"ids": [mail]})["notFound"] == [mail]
    # nothing was copied: no Email/set
    assert len(move(bob, ann, mail)) == 1


def test_originals_stay_when_they_may_not_go(ann, bob, shared):
    box, mail = shared
    copied, destroyed = move(bob, ann, mail, destroyFromIfInState="1")
    assert copied[1]["created"]["c"]
    assert destroyed[0] == "error"
    assert destroyed[1]["type"] == "stateMismatch"
    bob.call("Email/set", {"destroy": [copied[1]["created"]["c"]["id"]]})
    share(ann, box, bob, "mayReadItems", "mayAddItems")
    copied, destroyed = move(bob, ann, mail)
    assert destroyed[1]["notDestroyed"][mail]["type"] == "forbidden"
    bob.call("Email/set", {"destroy": [copied[1]["created"]["c"]["id"]]})
    share(ann, box, bob, "mayReadItems")
    copied, destroyed = move(bob, ann, mail)
    assert destroyed[1]["type"] == "accountReadOnly"
    assert ann.call("Email/get", {"ids": [mail]})["list"]


def test_states_are_asked_for_before(ann, bob, shared):
    box, mail = shared
    args = {"fromAccountId": ann.id, "create": {"c": {
        "id": mail, "mailboxIds": {bob.mailbox(): True}}}}
    for name in ("ifInState", "ifFromInState"):
        assert error(bob, "Email/copy", {**args, name: "77777"}) == \
            "stateMismatch"
    assert bob.emails() == []
    mine = bob.call("Email/get", {"ids": []})["state"]
    theirs = call(bob, "Email/get", {"accountId": ann.id,
                                     "ids": []})["state"]
    got = call(bob, "Email/copy", {**args, "ifInState": mine,
                                   "ifFromInState": theirs})
    assert got["oldState"] == mine


def test_errors_of_the_method(ann, bob, server):
    assert error(bob, "Email/copy", {"fromAccountId": bob.id,
                                     "create": {}}) == "invalidArguments"
    for nobody in (ann.id, "u99999", "x"):
        for name, args in (("Email/copy", {"create": {}}),
                           ("Blob/copy", {"blobIds": []})):
            assert error(bob, name, {"fromAccountId": nobody, **args}) == \
                "fromAccountNotFound"
            assert error(bob, name, {"fromAccountId": bob.id,
                                     "accountId": nobody, **args}) == \
                "accountNotFound"
    for args in ({}, {"fromAccountId": 1, "create": {}},
                 {"fromAccountId": ann.id},
                 {"fromAccountId": ann.id, "create": []},
                 {"fromAccountId": ann.id, "create": {"c": 1}},
                 {"fromAccountId": ann.id, "create": {}, "more": 1},
                 {"fromAccountId": ann.id, "create": {},
                  "onSuccessDestroyOriginal": "yes"}):
        assert error(bob, "Email/copy", args) == "invalidArguments", args


def test_too_many_at_once(new_server):
    s = new_server("limits { max-objects-in-set = 3 }\n")
    ann, bob = s.adduser(), s.adduser()
    share(ann, ann.mailbox(), bob, "mayReadItems")
    many = {str(i): {"id": "E1", "mailboxIds": {}} for i in range(4)}
    assert error(bob, "Email/copy", {"fromAccountId": ann.id,
                                     "create": many}) == "requestTooLarge"
    assert error(bob, "Blob/copy", {"fromAccountId": ann.id, "blobIds": [
        "G1"] * 4}) == "requestTooLarge"


def test_a_creation_id_is_known_afterwards(ann, bob, shared):
    box, mail = shared
    got = bob.request([
        ["Email/copy", {"fromAccountId": ann.id, "accountId": bob.id,
                        "create": {"new": {"id": mail, "mailboxIds": {
                            bob.mailbox(): True}}}}, "0"],
        ["Email/set", {"accountId": bob.id, "update": {
            "#new": {"keywords/later": True}}}, "1"]],
        createdIds={})
    made = got["methodResponses"][0][1]["created"]["new"]["id"]
    assert got["methodResponses"][1][1]["updated"] == {made: None}
    assert got["createdIds"]["new"] == made


# --- blobs

def test_blobs_are_copied(ann, bob, shared):
    box, mail = shared
    e = call(bob, "Email/get", {"accountId": ann.id, "ids": [mail],
             "properties": ["blobId", "textBody"]})["list"][0]
    whole, part = e["blobId"], e["textBody"][0]["blobId"]
    got = call(bob, "Blob/copy", {"fromAccountId": ann.id,
               "blobIds": [whole, part, "Gnone"]})
    assert got["fromAccountId"] == ann.id and got["accountId"] == bob.id
    assert set(got["copied"]) == {whole, part}
    assert got["notCopied"]["Gnone"]["type"] == "notFound"
    assert bob.download(got["copied"][whole]) == BODY
    assert bob.download(got["copied"][part]).startswith(b"Some text.")
    # it can be used there
    got = bob.call("Email/import", {"emails": {"m": {
        "blobId": got["copied"][whole],
        "mailboxIds": {bob.mailbox(): True}}}})
    assert got["created"]["m"]["id"]


def test_a_blob_named_twice_is_one_member_of_the_answer(ann, bob, shared):
    box, mail = shared
    blob = call(bob, "Email/get", {"accountId": ann.id, "ids": [mail],
                "properties": ["blobId"]})["list"][0]["blobId"]
    seen = []

    def members(pairs):
        seen.append(sorted(name for name, value in pairs))
        return dict(pairs)

    r = bob.post({"using": USING, "methodCalls": [["Blob/copy", {
        "accountId": bob.id, "fromAccountId": ann.id,
        "blobIds": [blob, "Gnone", blob, "Gnone"]}, "0"]]})
    json.loads(r.text, object_pairs_hook=members)
    assert [blob] in seen and ["Gnone"] in seen
    assert all(len(names) == len(set(names)) for names in seen)


def test_nothing_to_copy_is_null(ann, bob, shared):
    got = call(bob, "Blob/copy", {"fromAccountId": ann.id, "blobIds": []})
    assert got["copied"] is None and got["notCopied"] is None


def test_a_blob_into_a_shared_account(ann, bob, shared):
    box, _ = shared
    blob = bob.upload(b"From: x@y.z\r\n\r\nbytes")["blobId"]
    got = call(bob, "Blob/copy", {"fromAccountId": bob.id,
               "accountId": ann.id, "blobIds": [blob]})
    there = got["copied"][blob]
    got = call(bob, "Email/import", {"accountId": ann.id, "emails": {"m": {
        "blobId": there, "mailboxIds": {box: True}}}})
    assert got["created"]["m"]


@pytest.mark.parametrize("args", [
    {}, {"blobIds": []}, {"fromAccountId": "u1"},
    {"fromAccountId": "u1", "blobIds": [1]},
    {"fromAccountId": "u1", "blobIds": "G1"},
    {"fromAccountId": "u1", "blobIds": [], "more": 1}])
def test_arguments_of_blob_copy(bob, args):
    assert error(bob, "Blob/copy", args) == "invalidArguments"


def test_accounts_are_whole_after_all_that(server, ann, bob, shared):
    box, mail = shared
    for i in range(5):
        move(bob, ann, ann.add_mail(message(f"number {i}"), box))
    for who in (ann, bob):
        server.jmapctl("check", who.name)


def test_two_who_copy_to_each_other_do_not_wait_for_ever(new_server):
    """Writers of two accounts at once, each reading the other's."""
    import threading
    s = new_server("workers = 4\n")
    ann, bob = s.adduser(), s.adduser()
    both = []
    for a, b in ((ann, bob), (bob, ann)):
        box = box_of(a, "shared")
        share(a, box, b, "mayReadItems", "mayAddItems", "mayRemoveItems")
        both.append((a, b, [a.add_mail(message(f"{a.id} {i}"), box)
                            for i in range(25)]))
    failed = []

    def run(owner, taker, mails):
        inbox = taker.mailbox()
        for m in mails:
            got = copy(taker, owner.id, taker.id, {"c": {
                "id": m, "mailboxIds": {inbox: True}}},
                onSuccessDestroyOriginal=True)
            if not got["created"]:
                failed.append(got)

    threads = [threading.Thread(target=run, args=x) for x in both]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
        assert not t.is_alive()
    assert failed == []
    for a, b, mails in both:
        assert len(b.emails(filter={"inMailbox": b.mailbox()})) == 25
