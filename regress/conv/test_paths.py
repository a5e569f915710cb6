# SPDX-License-Identifier: ISC
"""The paths of a configuration: from the folder of its file, whatever folder
jmapd was started in, and still so when it is a daemon and reloads."""

import os
import pathlib
import re
import subprocess

import pytest

from helpers import BIN, wait_for
from test_process import new_certificate, rows, serial_of


def jmapd(server, *args, cwd):
    program, who = BIN / "jmapd", []
    if os.getuid() == 0:            # scratch runs it as nobody, too
        program = pathlib.Path(server.dir, "bin", "jmapd")
        who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return subprocess.run([*who, program, *args], cwd=cwd,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def relative(server):
    """The same configuration with the certificate's paths made short."""
    conf = pathlib.Path(server.dir, "jmapd.conf")
    text = conf.read_text()
    short = text.replace(f'"{server.dir}/tls/', '"tls/')
    assert short.count('"tls/') == 2
    return conf, short


@pytest.mark.parametrize("cwd, name", [
    (".", "short.conf"), ("tls", "../short.conf"), ("/", "{}/short.conf"),
])
def test_check_finds_files_beside_the_configuration(server, cwd, name):
    pathlib.Path(server.dir, "short.conf").write_text(relative(server)[1])
    os.chmod(pathlib.Path(server.dir, "short.conf"), 0o644)
    done = jmapd(server, "-nn", "-f", name.format(server.dir),
        cwd=os.path.join(server.dir, cwd))
    assert done.returncode == 0, done.stderr
    path = re.search(r'chain = "(.*)"', done.stdout)[1]
    assert path.startswith("/")
    assert os.path.samefile(path, pathlib.Path(server.dir, "tls/server.pem"))


def test_what_is_not_there_is_named_with_its_folder(server):
    """A link's files are beside the link, not beside what it leads to."""
    pathlib.Path(server.dir, "short.conf").write_text(relative(server)[1])
    os.chmod(pathlib.Path(server.dir, "short.conf"), 0o644)
    site = pathlib.Path(server.dir, "site")
    site.mkdir(exist_ok=True)
    os.chmod(site, 0o755)
    link = site / "linked.conf"
    link.unlink(missing_ok=True)
    link.symlink_to("../short.conf")
    done = jmapd(server, "-n", "-f", "linked.conf", cwd=site)
    assert done.returncode == 1
    assert f"{site}/tls/server.pem: No such file" in done.stderr
    os.symlink("../tls", site / "tls")
    try:
        assert jmapd(server, "-n", "-f", str(link), cwd="/").returncode == 0
    finally:
        os.unlink(site / "tls")


def daemon(server, name, cwd):
    """Start without -d; it leaves its folder.  Then it is server's own."""
    done = jmapd(server, "-f", name, cwd=cwd)
    assert done.returncode == 0, done.stderr
    def up():
        return server.jmapctl("show", "listeners", check=False).stdout and \
            rows(server, "show", "listeners")

    ports = {r["name"]: r["port"] for r in wait_for(up)}
    server.url = f"https://localhost:{ports['tls']}"
    server.pid = next(r["pid"] for r in rows(server, "status")
        if r["process"] == "parent")
    pathlib.Path(server.dir, "pid").write_text(f"{server.pid}\n")


def test_a_daemon_finds_its_files_again_at_a_reload(new_server):
    s = new_server()
    s.stop()
    conf, short = relative(s)
    conf.write_text(short)
    daemon(s, "../jmapd.conf", os.path.join(s.dir, "tls"))
    assert os.readlink(f"/proc/{s.pid}/cwd") == "/"
    new = new_certificate(s)
    s.jmapctl("reload")
    with s.tls() as c:
        assert serial_of(c) == new


def test_a_link_that_leads_elsewhere_is_followed_at_a_reload(new_server):
    s = new_server()
    s.stop()
    conf, short = relative(s)
    new = conf.with_name("second.conf")
    for path, workers in ((conf.with_name("first.conf"), 2), (new, 3)):
        path.write_text(short.replace("workers = 2", f"workers = {workers}"))
        os.chmod(path, 0o644)
    conf.unlink()
    conf.symlink_to("first.conf")
    daemon(s, "jmapd.conf", s.dir)
    assert len(rows(s, "show", "workers")) == 2
    conf.unlink()
    conf.symlink_to("second.conf")
    s.jmapctl("reload")
    wait_for(lambda: len(rows(s, "show", "workers")) == 3)
