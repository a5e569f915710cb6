# SPDX-License-Identifier: ISC
"""jmapd started by root: real users, real chroots, real sandbox.

Run as root only (elsewhere everything here is skipped):
	python3 -m pytest regress/root
Makes the users _jmapd, _jmapauth, _jmapkey, _jmappush and _jmapqueue if
they are missing; all files are below a folder of pytest's.
"""
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root")

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
USERS = {"worker": "_jmapd", "auth": "_jmapauth", "keys": "_jmapkey",
    "push": "_jmappush", "queue": "_jmapqueue"}
WORKERS = 3
OUTWARD = ("push", "queue")		# roles that make connections


def make_users():
    for user in USERS.values():
        try:
            pwd.getpwnam(user)
        except KeyError:
            subprocess.run(["useradd", "-r", "-U", "-M", "-d", "/nonexistent",
                "-s", "/usr/sbin/nologin", user], check=True)


class Server:
    def __init__(self, folder, caps="-all,+net_bind_service,+setuid,"
            "+setgid,+sys_chroot"):
        self.dir = str(folder)
        self.ctl_path = self.dir + "/ctl.sock"
        # pytest's folders are closed to other users
        for d in (self.dir, os.path.dirname(self.dir),
                os.path.dirname(os.path.dirname(self.dir))):
            os.chmod(d, 0o755)
        # as etc/setup does
        for name, user, mode in (("data", "_jmapd", 0o710),
                ("auth", "_jmapauth", 0o710),
                ("queue", "_jmapqueue", 0o710), ("empty", "root", 0o755)):
            path = f"{self.dir}/{name}"
            os.mkdir(path, mode)
            os.chmod(path, mode)
            shutil.chown(path, user, "root")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-days", "30", "-keyout", self.dir + "/key.pem", "-out",
            self.dir + "/cert.pem"], check=True, capture_output=True)
        os.chmod(self.dir + "/key.pem", 0o600)
        self.configure()
        self.log = open(self.dir + "/log", "wb")
        # by default no capability but those of etc/jmapd.service
        gid = pwd.getpwnam("_jmapd").pw_gid
        self.proc = subprocess.Popen(["setpriv", f"--groups={gid}",
            f"--bounding-set={caps}", TOP + "/jmapd", "-d", "-v", "-f",
            self.dir + "/jmapd.conf"], stderr=self.log,
            stdin=subprocess.DEVNULL)
        self.wait()

    def configure(self, extra=""):
        with open(self.dir + "/jmapd.conf", "w") as f:
            f.write(f"""
hostname = "localhost"
workers = {WORKERS}
data-dir = "{self.dir}/data"
auth-dir = "{self.dir}/auth"
queue-dir = "{self.dir}/queue"
empty-dir = "{self.dir}/empty"
push-dir = "{self.dir}/push"
control-socket = "{self.ctl_path}"
certificate one {{
	chain = "{self.dir}/cert.pem"
	key = "{self.dir}/key.pem"
}}
listen tls {{ address = "127.0.0.1" tls = true }}
listen plain {{ address = "127.0.0.1" }}
limits {{
	drain-timeout = 2s
	connections-per-source = 1000	# what has ended is counted till it is told
}}
{extra}
""")

    def ctl(self, *args, check=True, **kw):
        return subprocess.run([TOP + "/jmapctl", "-j", "-s", self.ctl_path,
            *args], check=check, capture_output=True, text=True, **kw)

    def rows(self, *args):
        return [json.loads(l) for l in self.ctl(*args).stdout.splitlines()]

    def wait(self):
        for _ in range(250):
            if self.proc.poll() is not None:
                break
            if self.ctl("show", "workers", check=False).returncode == 0 and \
                    len(self.rows("show", "workers")) == WORKERS:
                return
            time.sleep(0.02)
        raise AssertionError(open(self.dir + "/log").read())

    def port(self, name):
        return [r["port"] for r in self.rows("show", "listeners")
            if r["name"] == name][0]

    def children(self):
        """[(role, pid)]"""
        pid = self.proc.pid
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            out = f.read().split()
        found = []
        for pid in out:
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    argv = f.read().split(b"\0")
            except OSError:
                continue
            if b"-T" in argv:
                found.append((argv[argv.index(b"-T") + 1].decode(), int(pid)))
        return found

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(8)
        finally:
            self.proc.kill()
            self.log.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    make_users()
    s = Server(tmp_path_factory.mktemp("root"))
    yield s
    s.stop()
    assert s.proc.returncode == 0


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(l.rstrip("\n").split(":\t", 1) for l in f if ":\t" in l)


def ask(sock):
    sock.sendall(b"GET /.well-known/jmap HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return sock.recv(65536)


def test_every_role_has_a_user_of_its_own(server):
    seen = {}
    for role, pid in server.children():
        uid = pwd.getpwnam(USERS[role]).pw_uid
        assert status(pid)["Uid"].split() == [str(uid)] * 4, role
        assert status(pid)["Groups"].split() == \
            [str(pwd.getpwnam(USERS[role]).pw_gid)], role
        seen[role] = uid
    assert set(seen) == set(USERS)
    assert len(set(seen.values())) == len(USERS)


def test_every_role_is_in_its_chroot(server):
    where = {"worker": "data", "auth": "auth", "keys": "empty",
        "push": "empty", "queue": "queue"}
    for role, pid in server.children():
        assert os.readlink(f"/proc/{pid}/root") == \
            f"{server.dir}/{where[role]}", role
        assert os.readlink(f"/proc/{pid}/cwd") == \
            f"{server.dir}/{where[role]}", role


def test_every_role_is_sandboxed(server):
    for role, pid in server.children():
        st = status(pid)
        assert st["Seccomp"] == "2", role
        assert st["NoNewPrivs"] == "1", role
        assert int(st["CapEff"], 16) == 0 and int(st["CapPrm"], 16) == 0, role
        with open(f"/proc/{pid}/limits") as f:
            limits = f.read()
        assert "Max processes             0" in limits, role
        assert "Max core file size        0" in limits, role


@pytest.mark.parametrize("role", ["auth", "keys", "push", "queue", "worker"])
def test_no_way_out_of_a_role(server, role):
    done = subprocess.run([TOP + "/jmapd", "-S", role, "-f",
        server.dir + "/jmapd.conf"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused:") >= 30
    assert "ALLOWED" not in done.stdout and "NOT TRIED" not in done.stdout


def test_roles_have_no_network_where_that_is_allowed(tmp_path_factory):
    """With CAP_SYS_ADMIN; the other server here has none and runs, too."""
    make_users()
    s = Server(tmp_path_factory.mktemp("netns"), "+all")
    def net(pid):
        return os.readlink(f"/proc/{pid}/ns/net")
    try:
        ours = net(os.getpid())
        assert net(s.proc.pid) == ours
        seen = set()
        for role, pid in s.children():
            assert (net(pid) == ours) == (role in OUTWARD), role
            seen.add(net(pid))
            if role not in OUTWARD:
                # a loopback that is down, and nothing else
                with open(f"/proc/{pid}/net/dev") as f:
                    assert [l.split(":")[0].strip() for l in f
                        if ":" in l] == ["lo"], role
        assert len(seen) == WORKERS + 3
        assert ask(make_tls(s)).startswith(b"HTTP/1.1 ")
    finally:
        s.stop()


def test_no_role_but_parent_has_a_listening_socket(server):
    def listening(pid):
        with open("/proc/net/tcp") as f:
            inodes = {l.split()[9] for l in f if l.split()[3] == "0A"}
        links = [os.readlink(f"/proc/{pid}/fd/{fd}")
            for fd in os.listdir(f"/proc/{pid}/fd")]
        return sum(l == f"socket:[{i}]" for l in links for i in inodes)
    assert listening(server.proc.pid) == 2
    for role, pid in server.children():
        assert listening(pid) == 0, role


def test_key_is_not_in_a_workers_memory(server):
    der = subprocess.run(["openssl", "pkey", "-in", server.dir + "/key.pem",
        "-text", "-noout"], capture_output=True, text=True).stdout
    hexa = der.split("priv:")[1].split("pub:")[0]
    secret = bytes(int(h, 16) for h in hexa.replace("\n", " ").replace(":",
        " ").split())[-32:]
    make_tls(server).close()		# so that a signature was needed
    def has(pid):
        with open(f"/proc/{pid}/maps") as maps, \
                open(f"/proc/{pid}/mem", "rb", 0) as mem:
            for line in maps:
                at, mode = line.split()[:2]
                if not mode.startswith("rw"):
                    continue
                a, b = (int(x, 16) for x in at.split("-"))
                try:
                    mem.seek(a)
                    data = mem.read(b - a)
                except (OSError, ValueError):
                    continue
                # OpenSSL keeps a number's words the other way round
                if secret in data or secret[::-1] in data:
                    return True
        return False
    found = {role: False for role in USERS}
    for role, pid in server.children():
        found[role] = found[role] or has(pid)
    assert found == {"keys": True, "worker": False, "auth": False,
        "push": False, "queue": False}


def make_tls(server):
    ctx = ssl.create_default_context(cafile=server.dir + "/cert.pem")
    raw = socket.create_connection(("127.0.0.1", server.port("tls")), 5)
    return ctx.wrap_socket(raw, server_hostname="localhost")


def test_a_killed_worker_is_back_within_100_ms(server):
    one, two = make_tls(server), make_tls(server)
    assert ask(one).startswith(b"HTTP/1.1 ")
    assert ask(two).startswith(b"HTTP/1.1 ")
    # the connections are with different workers, kill that of one
    rows = {r["worker"]: r for r in server.rows("show", "workers")}
    busy = [r for r in rows.values() if r["connections"] == 1]
    assert len(busy) == 2
    before = {pid for _, pid in server.children()}
    victim = busy[0]["pid"]
    start = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    while True:
        now = [p for r, p in server.children() if r == "worker"]
        fresh = [p for p in now if p not in before]
        if len(now) == WORKERS and fresh and \
                status(fresh[0])["Seccomp"] == "2":
            break
        assert time.monotonic() - start < 2
        time.sleep(0.001)
    took = time.monotonic() - start
    # exactly one of the two connections is gone
    alive = 0
    for s in (one, two):
        try:
            alive += ask(s).startswith(b"HTTP/1.1 ")
        except OSError:
            pass
        s.close()
    assert alive == 1
    print(f"back after {took * 1000:.0f} ms")
    assert took < 0.1


def test_keys_and_auth_come_back_and_are_wired_again(server):
    for role in ("keys", "auth"):
        old = [p for r, p in server.children() if r == role][0]
        os.kill(old, signal.SIGKILL)
        for _ in range(100):
            pids = [p for r, p in server.children() if r == role]
            if pids and pids[0] != old and \
                    status(pids[0])["Seccomp"] == "2":
                break
            time.sleep(0.01)
        time.sleep(0.1)
        s = make_tls(server)
        assert ask(s).startswith(b"HTTP/1.1 "), role
        s.close()
        assert server.ctl("account", "list").returncode == 0, role


def test_the_parent_has_four_capabilities(server):
    caps = int(status(server.proc.pid)["CapEff"], 16)
    assert caps == 1 << 6 | 1 << 7 | 1 << 10 | 1 << 18


def test_a_broken_reload_changes_nothing(server):
    pids = server.children()
    server.configure("limits { fields = 1 }")
    r = server.ctl("reload", check=False)
    assert r.returncode == 1 and "fields" in r.stderr
    server.configure('http { url = "https://other.example" }')
    server.ctl("reload")
    rows = {r["option"]: r["value"] for r in server.rows("show", "config")}
    assert rows["http.url"] == "https://other.example"
    server.configure()
    server.ctl("reload")
    assert server.children() == pids


def test_reloads_under_load_fail_no_request(server):
    port = server.port("plain")
    failed, done, stop = [], [0], time.monotonic() + 3
    import threading

    def load():
        while time.monotonic() < stop:
            try:
                s = socket.create_connection(("127.0.0.1", port), 5)
                for _ in range(3):
                    if not ask(s).startswith(b"HTTP/1.1 "):
                        failed.append("no answer")
                    done[0] += 1
                s.close()
            except OSError as e:
                failed.append(str(e))
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    n = 0
    while time.monotonic() < stop - 0.2:
        server.ctl("reload")
        n += 1
    for t in threads:
        t.join()
    print(f"{n} reloads, {done[0]} requests")
    assert not failed, failed[:5]
    assert n >= 10 and done[0] > 100


def test_only_the_group_and_root_may_control(server):
    st = os.stat(server.ctl_path)
    assert st.st_mode & 0o777 == 0o660
    r = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534",
        "--clear-groups", TOP + "/jmapctl", "-s", server.ctl_path, "status"],
        capture_output=True, text=True)
    assert r.returncode == 3
    gid = pwd.getpwnam("_jmapd").pw_gid
    r = subprocess.run(["setpriv", "--reuid=65534", f"--regid={gid}",
        "--clear-groups", TOP + "/jmapctl", "-s", server.ctl_path, "status"],
        capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    r = subprocess.run(["setpriv", "--reuid=65534", f"--regid={gid}",
        "--clear-groups", TOP + "/jmapctl", "-s", server.ctl_path, "stop"],
        capture_output=True, text=True)
    assert r.returncode == 1 and "root" in r.stderr
