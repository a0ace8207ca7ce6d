"""The registry's strategies: what they make can be sent, and changes keep to the place that they name."""

from __future__ import annotations

import json

from hypothesis import given, settings

from conformance.clients.images import image
from conformance.strategies.registry import REMOVED, Changes, manifest_changes, path_parts, ranges, tag_queries


@given(manifest_changes())
@settings(max_examples=50, deadline=None)
def test_changed_manifests_are_json(changes: Changes) -> None:
    document = image("a").document
    json.loads(changes.applied(document))
    assert document == image("a").document


def test_a_member_is_taken_out() -> None:
    assert "config" not in json.loads(Changes([(("config",), REMOVED)]).applied(image("a").document))


def test_a_member_deep_inside_is_changed() -> None:
    changed = json.loads(Changes([(("layers", 0, "size"), -1)]).applied(image("a").document))
    assert changed["layers"][0]["size"] == -1


@given(path_parts(), tag_queries(), ranges())
@settings(max_examples=50, deadline=None)
def test_paths_queries_and_ranges_can_be_sent(part: str, query: str, asked: str) -> None:
    assert part.isascii() and "/" not in part and " " not in part
    assert query.startswith("?")
    assert asked.isascii()
