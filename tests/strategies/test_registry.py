"""Properties do not repeat the examples of other registry checks."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.strategies.changes import each_kind
from conformance.strategies.registry import (
    CLOSING_ASKED,
    CLOSING_CHANGES,
    CONTENT_RANGE_CHANGES,
    CONTENT_RANGES_ASKED,
    MANIFEST_CHANGES,
    MANIFESTS_ASKED,
)


@pytest.mark.parametrize(
    ("asked", "table"),
    [
        (MANIFESTS_ASKED, MANIFEST_CHANGES),
        (CLOSING_ASKED, CLOSING_CHANGES),
        (CONTENT_RANGES_ASKED, CONTENT_RANGE_CHANGES),
    ],
)
def test_examples_of_other_checks_are_left_out(asked: set[str], table: Any) -> None:
    assert asked < set(table)
    assert [each["change"].kind for each in each_kind(table, None, asked)] == [
        kind for kind in table if kind not in asked
    ]
