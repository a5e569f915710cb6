# SPDX-License-Identifier: ISC
"""jmapd -S: what holds of each role's confinement without root's help."""

import os
import pathlib
import subprocess

import pytest

import helpers


@pytest.mark.parametrize("role", ["auth", "keys", "push", "queue", "worker"])
def test_no_way_out_of_a_role(server, role):
    program = pathlib.Path(server.dir, "bin", "jmapd")
    if not program.exists():
        program = helpers.BIN / "jmapd"
    who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] \
        if os.geteuid() == 0 else []
    done = subprocess.run([*who, str(program), "-S", role, "-f",
                           f"{server.dir}/jmapd.conf"], capture_output=True,
                          text=True)
    if "with sanitizers" in done.stderr:
        pytest.skip("a build with sanitizers has no sandbox")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused:") >= 30
    assert "ALLOWED" not in done.stdout and "NOT TRIED" not in done.stdout


def test_no_such_role(server):
    done = subprocess.run([str(helpers.BIN / "jmapd"), "-S", "parent"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "no such role" in done.stderr
