# SPDX-License-Identifier: ISC
"""Raw HTTP/1.1 for the test_http_* conversations: what was sent is exactly
the bytes of the test, and what came back is taken apart strictly."""

import base64
import socket
import time


class Answer:
    """One answer: status, reason, headers (list of pairs), body."""

    def __init__(self, version, status, reason, headers, body, rest):
        self.version, self.status, self.reason = version, status, reason
        self.headers, self.body, self.rest = headers, body, rest

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        """The one value of a field, or None."""
        got = self.all(name)
        assert len(got) <= 1, f"{name} stands {len(got)} times"
        return got[0] if got else None


class Conn:
    """A connection that reads one answer after the other."""

    def __init__(self, sock):
        self.sock, self.buf = sock, b""

    def send(self, data):
        self.sock.sendall(data)
        return self

    def more(self):
        part = self.sock.recv(65536)
        self.buf += part
        return bool(part)

    def take(self, n):
        while len(self.buf) < n:
            assert self.more(), f"the end after {self.buf!r}"
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def line(self):
        while b"\r\n" not in self.buf:
            assert self.more(), f"the end after {self.buf!r}"
        out, self.buf = self.buf.split(b"\r\n", 1)
        assert b"\n" not in out and b"\r" not in out
        return out

    def answer(self, head=False):
        version, status, reason = self.line().decode("ascii").split(" ", 2)
        headers = []
        while True:
            line = self.line()
            if not line:
                break
            name, value = line.split(b": ", 1)
            headers.append((name.decode("ascii"), value.decode("ascii")))
        a = Answer(version, int(status), reason, headers, b"", b"")
        assert version == "HTTP/1.1"
        length, coding = a.get("Content-Length"), a.get("Transfer-Encoding")
        assert length is None or coding is None
        if a.status == 204 or a.status == 304 or a.status < 200:
            assert length is None and coding is None
        elif head:
            pass
        elif coding is not None:
            assert coding == "chunked"
            while True:
                n = int(self.line(), 16)
                a.body += self.take(n)
                assert self.line() == b""
                if n == 0:
                    break
        elif length is not None:
            a.body = self.take(int(length))
        else:
            while self.more():
                pass
            a.body, self.buf = self.buf, b""
        return a

    def ask(self, data, head=False):
        return self.send(data).answer(head)

    def closed(self, seconds=5):
        """The server ends the connection and sends nothing more."""
        self.sock.settimeout(seconds)
        assert self.buf == b"", self.buf
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            return True
        assert got == b"", got
        return True

    def alive(self):
        """It can still be used."""
        return self.ask(get("/healthz/live")).status == 200


def get(path, *fields, host="localhost", method="GET"):
    """The bytes of a request without a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def post(path, body, *fields, host="localhost", method="POST",
         type="application/json"):
    return get(path, f"Content-Type: {type}", f"Content-Length: {len(body)}",
               *fields, host=host, method=method) + body


def basic(account):
    token = base64.b64encode(f"{account.name}:{account.password}".encode())
    return "Authorization: Basic " + token.decode()


ECHO = (b'{"using":["urn:ietf:params:jmap:core"],'
        b'"methodCalls":[["Core/echo",{"hello":true},"c1"]]}')


def plain(server):
    return Conn(server.plain())


def ask(server, data):
    """A connection of its own, so that each worker gets some."""
    c = plain(server)
    try:
        return c.ask(data)
    finally:
        c.sock.close()


def tls(server, **kw):
    return Conn(server.tls(**kw))


def elapsed(since):
    return time.monotonic() - since


def reset(sock):
    """Close with RST."""
    import struct
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()
