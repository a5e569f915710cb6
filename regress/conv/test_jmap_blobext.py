# SPDX-License-Identifier: ISC
"""RFC 9404: Blob/upload, Blob/get, Blob/lookup."""

import base64
import hashlib

import pytest

from helpers import CORE, MAIL, MethodError, message

BLOB = "urn:ietf:params:jmap:blob"
USING = (CORE, MAIL, BLOB)


def calls(account, *list_of, using=USING):
    full = [[name, {"accountId": account.id, **args}, str(i)]
            for i, (name, args) in enumerate(list_of)]
    return account.request(full, using=using)["methodResponses"]


def call(account, name, args, using=USING):
    got = calls(account, (name, args), using=using)[0]
    if got[0] == "error":
        raise MethodError(got[1])
    assert got[0] == name
    return got[1]


def upload(account, *data, **more):
    return call(account, "Blob/upload",
                {"create": {"b": {"data": list(data), **more}}})


def refused(account, *data, **more):
    got = upload(account, *data, **more)
    assert got["created"] is None
    return got["notCreated"]["b"]


def b64(data):
    return base64.b64encode(data).decode()


def test_capability(account):
    assert account.session["capabilities"][BLOB] == {}
    of = account.session["accounts"][account.id]["accountCapabilities"][BLOB]
    assert of["maxDataSources"] >= 64
    assert of["maxSizeBlobSet"] == \
        account.session["capabilities"][CORE]["maxSizeUpload"]
    assert sorted(of["supportedTypeNames"]) == ["Email", "Mailbox", "Thread"]
    assert of["supportedDigestAlgorithms"] == \
        ["sha-256", "sha-512", "sha", "md5"]


def test_methods_need_the_capability(account):
    got = calls(account, ("Blob/upload", {"create": {}}), using=(CORE, MAIL))
    assert got[0][1]["type"] == "unknownMethod"


def test_upload_of_text_base64_and_ranges(account):
    """The complex example of 4.1.2."""
    got = calls(
        account,
        ("Blob/upload", {"create": {"b4": {"data": [{"data:asText":
         "The quick brown fox jumped over the lazy dog."}]}}}),
        ("Blob/upload", {"create": {"cat": {"type": "text/x-cat", "data": [
            {"data:asText": "How"},
            {"blobId": "#b4", "length": 7, "offset": 3},
            {"data:asText": "was t"},
            {"blobId": "#b4", "length": 1, "offset": 1},
            {"data:asBase64": "YXQ/"}]}}}),
        ("Blob/get", {"ids": ["#cat"],
                      "properties": ["data:asText", "size"]}))
    assert got[0][1]["created"]["b4"]["size"] == 45
    assert got[0][1]["notCreated"] is None
    cat = got[1][1]["created"]["cat"]
    assert cat["type"] == "text/x-cat" and cat["size"] == 19
    assert got[2][1] == {"accountId": account.id, "notFound": [], "list": [
        {"id": cat["id"], "data:asText": "How quick was that?", "size": 19}]}
    assert account.download(cat["id"]) == b"How quick was that?"


def test_upload_of_nothing_is_the_empty_blob(account):
    blob = upload(account)["created"]["b"]
    assert blob["size"] == 0 and blob["type"] is None
    assert account.download(blob["id"]) == b""


def test_upload_takes_64_sources_and_no_more(account):
    one = {"data:asText": "ä"}
    assert upload(account, *[one] * 64)["created"]["b"]["size"] == 128
    assert refused(account, *[one] * 65)["properties"] == ["data"]


def test_same_bytes_have_the_id_of_an_upload(account):
    assert upload(account, {"data:asText": "same"})["created"]["b"]["id"] == \
        account.upload(b"same")["blobId"]


@pytest.mark.parametrize("source", [
    {"data:asBase64": "YXQ"},                   # padding is missing
    {"data:asBase64": "YX Q="},
    {"data:asBase64": "YXR="},                  # bits are left over
    {"data:asBase64": "_-=="},
    {"data:asText": "a", "data:asBase64": "YXQ/"},
    {},
    {"data:asText": None},
    {"data:asText": 7},
    {"data:asText": "a", "offset": 0},
    {"data:asText": "a", "more": 1},
])
def test_bad_source_is_refused_by_name(account, source):
    error = refused(account, {"data:asText": "good"}, source)
    assert error["type"] == "invalidProperties"
    assert error["properties"] == ["data"]
    assert error["description"]


@pytest.mark.parametrize("off,length,ok", [
    (0, 5, 1), (5, 0, 1), (5, None, 1), (None, None, 1), (2, 3, 1),
    (0, 6, 0), (6, None, 0), (6, 0, 0), (4, 2, 0), (2**53 - 1, 1, 0),
    (1, 2**53 - 1, 0)])
def test_range_must_be_inside(account, off, length, ok):
    id = account.upload(b"12345")["blobId"]
    source = {"blobId": id, "offset": off, "length": length}
    got = upload(account, source)
    if ok:
        end = None if length is None else (off or 0) + length
        assert account.download(got["created"]["b"]["id"]) == \
            b"12345"[off or 0:end]
    else:
        assert got["notCreated"]["b"]["properties"] == ["data"]


def test_unknown_blob_as_a_source(account):
    for id in "Gnothing", "#nothing", "":
        error = refused(account, {"blobId": id})
        assert error["type"] == "blobNotFound"


def test_blobs_made_of_each_other_in_one_call(account):
    """Similar to a /set (RFC 8620 5.3): what is referred to comes first,
    wherever it stands."""
    got, read = calls(account, ("Blob/upload", {"create": {
        "c": {"data": [{"blobId": "#b"}, {"data:asText": "c"}]},
        "b": {"data": [{"blobId": "#a"}, {"data:asText": "b"}]},
        "a": {"data": [{"data:asText": "a"}]},
        "me": {"data": [{"blobId": "#me"}]},
        "x": {"data": [{"blobId": "#y"}]},
        "y": {"data": [{"blobId": "#x"}]}}}),
        ("Blob/get", {"ids": ["#c"]}))
    assert sorted(got[1]["created"]) == ["a", "b", "c"]
    assert {k: e["type"] for k, e in got[1]["notCreated"].items()} == {
        k: "blobNotFound" for k in ("me", "x", "y")}
    assert read[1]["list"][0]["data:asText"] == "abc"


def test_a_made_blob_is_named_by_its_creation_id(account):
    """4.1: "the value must be available to later methods defined in the same
    Request Object ... via back-reference in subsequent method calls"."""
    raw = message(subject="made here")
    box = {account.mailbox(): True}
    got = calls(
        account,
        ("Blob/upload", {"create": {"b": {"data": [
            {"data:asBase64": b64(raw)}]}}}),
        ("Email/import", {"emails": {"m": {"blobId": "#b",
                                           "mailboxIds": box}}}),
        ("Email/parse", {"blobIds": ["#b", "#nope"],
                         "properties": ["subject"]}),
        ("Email/set", {"create": {"n": {
            "mailboxIds": box,
            "attachments": [{"blobId": "#b", "type": "message/rfc822"}]}}}),
        ("SearchSnippet/get", {"emailIds": ["#m"],
                               "filter": {"subject": "made"}}),
        ("Blob/lookup", {"ids": ["#b"], "typeNames": ["Email"]}))
    got = [g[1] for g in got]
    blob, mail = got[0]["created"]["b"]["id"], got[1]["created"]["m"]["id"]
    assert got[2]["parsed"] == {blob: {"subject": "made here"}}
    assert got[2]["notFound"] == ["#nope"]
    new = got[3]["created"]["n"]["id"]
    part = account.call("Email/get", {"ids": [new], "properties": [
        "attachments"]})["list"][0]["attachments"][0]
    assert part["size"] == len(raw)
    assert "<mark>made</mark>" in got[4]["list"][0]["subject"]
    assert mail in got[5]["list"][0]["matchedIds"]["Email"]


def test_a_creation_id_that_made_no_blob(account):
    box = {account.mailbox(): True}
    got = calls(
        account,
        ("Email/import", {"emails": {"m": {"blobId": "#b",
                                           "mailboxIds": box}}}),
        ("Email/set", {"create": {"n": {
            "mailboxIds": box,
            "attachments": [{"blobId": "#b", "type": "a/b"}]}}}))
    assert got[0][1]["notCreated"]["m"]["properties"] == ["blobId"]
    e = got[1][1]["notCreated"]["n"]
    assert e["type"] == "blobNotFound" and e["notFound"] == ["#b"]


def test_the_property_that_is_wrong_is_named(account):
    for more, name in [({"nope": 1}, "nope"), ({"type": 5}, "type"),
                       ({"data": 5}, "data")]:
        got = refused(account, {"data:asText": "x"}, **more)
        assert got["properties"] == [name], got


def test_upload_that_is_too_large(new_server):
    server = new_server("limits { max-size-upload = 30000 }\n")
    account = server.adduser()
    half = account.upload(b"x" * 15000)["blobId"]
    blob = upload(account, {"blobId": half}, {"blobId": half})
    assert blob["created"]["b"]["size"] == 30000
    assert refused(account, {"blobId": half}, {"data:asText": "y"},
                   {"blobId": half})["type"] == "tooLarge"
    assert refused(account, {"blobId": half}, {"blobId": half},
                   {"data:asBase64": "YXQ/"})["type"] == "tooLarge"


@pytest.mark.parametrize("args", [
    {}, {"create": None}, {"create": []}, {"create": {"b": 1}},
    {"create": {"a b": {"data": []}}}, {"create": {}, "update": {}},
    {"create": {}, "ifInState": "1"}])
def test_upload_arguments(account, args):
    with pytest.raises(MethodError) as e:
        call(account, "Blob/upload", args)
    assert e.value.type == "invalidArguments"


def test_object_without_data_is_refused(account):
    got = call(account, "Blob/upload", {"create": {
        "a": {"type": "text/plain"}, "b": {"data": [], "type": 7},
        "c": {"data": []}}})
    assert got["notCreated"]["a"]["properties"] == ["data"]
    assert got["notCreated"]["b"]["properties"] == ["type"]
    assert list(got["created"]) == ["c"]


# --- 4.2

BAD = b"The quick brown fox jumped over the \x81\x81 dog."


def read(account, ids, **args):
    return call(account, "Blob/get", {"ids": ids, **args})["list"]


def test_get_range_and_encoding(account):
    """The example of 4.2.2."""
    b1 = account.upload(BAD)["blobId"]
    b2 = account.upload(b"hello world")["blobId"]
    ids = [b1, b2]
    assert read(account, ids) == [
        {"id": b1, "isEncodingProblem": True, "data:asBase64": b64(BAD),
         "size": 43},
        {"id": b2, "data:asText": "hello world", "size": 11}]
    assert read(account, ids, properties=["data:asText", "size"]) == [
        {"id": b1, "isEncodingProblem": True, "data:asText": None,
         "size": 43},
        {"id": b2, "data:asText": "hello world", "size": 11}]
    assert read(account, ids, properties=["data:asBase64", "size"]) == [
        {"id": b1, "data:asBase64": b64(BAD), "size": 43},
        {"id": b2, "data:asBase64": b64(b"hello world"), "size": 11}]
    assert read(account, ids, offset=0, length=5) == [
        {"id": b1, "data:asText": "The q", "size": 43},
        {"id": b2, "data:asText": "hello", "size": 11}]
    assert read(account, ids, offset=20, length=100) == [
        {"id": b1, "isTruncated": True, "isEncodingProblem": True,
         "data:asBase64": b64(BAD[20:]), "size": 43},
        {"id": b2, "isTruncated": True, "data:asText": "", "size": 11}]


def test_get_cut_in_a_character_is_a_problem(account):
    id = account.upload("ab\u00e9".encode())["blobId"]
    one = read(account, [id], offset=0, length=3)[0]
    assert one["isEncodingProblem"] and "data:asText" not in one
    assert one["data:asBase64"] == b64(b"ab\xc3")


@pytest.mark.parametrize("offset,length,truncated", [
    (None, None, 0), (5, None, 0), (6, None, 1), (0, 5, 0), (0, 6, 1),
    (5, 0, 0), (2**53 - 1, 2**53 - 1, 1), (1, 4, 0), (1, 5, 1)])
def test_get_says_when_a_range_is_not_all_there(account, offset, length,
                                                truncated):
    id = account.upload(b"12345")["blobId"]
    one = read(account, [id], offset=offset, length=length)[0]
    end = None if length is None else (offset or 0) + length
    assert one["data:asText"] == b"12345"[offset or 0:end].decode()
    assert one.get("isTruncated", False) is bool(truncated)
    assert one["size"] == 5


def test_get_digests_of_the_range(account):
    data = b"The quick brown fox jumped over the lazy dog."
    id = account.upload(data)["blobId"]
    names = {"sha": "sha1", "sha-256": "sha256", "sha-512": "sha512",
             "md5": "md5"}
    for part, args in (data, {}), (data[4:13], {"offset": 4, "length": 9}):
        one = read(account, [id], properties=[f"digest:{n}" for n in names],
                   **args)[0]
        assert one == {"id": id, **{
            f"digest:{n}": b64(hashlib.new(h, part).digest())
            for n, h in names.items()}}


def test_get_of_a_part_of_a_message(account):
    mail = account.add_mail(message(body="h\u00e9llo\r\n"))
    got = account.call("Email/get", {"ids": [mail],
                                     "properties": ["textBody"]})
    part = got["list"][0]["textBody"][0]["blobId"]
    body = account.download(part)
    one = read(account, [part])[0]
    assert one["data:asText"].encode() == body and one["size"] == len(body)
    one = read(account, [part], offset=1, length=2)[0]
    assert one["data:asText"].encode() == body[1:3]
    assert read(account, [part], properties=["size"]) == [
        {"id": part, "size": len(body)}]


def test_get_of_a_large_range_reads_only_that(account):
    data = bytes(range(256)) * 40000
    id = account.upload(data)["blobId"]
    one = read(account, [id], offset=5000000, length=7,
               properties=["data:asBase64", "size"])[0]
    assert one["data:asBase64"] == b64(data[5000000:5000007])
    assert one["size"] == len(data)


def test_get_of_nothing_that_is_there(account):
    got = call(account, "Blob/get", {"ids": ["not-a-blob", "Gxyz"]})
    assert got["list"] == [] and got["notFound"] == ["not-a-blob", "Gxyz"]


@pytest.mark.parametrize("args,type", [
    ({"ids": None}, "requestTooLarge"),
    ({"ids": ["a b"]}, "invalidArguments"),
    ({"ids": [], "properties": ["digest:crc32"]}, "invalidArguments"),
    ({"ids": [], "properties": ["type"]}, "invalidArguments"),
    ({"ids": [], "offset": -1}, "invalidArguments"),
    ({"ids": [], "length": "1"}, "invalidArguments")])
def test_get_arguments(account, args, type):
    with pytest.raises(MethodError) as e:
        call(account, "Blob/get", args)
    assert e.value.type == type


def test_get_of_more_than_an_answer_may_have(account):
    ids = [account.upload(bytes([65 + i]) * 8000000)["blobId"]
           for i in range(9)]
    with pytest.raises(MethodError) as e:
        call(account, "Blob/get", {"ids": ids})
    assert e.value.type == "requestTooLarge"


# --- 4.3

def test_lookup(account):
    data = message(subject="looked up")
    one, two = (account.add_mail(data, keywords=()) for _ in range(2))
    other = account.upload(b"in no mail")["blobId"]
    got = account.call("Email/get", {"ids": [one], "properties":
                       ["blobId", "threadId", "mailboxIds", "textBody"]})
    mail = got["list"][0]
    threads = {account.call("Email/get", {"ids": [i], "properties":
               ["threadId"]})["list"][0]["threadId"] for i in (one, two)}
    names = ["Mailbox", "Thread", "Email"]
    part = mail["textBody"][0]["blobId"]
    got = call(account, "Blob/lookup", {
        "typeNames": names, "ids": [mail["blobId"], other, "not-a-blob",
                                    part]})["list"]
    assert [g["id"] for g in got] == [mail["blobId"], other, "not-a-blob",
                                      part]
    assert sorted(got[0]["matchedIds"]["Email"]) == sorted([one, two])
    assert set(got[0]["matchedIds"]["Thread"]) == threads
    assert got[0]["matchedIds"]["Mailbox"] == list(mail["mailboxIds"])
    for none in got[1:3]:
        assert none["matchedIds"] == {n: [] for n in names}
    assert got[3]["matchedIds"] == got[0]["matchedIds"]
    account.call("Email/set", {"destroy": [one]})
    got = call(account, "Blob/lookup", {"typeNames": ["Email"],
                                        "ids": [mail["blobId"]]})
    assert got["list"][0]["matchedIds"] == {"Email": [two]}


@pytest.mark.parametrize("args,type", [
    ({"typeNames": ["Foo"], "ids": []}, "unknownDataType"),
    ({"typeNames": [7], "ids": []}, "unknownDataType"),
    ({"typeNames": ["Email"]}, "invalidArguments"),
    ({"ids": []}, "invalidArguments"),
    ({"typeNames": ["Email"], "ids": [7]}, "invalidArguments")])
def test_lookup_arguments(account, args, type):
    with pytest.raises(MethodError) as e:
        call(account, "Blob/lookup", args)
    assert e.value.type == type


def test_lookup_of_mail_needs_its_capability(account):
    with pytest.raises(MethodError) as e:
        call(account, "Blob/lookup", {"typeNames": ["Email"], "ids": []},
             using=(CORE, BLOB))
    assert e.value.type == "unknownDataType"
