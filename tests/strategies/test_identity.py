"""Strategies of the identity surface and webhooks: what they make can be sent, and covers what it should."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from conformance.strategies.json_bodies import changed as changed_document
from conformance.strategies.json_bodies import member_changes, path_segments, queries
from conformance.strategies.oauth import authorization_values, changed, form_changes
from conformance.strategies.webhooks import delivery_headers

quick = settings(max_examples=60, deadline=None, database=None)


@quick
@given(authorization_values())
def test_authorization_values_can_stand_in_a_field(value: bytes) -> None:
    assert value == value.strip() and not any(byte < 0x20 or byte == 0x7F for byte in value)


@quick
@given(delivery_headers())
def test_header_values_can_stand_in_a_field(fields: list[tuple[str, Any]]) -> None:
    assert all(not any(byte < 0x20 for byte in value) for _, value in fields)


@quick
@given(form_changes())
def test_changes_of_a_form_keep_pairs(changes: list[tuple[str, str, str]]) -> None:
    assert all(len(pair) == 2 for pair in changed([("grant_type", "client_credentials")], changes))


@quick
@given(member_changes())
def test_changed_documents_differ_only_where_said(changes: list[tuple[int, str, Any]]) -> None:
    before = {"name": "x", "slug": "y"}
    after = changed_document(before, changes)
    assert set(before) <= set(after) and before == {"name": "x", "slug": "y"}


@quick
@given(path_segments(), queries())
def test_targets_can_stand_in_a_request_line(segment: str, query: str) -> None:
    assert all(0x20 < ord(character) < 0x7F for character in segment + query)
