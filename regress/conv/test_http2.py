# SPDX-License-Identifier: ISC
"""HTTP/2: what is malformed or too much ends as the table says, everything
else is the same server as over HTTP/1.1."""

import base64
import json
import os
import signal
import ssl
import subprocess
import time

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


# --- how it begins -----------------------------------------------------------

def test_alpn_prefers_h2_and_takes_http_1_1(server):
    for offer, want in ((("http/1.1", "h2"), "h2"), (("h2",), "h2"),
                        (("http/1.1",), "http/1.1"), ((), None)):
        with server.tls(alpn=offer) as s:
            assert s.selected_alpn_protocol() == want


@pytest.mark.parametrize("offer", [("h3",), ("h2c",), ("spdy/3", "acme-tls/1"),
                                   ("http/1.0",), ("H2",)])
def test_no_protocol_in_common_is_an_alert(server, offer):
    with pytest.raises(ssl.SSLError) as e:
        server.tls(alpn=offer)
    assert "no application protocol" in str(e.value).lower().replace("_", " ")


def test_settings_say_what_is_enforced(server):
    c = h2.tls(server)
    c.until(lambda: c.acked)
    assert c.settings == {3: 64, 4: 65535, 6: 32768, 8: 1, 9: 1}


def test_switched_off(new_server):
    s = new_server("http {\n\thttp2 = false\n}\n")
    with s.tls(alpn=("h2", "http/1.1")) as t:
        assert t.selected_alpn_protocol() == "http/1.1"
    with pytest.raises(ssl.SSLError):
        s.tls(alpn=("h2",))
    c = h2.raw(s).send(h2.MAGIC + h2.setting())
    assert c.sock.recv(4096).startswith(b"HTTP/1.1 501 ")


def test_prior_knowledge_is_not_for_the_second_request(server):
    s = server.plain()
    s.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert s.recv(4096).startswith(b"HTTP/1.1 200 ")
    s.sendall(h2.MAGIC + h2.setting())
    assert s.recv(4096).startswith(b"HTTP/1.1 501 ")


# --- the same server ---------------------------------------------------------

def curl(server, url, *args):
    """(status, fields, body): what curl saw."""
    out = subprocess.run(
        ["curl", "-sS", "-i", "--cacert", server.ca, *args, url],
        stdout=subprocess.PIPE, check=True).stdout
    head, body = out.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = sorted((n.lower(), v) for n, v in
                    (x.split(": ", 1) for x in lines[1:])
                    if n.lower() not in ("date", "retry-after"))
    return lines[0].split()[:2], fields, body


@pytest.mark.parametrize("path,args", [
    ("/healthz/live", []), ("/healthz/live", ["-I"]), ("/", []),
    ("/.well-known/jmap", []), ("/jmap/session", []), ("/nothing", []),
    ("/jmap/session", ["-u", "USER"]), ("/jmap/session", ["-I", "-u", "USER"]),
    ("/jmap", ["-X", "DELETE"]), ("/jmap", ["-d", "{}"]),
    ("/healthz/live", ["-d", "x"]),
    ("/jmap", ["-X", "OPTIONS", "-H", "Origin: https://a.example", "-H",
               "Access-Control-Request-Method: POST"]),
    ("/jmap", ["-d", "[]", "-H", "Content-Type: application/json", "-u",
               "USER"]),
], ids=lambda v: " ".join(v) if isinstance(v, list) else v)
def test_answers_are_those_of_http_1_1(server, account, path, args):
    args = [f"{account.name}:{account.password}" if a == "USER" else a
            for a in args]
    (v1, s1), f1, b1 = curl(server, server.url + path, "--http1.1", *args)
    (v2, s2), f2, b2 = curl(server, server.url + path, "--http2", *args)
    assert (v1, v2) == ("HTTP/1.1", "HTTP/2")
    assert (s1, b1) == (s2, b2)
    hop = ("connection", "keep-alive")
    assert [f for f in f1 if f[0] not in hop] == f2


def authorization(account):
    token = f"{account.name}:{account.password}".encode()
    return ("authorization", "Basic " + base64.b64encode(token).decode())


ECHO = b'{"using":["urn:ietf:params:jmap:core"],' \
       b'"methodCalls":[["Core/echo",{"n":%d},"0"]]}'


def test_many_requests_wait_for_one_login(server, account):
    c = h2.tls(server)
    for i in range(40):
        body = ECHO % i
        c.send(h2.post(authorization(account),
                       ("content-type", "application/json"), path="/jmap",
                       scheme="https", stream=2 * i + 1) +
               h2.data(body, 2 * i + 1))
    assert c.until(lambda: len(c.ended) == 40)
    assert set(c.answers.values()) == {200}
    for i in range(40):
        assert b'"n":%d}' % i in c.bodies[2 * i + 1]


def test_reset_while_the_login_is_checked(server):
    for n in range(3):
        a = server.adduser()
        c = h2.plain(server)
        ask = h2.get(authorization(a), path="/jmap/session")
        c.send(ask + h2.rst(1))
        c.send(h2.get(authorization(a), path="/jmap/session", stream=3))
        assert c.until(lambda: 3 in c.ended)
        assert c.answers == {3: 200}


def test_reset_streams_keep_their_place_while_others_work_for_them(
        new_server):
    """CVE-2023-44487, CVE-2025-8671: no more work at a time by resets."""
    s = new_server("auth {\n\targon2-memory = 64M\n\targon2-time = 6\n}\n")
    a = s.first()
    c = h2.plain(s)
    for i in range(64):
        c.send(h2.get(authorization(a), path="/jmap/session",
                      stream=2 * i + 1))
    c.send(b"".join(h2.rst(2 * i + 1) for i in range(64)))
    c.send(h2.get(stream=1001))
    assert c.until(lambda: 1001 in c.resets or 1001 in c.ended)
    assert c.verdict(1001) == "rst REFUSED_STREAM"
    stream = 1003
    while True:
        time.sleep(0.3)
        c.send(h2.get(stream=stream))
        assert c.until(lambda: stream in c.resets or stream in c.ended)
        if stream in c.ended:
            break
        stream += 2
    assert c.answers == {stream: 200}


def test_the_client_goes_while_the_login_is_checked(server):
    for n in range(3):
        a = server.adduser()
        c = h2.plain(server)
        c.send(h2.get(authorization(a), path="/jmap/session"))
        c.sock.close()
    alive(server)


def test_upload_larger_than_every_window(server, account, tmp_path):
    data = os.urandom(1000000)
    (tmp_path / "data").write_bytes(data)
    up = account.session["uploadUrl"].replace("{accountId}", account.id)
    (v, status), _, body = curl(
        server, up, "--http2", "-u", f"{account.name}:{account.password}",
        "-H", "Content-Type: application/octet-stream", "-H", "Expect:",
        "--data-binary", f"@{tmp_path}/data")
    assert (v, status) == ("HTTP/2", "201")
    blob = json.loads(body)["blobId"]
    down = f"{server.url}/jmap/download/{account.id}/{blob}/x"
    (v, status), fields, body = curl(
        server, down, "--http2", "-u", f"{account.name}:{account.password}")
    assert (v, status) == ("HTTP/2", "200")
    assert ("content-length", "1000000") in fields
    assert body == data


def test_too_large_is_said_before_it_is_sent(server, account):
    c = h2.plain(server)
    c.send(h2.post(authorization(account), ("content-length", "99999999"),
                   ("content-type", "application/json"), path="/jmap"))
    assert c.until(lambda: 1 in c.resets)
    assert c.answers[1] == 413 and 1 in c.ended
    assert h2.ERRORS[c.resets[1]] == "NO_ERROR"
    assert b'"limit":"maxSizeRequest"' in c.bodies[1]
    assert outcome(c, h2.get(stream=3)) == "413" and c.answers[3] == 200


def test_100_continue(server, account):
    c = h2.plain(server)
    seen = []
    take = c.take
    c.take = lambda k, f, s, b: (k == h2.HEADERS and seen.append(h2.status(b)),
                                 take(k, f, s, b))
    c.send(h2.post(authorization(account), ("expect", "100-continue"),
                   ("content-type", "application/json"), path="/jmap"))
    assert c.until(lambda: seen)
    c.send(h2.data(ECHO % 1))
    assert c.until(lambda: 1 in c.ended)
    assert seen == [100, 200]


def test_the_window_of_a_stream_is_kept(server):
    """65535 bytes and not one more, until some of them were used."""
    a = server.adduser()
    c = h2.plain(server)
    c.send(h2.post(authorization(a), ("content-type", "application/json"),
                   path="/jmap"))
    for n in (16384, 16384, 16384, 16383):
        c.send(h2.data(b" " * n, end=False))
    assert outcome(c, h2.data(b" " * 16384, end=False)) in (
        "rst FLOW_CONTROL_ERROR", "nothing")


def test_answers_wait_for_the_window(server, account):
    blob = account.upload(b"x" * 200000)["blobId"]
    c = h2.plain(server)
    c.send(h2.get(authorization(account), path=f"/jmap/download/{account.id}/"
                  f"{blob}/x"))
    got = 0
    while got < 200000:
        assert c.until(lambda: len(c.bodies.get(1, b"")) >=
                       min(got + 65535, 200000))
        got = len(c.bodies[1])
        assert got % 65535 == 0 or got == 200000
        c.send(h2.window(0, 65535) + h2.window(1, 65535))
    assert c.until(lambda: 1 in c.ended)
    assert c.bodies[1] == b"x" * 200000


def test_nghttp_and_h2load_are_content(server):
    out = subprocess.run(
        ["h2load", "-n2000", "-c4", "-m20",
         server.url.replace("localhost", "127.0.0.1") + "/healthz/live"],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "2000 succeeded, 0 failed, 0 errored" in out, out
    out = subprocess.run(
        ["nghttp", "-v", "-m3", server.plain_url + "/healthz/live"],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    assert out.count(":status: 200") == 3, out


# --- time and the end --------------------------------------------------------

QUICK = """
limits {
	header-timeout = 1s
	body-grace = 1s
	write-timeout = 1s
	keep-alive = 1s
	connections-per-source = 1000000
	drain-timeout = 5s
}
"""


def test_everything_slow_ends(new_server):
    s = new_server(QUICK)
    a = s.first()
    blob = a.upload(b"x" * 100000)["blobId"]
    early = h2.plain(s)                      # no request at all
    block = h2.plain(s)                      # a head without an end
    block.until(lambda: block.settings)
    block.send(h2.frame(h2.HEADERS, 1, 1, h2.section(h2.pseudo())))
    body = h2.plain(s)                       # a body that does not come
    body.send(h2.post(authorization(a), ("content-type", "application/json"),
                      path="/jmap") + h2.data(b"{", end=False))
    read = h2.plain(s)                       # an answer nobody takes
    read.send(h2.setting((4, 1)) +
              h2.get(authorization(a),
                     path=f"/jmap/download/{a.id}/{blob}/x"))
    idle = h2.plain(s)                       # nothing after a request
    assert outcome(idle, h2.get()) == "200"
    silent = h2.raw(s)                       # half a preface
    silent.send(h2.MAGIC[:10])

    assert body.until(lambda: 1 in body.ended)
    assert body.answers == {1: 408}
    assert read.until(lambda: 1 in read.resets)
    assert read.verdict() == "rst ENHANCE_YOUR_CALM"
    for c in (early, idle):
        assert not c.until(lambda: False)
        assert c.goaway == 0 and c.eof
    assert not block.until(lambda: False)
    assert block.verdict() == "goaway ENHANCE_YOUR_CALM"
    silent.sock.settimeout(10)
    assert silent.sock.recv(4096)[:12] in (b"", b"HTTP/1.1 408")


def test_reload_keeps_connections_and_the_end_says_goaway(new_server):
    s = new_server()
    c = h2.tls(s)
    for i in range(5):
        assert outcome_of(c, 2 * i + 1) == 200
        s.jmapctl("reload")
    s.stop()
    assert not c.until(lambda: False)
    assert c.goaway == 0 and c.last == 9


def test_a_stream_that_outlives_a_reload_ends_its_connection(new_server):
    s = new_server()
    a = s.first()
    blob = a.upload(b"x" * 100000)["blobId"]
    c = h2.plain(s)
    c.send(h2.get(authorization(a), path=f"/jmap/download/{a.id}/{blob}/x"))
    assert c.until(lambda: len(c.bodies.get(1, b"")) == 65535)
    s.jmapctl("reload")
    assert c.until(lambda: c.goaway == 0)
    c.send(h2.window(0, 65535) + h2.window(1, 65535))
    assert c.until(lambda: 1 in c.ended)
    assert len(c.bodies[1]) == 100000
    assert not c.until(lambda: False)


def outcome_of(c, stream):
    c.send(h2.get(stream=stream, scheme="https"))
    assert c.until(lambda: stream in c.ended)
    return c.answers[stream]


def test_what_has_begun_is_finished_before_the_end(new_server):
    s = new_server("limits {\n\tdrain-timeout = 10s\n}\n")
    a = s.first()
    blob = a.upload(b"x" * 100000)["blobId"]
    c = h2.plain(s)
    c.send(h2.get(authorization(a), path=f"/jmap/download/{a.id}/{blob}/x"))
    assert c.until(lambda: len(c.bodies.get(1, b"")) == 65535)
    os.kill(int(s.pid), signal.SIGTERM)
    assert c.until(lambda: c.goaway == 0)
    c.send(h2.window(0, 65535) + h2.window(1, 65535))
    assert c.until(lambda: 1 in c.ended)
    assert len(c.bodies[1]) == 100000
    assert not c.until(lambda: False)
    s.stop()


def test_python_h2_is_content(server, account):
    connection = pytest.importorskip("h2.connection")
    events = pytest.importorskip("h2.events")
    sock = server.tls(alpn=("h2",))
    c = connection.H2Connection()
    c.initiate_connection()
    for i in range(5):
        n = c.get_next_available_stream_id()
        c.send_headers(n, [(":method", "POST"), (":scheme", "https"),
                           (":authority", "localhost"), (":path", "/jmap"),
                           ("content-type", "application/json"),
                           authorization(account)])
        c.send_data(n, ECHO % i, end_stream=True)
    sock.sendall(c.data_to_send())
    status, ended = {}, set()
    while len(ended) < 5:
        for e in c.receive_data(sock.recv(65536)):
            if isinstance(e, events.ResponseReceived):
                status[e.stream_id] = dict(e.headers)[b":status"]
            elif isinstance(e, events.StreamEnded):
                ended.add(e.stream_id)
        sock.sendall(c.data_to_send())
    assert set(status.values()) == {b"200"}
