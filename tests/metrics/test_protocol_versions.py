"""What a protocol scores belongs to its version: else folders that exist lack a metric for good."""

from __future__ import annotations

import hashlib

import pytest

from ssnbench.metrics import PROTOCOLS

SCORED = {"seal/1": "36113cf483b1", "stutz/1": "bda762fc0976", "berkeley/1": "86aa8051d18c"}
"""Hash of the names of the metrics by protocol and version; the rows of old versions may go."""


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_that_scores_something_else_has_another_version(name: str) -> None:
    protocol = PROTOCOLS[name]
    found = hashlib.sha256(" ".join(sorted(protocol.metrics)).encode()).hexdigest()[:12]
    assert SCORED.get(protocol.key) == found, (
        f"the metrics of {name} changed: raise its version, then note {found} here; "
        "folders that exist are scored anew, from the label maps that they kept where they did"
    )
