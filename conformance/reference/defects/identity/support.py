"""What the defects of the identity surface share."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any, cast

from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client


def surface_of(original: Callable[..., Any]) -> Identity:
    """The surface whose method an alteration was given."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Identity, original.__self__)  # type: ignore[attr-defined]


def is_token_request(request: Request) -> bool:
    """Whether this goes to the token endpoint."""
    return request.raw_path == "/oauth/token"


def is_api_request(request: Request) -> bool:
    """Whether this goes to the organization API."""
    return request.raw_path.startswith("/api/")


def is_registry_token_request(request: Request) -> bool:
    """Whether this goes to the registry's token endpoint."""
    return request.raw_path == "/registry/token"


def edited(answer: Answer, edit: Callable[[dict[str, Any]], Any]) -> Answer:
    """The answer with its JSON object edited in place; as it is where it has none."""
    if answer.body.startswith(b"{"):
        document = json.loads(answer.body)
        edit(document)
        answer.body = json.dumps(document).encode()
    return answer


def searched_for(request: Request) -> str | None:
    """The word that a list is searched for, None where it is asked for whole."""
    return next((value for name, value in request.query if name in ("q", "search", "filter", "slug", "name")), None)


def matches(word: str, slug: str, name: str) -> bool:
    """Whether a project is found by a word."""
    return word.lower() in slug or word.lower() in name.lower()


class InPages:
    """Lists ``size`` entries at a time, with a link to the next page (RFC 8288) that is relative to the list.

    Between each page and the next as many as are ``lost`` stand on none.
    """

    size, lost = 1, 0

    def listing(
        self,
        original: Callable[[Request, list[dict[str, Any]]], Answer],
        request: Request,
        entries: list[dict[str, Any]],
    ) -> Answer:
        surface = surface_of(original)
        limit, offset = surface.bound(request, "limit", self.size, 1, 200), offset_of(surface, request)
        answer = Answer.json(200, {"items": entries[offset : offset + limit]})
        if offset + limit < len(entries):
            answer.headers["Link"] = f'<?limit={limit}&offset={offset + limit + self.lost}>; rel="next"'
        return answer


class LimitShared:
    """A limit that one credential uses up for others: those of its organization."""

    def __init__(self) -> None:
        self.used_up_until: dict[str, float] = {}

    def keep_to_limit(self, original: Callable[[Client], None], client: Client) -> None:
        surface = surface_of(original)
        left = self.used_up_until.get(self._shared_by(client), 0) - surface.monotonic()
        if left > 0 and client.limit is None:
            raise Refused(surface.limit_exceeded(left))
        original(client)

    def limit_exceeded(self, original: Callable[[float], Answer], wait: float) -> Answer:
        surface = surface_of(original)
        for client in surface.seeds.clients:
            if client.limit is not None:
                self.used_up_until[self._shared_by(client)] = surface.monotonic() + wait
        return original(wait)

    def _shared_by(self, client: Client) -> str:
        return client.organization


class InPagesByCursor:
    """Lists one entry at a time; the next page is what a text in the body stands for, and no link leads there."""

    def listing(
        self,
        original: Callable[[Request, list[dict[str, Any]]], Answer],
        request: Request,
        entries: list[dict[str, Any]],
    ) -> Answer:
        offset = cursor_of(request)
        following = f"after {offset + 1}/+=" if offset + 1 < len(entries) else None
        return Answer.json(200, {"items": entries[offset : offset + 1], "next": following})


def cursor_of(request: Request) -> int:
    """Where a page begins: at the place that its cursor stands for, or at the first."""
    found = re.fullmatch(r"after (\d+)/\+=", request.parameter("offset") or "")
    return int(found[1]) if found else 0


def offset_of(surface: Identity, request: Request) -> int:
    """Where a page of a list begins."""
    return surface.bound(request, "offset", 0, 0, 999_999_999)
