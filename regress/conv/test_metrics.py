# SPDX-License-Identifier: ISC
"""/healthz and /metrics: true figures of all processes, for few eyes."""

import base64
import json
import os
import re
import signal

import pytest

import helpers
from test_front_hsts import public
from http_tools import ask, basic, get, plain, post, tls, ECHO

CONF = """
workers = 3
http {
	use-x-forwarded = true
	trusted-proxies = {"127.0.0.1"}
	metrics-credentials = "prom:s3cret word"
}
"""
LINE = re.compile(r'([a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? '
                  r'([0-9.]+)')


def metrics(server):
    """Every sample by name and labels; the text must keep the format."""
    a = ask(server, get("/metrics"))
    assert a.status == 200
    assert a.get("Content-Type").startswith("text/plain; version=0.0.4")
    out, typed, seen = {}, {}, []
    for line in a.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed and name not in seen
            typed[name] = kind
        elif not line.startswith("# HELP "):
            name, labels, value = LINE.fullmatch(line).groups()
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert name in typed or typed[base] == "histogram", line
            if seen[-1:] != [base] and seen[-1:] != [name]:
                assert name not in seen and base not in seen, line
                seen.append(name if name in typed else base)
            assert (name, labels) not in out
            out[name, labels] = float(value)
    return out


@pytest.fixture(scope="module")
def measured():
    s = helpers.Server(CONF)
    yield s
    s.remove()


def test_live_and_ready(server):
    for path in ("/healthz/live", "/healthz/ready"):
        a = ask(server, get(path))
        assert a.status == 200 and json.loads(a.body)["status"] == 200


@pytest.mark.parametrize("role", ["keys", "auth", "queue"])
def test_not_ready_when_a_process_hangs(new_server, role):
    s = new_server()
    rows = [json.loads(x) for x in
            s.jmapctl("-j", "status").stdout.splitlines()]
    pid = next(r["pid"] for r in rows if r["process"] == role)
    os.kill(pid, signal.SIGSTOP)
    try:
        a = ask(s, get("/healthz/ready"))
        assert a.status == 503
        assert json.loads(a.body)["detail"].startswith(role + ":")
        assert a.get("Retry-After")
        assert ask(s, get("/healthz/live")).status == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    helpers.wait_for(lambda: ask(s, get("/healthz/ready")).status == 200)


def test_not_ready_when_nothing_can_be_written(new_server):
    s = new_server("workers = 1\n")
    data = os.path.join(s.dir, "data")
    # where the probe is made stands a folder: for root, too, no file
    os.mkdir(os.path.join(data, "ready.0"))
    a = ask(s, get("/healthz/ready"))
    assert a.status == 503
    assert json.loads(a.body)["detail"].startswith("store:")
    os.rmdir(os.path.join(data, "ready.0"))
    assert ask(s, get("/healthz/ready")).status == 200
    assert os.listdir(data) == ["accounts"]


def test_requests_of_all_workers_are_summed(measured):
    def count(m, cls, status):
        return m.get(("jmapd_requests_total",
                      f'{{class="{cls}",status="{status}"}}'), 0)
    m = metrics(measured)
    for _ in range(30):
        assert ask(measured, get("/nope")).status == 404
        assert ask(measured, get("/healthz/live")).status == 200
    n = metrics(measured)
    assert count(n, "error", "404") - count(m, "error", "404") == 30
    assert count(n, "api", "200") - count(m, "api", "200") == 31


def test_latencies_are_a_histogram(measured):
    for _ in range(5):
        ask(measured, get("/nope"))
    m = metrics(measured)
    buckets = [v for (n, l), v in m.items()
               if n == "jmapd_request_seconds_bucket" and '"error"' in l]
    assert buckets == sorted(buckets) and len(buckets) > 10
    assert buckets[-1] == m["jmapd_request_seconds_count",
                            '{class="error"}'] >= 5
    assert 0 < m["jmapd_request_seconds_sum", '{class="error"}'] < 60


def test_logins_store_and_limits(measured):
    def get1(m, name, labels=None):
        return m[name, labels]
    m = metrics(measured)
    who = measured.adduser()
    bad = helpers.Account(measured, who.name, "wrong")
    assert ask(measured, get("/jmap/session", basic(bad))).status == 401
    who.call("Mailbox/set", {"create": {"a": {"name": "x"}}})
    n = metrics(measured)
    for result in ("ok", "wrong"):
        label = f'{{result="{result}"}}'
        assert n["jmapd_auth_total", label] > m["jmapd_auth_total", label]
    assert get1(n, "jmapd_store_commits_total") > \
        get1(m, "jmapd_store_commits_total")
    assert get1(n, "jmapd_store_environments") >= 1
    assert get1(n, "jmapd_response_bytes_total") > \
        get1(m, "jmapd_response_bytes_total")


def test_processes_connections_and_bans(measured):
    m = metrics(measured)
    for role, n in (("parent", 1), ("keys", 1), ("auth", 1), ("push", 1),
                    ("queue", 1), ("worker", 3)):
        assert m["jmapd_processes", f'{{role="{role}"}}'] == n
    held = [plain(measured) for _ in range(3)]
    for c in held:
        c.ask(get("/healthz/live"))
    assert metrics(measured)["jmapd_connections", None] >= 4
    measured.jmapctl("ban", "add", "192.0.2.1")
    assert metrics(measured)["jmapd_bans", '{kind="manual"}'] == 1
    rows = measured.jmapctl("-j", "show", "workers").stdout.splitlines()
    before = m["jmapd_requests_total", '{class="api",status="200"}']
    os.kill(json.loads(rows[0])["pid"], signal.SIGKILL)

    def after():
        try:
            return metrics(measured)
        except (AssertionError, OSError):
            return {}
    m = helpers.wait_for(lambda: after().get(
        ("jmapd_restarts_total", '{role="worker"}')) == 1 and after())
    # what the dead one had counted is not lost
    assert m["jmapd_requests_total",
             '{class="api",status="200"}'] >= before
    for c in held:
        c.sock.close()


def test_the_credential_is_not_shown(measured):
    out = measured.jmapctl("show", "config").stdout
    row = next(x for x in out.splitlines() if "metrics-credentials" in x)
    assert "(not shown)" in row and "s3cret" not in out


def login(text):
    return "Authorization: Basic " + base64.b64encode(text.encode()).decode()


def test_figures_are_for_this_machine_or_for_the_credential(measured):
    far = ("X-Forwarded-For: 192.0.2.88", "X-Forwarded-Proto: https")
    a = ask(measured, get("/metrics", *far))
    assert a.status == 401
    assert a.get("WWW-Authenticate").startswith("Basic realm=")
    assert b"jmapd_" not in a.body
    ok = login("prom:s3cret word")
    assert ask(measured, get("/metrics", *far, ok)).status == 200
    assert ask(measured, get("/metrics/prometheus", *far, ok)).status == 200
    for bad in ("prom:s3cret wor", "prom:s3cret word ", "prom:", "a:b"):
        assert ask(measured, get("/metrics", *far,
                                 login(bad))).status == 401
    # an account's password is another thing
    assert ask(measured, get("/metrics", *far,
                             basic(measured.admin()))).status == 401


@pytest.mark.parametrize("hsts,status", [("false", 403), ("true", 301)])
def test_the_credential_is_not_taken_without_tls(new_server, hsts, status):
    """Nor asked for: whoever is asked sends it, and all on the way read."""
    s = new_server(f"""
http {{
	trusted-proxies = {{"127.0.0.1"}}
	metrics-credentials = "prom:secret"
	hsts = {hsts}
}}
listen public {{ address = "127.0.0.1" port = 0 proxy-protocol = v1 }}
""")
    for path in ("/metrics", "/metrics/prometheus"):
        for fields in ([], [login("prom:secret")], [login("prom:wrong")]):
            a = public(s, get(path, *fields))
            assert a.status == status and a.all("WWW-Authenticate") == []
            assert b"jmapd_" not in a.body
    assert public(s, get("/healthz/live")).status == 200


# What strangers may say to a proxy on this machine, or it about them: none
# of it makes them this machine.
STRANGERS = [
    "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1",
    "X-Real-IP: 192.0.2.1", "X-Forwarded-Proto: http", "Via: 1.1 proxy",
    "Forwarded: for=unknown", "Forwarded: for=_hidden, for=127.0.0.1",
    "Forwarded: for=;", "X-Forwarded-For: garbage",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-For: " + ", ".join(["192.0.2.1"] * 40),
]


def test_without_a_credential_only_for_this_machine(server):
    assert ask(server, get("/metrics")).status == 200
    # a proxy on this machine whose word is not asked for
    for field in STRANGERS:
        a = ask(server, get("/metrics", field))
        assert a.status == 403 and b"jmapd_" not in a.body, field


@pytest.mark.parametrize("option", ["use-x-forwarded", "x-real-ip"])
def test_nobody_behind_a_proxy_is_this_machine(new_server, option):
    """Who the proxy cannot name is no more at home here than who it can."""
    s = new_server(f"http {{\n\t{option} = true\n}}\n"
                   "rate-limit {\n\tanonymous = 3/1h\n}\n")
    for field in STRANGERS:
        a = ask(s, get("/metrics", field))
        assert a.status in (403, 429) and b"jmapd_" not in a.body, field
        # nor is a password taken from them without TLS
        a = ask(s, get("/jmap/session", field, basic(s.first())))
        assert a.status == 403, field
    got = [ask(s, get("/robots.txt", "Forwarded: for=unknown")).status
           for _ in range(5)]
    assert got[-1] == 429           # counted, too, as one of them
    assert ask(s, get("/metrics")).status == 200
    assert ask(s, get("/robots.txt")).status == 200
