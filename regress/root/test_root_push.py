# SPDX-License-Identifier: ISC
"""Web push of a server started by root: out of an empty chroot, as a user of
its own, by a key that only root can read.  As root only."""

import os
import pathlib
import stat
import subprocess
import sys

import pytest
import requests

import test_root

sys.path.append(str(pathlib.Path(__file__).parent.parent / "conv"))
push_tools = pytest.importorskip("push_tools")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not root")
CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"


@pytest.fixture(scope="module")
def service():
    s = push_tools.PushService()
    yield s
    s.close()


@pytest.fixture(scope="module")
def server(service, tmp_path_factory):
    class Server(test_root.Server):
        def configure(self, extra=""):
            super().configure(extra + f"""
push {{
	trust-anchor = "{service.ca}"
	allow-origin = "{service.origin}"
	interval = 0
}}
auth {{ argon2-memory = 64K }}
""")

    test_root.make_users()
    s = Server(tmp_path_factory.mktemp("push"))
    yield s
    s.stop()


def test_a_change_is_pushed_out_of_the_chroot(server, service):
    subprocess.run([test_root.TOP + "/jmapctl", "-s", server.ctl_path,
                    "account", "add", "a@localhost"], input="secret word\n",
                   text=True, check=True, capture_output=True)
    keys = push_tools.Keys()
    http = requests.Session()
    http.trust_env = False
    http.auth = ("a@localhost", "secret word")
    http.verify = server.dir + "/cert.pem"
    url = f"https://localhost:{server.port('tls')}"
    session = http.get(url + "/.well-known/jmap").json()
    account = session["primaryAccounts"][MAIL]

    def call(name, args):
        r = http.post(url + "/jmap/", json={
            "using": [CORE, MAIL], "methodCalls": [[name, args, "0"]]})
        return r.json()["methodResponses"][0][1]

    sub = call("PushSubscription/set", {"create": {"x": {
        "deviceClientId": "d", "url": service.url("/root"),
        "keys": keys.public}}})["created"]["x"]["id"]
    said = service.wait("/root").json(keys)
    assert sub in call("PushSubscription/set", {"update": {sub: {
        "verificationCode": said["verificationCode"]}}})["updated"]
    state = call("Mailbox/set", {"accountId": account, "create": {
        "m": {"name": "new"}}})["newState"]
    post = service.wait("/root")
    assert post.json(keys)["changed"][account] == {"Mailbox": state}
    assert push_tools.vapid(post.headers["authorization"])


def test_the_key_is_roots(server):
    for path, mode in ((server.dir + "/push", 0o700),
                       (server.dir + "/push/vapid.pem", 0o600)):
        st = os.stat(path)
        assert st.st_uid == 0 and stat.S_IMODE(st.st_mode) == mode
