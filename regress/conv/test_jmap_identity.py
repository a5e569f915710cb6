# SPDX-License-Identifier: ISC
"""RFC 8621 6: identities, and through them the small-object layer
(RFC 8620 5.1, 5.2, 5.3 for objects that are one row)."""

import json
import secrets

import pytest

from helpers import CORE, MAIL, MethodError
from submit_tools import (SUBMISSION, call, calls, error, identity, person)

PROPERTIES = {"id", "name", "email", "replyTo", "bcc", "textSignature",
              "htmlSignature", "mayDelete"}


def create(account, **props):
    props.setdefault("email", account.name)
    return call(account, "Identity/set", {"create": {"n": props}})


def made(account, **props):
    got = create(account, **props)
    assert got["notCreated"] is None, got
    return got["created"]["n"]["id"]


def refused(account, **props):
    got = create(account, **props)
    assert got["created"] is None, got
    return got["notCreated"]["n"]


def test_each_address_has_an_identity_that_stays(server):
    other = f"o{secrets.token_hex(4)}@mail.test"
    ann = person(server, other, name="Ann Example")
    got = call(ann, "Identity/get", {"ids": None})
    assert {i["email"] for i in got["list"]} == {ann.name, other}
    for i in got["list"]:
        assert set(i) == PROPERTIES
        assert i["name"] == "Ann Example"
        assert i["mayDelete"] is False
        assert i["replyTo"] is None and i["bcc"] is None
        assert i["textSignature"] == "" and i["htmlSignature"] == ""
        err = call(ann, "Identity/set", {"destroy": [i["id"]]})
        assert err["destroyed"] is None
        assert err["notDestroyed"][i["id"]]["type"] == "forbidden"
    again = call(ann, "Identity/get", {"ids": None})
    assert again == got


def test_get_by_ids_and_properties(account):
    i = identity(account)
    got = call(account, "Identity/get", {
        "ids": [i["id"], "Inone", i["id"]], "properties": ["email"]})
    assert got["list"] == [{"id": i["id"], "email": i["email"]}]
    assert got["notFound"] == ["Inone"]
    err = error(account, "Identity/get", {"properties": ["nonesuch"]})
    assert err["type"] == "invalidArguments"
    err = error(account, "Identity/get", {"ids": "I1"})
    assert err["type"] == "invalidArguments"


def test_create_with_every_property(account):
    email = account.name.replace("@", "+work@")
    props = {
        "name": "At work", "email": email,
        "replyTo": [{"name": None, "email": "reply@example.com"}],
        "bcc": [{"name": "Archive", "email": "archive@example.com"}],
        "textSignature": "-- \nme \u2603", "htmlSignature": "<b>me</b>",
    }
    got = create(account, **props)
    new = got["created"]["n"]
    # what was not sent is told (RFC 8620 5.3)
    assert new == {"id": new["id"], "mayDelete": True}
    assert got["oldState"] != got["newState"]
    is_ = call(account, "Identity/get", {"ids": [new["id"]]})
    assert is_["state"] == got["newState"]
    assert is_["list"] == [{**props, **new}]


def test_create_tells_the_defaults(account):
    got = create(account)["created"]["n"]
    assert got == {
        "id": got["id"], "name": "", "replyTo": None, "bcc": None,
        "textSignature": "", "htmlSignature": "", "mayDelete": True}


def test_an_address_always_has_a_name(account):
    got = create(account, bcc=[{"email": "archive@example.com"}],
                 replyTo=[])["created"]["n"]
    assert got["bcc"] == [{"name": None, "email": "archive@example.com"}]
    assert "replyTo" not in got
    got = call(account, "Identity/get", {"ids": [got["id"]]})["list"][0]
    assert got["bcc"] == [{"name": None, "email": "archive@example.com"}]
    assert got["replyTo"] == []


def test_two_identities_may_have_one_address(account):
    a, b = made(account, name="a"), made(account, name="b")
    assert a != b
    assert {i["name"] for i in call(account, "Identity/get")["list"]} >= {
        "a", "b"}


@pytest.mark.parametrize("email", [
    "somebody@else.example", "nobody@mail.test", "*@mail.test"])
def test_a_strange_address_is_forbiddenFrom(account, email):
    assert refused(account, email=email)["type"] == "forbiddenFrom"


def test_a_catch_all_may_have_any_address_of_its_domain(server):
    domain = f"d{secrets.token_hex(4)}.test"
    ann = person(server, f"@{domain}")
    assert identity(ann, f"*@{domain}")["mayDelete"] is False
    made(ann, email=f"anything@{domain}")
    made(ann, email=f"*@{domain}")
    assert refused(ann, email=f"x@sub.{domain}")["type"] == "forbiddenFrom"


@pytest.mark.parametrize("props,bad", [
    ({"email": "no address"}, ["email"]),
    ({"email": None}, ["email"]),
    ({"email": 3}, ["email"]),
    ({"name": None}, ["name"]),
    ({"name": "a\r\nBcc: x"}, ["name"]),
    ({"replyTo": "a@b"}, ["replyTo"]),
    ({"replyTo": [{"name": "x"}]}, ["replyTo"]),
    ({"replyTo": [{"email": ""}]}, ["replyTo"]),
    ({"bcc": [{"email": "a@b", "more": 1}]}, ["bcc"]),
    ({"bcc": {}}, ["bcc"]),
    ({"textSignature": None, "htmlSignature": []},
     ["htmlSignature", "textSignature"]),
    ({"nonesuch": 1}, ["nonesuch"]),
    ({"id": "I9"}, ["id"]),
    ({"mayDelete": True}, ["mayDelete"]),
])
def test_invalidProperties_names_them_all(account, props, bad):
    got = refused(account, **props)
    assert got["type"] == "invalidProperties"
    assert sorted(got["properties"]) == bad


def test_email_is_needed(account):
    got = call(account, "Identity/set", {"create": {"n": {"name": "x"}}})
    assert got["notCreated"]["n"]["type"] == "invalidProperties"
    assert got["notCreated"]["n"]["properties"] == ["email"]


def test_update_and_null_for_the_default(account):
    id = made(account, name="a", bcc=[{"name": None, "email": "b@c"}])
    got = call(account, "Identity/set", {"update": {id: {
        "name": "new", "textSignature": "sig", "email": account.name}}})
    assert got["updated"] == {id: None}
    is_ = call(account, "Identity/get", {"ids": [id]})["list"][0]
    assert (is_["name"], is_["textSignature"]) == ("new", "sig")
    got = call(account, "Identity/set", {"update": {id: {
        "name": None, "bcc": None}}})
    assert id in got["updated"]
    is_ = call(account, "Identity/get", {"ids": [id]})["list"][0]
    assert (is_["name"], is_["bcc"]) == ("", None)


@pytest.mark.parametrize("patch,type,bad", [
    ({"email": "other@mail.test"}, "invalidProperties", ["email"]),
    ({"id": "I99"}, "invalidProperties", ["id"]),
    ({"mayDelete": False}, "invalidProperties", ["mayDelete"]),
    ({"name": 1}, "invalidProperties", ["name"]),
    ({"nonesuch": 1}, "invalidProperties", ["nonesuch"]),
    ({"bcc/0": None}, "invalidPatch", None),
    ({"name/x": 1}, "invalidPatch", None),
    ({"name": "x", "name/x": 1}, "invalidPatch", None),
    ({"name~2": 1}, "invalidPatch", None),
])
def test_updates_that_are_refused(account, patch, type, bad):
    id = made(account)
    got = call(account, "Identity/set", {"update": {id: patch}})
    assert got["updated"] is None
    assert got["notUpdated"][id]["type"] == type
    if bad:
        assert got["notUpdated"][id]["properties"] == bad


def test_the_signature_of_a_default_can_be_changed(account):
    i = identity(account)
    call(account, "Identity/set", {"update": {
        i["id"]: {"textSignature": "mine"}}})
    is_ = identity(account)
    assert is_ == {**i, "textSignature": "mine"}


def test_destroy_and_notFound(account):
    id = made(account)
    got = call(account, "Identity/set", {
        "destroy": [id, "Inone"],
        "update": {id: {"name": "x"}, "Inother": {"name": "x"}}})
    assert got["destroyed"] == [id]
    assert got["notDestroyed"]["Inone"]["type"] == "notFound"
    assert got["notUpdated"][id]["type"] == "willDestroy"
    assert got["notUpdated"]["Inother"]["type"] == "notFound"
    assert call(account, "Identity/get", {"ids": [id]})["notFound"] == [id]


def test_creation_ids_and_ifInState(account):
    state = call(account, "Identity/get", {"ids": []})["state"]
    got = calls(
        account,
        ("Identity/set", {"ifInState": state,
                          "create": {"a": {"email": account.name}}}),
        ("Identity/set", {"update": {"#a": {"name": "later"}}}),
        ("Identity/set", {"ifInState": state,
                          "create": {"b": {"email": account.name}}}),
        ("Identity/set", {"destroy": ["#a"]}))
    id = got[0][1]["created"]["a"]["id"]
    assert got[1][1]["updated"] == {id: None}
    assert got[2][0] == "error" and got[2][1]["type"] == "stateMismatch"
    assert got[3][1]["destroyed"] == [id]


def test_changes(account):
    first = call(account, "Identity/get", {"ids": []})["state"]
    a, b = made(account, name="a"), made(account, name="b")
    second = call(account, "Identity/get", {"ids": []})["state"]
    got = call(account, "Identity/changes", {"sinceState": first})
    assert sorted(got["created"]) == sorted([a, b])
    assert got["updated"] == got["destroyed"] == []
    assert got["newState"] == second and got["hasMoreChanges"] is False
    call(account, "Identity/set", {"update": {a: {"name": "c"}},
                                   "destroy": [b]})
    got = call(account, "Identity/changes", {"sinceState": second})
    assert (got["created"], got["updated"], got["destroyed"]) == ([], [a],
                                                                  [b])
    # made and gone between is nothing; an update of what is new is a create
    got = call(account, "Identity/changes", {"sinceState": first})
    assert (got["created"], got["updated"], got["destroyed"]) == ([a], [],
                                                                  [])
    assert error(account, "Identity/changes", {
        "sinceState": "x"})["type"] == "cannotCalculateChanges"
    assert error(account, "Identity/changes")["type"] == "invalidArguments"


def test_it_needs_the_capability(account):
    err = error(account, "Identity/get", {}, using=(CORE, MAIL))
    assert err["type"] == "unknownMethod"
    err = error(account, "Identity/query", {})
    assert err["type"] == "unknownMethod"
    got = account.session
    assert got["capabilities"][SUBMISSION] == {}
    own = got["accounts"][account.id]["accountCapabilities"][SUBMISSION]
    assert own["maxDelayedSend"] > 0
    assert all(isinstance(v, list)
               for v in own["submissionExtensions"].values())
    assert got["primaryAccounts"][SUBMISSION] == account.id


def test_too_much_is_refused_by_name(account):
    got = refused(account, textSignature="x" * (1 << 20))
    assert got["type"] == "tooLarge"
    got = call(account, "Identity/set", {"create": {
        f"n{i}": {"email": account.name} for i in range(210)}})
    types = {e["type"] for e in got["notCreated"].values()}
    assert types == {"overQuota"}
    assert 190 <= len(got["created"]) <= 200


def test_an_address_that_goes_leaves_the_identity_to_the_user(server):
    other = f"o{secrets.token_hex(4)}@mail.test"
    ann = person(server, other)
    i = identity(ann, other)
    assert i["mayDelete"] is False
    server.admin().http.patch(
        f"{server.url}/api/principal/{ann.name}",
        data=json.dumps([{"action": "removeItem", "field": "emails",
                          "value": other}])).raise_for_status()

    now = identity(ann, other)
    assert now == {**i, "mayDelete": True}
    assert refused(ann, email=other)["type"] == "forbiddenFrom"
    got = call(ann, "Identity/set", {"destroy": [i["id"]]})
    assert got["destroyed"] == [i["id"]]
    with pytest.raises(AssertionError):
        identity(ann, other)


def test_they_survive_a_restart(new_server):
    server = new_server()
    ann = person(server)
    id = made(ann, name="kept", bcc=[{"name": None, "email": "b@c"}])
    state = call(ann, "Identity/get", {"ids": []})["state"]
    server.stop()
    server.start()
    ann._session = None
    got = call(ann, "Identity/get", {"ids": [id]})
    assert got["state"] == state
    assert got["list"][0]["name"] == "kept"
    server.jmapctl("check", ann.name)


def test_method_errors(account):
    with pytest.raises(MethodError) as e:
        call(account, "Identity/get", {"accountId": "unobody"})
    assert e.value.type == "accountNotFound"
    err = error(account, "Identity/set", {"create": {"": {}}})
    assert err["type"] == "invalidArguments"
    err = error(account, "Identity/get", {
        "ids": [f"I{i}" for i in range(501)]})
    assert err["type"] == "requestTooLarge"
