# SPDX-License-Identifier: ISC
"""The processes: reload, certificates, limits, restarts, the end, jmapctl.
What needs root is in regress/root."""

import base64
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from helpers import BIN, Server, children, exchange, wait_for

GET = b"GET /.well-known/jmap HTTP/1.1\r\nHost: localhost\r\n\r\n"


def rows(server, *verb):
    out = server.jmapctl("-j", *verb).stdout
    return [json.loads(line) for line in out.splitlines()]


def role(server, name):
    """Processes of a role."""
    found = []
    for pid in children(server.pid):
        try:
            argv = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:       # it has ended meanwhile
            continue
        argv = argv.split(b"\0")
        if b"-T" in argv and argv[argv.index(b"-T") + 1] == name.encode():
            found.append(pid)
    return found


def answers(sock):
    try:
        return exchange(sock, GET, b"\r\n\r\n").startswith(b"HTTP/1.1 307")
    except OSError:
        return False


def change(server, old, new):
    conf = pathlib.Path(server.dir, "jmapd.conf")
    text = conf.read_text()
    assert old in text
    conf.write_text(text.replace(old, new, 1))


def new_certificate(server):
    """A fresh certificate of the scratch authority; its serial number."""
    tls = pathlib.Path(server.dir, "tls")
    serial = "0x" + os.urandom(8).hex()
    subprocess.run(f"""cd {tls} &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -config openssl.cnf -subj /CN=mail.test -keyout new.key \
            -out new.csr &&
        openssl x509 -req -in new.csr -CA ca.pem -CAkey ca.key \
            -set_serial {serial} -days 30 -extfile openssl.cnf \
            -extensions server -out new.pem &&
        cat new.pem >server.pem && cat new.key >server.key""", shell=True,
        check=True, capture_output=True)
    return int(serial, 16)


def serial_of(sock):
    # hexadecimal without leading zeros or a sign
    return int(sock.getpeercert()["serialNumber"], 16)


def test_status_names_every_process(server):
    names = {r["process"] for r in rows(server, "status")}
    assert {"parent", "keys", "auth", "push", "queue"} <= names
    workers = rows(server, "show", "workers")
    assert [w["worker"] for w in workers] == [0, 1]
    assert {w["pid"] for w in workers} == set(role(server, "worker"))


def test_show_config_says_where_a_value_is_from(server):
    got = {r["option"]: r for r in rows(server, "show", "config")}
    assert got["workers"]["value"] == "2"
    assert re.search(r"jmapd\.conf:\d+$", got["workers"]["from"])
    assert got["limits.header-timeout"] == {"option":
        "limits.header-timeout", "value": "10000ms", "from": "default"}
    assert got["listen tls.tls"]["value"] == "true"


def test_connections_are_shown_while_they_last(server):
    with server.tls() as one:
        assert answers(one)
        port = one.getsockname()[1]
        assert str(port) in server.jmapctl("show", "connections").stdout
    wait_for(lambda: str(port) not in
        server.jmapctl("show", "connections").stdout)


@pytest.mark.parametrize("args, code", [
    (["status"], 0),
    (["bogus"], 2),
    (["show"], 2),
    (["status", "more"], 2),
    (["-x"], 2),
])
def test_exit_codes(server, args, code):
    assert server.jmapctl(*args, check=False).returncode == code


def test_exit_code_without_a_server(tmp_path):
    done = subprocess.run([BIN / "jmapctl", "-s", tmp_path / "none",
        "status"], capture_output=True)
    assert done.returncode == 3


def test_control_socket_refuses_another_language(server):
    for junk in (b"GET / HTTP/1.1\r\n\r\n" * 40, bytes(64),
            os.urandom(4096)):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(server.ctl)
            try:
                s.sendall(junk)
                assert s.recv(100) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert server.jmapctl("status").returncode == 0


def test_bad_configuration_is_reported_and_changes_nothing(new_server):
    s = new_server()
    pids = s.pids()
    change(s, "workers = 2", "workers = 2000")
    done = s.jmapctl("reload", check=False)
    assert done.returncode == 1
    assert re.search(r"jmapd\.conf:\d+: workers: .*0 to 256", done.stderr)
    change(s, "workers = 2000", "workers = 2")
    change(s, "data-dir = \"", "data-dir = \"/elsewhere")
    done = s.jmapctl("reload", check=False)
    assert done.returncode == 1 and "restart" in done.stderr
    assert s.pids() == pids
    with s.tls() as c:
        assert answers(c)


def test_reload_prints_what_it_is_warned_of(new_server):
    s = new_server('http {\n\turl = "https://localhost"\n}\n')
    assert s.jmapctl("reload").stdout == ""
    change(s, 'url = "https://localhost"', 'url = "https://other.test"')
    said = s.jmapctl("reload").stdout
    assert "warning: http.url: no certificate names the host" in said
    assert said.strip() in s.log()
    change(s, 'url = "https://other.test"', 'url = "https://localhost"')
    assert s.jmapctl("reload").stdout == ""


def test_reload_by_signal(new_server):
    s = new_server()
    change(s, "workers = 2", "hostname-is-wrong = 1\nworkers = 2")
    os.kill(s.pid, signal.SIGHUP)
    wait_for(lambda: "nothing changes" in s.log())
    change(s, "hostname-is-wrong = 1\n", "")
    os.kill(s.pid, signal.SIGHUP)
    wait_for(lambda: "configuration 2 is in force" in s.log())


def test_workers_come_and_go_with_the_configuration(new_server):
    s = new_server()
    with s.tls() as c, s.tls() as d:
        assert answers(c) and answers(d)
        change(s, "workers = 2", "workers = 4")
        s.jmapctl("reload")
        wait_for(lambda: len(rows(s, "show", "workers")) == 4)
        assert answers(c) and answers(d)
        change(s, "workers = 4", "workers = 1")
        s.jmapctl("reload")
    wait_for(lambda: len(role(s, "worker")) == 1)
    with s.tls() as c:
        assert answers(c)


def test_listeners_come_and_go_and_those_that_stay_are_kept(new_server):
    s = new_server()
    before = {r["name"]: r["port"] for r in rows(s, "show", "listeners")}
    pathlib.Path(s.dir, "jmapd.conf").open("a").write(
        "listen more { address = \"127.0.0.1\" }\n")
    s.jmapctl("reload")
    after = {r["name"]: r["port"] for r in rows(s, "show", "listeners")}
    port = after.pop("more")
    assert after == before
    with socket.create_connection(("127.0.0.1", port), 5) as c:
        assert answers(c)
    change(s, "listen more { address = \"127.0.0.1\" }\n", "")
    s.jmapctl("reload")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_a_port_that_is_taken_fails_the_reload(new_server):
    s = new_server()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        pathlib.Path(s.dir, "jmapd.conf").open("a").write(
            "listen more { address = \"127.0.0.1\" port = "
            f"{other.getsockname()[1]} }}\n")
        done = s.jmapctl("reload", check=False)
    assert done.returncode == 1 and "in use" in done.stderr
    assert "more" not in s.jmapctl("show", "listeners").stdout
    with s.tls() as c:
        assert answers(c)


def test_a_new_certificate_drops_no_connection(new_server):
    s = new_server()
    with s.tls() as old:
        was = serial_of(old)
        for _ in range(5):
            new = new_certificate(s)
            s.jmapctl("reload")
            with s.tls() as c:
                assert serial_of(c) == new != was
                assert answers(c)
        assert answers(old)


def test_a_key_that_does_not_fit_keeps_the_old_certificate(new_server):
    s = new_server()
    with s.tls() as c:
        was = serial_of(c)
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-out", s.dir + "/tls/server.key"],
        check=True, capture_output=True)
    done = s.jmapctl("reload", check=False)
    assert done.returncode == 1 and "is not the key" in done.stderr
    # keys forgets nothing by that, and new workers get on as well
    os.kill(role(s, "worker")[0], signal.SIGKILL)
    wait_for(lambda: len(role(s, "worker")) == 2)
    for _ in range(4):
        with s.tls() as c:
            assert serial_of(c) == was and answers(c)


def test_a_killed_worker_takes_only_its_own_connections(new_server):
    s = new_server()
    conns = [s.tls() for _ in range(4)]
    assert all(answers(c) for c in conns)
    busy = rows(s, "show", "workers")
    assert [w["connections"] for w in busy] == [2, 2]
    os.kill(busy[0]["pid"], signal.SIGKILL)
    wait_for(lambda: len(rows(s, "show", "workers")) == 2)
    assert sum(answers(c) for c in conns) == 2
    for c in conns:
        c.close()


def test_a_worker_that_keeps_dying_slows_down_only_itself(new_server):
    s = new_server()
    for _ in range(5):
        workers = {r["worker"]: r["pid"] for r in rows(s, "show", "workers")}
        if 0 not in workers:
            break
        os.kill(workers[0], signal.SIGKILL)
        wait_for(lambda: workers[0] not in role(s, "worker"))
        time.sleep(0.15)
    assert "worker 0 is started again in 1000 ms" in s.log()
    # the other one serves meanwhile, and the slot comes back
    with s.tls() as c:
        assert answers(c)
    wait_for(lambda: len(rows(s, "show", "workers")) == 2)


def test_a_worker_that_is_not_wanted_any_more_is_not_started_again(
        new_server):
    s = new_server()
    for _ in range(5):
        workers = {r["worker"]: r["pid"] for r in rows(s, "show", "workers")}
        if 1 not in workers:
            break
        os.kill(workers[1], signal.SIGKILL)
        wait_for(lambda: workers[1] not in role(s, "worker"))
        time.sleep(0.15)
    change(s, "workers = 2", "workers = 1")
    s.jmapctl("reload")
    time.sleep(1.2)
    assert [r["worker"] for r in rows(s, "show", "workers")] == [0]
    assert len(role(s, "worker")) == 1
    change(s, "workers = 1", "workers = 2")
    s.jmapctl("reload")
    wait_for(lambda: len(rows(s, "show", "workers")) == 2)


def test_nobody_to_serve_means_waiting_not_refusing(new_server):
    s = new_server()
    for pid in role(s, "worker"):
        os.kill(pid, signal.SIGKILL)
    # what is given to a dead worker before parent knows is that worker's
    wait_for(lambda: s.log().count("killed by signal 9") == 2)
    with s.tls() as c:
        assert answers(c)


def test_who_comes_now_is_not_all_one_workers(new_server):
    """The others have a few connections more, which do nothing."""
    s = new_server("workers = 4\nlimits {\n\tconnections-per-source = 1000\n}\n")

    def whose(conns):
        by = {c["port"]: c["worker"]
              for c in rows(s, "show", "connections")}
        return [by[c.getsockname()[1]] for c in conns]

    conns = [s.plain() for _ in range(96)]
    assert all(answers(c) for c in conns)
    workers = whose(conns)
    assert all(workers.count(w) == 24 for w in set(workers))
    for c in [c for c, w in zip(conns, workers) if w == workers[0]][:2]:
        conns.remove(c)
        c.close()
    wait_for(lambda: len(rows(s, "show", "connections")) == 94)
    more = [s.plain() for _ in range(3)]
    assert all(answers(c) for c in more)
    assert len(set(whose(more))) == 3
    # but who has many more gets nothing until the others have as many
    for c in [c for c, w in zip(conns, whose(conns)) if w == workers[0]][:10]:
        conns.remove(c)
        c.close()
    wait_for(lambda: len(rows(s, "show", "connections")) == 87)
    most = [s.plain() for _ in range(8)]
    assert all(answers(c) for c in most)
    assert set(whose(most)) == {workers[0]}
    for c in conns + more + most:
        c.close()


def test_a_worker_that_is_busy_makes_many_wait_and_none_fail(new_server):
    s = new_server("workers = 1\n")
    worker = role(s, "worker")[0]
    os.kill(worker, signal.SIGSTOP)
    conns = [s.plain() for _ in range(600)]
    for c in conns:
        c.sendall(GET)
    time.sleep(0.3)
    os.kill(worker, signal.SIGCONT)
    assert all(b"HTTP/1.1 307" in c.recv(65536) for c in conns)
    for c in conns:
        c.close()
    assert s.jmapctl("status").returncode == 0


def test_keys_and_auth_come_back(new_server):
    s = new_server()
    with s.tls() as kept:
        for name in ("keys", "auth", "push", "queue"):
            old = role(s, name)
            os.kill(old[0], signal.SIGKILL)
            wait_for(lambda: role(s, name) not in ([], old))
            wait_for(lambda: s.jmapctl("status", check=False).returncode
                == 0)
            with s.tls() as c:
                assert answers(c)
        assert answers(kept)
    assert s.first().session["username"] == s.user1


def test_connections_of_a_source_are_limited(new_server):
    s = new_server("limits { connections-per-source = 3 }\n")
    conns = [s.plain() for _ in range(3)]
    assert all(answers(c) for c in conns)
    with s.plain() as more:
        assert not answers(more)
    conns.pop().close()
    wait_for(lambda: sum(w["connections"] for w in
        rows(s, "show", "workers")) == 2)
    with s.plain() as again:
        assert answers(again)
    for c in conns:
        c.close()


def test_more_connections_than_descriptors_kill_no_worker():
    """Who is too many waits in the system's queue."""
    s = Server("""
limits {
	connections-per-source = 1000
	header-timeout = 2s
}
auto-ban { loiter = false }
""", files=100)
    try:
        assert "allows 100\n" in s.log()
        crowd = [s.plain() for _ in range(300)]
        wait_for(lambda: sum(r["connections"] for r in
                             rows(s, "show", "workers")) == 100)
        for c in crowd:
            c.close()
        with s.tls() as c:
            assert answers(c)
        # and accounts take their part only
        for _ in range(12):
            s.adduser().mailboxes()
        assert "went away" not in s.log()
        assert "Message too long" not in s.log()
    finally:
        s.remove()


def test_idle_connections_end_sooner_when_they_run_out(new_server):
    """Those that came while there was room, and say nothing, too, once they
    have been used again."""
    s = new_server("workers = 1\nlimits {\n\tconnections = 20\n"
                   "\tconnections-per-source = 1000\n}\n")
    conns = [s.plain() for _ in range(18)]
    assert all(answers(c) for c in conns)
    last = s.plain()
    assert answers(last) and answers(conns[0])
    began = time.monotonic()
    for c in (last, conns[0]):
        c.settimeout(10)
        assert c.recv(100) == b""
    assert 4 < time.monotonic() - began < 9
    # who came before waits for keep-alive, and one that works is not cut
    assert all(answers(c) for c in conns[1:])
    for c in conns + [last]:
        c.close()


def test_a_trusted_proxy_is_no_source(new_server):
    s = new_server("limits { connections-per-source = 1 }\n"
        "http { trusted-proxies = {\"127.0.0.1\"} }\n")
    with s.plain() as a, s.plain() as b:
        assert answers(a) and answers(b)


def test_requests_finish_when_the_server_ends(new_server):
    s = new_server()
    body = b"x" * 1000
    sock = s.tls()
    auth = base64.b64encode(f"{s.user1}:{s.pass1}".encode()).decode()
    sock.sendall((f"POST /jmap/upload/{s.first().id} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Basic {auth}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\n\r\n").encode() + body[:500])
    time.sleep(0.2)
    os.kill(s.pid, signal.SIGTERM)
    wait_for(lambda: "draining" in s.log())
    with pytest.raises(ConnectionRefusedError):
        s.plain()
    got = exchange(sock, body[500:])
    assert got.startswith(b"HTTP/1.1 20"), got
    assert b"connection: close" in got.lower()
    wait_for(lambda: not os.path.exists(s.ctl))
    wait_for(lambda: "ended" in s.log())


def test_a_second_signal_ends_at_once(new_server):
    s = new_server()
    change(s, "drain-timeout = 2s", "drain-timeout = 60s")
    s.jmapctl("reload")
    with s.plain() as c:
        c.sendall(b"POST /jmap HTTP/1.1\r\nHost: localhost\r\n")
        time.sleep(0.1)
        os.kill(s.pid, signal.SIGTERM)
        wait_for(lambda: "draining" in s.log())
        time.sleep(0.2)
        assert os.path.exists(s.ctl)
        os.kill(s.pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(s.ctl), seconds=4)


def test_stop_ends_the_server(new_server):
    s = new_server()
    assert s.jmapctl("stop").returncode == 0
    wait_for(lambda: not os.path.exists(s.ctl))


def test_reload_under_load_fails_no_request(new_server):
    s = new_server()
    failed, done = [], [0]
    stop = time.monotonic() + 2

    def load():
        while time.monotonic() < stop:
            try:
                with s.plain() as c:
                    for _ in range(3):
                        if not answers(c):
                            failed.append("no answer")
                        done[0] += 1
            except OSError as e:
                failed.append(str(e))

    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    n = 0
    while time.monotonic() < stop - 0.2:
        s.jmapctl("reload")
        n += 1
    for t in threads:
        t.join()
    assert not failed, failed[:5]
    assert n >= 5 and done[0] >= 50


def test_children_end_with_a_killed_parent_and_it_starts_again(new_server):
    s = new_server()
    family = children(s.pid)
    assert len(family) == 6
    os.kill(s.pid, signal.SIGKILL)

    def all_gone():
        # without an init that collects them they stay as zombies
        return all(not os.path.exists(f"/proc/{pid}/exe") or
            "\nState:\tZ" in
            pathlib.Path(f"/proc/{pid}/status").read_text()
            for pid in family)
    wait_for(all_gone)
    s.start()
    assert s.first().session["username"] == s.user1


def test_log_verbose_reaches_every_process(new_server):
    s = new_server()
    s.jmapctl("log", "verbose")
    os.kill(role(s, "worker")[0], signal.SIGKILL)
    wait_for(lambda: re.search(r"worker 0 is process \d+", s.log()))
    s.jmapctl("log", "brief")


@pytest.mark.skipif(not os.path.exists("/proc/self/status") or
    "SAN" in os.environ, reason="no /proc, or no sandbox in this build")
def test_every_role_is_sandboxed_even_without_root(server):
    for name in ("worker", "keys", "auth", "push", "queue"):
        for pid in role(server, name):
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            assert "NoNewPrivs:\t1" in text
            assert "Seccomp:\t2" in text
