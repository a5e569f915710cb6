# SPDX-License-Identifier: ISC
"""jmapctl import, export and check: mail goes in and comes out byte for
byte, with dates, flags and folders; what was cut off can be run again."""

import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from helpers import BIN, SAMPLES, message, wait_for

FLAGS = {"$seen": "S", "$flagged": "F", "$answered": "R", "$draft": "D",
         "$forwarded": "P"}


def digest(data):
    return hashlib.sha256(data).hexdigest()


def maildir(path, folder=""):
    d = pathlib.Path(path, folder)
    for sub in ("cur", "new", "tmp"):
        (d / sub).mkdir(parents=True, exist_ok=True)
    return d


def put(folder, name, data, when, sub="cur"):
    f = folder / sub / name
    f.write_bytes(data)
    os.utime(f, (when, when))


def contents(path):
    """Of a maildir: folder -> sorted list of (digest, date, flags)."""
    got = {}
    for cur in pathlib.Path(path).glob("**/cur"):
        folder = cur.parent.name if cur.parent != pathlib.Path(path) else ""
        words = {}
        kw = cur.parent / "dovecot-keywords"
        if kw.exists():
            for line in kw.read_text().splitlines():
                n, word = line.split(" ", 1)
                words[chr(ord("a") + int(n))] = word.lower()
        mails = []
        for sub in ("cur", "new"):
            for f in (cur.parent / sub).iterdir():
                flags = f.name.partition(":2,")[2]
                names = sorted(words.get(c, c) for c in flags)
                mails.append((digest(f.read_bytes()), int(f.stat().st_mtime),
                              names))
        got[folder] = sorted(mails)
    return got


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    where = tmp_path_factory.mktemp("samples")
    subprocess.run([str(SAMPLES / "generate"), str(where)], check=True)
    found = sorted(where.glob("*.eml"))
    assert len(found) > 150
    return [f.read_bytes() for f in found]


def make_maildir(path, samples):
    top = maildir(path)
    work = maildir(path, ".Work.Ber&AOQ-te &- more")
    maildir(path, ".Empty")
    (work / "dovecot-keywords").write_text("0 todo\n1 $Label1\n")
    letters = ["", "S", "FS", "RS", "D", "PRS", "S", "a", "bS", "abFS"]
    for i, data in enumerate(samples):
        flags = letters[i % len(letters)]
        where = work if set(flags) & set("ab") or i % 3 == 0 else top
        if where is top and i % 5 == 0:
            put(top, f"{i}.new.host", data, 1000000000 + i, "new")
        else:
            put(where, f"{i}.M1.host:2,{flags}", data, 1000000000 + i)
    return path


def test_maildir_comes_out_as_it_went_in(server, account, tmp_path, samples):
    src, dst = tmp_path / "in", tmp_path / "out"
    make_maildir(src, samples)
    done = server.jmapctl("import", account.name, "maildir", str(src))
    assert done.stdout == (f"{len(samples)} mails imported, 0 were there "
                           "already, 0 refused\n")
    done = server.jmapctl("export", account.name, "maildir", str(dst))
    assert done.stdout == f"{len(samples)} mails exported\n"
    want, got = contents(src), contents(dst)
    for folder, mails in want.items():
        assert got[folder] == mails, folder
    # and the mailboxes that an account has from the start
    assert all(not mails for f, mails in got.items() if f not in want)


def test_clients_see_folders_dates_and_flags(server, account, tmp_path,
                                             samples):
    make_maildir(tmp_path / "in", samples)
    server.jmapctl("import", account.name, "maildir", str(tmp_path / "in"))
    boxes = {m["name"]: m for m in account.mailboxes()}
    work = boxes["Work"]
    assert boxes["Beräte & more"]["parentId"] == work["id"]
    assert boxes["Empty"]["totalEmails"] == 0
    total = sum(m["totalEmails"] for m in boxes.values())
    assert total == len(samples)
    mails = account.emails(["receivedAt", "keywords", "blobId"])
    by_date = {m["receivedAt"]: m for m in mails}
    for i, data in enumerate(samples):
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                             time.gmtime(1000000000 + i))
        assert account.download(by_date[when]["blobId"]) == data
    some = by_date["2001-09-09T01:46:49Z"]	# i == 9, "abFS"
    assert some["keywords"] == {"todo": True, "$label1": True, "$seen": True,
                                "$flagged": True}


def test_mbox_comes_out_as_it_went_in(server, tmp_path, samples):
    one, two = server.adduser(), server.adduser()
    make_maildir(tmp_path / "in", samples)
    server.jmapctl("import", one.name, "maildir", str(tmp_path / "in"))
    server.jmapctl("export", one.name, "mbox", str(tmp_path / "mbox"))
    done = server.jmapctl("import", two.name, "mbox", str(tmp_path / "mbox"))
    assert done.stdout.startswith(f"{len(samples)} mails imported")
    for a in (one, two):
        server.jmapctl("export", a.name, "maildir", str(tmp_path / a.name))
    # a message without a line end at its end gets one in an mbox
    ended = {digest(s): digest(s + (b"" if s[-1:] in b"\n" else b"\n"))
             for s in samples}
    want = contents(tmp_path / one.name)
    got = contents(tmp_path / two.name)
    for folder, mails in want.items():
        mails = sorted((ended[d], t, sorted(f)) for d, t, f in mails)
        # empty mailboxes have a file, too
        assert got[folder] == mails, folder
    assert (tmp_path / "mbox" / "Work" / "Beräte & more.mbox").exists()


def test_twice_is_once(server, account, tmp_path, samples):
    make_maildir(tmp_path / "in", samples)
    args = ("import", account.name, "maildir", str(tmp_path / "in"))
    server.jmapctl(*args)
    done = server.jmapctl(*args)
    assert done.stdout == (f"0 mails imported, {len(samples)} were there "
                           "already, 0 refused\n")
    # new flags do not make a new mail
    f = next((tmp_path / "in" / "cur").iterdir())
    f.rename(f.parent / (f.name.partition(":")[0] + ":2,FST"))
    assert server.jmapctl(*args).stdout.startswith("0 mails")
    # -a: all over again
    done = server.jmapctl("import", "-a", *args[1:])
    assert done.stdout.startswith(f"{len(samples)} mails imported")
    total = account.call("Email/query", {"calculateTotal": True, "limit": 1})
    assert total["total"] == 2 * len(samples)


def test_mails_that_are_alike_all_come_in(server, account, tmp_path):
    mail = "From a@b.example Mon Jan  5 23:59:59 1998\nSubject: x\n\nx\n\n"
    (tmp_path / "mbox").write_text(mail * 7)
    args = ("import", "-m", "Old/Mail & more", account.name, "mbox",
            str(tmp_path / "mbox"))
    assert server.jmapctl(*args).stdout.startswith("7 mails imported")
    assert server.jmapctl(*args).stdout.startswith("0 mails imported, 7 were")
    box = account.mailbox(name="Mail & more")
    mails = account.emails(["receivedAt", "size"], filter={"inMailbox": box})
    assert [m["receivedAt"] for m in mails] == ["1998-01-05T23:59:59Z"] * 7
    assert {m["size"] for m in mails} == {len("Subject: x\n\nx\n")}


def test_cut_off_anywhere_and_run_again(server, account, tmp_path):
    top = maildir(tmp_path / "in")
    count = 3000
    for i in range(count):
        put(top, f"{i:05}.x.host:2,S",
            message(subject=f"mail {i}", body="x" * 2000), 1000000000 + i)
    args = [str(BIN / "jmapctl"), "-s", server.ctl, "import", account.name,
            "maildir", str(tmp_path / "in")]

    def there():
        return account.call("Email/query", {"calculateTotal": True,
                                            "limit": 1})["total"]

    # cut off as soon as something more than before is there
    for _ in range(3):
        before = there()
        p = subprocess.Popen(args, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        while there() == before and p.poll() is None:
            pass
        assert p.poll() is None, "it came to its end"
        p.send_signal(signal.SIGKILL)
        p.wait()
    done = server.jmapctl(*args[3:])
    new, known = map(int, re.match(r"(\d+) mails imported, (\d+) were",
                                   done.stdout).groups())
    assert new + known == count
    assert new > 0 and known > 0, (new, known)
    assert there() == count


def test_others_are_served_meanwhile(server, account, tmp_path):
    top = maildir(tmp_path / "in")
    for i in range(2000):
        put(top, f"{i}.x", message(subject=f"mail {i}", body="y" * 3000), i,
            "new")
    other = server.adduser()
    other.session
    p = subprocess.Popen([str(BIN / "jmapctl"), "-s", server.ctl, "import",
                          account.name, "maildir", str(tmp_path / "in")],
                         stdout=subprocess.PIPE)
    slowest = 0
    while p.poll() is None:
        start = time.monotonic()
        other.call("Mailbox/get", {"ids": None})
        slowest = max(slowest, time.monotonic() - start)
    assert p.communicate()[0].startswith(b"2000 mails imported")
    assert slowest < 1


def test_a_server_that_ends_lets_it_finish(new_server, tmp_path):
    s = new_server("limits {\n\tdrain-timeout = 2m\n}\n")
    account = s.adduser()
    top = maildir(tmp_path / "in")
    for i in range(3000):
        put(top, f"{i}.x", message(subject=f"mail {i}", body="z" * 3000), i,
            "new")
    p = subprocess.Popen([str(BIN / "jmapctl"), "-s", s.ctl, "import",
                          account.name, "maildir", str(tmp_path / "in")],
                         stdout=subprocess.PIPE)
    wait_for(lambda: account.call("Email/query", {"limit": 1})["ids"])
    assert p.poll() is None, "it came to its end"
    os.kill(s.pid, signal.SIGTERM)
    assert p.communicate()[0].startswith(b"3000 mails imported")
    assert p.returncode == 0


def test_what_cannot_be(server, account, tmp_path):
    done = server.jmapctl("import", "nobody@mail.test", "maildir",
                          str(tmp_path), check=False)
    assert done.returncode == 1 and "nobody@mail.test" in done.stderr
    done = server.jmapctl("import", account.name, "maildir", str(tmp_path),
                          check=False)
    assert done.returncode == 1 and "not a maildir" in done.stderr
    (tmp_path / "full").write_text("x")
    done = server.jmapctl("export", account.name, "maildir", str(tmp_path),
                          check=False)
    assert done.returncode == 1 and "is not empty" in done.stderr
    done = server.jmapctl("import", account.name, "mh", "x", check=False)
    assert done.returncode == 2 and "neither mbox nor maildir" in done.stderr


def test_too_big_a_mail_is_refused_and_the_rest_comes(new_server, tmp_path):
    server = new_server("limits { max-message-size = 5000 "
                        "max-size-upload = 5000 }\n")
    account = server.adduser()
    top = maildir(tmp_path / "in")
    for i, size in enumerate((10, 6000, 20)):
        put(top, f"{i}.x:2,", message(body="x" * size), i)
    done = server.jmapctl("import", account.name, "maildir",
                          str(tmp_path / "in"), check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("2 mails imported, 0 were there already, "
                                  "1 refused")
    assert "mail 2: larger than max-message-size" in done.stderr


def test_json_and_check(server, account, tmp_path, samples):
    make_maildir(tmp_path / "in", samples)
    done = server.jmapctl("-j", "import", account.name, "maildir",
                          str(tmp_path / "in"))
    got = json.loads(done.stdout)
    assert got["imported"] == len(samples) and got["complete"] is True
    assert got["bytes"] == sum(len(s) for s in samples)
    done = server.jmapctl("check", account.name)
    assert done.stdout == "0 differences\n"
    done = server.jmapctl("-j", "check", account.name)
    assert json.loads(done.stdout) == {"differences": 0}
