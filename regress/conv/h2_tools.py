# SPDX-License-Identifier: ISC
"""HTTP/2 frames octet by octet (RFC 9113), for cases that no library would
send.  Field sections are literals without any table (RFC 7541 6.2.2), so that
each case stands for itself; of what comes back only :status is decoded."""

import socket
import struct

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONT = \
    range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIO = 1, 1, 4, 8, 32
ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR",
          "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
          "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL",
          "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
          "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]
MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MARK = b"the mark"


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    length = len(payload) if length is None else length
    return (struct.pack(">I", length)[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + payload)


def integer(value, bits, first=0):
    """RFC 7541 5.1"""
    top = (1 << bits) - 1
    if value < top:
        return bytes([first | value])
    out, value = bytes([first | top]), value - top
    while value >= 128:
        out, value = out + bytes([value % 128 | 128]), value // 128
    return out + bytes([value])


def octets(text):
    return text if isinstance(text, bytes) else text.encode()


def lit(name, value):
    """One field, literal, never looked up."""
    name, value = octets(name), octets(value)
    return (b"\0" + integer(len(name), 7) + name + integer(len(value), 7) +
            value)


def section(fields):
    return b"".join(lit(n, v) for n, v in fields)


def pseudo(method="GET", path="/healthz/live", host="localhost",
           scheme="http"):
    pairs = [(":method", method), (":scheme", scheme), (":authority", host),
             (":path", path)]
    return [(n, v) for n, v in pairs if v is not None]


def headers(fields, stream=1, end=True, flags=0):
    """A HEADERS frame, END_STREAM unless a body follows."""
    block = fields if isinstance(fields, bytes) else section(fields)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0) | flags,
                 stream, block)


def get(*more, stream=1, **kw):
    return headers(pseudo(**kw) + list(more), stream)


def post(*more, stream=1, end=False, path="/jmap", **kw):
    return headers(pseudo(method="POST", path=path, **kw) + list(more),
                   stream, end)


def data(payload=b"", stream=1, end=True, flags=0):
    return frame(DATA, (END_STREAM if end else 0) | flags, stream, payload)


def rst(stream, code=8):
    return frame(RST, 0, stream, struct.pack(">I", code))


def window(stream, n):
    return frame(WINDOW, 0, stream, struct.pack(">I", n))


def setting(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", i, v)
                                          for i, v in pairs))


DIGITS = {f"{i:05b}": str(i) for i in range(3)}
DIGITS.update({f"{25 + i - 3:06b}": str(i) for i in range(3, 10)})
STATIC = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}


def status(block):
    """The :status that a response's field section begins with."""
    while block[0] & 0xe0 == 0x20:          # table size updates
        block = block[1:]
    if block[0] & 0x80:
        return STATIC[block[0] & 0x7f]
    name = block[0] & (0x3f if block[0] & 0x40 else 0x0f)
    assert 8 <= name <= 14, block
    n, text = block[1] & 0x7f, block[2:2 + (block[1] & 0x7f)]
    if not block[1] & 0x80:
        return int(text)
    bits = "".join(f"{b:08b}" for b in text[:n])
    out = ""
    while len(out) < 3:
        for size in (5, 6):
            if bits[:size] in DIGITS:
                out, bits = out + DIGITS[bits[:size]], bits[size:]
                break
    return int(out)


class H2:
    """A connection.  What came: answers {stream: status}, bodies, resets
    {stream: code}, goaway (code or None), eof."""

    def __init__(self, sock, start=True, seconds=10):
        self.sock, self.buf = sock, b""
        self.sock.settimeout(seconds)
        self.answers, self.bodies, self.resets = {}, {}, {}
        self.ended, self.goaway, self.eof = set(), None, False
        self.last, self.marks, self.settings = None, 0, {}
        self.acked = False
        if start:
            # no table of the server's, so that :status is never an index
            # into it
            self.send(MAGIC + setting((1, 0)))

    def send(self, what):
        try:
            self.sock.sendall(what)
        except OSError:
            pass                        # it has been cut: reading tells
        return self

    def mark(self):
        return self.send(frame(PING, 0, 0, MARK))

    def step(self):
        """Take one frame in.  False at the end."""
        while len(self.buf) < 9 or \
                len(self.buf) < 9 + int.from_bytes(self.buf[:3], "big"):
            try:
                part = self.sock.recv(65536)
            except ConnectionError:
                part = b""
            if not part:
                self.eof = True
                return False
            self.buf += part
        n = int.from_bytes(self.buf[:3], "big")
        kind, flags = self.buf[3], self.buf[4]
        stream = int.from_bytes(self.buf[5:9], "big")
        body, self.buf = self.buf[9:9 + n], self.buf[9 + n:]
        assert n <= 16384
        self.take(kind, flags, stream, body)
        return True

    def take(self, kind, flags, stream, body):
        if kind == HEADERS:
            assert flags & END_HEADERS
            code = status(body)
            if code >= 200:
                assert stream not in self.answers, "a second answer"
                self.answers[stream] = code
        elif kind == DATA:
            assert stream in self.answers and stream not in self.ended
            self.bodies[stream] = self.bodies.get(stream, b"") + body
        elif kind == RST:
            assert stream not in self.resets
            self.resets[stream] = int.from_bytes(body, "big")
        elif kind == GOAWAY:
            self.last = int.from_bytes(body[:4], "big")
            self.goaway = int.from_bytes(body[4:8], "big")
        elif kind == SETTINGS and flags & ACK:
            self.acked = True
        elif kind == SETTINGS:
            for i in range(0, len(body), 6):
                key, value = struct.unpack(">HI", body[i:i + 6])
                self.settings[key] = value
            self.send(frame(SETTINGS, ACK))
        elif kind == PING and body == MARK:
            assert flags & ACK
            self.marks += 1
        else:
            assert kind in (PING, WINDOW), kind
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            assert stream not in self.ended
            self.ended.add(stream)

    def until(self, test):
        """Read until test() is true; False if the end comes first."""
        while not test():
            if not self.step():
                return False
        return True

    def verdict(self, stream=1):
        """What became of a stream, or of the connection, as a word."""
        if self.goaway:
            return "goaway " + ERRORS[self.goaway]
        code = self.resets.get(stream)
        if code and stream not in self.ended:
            return "rst " + ERRORS[code]
        if stream in self.answers:
            return str(self.answers[stream])
        return "close" if self.eof else "nothing"


def plain(server, **kw):
    return H2(server.plain(), **kw)


def tls(server, **kw):
    sock = server.tls(alpn=("h2",))
    assert sock.selected_alpn_protocol() == "h2"
    return H2(sock, **kw)


def raw(server):
    s = server.plain()
    assert isinstance(s, socket.socket)
    return H2(s, start=False)
