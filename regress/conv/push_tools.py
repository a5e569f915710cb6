# SPDX-License-Identifier: ISC
"""A push service on loopback (RFC 8030) below an authority of its own, a
client's keys that decrypt what it got (RFC 8291), and a DNS server that says
what it is told."""

import base64
import datetime
import http.server
import json
import os
import queue
import socket
import ssl
import struct
import tempfile
import threading
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import \
    encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key):
    return key.public_bytes(serialization.Encoding.X962,
                            serialization.PublicFormat.UncompressedPoint)


class Keys:
    """What a client gives with a subscription, and keeps."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)

    @property
    def public(self):
        return {"p256dh": b64(point(self.private.public_key())),
                "auth": b64(self.auth)}

    def decrypt(self, body):
        """RFC 8291 3, RFC 8188 2: one record."""
        salt, rs, idlen = body[:16], *struct.unpack(">IB", body[16:21])
        assert rs == 4096 and idlen == 65 and len(body) <= 4096
        theirs, record = body[21:86], body[86:]
        shared = self.private.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(
                ec.SECP256R1(), theirs))
        info = b"WebPush: info\0" + point(self.private.public_key()) + theirs
        ikm = HKDF(hashes.SHA256(), 32, self.auth, info).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt,
                   b"Content-Encoding: aes128gcm\0").derive(ikm)
        nonce = HKDF(hashes.SHA256(), 12, salt,
                     b"Content-Encoding: nonce\0").derive(ikm)
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert plain[-1] == 2, "not the last record"
        return plain[:-1]


def vapid(header):
    """RFC 8292: the claims and the key, once the signature is right."""
    scheme, rest = header.split(" ", 1)
    assert scheme == "vapid"
    args = dict(a.strip().split("=", 1) for a in rest.split(","))
    head, claims, sig = args["t"].split(".")
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = unb64(sig)
    assert len(raw) == 64
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(),
                                                       unb64(args["k"]))
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"),
                               int.from_bytes(raw[32:], "big"))
    try:
        key.verify(der, f"{head}.{claims}".encode(),
                   ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise AssertionError("the token's signature is wrong")
    return json.loads(unb64(claims)), args["k"]


class Post:
    """One request that the service got."""

    def __init__(self, handler, body):
        self.path = handler.path
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.body = body
        self.when = time.monotonic()

    def json(self, keys=None):
        if keys is None:
            assert "content-encoding" not in self.headers
            return json.loads(self.body)
        assert self.headers["content-encoding"] == "aes128gcm"
        return json.loads(keys.decrypt(self.body))


class PushService:
    """answers[path] is a list of (status, headers, body), taken one by one;
    without one it says 201."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="jmapd-push-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.ca = self.dir + "/ca.pem"
        self._certificates()
        self.answers = {}
        self.connections = 0
        self.posts = {}
        self.lock = threading.Lock()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                service.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service._got(Post(self, body))
                status, headers, text = service._answer(self.path)
                self.send_response(status)
                for k, v in headers.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        class Httpd(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self.httpd = Httpd(("127.0.0.1", 0), Handler)
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(self.dir + "/leaf.pem", self.dir + "/leaf.key")
        self.httpd.socket = ctx.wrap_socket(
            self.httpd.socket, server_side=True,
            do_handshake_on_connect=False)
        self.port = self.httpd.server_address[1]
        self.origin = f"https://localhost:{self.port}"
        threading.Thread(target=self.httpd.serve_forever,
                         daemon=True).start()

    def _certificates(self):
        now = datetime.datetime.utcnow()
        hour = datetime.timedelta(hours=1)

        def make(name, key, issuer, signer, ca, names=()):
            b = (x509.CertificateBuilder()
                 .subject_name(name).issuer_name(issuer)
                 .public_key(key.public_key())
                 .serial_number(x509.random_serial_number())
                 .not_valid_before(now - hour).not_valid_after(now + 24 * hour)
                 .add_extension(x509.BasicConstraints(ca, None), True))
            if names:
                b = b.add_extension(x509.SubjectAlternativeName(
                    [x509.DNSName(n) for n in names]), False)
            return b.sign(signer, hashes.SHA256())

        def write(name, *parts):
            with open(f"{self.dir}/{name}", "wb") as f:
                for p in parts:
                    f.write(p)

        pem = serialization.Encoding.PEM
        who = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)])
               for n in ("push authority", "push service")]
        ca, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in who)
        write("ca.pem", make(who[0], ca, who[0], ca, True).public_bytes(pem))
        os.chmod(self.ca, 0o644)
        write("leaf.pem", make(who[1], leaf, who[0], ca, False, (
            "localhost", "push.test")).public_bytes(pem))
        write("leaf.key", leaf.private_bytes(
            pem, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    def _queue(self, path):
        with self.lock:
            return self.posts.setdefault(path, queue.Queue())

    def _got(self, post):
        self._queue(post.path).put(post)

    def _answer(self, path):
        with self.lock:
            script = self.answers.get(path)
            one = script.pop(0) if script else 201
        if isinstance(one, int):
            one = (one, {}, b"")
        if callable(one):
            one = one()
        return one

    def url(self, path):
        return self.origin + path

    def wait(self, path, seconds=10):
        """The next post to a path."""
        try:
            return self._queue(path).get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"nothing was pushed to {path}")

    def none(self, path, seconds=1.0):
        """Nothing more comes to a path."""
        try:
            post = self._queue(path).get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"pushed to {path}: {post.body!r}")

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()


class Names:
    """A DNS server: names[name] is a list of addresses; cut: names that it
    answers by TCP only."""

    def __init__(self):
        self.names = {}
        self.cut = set()
        self.asked = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        for f in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=f, daemon=True).start()

    def _answer(self, q, tcp):
        labels, at = [], 12
        while q[at]:
            labels.append(q[at + 1:at + 1 + q[at]].decode())
            at += 1 + q[at]
        name = ".".join(labels).lower()
        kind, = struct.unpack(">H", q[at + 1:at + 3])
        question = q[12:at + 5]
        self.asked.append((name, kind, tcp))
        if name in self.cut and not tcp:
            return q[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + question
        if name not in self.names:
            return q[:2] + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + question
        rows = b""
        n = 0
        for a in self.names[name]:
            six = ":" in a
            if six != (kind == 28):
                continue
            data = socket.inet_pton(
                socket.AF_INET6 if six else socket.AF_INET, a)
            rows += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1,
                                              len(data)) + data
            n += 1
        return q[:2] + struct.pack(">HHHHH", 0x8180, 1, n, 0, 0) + \
            question + rows

    def _serve_udp(self):
        while True:
            try:
                q, who = self.udp.recvfrom(4096)
                self.udp.sendto(self._answer(q, False), who)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                c, _ = self.tcp.accept()
            except OSError:
                return
            with c:
                q = c.recv(4096)
                a = self._answer(q[2:], True)
                c.sendall(struct.pack(">H", len(a)) + a)

    def close(self):
        self.udp.close()
        self.tcp.close()
