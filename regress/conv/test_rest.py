# SPDX-License-Identifier: ISC
"""The management API, in the contract that its clients know."""

import os
import pathlib
import pty

import pytest

import helpers


@pytest.fixture
def api(server):
    http = server.admin().http
    base = server.url + "/api"

    def call(method, path, body=None, **kw):
        r = http.request(method, base + path, json=body, **kw)
        assert r.headers["Cache-Control"] == "no-store"
        return r
    return call


@pytest.fixture
def name():
    return "p" + os.urandom(5).hex()


def make(api, name, **more):
    r = api("POST", "/principal", {"type": "individual", "name": name,
                                   "roles": ["user"], **more})
    assert r.status_code == 200
    assert r.headers["Content-Type"] == "application/json; charset=utf-8"
    assert set(r.json()) == {"data"}, r.text
    return r.json()["data"]


def test_create_get_patch_delete(server, api, name):
    pid = make(api, name.upper(), description="Somebody",
               emails=[f"{name}@mail.test"], secrets=["s3cret"],
               quota=1048576, memberOf=None, id=7, usedQuota=3)
    assert isinstance(pid, int)
    want = {"id": pid, "type": "individual", "name": name, "quota": 1048576,
            "description": "Somebody", "roles": ["user"],
            "emails": [f"{name}@mail.test"]}
    for key in (name, name.upper(), str(pid)):
        assert api("GET", f"/principal/{key}").json() == {"data": want}
    r = api("PATCH", f"/principal/{name}", [
        {"action": "addItem", "field": "emails",
         "value": f"{name}.2@mail.test"},
        {"action": "set", "field": "description", "value": "Else"},
        {"action": "set", "field": "quota", "value": 5},
    ])
    assert r.status_code == 200 and r.json() == {"data": None}
    want.update(quota=5, description="Else", emails=[
        f"{name}@mail.test", f"{name}.2@mail.test"])
    assert api("GET", f"/principal/{name}").json() == {"data": want}
    r = api("PATCH", f"/principal/{name}", [
        {"action": "removeItem", "field": "emails",
         "value": f"{name}@mail.test"},
        {"action": "set", "field": "description", "value": ""},
        {"action": "set", "field": "name", "value": f"x{name}"}])
    assert r.json() == {"data": None}
    got = api("GET", f"/principal/x{name}").json()["data"]
    assert got["emails"] == [f"{name}.2@mail.test"]
    assert "description" not in got
    assert got["id"] == pid
    r = api("DELETE", f"/principal/x{name}")
    assert r.status_code == 200 and r.json() == {"data": None}
    r = api("GET", f"/principal/x{name}")
    assert r.status_code == 200
    assert r.json() == {"error": "notFound", "item": f"x{name}"}
    assert make(api, name) > pid		# an id is never used again


def test_secrets_never_come_back(server, api, name):
    make(api, name, secrets=["s3cret-s3cret"])
    for path in (f"/principal/{name}", f"/principal?filter={name}",
                 f"/principal?filter={name}&fields=name,secrets"):
        text = api("GET", path).text
        assert name in text
        assert "secret" not in text and "argon2" not in text
    out = server.jmapctl("account", "show", name).stdout
    assert name in out and "argon2" not in out
    for p in pathlib.Path(server.dir).glob("auth/*"):
        if p.is_file():
            assert b"s3cret-s3cret" not in p.read_bytes()
    assert "s3cret" not in server.log()


def test_domains(server, api, name):
    r = api("POST", "/principal", {"type": "domain", "name": f"{name}.Test"})
    pid = r.json()["data"]
    assert api("GET", f"/principal/{name}.test").json() == {
        "data": {"id": pid, "type": "domain", "name": f"{name}.test"}}
    make(api, name, emails=f"a@{name}.test")	# a string counts as a list
    with server.lmtp_client() as c:
        assert c.cmd("MAIL FROM:<a@b.test>")[0] == 250
        assert c.cmd(f"RCPT TO:<a@{name}.test>")[0] == 250
        assert api("DELETE", f"/principal/{name}.test").json() == \
            {"data": None}
        assert c.cmd(f"RCPT TO:<a@{name}.test>")[0] == 550


def test_errors_are_tagged_objects(api, name):
    make(api, name, emails=[f"{name}@mail.test"])

    def post(**body):
        r = api("POST", "/principal", body)
        assert r.status_code == 200
        return r.json()
    ind = {"type": "individual"}
    assert post(**ind) == {"error": "fieldMissing", "field": "name"}
    assert post(name="x") == {"error": "fieldMissing", "field": "type"}
    assert post(**ind, name=name.upper()) == {
        "error": "fieldAlreadyExists", "field": "name", "value": name}
    assert post(**ind, name=name + "2", emails=[f"{name}@Mail.test"]) == {
        "error": "fieldAlreadyExists", "field": "emails",
        "value": f"{name}@mail.test"}
    assert post(**ind, name=name + "2", emails=["a@nowhere.test"]) == {
        "error": "notFound", "item": "nowhere.test"}
    assert post(**ind, name=name + "2", memberOf=["no-such-group"]) == {
        "error": "notFound", "item": "no-such-group"}
    assert post(**ind, name=name + "2", enabledPermissions=["fly"]) == {
        "error": "other", "details": "Invalid enabledPermissions value",
        "reason": "fly"}
    assert post(type="group", name=name + "2")["error"] == "unsupported"
    assert post(**ind, name=name + "2", secrets=["otpauth://totp/x"])[
        "error"] == "unsupported"
    assert post(**ind, name=name + "2", secrets=[""])["error"] == "other"
    r = api("PATCH", f"/principal/{name}2", [])
    assert r.json() == {"error": "notFound", "item": f"{name}2"}
    for change in ({"action": "addItem", "field": "name", "value": "x"},
                   {"action": "addItem", "field": "emails", "value": ["x"]},
                   {"action": "set", "field": "quota", "value": "many"},
                   {"action": "set", "field": "description", "value": 3},
                   {"action": "set", "field": "type", "value": "domain"}):
        r = api("PATCH", f"/principal/{name}", [change])
        assert r.status_code == 200
        assert r.json()["error"] == "other"
        assert r.json()["details"] == "Invalid parameter"
    # a list of changes is done as a whole or not at all
    r = api("PATCH", f"/principal/{name}", [
        {"action": "set", "field": "description", "value": "half"},
        {"action": "addItem", "field": "emails", "value": "a@nowhere.test"}])
    assert r.json() == {"error": "notFound", "item": "nowhere.test"}
    assert "description" not in api("GET", f"/principal/{name}").json()["data"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"type":"individual","name":"a","color":1}',
    b'{"type":"individual","name":["a"]}', b'{"type":"planet","name":"a"}',
    b'{"type":"individual","name":"a","quota":-1}',
    b'{"type":"individual","name":"a","name":"b"}',
    b'{"type":"individual","name":"' + b"a" * 513 + b'"}',
    b'{"type":"individual","name":"a","emails":[1]}',
])
def test_malformed_bodies_are_400(server, body):
    http = server.admin().http
    r = http.post(server.url + "/api/principal", data=body)
    assert r.status_code == 400, r.text
    assert r.headers["Content-Type"] == "application/problem+json"
    assert r.json()["title"] == "Invalid parameters"


def test_content_type_may_be_missing_but_not_of_a_form(server, name):
    http = server.admin().http
    url = server.url + "/api/principal"
    body = '{"type":"individual","name":"%s"}' % name
    assert "data" in http.post(url, data=body).json()
    for kind in ("text/plain", "multipart/form-data; boundary=x"):
        r = http.post(url, data=body, headers={"Content-Type": kind})
        assert r.status_code == 415
    r = http.post(url, data=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert r.status_code == 403
    r = http.post(url, data=body, headers={
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": "https://evil.test"})
    assert r.status_code in (403, 415)


def test_lists(api, name):
    for i in range(5):
        make(api, f"{name}{i}", description=f"tok{name} number {i}")
    api("POST", "/principal", {"type": "domain", "name": f"tok{name}.test"})

    def find(query=""):
        r = api("GET", f"/principal?filter=tok{name}{query}")
        assert r.status_code == 200, r.text
        d = r.json()["data"]
        assert set(d) == {"items", "total"}
        return [p["name"] for p in d["items"]], d["total"]
    five = [f"{name}{i}" for i in range(5)]
    assert find() == (five + [f"tok{name}.test"], 6)
    assert find("&types=individual") == (five, 5)
    assert find("&type=domain") == ([f"tok{name}.test"], 1)
    assert find("&types=domain,individual&limit=2") == (five[:2], 6)
    assert find("&limit=2&page=1") == (five[:2], 6)
    assert find("&limit=2&page=2") == (five[2:4], 6)
    assert find("&limit=2&page=4") == ([], 6)
    assert find("&limit=0&page=&types=") == (find()[0], 6)
    assert find("+number+3") == ([five[3]], 1)
    assert find("%20nothing") == ([], 0)
    assert find("&count=1") == ([], 6)
    r = api("GET", f"/principal?filter={name}0&fields=name")
    assert [set(p) for p in r.json()["data"]["items"]] == \
        [{"id", "type", "name"}]
    for bad in ("types=planet", "page=x", "limit=-1", "fields=color"):
        assert api("GET", f"/principal?{bad}").status_code == 400


def test_a_list_longer_than_one_window(new_server):
    s = new_server()
    admin = s.admin().http
    url = s.url + "/api/principal"
    for i in range(620):
        r = admin.post(url, json={"type": "individual", "name": f"n{i:04}"})
        assert "data" in r.json()
    d = admin.get(url + "?types=individual").json()["data"]
    assert d["total"] == 623 == len(d["items"])
    assert len({p["id"] for p in d["items"]}) == 623
    names = [p["name"] for p in d["items"]]
    assert names == sorted(names)
    d = admin.get(url + "?types=individual&limit=550&page=2").json()["data"]
    assert [p["name"] for p in d["items"]] == names[550:]


def test_administrators_only(server, account):
    for method, path in (("GET", "/principal"), ("POST", "/principal"),
                         ("GET", "/principal/x"), ("PATCH", "/principal/x"),
                         ("DELETE", "/principal/x"), ("GET", "/reload")):
        r = account.http.request(method, server.url + "/api" + path)
        assert r.status_code == 403, path
        assert r.json()["title"] == "Forbidden"
        r = helpers.requests.request(method, server.url + "/api" + path,
                                     verify=server.ca)
        assert r.status_code == 401, path


def test_nobody_grants_more_than_he_has(server, api, name):
    make(api, name, secrets=["pw"], enabledPermissions=[
        "individual-create", "individual-update", "individual-get"])
    some = helpers.Account(server, name, "pw").http
    url = server.url + "/api/principal"
    r = some.post(url, json={"type": "individual", "name": name + "a",
                             "roles": ["admin"]})
    assert r.json()["details"] == "Invalid role"
    r = some.post(url, json={"type": "individual", "name": name + "b",
                             "roles": ["user"]})
    assert "data" in r.json()
    r = some.patch(f"{url}/{server.admin_user}", json=[
        {"action": "set", "field": "secrets", "value": "mine now"}])
    assert r.status_code == 403
    r = some.delete(f"{url}/{name}b")
    assert r.status_code == 403
    assert "individual-delete" in r.json()["detail"]
    assert some.get(server.url + "/api/reload").status_code == 403


def test_an_account_made_here_works_at_once(server, api, name):
    make(api, name, secrets=["pass word"], emails=[f"{name}@mail.test"])
    with server.lmtp_client() as c:
        got = c.deliver(helpers.message("first"), f"{name}@mail.test")
        assert got[0][0] == 250, got
    a = helpers.Account(server, name, "pass word")
    assert {"inbox", "trash", "sent"} <= {m["role"] for m in a.mailboxes()}
    assert [m["subject"] for m in a.emails(["subject"])] == ["first"]


def test_deleted_mail_is_removed_from_disk(server, api, name):
    pid = make(api, name, emails=[f"{name}@mail.test"])
    with server.lmtp_client() as c:
        got = c.deliver(helpers.message(), f"{name}@mail.test")
        assert got[0][0] == 250, got

    def folders():
        return [p for p in pathlib.Path(server.dir, "data/accounts").iterdir()
                if p.name.split(".")[0] == f"u{pid}"]
    assert len(folders()) == 1
    assert api("DELETE", f"/principal/{name}").json() == {"data": None}
    helpers.wait_for(lambda: folders() == [], seconds=2)


def test_reload(api):
    r = api("GET", "/reload")
    assert r.status_code == 200
    assert r.json() == {"data": {"warnings": {}, "errors": {}}}
    assert api("GET", "/reload?dry-run=true").json()["error"] == "unsupported"


def test_reload_says_what_is_wrong(new_server):
    s = new_server()
    conf = pathlib.Path(s.dir, "jmapd.conf")
    good = conf.read_text()
    conf.write_text(good + "\nnonsense = 1\n")
    r = s.admin().http.get(s.url + "/api/reload")
    assert r.status_code == 200
    d = r.json()
    assert d["error"] == "other" and "nonsense" in d["details"], d
    conf.write_text(good)
    assert "data" in s.admin().http.get(s.url + "/api/reload").json()


# --- jmapctl

def test_jmapctl_accounts_and_domains(server, name):
    ctl = server.jmapctl
    ctl("domain", "add", "-d", "ours", f"{name}.test")
    ctl("account", "add", "-q", "10M", "-d", "A B", "-e", f"a@{name}.test",
        "-e", f"b@{name}.test", name, input="pw\n")
    shown = ctl("-j", "account", "show", name).stdout
    row = helpers.json.loads(shown)
    assert row["name"] == name and row["quota"] == 10 << 20
    assert row["emails"] == f"a@{name}.test b@{name}.test"
    assert row["account"] == f"u{row['id']}"
    assert name in ctl("account", "list").stdout
    assert name in ctl("account", "list", name).stdout
    assert f"{name}.test" in ctl("domain", "list").stdout
    r = ctl("account", "add", name, input="pw\n", check=False)
    assert r.returncode == 1 and name in r.stderr
    r = ctl("account", "delete", f"{name}.test", check=False)
    assert r.returncode == 1		# a domain is no account
    r = ctl("account", "add", "x" + name, input="\n", check=False)
    assert r.returncode == 2
    ctl("account", "delete", name)
    ctl("domain", "delete", f"{name}.test")
    r = ctl("account", "show", name, check=False)
    assert r.returncode == 1 and "there is none" in r.stderr


def test_jmapctl_asks_a_terminal_twice(server, name):
    def on_terminal(*answers):
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(str(helpers.BIN / "jmapctl"), [
                "jmapctl", "-s", server.ctl, "account", "add", name])
        shown = b""
        try:
            for prompt, answer in zip((b"Password: ", b"Again: "), answers):
                while not shown.endswith(prompt):
                    shown += os.read(fd, 1024)
                os.write(fd, answer.encode() + b"\n")
            while True:
                shown += os.read(fd, 1024)
        except OSError:			# EIO: the other end has closed
            pass
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown

    code, shown = on_terminal("first pass", "other pass")
    assert code == 2 and b"differ" in shown
    code, shown = on_terminal("first pass", "first pass")
    assert code == 0 and b"first pass" not in shown
    r = helpers.Account(server, name, "first pass").http.get(
        server.url + "/api/principal")
    assert r.status_code == 403
