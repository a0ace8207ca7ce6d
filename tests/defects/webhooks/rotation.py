"""Defects that break the promise "A rotated webhook URL stops working"."""

from __future__ import annotations

import hashlib
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import ORGANIZATION
from tests.defects.support.webhooks import surface_of

ROWS = (
    row(
        "rotation-changes-nothing",
        "API Reference, Webhooks: a URL that was exposed is replaced by rotation, and not given out again.",
        "webhooks/rotation/old-url-is-refused",
        rotate=lambda original: surface_of(original).url_path,
    ),
)


@defect("webhooks/rotation/new-url-cannot-be-guessed")
def rotated_url_is_a_hash(rotate: Any) -> str:
    """API Reference, Webhooks: who knows a URL that was exposed cannot tell the one that came in its place."""
    surface = surface_of(rotate)
    before, _, old = surface.url_path.rpartition("/")
    rotate()
    surface.paths[ORGANIZATION] = f"{before}/{hashlib.sha256(old.encode()).hexdigest()}"
    return surface.url_path


@defect("webhooks/rotation/new-url-cannot-be-guessed")
def rotation_changes_the_end(rotate: Any) -> str:
    """API Reference, Webhooks: a new URL is new, and not the exposed one with another end."""
    surface = surface_of(rotate)
    old, new = surface.url_path, rotate()
    surface.paths[ORGANIZATION] = old[:-10] + new[-10:]
    return surface.url_path


@defect("webhooks/rotation/old-url-is-answered-as-unknown", state=set)
def old_webhook_url_distinguishable(live: set[str], receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: a rotated URL is answered like one that never was."""
    answer = receive(request)
    if answer.status == 202:
        live.add(request.raw_path)
    if answer.status == 404 and request.raw_path in live:
        return Answer.json(410, {"error": "the URL was rotated"})
    return answer


class FirstAfterRotationIsLost(Defect):
    """API Reference, Webhooks: requests are accepted at the generated URL; here the first at a new one is lost."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    rotated = False

    def rotate(self, original: Any) -> str:
        self.rotated = True
        return original()

    def take_in(self, original: Any, organization: str, request: Request) -> None:
        rotated, self.rotated = self.rotated, False
        if not rotated:
            original(organization, request)


class _RotationShutsWebhook(Defect):
    """API Reference, Webhooks: incoming webhooks accept requests at the generated URL, at a new one from its start."""

    rotated = ""

    def rotate(self, original: Any) -> str:
        self.rotated = original()
        return self.rotated

    def organization_of(self, original: Any, raw_path: str) -> str | None:
        return None if raw_path == self.rotated else original(raw_path)


class NewUrlUnknownToOneServer(_RotationShutsWebhook):
    """API Reference, Webhooks: the same of one server in three, which has not heard of the rotation and never does."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def organization_of(self, original: Any, raw_path: str) -> str | None:
        self.asked += raw_path == self.rotated
        return original(raw_path) if self.asked % 3 else super().organization_of(original, raw_path)


class SecondRotationRevivesFirstUrl(Defect):
    """API Reference, Webhooks: a rotated URL is dead for good (a list of dead URLs has room for one)."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    rotated: list[str] = []

    def rotate(self, original: Any) -> str:
        self.rotated.append(surface_of(original).url_path)
        return original()

    def organization_of(self, original: Any, raw_path: str) -> str | None:
        return ORGANIZATION if raw_path in self.rotated[:-1] else original(raw_path)


class EventsOfTheNewUrlLost(Defect):
    """API Reference, Webhooks: what comes by the new URL is taken in (its handler knows the old one)."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    rotated = False

    def rotate(self, original: Any) -> str:
        self.rotated = True
        return original()

    def take_in(self, original: Any, organization: str, request: Request) -> None:
        if not self.rotated:
            original(organization, request)


class OldUrlTakesInAndRefuses(Defect):
    """API Reference, Webhooks: what comes by a URL that was rotated does not arrive."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    old: set[str] = set()

    def rotate(self, original: Any) -> str:
        self.old.add(surface_of(original).url_path)
        return original()

    def receive(self, original: Any, request: Request) -> Answer:
        if request.raw_path in self.old:
            surface_of(original).take_in(ORGANIZATION, request)
        return original(request)
