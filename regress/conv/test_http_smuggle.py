# SPDX-License-Identifier: ISC
"""Nothing that can be read in two ways is answered with anything but a
refusal, and nothing behind it is answered at all."""

import pytest

from http_smuggle import CHUNKS, HEADS
from http_tools import Conn, basic, get, plain, tls

NEXT = get("/healthz/live")


def refused(conn, data, status):
    a = conn.ask(data + NEXT)
    assert a.status == status
    assert a.get("Connection") == "close"
    assert a.get("Content-Type") == "application/problem+json"
    assert a.get("X-Content-Type-Options") == "nosniff"
    assert a.get("Cache-Control") == "no-store"
    assert b'"status":%d' % status in a.body
    assert conn.closed()


@pytest.mark.parametrize("name,data,status", HEADS,
                         ids=[h[0] for h in HEADS])
def test_ambiguous_head_is_refused(server, name, data, status):
    refused(plain(server), data, status)


@pytest.mark.parametrize("name,data,status", HEADS[::6],
                         ids=[h[0] for h in HEADS[::6]])
def test_ambiguous_head_is_refused_over_tls(server, name, data, status):
    refused(tls(server), data, status)


@pytest.mark.parametrize("name,body", CHUNKS, ids=[c[0] for c in CHUNKS])
def test_malformed_chunks_are_refused(server, name, body):
    head = get("/jmap/", "Content-Type: application/json",
               "Transfer-Encoding: chunked", basic(server.first()),
               method="POST")
    c = tls(server)
    a = c.ask(head + body + NEXT)
    assert a.status == 400
    assert a.get("Connection") == "close"
    assert b"chunked" in a.body
    assert c.closed()


def test_refusal_after_good_requests_answers_them_first(server):
    c = plain(server)
    c.send(NEXT + NEXT + b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + NEXT)
    assert [c.answer().status for _ in range(3)] == [200, 200, 400]
    assert c.closed()


def test_body_in_a_length_is_never_a_request(server):
    inner = get("/healthz/live", "X-Inner: 1")
    head = get("/jmap/", "Content-Type: application/json",
               f"Content-Length: {len(inner)}", basic(server.first()),
               method="POST")
    c = tls(server)
    a = c.ask(head + inner)
    assert a.status == 400 and b"notJSON" in a.body
    assert c.alive()


def test_head_and_body_in_single_octets(server):
    c = plain(server)
    for i in range(len(NEXT)):
        c.send(NEXT[i:i + 1])
    assert c.answer().status == 200


def test_unknown_host_is_misdirected(server):
    for conn in plain(server), tls(server):
        a = conn.ask(get("/", host="evil.test"))
        assert a.status == 421
        assert conn.alive()     # the message itself was well formed


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "mail.test",
                                  "mail.test.", "127.0.0.1:80", "[::1]:8"])
def test_own_names_are_served(server, host):
    assert plain(server).ask(get("/healthz/live", host=host)).status == 200


def test_absolute_form_replaces_host(server):
    c = plain(server)
    a = c.ask(get("http://mail.test/healthz/live", host="evil.test"))
    assert a.status == 200
    assert c.ask(get("http://evil.test/", host="mail.test")).status == 421
    assert c.ask(get("https://mail.test/", host="mail.test")).status == 421


def test_one_empty_line_first_is_tolerated(server):
    c = plain(server)
    assert c.ask(b"\r\n" + NEXT).status == 200
    assert c.ask(b"\r\n" + NEXT).status == 200


def test_sizes_have_limits(server):
    long = "a" * 9000
    assert plain(server).ask(get("/" + long)).status == 414
    assert plain(server).ask(get("/", "X: " + long)).status == 431
    assert plain(server).ask(get("/", *["X: a"] * 100)).status == 431
    many = [f"X: {'b' * 1000}"] * 40
    assert plain(server).ask(get("/", *many)).status == 431
    c = plain(server)
    assert c.ask(get("/healthz/live", *["X: a"] * 99)).status == 200
    c = Conn(server.plain())
    c.send(b"G" * 9000)         # no end in sight
    assert c.answer().status == 414
