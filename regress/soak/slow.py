#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""slow [connections [seconds]]: so many slow connections (10,000) for so
long (60): heads that come octet by octet, bodies that do, answers that
nobody reads.  Whoever is cut off comes again.  The good clients' p99 beside
them must stay under twice what it is without them, each slow connection must
be cut at its deadline, and no good request may fail.

The crowd is a process of its own at the lowest priority: it stands for
other machines, and must not take the server's time."""

import heapq
import json
import os
import random
import resource
import select
import socket
import sys
import time

import soak

LATE = {"head": 10, "body": 10, "answer": 30}   # s, the defaults
SLACK = 9                               # s, this machine is busy
LIMITS = ("\theader-timeout = %(head)ds\n\tbody-grace = %(body)ds\n"
          "\twrite-timeout = %(answer)ds\n")


class Slow:
    """One slow connection.  kind: head, body, answer."""

    def __init__(self, crowd, kind):
        self.kind, self.born = kind, time.monotonic()
        self.told, self.cut = 0, False
        self.sock = s = socket.socket()
        if kind == "answer":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", crowd.port))
        self.text = {"head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
                     "body": crowd.post, "answer": soak.LIVE * 3000}[kind]

    def tick(self):
        """Say a little more; the seconds until the next time, or None."""
        if self.kind == "answer":
            # as much as it takes, never reading
            self.told += self.sock.send(self.text[self.told:])
        elif self.told == 0:
            self.told += self.sock.send(self.text)
        else:
            self.told += self.sock.send(b"a")
        return random.uniform(2, 4)


class Crowd:
    """Runs in the child; tells over a pipe what it saw."""

    def __init__(self, port, post, count, late):
        self.port, self.post, self.late = port, post, late
        self.poll = select.epoll()
        self.byfd, self.due, self.n = {}, [], 0
        self.cuts = {"head": [], "body": [], "answer": []}
        self.refused, self.count = 0, count

    def add(self, kind):
        c = Slow(self, kind)
        self.byfd[c.sock.fileno()] = c
        # an answer that nobody reads is readable all the time: only its end
        what = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
        if kind != "answer":
            what |= select.EPOLLIN
        self.poll.register(c.sock, what)
        self.n += 1
        heapq.heappush(self.due, (time.monotonic() + random.uniform(.05, 1),
                                  self.n, c))

    def end(self, c):
        fd = c.sock.fileno()
        if fd == -1:
            return
        self.cuts[c.kind].append(time.monotonic() - c.born)
        del self.byfd[fd]
        self.poll.unregister(fd)
        c.sock.close()
        self.add(c.kind)

    def turn(self, until):
        # each speaks when its own time comes, as so many machines would
        wait = min(self.due[0][0] if self.due else until, until) - \
            time.monotonic()
        for fd, what in self.poll.poll(max(wait, 0)):
            c = self.byfd.get(fd)
            if c is None:
                continue
            if what & select.EPOLLIN and not what & select.EPOLLHUP:
                try:
                    if c.sock.recv(4096):
                        continue        # a 408; its end follows
                except OSError:
                    pass
            self.end(c)
        now = time.monotonic()
        while self.due and self.due[0][0] < now:
            _, n, c = heapq.heappop(self.due)
            if c.sock.fileno() == -1:
                continue
            try:
                wait = c.tick()
            except BlockingIOError:
                wait = 3
            except OSError:
                self.end(c)
                continue
            heapq.heappush(self.due, (now + wait, n, c))

    def run(self, seconds, out):
        kinds = ["head", "head", "body", "answer"]
        made, until = 0, None
        while until is None or time.monotonic() < until:
            # 2,000 a second, so that no queue overflows
            then = time.monotonic() + 0.01
            for _ in range(min(20, self.count - made)):
                self.add(kinds[made % len(kinds)])
                made += 1
            if made == self.count and until is None:
                os.write(out, b"full\n")
                until = time.monotonic() + seconds
            while time.monotonic() < then:
                self.turn(then)
        late, now = self.late, time.monotonic()
        old = sum(now - c.born > late[c.kind] + SLACK
                  for c in self.byfd.values())
        early = sum(t < late[k] - 1 for k in self.cuts
                    for t in self.cuts[k])
        text = " ".join(f"{k} {len(v)}" for k, v in self.cuts.items())
        os.write(out, f"{old} {early} {text}\n".encode())


def start_crowd(s, count, seconds, late):
    """(process id, file) of the child."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(r)
            os.nice(19)
            if hasattr(os, "SCHED_IDLE"):       # then its CPU counts as free
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            head = soak.get("/jmap/", "Content-Type: application/json",
                            "Content-Length: 100000",
                            soak.basic(s.first()), method="POST")
            Crowd(soak.Dialer(s).port, head, count, late).run(seconds, w)
        finally:
            os._exit(0)
    os.close(w)
    return pid, os.fdopen(r)


def measure(s, seconds):
    """(p50, p99 in ms, requests, failures) of three good clients."""
    load = soak.run_load(s, 3, pause=0.004)
    time.sleep(seconds)
    failed, done, _ = soak.end_load(load)
    times = [t for x in load for t in x.times]
    return (soak.percentile(times, 50) * 1000,
            soak.percentile(times, 99) * 1000, done, failed)


def run(count=10000, seconds=60, factor=2.0, late=None):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = min(count + 1000, limit[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(want, limit[0]),
                                                limit[1]))
    if want < count + 1000:
        print(f"slow: only {want} descriptors are allowed", flush=True)
        count = want - 1000
    late = late or LATE
    s = soak.server(LIMITS % late, "workers = 4\n")
    try:
        return slow(s, count, seconds, factor, late)
    finally:
        s.remove()


def slow(s, count, seconds, factor, late):
    each = seconds / 3
    measure(s, 1)
    before = measure(s, each)
    pid, pipe = start_crowd(s, count, seconds, late)
    try:
        assert pipe.readline() == "full\n"
        held = connections(s)
        during = measure(s, seconds - 1)
        words = pipe.readline().split()
    finally:
        pipe.close()
        os.waitpid(pid, 0)
    after = measure(s, each)
    base = max(before[1], after[1])
    old, early = int(words[0]), int(words[1])
    failed = before[3] + during[3] + after[3]
    for f in failed[:10]:
        print(f)
    good = (during[1] < factor * base and not failed and not old and
            not early and held > count * 0.9)
    return soak.verdict("slow", good, (
        f"{held} slow connections for {seconds} s (cut at their deadline: "
        f"{' '.join(words[2:])}; too late {old}, too early {early}); "
        f"good requests p50 {before[0]:.2f}, {during[0]:.2f}, "
        f"{after[0]:.2f} ms, p99 {before[1]:.2f} before, {during[1]:.2f} "
        f"beside, {after[1]:.2f} after; {during[2]} beside, {len(failed)} "
        "failed"))


def connections(s):
    """What the workers hold together."""
    out = s.jmapctl("-j", "show", "workers").stdout
    return sum(json.loads(line)["connections"]
               for line in out.splitlines() if line.startswith("{"))


if __name__ == "__main__":
    a = sys.argv[1:]
    sys.exit(not run(int(a[0]) if a else 10000,
                     float(a[1]) if len(a) > 1 else 60))
