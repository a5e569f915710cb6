# SPDX-License-Identifier: ISC
"""Every case of h1_cases.py, whole and in two pieces: a refusal is the one
answer and the end of its connection; a near miss is no refusal."""

import socket

import pytest

from h1_cases import AUTH, FAMILIES, all_cases
from http_tools import Answer, basic, get

NEXT = get("/healthz/live")
CASES = list(all_cases())


class Told(Exception):
    pass


def converse(server, pieces):
    """Send, then read to the end."""
    sock = server.plain()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    got = b""
    try:
        for p in pieces:
            sock.sendall(p)
    except OSError:
        pass                    # refused and cut before all was said
    try:
        while True:
            part = sock.recv(65536)
            if not part:
                return got
            got += part
    except ConnectionResetError:
        raise Told(f"reset after {got!r}")
    except socket.timeout:
        raise Told(f"not ended after {got!r}")
    finally:
        sock.close()


def answers(data, head=False):
    """Take apart everything that came, strictly."""
    out = []
    while data:
        top, mark, data = data.partition(b"\r\n\r\n")
        if not mark or not top.startswith(b"HTTP/1.1 "):
            raise Told(f"no answer: {top[:200]!r}")
        lines = top.decode("ascii").split("\r\n")
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        a = Answer("HTTP/1.1", int(lines[0][9:12]), lines[0][13:], fields,
                   b"", b"")
        n = int(a.get("Content-Length") or 0)
        if not head:
            if len(data) < n:
                raise Told(f"cut off: {data!r}")
            a.body, data = data[:n], data[n:]
        out.append(a)
    return out


def refused(got, status, head):
    a = answers(got, head)
    if [x.status for x in a] != [status]:
        raise Told(f"{[x.status for x in a]}, not [{status}]")
    if a[0].get("Connection") != "close":
        raise Told("no Connection: close")
    if a[0].get("Content-Type") != "application/problem+json" or \
            a[0].get("X-Content-Type-Options") != "nosniff":
        raise Told(f"fields {a[0].headers}")


def passed(got, status):
    a = answers(got)
    want = 400 if status == "notRequest" else status
    if [x.status for x in a] != [want, 200]:
        raise Told(f"{[x.status for x in a]}, not [{want}, 200]")
    if status == "notRequest" and b"jmap:error:not" not in a[0].body:
        raise Told(f"refused: {a[0].body!r}")


def one(server, auth, data, status, cut):
    data = data.replace(AUTH, auth)
    if isinstance(status, int) and status >= 400:
        data += NEXT
    else:
        data += get("/healthz/live", "Connection: close")
    pieces = [data[:cut], data[cut:]] if cut else [data]
    got = converse(server, pieces)
    if isinstance(status, int) and status >= 400:
        refused(got, status, data.startswith(b"HEAD "))
    else:
        passed(got, status)


@pytest.mark.parametrize("family", FAMILIES)
def test_abuse(server, family):
    auth = basic(server.first()).encode() + b"\r\n"
    bad = []
    for f, name, data, status in CASES:
        if f != family:
            continue
        for cut in 0, len(data) // 2, len(data) - 1:
            try:
                one(server, auth, data, status, cut)
            except Told as e:
                bad.append(f"{name}, cut at {cut}: {e}")
                break
    assert not bad, f"{len(bad)} cases:\n" + "\n".join(bad)
    assert converse(server, [get("/healthz/live", "Connection: close")])


def test_the_corpus_is_large():
    print(len(CASES), "cases")
    assert len(CASES) >= 400
