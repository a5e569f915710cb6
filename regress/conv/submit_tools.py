# SPDX-License-Identifier: ISC
"""What the conversations about sending share: every capability in "using",
accounts with several addresses."""

import secrets

from helpers import CORE, MAIL, Account, MethodError

SUBMISSION = "urn:ietf:params:jmap:submission"
VACATION = "urn:ietf:params:jmap:vacationresponse"
MDN = "urn:ietf:params:jmap:mdn"
USING = (CORE, MAIL, SUBMISSION, VACATION, MDN)


def calls(account, *list_, using=USING):
    """Each call is (name, args); returns the method responses."""
    full = [[name, {"accountId": account.id, **args}, str(i)]
            for i, (name, args) in enumerate(list_)]
    return account.request(full, using=using)["methodResponses"]


def call(account, name, args=None, using=USING):
    got = calls(account, (name, args or {}), using=using)
    if got[0][0] == "error":
        raise MethodError(got[0][1])
    assert got[0][0] == name
    return got[0][1]


def error(account, name, args=None, using=USING):
    """The error a method answers with."""
    got = calls(account, (name, args or {}), using=using)
    assert got[0][0] == "error", got
    return got[0][1]


def person(server, *addresses, name=""):
    """A fresh account with the addresses, and a full name."""
    login = f"p{secrets.token_hex(6)}@mail.test"
    password = secrets.token_hex(8)
    args = ["account", "add", "-p"]
    if name:
        args += ["-d", name]
    for a in (login, *addresses):
        args += ["-e", a]
    server.jmapctl(*args, login, input=password + "\n")
    return Account(server, login, password)


def identity(account, email=None):
    """The identity of an address, by default that of the login."""
    for i in call(account, "Identity/get", {"ids": None})["list"]:
        if i["email"] == (email or account.name):
            return i
    raise AssertionError("no such identity")
