# SPDX-License-Identifier: ISC
"""The front door's configuration at work: header rules, http.url,
allowed-endpoint, redirects, and jmapctl headers, which explains them.
security.md 1, stalwart-http.md 3, 4, 8."""

import json

import pytest

import helpers
from http_tools import ECHO, basic, get, plain, post, tls

PROXY = "X-Forwarded-For: 192.0.2.7"     # then it is not this machine


@pytest.fixture(scope="module")
def ruled():
    s = helpers.Server("""
http {
	url = "protocol + '://' + key_get('default', 'hostname') + ':' + local_port + '/base/'"
	use-x-forwarded = true
	headers = { "Cache-Control: max-age=3600", "Server: Stalwart JMAP" }
	allowed-endpoint = {
		"if starts_with(url_path, '/api') && remote_ip != '127.0.0.1'",
		"then 404",
		"if matches('^/closed/([0-9]+)$', url_path)", "then $1",
		"if url_path == '/broken'", "then url_path + '!'",
		"if url_path == '/fails'", "then substring(headers, 1, 'x')",
		"else 200"
	}
}
header set { name = "X-Set" value = "a" }
header set-again { name = "x-set" value = "b" class = {"api", "error"} }
header add { name = "X-Add" value = "1" verb = add }
header add-again { name = "X-Add" value = "2" verb = add status = "2xx" }
header once { name = "Server" value = "another" verb = add class = "session" }
header default { name = "X-Frame-Options" value = "SAMEORIGIN" verb = default }
header default-new { name = "X-Default" value = "d" verb = default }
header gone { name = "X-Robots-Tag" verb = remove path = "/healthz/*" }
header missing { name = "X-Missing" value = "m" status = "404" }
header method { name = "X-Method" value = "p" method = {"POST", "PUT"} }
header where { name = "X-Where" value = "plain" listener = "plain" }
header cond { name = "X-Cond" value = "c" if = "contains(headers, 'x-ask: yes') && is_tls" }
header hsts { name = "Strict-Transport-Security" value = "max-age=60" }
header blob { name = "Content-Disposition" value = "inline" path = "/jmap/download/*" }
header blob-csp { name = "Content-Security-Policy" verb = remove class = "download" }
redirect old { from = "/old/*" to = "https://www.example.org/new/*" status = 308 }
redirect help { from = "/help" to = "/robots.txt" }
redirect ours { from = "/healthz/live" to = "/nowhere" }
redirect host { from = "/away*" to = "/*" }
""")
    yield s
    s.remove()


def live(s, *fields, **kw):
    return tls(s).ask(get("/healthz/live", *fields, **kw))


def test_seed_headers_work_as_they_are_written(ruled):
    a = tls(ruled).ask(post("/jmap/", ECHO, basic(ruled.first())))
    assert a.status == 200
    assert a.get("Cache-Control") == "max-age=3600"
    assert a.get("Server") == "Stalwart JMAP"


@pytest.mark.parametrize("path,fields,name,want", [
    ("/healthz/live", [], "X-Set", ["b"]),
    ("/robots.txt", [], "X-Set", ["a"]),
    ("/nope", [], "X-Set", ["b"]),
    ("/healthz/live", [], "X-Add", ["1", "2"]),
    ("/nope", [], "X-Add", ["1"]),
    ("/jmap/session", [], "Server", ["another"]),
    ("/robots.txt", [], "Server", ["Stalwart JMAP"]),
    ("/healthz/live", [], "X-Frame-Options", ["DENY"]),
    ("/robots.txt", [], "X-Frame-Options", ["SAMEORIGIN"]),
    ("/healthz/live", [], "X-Default", ["d"]),
    ("/healthz/live", [], "X-Robots-Tag", []),
    ("/nope", [], "X-Robots-Tag", ["noindex, nofollow"]),
    ("/nope", [], "X-Missing", ["m"]),
    ("/healthz/live", [], "X-Missing", []),
    ("/healthz/live", [], "X-Method", []),
    ("/healthz/live", ["X-Ask: yes"], "X-Cond", ["c"]),
    ("/healthz/live", ["X-Ask: no"], "X-Cond", []),
    ("/healthz/live", [], "X-Where", []),
    ("/healthz/live", [], "Strict-Transport-Security", ["max-age=60"]),
])
def test_rules_apply_where_they_say(ruled, path, fields, name, want):
    assert tls(ruled).ask(get(path, *fields)).all(name) == want


def test_rules_by_method_and_listener(ruled):
    a = plain(ruled).ask(get("/healthz/live", method="PUT"))
    assert a.status == 405 and a.get("X-Method") == "p"
    assert a.get("X-Where") == "plain"


def test_no_rule_sends_hsts_without_tls(ruled):
    for path in ("/healthz/live", "/nope", "/jmap/session"):
        a = plain(ruled).ask(get(path))
        assert a.all("Strict-Transport-Security") == []


def test_rules_reach_answers_to_what_is_no_request(ruled):
    a = tls(ruled).ask(b"GET / HTTP/1.1\r\n\r\n")
    assert a.status == 400
    assert a.get("X-Set") == "b" and a.get("Server") == "Stalwart JMAP"


def test_no_rule_opens_a_download(ruled):
    account = ruled.first()
    up = post(upload_path(account), b"<script>", basic(account),
              type="text/html")
    blob = json.loads(tls(ruled).ask(up).body)
    path = upload_path(account).replace("upload", "download").rstrip("/")
    a = tls(ruled).ask(get(f"{path}/{blob['blobId']}/a.html",
                           basic(account)))
    assert a.status == 200
    assert a.get("Content-Disposition").startswith("attachment")
    assert a.get("Content-Security-Policy").startswith("sandbox;")
    assert a.get("X-Content-Type-Options") == "nosniff"
    assert a.all("X-Add") == ["1", "2"]


def session(s, *fields, sock=tls):
    return json.loads(sock(s).ask(get("/jmap/session", basic(s.first()),
                                      *fields)).body)


def upload_path(account):
    got = session(account.server)
    return f"/jmap/upload/{got['primaryAccounts'][helpers.MAIL]}/"


def test_url_is_an_expression(ruled):
    port = ruled.url.rsplit(":", 1)[1]
    assert session(ruled)["apiUrl"] == \
        f"https://localhost:{port}/base/jmap/"
    port = ruled.plain_url.rsplit(":", 1)[1]
    assert session(ruled, sock=plain)["apiUrl"] == \
        f"http://localhost:{port}/base/jmap/"


def test_redirects_lead_below_the_path_of_the_url(ruled):
    """A proxy has /base for us; the host stays, as the login does."""
    for path, to in [("/", "/base/.well-known/jmap"),
                     ("/.well-known/jmap", "/base/jmap/session")]:
        for c in (tls(ruled), plain(ruled)):
            assert c.ask(get(path)).get("Location") == to


def test_url_behind_a_proxy_that_does_tls_has_no_port(ruled):
    got = session(ruled, "X-Forwarded-Proto: https", PROXY, sock=plain)
    assert got["apiUrl"] == "https://localhost/base/jmap/"


def test_default_url_is_what_a_trusted_proxy_was_asked_for(new_server):
    s = new_server("http {\n\tuse-x-forwarded = true\n}\n")
    for fields, want in [
        (['Forwarded: for=192.0.2.1;proto=https;host="mail.test:8443"'],
         "https://mail.test:8443"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Host: mail.test", PROXY],
         "https://mail.test"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Host: mail.test:443",
          PROXY], "https://mail.test"),
        # a name that is not ours, or said twice, is nobody's
        (["X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", PROXY],
         "https://localhost"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Host: mail.test",
          "X-Forwarded-Host: mail.test", PROXY], "https://localhost"),
        ([], "http://localhost:" + s.plain_url.rsplit(":", 1)[1]),
    ]:
        assert session(s, *fields, sock=plain)["apiUrl"] == want + "/jmap/"
    # who came through a proxy without TLS is not told anything
    assert plain(s).ask(get("/jmap/session", "X-Forwarded-Proto: http",
                            basic(s.first()))).status == 403
    # a second line may be the client's own
    assert plain(s).ask(get("/", "X-Forwarded-Proto: https",
                            "X-Forwarded-Proto: http")).status == 400
    port = s.url.rsplit(":", 1)[1]
    assert session(s)["apiUrl"] == f"https://localhost:{port}/jmap/"


@pytest.mark.parametrize("told,client", [
    ("true", "192.0.2.1"),
    ("forwarded", "192.0.2.1"),
    ("x-forwarded-for", "192.0.2.2"),
])
def test_only_the_field_that_the_proxy_writes_counts(new_server, told, client):
    """The other one, and what comes with it, may be the client's own."""
    s = new_server("http {\n\tuse-x-forwarded = %s\n}\n" % told)
    a = plain(s).ask(get("/robots.txt",
        "Forwarded: for=192.0.2.1;proto=https;host=mail.test",
        "X-Forwarded-For: 192.0.2.2"))
    assert a.status == 200
    helpers.wait_for(lambda: f"client={client} " in s.log())
    both = ["Forwarded: for=192.0.2.1;proto=https", PROXY,
            "X-Forwarded-Host: mail.test"]
    if told == "x-forwarded-for":
        both.append("X-Forwarded-Proto: https")
    got = session(s, *both, sock=plain)["apiUrl"]
    assert got == "https://%s/jmap/" % (
        "localhost" if told == "forwarded" else "mail.test")
    # one alone, which is not the proxy's, is no proxy's word
    other = {"forwarded": ["X-Forwarded-For: 192.0.2.9",
                           "X-Forwarded-Proto: https"],
             "x-forwarded-for": ["Forwarded: for=192.0.2.9;proto=https"]}
    if told in other:
        assert plain(s).ask(get("/robots.txt", *other[told])).status == 200
        helpers.wait_for(lambda: s.log().count("status=200") >= 3)
        assert "192.0.2.9" not in s.log()


@pytest.mark.parametrize("path,fields,status", [
    ("/api/principal", [PROXY], 404),
    ("/api/principal", [], 401),             # this machine itself
    ("/closed/403", [PROXY], 403),
    ("/closed/503", [PROXY], 503),
    ("/closed/429", [PROXY], 429),
    ("/closed/503", [], 404),
    ("/closed/99", [PROXY], 403),            # no status
    ("/closed/199", [PROXY], 403),
    ("/broken", [PROXY], 403),
    ("/healthz/live", [PROXY], 200),
    # who hides is not taken for the proxy, whom remote_ip would let in
    ("/api/principal", ["X-Forwarded-For: somebody"], 403),
    ("/api/principal", ["X-Forwarded-For: " +
                        ", ".join(["192.0.2.7"] * 33)], 403),
    ("/api/principal", ["X-Forwarded-For: " + "1" * 4097], 403),
    ("/api/principal", ["Forwarded: for=_hidden"], 403),
    ("/api/principal", ["Forwarded: for=192.0.2.7;for"], 403),
    ("/api/principal", ["X-Forwarded-For: x, 192.0.2.7"], 404),
    ("/robots.txt", ["X-Forwarded-For: somebody"], 200),
    # a forwarded loopback is no loopback
    ("/api/principal", ["X-Forwarded-For: 127.0.0.1"], 401),
    ("/closed/403", ["X-Forwarded-For: 127.0.0.1"], 403),
    ("/closed/403", ["X-Forwarded-For: 192.0.2.7, 127.0.0.1"], 403),
    ("/closed/403", ["Forwarded: for=127.0.0.1"], 403),
    ("/closed/403", ["X-Real-IP: 127.0.0.1"], 403),
])
def test_allowed_endpoint(ruled, path, fields, status):
    a = tls(ruled).ask(get(path, *fields))
    assert a.status == status
    if status not in (200, 401):
        assert a.get("Content-Type") == "application/problem+json"
        assert json.loads(a.body)["status"] == status
    # security.md 1.2: also of one that an administrator made
    assert (a.get("Retry-After") is not None) == (status in (429, 503))


@pytest.mark.parametrize("status,name,value", [
    (401, "WWW-Authenticate", 'Basic realm="jmapd", charset="UTF-8"'),
    (405, "Allow", "OPTIONS"), (451, "Content-Type",
                                "application/problem+json"),
    (204, "Content-Type", None), (205, "Content-Type", None),
    (304, "Content-Type", None), (205, "Content-Length", "0"),
])
def test_an_answer_of_allowed_endpoint_is_whole(ruled, status, name, value):
    """RFC 9110 15.5.2, 15.5.6: what a 401 and a 405 must say; 15.3.5,
    15.3.6, 15.4.5: what has no content."""
    a = tls(ruled).ask(get(f"/closed/{status}", PROXY))
    assert a.status == status and a.reason != "Unknown"
    assert a.get(name) == value
    assert (a.body == b"") == (status in (204, 205, 304))


def test_an_expression_that_fails_is_said_once(ruled):
    for _ in range(3):
        assert tls(ruled).ask(get("/broken", PROXY)).status == 403
    helpers.wait_for(lambda: "allowed-endpoint" in ruled.log())
    # once a minute, by each of two workers
    assert ruled.log().count("http.allowed-endpoint:") <= 2


@pytest.mark.parametrize("path,status,to", [
    ("/old/a/b", 308, "https://www.example.org/new/a/b"),
    ("/old/", 308, "https://www.example.org/new/"),
    ("/old/a%20b?x=1&y", 308, "https://www.example.org/new/a%20b?x=1&y"),
    ("/old/%0d%0aX:%20y", 400, None),
    ("/old/%22%3c", 308, "https://www.example.org/new/%22%3C"),
    ("/help", 302, "/robots.txt"),
    ("/help/", 404, None),
    ("/healthz/live", 200, None),            # a resource of ours comes first
    ("/away//evil.test", 302, "/evil.test"),
    ("/away/%5cevil.test", 400, None),
])
def test_static_redirects(ruled, path, status, to):
    a = tls(ruled).ask(get(path))
    assert a.status == status and a.get("Location") == to


def test_redirects_are_for_reading(ruled):
    a = tls(ruled).ask(post("/old/x", b"{}"))
    assert a.status == 405 and a.get("Allow") == "GET, HEAD, OPTIONS"
    assert tls(ruled).ask(get("/old/x", method="HEAD"),
                          head=True).status == 308


def test_robots_and_root(server):
    a = tls(server).ask(get("/robots.txt"))
    assert a.status == 200
    assert a.body == b"User-agent: *\nDisallow: /\n"
    assert a.get("Content-Type") == "text/plain; charset=utf-8"
    assert tls(server).ask(get("/")).status == 302


# --- jmapctl headers: the same lines as an answer, and whose they are --------

@pytest.mark.parametrize("path,fields", [
    ("/healthz/live", []), ("/nope", []), ("/jmap/session", []),
    ("/old/x", []), ("/robots.txt", []), ("/healthz/live", ["X-Ask: yes"]),
])
def test_jmapctl_headers_is_what_is_sent(ruled, path, fields):
    args = [w for f in fields for w in ("-H", f)]
    out = ruled.jmapctl("-j", "headers", *args, "GET",
                        "https://localhost" + path).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    a = tls(ruled).ask(get(path, *fields))
    assert rows[0]["field"] == "status"
    assert rows[0]["value"] == str(a.status)
    framing = ("content-length", "transfer-encoding", "connection", "date")
    assert [(r["field"], r["value"]) for r in rows[1:]
            if r["field"].lower() not in framing] == \
        [h for h in a.headers if h[0].lower() not in framing]


def test_jmapctl_headers_names_who_set_them(ruled):
    out = ruled.jmapctl("-j", "headers", "-s", "200", "GET",
                        "https://localhost/jmap/session").stdout
    by = {r["field"]: r["by"] for r in map(json.loads, out.splitlines())}
    assert by["X-Set"] == "header set" and by["Server"] == "header once"
    assert by["Cache-Control"] == "http.headers"
    assert by["X-Content-Type-Options"] == "class table"
    assert by["Strict-Transport-Security"] == "header hsts"


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "OPTIONS", "POST"])
def test_jmapctl_headers_of_other_methods(ruled, method):
    out = ruled.jmapctl("-j", "headers", method,
                        "https://localhost/robots.txt").stdout
    rows = [json.loads(line) for line in out.splitlines()]
    a = tls(ruled).ask(get("/robots.txt", method=method),
                       head=method == "HEAD")
    assert rows[0]["value"] == str(a.status)
    assert {r["field"] for r in rows[1:]} == \
        {n for n, _ in a.headers} - {"Content-Length", "Connection"}


@pytest.mark.parametrize("args,word", [
    (["GET", "localhost/"], "https://"),
    (["GET", "https://localhost/", "more"], "usage"),
    (["-s", "99", "GET", "https://localhost/"], "status"),
    (["-H", "no field", "GET", "https://localhost/"], "Name: value"),
    (["-c", "nobody", "GET", "https://localhost/"], "address"),
])
def test_jmapctl_headers_says_what_is_wrong(ruled, args, word):
    done = ruled.jmapctl("headers", *args, check=False)
    assert done.returncode != 0 and word in done.stderr


def test_jmapctl_headers_is_nobodys_fault(new_server):
    s = new_server("auto-ban {\n\tscan = 2/1d\n}\n")
    before = s.pids()
    for path in ("/x.php", "/wp-login", "/cgi-bin/x", "/a.asp"):
        s.jmapctl("headers", "-c", "198.51.100.9", "GET",
                  "https://localhost" + path)
    s.jmapctl("headers", "-c", "198.51.100.9", "G T", "https://localhost/",
              check=False)
    assert "198.51.100.9" not in s.jmapctl("ban", "list").stdout
    assert s.pids() == before


@pytest.mark.parametrize("request_line", ["BREW", "GET\r\nX: y", "G T"])
def test_jmapctl_headers_takes_no_nonsense(ruled, request_line):
    done = ruled.jmapctl("-j", "headers", request_line, "https://localhost/",
                         check=False)
    rows = [json.loads(x) for x in done.stdout.splitlines()]
    assert done.returncode != 0 or int(rows[0]["value"]) >= 400
    assert live(ruled).status == 200


# --- jmapctl eval -------------------------------------------------------------

@pytest.mark.parametrize("args,value,type_", [
    (["1 + 2 * 3"], "7", "integer"),
    (["starts_with(url_path, '/api')", "url_path=/api/x"], "1", "integer"),
    (["protocol + '://' + key_get('default', 'hostname')", "protocol=https",
      "hostname=a.test"], "https://a.test", "string"),
    (["split(path, '/')[1]", "path=/jmap/session"], "jmap", "string"),
    (["local_port / 2", "local_port=3"], "1.5", "float"),
    (["is_ip_in_cidr(remote_ip, '192.0.2.0/24')", "remote_ip=192.0.2.9"],
     "1", "integer"),
    (["if_then(is_tls, 'y', 'n')", "is_tls=false"], "n", "string"),
    (["is_tls", "is_tls=true"], "1", "integer"),
    (["url_path", "url_path=12"], "12", "string"),
    # a list is shown so that one can see its elements
    (["split(path, '/')", "path=/jmap/ws"], "['', 'jmap', 'ws']", "array"),
    (["[1, 2.5, [], ['a b']]"], "[1, 2.5, [], ['a b']]", "array"),
])
def test_jmapctl_eval(ruled, args, value, type_):
    got = json.loads(ruled.jmapctl("-j", "eval", *args).stdout)
    assert got == {"value": value, "type": type_}


def test_jmapctl_eval_points_at_the_fault(ruled):
    done = ruled.jmapctl("eval", "1 + nobody", check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[0] == "1 + nobody" and lines[1] == "    ^"
    assert "column 5" in lines[2]
    done = ruled.jmapctl("eval", "\t'\u00e9' + nobody", check=False)
    assert done.stderr.splitlines()[1:] == [
        "\t      ^",
        'jmapctl: column 8: no such variable here: "nobody"']
    done = ruled.jmapctl("eval", "is_tls", check=False)
    assert done.returncode == 1 and "is_tls" in done.stderr
    for given in ("is_tls=yes", "local_port=65536", "remote_port=x"):
        done = ruled.jmapctl("eval", given.split("=")[0], given, check=False)
        assert done.returncode == 1 and given in done.stderr
    done = ruled.jmapctl("eval", "1", "nobody=2", check=False)
    assert done.returncode == 2


def test_vary_is_one_line(new_server):
    """RFC 9110 12.5.5: what a rule adds joins what cors says."""
    one = new_server("""
http { cors-origins = {"https://web.test"} }
header lang { name = "Vary" value = "Accept-Language" verb = add }
header more { name = "vary" value = "X-Tenant" verb = add path = "/jmap*" }
header never { name = "Vary" verb = remove class = "session" }
""")
    a = plain(one).ask(get("/jmap/session"))
    assert a.all("Vary") == ["Origin, Accept-Language, X-Tenant"]
    a = plain(one).ask(get("/robots.txt"))
    assert a.all("Vary") == ["Accept-Language"]
    seen = one.jmapctl("headers", "GET",
                       one.plain_url + "/jmap/session").stdout
    assert "Origin, Accept-Language, X-Tenant" in seen


def test_vary_of_http_headers_joins_that_of_cors(new_server):
    one = new_server("""
http { cors-origins = {"https://web.test"} headers = {"Vary: X-Tenant"} }
""")
    for path, want in [("/jmap/session", "Origin, X-Tenant"),
                       ("/robots.txt", "X-Tenant")]:
        for fields in ([], ["Origin: https://web.test"]):
            assert plain(one).ask(get(path, *fields)).get("Vary") == want
