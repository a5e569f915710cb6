#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""kill [seconds]: a worker is killed every 100 ms for so long (60).  Each
request that fails must have been on a connection of the killed worker.

The worker is stopped, its descriptors are looked up in /proc, then it is
killed: the ports of those sockets are the connections that it may take
along.  One that was on its way to it, not taken yet, may not be lost."""

import os
import random
import signal
import sys
import time

import soak


def peers(pid):
    """Remote ports of the TCP connections that a process holds."""
    inodes, out = set(), set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                to = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if to.startswith("socket:["):
                inodes.add(to[8:-1])
    except OSError:
        return out
    # ours, not the worker's: it may have an empty network of its own
    with open("/proc/net/tcp") as f:
        for line in f.readlines()[1:]:
            w = line.split()
            if w[9] in inodes:
                out.add(int(w[2].rpartition(":")[2], 16))
    return out


def kill_one(s):
    """(time before, time after, ports), or None when there is no worker."""
    pids = soak.workers(s)
    if not pids:
        return None
    pid = random.choice(pids)
    before = time.monotonic()
    try:
        os.kill(pid, signal.SIGSTOP)
        ports = peers(pid)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return before, time.monotonic(), ports


def explained(failure, kills):
    """Was it on a connection of a worker killed during its life?"""
    port, begun, failed, _, _ = failure
    return any(port in ports and begun <= after and before <= failed
               for before, after, ports in kills)


def run(seconds=60, clients=6, every=0.1):
    s = soak.server(more="workers = 4\n")
    try:
        return kill(s, seconds, clients, every)
    finally:
        s.remove()


def kill(s, seconds, clients, every):
    load = soak.run_load(s, clients, pause=0.001)
    kills, none, start = [], 0, time.monotonic()
    while time.monotonic() - start < seconds:
        one = kill_one(s)
        if one is None:
            none += 1
        else:
            kills.append(one)
        time.sleep(max(0, every - (time.monotonic() - start) % every))
    failed, done, conns = soak.end_load(load)
    other = [f for f in failed if not explained(f, kills)]
    for f in other[:10]:
        print(f)
    times = [x for t in load for x in t.times]
    alive = soak.Conn(soak.Dialer(s).tcp(False)).ask(soak.LIVE).status == 200
    return soak.verdict("kill", not other and alive and kills and done > 0, (
        f"{len(kills)} kills in {seconds} s ({none} times there was no "
        f"worker), {done} requests on {conns} connections, {len(failed)} "
        f"failed, {len(other)} of them not the killed worker's, longest "
        f"answer {max(times) * 1000:.0f} ms"))


if __name__ == "__main__":
    sys.exit(not run(float(sys.argv[1]) if len(sys.argv) > 1 else
                     float(os.environ.get("SOAK_SECONDS", "60"))))
