# SPDX-License-Identifier: ISC
"""security.md 1.2: what protects an answer, for each route that the server
has and each way to get it wrong.  The routes and their classes are read from
the table that the server itself uses; the fields of a class stand here."""

import json
import re

import pytest

import helpers
from http_tools import ECHO, basic, get, plain, post, tls

C1 = ("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
      "form-action 'none'")
C2 = ("sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'")
C3 = "default-src 'none'; script-src 'self'"
C4 = "default-src 'none'; style-src 'self'"
PP = "accelerometer=(), ambient-light-sensor=()"
HSTS = "max-age=31536000; includeSubDomains"

# field: {classes: value}; a class that is not named has none.  A value with
# a final "*" is a beginning.
TABLE = {
    "Content-Security-Policy": {"ASKETWRPLX": C1, "B": C2, "H": C3 + "*",
                                "O": C4 + "*"},
    "X-Content-Type-Options": {"ASKBEHTOWRPLX": "nosniff"},
    "X-Frame-Options": {"ASKBHORLX": "DENY"},
    "Referrer-Policy": {"ASKBEHTOWRLX": "no-referrer"},
    "Cross-Origin-Resource-Policy": {"ASKBEHTOWRLX": "same-origin"},
    "Cross-Origin-Opener-Policy": {"BHO": "same-origin"},
    "Cross-Origin-Embedder-Policy": {"HO": "require-corp"},
    "Permissions-Policy": {"BHO": PP + "*"},
    "X-XSS-Protection": {"HO": "0"},
    "Origin-Agent-Cluster": {"HO": "?1"},
    "X-Permitted-Cross-Domain-Policies": {"ASKBEHTOWRLX": "none"},
    "X-Robots-Tag": {"ASKBEHOLX": "noindex, nofollow"},
    "Strict-Transport-Security": {"ASKBEHTOWRPLX": HSTS},
    "Pragma": {"KO": "no-cache"},
}
NEVER = ["Server", "X-Powered-By", "Via", "Set-Cookie", "Alt-Svc",
         "Timing-Allow-Origin", "Server-Timing", "NEL", "Expect-CT",
         "Public-Key-Pins", "Feature-Policy", "Content-Encoding",
         "Access-Control-Allow-Credentials"]


def routes():
    text = (helpers.TOP / "worker" / "worker_routes.c").read_text()
    rows = re.findall(r'^\t\{ ([M_A-Z |]+), "([^"]+)",\s+HTTP_(\w),', text,
                      re.M)
    assert len(rows) >= 16
    return [(m.replace("M_", "").split(" | "), re.sub(r"\{\w+\}", "x", path),
             c) for m, path, c in rows]


def check(answer, cls, tls_=True):
    for name, by in TABLE.items():
        want = next((v for k, v in by.items() if cls in k), None)
        if not tls_ and name == "Strict-Transport-Security":
            want = None
        got = answer.get(name)
        if want is not None and want.endswith("*"):
            assert got.startswith(want[:-1]), name
        else:
            assert got == want, f"{name} of class {cls}: {got}"
    for name in NEVER:
        assert answer.all(name) == [], name
    cors = answer.all("Access-Control-Allow-Origin")
    assert cors == (["*"] if cls == "W" else [])
    assert len(answer.all("Date")) == 1
    lower = [n.lower() for n, _ in answer.headers]
    for name in set(lower) - {"www-authenticate", "vary"}:
        assert lower.count(name) == 1, name
    cache = answer.get("Cache-Control")
    if answer.status >= 400:
        assert "no-store" in cache or cls in "R"
    if answer.status == 401:
        assert answer.all("WWW-Authenticate")
    if answer.status == 405:
        assert answer.get("Allow")
    if answer.status >= 400:
        assert answer.get("Content-Type") == "application/problem+json"
        assert json.loads(answer.body)["status"] == answer.status


@pytest.fixture(scope="module")
def safe():
    s = helpers.Server("http {\n\thsts = true\n}\n")
    yield s
    s.remove()


@pytest.mark.parametrize("methods,path,cls", routes())
def test_every_route_protects_its_answers(safe, methods, path, cls):
    """Without a login, with a method that is none of its own, and OPTIONS."""
    for method in methods:
        a = tls(safe).ask(get(path, method=method) if method == "GET" else
                          post(path, b"{}", method=method))
        assert a.status in (200, 301, 302, 303, 307, 308, 400, 401, 403, 404,
                            415, 503), a.status
        check(a, "R" if 300 <= a.status < 400 else cls)
    known = {m for ms, p, _ in routes() if p == path for m in ms}
    wrong = next(m for m in ("DELETE", "PUT", "PATCH") if m not in known)
    a = tls(safe).ask(get(path, method=wrong))
    assert a.status == 405
    check(a, cls)
    a = tls(safe).ask(get(path, method="OPTIONS"))
    assert a.status == 204 and a.get("Allow") and a.body == b""
    check(a, "P")
    a = tls(safe).ask(get(path, method="HEAD"), head=True)
    check_head = {n for n, _ in a.headers}
    assert "Content-Security-Policy" in check_head


@pytest.mark.parametrize("methods,path,cls", routes())
def test_no_route_sends_hsts_without_tls(safe, methods, path, cls):
    a = plain(safe).ask(get(path))
    assert a.all("Strict-Transport-Security") == []


FAULTS = [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"\x16\x03\x01\x00\x00\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX Y: z\r\n\r\n", 400),
    (b"POST /jmap HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n", 400),
    (b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505),
    (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
    (get("/" + "a" * 9000), 414),
    (get("/", "X: " + "a" * 9000), 431),
    (get("/", *[f"X{i}: a" for i in range(101)]), 431),
    (get("/", host="evil.test"), 421),
    (get("/nope"), 404),
    (get("/../etc/passwd"), 400),
    (get("/", "Expect: something"), 417),
]


@pytest.mark.parametrize("data,status", FAULTS)
def test_every_fault_is_protected(safe, data, status):
    for conn, secure in ((tls, True), (plain, False)):
        a = conn(safe).ask(data)
        assert a.status == status
        check(a, "X", secure)


def test_faults_behind_a_route(safe):
    me = basic(safe.first())
    for data, status, cls in [
            (post("/jmap/", b"{", me), 400, "A"),
            (post("/jmap/", b"x" * 10000001, me), 413, "A"),
            (post("/jmap/", ECHO, me, "Content-Encoding: gzip"), 415, "A"),
            (get("/jmap/session", me, "X: y"), 200, "S"),
            (get("/api/principal", me), 403, "A"),
            (get("/jmap/download/Ax/Gx/a", me), 404, "B"),
            (get("/jmap/download/Ax/Gx/a", me, "Sec-Fetch-Dest: script"),
             403, "B"),
            (get("/jmap/session", "Authorization: Basic !"), 401, "S"),
            (get("/healthz/live"), 200, "A")]:
        c = tls(safe)
        c.sock.settimeout(20)
        try:
            c.send(data)
        except OSError:
            pass
        a = c.answer()
        assert a.status == status, a.body
        check(a, cls)


def test_no_answer_is_compressed(safe):
    """A secret beside a stranger's text must not be squeezed (BREACH)."""
    for accept in ("gzip", "br", "gzip, deflate, br, zstd", "*"):
        for path in ("/jmap/session", "/healthz/live", "/robots.txt"):
            a = tls(safe).ask(get(path, basic(safe.first()),
                                  f"Accept-Encoding: {accept}"))
            assert a.status == 200 and a.all("Content-Encoding") == []


SEED_004 = {
    "Strict-Transport-Security":
        "max-age=63072000; includeSubDomains; preload",
    "X-XSS-Protection": "0",
    "Permissions-Policy": "usb=()",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


def test_every_header_of_a_hardening_guide_is_one_line(new_server):
    s = new_server("""
http {
	hsts = true
	hsts-max-age = 730d
	hsts-preload = true
	headers = {
		"X-XSS-Protection: 0",
		"Permissions-Policy: usb=()",
		"Content-Security-Policy: default-src 'none'; base-uri 'none'",
		"Cross-Origin-Resource-Policy: same-origin",
		"Cross-Origin-Opener-Policy: same-origin",
		"Cross-Origin-Embedder-Policy: require-corp"
	}
}
""")
    for path in ("/healthz/live", "/nope", "/jmap/session", "/"):
        a = tls(s).ask(get(path))
        for name, value in SEED_004.items():
            assert a.get(name) == value, name


def test_blob_locks_open_only_with_the_word_unsafe(new_server):
    s = new_server("""
http {
	unsafe-blob-override = true
	headers = { "Content-Disposition: inline",
	    "Content-Security-Policy: default-src 'self'" }
}
""")
    me = s.first()
    up = me.upload(b"hello", "text/plain")
    a = tls(s).ask(get(f"/jmap/download/{me.id}/{up['blobId']}/a",
                       basic(me)))
    assert a.get("Content-Disposition") == "inline"
    assert a.get("Content-Security-Policy") == "default-src 'self'"
