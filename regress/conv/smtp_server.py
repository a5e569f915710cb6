# SPDX-License-Identifier: ISC
"""An SMTP server that fails in every way it is told to, and writes down what
it got.  A thread on loopback; one per test.

    with Server(certs, tls="starttls", replies={"rcpt": "550 5.1.1 no"}) as s:
        ... s.port, s.mails, s.seen, s.connections

replies: step -> what to answer there instead of the usual.  Steps: greeting,
ehlo, starttls, ehlo2 (inside TLS), auth, auth2 (after the first AUTH answer),
mail, rcpt, data, dot, rset, quit; "rcpt <addr>" for one recipient.  A value is
text (CRLF is added), bytes (sent as they are), DROP, RESET, HANG, a function
of the command line that gives one of these, or a list of them, one for each
time, the last one for ever; None is the usual answer.
"""

import base64
import contextlib
import pathlib
import re
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

DROP, RESET, HANG = object(), object(), object()
EXTS = ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN",
        "ENHANCEDSTATUSCODES"]


class Gone(Exception):
    pass


class Mail:
    """A transaction that was carried through."""

    def __init__(self, sender, params):
        self.sender, self.params, self.rcpts = sender, params, []
        self.data = None        # bytes, dots taken out again
        self.tls = self.user = self.helo = None

    def to(self):
        return [r for r, _ in self.rcpts]


class Server:
    def __init__(self, certs=None, tls=None, cert="good", exts=None,
                 users=None, mechs="PLAIN LOGIN", replies=None, delay=0,
                 port=0, obey=False):
        self.certs, self.tls, self.cert, self.users = certs, tls, cert, users
        self.exts = EXTS if exts is None else exts
        self.mechs, self.delay, self.obey = mechs, delay, obey
        self.replies = dict(replies or {})
        self.mails, self.seen, self.connections = [], [], 0
        self.errors, self.times = [], []
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.counts = {}
        self.open = set()
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(100)
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for s in list(self.open):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)

    def loop(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            self.times.append(time.monotonic())
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        self.open.add(s)
        try:
            Session(self, s).run()
        except (Gone, OSError):
            pass
        except Exception as e:          # shown by the test
            self.errors.append(repr(e))
        finally:
            self.open.discard(s)
            with contextlib.suppress(OSError):
                s.close()

    def pick(self, step, line):
        """What the test wants said at this step, or None."""
        with self.lock:
            what = self.replies.get(step)
            if isinstance(what, list):
                n = self.counts[step] = self.counts.get(step, -1) + 1
                what = what[min(n, len(what) - 1)]
        return what(line) if callable(what) else what

    def waits(self, n, seconds=10):
        """Until n mails have come."""
        end = time.monotonic() + seconds
        while len(self.mails) < n:
            assert time.monotonic() < end, (len(self.mails), self.seen[-20:],
                                            self.errors)
            time.sleep(0.01)
        return self.mails


class Session:
    def __init__(self, server, sock):
        self.s, self.sock, self.buf = server, sock, b""
        self.secure, self.user, self.helo = False, None, None
        self.mail = None
        sock.settimeout(60)

    def run(self):
        if self.s.tls == "implicit":
            self.handshake()
        self.say("greeting", "220 mx.test ESMTP")
        while True:
            line = self.line()
            self.s.seen.append(line)
            verb = re.match(r"[A-Za-z]*", line)[0].upper()
            what = getattr(self, "do_" + verb.lower(), None)
            if what is None:
                self.send("500 5.5.2 what?")
            else:
                what(line)

    # --- bytes

    def line(self):
        while b"\n" not in self.buf:
            self.more()
        line, self.buf = self.buf.split(b"\n", 1)
        if line[:1] == b"\x16":
            raise Gone                  # TLS, where there is none
        if not line.endswith(b"\r"):
            self.s.errors.append("bare LF in a command: %r" % line)
        line = line.rstrip(b"\r")
        if b"\r" in line:
            self.s.errors.append("bare CR in a command: %r" % line)
        return line.decode("utf-8", "surrogateescape")

    def more(self):
        d = self.sock.recv(65536)
        if not d:
            raise Gone
        self.buf += d

    def send(self, what):
        if what is HANG:
            gone = select.poll()        # not reading a byte
            gone.register(self.sock, select.POLLRDHUP)
            while not gone.poll(50) and not self.s.stopping.is_set():
                pass
            raise Gone
        if what is RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
            self.sock.close()
            raise Gone
        if what is DROP:
            raise Gone
        if isinstance(what, str):
            what = what.replace("\n", "\r\n").encode(
                "utf-8", "surrogateescape") + b"\r\n"
        self.sock.sendall(what)

    def say(self, step, usual, line=""):
        """Answer; True if it was a positive answer."""
        what = self.s.pick(step, line)
        if what is None:
            what = usual
        if self.s.delay:
            time.sleep(self.s.delay)
        if hasattr(what, "__next__"):           # bytes without end
            for piece in what:
                self.send(piece)
            raise Gone
        self.send(what)
        return (what if isinstance(what, str) else
                what.decode("latin-1"))[:1] in "23"

    def handshake(self):
        if self.buf:
            self.s.errors.append("bytes before the handshake: %r" % self.buf)
        try:
            self.sock = self.s.certs.context(self.s.cert).wrap_socket(
                self.sock, server_side=True)
            self.secure = True
        except (ssl.SSLError, OSError):
            raise Gone

    # --- commands

    def do_ehlo(self, line):
        self.helo = line[5:]
        exts = list(self.s.exts)
        if self.s.tls == "starttls" and not self.secure:
            exts.append("STARTTLS")
        if self.s.users is not None:
            exts.append("AUTH " + self.s.mechs)
        all = ["mx.test hello"] + exts
        self.say("ehlo2" if self.secure else "ehlo", "\n".join(
            "250%s%s" % ("-" if x is not all[-1] else " ", x) for x in all),
            line)

    def do_helo(self, line):
        self.helo = line[5:]
        self.send("250 mx.test")

    def do_starttls(self, line):
        if self.say("starttls", "220 2.0.0 go", line):
            self.handshake()

    def do_auth(self, line):
        if self.s.users is None:
            return self.send("502 5.5.1 no")
        what = self.s.pick("auth", line)
        if what is not None:
            self.send(what)
            if isinstance(what, str) and what.startswith("334"):
                self.s.seen.append(self.line())
                self.say("auth2", "501 5.7.0 cancelled")
            elif isinstance(what, str) and what.startswith("235"):
                self.user = "anybody"
            return None
        words = line.split(" ")
        if words[1] == "PLAIN":
            if len(words) == 2:
                self.send("334 ")
                words.append(self.line())
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
        else:
            self.send("334 VXNlcm5hbWU6")
            user = base64.b64decode(self.line()).decode()
            self.send("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.line()).decode()
        if not self.secure:
            self.s.errors.append("a password without TLS")
        if self.s.users.get(user) != password:
            return self.send("535 5.7.8 wrong")
        self.user = user
        return self.send("235 2.7.0 welcome")

    def do_mail(self, line):
        m = re.match(r"MAIL FROM:<(.*)>((?: [^ <>]+)*)$", line)
        if not m:
            return self.send("501 5.5.4 syntax")
        if self.s.users is not None and self.user is None:
            return self.send("530 5.7.0 authenticate")
        self.mail = None
        if self.say("mail", "250 2.1.0 ok", line):
            self.mail = Mail(m[1], m[2].split())
            self.mail.tls, self.mail.user = self.secure, self.user
            self.mail.helo = self.helo
        return None

    def do_rcpt(self, line):
        m = re.match(r"RCPT TO:<(.*)>((?: [^ <>]+)*)$", line)
        if not m:
            return self.send("501 5.5.4 syntax")
        if self.mail is None:
            return self.send("503 5.5.1 MAIL first")
        step = "rcpt " + m[1]
        if self.say(step if step in self.s.replies else "rcpt",
                    "250 2.1.5 ok", line):
            self.mail.rcpts.append((m[1], m[2].split()))
        return None

    def do_data(self, line):
        if (self.mail is None or not self.mail.rcpts) and not self.s.obey:
            return self.send("554 5.5.1 no recipients")
        if not self.say("data", "354 go on", line):
            return None
        self.body()
        mail, self.mail = self.mail, None
        if self.say("dot", "250 2.0.0 queued") and mail and mail.rcpts:
            self.s.mails.append(mail)
        return None

    def body(self):
        what = self.s.pick("body", "")
        if what is not None:            # within the message
            self.more()
            self.send(what)
        while not (self.buf.startswith(b".\r\n") or
                   b"\r\n.\r\n" in self.buf):
            self.more()
        if self.buf.startswith(b".\r\n"):
            data, self.buf = b"", self.buf[3:]
        else:
            data, self.buf = self.buf.split(b"\r\n.\r\n", 1)
            data += b"\r\n"
        if re.search(rb"[^\r]\n|\r[^\n]|^\n", data):
            self.s.errors.append("a bare CR or LF in the message")
        if self.mail is not None:
            self.mail.data = re.sub(rb"(?m)^\.", b"", data)

    def do_rset(self, line):
        self.mail = None
        self.say("rset", "250 2.0.0 ok", line)

    def do_noop(self, _):
        self.send("250 2.0.0 ok")

    def do_quit(self, line):
        self.say("quit", "221 2.0.0 bye", line)
        raise Gone


CA_CONF = """
[ca]
default_ca = c
[c]
database = %(dir)s/index
new_certs_dir = %(dir)s
serial = %(dir)s/serial
certificate = %(dir)s/ca.pem
private_key = %(dir)s/ca.key
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[v3ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = %(usage)s
subjectAltName = %(names)s
"""


class Certs:
    """An authority, and certificates of every kind below it: good, expired,
    future, wrongname, cnonly, wildcard, client, address; and self, which is
    below nobody."""

    KINDS = {
        "good": ("DNS:localhost,DNS:relay.test", "serverAuth", None),
        "expired": ("DNS:localhost", "serverAuth",
                    ("20200101000000Z", "20210101000000Z")),
        "future": ("DNS:localhost", "serverAuth",
                   ("20900101000000Z", "20910101000000Z")),
        "wrongname": ("DNS:other.test", "serverAuth", None),
        # the subject has the right name, the alternative names have not
        "cnonly": ("DNS:other.test", "serverAuth", None),
        "wildcard": ("DNS:*.relay.test", "serverAuth", None),
        "partial": ("DNS:mx*.relay.test", "serverAuth", None),
        "client": ("DNS:localhost", "clientAuth", None),
        "address": ("IP:127.0.0.1", "serverAuth", None),
    }

    def __init__(self, dir):
        self.dir = pathlib.Path(dir)
        self.ca = self.dir / "ca.pem"
        self.contexts = {}
        (self.dir / "index").write_text("")
        (self.dir / "serial").write_text("1000\n")
        self.conf("DNS:x", "serverAuth")
        for name in ("ca", "self"):
            self.openssl("req", "-x509", *self.key(name), "-days", "90",
                         "-subj", "/CN=localhost", "-extensions",
                         "v3ca" if name == "ca" else "leaf",
                         "-out", f"{self.dir}/{name}.pem")

    def conf(self, names, usage):
        (self.dir / "conf").write_text(CA_CONF % {
            "dir": self.dir, "names": names, "usage": usage})

    def key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", f"{self.dir}/{name}.key")

    def openssl(self, verb, *args):
        subprocess.run(["openssl", verb, "-config", f"{self.dir}/conf",
                        *args], check=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)

    def context(self, kind):
        if kind not in self.contexts:
            if kind != "self":
                self.make(kind, *self.KINDS[kind])
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            c.load_cert_chain(self.dir / f"{kind}.pem",
                              self.dir / f"{kind}.key")
            self.contexts[kind] = c
        return self.contexts[kind]

    def make(self, kind, names, usage, dates):
        self.conf(names, usage)
        self.openssl("req", *self.key(kind), "-subj", "/CN=localhost",
                     "-out", f"{self.dir}/{kind}.csr")
        when = (["-startdate", dates[0], "-enddate", dates[1]] if dates else
                ["-days", "30"])
        self.openssl("ca", "-batch", "-notext", "-extensions", "leaf", *when,
                     "-in", f"{self.dir}/{kind}.csr",
                     "-out", f"{self.dir}/{kind}.pem")
