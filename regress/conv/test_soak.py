# SPDX-License-Identifier: ISC
"""The soak runs of regress/soak, short."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
import kill  # noqa: E402
import reload  # noqa: E402
import slow  # noqa: E402


def test_reloads_fail_nothing():
    assert reload.run(60, clients=3)


def test_a_killed_worker_takes_along_only_its_own():
    assert kill.run(5, clients=4)


def test_slow_connections_are_cut_and_harm_nobody():
    # this machine may be busy: the factor of two is for make soak
    assert slow.run(400, 8, factor=10, late={"head": 2, "body": 2,
                                             "answer": 4})
