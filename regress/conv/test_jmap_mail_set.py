# SPDX-License-Identifier: ISC
"""RFC 8620 5.3 and RFC 8621 4.6: changing and making Emails, each shape that
is legal and each that is not, refused by the name of what is wrong."""

import email
import email.policy

import pytest

from helpers import MethodError, message

TEXT = {"bodyValues": {"1": {"value": "Hello,\nworld €\n"}},
        "textBody": [{"partId": "1", "type": "text/plain"}]}


@pytest.fixture(scope="module")
def home(server):
    """(account, inbox, drafts)"""
    account = server.adduser()
    return account, account.mailbox(), account.mailbox("drafts")


def create(home, **props):
    """Email/set create in drafts; (created, notCreated) of the one."""
    account, _, drafts = home
    got = account.call("Email/set", {"create": {
        "k": {"mailboxIds": {drafts: True}, **props}}})
    return ((got["created"] or {}).get("k"),
            (got["notCreated"] or {}).get("k"))


def made(home, *props, **args):
    """Create it; (raw bytes, the Email with those properties)."""
    account = home[0]
    good, bad = create(home, **args)
    assert not bad, bad
    e, = account.call("Email/get", {
        "ids": [good["id"]], "properties": list(props),
        "fetchAllBodyValues": True})["list"]
    return account.download(good["blobId"]), e


def update(home, id, patch):
    got = home[0].call("Email/set", {"update": {id: patch}})
    if got["notUpdated"]:
        return got["notUpdated"][id]
    assert list(got["updated"]) == [id]
    return got["updated"][id]


# --- legal shapes

def test_created_answer(home):
    account = home[0]
    state = account.call("Email/get", {"ids": []})["state"]
    got = account.call("Email/set", {"ifInState": state, "create": {"k": {
        "mailboxIds": {home[2]: True}, **TEXT}}})
    assert got["oldState"] == state
    assert got["newState"] == account.call("Email/get", {"ids": []})["state"]
    assert set(got["created"]["k"]) == {"id", "blobId", "threadId", "size"}
    raw = account.download(got["created"]["k"]["blobId"])
    assert len(raw) == got["created"]["k"]["size"]
    m = email.message_from_bytes(raw, policy=email.policy.default)
    # 4.6: the server MUST generate Message-ID and Date
    assert m["Message-ID"] and m["Date"]
    assert m.get_content().replace("\r\n", "\n") == "Hello,\nworld €\n"


def test_an_email_of_nothing(home):
    raw, e = made(home, "keywords", "subject", "bodyStructure")
    assert e["keywords"] == {} and e["subject"] is None
    assert e["bodyStructure"]["type"] == "text/plain"


def test_every_form_of_header_field_is_written(home):
    props = {
        "from": [{"name": "Zoë, \"Q\"", "email": "z@x.test"}],
        "sender": [{"name": None, "email": "s@x.test"}],
        "to": [{"email": "a@x.test"}, {"name": "B", "email": "b@x.test"}],
        "cc": [], "bcc": [{"name": "", "email": "c@x.test"}],
        "replyTo": [{"name": "R", "email": "r@x.test"}],
        "subject": "Übung " + "lang " * 40,
        "sentAt": "2024-02-29T12:00:00+05:30",
        "messageId": ["own@x.test"], "inReplyTo": ["m@x.test"],
        "references": ["r1@x.test", "r2@x.test"],
        "header:X-Text:asText": "héllo",
        "header:X-Raw": " raw value", "header:Comments:all": [" a", " b"],
        "header:X-Texts:asText:all": ["ü", "v"],
        "header:Resent-To:asGroupedAddresses": [
            {"name": "Team", "addresses": [{"name": None,
                                            "email": "t@x.test"}]}],
        "header:X-When:asDate": "2024-03-01T00:00:00Z",
        "header:List-Post:asURLs": ["mailto:l@x.test"],
        "header:X-Ids:asMessageIds": ["i@x.test"],
    }
    raw, e = made(home, *props, **props, **TEXT)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(x) <= 998 for x in raw.split(b"\r\n"))
    for k, v in props.items():
        if k in ("to", "bcc", "cc"):
            want = [{"name": a.get("name") or None, "email": a["email"]}
                    for a in v]
            assert (e[k] or []) == want
        elif k == "subject":
            assert e[k].rstrip() == v.rstrip()
        else:
            assert e[k] == v, k


def test_metadata_of_a_new_email(home):
    account, inbox, drafts = home
    _, e = made(home, "mailboxIds", "keywords", "receivedAt", **TEXT,
                keywords={"$Draft": True, "Own": True},
                receivedAt="2020-01-01T00:00:00Z")
    assert e["keywords"] == {"$draft": True, "own": True}
    assert e["receivedAt"] == "2020-01-01T00:00:00Z"
    assert e["mailboxIds"] == {drafts: True}


def blob(home, data=b"\x00\x01data", type="application/octet-stream"):
    return home[0].upload(data, type)["blobId"]


def test_text_html_and_attachments(home):
    b = blob(home)
    raw, e = made(
        home, "bodyStructure", "textBody", "htmlBody", "attachments",
        "bodyValues", "hasAttachment",
        bodyValues={"t": {"value": "plain", "isTruncated": False,
                          "isEncodingProblem": False},
                    "h": {"value": "<img src='cid:i@x'>"},
                    "unused": {"value": "x"}},
        textBody=[{"partId": "t", "type": "text/plain"}],
        htmlBody=[{"partId": "h", "type": "text/html"}],
        attachments=[
            {"blobId": b, "type": "image/png", "cid": "i@x",
             "disposition": "inline"},
            {"blobId": b, "type": "application/pdf", "name": "näme.pdf",
             "size": 7, "language": ["de"], "location": "http://x.test/"},
            {"partId": "t", "type": "text/calendar"}])
    assert [p["type"] for p in e["textBody"]] == ["text/plain"]
    assert [p["type"] for p in e["htmlBody"]][0] == "text/html"
    png, pdf, cal = [[p for p in e["attachments"] if p["type"] == t][0]
                     for t in ("image/png", "application/pdf",
                               "text/calendar")]
    assert (png["cid"], png["disposition"]) == ("i@x", "inline")
    assert (pdf["name"], pdf["disposition"], pdf["language"],
            pdf["location"]) == ("näme.pdf", "attachment", ["de"],
                                 "http://x.test/")
    assert home[0].download(pdf["blobId"]) == b"\x00\x01data"
    assert e["hasAttachment"] is True
    values = [v["value"].rstrip("\n") for v in e["bodyValues"].values()]
    assert sorted(values) == ["<img src='cid:i@x'>", "plain", "plain"]


def test_body_structure(home):
    b = blob(home, message(subject="inner"), "message/rfc822")
    raw, e = made(
        home, "bodyStructure", "bodyValues",
        bodyValues={"1": {"value": "a"}, "2": {"value": "<b>b</b>"}},
        bodyStructure={
            "type": "multipart/mixed", "header:X-Top:asText": "top",
            "subParts": [
                {"type": "multipart/alternative", "subParts": [
                    {"partId": "1", "type": "text/plain",
                     "header:X-Part:asText": "pärt"},
                    {"partId": "2", "type": "text/html"}]},
                {"blobId": b, "type": "message/rfc822"}]})

    def shape(p):
        return (p["type"], [shape(x) for x in p.get("subParts") or ()])
    assert shape(e["bodyStructure"]) == ("multipart/mixed", [
        ("multipart/alternative", [("text/plain", []), ("text/html", [])]),
        ("message/rfc822", [])])
    assert b"X-Top: top" in raw


def test_a_content_type_with_parameters_of_its_own(home):
    """The value is UTF-8 whatever the field leaves out; a multipart gets its
    boundary."""
    own = "header:Content-Type"
    for text, want in [("\u00e9t\u00e9 \n", "; format=flowed; charset=utf-8"),
                       ("ete \n", "; format=flowed")]:
        raw, e = made(home, "bodyStructure", "bodyValues", bodyStructure={
            "partId": "1", own: " text/plain; format=flowed;"},
            bodyValues={"1": {"value": text}})
        part, = e["bodyValues"].values()
        assert part == {"value": text, "isEncodingProblem": False,
                        "isTruncated": False}
        assert want.encode() in raw
    raw, e = made(home, "bodyStructure", "bodyValues", bodyStructure={
        own: " multipart/report; report-type=delivery-status",
        "subParts": [P1, {"blobId": blob(home, b"Reporting-MTA: dns; x\r\n"),
                          own: " message/delivery-status"}]}, bodyValues=V1)
    assert e["bodyStructure"]["type"] == "multipart/report"
    assert [p["type"] for p in e["bodyStructure"]["subParts"]] == [
        "text/plain", "message/delivery-status"]
    assert b"report-type=delivery-status" in raw


def test_a_location_beyond_ascii_comes_back(home):
    """RFC 2557 4.4: encoded on its way out, decoded on its way in."""
    where = "http://x.test/" + "\u00e9t\u00e9/" * 20
    _, e = made(home, "attachments", attachments=[
        {"blobId": blob(home), "type": "image/png", "location": where}])
    assert e["attachments"][0]["location"] == where


def test_a_list_of_nothing_is_no_field(home):
    """RFC 5322 3.6 has no To, Cc or References without a value, and 4.6 a
    Message-ID in every message."""
    raw, e = made(home, "to", "cc", "references", "messageId", "from",
                  "header:X-A:all", to=[], cc=[], references=[], messageId=[],
                  **{"from": [{"email": "a@x.test"}], **TEXT,
                     "header:List-Post:asURLs": [],
                     "header:Reply-To:asGroupedAddresses": []})
    names = {x.split(b":")[0] for x in raw.split(b"\r\n\r\n")[0].split(
        b"\r\n")}
    assert not names & {b"To", b"Cc", b"References", b"List-Post",
                        b"Reply-To"}
    assert e["to"] is None and len(e["messageId"]) == 1


def test_a_body_of_one_html_part(home):
    _, e = made(home, "bodyStructure",
                bodyValues={"h": {"value": "<p>x</p>"}},
                htmlBody=[{"partId": "h", "type": "text/html"}])
    assert e["bodyStructure"]["type"] == "text/html"


def test_a_text_body_from_a_blob_keeps_its_charset(home):
    b = blob(home, "Grüße".encode("iso-8859-1"), "text/plain")
    _, e = made(home, "textBody", "bodyValues", textBody=[
        {"blobId": b, "type": "text/plain", "charset": "iso-8859-1"}])
    (v,) = e["bodyValues"].values()
    assert v["value"].rstrip() == "Grüße"
    assert e["textBody"][0]["charset"] == "iso-8859-1"


# --- illegal shapes

P1 = {"partId": "1", "type": "text/plain"}
V1 = {"1": {"value": "x"}}


@pytest.mark.parametrize("props, bad", [
    # mailboxes, keywords, dates
    ({"mailboxIds": None}, "mailboxIds"), ({"mailboxIds": {}}, "mailboxIds"),
    ({"mailboxIds": {"Mzz": True}}, "mailboxIds"),
    ({"keywords": {"a": None}}, "keywords"),
    ({"keywords": {"a*": True}}, "keywords"),
    ({"receivedAt": "x"}, "receivedAt"),
    # set by the server
    ({"id": "E1"}, "id"), ({"blobId": "G"}, "blobId"),
    ({"threadId": "T1"}, "threadId"), ({"size": 5}, "size"),
    ({"hasAttachment": True}, "hasAttachment"), ({"preview": "x"}, "preview"),
    # header fields
    ({"headers": []}, "headers"), ({"nope": 1}, "nope"),
    ({"subject": 5}, "subject"), ({"subject": "a\nb"}, "subject"),
    ({"from": "a@x.test"}, "from"), ({"from": [{"name": "x"}]}, "from"),
    ({"from": [{"email": 1}]}, "from"), ({"to": [5]}, "to"),
    ({"messageId": "x"}, "messageId"), ({"messageId": ["a b"]}, "messageId"),
    ({"sentAt": "now"}, "sentAt"),
    ({"from": [], "header:From:asAddresses": []}, "header:From:asAddresses"),
    ({"subject": "a", "header:SUBJECT": " b"}, "header:SUBJECT"),
    ({"header:X-A": " a", "header:x-a:asText": "b"}, "header:x-a:asText"),
    ({"header:From:asDate": "2024-03-01T00:00:00Z"}, "header:From:asDate"),
    ({"header:Subject:asAddresses": []}, "header:Subject:asAddresses"),
    ({"header:X-A": "a\r\nInjected: b"}, "header:X-A"),
    ({"header:X-A:all": " a"}, "header:X-A:all"),
    ({"header:X:Y": " a"}, "header:X:Y"),
    ({"header:Content-Type": " text/plain"}, "header:Content-Type"),
    ({"header:content-language:asText": "de"},
     "header:content-language:asText"),
    # bodies
    ({"bodyValues": []}, "bodyValues"),
    ({"bodyValues": {"1": "x"}}, "bodyValues/1"),
    ({"bodyValues": {"1": {}}}, "bodyValues/1"),
    ({"bodyValues": {"1": {"value": "x", "isTruncated": True}}},
     "bodyValues/1"),
    ({"bodyValues": {"1": {"value": "x", "isEncodingProblem": True}}},
     "bodyValues/1"),
    ({"bodyValues": {"1": {"value": "x", "nope": 1}}}, "bodyValues/1"),
    ({"bodyStructure": P1, "bodyValues": V1, "textBody": [P1]}, "textBody"),
    ({"bodyStructure": P1, "bodyValues": V1, "htmlBody": []}, "htmlBody"),
    ({"bodyStructure": P1, "bodyValues": V1, "attachments": []},
     "attachments"),
    ({"subject": "a", "bodyValues": V1,
      "bodyStructure": {**P1, "header:Subject": " b"}}, "bodyStructure"),
    ({"textBody": []}, "textBody"), ({"textBody": {}}, "textBody"),
    ({"textBody": [P1, P1], "bodyValues": V1}, "textBody"),
    ({"textBody": [{"partId": "1", "type": "text/html"}], "bodyValues": V1},
     "textBody/0"),
    ({"htmlBody": [P1], "bodyValues": V1}, "htmlBody/0"),
    ({"htmlBody": [{"partId": "1", "type": "text/html"}] * 2,
      "bodyValues": V1}, "htmlBody"),
    ({"textBody": [{**P1, "blobId": "BLOB"}], "bodyValues": V1},
     "textBody/0/blobId"),
    ({"textBody": [P1]}, "textBody/0/partId"),
    ({"textBody": [{**P1, "charset": "utf-8"}], "bodyValues": V1},
     "textBody/0/charset"),
    ({"textBody": [{**P1, "size": 1}], "bodyValues": V1},
     "textBody/0/size"),
    ({"textBody": [{**P1, "headers": []}], "bodyValues": V1},
     "textBody/0/headers"),
    ({"textBody": [{**P1, "header:Content-Transfer-Encoding": " 8bit"}],
      "bodyValues": V1}, "textBody/0/header:Content-Transfer-Encoding"),
    ({"textBody": [{**P1, "header:content-transfer-encoding:asText": "8bit"}],
      "bodyValues": V1},
     "textBody/0/header:content-transfer-encoding:asText"),
    ({"textBody": [{**P1, "header:Content-Type": " text/plain"}],
      "bodyValues": V1}, "textBody/0/type"),
    # a Content-Type of one's own must be true
    ({"textBody": [{"partId": "1", "header:Content-Type": " text/html"}],
      "bodyValues": V1}, "textBody/0"),
    ({"bodyStructure": {"partId": "1", "header:Content-Type": " nonsense"},
      "bodyValues": V1}, "bodyStructure/header:Content-Type"),
    ({"bodyStructure": {"partId": "1", "header:Content-Type:asURLs": ["a:b"]},
      "bodyValues": V1}, "bodyStructure/header:Content-Type:asURLs"),
    ({"bodyStructure": {
        "partId": "1", "header:Content-Type": " multipart/mixed"},
      "bodyValues": V1}, "bodyStructure/subParts"),
    ({"bodyStructure": {"header:Content-Type": " text/plain",
                        "subParts": [P1]}, "bodyValues": V1},
     "bodyStructure/type"),
    ({"bodyStructure": {"header:Content-Type": " multipart/mixed; boundary=x",
                        "subParts": [P1]}, "bodyValues": V1},
     "bodyStructure/header:Content-Type"),
    ({"bodyStructure": {
        "partId": "1", "header:content-type": " text/plain; charset=latin1"},
      "bodyValues": V1}, "bodyStructure/header:content-type"),
    ({"bodyStructure": {
        "partId": "1", "header:content-type": " text/plain; charset=us-ascii"},
      "bodyValues": {"1": {"value": "\u00e9"}}},
     "bodyStructure/header:content-type"),
    ({"textBody": [{**P1, "disposition": "inline",
                    "header:Content-Disposition": " inline"}],
      "bodyValues": V1}, "textBody/0/disposition"),
    ({"textBody": [{**P1, "nope": 1}], "bodyValues": V1},
     "textBody/0/nope"),
    ({"attachments": [{"type": "image/png"}]}, "attachments/0/partId"),
    ({"attachments": [{"blobId": "BLOB", "type": "nonsense"}]},
     "attachments/0/type"),
    ({"attachments": [{"blobId": "BLOB", "type": "multipart/mixed"}]},
     "attachments/0/subParts"),
    ({"attachments": [{"blobId": "BLOB", "name": 5}]},
     "attachments/0/name"),
    ({"attachments": [{"blobId": "BLOB", "cid": "a\r\nb"}]},
     "attachments/0/cid"),
    ({"attachments": [{"blobId": "BLOB", "cid": "<a@b>"}]},
     "attachments/0/cid"),
    ({"attachments": [{"blobId": "BLOB", "cid": "a b"}]},
     "attachments/0/cid"),
    ({"attachments": [{"blobId": "BLOB", "cid": ""}]}, "attachments/0/cid"),
    ({"attachments": [{"blobId": "BLOB", "language": "de"}]},
     "attachments/0/language"),
    ({"attachments": "BLOB"}, "attachments"),
    ({"bodyStructure": {"type": "multipart/mixed"}},
     "bodyStructure/subParts"),
    ({"bodyStructure": {"type": "multipart/mixed", "subParts": []}},
     "bodyStructure/subParts"),
    ({"bodyStructure": {"type": "text/plain", "subParts": [P1]},
      "bodyValues": V1}, "bodyStructure/type"),
    ({"bodyStructure": {"type": "multipart/mixed", "subParts": [
        {"partId": "2", "type": "text/plain"}]}, "bodyValues": V1},
     "bodyStructure/subParts/0/partId"),
])
def test_illegal_shapes_are_refused_by_name(home, props, bad):
    b = blob(home)

    def fill(x):
        if isinstance(x, dict):
            return {k: fill(v) for k, v in x.items()}
        if isinstance(x, list):
            return [fill(v) for v in x]
        return b if x == "BLOB" else x
    good, err = create(home, **fill(props))
    assert good is None
    assert err["type"] == "invalidProperties"
    assert bad in err["properties"], err
    assert err["description"]


def test_all_that_is_wrong_is_named(home):
    _, err = create(home, subject=5, receivedAt="x", nope=1,
                    keywords={"a b": True})
    assert sorted(err["properties"]) == ["keywords", "nope", "receivedAt",
                                         "subject"]


def test_blobs_not_found_are_all_named(home):
    a, b = "G" + "A" * 43, "G" + "B" * 42 + "A"
    _, err = create(home, attachments=[
        {"blobId": a, "type": "image/png"}, {"blobId": blob(home)},
        {"blobId": b}, {"blobId": a}])
    assert err["type"] == "blobNotFound"
    assert sorted(err["notFound"]) == sorted([a, b])


def test_too_large(new_server):
    server = new_server("limits { max-size-upload = 20000 }\n")
    account = server.adduser()
    box = account.mailbox()
    b = account.upload(b"x" * 15000, "text/x")["blobId"]
    got = account.call("Email/set", {"create": {"k": {
        "mailboxIds": {box: True},
        "attachments": [{"blobId": b}, {"blobId": b}]}}})
    assert got["notCreated"]["k"]["type"] == "tooLarge"


def test_too_many_keywords_and_mailboxes(home):
    account, inbox, drafts = home
    many = {f"k{i}": True for i in range(1200)}
    assert create(home, keywords=many)[1]["type"] == "tooManyKeywords"
    good, _ = create(home, keywords={f"k{i}": True for i in range(900)})
    assert update(home, good["id"], {"keywords": many})[
        "type"] == "tooManyKeywords"
    patch = {f"keywords/z{i}": True for i in range(200)}
    assert update(home, good["id"], patch)["type"] == "tooManyKeywords"
    # far more than an IMAP server's 99
    e, = account.call("Email/get", {"ids": [good["id"]], "properties": [
        "keywords"]})["list"]
    assert len(e["keywords"]) == 900
    assert account.call("Email/query", {
        "filter": {"hasKeyword": "k899"}})["ids"] == [good["id"]]
    most = account.session["accounts"][account.id]["accountCapabilities"][
        "urn:ietf:params:jmap:mail"]["maxMailboxesPerEmail"]
    got = account.call("Email/set", {"create": {"k": {"mailboxIds": {
        f"M{i}": True for i in range(most + 1)}}}})
    assert got["notCreated"]["k"]["type"] == "tooManyMailboxes"


# --- updates

@pytest.fixture
def mail(home):
    account, inbox, drafts = home
    return account.add_mail(message(), keywords=["$seen", "old"])


def state_of(home, id):
    e, = home[0].call("Email/get", {"ids": [id], "properties": [
        "keywords", "mailboxIds"]})["list"]
    return set(e["keywords"]), set(e["mailboxIds"])


def test_patches_of_keywords_and_mailboxes(home, mail):
    account, inbox, drafts = home
    assert update(home, mail, {
        "keywords/$seen": None, "keywords/new": True,
        "keywords/never": None, f"mailboxIds/{drafts}": True,
        "mailboxIds/Mnone": None}) is None
    assert state_of(home, mail) == ({"old", "new"}, {inbox, drafts})
    assert update(home, mail, {"keywords": {"x": True},
                               "mailboxIds": {drafts: True}}) is None
    assert state_of(home, mail) == ({"x"}, {drafts})
    # null is the default, which keywords have
    assert update(home, mail, {"keywords": None}) is None
    assert state_of(home, mail) == (set(), {drafts})


def test_a_patch_of_nothing_changes_nothing(home, mail):
    account = home[0]
    state = account.call("Email/get", {"ids": []})["state"]
    for patch in {}, {"keywords/$seen": True}, {"keywords/none": None}, \
            {"id": mail}:
        got = account.call("Email/set", {"update": {mail: patch}})
        assert got["updated"] == {mail: None}
        assert got["oldState"] == got["newState"] == state


def test_a_keyword_is_kept_in_lower_case(home, mail):
    got = update(home, mail, {"keywords/$FLAGGED": True})
    assert got == {"keywords": {"$seen": True, "old": True,
                                "$flagged": True}}
    assert update(home, mail, {"keywords/$Flagged": None}) is None
    assert state_of(home, mail)[0] == {"$seen", "old"}
    got = update(home, mail, {"keywords": {"ABC": True}})
    assert got == {"keywords": {"abc": True}}


@pytest.mark.parametrize("patch", [
    {"keywords/a": True, "keywords": {}},
    {"keywords/a": True, "keywords/a/b": True},
    {"mailboxIds/M1": True, "mailboxIds": {}},
    {"keywords/a/b": True}, {"keywords/a~2": True}, {"from/0": None},
    {"from/0/email": "x"}, {"subject/x": "y"}, {"nope/x": 1},
    {"textBody/0/type": "x"}, {"a/b/c/d/e/f": 1},
    {"keywords/A": True, "keywords/a": None},
])
def test_invalid_patches(home, mail, patch):
    before = state_of(home, mail)
    assert update(home, mail, patch)["type"] == "invalidPatch"
    assert state_of(home, mail) == before


@pytest.mark.parametrize("patch, bad", [
    ({"keywords/a": False}, "keywords/a"), ({"keywords/a": 1}, "keywords/a"),
    ({"keywords/a b": True}, "keywords/a b"),
    ({"keywords/": True}, "keywords/"), ({"keywords": []}, "keywords"),
    ({"mailboxIds": {}}, "mailboxIds"), ({"mailboxIds": None}, "mailboxIds"),
    ({"mailboxIds/Mnone": True}, "mailboxIds/Mnone"),
    ({"mailboxIds/INBOX": None}, "mailboxIds"),
    ({"subject": "new"}, "subject"), ({"id": "E9"}, "id"),
    ({"size": 1}, "size"), ({"nope": 1}, "nope"),
    ({"receivedAt": "2020-01-01T00:00:00Z"}, "receivedAt"),
    ({"from": None}, "from"),
])
def test_invalid_properties_of_updates(home, mail, patch, bad):
    before = state_of(home, mail)
    patch = {k.replace("INBOX", home[1]): v for k, v in patch.items()}
    err = update(home, mail, {**patch, "keywords/other": True}
                 if not any(k.startswith("keywords") for k in patch)
                 else patch)
    assert err["type"] == "invalidProperties"
    assert err["properties"] == [bad]
    # never a part of an update
    assert state_of(home, mail) == before


def test_a_whole_object_is_a_patch(home):
    """5.3: what was fetched may be sent back, with changes in it."""
    account, inbox, drafts = home
    id = account.add_mail(
        b"From: a@x.test\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        b"hello there\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--")
    for args in ({}, {"fetchAllBodyValues": True},
                 {"fetchAllBodyValues": True, "maxBodyValueBytes": 4},
                 {"properties": ["id", "headers", "bodyStructure",
                                 "keywords", "header:Subject:asText"],
                  "bodyProperties": ["partId", "type", "headers"]}):
        e, = account.call("Email/get", {"ids": [id], **args})["list"]
        e["keywords"] = {"k%d" % len(args): True}
        assert update(home, id, e) is None, args
        assert state_of(home, id)[0] == set(e["keywords"])
    e, = account.call("Email/get", {"ids": [id],
                                    "fetchAllBodyValues": True})["list"]
    part = next(iter(e["bodyValues"]))
    e["bodyValues"][part]["value"] = "other"
    assert update(home, id, e)["properties"] == ["bodyValues"]
    assert update(home, id, {"attachments": [{}]})["properties"] == [
        "attachments"]


def test_not_found_will_destroy_and_twice(home):
    account = home[0]
    a, b = account.add_mail(message()), account.add_mail(message())
    got = account.call("Email/set", {
        "update": {a: {"keywords/x": True}, "Ezz": {}, "no id": {}},
        "destroy": [a, b, b, "Ezz"]})
    assert got["notUpdated"][a]["type"] == "willDestroy"
    assert got["notUpdated"]["Ezz"]["type"] == "notFound"
    assert got["notUpdated"]["no id"]["type"] == "notFound"
    assert sorted(got["destroyed"]) == sorted([a, b])
    assert got["notDestroyed"] == {"Ezz": got["notDestroyed"]["Ezz"]}
    assert got["notDestroyed"]["Ezz"]["type"] == "notFound"
    assert account.call("Email/get", {"ids": [a, b]})["notFound"] == [a, b]


def test_if_in_state(home, mail):
    account = home[0]
    state = account.call("Email/get", {"ids": []})["state"]
    got = account.call("Email/set", {"ifInState": state, "update": {
        mail: {"keywords/new": True}}})
    assert got["oldState"] == state
    for bad in state, "nonsense", "":
        with pytest.raises(MethodError) as e:
            account.call("Email/set", {"ifInState": bad, "destroy": [mail]})
        assert e.value.type == "stateMismatch"
    assert state_of(home, mail)[0] == {"$seen", "old", "new"}


def test_a_mail_leaves_its_last_mailbox_for_another(home, mail):
    account, inbox, drafts = home
    assert update(home, mail, {f"mailboxIds/{inbox}": None,
                               f"mailboxIds/{drafts}": True}) is None
    assert state_of(home, mail)[1] == {drafts}


def test_create_update_destroy_in_one_call(home):
    account, inbox, drafts = home
    got = account.call("Email/set", {
        "create": {"a": {"mailboxIds": {drafts: True}, "subject": "a"},
                   "b": {"mailboxIds": {drafts: True}, "subject": "b"}},
        "update": {"#a": {"keywords/x": True}}, "destroy": ["#b"]})
    a, b = (got["created"][k]["id"] for k in "ab")
    assert list(got["updated"]) == [a]
    assert got["destroyed"] == [b]
    assert state_of(home, a)[0] == {"x"}


def test_keywords_of_rfc_9979_and_unknown_ones_are_left_alone(home, mail):
    words = {"$autosent", "$canunsubscribe", "$followed", "$hasattachment",
             "$hasmemo", "$hasnoattachment", "$imported", "$istrusted",
             "$mailflagbit0", "$mailflagbit1", "$mailflagbit2",
             "$maskedemail", "$memo", "$muted", "$new", "$notify",
             "$unsubscribed", "$x-whatever", "snoozed"}
    for w in words:
        update(home, mail, {"keywords/" + w: True})
    assert state_of(home, mail)[0] == words | {"$seen", "old"}
