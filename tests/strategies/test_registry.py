"""The registry's strategies: what they make can be sent, and changes keep to the place that they name."""

from __future__ import annotations

import json

from hypothesis import given, settings

from conformance.clients.images import image
from conformance.strategies.registry import MANIFEST_CHANGES, REMOVED, path_parts, ranges, tag_queries

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
