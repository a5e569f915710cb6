# SPDX-License-Identifier: ISC
"""Which fields answers carry: by class, by CORS, by HSTS, by the
administrator.  security.md 1."""

import json
import pathlib
import subprocess

import pytest

import helpers
from http_tools import ECHO, basic, get, plain, post, tls

C1 = ("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
      "form-action 'none'")
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Permitted-Cross-Domain-Policies": "none",
}
JSON = {
    "Content-Security-Policy": C1,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
NEVER = ["Server", "X-Powered-By", "Via", "Set-Cookie", "Alt-Svc",
         "Access-Control-Allow-Origin", "Strict-Transport-Security",
         "Access-Control-Allow-Credentials"]


def has(answer, want):
    for name, value in want.items():
        assert answer.get(name) == value, name


def lacks(answer, names=NEVER):
    for name in names:
        assert answer.all(name) == [], name


def test_api_answer(server):
    a = tls(server).ask(post("/jmap/", ECHO, basic(server.first())))
    assert a.status == 200
    has(a, {**EVERYWHERE, **JSON, "Cache-Control": "no-store",
            "Content-Type": "application/json"})
    lacks(a)


def test_session_answer(server):
    a = tls(server).ask(get("/jmap/session", basic(server.first())))
    assert a.status == 200
    has(a, {**EVERYWHERE, **JSON,
            "Cache-Control": "no-cache, no-store, must-revalidate"})


def test_redirect_answer(server):
    a = tls(server).ask(get("/.well-known/jmap"))
    assert a.status == 307 and a.get("Location") == "/jmap/session"
    has(a, {**EVERYWHERE, "Content-Security-Policy": C1,
            "X-Frame-Options": "DENY", "Cache-Control": "no-cache"})
    lacks(a, ["X-Robots-Tag"])


def test_download_answer(server):
    account = server.first()
    up = account.upload(b"<script>alert(1)</script>", "text/html")
    c = tls(server)
    a = c.ask(get(f"/jmap/download/{account.id}/{up['blobId']}/a.html"
                  "?type=text/html", basic(account)))
    assert a.status == 200
    has(a, {**EVERYWHERE,
            "Content-Type": "application/octet-stream",
            "Content-Security-Policy":
                "sandbox; default-src 'none'; base-uri 'none'; "
                "form-action 'none'; frame-ancestors 'none'",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "private, immutable, max-age=31536000"})
    assert a.get("Content-Disposition").startswith("attachment")
    assert "usb=()" in a.get("Permissions-Policy")
    a = c.ask(get(f"/jmap/download/{account.id}/Gnope/a.html",
                  basic(account)))
    assert a.status == 404
    has(a, {**EVERYWHERE, "Cache-Control": "no-store"})
    assert a.get("Content-Security-Policy").startswith("sandbox;")


@pytest.mark.parametrize("data,status", [
    (get("/jmap/session"), 401),
    (get("/nope"), 404),
    (get("/healthz/live", method="PUT"), 405),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (get("/", host="evil.test"), 421),
    (get("/" + "a" * 9000), 414),
    (get("/", "X: " + "a" * 9000), 431),
    (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
])
def test_errors_are_problems_with_the_same_fields(server, data, status):
    a = tls(server).ask(data)
    assert a.status == status
    has(a, EVERYWHERE)
    assert a.get("Content-Security-Policy") == C1
    assert a.get("Content-Type") == "application/problem+json"
    problem = json.loads(a.body)
    assert problem["status"] == status and problem["type"] == "about:blank"
    assert problem["title"]
    lacks(a)


def test_preflight_when_strict(server):
    a = plain(server).ask(get("/jmap/", "Origin: https://evil.test",
                              "Access-Control-Request-Method: POST",
                              method="OPTIONS"))
    assert a.status == 204
    assert a.get("Vary") == ("Origin, Access-Control-Request-Method, "
                             "Access-Control-Request-Headers")
    lacks(a)


ACA = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers":
        "Authorization, Content-Type, Accept, X-Requested-With",
    "Access-Control-Allow-Methods":
        "POST, GET, PATCH, PUT, DELETE, HEAD, OPTIONS",
}
HSTS = "max-age=31536000; includeSubDomains"


@pytest.fixture(scope="module")
def wide():
    s = helpers.Server("""
http {
	hsts = true
	permissive-cors = true
	use-x-forwarded = true
	headers = { "Cache-Control: max-age=3600", "Server: Stalwart JMAP",
	    "X-Two: a", "x-two: b" }
}
""")
    yield s
    s.remove()


def test_permissive_cors_is_on_every_status(wide):
    for data, status in [(get("/healthz/live"), 200), (get("/nope"), 404),
                         (get("/jmap/session"), 401), (get("/"), 302),
                         (b"GET / HTTP/1.1\r\n\r\n", 400)]:
        a = tls(wide).ask(data)
        assert a.status == status
        has(a, ACA)
        assert "WWW-Authenticate" in a.get("Access-Control-Expose-Headers")
        assert a.all("Access-Control-Allow-Credentials") == []


def test_permissive_preflight_needs_no_login(wide):
    a = tls(wide).ask(get("/jmap/", "Origin: https://app.test",
                          "Access-Control-Request-Method: POST",
                          "Access-Control-Request-Headers: authorization",
                          method="OPTIONS"))
    assert a.status == 204 and a.body == b""
    has(a, {**ACA, "Access-Control-Max-Age": "7200"})


def test_hsts_over_tls_on_every_status_and_never_without(wide):
    for data in (get("/healthz/live"), get("/nope"), get("/"),
                 b"GET / HTTP/1.1\r\n\r\n"):
        assert tls(wide).ask(data).get("Strict-Transport-Security") == HSTS
        assert plain(wide).ask(data).all("Strict-Transport-Security") == []


def test_hsts_behind_a_trusted_proxy_that_says_https(wide):
    a = plain(wide).ask(get("/healthz/live", "X-Forwarded-Proto: https"))
    assert a.get("Strict-Transport-Security") == HSTS
    a = plain(wide).ask(get("/healthz/live",
                            'Forwarded: for="192.0.2.1";proto=https'))
    assert a.get("Strict-Transport-Security") == HSTS


def test_custom_headers_replace(wide):
    a = tls(wide).ask(post("/jmap/", ECHO, basic(wide.first())))
    has(a, {"Cache-Control": "max-age=3600", "Server": "Stalwart JMAP",
            "X-Two": "b"})
    a = tls(wide).ask(get("/.well-known/jmap"))
    assert a.get("Cache-Control") == "max-age=3600"


def test_custom_headers_do_not_open_downloads(new_server):
    s = new_server("""
http {
	headers = { "X-Content-Type-Options: sniff",
	    "Content-Security-Policy: default-src *",
	    "Content-Disposition: inline" }
}
""")
    account = s.first()
    up = account.upload(b"hello", "text/plain")
    a = tls(s).ask(get(f"/jmap/download/{account.id}/{up['blobId']}/a",
                       basic(account)))
    assert a.status == 200
    has(a, {"X-Content-Type-Options": "nosniff"})
    assert a.get("Content-Security-Policy").startswith("sandbox;")
    assert a.get("Content-Disposition").startswith("attachment")
    a = tls(s).ask(get("/healthz/live"))
    has(a, {"Content-Security-Policy": "default-src *"})


def test_client_of_a_trusted_proxy_is_logged(wide):
    plain(wide).ask(get("/healthz/live", "X-Forwarded-For: 1.2.3.4, "
                        "203.0.113.77"))
    helpers.wait_for(lambda: "client=203.0.113.77 peer=127.0.0.1" in wide.log())
    assert "1.2.3.4" not in wide.log()


def check(tmp_path, server, text):
    """jmapd -n of the server's configuration and more text."""
    conf = tmp_path / "jmapd.conf"
    conf.write_text(pathlib.Path(server.dir, "jmapd.conf").read_text() + text)
    return subprocess.run([str(helpers.BIN / "jmapd"), "-n", "-f", str(conf)],
                          capture_output=True, text=True)


@pytest.mark.parametrize("line,word", [
    ("Content-Length: 5", "Content-Length"),
    ("Set-Cookie: a=b", "Set-Cookie"),
    ("Bad Name: x", "Bad Name"),
    ("X-Split: a\\r\\nSet-Cookie: b", "X-Split"),
    ("X_Under: a", "X_Under"),
    ("NoColon", "NoColon"),
])
def test_bad_custom_header_is_a_configuration_error(tmp_path, server, line,
                                                    word):
    done = check(tmp_path, server,
                 'http {\n\theaders = { "X-Good: 1", "%s" }\n}\n' % line)
    assert done.returncode != 0
    assert word in done.stderr + done.stdout


def test_rules_have_no_more_than_clients_take(tmp_path, server):
    """Five of 4000 bytes: it is the fifth, with its line; four are fine."""
    rules = ['header h%d { name = "X-H%d" value = "%s" }\n' %
             (i, i, "v" * 4000) for i in range(5)]
    gone = 'header g { name = "X-Gone" verb = remove }\n'
    done = check(tmp_path, server, "".join(rules) + gone)
    assert done.returncode != 0
    last = (tmp_path / "jmapd.conf").read_text().count("\n") - 1
    assert f":{last}: header h4: the rules' fields" in \
        done.stderr + done.stdout
    done = check(tmp_path, server, "".join(rules[:4]) + gone)
    assert "header" not in done.stderr + done.stdout
