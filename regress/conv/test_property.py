# SPDX-License-Identifier: ISC
"""Random method calls against a model (property_model.py), for ten seconds.
JMAPD_SEED picks the calls; regress/property runs as many as one likes."""

import os

import property_model


def test_changes_lead_to_what_is(server, capsys):
    seed = int(os.environ.get("JMAPD_SEED", "8621"))
    run = property_model.Run(server, seed)
    print(f"seed {seed}")
    run.run(seconds=float(os.environ.get("JMAPD_PROPERTY_SECONDS", "10")))
    print(f"{run.made} calls in {run.batches} batches, {run.asked} to check "
          f"them, {run.merges} threads merged")
    assert run.batches > 3
