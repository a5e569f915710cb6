# SPDX-License-Identifier: ISC
"""A mail account as plain dicts, random valid method calls on it and on a
server, and what must hold after each batch of them: every /changes and
/queryChanges applied to an old copy gives exactly what a fresh /get and
/query give, and both are what the model says.

Used by test_property.py (short) and by regress/property (long).  Threads are
modelled as RFC 8621 3 suggests them: mails of one base subject that share a
message id.  Which thread survives a merge is the server's choice: after a
batch the model looks which of its mails got new ids."""

import base64
import json
import random
import time

from helpers import CORE, MAIL

KEYWORDS = ["$seen", "$flagged", "$draft", "$answered", "work", "later"]
WORDS = ["zebra", "quartz", "violin", "magnet", "harbour"]
ROLES = ["trash", "archive", "junk", "important"]
MAILS = 220                 # about so many are kept
BOXES = 14
PIPELINE = 4                # requests in flight, each of 16 calls


class Wire:
    """One kept connection, requests pipelined on it."""

    def __init__(self, account):
        self.account = account
        login = base64.b64encode(
            f"{account.name}:{account.password}".encode()).decode()
        path = "/" + account.session["apiUrl"].split("/", 3)[3]
        self.head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
                     f"Authorization: Basic {login}\r\n"
                     "Content-Type: application/json\r\nContent-Length: ")
        self.sock = account.server.tls()
        self.sock.settimeout(60)
        self.file = self.sock.makefile("rb")

    def send(self, calls):
        body = json.dumps({"using": [CORE, MAIL], "methodCalls": calls})
        self.sock.sendall(f"{self.head}{len(body)}\r\n\r\n{body}".encode())

    def receive(self):
        status = self.file.readline()
        length = None
        while True:
            line = self.file.readline().strip().lower()
            if not line:
                break
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        body = self.file.read(length)
        assert status.split()[1] == b"200", (status, body)
        return json.loads(body)["methodResponses"]

    def calls(self, full):
        """Calls in requests of 16, PIPELINE of them in flight; their
        responses in order."""
        parts = [full[i:i + 16] for i in range(0, len(full), 16)]
        got = []
        for i, p in enumerate(parts):
            self.send(p)
            if i >= PIPELINE - 1:
                got += self.receive()
        for _ in parts[:PIPELINE - 1]:
            got += self.receive()
        assert len(got) == len(full)
        return got

    def close(self):
        self.file.close()
        self.sock.close()


class Mail:
    """A mail of the model; id is None until the server has said it."""

    def __init__(self, kind, boxes, keywords, received):
        self.kind = kind            # of the pool: what is written in it
        self.boxes = set(boxes)     # Box objects
        self.keywords = set(keywords)
        self.received = received
        self.thread = None
        self.id = None
        self.cid = None

    def unread(self):
        return not self.keywords & {"$seen", "$draft"}


class Box:
    def __init__(self, name, parent=None, role=None):
        self.name, self.parent, self.role = name, parent, role
        self.sort, self.subscribed = 0, True
        self.id = None
        self.cid = None


class Kind:
    """One message of the pool."""

    def __init__(self, rng, number, talk, before):
        self.number = number
        word = WORDS[talk % len(WORDS)]
        self.subject = f"{word} talk{talk}"
        if rng.random() < 0.1:
            self.subject = f"other {word} talk{talk}"
        self.msgid = f"m{number}@x.test"
        self.refs = rng.sample(before[-4:],
                               min(len(before), rng.randrange(4)))
        self.sender = rng.randrange(6)
        self.colour = rng.choice(["red", "green"])
        self.attachment = rng.random() < 0.2
        self.sent = 1700000000 + rng.randrange(40) * 3600
        self.word = rng.choice(WORDS)
        self.re = bool(self.refs) and rng.random() < 0.8
        self.pad = "x" * rng.randrange(30)
        self.blob = self.size = None
        self._knows = {(i, self.subject) for i in [self.msgid] + self.refs}

    def knows(self):
        return self._knows

    def raw(self):
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000",
                             time.gmtime(self.sent))
        head = (f"From: S{self.sender} <s{self.sender}@x.test>\r\n"
                f"To: me@x.test\r\nDate: {date}\r\n"
                f"Subject: {'Re: ' if self.re else ''}{self.subject}\r\n"
                f"Message-ID: <{self.msgid}>\r\nX-Kind: {self.colour}\r\n")
        if self.refs:
            head += "References: " + " ".join(
                f"<{r}>" for r in self.refs) + "\r\n"
        body = f"body {self.word}\r\n{self.pad}\r\n"
        if self.attachment:
            return (head + "MIME-Version: 1.0\r\nContent-Type: "
                    "multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + body +
                    "--b\r\nContent-Type: application/pdf\r\nContent-"
                    "Disposition: attachment; filename=a.pdf\r\n\r\npdf\r\n"
                    "--b--\r\n").encode()
        return (head + "\r\n" + body).encode()


def utc(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


class Run:
    def __init__(self, server, seed, log=lambda *a: None):
        self.rng = random.Random(seed)
        self.account = server.adduser()
        self.server = server
        self.log = log
        self.wire = Wire(self.account)
        self.mails, self.boxes = [], []
        self.dirty = set()          # mails whose id may have changed
        self.serial = 0
        self.made = 0               # method calls that change something
        self.asked = 0              # calls that check
        self.batches = self.merges = 0
        self.pool = []
        self.begin()

    # --- the beginning

    def begin(self):
        for talk in range(60):
            before = []
            for _ in range(self.rng.randrange(3, 12)):
                k = Kind(self.rng, len(self.pool), talk, before)
                before.append(k.msgid)
                self.pool.append(k)
        for k in self.pool:
            raw = k.raw()
            k.blob = self.account.upload(raw)["blobId"]
            k.size = len(raw)
        for m in self.account.mailboxes():
            b = Box(m["name"], None, m["role"])
            b.id, b.sort = m["id"], m["sortOrder"]
            b.subscribed = m["isSubscribed"]
            self.boxes.append(b)
        self.inbox = next(b for b in self.boxes if b.role == "inbox")
        self.keep = [self.inbox]
        for name in "keep one", "keep two":
            b = Box(name)
            b.id = self.account.call("Mailbox/set", {"create": {
                "x": {"name": name}}})["created"]["x"]["id"]
            self.boxes.append(b)
            self.keep.append(b)
        self.queries = self.standing()
        self.copy = Copy(self)
        self.old = None             # an older copy of it all

    def standing(self):
        """The queries a client has open: filter, sort, how the model sees
        both.  Each collapsed and not."""
        a, b = self.keep[0], self.keep[1]
        mid = utc(1700000000 + 90000)
        newest = [{"property": "receivedAt", "isAscending": False}]
        oldest = [{"property": "receivedAt"}]
        flags = [{"property": "someInThreadHaveKeyword",
                  "keyword": "$flagged", "isAscending": False},
                 {"property": "receivedAt", "isAscending": False}]
        every = [{"property": "allInThreadHaveKeyword", "keyword": "$seen"},
                 {"property": "subject"}]
        seen = [{"property": "hasKeyword", "keyword": "$seen"},
                {"property": "receivedAt", "isAscending": False}]
        out = []
        for f, s in [
                (None, newest), (None, None), ({"inMailbox": a}, newest),
                ({"inMailbox": b}, oldest),
                ({"inMailbox": a, "notKeyword": "$seen"}, newest),
                ({"inMailbox": a, "hasKeyword": "work"}, oldest),
                ({"hasKeyword": "$flagged"}, newest),
                ({"inMailboxOtherThan": [a, b]}, newest),
                ({"inMailbox": b, "someInThreadHaveKeyword": "$seen"},
                 newest),
                ({"noneInThreadHaveKeyword": "work"}, oldest),
                ({"allInThreadHaveKeyword": "$seen"}, newest),
                (None, flags), ({"inMailbox": a}, flags),
                ({"inMailbox": a}, every), (None, seen),
                ({"inMailbox": b}, [{"property": "size"},
                                    {"property": "from"}]),
                ({"inMailbox": a}, [{"property": "subject"},
                                    {"property": "receivedAt"}]),
                ({"text": "zebra"}, newest),
                ({"subject": "quartz", "inMailbox": a}, oldest),
                ({"from": "s3"}, [{"property": "sentAt",
                                   "isAscending": False}]),
                ({"header": ["X-Kind", "red"]}, newest),
                ({"hasAttachment": True, "inMailbox": a}, newest),
                ({"after": mid, "inMailbox": a}, newest),
                ({"before": mid}, newest),
                ({"minSize": 300, "maxSize": 360}, newest),
                ({"operator": "OR", "conditions": [
                    {"hasKeyword": "$flagged"}, {"inMailbox": b}]}, newest),
                ({"operator": "NOT", "conditions": [
                    {"inMailbox": a}, {"hasKeyword": "$seen"}]}, oldest),
                ({"operator": "AND", "conditions": [
                    {"operator": "OR", "conditions": [
                        {"inMailbox": a}, {"inMailbox": b}]},
                    {"notKeyword": "$seen"}]}, newest)]:
            for collapse in False, True:
                out.append(Query(self, f, s, collapse))
        return out

    # --- random calls

    def cid(self):
        self.serial += 1
        return f"c{self.serial}"

    def ref(self, x):
        """Its id, or its creation id in the request that makes it."""
        return x.id if x.id else "#" + x.cid

    def can(self, x):
        return x.id is not None or x.cid in self.here

    def some_mails(self, most=3):
        good = [m for m in self.mails if m not in self.dirty and m.id]
        return self.rng.sample(good, min(len(good),
                                         self.rng.randrange(1, most + 1)))

    def some_boxes(self):
        good = [b for b in self.boxes if self.can(b)]
        # mostly where the standing queries look
        pick = self.rng.choices([b for b in self.keep], k=1) + \
            self.rng.sample(good, min(len(good), 2))
        return list(dict.fromkeys(
            self.rng.sample(pick, self.rng.randrange(1, 3))))

    def some_keywords(self):
        return {k for k in KEYWORDS if self.rng.random() < 0.3}

    def add(self, m):
        """Into its thread, as RFC 8621 3 has it."""
        knows = m.kind.knows()
        joined = {x.thread for x in self.mails if x.kind.knows() & knows}
        m.thread = joined.pop() if joined else object()
        if joined:
            self.merges += 1
            for x in self.mails:
                if x.thread in joined or x.thread is m.thread:
                    self.dirty.add(x)
                    x.thread = m.thread
        self.mails.append(m)

    def some_kind(self):
        """Mostly one that joins threads."""
        return max(self.rng.sample(self.pool, self.rng.choice([1, 8])),
                   key=self.joins)

    def joins(self, kind):
        knows = kind.knows()
        return len({m.thread for m in self.mails
                    if m.kind.knows() & knows})

    def op_import(self):
        args, made = {}, {}
        for _ in range(self.rng.randrange(1, 4)):
            m = Mail(self.some_kind(), self.some_boxes(),
                     self.some_keywords(),
                     1700000000 + self.rng.randrange(50) * 3600)
            m.cid = self.cid()
            args[m.cid] = {
                "blobId": m.kind.blob, "receivedAt": utc(m.received),
                "mailboxIds": {self.ref(b): True for b in m.boxes},
                "keywords": {k: True for k in m.keywords}}
            made[m.cid] = m
            self.add(m)

        def check(r):
            assert not r["notCreated"], r
            for cid, m in made.items():
                m.id = r["created"][cid]["id"]
                assert r["created"][cid]["blobId"] == m.kind.blob
                assert r["created"][cid]["size"] == m.kind.size
        return "Email/import", {"emails": args}, check

    def op_flag(self):
        update = {}
        for m in self.some_mails(4):
            if self.rng.random() < 0.3:
                m.keywords = self.some_keywords()
                update[m.id] = {"keywords": {k: True for k in m.keywords}}
                continue
            p = update[m.id] = {}
            for k in self.rng.sample(KEYWORDS, self.rng.randrange(1, 3)):
                if k in m.keywords:
                    m.keywords.discard(k)
                    p["keywords/" + k] = None
                else:
                    m.keywords.add(k)
                    p["keywords/" + k] = True
        return self.set_mails(update)

    def op_move(self):
        update = {}
        for m in self.some_mails(4):
            new = set(self.some_boxes())
            if self.rng.random() < 0.4:
                update[m.id] = {"mailboxIds": {self.ref(b): True
                                               for b in new}}
            else:
                p = {"mailboxIds/" + self.ref(b): True for b in new}
                p.update({"mailboxIds/" + self.ref(b): None
                          for b in m.boxes - new if self.can(b)})
                new |= {b for b in m.boxes if not self.can(b)}
                update[m.id] = p
            m.boxes = new
        return self.set_mails(update)

    def op_destroy_mail(self):
        gone = self.some_mails(5 if len(self.mails) > MAILS else 2)
        for m in gone:
            self.mails.remove(m)
        return self.set_mails({}, [m.id for m in gone])

    def set_mails(self, update, destroy=()):
        def check(r):
            assert not r["notUpdated"] and not r["notDestroyed"], r
            assert set(r["updated"] or ()) == set(update)
            assert sorted(r["destroyed"] or ()) == sorted(destroy)
        return "Email/set", {"update": update, "destroy": list(destroy)}, \
            check

    def op_create_mail(self):
        # of a message that is not in the pool: a thread of its own
        k = Kind(self.rng, 1000000 + self.serial, 1000 + self.serial, [])
        k.re = k.attachment = False
        m = Mail(k, self.some_boxes(), self.some_keywords(),
                 1700000000 + self.rng.randrange(50) * 3600)
        m.cid = self.cid()
        self.add(m)
        one = {"mailboxIds": {self.ref(b): True for b in m.boxes},
               "keywords": {x: True for x in m.keywords},
               "receivedAt": utc(m.received), "subject": k.subject,
               "from": [{"name": f"S{k.sender}",
                         "email": f"s{k.sender}@x.test"}],
               "messageId": [k.msgid], "sentAt": utc(k.sent),
               "header:X-Kind:asText": k.colour,
               "bodyValues": {"1": {"value": f"body {k.word}\n{k.pad}"}},
               "textBody": [{"partId": "1", "type": "text/plain"}]}

        def check(r):
            assert not r["notCreated"], r
            m.id = r["created"][m.cid]["id"]
            k.blob = r["created"][m.cid]["blobId"]
            k.size = r["created"][m.cid]["size"]
        return "Email/set", {"create": {m.cid: one}}, check

    def free_name(self, parent, box=None):
        taken = {b.name for b in self.boxes
                 if b.parent is parent and b is not box}
        return self.rng.choice([n for n in
                                (f"box {i}" for i in range(40))
                                if n not in taken])

    def depth(self, b):
        return 0 if b is None else 1 + self.depth(b.parent)

    def below(self, b):
        kids = [k for k in self.boxes if k.parent is b]
        return kids + [x for k in kids for x in self.below(k)]

    def op_create_box(self):
        if len(self.boxes) > BOXES:
            return self.op_destroy_box()
        parents = [b for b in self.boxes if self.can(b) and
                   self.depth(b) < 5] + [None]
        b = Box(None, self.rng.choice(parents))
        b.name = self.free_name(b.parent)
        b.cid = self.cid()
        roles = [r for r in ROLES if r not in
                 {x.role for x in self.boxes}]
        one = {"name": b.name,
               "parentId": b.parent and self.ref(b.parent)}
        if roles and self.rng.random() < 0.5:
            one["role"] = b.role = self.rng.choice(roles)
        self.boxes.append(b)
        self.here.add(b.cid)

        def check(r):
            assert not r["notCreated"], r
            b.id = r["created"][b.cid]["id"]
        return "Mailbox/set", {"create": {b.cid: one}}, check

    def op_change_box(self):
        b = self.rng.choice([b for b in self.boxes if b.id])
        p = {}
        what = self.rng.randrange(5)
        if what == 0:
            p["name"] = b.name = self.free_name(b.parent, b)
        elif what == 1:
            no = [b] + self.below(b)
            b.parent = self.rng.choice(
                [x for x in self.boxes if x not in no and self.can(x) and
                 self.depth(x) < 4] + [None])
            p["parentId"] = b.parent and self.ref(b.parent)
            p["name"] = b.name = self.free_name(b.parent, b)
        elif what == 2:
            p["sortOrder"] = b.sort = self.rng.randrange(9)
        elif what == 3:
            p["isSubscribed"] = b.subscribed = not b.subscribed
        elif b.role != "inbox":
            roles = [r for r in ROLES if r not in
                     {x.role for x in self.boxes if x is not b}]
            p["role"] = b.role = self.rng.choice(roles + [None])

        def check(r):
            assert not r["notUpdated"], r
            assert list(r["updated"]) == [b.id]
        return "Mailbox/set", {"update": {b.id: p}}, check

    def op_destroy_box(self):
        good = [b for b in self.boxes if b.id and b not in self.keep and
                not self.below(b)]
        if not good:
            return self.op_flag()
        b = self.rng.choice(good)
        full = any(b in m.boxes for m in self.mails)
        remove = self.rng.random() < 0.8
        if remove or not full:
            self.boxes.remove(b)
            for m in self.mails:
                m.boxes.discard(b)
            self.mails = [m for m in self.mails if m.boxes]

        def check(r):
            if full and not remove:
                assert r["notDestroyed"][b.id]["type"] == "mailboxHasEmail"
            else:
                assert r["destroyed"] == [b.id], r
        return "Mailbox/set", {"destroy": [b.id],
                               "onDestroyRemoveEmails": remove}, check

    def op(self):
        few = len(self.mails) < MAILS
        return self.rng.choices(
            [self.op_import, self.op_flag, self.op_move,
             self.op_destroy_mail, self.op_create_mail, self.op_create_box,
             self.op_change_box, self.op_destroy_box],
            [30 if few else 12, 25, 20, 8 if few else 20, 3, 3, 4, 2])[0]()

    # --- a batch

    def batch(self, n):
        """n calls, in requests of 16 that are all in flight at once."""
        checks = []
        for i in range(n):
            if i % 16 == 0:
                self.here = set()
            checks.append(self.op())
        got = self.wire.calls([self.whole(c) for c in checks])
        for (name, args, check), r in zip(checks, got):
            assert r[0] == name, (name, args, r)
            check(r[1])
        self.made += n
        self.batches += 1

    def whole(self, call):
        return [call[0], {"accountId": self.account.id, **call[1]}, "0"]

    def ask(self, calls):
        """Arguments of the responses to [(name, args)]; an error's, too."""
        self.asked += len(calls)
        return [r[1] for r in self.wire.calls(
            [self.whole(c) for c in calls])]

    # --- what must hold

    def verify(self):
        fresh = self.fresh()
        self.rename(fresh)
        self.check_model(fresh)
        self.copy.bring_up(fresh)
        lists = self.check_queries()
        self.check_deltas(lists)
        if self.old is None or self.rng.random() < 0.3:
            if self.old is not None:
                self.old.bring_up(fresh)
            self.old = Copy(self, self.copy)
        self.windows(lists)

    def fresh(self):
        """Everything, by /get."""
        q, = self.ask([("Email/query", {"limit": 4000})])
        ids = q["ids"]
        calls = [("Mailbox/get", {"ids": None})]
        for i in range(0, len(ids), 400):
            calls.append(("Email/get", {
                "ids": ids[i:i + 400], "properties": Copy.PROPS}))
        got = self.ask(calls)
        out = {"Mailbox": {x["id"]: x for x in got[0]["list"]},
               "Email": {}, "Thread": {},
               "state": {"Mailbox": got[0]["state"]}}
        for g in got[1:]:
            assert not g["notFound"]
            out["Email"].update({x["id"]: x for x in g["list"]})
            out["state"]["Email"] = g["state"]
        tids = sorted({x["threadId"] for x in out["Email"].values()})
        calls = [("Thread/get", {"ids": tids[i:i + 400]})
                 for i in range(0, len(tids) or 1, 400)]
        for g in self.ask(calls):
            assert not g["notFound"]
            out["Thread"].update({x["id"]: x for x in g["list"]})
            out["state"]["Thread"] = g["state"]
        return out

    def row(self, m):
        return (m.kind.blob, utc(m.received),
                tuple(sorted(b.id for b in m.boxes)),
                tuple(sorted(m.keywords)))

    def rename(self, fresh):
        """Ids that merged threads have changed."""
        known = {m.id for m in self.mails}
        there = set(fresh["Email"])
        lost = {}
        for m in self.mails:
            if m.id not in there:
                assert m in self.dirty, f"{m.id} is gone"
                lost.setdefault(self.row(m), []).append(m)
        for id in there - known:
            e = fresh["Email"][id]
            row = (e["blobId"], e["receivedAt"],
                   tuple(sorted(e["mailboxIds"])),
                   tuple(sorted(e["keywords"])))
            assert lost.get(row), f"{id} should not be: {e}"
            lost[row].pop().id = id
        assert not any(lost.values()), lost
        self.dirty.clear()

    def check_model(self, fresh):
        by = {m.id: m for m in self.mails}
        assert set(by) == set(fresh["Email"])
        names = {}          # thread of the model -> threadId
        for id, e in fresh["Email"].items():
            m = by[id]
            assert e["keywords"] == {k: True for k in m.keywords}, id
            assert e["mailboxIds"] == {b.id: True for b in m.boxes}, id
            assert names.setdefault(m.thread, e["threadId"]) == \
                e["threadId"], id
        assert len(set(names.values())) == len(names)
        for t, tid in names.items():
            want = sorted((m.received, m.id) for m in self.mails
                          if m.thread is t)
            got = fresh["Thread"][tid]["emailIds"]
            assert [(by[i].received) for i in got] == [w[0] for w in want]
            assert sorted(got) == sorted(w[1] for w in want)
        assert {b.id for b in self.boxes} == set(fresh["Mailbox"])
        for b in self.boxes:
            g = fresh["Mailbox"][b.id]
            assert (g["name"], g["role"], g["sortOrder"], g["isSubscribed"],
                    g["parentId"]) == (b.name, b.role, b.sort, b.subscribed,
                                       b.parent and b.parent.id)
            assert (g["totalEmails"], g["unreadEmails"], g["totalThreads"],
                    g["unreadThreads"]) == self.counts(b), b.name

    def counts(self, b):
        """RFC 8621 2, with the words on unreadThreads and the trash."""
        inside = [m for m in self.mails if b in m.boxes]
        threads = {m.thread for m in inside}
        trash = next((x for x in self.boxes if x.role == "trash"), None)
        if b is trash:
            unread = {m.thread for m in inside if m.unread()}
        else:
            unread = {m.thread for m in self.mails
                      if m.unread() and m.boxes != {trash}}
        return (len(inside), sum(m.unread() for m in inside), len(threads),
                len(threads & unread))

    def check_queries(self):
        """Fresh answers of all standing queries, held against the model."""
        got = self.ask([("Email/query", q.args(limit=4000,
                                               calculateTotal=True))
                        for q in self.queries])
        by = {m.id: m for m in self.mails}
        tally = {}
        for m in self.mails:
            tally.setdefault(m.thread, []).append(m)
        out, flat = {}, None
        for q, r in zip(self.queries, got):
            assert "ids" in r, (q.name, r)
            assert r["total"] == len(r["ids"]), q.name
            assert r["position"] == 0
            if not q.collapse:
                q.check(r["ids"], self.mails, by, tally)
                flat = r["ids"]
            else:
                seen, want = set(), []
                for i in flat:
                    if by[i].thread not in seen:
                        seen.add(by[i].thread)
                        want.append(i)
                assert r["ids"] == want, q.name
            assert r["canCalculateChanges"], q.name
            out[q] = r
        return out

    def check_deltas(self, lists):
        asked = [q.ask() for q in self.queries]
        got = self.ask([c for calls in asked for c in calls])
        more = []
        for q, calls in zip(self.queries, asked):
            r, got = got[:len(calls)], got[len(calls):]
            more += q.follow(lists[q], calls, r)
        for (_, short), r in zip(more, self.ask([c for c, _ in more])):
            if short:
                assert r["type"] == "tooManyChanges", r
            else:
                assert "removed" in r, r

    def windows(self, lists):
        """RFC 8620 5.5: positions, anchors and limits of one query."""
        q = self.rng.choice(self.queries)
        ids = lists[q]["ids"]
        n = len(ids)
        want, calls = [], []
        for _ in range(6):
            limit = self.rng.randrange(1, 12)
            kind = self.rng.randrange(3)
            pos = self.rng.randrange(n + 3)
            if kind == 0:
                args = {"position": pos}
            elif kind == 1:
                pos = -self.rng.randrange(1, n + 3)
                args = {"position": pos}
                pos = max(0, n + pos)
            elif n == 0:
                continue
            else:
                at = self.rng.randrange(n)
                off = self.rng.randrange(-5, 6)
                args = {"anchor": ids[at], "anchorOffset": off,
                        "position": 3}
                pos = max(0, at + off)
            if self.rng.random() < 0.5:
                args["calculateTotal"] = True
            calls.append(("Email/query", q.args(limit=limit, **args)))
            want.append((pos, ids[pos:pos + limit]))
        for (_, args), (pos, part), r in zip(calls, want, self.ask(calls)):
            assert r["ids"] == part, (q.name, args, r)
            assert not part or r["position"] == pos, (q.name, args, r)
            assert r.get("total", n) == n
            assert ("total" in r) == ("calculateTotal" in args)

    def run(self, calls=None, seconds=None):
        end = time.monotonic() + (seconds or 1e9)
        while (calls is None or self.made < calls) and \
                time.monotonic() < end:
            n = 16 * PIPELINE
            if self.rng.random() < 0.3:
                n = self.rng.randrange(1, n)
            self.batch(min(n, calls - self.made) if calls else n)
            self.verify()
            if self.batches % 200 == 0:
                self.check_store()
                self.log(f"{self.made} calls, {self.asked} to check them, "
                         f"{self.batches} batches, {self.merges} merges")
        self.old.bring_up(self.fresh())
        self.check_store()

    def check_store(self):
        self.server.jmapctl("check", self.account.name)


class Query:
    """A standing query: what is asked, what the model says to it, and two
    clients' copies of its result, one of them old."""

    def __init__(self, run, filter, sort, collapse):
        self.run, self.filter, self.sort = run, filter, sort
        self.collapse = collapse
        self.have = []              # [(state, ids)]
        self.name = f"{self.plain(filter)} {sort} collapse={collapse}"

    def plain(self, f):
        """The filter with ids for boxes."""
        if isinstance(f, dict):
            return {k: self.plain(v) for k, v in f.items()}
        if isinstance(f, list):
            return [self.plain(v) for v in f]
        return f.id if isinstance(f, Box) else f

    def args(self, **more):
        out = {"filter": self.plain(self.filter), "sort": self.sort, **more}
        if self.collapse:
            out["collapseThreads"] = True
        return out

    def matches(self, f, m, tally):
        if f is None:
            return True
        if "operator" in f:
            got = [self.matches(c, m, tally) for c in f["conditions"]]
            return {"AND": all, "OR": any,
                    "NOT": lambda g: not any(g)}[f["operator"]](got)
        return all(self.condition(k, v, m, tally) for k, v in f.items())

    def condition(self, k, v, m, tally):
        kind = m.kind
        if k == "inMailbox":
            return v in m.boxes
        if k == "inMailboxOtherThan":
            return bool(m.boxes - set(v))
        if k == "hasKeyword":
            return v in m.keywords
        if k == "notKeyword":
            return v not in m.keywords
        if k.endswith("InThreadHaveKeyword"):
            has = [v in x.keywords for x in tally[m.thread]]
            return {"al": all(has), "so": any(has),
                    "no": not any(has)}[k[:2]]
        if k == "hasAttachment":
            return kind.attachment == v
        if k == "after":
            return utc(m.received) >= v
        if k == "before":
            return utc(m.received) < v
        if k == "minSize":
            return kind.size >= v
        if k == "maxSize":
            return kind.size < v
        if k == "text":
            return v in kind.subject.split() or v == kind.word
        if k == "subject":
            return v in kind.subject.split()
        if k == "from":
            return v == f"s{kind.sender}"
        assert k == "header"
        return kind.colour == v[1]

    def key(self, m, tally):
        out = []
        for s in self.sort or ():
            p = s["property"]
            if p == "receivedAt":
                v = m.received
            elif p == "size":
                v = m.kind.size
            elif p == "sentAt":
                v = m.kind.sent
            elif p == "subject":
                v = m.kind.subject
            elif p == "from":
                v = m.kind.sender
            else:
                has = [s["keyword"] in x.keywords for x in tally[m.thread]]
                v = {"h": s["keyword"] in m.keywords, "a": all(has),
                     "s": any(has)}[p[0]]
            if not s.get("isAscending", True):
                v = -v
            out.append(v)
        return out

    def check(self, ids, mails, by, tally):
        want = {m.id for m in mails if self.matches(self.filter, m, tally)}
        assert len(set(ids)) == len(ids), self.name
        assert set(ids) == want, (self.name, set(ids) ^ want)
        keys = [self.key(by[i], tally) for i in ids]
        assert keys == sorted(keys), self.name

    def ask(self):
        """/queryChanges from each state we hold: plain, and with upToId."""
        calls = []
        for old, cached in self.have:
            calls.append(("Email/queryChanges", self.args(
                sinceQueryState=old, calculateTotal=True)))
            up = self.run.rng.choice(cached) if cached else None
            calls.append(("Email/queryChanges", self.args(
                sinceQueryState=old, upToId=up)))
        return calls

    def follow(self, now, calls, got):
        """They must lead to now.  Returns more calls, and whether each must
        be refused."""
        ids, state = now["ids"], now["queryState"]
        more = []
        for k, (old, cached) in enumerate(self.have):
            r, part = got[2 * k], got[2 * k + 1]
            assert "removed" in r, (self.name, r)
            new = self.apply(cached, r)
            assert new == ids, (self.name, cached, r, ids)
            assert r["total"] == len(ids)
            assert r["oldQueryState"] == old
            assert r["newQueryState"] == state, self.name
            assert "total" not in part
            up = calls[2 * k + 1][1]["upToId"]
            if up is not None:
                self.check_part(cached, up, part, ids)
            if cached != ids:
                assert old != state, self.name
            more += self.too_many(old, r)
        if len(self.have) < 2 or self.run.rng.random() < 0.3:
            self.have[0:1] = [(state, ids)]
        self.have[1:] = [(state, ids)]
        return more

    def apply(self, cached, r):
        gone = set(r["removed"])
        new = [i for i in cached if i not in gone]
        last = -1
        for a in r["added"]:
            assert a["index"] > last, r
            last = a["index"]
            assert a["index"] <= len(new), (self.name, cached, r)
            assert a["id"] not in new, (self.name, r)
            new.insert(a["index"], a["id"])
        return new

    def check_part(self, cached, up, r, ids):
        """A client that has the list up to an id: what it has of it after
        the change is right as far as that id, if that is still there."""
        head = cached[:cached.index(up) + 1]
        gone = set(r["removed"])
        new = [i for i in head if i not in gone]
        for a in r["added"]:
            if a["index"] <= len(new):
                new.insert(a["index"], a["id"])
        if up in ids and up in new:
            end = new.index(up) + 1
            assert new[:end] == ids[:end], (self.name, up, cached, r, ids)

    def too_many(self, old, r):
        n = len(r["removed"]) + len(r["added"])
        if n == 0 or self.run.rng.random() > 0.05:
            return []
        return [(("Email/queryChanges", self.args(
            sinceQueryState=old, maxChanges=most)), most < n)
            for most in (n, n - 1)]


class Copy:
    """What a client has of all objects, brought up to date by /changes."""

    PROPS = ["blobId", "threadId", "mailboxIds", "keywords", "receivedAt"]
    TYPES = "Mailbox", "Email", "Thread"

    def __init__(self, run, other=None):
        self.run = run
        self.have = {t: dict(other.have[t]) for t in self.TYPES} \
            if other else None
        self.state = dict(other.state) if other else {}

    def bring_up(self, fresh):
        if self.have is None:
            self.have = {t: dict(fresh[t]) for t in self.TYPES}
            self.state = dict(fresh["state"])
            return
        for t in self.TYPES:
            self.changes(t, fresh)
            assert self.have[t] == fresh[t], (t, {
                k: (self.have[t].get(k), fresh[t].get(k))
                for k in set(self.have[t]) | set(fresh[t])
                if self.have[t].get(k) != fresh[t].get(k)})
            assert self.state[t] == fresh["state"][t], t

    def changes(self, t, fresh):
        run, have = self.run, self.have[t]
        limit = run.rng.choice([None, None, 1000, 7])
        while True:
            r, = run.ask([(t + "/changes", {"sinceState": self.state[t],
                                            "maxChanges": limit})])
            assert "newState" in r, (t, r)
            ids = r["created"] + r["updated"]
            assert r["oldState"] == self.state[t]
            assert limit is None or len(ids + r["destroyed"]) <= limit
            assert len(set(ids + r["destroyed"])) == \
                len(ids + r["destroyed"])
            assert r["hasMoreChanges"] or fresh["state"][t] == r["newState"]
            assert not set(r["created"]) & set(have), (t, r)
            assert set(r["updated"]) <= set(have), (t, r)
            assert set(r["destroyed"]) <= set(have), (t, r)
            for id in r["destroyed"]:
                del have[id]
            self.fetch(t, r, have)
            self.state[t] = r["newState"]
            if not r["hasMoreChanges"]:
                return

    def fetch(self, t, r, have):
        props = {"Email": self.PROPS}.get(t)
        counts = r.get("updatedProperties")
        for ids, want in (r["created"], props), (r["updated"],
                                                 counts or props):
            if not ids:
                continue
            args = {"ids": ids}
            if want:
                args["properties"] = want
            got, = self.run.ask([(t + "/get", args)])
            for x in got["list"]:
                have[x["id"]] = {**have.get(x["id"], {}), **x} \
                    if counts and ids is r["updated"] else x
            # gone again by a later change that we have not read yet
            for id in got["notFound"]:
                have.setdefault(id, None)
