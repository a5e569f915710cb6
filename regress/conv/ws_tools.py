# SPDX-License-Identifier: ISC
"""A WebSocket client (RFC 6455) that can do wrong things, too: over a
connection of its own, or over a stream of HTTP/2 (RFC 8441), whose frames are
those of python3-h2.  account.over says which: "http/1.1" or "h2"."""

import base64
import hashlib
import json
import os
import struct
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from helpers import CORE, MAIL

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def fields_of(account):
    auth = base64.b64encode(
        f"{account.name}:{account.password}".encode()).decode()
    return {"Host": "localhost", "Authorization": "Basic " + auth,
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "jmap"}


def changed(fields, drop, more):
    fields.update((k.replace("_", "-"), v) for k, v in more.items())
    return [(k, v) for k, v in fields.items() if k not in drop]


def handshake(account, drop=(), over=None, **more):
    """Open a connection and ask; fields are changed by more (with _ for -),
    left out by drop.  Returns the socket, status, fields, and the rest."""
    if (over or getattr(account, "over", "http/1.1")) == "h2":
        con = Http2(account.server.tls(alpn=("h2",)))
        return (*con.connect(account, drop, **more), b"")
    key = base64.b64encode(os.urandom(16)).decode()
    fields = {**fields_of(account), "Connection": "Upgrade",
              "Upgrade": "websocket", "Sec-WebSocket-Key": key}
    sock = account.server.tls()
    head = "GET /jmap/ws/ HTTP/1.1\r\n" + "".join(
        f"{k}: {v}\r\n" for k, v in changed(fields, drop, more))
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


class Http2:
    """A connection with streams that are like sockets."""

    def __init__(self, sock, window=None):
        self.sock = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            validate_outbound_headers=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings(
                {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.tubes, self.goaway, self.eof, self.raw = {}, None, False, b""
        self.flush()

    def flush(self):
        try:
            self.sock.sendall(self.h2.data_to_send())
        except OSError:
            self.eof = True

    def open(self, fields, end=False):
        stream = self.h2.get_next_available_stream_id()
        self.tubes[stream] = t = Tube(self, stream)
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return t

    def connect(self, account, drop=(), path="/jmap/ws/", wait=True,
                **more):
        """Extended CONNECT: the stream, status, fields."""
        fields = {":method": "CONNECT", ":protocol": "websocket",
                  ":scheme": "https", ":path": path,
                  ":authority": "localhost", **fields_of(account)}
        del fields["Host"]
        t = self.open([(k.lower(), v) for k, v in
                       changed(fields, drop, more)])
        if not wait:
            return t
        self.until(lambda: t.head is not None or t.code is not None)
        return t, int((t.head or {}).get(":status", 0)), t.head

    def step(self):
        """What comes next; may raise TimeoutError."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        self.eof |= not data
        self.raw += data
        while len(self.raw) >= 9:
            n = 9 + int.from_bytes(self.raw[:3], "big")
            if len(self.raw) < n:
                break
            frame, self.raw = self.raw[:n], self.raw[n:]
            self.frame(frame)
        self.flush()

    def frame(self, frame):
        if frame[3] == 7:       # the library takes this for the end of all
            self.goaway = int.from_bytes(frame[13:17], "big")
            return
        for e in self.h2.receive_data(frame):
            t = self.tubes.get(getattr(e, "stream_id", None))
            if t is not None:
                t.take(e)

    def until(self, test, seconds=10):
        self.sock.settimeout(seconds)
        while not test() and not self.eof:
            self.step()
        return test()

    def close(self):
        self.sock.close()


class Tube:
    """A stream as a socket."""

    def __init__(self, con, stream):
        self.con, self.id = con, stream
        self.head = self.code = self.timeout = None
        self.data, self.unread, self.ended, self.manual = b"", 0, False, False

    def take(self, e):
        if isinstance(e, h2.events.ResponseReceived):
            self.head = dict(e.headers)
        elif isinstance(e, h2.events.DataReceived):
            self.data += e.data
            self.unread += e.flow_controlled_length
            if not self.manual:
                self.open_window()
        elif isinstance(e, h2.events.StreamEnded):
            self.ended = True
        elif isinstance(e, h2.events.StreamReset):
            self.code = e.error_code

    def open_window(self):
        if self.unread:
            self.con.h2.acknowledge_received_data(self.unread, self.id)
        self.unread = 0

    def sendall(self, data, end=False):
        con = self.con
        while data or end:
            room = min(con.h2.local_flow_control_window(self.id), 16384)
            if room == 0 and data:
                con.step()
                continue
            part, data = data[:room], data[room:]
            con.h2.send_data(self.id, part, end_stream=end and not data)
            con.flush()
            if not data:
                return

    def settimeout(self, seconds):
        self.timeout = seconds

    def recv(self, n):
        con = self.con
        con.sock.settimeout(self.timeout)
        while not self.data and not self.ended:
            if self.code is not None or con.eof:
                raise ConnectionResetError(self.code)
            con.step()
        part, self.data = self.data[:n], self.data[n:]
        return part

    def reset(self, code=8):
        self.con.h2.reset_stream(self.id, code)
        self.con.flush()

    def close(self):
        self.con.close()


class Ws:
    """The frames: sock is a connection or a Tube."""

    def __init__(self, account=None, sock=None, **kw):
        self.sock, self.raw = sock, b""
        if sock is None:
            self.sock, status, self.head, self.raw = handshake(account, **kw)
            assert status in (101, 200), (status, self.raw)

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
