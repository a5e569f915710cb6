# SPDX-License-Identifier: ISC
"""RFC 8620: session, request object, errors, back references, over HTTPS."""

import base64
import json

import pytest
import requests

from helpers import CORE, MAIL, MethodError, exchange, message

ERR = "urn:ietf:params:jmap:error:"


def problem(r, status, type, **members):
    assert r.status_code == status, r.text
    assert r.headers["Content-Type"] == "application/problem+json"
    got = r.json()
    assert got["type"] == type
    assert got["status"] == status
    for k, v in members.items():
        assert got[k] == v
    return got


def test_session_names_resources_of_this_server(account):
    s = account.session
    base = account.server.url
    assert s["apiUrl"].startswith(base)
    for url, words in (("downloadUrl", ("accountId", "blobId", "type",
                                        "name")),
                       ("uploadUrl", ("accountId",)),
                       ("eventSourceUrl", ("types", "closeafter", "ping"))):
        assert s[url].startswith(base)
        for w in words:
            assert "{" + w + "}" in s[url]
    assert s["username"] == account.name
    acc = s["accounts"][s["primaryAccounts"][MAIL]]
    assert acc["isPersonal"] is True and acc["isReadOnly"] is False
    # RFC 9670 1.5.2: that one is of accounts alone
    assert set(acc["accountCapabilities"]) - {
        "urn:ietf:params:jmap:principals:owner"} <= set(s["capabilities"])
    core = s["capabilities"][CORE]
    for limit in ("maxSizeUpload", "maxConcurrentUpload", "maxSizeRequest",
                  "maxConcurrentRequests", "maxCallsInRequest",
                  "maxObjectsInGet", "maxObjectsInSet"):
        assert isinstance(core[limit], int) and core[limit] > 0
    assert "i;unicode-casemap" in core["collationAlgorithms"]


def test_session_must_not_be_cached(account):
    r = account.http.get(account.server.url + "/jmap/session")
    assert r.headers["Content-Type"] == "application/json"
    assert "no-store" in r.headers["Cache-Control"]


def test_session_state_is_that_of_responses(account):
    got = account.request([["Core/echo", {}, "0"]])
    assert got["sessionState"] == account.session["state"]


def test_everything_needs_a_login(account):
    base = account.server.url
    for method, path in (("get", "/jmap/session"), ("post", "/jmap/"),
                         ("post", f"/jmap/upload/{account.id}/"),
                         ("get", f"/jmap/download/{account.id}/G/x")):
        r = requests.request(method, base + path, verify=account.server.ca,
                             data=b"{}" if method == "post" else None,
                             headers={"Content-Type": "application/json"})
        assert r.status_code == 401, path
        assert "WWW-Authenticate" in r.headers


def test_echo(account):
    args = {"hello": True, "list": [1, "two", None, {"x": "é\u2028"}]}
    got = account.request([["Core/echo", args, "a"]], using=[CORE])
    assert got["methodResponses"] == [["Core/echo", args, "a"]]


def test_api_url_without_slash_works(account):
    r = account.http.post(account.server.url + "/jmap", json={
        "using": [CORE], "methodCalls": [["Core/echo", {}, "0"]]})
    assert r.status_code == 200


@pytest.mark.parametrize("body", [
    b"", b"{", b"[1,]", b"{'using':[]}", b'{"using":[],"methodCalls":[]}x',
    b'{"using":[],"using":[],"methodCalls":[]}',
    b'{"using":["\xff"],"methodCalls":[]}',
    b'{"using":["\\ud800"],"methodCalls":[]}',
    b'{"using":[],"methodCalls":[],"n":NaN}',
    b'{"using":[],"methodCalls":[],"n":9007199254740993}',
    b'{"using":[],"methodCalls":[],"n":' + b"[" * 40 + b"]" * 40 + b"}",
    b'\xef\xbb\xbf{"using":[],"methodCalls":[]}',
])
def test_what_is_not_i_json_is_notjson(account, body):
    problem(account.post(body), 400, ERR + "notJSON")


@pytest.mark.parametrize("body", [
    [], 1, None, {}, {"using": [CORE]}, {"methodCalls": []},
    {"using": CORE, "methodCalls": []},
    {"using": [CORE], "methodCalls": {}},
    {"using": [CORE], "methodCalls": [["Core/echo", {}]]},
    {"using": [CORE], "methodCalls": [["Core/echo", [], "0"]]},
    {"using": [CORE], "methodCalls": [], "createdIds": {"a": 1}},
])
def test_what_is_not_a_request_is_notrequest(account, body):
    problem(account.post(json.dumps(body)), 400, ERR + "notRequest")


def test_unknown_capability(account):
    r = account.post({"using": [CORE, "urn:example:nope"],
                      "methodCalls": []})
    problem(r, 400, ERR + "unknownCapability")


def test_too_many_calls(account):
    most = account.session["capabilities"][CORE]["maxCallsInRequest"]
    calls = [["Core/echo", {}, str(i)] for i in range(most)]
    assert len(account.request(calls)["methodResponses"]) == most
    r = account.post({"using": [CORE],
                      "methodCalls": calls + [["Core/echo", {}, "x"]]})
    problem(r, 400, ERR + "limit", limit="maxCallsInRequest")


def test_too_large_a_request(account):
    """Refused by its announced length, before any of it is read."""
    most = account.session["capabilities"][CORE]["maxSizeRequest"]
    login = base64.b64encode(
        f"{account.name}:{account.password}".encode()).decode()
    with account.server.tls() as sock:
        got = exchange(sock, (
            "POST /jmap/ HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Basic {login}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {most + 1}\r\n\r\n").encode(), b"}")
    head, body = got.split(b"\r\n\r\n", 1)
    assert head.split(b" ")[1] in (b"400", b"413"), got
    got = json.loads(body)
    assert got["type"] == ERR + "limit"
    assert got["limit"] == "maxSizeRequest"


@pytest.mark.parametrize("type", ["text/plain", "application/jsonp",
                                  "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(account, type):
    r = account.post({"using": [CORE], "methodCalls": []},
                     headers={"Content-Type": type})
    assert r.status_code == 415, r.text
    assert r.headers["Content-Type"] == "application/problem+json"


def test_a_charset_beside_the_type_is_fine(account):
    r = account.post({"using": [CORE], "methodCalls": []}, headers={
        "Content-Type": "Application/JSON; charset=utf-8"})
    assert r.status_code == 200


def test_get_of_the_api_is_not_allowed(account):
    r = account.http.get(account.server.url + "/jmap/")
    assert r.status_code == 405
    assert "POST" in r.headers["Allow"]


def test_method_errors_stay_inside(account):
    got = account.request([
        ["No/such", {}, "a"],
        ["Mailbox/get", {}, "b"],
        ["Mailbox/get", {"accountId": "u999999"}, "c"],
        ["Core/echo", {"still": "here"}, "d"],
    ])["methodResponses"]
    assert [m[1].get("type") for m in got[:3]] == [
        "unknownMethod", "invalidArguments", "accountNotFound"]
    assert got[3] == ["Core/echo", {"still": "here"}, "d"]


def test_another_users_account_is_not_found(server, account):
    other = server.adduser()
    with pytest.raises(MethodError) as e:
        account.call("Mailbox/get", {"accountId": other.id})
    assert e.value.type == "accountNotFound"
    with pytest.raises(MethodError) as e:
        account.call("Mailbox/set", {"accountId": other.id, "create": {
            "x": {"name": "mine now"}}})
    assert e.value.type == "accountNotFound"


def test_methods_need_their_capability(account):
    got = account.request([["Mailbox/get", {"accountId": account.id}, "0"]],
                          using=[CORE])["methodResponses"]
    assert got[0][0] == "error" and got[0][1]["type"] == "unknownMethod"


def ref(of, name, path):
    return {"resultOf": of, "name": name, "path": path}


def test_list_view_in_one_request(account):
    for i in range(4):
        account.add_mail(message(subject=f"number {i}"))
    box = account.mailbox()
    got = account.calls(
        ("Email/query", {"filter": {"inMailbox": box}, "limit": 3,
                         "collapseThreads": True}),
        ("Email/get", {"#ids": ref("0", "Email/query", "/ids"),
                       "properties": ["threadId", "subject"]}),
        ("Thread/get", {"#ids": ref("1", "Email/get", "/list/*/threadId")}),
        ("Email/get", {"#ids": ref("2", "Thread/get", "/list/*/emailIds"),
                       "properties": ["subject"]}),
        ("Core/echo", {"#x": ref("1", "Email/get", "/list/*/subject")}))
    assert [m[0] for m in got] == ["Email/query", "Email/get", "Thread/get",
                                   "Email/get", "Core/echo"]
    ids = got[0][1]["ids"]
    assert len(ids) == 3
    assert sorted(m["id"] for m in got[1][1]["list"]) == sorted(ids)
    assert len(got[2][1]["list"]) == 3
    assert sorted(m["id"] for m in got[3][1]["list"]) == sorted(ids)
    assert sorted(got[4][1]["x"]) == sorted(
        m["subject"] for m in got[1][1]["list"])


def test_references_that_lead_nowhere(account):
    for r in (ref("9", "Email/query", "/ids"),
              ref("0", "Email/get", "/ids"),
              ref("0", "Email/query", "/nope"),
              ref("0", "Email/query", "/ids/0"), {}, "x"):
        got = account.calls(("Email/query", {"limit": 1}),
                            ("Email/get", {"#ids": r}))
        assert got[1][1]["type"] == "invalidResultReference", r
    got = account.calls(("Email/query", {}), ("Email/get", {
        "ids": [], "#ids": ref("0", "Email/query", "/ids")}))
    assert got[1][1]["type"] == "invalidArguments"


def test_created_ids_cross_requests(account):
    got = account.request(
        [["Mailbox/set", {"accountId": account.id,
                          "create": {"p": {"name": "parent"}}}, "0"]],
        createdIds={})
    ids = got["createdIds"]
    assert ids["p"] == got["methodResponses"][0][1]["created"]["p"]["id"]
    got = account.request(
        [["Mailbox/set", {"accountId": account.id, "create": {
            "k": {"name": "child", "parentId": "#p"}}}, "0"]],
        createdIds=ids)
    kid = got["methodResponses"][0][1]["created"]["k"]["id"]
    assert got["createdIds"] == {"p": ids["p"], "k": kid}
    box = account.call("Mailbox/get", {"ids": [kid]})["list"][0]
    assert box["parentId"] == ids["p"]
    assert "createdIds" not in account.request([["Core/echo", {}, "0"]])


def test_copy_between_accounts_there_are_not(account):
    for args, type in (
            ({"fromAccountId": account.id}, "invalidArguments"),
            ({"fromAccountId": "u99999"}, "fromAccountNotFound"),
            ({}, "invalidArguments")):
        with pytest.raises(MethodError) as e:
            account.call("Blob/copy", {"blobIds": [], **args})
        assert e.value.type == type
