"""The registry's strategies: what they make can be sent, and changes keep to the place that they name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from conformance.clients.registry.images import image
from conformance.strategies.changes import each_kind
from conformance.strategies.registry import (
    CLOSING_ASKED,
    CLOSING_CHANGES,
    CONTENT_RANGE_CHANGES,
    CONTENT_RANGES_ASKED,
    MANIFEST_CHANGES,
    MANIFESTS_ASKED,
    REMOVED,
    path_parts,
    ranges,
    tag_queries,
)

CHANGED = MANIFEST_CHANGES["a place of another value"][1]


def test_a_member_is_taken_out() -> None:
    assert "config" not in json.loads(CHANGED(image("a").document, 0, (("config",), REMOVED)))


def test_a_member_deep_inside_is_changed() -> None:
    changed = json.loads(CHANGED(image("a").document, 0, (("layers", 0, "size"), -1)))
    assert changed["layers"][0]["size"] == -1


@given(path_parts(), tag_queries(), ranges())
@settings(max_examples=50, deadline=None)
def test_paths_queries_and_ranges_can_be_sent(part: str, query: str, asked: str) -> None:
    assert part.isascii() and "/" not in part and " " not in part
    assert query.startswith("?")
    assert asked.isascii()


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
