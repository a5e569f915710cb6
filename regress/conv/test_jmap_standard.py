# SPDX-License-Identifier: ISC
"""RFC 8620 section 5: what /get, /changes, /set, /query and /queryChanges do
for any type, asked of every type that has them."""

import pytest

from helpers import CORE, MAIL, MethodError, message

JMAP = "urn:ietf:params:jmap:"
ALL = [CORE, MAIL, JMAP + "submission", JMAP + "vacationresponse",
       JMAP + "quota", JMAP + "principals", JMAP + "blob"]


def call(account, name, args=None, using=ALL):
    got = account.request([[name, {"accountId": account.id, **(args or {})},
                            "c"]], using)["methodResponses"][0]
    if got[0] == "error":
        raise MethodError(got[1])
    return got[1]


def state(account, type):
    return call(account, type + "/get", {"ids": []})["state"]


# --- /set (5.3)

def change(account, type, args, changes=True):
    """A /set whose states are those that /get says before and after."""
    before = state(account, type)
    got = call(account, type + "/set", args)
    after = state(account, type)
    assert (got["oldState"], got["newState"]) == (before, after), got
    assert (before != after) == changes, got
    return got


def test_new_state_of_emails(account):
    id = account.add_mail(message())
    seen = {"update": {id: {"keywords/$seen": True}}}
    change(account, "Email", seen)
    change(account, "Email", seen, False)
    change(account, "Email", {"update": {id: {}}}, False)
    change(account, "Email", {"destroy": ["Enone"]}, False)
    change(account, "Email", {"destroy": [id]})


def test_new_state_of_mailboxes(account):
    """newState: "the state string that will now be returned by Foo/get";
    5.1: what did not change SHOULD keep it."""
    got = change(account, "Mailbox", {"create": {"a": {"name": "a"}},
                                      "update": {"#a": {"sortOrder": 3}}})
    id = got["created"]["a"]["id"]
    for patch in {"name": "b"}, {"isSubscribed": False}, {"sortOrder": 4}:
        change(account, "Mailbox", {"update": {id: patch}})
        change(account, "Mailbox", {"update": {id: patch}}, False)
    change(account, "Mailbox", {"update": {id: {}}}, False)
    change(account, "Mailbox", {"destroy": ["Mnone"]}, False)
    account.add_mail(message(), id)
    other = account.mailbox("archive")
    mail = account.emails(filter={"inMailbox": id})[0]["id"]
    account.call("Email/set", {"update": {mail: {f"mailboxIds/{other}":
                                                 True}}})
    change(account, "Mailbox", {"destroy": [id],
                                "onDestroyRemoveEmails": True})


def test_mailboxes_that_change_places(account):
    got = change(account, "Mailbox", {"create": {"a": {"name": "a"},
                                                 "b": {"name": "b"}}})
    a, b = (got["created"][k]["id"] for k in "ab")
    swap = {"update": {a: {"name": "b"}, b: {"name": "a"}}}
    before = change(account, "Mailbox", swap)["oldState"]
    change(account, "Mailbox", swap, False)
    got = call(account, "Mailbox/changes", {"sinceState": before})
    assert sorted(got["updated"]) == sorted([a, b])


def test_new_state_of_objects(account):
    got = change(account, "Identity", {"create": {"a": {
        "name": "a", "email": account.name}}})
    id = got["created"]["a"]["id"]
    change(account, "Identity", {"update": {id: {"name": "b"}}})
    change(account, "Identity", {"update": {id: {"name": "b"}}}, False)
    change(account, "Identity", {"destroy": [id]})
    vacation = {"update": {"singleton": {"isEnabled": True}}}
    change(account, "VacationResponse", vacation)
    change(account, "VacationResponse", vacation, False)


@pytest.mark.parametrize("type, bad", [
    ("Mailbox", {"id": "M99", "totalEmails": 0, "name": 5, "sortOrder": -1,
                 "nope": 1}),
    ("Identity", {"id": "I99", "mayDelete": False, "email": 5,
                  "textSignature": 7, "nope": 1}),
    ("Email", {"id": "E99", "blobId": "B", "mailboxIds": [], "keywords": 1,
               "nope": 1, "subject": 5}),
])
def test_all_invalid_properties_are_listed(account, type, bad):
    """SetError: "lists *all* the properties that were invalid"."""
    got = call(account, type + "/set", {"create": {"a": bad}})
    e = got["notCreated"]["a"]
    assert e["type"] == "invalidProperties"
    assert sorted(e["properties"]) == sorted(bad)


@pytest.mark.parametrize("type", ["Mailbox", "Identity", "Email"])
def test_a_path_into_what_is_not_there(account, type):
    """PatchObject: "all parts prior to the last MUST already exist"; a name
    alone is an unknown property."""
    id = account.add_mail(message())
    if type != "Email":
        id = call(account, type + "/get")["list"][0]["id"]
    for patch, error in [({"nope/x": 1}, "invalidPatch"),
                         ({"nope": 1}, "invalidProperties")]:
        got = change(account, type, {"update": {id: patch}}, False)
        assert got["notUpdated"][id]["type"] == error


# --- what was not opted into is not there (1.8)

PUSH = {"deviceClientId": "d", "url": "https://push.example.org/1"}


def push_set(account, args, using=(CORE,)):
    got = account.request([["PushSubscription/set", args, "c"]], using)
    return got["methodResponses"][0][1]


def test_properties_of_another_capability(account):
    got = push_set(account, {"create": {"a": PUSH}})["created"]["a"]
    assert "emailPush" not in got
    id = got["id"]
    got = push_set(account, {"create": {"a": {**PUSH, "emailPush": None}},
                             "update": {id: {"emailPush": None}}})
    for e in got["notCreated"]["a"], got["notUpdated"][id]:
        assert e["properties"] == ["emailPush"]
    got = push_set(account, {"update": {id: {"emailPush": None}}},
                   [CORE, JMAP + "emailpush"])
    assert got["updated"] == {id: None}
    for names in ["emailPush"], ["_verify"], ["_vapid"]:
        got = account.request([["PushSubscription/get", {
            "properties": names}, "c"]], [CORE])["methodResponses"][0]
        assert got[1]["type"] == "invalidArguments"
    got = push_set(account, {"update": {id: {"_verify": "x"}}})
    assert got["notUpdated"][id]["description"] == "no such property"
