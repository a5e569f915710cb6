# SPDX-License-Identifier: ISC
"""RFC 8620 sections 1 to 4, sentence by sentence: ids, capabilities, the
Request and Response objects, references to earlier results.  What
test_jmap_core.py shows already is not shown again."""

import json
import pathlib
import re

import pytest

from helpers import CORE, MAIL, message, wait_for

WEBSOCKET = "urn:ietf:params:jmap:websocket"


def one(account, name, args, using=(CORE, MAIL), **more):
    """One call as it is; the whole response object."""
    return account.request([[name, args, "c"]], using, **more)


def error(account, name, args):
    got = account.calls((name, args))[0]
    assert got[0] == "error", got
    return got[1]["type"]


def ref(of, name, path):
    return {"resultOf": of, "name": name, "path": path}


# --- using (3.3 and its erratum, 1.8)

def test_core_must_be_in_using(account):
    """The erratum to 3.3: core stands for the document and MUST be listed;
    1.8: what is not listed is not there, so no method is."""
    for using in [], [MAIL]:
        got = account.request([["Core/echo", {}, "a"],
                               ["Mailbox/get", {"accountId": account.id},
                                "b"]], using)
        for r in got["methodResponses"]:
            assert r[0] == "error" and r[1]["type"] == "unknownMethod"
            assert CORE in r[1]["description"]


def test_using_may_name_more_than_is_used(account):
    got = one(account, "Core/echo", {"x": 1}, (CORE, MAIL, WEBSOCKET, CORE))
    assert got["methodResponses"] == [["Core/echo", {"x": 1}, "c"]]


def test_a_method_of_a_capability_not_in_using_is_unknown(account):
    got = account.request([
        ["Email/get", {"accountId": account.id, "ids": []}, "a"],
        ["Core/echo", {}, "b"]], [CORE])["methodResponses"]
    assert got[0][1]["type"] == "unknownMethod"
    assert got[1] == ["Core/echo", {}, "b"]


# --- the request and the response

def test_unknown_members_of_the_request_are_ignored(account):
    got = one(account, "Core/echo", {}, later={"a": [1]}, id="x")
    assert got["methodResponses"] == [["Core/echo", {}, "c"]]
    assert set(got) == {"methodResponses", "sessionState"}


def test_session_state_is_on_every_answer(account):
    state = account.session["state"]
    for calls in ([], [["Core/echo", {}, "a"]], [["No/such", {}, "a"]],
                  [["Mailbox/get", {"accountId": "u99999"}, "a"]]):
        assert account.request(calls)["sessionState"] == state


def test_session_state_changes_with_the_session(new_server):
    """2: if the value of any other property changes, this changes."""
    server = new_server("limits { max-objects-in-get = 400 }\n")
    account = server.adduser()
    before = account.session
    conf = pathlib.Path(server.dir, "jmapd.conf")
    conf.write_text(conf.read_text().replace(
        "max-objects-in-get = 400", "max-objects-in-get = 300"))
    server.jmapctl("reload")

    def changed():
        account._session = None
        return account.session["capabilities"][CORE][
            "maxObjectsInGet"] == 300
    wait_for(changed)
    assert account.session["state"] != before["state"]
    assert account.request([])["sessionState"] == account.session["state"]


def test_calls_are_answered_in_order_with_their_ids(account):
    calls = [["Core/echo", {"n": i}, f"id {i} \u2028"] for i in range(9)]
    assert account.request(calls)["methodResponses"] == calls
    same = [["Core/echo", {"n": i}, ""] for i in range(3)]
    assert account.request(same)["methodResponses"] == same


def test_an_error_does_not_change_anything(account):
    """3.6.2: with an error at the method level nothing has changed."""
    state = account.call("Mailbox/get", {"ids": []})["state"]
    got = account.calls(("Mailbox/set", {
        "create": {"a": {"name": "a"}}, "nonsense": 1}))
    assert got[0][1]["type"] == "invalidArguments"
    assert account.call("Mailbox/get", {"ids": []})["state"] == state


# --- omitted and wrong arguments (3.5, 3.9)

@pytest.mark.parametrize("name, args", [
    ("Mailbox/get", {"ids": "M1"}), ("Mailbox/get", {"ids": [1]}),
    ("Mailbox/get", {"ids": [""]}), ("Mailbox/get", {"ids": ["a b"]}),
    ("Mailbox/get", {"ids": ["x" * 256]}),
    ("Mailbox/get", {"properties": "name"}),
    ("Mailbox/get", {"properties": ["nope"]}),
    ("Mailbox/get", {"properties": [1]}),
    ("Mailbox/get", {"accountId": 1}), ("Mailbox/get", {"nope": 1}),
    ("Mailbox/changes", {}), ("Mailbox/changes", {"sinceState": None}),
    ("Mailbox/changes", {"sinceState": 1}),
    ("Mailbox/changes", {"sinceState": "0", "maxChanges": 0}),
    ("Mailbox/changes", {"sinceState": "0", "maxChanges": -1}),
    ("Mailbox/changes", {"sinceState": "0", "maxChanges": 1.5}),
    ("Mailbox/changes", {"sinceState": "0", "maxChanges": "1"}),
    ("Mailbox/set", {"create": []}), ("Mailbox/set", {"create": {"a": 1}}),
    ("Mailbox/set", {"create": {"a b": {}}}),
    ("Mailbox/set", {"update": {"a": None}}),
    ("Mailbox/set", {"destroy": "M1"}), ("Mailbox/set", {"destroy": [1]}),
    ("Mailbox/set", {"ifInState": 1}),
    ("Mailbox/set", {"onDestroyRemoveEmails": None}),
    ("Mailbox/query", {"sortAsTree": 1}),
    ("Mailbox/query", {"filterAsTree": "yes"}),
    ("Email/query", {"filter": []}), ("Email/query", {"filter": {
        "operator": "XOR", "conditions": []}}),
    ("Email/query", {"filter": {"operator": "AND"}}),
    ("Email/query", {"filter": {"operator": "AND", "conditions": [1]}}),
    ("Email/query", {"filter": {"operator": "AND", "conditions": [],
                                "inMailbox": "M1"}}),
    ("Email/query", {"filter": {"inMailbox": 1}}),
    ("Email/query", {"filter": {"inMailboxOtherThan": "M1"}}),
    ("Email/query", {"filter": {"before": "2024-01-01"}}),
    ("Email/query", {"filter": {"after": "2024-01-01T00:00:00+01:00"}}),
    ("Email/query", {"filter": {"minSize": -1}}),
    ("Email/query", {"filter": {"maxSize": "1"}}),
    ("Email/query", {"filter": {"hasAttachment": 1}}),
    ("Email/query", {"filter": {"text": None}}),
    ("Email/query", {"filter": {"header": []}}),
    ("Email/query", {"filter": {"header": ["a", "b", "c"]}}),
    ("Email/query", {"filter": {"header": "Subject"}}),
    ("Email/query", {"sort": {"property": "receivedAt"}}),
    ("Email/query", {"sort": [{}]}), ("Email/query", {"sort": ["size"]}),
    ("Email/query", {"sort": [{"property": "size", "isAscending": 1}]}),
    ("Email/query", {"sort": [{"property": "size", "collation": 1}]}),
    ("Email/query", {"sort": [{"property": "hasKeyword"}]}),
    ("Email/query", {"position": "0"}), ("Email/query", {"position": 1.5}),
    ("Email/query", {"anchor": 5}), ("Email/query", {"anchorOffset": "1"}),
    ("Email/query", {"limit": -1}), ("Email/query", {"limit": "1"}),
    ("Email/query", {"calculateTotal": None}),
    ("Email/query", {"collapseThreads": "no"}),
    ("Email/queryChanges", {}),
    ("Email/queryChanges", {"sinceQueryState": "0", "maxChanges": -1}),
    ("Email/queryChanges", {"sinceQueryState": "0", "upToId": 1}),
    ("Email/get", {"ids": [], "bodyProperties": ["nope"]}),
    ("Email/get", {"ids": [], "maxBodyValueBytes": -1}),
    ("Email/get", {"ids": [], "fetchAllBodyValues": 1}),
    ("Email/import", {}), ("Email/import", {"emails": []}),
    ("Email/import", {"emails": {"a": 1}}),
    ("Email/import", {"emails": {"a b": {}}}),
    ("Email/parse", {}), ("Email/parse", {"blobIds": "G"}),
    ("Email/parse", {"blobIds": [1]}),
])
def test_wrong_arguments_are_named(account, name, args):
    got = account.calls((name, args))[0]
    assert got[0] == "error", got
    assert got[1]["type"] == "invalidArguments", got
    assert got[1]["description"]


def test_null_is_the_default_of_arguments_that_allow_it(account):
    full = account.call("Mailbox/get", {"ids": None, "properties": None})
    assert account.call("Mailbox/get") == full
    assert account.call("Mailbox/changes", {
        "sinceState": full["state"], "maxChanges": None})["updated"] == []
    got = account.call("Mailbox/query", {
        "filter": None, "sort": None, "anchor": None, "limit": None})
    assert len(got["ids"]) == len(full["list"])
    got = account.call("Mailbox/set", {
        "ifInState": None, "create": None, "update": None, "destroy": None})
    assert got["newState"] == full["state"]
    for k in ("created", "updated", "destroyed", "notCreated", "notUpdated",
              "notDestroyed"):
        assert got.get(k) is None


# --- references (3.7)

def test_star_maps_and_flattens(account):
    data = {"list": [{"a": [1, 2]}, {"a": []}, {"a": [3]}], "n": [[4], 5],
            "x/y": {"~": 6}, "e": []}
    for path, want in (("/list/*/a", [1, 2, 3]), ("/list/*/a/*", [1, 2, 3]),
                       ("/list/1/a", []), ("/list/0", {"a": [1, 2]}),
                       ("/n/*", [4, 5]), ("/n/*/0", None),
                       ("/x~1y/~0", 6), ("", data), ("/e/*", []),
                       ("/list/*", data["list"]), ("/list/-", None),
                       ("/list/01/a", None), ("/list/3", None),
                       ("/x~1y/*", None), ("/x~2y", None), ("list", None),
                       ("/list/*/b", None)):
        got = account.calls(("Core/echo", data), ("Core/echo", {
            "#v": ref("0", "Core/echo", path)}))[1]
        if want is None:
            assert got[1]["type"] == "invalidResultReference", path
        else:
            assert got[1] == {"v": want}, path


def test_a_reference_is_to_the_first_answer_with_its_id(account):
    got = account.request([
        ["Core/echo", {"v": 1}, "same"], ["Core/echo", {"v": 2}, "same"],
        ["Core/echo", {"#v": ref("same", "Core/echo", "/v")}, "x"],
        ["No/such", {}, "bad"], ["Core/echo", {"v": 3}, "bad"],
        ["Core/echo", {"#v": ref("bad", "Core/echo", "/v")}, "y"],
        ["Core/echo", {"#v": ref("bad", "error", "/type")}, "z"],
        ["Core/echo", {"#v": ref("later", "Core/echo", "/v")}, "w"],
        ["Core/echo", {"v": 4}, "later"],
    ])["methodResponses"]
    assert got[2][1] == {"v": 1}
    assert got[5][1]["type"] == "invalidResultReference"
    assert got[6][1] == {"v": "unknownMethod"}
    assert got[7][1]["type"] == "invalidResultReference"


def test_the_same_argument_in_both_forms(account):
    got = account.calls(("Core/echo", {"v": 1}), ("Core/echo", {
        "v": 2, "#v": ref("0", "Core/echo", "/v")}))[1]
    assert got[1]["type"] == "invalidArguments"


@pytest.mark.parametrize("bad", [
    None, 1, "x", [], {}, {"resultOf": "0", "name": "Core/echo"},
    {"resultOf": "0", "path": "/v"}, {"name": "Core/echo", "path": "/v"},
    {"resultOf": 0, "name": "Core/echo", "path": "/v"}])
def test_what_is_no_result_reference(account, bad):
    got = account.calls(("Core/echo", {"v": 1}), ("Core/echo", {"#v": bad}))
    assert got[1][1]["type"] in ("invalidResultReference",
                                 "invalidArguments")


def test_references_are_bounded(account):
    """A small request must not make a large answer of itself."""
    data = {"a": [[i] * 100 for i in range(100)]}
    calls = [["Core/echo", data, "0"]]
    for i in range(1, 12):
        r = ref(str(i - 1), "Core/echo", "/a" if i == 1 else "/a/*")
        calls.append(["Core/echo", {"a": [0], "#b": r}, str(i)])
    got = account.request(calls)["methodResponses"]
    assert len(got) == 12
    bomb = [["Core/echo", {"x": ["y" * 1000] * 1000}, "0"]]
    for i in range(1, 16):
        bomb.append(["Core/echo", {
            "#a": ref(str(i - 1), "Core/echo", ""),
            "#b": ref(str(i - 1), "Core/echo", "")}, str(i)])
    r = account.post({"using": [CORE], "methodCalls": bomb})
    assert len(r.content) < 100 << 20
    assert r.json()["methodResponses"][-1][0] == "error"


def test_updated_properties_may_be_referred_to(account):
    """The example of RFC 8621 2.6."""
    box = account.mailbox()
    state = account.call("Mailbox/get", {"ids": []})["state"]
    account.add_mail(message())
    got = account.calls(
        ("Mailbox/changes", {"sinceState": state}),
        ("Mailbox/get", {"#ids": ref("0", "Mailbox/changes", "/created")}),
        ("Mailbox/get", {"#ids": ref("0", "Mailbox/changes", "/updated"),
                         "#properties": ref("0", "Mailbox/changes",
                                            "/updatedProperties")}))
    assert got[1][1]["list"] == []
    assert got[2][1]["list"] == [{
        "id": box, "totalEmails": 1, "unreadEmails": 1, "totalThreads": 1,
        "unreadThreads": 1}]


# --- creation ids (3.3, 5.3)

def test_a_reused_creation_id_is_the_latest(account):
    got = account.request([
        ["Mailbox/set", {"accountId": account.id, "create": {
            "k": {"name": "first"}}}, "0"],
        ["Mailbox/set", {"accountId": account.id, "create": {
            "k": {"name": "second"}}}, "1"],
        ["Mailbox/set", {"accountId": account.id, "create": {
            "kid": {"name": "kid", "parentId": "#k"}}}, "2"]],
        createdIds={"k": "M999", "other": "Mzz"})
    m = [r[1]["created"] for r in got["methodResponses"]]
    assert got["createdIds"] == {"k": m[1]["k"]["id"], "other": "Mzz",
                                 "kid": m[2]["kid"]["id"]}
    kid, = account.call("Mailbox/get", {"ids": [m[2]["kid"]["id"]]})["list"]
    assert kid["parentId"] == m[1]["k"]["id"]


def test_creation_ids_are_one_map_for_all_types(account):
    blob = account.upload(message())["blobId"]
    got = account.request([
        ["Mailbox/set", {"accountId": account.id, "create": {
            "a": {"name": "a"}}}, "0"],
        ["Email/import", {"accountId": account.id, "emails": {
            "a": {"blobId": blob, "mailboxIds": {"#a": True}}}}, "1"],
        ["Email/set", {"accountId": account.id, "update": {
            "#a": {"keywords/x": True}}}, "2"],
        ["Email/set", {"accountId": account.id, "destroy": ["#a"]}, "3"],
        ["Mailbox/set", {"accountId": account.id, "update": {
            "#a": {"name": "b"}}}, "4"]], createdIds={})
    box, mail, upd, gone, bad = [r[1] for r in got["methodResponses"]]
    id = mail["created"]["a"]["id"]
    assert got["createdIds"] == {"a": id}
    assert list(upd["updated"]) == [id]
    assert gone["destroyed"] == [id]
    assert bad["notUpdated"]["#a"]["type"] == "notFound"


def test_creates_come_before_what_refers_to_them(account):
    """5.3: in whatever order they stand in the call."""
    got = account.call("Mailbox/set", {"create": {
        "z": {"name": "z", "parentId": "#y"},
        "y": {"name": "y", "parentId": "#x"}, "x": {"name": "x"}},
        "update": {"#z": {"sortOrder": 5}}})
    assert not got["notCreated"] and not got["notUpdated"], got
    made = {k: v["id"] for k, v in got["created"].items()}
    boxes = {b["id"]: b for b in account.mailboxes()}
    assert boxes[made["z"]]["parentId"] == made["y"]
    assert boxes[made["y"]]["parentId"] == made["x"]
    assert boxes[made["z"]]["sortOrder"] == 5
    assert list(got["updated"]) == [made["z"]]


def test_an_unknown_creation_id_is_no_record(account):
    got = account.call("Mailbox/set", {
        "create": {"a": {"name": "a", "parentId": "#nope"}},
        "update": {"#nope": {"name": "b"}}, "destroy": ["#nope"]})
    assert got["notCreated"]["a"]["type"] == "invalidProperties"
    assert got["notCreated"]["a"]["properties"] == ["parentId"]
    assert got["notUpdated"]["#nope"]["type"] == "notFound"
    assert got["notDestroyed"]["#nope"]["type"] == "notFound"


def test_a_cycle_of_creates_is_refused(account):
    got = account.call("Mailbox/set", {"create": {
        "a": {"name": "a", "parentId": "#b"},
        "b": {"name": "b", "parentId": "#a"}, "c": {"name": "c"}}})
    assert set(got["created"]) == {"c"}
    assert {e["type"] for e in got["notCreated"].values()} == {
        "invalidProperties"}


@pytest.mark.parametrize("bad", [[], 1, {"a b": "M1"}, {"a": "M 1"},
                                 {"a": None}, {"": "M1"}])
def test_created_ids_that_are_none(account, bad):
    r = account.post({"using": [CORE], "methodCalls": [],
                      "createdIds": bad})
    assert r.status_code == 400
    assert r.json()["type"].endswith(":notRequest")


# --- ids, dates and numbers (1.2 to 1.5)

def test_ids_are_safe_to_use_anywhere(account):
    id = account.add_mail(message(subject="x"))
    e, = account.call("Email/get", {"ids": [id], "properties": [
        "threadId", "blobId", "mailboxIds"]})["list"]
    for i in [id, e["threadId"], e["blobId"], account.id,
              *e["mailboxIds"]]:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,254}", i), i
        assert i.upper() != "NIL"


def test_numbers_come_back_as_they_are(account):
    args = {"a": [0, -1, 9007199254740991, -9007199254740991, 1.5, 1e300,
                  -0.25]}
    got = one(account, "Core/echo", args)["methodResponses"][0][1]
    assert got == args
    for bad in "9007199254740992", "-9007199254740992", "1e999":
        r = account.post('{"using":["%s"],"methodCalls":[["Core/echo",'
                         '{"a":%s},"0"]]}' % (CORE, bad))
        assert r.status_code == 400, bad


def test_received_at_is_normal_utc(account):
    id = account.add_mail(message(), received="2024-02-29T23:59:59Z")
    e, = account.call("Email/get", {"ids": [id], "properties": [
        "receivedAt", "sentAt"]})["list"]
    assert e["receivedAt"] == "2024-02-29T23:59:59Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)",
                        e["sentAt"])
    blob = account.upload(message())["blobId"]
    for bad in ("2024-02-30T00:00:00Z", "2024-02-29t00:00:00z",
                "2024-02-29T00:00:00+00:00", "2024-02-29 00:00:00Z",
                "2024-02-29T00:00Z", ""):
        got = account.call("Email/import", {"emails": {"a": {
            "blobId": blob, "mailboxIds": {account.mailbox(): True},
            "receivedAt": bad}}})
        assert got["notCreated"]["a"]["properties"] == ["receivedAt"], bad
    # what JavaScript writes is taken, and given back in the normal form
    id = account.add_mail(message(), received="2024-02-29T01:02:03.000Z")
    e, = account.call("Email/get", {"ids": [id], "properties": [
        "receivedAt"]})["list"]
    assert e["receivedAt"] == "2024-02-29T01:02:03Z"


def test_names_are_case_sensitive(account):
    assert error(account, "mailbox/get", {}) == "unknownMethod"
    assert error(account, "Mailbox/get", {"IDS": []}) == "invalidArguments"
    got = one(account, "Mailbox/get", {"accountID": account.id})
    assert got["methodResponses"][0][1]["type"] == "invalidArguments"


def test_answers_are_i_json_in_utf8(account):
    id = account.add_mail(b"Subject: \xff\xfe bad\r\n\r\n\xc3(\xa0\r\n")
    r = account.post({"using": [CORE, MAIL], "methodCalls": [
        ["Email/get", {"accountId": account.id, "ids": [id],
                       "properties": ["headers", "subject", "preview",
                                      "bodyValues"],
                       "fetchAllBodyValues": True}, "\ufffd"]]})
    text = r.content.decode("utf-8")

    def pairs(p):
        assert len(dict(p)) == len(p)
        return dict(p)
    json.loads(text, object_pairs_hook=pairs, parse_constant=pytest.fail)


# --- what a session says (2)

def test_every_capability_of_an_account_works(account):
    s = account.session
    acc = s["accounts"][account.id]
    assert CORE not in s["primaryAccounts"]
    for urn, id in s["primaryAccounts"].items():
        assert urn in s["accounts"][id]["accountCapabilities"]
    mail = acc["accountCapabilities"][MAIL]
    assert set(mail) >= {"maxMailboxesPerEmail", "maxMailboxDepth",
                         "maxSizeMailboxName", "maxSizeAttachmentsPerEmail",
                         "emailQuerySortOptions", "mayCreateTopLevelMailbox"}
    assert s["capabilities"][MAIL] == {}
    assert mail["maxSizeMailboxName"] >= 100
    got = account.request([], list(s["capabilities"]))
    assert got["methodResponses"] == []


def test_every_collation_and_sort_that_is_advertised_works(account):
    core = account.session["capabilities"][CORE]
    mail = account.session["accounts"][account.id]["accountCapabilities"][
        MAIL]
    for p in mail["emailQuerySortOptions"]:
        for c in core["collationAlgorithms"]:
            s = {"property": p, "collation": c}
            if p.endswith("eyword"):
                s["keyword"] = "$seen"
            account.call("Email/query", {"sort": [s]})
    for c in core["collationAlgorithms"]:
        account.call("Mailbox/query", {"sort": [{"property": "name",
                                                 "collation": c}]})
