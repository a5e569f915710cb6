# SPDX-License-Identifier: ISC
"""HTTP/2: what is malformed or too much ends as the table says, everything
else is the same server as over HTTP/1.1."""

import subprocess

import pytest

import h2_tools as h2
from h2_cases import CASES, PREFACES


def count_threshold():
    return len(CASES) + len(PREFACES)


def test_the_corpus_is_large_enough():
    names = [c[0] for c in CASES]
    assert len(set(names)) == len(names)
    assert count_threshold() >= 150


def outcome(c, frames):
    """Send, then a PING: whatever was to come has come before its ACK, or
    the connection has ended."""
    c.send(frames).mark()
    c.until(lambda: c.marks > 0 or c.goaway)
    c.mark()                # an ACK overtakes the answers of its turn
    c.until(lambda: c.marks > 1 or c.goaway)
    if c.goaway:
        c.until(lambda: False)
        assert c.eof
    return c.verdict()


def alive(server):
    c = h2.plain(server)
    assert outcome(c, h2.get()) == "200"
    c.sock.close()


@pytest.mark.parametrize("name,frames,verdict", CASES,
                         ids=[c[0] for c in CASES])
def test_abuse(server, name, frames, verdict):
    c = h2.plain(server)
    got = outcome(c, frames)
    c.sock.close()
    assert got == verdict
    alive(server)


@pytest.mark.parametrize("name,data", PREFACES, ids=[p[0] for p in PREFACES])
def test_bad_preface(server, name, data):
    c = h2.raw(server)
    c.send(data)
    seen = b""
    while True:
        try:
            part = c.sock.recv(65536)
        except ConnectionError:
            break
        if not part:
            break
        seen += part
    assert b" 200" not in seen
    if seen.startswith(b"HTTP/1.1 "):
        assert seen.count(b"HTTP/1.1 ") == 1
        assert seen.split()[1] in (b"400", b"501", b"505")
    else:
        c.buf, c.eof = seen, True
        while len(c.buf) >= 9 and c.step():
            pass
        assert c.answers == {}
    alive(server)
