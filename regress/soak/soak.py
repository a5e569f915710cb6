# SPDX-License-Identifier: ISC
"""What the soak runs share: a scratch server that is ready for many
connections, clients that count what fails, percentiles, a verdict.  A run
is a function of few parameters, so that make check does a short one and
make soak the long one."""

import pathlib
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conv"))
import helpers  # noqa: E402
from http_tools import Conn, basic, get, post  # noqa: E402

CONF = """
log-requests = false
limits {
	connections = 100000
	connections-per-source = 1000000
	max-concurrent-requests = 10000
	drain-timeout = 2s
%s}
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
LIVE = get("/healthz/live")
ECHO = (b'{"using":["urn:ietf:params:jmap:core"],'
        b'"methodCalls":[["Core/echo",{"hello":true},"c1"]]}')


def server(limits="", more=""):
    return helpers.Server(CONF % limits + more)


def workers(s):
    """Process ids of the workers that run."""
    out = []
    for p in helpers.children(s.pid):
        try:
            with open(f"/proc/{p}/cmdline") as f:
                if "jmapd-worker" in f.read():
                    out.append(p)
        except OSError:
            pass
    return out


def percentile(times, p):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * p / 100))]


def verdict(name, good, text):
    print(f"{name}: {text}: {'good' if good else 'BAD'}", flush=True)
    return good


class Dialer:
    """Connections of one server without asking scratch each time."""

    def __init__(self, s, timeout=20):
        self.ctx = ssl.create_default_context(cafile=s.ca)
        self.ctx.set_alpn_protocols(["http/1.1"])
        self.tls_port = int(s.url.rsplit(":", 1)[1])
        self.port = int(s.plain_url.rsplit(":", 1)[1])
        self.timeout = timeout

    def tcp(self, tls):
        return socket.create_connection(
            ("127.0.0.1", self.tls_port if tls else self.port), self.timeout)

    def wrap(self, sock):
        return self.ctx.wrap_socket(sock, server_hostname="localhost")


class Load(threading.Thread):
    """One client: a connection, some requests, the next connection.  Every
    second connection is TLS.  Each failure is (local port, begun, failed,
    requests done on it, what)."""

    def __init__(self, s, each=20, pause=0, seed=0):
        super().__init__(daemon=True)
        self.dialer, self.each, self.pause = Dialer(s), each, pause
        self.echo = post("/jmap/", ECHO, basic(s.first()))
        self.n, self.done, self.conns = seed, 0, 0
        self.failed, self.times, self.halt = [], [], False
        self.certs = set()

    def run(self):
        while not self.halt:
            self.one()
            self.n += 1

    def one(self):
        sock, port, begun, i = None, 0, time.monotonic(), -1
        try:
            sock = self.dialer.tcp(self.n % 2)
            port = sock.getsockname()[1]
            if self.n % 2:
                sock = self.dialer.wrap(sock)
                self.certs.add(sock.getpeercert()["serialNumber"])
            c = Conn(sock)
            self.conns += 1
            for i in range(self.each):
                t = time.monotonic()
                a = c.ask(self.echo if i % 2 else LIVE)
                if a.status != 200:
                    raise AssertionError(f"status {a.status} {a.body!r}")
                self.times.append(time.monotonic() - t)
                self.done += 1
                if self.pause:
                    time.sleep(self.pause)
                if self.halt:
                    break
        except (OSError, AssertionError, ValueError) as e:
            self.failed.append((port, begun, time.monotonic(), i, repr(e)))
        finally:
            if sock is not None:
                sock.close()


def run_load(s, n, **kw):
    out = [Load(s, seed=i, **kw) for i in range(n)]
    for t in out:
        t.start()
    return out


def end_load(load):
    for t in load:
        t.halt = True
    for t in load:
        t.join(30)
    return ([f for t in load for f in t.failed], sum(t.done for t in load),
            sum(t.conns for t in load))
