# SPDX-License-Identifier: ISC
"""Mail that is submitted, and what the queue does with it, as a client and an
administrator see both."""

import json
import os
import signal

import helpers

SUBMIT = "urn:ietf:params:jmap:submission"
USING = (helpers.CORE, helpers.MAIL, SUBMIT)


def calls(account, *list_of):
    full = [[name, {"accountId": account.id, **args}, str(i)]
            for i, (name, args) in enumerate(list_of)]
    return account.request(full, using=USING)["methodResponses"]


def call(account, name, args):
    got = calls(account, (name, args))[0]
    if got[0] == "error":
        raise helpers.MethodError(got[1])
    return got[1]


def identity(account):
    return call(account, "Identity/get", {})["list"][0]["id"]


def letter(account, to, subject="hello", body="Hello.", extra=""):
    return (f"From: {account.name}\r\nTo: {to}\r\nSubject: {subject}\r\n"
            f"Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{os.urandom(8).hex()}@client.test>\r\n{extra}\r\n"
            f"{body}\r\n").encode()


def submit(account, to, data=None, envelope=True, mail=None, **kw):
    """Import a draft and submit it; returns the EmailSubmission's id, or the
    SetError.  to: addresses, or (address, parameters); mail: parameters of
    MAIL FROM."""
    to = [t if isinstance(t, tuple) else (t, None)
          for t in ([to] if isinstance(to, (str, tuple)) else to)]
    data = data or letter(account, ", ".join(t[0] for t in to), **kw)
    email = account.add_mail(data, keywords=["$draft"])
    new = {"identityId": identity(account), "emailId": email}
    if envelope:
        new["envelope"] = {
            "mailFrom": {"email": account.name, "parameters": mail},
            "rcptTo": [{"email": a, "parameters": p} for a, p in to]}
    got = call(account, "EmailSubmission/set", {"create": {"s": new}})
    return got["created"]["s"]["id"] if got.get("created") else \
        got["notCreated"]["s"]


def get(account, submission):
    got = call(account, "EmailSubmission/get", {"ids": [submission]})
    return got["list"][0]


def undo(account, submission):
    got = call(account, "EmailSubmission/set", {"update": {submission:
        {"undoStatus": "canceled"}}})
    return (got.get("notUpdated") or {}).get(submission)


def delivered(account, submission, address, what, seconds=10):
    """Wait until the submission says so of a recipient; the status."""
    def there():
        status = (get(account, submission)["deliveryStatus"] or
                  {}).get(address, {})
        return status if status.get("delivered") == what else None
    return helpers.wait_for(there, seconds)


def received(account, subject, seconds=10):
    """Wait for a mail of that subject; its bytes."""
    def there():
        for e in account.emails(["subject", "blobId", "keywords"]):
            if e["subject"] == subject and "$draft" not in e["keywords"]:
                return e
    return account.download(helpers.wait_for(there, seconds)["blobId"])


def count(account, subject):
    return sum(e["subject"] == subject and "$draft" not in e["keywords"]
               for e in account.emails(["subject", "keywords"]))


def queue(server, *args):
    done = server.jmapctl("-j", "queue", *(args or ("list",)))
    return [json.loads(l) for l in done.stdout.splitlines()]


def empty(server, seconds=10):
    helpers.wait_for(lambda: queue(server) == [], seconds)


def pid(server, role="queue"):
    rows = [json.loads(l) for l in
            server.jmapctl("-j", "status").stdout.splitlines()]
    return [r["pid"] for r in rows if r["process"] == role][0]


def kill(server):
    """Kill the queue process and wait for the next one."""
    old = pid(server)
    os.kill(old, signal.SIGKILL)

    def back():
        try:
            return pid(server) != old
        except (AssertionError, IndexError):
            return False
    helpers.wait_for(back, 15)
