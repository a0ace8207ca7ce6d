"""A change of state is found, and a value that varies by itself is not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from conformance.oracles import state
from conformance.oracles.documents import member, shows
from conformance.oracles.state import State, expect_unchanged, state_of
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "CLOCK_S", 0.0)


def reading(content: dict[str, Any]) -> Callable[[], State]:
    """Reads a thing whose answers carry an id and a count of their own."""
    numbers = itertools.count()

    def read() -> Any:
        number = next(numbers)
        return reply(200, {"data": dict(content), "meta": {"id": f"r{number}", "seen": [number, "x"]}})

    return lambda: state_of(read)


def test_a_varying_value_is_no_change() -> None:
    read = reading({"name": "a"})
    expect_unchanged(read(), read(), reply(403))


@pytest.mark.parametrize("change", [{"name": "b"}, {"name": "a", "more": 1}, {"name": ["a"]}])
def test_a_change_is_found(change: dict[str, Any]) -> None:
    content = {"name": "a"}
    read = reading(content)
    before = read()
    content.clear()
    content.update(change)
    with pytest.raises(NonConformance, match="no effect of the GET that got 403"):
        expect_unchanged(before, read(), reply(403))


def test_the_order_of_a_list_is_no_change() -> None:
    expect_unchanged(
        State(200, b'{"a": [1, {"x": 2, "y": 3}]}'), State(200, b'{"a": [{"y": 3, "x": 2}, 1]}'), reply(403)
    )
    with pytest.raises(NonConformance):
        expect_unchanged(State(200, b'{"a": [1, 1]}'), State(200, b'{"a": [1, 2]}'), reply(403))


def test_a_value_that_alternates_is_no_change() -> None:
    values = itertools.chain([0, 1, 0, 0, 0], itertools.cycle([0, 1]))
    first, second = (state_of(lambda: reply(200, {"node": next(values)})) for _ in range(2))
    expect_unchanged(first, second, reply(403))


@pytest.mark.parametrize(
    ("document", "found"),
    [({"a": 1}, 1), ({"data": {"a": 2}, "meta": {}}, 2), ({"data": [1], "a": 3}, 3), ([1], None), ({}, None)],
)
def test_members_are_found_in_an_envelope(document: Any, found: Any) -> None:
    assert member(reply(200, json.dumps(document)), "a") == found


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"a-b", True),
        (b'{"x": ["a\\u002db c"]}', True),
        (b'{"a-b": 1}', True),
        (b'{"a\\u002db": 1}', False),
        (b"[" * 9999, False),
    ],
)
def test_an_escaped_text_is_found(body: bytes, shown: bool) -> None:
    assert shows(reply(200, body), "a-b") is shown
