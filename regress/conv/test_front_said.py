# SPDX-License-Identifier: ISC
"""What jmapctl headers says is what is sent: for many requests, drawn at
random, under several configurations, over HTTP/1.1 and HTTP/2, with TLS and
without; and each answer has each field that may stand once at most once."""

import json
import random
import subprocess

import pytest

import helpers
from http_tools import Answer, Conn, basic, get

RULES = """
header set { name = "X-Set" value = "a" }
header again { name = "x-set" value = "b" class = {"api", "error"} }
header add { name = "X-Add" value = "1" verb = add }
header more { name = "X-Add" value = "2" verb = add status = {"2xx", "404"} }
header dflt { name = "X-Frame-Options" value = "SAMEORIGIN" verb = default }
header gone { name = "X-Robots-Tag" verb = remove path = "/healthz/*" }
header vary { name = "Vary" value = "X-Tenant" verb = add class = "session" }
header meth { name = "X-Method" value = "p" method = {"POST", "OPTIONS"} }
header where { name = "X-Where" value = "plain" listener = "plain" }
header ask { name = "X-Asked" value = "c" if = "contains(headers, 'x-ask: 1')" }
header sts { name = "Strict-Transport-Security" value = "max-age=60" }
header csp { name = "Content-Security-Policy" verb = remove status = "401" }
header cors { name = "Cross-Origin-Resource-Policy" value = "cross-origin"
	class = {"download", "discovery", "stream"} }
header cache { name = "Cache-Control" value = "no-cache" path = "/jmap*" }
redirect old { from = "/old/*" to = "https://www.example.org/new/*"
	status = 308 }
redirect help { from = "/help" to = "/robots.txt" }
"""
ENDPOINT = """ allowed-endpoint = {
	"if matches('^/s/([0-9]+)$', path)", "then $1", "else 200" }
"""
CONFS = {
    "strict": "http { use-x-forwarded = true hsts = true\n" + ENDPOINT + "}",
    "listed": "http { use-x-forwarded = true\n" + ENDPOINT + """
	cors-origins = { "https://a.test", "https://*.b.test credentials" }
	cors-private-network = true cors-headers = {"X-Ask"}
}""" + RULES,
    "wide": "http { use-x-forwarded = true hsts = true hsts-max-age = 60s\n"
            "permissive-cors = true hsts-subdomains = false" + ENDPOINT + """
	headers = { "Cache-Control: max-age=3600", "Server: Stalwart JMAP",
	    "X-Frame-Options: SAMEORIGIN", "x-add: 0" }
}""" + RULES.replace("header cors", "header corp"),
}
METHODS = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
           "OPTIONS", "OPTIONS"]
PATHS = ["/", "/robots.txt", "/healthz/live", "/metrics", "/api/principal",
         "/api/principal/joe", "/api/nope", "/.well-known/jmap",
         "/jmap/session", "/jmap", "/jmap/", "/jmap/upload/a", "/jmap/ws",
         "/jmap/eventsource/", "/jmap/download/a/b/c", "/jmap/nope", "/nope",
         "/old/x%20y", "/old/", "/help", "/.well-known/acme-challenge/x",
         "/s/204", "/s/205", "/s/304", "/s/401", "/s/405", "/s/429", "/s/503",
         "/s/599", "/s/600", "/s/301", "/a?b=c", "/%61", "//x"]
FIELDS = [["Origin: https://a.test"], ["Origin: https://x.b.test"],
          ["Origin: null"], ["Origin: https://evil.test"],
          ["Origin: https://A.test"], ["Origin: https://a.test:443"],
          ["Origin: https://b.test"], ["Origin: https://x.y.b.test"],
          ["Origin: https://a.test", "Origin: https://x.b.test"],
          ["Access-Control-Request-Method: GET"],
          ["Access-Control-Request-Method: POST"],
          ["Access-Control-Request-Headers: authorization, x-ask, cookie"],
          ["Access-Control-Request-Private-Network: true"], ["X-Ask: 1"],
          ["Authorization: Bearer x"], ["Sec-Fetch-Mode: cors"],
          ["Sec-Fetch-Site: cross-site"], ["Accept: text/html"]]
HOSTS = ["localhost"] * 4 + ["mail.test", "evil.test", "localhost."]
ONCE = {"content-type", "content-length", "date", "location", "etag",
        "strict-transport-security", "x-content-type-options", "server",
        "x-frame-options", "content-security-policy", "cache-control",
        "access-control-allow-origin", "vary", "retry-after", "allow",
        "cross-origin-resource-policy", "referrer-policy", "connection"}


@pytest.fixture(scope="module", params=sorted(CONFS))
def told(request):
    s = helpers.Server(CONFS[request.param])
    yield s
    s.remove()


def drawn(rnd):
    """method, TLS, host, path, fields"""
    fields = [f for pick in rnd.sample(FIELDS, rnd.choice([0, 1, 1, 2, 3, 4]))
              for f in pick]
    secure = rnd.random() < .6
    # what a probe has by itself: it is not on this machine
    fields += ["X-Forwarded-For: 192.0.2.1",
               "X-Forwarded-Proto: " + ("https" if secure else "http")]
    return (rnd.choice(METHODS), secure, rnd.choice(HOSTS), rnd.choice(PATHS),
            fields)


def said(server, method, secure, host, path, fields, *more):
    args = [w for f in fields for w in ("-H", f)]
    url = ("https" if secure else "http") + "://" + host + path
    out = server.jmapctl("-j", "headers", *more, *args, method, url).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return int(rows[0]["value"]), [(r["field"], r["value"]) for r in rows[1:]]


def over_http1(server, method, secure, host, path, fields):
    c = Conn(server.tls() if secure else server.plain())
    data = get(path, *fields, host=host, method=method)
    if method in ("POST", "PUT", "PATCH"):
        data = get(path, "Content-Length: 0", *fields, host=host,
                   method=method)
    a = c.ask(data, head=method == "HEAD")
    c.sock.close()
    return a


def over_http2(server, method, secure, host, path, fields):
    """By curl, which shows fields as they came."""
    base = server.url if secure else server.plain_url
    port = base.rsplit(":", 1)[1]
    args = [w for f in fields for w in ("-H", f)]
    out = subprocess.run(
        ["curl", "-q", "-s", "-D", "-", "-o", "/dev/null", "--noproxy", "*",
         "--path-as-is", "--max-time", "20", "--cacert", server.ca,
         "-I" if method == "HEAD" else "-X", *([] if method == "HEAD" else
                                               [method]),
         "--http2" if secure else "--http2-prior-knowledge",
         "-H", "User-Agent:", "-H", "Host: " + host, *args,
         base.rsplit("//")[0] + "//localhost:" + port + path],
        stdout=subprocess.PIPE, check=True).stdout.decode("ascii")
    first, *lines = out.split("\r\n\r\n")[0].split("\r\n")
    version, status = first.split(" ")[:2]
    assert version == "HTTP/2"
    return Answer(version, int(status), "", [tuple(x.split(": ", 1))
                                             for x in lines], b"", b"")


def lines(pairs):
    """Those that are the policy's, by name; of one name as they came."""
    own = ("content-length", "connection", "date")
    own_value = ("x-request-id",)
    return sorted(((n.lower(), "" if n.lower() in own_value else v)
                   for n, v in pairs if n.lower() not in own),
                  key=lambda pair: pair[0])


def same(a, status, rows):
    assert a.status == status
    assert lines(a.headers) == lines(rows)
    names = [n.lower() for n, _ in a.headers]
    assert [n for n in names if n in ONCE and names.count(n) > 1] == []
    assert "date" in names


@pytest.mark.parametrize("seed", range(60))
def test_over_http1(told, seed):
    for i in range(5):
        one = drawn(random.Random(seed * 5 + i))
        same(over_http1(told, *one), *said(told, *one))


@pytest.mark.parametrize("seed", range(20))
def test_over_http2(told, seed):
    for i in range(3):
        one = drawn(random.Random(1000 + seed * 3 + i))
        same(over_http2(told, *one), *said(told, *one))


@pytest.mark.parametrize("path,status", [
    ("/jmap/session", 200), ("/jmap/download/x/y/z", 404),
    ("/api/principal", 403), ("/jmap/eventsource/?types=x", 400)])
def test_with_a_login(told, path, status):
    """-s: what the policy would put on such an answer of the resource."""
    fields = ["Origin: https://a.test", "X-Forwarded-For: 192.0.2.1",
              "X-Forwarded-Proto: https"]
    a = over_http1(told, "GET", True, "localhost", path,
                   fields + [basic(told.first())])
    got, rows = said(told, "GET", True, "localhost", path, fields, "-s",
                     str(status))
    assert a.status == got == status
    have = {(n.lower(), v) for n, v in a.headers}
    assert {(n.lower(), v) for n, v in rows if n not in
            ("Date", "Content-Type", "Content-Length")} - have == set()
