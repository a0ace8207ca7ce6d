"""Defects by which what is closed by one name, to one reader or by one method is open to the next or by another."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

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


class HiddenProjectShownByItsId(Defect):
    """The contract's table of errors: a hidden project is not shown, by whatever name it is asked for."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hidden-is-not-shown#by-its-id",)

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

    noticed_by = ("authorization/isolation/creation-sets-nothing-else#id-of-another",)

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
    noticed_by = (
        "authorization/isolation/path-tricks-open-nothing#file-behind",
        "authorization/isolation/path-tricks-open-nothing#file-behind-a-parameter",
    )

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
    noticed_by = ("authorization/matrix/another-method-is-no-way-in#propfind",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
        if ORGANIZATION in segments and request.method not in known:
            return Answer.json(200, {"slug": ORGANIZATION})
        return await original(request, segments)


class LimitCountsByPath(Defect):
    """The contract's table of errors: 429 above the limit, however the path is spelt that leads to the endpoint."""

    surface = "identity"
    noticed_by = ("errors/429/no-way-round-the-limit#spelling",)

    def __init__(self) -> None:
        self.path = ""

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        self.path = request.raw_path
        return original(request)

    def keep_to_limit(self, original: Callable[[Client], None], client: Client) -> None:
        if "%" not in self.path:
            original(client)
