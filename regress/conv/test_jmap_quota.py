# SPDX-License-Identifier: ISC
"""RFC 9425: quotas are told, and kept, by JMAP and by LMTP."""

import pytest

from helpers import CORE, MAIL, MethodError, message

QUOTA = "urn:ietf:params:jmap:quota"
LIMIT = 20000
ALL = (CORE, MAIL, QUOTA)


def call(account, name, args, using=ALL):
    got = account.request([[name, {"accountId": account.id, **args}, "0"]],
                          using=using)["methodResponses"][0]
    if got[0] == "error":
        raise MethodError(got[1])
    return got[1]


def limit(server, account, octets):
    r = server.admin().http.patch(
        f"{server.url}/api/principal/{account.name}",
        json=[{"action": "set", "field": "quota", "value": octets}])
    assert r.status_code == 200, r.text


@pytest.fixture
def small(server):
    account = server.adduser()
    limit(server, account, LIMIT)
    return account


def get(account, **args):
    return call(account, "Quota/get", {"ids": None, **args})


def test_capability(account):
    s = account.session
    assert s["capabilities"][QUOTA] == {}
    assert s["accounts"][account.id]["accountCapabilities"][QUOTA] == {}


def test_no_limit_is_no_object(account):
    got = get(account)
    assert got["list"] == [] and got["notFound"] == []


def test_the_object(small):
    got = get(small)["list"]
    assert len(got) == 1
    id = got[0].pop("id")
    assert got[0] == {
        "resourceType": "octets", "scope": "account", "types": ["Email"],
        "name": "mail", "description": None, "used": 0, "hardLimit": LIMIT,
        "warnLimit": LIMIT * 9 // 10, "softLimit": None}
    data = message()
    mail = small.add_mail(data)
    got = get(small, ids=[id, "Q77"], properties=["used"])
    assert got["list"] == [{"id": id, "used": len(data)}]
    assert got["notFound"] == ["Q77"]
    small.call("Email/set", {"destroy": [mail]})
    assert get(small)["list"][0]["used"] == 0


def test_types_that_the_client_does_not_use_are_left_out(small):
    got = call(small, "Quota/get", {"ids": None}, using=(CORE, QUOTA))
    assert got["list"] == []
    got = call(small, "Quota/get", {"ids": ["Q1"]}, using=(CORE, QUOTA))
    assert got["notFound"] == ["Q1"]


def test_methods_need_the_capability(small):
    with pytest.raises(MethodError) as e:
        call(small, "Quota/get", {"ids": None}, using=(CORE, MAIL))
    assert e.value.type == "unknownMethod"


def test_changes_of_use_alone_are_named(small):
    first = get(small)
    same = call(small, "Quota/changes", {"sinceState": first["state"]})
    assert same["updated"] == [] and same["updatedProperties"] is None
    small.add_mail(message())
    got = small.request([
        ["Quota/changes", {"accountId": small.id,
                           "sinceState": first["state"]}, "0"],
        ["Quota/get", {"accountId": small.id,
                       "#ids": {"resultOf": "0", "name": "Quota/changes",
                                "path": "/updated"},
                       "#properties": {"resultOf": "0",
                                       "name": "Quota/changes",
                                       "path": "/updatedProperties"}}, "1"],
    ], using=ALL)["methodResponses"]
    assert got[0][1]["updatedProperties"] == ["used"]
    assert got[0][1]["updated"] == [first["list"][0]["id"]]
    assert set(got[1][1]["list"][0]) == {"id", "used"}


def test_another_limit_is_a_change_of_all(server, small):
    first = get(small)
    limit(server, small, 2 * LIMIT)
    got = call(small, "Quota/changes", {"sinceState": first["state"]})
    assert got["updated"] == [first["list"][0]["id"]]
    assert got["updatedProperties"] is None
    assert get(small)["list"][0]["hardLimit"] == 2 * LIMIT
    limit(server, small, 0)
    got = call(small, "Quota/changes", {"sinceState": first["state"]})
    assert got["destroyed"] == [first["list"][0]["id"]]
    assert get(small)["list"] == []


@pytest.mark.parametrize("filter,found", [
    (None, 1), ({}, 1), ({"name": "ai"}, 1), ({"name": "x"}, 0),
    ({"scope": "account"}, 1), ({"scope": "domain"}, 0),
    ({"resourceType": "octets"}, 1), ({"resourceType": "count"}, 0),
    ({"type": "Email"}, 1), ({"type": "Mail"}, 0),
    ({"operator": "NOT", "conditions": [{"type": "Email"}]}, 0)])
def test_query(small, filter, found):
    for sort in None, [{"property": "name"}], [{"property": "used",
                                               "isAscending": False}]:
        got = call(small, "Quota/query", {"filter": filter, "sort": sort,
                                          "calculateTotal": True})
        assert len(got["ids"]) == got["total"] == found


@pytest.mark.parametrize("args,type", [
    ({"filter": {"nope": 1}}, "unsupportedFilter"),
    ({"filter": {"name": 1}}, "invalidArguments"),
    ({"sort": [{"property": "scope"}]}, "unsupportedSort")])
def test_query_of_what_there_is_not(small, args, type):
    with pytest.raises(MethodError) as e:
        call(small, "Quota/query", args)
    assert e.value.type == type


def test_query_changes(server):
    account = server.adduser()
    first = call(account, "Quota/query", {})
    assert first["canCalculateChanges"]
    limit(server, account, LIMIT)
    got = call(account, "Quota/queryChanges",
               {"sinceQueryState": first["queryState"]})
    assert [a["index"] for a in got["added"]] == [0]
    assert got["removed"] == []


def fill(account):
    """All but 100 octets of it."""
    used = get(account)["list"][0]["used"]
    data = message()
    data += b"x" * (LIMIT - used - 100 - len(data) - 2) + b"\r\n"
    account.add_mail(data)
    assert get(account)["list"][0]["used"] == LIMIT - 100


def test_what_is_not_returned_is_not_found(small):
    """4.1: "MUST NOT return Quota objects for which there are no types
    recognized by the client"."""
    few = (CORE, QUOTA)
    assert call(small, "Quota/query", {})["ids"] != []
    got = call(small, "Quota/query", {"calculateTotal": True}, few)
    assert got["ids"] == [] and got["total"] == 0
    got = call(small, "Quota/queryChanges", {"sinceQueryState": "0"}, few)
    assert got["added"] == [] and got["removed"] == []


def test_what_is_not_returned_does_not_change(server, small):
    """4.1 and RFC 8620 5.2: /changes leads to the set that /get returns,
    which is empty for who does not use mail."""
    few = (CORE, QUOTA)
    empty = call(server.adduser(), "Quota/get", {"ids": None}, few)["state"]

    def changes(since, using):
        got = call(small, "Quota/changes", {"sinceState": since}, using)
        return (got["created"], got["updated"], got["destroyed"],
                got["updatedProperties"], got["newState"])

    first = get(small)
    id = first["list"][0]["id"]
    for since in empty, first["state"]:
        small.add_mail(message())
        assert call(small, "Quota/get", {"ids": None}, few)["list"] == []
        *named, state = changes(since, few)
        assert named == [[], [], [], None]
        assert state == get(small)["state"] != since
    assert changes(empty, ALL)[0] == [id]
    assert changes(first["state"], ALL)[1:4] == ([id], [], ["used"])
    # whoever had it, with mail, may let it go
    limit(server, small, 0)
    assert changes(first["state"], few)[:3] == ([], [], [id])


def test_a_changed_use_counts_in_a_sort_by_it(small):
    """RFC 8620 5.6: "the server MUST include all Foos in the current results
    for which this property may have changed"."""
    sort = [{"property": "used"}]
    old = call(small, "Quota/query", {"sort": sort})
    small.add_mail(message())
    got = call(small, "Quota/queryChanges", {
        "sinceQueryState": old["queryState"], "sort": sort})
    assert got["removed"] == old["ids"]
    assert got["added"] == [{"id": old["ids"][0], "index": 0}]
    got = call(small, "Quota/queryChanges", {
        "sinceQueryState": old["queryState"],
        "sort": [{"property": "name"}]})
    assert got["removed"] == [] and got["added"] == []


def test_import_over_it(small):
    fill(small)
    blob = small.upload(message())["blobId"]
    inbox = small.mailbox()
    state = small.call("Email/get", {"ids": []})["state"]
    got = small.call("Email/import", {"emails": {"m": {
        "blobId": blob, "mailboxIds": {inbox: True}}}})
    assert got["notCreated"]["m"]["type"] == "overQuota"
    assert got["newState"] == state
    assert get(small)["list"][0]["used"] == LIMIT - 100
    tiny = small.upload(b"Subject: t\r\n\r\n")["blobId"]
    got = small.call("Email/import", {"emails": {
        "m": {"blobId": blob, "mailboxIds": {inbox: True}},
        "t": {"blobId": tiny, "mailboxIds": {inbox: True}}}})
    assert list(got["created"]) == ["t"] and list(got["notCreated"]) == ["m"]


def test_create_over_it(small):
    fill(small)
    inbox = small.mailbox()
    got = small.call("Email/set", {"create": {"e": {
        "mailboxIds": {inbox: True}, "subject": "s",
        "bodyValues": {"1": {"value": "v" * 200}},
        "textBody": [{"partId": "1", "type": "text/plain"}]}}})
    assert got["notCreated"]["e"]["type"] == "overQuota"


def test_what_is_there_can_be_changed_and_destroyed(server, small):
    mail = small.add_mail(message())
    limit(server, small, 1)
    got = small.call("Email/set", {"update": {mail: {"keywords/$seen":
                                                     True}}})
    assert got["updated"] == {mail: None}
    got = small.call("Email/set", {"destroy": [mail]})
    assert got["destroyed"] == [mail]


def test_default_quota(new_server):
    server = new_server('store { sync = off default-quota = 5000 }\n')
    account = server.adduser()
    assert get(account)["list"][0]["hardLimit"] == 5000
    with server.lmtp_client() as c:
        c.lhlo()
        replies = c.deliver(message(body="x" * 6000 + "\r\n"), [account.name])
    assert all(r[0] in (452, 552) for r in replies), replies
    limit(server, account, LIMIT)
    assert get(account)["list"][0]["hardLimit"] == LIMIT
