# SPDX-License-Identifier: ISC
"""RFC 8620 section 5: what /get, /changes, /set, /query and /queryChanges do
for any type, asked of every type that has them."""

import base64
import json

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


def strict(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def test_an_object_under_two_names(account):
    """"updated" is a map by real id: one object cannot stand in it twice
    (1.5, I-JSON), so its second patch is refused under the name it has."""
    id = account.add_mail(message())
    patch = {"keywords/a": True}, {"keywords/b": True}
    r = account.post({
        "using": ALL, "createdIds": {"k": id, "j": id},
        "methodCalls": [
            ["Email/set", {"accountId": account.id, "update": {
                id: patch[0], "#k": patch[1]}}, "0"],
            ["Email/set", {"accountId": account.id, "update": {
                "#j": patch[0], "#k": patch[1]}}, "1"],
            ["Email/get", {"accountId": account.id, "ids": [id, "#k", "#j"],
                           "properties": ["keywords"]}, "2"]]})
    got = [g[1] for g in json.loads(r.text, object_pairs_hook=strict)[
        "methodResponses"]]
    for g in got[:2]:
        assert g["updated"] == {id: None}
        assert g["notUpdated"]["#k"]["type"] == "invalidPatch"
    assert got[2]["list"] == [{"id": id, "keywords": {"a": True}}]


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


# --- numbers (1.3)

def test_an_integer_is_one_however_it_is_written(account):
    """1.3: an Int is "an integer in the range ..., represented as a JSON
    Number": 1.0 and 1e0 are 1.  What is echoed keeps its form."""
    for i in range(3):
        account.add_mail(message())
    id = account.id
    body = ('{"using":["%s","%s"],"methodCalls":[["Email/query",'
            '{"accountId":"%s","limit":%s,"position":%s},"0"],'
            '["Core/echo",{"n":[%s,1.50,-0.0]},"1"]]}')
    for one in "1", "1.0", "1e0", "10e-1", "0.1e1":
        r = account.post(body % (CORE, MAIL, id, one, one, one))
        got = r.json()["methodResponses"][0]
        assert got[1].get("position") == 1 and len(got[1]["ids"]) == 1, got
        assert '{"n":[%s,1.50,-0.0]}' % one in r.text
    for bad in "1.5", "1e-1", "-1", "-1.0", "1e300", '"1"':
        r = account.post(body % (CORE, MAIL, id, bad, "0", "1"))
        got = r.json()["methodResponses"][0]
        assert got[1]["type"] == "invalidArguments", bad
    state = call(account, "Email/get", {"ids": []})["state"]
    got = call(account, "Email/changes", {"sinceState": state,
                                          "maxChanges": 1e0})
    assert got["hasMoreChanges"] is False
    got = change(account, "Mailbox", {"create": {"a": {
        "name": "n", "sortOrder": 5.0}}})
    got = call(account, "Mailbox/get", {"ids": [got["created"]["a"]["id"]]})
    assert got["list"][0]["sortOrder"] == 5


# --- /query (5.5)

def test_a_position_is_an_unsigned_int(account):
    """However far the offset: 1.3, at most 2^53-1."""
    id = account.add_mail(message())
    most = 2 ** 53 - 1
    for type, anchor in ("Email", id), ("Mailbox", account.mailbox()):
        got = call(account, type + "/query", {
            "anchor": anchor, "anchorOffset": most, "position": 5})
        assert got["ids"] == [] and got["position"] <= most
        got = call(account, type + "/query", {
            "anchor": anchor, "anchorOffset": -most, "limit": 1})
        assert got["position"] == 0 and got["ids"] != []


@pytest.mark.parametrize("type, text, other", [
    ("Email", "subject", "size"), ("Mailbox", "name", "sortOrder"),
    ("Quota", "name", "used"), ("EmailSubmission", "emailId", "sentAt"),
])
def test_collation_counts_for_strings_only(account, type, text, other):
    """5.5: "When the property being compared is not a string, the
    "collation" property is ignored"."""
    args = {"sort": [{"property": other, "collation": "i;unheard-of"}]}
    call(account, type + "/query", args)
    args["sort"][0]["property"] = text
    with pytest.raises(MethodError) as e:
        call(account, type + "/query", args)
    assert e.value.type == "unsupportedSort"


# --- noncharacters (1.5, RFC 7493 2.1)

NONCHARS = ["\ufffe", "\uffff", "\ufdd0", "\U0001ffff", "\U0010fffe"]


@pytest.mark.parametrize("c", NONCHARS)
def test_noncharacters_are_no_i_json(account, c):
    """1.5: all data MUST be valid I-JSON, either way; RFC 7493 2.1: member
    names and strings MUST NOT include noncharacters."""
    for ascii in True, False:
        for args in {"a": c}, {c: 1}, {"a": [{"b": "x" + c}]}:
            body = json.dumps({"using": [CORE], "methodCalls": [
                ["Core/echo", args, "0"]]}, ensure_ascii=ascii)
            r = account.post(body.encode())
            assert r.status_code == 400
            assert r.json()["type"] == JMAP + "error:notJSON"


def test_a_mail_with_noncharacters_is_told_in_i_json(account):
    bad = "".join(NONCHARS)
    id = account.add_mail(("From: a@b.test\r\nSubject: <%s>\r\nMIME-Version: "
                           "1.0\r\nContent-Type: text/plain; charset=utf-8"
                           "\r\n\r\nbody <%s>\r\n" % (bad, bad)).encode())
    r = account.post({"using": [CORE, MAIL], "methodCalls": [
        ["Email/get", {"accountId": account.id, "ids": [id], "properties": [
            "subject", "preview", "bodyValues", "header:subject:asRaw",
            "headers", "textBody"], "fetchAllBodyValues": True}, "0"],
        ["Email/query", {"accountId": account.id, "sort": [
            {"property": "subject", "collation": "i;octet"}]}, "1"]]})
    text = r.content.decode()
    assert not set(text) & set(NONCHARS)
    got = r.json()["methodResponses"]
    assert "\ufffd" in got[0][1]["list"][0]["subject"]
    assert got[1][1]["ids"] == [id]
    # as text they cannot be had, so there is base64 (RFC 9404 4.2)
    blob = account.upload(bad.encode())["blobId"]
    got = call(account, "Blob/get", {"ids": [blob]})["list"][0]
    assert got["isEncodingProblem"] and "data:asText" not in got
    assert base64.b64decode(got["data:asBase64"]) == bad.encode()


# --- more than one request may have (3.6.1)

@pytest.mark.parametrize("args", [
    {"x": ["a"] * 200001}, {"x": [{}] * 25000}, {f"k{i}": 1 for i in
                                                 range(5000)}])
def test_i_json_that_is_too_much_is_a_limit(account, args):
    """"notJSON" is for what does not parse; this is "limit", with the name
    of the nearest one."""
    body = {"using": [CORE], "methodCalls": [["Core/echo", args, "0"]]}
    r = account.post(body)
    assert r.status_code == 400
    got = r.json()
    assert got["type"] == JMAP + "error:limit"
    assert got["limit"] == "maxSizeRequest" and got["detail"]
