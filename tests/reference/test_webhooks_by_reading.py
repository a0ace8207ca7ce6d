"""Each defect of webhooks that reading the checks has thought of shows in what is told later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from conformance.reference.defects import webhook_by_reading as defects
from conformance.reference.defects.base import Alteration
from tests.reference.identity_table import alterations_in
from tests.reference.test_webhooks import JSON, World, broken_off

TABLE: list[tuple[type[Alteration], Callable[[World], Any]]] = [
    (defects.BrokenOffEventTakenInLater, broken_off),
    (defects.RefusedEventTakenInLater, lambda w: (w.ask(headers=JSON), len(w.webhooks.events()))[1]),
]


@pytest.mark.parametrize(("defect", "look"), TABLE, ids=lambda value: getattr(value, "__name__", ""))
def test_what_must_not_be_taken_in_is_told_later(defect: type[Alteration], look: Callable[[World], Any]) -> None:
    clean, world = World(), World(defect)
    assert (look(clean), look(world)) == (0, 0)
    time.sleep(defects.LATER_S + 0.1)
    assert [len(each.webhooks.events()) for each in (clean, world)] == [0, 1]


def test_every_one_is_seen_to_differ() -> None:
    assert {each for each in alterations_in(defects) if each.surface} == {row[0] for row in TABLE}
