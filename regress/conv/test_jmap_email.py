# SPDX-License-Identifier: ISC
"""Email over the wire: what a client sees of real-looking mail, held against
Python's own reading of the same bytes, and the conversation of RFC 8621 4.10.
"""

import email
import email.header
import email.policy
import email.utils
import pathlib
import re
import subprocess
import unicodedata

import pytest

import helpers

# Python and RFC 8621 part ways on these; each has its row in the unit tests.
BROKEN = re.compile(r"bad-|from-line|obsolete")


@pytest.fixture(scope="module")
def samples(server, tmp_path_factory):
    """(account, {file name: (bytes, Email id)})"""
    folder = tmp_path_factory.mktemp("mail")
    subprocess.run([str(helpers.SAMPLES / "generate"), str(folder)],
                   check=True)
    account = server.adduser()
    inbox = account.mailbox()
    got = {}
    files = sorted(folder.glob("*.eml"))
    for i in range(0, len(files), 50):
        batch = {}
        for f in files[i:i + 50]:
            blob = account.upload(f.read_bytes())["blobId"]
            batch[f"f{len(got) + len(batch)}"] = (f, {
                "blobId": blob, "mailboxIds": {inbox: True}})
        made = account.call("Email/import", {
            "emails": {k: v[1] for k, v in batch.items()}})
        assert made["notCreated"] is None
        for k, (f, _) in batch.items():
            got[f.name] = f.read_bytes(), made["created"][k]["id"]
    # threads may have been merged, which renews ids: ask for them again
    ids = account.call("Email/query", {"limit": 1000})["ids"]
    assert len(ids) == len(got)
    by_blob = {}
    for k in range(0, len(ids), 400):
        for e in account.call("Email/get", {
                "ids": ids[k:k + 400],
                "properties": ["blobId"]})["list"]:
            by_blob.setdefault(e["blobId"], []).append(e["id"])
    for name, (raw, _) in got.items():
        blob = account.upload(raw)["blobId"]
        got[name] = raw, by_blob[blob].pop()
    return account, got


def every(samples, properties, **args):
    """Pairs of name, raw bytes, Email for every sample."""
    account, got = samples
    names = list(got)
    for i in range(0, len(names), 100):
        part = names[i:i + 100]
        ids = [got[n][1] for n in part]
        answer = account.call("Email/get", {
            "ids": ids, "properties": properties, **args})
        assert answer["notFound"] == []
        found = {e["id"]: e for e in answer["list"]}
        for n in part:
            yield n, got[n][0], found[got[n][1]]


def parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.compat32)


def text(value):
    """A header as Python decodes it, in the Text form of RFC 8621."""
    value = re.sub(r"\r?\n(?=[ \t])", "", str(value))
    out = str(email.header.make_header(email.header.decode_header(value)))
    return unicodedata.normalize("NFC", out.lstrip(" "))


def sane(samples, properties, **args):
    for name, raw, e in every(samples, properties, **args):
        if not BROKEN.search(name):
            yield name, raw, e


def test_every_byte_is_kept(samples):
    account, _ = samples
    for name, raw, e in every(samples, ["blobId", "size"]):
        assert e["size"] == len(raw), name
        assert account.download(e["blobId"]) == raw, name


def test_headers_are_those_of_the_message(samples):
    n = 0
    for name, raw, e in sane(samples, ["headers"]):
        want = [(k, re.sub(r"\r\n", "\n", str(v)))
                for k, v in parse(raw).items()]
        got = [(h["name"], h["value"].lstrip(" \t").replace("\r\n", "\n"))
               for h in e["headers"]]
        if any(ord(c) > 126 for _, v in want for c in v):
            continue    # raw 8-bit: Python guesses
        assert got == [(k, v.lstrip(" \t")) for k, v in want], name
        n += 1
    assert n > 100


def test_subjects_decode_alike(samples):
    n = 0
    for name, raw, e in sane(samples, ["subject"]):
        value = parse(raw)["Subject"]
        if value is None:
            assert e["subject"] is None, name
            continue
        if any(b > 126 for b in raw.split(b"\r\n\r\n")[0]):
            continue
        try:
            want = text(value)
        except LookupError:
            continue        # a charset that Python does not have
        assert e["subject"] == want, name
        n += 1
    assert n > 100


def test_addresses_parse_alike(samples):
    n = 0
    for name, raw, e in sane(samples, ["from", "to", "cc"]):
        m = parse(raw)
        for prop in "from", "to", "cc":
            fields = m.get_all(prop, [])
            if len(fields) != 1 or ":" in str(fields[0]) or \
               any(ord(c) > 126 for c in str(fields[0])):
                continue        # groups, several: not Python's way
            want = [a for _, a in email.utils.getaddresses(
                [str(f) for f in fields]) if a]
            assert [a["email"] for a in e[prop] or []] == want, (name, prop)
            n += 1
    assert n > 200


def test_dates_are_the_same_moment(samples):
    n = 0
    for name, raw, e in sane(samples, ["sentAt"]):
        when = parse(raw)["Date"]
        try:
            when = when and email.utils.parsedate_to_datetime(when)
        except ValueError:
            continue        # a leap second, a month of 31 days
        if when is None:
            assert e["sentAt"] is None, name
            continue
        got = email.utils.datetime.datetime.fromisoformat(
            e["sentAt"].replace("Z", "+00:00"))
        if when.tzinfo is None:
            when = when.replace(tzinfo=email.utils.datetime.timezone.utc)
        assert got == when, name
        n += 1
    assert n > 100


def leaves(structure):
    """Parts that are no multiparts, in order."""
    if "subParts" in structure:
        return [x for s in structure["subParts"] for x in leaves(s)]
    return [structure]


def python_leaves(m):
    """The same of Python's tree, not looking into attached messages."""
    if m.get_content_maintype() == "multipart" and m.is_multipart():
        return [x for s in m.get_payload() for x in python_leaves(s)]
    return [m]


def test_structure_and_parts_agree(samples):
    account, _ = samples
    n = 0
    for name, raw, e in sane(samples, ["bodyStructure", "bodyValues"],
                             fetchAllBodyValues=True):
        if "nested-5" in name:
            continue        # deeper than we look: one part of raw bytes
        mine = leaves(e["bodyStructure"])
        theirs = python_leaves(parse(raw))
        if any(q.get_content_maintype() == "multipart" for q in theirs):
            continue        # of no parts: we show its text
        assert [p["type"] for p in mine] == \
            [p.get_content_type() for p in theirs], name
        for p, q in zip(mine, theirs):
            if q.get_content_maintype() in ("multipart", "message"):
                continue
            want = q.get_payload(decode=True)
            cte = str(q.get("Content-Transfer-Encoding", "")).lower()
            if cte not in ("base64", "quoted-printable"):
                got = account.download(p["blobId"])
                assert got.rstrip(b"\r\n") == want.rstrip(b"\r\n"), name
            else:
                assert account.download(p["blobId"]) == want, name
            n += 1
            if p["type"].startswith("text/"):
                assert p["partId"] in e["bodyValues"], name
                check_value(name, q, e["bodyValues"][p["partId"]], want)
    assert n > 150


def check_value(name, part, value, octets):
    charset = part.get_content_charset("us-ascii")
    try:
        want = octets.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return          # then it is a guess, and says so in most cases
    want = want.replace("\r\n", "\n")
    assert not value["isTruncated"], name
    got = value["value"]
    assert got.rstrip("\n") == want.rstrip("\n"), name


def test_previews_are_short_and_plain(samples):
    for name, raw, e in every(samples, ["preview", "hasAttachment"]):
        assert len(e["preview"].encode("utf-16-le")) // 2 <= 256, name
        assert "\n" not in e["preview"], name
        assert isinstance(e["hasAttachment"], bool), name


def test_values_are_cut_between_characters(samples):
    for limit in 1, 7, 100:
        for name, raw, e in every(samples, ["bodyValues"],
                                  fetchAllBodyValues=True,
                                  maxBodyValueBytes=limit):
            for v in e["bodyValues"].values():
                assert len(v["value"].encode()) <= limit, name


def test_all_samples_are_found_by_their_words(samples):
    account, got = samples
    n = 0
    for name, raw, e in sane(samples, ["subject"]):
        words = re.findall(r"(?<!\S)[^\W\d_]{5,}(?!\S)", e["subject"] or "")
        if not words:
            continue
        found = account.call("Email/query", {
            "filter": {"subject": " ".join(words[:3])}, "limit": 500})["ids"]
        assert e["id"] in found, (name, words)
        n += 1
    assert n > 80


def test_the_conversation_of_the_rfc(account):
    inbox = account.mailbox()
    for i in range(6):
        refs = f"References: <m{i - 3}@x.test>\r\n" if i >= 3 else ""
        re_ = "Re: " if i >= 3 else ""
        account.add_mail(
            f"From: a{i}@x.test\r\nSubject: {re_}topic {i % 3}\r\n"
            f"Message-ID: <m{i}@x.test>\r\n{refs}\r\nbody {i}\r\n".encode(),
            received=f"2024-01-0{i + 1}T00:00:00Z")
    view = {"filter": {"inMailbox": inbox}, "collapseThreads": True,
            "sort": [{"property": "receivedAt", "isAscending": False}],
            "calculateTotal": True}
    got = account.calls(
        ("Email/query", {**view, "position": 0, "limit": 30}),
        ("Email/get", {"#ids": {"resultOf": "0", "name": "Email/query",
                                "path": "/ids"},
                       "properties": ["threadId"]}),
        ("Thread/get", {"#ids": {"resultOf": "1", "name": "Email/get",
                                 "path": "/list/*/threadId"}}),
        ("Email/get", {"#ids": {"resultOf": "2", "name": "Thread/get",
                                "path": "/list/*/emailIds"},
                       "properties": ["threadId", "mailboxIds", "keywords",
                                      "hasAttachment", "from", "subject",
                                      "receivedAt", "size", "preview"]}))
    assert [g[0] for g in got] == ["Email/query", "Email/get", "Thread/get",
                                   "Email/get"]
    query, _, threads, rows = [g[1] for g in got]
    assert query["total"] == 3 and len(query["ids"]) == 3
    assert query["canCalculateChanges"]
    assert [len(t["emailIds"]) for t in threads["list"]] == [2, 2, 2]
    assert len(rows["list"]) == 6
    assert all(r["mailboxIds"] == {inbox: True} for r in rows["list"])

    # another client marks one as read; one is destroyed, one comes in
    state, first = rows["state"], query["ids"][0]
    account.call("Email/set", {"update": {first: {"keywords/$seen": True}}})
    account.call("Email/set", {"destroy": [query["ids"][1]]})
    new = account.add_mail(b"Subject: fresh\r\n\r\nx\r\n",
                           received="2024-02-01T00:00:00Z")
    changes, delta = account.calls(
        ("Email/changes", {"sinceState": state, "maxChanges": 50}),
        ("Email/queryChanges", {**view,
                                "sinceQueryState": query["queryState"]}))
    assert changes[1]["updated"] == [first]
    assert changes[1]["destroyed"] == [query["ids"][1]]
    assert changes[1]["created"] == [new]
    ids = [i for i in query["ids"] if i not in delta[1]["removed"]]
    for a in delta[1]["added"]:
        ids.insert(a["index"], a["id"])
    assert ids == account.call("Email/query", view)["ids"]
    assert delta[1]["total"] == len(ids) == 4


def test_a_draft_is_written_and_replaced(account):
    drafts = account.mailbox("drafts")
    body = {"1": {"value": "Grüße,\nund mehr\n"}}
    one = account.call("Email/set", {"create": {"k": {
        "mailboxIds": {drafts: True},
        "keywords": {"$draft": True, "$seen": True},
        "from": [{"name": "Zoë", "email": "zoe@x.test"}],
        "to": [{"email": "b@x.test"}], "subject": "Übung 1",
        "bodyValues": body,
        "textBody": [{"partId": "1", "type": "text/plain"}]}}})
    assert one["notCreated"] is None
    made = one["created"]["k"]
    assert set(made) == {"id", "blobId", "threadId", "size"}
    raw = account.download(made["blobId"])
    assert len(raw) == made["size"]
    assert all(len(x) <= 998 for x in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    m = email.message_from_bytes(raw, policy=email.policy.default)
    assert m["Subject"] == "Übung 1"
    assert m["From"].addresses[0].display_name == "Zoë"
    assert m["Message-ID"] and m["Date"]
    assert m.get_content().replace("\r\n", "\n") == body["1"]["value"]

    two = account.call("Email/set", {
        "create": {"n": {
            "mailboxIds": {drafts: True}, "keywords": {"$draft": True},
            "subject": "Übung 2",
            "bodyValues": {"1": {"value": "x"}, "2": {"value": "<p>x</p>"}},
            "bodyStructure": {"type": "multipart/alternative", "subParts": [
                {"partId": "1", "type": "text/plain"},
                {"partId": "2", "type": "text/html"}]}}},
        "destroy": [made["id"]]})
    assert two["destroyed"] == [made["id"]]
    assert two["newState"] != two["oldState"]
    left = account.emails(["subject", "keywords"],
                          filter={"inMailbox": drafts})
    assert [e["subject"] for e in left] == ["Übung 2"]


def test_attachments_survive_a_forward(account):
    """A part's blob goes into another mail, octet for octet."""
    inbox = account.mailbox()
    data = bytes(range(256)) * 40
    up = account.upload(data, "application/octet-stream")
    made = account.call("Email/set", {"create": {"k": {
        "mailboxIds": {inbox: True}, "subject": "with a file",
        "attachments": [{"blobId": up["blobId"], "name": "naïve file.bin",
                         "type": "application/octet-stream"}]}}})
    e = account.call("Email/get", {
        "ids": [made["created"]["k"]["id"]],
        "properties": ["attachments", "hasAttachment"]})["list"][0]
    part = e["attachments"][0]
    assert e["hasAttachment"]
    assert part["name"] == "naïve file.bin" and part["size"] == len(data)
    assert account.download(part["blobId"]) == data
    again = account.call("Email/set", {"create": {"k": {
        "mailboxIds": {inbox: True},
        "attachments": [{"blobId": part["blobId"], "type": "image/png"}]}}})
    e = account.call("Email/get", {
        "ids": [again["created"]["k"]["id"]],
        "properties": ["attachments"]})["list"][0]
    assert account.download(e["attachments"][0]["blobId"]) == data
    # a whole mail as an attachment
    raw = account.download(made["created"]["k"]["blobId"])
    third = account.call("Email/set", {"create": {"k": {
        "mailboxIds": {inbox: True},
        "attachments": [{"blobId": made["created"]["k"]["blobId"],
                         "type": "message/rfc822"}]}}})
    e = account.call("Email/get", {
        "ids": [third["created"]["k"]["id"]],
        "properties": ["attachments"]})["list"][0]
    assert account.download(e["attachments"][0]["blobId"]) == raw


def test_search_sees_new_mail_at_once(account):
    a = account.add_mail("Subject: Rechnung\r\nFrom: Büro <b@x.test>\r\n\r\n"
                         "Der große Betrag ist fällig.\r\n".encode())
    b = account.add_mail(b"Subject: other\r\n\r\nnothing here\r\n")

    def ids(**f):
        return account.call("Email/query", {"filter": f})["ids"]

    assert ids(text="betrag") == [a]
    assert ids(text='"große betrag"') == [a]
    assert ids(text='"betrag große"') == []
    assert ids(**{"from": "büro"}) == [a]
    assert ids(subject="rechnung", body="fällig") == [a]
    account.call("Email/set", {"destroy": [a]})
    assert ids(text="betrag") == []
    assert ids(text="nothing") == [b]


def test_changes_survive_reconnecting(account):
    """Nothing of an answer depends on the worker that gives it."""
    ids = [account.add_mail(f"Subject: {i}\r\n\r\n".encode())
           for i in range(20)]
    for _ in range(4):
        account.http.close()
        got = account.call("Email/query", {"filter": {"subject": "7"},
                                           "calculateTotal": True})
        assert got["ids"] == [ids[7]] and got["total"] == 1
