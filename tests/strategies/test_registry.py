"""The registry's strategies: what they make can be sent, and changes keep to the place that they name."""

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
def test_what_checks_of_their_own_ask_is_left_out_of_the_written_examples(asked: set[str], table: Any) -> None:
    assert asked < set(table)
    assert [each["change"].kind for each in each_kind(table, None, asked)] == [
        kind for kind in table if kind not in asked
    ]
