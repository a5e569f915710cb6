# SPDX-License-Identifier: ISC
"""Debian's Postfix with a configuration, queue and ports of its own below one
folder, handing all mail of mail.test to a scratch server by LMTP, or what it
relays to a server of the tests.  Needs root, as Postfix does; touches nothing
of an installed Postfix."""

import base64
import os
import pathlib
import pwd
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading

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
# A relay: TLS and passwords asked for, everything handed on to one place.
RELAY = """
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = %(cert)s
smtpd_tls_key_file = %(key)s
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = %(dir)s/auth
mynetworks =
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
    check_recipient_access inline:{{no@relay.test = REJECT no such user},
    {grey@relay.test = DEFER_IF_PERMIT come back}}
default_transport = smtp:[127.0.0.1]:%(next)d
virtual_mailbox_domains =
smtp_host_lookup = native
disable_dns_lookups = yes
smtputf8_enable = yes
message_size_limit = 1000000
smtp_line_length_limit = 0
smtpd_tls_loglevel = 1
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
smtp unix - - n - - smtp
tlsmgr unix - - n 1000? 1 tlsmgr
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


class Sasl:
    """Dovecot's authentication protocol, as far as Postfix uses it: it knows
    one user, by PLAIN and LOGIN."""

    def __init__(self, path, user, password):
        self.user, self.password = user, password
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        os.chmod(path, 0o666)
        self.sock.listen(10)
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        f = s.makefile("rw")
        names = {}
        f.write("VERSION\t1\t1\nMECH\tPLAIN\tplaintext\n"
                "MECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n"
                "COOKIE\t%s\nDONE\n" % ("0" * 32))
        f.flush()
        for line in f:
            w = line.rstrip("\n").split("\t")
            if w[0] not in ("AUTH", "CONT"):
                continue
            given = next((base64.b64decode(x[5:]).decode() for x in w
                          if x.startswith("resp=")), None)
            if w[0] == "CONT":
                given = base64.b64decode(w[2]).decode()
            if w[0] == "AUTH" and w[2] == "LOGIN":
                f.write("CONT\t%s\tVXNlcm5hbWU6\n" % w[1])
            elif w[0] == "CONT" and w[1] not in names:
                names[w[1]] = given
                f.write("CONT\t%s\tUGFzc3dvcmQ6\n" % w[1])
            else:
                user, password = (names.pop(w[1]), given) if w[1] in names \
                    else given.split("\0")[1:]
                good = (user, password) == (self.user, self.password)
                f.write("%s\t%s\tuser=%s\n" % ("OK" if good else "FAIL",
                                               w[1], user))
            f.flush()

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Postfix:
    def __init__(self, lmtp="unix:/nowhere", relay=None):
        """lmtp: "inet:127.0.0.1:2424" or "unix:/path".  relay: it is a relay
        with TLS and passwords; {"cert", "key", "next": port, "user",
        "password"}.  self.tls_port is then the one with implicit TLS."""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="jmapd-postfix-",
                                                 dir="/tmp"))
        self.dir.chmod(0o755)
        with socket.socket() as s, socket.socket() as t:
            s.bind(("127.0.0.1", 0))
            t.bind(("127.0.0.1", 0))
            self.port, self.tls_port = s.getsockname()[1], t.getsockname()[1]
        values = {"dir": self.dir, "lmtp": lmtp, "port": self.port}
        main, master, self.sasl = MAIN, MASTER, None
        if relay is not None:
            values.update(relay, tls=self.tls_port)
            # set twice, each process of Postfix would say so, postlogd to
            # itself, which may be more than its own socket holds
            names = re.findall(r"(?m)^(\w+) =", RELAY)
            main = re.sub(r"(?m)^(?:%s) =.*\n" % "|".join(names), "", main)
            main += RELAY
            master += ("127.0.0.1:%(tls)d inet n - n - - smtpd\n"
                       "  -o smtpd_tls_wrappermode=yes\n")
            self.sasl = Sasl(self.dir / "auth", relay["user"],
                             relay["password"])
        (self.dir / "conf").mkdir()
        (self.dir / "spool").mkdir()
        (self.dir / "lib").mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(self.dir / "lib", owner.pw_uid, owner.pw_gid)
        (self.dir / "conf" / "main.cf").write_text(main % values)
        (self.dir / "conf" / "master.cf").write_text(master % values)
        self.run("start")
        wait_for(self.answers, 40)

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
        if self.sasl is not None:
            self.sasl.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
