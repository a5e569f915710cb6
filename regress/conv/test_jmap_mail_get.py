# SPDX-License-Identifier: ISC
"""RFC 8621 4.1, 4.2, 4.8 and 4.9: what an Email looks like, each property and
each form of a header field, and how mail is imported and parsed."""

import re

import pytest

from helpers import MethodError, message

HEAD = (b"Received: from a by b; Fri, 1 Mar 2024 10:11:12 +0100\r\n"
        b"From: \"  James Smythe\" <james@example.com>, Friends:\r\n"
        b"  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n"
        b"  <john@example.com>;\r\n"
        b"Sender: boss@example.com (The Boss)\r\n"
        b"To: a@x.test\r\nTo: B <b@x.test>\r\n"
        b"Cc: c@x.test\r\nBcc: d@x.test\r\nReply-To: e@x.test\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  folded \r\n"
        b"Date: Fri, 01 Mar 2024 10:11:12 +0100\r\n"
        b"Message-ID: <m1@x.test>\r\nIn-Reply-To: <m0@x.test>\r\n"
        b"References: <r1@x.test> (x) <m0@x.test>\r\n"
        b"List-Post: <mailto:l@x.test> (post), <https://x.test/p>\r\n"
        b"Comments: one\r\nComments: two\r\n"
        b"X-Odd:  =?utf-8?q?=61?= b\r\nX-Raw: caf\xe9\x00!\r\n"
        b"X-Empty:\r\n")
BODY = (b"MIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
        b"--c\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Language: de, en-GB\r\nX-Part: 1\r\n\r\n"
        b"Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac\r\nzwei\r\n"
        b"--c\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
        b"Content-Location: http://x.test/h\r\n\r\n"
        b"<p>Gr\xfc\xdfe <a href=\"https://example.com/\">l</a></p>\r\n"
        b"--c--\r\n"
        b"--b\r\nContent-Type: image/png; name=\"old.png\"\r\n"
        b"Content-ID: <cid1@x.test>\r\nContent-Disposition: attachment;\r\n"
        b"  filename*=utf-8''n%C3%A4me.png\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n"
        b"--b\r\n\r\nno type\r\n--b--\r\n")
RAW = HEAD + BODY
DEFAULT = {"id", "blobId", "threadId", "mailboxIds", "keywords", "size",
           "receivedAt", "messageId", "inReplyTo", "references", "sender",
           "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt",
           "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody",
           "attachments"}


@pytest.fixture(scope="module")
def mail(server):
    """(account, Email id)"""
    account = server.adduser()
    return account, account.add_mail(RAW, keywords=["$seen", "Work"],
                                     received="2024-03-02T00:00:00Z")


def get(mail, *props, **args):
    account, id = mail
    if props:
        args["properties"] = list(props)
    got, = account.call("Email/get", {"ids": [id], **args})["list"]
    return got


def parts(s):
    yield s
    for x in s.get("subParts") or ():
        yield from parts(x)


def test_default_properties(mail):
    assert set(get(mail)) == DEFAULT
    assert get(mail, properties=None) == get(mail)


def test_the_id_is_always_there(mail):
    assert get(mail, properties=[]) == {"id": mail[1]}
    assert set(get(mail, "subject")) == {"id", "subject"}


def test_metadata(mail):
    account, id = mail
    e = get(mail, "blobId", "mailboxIds", "keywords", "size", "receivedAt",
            "threadId")
    assert account.download(e["blobId"]) == RAW
    assert e["mailboxIds"] == {account.mailbox(): True}
    assert e["keywords"] == {"$seen": True, "work": True}
    assert e["size"] == len(RAW)
    assert e["receivedAt"] == "2024-03-02T00:00:00Z"
    t, = account.call("Thread/get", {"ids": [e["threadId"]]})["list"]
    assert t == {"id": e["threadId"], "emailIds": [id]}


FORMS = [
    ("messageId", "header:Message-ID:asMessageIds", ["m1@x.test"]),
    ("inReplyTo", "header:In-Reply-To:asMessageIds", ["m0@x.test"]),
    ("references", "header:References:asMessageIds",
     ["r1@x.test", "m0@x.test"]),
    ("sender", "header:Sender:asAddresses",
     [{"name": "The Boss", "email": "boss@example.com"}]),
    ("from", "header:From:asAddresses", [
        {"name": "James Smythe", "email": "james@example.com"},
        {"name": None, "email": "jane@example.com"},
        {"name": "John Smîth", "email": "john@example.com"}]),
    ("to", "header:To:asAddresses", [{"name": "B", "email": "b@x.test"}]),
    ("cc", "header:Cc:asAddresses", [{"name": None, "email": "c@x.test"}]),
    ("bcc", "header:Bcc:asAddresses", [{"name": None, "email": "d@x.test"}]),
    ("replyTo", "header:Reply-To:asAddresses",
     [{"name": None, "email": "e@x.test"}]),
    ("subject", "header:Subject:asText", "Grüße  folded "),
    ("sentAt", "header:Date:asDate", "2024-03-01T10:11:12+01:00"),
]


@pytest.mark.parametrize("name, header, want", FORMS)
def test_convenience_properties_are_header_fields(mail, name, header, want):
    e = get(mail, name, header)
    if name == "subject":
        assert e[name].rstrip() == want.rstrip()
        assert e[header] == e[name]
    else:
        assert e[name] == want
        assert e[header] == want


@pytest.mark.parametrize("prop, want", [
    ("header:From:asGroupedAddresses", [
        {"name": None, "addresses": [
            {"name": "James Smythe", "email": "james@example.com"}]},
        {"name": "Friends", "addresses": [
            {"name": None, "email": "jane@example.com"},
            {"name": "John Smîth", "email": "john@example.com"}]}]),
    ("header:List-Post:asURLs", ["mailto:l@x.test", "https://x.test/p"]),
    ("header:lIsT-pOsT:asURLs", ["mailto:l@x.test", "https://x.test/p"]),
    ("header:Subject", " =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  folded "),
    ("header:Subject:asRaw", " =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  folded "),
    ("header:X-Odd:asText", "a b"), ("header:X-Odd", "  =?utf-8?q?=61?= b"),
    ("header:X-Raw", " caf\ufffd!"), ("header:X-Empty", ""),
    ("header:X-None", None), ("header:X-None:all", []),
    ("header:Comments", " two"), ("header:Comments:all", [" one", " two"]),
    ("header:Comments:asText:all", ["one", "two"]),
    ("header:To:asAddresses:all", [
        [{"name": None, "email": "a@x.test"}],
        [{"name": "B", "email": "b@x.test"}]]),
    ("header:Message-ID:asMessageIds:all", [["m1@x.test"]]),
    ("header:Date:asDate:all", ["2024-03-01T10:11:12+01:00"]),
    ("header:X-Odd:asDate", None), ("header:X-Odd:asMessageIds", None),
    ("header:X-Odd:asURLs", None),
])
def test_forms_of_header_fields(mail, prop, want):
    assert get(mail, prop) == {"id": mail[1], prop: want}


FIELDS = {
    "Text": {"Subject", "Comments", "Keywords", "List-Id", "X-Any"},
    "Addresses": {"From", "Sender", "Reply-To", "To", "Cc", "Bcc",
                  "Resent-From", "Resent-Sender", "Resent-Reply-To",
                  "Resent-To", "Resent-Cc", "Resent-Bcc", "X-Any"},
    "MessageIds": {"Message-ID", "In-Reply-To", "References",
                   "Resent-Message-ID", "X-Any"},
    "Date": {"Date", "Resent-Date", "X-Any"},
    "URLs": {"List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post",
             "List-Owner", "List-Archive", "X-Any"},
}
for fields in FIELDS.values():
    fields.add("List-Id")       # of RFC 2919: in none of the two
FIELDS["GroupedAddresses"] = FIELDS["Addresses"]


@pytest.mark.parametrize("form", sorted(FIELDS))
def test_a_form_only_for_the_fields_it_fits(mail, form):
    every = set().union(*FIELDS.values()) | {"Received", "Return-Path"}
    for field in sorted(every):
        prop = f"header:{field}:as{form}"
        if field in FIELDS[form]:
            get(mail, prop)
            get(mail, prop + ":all")
        else:
            with pytest.raises(MethodError) as e:
                get(mail, prop)
            assert e.value.type == "invalidArguments", prop


@pytest.mark.parametrize("bad", [
    "header:", "header:a b", "header::asText", "header:X:asNothing",
    "header:X:all:asText", "header:X:asText:all:all", "header:X:ALL",
    "header:X:astext", "header:\u00e9", "Subject", "nope", ""])
def test_what_is_no_property(mail, bad):
    with pytest.raises(MethodError) as e:
        get(mail, bad)
    assert e.value.type == "invalidArguments"
    with pytest.raises(MethodError) as e:
        get(mail, "textBody", bodyProperties=[bad])
    assert e.value.type == "invalidArguments"


def test_headers_in_order_with_their_names(mail):
    h = get(mail, "headers")["headers"]
    assert [x["name"] for x in h[:5]] == ["Received", "From", "Sender", "To",
                                          "To"]
    assert {"name": "X-Empty", "value": ""} in h
    assert h[-1]["name"] == "Content-Type"


def test_structure(mail):
    s = get(mail, "bodyStructure")["bodyStructure"]
    assert [p["type"] for p in parts(s)] == [
        "multipart/mixed", "multipart/alternative", "text/plain",
        "text/html", "image/png", "text/plain"]
    for p in parts(s):
        multi = p["type"].startswith("multipart/")
        assert (p["partId"] is None) == multi
        assert (p["blobId"] is None) == multi
        assert ("subParts" in p) == multi
    ids = [p["partId"] for p in parts(s) if p["partId"]]
    assert len(set(ids)) == 4


def test_properties_of_a_part(mail):
    account, _ = mail
    e = get(mail, "textBody", "htmlBody", "attachments")
    text, = [p for p in e["textBody"] if p["charset"] == "utf-8"]
    assert set(text) == {"partId", "blobId", "size", "name", "type",
                         "charset", "disposition", "cid", "language",
                         "location"}
    assert text["language"] == ["de", "en-GB"]
    assert (text["name"], text["disposition"], text["cid"],
            text["location"]) == (None, None, None, None)
    html, = [p for p in e["htmlBody"] if p["type"] == "text/html"]
    assert html["charset"] == "iso-8859-1"
    assert html["location"] == "http://x.test/h"
    png, = e["attachments"]
    assert (png["name"], png["disposition"], png["cid"], png["charset"]) == (
        "näme.png", "attachment", "cid1@x.test", None)
    assert png["size"] == 4
    assert account.download(png["blobId"]) == b"\x89PNG"
    assert account.download(html["blobId"]).startswith(b"<p>Gr\xfc")


def test_body_properties_are_those_asked_for(mail):
    e = get(mail, "bodyStructure", "attachments", bodyProperties=[
        "partId", "headers", "header:X-Part", "header:Content-Type:all",
        "subParts", "header:Content-Language:asText"])
    all_parts = list(parts(e["bodyStructure"]))
    for p in all_parts:
        assert set(p) == {"partId", "headers", "header:X-Part", "subParts",
                          "header:Content-Type:all",
                          "header:Content-Language:asText"}
    plain = all_parts[2]
    assert plain["header:X-Part"] == " 1"
    assert plain["subParts"] is None
    assert plain["headers"][-1] == {"name": "X-Part", "value": " 1"}
    assert all_parts[-1]["header:Content-Type:all"] == []
    e = get(mail, "attachments", bodyProperties=[])
    assert e["attachments"] == [{}]


def test_body_values_that_are_asked_for(mail):
    e = get(mail, "bodyValues", "textBody", "htmlBody", "bodyStructure")
    assert e["bodyValues"] == {}
    text = {p["partId"] for p in e["textBody"]}
    html = {p["partId"] for p in e["htmlBody"]}
    every = {p["partId"] for p in parts(e["bodyStructure"])
             if p["type"].startswith("text/")}
    for args, want in (
            ({"fetchTextBodyValues": True}, text),
            ({"fetchHTMLBodyValues": True}, html),
            ({"fetchTextBodyValues": True, "fetchHTMLBodyValues": True},
             text | html), ({"fetchAllBodyValues": True}, every)):
        v = get(mail, "bodyValues", **args)["bodyValues"]
        assert set(v) == want & every
    v = get(mail, "bodyValues", fetchAllBodyValues=True)["bodyValues"]
    assert {x["value"].rstrip("\n") for x in v.values()} == {
        "Grüße €\nzwei", "no type",
        '<p>Grüße <a href="https://example.com/">l</a></p>'}
    for x in v.values():
        assert set(x) == {"value", "isEncodingProblem", "isTruncated"}
        assert not x["isEncodingProblem"] and not x["isTruncated"]


def test_values_are_cut_where_a_character_and_a_tag_end(mail):
    full = get(mail, "bodyValues", fetchAllBodyValues=True)["bodyValues"]
    for limit in range(0, 60):
        cut = get(mail, "bodyValues", fetchAllBodyValues=True,
                  maxBodyValueBytes=limit)["bodyValues"]
        for k, v in cut.items():
            octets = v["value"].encode()
            if limit == 0:
                assert v == full[k]
                continue
            assert len(octets) <= limit
            assert full[k]["value"].startswith(v["value"])
            assert v["isTruncated"] == (v["value"] != full[k]["value"])
            if full[k]["value"].startswith("<p>"):
                assert v["value"].count("<") == v["value"].count(">"), v
            elif v["isTruncated"]:
                assert limit - len(octets) < 4


def test_encoding_problems_are_told(mail):
    account, _ = mail
    for head, body, problem in (
            (b"text/plain; charset=utf-8", b"a\xffb", True),
            (b"text/plain; charset=nosuch", b"a\xffb", True),
            (b"text/plain; charset=iso-8859-1", b"a\xffb", False)):
        id = account.add_mail(b"Content-Type: " + head + b"\r\n\r\n" + body)
        v = get((account, id), "bodyValues", fetchAllBodyValues=True)[
            "bodyValues"]
        (value,) = v.values()
        assert value["isEncodingProblem"] == problem, head
        assert value["value"].startswith("a")
    id = account.add_mail(b"Content-Type: text/plain\r\n"
                          b"Content-Transfer-Encoding: x-odd\r\n\r\nabc\r\n")
    e = get((account, id), "bodyValues", "textBody", fetchAllBodyValues=True)
    (value,) = e["bodyValues"].values()
    assert value["isEncodingProblem"]
    assert account.download(e["textBody"][0]["blobId"]).rstrip() == b"abc"


def test_the_lists_of_the_rfc(mail):
    """RFC 8621 4.1.4, the example of a list with header and footer."""
    account, _ = mail

    def part(type, name, disposition=None, kids=None):
        head = f"Content-Type: {type}"
        if kids is not None:
            inner = "".join(f"--{name}\r\n{k}\r\n" for k in kids)
            return f"{head}; boundary={name}\r\n\r\n{inner}--{name}--"
        if disposition:
            head += f"\r\nContent-Disposition: {disposition}"
        return f"{head}\r\nContent-ID: <{name}>\r\n\r\n{name}"
    raw = "MIME-Version: 1.0\r\n" + part("multipart/mixed", "m1", kids=[
        part("text/plain", "A", "inline"),
        part("multipart/mixed", "m2", kids=[
            part("multipart/alternative", "m3", kids=[
                part("multipart/mixed", "m4", kids=[
                    part("text/plain", "B", "inline"),
                    part("image/jpeg", "C", "inline"),
                    part("text/plain", "D", "inline")]),
                part("multipart/related", "m5", kids=[
                    part("text/html", "E"), part("image/jpeg", "F")])]),
            part("image/jpeg", "G", "attachment"),
            part("application/x-excel", "H"),
            part("message/rfc822", "J")]),
        part("text/plain", "K", "inline")]) + "\r\n"
    id = account.add_mail(raw.encode())
    e = get((account, id), "textBody", "htmlBody", "attachments",
            "hasAttachment")
    names = {k: [p["cid"] for p in v] for k, v in e.items()
             if isinstance(v, list)}
    assert names == {"textBody": list("ABCDK"), "htmlBody": list("AEK"),
                     "attachments": list("CFGHJ")}
    assert e["hasAttachment"] is True


@pytest.mark.parametrize("head, body, want", [
    (b"", b"x", False),
    (b"Content-Type: application/pdf\r\n", b"x", True),
    (b"Content-Type: text/html\r\n", b"<p>x</p>", False),
    (b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n",
     b"x", True),
])
def test_has_attachment(mail, head, body, want):
    account, _ = mail
    id = account.add_mail(head + b"\r\n" + body)
    assert get((account, id), "hasAttachment")["hasAttachment"] is want


def test_preview(mail):
    account, _ = mail
    assert get(mail, "preview")["preview"].startswith("Grüße € zwei")
    id = account.add_mail(("Content-Type: text/plain; charset=utf-8\r\n\r\n"
                           + "äöü \U0001f600" * 200).encode())
    text = get((account, id), "preview")["preview"]
    assert 100 < len(text) <= 256


def test_missing_fields_are_null(mail):
    account, _ = mail
    id = account.add_mail(b"X: y\r\n\r\nz")
    e = get((account, id))
    for p in ("messageId", "inReplyTo", "references", "sender", "from", "to",
              "cc", "bcc", "replyTo", "subject", "sentAt"):
        assert e[p] is None, p


# --- /get in general

def test_not_found_and_twice(mail):
    account, id = mail
    got = account.call("Email/get", {
        "ids": [id, "Ezzz", id, "nope", "Ezzz"], "properties": ["id"]})
    assert got["list"] == [{"id": id}]
    assert sorted(got["notFound"]) == ["Ezzz", "nope"]
    got = account.call("Email/get", {"ids": []})
    assert got["list"] == [] and got["notFound"] == []


def test_ids_null_is_everything(server):
    account = server.adduser()
    ids = {account.add_mail(message(subject=f"n{i}")) for i in range(3)}
    got = account.call("Email/get", {"ids": None, "properties": ["threadId"]})
    assert {e["id"] for e in got["list"]} == ids
    threads = account.call("Thread/get", {"ids": None})["list"]
    assert {t["id"] for t in threads} == {e["threadId"] for e in got["list"]}


def test_a_digest_is_parsed_in_one_call(account):
    """4.9 names no limit: as many blobs as objects in a /get."""
    raw = b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"".join(
        b"--b\r\n\r\nSubject: n%d\r\n\r\nx\r\n" % i
        for i in range(40)) + b"--b--\r\n"
    e, = account.call("Email/get", {"ids": [account.add_mail(raw)],
                                    "properties": ["attachments"]})["list"]
    blobs = [p["blobId"] for p in e["attachments"]]
    got = account.call("Email/parse", {"blobIds": blobs,
                                       "properties": ["subject"]})
    assert [got["parsed"][b]["subject"] for b in blobs] == [
        f"n{i}" for i in range(40)]


def test_more_ids_than_may_be(new_server):
    server = new_server("limits {\n max-objects-in-get = 6\n"
                        " max-objects-in-set = 3\n}\n")
    account = server.adduser()
    for i in range(7):
        account.add_mail(message(subject=f"n{i}"))
    account.call("Mailbox/set", {"create": {"x": {"name": "one more"}}})
    for name, args in (("Email/get", {"ids": list("abcdefg")}),
                       ("Email/get", {"ids": None}),
                       ("Thread/get", {"ids": None}),
                       ("Mailbox/get", {"ids": None}),
                       ("Email/parse", {"blobIds": list("abcdefg")}),
                       ("Email/set", {"destroy": list("abcd")}),
                       ("Email/set", {"update": {"a": {}, "b": {}},
                                      "destroy": ["c", "d"]}),
                       ("Email/import", {"emails": {
                           x: {"blobId": "G"} for x in "abcd"}})):
        with pytest.raises(MethodError) as e:
            account.call(name, args)
        assert e.value.type == "requestTooLarge", name
    assert len(account.call("Email/get", {
        "ids": list("abcdef")})["notFound"]) == 6


# --- import

def test_import_answers_what_the_rfc_wants(server):
    account = server.adduser()
    state = account.call("Email/get", {"ids": []})["state"]
    blob = account.upload(RAW)["blobId"]
    got = account.call("Email/import", {"ifInState": state, "emails": {
        "k": {"blobId": blob, "mailboxIds": {account.mailbox(): True}}}})
    assert got["oldState"] == state and got["newState"] != state
    made = got["created"]["k"]
    assert set(made) == {"id", "blobId", "threadId", "size"}
    assert made["blobId"] == blob and made["size"] == len(RAW)
    e = get((account, made["id"]), "receivedAt", "keywords")
    # of the last Received field
    assert e["receivedAt"] == "2024-03-01T09:11:12Z" and e["keywords"] == {}
    with pytest.raises(MethodError) as err:
        account.call("Email/import", {"ifInState": state, "emails": {}})
    assert err.value.type == "stateMismatch"


def test_import_without_received_is_now(server):
    account = server.adduser()
    id = account.add_mail(message())
    e = get((account, id), "receivedAt")
    import datetime
    when = datetime.datetime.fromisoformat(
        e["receivedAt"].replace("Z", "+00:00"))
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs((now - when).total_seconds()) < 60


def test_the_same_message_twice_is_two_emails(server):
    account = server.adduser()
    a = account.add_mail(RAW)
    b = account.add_mail(RAW)
    assert a != b
    account.call("Email/set", {"update": {a: {"keywords/$seen": True}}})
    assert get((account, b), "keywords")["keywords"] == {}
    assert (get((account, a), "threadId")["threadId"] ==
            get((account, b), "threadId")["threadId"])


@pytest.mark.parametrize("change, prop", [
    ({"blobId": None}, "blobId"), ({"blobId": "Gnone"}, "blobId"),
    ({"blobId": 5}, "blobId"), ({"mailboxIds": None}, "mailboxIds"),
    ({"mailboxIds": {}}, "mailboxIds"),
    ({"mailboxIds": {"Mzzz": True}}, "mailboxIds"),
    ({"mailboxIds": []}, "mailboxIds"),
    ({"mailboxIds": {"BOX": False}}, "mailboxIds"),
    ({"keywords": []}, "keywords"), ({"keywords": {"a": False}}, "keywords"),
    ({"keywords": {"": True}}, "keywords"),
    ({"keywords": {"a b": True}}, "keywords"),
    ({"keywords": {"a(": True}}, "keywords"),
    ({"keywords": {"x" * 256: True}}, "keywords"),
    ({"keywords": {"\u00e9": True}}, "keywords"),
    ({"receivedAt": "yesterday"}, "receivedAt"), ({"nope": 1}, "nope"),
])
def test_import_refuses_by_name(mail, change, prop):
    account, _ = mail
    box = account.mailbox()
    one = {"blobId": account.upload(b"x: y\r\n\r\n")["blobId"],
           "mailboxIds": {box: True}, **change}
    if one["mailboxIds"] == {"BOX": False}:
        one["mailboxIds"] = {box: False}
    good = {"blobId": account.upload(b"g: y\r\n\r\n")["blobId"],
            "mailboxIds": {box: True}}
    got = account.call("Email/import", {"emails": {"bad": one,
                                                   "good": good}})
    assert set(got["created"]) == {"good"}
    err = got["notCreated"]["bad"]
    assert err["type"] == "invalidProperties"
    assert err["properties"] == [prop]


def test_import_of_internationalized_headers(mail):
    account, _ = mail
    raw = ("From: Jörg <jörg@exämple.test>\r\nSubject: Grüße\r\n\r\nx\r\n"
           ).encode()
    id = account.add_mail(raw)
    e = get((account, id), "from", "subject")
    assert e["from"] == [{"name": "Jörg", "email": "jörg@exämple.test"}]
    assert e["subject"] == "Grüße"


# --- parse

def test_parse_shows_an_attached_message(mail):
    account, _ = mail
    outer = (b"Content-Type: multipart/mixed; boundary=o\r\n\r\n"
             b"--o\r\n\r\nsee\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
             + RAW + b"\r\n--o--\r\n")
    id = account.add_mail(outer)
    part, = get((account, id), "attachments")["attachments"]
    assert part["type"] == "message/rfc822"
    got = account.call("Email/parse", {"blobIds": [part["blobId"]]})
    e = got["parsed"][part["blobId"]]
    assert got["notParsable"] is None and got["notFound"] is None
    assert set(e) == DEFAULT - {"id", "blobId", "threadId", "mailboxIds",
                                "keywords", "size", "receivedAt"}
    want = get(mail, "subject", "from", "messageId", "sentAt", "preview")
    for k in set(want) - {"id"}:
        assert e[k] == want[k], k


def test_parse_metadata_is_null_and_arguments_work(mail):
    account, _ = mail
    blob = account.upload(RAW)["blobId"]
    e = account.call("Email/parse", {
        "blobIds": [blob, blob], "properties": [
            "id", "mailboxIds", "keywords", "receivedAt", "threadId",
            "blobId", "size", "header:X-Odd:asText", "bodyValues",
            "bodyStructure"],
        "bodyProperties": ["type"], "fetchAllBodyValues": True,
        "maxBodyValueBytes": 5})["parsed"]
    assert list(e) == [blob]
    e = e[blob]
    for p in "id", "mailboxIds", "keywords", "receivedAt":
        assert e[p] is None
    assert e["blobId"] == blob and e["size"] == len(RAW)
    assert e["header:X-Odd:asText"] == "a b"
    assert set(e["bodyStructure"]) == {"type", "subParts"}
    assert all(len(v["value"].encode()) <= 5
               for v in e["bodyValues"].values())
    for arg in "fetchTextBodyValues", "fetchHTMLBodyValues":
        got = account.call("Email/parse", {
            "blobIds": [blob], "properties": ["bodyValues"], arg: True})
        assert got["parsed"][blob]["bodyValues"]


def test_parse_sorts_out_what_it_cannot(mail):
    account, _ = mail
    none = account.upload(b"")["blobId"]
    got = account.call("Email/parse", {"blobIds": [none, "Gnone"]})
    assert got["parsed"] is None
    assert got["notParsable"] == [none] and got["notFound"] == ["Gnone"]
    for bad in "header:From:asDate", "nope":
        with pytest.raises(MethodError) as e:
            account.call("Email/parse", {"blobIds": [none],
                                         "properties": [bad]})
        assert e.value.type == "invalidArguments"


def test_capitals_of_a_header_property_come_back(mail):
    assert "header:sUbJect:asText" in get(mail, "header:sUbJect:asText")
    assert re.match("Gr", get(mail, "header:SUBJECT:asText")[
        "header:SUBJECT:asText"])
