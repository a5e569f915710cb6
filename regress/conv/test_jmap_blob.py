# SPDX-License-Identifier: ISC
"""RFC 8620 6: upload and download, and what a download may be used for."""

import os
from urllib.parse import quote

import pytest

from helpers import CORE, message
from share_tools import share

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
OCTETS = "application/octet-stream"


def url(account, blob, name="f", query="", acc=None):
    return (f"{account.server.url}/jmap/download/{acc or account.id}/{blob}/"
            f"{name}{query}")


def get(account, blob, name="f", query="", acc=None, **kw):
    return account.http.get(url(account, blob, name, query, acc), **kw)


def test_upload_and_download(account):
    data = os.urandom(100000)
    up = account.upload(data, "application/x-thing")
    assert up["accountId"] == account.id
    assert up["type"] == "application/x-thing"
    assert up["size"] == len(data)
    assert account.download(up["blobId"]) == data


def test_same_bytes_same_blob(account):
    assert (account.upload(b"same")["blobId"] ==
            account.upload(b"same", "text/plain")["blobId"])


def test_empty_upload(account):
    up = account.upload(b"")
    assert up["size"] == 0
    assert account.download(up["blobId"]) == b""


def test_chunked_upload(account):
    def parts():
        for i in range(50):
            yield b"%04d" % i * 1000
    r = account.http.post(
        f"{account.server.url}/jmap/upload/{account.id}/", data=parts(),
        headers={"Content-Type": OCTETS})
    assert r.status_code == 201, r.text
    assert account.download(r.json()["blobId"]) == b"".join(parts())


@pytest.mark.parametrize("chunked", [False, True])
def test_upload_that_is_too_large(new_server, chunked):
    server = new_server("limits { max-size-upload = 30000 }\n")
    account = server.adduser()
    most = account.session["capabilities"][CORE]["maxSizeUpload"]
    assert most == 30000
    assert account.upload(b"x" * most)["size"] == most
    data = b"x" * (most + 1)
    r = account.http.post(
        f"{server.url}/jmap/upload/{account.id}/",
        data=iter([data]) if chunked else data,
        headers={"Content-Type": OCTETS})
    assert r.status_code in (400, 413)
    assert r.json()["limit"] == "maxSizeUpload"


def test_others_blobs_are_not_found(server, account):
    other = server.adduser()
    blob = other.upload(b"secret")["blobId"]
    assert get(account, blob).status_code == 404
    r = account.http.get(url(account, blob, acc=other.id))
    assert r.status_code == 404
    r = account.http.post(f"{server.url}/jmap/upload/{other.id}/", data=b"x")
    assert r.status_code == 404


@pytest.mark.parametrize("blob", ["x", "G", "Gx", "G" + "A" * 43,
                                  "G" + "A" * 43 + "-0-1-0",
                                  "G" + "A" * 43 + "-0-1-99"])
def test_blobs_that_do_not_exist(account, blob):
    r = get(account, blob)
    assert r.status_code == 404
    assert r.headers["Content-Type"] == "application/problem+json"
    assert r.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("tail", ["-0-11-0", "-11-1-0", "-5-9999999-1",
                                  "-9007199254740991-1-0", "-00-1-0",
                                  "-0-1", "-0-1-0-", "--1-1-0", "-0-1-5"])
def test_parts_outside_their_blob(account, tail):
    blob = account.upload(b"0123456789")["blobId"]
    assert get(account, blob + tail).status_code == 404
    assert get(account, blob + "-2-3-0").content == b"234"
    assert get(account, blob + "-10-0-0").content == b""


def test_download_is_locked_down(account):
    blob = account.upload(b"<script>alert(1)</script>")["blobId"]
    r = get(account, blob, "x.html", "?type=text/html")
    assert r.status_code == 200
    assert r.headers["Content-Type"] == OCTETS
    assert r.headers["X-Content-Type-Options"] == "nosniff"
    assert r.headers["Content-Security-Policy"].startswith("sandbox;")
    assert r.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert r.headers["Content-Disposition"].startswith("attachment;")
    assert r.headers["Cache-Control"] == (
        "private, immutable, max-age=31536000")


@pytest.mark.parametrize("asked, want", [
    ("image/png", "image/png"), ("application/pdf", "application/pdf"),
    ("text/plain;charset=utf-8", "text/plain; charset=utf-8"),
    ("image/svg%2Bxml", OCTETS), ("text/javascript", OCTETS),
    ("text/css", OCTETS), ("message/rfc822", OCTETS),
    ("text/html%0d%0aX-A:b", OCTETS), ("nonsense", OCTETS), ("", OCTETS),
])
def test_types(account, asked, want):
    blob = account.upload(b"x")["blobId"]
    r = get(account, blob, "x", f"?type={asked}")
    assert r.headers["Content-Type"] == want
    assert "X-A" not in r.headers


@pytest.mark.parametrize("name, want", [
    ("a.txt", 'attachment; filename="a.txt"'),
    ("..%22x%7c.exe.", 'attachment; filename="x.exe"'),
    ("a%c2%85%20%e2%80%aeb", 'attachment; filename="a b"'),
    ("caf%C3%A9", 'attachment; filename="caf_"; '
                  "filename*=UTF-8''caf%C3%A9"),
])
def test_names(account, name, want):
    blob = account.upload(b"x")["blobId"]
    r = get(account, blob, name)
    assert r.headers["Content-Disposition"] == want
    assert "X-A" not in r.headers


@pytest.mark.parametrize("name", ["..%5c..%5cx", "a%0d%0aX-A:%20b",
                                  "a%00b"])
def test_names_that_are_no_part_of_a_path(account, name):
    blob = account.upload(b"x")["blobId"]
    assert get(account, blob, name).status_code == 400


def test_inline_only_for_media_that_is_what_it_says(account):
    png = account.upload(PNG)["blobId"]
    html = account.upload(b"<html>")["blobId"]
    how = "?type=image/png&disposition=inline"
    r = get(account, png, "x.png", how)
    assert r.headers["Content-Disposition"].startswith("inline;")
    r = get(account, html, "x.png", how)
    assert r.headers["Content-Disposition"].startswith("attachment;")
    r = get(account, png, "x", "?type=application/pdf&disposition=inline")
    assert r.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize("headers, status", [
    ({"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Dest": "image"}, 200),
    ({"Sec-Fetch-Dest": "script"}, 403),
    ({"Sec-Fetch-Dest": "serviceworker"}, 403),
    ({"Sec-Fetch-Dest": "iframe"}, 403),
    ({"Service-Worker": "script"}, 403),
    ({"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"}, 403),
])
def test_fetch_metadata(account, headers, status):
    blob = account.upload(b"x")["blobId"]
    assert get(account, blob, headers=headers).status_code == status


def test_etag_and_not_modified(account):
    blob = account.upload(b"x" * 1000)["blobId"]
    r = get(account, blob)
    tag = r.headers["ETag"]
    for value in (tag, "W/" + tag, f'"other", {tag}', "*"):
        r = get(account, blob, headers={"If-None-Match": value})
        assert r.status_code == 304, value
        assert r.content == b"" and r.headers["ETag"] == tag
    r = get(account, blob, headers={"If-None-Match": '"other"'})
    assert r.status_code == 200


@pytest.mark.parametrize("value, status, want", [
    ("bytes=0-4", 206, b"01234"), ("bytes=5-", 206, b"56789"),
    ("bytes=-2", 206, b"89"), ("bytes=8-99", 206, b"89"),
    ("bytes=10-", 416, None), ("bytes=0-1,3-4", 200, b"0123456789"),
    ("bytes=4-2", 200, b"0123456789"), ("lines=1-2", 200, b"0123456789"),
])
def test_ranges(account, value, status, want):
    blob = account.upload(b"0123456789")["blobId"]
    r = get(account, blob, headers={"Range": value})
    assert r.status_code == status
    if want is not None:
        assert r.content == want
    if status == 206:
        start = b"0123456789".index(want)
        assert r.headers["Content-Range"] == (
            f"bytes {start}-{start + len(want) - 1}/10")
    if status == 416:
        assert r.headers["Content-Range"] == "bytes */10"


def test_if_range(account):
    blob = account.upload(b"0123456789")["blobId"]
    tag = get(account, blob).headers["ETag"]
    r = get(account, blob, headers={"Range": "bytes=0-1", "If-Range": tag})
    assert r.status_code == 206
    r = get(account, blob, headers={"Range": "bytes=0-1",
                                    "If-Range": '"x"'})
    assert r.status_code == 200


def test_head_has_the_length_and_no_body(account):
    blob = account.upload(b"0123456789")["blobId"]
    r = account.http.head(url(account, blob))
    assert r.status_code == 200
    assert r.headers["Content-Length"] == "10" and r.content == b""


def test_a_part_is_a_blob_of_its_own(account):
    part = bytes(range(256)) * 20
    import base64
    body = (b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
            b"--b\r\nContent-Type: image/png\r\n"
            b"Content-Disposition: attachment; filename=a.png\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" +
            base64.encodebytes(part).replace(b"\n", b"\r\n") +
            b"--b--\r\n")
    raw = message(body="", MIME_Version="1.0",
                  Content_Type='multipart/mixed; boundary="b"') + body
    id = account.add_mail(raw)
    mail = account.call("Email/get", {
        "ids": [id], "properties": ["blobId", "attachments"]})["list"][0]
    assert account.download(mail["blobId"]) == raw
    (att,) = mail["attachments"]
    assert att["size"] == len(part)
    assert account.download(att["blobId"]) == part


def test_uploads_survive_a_restart(new_server):
    server = new_server()
    account = server.adduser()
    blob = account.upload(b"durable")["blobId"]
    server.stop()
    server.start()
    again = type(account)(server, account.name, account.password)
    assert again.download(blob) == b"durable"


@pytest.mark.parametrize("name, said", [
    ("a.txt", 'filename="a.txt"'),
    ("Rechnung 01/2026.pdf", 'filename="Rechnung 012026.pdf"'),
    ("a\\b.txt", 'filename="ab.txt"'),
    ("..", 'filename="attachment"'),
    ("", 'filename="attachment"'),
    ("a+b & c=d?.txt", "filename="),
    ("grün.txt", "filename*=UTF-8''gr%C3%BCn.txt"),
    ("100 %.txt", "filename*=UTF-8''100%20%25.txt"),
    ("x\r\nSet-Cookie: a=b", "filename="),
])
def test_any_name_can_be_downloaded(account, name, said):
    """RFC 8620 6.2: the template's "name" may be what a sender chose; the
    blob comes, and the name as far as a file may have it."""
    blob = account.upload(b"text")["blobId"]
    u = account.session["downloadUrl"]
    for k, v in (("accountId", account.id), ("blobId", blob), ("name", name),
                 ("type", "text/plain")):
        u = u.replace("{%s}" % k, quote(v, safe=""))
    r = account.http.get(u)
    assert (r.status_code, r.content) == (200, b"text")
    assert r.headers["Content-Type"] == "text/plain"
    assert said in r.headers["Content-Disposition"]
    assert "Set-Cookie" not in r.headers


# --- room for uploads (6)

ROOM = """
limits { max-size-upload = 100000 connections-per-source = 1000000
    max-concurrent-requests = 1000 drain-timeout = 2s }
store { upload-space = 300000 }
"""


def alive(account, *blobs):
    return [get(account, b).status_code == 200 for b in blobs]


def test_uploads_make_room_the_oldest_first(new_server):
    """"When an upload would take the user over quota, the server MUST delete
    unreferenced blobs in date order, oldest first"."""
    a = new_server(ROOM).first()
    mail = a.upload(message(body="m" * 90000))["blobId"]
    got = a.call("Email/import", {"emails": {"m": {
        "blobId": mail, "mailboxIds": {a.mailbox(): True}}}})
    one, two, three = (a.upload(c * 90000)["blobId"] for c in
                       (b"1", b"2", b"3"))
    assert alive(a, one, two, three) == [True] * 3
    # brought again, it is the newest
    assert a.upload(b"1" * 90000)["blobId"] == one
    four = a.upload(b"4" * 90000)["blobId"]
    assert alive(a, one, two, three, four, mail) == [
        True, False, True, True, True]
    # what a mail no longer needs counts, too
    a.call("Email/set", {"destroy": [got["created"]["m"]["id"]]})
    a.upload(b"5" * 90000)
    assert alive(a, one, two, three, four, mail) == [
        False, False, False, True, True]
    a.server.jmapctl("check", a.name)


def test_a_sharee_does_not_push_out_the_owners_uploads(new_server):
    """"In the case of shared accounts, this quota SHOULD be separate per
    user": what the owner brought stays."""
    server = new_server(ROOM)
    ann, bob = server.first(), server.second()
    share(ann, ann.mailbox(), bob, "mayAddItems")
    ours = [ann.upload(c * 90000)["blobId"] for c in (b"1", b"2")]

    def put(c):
        return bob.http.post(f"{server.url}/jmap/upload/{ann.id}/",
                             data=c * 90000)

    his = put(b"3").json()["blobId"]
    assert put(b"4").status_code == 201
    assert alive(ann, *ours) == [True, True]
    assert get(bob, his, acc=ann.id).status_code == 404
    ours.append(ann.upload(b"5" * 90000)["blobId"])
    assert alive(ann, *ours).count(True) >= 2
    server.jmapctl("check", ann.name)


def test_one_call_does_not_undo_itself(new_server):
    a = new_server(ROOM).first()
    old = a.upload(b"old")["blobId"]
    got = a.request([["Blob/upload", {"accountId": a.id, "create": {
        k: {"data": [{"data:asText": k * 90000}]} for k in "abcd"}}, "0"]],
        [CORE, "urn:ietf:params:jmap:blob"])["methodResponses"][0][1]
    assert sorted(got["created"]) == ["a", "b", "c"]
    assert got["notCreated"]["d"]["type"] == "overQuota"
    made = [c["id"] for c in got["created"].values()]
    assert alive(a, *made) == [True] * 3 and alive(a, old) == [True]
    a.upload(b"later" * 9000)
    assert alive(a, old) == [False] and sum(alive(a, *made)) == 2
    a.server.jmapctl("check", a.name)
