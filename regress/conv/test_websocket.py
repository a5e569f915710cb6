# SPDX-License-Identifier: ISC
"""JMAP over WebSocket (RFC 8887, RFC 6455): the handshake, requests and their
errors, pushes, and every way in which it ends."""

import asyncio
import base64
import hashlib
import json
import os
import signal
import ssl
import struct
import time

import pytest

from helpers import CORE, MAIL, Server, children, wait_for

WS = "urn:ietf:params:jmap:websocket"
MESSAGE = b"From: a@b.test\r\nSubject: hello\r\n\r\nA text.\r\n"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONF = ("limits { websocket-ping = 2s drain-timeout = 20s "
        "max-size-request = 100000 connections-per-source = 100000 "
        "max-concurrent-requests = 1000 }\n")


@pytest.fixture(scope="module")
def ws_server():
    s = Server(CONF)
    yield s
    s.remove()


@pytest.fixture
def who(ws_server):
    return ws_server.adduser()


def handshake(account, drop=(), plain=False, **more):
    """Open a connection and ask; fields are changed by more (with _ for -),
    left out by drop.  Returns the socket, status, fields, and the rest."""
    auth = base64.b64encode(
        f"{account.name}:{account.password}".encode()).decode()
    key = base64.b64encode(os.urandom(16)).decode()
    fields = {
        "Host": "localhost", "Authorization": "Basic " + auth,
        "Connection": "Upgrade", "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": "jmap",
    }
    for k, v in more.items():
        fields[k.replace("_", "-")] = v
    sock = account.server.plain() if plain else account.server.tls()
    head = "GET /jmap/ws/ HTTP/1.1\r\n" + "".join(
        f"{k}: {v}\r\n" for k, v in fields.items() if k not in drop)
    sock.sendall((head + "\r\n").encode())
    got = b""
    while b"\r\n\r\n" not in got:
        part = sock.recv(65536)
        assert part, got
        got += part
    head, rest = got.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    status = int(lines[0].split()[1])
    answer = {k.lower(): v for k, v in
              (line.split(": ", 1) for line in lines[1:])}
    if status == 101:
        want = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest())
        assert answer["sec-websocket-accept"] == want.decode()
    return sock, status, answer, rest


class Ws:
    """A client that can do wrong things, too."""

    def __init__(self, account, **kw):
        self.sock, status, self.head, self.raw = handshake(account, **kw)
        assert status == 101, self.raw

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def frame(self, opcode, data=b"", fin=True, mask=True, rsv=0):
        n = len(data)
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        bit = 0x80 if mask else 0
        if n < 126:
            head += bytes([bit | n])
        elif n < 65536:
            head += struct.pack(">BH", bit | 126, n)
        else:
            head += struct.pack(">BQ", bit | 127, n)
        if mask:
            key = os.urandom(4)
            data = bytes(b ^ key[i & 3] for i, b in enumerate(data))
            head += key
        return head + data

    def send(self, opcode, data=b"", **kw):
        self.sock.sendall(self.frame(opcode, data, **kw))

    def say(self, obj):
        self.send(TEXT, json.dumps(obj).encode())

    def _need(self, n, end):
        while len(self.raw) < n:
            self.sock.settimeout(max(0.001, end - time.monotonic()))
            part = self.sock.recv(65536)
            if not part:
                return False
            self.raw += part
        return True

    def recv(self, seconds=5):
        """The next frame as (opcode, payload), None at the end."""
        end = time.monotonic() + seconds
        try:
            if not self._need(2, end):
                return None
        except ConnectionResetError:
            return None
        first, n = self.raw[0], self.raw[1]
        assert first & 0x70 == 0, "a reserved bit"
        assert n & 0x80 == 0, "a server does not mask"
        at = 2
        if n == 126:
            self._need(4, end)
            n, at = struct.unpack(">H", self.raw[2:4])[0], 4
        elif n == 127:
            self._need(10, end)
            n, at = struct.unpack(">Q", self.raw[2:10])[0], 10
        assert self._need(at + n, end)
        data, self.raw = self.raw[at:at + n], self.raw[at + n:]
        return first & 15, data

    def hear(self, seconds=5):
        """The next text message as an object."""
        while True:
            got = self.recv(seconds)
            assert got is not None, "it has ended"
            if got[0] == TEXT:
                return json.loads(got[1])
            assert got[0] != CLOSE, got

    def closed(self, seconds=5):
        """The code of the Close frame; 1006 for an end without one."""
        while True:
            got = self.recv(seconds)
            if got is None:
                return 1006
            if got[0] == CLOSE:
                return struct.unpack(">H", got[1][:2])[0] if got[1] else 1005

    def silent(self, seconds=0.3):
        with pytest.raises(TimeoutError):
            while self.recv(seconds)[0] in (PING, PONG):
                pass


def request(calls, **more):
    return {"@type": "Request", "using": [CORE, MAIL],
            "methodCalls": calls, **more}


ECHO = ["Core/echo", {"hello": True, "high": 5}, "b3ff"]


# --- the handshake

def test_the_session_says_where(who):
    cap = who.session["capabilities"][WS]
    assert cap["supportsPush"] is True
    assert cap["url"] == who.session["apiUrl"].replace(
        "https://", "wss://").replace("/jmap/", "/jmap/ws/")
    assert WS not in who.session["primaryAccounts"]
    assert WS not in who.session["accounts"][who.id]["accountCapabilities"]


def test_the_answer_of_the_handshake(who):
    with Ws(who) as ws:
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
def test_a_handshake_in_other_words(who, fields):
    with Ws(who, **fields) as ws:
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
def test_a_handshake_that_is_refused(who, status, fields):
    sock, got, head, rest = handshake(who, **fields)
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


def test_frames_right_behind_the_handshake_are_not_lost(who):
    auth = base64.b64encode(f"{who.name}:{who.password}".encode()).decode()
    with Ws(who) as ws:
        frame = ws.frame(TEXT, json.dumps(request([ECHO])).encode())
    head = ("GET /jmap/ws HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Basic {auth}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: jmap\r\n\r\n")
    with who.server.tls() as sock:
        sock.sendall(head.encode() + frame)
        got = b""
        while b"methodResponses" not in got:
            part = sock.recv(65536)
            assert part, got
            got += part


def test_with_debians_client(who):
    websockets = pytest.importorskip("websockets")
    auth = base64.b64encode(f"{who.name}:{who.password}".encode()).decode()
    ctx = ssl.create_default_context(cafile=who.server.ca)
    url = who.session["capabilities"][WS]["url"]

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
        return out.count("websocket")
    before = conns()
    socks = [Ws(who) for _ in range(20)]
    assert conns() == before + 20
    for ws in socks:
        ws.send(TEXT, b"{", fin=False)
        ws.sock.close()
    wait_for(lambda: conns() <= before)


def test_over_http2_it_is_refused_by_name(who):
    """RFC 8441 is not offered; a client asks over HTTP/1.1 then."""
    import subprocess
    got = subprocess.run(
        ["curl", "-s", "--http2", "--cacert", who.server.ca,
         "-u", f"{who.name}:{who.password}", "-w", "\n%{http_code}",
         who.server.url + "/jmap/ws"], stdout=subprocess.PIPE, text=True)
    assert got.stdout.endswith("\n426")
