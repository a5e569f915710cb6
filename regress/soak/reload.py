#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""reload [count]: so many reloads (1,000) under load, a new configuration and
a new certificate in turns.  No request and no connection may fail, and what
was loaded is what is served."""

import os
import pathlib
import re
import subprocess
import sys
import time

import soak


def certificates(s):
    """A second certificate beside the first: [(chain, key), ...]."""
    tls = pathlib.Path(s.dir, "tls")
    key = tls / "other.key"
    for cmd in (
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-config openssl.cnf -subj /CN=mail.test -keyout other.key "
        "-out other.csr",
        "openssl x509 -req -in other.csr -CA ca.pem -CAkey ca.key -set_serial "
        "2 -days 30 -extfile openssl.cnf -extensions server -out other.pem"):
        subprocess.run(cmd.split(), cwd=tls, check=True,
                       stderr=subprocess.DEVNULL)
    return [((tls / f"{n}.pem").read_bytes(), (tls / f"{n}.key").read_bytes())
            for n in ("server", "other")], key.with_name("server")


def served(s, dialer):
    """(serial number, X-Soak) of a new connection."""
    sock = dialer.wrap(dialer.tcp(True))
    serial = sock.getpeercert()["serialNumber"]
    a = soak.Conn(sock).ask(soak.LIVE)
    sock.close()
    return serial, a.get("X-Soak")


def run(count=1000, clients=4):
    s = soak.server(more='http {\n\theaders = { "X-Soak: 0" }\n}\n')
    try:
        return reload(s, count, clients)
    finally:
        s.remove()


def reload(s, count, clients):
    pairs, name = certificates(s)
    conf = pathlib.Path(s.dir, "jmapd.conf")
    dialer = soak.Dialer(s)
    load = soak.run_load(s, clients)
    # one connection that lives through all of it
    old = soak.Conn(dialer.wrap(dialer.tcp(True)))
    wrong, start, soaked, before = 0, time.monotonic(), "0", None
    for i in range(1, count + 1):
        if i % 2:
            soaked = str(i)
            conf.write_text(re.sub(r"X-Soak: \d+", f"X-Soak: {i}",
                                   conf.read_text()))
        else:
            chain, key = pairs[i // 2 % 2]
            name.with_suffix(".pem").write_bytes(chain)
            name.with_suffix(".key").write_bytes(key)
        s.jmapctl("reload")
        serial, got = served(s, dialer)
        # the certificate changes at each even reload, and only then
        fits = before is None or (serial != before) == (i % 2 == 0)
        kept = old.ask(soak.LIVE).get("X-Soak")
        if got != soaked or kept != soaked or not fits:
            print(f"reload {i}: X-Soak {got}, {kept} on the old connection, "
                  f"certificate {serial}, before {before}")
            wrong += 1
        before = serial
    took = time.monotonic() - start
    failed, done, conns = soak.end_load(load)
    for f in failed[:10]:
        print(f)
    return soak.verdict("reload", not failed and not wrong and done > 0, (
        f"{count} reloads in {took:.0f} s, {done} requests on {conns} "
        f"connections, {len(failed)} failed, {wrong} under what was "
        "not in force"))


if __name__ == "__main__":
    sys.exit(not run(int(sys.argv[1]) if len(sys.argv) > 1 else
                     int(os.environ.get("SOAK_RELOADS", "1000"))))
