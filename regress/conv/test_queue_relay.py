# SPDX-License-Identifier: ISC
"""The queue and a relay that is not there, then is.  What a relay can say is
in test_smtp_out.py."""

import pathlib
import socket

import pytest

import helpers
from queue_tools import (count, delivered, empty, get, kill, queue, received,
                         submit, undo)
from smtp_server import Server

CONF = """queue {
	relay = "127.0.0.1:%d"
	relay-tls = none
	retry = 200ms
	retry-max = 1h
	max-connections = 1
}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def subjects(relay):
    return [l[9:].decode() for m in relay.mails
            for l in m.data.split(b"\r\n") if l.startswith(b"Subject: ")]


def state(server):
    return {r["state"] for r in queue(server)}


def test_mail_waits_for_a_relay_that_is_down(new_server):
    port = free_port()
    s = new_server(CONF % port)
    account = s.adduser()
    sub = submit(account, "b@relay.test", subject="patience")
    gone = submit(account, "b@relay.test", subject="never mind")
    status = helpers.wait_for(lambda: (get(account, sub)["deliveryStatus"] or
        {}).get("b@relay.test", {}).get("smtpReply", "").startswith("4"))
    assert get(account, sub)["undoStatus"] == "pending"
    assert get(account, sub)["deliveryStatus"]["b@relay.test"][
        "delivered"] == "queued"
    # nothing has left: it can still be undone
    assert undo(account, gone) is None
    # also of what waits when the process is killed
    kill(s)
    helpers.wait_for(lambda: len(queue(s)) == 1)
    with Server(None, port=port) as relay:
        s.jmapctl("queue", "retry", "all")
        delivered(account, sub, "b@relay.test", "unknown", 90)
        empty(s)
        assert subjects(relay) == ["patience"]
    assert get(account, sub)["undoStatus"] == "final"
    assert get(account, gone)["undoStatus"] == "canceled"


def test_the_urgent_first(new_server):
    port = free_port()
    s = new_server(CONF % port)
    account = s.adduser()
    for subject, prio in (("slow", "-4"), ("usual", None), ("fast", "4")):
        submit(account, "b@relay.test", subject=subject,
               mail={"MT-PRIORITY": prio} if prio else None)
    helpers.wait_for(lambda: len(queue(s)) == 3 and
                     state(s) == {"deferred"})
    with Server(None, port=port) as relay:
        s.jmapctl("queue", "retry", "all")
        empty(s, 90)
        assert subjects(relay) == ["fast", "usual", "slow"]


def test_a_relay_comes_and_goes_with_the_configuration(new_server):
    s = new_server("queue { retry = 200ms }\n")
    account = s.adduser()
    conf = pathlib.Path(s.dir, "jmapd.conf")
    without = conf.read_text()
    assert submit(account, "b@relay.test")["type"] == "invalidRecipients"
    with Server(None) as relay:
        conf.write_text(without.replace("queue { retry = 200ms }",
                                        CONF % relay.port))
        s.jmapctl("reload")
        sub = submit(account, "b@relay.test", subject="now")
        delivered(account, sub, "b@relay.test", "unknown")
        assert subjects(relay) == ["now"]
        held = submit(account, "b@relay.test", subject="too late",
                      mail={"HOLDFOR": "2"})
    conf.write_text(without)
    s.jmapctl("reload")
    assert submit(account, "b@relay.test")["type"] == "invalidRecipients"
    reply = helpers.wait_for(lambda: (get(account, held)["deliveryStatus"] or
        {}).get("b@relay.test", {}).get("smtpReply", ""), 10)
    helpers.wait_for(lambda: get(account, held)["deliveryStatus"][
        "b@relay.test"]["smtpReply"].startswith("451 4.4.4 no relay"))
    s.jmapctl("queue", "cancel", queue(s)[0]["id"])
    empty(s)


def test_what_the_configuration_cannot_mean_is_refused(new_server):
    s = new_server("queue { retry = 200ms }\n")
    conf = pathlib.Path(s.dir, "jmapd.conf")
    conf.write_text(conf.read_text().replace("retry = 200ms",
        "relay = \"mail.example.org\" relay-tls = none"))
    done = s.jmapctl("reload", check=False)
    assert done.returncode == 1 and "relay" in done.stderr
