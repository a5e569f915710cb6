# SPDX-License-Identifier: ISC
"""kill -9 of every process in the middle of deliveries and changes: what was
acknowledged is there when the server is back, and the stores have no fault.
CRASH_ROUNDS rounds (3), each with up to 200 deliveries."""

import os
import random
import signal
import threading
import time

import requests

from helpers import children, message, wait_for

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "3"))
SESSIONS, EACH = 4, 50


def kill_all(server):
    """The parent first, so that nothing is started again."""
    pids = [server.pid] + children(server.pid)
    os.kill(server.pid, signal.SIGSTOP)
    pids = [server.pid] + children(server.pid)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(running(p) for p in pids))


def running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Load:
    """Deliveries and changes of one round, and what was acknowledged."""

    def __init__(self, server, accounts, number):
        self.server, self.accounts, self.number = server, accounts, number
        self.delivered = []		# (account, subject)
        self.changed = []		# (account, id, keyword)
        self.stop = False
        self.threads = [threading.Thread(target=self.deliver, args=(i,))
                        for i in range(SESSIONS)]
        self.threads += [threading.Thread(target=self.change, args=(a,))
                         for a in accounts]

    def deliver(self, n):
        try:
            with self.server.lmtp_client(unix=n % 2 == 0) as c:
                for i in range(EACH):
                    subject = f"r{self.number} s{n} m{i}"
                    to = random.sample(self.accounts, 2)
                    data = message(subject=subject,
                                   body="x" * random.randrange(20000))
                    c.cmd("MAIL FROM:<crash@example.org>")
                    for a in to:
                        assert c.cmd(f"RCPT TO:<{a.name}>")[0] == 250
                    assert c.cmd("DATA")[0] == 354
                    c.send(data + b"\r\n.\r\n")
                    for a in to:
                        assert c.reply()[0] == 250
                        self.delivered.append((a, subject))
        except (OSError, EOFError):
            assert self.stop, "the conversation broke before the crash"

    def change(self, account):
        try:
            ids = account.call("Email/query", {"limit": 30})["ids"]
            n = 0
            while not self.stop:
                mail, word = random.choice(ids), f"r{self.number}k{n}"
                n += 1
                got = account.call("Email/set", {"update": {
                    mail: {f"keywords/{word}": True}}})
                # a thread merge may have given it another id
                if mail in (got["updated"] or {}):
                    self.changed.append((account, mail, word))
        except requests.RequestException:
            assert self.stop, "a request failed before the crash"

    def run(self, seconds):
        for t in self.threads:
            t.start()
        time.sleep(seconds)
        self.stop = True
        kill_all(self.server)
        for t in self.threads:
            t.join()


def fresh(server, accounts):
    """Sessions know the port of the server that was."""
    for a in accounts:
        a._session = None
        a.http.close()


def verify(server, accounts, loads):
    for a in accounts:
        have = {m["subject"] for m in
                fetch(a, ["subject"]).values()}
        for load in loads:
            for who, subject in load.delivered:
                assert who is not a or subject in have, (subject, a.name)
        marks = fetch(a, ["keywords"])
        for who, mail, word in loads[-1].changed:
            if who is a:
                assert word in marks[mail]["keywords"], (mail, word)
        done = server.jmapctl("check", a.name, check=False)
        assert done.stdout == "0 differences\n", done.stdout + done.stderr


def fetch(account, properties):
    """Every mail by id, in pieces that the server's limits allow."""
    got, at = {}, 0
    while True:
        ids = account.call("Email/query", {"position": at, "limit": 500})
        if not ids["ids"]:
            return got
        at += len(ids["ids"])
        for m in account.call("Email/get", {
                "ids": ids["ids"], "properties": ["id"] + properties})["list"]:
            got[m["id"]] = m


def test_nothing_acknowledged_is_lost(new_server):
    server = new_server()
    accounts = [server.adduser() for _ in range(2)]
    with server.lmtp_client() as c:
        for i in range(40):
            c.deliver(message(subject=f"first {i}"),
                      [a.name for a in accounts])
    loads = []
    for number in range(ROUNDS):
        loads.append(Load(server, accounts, number))
        loads[-1].run(random.uniform(0.1, 0.8))
        server.start()
        fresh(server, accounts)
        verify(server, accounts, loads)
    assert sum(len(x.delivered) for x in loads) > 0
    assert sum(len(x.changed) for x in loads) > 0
    print(f"{ROUNDS} rounds, {sum(len(x.delivered) for x in loads)} "
          f"deliveries, {sum(len(x.changed) for x in loads)} changes")


def test_a_killed_worker_is_back_and_others_go_on(new_server):
    server = new_server()
    account = server.first()
    account.session
    workers = [p for p in children(server.pid) if "jmapd-worker" in
               open(f"/proc/{p}/cmdline").read()]
    assert len(workers) == 2
    # a connection to each worker
    conns = [server.lmtp_client() for _ in range(8)]
    os.kill(workers[0], signal.SIGKILL)
    start = time.monotonic()
    wait_for(lambda: sum("jmapd-worker" in open(f"/proc/{p}/cmdline").read()
                         for p in children(server.pid)
                         if running(p)) == 2, 2, 0.002)
    assert time.monotonic() - start < 0.5
    alive = 0
    for c in conns:
        try:
            alive += c.cmd("NOOP")[0] == 250
        except (OSError, EOFError):
            pass
    assert 0 < alive < 8
    with server.lmtp_client() as c:
        assert c.deliver(message(), account.name)[0][0] == 250
