# SPDX-License-Identifier: ISC
"""Principal and ShareNotification (RFC 9670 2, 3): every method, property,
filter and sort; whom one sees; and what one is told."""

import subprocess

import pytest

from helpers import CORE, MAIL, Account, MethodError, Server, wait_for
from share_tools import (PRINCIPALS, SHARE, USING, call, error, fresh,
                         principal, rights, share)


@pytest.fixture(scope="module")
def here():
    s = Server()
    yield s
    s.remove()


@pytest.fixture
def ann(here):
    return here.adduser()


@pytest.fixture
def bob(here):
    return here.adduser()


def people(who, **args):
    return {p["email"]: p for p in call(
        who, "Principal/get", {"ids": None, **args})["list"]}


# --- principals

def test_every_property(ann, bob):
    share(ann, ann.mailbox(), bob, "mayReadItems")
    got = people(bob)[ann.name]
    assert set(got) == {"id", "type", "name", "description", "email",
                        "timeZone", "capabilities", "accounts"}
    assert got["id"] == principal(ann)
    assert got["type"] == "individual"
    assert got["name"] == ann.name
    assert got["description"] is None and got["timeZone"] is None
    assert got["capabilities"] == {}
    assert got["accounts"] == {
        ann.id: fresh(bob)["accounts"][ann.id]}
    # what nobody shares, and one's own
    assert people(ann)[bob.name]["accounts"] is None
    assert people(bob)[bob.name]["accounts"] == {
        bob.id: bob.session["accounts"][bob.id]}


def test_get_by_id(ann, bob):
    got = call(ann, "Principal/get", {
        "ids": [principal(bob), "Pzzzz", "nobody"], "properties": ["name"]})
    assert got["list"] == [{"id": principal(bob), "name": bob.name}]
    assert set(got["notFound"]) == {"Pzzzz", "nobody"}
    assert error(ann, "Principal/get", {"ids": None, "properties": [
        "secrets"]}) == "invalidArguments"


def test_the_capability_is_needed(ann):
    for name in ("Principal/get", "ShareNotification/get"):
        assert error(ann, name, {"ids": None}, (CORE, MAIL)) == \
            "unknownMethod"


def test_changes(ann, here):
    state = call(ann, "Principal/get", {"ids": []})["state"]
    got = call(ann, "Principal/changes", {"sinceState": state})
    assert got == {"accountId": ann.id, "oldState": state,
                   "newState": state, "hasMoreChanges": False,
                   "created": [], "updated": [], "destroyed": []}
    # RFC 9670 2.2: a directory cannot calculate them
    here.adduser()
    assert call(ann, "Principal/get", {"ids": []})["state"] != state
    for since in (state, "0", "x"):
        assert error(ann, "Principal/changes", {"sinceState": since}) == \
            "cannotCalculateChanges"
    for bad in ({}, {"sinceState": 1},
                {"sinceState": "1", "maxChanges": 0}):
        assert error(ann, "Principal/changes", bad) == "invalidArguments"


def test_state_follows_what_is_shared(ann, bob):
    state = call(bob, "Principal/get", {"ids": []})["state"]
    share(ann, ann.mailbox(), bob, "mayReadItems")
    assert call(bob, "Principal/get", {"ids": []})["state"] != state


def test_set_is_forbidden(ann, bob):
    got = call(ann, "Principal/set", {
        "create": {"c": {"name": "x"}},
        "update": {principal(ann): {"name": "x"}, "Pzzz": {"name": "x"}},
        "destroy": [principal(bob), "Pyyy"]})
    assert got["notCreated"]["c"]["type"] == "forbidden"
    assert got["notUpdated"][principal(ann)]["type"] == "forbidden"
    assert got["notUpdated"]["Pzzz"]["type"] == "notFound"
    assert got["notDestroyed"][principal(bob)]["type"] == "forbidden"
    assert got["notDestroyed"]["Pyyy"]["type"] == "notFound"


def test_query_filters(ann, bob):
    share(ann, ann.mailbox(), bob, "mayReadItems")
    a, b = principal(ann), principal(bob)
    local = ann.name.split("@")[0]

    def find(**filter):
        return call(bob, "Principal/query", {"filter": filter or None})["ids"]

    assert {a, b} <= set(find())
    assert find(email=local) == [a]
    assert find(email=local.upper()) == [a]
    assert find(name=local) == [a]
    assert find(text=local) == [a]
    assert find(text="no such text") == []
    assert find(accountIds=[ann.id]) == [a]
    assert set(find(accountIds=[ann.id, bob.id])) == {a, b}
    assert find(accountIds=[]) == [] and find(accountIds=["u9999"]) == []
    assert {a, b} <= set(find(type="individual"))
    assert find(type="group") == []
    assert find(timeZone="Europe/Vienna") == []
    assert find(name=local, type="group") == []
    # an account that shares nothing with him is nobody's, for him
    assert call(ann, "Principal/query", {"filter": {
        "accountIds": [bob.id]}})["ids"] == []
    for filter, kind in (({"shoe": 1}, "unsupportedFilter"),
                         ({"name": 1}, "invalidArguments"),
                         ({"accountIds": "u1"}, "invalidArguments")):
        assert error(bob, "Principal/query", {"filter": filter}) == kind
    got = call(bob, "Principal/query", {"filter": {
        "operator": "NOT", "conditions": [{"email": local}]}})
    assert a not in got["ids"] and b in got["ids"]


def test_query_order_and_window(ann, bob):
    got = call(ann, "Principal/query", {
        "sort": [{"property": "name"}], "calculateTotal": True})
    names = [people(ann, ids=[i]).popitem()[1]["name"] for i in got["ids"]]
    assert names == sorted(names) and got["total"] == len(names)
    assert got["canCalculateChanges"] is False
    part = call(ann, "Principal/query", {
        "sort": [{"property": "email", "isAscending": False}],
        "anchor": got["ids"][0], "anchorOffset": -1, "limit": 2})
    assert part["ids"] == got["ids"][:2][::-1]
    assert error(ann, "Principal/query", {"sort": [
        {"property": "age"}]}) == "unsupportedSort"
    assert error(ann, "Principal/queryChanges", {
        "sinceQueryState": got["queryState"]}) == "cannotCalculateChanges"


def test_descriptions_are_names(here, ann):
    bob = here.adduser()
    here.jmapctl("account", "set", bob.name, "--description", "Bob Ölander",
                 check=False)
    got = people(ann)[bob.name]
    assert got["name"] in (bob.name, "Bob Ölander")


def test_no_secret_is_told(ann, bob):
    r = ann.post({"using": list(USING), "methodCalls": [
        ["Principal/get", {"accountId": ann.id, "ids": None}, "0"]]})
    assert "$argon2" not in r.text and bob.password not in r.text


# --- whom one sees

def elsewhere(server, name, domain):
    server.jmapctl("domain", "add", domain, check=False)
    return server.adduser(f"{name}@{domain}")


@pytest.mark.parametrize("conf, sees", [
    ("", {"ann@one.test", "bob@one.test"}),
    ("share-principals = domain\n", {"ann@one.test", "bob@one.test"}),
    ("share-principals = all\n", {"ann@one.test", "bob@one.test",
                                  "eve@two.test"}),
    ("share-principals = none\n", {"ann@one.test"})])
def test_who_is_seen_is_configured(new_server, conf, sees):
    s = new_server(conf)
    ann = elsewhere(s, "ann", "one.test")
    bob = elsewhere(s, "bob", "one.test")
    eve = elsewhere(s, "eve", "two.test")
    got = set(people(ann))
    assert got & {"ann@one.test", "bob@one.test", "eve@two.test"} == sees
    # and who is not seen cannot be shared with
    for other in (bob, eve):
        got = call(ann, "Mailbox/set", {"update": {ann.mailbox(): {
            "shareWith": {principal(other): rights("mayReadItems")}}}})
        assert bool(got["updated"]) == (other.name in sees)


def test_a_new_principal_is_seen_at_once(ann, here):
    before = set(people(ann))
    new = here.adduser()
    assert set(people(ann)) == before | {new.name}
    here.jmapctl("account", "delete", new.name)
    assert set(people(ann)) == before


# --- notifications

def notes(who, **args):
    return call(who, "ShareNotification/get", {"ids": None, **args})["list"]


def test_one_is_told_of_each_change(ann, bob):
    box = ann.mailbox()
    share(ann, box, bob, "mayReadItems")
    note, = notes(bob)
    assert set(note) == {"id", "created", "changedBy", "objectType",
                         "objectAccountId", "objectId", "oldRights",
                         "newRights", "name"}
    assert note["objectType"] == "Mailbox"
    assert note["objectAccountId"] == ann.id and note["objectId"] == box
    assert note["oldRights"] is None
    assert note["newRights"] == rights("mayReadItems")
    assert note["name"] == "Inbox"
    assert note["changedBy"]["principalId"] == principal(ann)
    assert note["changedBy"]["email"] == ann.name
    assert isinstance(note["changedBy"]["name"], str)
    assert note["created"].endswith("Z")
    assert notes(ann) == []
    call(bob, "ShareNotification/set", {"destroy": [note["id"]]})
    share(ann, box, bob, "mayReadItems", "mayAddItems")
    note, = notes(bob)
    assert note["oldRights"] == rights("mayReadItems")
    assert note["newRights"] == rights("mayReadItems", "mayAddItems")
    call(bob, "ShareNotification/set", {"destroy": [note["id"]]})
    share(ann, box, bob)
    note, = notes(bob)
    assert note["newRights"] is None


def test_changes_of_one_mailbox_are_one_notification(ann, bob):
    box = ann.mailbox()
    share(ann, box, bob, "mayReadItems")
    first, = notes(bob)
    share(ann, box, bob, "mayReadItems", "maySetSeen")
    note, = notes(bob)
    assert note["id"] != first["id"]	# they are immutable
    assert note["oldRights"] is None
    assert note["newRights"] == rights("mayReadItems", "maySetSeen")
    share(ann, box, bob)			# and nothing is left of it
    assert notes(bob) == []


def test_a_subscription_is_nothing_to_be_told(ann, bob):
    box = ann.mailbox()
    share(ann, box, bob, "mayReadItems")
    note, = notes(bob)
    call(bob, "ShareNotification/set", {"destroy": [note["id"]]})
    call(bob, "Mailbox/set", {"accountId": ann.id, "update": {
        box: {"isSubscribed": False}}})
    assert notes(bob) == []


def test_only_destroying_is_allowed(ann, bob):
    share(ann, ann.mailbox(), bob, "mayReadItems")
    note, = notes(bob)
    got = call(bob, "ShareNotification/set", {
        "create": {"c": {"name": "x"}},
        "update": {note["id"]: {"name": "x"}}})
    assert got["notCreated"]["c"]["type"] == "forbidden"
    assert got["notUpdated"][note["id"]]["type"] == "forbidden"
    got = call(bob, "ShareNotification/set", {
        "destroy": [note["id"], "N99"], "ifInState": got["newState"]})
    assert got["destroyed"] == [note["id"]]
    assert got["notDestroyed"]["N99"]["type"] == "notFound"
    assert error(bob, "ShareNotification/set", {
        "ifInState": "1"}) == "stateMismatch"


def test_note_changes(ann, bob):
    state = call(bob, "ShareNotification/get", {"ids": []})["state"]
    share(ann, ann.mailbox(), bob, "mayReadItems")
    note, = notes(bob)
    got = call(bob, "ShareNotification/changes", {"sinceState": state})
    assert got["created"] == [note["id"]]
    state = got["newState"]
    call(bob, "ShareNotification/set", {"destroy": [note["id"]]})
    got = call(bob, "ShareNotification/changes", {"sinceState": state})
    assert got["destroyed"] == [note["id"]]
    assert error(bob, "ShareNotification/changes", {
        "sinceState": "x"}) == "cannotCalculateChanges"


def test_note_queries(ann, bob):
    boxes = [ann.mailbox(), ann.mailbox("trash"), ann.mailbox("junk")]
    for box in boxes:
        share(ann, box, bob, "mayReadItems")
    every = {n["objectId"]: n["id"] for n in notes(bob)}
    ids = [every[b] for b in boxes]

    def find(filter=None, **args):
        return call(bob, "ShareNotification/query", {
            "filter": filter, **args})["ids"]

    assert set(find()) == set(ids)
    assert find(sort=[{"property": "created"}]) == ids
    assert set(find(sort=[{"property": "created",
                           "isAscending": False}])) == set(ids)
    assert set(find({"after": "2020-01-01T00:00:00Z"})) == set(ids)
    assert find({"after": "2100-01-01T00:00:00Z"}) == []
    assert find({"before": "2020-01-01T00:00:00Z"}) == []
    assert set(find({"before": "2100-01-01T00:00:00Z",
                     "after": None})) == set(ids)
    assert set(find({"objectType": "Mailbox"})) == set(ids)
    assert find({"objectType": "Calendar"}) == []
    assert set(find({"objectAccountId": ann.id})) == set(ids)
    assert find({"objectAccountId": bob.id}) == []
    for filter, kind in (({"after": 1}, "invalidArguments"),
                         ({"name": "x"}, "unsupportedFilter")):
        assert error(bob, "ShareNotification/query", {
            "filter": filter}) == kind
    old = call(bob, "ShareNotification/query", {})
    call(bob, "ShareNotification/set", {"destroy": [ids[1]]})
    got = call(bob, "ShareNotification/queryChanges", {
        "sinceQueryState": old["queryState"]})
    assert got["removed"] == [ids[1]] and got["added"] == []
