"""Defects of rate limits.

They break these promises:

- Exceeding a documented rate limit is answered 429, and service resumes afterwards.
- Valid requests never fail under ordinary load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Organization, Project
from conformance.reference.seeds import Client
from conformance.reference.support.identity import edited, is_token_request, surface_of
from tests.defects.rows import row

Exceeded = Callable[[float], Answer]
Wait = Callable[[Client, int, float], float]

WRITE_PAUSE_S = 0.02

ROWS = (
    row(
        "limit-exceeded-is-invalid-client",
        "The contract's table of errors: 429 above the rate limit; the right secret is never told to be wrong.",
        "errors/429/above-the-limit#token-requests",
        limit_exceeded=lambda original, wait: surface_of(original).client_refused("wrong secret"),
    ),
    row(
        "limit-twice-as-high",
        "The stated rate limit is the one that is kept.",
        "errors/429/stated-limit-applies#exact",
        seconds_until_allowed=lambda original, client, requests, seconds: original(client, requests * 2, seconds),
    ),
    row(
        "api-requests-unlimited",
        "API Reference, Error Handling: above the limit the APIs answer 429.",
        "errors/429/above-the-limit#api-requests",
        api_limit_of=lambda original, caller: None,
    ),
)


class LimitCountedBehindTheToken(Defect):
    """The contract's table of errors: who is above the limit is told 429, and given no token with it."""

    surface = "identity"
    noticed_by = ("errors/429/above-the-limit#token-requests",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 429:
            return edited(answer, lambda document: document.update(access_token="cf.made.anyway", token_type="Bearer"))
        return answer


class LimitHalfAsHigh(Defect):
    """The stated rate limit is the one that is kept: as many requests are let through."""

    surface = "identity"
    noticed_by = ("errors/429/stated-limit-applies#exact",)

    def seconds_until_allowed(self, original: Wait, client: Client, requests: int, seconds: float) -> float:
        return original(client, requests // 2, seconds)


class LimitOfEachAddress(Defect):
    """The contract's table of errors: 429 above the rate limit, whatever address a header claims."""

    surface = "identity"
    noticed_by = ("errors/429/stated-limit-applies#forwarded-for",)
    way_round = "x-forwarded-for"

    def authenticated_client(
        self, original: Callable[[Request, dict[str, str]], Client], request: Request, form: dict[str, str]
    ) -> Client:
        client = original(request, form)
        return replace(client, limit=None) if self.way_round in request.headers else client


class LimitOfFormsAlone(LimitOfEachAddress):
    """The contract's table of errors: 429 above the rate limit, by whatever method a client authenticates."""

    noticed_by = ("errors/429/stated-limit-applies#basic",)

    way_round = "authorization"


class _LimitOfEach(Defect):
    """A limit that begins anew for whoever says something else of itself."""

    def __init__(self) -> None:
        self.asked = ""
        self.windows: dict[tuple[str, str], deque[float]] = {}

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        self.asked = self._said(request)
        return await original(request)

    def window_of(self, original: Callable[[Client], deque[float]], client: Client) -> deque[float]:
        return self.windows.setdefault((client.client_id, self.asked), deque())

    def _said(self, request: Request) -> str:
        raise NotImplementedError


class LimitOfEachBody(_LimitOfEach):
    """RFC 6585 section 4: a limit is not led round by a parameter that nobody knows."""

    surface = "identity"
    noticed_by = ("errors/429/stated-limit-applies#query",)

    def _said(self, request: Request) -> str:
        return request.body.decode("latin-1")


class LimitOfEachAgent(_LimitOfEach):
    """RFC 6585 section 4: a limit is not led round by another User-Agent."""

    surface = "identity"
    noticed_by = ("errors/429/stated-limit-applies#other-fields",)

    def _said(self, request: Request) -> str:
        return request.headers.get("user-agent", "")


class LimitCountsByPath(Defect):
    """The contract's table of errors: 429 above the limit, however the path is spelt that leads to the endpoint."""

    surface = "identity"
    noticed_by = ("errors/429/stated-limit-applies#spelling",)

    def __init__(self) -> None:
        self.path = ""

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        self.path = request.raw_path
        return original(request)

    def keep_to_limit(self, original: Callable[[Client], None], client: Client) -> None:
        if "%" not in self.path:
            original(client)


class RetryAfterIsAFraction(Defect):
    """RFC 9110 section 10.2.3: Retry-After is a date or a whole number of seconds."""

    surface = "identity"
    noticed_by = ("errors/429/retry-after-is-valid",)

    def limit_exceeded(self, original: Exceeded, wait: float) -> Answer:
        answer = original(wait)
        answer.headers["Retry-After"] = f"{wait:.3f}"
        return answer


class RefusedRequestsProlongTheWait(Defect):
    """RFC 9110 section 10.2.3: after Retry-After a request is let through, though others were refused meanwhile."""

    surface = "identity"
    noticed_by = ("errors/429/served-after-retry-after",)

    def seconds_until_allowed(self, original: Wait, client: Client, requests: int, seconds: float) -> float:
        wait = original(client, requests, seconds)
        if wait > 0:
            surface = surface_of(original)
            window = surface.window_of(client)
            window.extend([surface.monotonic() + 1] * len(window))
        return wait


class SecondDeletionAtOnceCrashes(Defect):
    """The contract's table of errors: a deletion of what was deleted meanwhile is 404 or 409, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/valid-requests-never-fail#concurrent-changes",)
    crashes = (KeyError,)

    async def remove_project(
        self,
        original: Callable[..., Any],
        organization: Organization,
        project: Project,
        still_holds: Callable[[], bool],
    ) -> bool:
        await asyncio.sleep(WRITE_PAUSE_S)
        return bool(await original(organization, organization.projects[project.slug], still_holds))


class ItemWithMembersFails(Defect):
    """API Reference, Error Handling: an item that only its members see is created like any other."""

    surface = "identity"
    noticed_by = ("errors/5xx/valid-requests-never-fail#reads",)
    crashes = (RuntimeError,)

    def new_project(
        self, original: Callable[[Organization, dict[str, Any]], Project], organization: Organization, body: Any
    ) -> Project:
        if "members" in body:
            raise RuntimeError("no members here")
        return original(organization, body)
