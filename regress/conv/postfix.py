# SPDX-License-Identifier: ISC
"""Debian's Postfix with a configuration, queue and ports of its own below one
folder, handing all mail of mail.test to a scratch server by LMTP.  Needs
root, as Postfix does; touches nothing of an installed Postfix."""

import os
import pathlib
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile

from helpers import wait_for

MAIN = """
compatibility_level = 3.6
queue_directory = %(dir)s/spool
data_directory = %(dir)s/lib
maillog_file = %(dir)s/maillog
maillog_file_prefixes = %(dir)s
myhostname = mx.mail.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = mail.test
virtual_mailbox_maps =
virtual_transport = lmtp:%(lmtp)s
default_transport = discard
local_header_rewrite_clients =
lmtp_line_length_limit = 0
message_drop_headers =
line_length_limit = 4096
header_size_limit = 1000000
message_size_limit = 50000000
lmtp_destination_recipient_limit = 50
strict_smtputf8 = no
"""
MASTER = """
127.0.0.1:%(port)d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing():
    """Why Postfix cannot be run here, or None."""
    if os.geteuid() != 0:
        return "Postfix starts as root only"
    if not shutil.which("postfix", path="/usr/sbin:/usr/bin"):
        return "no Postfix here: apt-get install postfix"
    return None


class Postfix:
    def __init__(self, lmtp):
        """lmtp: "inet:127.0.0.1:2424" or "unix:/path"."""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="jmapd-postfix-",
                                                 dir="/tmp"))
        self.dir.chmod(0o755)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        values = {"dir": self.dir, "lmtp": lmtp, "port": self.port}
        (self.dir / "conf").mkdir()
        (self.dir / "spool").mkdir()
        (self.dir / "lib").mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(self.dir / "lib", owner.pw_uid, owner.pw_gid)
        (self.dir / "conf" / "main.cf").write_text(MAIN % values)
        (self.dir / "conf" / "master.cf").write_text(MASTER % values)
        self.run("start")
        wait_for(self.answers, 20)

    def run(self, verb):
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.dir / "conf"), verb],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"postfix {verb}: {done.stdout}{self.log()}")

    def answers(self):
        try:
            with self.smtp():
                return True
        except OSError:
            return False

    def smtp(self):
        return smtplib.SMTP("127.0.0.1", self.port, "client.test", 30)

    def log(self):
        try:
            return (self.dir / "maillog").read_text(errors="replace")
        except OSError:
            return ""

    def stop(self):
        self.run("stop")
        shutil.rmtree(self.dir, ignore_errors=True)
