# SPDX-License-Identifier: ISC
"""What the tests of sharing have in common."""

from helpers import CORE, MAIL, MethodError

PRINCIPALS = "urn:ietf:params:jmap:principals"
OWNER = "urn:ietf:params:jmap:principals:owner"
SHARE = "urn:ietf:params:jmap:mail:share"
USING = (CORE, MAIL, PRINCIPALS, SHARE, "urn:ietf:params:jmap:blob")
RIGHTS = ["mayReadItems", "mayAddItems", "mayRemoveItems", "maySetSeen",
          "maySetKeywords", "mayCreateChild", "mayRename", "mayDelete",
          "maySubmit", "mayShare"]


def rights(*names):
    return {r: r in names for r in RIGHTS}


def call(who, name, args, using=USING):
    """One call on any account; raises MethodError."""
    got = who.request([[name, {"accountId": who.id, **args}, "0"]],
                      using=using)["methodResponses"][0]
    if got[0] == "error":
        raise MethodError(got[1])
    return got[1]


def error(who, name, args, using=USING):
    """The type of a method's error, or None."""
    try:
        call(who, name, args, using)
    except MethodError as e:
        return e.type
    return None


def principal(who):
    """The id of the user's own principal."""
    account = who.session["accounts"][who.id]["accountCapabilities"]
    return account[PRINCIPALS]["currentUserPrincipalId"]


def share(owner, box, who, *names):
    """Give exactly these rights; none takes them all."""
    now = call(owner, "Mailbox/get", {"ids": [box], "properties": [
        "shareWith"]})["list"][0]["shareWith"] or {}
    now.pop(principal(who), None)
    if names:
        now[principal(who)] = rights(*names)
    got = call(owner, "Mailbox/set", {"update": {box: {
        "shareWith": now or None}}})
    assert not got["notUpdated"], got
    return got


def fresh(who):
    """The session as it is now."""
    who._session = None
    return who.session


def set_error(got):
    """The type of the one SetError in a /set response, or None."""
    for kind in ("notCreated", "notUpdated", "notDestroyed"):
        for e in (got.get(kind) or {}).values():
            return e["type"]
    return None
