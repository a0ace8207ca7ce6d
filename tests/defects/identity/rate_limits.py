"""Defects of rate limits.

They break these promises:

- Exceeding a documented rate limit is answered 429, and service resumes afterwards.
- Valid requests never fail under ordinary load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Organization, Project
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Client
from conformance.reference.support.identity import edited, is_token_request, surface_of

WRITE_PAUSE_S = 0.02


def _unlimited_with(field: str) -> Callable[[Any, Request, dict[str, str]], Client]:
    """Return an ``authenticated_client`` without a limit for requests that have a header field."""

    def authenticated_client(original: Any, request: Request, form: dict[str, str]) -> Client:
        client = original(request, form)
        return replace(client, limit=None) if field in request.headers else client

    return authenticated_client


ROWS = (
    row(
        "limit-exceeded-is-invalid-client",
        "The contract's table of errors: a request above the limit is answered invalid_client instead of 429.",
        "errors/429/above-the-limit#token-requests",
        limit_exceeded=lambda original, wait: surface_of(original).client_refused("wrong secret"),
    ),
    row(
        "limit-twice-as-high",
        "The stated rate limit: twice as many requests succeed.",
        "errors/429/stated-limit-applies#exact",
        seconds_until_allowed=lambda original, client, requests, seconds: original(client, requests * 2, seconds),
    ),
    row(
        "api-requests-unlimited",
        "API Reference, Error Handling: requests to the APIs have no limit.",
        "errors/429/above-the-limit#api-requests",
        api_limit_of=lambda original, caller: None,
    ),
    row(
        "limit-of-each-address",
        "The contract's table of errors: a request with X-Forwarded-For has no limit.",
        "errors/429/stated-limit-applies#forwarded-for",
        authenticated_client=_unlimited_with("x-forwarded-for"),
    ),
    row(
        "limit-of-forms-only",
        "The contract's table of errors: requests with Basic have no limit.",
        "errors/429/stated-limit-applies#basic",
        authenticated_client=_unlimited_with("authorization"),
    ),
)


@defect("errors/429/above-the-limit#token-requests")
def limit_counted_after_the_token(request: Request, answer: Answer) -> Answer:
    """The contract's table of errors: a 429 contains a token."""
    if is_token_request(request) and answer.status == 429:
        return edited(answer, lambda document: document.update(access_token="cf.made.anyway", token_type="Bearer"))
    return answer


@defect("errors/429/stated-limit-applies#exact")
def limit_half_as_high(seconds_until_allowed: Any, client: Client, requests: int, seconds: float) -> float:
    """The stated rate limit: only half as many requests succeed."""
    return seconds_until_allowed(client, requests // 2, seconds)


class _LimitOfEach(Defect):
    """Counts requests separately by something that the sender chooses."""

    key = ""
    windows: dict[tuple[str, str], deque[float]] = {}

    async def token(self, original: Any, request: Request) -> Answer:
        self.key = self._counted_by(request)
        return await original(request)

    def window_of(self, original: Any, client: Client) -> deque[float]:
        return self.windows.setdefault((client.client_id, self.key), deque())

    def _counted_by(self, request: Request) -> str:
        raise NotImplementedError


class LimitOfEachBody(_LimitOfEach):
    """RFC 6585 section 4: each request body has its own limit, so an unknown parameter bypasses it."""

    noticed_by = ("errors/429/stated-limit-applies#query",)

    def _counted_by(self, request: Request) -> str:
        return request.body.decode("latin-1")


class LimitOfEachAgent(_LimitOfEach):
    """RFC 6585 section 4: each User-Agent has its own limit."""

    noticed_by = ("errors/429/stated-limit-applies#other-fields",)

    def _counted_by(self, request: Request) -> str:
        return request.headers.get("user-agent", "")


class LimitCountsByPath(Defect):
    """The contract's table of errors: a percent-encoded path has no limit."""

    noticed_by = ("errors/429/stated-limit-applies#spelling",)
    path = ""

    def token_form(self, original: Any, request: Request) -> dict[str, str]:
        self.path = request.raw_path
        return original(request)

    def keep_to_limit(self, original: Any, client: Client) -> None:
        if "%" not in self.path:
            original(client)


@defect("errors/429/retry-after-is-valid")
def retry_after_is_a_fraction(limit_exceeded: Any, wait: float) -> Answer:
    """RFC 9110 section 10.2.3: Retry-After is a fraction instead of whole seconds."""
    answer = limit_exceeded(wait)
    answer.headers["Retry-After"] = f"{wait:.3f}"
    return answer


@defect("errors/429/served-after-retry-after")
def refused_requests_prolong_the_wait(
    seconds_until_allowed: Any, client: Client, requests: int, seconds: float
) -> float:
    """RFC 9110 section 10.2.3: refused requests prolong the wait beyond Retry-After."""
    wait = seconds_until_allowed(client, requests, seconds)
    if wait > 0:
        surface = surface_of(seconds_until_allowed)
        window = surface.window_of(client)
        window.extend([surface.monotonic() + 1] * len(window))
    return wait


@defect("errors/5xx/valid-requests-never-fail#concurrent-changes", crashes=(KeyError,))
async def concurrent_second_deletion_crashes(
    remove_project: Any, organization: Organization, project: Project, still_holds: Any
) -> bool:
    """The contract's table of errors: the second of two concurrent deletions is answered 500."""
    await asyncio.sleep(WRITE_PAUSE_S)
    return bool(await remove_project(organization, organization.projects[project.slug], still_holds))


@defect("errors/5xx/valid-requests-never-fail#reads", crashes=(RuntimeError,))
def item_with_members_fails(new_project: Any, organization: Organization, body: Any) -> Project:
    """API Reference, Error Handling: the creation of a project with members is answered 500."""
    if "members" in body:
        raise RuntimeError("no members here")
    return new_project(organization, body)
