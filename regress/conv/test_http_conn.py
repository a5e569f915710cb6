# SPDX-License-Identifier: ISC
"""Connections: kept, ended, pipelined, chunked, waited for."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest
import requests

import h2_tools as h2
import helpers
from http_tools import (ECHO, basic, elapsed, get, plain, post, reset, tls)

LIVE = get("/healthz/live")


def test_connection_is_kept(server):
    c = tls(server)
    for _ in range(50):
        a = c.ask(LIVE)
        assert a.status == 200 and a.get("Connection") is None


def test_connection_close_is_honoured(server):
    for conn in plain(server), tls(server):
        a = conn.ask(get("/healthz/live", "Connection: close"))
        assert a.status == 200 and a.get("Connection") == "close"
        assert conn.closed()


def test_http_1_0(server):
    old = b"GET /healthz/live HTTP/1.0\r\nHost: localhost\r\n"
    c = plain(server)
    a = c.ask(old + b"\r\n")
    assert a.status == 200 and a.get("Connection") == "close"
    assert c.closed()
    c = plain(server)
    for _ in range(3):
        a = c.ask(old + b"Connection: keep-alive\r\n\r\n")
        assert a.get("Connection") == "keep-alive"


def test_pipelined_requests_are_answered_in_order(server):
    c = plain(server)
    paths = ["/healthz/live", "/nope", "/"] * 10
    c.send(b"".join(get(p) for p in paths))
    want = [200, 404, 302] * 10
    assert [c.answer().status for _ in paths] == want
    assert c.alive()


def test_pipelined_posts_with_bodies(server):
    auth = basic(server.first())
    c = tls(server)
    bodies = [ECHO.replace(b"c1", b"n%d" % i) for i in range(20)]
    c.send(b"".join(post("/jmap/", b, auth) for b in bodies))
    for i in range(20):
        a = json.loads(c.answer().body)
        assert a["methodResponses"][0][2] == f"n{i}"


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    helpers.wait_for(lambda: "T" in subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)],
        stdout=subprocess.PIPE, text=True).stdout)


def test_what_is_sent_ahead_waits_for_others(new_server):
    """The log has the order in which requests were worked on.  The worker is
    stopped until all are sent; which of both it hears first is its own."""
    s = new_server("workers = 1\nlimits {\n\tconnections-per-source = 100\n}\n")
    worker = json.loads(s.jmapctl("-j", "show", "workers").stdout)["pid"]
    many, one = plain(s), plain(s)
    many.ask(LIVE)
    one.ask(LIVE)

    def between(i):
        """Does one request come between those sent before it?"""
        stop(worker)
        many.send(get(f"/robots.txt?{i}") * 250)
        one.send(get(f"/nope?{i}"))
        os.kill(worker, signal.SIGCONT)
        assert one.answer().status == 404
        assert [many.answer().status for _ in range(250)] == [200] * 250
        done = 2 + 251 * (i + 1)
        said = helpers.wait_for(lambda: (
            lambda all: len(all) == done and all)(
                re.findall(r"status=(\d+)", s.log())))
        return "404" in said[-250:-1]

    assert any(between(i) for i in range(20))


def test_the_end_of_tls_input_waits_for_what_came_before(server):
    """Requests in records of their own, then FIN: the TLS library has read
    them all when their turn is over, and the socket is at its end."""
    c = tls(server)
    c.ask(LIVE)
    for i in range(40):
        c.send(LIVE)
    with socket.socket(fileno=os.dup(c.sock.fileno())) as raw:
        raw.shutdown(socket.SHUT_WR)
    assert [c.answer().status for _ in range(40)] == [200] * 40


def test_many_who_send_ahead_do_not_add_up(new_server):
    """One of them has its turn, not each, before somebody else has his.  The
    worker is stopped in the middle of their work."""
    s = new_server("workers = 1\nlimits {\n\tconnections-per-source = 100\n}\n")
    worker = json.loads(s.jmapctl("-j", "show", "workers").stdout)["pid"]
    one = plain(s)
    count = lambda: len(re.findall(r"status=\d+", s.log()))

    def still():
        time.sleep(0.05)
        before = count()
        time.sleep(0.05)
        return before if count() == before else None

    def waited(i):
        """Requests between the question and its answer; None: too late."""
        many = [plain(s) for _ in range(20)]
        for c in many:
            c.ask(LIVE)
        stop(worker)
        for c in many:
            c.send(get(f"/robots.txt?{i}") * 400)
        start = helpers.wait_for(still)
        os.kill(worker, signal.SIGCONT)
        helpers.wait_for(lambda: count() > start + 500, 10, 0.001)
        stop(worker)
        seen = helpers.wait_for(still)
        one.send(get(f"/nope?{i}"))
        os.kill(worker, signal.SIGCONT)
        assert one.answer().status == 404
        said = helpers.wait_for(lambda: (lambda all: "404" in all and all)(
            re.findall(r"status=(\d+)", s.log())[start:]))
        for c in many:
            c.sock.close()
        late = seen - start
        return said.index("404") - late if late < 20 * 400 - 1000 else None

    got = helpers.wait_for(lambda: waited(time.monotonic()) or None, 60)
    assert got < 100, got


@pytest.mark.parametrize("how", ["get", "post", "bodies last"])
def test_streams_sent_at_once_wait_for_others(new_server, how):
    """The same for the streams of HTTP/2."""
    s = new_server("workers = 1\n")
    worker = json.loads(s.jmapctl("-j", "show", "workers").stdout)["pid"]
    many, one = h2.plain(s), plain(s)
    auth = [("authorization", basic(s.first()).split(" ", 1)[1]),
            ("content-type", "application/json")]
    ids = range(3, 123, 2)
    heads = [h2.get(stream=i) if how == "get" else
             h2.post(*auth, stream=i, path="/jmap/") for i in ids]
    bodies = [b"" if how == "get" else h2.data(ECHO, stream=i) for i in ids]
    many.send(h2.post(*auth, stream=1, path="/jmap/") +
              h2.data(ECHO)).until(lambda: 1 in many.ended)
    one.ask(LIVE)
    time.sleep(0.1)             # it waits for both, and hears many first
    os.kill(worker, signal.SIGSTOP)
    many.send(b"".join(heads + bodies if how == "bodies last" else
                       [x for pair in zip(heads, bodies) for x in pair]))
    one.send(get("/nope"))
    os.kill(worker, signal.SIGCONT)
    assert one.answer().status == 404
    assert many.until(lambda: len(many.ended) == 61), many.verdict()
    assert set(many.answers.values()) == {200}
    said = helpers.wait_for(lambda: (lambda all: len(all) == 63 and all)(
        re.findall(r"status=(\d+)", s.log())))
    assert said.index("404") < 20


def test_head_has_the_fields_and_no_body(server):
    c = plain(server)
    full = c.ask(LIVE)
    head = c.ask(get("/healthz/live", method="HEAD"), head=True)
    assert head.status == 200
    strip = lambda a: [h for h in a.headers if h[0] != "Date"]
    assert strip(head) == strip(full)
    assert head.get("Content-Length") == str(len(full.body))
    assert c.ask(get("/nope", method="HEAD"), head=True).status == 404
    assert c.alive()


def test_chunked_request_body(server):
    auth = basic(server.first())
    for size in 1, 7, 1000:
        c = tls(server)
        c.send(get("/jmap/", "Content-Type: application/json", auth,
                   "Transfer-Encoding: chunked", method="POST"))
        for i in range(0, len(ECHO), size):
            part = ECHO[i:i + size]
            c.send(b"%x\r\n%s\r\n" % (len(part), part))
        a = c.ask(b"0\r\n\r\n")
        assert a.status == 200 and b"hello" in a.body
        assert c.alive()


def test_body_in_many_pieces(server):
    c = tls(server)
    data = post("/jmap/", ECHO + b" " * 50000, basic(server.first()))
    for i in range(0, len(data), 3001):
        c.send(data[i:i + 3001])
    assert c.answer().status == 200
    assert c.alive()


def test_100_continue(server):
    fields = ["Content-Type: application/json", "Expect: 100-continue",
              f"Content-Length: {len(ECHO)}", basic(server.first())]
    c = tls(server)
    c.send(get("/jmap/", *fields, method="POST"))
    assert c.answer().status == 100
    assert c.ask(ECHO).status == 200
    # the body is there already: no 100 is needed (RFC 9110 10.1.1)
    assert c.ask(get("/jmap/", *fields, method="POST") + ECHO).status == 200


def test_no_100_continue_for_what_is_refused(server):
    c = tls(server)
    a = c.ask(get("/jmap/", "Content-Type: application/json",
                  "Expect: 100-continue", "Content-Length: 5",
                  method="POST"))
    assert a.status == 401 and a.get("Connection") == "close"
    assert c.closed()


def test_refused_body_that_is_here_does_not_cost_the_connection(server):
    c = tls(server)
    a = c.ask(post("/jmap/", ECHO))
    assert a.status == 401 and a.get("Connection") is None
    assert c.alive()


def test_too_large_body_is_refused_before_it_is_sent(server):
    auth = basic(server.first())
    for length in 10000001, 9999999999999999999:
        c = tls(server)
        a = c.ask(get("/jmap/", "Content-Type: application/json", auth,
                      f"Content-Length: {length}", method="POST"))
        assert a.status == 413
        problem = json.loads(a.body)
        assert problem["type"] == "urn:ietf:params:jmap:error:limit"
        assert problem["limit"] == "maxSizeRequest"
        assert a.get("Connection") == "close"
        assert c.closed()


def test_too_large_chunked_body_is_cut(server):
    c = tls(server)
    c.send(get("/jmap/", "Content-Type: application/json",
               basic(server.first()), "Transfer-Encoding: chunked",
               method="POST"))
    part = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    for _ in range(12):
        c.send(part)
    assert c.answer().status == 413
    assert c.closed()


@pytest.mark.parametrize("how", ["requests", "curl"])
def test_client_that_sends_to_the_end_sees_its_refusal(server, tmp_path, how):
    account = server.first()
    big = b"x" * 60000000       # max-size-upload is 50 MB
    url = server.url + "/jmap/upload/" + account.id + "/"
    for password, status in ("wrong", 401), (account.password, 413):
        if how == "requests":
            r = requests.post(url, data=big, verify=server.ca,
                              auth=(account.name, password))
            assert r.status_code == status
            assert r.json()["status"] == status
            continue
        (tmp_path / "big").write_bytes(big)
        done = subprocess.run(
            ["curl", "-s", "--noproxy", "*", "--http1.1", "--cacert",
             server.ca, "-u", f"{account.name}:{password}", "-H", "Expect:",
             "-w", "%{http_code}", "-o", str(tmp_path / "out"),
             "--data-binary", f"@{tmp_path / 'big'}", url],
            stdout=subprocess.PIPE, text=True)
        assert done.stdout == str(status)
        assert f'"status":{status}' in (tmp_path / "out").read_text()


def test_refused_client_cannot_send_forever(server):
    c = plain(server)
    c.send(b"POST /jmap/ HTTP/1.1\r\nHost: a b\r\n\r\n")
    assert c.answer().status == 400
    c.sock.settimeout(10)
    part = b"x" * (1 << 20)
    with pytest.raises(OSError):
        for _ in range(100):
            c.send(part)


def test_body_where_none_is_expected(server):
    c = plain(server)
    assert c.ask(post("/", b"x")).status == 405
    assert c.alive()


def test_methods_and_paths(server):
    c = plain(server)
    assert c.ask(get("/nope")).status == 404
    a = c.ask(get("/healthz/live", method="DELETE"))
    assert a.status == 405 and a.get("Allow") == "GET, HEAD, OPTIONS"
    a = c.ask(get("/jmap/session", method="OPTIONS"))
    assert a.status == 204 and a.get("Allow") == "GET, HEAD, OPTIONS"
    assert c.ask(get("*", method="OPTIONS")).status == 204
    assert c.ask(get("/nope", method="OPTIONS")).status == 404
    assert c.ask(get("/healthz/live/", method="GET")).status == 404
    assert c.alive()


def test_date_is_a_date(server):
    a = plain(server).ask(LIVE)
    assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} "
                        r"\d{4} \d\d:\d\d:\d\d GMT", a.get("Date"))


def test_large_answer_arrives_whole(server):
    body = (b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":'
            b'[["Core/echo",{"a":"' + b"x" * 3000000 + b'"},"c"]]}')
    c = tls(server)
    c.send(post("/jmap/", body, basic(server.first())))
    time.sleep(0.2)                     # let it fill every buffer
    a = c.answer()
    assert a.status == 200 and a.body.count(b"x") == 3000000
    assert c.alive()


def test_client_that_vanishes_hurts_nobody(server):
    auth = basic(server.first())
    for i in range(20):
        c = tls(server)
        c.send(post("/jmap/", ECHO, auth)[:50 + i * 20])
        reset(c.sock)
        c = plain(server)
        c.send(LIVE * 5)
        reset(c.sock)
    assert plain(server).alive()


@pytest.fixture(scope="module")
def quick():
    """A server with short patience."""
    import helpers
    s = helpers.Server("""
limits {
	connections-per-source = 1000000
	header-timeout = 600ms
	tls-timeout = 600ms
	keep-alive = 900ms
	body-grace = 500ms
	body-timeout = 3s
	body-rate = 1K
	write-timeout = 700ms
	drain-timeout = 2s
	max-size-request = 100K
}
""")
    yield s
    s.remove()


def test_slow_head_gets_408(quick):
    c = plain(quick)
    start = time.monotonic()
    for byte in b"GET / HTTP/1.1\r\nHost: lo":
        c.send(bytes([byte]))
        time.sleep(0.02)
    a = c.answer()
    assert a.status == 408 and a.get("Connection") == "close"
    assert 0.5 < elapsed(start) < 2.5
    assert c.closed()


def test_silent_connection_is_closed_without_a_word(quick):
    start = time.monotonic()
    assert plain(quick).closed()
    assert 0.5 < elapsed(start) < 2.5


def test_idle_connection_is_closed_without_a_word(quick):
    c = tls(quick)
    assert c.ask(LIVE).status == 200
    start = time.monotonic()
    assert c.closed()
    assert 0.8 < elapsed(start) < 2.5


def test_silent_handshake_is_closed(quick):
    host, port = quick.url.split("//")[1].rsplit(":", 1)
    import socket
    s = socket.create_connection(("127.0.0.1", int(port)), timeout=5)
    start = time.monotonic()
    assert s.recv(100) == b""
    assert 0.5 < elapsed(start) < 2.5


def test_stalled_body_gets_408(quick):
    c = tls(quick)
    start = time.monotonic()
    a = c.ask(post("/jmap/", ECHO, basic(quick.first()))[:-5])
    assert a.status == 408
    assert 0.4 < elapsed(start) < 2.5
    assert c.closed()


def test_slow_but_honest_body_is_waited_for(quick):
    c = tls(quick)
    data = post("/jmap/", ECHO + b" " * 6000, basic(quick.first()))
    for i in range(0, len(data), 800):
        c.send(data[i:i + 800])
        time.sleep(0.2)                 # 4 KB a second for 1.2 s
    assert c.answer().status == 200


def test_body_has_an_absolute_limit(quick):
    c = tls(quick)
    data = post("/jmap/", ECHO + b" " * 90000, basic(quick.first()))
    start = time.monotonic()
    try:
        for i in range(0, len(data), 1500):
            c.send(data[i:i + 1500])
            time.sleep(0.2)
            if elapsed(start) > 3.6:
                break
    except OSError:
        pass
    assert c.answer().status == 408
    assert elapsed(start) < 6


def test_client_that_does_not_read_is_cut(quick):
    auth = basic(quick.first())
    c = tls(quick)
    big = ECHO.replace(b"true", b'"' + b"y" * 90000 + b'"')
    start = time.monotonic()
    try:
        while elapsed(start) < 10:
            c.sock.settimeout(0.5)
            c.send(post("/jmap/", big, auth))
    except OSError:
        pass
    time.sleep(1.5)
    lines = quick.jmapctl("-j", "show", "connections").stdout
    assert lines.count('"tls"') == 0, lines
    assert plain(quick).alive()
