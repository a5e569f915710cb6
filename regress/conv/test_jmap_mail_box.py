# SPDX-License-Identifier: ISC
"""RFC 8621 2 and 3 and RFC 8620 5.2: mailboxes, threads, and /changes; what
test_jmap_mailbox.py shows is not shown again."""

import pytest

from helpers import MAIL, MethodError, message


@pytest.fixture(scope="module")
def home(server):
    return server.adduser()


def make(account, name, **props):
    got = account.call("Mailbox/set", {"create": {
        "k": {"name": name, **props}}})
    return (got["created"] or {}).get("k"), \
        (got["notCreated"] or {}).get("k")


def change(account, id, patch):
    got = account.call("Mailbox/set", {"update": {id: patch}})
    return (got["updated"] or {}).get(id, 1), \
        (got["notUpdated"] or {}).get(id)


def box(account, id):
    return account.call("Mailbox/get", {"ids": [id]})["list"][0]


# --- properties

def test_every_property_and_its_default(server):
    account = server.adduser()
    got, _ = make(account, "all defaults")
    assert set(got) == {"id", "parentId", "role", "sortOrder",
                        "totalEmails", "unreadEmails", "totalThreads",
                        "unreadThreads", "myRights", "isSubscribed"}
    b = box(account, got["id"])
    assert {k: b[k] for k in got} == got
    assert b["name"] == "all defaults"
    assert (b["parentId"], b["role"], b["sortOrder"], b["isSubscribed"]) == (
        None, None, 0, True)
    assert (b["totalEmails"], b["unreadEmails"], b["totalThreads"],
            b["unreadThreads"]) == (0, 0, 0, 0)
    assert set(b["myRights"]) >= {
        "mayReadItems", "mayAddItems", "mayRemoveItems", "maySetSeen",
        "maySetKeywords", "mayCreateChild", "mayRename", "mayDelete",
        "maySubmit"}
    assert all(v is True for v in b["myRights"].values())


def test_properties_are_those_asked_for(home):
    got = home.call("Mailbox/get", {"ids": None, "properties": [
        "name", "role"]})
    for b in got["list"]:
        assert set(b) == {"id", "name", "role"}


@pytest.mark.parametrize("props, bad", [
    ({"name": ""}, "name"), ({"name": None}, "name"), ({"name": 5}, "name"),
    ({"name": "x" * 256}, "name"), ({"name": "a\u0007b"}, "name"),
    ({"name": "a\u0085b"}, "name"),
    ({"parentId": "Mzzz"}, "parentId"), ({"parentId": 5}, "parentId"),
    ({"role": "nonsense"}, "role"), ({"role": "Archive"}, "role"),
    ({"role": 5}, "role"), ({"sortOrder": -1}, "sortOrder"),
    ({"sortOrder": 2 ** 31}, "sortOrder"), ({"sortOrder": 1.5}, "sortOrder"),
    ({"sortOrder": "1"}, "sortOrder"), ({"isSubscribed": 1}, "isSubscribed"),
    ({"id": "M1"}, "id"), ({"totalEmails": 0}, "totalEmails"),
    ({"unreadEmails": 0}, "unreadEmails"),
    ({"totalThreads": 0}, "totalThreads"),
    ({"unreadThreads": 0}, "unreadThreads"), ({"myRights": {}}, "myRights"),
    ({"nope": 1}, "nope"),
])
def test_invalid_properties_of_a_new_mailbox(home, props, bad):
    good, err = make(home, **{"name": "never", **props})
    assert good is None
    assert err["type"] == "invalidProperties" and err["properties"] == [bad]


def test_limits_of_numbers_and_names(home):
    got, _ = make(home, "x" * 255, sortOrder=2 ** 31 - 1)
    assert box(home, got["id"])["sortOrder"] == 2 ** 31 - 1
    # stalwart #1831
    assert make(home, "null order", sortOrder=None)[1] is None
    assert change(home, got["id"], {"sortOrder": None})[1] is None
    assert box(home, got["id"])["sortOrder"] == 0


def test_names_are_net_unicode(home):
    got, _ = make(home, "e\u0301te\u0301")
    assert got["name"] == "\u00e9t\u00e9"
    _, err = make(home, "\u00e9t\u00e9")
    assert err["properties"] == ["name"]
    new, _ = change(home, got["id"], {"name": "e\u0301"})
    assert new == {"name": "\u00e9"}


@pytest.mark.parametrize("name", [
    "a\tb", "a\x7f", "a\x85b", "a\u2028b", "a\u2029b", "\ufeffa"])
def test_names_that_are_not_net_unicode(home, name):
    """RFC 5198 2: no control, no separator of lines, no mark of byte order
    in front.  (What is no character is no I-JSON either.)"""
    assert make(home, name)[1]["properties"] == ["name"]


def test_new_state_of_an_update_is_the_one_of_get(server):
    """RFC 8620 5.3: newState is what /get will return now; and an update
    that changes nothing leaves it."""
    a = server.adduser()
    junk = a.mailbox("junk")

    def states(patch, **more):
        got = [r[1] for r in a.calls(
            ("Mailbox/get", {"ids": []}),
            ("Mailbox/set", {"update": {junk: patch}, **more}),
            ("Mailbox/get", {"ids": []}))]
        assert got[0]["state"] == got[1]["oldState"]
        assert got[2]["state"] == got[1]["newState"]
        return got[1]["oldState"], got[1]["newState"]

    old, new = states({"sortOrder": 77})
    assert old != new
    assert states({"sortOrder": 77}) == (new, new)
    assert states({}) == (new, new)
    old, new = states({"name": "Spam"}, create={"k": {"name": "x"}})
    got = a.call("Mailbox/changes", {"sinceState": old})
    assert got["newState"] == new and got["updated"] == [junk]
    old, new = states({"role": None}, create={
        "k": {"name": "other", "role": "junk"}})
    assert a.call("Mailbox/changes", {"sinceState": new})["updated"] == []


def test_siblings_have_names_of_their_own(server):
    account = server.adduser()
    a, _ = make(account, "same")
    _, err = make(account, "same")
    assert err["type"] == "invalidProperties"
    assert err["properties"] == ["name"]
    b, _ = make(account, "same", parentId=a["id"])
    assert b
    _, err = change(account, b["id"], {"parentId": None})
    assert err["type"] == "invalidProperties"
    # swapping names in one call ends valid, so it is allowed (5.3)
    c, _ = make(account, "other")
    got = account.call("Mailbox/set", {"update": {
        a["id"]: {"name": "other"}, c["id"]: {"name": "same"}}})
    assert not got["notUpdated"], got


def test_no_loops_and_no_depths(server):
    account = server.adduser()
    most = account.session["accounts"][account.id]["accountCapabilities"][
        MAIL]["maxMailboxDepth"]
    ids = [None]
    for i in range(most):
        got, _ = make(account, f"d{i}", parentId=ids[-1])
        ids.append(got["id"])
    _, err = make(account, "too deep", parentId=ids[-1])
    assert err["properties"] == ["parentId"]
    for p in ids[1], ids[3]:
        _, err = change(account, ids[1], {"parentId": p})
        assert err["type"] == "invalidProperties"
        assert err["properties"] == ["parentId"]
    top, _ = make(account, "top")
    _, err = change(account, ids[1], {"parentId": top["id"]})
    assert err["properties"] == ["parentId"]


ROLES = ["all", "archive", "drafts", "flagged", "important", "junk", "sent",
         "subscribed", "trash", "memos", "scheduled", "snoozed"]


def test_every_role_once(server):
    """The IANA registry in lower case, with those of RFC 9979."""
    account = server.adduser()
    for role in ROLES:
        have = {b["role"] for b in account.mailboxes()}
        if role not in have:
            got, err = make(account, f"a {role}", role=role)
            assert not err, (role, err)
        _, err = make(account, f"b {role}", role=role)
        assert err["type"] == "invalidProperties"
        assert err["properties"] == ["role"]
    id = account.mailbox("trash")
    assert change(account, id, {"role": None})[1] is None
    assert box(account, id)["role"] is None
    got, err = make(account, "new trash", role="trash")
    assert not err
    # two roles change places in one call
    a, b = account.mailbox("junk"), account.mailbox("sent")
    got = account.call("Mailbox/set", {"update": {
        a: {"role": None}, b: {"role": "junk"}}})
    assert not got["notUpdated"]


def test_server_set_properties_may_be_sent_back(home):
    got, _ = make(home, "whole")
    b = box(home, got["id"])
    b["name"] = "whole again"
    assert change(home, b["id"], b)[1] is None
    assert box(home, b["id"])["name"] == "whole again"
    for bad in ({"totalEmails": 5}, {"id": "M1"},
                {"myRights/mayReadItems": False}, {"nope": 1}):
        _, err = change(home, b["id"], bad)
        assert err["type"] == "invalidProperties", bad
    assert change(home, b["id"], {"myRights/mayReadItems": True})[1] is None


@pytest.mark.parametrize("patch", [
    {"name/x": "y"}, {"parentId/x": None}, {"nope/x": 1},
    {"myRights": {}, "myRights/mayDelete": True}, {"name~3": "x"},
    {"myRights/mayDelete/x": 1}])
def test_invalid_patches_of_a_mailbox(home, patch):
    id = home.mailbox("sent")
    assert change(home, id, patch)[1]["type"] == "invalidPatch"


def test_an_update_goes_on_when_the_destroy_is_refused(server):
    account = server.adduser()
    a, _ = make(account, "full")
    account.add_mail(message(), mailbox=a["id"])
    got = account.call("Mailbox/set", {
        "update": {a["id"]: {"name": "still full"}}, "destroy": [a["id"]]})
    assert got["notDestroyed"][a["id"]]["type"] == "mailboxHasEmail"
    assert a["id"] in got["updated"]
    got = account.call("Mailbox/set", {
        "update": {a["id"]: {"name": "gone"}}, "destroy": [a["id"]],
        "onDestroyRemoveEmails": True})
    assert got["notUpdated"][a["id"]]["type"] == "willDestroy"
    assert got["destroyed"] == [a["id"]]


def test_the_inbox_stays(home):
    id = home.mailbox("inbox")
    got = home.call("Mailbox/set", {"destroy": [id]})
    assert got["notDestroyed"][id]["type"] == "forbidden"
    assert change(home, id, {"role": None})[1]["type"] == "forbidden"
    assert box(home, id)["myRights"]["mayDelete"] is False


# --- counters

def test_counters_as_a_quality_implementation_has_them(server):
    """2: drafts are not unread; the trash is a thread of its own."""
    account = server.adduser()
    inbox, trash = account.mailbox(), account.mailbox("trash")
    drafts = account.mailbox("drafts")

    def counts(id):
        b = box(account, id)
        return (b["totalEmails"], b["unreadEmails"], b["totalThreads"],
                b["unreadThreads"])
    # the example of the RFC: unread in the trash, read in the inbox
    a = account.add_mail(message(subject="t", Message_ID="<1@x>"),
                         keywords=["$seen"])
    b = account.add_mail(message(subject="Re: t", In_Reply_To="<1@x>"),
                         mailbox=trash)
    assert counts(inbox) == (1, 0, 1, 0)
    assert counts(trash) == (1, 1, 1, 1)
    # in both, it is read with the thread in both
    account.call("Email/set", {"update": {b: {f"mailboxIds/{drafts}": True}}})
    assert counts(inbox) == (1, 0, 1, 1)
    assert counts(drafts) == (1, 1, 1, 1)
    assert counts(trash) == (1, 1, 1, 1)
    account.call("Email/set", {"update": {b: {"keywords/$draft": True}}})
    assert counts(drafts) == (1, 0, 1, 0)
    assert counts(trash) == (1, 0, 1, 0) and counts(inbox) == (1, 0, 1, 0)
    account.call("Email/set", {"update": {a: {"keywords": {}}}})
    assert counts(drafts) == (1, 0, 1, 1) and counts(trash) == (1, 0, 1, 0)
    # the trash is another one now
    account.call("Mailbox/set", {"update": {trash: {"role": None}}})
    assert counts(trash) == (1, 0, 1, 1)
    account.call("Email/set", {"destroy": [a, b]})
    assert {counts(x) for x in (inbox, trash, drafts)} == {(0, 0, 0, 0)}


# --- changes

def test_updated_properties(server):
    account = server.adduser()
    state = account.call("Mailbox/get", {"ids": []})["state"]
    id = account.add_mail(message())
    got = account.call("Mailbox/changes", {"sinceState": state})
    assert got["updated"] == [account.mailbox()]
    assert set(got["updatedProperties"]) == {
        "totalEmails", "unreadEmails", "totalThreads", "unreadThreads"}
    mid = got["newState"]
    change(account, account.mailbox("sent"), {"sortOrder": 5})
    account.call("Email/set", {"destroy": [id]})
    for since in state, mid:
        got = account.call("Mailbox/changes", {"sinceState": since})
        assert got["updatedProperties"] is None
    got = account.call("Mailbox/changes", {"sinceState": got["newState"]})
    assert got["updatedProperties"] is None and got["updated"] == []


def test_changes_in_pieces_lead_to_the_same(server):
    account = server.adduser()
    kept = account.add_mail(message(subject="kept"))
    gone = account.add_mail(message(subject="gone"))
    state = account.call("Email/get", {"ids": []})["state"]
    new = [account.add_mail(message(subject=f"n{i}")) for i in range(6)]
    account.call("Email/set", {"destroy": [gone, new[0]],
                               "update": {kept: {"keywords/a": True},
                                          new[1]: {"keywords/b": True}}})
    whole = account.call("Email/changes", {"sinceState": state})
    assert sorted(whole["created"]) == sorted(new[1:])
    assert (whole["updated"], whole["destroyed"]) == ([kept], [gone])
    assert whole["hasMoreChanges"] is False
    for most in 1, 2, 5:
        have, at, more = {kept, gone}, state, True
        while more:
            got = account.call("Email/changes", {"sinceState": at,
                                                 "maxChanges": most})
            n = (len(got["created"]) + len(got["updated"]) +
                 len(got["destroyed"]))
            assert n <= most and got["oldState"] == at
            assert not have & set(got["created"])
            have |= set(got["created"])
            assert set(got["updated"] + got["destroyed"]) <= have
            have -= set(got["destroyed"])
            at, more = got["newState"], got["hasMoreChanges"]
        assert have == {kept, *new[1:]}
        assert at == whole["newState"]


@pytest.mark.parametrize("type", ["Mailbox", "Email", "Thread"])
def test_changes_since_what_never_was(home, type):
    for bad in "99999999", "x", "", "01", "-1":
        with pytest.raises(MethodError) as e:
            home.call(type + "/changes", {"sinceState": bad})
        assert e.value.type == "cannotCalculateChanges"


def test_roles_that_go_round_in_one_call(server):
    """RFC 8620 5.3: "If the final state is valid, this is allowed."."""
    a = server.adduser()
    ids = [a.mailbox(r) for r in ("trash", "junk", "archive")]

    def roles():
        return [box(a, i)["role"] for i in ids]

    got = a.call("Mailbox/set", {"update": {
        ids[0]: {"role": "junk"}, ids[1]: {"role": "trash"}}})
    assert got["notUpdated"] is None
    assert roles() == ["junk", "trash", "archive"]
    got = a.call("Mailbox/set", {"update": {
        ids[0]: {"role": "trash"}, ids[1]: {"role": "archive"},
        ids[2]: {"role": "junk"}}})
    assert got["notUpdated"] is None
    assert roles() == ["trash", "archive", "junk"]
    # what does not come out even leaves all as it was
    for patch in ({ids[0]: {"role": "archive"}},
                  {ids[0]: {"role": "archive"},
                   ids[1]: {"role": "trash", "name": "Inbox"}},
                  {ids[0]: {"role": "inbox"},
                   a.mailbox(): {"role": "trash"}},
                  {ids[0]: {"role": "archive"},
                   ids[1]: {"role": "trash", "nope": 1}}):
        got = a.call("Mailbox/set", {"update": patch})
        assert got["updated"] is None
        assert set(got["notUpdated"]) == set(patch)
        assert roles() == ["trash", "archive", "junk"]
    # parents, too, whatever the order
    a.call("Mailbox/set", {"update": {ids[1]: {"parentId": ids[0]}}})
    got = a.call("Mailbox/set", {"update": {
        ids[0]: {"parentId": ids[1]}, ids[1]: {"parentId": None}}})
    assert got["notUpdated"] is None
    assert box(a, ids[0])["parentId"] == ids[1]


# --- threads

def test_threads_that_are_joined_later(server):
    """3: a merge deletes and reinserts what changes its thread."""
    account = server.adduser()
    a = account.add_mail(message(subject="s", Message_ID="<a@x>"))
    b = account.add_mail(message(subject="Re: s", Message_ID="<b@x>"))
    state = account.call("Email/get", {"ids": []})["state"]
    tstate = account.call("Thread/get", {"ids": []})["state"]
    e = {x["id"]: x["threadId"] for x in account.call("Email/get", {
        "ids": [a, b], "properties": ["threadId"]})["list"]}
    assert e[a] != e[b]
    c = account.add_mail(message(subject="Fwd: s",
                                 References="<a@x> <b@x>"))
    got = account.call("Email/changes", {"sinceState": state})
    gone, = got["destroyed"]
    stays = ({a, b} - {gone}).pop()
    assert c in got["created"] and len(got["created"]) == 2
    moved = (set(got["created"]) - {c}).pop()
    assert got["updated"] == []
    threads = account.call("Thread/changes", {"sinceState": tstate})
    assert threads["destroyed"] == [e[gone]]
    assert threads["updated"] == [e[stays]]
    t, = account.call("Thread/get", {"ids": [e[stays]]})["list"]
    assert set(t["emailIds"]) == {stays, moved, c}
    assert account.call("Email/get", {"ids": [gone]})["notFound"] == [gone]


def test_another_subject_is_another_thread(server):
    account = server.adduser()
    a = account.add_mail(message(subject="lunch", Message_ID="<a@x>"))
    b = account.add_mail(message(subject="[list] Re: Fwd:  LUNCH (fwd)",
                                 In_Reply_To="<a@x>"))
    c = account.add_mail(message(subject="dinner", In_Reply_To="<a@x>"))
    d = account.add_mail(message(subject="lunch"))
    t = {x["id"]: x["threadId"] for x in account.call("Email/get", {
        "ids": [a, b, c, d], "properties": ["threadId"]})["list"]}
    assert t[a] == t[b] and len({t[a], t[c], t[d]}) == 3


def test_prefixes_of_other_languages_are_no_other_subject(server):
    """3: "after stripping automatically added prefixes", whatever the
    language of the program that added them."""
    account = server.adduser()
    a = account.add_mail(message(subject="Züge", Message_ID="<a@x>"))
    same = ["AW: Züge", "WG: Re: züge", "SV: ZÜGE", "Re: Antw: Züge",
            "RE: AW: [list] Züge", "VÁ: Züge", "AW[2]: Züge",
            "回复： Züge", "R: I: Züge", "Отв: Züge"]
    other = ["Awe: Züge", "Aw Züge", "Züge: aw"]
    ids = [account.add_mail(message(subject=s, In_Reply_To="<a@x>"))
           for s in same + other]
    t = {x["id"]: x["threadId"] for x in account.call("Email/get", {
        "ids": [a] + ids, "properties": ["threadId"]})["list"]}
    assert [t[i] == t[a] for i in ids] == [True] * len(same) + [
        False] * len(other)


# --- query

@pytest.fixture(scope="module")
def tree(server):
    account = server.adduser()
    for b in account.mailboxes():
        if b["role"] != "inbox":
            account.call("Mailbox/set", {"destroy": [b["id"]]})
    ids = {"in": account.mailbox()}
    for name, up, order, sub in (
            ("b", None, 1, True), ("a", None, 2, False), ("bz", "b", 1, True),
            ("ba", "b", 5, False), ("az", "a", 0, True),
            ("baa", "ba", 0, True)):
        ids[name] = make(account, name, parentId=up and ids[up],
                         sortOrder=order)[0]["id"]
        change(account, ids[name], {"isSubscribed": sub})
    change(account, ids["in"], {"name": "in", "sortOrder": 9})
    change(account, ids["az"], {"role": "archive"})
    return account, ids


@pytest.mark.parametrize("args, want", [
    ({"sort": [{"property": "name"}]}, "a az b ba baa bz in"),
    ({"sort": [{"property": "name", "isAscending": False}]},
     "in bz baa ba b az a"),
    ({"sort": [{"property": "sortOrder"}, {"property": "name"}]},
     "az baa b bz a ba in"),
    ({"sort": [{"property": "name"}], "sortAsTree": True},
     "a az b ba baa bz in"),
    ({"sort": [{"property": "sortOrder"}], "sortAsTree": True},
     "b bz ba baa a az in"),
    ({"sort": [{"property": "name", "isAscending": False}],
      "sortAsTree": True}, "in b bz ba baa a az"),
    ({"filter": {"parentId": None}, "sort": [{"property": "name"}]},
     "a b in"),
    ({"filter": {"parentId": "b"}, "sort": [{"property": "name"}]},
     "ba bz"),
    ({"filter": {"name": "B"}, "sort": [{"property": "name"}]},
     "b ba baa bz"),
    ({"filter": {"role": "inbox"}}, "in"), ({"filter": {"role": "none"}}, ""),
    ({"filter": {"role": None}, "sort": [{"property": "name"}]},
     "a b ba baa bz"),
    ({"filter": {"hasAnyRole": True}, "sort": [{"property": "name"}]},
     "az in"),
    ({"filter": {"hasAnyRole": False}, "sort": [{"property": "name"}]},
     "a b ba baa bz"),
    ({"filter": {"isSubscribed": False}, "sort": [{"property": "name"}]},
     "a ba"),
    ({"filter": {"isSubscribed": True}, "sort": [{"property": "name"}],
      "filterAsTree": True}, "b bz in"),
    ({"filter": {"operator": "NOT", "conditions": [{"name": "z"},
                                                   {"hasAnyRole": True}]},
      "sort": [{"property": "name"}]}, "a b ba baa"),
    ({"filter": {"name": "a", "isSubscribed": True},
      "sort": [{"property": "name"}]}, "az baa"),
    ({"filter": {}, "sort": [{"property": "name"}], "position": -2}, "bz in"),
    ({"sort": [{"property": "name"}], "anchor": "ba", "anchorOffset": -1,
      "limit": 2}, "b ba"),
])
def test_queries(tree, args, want):
    account, ids = tree

    def fill(x):
        if isinstance(x, dict):
            return {k: ids.get(v, v) if k in ("parentId", "anchor") else
                    fill(v) for k, v in x.items()}
        return [fill(v) for v in x] if isinstance(x, list) else x
    got = account.call("Mailbox/query", {**fill(args),
                                         "calculateTotal": True})
    by = {v: k for k, v in ids.items()}
    assert " ".join(by[i] for i in got["ids"]) == want
    assert got["canCalculateChanges"] is True
    if "position" not in args and "anchor" not in args:
        assert got["total"] == len(got["ids"])


def test_query_changes_of_trees(server):
    account = server.adduser()
    a = make(account, "a")[0]["id"]
    b = make(account, "b")[0]["id"]
    kinds = [{"sort": [{"property": "name"}], "sortAsTree": t,
              "filterAsTree": f, "filter": {"isSubscribed": True}}
             for t in (False, True) for f in (False, True)]
    old = [account.call("Mailbox/query", k) for k in kinds]
    c = make(account, "c", parentId=a)[0]["id"]
    for patch in ({b: {"parentId": c}}, {a: {"isSubscribed": False}},
                  {a: {"name": "z", "isSubscribed": True}}):
        account.call("Mailbox/set", {"update": patch})
        for k, o in zip(kinds, old):
            d = account.call("Mailbox/queryChanges", {
                **k, "sinceQueryState": o["queryState"]})
            have = [i for i in o["ids"] if i not in d["removed"]]
            for x in d["added"]:
                have.insert(x["index"], x["id"])
            assert have == account.call("Mailbox/query", k)["ids"], (k, patch)


@pytest.mark.parametrize("args, type", [
    ({"sort": [{"property": "role"}]}, "unsupportedSort"),
    ({"filter": {"nope": 1}}, "unsupportedFilter"),
    ({"anchor": "Mzz"}, "anchorNotFound"),
])
def test_errors_of_queries(tree, args, type):
    with pytest.raises(MethodError) as e:
        tree[0].call("Mailbox/query", args)
    assert e.value.type == type
