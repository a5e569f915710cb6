#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""search: Email/query by text on 50,000 mails, in processor time.

First obj/b_search, which has no socket: the index against the text that went
into it, and each kind of question.  Then a server over TLS with the same
kind of mail: every question's own processor time, of all its processes, from
/proc/PID/schedstat, which counts nanoseconds on a processor and no waiting.

The real mails are the 6,046 of ../shared/corpus/spamassassin.tar.xz, as for
regress/corpus; others are made of their lines.  Without the archive all are
made of invented words.  BENCH_MAILS (50000), BENCH_ONLY as for bench.py."""

import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "regress" / "conv"))
import helpers  # noqa: E402

MAILS = int(os.environ.get("BENCH_MAILS", "50000"))
ONLY = os.environ.get("BENCH_ONLY", "").split()
QUERIES = 400
PLACES = [TOP.parent / "shared" / "corpus", TOP.parents[1] / "shared" /
          "corpus", pathlib.Path("/work/shared/corpus")]
CONF = """
log-requests = false
workers = 2
rate-limit {
	account = 1000000/1s
}
"""


def unpack(work):
    """A folder of real mails, or None."""
    for p in PLACES:
        archive = p / "spamassassin.tar.xz"
        if archive.exists():
            break
    else:
        return None
    folder = work / "mail"
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for n, member in enumerate(m for m in tar if m.isfile()):
            (folder / f"{n:05}").write_bytes(tar.extractfile(member).read())
    return folder


def lines_of(folder, rng):
    """Lines of bodies, to make other mails of."""
    if folder is None:
        words = ["".join(rng.choice("aeioubdfgklmnprst") for _ in
                         range(rng.randint(3, 10))) for _ in range(20000)]
        return [" ".join(words[int(len(words) * rng.random() ** 3)]
                         for _ in range(10)) for _ in range(50000)]
    lines = []
    for path in sorted(folder.iterdir()):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        body = text.partition(b"\n\n")[2]
        for line in body.decode("ascii", "ignore").split("\n"):
            if 20 < len(line) < 100 and len(line.split()) > 2 and \
                    "<" not in line and not line.startswith("From "):
                lines.append(line)
    return lines


def make_mbox(path, count, lines, rng):
    with open(path, "w") as f:
        for i in range(count):
            when = time.gmtime(1200000000 + i * 600)
            who = rng.randrange(900)
            subject = " ".join(rng.choice(rng.choice(lines).split())
                               for _ in range(3))
            f.write(f"From a@b {time.asctime(when)}\n"
                    f"From: Person {who} <p{who}@host{who % 40}.example>\n"
                    f"Subject: {subject}\n"
                    f"Message-ID: <{i}.{rng.randrange(10**6)}@example>\n\n")
            for _ in range(rng.randint(5, 60)):
                f.write(rng.choice(lines) + "\n")
            f.write("\n")


def questions(lines, rng):
    """Filters, each another one, so that none comes from a cache."""
    def word():
        while True:
            w = re.sub("[^a-z]", "", rng.choice(rng.choice(lines).split()))
            if len(w) > 3:
                return w

    kinds = [lambda: {"text": word()},
             lambda: {"text": f"{word()} {word()}"},
             lambda: {"subject": word()}, lambda: {"body": word()},
             lambda: {"from": "p{0}@host{1}.example".format(
                 *(lambda n: (n, n % 40))(rng.randrange(900)))},
             lambda: {"text": word()[:4] + "*"}]
    seen = set()
    while len(seen) < QUERIES:
        f = kinds[len(seen) % len(kinds)]()
        if str(f) not in seen:
            seen.add(str(f))
            yield f


def on_cpu(pids):
    """Nanoseconds these processes were on a processor."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat") as f:
            total += int(f.read().split()[0])
    return total


def over_tls(folder, work):
    rng = random.Random(1)
    lines = lines_of(folder, rng)
    made = MAILS
    s = helpers.Server(CONF, str(work / "server"))
    try:
        account = s.first()
        if folder is not None:
            top = work / "maildir"
            for sub in ("cur", "new", "tmp"):
                (top / sub).mkdir(parents=True)
            for n, path in enumerate(sorted(folder.iterdir())[:MAILS]):
                path.rename(top / "cur" / f"{n}.bench:2,S")
                made -= 1
            s.jmapctl("import", account.name, "maildir", str(top))
        make_mbox(work / "mbox", made, lines, rng)
        s.jmapctl("import", account.name, "mbox", str(work / "mbox"))
        (work / "mbox").unlink()
        time.sleep(5)           # merges that are under way
        account.call("Core/echo")
        pids, spent, found = s.pids(), [], 0
        for f in questions(lines, rng):
            before = on_cpu(pids)
            got = account.call("Email/query", {
                "filter": f, "limit": 30, "sort": [
                    {"property": "receivedAt", "isAscending": False}]})
            time.sleep(0.002)   # until what follows the answer is done
            spent.append((on_cpu(pids) - before) / 1000)
            found += len(got["ids"]) > 0
        spent.sort()
        print(f"search_query       {statistics.median(spent):.0f} us of "
              f"processor, median of {len(spent)} over TLS with all around "
              f"it, {spent[len(spent) * 9 // 10]:.0f} nine of ten; {MAILS} "
              f"mails, {found} found something", flush=True)
    finally:
        s.stop()


def main():
    if ONLY and not any("search".startswith(o) for o in ONLY):
        return
    work = pathlib.Path(tempfile.mkdtemp(prefix="jmapd-bench-", dir="/tmp"))
    work.chmod(0o755)
    (work / "server").mkdir()
    try:
        folder = unpack(work)
        subprocess.run([str(TOP / "obj" / "b_search"), str(MAILS)] +
                       ([str(folder)] if folder else []), check=True)
        over_tls(folder, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
