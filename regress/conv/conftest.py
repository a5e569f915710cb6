# SPDX-License-Identifier: ISC
"""Fixtures of the conversations.  One scratch server serves a whole run; each
test that wants an account gets a fresh one.  A test that needs a server of
its own (another configuration, one to kill) uses new_server."""

import pytest

import helpers


@pytest.fixture(scope="session")
def server():
    s = helpers.Server()
    yield s
    s.remove()


@pytest.fixture
def account(server):
    """A fresh, empty account with a JMAP client."""
    return server.adduser()


@pytest.fixture
def lmtp(server):
    with server.lmtp_client() as c:
        yield c


@pytest.fixture
def new_server():
    """Call it with extra configuration text for a server of one's own."""
    made = []

    def make(conf=""):
        made.append(helpers.Server(conf))
        return made[-1]

    yield make
    for s in made:
        s.remove()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the end of the server's log beside a failure."""
    report = (yield).get_result()
    s = item.funcargs.get("server") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and s is not None:
        report.sections.append(("end of the server's log", s.log()[-4000:]))
