# SPDX-License-Identifier: ISC
"""TLS: versions, names, ALPN, tickets across workers, keys elsewhere, and a
reload that nobody notices."""

import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading

import pytest

import helpers
from http_tools import Conn, get, tls

LIVE = get("/healthz/live")


def context(server, alpn=("http/1.1",)):
    ctx = ssl.create_default_context(cafile=server.ca)
    if alpn:
        ctx.set_alpn_protocols(list(alpn))
    return ctx


def connect(server, ctx, name="localhost", session=None):
    port = int(server.url.rsplit(":", 1)[1])
    s = socket.create_connection(("127.0.0.1", port), timeout=10)
    return ctx.wrap_socket(s, server_hostname=name, session=session)


def s_client(server, *args):
    port = server.url.rsplit(":", 1)[1]
    done = subprocess.run(["openssl", "s_client", "-connect",
                           f"127.0.0.1:{port}", "-CAfile", server.ca, *args],
                          input="", capture_output=True, text=True,
                          timeout=20)
    return done.stdout + done.stderr


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_both_versions(server, version):
    ctx = context(server)
    ctx.minimum_version = ctx.maximum_version = version
    s = connect(server, ctx)
    assert s.selected_alpn_protocol() == "http/1.1"
    assert Conn(s).ask(LIVE).status == 200


@pytest.mark.parametrize("args", [
    ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
    ("-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256"),
    ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"),
    ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"),
    ("-alpn", "h3"),
])
def test_old_and_foreign_handshakes_are_refused(server, args):
    out = s_client(server, *args)
    assert "Cipher is (NONE)" in out or "alert" in out


def test_server_prefers_what_a_phone_prefers(server):
    """ChaCha20 where the client puts it first, AES where it does not."""
    chacha, aes = "ECDHE-ECDSA-CHACHA20-POLY1305", \
        "ECDHE-ECDSA-AES128-GCM-SHA256"
    out = s_client(server, "-tls1_2", "-cipher", f"{chacha}:{aes}")
    assert f"Cipher is {chacha}" in out
    out = s_client(server, "-tls1_2", "-cipher",
                   f"ECDHE-ECDSA-AES256-GCM-SHA384:{aes}:{chacha}")
    assert f"Cipher is {aes}" in out


def test_no_renegotiation_no_compression_no_early_data(server):
    out = s_client(server, "-tls1_2")
    assert "Secure Renegotiation IS supported" in out
    assert "Compression: NONE" in out
    out = s_client(server, "-tls1_3")
    assert "Max Early Data: 0" in out or "early data" in out.lower()


def test_without_alpn_it_is_http(server):
    assert Conn(connect(server, context(server, ()))).ask(LIVE).status == 200


def resumed(server, ctx, version):
    ctx.minimum_version = ctx.maximum_version = version
    s = connect(server, ctx)
    assert Conn(s).ask(LIVE).status == 200
    return s.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_tickets_are_good_in_every_worker(server, version):
    ctx = context(server)
    session = resumed(server, ctx, version)
    # hold connections open, so that parent has to use all workers
    held = [tls(server) for _ in range(6)]
    for _ in range(8):
        s = connect(server, ctx, session=session)
        assert Conn(s).ask(LIVE).status == 200
        assert s.session_reused
        session = s.session
        held.append(s)


def make_cert(server, directory, name, kind="ec"):
    """A certificate for a name, signed by the server's own authority."""
    tls_dir = pathlib.Path(server.dir, "tls")
    key = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
           "rsa": ["-newkey", "rsa:2048"],
           "ed25519": ["-newkey", "ed25519"]}[kind]
    base = pathlib.Path(directory, name)
    run = lambda *a: subprocess.run(a, check=True, capture_output=True)
    run("openssl", "req", *key, "-nodes", "-subj", f"/CN={name}",
        "-keyout", f"{base}.key", "-out", f"{base}.csr")
    ext = pathlib.Path(f"{base}.ext")
    ext.write_text(f"subjectAltName=DNS:{name}\n"
                   "keyUsage=critical,digitalSignature\n")
    run("openssl", "x509", "-req", "-in", f"{base}.csr", "-CA",
        str(tls_dir / "ca.pem"), "-CAkey", str(tls_dir / "ca.key"),
        "-set_serial", str(int.from_bytes(os.urandom(8), "big")),
        "-days", "3", "-extfile", str(ext), "-out", f"{base}.pem")
    if os.geteuid() == 0:
        for suffix in "key", "pem":
            os.chown(f"{base}.{suffix}", 65534, 65534)
    return base


# LibreSSL's means (make legacy) have no Ed25519.
KINDS = ["rsa", "ec"] if "TLS_LEGACY" in os.environ else \
        ["rsa", "ed25519", "ec"]


@pytest.fixture(scope="module")
def many():
    """A server with a certificate of each kind of key."""
    s = helpers.Server()
    conf = pathlib.Path(s.dir, "jmapd.conf")
    text = conf.read_text()
    for kind in KINDS:
        base = make_cert(s, s.dir, f"{kind}.test", kind)
        text += (f'certificate {kind} {{\n\tchain = "{base}.pem"\n'
                 f'\tkey = "{base}.key"\n}}\n')
    conf.write_text(text)
    s.jmapctl("reload")
    yield s
    s.remove()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_name_chooses_the_certificate(many, kind, version):
    ctx = context(many)
    ctx.minimum_version = ctx.maximum_version = version
    s = connect(many, ctx, name=f"{kind}.test")     # verifies the name
    names = [v for k, v in s.getpeercert()["subjectAltName"]]
    assert names == [f"{kind}.test"]
    c = Conn(s)
    assert c.ask(get("/healthz/live", host=f"{kind}.test")).status == 200
    # RFC 9110 7.4: another certificate's name is misdirected, and so is the
    # hostname, which has a certificate of its own
    assert c.ask(get("/healthz/live", host="localhost")).status == 421
    other = "ec" if kind != "ec" else "rsa"
    assert c.ask(get("/healthz/live", host=f"{other}.test")).status == 421


def test_a_name_has_no_case(many):
    """RFC 4343; some clients send what their user typed."""
    ctx = context(many)
    ctx.check_hostname = False
    s = connect(many, ctx, name="EC.Test")
    assert ("DNS", "ec.test") in s.getpeercert()["subjectAltName"]
    c = Conn(s)
    assert c.ask(get("/healthz/live", host="Ec.tesT")).status == 200


def test_unknown_name_gets_the_first_certificate(many):
    ctx = context(many)
    ctx.check_hostname = False
    s = connect(many, ctx, name="unknown.test")
    names = [v for k, v in s.getpeercert()["subjectAltName"]]
    assert "mail.test" in names
    c = Conn(s)
    assert c.ask(get("/healthz/live", host="unknown.test")).status == 421


def test_reload_loses_no_request_and_changes_the_certificate(new_server):
    s = new_server()
    failures, done, count = [], threading.Event(), [0]

    def client():
        c = tls(s)
        while not done.is_set():
            try:
                a = c.ask(LIVE)
                if a.status != 200 or a.get("Connection"):
                    failures.append(a.headers)
                count[0] += 1
            except Exception as e:              # noqa: BLE001
                failures.append(repr(e))
                return

    def visitor():
        while not done.is_set():
            try:
                c = tls(s)
                if c.ask(LIVE).status != 200:
                    failures.append("visitor")
                c.sock.close()
            except Exception as e:              # noqa: BLE001
                failures.append(repr(e))
                return

    threads = [threading.Thread(target=f) for f in [client] * 3 + [visitor]]
    for t in threads:
        t.start()
    base = make_cert(s, s.dir, "localhost")
    for i in range(10):
        if i == 5:                              # a new key, too
            for suffix in "pem", "key":
                os.replace(f"{base}.{suffix}",
                           f"{s.dir}/tls/server.{suffix}")
        s.jmapctl("reload")
    done.set()
    for t in threads:
        t.join()
    assert failures == [] and count[0] > 20
    cert = tls(s).sock.getpeercert()
    assert cert["subjectAltName"] == (("DNS", "localhost"),)


def test_old_connection_sees_the_new_configuration(new_server):
    s = new_server('http {\n\theaders = { "X-Gen: one" }\n}\n')
    c = tls(s)
    assert c.ask(LIVE).get("X-Gen") == "one"
    conf = pathlib.Path(s.dir, "jmapd.conf")
    conf.write_text(conf.read_text().replace("X-Gen: one", "X-Gen: two"))
    s.jmapctl("reload")
    assert c.ask(LIVE).get("X-Gen") == "two"


def worker_pids(server):
    pids = []
    for p in descendants(server.pid):
        try:
            cmd = pathlib.Path(f"/proc/{p}/cmdline").read_bytes()
        except OSError:
            continue
        if b"jmapd-worker" in cmd:
            pids.append(p)
    return pids


def descendants(pid):
    out = []
    for p in helpers.children(pid):
        out += [p] + descendants(p)
    return out


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_no_private_key_in_a_worker(server):
    """The scalar of the key is nowhere in a worker's memory."""
    if os.geteuid() != 0:
        pytest.skip("reading another process's memory needs root")
    out = subprocess.run(["openssl", "ec", "-in",
                          f"{server.dir}/tls/server.key", "-noout", "-text"],
                         capture_output=True, text=True, check=True).stdout
    body = out.split("priv:")[1].split("pub:")[0]
    scalar = bytes.fromhex("".join(body.split()).replace(":", ""))[-32:]
    assert tls(server).ask(LIVE).status == 200
    for pid in worker_pids(server):
        with open(f"/proc/{pid}/maps") as maps, \
                open(f"/proc/{pid}/mem", "rb", 0) as mem:
            for line in maps:
                if " rw" not in line:
                    continue
                a, b = (int(x, 16) for x in line.split()[0].split("-"))
                if b - a > 1 << 30:             # a sanitizer's shadow
                    continue
                mem.seek(a)
                try:
                    data = mem.read(b - a)
                except OSError:
                    continue
                assert scalar not in data
                assert scalar[::-1] not in data


def test_drain_ends_idle_and_finishes_running(new_server):
    s = new_server()
    idle, busy = tls(s), tls(s)
    assert idle.ask(LIVE).status == 200
    busy.send(LIVE[:20])
    os.kill(s.pid, signal.SIGTERM)
    assert idle.closed()
    a = busy.ask(LIVE[20:])
    assert a.status == 200 and a.get("Connection") == "close"
    assert busy.closed()
