# SPDX-License-Identifier: ISC
"""The abuse corpus through nginx and haproxy: what the proxy believes that it
forwarded and what jmapd answered are the same number, and a client behind
the same proxy gets his own answer, always.

Proxy and jmapd keep their connections alive between them, so that a body
that one of the two reads as a request would be answered to somebody else."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

import helpers
from h1_cases import AUTH, all_cases
from http_tools import Conn, basic, get

CASES = [c for c in all_cases() if len(c[2]) < 100000]
CONF = """
log-requests = true
http { use-x-forwarded = true }
limits {
	connections-per-source = 1000000
	max-concurrent-requests = 1000
	drain-timeout = 2s
	header-timeout = 1s
	body-grace = 1s
}
rate-limit {
	account = false
	anonymous = false
}
auto-ban {
	authentication = false
	abuse = false
	loiter = false
	scan = false
}
"""
NGINX = """
%(user)s
daemon off;
worker_processes 1;
error_log %(dir)s/error.log crit;
pid %(dir)s/pid;
events { worker_connections 1024; }
http {
	log_format up "$upstream_status";
	access_log %(dir)s/log up;
	client_body_temp_path %(dir)s/body;
	proxy_temp_path %(dir)s/proxy;
	fastcgi_temp_path %(dir)s/fastcgi;
	uwsgi_temp_path %(dir)s/uwsgi;
	scgi_temp_path %(dir)s/scgi;
	client_header_timeout 5s;
	client_body_timeout 5s;
	lingering_close off;
	keepalive_timeout 60s;
	upstream jmapd {
		server 127.0.0.1:%(up)s max_fails=0;
		keepalive 4;
	}
	server {
		listen 127.0.0.1:%(port)d;
		location / {
			proxy_pass http://jmapd;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_request_buffering off;
			proxy_next_upstream off;
		}
	}
}
"""
HAPROXY = """
global
	maxconn 1000
	log %(dir)s/log.sock local0
defaults
	mode http
	log global
	timeout connect 5s
	timeout client 10s
	timeout server 10s
	timeout http-request 2s
	timeout http-keep-alive 60s
	retries 0
	option http-keep-alive
	http-reuse always
frontend front
	bind 127.0.0.1:%(port)d
	log-format "tr=%%Tr"
	default_backend back
backend back
	server jmapd 127.0.0.1:%(up)s
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    def __init__(self, where, up):
        self.dir, self.port = pathlib.Path(where), free_port()
        (self.dir / "conf").write_text(NGINX % {
            "dir": where, "up": up, "port": self.port,
            "user": "user nobody nogroup;" if os.geteuid() == 0 else ""})
        self.proc = subprocess.Popen(
            ["nginx", "-e", f"{where}/error.log", "-c", f"{where}/conf"])

    def forwarded(self):
        """How many requests it has an upstream's status for."""
        return sum(len(re.findall(r"\d{3}", line)) for line in
                   (self.dir / "log").read_text().splitlines())

    def stop(self):
        self.proc.terminate()
        self.proc.wait()


class Haproxy:
    def __init__(self, where, up):
        self.port = free_port()
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.bind(f"{where}/log.sock")
        self.log.setblocking(False)
        self.log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        (pathlib.Path(where) / "conf").write_text(HAPROXY % {
            "dir": where, "up": up, "port": self.port})
        self.count = 0
        self.proc = subprocess.Popen(["haproxy", "-db", "-q", "-f",
                                      f"{where}/conf"],
                                     stderr=subprocess.DEVNULL)

    def forwarded(self):
        """A time to the server's answer (%Tr) is there only when there was
        an answer."""
        while True:
            try:
                line = self.log.recv(4096).decode()
            except BlockingIOError:
                return self.count
            self.count += re.search(r"tr=(-?\d+)", line)[1] != "-1"

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        self.log.close()


PROXIES = {"nginx": Nginx, "haproxy": Haproxy}


@pytest.fixture(scope="module")
def backend():
    s = helpers.Server(CONF)
    yield s
    s.remove()


@pytest.fixture(params=PROXIES)
def proxy(request, backend):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    where = tempfile.mkdtemp(prefix="jmapd-proxy-", dir="/tmp")
    p = PROXIES[request.param](where, backend.plain_url.rsplit(":", 1)[1])
    try:
        helpers.wait_for(lambda: answers(p.port))
        yield p
    finally:
        p.stop()
        shutil.rmtree(where, ignore_errors=True)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def answered(server):
    """Requests that jmapd logged."""
    return len(re.findall(r" status=\d+ .* us=\d+", server.log()))


def throw(port, data):
    """Send it, and take what comes within a moment, if anything does."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        try:
            s.sendall(data)
            s.settimeout(1.7)
            while s.recv(65536):
                pass
        except OSError:
            pass


def test_the_numbers_agree_and_nobody_gets_anothers_answer(backend, proxy):
    """Between any two cases an innocent client asks for something that only
    he asks for."""
    auth = basic(backend.first()).encode() + b"\r\n"
    time.sleep(0.2)
    ours, theirs = answered(backend), proxy.forwarded()
    innocent = None
    for i, (_, name, data, _) in enumerate(CASES):
        throw(proxy.port, data.replace(AUTH, auth) +
              get("/healthz/live", "Connection: close"))
        proxy.forwarded()       # the kernel keeps but ten lines of a log
        if i % 4:
            continue
        if innocent is None:
            innocent = Conn(socket.create_connection(
                ("127.0.0.1", proxy.port), 5))
        path = "/api/principal" if i % 8 else "/mine"
        try:
            a = innocent.ask(get(path))
        except AssertionError:
            raise AssertionError(f"no answer to the innocent after {name}")
        assert a.status == (401 if i % 8 else 404), name
        if a.get("Connection") == "close":
            innocent = None
    for _ in range(20):
        here, there = answered(backend) - ours, proxy.forwarded() - theirs
        if here == there:
            break
        time.sleep(0.25)
    print(f"{len(CASES)} cases and the innocents' requests: {there} "
          f"forwarded, {here} answered")
    assert here == there
    assert there > len(CASES) // 4
