# SPDX-License-Identifier: ISC
"""Search over the wire (RFC 8621 4.4.1 and 5): words, stems, phrases, what is
attached, header fields; found by every worker at once; the index made again
while it serves (jmapctl reindex)."""

import json
import pathlib
import subprocess
import threading
import time

import pytest

import helpers
from helpers import MethodError, wait_for

MIXED = """\
From: Ada Lovelace <ada.l@engine.example>
To: bob@mail.test
Cc: "Carl, Friedrich" <carl@uni.example>
Bcc: hidden@secret.example
Subject: =?utf-8?q?Sitzungsprotokolle_der_Geb=C3=A4ude?=
Message-ID: <unique.4711@engine.example>
References: <first.1@uni.example> <second.2@uni.example>
List-Id: Builders <builders.lists.example>
X-Build: yes
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8

<html><head><title>headtitle</title><style>.stylish {}</style></head>
<body><p>Die H&auml;user sind nicht f&uuml;r uns <b>gebaut</b> worden.</p>
<img alt="lighthouse" src="x"><script>var scripted;</script></body></html>
--b
Content-Type: text/plain; charset=utf-8
Content-Disposition: attachment; filename="Rechnung_2024.txt"

the attached ledger was balancing
--b
Content-Type: application/pdf; name="blueprint.pdf"
Content-Disposition: attachment

notatext
--b
Content-Type: message/rfc822

Subject: innermost
From: Zoe <zoe@inner.example>

forwarded wisdom
--b--
""".replace("\n", "\r\n").encode()

ROWS = [
    # text: all fields
    ({"text": "lovelace"}, 1), ({"text": "carl"}, 1), ({"text": "hidden"}, 1),
    ({"text": "blueprint"}, 1), ({"text": "rechnung"}, 1),
    ({"text": "innermost"}, 1), ({"text": "zoe"}, 1), ({"text": "wisdom"}, 1),
    ({"text": "lighthouse"}, 1),            # alt is for people
    ({"text": "stylish"}, 0), ({"text": "scripted"}, 0),
    ({"text": "headtitle"}, 0), ({"text": "notatext"}, 0),
    # one field each
    ({"from": "ada"}, 1), ({"from": "bob"}, 0), ({"to": "bob"}, 1),
    ({"cc": "friedrich"}, 1), ({"bcc": "secret.example"}, 1),
    ({"bcc": "carl"}, 0), ({"subject": "Gebäude"}, 1),
    ({"subject": "häuser"}, 0), ({"body": "häuser"}, 1),
    ({"body": "ledger"}, 1), ({"body": "lovelace"}, 0),
    # an address is one word; its parts are, too
    ({"from": "ada.l@engine.example"}, 1), ({"from": "l@engine.example"}, 0),
    ({"from": "ADA.L@ENGINE.EXAMPLE"}, 1), ({"from": "engine.example"}, 1),
    ({"from": "ada.l@engine.examples"}, 0),
    # stems of the language that the mail is written in, case and marks
    ({"text": "HAUS"}, 1), ({"text": "haeuser"}, 0), ({"text": "hauser"}, 1),
    ({"text": "Sitzungsprotokoll"}, 1), ({"subject": "gebaude"}, 1),
    # a phrase is exact, in one field, in order
    ({"text": '"nicht für uns"'}, 1), ({"text": "'nicht für uns'"}, 1),
    ({"text": '"für nicht uns"'}, 0), ({"text": '"haus"'}, 0),
    ({"text": '"FUR UNS gebaut"'}, 0), ({"text": '"FÜR UNS gebaut"'}, 1),
    ({"text": '"ada lovelace" häuser'}, 1),
    ({"text": '"lovelace häuser"'}, 0),
    # of words: what stands between two of them does not matter
    ({"text": '"gebaut uns"'}, 0), ({"text": '"ada l engine"'}, 1),
    # beginnings of words
    ({"text": "sitz*"}, 1), ({"text": "itz*"}, 0), ({"text": "led*"}, 1),
    # all words must be there, in any order; nothing that is no word
    ({"text": "uns ledger lovelace"}, 1), ({"text": "uns absent"}, 0),
    ({"text": "!!!"}, 0), ({"text": ""}, 1),
    # the header
    ({"header": ["Message-ID", "<unique.4711@engine.example>"]}, 1),
    ({"header": ["message-id", "que.4711@eng"]}, 1),
    ({"header": ["Message-ID", "4712"]}, 0),
    ({"header": ["References", "second.2@uni"]}, 1),
    ({"header": ["List-Id", "builders.lists.example"]}, 1),
    ({"header": ["List-Id", "BUILDERS"]}, 1), ({"header": ["List-Id"]}, 1),
    ({"header": ["List-Post"]}, 0), ({"header": ["x-build", "YES"]}, 1),
    ({"header": ["X-Build", "no"]}, 0), ({"header": ["X-None"]}, 0),
    ({"header": ["Subject", "protokolle"]}, 1),
    # in a field, too, blanks part words and quotation marks make phrases
    ({"header": ["Message-ID", "engine unique"]}, 1),
    ({"header": ["Message-ID", "'que.4711@eng' unique"]}, 1),
    ({"header": ["Message-ID", "engine 4712"]}, 0),
    ({"header": ["Message-ID", '"engine unique"']}, 0),
    ({"header": ["List-Id", "example builders"]}, 1),
    ({"header": ["List-Id", '"builders.lists"']}, 1),
    ({"header": ["List-Id", ""]}, 1), ({"header": ["X-None", ""]}, 0),
    # operators
    ({"operator": "NOT", "conditions": [{"text": "haus"}]}, 0),
    ({"operator": "NOT", "conditions": [{"text": "absent"}]}, 1),
    ({"operator": "OR", "conditions": [{"text": "absent"},
                                       {"text": "ledger"}]}, 1),
    ({"operator": "AND", "conditions": [{"text": "haus"},
                                        {"text": "absent"}]}, 0),
    ({"operator": "AND", "conditions": [
        {"operator": "NOT", "conditions": [{"subject": "haus"}]},
        {"operator": "OR", "conditions": [{"body": "haus"},
                                          {"from": "haus"}]}]}, 1),
]


@pytest.fixture(scope="module")
def mixed(server):
    account = server.adduser()
    account.add_mail(b"Subject: other\r\n\r\nunrelated words\r\n")
    return account, account.add_mail(MIXED)


@pytest.mark.parametrize("filter,found", ROWS, ids=[str(r[0]) for r in ROWS])
def test_a_condition_finds_what_it_says(mixed, filter, found):
    account, id = mixed
    got = account.call("Email/query", {"filter": filter,
                                       "calculateTotal": True})
    assert (id in got["ids"]) == bool(found)
    assert got["total"] == len(got["ids"])


WORLD = [
    ("日本語の東京都は大きい", ["日本", "東京都", "大き", "語"], ["京東"]),
    ("대한민국 서울에서", ["대한민국", "서울", "민국"], ["국민"]),
    ("ภาษาไทยไม่มีช่องว่าง", ["ไทย", "ภาษา"], ["ทยา"]),
    ("Он читает новые книги", ["книга", "новый", "ЧИТАТЬ"], ["книжник"]),
    ("Les chevaux étaient dans le pré", ["cheval", "etaient", "pré"],
     ["chevre"]),
    ("Los niños están corriendo por la calle", ["correr", "niño", "nino"],
     ["carro"]),
    ("घर में किताबें हैं", ["किताब"], ["काम"]),
    ("Η γάτα είναι στο σπίτι", ["ΓΆΤΑ", "σπιτι"], ["σκυλος"]),
]


def test_words_of_the_world(account):
    ids = [account.add_mail(f"Subject: {i}\r\nContent-Type: text/plain; "
                            f"charset=utf-8\r\n\r\n{text}\r\n".encode())
           for i, (text, _, _) in enumerate(WORLD)]
    for id, (text, found, absent) in zip(ids, WORLD):
        for word in found:
            assert account.call("Email/query", {
                "filter": {"text": word}})["ids"] == [id], (text, word)
        for word in absent:
            assert account.call("Email/query", {
                "filter": {"text": word}})["ids"] == [], (text, word)


def test_too_many_words_are_refused(account):
    with pytest.raises(MethodError) as e:
        account.call("Email/query", {"filter": {
            "text": " ".join(f"w{i}" for i in range(200))}})
    assert e.value.type == "unsupportedFilter"


def test_another_worker_finds_it_at_once(new_server):
    s = new_server("workers = 4\n")
    a = s.first()
    b = [s.first() for _ in range(4)]
    for c in b:                 # connections of their own
        c.call("Core/echo")
    for i in range(30):
        id = a.add_mail(f"Subject: fresh{i}\r\n\r\nbody\r\n".encode())
        for c in b:
            assert c.call("Email/query", {
                "filter": {"subject": f"fresh{i}"}})["ids"] == [id]


# --- snippets ----------------------------------------------------------------

SNIPPETS = [
    ({"text": "haus"}, None, "Die <mark>Häuser</mark> sind nicht für uns "
     "gebaut"),
    ({"text": "sitzungsprotokoll"},
     "<mark>Sitzungsprotokolle</mark> der Gebäude", None),
    ({"text": "sitz*"}, "<mark>Sitz</mark>ungsprotokolle der Gebäude", None),
    ({"text": '"nicht für uns"'}, None,
     "Häuser sind <mark>nicht für uns</mark> gebaut"),
    ({"text": "uns häuser"}, None, "Die <mark>Häuser</mark> sind nicht für "
     "<mark>uns</mark> gebaut"),
    ({"body": "ledger"}, None, "attached <mark>ledger</mark> was"),
    ({"text": "rechnung"}, None, "<mark>Rechnung</mark>_2024.txt"),
    ({"from": "ada"}, None, None),
    ({"text": "absent"}, None, None),
]


@pytest.mark.parametrize("filter,subject,preview", SNIPPETS,
                         ids=[str(r[0]) for r in SNIPPETS])
def test_snippets_mark_what_was_found(mixed, filter, subject, preview):
    account, id = mixed
    got = account.call("SearchSnippet/get", {
        "filter": filter, "emailIds": [id, "E999999"]})
    assert got["notFound"] == ["E999999"]
    one = got["list"][0]
    assert one["emailId"] == id
    assert one["subject"] == subject
    if preview is None:
        assert one["preview"] is None
    else:
        assert preview in one["preview"]


def test_a_snippet_is_short_and_whole(account):
    word = "ärger&<b>"
    id = account.add_mail(("Subject: =?utf-8?q?a_=26_b_=3Cneedle=3E?=\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n\r\n" +
                           (word + " ") * 400 + "Needles " +
                           (word + " ") * 400).encode())
    one = account.call("SearchSnippet/get", {
        "filter": {"text": "needle"}, "emailIds": [id]})["list"][0]
    assert one["subject"] == "a &amp; b &lt;<mark>needle</mark>&gt;"
    assert len(one["preview"].encode()) <= 255
    assert "<mark>Needles</mark>" in one["preview"]
    rest = one["preview"].replace("<mark>", "").replace("</mark>", "")
    assert "<" not in rest
    for part in rest.split("&")[1:]:
        assert part.startswith(("amp;", "lt;", "gt;"))


# --- reindex -----------------------------------------------------------------

def fill(server, account, tmp_path, count, word):
    box = tmp_path / f"{word}.mbox"
    with open(box, "w") as f:
        for i in range(count):
            f.write(f"From a@b {time.asctime(time.gmtime(10**9 + i))}\n"
                    f"Subject: {word} {i}\nMessage-ID: <{word}{i}@x>\n\n"
                    f"they were running in group{i % 10}\n\n")
    server.jmapctl("import", account.name, "mbox", str(box))


def test_reindex_while_it_serves(server, account, tmp_path):
    fill(server, account, tmp_path, 3000, "old")
    stop, wrong, new = threading.Event(), [], []

    def ask():
        c = helpers.Account(server, account.name, account.password)
        while not stop.is_set():
            got = c.call("Email/query", {
                "filter": {"text": "run group3", "subject": "old"},
                "calculateTotal": True, "limit": 1})
            if got["total"] != 300:
                wrong.append(got["total"])
            id = c.add_mail(f"Subject: new\r\n\r\n{len(new)}x\r\n".encode())
            if c.call("Email/query", {"filter": {
                    "text": f"{len(new)}x"}})["ids"] != [id]:
                wrong.append(id)
            new.append(id)

    asker = threading.Thread(target=ask)
    asker.start()
    for _ in range(3):
        server.jmapctl("reindex", account.name)
    stop.set()
    asker.join()
    assert not wrong and len(new) > 3
    got = account.call("Email/query", {"filter": {"subject": "new"},
                                       "limit": 100000})["ids"]
    assert set(got) == set(new)
    assert "0 differences" in server.jmapctl("check", account.name).stdout


def runs(server, account):
    return sorted(pathlib.Path(server.dir).glob(
        f"**/accounts/{account.id}/search/*.run"))


def test_reindex_goes_on_after_a_crash(new_server, tmp_path):
    s = new_server("workers = 2\n")
    a = s.first()
    fill(s, a, tmp_path, 4000, "old")
    ctl = subprocess.Popen([str(helpers.BIN / "jmapctl"), "-s", s.ctl,
                            "reindex", a.name], stderr=subprocess.DEVNULL)
    time.sleep(0.15)
    for pid in helpers.children(s.pid):
        if "jmapd-worker" in open(f"/proc/{pid}/cmdline").read():
            subprocess.run(["kill", "-9", str(pid)], check=True)
    ctl.wait()

    def found():
        try:
            return a.call("Email/query", {
                "filter": {"text": "run group3"}, "calculateTotal": True,
                "limit": 1})["total"] == 400
        except Exception:
            return False

    wait_for(found)
    wait_for(lambda: "0 differences" in
             s.jmapctl("check", a.name, check=False).stdout)
    s.jmapctl("reindex", "all")
    assert found()


def test_a_damaged_index_says_so_and_is_mended(new_server, tmp_path):
    s = new_server("workers = 1\n")
    a = s.first()
    fill(s, a, tmp_path, 1500, "old")
    wait_for(lambda: len(runs(s, a)) > 0)
    for f in runs(s, a):
        with open(f, "r+b") as g:
            g.seek(100)
            g.write(b"junk")
    s.jmapctl("check", a.name, check=False)

    def ask():
        return a.call("Email/query", {"filter": {"text": "run group3"},
                                      "calculateTotal": True, "limit": 1})

    try:
        ask()
        assert False, "a damaged index answered"
    except MethodError as e:
        assert e.type == "serverUnavailable"
        assert "search index" in e.args[0]["description"]

    def mended():
        try:
            return ask()["total"] == 150
        except MethodError as e:
            assert e.type == "serverUnavailable"
            return False

    wait_for(mended)
    wait_for(lambda: "0 differences" in
             s.jmapctl("check", a.name, check=False).stdout)


def test_reindex_says_what_is_wrong(server):
    done = server.jmapctl("reindex", "nobody@mail.test", check=False)
    assert done.returncode == 1 and "no such account" in done.stderr
    assert server.jmapctl("reindex", check=False).returncode == 2
    assert json.loads(server.jmapctl("-j", "show", "config").stdout
                      .splitlines()[0])


def test_letters_that_a_keyboard_has_not(server):
    """What has a stroke, or is two letters in one, is found by whoever types
    it without, and by whoever types it."""
    a = server.adduser()
    mail = a.add_mail("""Subject: Łódź, Sørensen
Content-Type: text/plain; charset=utf-8

Une œuvre de Đorđe, Þórður og Ærø
""".replace("\n", "\r\n").encode())
    for text in ("lodz", "łódź", "ŁODZ", "sorensen", "SØRENSEN", "oeuvre",
                 "œuvre", "dorde", "thordur", "aero", "ÆRØ", "soren*",
                 '"Une œuvre"'):
        assert a.call("Email/query", {"filter": {"text": text}})["ids"] == [
            mail], text
    got, = a.call("SearchSnippet/get", {
        "filter": {"text": "lodz oeuvre"}, "emailIds": [mail]})["list"]
    assert got["subject"] == "<mark>Łódź</mark>, Sørensen"
    assert "<mark>œuvre</mark>" in got["preview"]
