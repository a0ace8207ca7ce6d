"""The strategies of identity and webhooks generate what can be sent, with correct expectations."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from conformance.clients.oauth.client import encoded
from conformance.strategies.changes import Change
from conformance.strategies.json_changes import json_changes
from conformance.strategies.oauth import authorization_values, form_changes
from conformance.vocabulary.mutation import Outcome

quick = settings(max_examples=60, deadline=None, database=None)
PAIRS = [("grant_type", "client_credentials"), ("client_id", "ct"), ("client_secret", "Ab3-_x"), ("scope", "a b")]
DOCUMENT = {"slug": "a-b", "name": "A name", "members": ["x"]}


@quick
@given(authorization_values())
def test_authorization_values_are_valid_field_values(value: bytes) -> None:
    assert value == value.strip() and not any(byte < 0x20 or byte == 0x7F for byte in value)


@quick
@given(form_changes())
def test_a_form_that_must_be_refused_is_not_valid(change: Change[Any, bytes]) -> None:
    mutation = change.of(list(PAIRS))
    if mutation.outcome is Outcome.REFUSED:
        assert mutation.value != encoded(PAIRS)


@quick
@given(json_changes())
def test_expected_outcomes_of_json_changes_are_correct(change: Change[Any, bytes]) -> None:
    mutation = change.of(DOCUMENT)
    try:
        read = json.loads(mutation.value)
    except (ValueError, RecursionError):
        read = None
    if mutation.outcome is Outcome.VALID:
        assert read == DOCUMENT
    elif mutation.outcome is Outcome.REFUSED:
        assert not isinstance(read, dict)
