#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""bench: jmapd beside nginx on this machine, in one run.

Each kind of request goes to jmapd, and to nginx with a static body of the
same size, by the same wrk over the same TLS with the same certificate.  The
two take turns (A B A B ...), and the medians count, because a machine is
noisy; the ratio is what is comparable between machines.

	name jmapd_req_s nginx_req_s ratio p50 p99 cpu nginx_cpu

p50 and p99 are jmapd's latencies; cpu is the processor time that all
processes of the server spent for a request, which is what stays the same
when the machine has other work.  All three in microseconds.

Lines of another kind:

	idle_websocket	BENCH_SOCKETS (20000) WebSockets over TLS that say
			nothing, opened from several addresses of the
			loopback network: the PSS that each added, of the
			workers and of the parent, from smaps_rollup before
			and after.  An echo over each hundredth shows that
			they live.  Two processes of each side hold them, so
			that 20000 open files in one are enough.
	push		with them there: from the moment a client begins to
			send a change to one worker until the StateChange is
			at a WebSocket of another, which includes the change
			itself and its flush: p50, p99 and the longest of
			BENCH_PUSHES (500).
	submission	EmailSubmission/set that creates one, of a mail of
			10 KB that is there, for a relay on loopback that
			takes everything: answered when it is on the disk of
			the queue and of the account, one behind the other
			under the account's write lock; so by eight accounts
			side by side, too.  Every one must reach the relay.

BENCH_SECONDS (3) a turn, BENCH_TURNS (3), BENCH_CONNS (16), BENCH_MAILS
(50000) in the large mailbox, BENCH_ONLY names lines.  nginx is the ceiling
here: it does nothing but send bytes."""

import base64
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "regress" / "conv"))
import helpers  # noqa: E402
import ws_tools  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
TURNS = int(os.environ.get("BENCH_TURNS", "3"))
CONNS = int(os.environ.get("BENCH_CONNS", "16"))
MAILS = int(os.environ.get("BENCH_MAILS", "50000"))
SOCKETS = int(os.environ.get("BENCH_SOCKETS", "20000"))
PUSHES = int(os.environ.get("BENCH_PUSHES", "500"))
SUBMISSION = "urn:ietf:params:jmap:submission"
ONLY = os.environ.get("BENCH_ONLY", "").split()
PROPS = ["id", "threadId", "mailboxIds", "keywords", "from", "to", "subject",
         "receivedAt", "preview", "hasAttachment", "size"]
CONF = """
log-requests = false
rate-limit {
	account = 1000000/1s
	anonymous = 1000000/1s
}
limits {
	connections-per-source = 1000000
	max-concurrent-requests = 1000
	drain-timeout = 2s
}
"""
SOCKETS_CONF = """
log-requests = false
limits {
	connections = 200000
	connections-per-source = 200000
	max-websockets = 60000
	websocket-ping = 1h
	max-concurrent-requests = 1000
	drain-timeout = 2s
}
"""
NGINX = """
%(user)s
worker_processes auto;
error_log %(dir)s/error.log;
pid %(dir)s/pid;
daemon off;
events { worker_connections 4096; }
http {
	access_log off;
	types { application/json json; }
	keepalive_requests 100000000;
	client_body_temp_path %(dir)s/body;
	proxy_temp_path %(dir)s/proxy;
	fastcgi_temp_path %(dir)s/fastcgi;
	uwsgi_temp_path %(dir)s/uwsgi;
	scgi_temp_path %(dir)s/scgi;
	open_file_cache max=100;
	sendfile on;
	tcp_nopush on;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
	ssl_prefer_server_ciphers on;
	ssl_ecdh_curve X25519:P-256:P-384;
	ssl_certificate %(tls)s/server.pem;
	ssl_certificate_key %(tls)s/server.key;
	ssl_session_cache off;
	ssl_session_tickets on;
	server {
		listen 127.0.0.1:%(port)d ssl;
		root %(dir)s/www;
		error_page 405 =200 $uri;
	}
}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    def __init__(self, directory, tls):
        self.dir = pathlib.Path(directory)
        self.www = self.dir / "www"
        self.www.mkdir(parents=True)
        self.port = free_port()
        root = os.geteuid() == 0
        (self.dir / "conf").write_text(NGINX % {
            "user": "user nobody nogroup;" if root else "",
            "dir": self.dir, "tls": tls, "port": self.port})
        subprocess.run(["chmod", "-R", "a+rX", str(self.dir)], check=True)
        self.proc = subprocess.Popen(
            ["nginx", "-e", str(self.dir / "error.log"), "-c",
             str(self.dir / "conf")], stderr=subprocess.DEVNULL)
        helpers.wait_for(self.answers)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def pids(self):
        return [self.proc.pid] + helpers.children(self.proc.pid)

    def serve(self, name, body):
        (self.www / name).write_bytes(body)
        (self.www / name).chmod(0o644)
        return f"https://127.0.0.1:{self.port}/{name}"

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait()


def wrk(url, env, seconds=SECONDS, conns=CONNS, counts=None):
    """(requests a second, p50, p99) of one turn; how many to counts."""
    out = subprocess.run(
        ["wrk", "-t2", f"-c{conns}", f"-d{seconds:g}s", "-s",
         str(HERE / "request.lua"), url],
        env={**os.environ, **env}, stdout=subprocess.PIPE, text=True,
        check=True).stdout
    for line in out.splitlines():
        if line.startswith("RESULT "):
            rate, p50, p99, errors, n = map(float, line.split()[1:])
            if errors > 0:
                raise SystemExit(f"{url}: {errors} errors\n{out}")
            if counts is not None:
                counts.append(int(n))
            return rate, p50, p99
    raise SystemExit(out)


def spent(pids):
    """Processor seconds of processes."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            total += sum(map(int, f.read().rpartition(")")[2].split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def metered(pids, turn, *args, seconds=SECONDS):
    """A turn, and the microseconds of processor a request cost."""
    before = spent(pids)
    rate, p50, p99 = turn(*args)
    return rate, p50, p99, (spent(pids) - before) * 1e6 / (rate * seconds)


def h2load(url, account, path, *args):
    """(requests a second, mean us, 0) of a second on one connection."""
    auth = base64.b64encode(f"{account.name}:{account.password}".encode())
    out = subprocess.run(
        ["h2load", "-c1", "-t1", "-D1", "-d", str(path),
         "-H", "content-type: application/json",
         "-H", "authorization: Basic " + auth.decode(), *args, url],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    rate = re.search(r"finished in .*, ([0-9.]+) req/s", out)
    bad = re.search(r" ([0-9]+) 4xx, ([0-9]+) 5xx", out)
    if not rate or bad.group(1) != "0" or bad.group(2) != "0":
        raise SystemExit(out)
    n = float(rate.group(1))
    return n, 1e6 / n if n else 0, 0


def median(runs):
    return [statistics.median(r[i] for r in runs) for i in range(4)]


def show(name, ours, theirs=None):
    line = f"{name:18} {ours[0]:10.0f} "
    line += f"{theirs[0]:10.0f} {ours[0] / theirs[0]:6.2f}" if theirs \
        else f"{'-':>10} {'-':>6}"
    line += f" {ours[1]:8.0f} {ours[2]:8.0f} {ours[3]:8.1f}"
    line += f" {theirs[3]:8.1f}" if theirs else f" {'-':>8}"
    print(line, flush=True)


class Bench:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="jmapd-bench-",
                                                  dir="/tmp"))
        self.work.chmod(0o755)
        self.servers = []
        self.big = self.server("")
        self.nginx = Nginx(self.work / "nginx", self.copy_tls(self.big))

    def server(self, extra, conf=CONF):
        directory = self.work / f"server{len(self.servers)}"
        directory.mkdir()
        s = helpers.Server(conf + extra, str(directory))
        self.servers.append(s)
        return s

    def copy_tls(self, server):
        tls = self.work / "tls"
        shutil.copytree(pathlib.Path(server.dir, "tls"), tls)
        return tls

    def end(self):
        self.nginx.stop()
        for s in self.servers:
            s.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    def fill(self, server, account, count):
        """count mails, each about 1.5 KB, by jmapctl import."""
        box = self.work / "mbox"
        with open(box, "w") as f:
            for i in range(count):
                when = time.gmtime(1600000000 + i * 600)
                f.write(f"From a@b {time.asctime(when)}\n"
                        f"From: Sender {i % 97} <s{i % 97}@example.org>\n"
                        f"To: {account.name}\n"
                        f"Subject: Message number {i} of the large box\n"
                        f"Message-ID: <{i}.{count}@example.org>\n"
                        f"Date: {time.strftime('%a, %d %b %Y %T', when)} "
                        "+0000\nMIME-Version: 1.0\n"
                        "Content-Type: text/plain; charset=utf-8\n\n")
                f.write((f"Line {i} of words that make a preview and then "
                         "some more of them.\n") * 15 + "\n")
        start = time.monotonic()
        server.jmapctl("import", account.name, "mbox", str(box))
        return count / (time.monotonic() - start)

    def body(self, name, calls, account):
        """A request body in a file, and the bytes of its answer."""
        text = json.dumps({"using": [helpers.CORE, helpers.MAIL],
                           "methodCalls": [[n, a, str(i)] for i, (n, a) in
                                           enumerate(calls)]})
        path = self.work / f"{name}.json"
        path.write_text(text)
        answer = account.post(text.replace("@ID@", "none")
                              .replace('"@WORD@"', "null"))
        if answer.status_code != 200 or '["error"' in answer.text:
            raise SystemExit(f"{name}: {answer.text}")
        return path, answer.content

    def post_env(self, account, path, **more):
        auth = base64.b64encode(f"{account.name}:{account.password}".encode())
        return {"BENCH_METHOD": "POST", "BENCH_BODY": str(path),
                "BENCH_AUTH": "Basic " + auth.decode(), **more}

    def turns(self, name, server, url, env, static):
        """A B A B ...; prints the line, returns jmapd's medians."""
        ours, theirs = [], []
        other = self.nginx.serve(name, static)
        wrk(url, env, 1)
        for _ in range(TURNS):
            ours.append(metered(server.pids(), wrk, url, env))
            theirs.append(metered(self.nginx.pids(), wrk, other,
                                  {**env, "BENCH_IDS": ""}))
        got = median(ours)
        show(name, got, median(theirs))
        return got

    def calls(self, name, server, account, calls, **more):
        path, answer = self.body(name, calls, account)
        # the name of the session is 127.0.0.1's: no resolver in the way
        url = account.session["apiUrl"].replace("localhost", "127.0.0.1")
        return self.turns(name, server, url,
                          self.post_env(account, path, **more), answer)


def list_view(account):
    return [("Email/query", {
                "accountId": account.id,
                "filter": {"inMailbox": account.mailbox()},
                "sort": [{"property": "receivedAt", "isAscending": False}],
                "limit": 30}),
            ("Email/get", {
                "accountId": account.id, "properties": PROPS,
                "#ids": {"resultOf": "0", "name": "Email/query",
                         "path": "/ids"}})]


def keyword(account):
    return [("Email/set", {"accountId": account.id, "update": {
        "@ID@": {"keywords/$flagged": "@WORD@"}}})]


def set_lines(b, name, server, account):
    ids = account.call("Email/query", {"limit": 400})["ids"]
    (b.work / "ids").write_text("\n".join(ids))
    path, answer = b.body(name, keyword(account), account)
    path.write_text(path.read_text().replace('"@WORD@"', "@WORD@"))
    url = account.session["apiUrl"].replace("localhost", "127.0.0.1")
    b.turns(name, server, url, b.post_env(
        account, path, BENCH_IDS=str(b.work / "ids")), answer)


def changes_lines(b, server, account):
    """Email/queryChanges of the large mailbox since 1,000 changes ago: as a
    list, collapsed to threads, and of a list that asks for a keyword."""
    newest = [{"property": "receivedAt", "isAscending": False}]
    inbox = {"inMailbox": account.mailbox()}
    kinds = (("changes_list", {"filter": inbox}),
             ("changes_threads", {"filter": inbox, "collapseThreads": True}),
             ("changes_keyword", {"filter": {**inbox,
                                             "notKeyword": "$answered"}}),
             ("changes_or", {"filter": {"operator": "OR", "conditions": [
                 inbox, {"hasKeyword": "$flagged"}]}}))
    states = [account.call("Email/query", {
        **q, "sort": newest, "limit": 1})["queryState"] for _, q in kinds]
    ids = account.call("Email/query", {**kinds[0][1], "sort": newest,
                                       "limit": 1000})["ids"]
    trash = account.mailbox("trash")
    for i in range(0, 1000, 250):
        account.call("Email/set", {"update": {
            x: {"keywords/$answered": True} if k % 4 else
            {"mailboxIds": {trash: True}}
            for k, x in enumerate(ids[i:i + 250])}})
    for (name, q), state in zip(kinds, states):
        b.calls(name, server, account, [("Email/queryChanges", {
            "accountId": account.id, **q, "sort": newest,
            "sinceQueryState": state})])
    b.calls("changes_email", server, account, [("Email/changes", {
        "accountId": account.id, "sinceState": states[3]})])


def mailbox_line(b, server):
    """Mailbox/get of 200 mailboxes, all properties."""
    account = server.adduser()
    account.call("Mailbox/set", {"create": {
        f"k{i}": {"name": f"mailbox number {i}"}
        for i in range(200 - len(account.mailboxes()))}})
    b.calls("mailbox_200", server, account, [("Mailbox/get", {
        "accountId": account.id, "ids": None})])


def policy_line(few):
    """What b_policy says, with and without the policy in turns, beside the
    list view that was just served."""
    out = subprocess.run([str(TOP / "obj" / "b_policy"), "1"],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    us = [float(line.rsplit(",", 1)[1].split()[0])
          for line in out.splitlines()[1:]]
    print("# the policy adds " + ", ".join(
        f"{u:.2f} us ({u / few[3] * 100:.2f} %)" for u in us) +
        " to list_500: by default; with hsts, headers and a proxy; with "
        "origins, 8 rules and an endpoint", flush=True)


def http2_lines(b, server, account):
    """The list view on one connection: HTTP/2 beside HTTP/1.1, by h2load.
    The second column is HTTP/1.1's here.  One request waits for the other,
    so that whatever else runs is heard: many short turns."""
    path, _ = b.body("http2", list_view(account), account)
    url = account.session["apiUrl"].replace("localhost", "127.0.0.1")
    kinds = (["--h1"], ["-m1"], ["-m20"])
    runs = [[], [], []]
    for _ in range(round(TURNS * SECONDS)):
        for got, args in zip(runs, kinds):
            got.append(metered(server.pids(), h2load, url, account, path,
                               *args, seconds=1))
    old, one, many = map(median, runs)
    print("# on one connection; beside it HTTP/1.1 on one")
    show("http2_list", one, old)
    show("http2_list_20", many, old)


def lmtp_line(b, name, server, sessions=8):
    account = server.adduser()

    def turn():
        out = subprocess.run(
            [str(TOP / "obj" / "b_lmtp"), server.lmtp_unix, account.name,
             str(sessions), str(SECONDS), "10000"], stdout=subprocess.PIPE,
            text=True, check=True).stdout
        return tuple(map(float, out.split()))

    show(name, median([metered(server.pids(), turn) for _ in range(TURNS)]))


def handshake_line(b, server):
    """TLS handshakes with the private key here and in a keys process."""
    where = pathlib.Path(server.dir, "bin")
    where.mkdir(exist_ok=True)
    for f in "obj/b_sign", "jmapd":
        if not (where / pathlib.Path(f).name).exists():
            shutil.copy(TOP / f, where)
    who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] \
        if os.geteuid() == 0 else []
    out = subprocess.run([*who, str(where / "b_sign"), str(where / "jmapd"),
                          f"{server.dir}/jmapd.conf", str(2 * SECONDS)],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    print("# " + out.strip().replace("\n", "\n# "), flush=True)


def memory(pid):
    """KiB that the process has for itself (PSS)."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def memory_lines(b, server):
    workers = [p for p in helpers.children(server.pid)
               if "jmapd-worker" in open(f"/proc/{p}/cmdline").read()]
    before = sum(map(memory, workers))
    rss = [int(open(f"/proc/{p}/statm").read().split()[1]) * 4
           for p in workers]
    ctx = ssl.create_default_context(cafile=server.ca)
    host, port = "127.0.0.1", int(server.url.rsplit(":", 1)[1])
    conns = []
    for _ in range(500):
        s = ctx.wrap_socket(socket.create_connection((host, port)),
                            server_hostname="localhost")
        s.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        s.recv(4096)
        conns.append(s)
    time.sleep(2)
    after = sum(map(memory, workers))
    for s in conns:
        s.close()
    print(f"worker_rss         {min(rss)} to {max(rss)} KiB, pss "
          f"{before // len(workers)} KiB each, {len(workers)} workers")
    print(f"idle_connection    {(after - before) / len(conns):.1f} KiB "
          "(TLS, after one request)")


def open_files():
    """Raise the limit of this process and its children; what there is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    want = max(hard, 65536)
    for limit in ((want, want), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            break
        except (ValueError, PermissionError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def idle_clients(server, account, count, each):
    """Processes that hold the sockets, and how long it took them."""
    auth = base64.b64encode(f"{account.name}:{account.password}".encode())
    begin = time.monotonic()
    clients = [subprocess.Popen(
        [str(TOP / "obj" / "b_ws"), "127.0.0.1",
         server.url.rsplit(":", 1)[1], "localhost", server.ca,
         "Basic " + auth.decode(), str(min(each, count - i))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for i in range(0, count, each)]
    n = sum(int(c.stdout.readline().split()[1]) for c in clients)
    return clients, n, time.monotonic() - begin


def websocket_lines(b):
    # the two workers share them, and so do the clients
    each = min(10000, open_files() - 500)
    count = min(SOCKETS, 2 * each)
    server = b.server("", SOCKETS_CONF)
    account = server.first()
    workers = [p for p in helpers.children(server.pid)
               if "jmapd-worker" in open(f"/proc/{p}/cmdline").read()]
    account.call("Core/echo")
    before = sum(map(memory, workers)), memory(server.pid)
    clients, n, seconds = idle_clients(server, account, count, each)
    time.sleep(3)
    after = sum(map(memory, workers)), memory(server.pid)
    push_line(server, account)
    for c in clients:
        c.stdin.write("\n")
        c.stdin.flush()
    alive = sum(int(c.stdout.readline().split()[1]) for c in clients)
    for c in clients:
        c.stdin.close()
        c.wait()
    kib = [(x - y) / n for x, y in zip(after, before)]
    print(f"idle_websocket     {kib[0]:.1f} KiB in a worker, {kib[1]:.2f} in "
          f"the parent; {n} over TLS in {seconds:.1f} s, {alive} of them "
          "asked and alive", flush=True)


def worker_of(server, ws):
    port = str(ws.sock.getsockname()[1])
    for line in server.jmapctl("show", "connections").stdout.splitlines():
        words = line.split()
        if port in words[5:9]:
            return words[0]
    raise SystemExit(f"no connection from port {port}")


def submitter(b, account):
    """A draft of the account, and what submits it to wrk."""
    def call(name, args):
        got = account.request([[name, {"accountId": account.id, **args},
                                "0"]], using=using)["methodResponses"][0]
        assert got[0] == name, got
        return got[1]

    using = (helpers.CORE, helpers.MAIL, SUBMISSION)
    mail = account.add_mail((
        f"From: {account.name}\r\nTo: sink@relay.test\r\n"
        "Subject: a mail\r\nMessage-ID: <1@relay.test>\r\n"
        "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\n" +
        "0123456789012345678901234567890123456789\r\n" * 240).encode())
    args = {"accountId": account.id, "create": {"s": {
        "emailId": mail, "envelope": {
            "mailFrom": {"email": account.name, "parameters": None},
            "rcptTo": [{"email": "sink@relay.test", "parameters": None}]},
        "identityId": call("Identity/get", {})["list"][0]["id"]}}}
    got = call("EmailSubmission/set", args)
    if not got.get("created"):
        raise SystemExit(f"submission: {got}")
    path = b.work / f"submission-{account.id}.json"
    path.write_text(json.dumps({"using": using, "methodCalls": [
        ["EmailSubmission/set", args, "0"]]}))
    return b.post_env(account, path)


def submission_line(b, name, accounts):
    """EmailSubmission/set, durable, to a sink that costs next to nothing, by
    so many accounts side by side."""
    sink = subprocess.Popen([str(TOP / "obj" / "b_sink")], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    server = b.server("queue {\n\trelay = \"127.0.0.1:%d\"\n\trelay-tls = "
                      "none\n\tmax-messages = 1000000\n}\n" %
                      int(sink.stdout.readline()))
    users = [submitter(b, server.adduser()) for _ in range(accounts)]
    counts = [accounts]         # of answers; submitter made the first
    url = server.first().session["apiUrl"].replace("localhost", "127.0.0.1")

    def turn(seconds=SECONDS):
        with concurrent.futures.ThreadPoolExecutor(accounts) as pool:
            got = list(pool.map(lambda u: wrk(
                url, u, seconds, max(2, CONNS // accounts), counts), users))
        return (sum(g[0] for g in got),
                statistics.median(g[1] for g in got), max(g[2] for g in got))

    turn(1)
    begin = time.monotonic()
    runs = [metered(server.pids(), turn) for _ in range(TURNS)]
    end = time.monotonic()
    show(name, median(runs))
    left = len(server.jmapctl("-j", "queue", "list").stdout.splitlines())
    helpers.wait_for(lambda: not server.jmapctl(
        "-j", "queue", "list").stdout.strip(), 300, 0.2)
    took = time.monotonic() - end
    sink.stdin.close()
    taken = int(sink.stdout.readline())
    sink.wait()
    # what wrk cut off at a turn's end may be sent, too
    asked = sum(counts)
    if not asked <= taken <= asked + (TURNS + 1) * CONNS:
        raise SystemExit(f"submission: the relay got {taken} of {asked}")
    print(f"# {taken} mails at the relay, {asked} submissions answered; "
          f"{left} were in the queue after {end - begin:.1f} s, none "
          f"{took:.1f} s later", flush=True)


def push_line(server, account):
    """A change in one worker until it is heard in another, in ms."""
    mail = account.add_mail(b"From: a@b.test\r\nSubject: x\r\n\r\nx\r\n")
    socks = [ws_tools.Ws(account) for _ in range(6)]
    speaker = socks[0]
    mine = worker_of(server, speaker)
    listener = next(s for s in socks if worker_of(server, s) != mine)
    listener.say({"@type": "WebSocketPushEnable", "dataTypes": ["Email"]})
    time.sleep(0.1)
    took = []
    for i in range(PUSHES):
        ask = ws_tools.request([["Email/set", {
            "accountId": account.id, "update": {mail: {
                "keywords/$flagged": None if i % 2 else True}}}, "0"]])
        begin = time.monotonic()
        speaker.say(ask)
        got = listener.hear()
        took.append((time.monotonic() - begin) * 1000)
        assert got["@type"] == "StateChange", got
        assert speaker.hear()["@type"] == "Response"
        time.sleep(0.02)
    for s in socks:
        s.sock.close()
    took.sort()
    print(f"push               p50 {took[len(took) // 2]:.2f} ms, p99 "
          f"{took[len(took) * 99 // 100]:.2f} ms, longest {took[-1]:.2f} ms, "
          f"{len(took)} changes in another worker", flush=True)


def run(b):
    def wanted(name):
        return not ONLY or any(name.startswith(o) for o in ONLY)

    account, small = b.big.first(), b.big.second()
    rate = b.fill(b.big, account, MAILS)
    print(f"# {MAILS} mails imported at {rate:.0f}/s; {CONNS} connections, "
          f"{TURNS} turns of {SECONDS:g} s, "
          f"{os.cpu_count()} cores", flush=True)
    b.fill(b.big, small, 500)
    account.call("Core/echo")
    print(f"{'name':17} {'jmapd_req_s':>11} {'nginx_req_s':>10} {'ratio':>5} "
          f"{'p50':>8} {'p99':>8} {'cpu':>8} {'nginx_cpu':>9}", flush=True)
    if wanted("echo"):
        b.calls("echo", b.big, account, [("Core/echo", {"hello": True})])
    if wanted("list"):
        large = b.calls(f"list_{MAILS}", b.big, account, list_view(account))
        few = b.calls("list_500", b.big, small, list_view(small))
        print(f"# a list view of {MAILS} costs {large[3] / few[3]:.2f} times "
              "the processor time of one of 500")
        policy_line(few)
    if wanted("http2"):
        http2_lines(b, b.big, small)
    if wanted("message"):
        one = account.call("Email/query", {"limit": 1})["ids"]
        b.calls("message", b.big, account, [("Email/get", {
            "accountId": account.id, "ids": one,
            "fetchAllBodyValues": True})])
    if wanted("mailbox"):
        mailbox_line(b, b.big)
    if wanted("changes"):
        changes_lines(b, b.big, account)
    if wanted("tls"):
        url = b.big.url.replace("localhost", "127.0.0.1") + "/healthz/live"
        env = {"BENCH_METHOD": "GET", "BENCH_CLOSE": "1"}
        body = account.http.get(b.big.url + "/healthz/live").content
        b.turns("tls_connection", b.big, url, env, body)
    if wanted("set"):
        set_lines(b, "set_durable", b.big, account)
    if wanted("lmtp"):
        lmtp_line(b, "lmtp_durable", b.big)
    if wanted("handshake"):
        handshake_line(b, b.big)
    if wanted("memory"):
        memory_lines(b, b.big)
    if wanted("submission"):
        submission_line(b, "submission", 1)
        submission_line(b, "submission_8", 8)
    if wanted("websocket") or wanted("push"):
        websocket_lines(b)
    if wanted("set") or wanted("lmtp"):
        off = b.server("store { sync = off }\n")
        other = off.first()
        b.fill(off, other, 2000)
        if wanted("set"):
            set_lines(b, "set_sync_off", off, other)
        if wanted("lmtp"):
            lmtp_line(b, "lmtp_sync_off", off)


def main():
    b = Bench()
    try:
        run(b)
    finally:
        b.end()


if __name__ == "__main__":
    main()
