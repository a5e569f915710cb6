# SPDX-License-Identifier: ISC
"""make scan, inside its network namespace: see run.  A tool is a function
that returns (good, what to say)."""

import base64
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "regress" / "conv"))
import helpers                                              # noqa: E402

OBJ = pathlib.Path(sys.argv[1])
HOST, ADDRESS = "mail.test", "192.0.2.1"                    # RFC 5737
GOOD_SCORE = 130                                            # A+
SLOW = 400                                                  # connections

CONF = f"""
hostname = "{HOST}"
http {{
	url = "https://{HOST}"
	hsts = true
}}
listen public-tls {{
	address = "{ADDRESS}"
	port = 443
	tls = true
}}
listen public {{
	address = "{ADDRESS}"
	port = 80
}}
# the scanners are many strangers at one address
rate-limit {{
	account = none
	anonymous = none
}}
auto-ban {{
	allowed = {{ "{ADDRESS}" }}
}}
limits {{
	connections-per-source = 100000
	max-concurrent-requests = 1000
	drain-timeout = 2s
	keep-alive = 10s
	write-timeout = 10s
}}
"""


def sh(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, text=True,
                          **kw).stdout


def network():
    sh("ip", "link", "set", "lo", "up")
    sh("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
    # of this namespace alone
    pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text(
        "0")
    hosts = OBJ / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {HOST}\n")
    sh("mount", "--bind", str(hosts), "/etc/hosts")


def save(name, text):
    (OBJ / name).write_text(text)


def basic(account):
    return base64.b64encode(
        f"{account.name}:{account.password}".encode()).decode()


# --- the tools ----------------------------------------------------------------

def observatory(server, account, blob):
    """A page of every class, by a person who may see it."""
    auth = basic(account)
    admin = basic(helpers.Account(server, server.admin_user,
                                  server.admin_pass))
    paths = {"R": "/", "A": f"/api/principal|{admin}", "W": "/robots.txt",
             "S": f"/jmap/session|{auth}", "S 401": "/jmap/session",
             "B": f"/jmap/download/{account.id}/{blob}/page.html|{auth}",
             "X": "/no-such-page"}
    out = sh("node", "observatory.mjs", HOST, *paths.values(), cwd=OBJ,
             env={**os.environ, "NODE_EXTRA_CA_CERTS": server.ca})
    save("observatory.log", out)
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == len(paths)
    want = {"A": 200, "W": 200, "S": 200, "S 401": 401, "B": 200, "X": 404}
    bad = []
    for name, r in zip(paths, rows):
        if r["score"] < GOOD_SCORE:
            bad.append(f"{name} {r['score']} {r['grade']} "
                       f"({', '.join(r['lost'])})")
        elif r["status"] != want.get(name, r["status"]):
            bad.append(f"{name} was a {r['status']}")
    scores = ", ".join(f"{n} {r['score']}" for n, r in zip(paths, rows))
    return not bad, "; ".join(bad) or f"A+ everywhere: {scores}"


# What cannot be known here, or is no finding about us.
TESTSSL_NOT = re.compile(r"""^(
	cert_(caIssuers|crlDistributionPoints|ocspURL|revocation)  # own CA
	| engine_problem	# the scanner's OpenSSL has no GOST engine
	)""", re.X)


def testssl(server, account, blob):
    good, text, again = testssl_once(server)
    if again:           # a check could not be made, says nothing about us
        good, text, again = testssl_once(server)
    return good, text


def testssl_once(server):
    log = OBJ / "testssl.json"
    log.unlink(missing_ok=True)
    done = subprocess.run(
        ["testssl", "--quiet", "--color", "0", "--warnings", "off",
         "--openssl", "/usr/bin/openssl", "--nodns", "none", "--ip", ADDRESS,
         "--add-ca", server.ca, "-p", "-S", "-P", "-f", "-h", "-U", "-s",
         "--jsonfile", str(log), HOST], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=420)
    save("testssl.log", done.stdout + done.stderr)
    rows = json.loads(log.read_text())
    found = [r for r in rows if r["severity"] not in ("OK", "INFO") and
             not TESTSSL_NOT.match(r["id"])]
    ok = sum(r["severity"] == "OK" for r in rows)
    if ok < 30:
        return False, f"only {ok} checks were made", True
    return not found, "; ".join(f"{r['id']}: {r['finding']} "
                                f"({r['severity']})" for r in found) or \
        f"{ok} checks good, no finding", \
        found and all(r["severity"] == "WARN" for r in found)


def sslscan(server, account, blob):
    out = sh("sslscan", "--show-times", "--xml=-", "--ipv4", f"{HOST}:443")
    save("sslscan.xml", out)
    test = xml.etree.ElementTree.fromstring(out).find("ssltest")
    spoken = sorted(f"{p.get('type')}{p.get('version')}"
                    for p in test.iter("protocol") if p.get("enabled") == "1")
    bad = [] if spoken == ["tls1.2", "tls1.3"] else [f"speaks {spoken}"]
    suites = list(test.iter("cipher"))
    bad += [c.get("cipher") for c in suites if c.get("strength") not in
            ("strong", "acceptable") or c.get("sslversion") not in
            ("TLSv1.2", "TLSv1.3")]
    bad += [f"group {g.get('name')}" for g in test.iter("group")
            if int(g.get("bits")) < 112]
    for tag, name in (("compression", "supported"),
                      ("renegotiation", "insecure"),
                      ("heartbleed", "vulnerable")):
        bad += [tag for e in test.iter(tag) if e.get(name) == "1"]
    bad += [f"fallback {e.get('supported')}" for e in test.iter("fallback")
            if e.get("supported") != "1"]
    if not suites:
        bad.append("no suite")
    return not bad, "; ".join(bad) or \
        f"{', '.join(spoken)}, {len(suites)} suites, all strong"


def slowhttptest(server, account, blob):
    auth = basic(account)
    field = f"a=b\r\nAuthorization: Basic {auth}"
    big = f"/jmap/download/{account.id}/{blob}/page.html"
    runs = {
        "H": ["-H", "-i", "3", "-u", f"https://{HOST}/"],
        "B": ["-B", "-i", "3", "-s", "8192", "-f",
              "application/json", "-j", field, "-u", f"https://{HOST}/jmap"],
        "X": ["-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32", "-k", "1",
              "-j", field, "-u", f"https://{HOST}{big}"],
        "R": ["-R", "-a", "5", "-b", "900", "-t", "GET", "-j",
              field, "-u", f"https://{HOST}/jmap/session"],
    }
    bad, said = [], []
    for name, args in runs.items():
        prefix = OBJ / f"slow-{name}"
        mark = len(server.log())
        p = subprocess.Popen(
            ["slowhttptest", *args, "-c", str(SLOW), "-r", "200", "-l", "35",
             "-p", "3", "-g", "-o", str(prefix)], stdin=subprocess.DEVNULL,
            stdout=open(OBJ / f"slow-{name}.log", "w"),
            stderr=subprocess.STDOUT)
        # The client may not notice before it has read, drop by drop, what
        # its kernel holds: whether it was cut is known by the server.
        peak = cut = 0
        began = time.monotonic()
        while p.poll() is None:
            now = connections(server)
            if now > 10:
                peak, cut = max(peak, now), time.monotonic() - began
            time.sleep(0.5)
        left = connections(server)
        rows = list(csv.DictReader(open(f"{prefix}.csv")))
        rows = [{k.strip(): int(v) for k, v in r.items() if k} for r in rows]
        up = [r["Service Available"] > 0 for r in rows]
        if not all(up):
            bad.append(f"-{name} not available in {up.count(False)} of "
                       f"{len(up)} s")
        if left > 10 or cut > 25:
            bad.append(f"-{name} {left} of {peak} still open after "
                       f"{time.monotonic() - began:.0f} s")
        # it has to have been what we think it is
        asked = server.log()[mark:]
        if name in "BX" and account.name not in asked:
            bad.append(f"-{name} was not let in")
        said.append(f"-{name} {peak} open, cut within {cut:.0f} s")
    return not bad, "; ".join(bad) or "always available: " + ", ".join(said)


def connections(server):
    """How many the workers have."""
    out = server.jmapctl("-j", "show", "workers").stdout
    return sum(int(json.loads(line)["connections"])
               for line in out.splitlines())


TOOLS = [observatory, testssl, sslscan, slowhttptest]


def main():
    names = sys.argv[2:] or [t.__name__ for t in TOOLS]
    network()
    server = helpers.Server(CONF)
    failed = 0
    try:
        account = server.adduser()
        # incompressible, so that a slow reader has something to read
        page = b"<!doctype html><title>x</title><p>" + \
            base64.b64encode(os.urandom(512 << 10))
        blob = account.upload(page, type="text/html")["blobId"]
        for tool in TOOLS:
            if tool.__name__ not in names:
                continue
            try:
                good, text = tool(server, account, blob)
            except Exception as e:                          # noqa: BLE001
                good, text = False, f"{type(e).__name__}: {e}"
                if isinstance(e, subprocess.CalledProcessError):
                    text += f": {e.stderr[-500:]}"
            failed += not good
            print(f"{tool.__name__}: {'good' if good else 'BAD'}: {text}",
                  flush=True)
    finally:
        save("server.log", server.log())
        server.remove()
    print("scan: " + ("all good" if not failed else f"{failed} bad, see "
                      f"{OBJ}"))
    return 1 if failed else 0


sys.exit(main())
