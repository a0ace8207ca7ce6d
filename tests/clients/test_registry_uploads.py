"""A session that refuses one request after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from conformance.clients.registry.uploads import Refusing
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.vocabulary.exchange import Exchange, Headers


@dataclass
class Sessions:
    """A registry whose sessions answer one PUT after another so; each session has answers of its own."""

    answers: list[list[int]]
    opened: list[Session] = field(default_factory=list)

    def open_upload(self) -> Session:
        """The next session."""
        self.opened.append(Session(iter(self.answers[len(self.opened)])))
        return self.opened[-1]


@dataclass
class Session:
    """One of them."""

    answers: Any

    def put(self, digest: str | None, content: bytes) -> Exchange:
        """Its next answer."""
        return Exchange("", "PUT", "", Headers(), content, next(self.answers), Headers(), b"", 0.0, 0.0)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([[400, 400, 416]], [400, 400, 416]),
        # One that is over after its first refusal, whatever it says then: what a new one says is what counts.
        ([[400, 404], [400, 404], [400]], [400, 400, 400]),
        ([[400, 500], [400, 500], [400]], [400, 400, 400]),
        # What a new one says, whatever it is.
        ([[404, 404], [400]], [404, 400]),
        ([[500], [400]], [500, 400]),
        ([[400, 404], [500], [400]], [400, 500, 400]),
        # One that has taken something refuses nothing more.
        ([[201], [400, 201], [400]], [201, 400, 201, 400]),
    ],
)
def test_a_session_is_asked_again_until_it_is_over(answers: list[list[int]], told: list[int]) -> None:
    sessions = Sessions(answers)
    refusing = Refusing(cast("Any", sessions), Once(Recorder()))

    assert [refusing.put(None, b"").status for _ in told] == told
    assert len(sessions.opened) == len(answers)
