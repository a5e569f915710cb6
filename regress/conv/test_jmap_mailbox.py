# SPDX-License-Identifier: ISC
"""RFC 8621 2, 3: mailboxes and threads with mail in them."""

import pytest

from helpers import MethodError, message


def box(account, id):
    return account.call("Mailbox/get", {"ids": [id]})["list"][0]


def create(account, name, **props):
    got = account.call("Mailbox/set",
                       {"create": {"n": {"name": name, **props}}})
    assert got["notCreated"] is None, got
    return got["created"]["n"]["id"]


def counts(account, id):
    b = box(account, id)
    return (b["totalEmails"], b["unreadEmails"], b["totalThreads"],
            b["unreadThreads"])


def test_a_new_account_has_the_usual_mailboxes(account):
    boxes = account.mailboxes()
    roles = {b["role"] for b in boxes}
    assert {"inbox", "drafts", "sent", "trash", "junk"} <= roles
    assert len({b["name"] for b in boxes}) == len(boxes)
    for b in boxes:
        assert set(b) == {
            "id", "name", "parentId", "role", "sortOrder", "totalEmails",
            "unreadEmails", "totalThreads", "unreadThreads", "myRights",
            "isSubscribed"}
        assert all(isinstance(v, bool) for v in b["myRights"].values())


def test_counts_follow_the_mail(account):
    inbox, trash = account.mailbox(), account.mailbox("trash")
    a = account.add_mail(message())
    b = account.add_mail(message(subject="read"), keywords=["$seen"])
    assert counts(account, inbox) == (2, 1, 2, 1)
    got = account.call("Email/set", {"update": {
        a: {"keywords/$seen": True},
        b: {f"mailboxIds/{inbox}": None, f"mailboxIds/{trash}": True}}})
    assert set(got["updated"]) == {a, b}
    assert counts(account, inbox) == (1, 0, 1, 0)
    assert counts(account, trash) == (1, 0, 1, 0)


def test_draft_is_not_unread(account):
    account.add_mail(message(), mailbox=account.mailbox("drafts"),
                     keywords=["$draft"])
    assert counts(account, account.mailbox("drafts"))[1] == 0


def test_trash_is_a_thread_of_its_own_for_unread(account):
    """The example of RFC 8621 2: unread in the trash, read in the inbox."""
    inbox, trash = account.mailbox(), account.mailbox("trash")
    account.add_mail(message(subject="topic", Message_ID="<one@x>"),
                     keywords=["$seen"])
    account.add_mail(message(subject="Re: topic", In_Reply_To="<one@x>"),
                     mailbox=trash)
    assert counts(account, inbox)[3] == 0
    assert counts(account, trash)[3] == 1


def test_counts_alone_are_told_as_such(account):
    state = account.call("Mailbox/get", {"ids": []})["state"]
    account.add_mail(message())
    got = account.call("Mailbox/changes", {"sinceState": state})
    assert got["updated"] == [account.mailbox()]
    assert set(got["updatedProperties"]) == {
        "totalEmails", "unreadEmails", "totalThreads", "unreadThreads"}
    # and they serve as properties by reference
    two = account.calls(
        ("Mailbox/changes", {"sinceState": state}),
        ("Mailbox/get", {
            "#ids": {"resultOf": "0", "name": "Mailbox/changes",
                     "path": "/updated"},
            "#properties": {"resultOf": "0", "name": "Mailbox/changes",
                            "path": "/updatedProperties"}}))
    assert set(two[1][1]["list"][0]) == {
        "id", "totalEmails", "unreadEmails", "totalThreads",
        "unreadThreads"}
    account.call("Mailbox/set", {"update": {
        account.mailbox(): {"sortOrder": 3}}})
    got = account.call("Mailbox/changes", {"sinceState": state})
    assert got["updatedProperties"] is None


def test_destroy_with_mail_in_it(account):
    work = create(account, "work")
    inbox = account.mailbox()
    both = account.add_mail(message(subject="both"), mailbox=work)
    only = account.add_mail(message(subject="only"), mailbox=work)
    account.call("Email/set", {"update": {
        both: {f"mailboxIds/{inbox}": True}}})
    got = account.call("Mailbox/set", {"destroy": [work]})
    assert got["notDestroyed"][work]["type"] == "mailboxHasEmail"
    assert got["destroyed"] is None
    got = account.call("Mailbox/set", {"destroy": [work],
                                       "onDestroyRemoveEmails": True})
    assert got["destroyed"] == [work]
    got = account.call("Email/get", {"ids": [both, only],
                                     "properties": ["mailboxIds"]})
    assert got["list"] == [{"id": both, "mailboxIds": {inbox: True}}]
    assert got["notFound"] == [only]
    assert counts(account, inbox)[0] == 1


def test_destroy_of_a_parent(account):
    a = create(account, "a")
    b = create(account, "b", parentId=a)
    got = account.call("Mailbox/set", {"destroy": [a]})
    assert got["notDestroyed"][a]["type"] == "mailboxHasChild"
    got = account.call("Mailbox/set", {"destroy": [a, b]})
    assert sorted(got["destroyed"]) == sorted([a, b])


def test_an_email_into_a_mailbox_made_in_the_same_request(account):
    blob = account.upload(message())["blobId"]
    got = account.calls(
        ("Mailbox/set", {"create": {"m": {"name": "fresh"}}}),
        ("Email/import", {"emails": {"e": {
            "blobId": blob, "mailboxIds": {"#m": True}}}}))
    new = got[0][1]["created"]["m"]["id"]
    assert got[1][0] == "Email/import", got
    mail = got[1][1]["created"]["e"]["id"]
    got = account.call("Email/get", {"ids": [mail],
                                     "properties": ["mailboxIds"]})
    assert got["list"][0]["mailboxIds"] == {new: True}


def test_set_is_guarded_by_state(account):
    state = account.call("Mailbox/get", {"ids": []})["state"]
    create(account, "x")
    with pytest.raises(MethodError) as e:
        account.call("Mailbox/set", {"ifInState": state,
                                     "create": {"n": {"name": "y"}}})
    assert e.value.type == "stateMismatch"
    assert all(b["name"] != "y" for b in account.mailboxes())


def test_one_bad_object_does_not_stop_the_others(account):
    got = account.call("Mailbox/set", {"create": {
        "good": {"name": "good"}, "bad": {"name": ""},
        "fine": {"name": "fine"}}})
    assert set(got["created"]) == {"good", "fine"}
    assert set(got["notCreated"]) == {"bad"}
    assert got["notCreated"]["bad"]["properties"] == ["name"]


def test_what_is_set_survives_a_restart(new_server):
    server = new_server()
    account = server.adduser()
    id = create(account, "kept", sortOrder=7)
    state = account.call("Mailbox/get", {"ids": []})["state"]
    server.stop()
    server.start()
    again = type(account)(server, account.name, account.password)
    assert box(again, id)["sortOrder"] == 7
    assert again.call("Mailbox/get", {"ids": []})["state"] == state


def test_query_changes_lead_to_the_new_list(account):
    args = {"filter": {"hasAnyRole": False},
            "sort": [{"property": "name"}]}
    ids = [create(account, n) for n in ("b", "d", "f")]
    old = account.call("Mailbox/query", args)
    assert old["ids"] == ids
    account.call("Mailbox/set", {
        "create": {"a": {"name": "a"}, "c": {"name": "c"}},
        "update": {ids[0]: {"name": "z"}}, "destroy": [ids[1]]})
    new = account.call("Mailbox/query", args)
    diff = account.call("Mailbox/queryChanges", {
        **args, "sinceQueryState": old["queryState"],
        "calculateTotal": True})
    cached = [i for i in old["ids"] if i not in diff["removed"]]
    for add in diff["added"]:
        cached.insert(add["index"], add["id"])
    assert cached == new["ids"]
    assert diff["total"] == len(new["ids"])
    assert diff["newQueryState"] == new["queryState"]


def test_threads_list_their_mail_oldest_first(account):
    late = account.add_mail(
        message(subject="Re: plan", In_Reply_To="<p@x>"),
        received="2026-03-02T00:00:00Z")
    early = account.add_mail(message(subject="plan", Message_ID="<p@x>"),
                             received="2026-03-01T00:00:00Z")
    got = account.call("Email/get", {"ids": [early, late],
                                     "properties": ["threadId"]})["list"]
    assert got[0]["threadId"] == got[1]["threadId"]
    tid = got[0]["threadId"]
    got = account.call("Thread/get", {"ids": [tid, "Tzzz"]})
    assert got["list"] == [{"id": tid, "emailIds": [early, late]}]
    assert got["notFound"] == ["Tzzz"]
    assert account.call("Thread/get", {"ids": None})["list"] == got["list"]


def test_thread_changes(account):
    state = account.call("Thread/get", {"ids": []})["state"]
    mail = account.add_mail(message(subject="t", Message_ID="<t@x>"))
    got = account.call("Thread/changes", {"sinceState": state})
    assert len(got["created"]) == 1
    tid = got["created"][0]
    account.add_mail(message(subject="Re: t", In_Reply_To="<t@x>"))
    got = account.call("Thread/changes", {"sinceState": got["newState"]})
    assert got["updated"] == [tid] and got["created"] == []
    ids = account.call("Thread/get", {"ids": [tid]})["list"][0]["emailIds"]
    got2 = account.call("Email/set", {"destroy": ids})
    assert got2["notDestroyed"] is None
    got = account.call("Thread/changes", {"sinceState": got["newState"]})
    assert got["destroyed"] == [tid]
    assert mail in ids
