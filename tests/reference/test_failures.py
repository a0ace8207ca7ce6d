"""The reference remembers its own mistakes, and which alterations did nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conformance.reference.alteration import Alteration, Defect
from conformance.reference.deployment import build
from conformance.reference.http import Answer, Request
from conformance.reference.server import Application


class Webhooks(Defect):
    surface = "webhooks"


class Broken(Webhooks):
    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return {}["no such thing"]  # type: ignore[index]  # the mistake


class CrashingOnPurpose(Broken):
    crashes = (KeyError,)


class CrashingElsewhere(Webhooks):
    crashes = (TypeError, AttributeError)

    def intercept(self, request: Request) -> Answer | None:
        object.__setattr__(request, "raw_path", None)
        return None


class Unsendable(Webhooks):
    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["X-Malformed"] = "a\nb"
        return answer


class NeverCalled(Webhooks):
    def rotate(self, original: Any) -> Any:
        return original()


class ChangingNothing(Webhooks):
    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.status = 404 if answer.status == 404 else 500
        return answer


class AddingAHeader(Webhooks):
    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["X-Changed"] = "yes"
        return answer


class ReplacingAMethod(Webhooks):
    async def handle(self, original: Any, request: Request) -> Answer:
        return Answer.json(200, await original(request) is None)


def altered(defect: type[Alteration]) -> Application:
    application = Application(build().surfaces["webhooks"])
    application.alterations.activate([defect])
    return application


def answer(application: Application) -> int:
    """Return the status of an answer, 0 where none could be sent."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        if any(b"\n" in value for _, value in message.get("headers", [])):
            raise RuntimeError("Invalid HTTP header value.")
        statuses.append(message.get("status"))

    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    try:
        asyncio.run(application({**scope, "scheme": "http"}, receive, send))
    except RuntimeError:
        return 0
    return statuses[0]


@pytest.mark.parametrize(
    ("defect", "remembered"),
    [
        (Broken, "KeyError: 'no such thing'"),
        (CrashingOnPurpose, ""),
        (CrashingElsewhere, "Traceback"),
        (Unsendable, "Invalid HTTP header value"),
    ],
)
def test_a_mistake_in_a_defect_is_remembered(defect: type[Defect], remembered: str) -> None:
    application = altered(defect)
    assert answer(application) in (0, 500)
    assert len(application.failures) == bool(remembered)
    assert remembered in "".join(application.failures)


@pytest.mark.parametrize(
    ("defect", "idle"),
    [
        (NeverCalled, True),
        (ChangingNothing, True),
        (AddingAHeader, False),
        (ReplacingAMethod, False),
        (CrashingOnPurpose, False),
    ],
)
def test_an_alteration_that_did_nothing_is_idle(defect: type[Defect], idle: bool) -> None:
    application = altered(defect)
    answer(application)
    assert bool(application.alterations.idle) == idle
