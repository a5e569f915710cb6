# SPDX-License-Identifier: ISC
"""Mailboxes shared with others (RFC 9670 4, RFC 8621 2): the session, each
right with each method, no leak of what is not shared, and what a revocation
does at once."""

import json
import threading
import time

import pytest

from helpers import CORE, MAIL, MethodError, Server, message, wait_for
from share_tools import (OWNER, PRINCIPALS, RIGHTS, SHARE, USING, call,
                         error, fresh, principal, rights, set_error, share)
from test_eventsource import Stream


@pytest.fixture
def ann(server):
    return server.adduser()


@pytest.fixture
def bob(server):
    return server.adduser()


def child(owner, name, parent=None, **more):
    got = call(owner, "Mailbox/set", {"create": {"c": {
        "name": name, "parentId": parent, **more}}})
    assert not got["notCreated"], got
    return got["created"]["c"]["id"]


# --- the session

def test_session_of_a_user_alone(ann):
    s = ann.session
    assert list(s["accounts"]) == [ann.id]
    caps = s["accounts"][ann.id]["accountCapabilities"]
    assert s["capabilities"][PRINCIPALS] == {}
    assert s["capabilities"][SHARE] == {}
    assert caps[PRINCIPALS] == {"currentUserPrincipalId": principal(ann)}
    assert caps[OWNER] == {"accountIdForPrincipal": ann.id,
                           "principalId": principal(ann)}
    assert OWNER not in s["capabilities"]
    assert s["primaryAccounts"][PRINCIPALS] == ann.id
    assert OWNER not in s["primaryAccounts"]


def test_session_lists_what_is_shared_and_its_state_changes(ann, bob):
    was = bob.session["state"]
    share(ann, ann.mailbox(), bob, "mayReadItems")
    s = fresh(bob)
    assert s["state"] != was
    assert set(s["accounts"]) == {bob.id, ann.id}
    other = s["accounts"][ann.id]
    assert other["name"] == ann.name
    assert other["isPersonal"] is False and other["isReadOnly"] is True
    assert other["accountCapabilities"][OWNER] == {
        "accountIdForPrincipal": bob.id, "principalId": principal(ann)}
    assert PRINCIPALS not in other["accountCapabilities"]
    assert other["accountCapabilities"][MAIL][
        "mayCreateTopLevelMailbox"] is False
    assert s["accounts"][bob.id]["accountCapabilities"][MAIL][
        "mayCreateTopLevelMailbox"] is True
    assert s["primaryAccounts"][MAIL] == bob.id
    got = bob.request([["Core/echo", {}, "0"]])
    assert got["sessionState"] == s["state"]
    share(ann, ann.mailbox(), bob, "mayReadItems", "mayAddItems")
    assert fresh(bob)["accounts"][ann.id]["isReadOnly"] is False
    assert bob.session["state"] != s["state"]
    share(ann, ann.mailbox(), bob)
    assert set(fresh(bob)["accounts"]) == {bob.id}


def test_unsubscribing_from_all_leaves_the_session(ann, bob):
    box = ann.mailbox()
    share(ann, box, bob, "mayReadItems")
    got = call(bob, "Mailbox/set", {"accountId": ann.id, "update": {
        box: {"isSubscribed": False}}})
    assert got["updated"] == {box: None}
    assert ann.id not in fresh(bob)["accounts"]
    # RFC 9670 1.4: it is still found by its principal, and can be used
    got = call(bob, "Principal/get", {"ids": [principal(ann)]})
    assert list(got["list"][0]["accounts"]) == [ann.id]
    m = call(bob, "Mailbox/get", {"accountId": ann.id, "ids": None})["list"]
    assert [x["isSubscribed"] for x in m] == [False]
    # the owner's subscription is another
    assert [x["isSubscribed"] for x in ann.mailboxes()
            if x["id"] == box] == [True]
    call(bob, "Mailbox/set", {"accountId": ann.id, "update": {
        box: {"isSubscribed": True}}})
    assert ann.id in fresh(bob)["accounts"]


def test_subscribed_at_first_is_configurable(new_server):
    s = new_server("share-subscribe = false\n")
    ann, bob = s.adduser(), s.adduser()
    share(ann, ann.mailbox(), bob, "mayReadItems")
    assert ann.id not in fresh(bob)["accounts"]
    m = call(bob, "Mailbox/get", {"accountId": ann.id, "ids": None})["list"]
    assert [x["isSubscribed"] for x in m] == [False]


def test_sharing_survives_a_restart(new_server):
    s = new_server()
    ann, bob = s.adduser(), s.adduser()
    box = ann.mailbox()
    share(ann, box, bob, "mayReadItems")
    name, word = bob.name, bob.password
    s.stop()
    s.start()
    from helpers import Account
    bob2 = Account(s, name, word)
    assert ann.id in bob2.session["accounts"]
    assert call(bob2, "Mailbox/get", {"accountId": ann.id,
                                      "ids": None})["list"][0]["id"] == box


# --- properties

def test_properties_need_the_capability(ann, bob):
    box = ann.mailbox()
    share(ann, box, bob, "mayReadItems")
    plain = ann.call("Mailbox/get", {"ids": [box]})["list"][0]
    assert "shareWith" not in plain and "mayShare" not in plain["myRights"]
    with pytest.raises(MethodError) as e:
        ann.call("Mailbox/get", {"ids": [box], "properties": ["shareWith"]})
    assert e.value.type == "invalidArguments"
    got = ann.call("Mailbox/set", {"update": {box: {"shareWith": None}}})
    assert got["notUpdated"][box]["properties"] == ["shareWith"]
    for cap in (PRINCIPALS, SHARE):
        m = call(ann, "Mailbox/get", {"ids": [box]}, (CORE, MAIL, cap))
        assert m["list"][0]["shareWith"] == {
            principal(bob): rights("mayReadItems")}
        assert m["list"][0]["myRights"]["mayShare"] is True


def test_share_with_of_every_shape(ann, bob, server):
    eve = server.adduser()
    box, p = ann.mailbox(), principal(bob)

    def get():
        return call(ann, "Mailbox/get", {"ids": [box]})["list"][0][
            "shareWith"]

    def put(patch):
        return call(ann, "Mailbox/set", {"update": {box: patch}})

    assert get() is None
    put({"shareWith": {p: {"mayReadItems": True}}})
    assert get() == {p: rights("mayReadItems")}
    put({f"shareWith/{p}/mayAddItems": True})
    assert get() == {p: rights("mayReadItems", "mayAddItems")}
    put({f"shareWith/{principal(eve)}": rights("mayReadItems")})
    assert set(get()) == {p, principal(eve)}
    put({f"shareWith/{principal(eve)}": {}})		# no right is none
    assert set(get()) == {p}
    put({f"shareWith/{principal(eve)}": rights("mayReadItems")})
    assert set(get()) == {p, principal(eve)}
    put({f"shareWith/{p}": None})
    assert set(get()) == {principal(eve)}
    put({"shareWith": None})
    assert get() is None
    # all rights false is not shared
    put({"shareWith": {p: rights()}})
    assert get() is None
    for bad, kind in (
            ({"shareWith": {"nobody": rights("mayReadItems")}},
             "invalidProperties"),
            ({"shareWith": {"Pzzzz": rights("mayReadItems")}},
             "invalidProperties"),
            ({"shareWith": {p: {"mayFly": True}}}, "invalidProperties"),
            ({"shareWith": {p: {"mayReadItems": 1}}}, "invalidProperties"),
            ({"shareWith": {p: True}}, "invalidProperties"),
            ({"shareWith": [p]}, "invalidProperties"),
            # RFC 8620 5.3: what a path goes through MUST be there
            ({f"shareWith/{p}": rights("mayReadItems")}, "invalidPatch"),
            # RFC 9670 4: the owner MUST NOT be in the map
            ({"shareWith": {principal(ann): rights("mayReadItems")}},
             "invalidProperties"),
            ({f"shareWith/{p}/mayReadItems": True}, "invalidPatch")):
        got = put(bad)
        assert got["notUpdated"][box]["type"] == kind, bad
        assert get() is None, bad


def test_a_mailbox_is_born_shared(ann, bob):
    box = child(ann, "team", shareWith={
        principal(bob): rights("mayReadItems", "mayAddItems")})
    m = call(bob, "Mailbox/get", {"accountId": ann.id, "ids": None})["list"]
    assert [x["id"] for x in m] == [box]
    assert m[0]["myRights"] == rights("mayReadItems", "mayAddItems")
    assert m[0]["shareWith"] is None	# no mayShare
    got = call(ann, "Mailbox/set", {"create": {"x": {
        "name": "bad", "shareWith": {"P": rights("mayReadItems")}}}})
    assert got["notCreated"]["x"]["type"] == "invalidProperties"
    assert "bad" not in [x["name"] for x in ann.mailboxes()]


# --- each right

def prepared(ann, bob, *names):
    """A shared mailbox with a mail in it, and another one for his use."""
    box = child(ann, "shared")
    mail = ann.add_mail(message("one"), box)
    share(ann, box, bob, *names)
    return box, mail


NEEDS = {
    "mayReadItems": {"Email/get", "Email/query", "Thread/get",
                     "SearchSnippet/get", "download", "Email/parse"},
    "mayAddItems": {"Email/import", "Email/set create", "upload"},
    "mayRemoveItems": {"Email/set destroy"},
    "maySetSeen": {"Email/set $seen"},
    "maySetKeywords": {"Email/set keyword"},
    "mayCreateChild": {"Mailbox/set create"},
    "mayRename": {"Mailbox/set name", "Mailbox/set sortOrder"},
    "mayDelete": {"Mailbox/set destroy"},
    "maySubmit": set(),
    "mayShare": {"Mailbox/set shareWith"},
}


def attempt(ann, bob, server, box, mail, what):
    """Try one thing in ann's account as bob: True when it worked."""
    a = {"accountId": ann.id}
    if what == "Email/get":
        return bool(call(bob, "Email/get", {**a, "ids": [mail]})["list"])
    if what == "Email/query":
        return bool(call(bob, "Email/query", {**a, "filter": {
            "inMailbox": box}})["ids"])
    if what == "Thread/get":
        tid = ann.call("Email/get", {"ids": [mail], "properties": [
            "threadId"]})["list"][0]["threadId"]
        return bool(call(bob, "Thread/get", {**a, "ids": [tid]})["list"])
    if what == "SearchSnippet/get":
        got = call(bob, "SearchSnippet/get", {**a, "emailIds": [mail],
                   "filter": {"text": "one"}})
        return bool(got["list"])
    if what in ("download", "Email/parse"):
        got = call(bob, "Email/get", {**a, "ids": [mail], "properties": [
            "blobId"]})["list"]
        blob = got[0]["blobId"] if got else ann.call("Email/get", {
            "ids": [mail], "properties": ["blobId"]})["list"][0]["blobId"]
        if what == "Email/parse":
            return bool(call(bob, "Email/parse", {
                **a, "blobIds": [blob]})["parsed"])
        r = bob.http.get(f"{server.url}/jmap/download/{ann.id}/{blob}/x")
        assert r.status_code in (200, 404)
        return r.status_code == 200
    if what in ("upload", "Email/import", "Email/set create"):
        r = bob.http.post(f"{server.url}/jmap/upload/{ann.id}/",
                          data=message("two"))
        if what == "upload":
            assert r.status_code in (201, 403, 404)
            return r.status_code == 201
    try:
        if what == "Email/import":
            blob = r.json().get("blobId", "G" + 43 * "A")
            got = call(bob, "Email/import", {**a, "emails": {"m": {
                "blobId": blob, "mailboxIds": {box: True}}}})
        elif what == "Email/set create":
            got = call(bob, "Email/set", {**a, "create": {"m": {
                "subject": "three", "mailboxIds": {box: True}}}})
        elif what == "Email/set destroy":
            got = call(bob, "Email/set", {**a, "destroy": [mail]})
        elif what == "Email/set $seen":
            got = call(bob, "Email/set", {**a, "update": {mail: {
                "keywords/$seen": True}}})
        elif what == "Email/set keyword":
            got = call(bob, "Email/set", {**a, "update": {mail: {
                "keywords/word": True}}})
        elif what == "Mailbox/set create":
            got = call(bob, "Mailbox/set", {**a, "create": {"m": {
                "name": "below", "parentId": box}}})
        elif what == "Mailbox/set name":
            got = call(bob, "Mailbox/set", {**a, "update": {box: {
                "name": "other"}}})
        elif what == "Mailbox/set sortOrder":
            got = call(bob, "Mailbox/set", {**a, "update": {box: {
                "sortOrder": 77}}})
        elif what == "Mailbox/set destroy":
            ann.call("Email/set", {"destroy": [mail]})
            got = call(bob, "Mailbox/set", {**a, "destroy": [box]})
        elif what == "Mailbox/set shareWith":
            eve = server.adduser()
            got = call(bob, "Mailbox/set", {**a, "update": {box: {
                "shareWith/" + principal(eve): rights("mayShare")}}})
        else:
            raise AssertionError(what)
    except MethodError as e:
        assert e.type == "accountReadOnly", (what, e.args)
        return False
    kind = set_error(got)
    assert kind in (None, "forbidden", "notFound"), (what, got)
    return kind is None


@pytest.mark.parametrize("right", RIGHTS)
def test_each_right_allows_its_methods_and_no_other(ann, bob, server, right):
    every = set().union(*NEEDS.values())
    box, mail = prepared(ann, bob, right)
    m = call(bob, "Mailbox/get", {"accountId": ann.id, "ids": None})["list"]
    assert m[0]["myRights"] == rights(right)
    for what in sorted(every):
        allowed = what in NEEDS[right]
        # to change a mail it must be seen, too
        if right in ("mayRemoveItems", "maySetSeen", "maySetKeywords"):
            allowed = False
        # bytes to be added somewhere, by any right to write
        if what == "upload":
            allowed = right not in ("mayReadItems", "maySubmit")
        b, m = prepared_again(ann, bob, right)
        assert attempt(ann, bob, server, b, m, what) == allowed, what


def prepared_again(ann, bob, *names):
    got = [m["id"] for m in ann.mailboxes()
           if m["name"] in ("shared", "other", "below")]
    for box in got:
        ann.call("Mailbox/set", {"destroy": got,
                                 "onDestroyRemoveEmails": True})
    return prepared(ann, bob, *names)


@pytest.mark.parametrize("right", ["mayRemoveItems", "maySetSeen",
                                   "maySetKeywords"])
def test_rights_on_mail_with_reading(ann, bob, server, right):
    every = set().union(*NEEDS.values())
    for what in sorted(every):
        box, mail = prepared_again(ann, bob, "mayReadItems", right)
        allowed = what in NEEDS[right] | NEEDS["mayReadItems"] | {"upload"}
        assert attempt(ann, bob, server, box, mail, what) == allowed, what


def test_all_rights_allow_all(ann, bob, server):
    for what in sorted(set().union(*NEEDS.values())):
        box, mail = prepared_again(ann, bob, *RIGHTS)
        assert attempt(ann, bob, server, box, mail, what), what


def test_moving_needs_both_ends(ann, bob):
    a = {"accountId": ann.id}
    src, dst = child(ann, "src"), child(ann, "dst")
    mail = ann.add_mail(message(), src)

    def move():
        return set_error(call(bob, "Email/set", {**a, "update": {mail: {
            f"mailboxIds/{src}": None, f"mailboxIds/{dst}": True}}}))

    share(ann, src, bob, "mayReadItems", "maySetSeen")
    assert move() == "invalidProperties"	# no such mailbox for him
    share(ann, dst, bob, "mayReadItems")
    assert move() == "forbidden"
    share(ann, dst, bob, "mayReadItems", "mayAddItems")
    assert move() == "forbidden"
    share(ann, src, bob, "mayReadItems", "mayRemoveItems")
    assert move() is None
    got = ann.call("Email/get", {"ids": [mail]})["list"][0]["mailboxIds"]
    assert got == {dst: True}


def test_read_only_accounts_say_so(ann, bob):
    box, mail = prepared(ann, bob, "mayReadItems")
    a = {"accountId": ann.id}
    for name, args in (
            ("Email/set", {"destroy": [mail]}),
            ("Email/import", {"emails": {}}),
            ("Email/copy", {"fromAccountId": bob.id, "create": {}}),
            ("Blob/copy", {"fromAccountId": bob.id, "blobIds": []}),
            ("Blob/upload", {"create": {}})):
        assert error(bob, name, {**a, **args}) == "accountReadOnly", name
    # all may subscribe
    got = call(bob, "Mailbox/set", {**a, "update": {
        box: {"isSubscribed": False}}})
    assert got["updated"] == {box: None}


def test_other_types_are_not_in_a_shared_account(ann, bob):
    prepared(ann, bob, *RIGHTS)
    using = USING + ("urn:ietf:params:jmap:submission",)
    for name, args in (("Identity/get", {"ids": None}),
                       ("EmailSubmission/get", {"ids": None}),
                       ("Principal/get", {"ids": None}),
                       ("ShareNotification/get", {"ids": None})):
        assert error(bob, name, {"accountId": ann.id, **args}, using) == \
            "accountNotSupportedByMethod", name


def test_strangers_find_no_account(ann, bob, server):
    eve = server.adduser()
    prepared(ann, bob, *RIGHTS)
    for name, args in (("Mailbox/get", {"ids": None}),
                       ("Email/query", {}), ("Email/set", {}),
                       ("Thread/get", {"ids": []})):
        for account in (ann.id, "u999999", "nobody"):
            assert error(eve, name, {"accountId": account, **args}) == \
                "accountNotFound", name
    for url in (f"/jmap/upload/{ann.id}/",):
        assert eve.http.post(server.url + url, data=b"x").status_code == 404
    blob = ann.upload(b"secret")["blobId"]
    r = eve.http.get(f"{server.url}/jmap/download/{ann.id}/{blob}/x")
    assert r.status_code == 404


def test_nobody_gives_rights_he_has_not(ann, bob, server):
    eve = server.adduser()
    box = child(ann, "team")
    share(ann, box, bob, "mayReadItems", "mayShare")
    a = {"accountId": ann.id}

    def give(who, *names):
        return set_error(call(bob, "Mailbox/set", {**a, "update": {box: {
            "shareWith/" + principal(who): rights(*names)}}}))

    assert give(eve, "mayReadItems", "mayDelete") == "forbidden"
    assert give(bob, *RIGHTS) == "forbidden"	# least of all to himself
    assert give(eve, "mayReadItems") is None
    # nor does he take himself out by a map without him
    got = call(bob, "Mailbox/set", {**a, "update": {box: {
        "shareWith": None}}})
    assert set_error(got) == "forbidden"
    seen = call(bob, "Mailbox/get", {**a, "ids": [box]})["list"][0]
    assert set(seen["shareWith"]) == {principal(bob), principal(eve)}
    assert give(eve) is None			# what he gave he may take


def test_roles_and_top_level_are_the_owners(ann, bob):
    box, _ = prepared(ann, bob, *RIGHTS)
    a = {"accountId": ann.id}
    for create in ({"name": "top"}, {"name": "r", "parentId": box,
                                     "role": "memos"}):
        got = call(bob, "Mailbox/set", {**a, "create": {"c": create}})
        assert set_error(got) == "forbidden", create
    for patch in ({"role": "memos"}, {"parentId": None}):
        got = call(bob, "Mailbox/set", {**a, "update": {box: patch}})
        assert set_error(got) in (None, "forbidden"), patch
    assert [m["role"] for m in ann.mailboxes() if m["id"] == box] == [None]
    got = call(bob, "Mailbox/set", {**a, "create": {"c": {
        "name": "below", "parentId": box}}})
    kid = got["created"]["c"]["id"]
    m = call(bob, "Mailbox/get", {**a, "ids": [kid]})["list"][0]
    assert m["parentId"] == box and all(m["myRights"].values())
    got = call(bob, "Mailbox/set", {**a, "update": {kid: {
        "parentId": None}}})
    assert set_error(got) == "forbidden"


# --- nothing else is seen

def test_nothing_leaks_of_what_is_not_shared(ann, bob, server):
    a = {"accountId": ann.id}
    top = child(ann, "secret parent")
    box = child(ann, "shared", top)
    hidden = child(ann, "hidden", top)
    one = ann.add_mail(message("topic", Message_ID="<1@x>"), box,
                       ["$seen"])
    two = ann.add_mail(message("Re: topic", "The password.\r\n",
                               Message_ID="<2@x>", References="<1@x>"),
                       hidden)
    both = ann.add_mail(message("Re: topic", Message_ID="<3@x>",
                                References="<1@x>"), box)
    ann.call("Email/set", {"update": {both: {
        f"mailboxIds/{hidden}": True, "keywords/$seen": True}}})
    share(ann, box, bob, "mayReadItems", "mayAddItems", "maySetSeen",
          "mayRename")
    owned = ann.call("Email/get", {"ids": [two]})["list"][0]
    tid, blob = owned["threadId"], owned["blobId"]

    m = call(bob, "Mailbox/get", {**a, "ids": None})["list"]
    assert [x["id"] for x in m] == [box]
    assert m[0]["parentId"] is None
    assert (m[0]["totalEmails"], m[0]["unreadEmails"],
            m[0]["totalThreads"], m[0]["unreadThreads"]) == (2, 0, 1, 0)
    assert [x["unreadThreads"] for x in ann.mailboxes()
            if x["id"] == box] == [1]
    got = call(bob, "Mailbox/get", {**a, "ids": [hidden, top]})
    assert set(got["notFound"]) == {hidden, top}
    assert call(bob, "Mailbox/query", {**a})["ids"] == [box]
    assert call(bob, "Mailbox/query", {**a, "filter": {
        "parentId": top}})["ids"] == []

    got = call(bob, "Email/get", {**a, "ids": [one, two, both]})
    assert got["notFound"] == [two]
    for e in got["list"]:
        assert e["mailboxIds"] == {box: True}
        assert not e["blobId"].startswith("G")
    got = call(bob, "Thread/get", {**a, "ids": [tid]})["list"][0]
    assert set(got["emailIds"]) == {one, both}
    for args in ({}, {"filter": {"inMailbox": hidden}},
                 {"filter": {"text": "password"}},
                 {"filter": {"inMailboxOtherThan": [box]}},
                 {"filter": {"operator": "OR", "conditions": [
                     {"inMailbox": hidden}, {"inMailbox": top}]}},
                 {"filter": {"allInThreadHaveKeyword": "$seen"}},
                 {"sort": [{"property": "subject"}]}):
        got = call(bob, "Email/query", {**a, **args, "calculateTotal": True})
        want = [] if args.get("filter") and "allInThreadHaveKeyword" \
            not in args["filter"] else [one, both]
        assert set(got["ids"]) == set(want), args
        assert got["total"] == len(want), args
    got = call(bob, "SearchSnippet/get", {**a, "emailIds": [two],
               "filter": {"text": "password"}})
    assert got["notFound"] == [two] and got["list"] == []
    # by an id that somebody told him
    for path in (blob, blob + "-0-10-0"):
        r = bob.http.get(f"{server.url}/jmap/download/{ann.id}/{path}/x")
        assert r.status_code == 404
    shown = ann.call("Email/get", {"ids": [one]})["list"][0]["blobId"]
    for b in (blob, shown):
        assert call(bob, "Email/parse", {**a, "blobIds": [b]})[
            "notFound"] == [b]
        assert call(bob, "Blob/get", {**a, "ids": [b]})["notFound"] == [b]
        got = call(bob, "Blob/copy", {"accountId": bob.id,
                   "fromAccountId": ann.id, "blobIds": [b]})
        assert got["notCopied"][b]["type"] == "notFound"
    # a name that only a hidden sibling has is not told
    got = call(bob, "Mailbox/set", {**a, "update": {box: {
        "name": "hidden"}}})
    assert "existingId" not in got["notUpdated"][box]
    # "for *all* of the Mailboxes" (RFC 8621 2 maySetSeen)
    got = call(bob, "Email/set", {**a, "update": {
        both: {"keywords/$seen": None}, one: {"keywords/$seen": None}}})
    assert got["notUpdated"][both]["type"] == "forbidden"
    assert one in got["updated"]


def test_parts_of_shared_mail_are_downloaded_by_their_own_ids(ann, bob,
                                                              server):
    body = (b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n"
            b"\r\n--x\r\n\r\ntext\r\n--x\r\nContent-Type: image/png\r\n"
            b"Content-Disposition: attachment\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--x--\r\n")
    box = child(ann, "shared")
    mail = ann.add_mail(body, box)
    share(ann, box, bob, "mayReadItems")
    a = {"accountId": ann.id}
    e = call(bob, "Email/get", {**a, "ids": [mail], "properties": [
        "attachments", "blobId"]})["list"][0]
    part = e["attachments"][0]["blobId"]

    def get(blob):
        return bob.http.get(
            f"{server.url}/jmap/download/{ann.id}/{blob}/x")

    assert get(part).content == b"ABC"
    assert get(e["blobId"]).content == body
    got = call(bob, "Blob/get", {**a, "ids": [part]})["list"][0]
    assert got["data:asText"] == "ABC"
    # moved out of sight, it is gone
    ann.call("Email/set", {"update": {mail: {"mailboxIds": {
        ann.mailbox(): True}}}})
    assert get(part).status_code == get(e["blobId"]).status_code == 404


def test_a_sharee_uses_what_he_uploads(ann, bob, server):
    box = child(ann, "drop box")
    share(ann, box, bob, "mayAddItems")
    r = bob.http.post(f"{server.url}/jmap/upload/{ann.id}/",
                      data=message("dropped"))
    assert r.status_code == 201 and r.json()["accountId"] == ann.id
    blob = r.json()["blobId"]
    r = bob.http.get(f"{server.url}/jmap/download/{ann.id}/{blob}/x")
    assert r.status_code == 200
    a = {"accountId": ann.id}
    one = {"blobId": blob, "mailboxIds": {box: True}}
    got = call(bob, "Email/import", {**a, "emails": {
        "m": one, "seen": {**one, "keywords": {"$seen": True}}}})
    assert got["created"]["m"]["blobId"] != blob
    # keywords are a right of their own
    assert got["notCreated"]["seen"]["type"] == "forbidden"
    assert len(ann.emails(filter={"inMailbox": box})) == 1
    m = call(bob, "Mailbox/get", {**a, "ids": [box]})["list"][0]
    assert m["totalEmails"] == 0	# he may not see how many there are


def test_replacing_mailbox_ids_keeps_the_hidden_ones(ann, bob):
    a, b = child(ann, "a"), child(ann, "b")
    hidden = child(ann, "hidden")
    mail = ann.add_mail(message(), a)
    ann.call("Email/set", {"update": {mail: {
        f"mailboxIds/{hidden}": True}}})
    for box in (a, b):
        share(ann, box, bob, "mayReadItems", "mayAddItems",
              "mayRemoveItems")
    got = call(bob, "Email/set", {"accountId": ann.id, "update": {mail: {
        "mailboxIds": {b: True}}}})
    assert mail in got["updated"]
    now = ann.call("Email/get", {"ids": [mail]})["list"][0]["mailboxIds"]
    assert now == {b: True, hidden: True}
    got = call(bob, "Email/set", {"accountId": ann.id, "destroy": [mail]})
    assert got["notDestroyed"][mail]["type"] == "forbidden"


# --- changes

def test_changes_are_those_of_what_is_seen(ann, bob):
    a = {"accountId": ann.id}
    box, hidden = child(ann, "shared"), child(ann, "hidden")
    one = ann.add_mail(message("one"), box)
    share(ann, box, bob, "mayReadItems")

    def state(name):
        return call(bob, name + "/get", {**a, "ids": []})["state"]

    def changes(name, since):
        got = call(bob, name + "/changes", {**a, "sinceState": since})
        assert got["newState"] == state(name) and not got["hasMoreChanges"]
        return [set(got[k]) for k in ("created", "updated", "destroyed")]

    names = ("Email", "Thread", "Mailbox")
    was = {n: state(n) for n in names}
    ann.add_mail(message("hidden"), hidden)
    for n in names:			# no state moves, nothing is told
        assert state(n) == was[n]
        assert changes(n, was[n]) == [set(), set(), set()]
    two = ann.add_mail(message("two"), hidden)
    ann.call("Email/set", {"update": {two: {f"mailboxIds/{box}": True}}})
    tid = ann.call("Email/get", {"ids": [two]})["list"][0]["threadId"]
    assert changes("Email", was["Email"]) == [{two}, set(), set()]
    assert changes("Thread", was["Thread"]) == [{tid}, set(), set()]
    assert changes("Mailbox", was["Mailbox"]) == [set(), {box}, set()]
    was = {n: state(n) for n in names}
    ann.call("Email/set", {"update": {
        one: {"keywords/$flagged": True},
        two: {"mailboxIds": {hidden: True}}}})
    assert changes("Email", was["Email"]) == [set(), {one}, {two}]
    assert changes("Thread", was["Thread"]) == [set(), set(), {tid}]
    # another mailbox comes into sight as a whole
    was = {n: state(n) for n in names}
    share(ann, hidden, bob, "mayReadItems")
    for n in names:
        assert state(n) != was[n]
        assert error(bob, n + "/changes", {**a, "sinceState": was[n]}) == \
            "cannotCalculateChanges"
    was = {n: state(n) for n in names}
    share(ann, hidden, bob, "mayReadItems", "mayAddItems")
    assert changes("Mailbox", was["Mailbox"]) == [set(), {hidden}, set()]


def test_query_changes_of_a_shared_mailbox(ann, bob):
    a = {"accountId": ann.id}
    box, hidden = child(ann, "shared"), child(ann, "hidden")
    mails = [ann.add_mail(message(), box,
                          received=f"2026-01-0{i}T00:00:00Z")
             for i in range(1, 5)]
    share(ann, box, bob, "mayReadItems")
    for filter in ({"inMailbox": box}, None, {"hasKeyword": "$flagged"}):
        q = {**a, "filter": filter, "sort": [
            {"property": "receivedAt", "isAscending": False}]}
        old = call(bob, "Email/query", q)
        new = ann.add_mail(message(), box, ["$flagged"],
                           received="2026-01-03T12:00:00Z")
        ann.add_mail(message(), hidden, ["$flagged"])
        gone = old["ids"][0] if old["ids"] else new
        ann.call("Email/set", {"update": {gone: {
            "mailboxIds": {hidden: True}}}})
        got = call(bob, "Email/queryChanges", {
            **q, "sinceQueryState": old["queryState"]})
        ids = [i for i in old["ids"] if i not in got["removed"]]
        for x in got["added"]:
            ids.insert(x["index"], x["id"])
        assert ids == call(bob, "Email/query", q)["ids"], filter
        assert got["newQueryState"] == call(bob, "Email/query",
                                            q)["queryState"]
    old = call(bob, "Mailbox/query", a)
    assert old["ids"] == [box]
    child(ann, "one more")
    got = call(bob, "Mailbox/queryChanges", {
        **a, "sinceQueryState": old["queryState"]})
    assert got["added"] == [] and got["removed"] == []


def test_a_destroyed_mailbox_is_gone_for_the_sharee(ann, bob):
    box, _ = prepared(ann, bob, "mayReadItems")
    a = {"accountId": ann.id}
    was = call(bob, "Mailbox/get", {**a, "ids": None})["state"]
    other = child(ann, "other")
    share(ann, other, bob, "mayReadItems")
    ann.call("Mailbox/set", {"destroy": [box],
                             "onDestroyRemoveEmails": True})
    got = call(bob, "Mailbox/get", {**a, "ids": None})
    assert [m["id"] for m in got["list"]] == [other]
    assert int(got["state"]) > int(was)
    assert error(bob, "Mailbox/changes", {**a, "sinceState": was}) == \
        "cannotCalculateChanges"
    ann.call("Mailbox/set", {"destroy": [other]})
    assert error(bob, "Mailbox/get", {**a, "ids": None}) == \
        "accountNotFound"
    assert ann.id not in fresh(bob)["accounts"]


# --- at once, everywhere

def test_a_revocation_holds_at_once_in_every_worker(new_server):
    s = new_server("workers = 4\n")
    ann, bob = s.adduser(), s.adduser()
    box, mail = prepared(ann, bob, "mayReadItems")
    from helpers import Account
    many = [Account(s, bob.name, bob.password) for _ in range(16)]
    ask = {"accountId": ann.id, "ids": [mail]}
    for b in many:
        b._session = bob.session
        assert call(b, "Email/get", ask)["list"]
    for round in range(5):
        share(ann, box, bob)
        for b in many:
            assert error(b, "Email/get", ask) == "accountNotFound"
        share(ann, box, bob, "mayReadItems")
        for b in many:
            assert call(b, "Email/get", ask)["list"]


def states(stream, seconds=5):
    """The accounts and types of the next state event."""
    while True:
        name, data = stream.event(seconds)
        if name == "state":
            return {k: set(v) for k, v in data["changed"].items()}


def test_pushes_of_what_is_shared(ann, bob):
    box, hidden = child(ann, "shared"), child(ann, "hidden")
    with Stream(bob) as es:
        states(es)
        share(ann, box, bob, "mayReadItems")
        # the notification in his own, and all of the new account
        seen = {}
        while ann.id not in seen or "ShareNotification" not in seen.get(
                bob.id, ()):
            for k, v in states(es).items():
                seen.setdefault(k, set()).update(v)
        assert "Mailbox" in seen[ann.id]
        ann.add_mail(message(), box)
        assert {"Email", "Mailbox", "Thread"} <= states(es)[ann.id]
        with pytest.raises(TimeoutError):	# nothing of what is hidden
            ann.add_mail(message(), hidden)
            states(es, 0.5)
        share(ann, box, bob)
        assert ann.id not in states(es)
        with pytest.raises(TimeoutError):	# nothing more is told
            ann.add_mail(message(), box)
            states(es, 0.5)


def test_a_stream_goes_on_where_it_was(ann, bob):
    box = child(ann, "shared")
    share(ann, box, bob, "mayReadItems")
    with Stream(bob) as es:
        assert set(states(es)) == {ann.id, bob.id}
        last = es.last
    with Stream(bob, last=last) as es:
        with pytest.raises(TimeoutError):
            states(es, 0.5)
    ann.add_mail(message(), box)
    with Stream(bob, last=last) as es:
        assert set(states(es)) == {ann.id}


def test_pushes_over_websocket(ann, bob):
    from ws_tools import Ws
    box = child(ann, "shared")
    share(ann, box, bob, "mayReadItems")
    bob.over = "http/1.1"
    with Ws(bob) as ws:
        ws.say({"@type": "WebSocketPushEnable", "dataTypes": ["Email"],
                "pushState": None})
        ws.silent()
        ann.add_mail(message(), box)
        got = ws.hear()
        assert got["@type"] == "StateChange"
        assert set(got["changed"]) == {ann.id}
        # requests with principals come back, too, each by its id
        ws.say({"@type": "Request", "id": "R1", "using": list(USING),
                "methodCalls": [["Principal/get", {
                    "accountId": bob.id, "ids": None}, "0"]]})
        got = ws.hear()
        assert got["requestId"] == "R1"
        assert got["methodResponses"][0][0] == "Principal/get", got
        assert len(got["methodResponses"][0][1]["list"]) >= 2


# --- the end of accounts

def test_a_deleted_account_shares_nothing(server, bob):
    ann = server.adduser()
    share(ann, ann.mailbox(), bob, "mayReadItems")
    assert ann.id in fresh(bob)["accounts"]
    server.jmapctl("account", "delete", ann.name)
    wait_for(lambda: ann.id not in fresh(bob)["accounts"])
    assert error(bob, "Mailbox/get", {"accountId": ann.id,
                                      "ids": None}) == "accountNotFound"


def test_with_a_deleted_account_nothing_is_shared(server, ann):
    bob = server.adduser()
    box = ann.mailbox()
    share(ann, box, bob, "mayReadItems")
    server.jmapctl("account", "delete", bob.name)
    wait_for(lambda: call(ann, "Mailbox/get", {"ids": [box]})["list"][0][
        "shareWith"] is None)
    server.jmapctl("check", ann.name)


def test_check_finds_nothing_wrong(server, ann, bob):
    box, mail = prepared(ann, bob, *RIGHTS)
    call(bob, "Mailbox/set", {"accountId": ann.id, "create": {"c": {
        "name": "below", "parentId": box}}})
    bob.http.post(f"{server.url}/jmap/upload/{ann.id}/", data=b"bytes")
    for who in (ann, bob):
        server.jmapctl("check", who.name)


def test_an_upload_is_only_the_uploaders_until_it_is_used(ann, bob, server):
    """RFC 8620 6.1: "unreferenced blobs MUST only be accessible to the
    uploader, even in shared accounts": not to the owner, either."""
    box = child(ann, "drop box")
    share(ann, box, bob, "mayAddItems")

    def put(who, data):
        r = who.http.post(f"{server.url}/jmap/upload/{ann.id}/", data=data)
        assert r.status_code == 201
        return r.json()["blobId"]

    def has(who, blob):
        r = who.http.get(f"{server.url}/jmap/download/{ann.id}/{blob}/x")
        assert r.status_code in (200, 404)
        got = call(who, "Blob/get", {"accountId": ann.id, "ids": [blob]})
        assert bool(got["list"]) == (r.status_code == 200)
        return r.status_code == 200

    mail = message(subject="by bob")
    his, hers = put(bob, mail), put(ann, b"by ann")
    assert has(bob, his) and not has(ann, his)
    assert has(ann, hers) and not has(bob, hers)
    # who has the bytes has the blob, whoever was first
    assert put(bob, b"by ann") == hers and has(bob, hers) and has(ann, hers)
    both = put(bob, b"by both")
    assert not has(ann, both)
    assert put(ann, b"by both") == both and has(ann, both) and has(bob, both)
    # a mail made of it is hers, and was when it is gone
    a = {"accountId": ann.id}
    call(bob, "Email/import", {**a, "emails": {"m": {
        "blobId": his, "mailboxIds": {box: True}}}})
    assert has(ann, his)
    [e] = ann.emails(filter={"inMailbox": box})
    assert e["blobId"] == his
    ann.call("Email/set", {"destroy": [e["id"]]})
    assert has(ann, his)
    server.jmapctl("check", ann.name)
