"""Defects that show in what follows: the next request, a second look, or those who came at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_api_request, is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client

Holds = Callable[[], bool]
Create = Callable[[Organization, Project], Awaitable[bool]]
Updates = Callable[[Project, dict[str, Any], Holds], Awaitable[bool]]
Removes = Callable[[Organization, Project, Holds], Awaitable[bool]]
Operation = Callable[[Call], Awaitable[Answer]]
Matches = Callable[[Request, Project], bool]
PAUSE_S, KEPT_S = 0.03, 5.0


class LateCreatorIsTold423(Defect):
    """The contract's table of errors: who creates what another is creating is told 409 (a lock that shows itself)."""

    surface = "identity"
    noticed_by = ("errors/409/one-of-many-creators-wins",)

    def __init__(self) -> None:
        self.at_work: set[str] = set()

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if project.slug in self.at_work:
            raise Refused(surface_of(original).api_error(423, "locked", "The slug is being created."))
        self.at_work.add(project.slug)
        await asyncio.sleep(PAUSE_S)
        self.at_work.discard(project.slug)
        return await original(organization, project)


class LoserWritesAtOnce(Defect):
    """The contract's table of errors: of two updates at once the one that is told 409 has written nothing."""

    surface = "identity"
    noticed_by = ("errors/409/one-of-many-updaters-wins",)

    async def update_project(
        self, original: Updates, project: Project, changes: dict[str, Any], still_holds: Holds
    ) -> bool:
        held = still_holds()
        await asyncio.sleep(PAUSE_S)
        done = await original(project, changes, still_holds)
        if held and not done:
            for name, value in changes.items():
                setattr(project, name, value)
        return done


class EntityTagOfTheLastReadAlone(Defect):
    """The contract's table of errors: 409 is for a concurrent update; that another has read an item is none."""

    surface = "identity"
    noticed_by = ("errors/409/version-changes-with-an-update",)

    def __init__(self) -> None:
        self.reads: dict[str, int] = {}

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        self.reads[project.slug] = self.reads.get(project.slug, 0) + 1
        answer.headers["ETag"] = self._etag(project)
        return answer

    def if_match_holds(self, original: Matches, request: Request, project: Project) -> bool:
        return request.headers.get("if-match", self._etag(project)) in ("*", self._etag(project))

    def _etag(self, project: Project) -> str:
        return f'"{project.version}-{self.reads.get(project.slug, 0)}"'


class OldCopyIsServedAgain(Defect):
    """RFC 9110 section 13.1.2: who has an old copy is given the present one, not once more its own."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-is-what-is-unchanged",)

    def __init__(self) -> None:
        self.copies: dict[tuple[str, str], bytes] = {}

    async def get_project(self, original: Operation, call: Call) -> Answer:
        answer = await original(call)
        if answer.status == 200 and call.slug:
            self.copies.setdefault((call.slug, answer.headers["ETag"]), answer.body)
            known = call.request.headers.get("if-none-match", "")
            answer.body = self.copies.get((call.slug, known), answer.body)
        return answer


class RocketsCrash(Defect):
    """The contract's table of errors: a text that is not taken is 400, never a 5xx (a column of three bytes)."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#four-bytes",)
    crashes = (UnicodeError,)

    def checked_fields(
        self, original: Callable[..., dict[str, Any]], organization: Organization, body: dict[str, Any]
    ) -> dict[str, Any]:
        if "\U0001f680" in str(body):
            raise UnicodeError("Incorrect string value: '\\xF0\\x9F\\x9A\\x80'")
        return original(organization, body)


class CreationsAtOnceAreTooMany(Defect):
    """RFC 9110 section 9.3.1: those who create different things at one moment do not stand in each other's way."""

    surface = "identity"
    noticed_by = ("errors/writes/at-once-none-is-lost",)

    def __init__(self) -> None:
        self.at_work = 0

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if self.at_work:
            raise Refused(surface_of(original).conflict("could not serialize access due to concurrent update"))
        self.at_work += 1
        await asyncio.sleep(PAUSE_S)
        self.at_work -= 1
        return await original(organization, project)


class LongerNameIsTaken(Defect):
    """The contract's table of errors: 409 is for a slug that is taken, and not for one that goes on from it."""

    surface = "identity"
    noticed_by = ("errors/writes/leave-everything-else-alone",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        return not any(project.slug.startswith(each) for each in organization.projects) and await original(
            organization, project
        )


class LongerNameKeepsShorter(Defect):
    """RFC 9110 section 9.3.5: an item is deleted whatever else there is of a name that goes on from its own."""

    surface = "identity"
    noticed_by = ("errors/writes/leave-everything-else-alone",)

    async def remove_project(
        self, original: Removes, organization: Organization, project: Project, still_holds: Holds
    ) -> bool:
        within = [each for each in organization.projects if each.startswith(f"{project.slug}-")]
        return not within and await original(organization, project, still_holds)


class RefusedVariantIsKept(Defect):
    """RFC 9110 section 12.5.5: what was answered to one Accept is no answer for another (a cache that asks no Vary)."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/hostile-headers-are-no-server-error#accept",
        "errors/5xx/hostile-headers-are-no-server-error#accept-language",
        "errors/5xx/hostile-headers-are-no-server-error#content-encoding",
        "errors/5xx/hostile-headers-are-no-server-error#content-type",
        "errors/5xx/hostile-headers-are-no-server-error#cookie",
        "errors/5xx/hostile-headers-are-no-server-error#expect",
        "errors/5xx/hostile-headers-are-no-server-error#forwarded",
        "errors/5xx/hostile-headers-are-no-server-error#if-match",
        "errors/5xx/hostile-headers-are-no-server-error#if-modified-since",
        "errors/5xx/hostile-headers-are-no-server-error#if-none-match",
        "errors/5xx/hostile-headers-are-no-server-error#many",
        "errors/5xx/hostile-headers-are-no-server-error#of-clients",
        "errors/5xx/hostile-headers-are-no-server-error#of-fronts",
        "errors/5xx/hostile-headers-are-no-server-error#of-programs",
        "errors/5xx/hostile-headers-are-no-server-error#range",
        "errors/5xx/hostile-headers-are-no-server-error#te",
    )

    def __init__(self) -> None:
        self.kept: dict[str, float] = {}

    def intercept(self, request: Request) -> Answer | None:
        if is_api_request(request) and "xml" in request.headers.get("accept", ""):
            self.kept[request.raw_path] = time.monotonic()
        if time.monotonic() - self.kept.get(request.raw_path, -KEPT_S) < KEPT_S:
            return Answer.json(406, {"error": {"code": "not_acceptable", "message": "No such representation."}})
        return None


class OddDateSpoilsItem(Defect):
    """The contract's table of errors: never a 5xx, nor for who reads what was written under a date that is none."""

    surface = "identity"
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error#update-if-unmodified-since",)
    crashes = (ValueError,)

    def __init__(self) -> None:
        self.spoilt: set[str | None] = set()

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        if "99:99" in call.request.headers.get("if-unmodified-since", ""):
            self.spoilt.add(call.slug)
        return await original(call)

    async def get_project(self, original: Operation, call: Call) -> Answer:
        if call.slug in self.spoilt:
            raise ValueError("time data does not match format")
        return await original(call)


class CodingIsUtf8(Defect):
    """RFC 9110 section 8.4: Content-Encoding lists the codings that were applied; UTF-8 is none."""

    surface = "identity"
    noticed_by = ("errors/reads/content-coding-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request):
            answer.headers["Content-Encoding"] = "utf-8"
        return answer


class LimitCountedBehindTheToken(Defect):
    """The contract's table of errors: who is above the limit is told 429, and given no token with it."""

    surface = "identity"
    noticed_by = ("errors/429/above-the-limit",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 429:
            return edited(answer, lambda document: document.update(access_token="cf.made.anyway", token_type="Bearer"))
        return answer


class StatedScopesAreOfWhoCameLast(Defect):
    """RFC 6749 section 5.1: the scope that an answer states is that of its own token, whoever asks at that moment."""

    surface = "identity"
    noticed_by = ("authorization/at-once/tokens-are-their-askers",)

    def __init__(self) -> None:
        self.last: tuple[str, ...] = ()

    def granted_scopes(
        self, original: Callable[[Client, str | None], tuple[str, ...]], client: Client, asked: str | None
    ) -> tuple[str, ...]:
        self.last = original(client, asked)
        return self.last

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        answer = await original(request)
        await asyncio.sleep(PAUSE_S)
        if answer.status != 200:
            return answer
        return edited(answer, lambda document: document.update(scope=" ".join(self.last)))


class DefaultScopeIsStatedOnly(Defect):
    """RFC 6749 section 3.3: the scope that is stated for a request without one is that of its token."""

    surface = "identity"
    noticed_by = ("authorization/matrix/stated-scope-is-enforced#full",)

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        answer = await original(request)
        if b"scope=" in request.body or answer.status != 200:
            return answer
        surface = surface_of(original)
        form = surface.token_form(request)
        client = surface.find_client(form.get("client_id", ""))
        if client is None:
            return answer
        token = surface.make_access_token(surface.access_token_claims(client, client.scopes[:1]))
        return edited(answer, lambda document: document.update(access_token=token))


class SkewTakenFromEveryLifetime(Defect):
    """RFC 6749 section 5.1: expires_in is the lifetime of the token, to its end, of a short one too."""

    surface = "identity"
    noticed_by = ("authorization/bearer/expired-token-is-401",)

    def read_access_token(self, original: Callable[[str], dict[str, Any] | None], token: str) -> dict[str, Any] | None:
        claims = original(token)
        ends = claims["exp"] - 30 if claims else 0
        return claims if ends > surface_of(original).now() else None


class BareSchemeChallenges(Defect):
    """RFC 6750 section 3: the scheme Bearer is followed by one or more parameters."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/401-carries-a-bearer-challenge#no-token",
        "authorization/bearer/401-carries-a-bearer-challenge#unknown-token",
    )

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return original(error, scope) if scope else "Bearer"


class HeadIsOfAnotherType(Defect):
    """RFC 9110 section 9.3.2: HEAD tells what GET tells."""

    surface = "identity"
    noticed_by = ("authorization/bearer/head-is-as-get",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and request.method == "HEAD":
            answer.headers["Content-Type"] = "text/html"
        return answer
