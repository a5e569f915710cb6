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
    ('{"@type":"WebSocketPushEnable","dataTypes":"Email","id":"x"}',
     "notRequest", "x"),
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
    (1000, [dict(opcode=CLOSE, data=b"\x03\xe8")]),
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
