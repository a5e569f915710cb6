# SPDX-License-Identifier: ISC
"""Workers die while mail is submitted (RFC 8621 7, common/queue_ask.h): what
was acknowledged arrives, once; what was not is either whole or nothing."""

import os
import secrets
import signal
import subprocess
import threading
import time

import requests

from helpers import children, message, wait_for
from submit_tools import call, identity, person


def workers(server):
    out = []
    for pid in children(server.pid):
        ps = subprocess.run(["ps", "-o", "args=", "-p", str(pid)],
                            stdout=subprocess.PIPE, text=True).stdout
        if "jmapd-worker" in ps or "jmapd: worker" in ps:
            out.append(pid)
    return out


class Sender(threading.Thread):
    """Submits until it is told to stop; remembers what became of each."""

    def __init__(self, account, to, n):
        super().__init__()
        self.account, self.to, self.n = account, to, n
        self.acked, self.unsure = {}, []
        self.end = False
        self.identity = identity(account)["id"]
        self.drafts = account.mailbox("drafts")

    def run(self):
        i = 0
        while not self.end:
            i += 1
            subject = f"crash-{self.n}-{i}-{secrets.token_hex(4)}"
            try:
                email = self.account.add_mail(
                    message(subject=subject, sender=self.account.name,
                            to=self.to.name), mailbox=self.drafts)
            except (requests.RequestException, AssertionError):
                time.sleep(0.02)
                continue
            try:
                got = call(self.account, "EmailSubmission/set", {"create": {
                    "s": {"identityId": self.identity, "emailId": email}}})
            except (requests.RequestException, AssertionError):
                self.unsure.append((subject, email))
                continue
            if got["created"]:
                self.acked[subject] = got["created"]["s"]["id"]


def subjects(account):
    out, at = [], 0
    while True:
        ids = call(account, "Email/query", {"position": at, "limit": 400,
                                            "filter": {
            "inMailbox": account.mailbox()}})["ids"]
        if not ids:
            return out
        got = call(account, "Email/get", {"ids": ids,
                                          "properties": ["subject"]})
        out += [e["subject"] for e in got["list"]]
        at += len(ids)


def test_what_was_acknowledged_arrives_once(new_server):
    server = new_server()
    people = [(person(server), person(server)) for _ in range(3)]
    senders = [Sender(a, b, n) for n, (a, b) in enumerate(people)]
    for s in senders:
        s.start()
    for _ in range(4):
        time.sleep(0.7)
        for pid in workers(server):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.7)
    for s in senders:
        s.end = True
    for s in senders:
        s.join()
    assert sum(len(s.acked) for s in senders) > 10
    for s in senders:
        for who in (s.account, s.to):
            who.http.close()
            who._session = None
        there = wait_for(
            lambda: (lambda got: got if set(s.acked) <= set(got) else None)(
                subjects(s.to)), 20)
        assert len(there) == len(set(there)), "something came twice"
        # all of an unacknowledged one, or nothing
        objects = {o["emailId"]: o for o in call(
            s.account, "EmailSubmission/get", {"ids": None})["list"]}
        for subject, email in s.unsure:
            if email in objects:
                wait_for(lambda: subject in subjects(s.to), 20)
            else:
                assert subject not in there
        wait_for(lambda: {o["undoStatus"] for o in call(
            s.account, "EmailSubmission/get", {"ids": None})["list"]} <= {
                "final"}, 20)
        server.jmapctl("check", s.account.name)
        server.jmapctl("check", s.to.name)
