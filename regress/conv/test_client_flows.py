# SPDX-License-Identifier: ISC
"""What mail clients do, as the guide for client developers has it
(jmap-client-guide.md): a small client with a partial cache goes through
first sync, paging, resync, optimistic updates, writing, sending, undoing,
archiving and searching, and must at each point show what is."""

import secrets

import pytest

from helpers import message, wait_for
from submit_tools import USING, identity

LIST = ["threadId", "mailboxIds", "keywords", "hasAttachment", "from",
        "subject", "receivedAt", "size", "preview"]
COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]


def ref(of, name, path):
    return {"resultOf": of, "name": name, "path": path}


class Client:
    """A cache, and nothing that is not in it or in an answer."""

    def __init__(self, account):
        self.account = account
        self.boxes, self.threads, self.mails = {}, {}, {}
        self.state = {}
        self.list = []          # ids of the list on screen, None unknown
        self.requests = 0

    def ask(self, *calls):
        self.requests += 1
        full = [[n, {"accountId": self.account.id, **a}, str(i)]
                for i, (n, a) in enumerate(calls)]
        got = self.account.request(full, using=USING)["methodResponses"]
        return [(r[0], r[1]) for r in got]

    def view(self, **more):
        return {"filter": {"inMailbox": self.box("inbox")},
                "sort": [{"property": "receivedAt", "isAscending": False}],
                "collapseThreads": True, **more}

    def box(self, role):
        return next(b["id"] for b in self.boxes.values()
                    if b["role"] == role)

    def keep(self, threads, mails):
        self.state["Thread"] = threads["state"]
        self.state["Email"] = mails["state"]
        self.threads.update({t["id"]: t for t in threads["list"]})
        self.mails.update({m["id"]: m for m in mails["list"]})

    def first_sync(self, limit=10):
        (_, boxes), = self.ask(("Mailbox/get", {"ids": None}))
        self.boxes = {b["id"]: b for b in boxes["list"]}
        self.state["Mailbox"] = boxes["state"]
        self.page(0, limit, total=True)

    def page(self, position, limit, total=False):
        got = self.ask(
            ("Email/query", self.view(position=position, limit=limit,
                                      calculateTotal=total)),
            ("Email/get", {"#ids": ref("0", "Email/query", "/ids"),
                           "properties": ["threadId"]}),
            ("Thread/get", {"#ids": ref("1", "Email/get",
                                        "/list/*/threadId")}),
            ("Email/get", {"#ids": ref("2", "Thread/get",
                                       "/list/*/emailIds"),
                           "properties": LIST}))
        query = got[0][1]
        if total:
            self.list = [None] * query["total"]
            self.state["query"] = query["queryState"]
        self.list[position:position + len(query["ids"])] = query["ids"]
        self.keep(got[2][1], got[3][1])

    def resync(self, most=100):
        """Two requests, whatever happened; True when the list on screen had
        to be fetched again."""
        cached = [i for i in self.list if i]
        got = self.ask(
            ("Mailbox/changes", {"sinceState": self.state["Mailbox"]}),
            ("Mailbox/get", {"#ids": ref("0", "Mailbox/changes",
                                         "/created")}),
            ("Mailbox/get", {
                "#ids": ref("0", "Mailbox/changes", "/updated"),
                "#properties": ref("0", "Mailbox/changes",
                                   "/updatedProperties")}),
            ("Email/queryChanges", self.view(
                sinceQueryState=self.state["query"], maxChanges=most,
                upToId=cached[-1] if cached else None,
                calculateTotal=True)),
            ("Email/get", {"#ids": ref("3", "Email/queryChanges",
                                       "/added/*/id"),
                           "properties": ["threadId"]}),
            ("Thread/get", {"#ids": ref("4", "Email/get",
                                        "/list/*/threadId")}),
            ("Email/get", {"#ids": ref("5", "Thread/get",
                                       "/list/*/emailIds"),
                           "properties": LIST}),
            ("Email/changes", {"sinceState": self.state["Email"],
                               "maxChanges": most}),
            ("Thread/changes", {"sinceState": self.state["Thread"],
                                "maxChanges": most}))
        assert [g[0] for g in got[:3]] == ["Mailbox/changes", "Mailbox/get",
                                           "Mailbox/get"]
        for id in got[0][1]["destroyed"]:
            del self.boxes[id]
        for g in got[1], got[2]:
            for b in g[1]["list"]:
                self.boxes.setdefault(b["id"], {}).update(b)
        self.state["Mailbox"] = got[0][1]["newState"]
        if got[3][0] == "error" or any(
                g[1].get("hasMoreChanges") for g in got[7:9]):
            # too much: the cache is worth less than what is on screen
            self.threads, self.mails = {}, {}
            self.page(0, 10, total=True)
            return True
        self.splice(got[3][1])
        self.threads.update({t["id"]: t for t in got[5][1]["list"]})
        self.mails.update({m["id"]: m for m in got[6][1]["list"]})
        self.refetch(got[7][1], got[8][1])
        return False

    def splice(self, changes):
        gone = set(changes["removed"])
        if not gone <= set(self.list):
            # erratum: ids behind the first gap cannot be trusted
            gap = self.list.index(None) if None in self.list else \
                len(self.list)
            self.list[gap:] = [None] * (len(self.list) - gap)
        self.list = [i for i in self.list if i is None or i not in gone]
        for a in changes["added"]:
            self.list.insert(a["index"], a["id"])
        n = changes["total"]
        self.list = (self.list + [None] * n)[:n]
        self.state["query"] = changes["newQueryState"]

    def refetch(self, mails, threads):
        for id in mails["destroyed"]:
            self.mails.pop(id, None)
        for id in threads["destroyed"]:
            self.threads.pop(id, None)
        old = [i for i in mails["updated"] if i in self.mails]
        told = [i for i in threads["updated"] if i in self.threads]
        got = self.ask(
            ("Email/get", {"ids": old, "properties": [
                "mailboxIds", "keywords"]}),
            ("Thread/get", {"ids": told}))
        for m in got[0][1]["list"]:
            self.mails[m["id"]].update(m)
        for t in got[1][1]["list"]:
            self.threads[t["id"]] = t
        self.state["Email"] = mails["newState"]
        self.state["Thread"] = threads["newState"]

    def check(self):
        """What is cached is what a stranger to the cache would fetch."""
        acc = self.account
        ids = acc.call("Email/query", self.view())["ids"]
        assert len(self.list) == len(ids)
        assert all(a is None or a == b for a, b in zip(self.list, ids))
        assert {b["id"]: b for b in acc.mailboxes()} == self.boxes
        if self.mails:
            got = acc.call("Email/get", {"ids": list(self.mails),
                                         "properties": LIST})
            assert {m["id"]: m for m in got["list"]} == self.mails
        if self.threads:
            got = acc.call("Thread/get", {"ids": list(self.threads)})
            assert {t["id"]: t for t in got["list"]} == self.threads


def fill(account, n, start=0, boxes=None):
    """n mails in threads of three, by Email/import of 50 a call."""
    inbox = account.mailbox()
    made = []
    for i in range(start, start + n, 50):
        batch = {}
        for k in range(i, min(i + 50, start + n)):
            root = k - k % 3
            raw = message(
                subject=("Re: " if k % 3 else "") + f"talk {root}",
                body=f"words {k} of it\r\n", sender=f"p{k % 7}@x.test",
                Message_ID=f"<{k}@x.test>",
                **({"References": f"<{root}@x.test>"} if k % 3 else {}))
            batch[f"k{k}"] = {
                "blobId": account.upload(raw)["blobId"],
                "mailboxIds": {inbox: True},
                "keywords": {"$seen": True} if k % 4 else {},
                "receivedAt": f"2024-01-{1 + k // 1440 % 28:02d}T"
                              f"{k // 60 % 24:02d}:{k % 60:02d}:00Z"}
        got = account.call("Email/import", {"emails": batch})
        assert not got["notCreated"]
        made += [v["id"] for v in got["created"].values()]
    return made


@pytest.fixture
def client(account):
    fill(account, 60)
    c = Client(account)
    c.first_sync()
    return c


def test_first_sync_is_two_requests(client):
    assert client.requests == 2
    assert len(client.list) == 20 and client.list.count(None) == 10
    assert len(client.mails) == 30 and len(client.threads) == 10
    client.check()
    for m in client.mails.values():
        assert set(m) == {"id", *LIST}


def test_paging_down_to_the_end(client):
    for at in 10, 15:
        client.page(at, 5)
    assert None not in client.list and len(client.threads) == 20
    client.check()


def test_opening_a_thread(client):
    id = client.list[1]
    ids = client.threads[client.mails[id]["threadId"]]["emailIds"]
    (_, got), = client.ask(("Email/get", {
        "ids": ids, "properties": [
            "blobId", "messageId", "inReplyTo", "references", "sender",
            "cc", "bcc", "replyTo", "sentAt", "htmlBody", "bodyValues"],
        "fetchHTMLBodyValues": True}))
    assert [m["id"] for m in got["list"]] == ids
    for m in got["list"]:
        part, = m["htmlBody"]
        assert m["bodyValues"][part["partId"]]["value"].startswith("words")


def test_resync_after_a_few_changes(client):
    other = client.account
    id, second = client.list[0], client.list[1]
    trash = client.box("trash")
    other.call("Email/set", {"update": {
        id: {"keywords/$flagged": True},
        second: {"mailboxIds": {trash: True}}}})
    other.call("Mailbox/set", {"create": {"n": {"name": "new"}}, "update": {
        trash: {"sortOrder": 77}}})
    fill(other, 3, 60)
    requests = client.requests
    assert client.resync() is False
    assert client.requests == requests + 2
    client.check()
    # and nothing at all
    state = dict(client.state)
    assert client.resync() is False
    assert client.state == state
    client.check()


def test_resync_after_10000_changes(account):
    """Far more than a client would want: told so, not sent to it."""
    ids = fill(account, 240)
    c = Client(account)
    c.first_sync()
    full = Client(account)      # one that keeps everything
    full.first_sync()
    before = dict(full.state)
    n = 0
    while n < 10000:
        got = account.call("Email/set", {"update": {
            i: {f"keywords/r{n % 5}": True if n // 1200 % 2 == 0 else None,
                "keywords/$seen": True if n % 480 else None}
            for i in ids}})
        assert len(got["updated"]) == len(ids)
        n += len(ids)
    fill(account, 6, 240)
    account.call("Email/set", {"destroy": ids[:30]})
    assert c.resync(most=30) is True        # thrown away, fetched anew
    c.check()
    # a full copy catches up by pieces, each id once a piece
    have, state, more = set(ids), before["Email"], True
    while more:
        got = account.call("Email/changes", {"sinceState": state,
                                             "maxChanges": 50})
        assert len(got["created"] + got["updated"] + got["destroyed"]) <= 50
        have = (have | set(got["created"])) - set(got["destroyed"])
        state, more = got["newState"], got["hasMoreChanges"]
    assert have == set(account.call("Email/query")["ids"])
    delta = account.call("Email/queryChanges", c.view(
        sinceQueryState=before["query"], calculateTotal=True))
    assert delta["total"] == len(c.list)


def test_an_optimistic_move_is_what_the_server_makes_of_it(client):
    """Moving a message, the client's own arithmetic against the server's."""
    inbox, archive = client.box("inbox"), client.box("archive")
    id = client.list[3]
    m = client.mails[id]
    thread = client.threads[m["threadId"]]["emailIds"]
    unread = [i for i in thread if "$seen" not in
              client.mails[i]["keywords"]]
    want = {b: dict(client.boxes[b]) for b in (inbox, archive)}
    for b, sign in (inbox, -1), (archive, 1):
        want[b]["totalEmails"] += sign
        want[b]["unreadEmails"] += sign * (id in unread)
    want[archive]["totalThreads"] += 1
    want[archive]["unreadThreads"] += bool(unread)
    (name, got), *rest = client.ask(("Email/set", {
        "ifInState": client.state["Email"], "update": {id: {
            f"mailboxIds/{archive}": True, f"mailboxIds/{inbox}": None}}}))
    assert got["updated"] == {id: None}
    client.resync()
    assert {b: client.boxes[b] for b in want} == want
    client.check()


def test_archive_a_thread(client):
    inbox, archive = client.box("inbox"), client.box("archive")
    tid = client.mails[client.list[2]]["threadId"]
    got = client.ask(
        ("Thread/get", {"ids": [tid]}),
        ("Email/get", {"#ids": ref("0", "Thread/get", "/list/*/emailIds"),
                       "properties": ["mailboxIds"]}))
    moves = {m["id"]: {f"mailboxIds/{inbox}": None,
                       f"mailboxIds/{archive}": True}
             for m in got[1][1]["list"] if inbox in m["mailboxIds"]}
    assert len(moves) == 3
    client.ask(("Email/set", {"update": moves}))
    client.resync()
    assert tid not in {client.mails[i]["threadId"] for i in client.list if i}
    assert client.boxes[archive]["totalThreads"] == 1
    client.check()


def test_mark_everything_read(client):
    """Selecting all: the list without collapsing, in one request."""
    got = client.ask(
        ("Email/query", {"filter": {"operator": "AND", "conditions": [
            {"inMailbox": client.box("inbox")}, {"notKeyword": "$seen"}]}}))
    ids = got[0][1]["ids"]
    assert len(ids) == client.boxes[client.box("inbox")]["unreadEmails"]
    client.ask(("Email/set", {"update": {
        i: {"keywords/$seen": True} for i in ids}}))
    client.resync()
    assert client.boxes[client.box("inbox")]["unreadThreads"] == 0
    client.check()


def test_search(client):
    got = client.ask(
        ("Email/query", {"filter": {"operator": "AND", "conditions": [
            {"inMailboxOtherThan": [client.box("trash")]},
            {"text": "talk words 17"}]}, "limit": 20,
            "calculateTotal": True}),
        ("Email/get", {"#ids": ref("0", "Email/query", "/ids"),
                       "properties": LIST}),
        ("SearchSnippet/get", {
            "#emailIds": ref("0", "Email/query", "/ids"),
            "filter": {"text": "talk words 17"}}))
    assert got[0][1]["total"] == len(got[1][1]["list"]) == 1
    snippet, = got[2][1]["list"]
    assert "<mark>17</mark>" in snippet["preview"]
    # a mail is found by the very next request after it was stored
    word = "w" + secrets.token_hex(8)
    id = client.account.add_mail(message(body=f"the {word} here\r\n"))
    got = client.ask(("Email/query", {"filter": {"body": word}}))
    assert got[0][1]["ids"] == [id]


# --- writing and sending

def draft(client, **props):
    drafts = client.box("drafts")
    return {"mailboxIds": {drafts: True},
            "keywords": {"$draft": True, "$seen": True},
            "from": [{"email": client.account.name}],
            "bodyValues": {"1": {"value": "Hello,\nhow are you?\n"}},
            "textBody": [{"partId": "1", "type": "text/plain"}], **props}


def test_a_draft_is_saved_again_and_again(client):
    """Emails are immutable: each save makes one and destroys the last."""
    id = None
    for n in range(4):
        (_, got), = client.ask(("Email/set", {
            "create": {"d": draft(client, subject=f"version {n}")},
            "destroy": [id] if id else []}))
        assert not got["notCreated"] and not got["notDestroyed"]
        id = got["created"]["d"]["id"]
    client.resync()
    box = client.boxes[client.box("drafts")]
    assert (box["totalEmails"], box["unreadEmails"]) == (1, 0)
    (_, got), = client.ask(("Email/get", {
        "ids": [id], "properties": ["subject", "textBody", "bodyValues"],
        "fetchTextBodyValues": True}))
    assert got["list"][0]["subject"] == "version 3"


def send(client, email, **submission):
    who = identity(client.account)
    drafts, sent = client.box("drafts"), client.box("sent")
    return client.ask(
        ("Email/set", {"create": {"m": email}}),
        ("EmailSubmission/set", {
            "create": {"s": {"emailId": "#m", "identityId": who["id"],
                             **submission}},
            "onSuccessUpdateEmail": {"#s": {
                f"mailboxIds/{drafts}": None, f"mailboxIds/{sent}": True,
                "keywords/$draft": None}}}))


def test_a_reply_with_an_attachment_is_sent(client, server):
    """The whole way: quote, attach, send, file in Sent, arrive."""
    friend = Client(server.adduser())
    friend.account.add_mail(message(
        subject="question", sender=client.account.name,
        Message_ID="<q@x.test>", body="why?\r\n"))
    friend.first_sync()
    id = friend.list[0]
    (_, got), = friend.ask(("Email/get", {
        "ids": [id], "properties": ["messageId", "references", "from",
                                    "subject", "threadId"]}))
    old = got["list"][0]
    data = bytes(range(256)) * 20
    blob = friend.account.upload(data, "image/png")["blobId"]
    got = send(friend, draft(
        friend, to=old["from"], subject="Re: " + old["subject"],
        inReplyTo=old["messageId"],
        references=(old["references"] or []) + old["messageId"],
        attachments=[{"blobId": blob, "type": "image/png",
                      "name": "näme.png"}]))
    assert [g[0] for g in got] == ["Email/set", "EmailSubmission/set",
                                   "Email/set"]
    assert not got[1][1]["notCreated"], got[1]
    mine = got[0][1]["created"]["m"]
    assert mine["threadId"] == old["threadId"]
    friend.resync()
    sent = friend.boxes[friend.box("sent")]
    assert sent["totalEmails"] == 1
    assert friend.boxes[friend.box("drafts")]["totalEmails"] == 0

    def arrived():
        return client.account.emails(
            ["subject", "attachments", "from", "keywords", "inReplyTo"],
            filter={"subject": "question"})
    e, = wait_for(arrived, 15)
    assert e["inReplyTo"] == old["messageId"] and e["keywords"] == {}
    part, = e["attachments"]
    assert part["name"] == "näme.png"
    assert client.account.download(part["blobId"]) == data
    client.resync()
    assert e["id"] in client.list
    client.check()


def test_undo_send(client, server):
    """A message that is held back can be had back, and edited again."""
    other = server.adduser()
    got = send(client, draft(
        client, to=[{"email": other.name}], subject="too fast"),
        envelope={"mailFrom": {"email": client.account.name,
                               "parameters": {"HOLDFOR": "300"}},
                  "rcptTo": [{"email": other.name, "parameters": None}]})
    made = got[1][1]["created"]["s"]
    assert made["undoStatus"] == "pending"
    mail = got[0][1]["created"]["m"]["id"]
    got = client.ask(
        ("EmailSubmission/set", {"update": {
            made["id"]: {"undoStatus": "canceled"}}}),
        ("Email/set", {"update": {mail: {
            "mailboxIds": {client.box("drafts"): True},
            "keywords/$draft": True}}}),
        ("EmailSubmission/get", {"ids": [made["id"]]}))
    assert made["id"] in got[0][1]["updated"], got[0]
    assert got[2][1]["list"][0]["undoStatus"] == "canceled"
    client.resync()
    assert client.boxes[client.box("drafts")]["totalEmails"] == 1
    assert other.emails() == []
