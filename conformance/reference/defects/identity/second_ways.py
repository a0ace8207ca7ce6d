"""Defects by which what is closed by one name, to one reader or by one method is open to the next or by another."""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Project
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import ORGANIZATION, Client

Api = Callable[[Request, Segments], Awaitable[Answer]]
KEPT_S = 0.5


def id_of(project: Project) -> int:
    """A number by which a project is known as well."""
    return zlib.crc32(project.slug.encode())


class ListKeptForTheNextReader(Defect):
    """The contract's table of errors: a list shows no hidden project; a cache knows it by its address alone."""

    surface = "identity"
    noticed_by = ("authorization/concealment/lists-do-not-show-hidden",)

    def __init__(self) -> None:
        self.kept: dict[str, tuple[float, Answer]] = {}

    async def get_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer, now = await original(call), time.monotonic()
        since, kept = self.kept.get(call.request.raw_path, (0.0, answer))
        if now - since < KEPT_S:
            return Answer(kept.status, kept.body, kept.headers)
        self.kept[call.request.raw_path] = now, Answer(answer.status, answer.body, answer.headers)
        return answer


class HeadKeptForAWhile(Defect):
    """RFC 9110 section 9.3.2: HEAD tells what GET would; here it tells for a while what it told before an update."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-is-what-is-unchanged",)

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[float, str]] = {}

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        key, now = (request.raw_path, request.headers.get("authorization", "")), time.monotonic()
        if request.method == "HEAD" and answer.status == 200 and "etag" in answer.headers:
            since, tag = self.kept.get(key, (0.0, ""))
            if now - since >= 2 * KEPT_S:
                self.kept[key] = since, tag = now, answer.headers["ETag"]
            answer.headers["ETag"] = tag
        return answer


class TableHasHidden(Defect):
    """Projects: a list has those that the caller has access to, as a table to be saved too."""

    surface = "identity"
    noticed_by = ("authorization/concealment/lists-do-not-show-hidden",)

    async def get_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        if "text/csv" not in call.request.headers.get("accept", ""):
            return await original(call)
        rows = "".join(f"{each.slug},{each.name}\r\n" for each in call.organization.projects.values())
        table = Answer(200, rows.encode())
        table.headers["Content-Type"] = "text/csv; charset=utf-8"
        return table


class HiddenProjectShownByItsId(Defect):
    """The contract's table of errors: a hidden project is not shown, by whatever name it is asked for."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hidden-is-not-shown",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        told = Answer.json(status, {"id": id_of(project), **project.document()})
        told.headers["ETag"] = answer.headers["ETag"]
        return told

    async def get_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        try:
            return await original(call)
        except Refused:
            for project in call.organization.projects.values():
                if call.slug == str(id_of(project)):
                    return surface_of(original).shown(project)
            raise


class CreationTakesTheIdSent(HiddenProjectShownByItsId):
    """OWASP API3: what the server sets is not the caller's to set: here a row of that id is written over."""

    noticed_by = ("authorization/isolation/creation-sets-nothing-else",)

    async def post_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        body = surface_of(original).body_object(call.request)
        named, projects = body.pop("id", None), call.organization.projects
        answer = await original(replace(call, request=replace(call.request, body=json.dumps(body).encode())))
        if answer.status == 201:
            for slug in [each.slug for each in projects.values() if id_of(each) == named]:
                del projects[slug]
        return answer


class FilesKeptForEverybody(Defect):
    """Error Handling: 401 for a missing token; what stands behind a path is passed over, and kept as a file is."""

    surface = "identity"
    noticed_by = ("authorization/isolation/path-tricks-open-nothing",)

    def __init__(self) -> None:
        self.kept: dict[str, Answer] = {}

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        path, is_file = request.raw_path, str(segments[-1]).endswith(".css")
        if path not in self.kept:
            answer = await original(request, segments[:-1] if is_file else segments)
            if not is_file or answer.status != 200:
                return answer
            self.kept[path] = answer
        kept = self.kept[path]
        return Answer(kept.status, kept.body, kept.headers)


class UnknownMethodsRead(Defect):
    """Error Handling: 401 for a missing token; a guard knows the methods that it guards, and all others read."""

    surface = "identity"
    noticed_by = ("authorization/matrix/another-method-is-no-way-in",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
        if ORGANIZATION in segments and request.method not in known:
            return Answer.json(200, {"slug": ORGANIZATION})
        return await original(request, segments)


class LimitCountsByPath(Defect):
    """The contract's table of errors: 429 above the limit, however the path is spelt that leads to the endpoint."""

    surface = "identity"
    noticed_by = ("errors/429/no-way-round-the-limit",)

    def __init__(self) -> None:
        self.path = ""

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        self.path = request.raw_path
        return original(request)

    def keep_to_limit(self, original: Callable[[Client], None], client: Client) -> None:
        if "%" not in self.path:
            original(client)


class LimitOfEachMethod(LimitCountsByPath):
    """The contract's table of errors: 429 above one limit; here a login by Basic has a counter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: dict[tuple[str, bool], deque[float]] = {}

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        self.path = "basic" if "authorization" in request.headers else ""
        return original(request)

    def window_of(self, original: Callable[[Client], deque[float]], client: Client) -> deque[float]:
        return self.windows.setdefault((client.client_id, bool(self.path)), deque())


class BasicClaimsEveryScope(Defect):
    """RFC 9068 section 2.2.3: the claim scope is what was granted; by Basic it is all that the credential may have."""

    surface = "identity"
    noticed_by = ("oauth/jwt/scope-claim-is-what-was-granted",)

    def __init__(self) -> None:
        self.basic = False

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        self.basic = "authorization" in request.headers
        return original(request)

    def access_token_claims(
        self, original: Callable[[Client, tuple[str, ...]], dict[str, Any]], client: Client, scopes: tuple[str, ...]
    ) -> dict[str, Any]:
        return original(client, tuple(client.scopes) if self.basic else scopes)


class UnsignedAssertionProves(Defect):
    """RFC 7523 section 3: an assertion is signed, or proves nothing; the algorithm "none" is taken for one."""

    surface = "identity"
    noticed_by = ("oauth/client/authentication-is-required",)

    def presented_credentials(
        self, original: Callable[..., tuple[str, str]], request: Request, form: dict[str, str]
    ) -> tuple[str, str]:
        head, claims = (_part(form.get("client_assertion", ""), number) for number in (0, 1))
        named = surface_of(original).clients.get(str(claims.get("sub")))
        return (named.client_id, named.secret) if named and head.get("alg") == "none" else original(request, form)


def _part(token: str, number: int) -> dict[str, Any]:
    """A part of a JWT; nothing where it is none."""
    try:
        part = json.loads(base64.urlsafe_b64decode(f"{token.split('.')[number]}==="))
    except (ValueError, IndexError):
        return {}
    return part if isinstance(part, dict) else {}
