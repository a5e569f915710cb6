# SPDX-License-Identifier: ISC
"""Cross-origin requests in each mode, by table: preflight and the request
itself, errors too.  security.md 1.6, WHATWG Fetch 3.2."""

import pytest

import helpers
from http_tools import ECHO, basic, get, plain, post, tls

GOOD = "https://mail.example.com"
WILD = "https://a.example.org"          # with credentials
BAD = ["https://evil.test", "https://mail.example.com.evil.test",
       "https://xmail.example.com", "http://mail.example.com",
       "https://mail.example.com:8443", "https://example.org",
       "https://a.b.example.org", "https://evilexample.org", "null",
       "HTTPS://MAIL.EXAMPLE.COM", "https://mail.example.com/", "*",
       "https://mail.example.com, https://mail.example.com"]
ASKED = "Access-Control-Request-"
VARY = ("Origin, Access-Control-Request-Method, "
        "Access-Control-Request-Headers")


@pytest.fixture(scope="module")
def listed():
    s = helpers.Server("""
http {
	cors-origins = { "https://mail.example.com",
	    "https://*.example.org credentials", "https://own.example.org" }
	cors-headers = "X-Trace"
	cors-private-network = true
}
limits { max-size-request = 1K }
""")
    yield s
    s.remove()


def aca(answer):
    """The fields of CORS without the prefix."""
    return {n[15:].lower(): v for n, v in answer.headers
            if n.lower().startswith("access-control-")}


def preflight(s, path, origin, method, *fields):
    return tls(s).ask(get(path, f"Origin: {origin}",
                          f"{ASKED}Method: {method}", *fields,
                          method="OPTIONS"))


def test_preflight_of_a_listed_origin(listed):
    a = preflight(listed, "/jmap/", GOOD, "POST",
                  ASKED + "Headers: authorization,content-type")
    assert a.status == 204 and a.body == b""
    assert aca(a) == {
        "allow-origin": GOOD, "allow-methods": "POST, OPTIONS",
        "allow-headers": "authorization, content-type", "max-age": "7200"}
    assert a.get("Vary") == VARY


def test_preflight_of_a_listed_origin_with_credentials(listed):
    a = preflight(listed, "/jmap/session", WILD, "GET")
    assert aca(a) == {
        "allow-origin": WILD, "allow-methods": "GET, HEAD, OPTIONS",
        "max-age": "7200", "allow-credentials": "true"}


@pytest.mark.parametrize("origin", BAD)
def test_nobody_else_is_let_in(listed, origin):
    a = preflight(listed, "/jmap/", origin, "POST")
    assert a.status == 204 and aca(a) == {}
    assert a.get("Allow") == "POST, OPTIONS"
    a = tls(listed).ask(post("/jmap/", ECHO, basic(listed.first()),
                             f"Origin: {origin}"))
    assert a.status == 200 and aca(a) == {}
    assert a.get("Vary") == "Origin"


@pytest.mark.parametrize("method,allowed", [
    ("POST", True), ("post", False), ("GET", False), ("DELETE", False),
    ("OPTIONS", False), ("TRACE", False), ("PATCH", False),
])
def test_method_must_be_the_routes(listed, method, allowed):
    a = preflight(listed, "/jmap/", GOOD, method)
    assert a.status == 204 and aca(a)["allow-origin"] == GOOD
    assert ("allow-methods" in aca(a)) == allowed


@pytest.mark.parametrize("asked,allowed", [
    ("authorization", "authorization"),
    ("Authorization, X-Trace", "Authorization, X-Trace"),
    ("if-match,if-none-match,range,last-event-id,idempotency-key,"
     "accept,accept-language,x-requested-with",
     "if-match, if-none-match, range, last-event-id, idempotency-key, "
     "accept, accept-language, x-requested-with"),
    ("cookie", None), ("*", None), ("x-evil, accept", "accept"),
    ("accept, bad name, range", "accept, range"), (",,accept,,", "accept"),
    ("accept\t,\trange", "accept, range"),
    (",".join(["accept"] * 65), None),       # more than 64 names
    ("a" * 2049, None),
])
def test_only_known_fields_may_be_sent(listed, asked, allowed):
    a = preflight(listed, "/jmap/", GOOD, "POST", f"{ASKED}Headers: {asked}")
    assert a.status == 204 and aca(a).get("allow-headers") == allowed


def test_what_is_no_preflight_is_plain_options(listed):
    for fields in ([f"Origin: {GOOD}"], [ASKED + "Method: POST"],
                   [f"Origin: {GOOD}", f"Origin: {GOOD}",
                    ASKED + "Method: POST"],
                   [f"Origin: {GOOD}", ASKED + "Method: POST",
                    ASKED + "Method: GET"],
                   [f"Origin: {GOOD}", ASKED + "Method: A B"]):
        a = tls(listed).ask(get("/jmap/", *fields, method="OPTIONS"))
        assert a.status in (204, 400)
        assert "allow-origin" not in aca(a) and "max-age" not in aca(a)
        if a.status == 204:
            assert a.get("Allow") == "POST, OPTIONS"


def test_preflight_of_nothing_is_404(listed):
    a = preflight(listed, "/nope", GOOD, "GET")
    assert a.status == 404 and aca(a) == {}


def test_private_network_only_for_listed_origins(listed):
    ask = "Access-Control-Request-Private-Network: true"
    a = preflight(listed, "/jmap/", GOOD, "POST", ask)
    assert aca(a)["allow-private-network"] == "true"
    assert "allow-private-network" not in aca(
        preflight(listed, "/jmap/", GOOD, "POST"))
    assert aca(preflight(listed, "/jmap/", "https://evil.test", "POST",
                         ask)) == {}


def test_every_status_is_readable(listed):
    """An error without these is an opaque "network error" to a script."""
    me = basic(listed.first())
    big = b'{"using":[],"methodCalls":[],"x":"' + b"a" * 1100 + b'"}'
    for data, status in [
            (post("/jmap/", ECHO, me, f"Origin: {GOOD}"), 200),
            (post("/jmap/", ECHO, f"Origin: {GOOD}"), 401),
            (post("/jmap/", b"{", me, f"Origin: {GOOD}"), 400),
            (get("/jmap/", f"Origin: {GOOD}", method="PUT"), 405),
            (post("/jmap/", big, me, f"Origin: {GOOD}"), 413),
            (post("/jmap/", ECHO, me, f"Origin: {GOOD}",
                  "Content-Encoding: gzip"), 415),
            (post("/jmap/", ECHO, me, f"Origin: {GOOD}", "Expect: it"), 417),
            (get("/jmap/session", me, f"Origin: {GOOD}"), 200),
            (get("/.well-known/jmap", f"Origin: {GOOD}"), 307),
            (get("/jmap/download/Anope/Gnope/x", me, f"Origin: {GOOD}"), 404)]:
        a = tls(listed).ask(data)
        assert a.status == status, a.body
        got = aca(a)
        assert got["allow-origin"] == GOOD
        assert "WWW-Authenticate" in got["expose-headers"]
        assert "RateLimit" in got["expose-headers"]
        assert "allow-credentials" not in got
        assert a.get("Vary") == "Origin"


def test_credentials_only_where_they_are_given(listed):
    a = tls(listed).ask(get("/jmap/session", f"Origin: {WILD}"))
    assert aca(a)["allow-origin"] == WILD
    assert aca(a)["allow-credentials"] == "true"


def test_an_origin_of_its_own_goes_before_a_wildcard(listed):
    own = "https://own.example.org"
    a = tls(listed).ask(get("/jmap/session", f"Origin: {own}"))
    assert aca(a)["allow-origin"] == own
    assert "allow-credentials" not in aca(a)
    got = aca(preflight(listed, "/jmap/", own, "POST"))
    assert got["allow-origin"] == own and "allow-credentials" not in got


def test_an_answer_without_origin_varies_too(listed):
    for path in ("/healthz/live", "/jmap/session", "/.well-known/jmap"):
        a = tls(listed).ask(get(path))
        assert a.get("Vary") == "Origin" and aca(a) == {}


def test_a_stream_with_expect_and_chunks_is_readable(listed):
    a = tls(listed).ask(
        b"POST /jmap/ HTTP/1.1\r\nHost: localhost\r\n"
        b"Origin: https://mail.example.com\r\n"
        b"Content-Type: application/json\r\n" +
        basic(listed.first()).encode() + b"\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert a.status == 400 and aca(a)["allow-origin"] == GOOD


@pytest.mark.parametrize("path", ["/robots.txt"])
def test_public_documents_are_for_everybody(listed, server, path):
    for s in (listed, server):
        a = tls(s).ask(get(path, "Origin: https://evil.test"))
        assert a.status == 200 and aca(a) == {"allow-origin": "*"}
        a = preflight(s, path, "https://evil.test", "GET",
                      ASKED + "Headers: accept")
        assert aca(a)["allow-origin"] == "*"
        assert aca(a)["allow-methods"] == "GET, HEAD, OPTIONS"
        assert "allow-credentials" not in aca(a)


def test_strict_says_no_by_saying_nothing(server):
    for origin in (GOOD, "null", "https://localhost"):
        a = preflight(server, "/jmap/", origin, "POST")
        assert a.status == 204 and aca(a) == {} and a.get("Vary") == VARY
        a = tls(server).ask(post("/jmap/", ECHO, basic(server.first()),
                                 f"Origin: {origin}"))
        assert a.status == 200 and aca(a) == {} and a.all("Vary") == []


@pytest.mark.parametrize("fields,status", [
    ([f"Origin: {GOOD}", "Sec-Fetch-Mode: cors"], 200),
    ([f"Origin: {GOOD}"], 200),
    (["Origin: https://evil.test", "Sec-Fetch-Mode: cors"], 403),
    # an image of another site has no Origin; a form's mode is another
    (["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"], 403),
    ([f"Origin: {GOOD}", "Sec-Fetch-Mode: navigate"], 403),
    ([f"Origin: {GOOD}", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: script"],
     403),
])
def test_a_listed_origins_script_may_download(listed, fields, status):
    me = listed.first()
    up = me.upload(b"hello", "text/plain")
    a = tls(listed).ask(get(f"/jmap/download/{me.id}/{up['blobId']}/a",
                            basic(me), "Sec-Fetch-Site: cross-site", *fields))
    assert a.status == status


@pytest.mark.parametrize("fields,ok", [
    ([], True),                                 # no browser
    (["Sec-Fetch-Site: same-origin"], True),
    (["Sec-Fetch-Site: none"], True),           # typed by the user
    (["Sec-Fetch-Site: cross-site"], False),
    (["Sec-Fetch-Site: same-site"], False),
    (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], False),
    # a form of another site, and even of a listed one: no script reads it
    (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
      f"Origin: {GOOD}"], False),
    (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors",
      "Origin: https://evil.test"], False),
    (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors",
      f"Origin: {GOOD}"], True),
])
def test_no_page_of_another_site_changes_anything(listed, fields, ok):
    """With a password that the browser remembers; an upload needs no
    preflight."""
    me = listed.first()
    c = tls(listed)
    a = c.ask(post(f"/jmap/upload/{me.id}", b"x", basic(me), *fields,
                   type="text/plain"))
    assert a.status == (201 if ok else 403)
    a = tls(listed).ask(post("/jmap/", ECHO, basic(me), *fields))
    assert a.status == (200 if ok else 403)


@pytest.fixture(scope="module")
def wide():
    s = helpers.Server("http {\n\tpermissive-cors = true\n}\n")
    yield s
    s.remove()


def test_permissive_is_what_stalwart_sends_and_no_more(wide):
    want = {
        "allow-origin": "*",
        "allow-headers":
            "Authorization, Content-Type, Accept, X-Requested-With",
        "allow-methods": "POST, GET, PATCH, PUT, DELETE, HEAD, OPTIONS",
    }
    for data in (get("/jmap/session"), get("/nope"), get("/robots.txt"),
                 b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 get("/jmap/session", "Origin: https://a.test")):
        got = aca(tls(wide).ask(data))
        assert "X-Request-Id" in got.pop("expose-headers")
        assert got == want
    got = aca(preflight(wide, "/jmap/", "null", "POST"))
    got.pop("expose-headers")
    assert got == {**want, "max-age": "7200"}
    assert plain(wide).ask(get("/healthz/live")).status == 200
