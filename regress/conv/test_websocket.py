# SPDX-License-Identifier: ISC
"""JMAP over WebSocket (RFC 8887, RFC 6455): the handshake, requests and their
errors, pushes, and every way in which it ends."""

import asyncio
import base64
import json
import os
import signal
import ssl
import time

import pytest

from helpers import Server, children, wait_for
from ws_tools import (BINARY, CLOSE, ECHO, PING, PONG, TEXT, Ws, handshake,
                      request)

WS = "urn:ietf:params:jmap:websocket"
MESSAGE = b"From: a@b.test\r\nSubject: hello\r\n\r\nA text.\r\n"
CONF = ("limits { websocket-ping = 2s drain-timeout = 20s "
        "max-size-request = 100000 connections-per-source = 100000 "
        "max-concurrent-requests = 1000 }\n")


@pytest.fixture(scope="module")
def ws_server():
    s = Server(CONF)
    yield s
    s.remove()


@pytest.fixture
def who1(ws_server):
    return ws_server.adduser()


@pytest.fixture(params=["http/1.1", "h2"])
def who(ws_server, request):
    """Each test of frames and messages is made over both."""
    account = ws_server.adduser()
    account.over = request.param
    return account


# --- the handshake

def test_the_session_says_where(who1):
    cap = who1.session["capabilities"][WS]
    assert cap["supportsPush"] is True
    assert cap["url"] == who1.session["apiUrl"].replace(
        "https://", "wss://").replace("/jmap/", "/jmap/ws/")
    assert WS not in who1.session["primaryAccounts"]
    assert WS not in who1.session["accounts"][who1.id]["accountCapabilities"]


def test_the_answer_of_the_handshake(who1):
    with Ws(who1) as ws:
        assert ws.head["upgrade"] == "websocket"
        assert ws.head["connection"] == "Upgrade"
        assert ws.head["sec-websocket-protocol"] == "jmap"
        assert "sec-websocket-extensions" not in ws.head
        assert "content-length" not in ws.head


@pytest.mark.parametrize("fields", [
    {"Connection": "keep-alive, Upgrade"},      # Firefox
    {"Connection": "upgrade"}, {"Upgrade": "WebSocket"},
    {"Upgrade": "h2c, websocket"},
    {"Sec_WebSocket_Protocol": "other, jmap"},
    {"Sec_WebSocket_Extensions": "permessage-deflate"},
    {"Origin": "https://localhost"},
])
def test_a_handshake_in_other_words(who1, fields):
    with Ws(who1, **fields) as ws:
        assert "sec-websocket-extensions" not in ws.head
        ws.say(request([ECHO]))
        assert ws.hear()["methodResponses"] == [ECHO]


@pytest.mark.parametrize("status,fields", [
    (426, {"drop": ["Upgrade"]}), (426, {"drop": ["Connection"]}),
    (426, {"Connection": "close"}), (426, {"Upgrade": "websockets"}),
    (426, {"Sec_WebSocket_Version": "8"}),
    (426, {"drop": ["Sec-WebSocket-Version"]}),
    (400, {"drop": ["Sec-WebSocket-Key"]}),
    (400, {"Sec_WebSocket_Key": "AAAA"}),
    (400, {"Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
    (400, {"drop": ["Sec-WebSocket-Protocol"]}),
    (400, {"Sec_WebSocket_Protocol": "jmapper"}),
    (403, {"Origin": "https://evil.test"}), (403, {"Origin": "null"}),
    (403, {"Origin": "http://localhost"}),
    (403, {"Origin": "https://localhost.evil.test"}),
    (401, {"drop": ["Authorization"]}),
])
def test_a_handshake_that_is_refused(who1, status, fields):
    sock, got, head, rest = handshake(who1, **fields)
    assert got == status
    assert head["content-type"] == "application/problem+json"
    if status == 426:
        assert head["sec-websocket-version"] == "13"
        assert head["upgrade"] == "websocket"
    sock.close()


def test_an_origin_of_the_list_may(new_server):
    one = new_server('http { cors-origins = {"https://web.test"} }\n')
    who = one.adduser()
    with Ws(who, Origin="https://web.test") as ws:
        ws.say(request([ECHO]))
        assert ws.hear()["methodResponses"] == [ECHO]
    sock, status, _, _ = handshake(who, Origin="https://web2.test")
    assert status == 403
    sock.close()


def test_permissive_cors_lets_no_page_in(new_server):
    """A browser would send a password it knows along with it."""
    one = new_server("http { permissive-cors = true }\n")
    sock, status, _, _ = handshake(one.adduser(), Origin="https://web.test")
    assert status == 403
    sock.close()


def test_frames_right_behind_the_handshake_are_not_lost(who1):
    auth = base64.b64encode(f"{who1.name}:{who1.password}".encode()).decode()
    with Ws(who1) as ws:
        frame = ws.frame(TEXT, json.dumps(request([ECHO])).encode())
    head = ("GET /jmap/ws HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Basic {auth}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: jmap\r\n\r\n")
    with who1.server.tls() as sock:
        sock.sendall(head.encode() + frame)
        got = b""
        while b"methodResponses" not in got:
            part = sock.recv(65536)
            assert part, got
            got += part


def test_with_debians_client(who1):
    websockets = pytest.importorskip("websockets")
    auth = base64.b64encode(f"{who1.name}:{who1.password}".encode()).decode()
    ctx = ssl.create_default_context(cafile=who1.server.ca)
    url = who1.session["capabilities"][WS]["url"]

    async def talk():
        async with websockets.connect(
                url, ssl=ctx, subprotocols=["jmap"],
                extra_headers={"Authorization": "Basic " + auth}) as ws:
            assert ws.subprotocol == "jmap"
            assert not ws.extensions
            await ws.send(json.dumps(request([ECHO], id="R1")))
            got = json.loads(await ws.recv())
            assert got["requestId"] == "R1"
            await ws.ping()
    asyncio.run(talk())


# --- requests

def test_a_request_is_answered_with_its_id(who):
    with Ws(who) as ws:
        ws.say(request([ECHO], id="R1"))
        got = ws.hear()
        assert got["@type"] == "Response"
        assert got["requestId"] == "R1"
        assert got["methodResponses"] == [ECHO]
        assert got["sessionState"] == who.session["state"]
        ws.say(request([ECHO]))
        assert "requestId" not in ws.hear()


def test_a_hundred_requests_ahead(who):
    with Ws(who) as ws:
        ws.sock.sendall(b"".join(
            ws.frame(TEXT, json.dumps(request([ECHO], id=str(i))).encode())
            for i in range(100)))
        assert [ws.hear()["requestId"] for _ in range(100)] == \
            [str(i) for i in range(100)]


def test_what_is_changed_here_is_seen_over_http(who):
    with Ws(who) as ws:
        ws.say(request([["Mailbox/set", {"accountId": who.id, "create": {
            "a": {"name": "by socket"}}}, "0"]]))
        made = ws.hear()["methodResponses"][0][1]["created"]["a"]["id"]
        assert who.mailbox(name="by socket") == made


def test_fragments_are_one_message_and_a_ping_may_come_between(who):
    data = json.dumps(request([ECHO], id="\u00e4")).encode()
    with Ws(who) as ws:
        ws.send(TEXT, data[:10], fin=False)
        ws.send(PING, b"hey")
        ws.send(0, data[10:20], fin=False)
        ws.send(0, data[20:])
        assert ws.recv() == (PONG, b"hey")
        assert ws.hear()["requestId"] == "\u00e4"


@pytest.mark.parametrize("text,type,req_id", [
    ("The quick brown fox", "notJSON", None),
    ("[]", "notRequest", None), ("{}", "notRequest", None),
    ('{"@type":"Request","id":"x"}', "notRequest", "x"),
    ('{"@type":"What","id":"x","using":[],"methodCalls":[]}',
     "notRequest", "x"),
    ('{"@type":"Request","id":"x","using":["urn:none"],"methodCalls":[]}',
     "unknownCapability", "x"),
    ('{"id":"x","using":["urn:ietf:params:jmap:core"],"methodCalls":[]}',
     "notRequest", "x"),
    ('{"@type":"Response","id":"x","using":["urn:ietf:params:jmap:core"],'
     '"methodCalls":[]}', "notRequest", "x"),
    ('{"@type":"request","using":["urn:ietf:params:jmap:core"],'
     '"methodCalls":[]}', "notRequest", None),
    ('{"@type":1,"using":["urn:ietf:params:jmap:core"],"methodCalls":[]}',
     "notRequest", None),
    ('{"@type":"Request","id":1,"using":["urn:ietf:params:jmap:core"],'
     '"methodCalls":[]}', "notRequest", None),
    ('{"@type":"Request","id":"x","id":"y","using":[],"methodCalls":[]}',
     "notJSON", None),
    ('{"@type":"Request","id":"x","using":["urn:ietf:params:jmap:core"],'
     '"methodCalls":[]} {}', "notJSON", None),
    ('[{"@type":"Request","id":"x"}]', "notRequest", None),
    ('"WebSocketPushEnable"', "notRequest", None),
    ('{"@type":"StateChange","changed":{}}', "notRequest", None),
    ('{"@type":"WebSocketPushEnable ","dataTypes":null}', "notRequest",
     None),
    ('{"@type":"WebSocketPushEnable","dataTypes":"Email","id":"x"}',
     "notRequest", "x"),
    ('{"@type":"WebSocketPushEnable","dataTypes":{}}', "notRequest", None),
    ('{"@type":"WebSocketPushEnable","dataTypes":["A,B"]}', "notRequest",
     None),
    ('{"@type":"WebSocketPushEnable","dataTypes":[1]}', "notRequest", None),
    ('{"@type":"WebSocketPushEnable","dataTypes":["*"]}', "notRequest",
     None),
    ('{"@type":"WebSocketPushEnable","dataTypes":null,"pushState":1}',
     "notRequest", None),
])
def test_an_error_is_a_message(who, text, type, req_id):
    with Ws(who) as ws:
        ws.send(TEXT, text.encode())
        got = ws.hear()
        assert got["@type"] == "RequestError"
        assert got["type"] == "urn:ietf:params:jmap:error:" + type
        assert got["status"] == 400
        assert got["requestId"] == req_id
        ws.say(request([ECHO]))             # and it goes on
        assert ws.hear()["@type"] == "Response"


def test_created_ids_go_in_and_come_out(who):
    create = [["Mailbox/set", {"accountId": who.id, "create": {
        "a": {"name": "named"}, "b": {"name": "below", "parentId": "#p"}}},
        "0"]]
    with Ws(who) as ws:
        ws.say(request(create, id="x", createdIds={"p": who.mailbox()}))
        got = ws.hear()
        made = got["methodResponses"][0][1]["created"]
        assert got["createdIds"] == {
            "p": who.mailbox(), "a": made["a"]["id"], "b": made["b"]["id"]}
        ws.say(request([ECHO]))
        assert "createdIds" not in ws.hear()


def test_method_errors_are_in_the_response(who):
    with Ws(who) as ws:
        ws.say(request([["No/such", {}, "a"], ECHO], id="m"))
        got = ws.hear()
        assert got["@type"] == "Response"
        assert [r[0] for r in got["methodResponses"]] == ["error",
                                                          "Core/echo"]


def test_limits_are_those_of_http(new_server):
    one = new_server("limits { max-calls-in-request = 2 }\n")
    who = one.adduser()
    with Ws(who) as ws:
        ws.say(request([ECHO] * 3, id="x"))
        got = ws.hear()
        assert (got["type"], got["limit"], got["requestId"]) == \
            ("urn:ietf:params:jmap:error:limit", "maxCallsInRequest", "x")


# --- frames that are not right

@pytest.mark.parametrize("code,frames", [
    (1002, [dict(opcode=TEXT, data=b"{}", mask=False)]),
    (1002, [dict(opcode=TEXT, data=b"{}", rsv=4)]),
    (1002, [dict(opcode=3, data=b"{}")]),
    (1002, [dict(opcode=0, data=b"{}")]),
    (1002, [dict(opcode=PING, data=b"x" * 126)]),
    (1002, [dict(opcode=PING, fin=False)]),
    (1002, [dict(opcode=TEXT, data=b"{", fin=False),
            dict(opcode=TEXT, data=b"}")]),
    (1003, [dict(opcode=BINARY, data=b"{}")]),
    (1007, [dict(opcode=TEXT, data=b"\"\xc0\x80\"")]),
    (1009, [dict(opcode=TEXT, data=b" " * 100001)]),
    (1002, [dict(opcode=0, data=b"{}", fin=False)]),
    (1002, [dict(opcode=TEXT, data=b"{", rsv=2)]),
    (1002, [dict(opcode=TEXT, data=b"{", rsv=1)]),
    (1002, [dict(opcode=PING, data=b"x", rsv=4)]),
    (1002, [dict(opcode=11)]), (1002, [dict(opcode=15)]),
    (1002, [dict(opcode=PONG, fin=False)]),
    (1002, [dict(opcode=CLOSE, fin=False)]),
    (1002, [dict(opcode=CLOSE, data=b"x" * 126)]),
    (1002, [dict(opcode=PING, mask=False)]),
    (1003, [dict(opcode=BINARY, data=b"{", fin=False),
            dict(opcode=0, data=b"}")]),
    (1007, [dict(opcode=TEXT, data=b"\xff")]),
    (1007, [dict(opcode=TEXT, data=b"\"\xe2\x82", fin=False),
            dict(opcode=0, data=b"x\"")]),
    (1007, [dict(opcode=TEXT, data=b"\"\xed\xa0\x80\"")]),
    (1007, [dict(opcode=TEXT, data=b"\"\xe2\x82")]),
    # RFC 6455 5.5.1, 7.4: what a Close may say
    (1000, [dict(opcode=CLOSE, data=b"\x03\xe8")]),
    (1001, [dict(opcode=CLOSE, data=b"\x03\xe9")]),
    (3000, [dict(opcode=CLOSE, data=b"\x0b\xb8reason")]),
    (4999, [dict(opcode=CLOSE, data=b"\x13\x87")]),
    (1005, [dict(opcode=CLOSE)]),
    (1002, [dict(opcode=CLOSE, data=b"x")]),
    (1002, [dict(opcode=CLOSE, data=b"\x03\xe7")]),
    (1002, [dict(opcode=CLOSE, data=b"\x03\xec")]),
    (1002, [dict(opcode=CLOSE, data=b"\x03\xed")]),
    (1002, [dict(opcode=CLOSE, data=b"\x03\xee")]),
    (1002, [dict(opcode=CLOSE, data=b"\x13\x88")]),
    (1007, [dict(opcode=CLOSE, data=b"\x03\xe8\xff")]),
])
def test_what_ends_it(who, code, frames):
    with Ws(who) as ws:
        for f in frames:
            ws.send(**f)
        assert ws.closed() == code
        assert ws.recv() is None
    with Ws(who) as ws:
        ws.say(request([ECHO]))
        assert ws.hear()["methodResponses"] == [ECHO]


@pytest.mark.parametrize("raw", [
    b"\x81\xfe\x00\x05\0\0\0\0hello",            # 5 in 16 bits
    b"\x81\xff" + b"\0" * 7 + b"\x05\0\0\0\0hello",
    b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0",    # the top bit
])
def test_a_length_in_the_wrong_form(who, raw):
    """RFC 6455 5.2: the minimal number of bytes, the top bit 0."""
    with Ws(who) as ws:
        ws.sock.sendall(raw)
        assert ws.closed() in (1002, 1009)
        assert ws.recv() is None


def test_what_comes_behind_a_close_is_not_read(who):
    with Ws(who) as ws:
        ws.sock.sendall(ws.frame(CLOSE, b"\x03\xe8") +
                        ws.frame(TEXT, json.dumps(request([ECHO])).encode()))
        assert ws.recv() == (CLOSE, b"\x03\xe8")
        assert ws.recv() is None


def test_what_came_before_a_close_is_answered(who):
    with Ws(who) as ws:
        ws.sock.sendall(ws.frame(TEXT, json.dumps(request([
            ["Mailbox/set", {"accountId": who.id, "create": {"a": {
                "name": "before the end"}}}, "0"]])).encode()) +
            ws.frame(CLOSE, b"\x03\xe8"))
        assert ws.closed() == 1000
        assert who.mailbox(name="before the end")


def test_pings_are_answered_and_pongs_are_not(who):
    with Ws(who) as ws:
        ws.send(PONG, b"nobody asked")
        ws.send(PING)
        assert ws.recv() == (PONG, b"")
        ws.send(PING, b"x" * 125)
        assert ws.recv() == (PONG, b"x" * 125)
        ws.sock.sendall(b"".join(ws.frame(PING, b"%d" % i)
                                 for i in range(50)))
        assert [ws.recv()[1] for _ in range(50)] == \
            [b"%d" % i for i in range(50)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_message_in_many_fragments(who, size):
    data = json.dumps(request([ECHO], id="\u00fc\U0001f600")).encode()
    data += b" " * 20000 if size == 1000 else b""
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    with Ws(who) as ws:
        ws.sock.sendall(b"".join(
            ws.frame(TEXT if i == 0 else 0, part, fin=i == len(parts) - 1) +
            (ws.frame(PING, b"p") if i % 20 == 1 else b"")
            for i, part in enumerate(parts)))
        assert ws.hear()["requestId"] == "\u00fc\U0001f600"


def test_empty_fragments_are_part_of_it(who):
    data = json.dumps(request([ECHO], id="e")).encode()
    with Ws(who) as ws:
        ws.send(TEXT, b"", fin=False)
        ws.send(0, data, fin=False)
        ws.send(0, b"")
        assert ws.hear()["requestId"] == "e"
        ws.send(TEXT, b"")                  # no JSON at all
        assert ws.hear()["type"].endswith(":notJSON")


def test_octet_by_octet(who):
    with Ws(who) as ws:
        data = ws.frame(TEXT, json.dumps(request([ECHO], id="o")).encode())
        for i in range(len(data)):
            ws.sock.sendall(data[i:i + 1])
        assert ws.hear()["requestId"] == "o"


def test_a_message_that_grows_by_fragments_is_bounded(who):
    with Ws(who) as ws:
        ws.send(TEXT, b" " * 50000, fin=False)
        ws.send(0, b" " * 50001, fin=False)
        assert ws.closed() == 1009


def test_the_largest_message_is_taken(who):
    data = json.dumps(request([ECHO])).encode()
    with Ws(who) as ws:
        ws.send(TEXT, data + b" " * (100000 - len(data)))
        assert ws.hear()["methodResponses"] == [ECHO]


# --- pushes

def state(account, name="Email"):
    return account.call(name + "/get", {"ids": []})["state"]


def test_a_change_is_pushed_by_its_types(who):
    with Ws(who) as ws:
        ws.say({"@type": "WebSocketPushEnable", "dataTypes": ["Email"]})
        ws.silent()
        who.call("Mailbox/set", {"create": {"a": {"name": "box"}}})
        ws.silent()
        who.add_mail(MESSAGE)
        got = ws.hear()
        assert got.pop("pushState")
        assert got == {"@type": "StateChange",
                       "changed": {who.id: {"Email": state(who)}}}
        ws.say({"@type": "WebSocketPushDisable"})
        ws.say(request([ECHO]))
        assert ws.hear()["@type"] == "Response"
        who.add_mail(MESSAGE)
        ws.silent()


def test_nothing_is_pushed_before_it_is_asked_for(who):
    with Ws(who) as ws:
        who.add_mail(MESSAGE)
        ws.silent()


@pytest.mark.parametrize("types,want", [
    (["Email", "Mailbox"], {"Email", "Mailbox"}), (["Mailbox"], {"Mailbox"}),
    (["Mailbox", "Mailbox", "NoSuchType"], {"Mailbox"}),
    (["NoSuchType"], None), ([], None),
])
def test_only_the_types_that_were_asked_for(who, types, want):
    with Ws(who) as ws:
        ws.say({"@type": "WebSocketPushEnable", "dataTypes": types})
        ws.say(request([ECHO]))
        ws.hear()
        who.add_mail(MESSAGE)
        if want is None:
            ws.silent()
        else:
            assert set(ws.hear()["changed"][who.id]) == want


def test_enabling_again_replaces_and_disabling_twice_is_nothing(who):
    with Ws(who) as ws:
        for types in (["Email"], ["Mailbox"]):
            ws.say({"@type": "WebSocketPushEnable", "dataTypes": types})
        ws.say(request([ECHO]))
        ws.hear()
        who.add_mail(MESSAGE)
        assert set(ws.hear()["changed"][who.id]) == {"Mailbox"}
        for _ in range(2):
            ws.say({"@type": "WebSocketPushDisable"})
        ws.say(request([ECHO]))
        assert ws.hear()["@type"] == "Response"
        who.add_mail(MESSAGE)
        ws.silent()


def test_a_push_state_that_is_the_newest_brings_nothing(who):
    with Ws(who) as ws:
        ws.say({"@type": "WebSocketPushEnable"})
        ws.say(request([ECHO]))
        ws.hear()
        who.add_mail(MESSAGE)
        last = ws.hear()["pushState"]
        ws.say({"@type": "WebSocketPushEnable", "pushState": last})
        ws.silent()


def test_all_types_and_what_was_missed(who):
    with Ws(who) as ws:
        ws.say({"@type": "WebSocketPushEnable", "dataTypes": None})
        ws.say(request([ECHO]))
        ws.hear()
        who.call("Mailbox/set", {"create": {"a": {"name": "box"}}})
        last = ws.hear()["pushState"]
    who.add_mail(MESSAGE)
    with Ws(who) as ws:
        ws.say({"@type": "WebSocketPushEnable", "pushState": last})
        got = ws.hear()["changed"][who.id]
        assert got["Email"] == state(who)
        assert got["Thread"] == state(who, "Thread")
    with Ws(who) as ws:
        ws.say({"@type": "WebSocketPushEnable", "pushState": "of nobody"})
        assert ws.hear()["changed"][who.id]["Mailbox"]


def test_ones_own_change_comes_with_its_answer(who):
    with Ws(who) as ws:
        ws.say({"@type": "WebSocketPushEnable", "dataTypes": ["Mailbox"]})
        ws.say(request([["Mailbox/set", {"accountId": who.id, "create": {
            "a": {"name": "own"}}}, "0"]]))
        got = {m["@type"] for m in (ws.hear(), ws.hear())}
        assert got == {"Response", "StateChange"}


# --- time and ends

def test_a_silent_client_is_asked_and_then_cut(who):
    with Ws(who) as ws:
        begin = time.monotonic()
        assert ws.recv()[0] == PING
        ws.send(PONG)
        assert ws.recv()[0] == PING
        assert ws.recv() is None
        assert 5 < time.monotonic() - begin < 9


def test_a_new_password_ends_it_even_before_a_word(ws_server, who):
    with Ws(who) as silent, Ws(who) as ws:
        ws.say(request([ECHO]))
        ws.hear()
        ws_server.jmapctl("account", "passwd", who.name,
                          input="other one\n")
        assert ws.closed() == 1008
        assert silent.closed() == 1008


def test_a_draining_server_says_going_away(new_server):
    one = new_server(CONF)
    who = one.adduser()
    with Ws(who) as ws:
        begin = time.monotonic()
        os.kill(one.pid, signal.SIGTERM)
        assert ws.closed() == 1001
        assert time.monotonic() - begin < 2
    wait_for(lambda: not children(one.pid), 10)


def test_a_client_that_vanishes_leaves_nothing(ws_server, who):
    def conns():
        out = ws_server.jmapctl("show", "connections").stdout
        return out.count("websocket" if who.over == "http/1.1" else " h2")
    before = conns()
    socks = [Ws(who) for _ in range(20)]
    assert conns() == before + 20
    for ws in socks:
        ws.send(TEXT, b"{", fin=False)
        ws.sock.close()
    wait_for(lambda: conns() <= before)


# --- limits over all workers

def test_max_websockets_counts_over_all_workers(new_server):
    one = new_server("workers = 3\nlimits { max-websockets = 5 "
                     "connections-per-source = 1000 }\n")
    who = one.adduser()
    got = [handshake(who, over="h2" if i % 3 == 0 else "http/1.1")
           for i in range(12)]
    codes = sorted(200 if g[1] == 101 else g[1] for g in got)
    assert codes == [200] * 5 + [429] * 7
    assert all(int(g[2]["retry-after"]) > 0 for g in got if g[1] == 429)
    with Ws(one.adduser()):
        pass                                # of each account by itself
    for g in got:
        g[0].close()

    def room():
        sock, status, _, _ = handshake(who)
        sock.close()
        return status == 101
    wait_for(room)


def test_concurrent_requests_count_over_sockets_and_http(new_server):
    """RFC 8887 4.3.2: the limit applies to the sum of both."""
    one = new_server("workers = 2\nlimits { max-concurrent-requests = 1 "
                     "connections-per-source = 1000 }\n")
    who = one.adduser()
    socks = [Ws(who) for _ in range(2)]     # one in each worker
    heavy = request([["Core/echo", {"x": [[] for _ in range(150000)]}, "h"]],
                    id="heavy")
    limited = []
    for i in range(300):
        for ws in socks:
            ws.say(heavy)
        got = [ws.hear(20) for ws in socks]
        limited += [g for g in got if g["@type"] == "RequestError"]
        assert any(g["@type"] == "Response" for g in got)
        if limited:
            break
    assert limited[0]["type"] == "urn:ietf:params:jmap:error:limit"
    assert limited[0]["limit"] == "maxConcurrentRequests"
    assert limited[0]["requestId"] == "heavy"
    assert limited[0]["status"] == 429


def test_the_rate_of_an_account_counts_messages(new_server):
    one = new_server("rate-limit { account = 10/1m anonymous = none }\n")
    who = one.adduser()
    with Ws(who) as ws:
        got = []
        for i in range(12):
            ws.say(request([ECHO], id=str(i)))
            got.append(ws.hear())
        assert got[0]["@type"] == "Response"
        assert (got[-1]["@type"], got[-1]["status"], got[-1]["requestId"]) \
            == ("RequestError", 429, "11")


# --- the table

RULES = """
RFC 8887
3	url and supportsPush in the session	test_the_session_says_where
3.1	permessage-deflate is not offered	test_a_handshake_in_other_words
4.1	credentials of the handshake	test_a_handshake_that_is_refused
4.2	subprotocol jmap, asked and answered	test_the_answer_of_the_handshake
4.2	over HTTP/2	test_ws_http2.py
4.2	credentials expire: 1008	test_a_new_password_ends_it_even_before_a_word
4.3	fragments are coalesced	test_fragments_are_one_message_and_a_ping_may_come_between
4.3	in any cut	test_a_message_in_many_fragments
4.3.1	binary: 1003	test_what_ends_it
4.3.1	errors of the request level	test_an_error_is_a_message
4.3.1	limits	test_limits_are_those_of_http
4.3.2	@type must be Request	test_an_error_is_a_message
4.3.2	id is echoed	test_a_request_is_answered_with_its_id
4.3.2	many requests at once	test_a_hundred_requests_ahead
4.3.2	maxConcurrentRequests	test_concurrent_requests_count_over_sockets_and_http
4.3.3	Response, requestId	test_a_request_is_answered_with_its_id
4.3.3	createdIds	test_created_ids_go_in_and_come_out
4.3.3	method errors	test_method_errors_are_in_the_response
4.3.4	RequestError, requestId	test_an_error_is_a_message
4.3.5.1	StateChange, pushState	test_a_change_is_pushed_by_its_types
4.3.5.2	dataTypes	test_only_the_types_that_were_asked_for
4.3.5.2	null: all types	test_all_types_and_what_was_missed
4.3.5.2	pushState: what was missed	test_all_types_and_what_was_missed
4.3.5.2	pushState: nothing was missed	test_a_push_state_that_is_the_newest_brings_nothing
4.3.5.2	enabled again	test_enabling_again_replaces_and_disabling_twice_is_nothing
4.3.5.2	not before it is enabled	test_nothing_is_pushed_before_it_is_asked_for
4.3.5.3	disabled	test_enabling_again_replaces_and_disabling_twice_is_nothing
RFC 6455
4.2.1	the handshake	test_a_handshake_that_is_refused
4.2.2	version, key, origin	test_a_handshake_that_is_refused
5.1	the client masks	test_what_ends_it
5.2	reserved bits and opcodes	test_what_ends_it
5.2	lengths	test_a_length_in_the_wrong_form
5.4	fragments	test_what_ends_it
5.4	control frames between	test_a_message_in_many_fragments
5.5	control frames are short and whole	test_what_ends_it
5.5.1	Close is answered, nothing is read behind it	test_what_comes_behind_a_close_is_not_read
5.5.1	what came before is done	test_what_came_before_a_close_is_answered
5.5.2	Ping	test_pings_are_answered_and_pongs_are_not
5.5.3	Pong that nobody asked for	test_pings_are_answered_and_pongs_are_not
5.6	UTF-8	test_what_ends_it
7.4	codes of Close	test_what_ends_it
7.4.1	1009	test_a_message_that_grows_by_fragments_is_bounded
10.4	sizes	test_the_largest_message_is_taken
"""


def test_each_rule_has_its_test():
    here = globals()
    for line in RULES.strip().splitlines():
        words = line.split("\t")
        if len(words) == 3 and not words[2].endswith(".py"):
            assert callable(here[words[2]]), line
