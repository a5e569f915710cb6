# SPDX-License-Identifier: ISC
"""Web push (RFC 8620 7.2, 8030, 8291, 8292, 9749): subscriptions and their
verification, what is pushed and when, what happens when the push service
says no, and that nothing else is ever connected to."""

import os
import secrets
import signal
import subprocess
import time

import pytest

from helpers import CORE, MAIL, Account, MethodError, Server, message, \
    wait_for
import share_tools
from push_tools import Keys, Names, PushService, unb64, vapid

VAPID = "urn:ietf:params:jmap:webpush-vapid"

CONF = """
workers = 3
push {{
	trust-anchor = "{service.ca}"
	allow-origin = "{service.origin}"
	resolver = "127.0.0.1:{names.port}"
	interval = 100ms
	retry = 200ms
	timeout = 2s
	attempts = 4
	subscriptions = 3
	rate = 8/1h
	{more}
}}
{top}
"""


@pytest.fixture(scope="module")
def service():
    s = PushService()
    yield s
    s.close()


@pytest.fixture(scope="module")
def names():
    n = Names()
    yield n
    n.close()


@pytest.fixture(scope="module")
def pushing(service, names):
    """A server that knows the push service."""
    s = Server(CONF.format(service=service, names=names, more="",
                                   top=""))
    s.service, s.names = service, names
    yield s
    s.remove()


@pytest.fixture
def account(pushing):
    return pushing.adduser()


@pytest.fixture
def path():
    return "/push/" + secrets.token_urlsafe(16)


def call(account, name, args):
    got = account.request([[name, args, "0"]])["methodResponses"][0]
    if got[0] == "error":
        raise MethodError(got[1])
    assert got[0] == name
    return got[1]


def push_set(account, **args):
    return call(account, "PushSubscription/set", args)


def push_get(account, ids=None, **args):
    return call(account, "PushSubscription/get", {"ids": ids, **args})


def create(account, url, **props):
    got = push_set(account, create={
        "x": {"deviceClientId": "a-device", "url": url, **props}})
    assert got["created"], got["notCreated"]
    return got["created"]["x"]


def refused(account, **props):
    one = {"deviceClientId": "a-device", "url": "https://push.test/x",
           **props}
    got = push_set(account, create={"x": one})
    assert not got["created"]
    return got["notCreated"]["x"]


def subscribe(account, path, keys=None, **props):
    """Create and verify; returns the id."""
    service = account.server.service
    if keys is not None:
        props["keys"] = keys.public
    sub = create(account, service.url(path), **props)
    said = service.wait(path).json(keys)
    assert said["@type"] == "PushVerification"
    assert said["pushSubscriptionId"] == sub["id"]
    got = push_set(account, update={
        sub["id"]: {"verificationCode": said["verificationCode"]}})
    assert sub["id"] in got["updated"], got
    return sub["id"]


def change(account, name=None):
    """Anything that changes Mailbox state; its new state."""
    got = account.call("Mailbox/set", {"create": {
        "m": {"name": name or secrets.token_hex(8)}}})
    assert got["created"], got
    return got["newState"]


def figures(server):
    """The push role's line of jmapctl status, as numbers by word."""
    for line in server.jmapctl("status").stdout.splitlines():
        if line.startswith("push "):
            words = line.split(None, 2)[2].replace(",", "").split()
            return {w: int(n) for n, w in zip(words[::2], words[1::2])}
    raise AssertionError("no push role")


# --- the object ----------------------------------------------------------

def test_there_is_no_account_and_no_state(account, path):
    sub = create(account, account.server.service.url(path))
    got = push_get(account)
    assert set(got) == {"list", "notFound"}
    assert [s["id"] for s in got["list"]] == [sub["id"]]
    got = push_set(account, destroy=[sub["id"]])
    assert "accountId" not in got and "oldState" not in got
    assert "newState" not in got and got["destroyed"] == [sub["id"]]
    for args in ({"accountId": account.id}, {"ifInState": "1"}):
        with pytest.raises(MethodError) as e:
            push_set(account, **args)
        assert e.value.type == "invalidArguments"
    with pytest.raises(MethodError) as e:
        push_get(account, accountId=account.id)
    assert e.value.type == "invalidArguments"


def test_url_and_keys_are_never_told(account, path):
    keys = Keys()
    sub = create(account, account.server.service.url(path), keys=keys.public)
    assert "url" not in sub and "keys" not in sub
    one = push_get(account)["list"][0]
    assert set(one) == {"id", "deviceClientId", "verificationCode",
                        "expires", "types"}
    assert one["deviceClientId"] == "a-device" and one["types"] is None
    assert one["verificationCode"] is None
    for p in ("url", "keys"):
        with pytest.raises(MethodError) as e:
            push_get(account, properties=["id", p])
        assert e.value.type == "forbidden"
    one = push_get(account, [sub["id"], "P1234"], properties=["expires"])
    assert set(one["list"][0]) == {"id", "expires"}
    assert one["notFound"] == ["P1234"]
    with pytest.raises(MethodError) as e:
        push_get(account, properties=["_verify", "nonsense"])
    assert e.value.type == "invalidArguments"
    # nor what we keep for ourselves
    for p in ("_verify", "_vapid"):
        try:
            got = push_get(account, properties=[p])["list"][0]
        except MethodError as e:
            assert e.type == "invalidArguments"
        else:
            assert set(got) == {"id"}


def test_keys_that_were_not_given_are_null(account, path):
    sub = create(account, account.server.service.url(path))
    assert sub["keys"] is None
    assert sub["verificationCode"] is None


def test_what_somebody_else_made_is_not_there(account, pushing, path):
    sub = create(account, pushing.service.url(path))
    other = pushing.adduser()
    assert push_get(other)["list"] == []
    assert push_get(other, [sub["id"]])["notFound"] == [sub["id"]]
    got = push_set(other, update={sub["id"]: {"types": []}},
                   destroy=[sub["id"]])
    assert got["notUpdated"][sub["id"]]["type"] in ("notFound", "willDestroy")
    assert got["notDestroyed"][sub["id"]]["type"] == "notFound"


GOOD = Keys().public


@pytest.mark.parametrize("props, bad", [
    ({"url": "http://push.test/x"}, "url"),
    ({"url": "HTTPS://push.test/x"}, "url"),
    ({"url": "https://user@push.test/x"}, "url"),
    ({"url": "https://push.test/x#y"}, "url"),
    ({"url": "https://push.test:8443/x"}, "url"),
    ({"url": "https://push.test/" + "x" * 2000}, "url"),
    ({"url": "https://127.0.0.1/x"}, "url"),
    ({"url": "https://[::1]/x"}, "url"),
    ({"url": "https://2130706433/x"}, "url"),
    ({"url": "https://0x7f.1/x"}, "url"),
    ({"url": "https://intranet/x"}, "url"),
    ({"url": "https://localhost/x"}, "url"),
    ({"url": "https://push.test/x\r\nX: y"}, "url"),
    ({"url": ""}, "url"),
    ({"url": None}, "url"),
    ({"url": 1}, "url"),
    ({"deviceClientId": ""}, "deviceClientId"),
    ({"deviceClientId": "x" * 256}, "deviceClientId"),
    ({"keys": {}}, "keys"),
    ({"keys": []}, "keys"),
    ({"keys": {"p256dh": GOOD["p256dh"]}}, "keys"),
    ({"keys": {"auth": GOOD["auth"]}}, "keys"),
    ({"keys": {**GOOD, "more": 1}}, "keys"),
    ({"keys": {**GOOD, "auth": GOOD["auth"][:-3]}}, "keys"),
    ({"keys": {**GOOD, "auth": "A" * 24}}, "keys"),
    ({"keys": {**GOOD, "auth": 7}}, "keys"),
    ({"keys": {**GOOD, "p256dh": "A" * 87}}, "keys"),
    ({"keys": {**GOOD, "p256dh": "BA" + "B" * 85}}, "keys"),
    ({"keys": {**GOOD, "p256dh": GOOD["p256dh"][:-4]}}, "keys"),
    ({"keys": {**GOOD, "p256dh": GOOD["p256dh"].replace("B", "+", 1)}},
     "keys"),
    ({"verificationCode": "x"}, "verificationCode"),
    ({"expires": "2001-01-01T00:00:00Z"}, "expires"),
    ({"expires": "2099-01-01T00:00:00+01:00"}, "expires"),
    ({"expires": "soon"}, "expires"),
    ({"types": "Email"}, "types"),
    ({"types": [1]}, "types"),
    ({"types": [""]}, "types"),
    ({"types": ["E mail"]}, "types"),
    ({"types": ["x" * 65]}, "types"),
    ({"types": ["Email"] * 65}, "types"),
    ({"id": "P1"}, "id"),
    ({"_verify": "x"}, "_verify"),
    ({"what": 1}, "what"),
])
def test_what_is_wrong_is_named(account, props, bad):
    got = refused(account, **props)
    assert got["type"] == "invalidProperties"
    assert got["properties"] == [bad]
    assert push_get(account)["list"] == []


def test_url_and_device_must_be_there(account):
    got = push_set(account, create={"x": {}})["notCreated"]["x"]
    assert got["type"] == "invalidProperties"
    assert sorted(got["properties"]) == ["deviceClientId", "url"]


def test_padded_base64_is_base64(account, path):
    keys = Keys()
    padded = {k: v + "=" * (-len(v) % 4) for k, v in keys.public.items()}
    create(account, account.server.service.url(path), keys=padded)
    said = account.server.service.wait(path).json(keys)
    assert said["@type"] == "PushVerification"


def test_what_is_fixed_stays(account, path):
    sub = subscribe(account, path)
    url = account.server.service.url(path)
    for patch, bad in (
            ({"url": url + "2"}, "url"), ({"keys": GOOD}, "keys"),
            ({"deviceClientId": "b"}, "deviceClientId"),
            ({"id": "Pzz"}, "id"), ({"what": 1}, "what"),
            ({"verificationCode": None}, "verificationCode"),
            ({"expires": "2001-01-01T00:00:00Z"}, "expires"),
            ({"types": 1}, "types")):
        got = push_set(account, update={sub: patch})
        assert got["notUpdated"][sub]["type"] == "invalidProperties", patch
        assert got["notUpdated"][sub]["properties"] == [bad]
    # the same value is no change
    got = push_set(account, update={sub: {"url": url}})
    assert sub in got["updated"]


def test_expiry_is_set_and_bounded(account, path):
    now = time.time()

    def at(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds))

    def left(text):
        return (time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) -
                time.timezone - now) / 86400

    day = 86400
    sub = create(account, account.server.service.url(path))
    assert 6.99 < left(sub["expires"]) < 7.01
    exact = at(3 * day)
    got = push_set(account, update={sub["id"]: {"expires": exact}})
    assert got["updated"][sub["id"]] is None
    assert push_get(account)["list"][0]["expires"] == exact
    got = push_set(account, update={sub["id"]: {"expires": at(400 * day)}})
    assert 29.99 < left(got["updated"][sub["id"]]["expires"]) < 30.01
    got = push_set(account, update={sub["id"]: {"expires": None}})
    assert 6.99 < left(got["updated"][sub["id"]]["expires"]) < 7.01
    got = create(account, account.server.service.url(path + "2"),
                 expires=at(9999 * day))
    assert 29.99 < left(got["expires"]) < 30.01


def test_number_and_rate_are_limited(account, path):
    url = account.server.service.url(path)
    ids = [create(account, url + str(i))["id"] for i in range(3)]
    assert refused(account, url=url)["type"] == "overQuota"
    push_set(account, destroy=ids)
    for i in range(5):
        push_set(account, destroy=[create(account, url + f"b{i}")["id"]])
    got = refused(account, url=url)
    assert got["type"] == "rateLimit"


def test_a_subscription_that_expired_has_vanished(account, path):
    service = account.server.service
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    sub = subscribe(account, path, expires=soon)
    assert [s["id"] for s in push_get(account)["list"]] == [sub]
    time.sleep(3.2)
    change(account)
    service.none(path)
    assert push_get(account)["list"] == []
    got = push_set(account, update={sub: {"types": None}})
    assert got["notUpdated"][sub]["type"] == "notFound"


# --- verification -----------------------------------------------------------

def test_nothing_is_pushed_before_the_code_is_right(account, path):
    service = account.server.service
    sub = create(account, service.url(path))
    post = service.wait(path)
    said = post.json()
    assert post.headers["content-type"] == "application/json"
    assert int(post.headers["ttl"]) == 86400
    assert set(said) == {"@type", "pushSubscriptionId", "verificationCode"}
    assert said["pushSubscriptionId"] == sub["id"]
    assert len(said["verificationCode"]) >= 32
    change(account)
    service.none(path)
    for wrong in ("", "x", said["verificationCode"][:-1],
                  said["verificationCode"] + "0",
                  said["verificationCode"].upper() + " "):
        got = push_set(account, update={
            sub["id"]: {"verificationCode": wrong}})
        err = got["notUpdated"][sub["id"]]
        assert err["type"] == "invalidProperties"
        assert err["properties"] == ["verificationCode"]
    change(account)
    service.none(path)
    push_set(account, update={
        sub["id"]: {"verificationCode": said["verificationCode"]}})
    # RFC 8620 7.2.3's example: what the client has set it is told
    assert push_get(account)["list"][0]["verificationCode"] == \
        said["verificationCode"]
    state = change(account)
    got = service.wait(path).json()
    assert got == {"@type": "StateChange",
                   "changed": {account.id: {"Mailbox": state}}}


def test_a_verification_that_was_answered_is_not_repeated(account, path):
    """RFC 9749 6: whatever the answer was."""
    service = account.server.service
    for status in (403, 429, 500, 302, 201):
        service.answers[path] = [(status, {"Location": service.url("/else"),
                                           "Retry-After": "0"}, b"")]
        sub = create(account, service.url(path))
        service.wait(path)
        service.none(path, 0.7)
        assert push_get(account)["list"][0]["id"] == sub["id"]
        push_set(account, destroy=[sub["id"]])
    service.none("/else", 0)


def test_extending_needs_no_new_verification(account, path):
    sub = subscribe(account, path)
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                          time.gmtime(time.time() + 5 * 86400))
    push_set(account, update={sub: {"expires": later}})
    change(account)
    said = account.server.service.wait(path).json()
    assert said["@type"] == "StateChange"


# --- what is pushed ------------------------------------------------------------

def test_messages_are_encrypted_and_signed(account, path):
    service = account.server.service
    keys = Keys()
    subscribe(account, path, keys)
    state = change(account)
    post = service.wait(path)
    got = post.json(keys)
    assert got["changed"][account.id] == {"Mailbox": state}
    assert post.headers["content-type"] == "application/json"
    claims, key = vapid(post.headers["authorization"])
    assert claims["aud"] == service.origin
    assert claims["sub"] == "mailto:postmaster@localhost"
    assert 0 < claims["exp"] - time.time() <= 24 * 3600
    cap = account.session["capabilities"][VAPID]
    assert set(cap) == {"applicationServerKey"}
    assert cap["applicationServerKey"] == key
    assert len(unb64(key)) == 65
    assert VAPID not in account.session["accounts"][account.id][
        "accountCapabilities"]
    assert VAPID not in account.session["primaryAccounts"]
    # nobody else can read it
    with pytest.raises(Exception):
        Keys().decrypt(post.body)


def test_the_key_survives_a_restart(service, names, new_server):
    server = new_server(CONF.format(service=service, names=names, more="",
                                    top=""))

    def key():
        return server.first().session["capabilities"].get(VAPID)

    before = wait_for(key)
    state = server.first().session["state"]
    server.stop()
    server.start()
    assert wait_for(key) == before
    assert server.first().session["state"] != ""
    # another key: another session state, old subscriptions go (RFC 9749 5)
    server.service = service
    path = "/push/" + secrets.token_urlsafe(8)
    account = server.adduser()
    subscribe(account, path)
    server.stop()
    subprocess.run(["rm", f"{server.dir}/push/vapid.pem"], check=True)
    server.start()
    assert wait_for(key) != before
    account = Account(server, account.name, account.password)
    change(account)
    service.none(path)
    assert push_get(account)["list"] == []
    assert state


def test_only_types_that_were_asked_for(account, path):
    service = account.server.service
    subscribe(account, path, types=["Mailbox", "Nonsense"])
    subscribe(account, path + "0", types=[])
    account.add_mail(message())
    got = service.wait(path).json()["changed"][account.id]
    assert set(got) == {"Mailbox"}
    service.none(path + "0")


def test_new_mail_is_urgent_and_other_changes_are_not(account, path):
    service = account.server.service
    subscribe(account, path)
    with account.server.lmtp_client() as c:
        assert c.deliver(message(), account.name)[0][0] == 250
    post = service.wait(path)
    got = post.json()["changed"][account.id]
    assert set(got) == {"Email", "EmailDelivery", "Mailbox", "Thread"}
    assert post.headers["urgency"] == "normal"
    change(account)
    post = service.wait(path)
    assert post.headers["urgency"] == "low"


def test_states_are_those_of_get(account, path):
    service = account.server.service
    subscribe(account, path)
    account.add_mail(message())
    got = service.wait(path).json()["changed"][account.id]
    for t in ("Email", "Mailbox", "Thread"):
        assert got[t] == account.call(f"{t}/get", {"ids": []})["state"]


def test_one_push_for_a_change_whoever_made_it(account, path):
    """Many connections, so several workers; each change is pushed once and
    the newest state arrives."""
    service = account.server.service
    subscribe(account, path)
    n = 12
    accounts = [Account(account.server, account.name, account.password)
                for _ in range(n)]
    for a in accounts:
        state = change(a)
        post = service.wait(path)
        assert post.json()["changed"][a.id] == {"Mailbox": state}
    service.none(path)


def test_changes_in_a_short_time_are_one_push(account, path):
    service = account.server.service

    def slow():
        time.sleep(1)
        return (201, {}, b"")

    subscribe(account, path)
    service.answers[path] = [slow]
    change(account)
    service.wait(path)
    # while that is on its way: at most one is outstanding
    for _ in range(5):
        last = change(account)
    account.add_mail(message())
    got = service.wait(path).json()["changed"][account.id]
    assert set(got) == {"Mailbox", "Email", "Thread"}
    assert int(got["Mailbox"]) > int(last)
    service.none(path)


def test_topics_replace_only_what_they_say_again(account, path):
    service = account.server.service
    subscribe(account, path)
    topics = []
    for what in (change, change, lambda a: a.add_mail(message())):
        what(account)
        post = service.wait(path)
        topics.append(post.headers["topic"])
        assert 0 < len(topics[-1]) <= 32
    assert topics[0] == topics[1] != topics[2]
    other = "/push/other"
    subscribe(account, other)
    change(account)
    assert service.wait(other).headers["topic"] != topics[0]
    service.wait(path)


def test_what_others_share_is_told(pushing, path):
    """RFC 8620 7.1: for each of the accounts to which the user has access,
    of what he can see there."""
    service = pushing.service
    ann, bob = pushing.adduser(), pushing.adduser()
    subscribe(bob, path)
    box = ann.call("Mailbox/set", {"create": {"m": {"name": "ours"}}})[
        "created"]["m"]["id"]
    mine = ann.call("Mailbox/set", {"create": {"m": {"name": "mine"}}})[
        "created"]["m"]["id"]
    share_tools.share(ann, box, bob, "mayReadItems")
    seen = {}
    while ann.id not in seen or bob.id not in seen:
        seen.update(service.wait(path).json()["changed"])
    assert set(seen[bob.id]) == {"ShareNotification"}
    while True:			# until nothing more is said of that
        try:
            service.wait(path, 1)
        except AssertionError:
            break
    ann.add_mail(message(), mailbox=box)
    got = service.wait(path).json()["changed"]
    assert set(got) == {ann.id}
    for t, state in got[ann.id].items():
        assert state == share_tools.call(bob, f"{t}/get", {
            "accountId": ann.id, "ids": []})["state"]
    assert {"Email", "Mailbox"} <= set(got[ann.id])
    # what he cannot see is nothing to him
    ann.add_mail(message(), mailbox=mine)
    service.none(path)
    # nor what was taken from him
    share_tools.share(ann, box, bob)
    while True:
        try:
            service.wait(path, 1)
        except AssertionError:
            break
    ann.add_mail(message(), mailbox=box)
    service.none(path)


def test_a_destroyed_subscription_is_silent(account, path):
    service = account.server.service
    sub = subscribe(account, path)
    push_set(account, destroy=[sub])
    change(account)
    service.none(path)


def test_a_new_password_ends_them(account, pushing, path):
    service = pushing.service
    sub = subscribe(account, path)
    pushing.jmapctl("account", "passwd", account.name, input="new word\n")
    again = Account(pushing, account.name, "new word")
    assert wait_for(lambda: push_get(again)["list"] == []) is True
    assert push_get(again, [sub])["notFound"] == [sub]
    change(again)
    service.none(path)


def test_a_deleted_account_ends_them(account, pushing, path):
    service = pushing.service

    def busy():
        return (503, {"Retry-After": "1"}, b"")

    subscribe(account, path)
    service.answers[path] = [busy, busy]
    change(account)
    service.wait(path)
    pushing.jmapctl("account", "delete", account.name)
    service.none(path, 2)


# --- when the service says no -----------------------------------------------------

@pytest.mark.parametrize("status", [404, 410])
def test_a_service_may_end_a_subscription(account, path, status):
    service = account.server.service
    sub = subscribe(account, path)
    service.answers[path] = [status]
    change(account)
    service.wait(path)
    wait_for(lambda: push_get(account)["list"] == [])
    change(account)
    service.none(path)
    assert push_get(account, [sub])["notFound"] == [sub]


def test_a_failure_is_tried_again_with_the_newest(account, path):
    service = account.server.service
    subscribe(account, path)
    service.answers[path] = [500, 503, 502]
    change(account)
    posts = [service.wait(path)]
    state = change(account)
    posts += [service.wait(path) for _ in range(3)]
    assert posts[-1].json()["changed"][account.id] == {"Mailbox": state}
    service.none(path)
    # 200 ms, doubled each time, up to a quarter more
    gaps = [b.when - a.when for a, b in zip(posts, posts[1:])]
    assert gaps[0] >= 0.19 and gaps[1] >= 0.38 and gaps[2] >= 0.77, gaps


def test_it_is_given_up_in_the_end(account, path):
    service = account.server.service
    subscribe(account, path)
    dropped = figures(account.server)["dropped"]
    service.answers[path] = [500] * 4
    change(account)
    for _ in range(4):
        service.wait(path)
    service.none(path, 2)
    assert figures(account.server)["dropped"] == dropped + 1
    state = change(account)
    assert service.wait(path).json()["changed"][account.id][
        "Mailbox"] == state


def test_too_many_requests_waits_as_long_as_it_says(account, path):
    service = account.server.service
    subscribe(account, path)
    service.answers[path] = [(429, {"Retry-After": "2"}, b"slow down")]
    change(account)
    first = service.wait(path)
    for _ in range(3):
        state = change(account)
    second = service.wait(path)
    assert second.when - first.when >= 1.95
    assert second.json()["changed"][account.id] == {"Mailbox": state}
    service.none(path)


def test_retry_after_may_be_a_date(account, path):
    service = account.server.service
    subscribe(account, path)
    when = time.strftime("%a, %d %b %Y %H:%M:%S GMT",
                         time.gmtime(time.time() + 3))
    service.answers[path] = [(503, {"Retry-After": when}, b"")]
    change(account)
    first = service.wait(path)
    second = service.wait(path)
    assert second.when - first.when >= 1.5


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(account, path, status):
    service = account.server.service
    subscribe(account, path)
    to = path + "-elsewhere"
    service.answers[path] = [(status, {"Location": service.url(to)}, b"")]
    change(account)
    service.wait(path)
    service.none(to)
    service.none(path)
    # the next change is pushed to where the client said
    change(account)
    service.wait(path)


@pytest.mark.parametrize("status", [400, 401, 403, 413, 405])
def test_what_is_refused_is_not_repeated(account, path, status):
    service = account.server.service
    subscribe(account, path)
    service.answers[path] = [status]
    change(account)
    service.wait(path)
    service.none(path)
    change(account)
    assert service.wait(path).json()["@type"] == "StateChange"


def test_an_endless_answer_is_cut(account, path):
    service = account.server.service
    subscribe(account, path)
    service.answers[path] = [(201, {}, b"x" * 1000000)]
    change(account)
    service.wait(path)
    # it was not read to its end, so it counts as broken and comes again
    assert service.wait(path).json()["@type"] == "StateChange"


def test_a_service_that_hangs_is_left(account, path):
    service = account.server.service

    def hang():
        time.sleep(4)
        return (201, {}, b"")

    subscribe(account, path)
    other = path + "-other"
    subscribe(account, other)
    service.answers[path] = [hang]
    change(account)
    first = service.wait(path)
    # others do not wait for it
    assert service.wait(other).when - first.when < 1
    second = service.wait(path)
    assert 1.9 < second.when - first.when < 4


# --- where nothing goes --------------------------------------------------------------

def refuses(server, account, host, addresses):
    """A name that leads inside: nothing is connected to."""
    server.names.names[host] = addresses
    before = figures(server)["refused"]
    log = len(server.log())
    got = create(account, f"https://{host}:443/x")
    wait_for(lambda: figures(server)["refused"] == before + 1)
    assert "not global" in server.log()[log:]
    push_set(account, destroy=[got["id"]])


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.16.0.1",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "198.18.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::7f00:1", "fe80::1", "fc00::1", "ff02::1",
    "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:db8::1"])
def test_a_name_of_an_inner_address_is_refused(pushing, account, address):
    refuses(pushing, account, f"x{secrets.token_hex(6)}.push.test", [address])


def test_a_name_of_many_inner_addresses_is_refused(pushing, account):
    refuses(pushing, account, "many.push.test", [
        "127.0.0.1", "::1", "10.0.0.1", "fe80::1", "192.168.1.1"])


def test_a_long_answer_comes_by_tcp(pushing, account):
    pushing.names.cut.add("long.push.test")
    refuses(pushing, account, "long.push.test", ["10.0.0.1"])
    asked = {(k, tcp) for n, k, tcp in pushing.names.asked
             if n == "long.push.test"}
    assert asked == {(1, False), (1, True), (28, False), (28, True)}


def test_a_name_that_is_not_there_is_tried_again(pushing, account):
    failed = figures(pushing)["failed"]
    create(account, "https://nowhere.push.test/x")
    # a verification that never left: three times, then no more
    wait_for(lambda: figures(pushing)["failed"] == failed + 3)
    time.sleep(1)
    assert figures(pushing)["failed"] == failed + 3


def test_the_service_of_the_tests_needs_the_setting(service, names,
                                                    new_server):
    """Without allow-origin its URL is not taken, and by another name the
    same address is not connected to."""
    server = new_server(f"""
push {{
	trust-anchor = "{service.ca}"
	resolver = "127.0.0.1:{names.port}"
	ports = {{"443", "{service.port}"}}
	retry = 100ms
}}
""")
    server.names = names
    account = server.adduser()
    for url in (service.url("/x"), f"https://127.0.0.1:{service.port}/x"):
        assert refused(account, url=url)["type"] == "invalidProperties"
    names.names["push.test"] = ["127.0.0.1"]
    before = service.connections
    got = create(account, f"https://push.test:{service.port}/x")
    wait_for(lambda: figures(server)["refused"] == 1)
    assert service.connections == before
    push_set(account, destroy=[got["id"]])


def test_a_certificate_must_be_trusted(service, names, new_server):
    server = new_server(f"""
push {{
	allow-origin = "{service.origin}"
	retry = 100ms
}}
""")
    account = server.adduser()
    path = "/push/untrusted"
    create(account, service.url(path))
    wait_for(lambda: figures(server)["failed"] == 3)
    service.none(path, 0.5)
    assert "certificate" in server.log()


def test_a_proxy_in_the_environment_is_not_used(service, names, monkeypatch,
                                                new_server):
    for v in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(v, "http://127.0.0.1:1")
    keys = "/tmp/jmapd-keylog-" + secrets.token_hex(8)
    monkeypatch.setenv("SSLKEYLOGFILE", keys)
    server = new_server(CONF.format(service=service, names=names, more="",
                                    top=""))
    monkeypatch.undo()		# Python's ssl writes there, too
    server.service = service
    subscribe(server.adduser(), "/push/proxy")
    assert not os.path.exists(keys)


# --- the rest --------------------------------------------------------------------------

def test_figures(pushing, account, path):
    subscribe(account, path)
    before = figures(pushing)
    change(account)
    pushing.service.wait(path)
    wait_for(lambda: figures(pushing)["sent"] == before["sent"] + 1)
    assert figures(pushing)["waiting"] == 0

    def metrics():
        r = account.http.get(pushing.plain_url + "/metrics", auth=("", ""))
        return dict(line.rsplit(" ", 1) for line in r.text.splitlines()
                    if line.startswith("jmapd_push_"))

    wait_for(lambda: int(metrics()["jmapd_push_sent_total"]) ==
             figures(pushing)["sent"])
    assert set(metrics()) == {
        f"jmapd_push_{w}" for w in ("sent_total", "failed_total",
                                    "refused_total", "dropped_total",
                                    "waiting")}


def test_push_that_dies_comes_back(pushing, account, path):
    def pid():
        for line in pushing.jmapctl("status").stdout.splitlines():
            if line.startswith("push "):
                return int(line.split()[1])
        return None

    subscribe(account, path)
    old = pid()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: pid() not in (None, old))
    time.sleep(0.3)
    state = change(account)
    assert pushing.service.wait(path).json()["changed"][account.id][
        "Mailbox"] == state


def test_no_secret_is_in_the_log(pushing, account):
    path = "/push/secret-" + secrets.token_urlsafe(12)
    subscribe(account, path, Keys())
    pushing.service.answers[path] = [500]
    change(account)
    pushing.service.wait(path)
    pushing.service.wait(path)
    log = pushing.log()
    assert path not in log and path[6:] not in log


def test_it_is_a_method_of_core(account):
    got = account.request([["PushSubscription/get", {"ids": None}, "0"]],
                          using=[CORE])["methodResponses"][0]
    assert got[0] == "PushSubscription/get"
    got = account.request([["PushSubscription/get", {"ids": None}, "0"]],
                          using=[MAIL])["methodResponses"][0]
    assert got[0] == "error"
