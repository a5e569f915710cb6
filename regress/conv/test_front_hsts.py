# SPDX-License-Identifier: ISC
"""hsts sends people to TLS for real, from a plain listener that is not this
machine's own (a PROXY header says so), and who the client is by X-Real-IP.
security.md 1.4, 1.8."""

import json
import socket

import pytest

import helpers
from http_tools import Conn, get, plain, post, tls

CONF = """
http {
	hsts = true
	redirect-status = %s
	trusted-proxies = { "127.0.0.1" }
	url = "%s"
}
listen public { address = "127.0.0.1" port = 0 proxy-protocol = v1 }
redirect old { from = "/old" to = "/new" }
"""


def port(server, name):
    for line in server.jmapctl("show", "listeners").stdout.splitlines():
        if line.split()[:1] == [name]:
            return int(line.split()[3])
    raise AssertionError(name)


def public(server, data, dst="198.51.100.2", head=False):
    """What somebody far away gets from the plain listener."""
    c = Conn(socket.create_connection(
        ("127.0.0.1", port(server, "public")), 10))
    return c.send(f"PROXY TCP4 192.0.2.7 {dst} 4711 80\r\n".encode()) \
        .ask(data, head)


@pytest.fixture(scope="module")
def forced():
    s = helpers.Server(CONF % ("301", ""))
    yield s
    s.remove()


@pytest.mark.parametrize("data,status,to", [
    (get("/"), 301, "https://localhost/"),
    (get("/jmap/session?a=b&c"), 301, "https://localhost/jmap/session?a=b&c"),
    (get("/nope"), 301, "https://localhost/nope"),
    (get("/a%20b"), 301, "https://localhost/a%20b"),
    (get("/", host="mail.test"), 301, "https://mail.test/"),
    (get("/", host="mail.test:8080"), 301, "https://mail.test/"),
    (get("/", host="MAIL.test."), 301, "https://mail.test/"),
    (get("/x", host="[::1]"), 301, "https://[::1]/x"),
    (get("/x", host="[0:0::1]:8080"), 301, "https://[::1]/x"),
    # a name that is not ours leads to one that is: no open redirect
    (get("/x", host="evil.test"), 301, "https://localhost/x"),
    (get("/x", host="198.51.100.2"), 301, "https://localhost/x"),
    (get("//evil.test/"), 301, "https://localhost//evil.test/"),
    (get("http://evil.test/x"), None, None),
    (post("/jmap/", b"{}"), 403, None),
    (post("/jmap/", b"{}", "Authorization: Basic eDp5"), 403, None),
    (get("/x", method="DELETE"), 403, None),
    (get("/x", method="OPTIONS"), 403, None),
    (get("/.well-known/acme-challenge/token"), 404, None),
    (get("/.well-known/acme-challengex"), 301,
     "https://localhost/.well-known/acme-challengex"),
    (get("/old"), 301, "https://localhost/old"),
])
def test_plain_listener_only_sends_to_tls(forced, data, status, to):
    a = public(forced, data)
    if status is None:
        # absolute form of a foreign host: to our name, or refused
        assert a.status in (301, 400)
        assert a.get("Location", ) in (None, "https://localhost/x") or \
            a.get("Location").startswith("https://localhost")
        return
    assert a.status == status and a.get("Location") == to
    assert a.all("Strict-Transport-Security") == []
    assert a.get("X-Content-Type-Options") == "nosniff"
    if status == 403:
        assert "https" in json.loads(a.body)["detail"]
        assert a.all("WWW-Authenticate") == []


def test_head_is_redirected_without_a_body(forced):
    a = public(forced, get("/", method="HEAD"), head=True)
    assert a.status == 301 and a.get("Location") == "https://localhost/"


def test_this_machine_may_look_without_tls(forced):
    assert plain(forced).ask(get("/healthz/live")).status == 200
    assert plain(forced).ask(get("/jmap/session")).status == 401
    assert public(forced, get("/healthz/live"), "127.0.0.1").status == 200


def test_a_proxy_here_says_that_it_was_not_tls(new_server):
    """TLS ends at a proxy on this machine, which takes port 80, too."""
    s = new_server("http {\n\thsts = true\n\tuse-x-forwarded = true\n}\n")
    for fields, status in [
            (["X-Forwarded-For: 192.0.2.9", "X-Forwarded-Proto: http"], 301),
            (["Forwarded: for=192.0.2.9;proto=http"], 301),
            (["Forwarded: proto=http"], 301),
            (["X-Forwarded-For: 192.0.2.9", "X-Forwarded-Proto: https"], 404),
            (["Forwarded: for=unknown;proto=https"], 404),
            (["X-Forwarded-For: 192.0.2.9"], 404),   # it does not say
            ([], 404)]:
        a = plain(s).ask(get("/x", *fields))
        assert a.status == status, fields
        tls_told = any("https" in f for f in fields)
        assert bool(a.get("Strict-Transport-Security")) == tls_told, fields


def test_308_and_the_port_of_the_url(new_server):
    s = new_server(CONF % ("308", "https://mail.test:8443/base"))
    a = public(s, get("/x", host="mail.test"))
    assert a.status == 308
    assert a.get("Location") == "https://mail.test:8443/x"
    a = public(s, get("/x", host="[::1]:8080"))
    assert a.get("Location") == "https://[::1]:8443/x"
    got = tls(s).ask(get("/healthz/live"))
    assert got.get("Strict-Transport-Security") == \
        "max-age=31536000; includeSubDomains"


def test_hsts_value_is_configured(new_server):
    s = new_server("http {\n\thsts = true\n\thsts-max-age = 0\n"
                   "\thsts-subdomains = false\n}\n")
    assert tls(s).ask(get("/")).get("Strict-Transport-Security") == \
        "max-age=0"


# --- X-Real-IP ----------------------------------------------------------------

@pytest.fixture(scope="module")
def real():
    """The status tells who the client is."""
    s = helpers.Server("""
http {
	x-real-ip = true
	allowed-endpoint = {
		"if remote_ip == '192.0.2.9'", "then 409",
		"if remote_ip == '2001:db8::9'", "then 410",
		"if remote_ip == '127.0.0.1'", "then 418",
		"else 412"
	}
}
""")
    yield s
    s.remove()


@pytest.mark.parametrize("fields,status", [
    (["X-Real-IP: 192.0.2.9"], 409),
    (["X-Real-IP: ::ffff:192.0.2.9"], 409),      # the same, spelled twice
    (["X-Real-IP: 2001:db8::9"], 410),
    (["x-real-ip: 192.0.2.9"], 409),
    # what is no single address is nobody's word, and nobody is let in as
    # the proxy for it: remote_ip fails
    (["X-Real-IP: 192.0.2.9, 192.0.2.8"], 403),
    (["X-Real-IP: 192.0.2.9", "X-Real-IP: 192.0.2.9"], 403),
    (["X-Real-IP: 192.0.2.9:80"], 403),
    (["X-Real-IP: unknown"], 403),
    (["X-Real-IP: 192.0.2.09"], 403),
    # nothing else is believed in this mode
    (["X-Forwarded-For: 192.0.2.9"], 418),
    (["Forwarded: for=192.0.2.9"], 418),
    (["X-Real-IP: 192.0.2.9", "X-Forwarded-For: 192.0.2.8"], 409),
])
def test_x_real_ip(real, fields, status):
    assert plain(real).ask(get("/healthz/live", *fields)).status == status


def test_x_real_ip_is_ignored_when_not_asked_for(server):
    plain(server).ask(get("/robots.txt", "X-Real-IP: 203.0.113.99",
                          "X-Forwarded-For: 203.0.113.99"))
    plain(server).ask(get("/robots.txt"))
    assert "203.0.113.99" not in server.log()
