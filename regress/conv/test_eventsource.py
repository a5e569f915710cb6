# SPDX-License-Identifier: ISC
"""Event streams (RFC 8620 7.3): what is said on connect, on changes of every
origin and in every worker, pings, and the ways a stream ends."""

import base64
import json
import os
import pathlib
import signal
import time

import pytest

from helpers import Server, children, wait_for

MESSAGE = b"From: a@b.test\r\nSubject: hello\r\n\r\nA text.\r\n"


class Stream:
    """One event stream on a connection of its own, HTTP/1.1."""

    def __init__(self, account, types="*", closeafter="no", ping="0",
                 last=None, plain=False, query=None):
        server = account.server
        self.sock = server.plain() if plain else server.tls()
        if query is None:
            query = f"types={types}&closeafter={closeafter}&ping={ping}"
        auth = base64.b64encode(
            f"{account.name}:{account.password}".encode()).decode()
        head = (f"GET /jmap/eventsource/?{query} HTTP/1.1\r\n"
                f"Host: localhost\r\nAuthorization: Basic {auth}\r\n"
                "Accept: text/event-stream\r\n")
        if last is not None:
            head += f"Last-Event-ID: {last}\r\n"
        self.sock.sendall((head + "\r\n").encode())
        self.raw = b""
        self.text = b""
        self.ended = False
        while b"\r\n\r\n" not in self.raw:
            part = self.sock.recv(65536)
            assert part, self.raw
            self.raw += part
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.lower(): v for k, v in
                        (line.split(": ", 1) for line in lines[1:])}
        self.last = last

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _unchunk(self):
        """Move whole chunks from raw to text."""
        while b"\r\n" in self.raw and not self.ended:
            size, rest = self.raw.split(b"\r\n", 1)
            n = int(size, 16)
            if len(rest) < n + 2:
                return
            assert rest[n:n + 2] == b"\r\n"
            self.text += rest[:n]
            self.raw = rest[n + 2:]
            self.ended = n == 0

    def block(self, seconds=5):
        """The lines of the next block, None at the end of the stream;
        TimeoutError when nothing comes."""
        end = time.monotonic() + seconds
        while True:
            self._unchunk()
            if b"\n\n" in self.text:
                block, self.text = self.text.split(b"\n\n", 1)
                return block.decode().split("\n")
            if self.ended:
                return None
            self.sock.settimeout(max(0.001, end - time.monotonic()))
            part = self.sock.recv(65536)
            if not part:
                return None
            self.raw += part

    def event(self, seconds=5):
        """The next event as (name, data), comments left out."""
        while True:
            block = self.block(seconds)
            if block is None:
                return None
            fields = dict(line.split(": ", 1) for line in block
                          if not line.startswith(":"))
            if "id" in fields:
                self.last = fields["id"]
            if "data" in fields:
                return fields["event"], json.loads(fields["data"])

    def silent(self, seconds=0.3):
        with pytest.raises(TimeoutError):
            self.event(seconds)


def states(account):
    """What /get says, of each type."""
    got = account.calls(("Mailbox/get", {"ids": []}),
                        ("Thread/get", {"ids": []}),
                        ("Email/get", {"ids": []}))
    return {name.split("/")[0]: args["state"] for name, args, _ in got}


@pytest.fixture(scope="module")
def events():
    """A server with pings of a second."""
    s = Server("limits { event-ping-min = 1s drain-timeout = 5s "
               "connections-per-source = 100000 "
               "max-concurrent-requests = 1000 max-event-streams = 16 }\n"
               "workers = 3\n")
    yield s
    s.remove()


@pytest.fixture
def who(events):
    return events.adduser()


def test_the_url_of_the_session_leads_here(who):
    url = who.session["eventSourceUrl"]
    assert "{types}" in url and "{closeafter}" in url and "{ping}" in url
    r = who.http.get(url.replace("{types}", "*")
                     .replace("{closeafter}", "state")
                     .replace("{ping}", "0"), stream=True)
    assert r.status_code == 200
    assert r.headers["Content-Type"] == "text/event-stream"
    r.close()


def test_head_and_headers_of_class_e(who):
    with Stream(who) as s:
        assert s.status == 200
        assert s.headers["content-type"] == "text/event-stream"
        assert s.headers["cache-control"] == "no-store, no-transform"
        assert s.headers["x-content-type-options"] == "nosniff"


def test_the_state_is_told_on_connect(who):
    who.add_mail(MESSAGE)
    with Stream(who) as s:
        name, data = s.event()
        assert name == "state"
        assert data["@type"] == "StateChange"
        assert list(data["changed"]) == [who.id]
        told = data["changed"][who.id]
        assert {k: told[k] for k in ("Mailbox", "Thread", "Email")} == \
            states(who)


def test_a_change_is_told_with_the_states_that_get_says(who):
    with Stream(who) as s:
        s.event()
        who.add_mail(MESSAGE)
        seen = {}
        while seen.get("Email") != states(who)["Email"]:
            name, data = s.event()
            assert name == "state"
            seen.update(data["changed"][who.id])
        assert {k: seen[k] for k in states(who)} == states(who)


def test_only_what_changed_is_told(who):
    with Stream(who) as s:
        s.event()
        who.call("Mailbox/set", {"create": {"a": {"name": "box"}}})
        name, data = s.event()
        assert data["changed"] == {who.id: {
            "Mailbox": states(who)["Mailbox"]}}
        s.silent()


def test_only_the_types_asked_for_are_told(who):
    with Stream(who, types="Email,CalendarEvent") as s:
        who.call("Mailbox/set", {"create": {"a": {"name": "box"}}})
        s.silent()
        who.add_mail(MESSAGE)
        name, data = s.event()
        assert data["changed"] == {who.id: {"Email": states(who)["Email"]}}


def test_another_account_hears_nothing(events, who):
    other = events.adduser()
    with Stream(other) as s:
        s.event()
        who.add_mail(MESSAGE)
        s.silent()


def test_reading_and_uploading_are_no_change(who):
    with Stream(who) as s:
        s.event()
        who.upload(b"nothing but bytes", "text/plain")
        who.call("Email/query", {})
        who.call("Email/set", {"update": {}})
        s.silent()


def test_delivery_is_told(events, who):
    with Stream(who, types="EmailDelivery") as s:
        with events.lmtp_client() as c:
            c.deliver(MESSAGE, [who.name])
        name, data = s.event()
        assert list(data["changed"][who.id]) == ["EmailDelivery"]


def test_an_import_by_jmapctl_is_told(events, who, tmp_path):
    box = tmp_path / "box"
    box.write_bytes(b"From a@b.test Thu Jan  1 00:00:00 1970\n" +
                    MESSAGE.replace(b"\r\n", b"\n") + b"\n")
    with Stream(who, types="Email") as s:
        events.jmapctl("import", who.name, "mbox", str(box))
        name, data = s.event()
        assert data["changed"][who.id] == {"Email": states(who)["Email"]}


def test_every_worker_hears_within_50_ms(events, who):
    """Six streams are in all three workers; a change by a connection that
    is in one of them reaches every stream."""
    conf = [Stream(who, types="Email") for _ in range(6)]
    try:
        for s in conf:
            assert s.status == 200
        took = []
        for i in range(10):
            mail = who.upload(MESSAGE)["blobId"]
            box = who.mailbox()
            who.call("Email/import", {"emails": {"m": {
                "blobId": mail, "mailboxIds": {box: True}}}})
            done = time.monotonic()
            for s in conf:
                assert s.event()[0] == "state"
            took.append(time.monotonic() - done)
            time.sleep(0.03)
        took.sort()
        print("ms until all six have heard:",
              [round(t * 1000, 1) for t in took])
        assert took[len(took) // 2] < 0.05, took
        slots = {line.split()[0] for line in
                 events.jmapctl("show", "connections").stdout.splitlines()}
        assert len(slots) > 1, "the streams were in one worker"
    finally:
        for s in conf:
            s.close()


def test_last_event_id_brings_what_was_missed(who):
    with Stream(who) as s:
        s.event()
        last = s.last
    with Stream(who, last=last) as s:
        s.silent()
    who.add_mail(MESSAGE)
    with Stream(who, last=last) as s:
        name, data = s.event()
        assert data["changed"][who.id]["Email"] == states(who)["Email"]


@pytest.mark.parametrize("last", ["", "x", "u999999.1", "99999999999999999",
                                  "u1.99999999999999999999999"])
def test_an_id_of_nobody_is_none(who, last):
    who.add_mail(MESSAGE)
    with Stream(who, last=last) as s:
        assert s.event()[1]["changed"][who.id]["Email"]


def test_closeafter_state_waits_for_one_event_and_ends(who):
    with Stream(who, types="Email", closeafter="state") as s:
        assert s.block()[0].startswith("id: ")
        s.silent()
        who.add_mail(MESSAGE)
        assert s.event()[0] == "state"
        assert s.event() is None
        last = s.last
        # the answer was whole: the connection goes on
        assert s.ended
    who.add_mail(MESSAGE)
    with Stream(who, types="Email", closeafter="state", last=last) as s:
        assert s.event()[0] == "state"
        assert s.event() is None


def test_pings_are_in_seconds(who):
    with Stream(who, types="Email", ping="2") as s:
        begin = time.monotonic()
        assert s.event() == ("ping", {"interval": 2})
        assert 1.5 < time.monotonic() - begin < 3.5
        last = s.last
        assert s.event() == ("ping", {"interval": 2})
        assert s.last == last       # a ping sets no id


def test_ping_intervals_are_clamped(events, server):
    with Stream(events.adduser(), query="types=*&closeafter=no&ping=100000") \
            as s:
        assert s.status == 200
    # 30 s is the default minimum
    who = server.adduser()
    with Stream(who, ping="1") as s:
        s.event()
        s.silent(2)


@pytest.mark.parametrize("query", [
    "", "types=*", "types=*&closeafter=no", "closeafter=no&ping=0",
    "types=&closeafter=no&ping=0", "types=Email,&closeafter=no&ping=0",
    "types=*,Email&closeafter=no&ping=0", "types=E%20&closeafter=no&ping=0",
    "types=*&types=*&closeafter=no&ping=0",
    "types=*&closeafter=maybe&ping=0", "types=*&closeafter=no&ping=",
    "types=*&closeafter=no&ping=-1", "types=*&closeafter=no&ping=1s",
    "types=*&closeafter=no&ping=99999999999",
])
def test_bad_parameters_are_named(who, query):
    r = who.http.get(who.server.url + "/jmap/eventsource/?" + query)
    assert r.status_code == 400
    assert r.headers["Content-Type"] == "application/problem+json"
    wrong = r.json()["detail"].split()[0]
    assert wrong in ("types", "closeafter", "ping")


def test_a_login_is_needed(events):
    import requests
    r = requests.get(events.url + "/jmap/eventsource/?types=*&closeafter=no"
                     "&ping=0", verify=events.ca)
    assert r.status_code == 401


def test_head_is_answered_and_ends(who):
    r = who.http.head(who.server.url +
                      "/jmap/eventsource/?types=*&closeafter=no&ping=0")
    assert r.status_code == 200
    assert r.content == b""


def test_too_many_streams_are_refused_and_closed_ones_count_no_more(new_server):
    one = new_server("workers = 1\n")
    who = one.adduser()
    streams = [Stream(who) for _ in range(4)]
    assert [s.status for s in streams] == [200] * 4
    with Stream(who) as s:
        assert s.status == 429
        assert int(s.headers["retry-after"]) > 0
    with Stream(one.adduser()) as s:
        assert s.status == 200
    streams.pop().close()

    def room():
        with Stream(who) as s:
            return s.status == 200
    wait_for(room)
    # without TLS, and by half of the connection only
    plain = Stream(who, plain=True)
    assert plain.status == 200
    plain.sock.shutdown(1)
    wait_for(room)
    for s in streams:
        s.close()


def test_requests_go_on_beside_a_stream(who):
    with Stream(who):
        for _ in range(20):
            assert who.call("Mailbox/get", {"ids": None})["list"]


def test_a_new_password_ends_the_stream(events, who):
    with Stream(who) as s:
        s.event()
        events.jmapctl("account", "passwd", who.name, input="other one\n")
        begin = time.monotonic()
        assert s.event() is None
        assert time.monotonic() - begin < 2


def test_a_draining_server_says_so(new_server):
    one = new_server("limits { drain-timeout = 20s }\n")
    who = one.adduser()
    with Stream(who) as s:
        s.event()
        begin = time.monotonic()
        os.kill(one.pid, signal.SIGTERM)
        block = s.block()
        assert block[0].startswith(":")
        assert s.block() is None
        assert s.ended, "the answer was cut"
        assert time.monotonic() - begin < 3
    wait_for(lambda: not children(one.pid), 10)


def test_the_client_that_does_not_read_gets_the_newest_once(who):
    """No queue grows: a thousand changes later there is the last state."""
    with Stream(who, types="Mailbox") as s:
        s.event()
        for i in range(300):
            who.call("Mailbox/set", {"create": {"a": {"name": f"b{i}"}}})
        want = states(who)["Mailbox"]
        n = 0
        while True:
            n += 1
            if s.event()[1]["changed"][who.id]["Mailbox"] == want:
                break
        assert n <= 300
        s.silent()


def test_over_http2_two_streams_share_a_connection(who):
    h2 = pytest.importorskip("h2")
    import h2.connection
    import h2.events
    sock = who.server.tls(alpn=("h2",))
    conn = h2.connection.H2Connection()
    conn.initiate_connection()
    auth = base64.b64encode(f"{who.name}:{who.password}".encode()).decode()
    for stream, types in (1, "Email"), (3, "Mailbox"):
        conn.send_headers(stream, [
            (":method", "GET"), (":scheme", "https"),
            (":authority", "localhost"),
            (":path", f"/jmap/eventsource/?types={types}"
                      "&closeafter=no&ping=1"),
            ("authorization", "Basic " + auth)], end_stream=True)
    sock.sendall(conn.data_to_send())
    text = {1: b"", 3: b""}
    ended = set()
    heads = {}

    def until(done):
        end = time.monotonic() + 5
        while not done():
            sock.settimeout(max(0.001, end - time.monotonic()))
            data = sock.recv(65536)
            assert data, text
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    heads[event.stream_id] = {
                        str(k, "ascii") if isinstance(k, bytes) else k:
                        str(v, "ascii") if isinstance(v, bytes) else v
                        for k, v in event.headers}
                if isinstance(event, h2.events.DataReceived):
                    text[event.stream_id] += event.data
                    conn.acknowledge_received_data(len(event.data),
                                                   event.stream_id)
                if isinstance(event, h2.events.StreamEnded):
                    ended.add(event.stream_id)
            sock.sendall(conn.data_to_send())

    until(lambda: text[3].count(b"event: ping") == 1)
    assert [heads[i][":status"] for i in (1, 3)] == ["200", "200"]
    assert text[3].startswith(b"event: state\n")
    who.add_mail(MESSAGE)
    email = states(who)["Email"]
    until(lambda: f'"Email":"{email}"'.encode() in text[1])
    assert b"Mailbox" not in text[1]
    who.server.jmapctl("account", "passwd", who.name, input="other one\n")
    until(lambda: ended == {1, 3})
    sock.close()


@pytest.mark.parametrize("signal_it", [False, True])
def test_the_limit_counts_over_all_workers(new_server, signal_it):
    """Also those of a worker that dies, until its successor is there."""
    one = new_server("workers = 4\n")
    who = one.adduser()
    streams = [Stream(who) for _ in range(12)]
    assert sorted(s.status for s in streams) == [200] * 4 + [429] * 8
    if signal_it:
        for pid in one.pids():
            cmd = pathlib.Path(f"/proc/{pid}/cmdline").read_text()
            if "jmapd-worker" in cmd:
                os.kill(pid, signal.SIGKILL)
    else:
        for s in streams:
            s.close()

    def again():
        try:
            more = [Stream(who) for _ in range(5)]
        except (ConnectionError, AssertionError):
            return False
        got = sorted(s.status for s in more)
        for s in more:
            s.close()
        return got == [200] * 4 + [429]
    wait_for(again, 20, 0.3)
