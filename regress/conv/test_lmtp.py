# SPDX-License-Identifier: ISC
"""Mail gets in by LMTP (RFC 2033): what is answered, what is stored."""

import socket
import threading
import time

import pytest

from helpers import Lmtp, message, stuff


def one_mail(account, **query):
    got = account.emails(["id", "blobId", "subject", "size", "receivedAt",
                          "mailboxIds", "keywords"], **query)
    assert len(got) == 1, got
    return got[0]


def test_greets_and_offers_what_the_readme_says(server):
    with server.lmtp_client() as c:
        assert c.greeting[0] == 220
        assert set(c.features) == {"PIPELINING", "8BITMIME", "SMTPUTF8",
                                   "CHUNKING", "ENHANCEDSTATUSCODES", "SIZE"}
        assert int(c.features["SIZE"]) > 1000000


@pytest.mark.parametrize("unix", [False, True])
def test_delivers_byte_for_byte_behind_its_trace_fields(server, account,
                                                        unix):
    data = message(subject="bytes", body=".dot\r\n..\r\nend\r\n")
    with server.lmtp_client(unix=unix) as c:
        assert c.deliver(data, account.name) == [(250, "2.0.0 delivered")]
    mail = one_mail(account)
    assert mail["subject"] == "bytes"
    assert mail["mailboxIds"] == {account.mailbox(): True}
    assert mail["keywords"] == {}
    raw = account.download(mail["blobId"])
    assert raw.endswith(data)
    head = raw[:-len(data)].decode()
    assert head.startswith("Return-Path: <sender@example.org>\r\n"
                           "Received: from client.test")
    assert "by localhost with LMTP;\r\n\t" in head
    assert ("([127.0.0.1])" in head) == (not unix)
    assert mail["size"] == len(raw)


def test_null_sender_and_empty_message(server, account, lmtp):
    assert lmtp.cmd("MAIL FROM:<>")[0] == 250
    assert lmtp.cmd(f"RCPT TO:<{account.name}>")[0] == 250
    assert lmtp.cmd("DATA")[0] == 354
    assert lmtp.cmd(".")[0] == 250
    raw = account.download(one_mail(account)["blobId"])
    assert raw.startswith(b"Return-Path: <>\r\nReceived:")


def test_one_answer_for_each_recipient_in_order(server, account, lmtp):
    other = server.adduser()
    to = [account.name, "nobody@mail.test", other.name, account.name]
    got = lmtp.deliver(message(subject="all"), to)
    assert [r[0] for r in got] == [250, 550, 250, 250]
    assert got[1][1].startswith("5.1.1 ")
    # the same account twice: one mail, two answers
    assert one_mail(account)["subject"] == "all"
    assert one_mail(other)["subject"] == "all"


def test_address_is_found_in_any_case_and_quoting(server, account, lmtp):
    local, domain = account.name.split("@")
    got = lmtp.deliver(message(), [f"{local.upper()}@{domain.upper()}",
                                   f'"{local}"@{domain}',
                                   f"@relay.example:{account.name}"])
    assert [r[0] for r in got] == [250, 250, 250]


def test_data_without_recipients_is_refused(server, lmtp):
    assert lmtp.cmd("DATA")[0] == 503
    assert lmtp.cmd("MAIL FROM:<a@b.example>")[0] == 250
    assert lmtp.cmd("RCPT TO:<nobody@mail.test>")[0] == 550
    assert lmtp.cmd("DATA") == (503, "5.5.1 no valid recipients")


def test_pipelined_transactions(server, account, lmtp):
    text = "".join(
        f"MAIL FROM:<p@example.org>\r\nRCPT TO:<{account.name}>\r\nDATA\r\n"
        f"Subject: p{i}\r\n\r\nx\r\n.\r\n" for i in range(5))
    lmtp.send(text + "NOOP\r\nQUIT\r\n")
    codes = [lmtp.reply()[0] for _ in range(22)]
    assert codes == [250, 250, 354, 250] * 5 + [250, 221]
    with pytest.raises(EOFError):
        lmtp.reply()
    got = {m["subject"] for m in account.emails(["subject"])}
    assert got == {f"p{i}" for i in range(5)}


def test_chunks(server, account, lmtp):
    data = message(subject="chunked", body="bare\nLF and \0 are kept\r\n.\r\n")
    assert lmtp.cmd("MAIL FROM:<c@example.org> BODY=8BITMIME")[0] == 250
    assert lmtp.cmd(f"RCPT TO:<{account.name}>")[0] == 250
    lmtp.send(b"BDAT 10\r\n" + data[:10])
    assert lmtp.reply() == (250, "2.0.0 go on")
    assert lmtp.cmd("DATA")[0] == 503
    assert lmtp.cmd(f"RCPT TO:<{account.name}>")[0] == 503
    lmtp.send(b"BDAT %d\r\n" % (len(data) - 10) + data[10:])
    assert lmtp.reply()[0] == 250
    lmtp.send(b"BDAT 0 LAST\r\n")
    assert lmtp.reply() == (250, "2.0.0 delivered")
    assert account.download(one_mail(account)["blobId"]).endswith(data)


def test_chunks_that_nobody_wants_are_swallowed(server, lmtp):
    lmtp.send(b"BDAT 4\r\nQUITNOOP\r\n")
    assert lmtp.reply()[0] == 503
    assert lmtp.reply()[0] == 250
    assert lmtp.cmd("MAIL FROM:<a@b.example>")[0] == 250
    lmtp.send(b"BDAT 4\r\nQUITBDAT 4 LAST\r\nQUITNOOP\r\n")
    assert lmtp.reply()[0] == 503
    # RFC 2033 4.3: LAST without recipients has no reply
    assert lmtp.reply() == (250, "2.0.0 ok")


def test_bdat_that_cannot_be_read_ends_the_conversation(server, lmtp):
    lmtp.send(b"BDAT x\r\n")
    assert lmtp.reply()[0] == 501
    with pytest.raises(EOFError):
        lmtp.reply()


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_no_other_line_end_ends_a_message(server, account, lmtp, end):
    lmtp.cmd("MAIL FROM:<a@b.example>")
    lmtp.cmd(f"RCPT TO:<{account.name}>")
    assert lmtp.cmd("DATA")[0] == 354
    lmtp.send(b"Subject: x\r\n\r\nx" + end +
              b"MAIL FROM:<evil@b.example>\r\n.\r\n")
    assert lmtp.reply() == (554, "5.6.0 a line ends in LF without CR")
    assert lmtp.cmd("NOOP")[0] == 250
    assert account.emails() == []


def test_bare_cr_is_kept_and_ends_nothing(server, account, lmtp):
    data = b"Subject: cr\r\n\r\nx\r.\rMAIL\r.\r\ny\r\n"
    assert lmtp.deliver(data, account.name)[0][0] == 250
    assert account.download(one_mail(account)["blobId"]).endswith(data)


@pytest.mark.parametrize("line,code", [
    ("HELO x", 500), ("EHLO x", 500), ("HELP", 500), ("NOOP\tx", 500),
    ("LHLO", 501), ("LHLO (x)", 501), ("MAIL FROM:a@b", 501),
    ("MAIL FROM:<a@b> RET=HDRS", 555), ("MAIL FROM:<a@b> SIZE=x", 501),
    ("MAIL FROM:<ä@b>", 553), ("RCPT TO:<a@b>", 503), ("QUIT now", 501),
    ("MAIL FROM:<a@b> SIZE=99999999999", 552), ("VRFY", 501),
    ("VRFY root", 252), ("RSET", 250), ("NOOP anything", 250),
])
def test_single_commands(server, lmtp, line, code):
    got, text = lmtp.cmd(line)
    assert got == code, text
    assert text[0] == str(code)[0] and text[1] == "."
    assert lmtp.cmd("NOOP")[0] == 250


def test_lhlo_comes_first(server):
    with server.lmtp_client(greet=False) as c:
        assert c.cmd("MAIL FROM:<a@b.example>")[0] == 503
        assert c.cmd("LHLO [127.0.0.1]")[0] == 250
        assert c.cmd("MAIL FROM:<a@b.example>")[0] == 250
        assert c.cmd("MAIL FROM:<a@b.example>")[0] == 503


def test_long_lines_are_answered_and_passed_over(server, lmtp):
    lmtp.send(b"NOOP " + b"x" * 70000 + b"\r\nNOOP\r\n")
    assert lmtp.reply()[0] == 500
    assert lmtp.reply()[0] == 250


def test_too_many_errors_end_the_conversation(server, lmtp):
    codes = []
    for _ in range(20):
        codes.append(lmtp.cmd("WHAT")[0])
    assert codes == [500] * 20
    assert lmtp.reply()[0] == 421
    with pytest.raises(EOFError):
        lmtp.reply()


def test_utf8_addresses(server, account, lmtp):
    assert lmtp.cmd("MAIL FROM:<dömäin@exämple.org> SMTPUTF8")[0] == 250
    assert lmtp.cmd(f"RCPT TO:<{account.name}>")[0] == 250
    assert lmtp.cmd("RCPT TO:<nöbody@mail.test>")[0] == 550
    assert lmtp.cmd("DATA")[0] == 354
    lmtp.send(stuff(message(subject="Grüße")))
    assert lmtp.reply()[0] == 250
    mail = one_mail(account)
    assert mail["subject"] == "Grüße"
    raw = account.download(mail["blobId"]).decode()
    assert raw.startswith("Return-Path: <dömäin@exämple.org>\r\n")
    assert "with UTF8LMTP;" in raw


def test_too_big_messages_are_refused(new_server):
    server = new_server("limits { max-message-size = 20000 "
                        "max-size-upload = 20000 }\n")
    account = server.adduser()
    fits = message(body="x" * 70 + "\r\n")
    fits += (b"y" * 70 + b"\r\n") * ((20000 - len(fits)) // 72)
    big = fits + b"z" * 100 + b"\r\n"
    with server.lmtp_client() as c:
        assert c.features["SIZE"] == "20000"
        assert c.cmd("MAIL FROM:<a@b.example> SIZE=20001")[0] == 552
        assert c.deliver(big, account.name) == [
            (552, "5.3.4 too big for this system")]
        assert c.deliver(fits, account.name)[0][0] == 250
        c.cmd("MAIL FROM:<a@b.example>")
        c.cmd(f"RCPT TO:<{account.name}>")
        c.send(b"BDAT %d\r\n" % len(big) + big)
        assert c.reply()[0] == 552
        c.send(b"BDAT 0 LAST\r\n")
        assert c.reply()[0] == 552
        assert c.deliver(fits, account.name)[0][0] == 250
    assert len(account.emails(["id"])) == 2


def test_a_full_mailbox_is_a_passing_error(server):
    account = server.adduser()
    admin = server.admin()
    r = admin.http.patch(f"{server.url}/api/principal/{account.name}",
                         json=[{"action": "set", "field": "quota",
                                "value": 3000}])
    assert r.status_code == 200 and r.json() == {"data": None}, r.text
    with server.lmtp_client() as c:
        mail = message(body="x" * 900 + "\r\n")
        codes = [c.deliver(mail, account.name)[0][0] for _ in range(4)]
        assert codes[0] == 250 and codes[-1] == 452
        c.cmd("MAIL FROM:<a@b.example> SIZE=2900")
        assert c.cmd(f"RCPT TO:<{account.name}>") == (
            452, "4.2.2 the mailbox is full")
    assert len(account.emails(["id"])) == codes.count(250)


def test_silence_is_ended(new_server):
    server = new_server("limits { lmtp-timeout = 1s }\n")
    with server.lmtp_client() as c:
        start = time.monotonic()
        assert c.reply()[0] == 421
        assert time.monotonic() - start < 4
        with pytest.raises(EOFError):
            c.reply()


def test_many_sessions_at_once(server):
    accounts = [server.adduser() for _ in range(4)]
    done = []

    def session(n):
        with server.lmtp_client(unix=n % 2 == 0) as c:
            for i in range(10):
                to = [a.name for a in accounts]
                got = c.deliver(message(subject=f"{n}.{i}"), to)
                done.extend(r[0] for r in got)

    threads = [threading.Thread(target=session, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert done == [250] * 320
    want = {f"{n}.{i}" for n in range(8) for i in range(10)}
    for a in accounts:
        assert {m["subject"] for m in a.emails(["subject"])} == want


def test_a_broken_connection_stores_nothing(server, account):
    c = server.lmtp_client()
    c.cmd("MAIL FROM:<a@b.example>")
    c.cmd(f"RCPT TO:<{account.name}>")
    c.cmd("DATA")
    c.send(b"Subject: half\r\n\r\nhalf a mess")
    c.sock.shutdown(socket.SHUT_WR)
    with pytest.raises(EOFError):
        c.reply()
    c.close()
    assert account.emails() == []
