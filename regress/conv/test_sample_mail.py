# SPDX-License-Identifier: ISC
"""regress/mail/generate: what every test that imports it relies on.  Needs no
server."""

import filecmp
import mailbox
import os
import subprocess

GENERATE = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "mail", "generate")


def run(*args):
    subprocess.run([GENERATE, *map(str, args)], check=True)


def test_two_runs_write_the_same_bytes(tmp_path):
    run(tmp_path / "a", "--mbox", tmp_path / "a.mbox")
    run(tmp_path / "b", "--mbox", tmp_path / "b.mbox")
    names = sorted(os.listdir(tmp_path / "a"))
    assert names == sorted(os.listdir(tmp_path / "b"))
    assert len(names) >= 200
    same, differ, errors = filecmp.cmpfiles(
        tmp_path / "a", tmp_path / "b", names, shallow=False)
    assert not differ and not errors
    assert filecmp.cmp(tmp_path / "a.mbox", tmp_path / "b.mbox",
                       shallow=False)


def test_mbox_holds_each_message_once_with_flags(tmp_path):
    run(tmp_path / "d", "--mbox", tmp_path / "m")
    box = mailbox.mbox(tmp_path / "m", create=False)
    assert len(box) == len(os.listdir(tmp_path / "d"))
    flags = [m["Status"] for m in box]
    assert flags.count("RO") > 50 and flags.count("O") > 50
    assert any("F" in (m["X-Status"] or "") for m in box)
    assert any("work" in (m["X-Keywords"] or "") for m in box)
    ids = {m["Message-ID"] for m in box}
    replies = [m for m in box if m["References"]]
    assert len(replies) > 30
    assert sum(m["In-Reply-To"] in ids for m in replies) > 30
