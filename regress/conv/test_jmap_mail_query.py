# SPDX-License-Identifier: ISC
"""RFC 8621 4.4 and 4.5, RFC 8620 5.5: every condition, every comparator, the
window.  That /queryChanges is exact for all of it is test_property.py's."""

import pytest

from helpers import MethodError, message

MAILS = {       # name: (message, keywords, mailbox roles, receivedAt)
    "a": (message(subject="Alpha", body="needle in a haystack\r\n",
                  sender="Zoe <zoe@x.test>", to="Team <t@x.test>",
                  Message_ID="<a@x>", Date="Fri, 01 Mar 2024 00:00:05 +0000",
                  Cc="carl@x.test", X_Tag="blue moon"),
          ["$seen", "$flagged"], ["inbox"], 1),
    "b": (message(subject="Re: Alpha", body="zwei\r\n", In_Reply_To="<a@x>",
                  sender="amy@x.test", to="Anna <anna@x.test>",
                  Message_ID="<b@x>", Bcc="berta@x.test",
                  Date="Fri, 01 Mar 2024 00:00:04 +0000"),
          ["work"], ["inbox", "archive"], 2),
    "c": (message(subject="beta", body="x" * 3000 + "\r\n",
                  sender="Bob <bob@x.test>", to="_under@x.test",
                  Date="Fri, 01 Mar 2024 00:00:03 +0000"),
          ["$seen"], ["archive"], 3),
    "d": (message(subject="Éclair", body="", sender="ädam@x.test",
                  to="zed@x.test", MIME_Version="1.0",
                  Date="Fri, 01 Mar 2024 00:00:02 +0000",
                  Content_Type="application/pdf",
                  Content_Disposition="attachment; filename=report.pdf"),
          [], ["trash"], 4),
    "e": (message(subject="needle", body="<p title='tip'>bold</p>"
                  "<style>hidden</style>\r\n", sender="Carl <c@x.test>",
                  to="[b@x.test", Content_Type="text/html",
                  Date="Fri, 01 Mar 2024 00:00:01 +0000"),
          ["$seen", "work"], ["inbox"], 5),
}


@pytest.fixture(scope="module")
def box(server):
    """(account, {name: Email id}, {role: Mailbox id})"""
    account = server.adduser()
    roles = {m["role"]: m["id"] for m in account.mailboxes()}
    if "archive" not in roles:
        roles["archive"] = account.call("Mailbox/set", {"create": {
            "x": {"name": "Archive", "role": "archive"}}})[
                "created"]["x"]["id"]
    ids = {}
    for name, (raw, keywords, where, day) in MAILS.items():
        blob = account.upload(raw)["blobId"]
        got = account.call("Email/import", {"emails": {"m": {
            "blobId": blob, "keywords": {k: True for k in keywords},
            "mailboxIds": {roles[r]: True for r in where},
            "receivedAt": f"2024-03-0{day}T00:00:00Z"}}})
        ids[name] = got["created"]["m"]["id"]
    return account, ids, roles


def names(box, **args):
    account, ids, _ = box
    by = {v: k for k, v in ids.items()}
    return "".join(by[i] for i in account.call("Email/query", args)["ids"])


def found(box, filter):
    return "".join(sorted(names(box, filter=filter)))


def fill(x, roles):
    """The filter with roles replaced by ids."""
    if isinstance(x, dict):
        return {k: fill(v, roles) for k, v in x.items()}
    if isinstance(x, list):
        return [fill(v, roles) for v in x]
    return roles.get(x, x) if isinstance(x, str) else x


def op(name, *conditions):
    return {"operator": name, "conditions": list(conditions)}


@pytest.mark.parametrize("filter, want", [
    (None, "abcde"), ({}, "abcde"),
    ({"inMailbox": "inbox"}, "abe"), ({"inMailbox": "trash"}, "d"),
    ({"inMailbox": "Mzzz"}, ""),
    ({"inMailboxOtherThan": ["trash"]}, "abce"),
    ({"inMailboxOtherThan": ["inbox"]}, "bcd"),
    ({"inMailboxOtherThan": ["inbox", "archive"]}, "d"),
    ({"inMailboxOtherThan": []}, "abcde"),
    ({"before": "2024-03-03T00:00:00Z"}, "ab"),
    ({"after": "2024-03-03T00:00:00Z"}, "cde"),
    ({"after": "2024-03-02T00:00:00Z", "before": "2024-03-04T00:00:01Z"},
     "bcd"),
    ({"minSize": 3000}, "c"), ({"maxSize": 3000}, "abde"),
    ({"minSize": "SIZE"}, "c"), ({"maxSize": "SIZE"}, "abde"),
    ({"allInThreadHaveKeyword": "$seen"}, "ce"),
    ({"someInThreadHaveKeyword": "$seen"}, "abce"),
    ({"noneInThreadHaveKeyword": "$seen"}, "d"),
    ({"someInThreadHaveKeyword": "work"}, "abe"),
    ({"noneInThreadHaveKeyword": "none"}, "abcde"),
    ({"allInThreadHaveKeyword": "none"}, ""),
    ({"hasKeyword": "$seen"}, "ace"), ({"hasKeyword": "$SEEN"}, "ace"),
    ({"notKeyword": "$seen"}, "bd"), ({"hasKeyword": "none"}, ""),
    ({"notKeyword": "none"}, "abcde"),
    ({"hasAttachment": True}, "d"), ({"hasAttachment": False}, "abce"),
    ({"text": "needle"}, "ae"), ({"text": "NEEDLE"}, "ae"),
    ({"text": "zoe"}, "a"), ({"text": "anna"}, "b"),
    ({"text": "carl"}, "ae"), ({"text": "berta"}, "b"),
    ({"text": "alpha zwei"}, "b"), ({"text": "\"needle in a\""}, "a"),
    ({"text": "'in needle'"}, ""), ({"text": "eclair"}, "d"),
    ({"text": ""}, "abcde"), ({"text": "nothing"}, ""),
    ({"from": "zoe"}, "a"), ({"from": "anna"}, ""),
    ({"to": "anna"}, "b"), ({"to": "zoe"}, ""),
    ({"cc": "carl"}, "a"), ({"bcc": "berta"}, "b"),
    ({"subject": "alpha"}, "ab"), ({"subject": "needle"}, "e"),
    ({"body": "needle"}, "a"), ({"body": "bold"}, "e"),
    ({"body": "hidden"}, ""), ({"body": "style"}, ""),
    ({"body": "title"}, ""),
    ({"header": ["X-Tag"]}, "a"), ({"header": ["x-tag", "MOON"]}, "a"),
    ({"header": ["X-Tag", "sun"]}, ""), ({"header": ["Subject"]}, "abcde"),
    ({"header": ["Subject", "alpha"]}, "ab"),
    (op("AND", {"inMailbox": "inbox"}, {"hasKeyword": "work"}), "be"),
    (op("OR", {"inMailbox": "trash"}, {"hasKeyword": "work"}), "bde"),
    (op("NOT", {"inMailbox": "inbox"}, {"hasKeyword": "$seen"}), "d"),
    (op("AND"), "abcde"), (op("OR"), ""), (op("NOT"), "abcde"),
    (op("OR", op("AND", {"inMailbox": "inbox"}, {"inMailbox": "archive"}),
        op("NOT", op("NOT", {"subject": "beta"}))), "bc"),
    (op("NOT", {"text": "needle"}), "bcd"),
    (op("OR", {"text": "needle"}, {"hasAttachment": True}), "ade"),
])
def test_filters(box, filter, want):
    account, ids, roles = box
    filter = fill(filter, roles)
    if isinstance(filter, dict) and "SIZE" in filter.values():
        size = account.call("Email/get", {"ids": [ids["c"]], "properties": [
            "size"]})["list"][0]["size"]
        filter = {k: size for k in filter}
    assert found(box, filter) == want


@pytest.mark.parametrize("sort, want", [
    ([{"property": "receivedAt"}], "abcde"),
    ([{"property": "receivedAt", "isAscending": False}], "edcba"),
    ([{"property": "sentAt"}], "edcba"),
    ([{"property": "sentAt", "isAscending": False}], "abcde"),
    ([{"property": "size", "isAscending": False}], "c...."),
    ([{"property": "from"}, {"property": "size"}], "bdcea|dbcea"),
    ([{"property": "from", "collation": "i;ascii-casemap"}], "bcead"),
    ([{"property": "from", "collation": "i;octet"}], "ceabd"),
    ([{"property": "to", "collation": "i;octet"}], "bae" "cd"),
    ([{"property": "to", "collation": "i;ascii-casemap"}], "badec"),
    ([{"property": "subject"}, {"property": "receivedAt"}], "abcde"),
    ([{"property": "subject", "collation": "i;octet"},
      {"property": "receivedAt", "isAscending": False}], "baced"),
    ([{"property": "hasKeyword", "keyword": "work"},
      {"property": "receivedAt"}], "acdbe"),
    ([{"property": "hasKeyword", "keyword": "work", "isAscending": False},
      {"property": "receivedAt"}], "beacd"),
    ([{"property": "allInThreadHaveKeyword", "keyword": "$seen"},
      {"property": "receivedAt"}], "abdce"),
    ([{"property": "someInThreadHaveKeyword", "keyword": "$flagged",
       "isAscending": False}, {"property": "receivedAt",
                               "isAscending": False}], "baedc"),
    ([{"property": "hasKeyword", "keyword": "never"},
      {"property": "receivedAt"}], "abcde"),
])
def test_sorts(box, sort, want):
    got = names(box, sort=sort)
    if "." in want:
        assert got.startswith(want.rstrip("."))
    else:
        assert got in want.split("|")


def test_no_sort_is_stable(box):
    first = names(box)
    assert sorted(first) == list("abcde")
    for sort in None, []:
        assert names(box, sort=sort) == first


def test_collapse_keeps_the_first_of_a_thread(box):
    newest = [{"property": "receivedAt", "isAscending": False}]
    assert names(box, sort=newest, collapseThreads=True) == "edcb"
    assert names(box, sort=[{"property": "receivedAt"}],
                 collapseThreads=True) == "acde"
    # filter first, then sort, then collapse
    assert names(box, sort=newest, collapseThreads=True,
                 filter={"hasKeyword": "$seen"}) == "eca"
    assert names(box, sort=[{"property": "hasKeyword", "keyword": "work"},
                            *newest], collapseThreads=True) == "dcae"


def test_totals(box):
    account, _, roles = box
    newest = [{"property": "receivedAt", "isAscending": False}]
    for filter in None, {"inMailbox": roles["inbox"]}, {"text": "alpha"}, \
            {"inMailbox": roles["inbox"], "hasKeyword": "$seen"}:
        for collapse in False, True:
            q = {"filter": filter, "sort": newest,
                 "collapseThreads": collapse}
            n = len(account.call("Email/query", q)["ids"])
            got = account.call("Email/query", {
                **q, "calculateTotal": True, "limit": 1})
            assert got["total"] == n and len(got["ids"]) == 1
            assert "total" not in account.call("Email/query", q)
            assert account.call("Email/query", {
                **q, "calculateTotal": True, "position": 99})["total"] == n
    got, = account.call("Mailbox/get", {"ids": [roles["inbox"]]})["list"]
    assert (got["totalEmails"], got["totalThreads"]) == (3, 2)


@pytest.mark.parametrize("args, want, at", [
    ({"position": 0, "limit": 2}, "ed", 0), ({"position": 3}, "ba", 3),
    ({"position": 5}, "", None), ({"position": 99}, "", None),
    ({"position": -2}, "ba", 3), ({"position": -99, "limit": 1}, "e", 0),
    ({"limit": 0}, "", None),
    ({"anchor": "c"}, "cba", 2), ({"anchor": "c", "anchorOffset": -1},
                                  "dcba", 1),
    ({"anchor": "c", "anchorOffset": 1, "limit": 1}, "b", 3),
    ({"anchor": "c", "anchorOffset": -9, "limit": 2}, "ed", 0),
    ({"anchor": "c", "anchorOffset": 9}, "", None),
    ({"anchor": "c", "position": 4, "limit": 1}, "c", 2),
    ({"anchorOffset": 3, "limit": 1}, "e", 0),
    ({"position": 9007199254740991}, "", None),
    ({"position": -9007199254740991, "limit": 1}, "e", 0),
    ({"anchor": "a", "anchorOffset": 9007199254740991}, "", None),
])
@pytest.mark.parametrize("how", [
    {}, {"filter": op("OR", {"hasAttachment": True},
                      {"hasAttachment": False})}])
def test_windows(box, args, want, at, how):
    account, ids, _ = box
    args = {"sort": [{"property": "receivedAt", "isAscending": False}],
            **args, **how}
    if "anchor" in args:
        args["anchor"] = ids[args["anchor"]]
    got = account.call("Email/query", args)
    assert got["ids"] == [ids[n] for n in want]
    if at is not None:
        assert got["position"] == at
    if "limit" in args:
        assert "limit" not in got


def test_anchor_not_found(box):
    account, ids, roles = box
    for args in ({"anchor": "Ezzz"}, {"anchor": ids["d"], "filter": {
            "inMailbox": roles["inbox"]}}):
        with pytest.raises(MethodError) as e:
            account.call("Email/query", args)
        assert e.value.type == "anchorNotFound"


def test_a_limit_of_the_server_is_told(new_server):
    server = new_server("limits { max-query-results = 3 }\n")
    account = server.adduser()
    for i in range(5):
        account.add_mail(message(subject=f"n{i}"))
    for limit in None, 4:
        got = account.call("Email/query", {"limit": limit})
        assert got["limit"] == 3 and len(got["ids"]) == 3
    assert "limit" not in account.call("Email/query", {"limit": 3})


@pytest.mark.parametrize("args, type", [
    ({"sort": [{"property": "nope"}]}, "unsupportedSort"),
    ({"sort": [{"property": "keywords"}]}, "unsupportedSort"),
    ({"sort": [{"property": "subject", "collation": "i;nope"}]},
     "unsupportedSort"),
    ({"filter": {"nope": 1}}, "unsupportedFilter"),
    ({"filter": op("AND", {"nope": 1})}, "unsupportedFilter"),
])
def test_what_is_not_supported(box, args, type):
    account = box[0]
    for name, more in (("Email/query", {}), ("Email/queryChanges", {
            "sinceQueryState": "0"})):
        with pytest.raises(MethodError) as e:
            account.call(name, {**args, **more})
        assert e.value.type == type


def test_a_filter_without_end_is_refused(box):
    account = box[0]
    deep = {"hasAttachment": True}
    for _ in range(12):
        deep = op("AND", deep)
    for f in deep, op("OR", *[{"hasKeyword": f"k{i}"} for i in range(200)]):
        with pytest.raises(MethodError) as e:
            account.call("Email/query", {"filter": f})
        assert e.value.type == "unsupportedFilter"


def test_query_state_moves_with_the_list_alone(server):
    """5.5: it MUST change if the result did; better not otherwise."""
    account = server.adduser()
    inbox, trash = account.mailbox(), account.mailbox("trash")
    id = account.add_mail(message())
    q = {"filter": {"inMailbox": inbox}}

    def state():
        got = account.call("Email/query", q)
        assert got["canCalculateChanges"] is True
        return got["queryState"]
    one = state()
    account.add_mail(message(), mailbox=trash)
    assert state() == one
    account.call("Email/set", {"update": {id: {f"mailboxIds/{trash}": True,
                                               f"mailboxIds/{inbox}": None}}})
    assert state() != one


# --- queryChanges: what the property test does not see

def changes(account, **args):
    return account.call("Email/queryChanges", args)


def test_query_changes_of_nothing(box):
    account = box[0]
    for q in ({}, {"collapseThreads": True}, {"filter": {"text": "alpha"}}):
        state = account.call("Email/query", q)["queryState"]
        got = changes(account, sinceQueryState=state, maxChanges=0, **q)
        assert got == {"accountId": account.id, "oldQueryState": state,
                       "newQueryState": state, "removed": [], "added": []}
        got = changes(account, sinceQueryState=state, calculateTotal=True,
                      **q)
        assert got["total"] == len(account.call("Email/query", q)["ids"])


def test_query_changes_since_what_never_was(box):
    account = box[0]
    for bad in "999999999", "nonsense", "", "-1", "01":
        for q in {}, {"collapseThreads": True}:
            with pytest.raises(MethodError) as e:
                changes(account, sinceQueryState=bad, **q)
            assert e.value.type == "cannotCalculateChanges"


def test_too_many_changes(server):
    account = server.adduser()
    state = account.call("Email/query")["queryState"]
    for i in range(3):
        account.add_mail(message(subject=f"n{i}"))
    for most in 0, 2:
        with pytest.raises(MethodError) as e:
            changes(account, sinceQueryState=state, maxChanges=most)
        assert e.value.type == "tooManyChanges"
    got = changes(account, sinceQueryState=state, maxChanges=3)
    assert [a["index"] for a in got["added"]] == [0, 1, 2]


def test_up_to_id_leaves_out_what_is_behind(server):
    account = server.adduser()
    q = {"sort": [{"property": "receivedAt"}]}
    ids = [account.add_mail(message(subject=f"n{i}"),
                            received=f"2024-03-0{i + 1}T00:00:00Z")
           for i in range(4)]
    state = account.call("Email/query", q)["queryState"]
    late = account.add_mail(message(subject="late"),
                            received="2024-03-09T00:00:00Z")
    account.call("Email/set", {"destroy": [ids[3]]})
    got = changes(account, sinceQueryState=state, upToId=ids[1], **q)
    assert got["added"] == [] and got["removed"] == []
    got = changes(account, sinceQueryState=state, **q)
    assert got["removed"] == [ids[3]]
    assert got["added"] == [{"id": late, "index": 3}]
    # one that is gone itself is no bound
    got = changes(account, sinceQueryState=state, upToId=ids[3], **q)
    assert got["added"] == [{"id": late, "index": 3}]
