"""What goes wrong in the reference by itself is remembered, so that no check takes it for the defect it looks for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conformance.reference.alteration import Alteration, Defect
from conformance.reference.deployment import build
from conformance.reference.http import Answer, Request
from conformance.reference.server import Application

SCOPE: dict[str, Any] = {
    "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "headers": [],
    "scheme": "http",
}  # fmt: skip


class Broken(Defect):
    """A defect with a mistake in it."""

    surface = "webhooks"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return {}["no such thing"]  # type: ignore[index]  # the mistake


class Crashing(Broken):
    """One that means to fail so."""

    crashes = (KeyError,)


class Misleading(Defect):
    """One that means to fail so, and makes the surface fail where it does not go through it."""

    surface = "webhooks"
    crashes = (TypeError, AttributeError)

    def intercept(self, request: Request) -> Answer | None:
        object.__setattr__(request, "raw_path", None)
        return None


class Unsendable(Defect):
    """One whose answer HTTP cannot carry."""

    surface = "webhooks"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["X-Odd"] = "a\nb"
        return answer


def served(defect: type[Alteration]) -> tuple[int | None, list[str]]:
    """The status of an answer of the webhooks under a defect, and what they remember of it."""
    application = Application(build().surfaces["webhooks"])
    application.alterations.put_in([defect])
    return answer(application), [*application.failures]


def answer(application: Application) -> int:
    """The status of an answer; 0 where there is none."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        if any(b"\n" in value for _, value in message.get("headers", [])):
            raise RuntimeError("Invalid HTTP header value.")
        statuses.append(message.get("status"))

    try:
        asyncio.run(application(dict(SCOPE), receive, send))
    except RuntimeError:
        statuses.append(0)
    return statuses[0]


def test_a_mistake_in_a_defect_is_remembered_with_what_was_asked() -> None:
    status, (told,) = served(Broken)
    assert status == 500
    assert told.startswith("POST /\nTraceback") and "KeyError: 'no such thing'" in told


def test_what_a_defect_means_to_fail_by_is_none() -> None:
    assert served(Crashing) == (500, [])


def test_what_fails_elsewhere_is_a_mistake_though_it_is_of_that_kind() -> None:
    status, (told,) = served(Misleading)
    assert status == 500 and "Traceback" in told


def test_what_cannot_be_sent_is_remembered() -> None:
    assert "Invalid HTTP header value" in served(Unsendable)[1][0]


class Unasked(Defect):
    """One whose method nothing calls."""

    surface = "webhooks"

    def rotate(self, original: Any) -> Any:
        return original()


class Unchanging(Defect):
    """One that changes nothing of this answer, which has a status of its own anyway."""

    surface = "webhooks"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.status = 404 if answer.status == 404 else 500
        return answer


class Changing(Defect):
    """One that does."""

    surface = "webhooks"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["X-Changed"] = "yes"
        return answer


class Called(Defect):
    """One whose method is called."""

    surface = "webhooks"

    async def handle(self, original: Any, request: Request) -> Answer:
        return Answer.json(200, await original(request) is None)


@pytest.mark.parametrize(
    ("defect", "idle"), [(Unasked, True), (Unchanging, True), (Changing, False), (Called, False), (Crashing, False)]
)
def test_what_did_nothing_is_told(defect: type[Defect], idle: bool) -> None:
    application = Application(build().surfaces["webhooks"])
    application.alterations.put_in([defect])
    assert {*map(type, application.alterations.idle)} == {defect}
    answer(application)
    assert bool(application.alterations.idle) == idle
    application.alterations.take_out()
    assert not application.alterations.idle
