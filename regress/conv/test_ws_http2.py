# SPDX-License-Identifier: ISC
"""WebSocket over a stream of HTTP/2 (RFC 8441): the handshake, flow control,
how streams end, and several of them on one connection.  What is said over it
is test_websocket.py's, which runs over both.  The client is python3-h2."""

import json
import os
import signal
import struct
import time

import h2.errors
import pytest

import h2_tools
from helpers import Server, wait_for
from test_websocket import CONF, MESSAGE
from ws_tools import (CLOSE, ECHO, PING, PONG, TEXT, Http2, Ws, fields_of,
                      request)

E = h2.errors.ErrorCodes


@pytest.fixture(scope="module")
def ws_server():
    s = Server(CONF)
    yield s
    s.remove()


@pytest.fixture
def who(ws_server):
    account = ws_server.adduser()
    account.over = "h2"
    return account


@pytest.fixture
def con(who):
    c = Http2(who.server.tls(alpn=("h2",)))
    yield c
    c.close()


def opened(con, who, **kw):
    t, status, head = con.connect(who, **kw)
    assert status == 200, (status, t.code)
    return Ws(sock=t)


def echo(ws, name):
    ws.say(request([ECHO], id=name))
    got = ws.hear()
    assert (got["requestId"], got["methodResponses"]) == (name, [ECHO])


# --- the handshake (RFC 8441 4, 5; RFC 8887 4.2)

def test_the_setting_is_sent_and_the_answer_is_200(who, con):
    con.until(lambda: con.h2.remote_settings.enable_connect_protocol)
    t, status, head = con.connect(who)
    assert status == 200
    assert head["sec-websocket-protocol"] == "jmap"
    for name in ("sec-websocket-accept", "sec-websocket-extensions",
                 "content-length", "upgrade", "connection"):
        assert name not in head
    assert not t.ended
    echo(Ws(sock=t), "a")


@pytest.mark.parametrize("fields", [
    {"sec_websocket_extensions": "permessage-deflate"},
    {"origin": "https://localhost"}, {":protocol": "WebSocket"},
    {"Sec_WebSocket_Protocol": "other, jmap"}, {"path": "/jmap/ws"},
])
def test_a_handshake_in_other_words(who, con, fields):
    t, status, head = con.connect(who, **fields)
    assert status == 200 and "sec-websocket-extensions" not in head
    echo(Ws(sock=t), "a")


@pytest.mark.parametrize("status,fields", [
    (426, {"Sec_WebSocket_Version": "8"}),
    (426, {"drop": ["Sec-WebSocket-Version"]}),
    (400, {"drop": ["Sec-WebSocket-Protocol"]}),
    (400, {"Sec_WebSocket_Protocol": "jmapper"}),
    (403, {"origin": "https://evil.test"}), (403, {"origin": "null"}),
    (403, {"origin": "http://localhost"}),
    (401, {"drop": ["Authorization"]}),
    (501, {":protocol": "connect-tcp"}),
    (405, {"path": "/jmap/session"}), (405, {"path": "/jmap/"}),
    (404, {"path": "/jmap/wss"}), (421, {":authority": "other.test"}),
])
def test_a_handshake_that_is_refused_leaves_the_connection(who, con, status,
                                                           fields):
    t, got, head = con.connect(who, **fields)
    assert got == status
    assert head["content-type"] == "application/problem+json"
    con.until(lambda: t.ended)
    assert json.loads(t.data)["status"] == status
    if status == 405:
        assert "allow" in head
    if status == 426:
        assert head["sec-websocket-version"] == "13"
    echo(opened(con, who), "a")


def test_get_over_http2_is_no_handshake(who, con):
    t = con.open([(":method", "GET"), (":scheme", "https"),
                  (":path", "/jmap/ws/"), (":authority", "localhost"),
                  ("authorization", fields_of(who)["Authorization"])], True)
    con.until(lambda: t.ended)
    assert t.head[":status"] == "426"
    assert "upgrade" not in t.head


def test_an_origin_of_the_list_may(new_server):
    one = new_server('http { cors-origins = {"https://web.test"} }\n')
    a = one.adduser()
    c = Http2(one.tls(alpn=("h2",)))
    echo(opened(c, a, origin="https://web.test"), "a")
    assert c.connect(a, origin="https://web2.test")[1] == 403
    c.close()


def test_frames_before_the_login_is_known_are_not_lost(ws_server):
    """The password of a new account is looked up in another process."""
    a = ws_server.adduser()
    c = Http2(a.server.tls(alpn=("h2",)))
    ws = Ws(sock=c.connect(a, wait=False))
    ws.say(request([ECHO], id="early"))
    ws.send(PING, b"hey")
    got = dict([ws.recv(), ws.recv()])
    assert got[PONG] == b"hey"
    assert json.loads(got[TEXT])["requestId"] == "early"
    assert ws.sock.head[":status"] == "200"
    c.close()


# --- several on one connection

def test_sockets_requests_and_events_beside_each_other(who, con):
    all_ws = [opened(con, who) for _ in range(8)]
    events = con.open([
        (":method", "GET"), (":scheme", "https"), (":authority", "localhost"),
        (":path", "/jmap/eventsource/?types=*&closeafter=no&ping=0"),
        ("authorization", fields_of(who)["Authorization"])], True)
    for i, ws in enumerate(all_ws):
        ws.say(request([ECHO], id=str(i)))
    for i, ws in reversed(list(enumerate(all_ws))):
        assert ws.hear()["requestId"] == str(i)
    for ws in all_ws:
        ws.say({"@type": "WebSocketPushEnable", "dataTypes": ["Email"]})
        echo(ws, "pushed")
    who.add_mail(MESSAGE)
    want = who.call("Email/get", {"ids": []})["state"]
    for ws in all_ws:
        assert ws.hear()["changed"] == {who.id: {"Email": want}}
    con.until(lambda: want.encode() in events.data)
    get = con.open([(":method", "GET"), (":scheme", "https"),
                    (":authority", "localhost"), (":path", "/healthz/live")],
                   True)
    con.until(lambda: get.ended)
    assert get.head[":status"] == "200"


def test_one_ends_and_the_others_go_on(who, con):
    a, b, c, d = (opened(con, who) for _ in range(4))
    a.sock.reset()
    b.send(CLOSE, struct.pack(">H", 1000))
    assert b.closed() == 1000
    assert b.recv() is None and b.sock.ended
    c.sock.sendall(b"", end=True)           # RFC 8441 5: like a FIN
    con.until(lambda: c.sock.ended)
    assert c.sock.code is None
    echo(d, "still")


def test_streams_are_the_bound_of_sockets(who, con):
    all_ws = [opened(con, who) for _ in range(64)]
    all_ws[0].send(CLOSE, struct.pack(">H", 1000))
    con.until(lambda: all_ws[0].sock.ended)
    all_ws[0].sock.sendall(b"", end=True)
    echo(opened(con, who), "again")
    # one more than SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 5.1.2)
    con.sock.sendall(h2_tools.headers(
        h2_tools.pseudo("CONNECT", "/jmap/ws", scheme="https") +
        [(":protocol", "websocket")], 1001, False))
    con.until(lambda: con.eof)
    assert con.goaway == E.PROTOCOL_ERROR


# --- flow control

def many(n):
    return request([["Core/echo", {"text": "x" * 1000}, str(i)]
                    for i in range(n)], id="big")


def test_a_large_answer_waits_for_its_own_window_alone(who, con):
    slow, quick = opened(con, who), opened(con, who)
    slow.sock.manual = True
    con.h2.increment_flow_control_window(1 << 24)
    con.flush()
    for _ in range(5):
        slow.say(many(16))
    slow.say(request([["Mailbox/get", {"accountId": who.id}, "0"]], id="end"))
    con.until(lambda: slow.sock.unread == 65535)
    for i in range(5):
        echo(quick, str(i))
    assert slow.sock.unread == 65535
    slow.sock.manual = False
    slow.sock.open_window()
    con.flush()
    got = [slow.hear()["requestId"] for _ in range(6)]
    assert got == ["big"] * 5 + ["end"]


def test_a_large_message_through_a_small_window(ws_server, who, con):
    ws = opened(con, who)
    data = json.dumps(request([ECHO], id="large")).encode()
    ws.send(TEXT, data + b" " * (99000 - len(data)))
    assert ws.hear()["requestId"] == "large"


def test_messages_that_are_not_read_shut_the_window(who, con):
    """What waits for the client to take an answer is not read, and the
    window says so; a byte more is an error of this stream only."""
    ws, other = opened(con, who), opened(con, who)
    ws.sock.manual = True
    con.h2.increment_flow_control_window(1 << 24)
    con.flush()
    for _ in range(5):
        ws.say(many(16))
    con.until(lambda: ws.sock.unread == 65535)
    frame = ws.frame(TEXT, b" " * 15000)
    room = con.h2.local_flow_control_window
    while room(ws.sock.id) > len(frame):
        ws.sock.sendall(frame)
        echo(other, "meanwhile")
    assert room(ws.sock.id) < 20000
    ws.sock.manual = False
    ws.sock.open_window()
    con.flush()
    con.until(lambda: room(ws.sock.id) > 30000)


def test_a_client_that_takes_nothing_is_cut(new_server):
    one = new_server("limits { write-timeout = 1s max-concurrent-requests = "
                     "1000 }\n")
    a = one.adduser()
    c = Http2(one.tls(alpn=("h2",)), window=1)
    slow, good = opened(c, a), opened(c, a)
    slow.sock.manual = True
    c.h2.increment_flow_control_window(1 << 20, good.sock.id)
    c.flush()
    slow.say(many(16))
    c.until(lambda: slow.sock.code is not None)
    assert slow.sock.code == E.ENHANCE_YOUR_CALM
    echo(good, "still")
    c.close()


# --- what is wrong

def test_trailers_on_an_open_socket_are_an_error(who, con):
    ws, other = opened(con, who), opened(con, who)
    con.sock.sendall(h2_tools.headers([("a", "b")], ws.sock.id))
    con.until(lambda: ws.sock.code is not None)
    assert ws.sock.code in (E.PROTOCOL_ERROR, E.INTERNAL_ERROR)
    echo(other, "still")


def test_bad_frames_end_the_socket_not_the_connection(who, con):
    other = opened(con, who)
    for code, kw in ((1002, dict(opcode=3)), (1003, dict(opcode=2)),
                     (1007, dict(opcode=TEXT, data=b"\xff"))):
        ws = opened(con, who)
        ws.send(**kw)
        assert ws.closed() == code
        assert ws.recv() is None
        ws.sock.sendall(b"", end=True)
    echo(other, "still")


def test_sockets_begun_and_reset_are_bounded(who, con):
    """CVE-2023-44487 with CONNECT: resets have a budget."""
    for _ in range(300):
        if not con.eof:
            con.connect(who, wait=False).reset()
    con.until(lambda: con.eof)
    assert con.goaway == E.ENHANCE_YOUR_CALM


# --- time and ends

def test_pings_and_a_silent_client(who, con):
    silent, alive = opened(con, who), opened(con, who)
    begin = time.monotonic()
    while time.monotonic() - begin < 7:
        if alive.recv()[0] == PING:
            alive.send(PONG)
        if silent.sock.code is not None:
            break
    assert silent.sock.code == E.CANCEL     # RFC 8441 5: like a TCP RST
    echo(alive, "still")


def test_a_new_password_ends_all_of_them(ws_server, who, con):
    all_ws = [opened(con, who) for _ in range(3)]
    ws_server.jmapctl("account", "passwd", who.name, input="other one\n")
    for ws in all_ws:
        assert ws.closed() == 1008
        assert ws.recv() is None


def test_a_draining_server_says_going_away(new_server):
    one = new_server(CONF)
    a = one.adduser()
    c = Http2(one.tls(alpn=("h2",)))
    all_ws = [opened(c, a) for _ in range(3)]
    begin = time.monotonic()
    os.kill(one.pid, signal.SIGTERM)
    for ws in all_ws:
        assert ws.closed() == 1001
    c.until(lambda: c.eof)
    assert c.goaway == E.NO_ERROR
    assert time.monotonic() - begin < 5


def test_a_socket_outlives_a_reload(new_server):
    one = new_server(CONF)
    a = one.adduser()
    c = Http2(one.tls(alpn=("h2",)))
    ws = opened(c, a)
    for i in range(3):
        one.jmapctl("reload")
        echo(ws, str(i))
    # new requests belong under the new settings: on a new connection
    wait_for(lambda: (echo(ws, "x"), c.goaway == E.NO_ERROR)[1], 15, 0.3)
    echo(ws, "last")
    c.close()
