"""Events that the operator's hook reports in an unknown form are inconclusive."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from conformance.clients.programs.operator_hooks import Operator
from conformance.evidence.recorder import Recorder
from conformance.oracles.webhooks import count_carrying, mark, reported_in_time
from conformance.target.description import Hooks, LimitsSection, Target
from conformance.vocabulary.finding import Inconclusive

TARGET = Target(organization="acme", limits=LimitsSection(arrival=0))


class Tells(Operator):
    """An operator whose hook tells these events."""

    def __init__(self, *events: dict[str, Any]) -> None:
        super().__init__(Hooks(), Recorder())
        self.told = list(events)

    def events(self) -> list[Any]:
        return self.told


def test_a_body_reported_twice_is_one_event() -> None:
    word = mark()
    told = reported_in_time(Tells({"raw": f'{{"mark": "{word}"}}', "read": {"mark": word}}), TARGET, lambda told: True)
    assert count_carrying(told, word) == 1


def test_bodies_in_an_unknown_form_are_inconclusive() -> None:
    body = base64.b64encode(mark().encode()).decode()
    with pytest.raises(Inconclusive, match="none of the 1 events that the hook events reports"):
        reported_in_time(Tells({"body": body}), TARGET, lambda told: False)


def test_a_body_is_known_by_its_digest() -> None:
    word, body = mark(), b"an event"
    told = reported_in_time(
        Tells(*({"sha256": hashlib.sha256(each).hexdigest()} for each in (b'{"event": "cf"}', body))),
        TARGET,
        lambda told: False,
    )
    assert count_carrying(told, word, body) == 1 and count_carrying(told, word, b"another") == 0


def test_an_id_that_looks_like_a_digest_is_no_body() -> None:
    body = base64.b64encode(mark().encode()).decode()
    with pytest.raises(Inconclusive, match="none of the 1 events that the hook events reports"):
        reported_in_time(Tells({"id": "0" * 64, "body": body}), TARGET, lambda told: False)
