# SPDX-License-Identifier: ISC
"""Email push (draft-ietf-jmap-emailpush): what of new mail is pushed."""

import pytest

from helpers import CORE, MAIL, message
from push_tools import Keys
from test_push import (change, names, path, push_get, push_set,  # noqa: F401
                       pushing, service)

EMAILPUSH = "urn:ietf:params:jmap:emailpush"
BOTH = (CORE, EMAILPUSH)


@pytest.fixture
def account(pushing):  # noqa: F811
    return pushing.adduser()


def call(account, name, args, using=BOTH):
    got = account.request([[name, args, "0"]], using=using)
    return got["methodResponses"][0][1]


def create(account, path, keys, config, using=BOTH, **props):  # noqa: F811
    one = {"deviceClientId": "d", "types": [],
           "url": account.server.service.url(path), "emailPush": config}
    if keys is not None:
        one["keys"] = keys.public
    return call(account, "PushSubscription/set",
                {"create": {"x": {**one, **props}}}, using)


def subscribe(account, path, keys, config, **props):  # noqa: F811
    got = create(account, path, keys, {account.id: config}, **props)
    assert got["created"], got["notCreated"]
    said = account.server.service.wait(path).json(keys)
    push_set(account, update={said["pushSubscriptionId"]: {
        "verificationCode": said["verificationCode"]}})
    return said["pushSubscriptionId"]


def deliver(account, data=None, **kw):
    with account.server.lmtp_client() as c:
        assert c.deliver(data or message(to=account.name, **kw),
                         account.name)[0][0] == 250


def test_it_is_in_the_session(account):
    s = account.session
    assert s["capabilities"][EMAILPUSH] == {}
    assert s["accounts"][account.id]["accountCapabilities"][EMAILPUSH] == {}
    assert s["primaryAccounts"][EMAILPUSH] == account.id


def test_a_new_mail_is_told_with_what_was_asked_for(account, path):  # noqa: F811
    service = account.server.service  # noqa: F811
    keys = Keys()
    subscribe(account, path, keys, {
        "filter": None, "properties": ["from", "subject", "id", "keywords"],
        "urgency": "high"})
    deliver(account, subject="Surprise", sender="John Smith <j@example.com>")
    post = service.wait(path)
    got = post.json(keys)
    assert post.headers["urgency"] == "high"
    mail = account.emails(["id", "from", "subject", "keywords"])[0]
    assert got == {
        "@type": "EmailPush", "accountId": account.id,
        "emails": [{k: mail[k] for k in ("from", "subject", "id",
                                         "keywords")}],
        "state": account.call("Email/get", {"ids": []})["state"]}
    assert list(got["emails"][0]) == ["from", "subject", "id", "keywords"]
    # types was empty: no StateChange
    service.none(path)
    change(account)
    service.none(path)


def test_the_filter_decides(account, path):  # noqa: F811
    service = account.server.service  # noqa: F811
    keys = Keys()
    subscribe(account, path, keys, {
        "filter": {"operator": "OR", "conditions": [
            {"from": "boss@example.com"}, {"subject": "urgent"}]},
        "properties": ["subject"]})
    deliver(account, subject="one")
    deliver(account, subject="very urgent", sender="x@example.com")
    assert service.wait(path).json(keys)["emails"] == [
        {"subject": "very urgent"}]
    deliver(account, subject="three")
    deliver(account, subject="four", sender="The Boss <boss@example.com>")
    assert service.wait(path).json(keys)["emails"] == [{"subject": "four"}]
    service.none(path)


def test_a_mailbox_filter_and_bodies(account, path):  # noqa: F811
    service = account.server.service  # noqa: F811
    keys = Keys()
    other = account.call("Mailbox/set", {"create": {"m": {
        "name": "other"}}})["created"]["m"]["id"]
    subscribe(account, path, keys, {
        "filter": {"inMailbox": account.mailbox()},
        "properties": ["preview", "header:List-Id:asText", "size"]})
    subscribe(account, path + "o", keys, {
        "filter": {"inMailbox": other}, "properties": ["id"]})
    deliver(account, body="The text.\r\n", List_Id="<a.b>")
    one = service.wait(path).json(keys)["emails"][0]
    assert one["preview"].strip() == "The text."
    assert one["header:List-Id:asText"] == "<a.b>" and one["size"] > 100
    service.none(path + "o")


def test_only_what_was_delivered(account, path):  # noqa: F811
    """Not what the user imports, makes or moves himself."""
    service = account.server.service  # noqa: F811
    keys = Keys()
    subscribe(account, path, keys, {"filter": None, "properties": ["id"]})
    mail = account.add_mail(message())
    account.call("Email/set", {"create": {"d": {
        "mailboxIds": {account.mailbox("drafts"): True},
        "keywords": {"$draft": True}, "subject": "draft"}}})
    account.call("Email/set", {"update": {mail: {"keywords/$seen": True}}})
    service.none(path)


def test_what_is_too_large_is_left_out_in_order(account, path):  # noqa: F811
    service = account.server.service  # noqa: F811
    keys = Keys()
    subscribe(account, path, keys, {
        "filter": None, "properties": ["subject", "to", "header:X-Long",
                                       "id"]})
    deliver(account, subject="s" * 400, X_Long="y" * 900 + "\r\n " * 1 +
            "z" * 900 + "\r\n " + "z" * 900 + "\r\n " + "z" * 900)
    post = service.wait(path)
    assert len(post.body) <= 4096
    one = post.json(keys)["emails"][0]
    assert list(one) == ["subject", "to", "id"]


def test_several_at_once_share_a_push_or_follow_each_other(
        account, path):  # noqa: F811
    service = account.server.service  # noqa: F811
    keys = Keys()
    subscribe(account, path, keys, {
        "filter": None, "properties": ["subject", "preview"]})
    want = [f"mail {i}" for i in range(12)]
    with account.server.lmtp_client() as c:
        for s in want:
            assert c.deliver(message(s, "x" * 200 + "\r\n", account.name),
                             account.name)[0][0] == 250
    got = []
    while len(got) < len(want):
        post = service.wait(path)
        assert len(post.body) <= 4096
        got += [e["subject"] for e in post.json(keys)["emails"]]
    assert sorted(got) == sorted(want)
    service.none(path)


def test_it_comes_beside_the_change_of_state(account, path):  # noqa: F811
    service = account.server.service  # noqa: F811
    keys = Keys()
    subscribe(account, path, keys, {"filter": None, "properties": ["id"]},
              types=["EmailDelivery"])
    deliver(account)
    kinds = {service.wait(path).json(keys)["@type"] for _ in range(2)}
    assert kinds == {"EmailPush", "StateChange"}


@pytest.mark.parametrize("config, keyed", [
    ({"u999": {"properties": ["id"]}}, True),
    ({"ME": {}}, True),
    ({"ME": {"properties": None}}, True),
    ({"ME": {"properties": ["nonsense"]}}, True),
    ({"ME": {"properties": [1]}}, True),
    ({"ME": {"properties": ["id"] * 65}}, True),
    ({"ME": {"properties": ["id"], "urgency": "now"}}, True),
    ({"ME": {"properties": ["id"], "urgency": None}}, True),
    ({"ME": {"properties": ["id"], "filter": {"nonsense": 1}}}, True),
    ({"ME": {"properties": ["id"], "filter": []}}, True),
    ({"ME": {"properties": ["id"], "more": 1}}, True),
    ({"ME": None}, True),
    ([], True),
    # mail is not for the push service to read
    ({"ME": {"properties": ["id"]}}, False),
])
def test_what_is_wrong_is_named(account, path, config, keyed):  # noqa: F811
    if isinstance(config, dict):
        config = {account.id if k == "ME" else k: v
                  for k, v in config.items()}
    got = create(account, path, Keys() if keyed else None, config)
    err = got["notCreated"]["x"]
    assert err["type"] == "invalidProperties"
    assert err["properties"] == ["emailPush"]


def test_it_is_there_for_who_asks_for_the_extension(account, path):  # noqa: F811
    keys = Keys()
    config = {account.id: {"filter": None, "properties": ["id"]}}
    got = create(account, path, keys, config, using=(CORE, MAIL))
    assert got["notCreated"]["x"]["properties"] == ["emailPush"]
    sub = create(account, path, keys, config)["created"]["x"]["id"]
    got = call(account, "PushSubscription/get", {"ids": [sub]})["list"][0]
    assert got["emailPush"] == config
    assert "emailPush" not in push_get(account)["list"][0]
    got = call(account, "PushSubscription/set",
               {"update": {sub: {f"emailPush/{account.id}/properties": [
                   "subject"]}}})
    assert sub in got["updated"], got
    got = call(account, "PushSubscription/set",
               {"update": {sub: {"emailPush": None}}})
    assert sub in got["updated"]
