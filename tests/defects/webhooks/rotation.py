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
        "API Reference, Webhooks: rotation returns the exposed URL again.",
        "webhooks/rotation/old-url-is-refused",
        rotate=lambda original: surface_of(original).url_path,
    ),
)


@defect("webhooks/rotation/new-url-cannot-be-guessed")
def rotated_url_is_a_hash(rotate: Any) -> str:
    """API Reference, Webhooks: the new URL is a hash of the exposed one, so anyone can compute it."""
    surface = surface_of(rotate)
    before, _, old = surface.url_path.rpartition("/")
    rotate()
    surface.paths[ORGANIZATION] = f"{before}/{hashlib.sha256(old.encode()).hexdigest()}"
    return surface.url_path


@defect("webhooks/rotation/new-url-cannot-be-guessed")
def rotation_changes_the_end(rotate: Any) -> str:
    """API Reference, Webhooks: the new URL differs from the exposed one in its last characters only."""
    surface = surface_of(rotate)
    old, new = surface.url_path, rotate()
    surface.paths[ORGANIZATION] = old[:-10] + new[-10:]
    return surface.url_path


@defect("webhooks/rotation/old-url-is-answered-as-unknown", state=set)
def old_webhook_url_distinguishable(live: set[str], receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: a rotated URL is answered differently from one that never existed."""
    answer = receive(request)
    if answer.status == 202:
        live.add(request.raw_path)
    if answer.status == 404 and request.raw_path in live:
        return Answer.json(410, {"error": "the URL was rotated"})
    return answer


class FirstAfterRotationIsLost(Defect):
    """API Reference, Webhooks: the first event at a new URL is accepted but not delivered."""

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
    """API Reference, Webhooks: some events at a new URL are refused."""

    rotated = ""

    def rotate(self, original: Any) -> str:
        self.rotated = original()
        return self.rotated

    def organization_of(self, original: Any, raw_path: str) -> str | None:
        return None if raw_path == self.rotated else original(raw_path)


class NewUrlUnknownToOneServer(_RotationShutsWebhook):
    """API Reference, Webhooks: one server in three never learns of the new URL."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    asked = 0

    def organization_of(self, original: Any, raw_path: str) -> str | None:
        self.asked += raw_path == self.rotated
        return original(raw_path) if self.asked % 3 else super().organization_of(original, raw_path)


class SecondRotationRevivesFirstUrl(Defect):
    """API Reference, Webhooks: a second rotation makes the first URL valid again."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    rotated: list[str] = []

    def rotate(self, original: Any) -> str:
        self.rotated.append(surface_of(original).url_path)
        return original()

    def organization_of(self, original: Any, raw_path: str) -> str | None:
        return ORGANIZATION if raw_path in self.rotated[:-1] else original(raw_path)


class EventsOfTheNewUrlLost(Defect):
    """API Reference, Webhooks: events at the new URL are accepted but lost, because their handler knows the old URL."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    rotated = False

    def rotate(self, original: Any) -> str:
        self.rotated = True
        return original()

    def take_in(self, original: Any, organization: str, request: Request) -> None:
        if not self.rotated:
            original(organization, request)


class OldUrlTakesInAndRefuses(Defect):
    """API Reference, Webhooks: an event at a rotated URL is refused, but delivered."""

    noticed_by = ("webhooks/rotation/old-url-is-refused",)
    old: set[str] = set()

    def rotate(self, original: Any) -> str:
        self.old.add(surface_of(original).url_path)
        return original()

    def receive(self, original: Any, request: Request) -> Answer:
        if request.raw_path in self.old:
            surface_of(original).take_in(ORGANIZATION, request)
        return original(request)
