# SPDX-License-Identifier: ISC
"""What conversations with a scratch server are made of: the server itself,
an account on it, a small JMAP client, raw sockets, an LMTP client.
Tests get them through the fixtures of conftest.py."""

import json
import os
import pathlib
import resource
import secrets
import shlex
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import requests

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("JMAPD_BIN", TOP))
# A build with sanitizers takes its time.
SLOW = 6 if BIN.name == "san" else 1
SCRATCH = TOP / "regress" / "scratch"
SAMPLES = TOP / "regress" / "mail"

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"


def wait_for(test, seconds=5, pause=0.02):
    """Call test() until it returns something true; return that."""
    seconds *= SLOW
    end = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain")
        time.sleep(pause)


class Server:
    """A scratch server.  Attributes are the assignments that scratch start
    prints, in lower case: url, plain_url, lmtp, ca, ctl, dir, pid, user1 ..."""

    def __init__(self, conf="", directory=None, files=None):
        """files: how many each process may have open."""
        self.files = files
        self.dir = directory or tempfile.mkdtemp(prefix="jmapd-test-",
                                                 dir="/tmp")
        self.conf = None
        if conf:
            self.conf = os.path.join(self.dir, "extra.conf")
            pathlib.Path(self.conf).write_text(conf)
        self.start()

    def start(self):
        args = [str(SCRATCH), "start"]
        if self.conf:
            args += ["--conf", self.conf]
        done = subprocess.run(args + [self.dir], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              close_fds=True, preexec_fn=self.files and (
                                  lambda: resource.setrlimit(
                                      resource.RLIMIT_NOFILE,
                                      (self.files, self.files))))
        if done.returncode != 0:
            raise RuntimeError("scratch start:\n" + done.stderr)
        for word in shlex.split(done.stdout):
            name, value = word.split("=", 1)
            setattr(self, name.lower(), value)
        self.pid = int(self.pid)

    def stop(self):
        subprocess.run([str(SCRATCH), "stop", self.dir], check=True)

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        return pathlib.Path(self.dir, "log").read_text(errors="replace")

    def jmapctl(self, *args, input=None, check=True, **kw):
        """Run a verb; returns the CompletedProcess with text output."""
        done = subprocess.run([str(BIN / "jmapctl"), "-s", self.ctl, *args],
                              input=input, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **kw)
        if check and done.returncode != 0:
            raise AssertionError(f"jmapctl {' '.join(args)}: exit "
                                 f"{done.returncode}: {done.stderr}")
        return done

    def adduser(self, name=None, password=None):
        """One more empty account, as an Account."""
        name = name or f"u{secrets.token_hex(6)}@mail.test"
        password = password or secrets.token_hex(8)
        subprocess.run([str(SCRATCH), "adduser", self.dir, name, password],
                       check=True)
        return Account(self, name, password)

    def first(self):
        return Account(self, self.user1, self.pass1)

    def second(self):
        return Account(self, self.user2, self.pass2)

    def admin(self):
        return Account(self, self.admin_user, self.admin_pass)

    def pids(self):
        """Every process of the server, the parent first."""
        return [self.pid] + children(self.pid)

    def tls(self, alpn=("http/1.1",), **kw):
        """A raw TLS connection to the https listener, verified."""
        ctx = ssl.create_default_context(cafile=self.ca)
        if alpn:
            ctx.set_alpn_protocols(list(alpn))
        host, port = self.url.split("//")[1].rsplit(":", 1)
        sock = socket.create_connection(("127.0.0.1", int(port)), timeout=10)
        return ctx.wrap_socket(sock, server_hostname=host, **kw)

    def plain(self):
        """A raw TCP connection to the plain http listener."""
        host, port = self.plain_url.split("//")[1].rsplit(":", 1)
        return socket.create_connection((host, int(port)), timeout=10)

    def lmtp_client(self, unix=False, greet=True):
        return Lmtp(self, unix, greet)


def children(pid):
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)],
                         stdout=subprocess.PIPE, text=True).stdout
    return [int(p) for p in out.split()]


def exchange(sock, data, until=None):
    """Send bytes, read to the end of the stream or until a mark is seen."""
    sock.sendall(data)
    got = b""
    while until is None or until not in got:
        part = sock.recv(65536)
        if not part:
            break
        got += part
    return got


class MethodError(Exception):
    """A JMAP method answered "error"; .args[0] is its object."""

    @property
    def type(self):
        return self.args[0]["type"]


class Account:
    """A login on a server, and a JMAP client for it."""

    def __init__(self, server, name, password):
        self.server = server
        self.name = name
        self.password = password
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.auth = (name, password)
        self.http.verify = server.ca
        self._session = None

    @property
    def session(self):
        if self._session is None:
            r = self.http.get(self.server.url + "/.well-known/jmap")
            r.raise_for_status()
            self._session = r.json()
        return self._session

    @property
    def id(self):
        """The JMAP account id."""
        return self.session["primaryAccounts"][MAIL]

    def post(self, body, **kw):
        """POST to the apiUrl; body is an object, text or bytes."""
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        headers = {"Content-Type": "application/json"}
        headers.update(kw.pop("headers", {}))
        return self.http.post(self.session["apiUrl"], data=body,
                              headers=headers, **kw)

    def request(self, calls, using=(CORE, MAIL), **more):
        """A whole request; returns the response object."""
        r = self.post({"using": list(using), "methodCalls": calls, **more})
        if r.status_code != 200:
            raise AssertionError(f"{r.status_code}: {r.text}")
        return r.json()

    def calls(self, *calls):
        """Each call is (name, args); accountId is added when missing.
        Returns the list of method responses [name, args, id]."""
        full = []
        for i, (name, args) in enumerate(calls):
            if name != "Core/echo":
                args = {"accountId": self.id, **args}
            full.append([name, args, str(i)])
        return self.request(full)["methodResponses"]

    def call(self, name, args=None):
        """One call; returns the arguments of its response, raises
        MethodError for an error."""
        got = self.calls((name, args or {}))
        if got[0][0] == "error":
            raise MethodError(got[0][1])
        assert got[0][0] == name
        return got[0][1]

    # --- short forms of what most tests do

    def mailboxes(self):
        return self.call("Mailbox/get", {"ids": None})["list"]

    def mailbox(self, role="inbox", name=None):
        """The id of the mailbox with a role, or with a name."""
        for m in self.mailboxes():
            if (m["name"] == name) if name else (m["role"] == role):
                return m["id"]
        raise AssertionError(f"no mailbox {name or role}")

    def upload(self, data, type="message/rfc822"):
        url = self.session["uploadUrl"].replace("{accountId}", self.id)
        r = self.http.post(url, data=data, headers={"Content-Type": type})
        if r.status_code not in (200, 201):
            raise AssertionError(f"{r.status_code}: {r.text}")
        return r.json()

    def download(self, blob, name="blob", type="application/octet-stream"):
        url = (self.session["downloadUrl"]
               .replace("{accountId}", self.id)
               .replace("{blobId}", blob)
               .replace("{name}", name)
               .replace("{type}", requests.utils.quote(type, safe="")))
        r = self.http.get(url)
        r.raise_for_status()
        return r.content

    def add_mail(self, data, mailbox=None, keywords=(), received=None):
        """Upload and Email/import one message; returns its Email id."""
        one = {
            "blobId": self.upload(data)["blobId"],
            "mailboxIds": {mailbox or self.mailbox(): True},
            "keywords": {k: True for k in keywords},
        }
        if received:
            one["receivedAt"] = received
        got = self.call("Email/import", {"emails": {"m": one}})
        assert not got.get("notCreated"), got
        return got["created"]["m"]["id"]

    def emails(self, properties=None, **query):
        """Email/query and Email/get of all it finds."""
        ids = self.call("Email/query", query)["ids"]
        args = {"properties": properties} if properties else {}
        return [e for i in range(0, len(ids), 500)
                for e in self.call("Email/get", {
                    "ids": ids[i:i + 500], **args})["list"]]


class Lmtp:
    """A line-wise LMTP client (RFC 2033).  A reply is (code, text)."""

    def __init__(self, server, unix=False, greet=True):
        if unix:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(10)
            self.sock.connect(server.lmtp_unix)
        else:
            host, port = server.lmtp.rsplit(":", 1)
            self.sock = socket.create_connection((host, int(port)), 10)
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply()
        self.features = {}
        if greet:
            self.lhlo()

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError("LMTP: the server closed")
            assert line.endswith(b"\r\n"), line
            text = line[:-2].decode()
            lines.append(text[4:])
            if text[3:4] != "-":
                return int(text[:3]), "\n".join(lines)

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def cmd(self, line):
        self.send(line if isinstance(line, bytes) else line.encode())
        self.send(b"\r\n")
        return self.reply()

    def lhlo(self, name="client.test"):
        code, text = self.cmd(f"LHLO {name}")
        assert code == 250, text
        for line in text.split("\n")[1:]:
            word, _, rest = line.partition(" ")
            self.features[word] = rest
        return code, text

    def deliver(self, data, to, sender="sender@example.org", params=""):
        """A whole transaction with DATA.  Returns one reply a recipient; a
        refused recipient has its RCPT reply."""
        if isinstance(to, str):
            to = [to]
        got = self.cmd(f"MAIL FROM:<{sender}>{params}")
        assert got[0] == 250, got
        replies = [self.cmd(f"RCPT TO:<{r}>") for r in to]
        if not any(r[0] == 250 for r in replies):
            assert self.cmd("RSET")[0] == 250
            return replies
        got = self.cmd("DATA")
        assert got[0] == 354, got
        self.send(stuff(data))
        return [self.reply() if r[0] == 250 else r for r in replies]

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def stuff(data):
    """A message as DATA wants it: dots doubled, the end added."""
    if data.startswith(b"."):
        data = b"." + data
    data = data.replace(b"\r\n.", b"\r\n..")
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    return data + b".\r\n"


def message(subject="hello", body="Hello.\r\n", to="user@mail.test",
            sender="sender@example.org", **fields):
    """A small message; further fields by name, _ for -."""
    head = {"From": sender, "To": to, "Subject": subject,
            "Date": "Fri, 20 Nov 2026 09:00:00 +0000",
            "Message-ID": f"<{secrets.token_hex(8)}@example.org>"}
    head.update({k.replace("_", "-"): v for k, v in fields.items()})
    text = "".join(f"{k}: {v}\r\n" for k, v in head.items() if v is not None)
    return (text + "\r\n" + body).encode()
