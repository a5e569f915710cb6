# SPDX-License-Identifier: ISC
"""The PROXY protocol: who the client is as a trusted proxy says, by both
versions, before TLS, and what is no header gets no answer at all."""

import shutil
import socket
import ssl
import struct
import subprocess
import time

import pytest

import helpers
from http_tools import Conn, get

LIVE = get("/healthz/live")
SIG = b"\r\n\r\n\0\r\nQUIT\n"

CONF = """
http {
	trusted-proxies = { "127.0.0.1", "::1" }
}
listen ptls {
	address = "127.0.0.1"
	port = 0
	tls = true
	proxy-protocol = any
}
listen pv1 {
	address = "127.0.0.1"
	port = 0
	proxy-protocol = v1
}
listen pv2 {
	address = "127.0.0.1"
	port = 0
	proxy-protocol = v2
}
listen plmtp {
	address = "127.0.0.1"
	port = 0
	protocol = lmtp
	proxy-protocol = any
}
"""


@pytest.fixture(scope="module")
def proxied():
    s = helpers.Server(CONF)
    yield s
    s.remove()


def port(server, name):
    for line in server.jmapctl("show", "listeners").stdout.splitlines():
        if line.split()[:1] == [name]:
            return int(line.split()[3])
    raise AssertionError(f"no listener {name}")


def dial(server, name, source=None):
    return socket.create_connection(("127.0.0.1", port(server, name)), 10,
                                    source_address=source)


def v1(src="192.0.2.7", dst="198.51.100.2", sport=4711, dport=443):
    family = "TCP6" if ":" in src else "TCP4"
    return f"PROXY {family} {src} {dst} {sport} {dport}\r\n".encode()


def v2(src="192.0.2.7", dst="198.51.100.2", sport=4711, dport=443, tlvs=b"",
       command=0x21, family=None):
    af = socket.AF_INET6 if ":" in src else socket.AF_INET
    block = socket.inet_pton(af, src) + socket.inet_pton(af, dst) + \
        struct.pack(">HH", sport, dport) + tlvs
    family = family if family is not None else \
        (0x21 if af == socket.AF_INET6 else 0x11)
    return SIG + bytes([command, family]) + \
        struct.pack(">H", len(block)) + block


def tlv(kind, value):
    return bytes([kind]) + struct.pack(">H", len(value)) + value


def crc32c(data):
    crc = 0xffffffff
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def summed(good=True, **kw):
    """A version 2 header with a checksum."""
    head = v2(tlvs=tlv(3, b"\0\0\0\0"), **kw)
    crc = crc32c(head) ^ (0 if good else 1)
    return head[:-4] + struct.pack(">I", crc)


def wrap(server, sock):
    ctx = ssl.create_default_context(cafile=server.ca)
    ctx.set_alpn_protocols(["http/1.1"])
    return ctx.wrap_socket(sock, server_hostname="localhost")


def told(server, sport):
    """What show connections says of the client with that port."""
    rows = server.jmapctl("show", "connections").stdout.splitlines()
    at = rows[0].lower().split() if rows else []
    for row in rows[1:]:
        got = dict(zip(at, row.split()))
        if got.get("port") == str(sport):
            return got
    return None


GOOD = [
    ("v1", v1(), "192.0.2.7"),
    ("v1 ipv6", v1("2001:db8::7", "2001:db8::2"), "2001:db8::7"),
    ("v2", v2(), "192.0.2.7"),
    ("v2 ipv6", v2("2001:db8::7", "2001:db8::2"), "2001:db8::7"),
    ("v2 long", v2(tlvs=tlv(4, bytes(3000))), "192.0.2.7"),
    ("v2 longest", v2(tlvs=tlv(4, bytes(4096 - 12 - 3))), "192.0.2.7"),
    ("v2 tlvs", v2(tlvs=tlv(1, b"h2") + tlv(2, b"mail.test") +
                   tlv(5, b"u" * 128)), "192.0.2.7"),
    ("v2 checksum", summed(), "192.0.2.7"),
]


@pytest.mark.parametrize("name,head,client", GOOD, ids=[g[0] for g in GOOD])
def test_client_is_what_the_proxy_says(proxied, name, head, client):
    s = dial(proxied, "ptls")
    s.sendall(head)
    c = Conn(wrap(proxied, s))
    assert c.ask(LIVE).status == 200
    got = told(proxied, 4711)
    assert got["client"] == client
    assert got["peer"] == "127.0.0.1"
    helpers.wait_for(lambda: f"client={client} peer=127.0.0.1 " in
                     proxied.log())
    s.close()
    c.sock.close()
    helpers.wait_for(lambda: told(proxied, 4711) is None)


@pytest.mark.parametrize("head", [
    b"PROXY UNKNOWN\r\n",
    b"PROXY UNKNOWN 192.0.2.9 192.0.2.10 4712 2\r\n",
    v2("192.0.2.9", command=0x20),          # LOCAL: the block says nothing
    SIG + b"\x20\x00\x00\x00",
    v2("192.0.2.9", family=0x00),
    SIG + b"\x21\x31\x00\xd8" + bytes(216),  # from a unix socket
])
def test_unknown_client_is_the_peer(proxied, head):
    s = dial(proxied, "ptls")
    s.sendall(head)
    c = Conn(wrap(proxied, s))
    assert c.ask(LIVE).status == 200
    got = told(proxied, s.getsockname()[1] if s.fileno() != -1 else
               c.sock.getsockname()[1])
    assert got["client"] == got["peer"] == "127.0.0.1"


def test_header_byte_by_byte_and_glued_to_what_follows(proxied):
    """Not one byte of the header's neighbour is lost or taken early."""
    for name, head in (("pv1", v1()), ("pv2", v2()),
                       ("pv1", b"PROXY UNKNOWN\r\n")):
        c = Conn(dial(proxied, name))
        assert c.ask(head + LIVE).status == 200
        assert c.alive()
        c = Conn(dial(proxied, name))
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for b in head:
            c.send(bytes([b]))
        assert c.ask(LIVE).status == 200
    for head in (v1(), b"PROXY UNKNOWN\r\n", v2()):
        s = dial(proxied, "ptls")
        s.sendall(head + hello())
        s.settimeout(5)
        assert s.recv(3)[:2] == b"\x16\x03"     # a ServerHello


def hello():
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = ssl.create_default_context().wrap_bio(
        into, out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        o.do_handshake()
    return out.read()


BAD = [
    ("ptls", LIVE),
    ("ptls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600)),
    ("ptls", b"PROXY TCP4 192.0.2.7 198.51.100.2 1 65536\r\n"),
    ("ptls", b"PROXY TCP4 192.0.2.7 198.51.100.2 01 2\r\n"),
    ("ptls", b"PROXY  TCP4 192.0.2.7 198.51.100.2 1 2\r\n"),
    # two bytes at a time, as CR LF would be: this LF is read at 39
    ("ptls", b"PROXY TCP4 192.0.2.7 198.51.100.2 1 12\n"),
    ("ptls", b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"),
    ("ptls", b"PROXY UDP4 192.0.2.7 198.51.100.2 1 2\r\n"),
    ("ptls", b"proxy UNKNOWN\r\n"),
    ("ptls", b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n"),
    ("ptls", b"PROXY " + b"\0" * 200),
    ("ptls", SIG + b"\x11\x11\x00\x0c" + bytes(12)),     # version 1
    ("ptls", SIG + b"\x22\x11\x00\x0c" + bytes(12)),     # no such command
    ("ptls", SIG + b"\x21\x12\x00\x0c" + bytes(12)),     # datagram
    ("ptls", SIG + b"\x21\x41\x00\x0c" + bytes(12)),     # no such family
    ("ptls", SIG + b"\x21\x11\x00\x0b" + bytes(11)),     # too short
    ("ptls", SIG + b"\x21\x21\x00\x0c" + bytes(12)),
    ("ptls", SIG + b"\x21\x11\xff\xff" + bytes(5000)),   # too long
    ("ptls", v2(tlvs=tlv(4, bytes(4097 - 12 - 3)))),
    ("ptls", v2(tlvs=b"\x04\x00")),                      # torn
    ("ptls", v2(tlvs=b"\x04\x00\x09abc")),
    ("ptls", v2(tlvs=tlv(5, b"u" * 129))),
    ("ptls", v2(tlvs=tlv(3, b"abc"))),
    ("ptls", v2(tlvs=tlv(0x20, b"abc"))),
    ("ptls", summed(False)),
    ("pv1", v2()),
    ("pv2", v1()),
    ("plmtp", b"LHLO client.test\r\n"),
    ("pv1", LIVE),
]


@pytest.mark.parametrize("name,head", BAD)
def test_what_is_no_header_is_closed_without_an_answer(proxied, name, head):
    c = Conn(dial(proxied, name))
    began = time.monotonic()
    try:
        c.send(head)
    except OSError:
        pass
    assert c.closed(2.5)
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("part", [b"", b"PROXY TCP4", SIG, v2()[:-1]])
def test_header_has_three_seconds(proxied, part):
    c = Conn(dial(proxied, "ptls"))
    c.send(part)
    began = time.monotonic()
    assert c.closed(6)
    assert 2 < time.monotonic() - began < 5


def test_strangers_are_closed_unread(new_server):
    s = new_server(CONF.replace('"127.0.0.1", "::1"', '"192.0.2.0/24"'))
    for name in ("ptls", "pv1", "plmtp"):
        c = Conn(dial(s, name))
        began = time.monotonic()
        assert c.closed(2)
        assert time.monotonic() - began < 2
    assert "none of trusted-proxies" in s.log()


def test_lmtp_behind_a_proxy(proxied):
    account = proxied.adduser()
    s = dial(proxied, "plmtp")
    s.sendall(v1("192.0.2.25"))
    f = s.makefile("rb")
    assert f.readline().startswith(b"220 ")

    def cmd(line):
        s.sendall(line.encode() + b"\r\n")
        while True:
            got = f.readline()
            if got[3:4] != b"-":
                return got[:3]
    assert cmd("LHLO mx.test") == b"250"
    assert cmd("MAIL FROM:<a@example.org>") == b"250"
    assert cmd(f"RCPT TO:<{account.name}>") == b"250"
    assert cmd("DATA") == b"354"
    assert cmd("Subject: x\r\n\r\nhello\r\n.") == b"250"
    mail = account.emails(properties=["blobId"])[0]
    assert b"Received: from mx.test ([192.0.2.25])" in \
        account.download(mail["blobId"])


def test_tls_at_the_proxy_is_secure(proxied):
    """Version 2 says that the client spoke TLS: a password may come."""
    who = proxied.adduser()
    from http_tools import basic
    ask = get("/jmap/session", basic(who))
    ssl_tlv = tlv(0x20, b"\x01\0\0\0\0" + tlv(0x21, b"TLSv1.3"))
    c = Conn(dial(proxied, "pv2"))
    assert c.ask(v2(tlvs=ssl_tlv) + ask).status == 200
    c = Conn(dial(proxied, "pv2"))
    assert c.ask(v2() + ask).status != 200


# --- a real proxy ------------------------------------------------------------

HAPROXY = """
global
	log stdout local0
defaults
	mode tcp
	timeout connect 5s
	timeout client 30s
	timeout server 30s
frontend f
	bind 127.0.0.1:{front}
	default_backend b
backend b
	server s 127.0.0.1:{back} {send}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.skipif(not shutil.which("haproxy"), reason="no haproxy")
@pytest.mark.parametrize("send,options", [
    ("send-proxy", ""),
    ("send-proxy-v2", ""),
    ("send-proxy-v2", "proxy-v2-options unique-id,crc32c"),
])
def test_haproxy_in_front(proxied, tmp_path, send, options):
    front = free_port()
    conf = tmp_path / "haproxy.cfg"
    conf.write_text(HAPROXY.format(front=front, back=port(proxied, "ptls"),
                                   send=f"{send} {options}"))
    if subprocess.run(["haproxy", "-c", "-f", str(conf)],
                      capture_output=True).returncode != 0:
        options = options.replace("unique-id,", "")
        conf.write_text(HAPROXY.format(
            front=front, back=port(proxied, "ptls"),
            send=f"{send} {options}"))
    with subprocess.Popen(["haproxy", "-db", "-f", str(conf)],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        try:
            def up():
                try:
                    return socket.create_connection(
                        ("127.0.0.1", front), 5,
                        source_address=("127.0.0.9", 0))
                except OSError:
                    return None
            s = helpers.wait_for(up)
            sport = s.getsockname()[1]
            c = Conn(wrap(proxied, s))
            for _ in range(3):
                assert c.ask(LIVE).status == 200
            got = told(proxied, sport)
            assert got["client"] == "127.0.0.9"
            assert got["peer"] == "127.0.0.1"
        finally:
            p.kill()
