"""Defects that show for one login, one type or one order of scopes alone."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.defects.registry.other_repositories import blob_anywhere
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import DOCKER_MANIFEST, Upload


class BlobOfAnyRepositoryForPullers(Defect):
    """Docker Registry V2, Pulling a Layer: who may only pull, too, sees a blob in its repository alone."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-stays-in-its-repository",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        content = blob_anywhere(registry, asked.reference)
        if content is not None and not any(action == "push" for _, _, action in asked.caller.grants):
            return registry.blob_answer(200, asked.reference, content)
        answer: Answer = await original(asked)
        return answer


class DockerImagesForEveryLogin(Defect):
    """API Reference, Error Handling: an image of Docker's type is for who may pull from its repository, as any is."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-pull",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            caller: Caller = original(kind, name, request)
        except Refusal:
            registry = registry_of(original)
            somebody: Caller | None = registry.authenticate(request, [])
            found = registry.resolve(name, registry.route_of(request.path)[2]) if kind == "manifest" else None
            if request.method == "GET" and somebody and found and found.media_type == DOCKER_MANIFEST:
                return somebody
            raise
        return caller


class _FirstScopeOnly(Defect):
    """Of a token for several repositories the first counts alone, for one method."""

    surface = "registry"
    noticed_by = ("registry/token/several-scopes",)
    method = ""

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        caller: Caller = original(kind, name, request)
        if request.method == self.method:
            registry = registry_of(original)
            access = registry.claims_of(registry.bearer_token(request) or "").get("access") or [{}]
            if access[0].get("name") != name:
                raise registry.insufficient(registry.accesses_wanted(kind, name, request))
        return caller


class DeletionByTheFirstScope(_FirstScopeOnly):
    """Docker token authentication: a token for several repositories deletes in each that it may."""

    method = "DELETE"


class UploadByTheFirstScope(_FirstScopeOnly):
    """Docker token authentication: a token for several repositories pushes to each that it may."""

    method = "POST"


class TwoSessionsOfOneName(Defect):
    """Docker Registry V2, Starting An Upload: Docker-Upload-UUID names one session."""

    surface = "registry"
    noticed_by = ("registry/at-once/identical-blobs",)

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        here: list[Upload] = [each for each in registry_of(original).uploads.values() if each.repository == asked.name]
        answer: Answer = original(asked)
        if len(here) == 1:
            answer.headers["Docker-Upload-UUID"] = here[0].session
        return answer


class SeveralTypesGetTheWhole(Defect):
    """RFC 9110 section 15.3.7: 206 is of the part asked for, whatever types the client takes."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if answer.status == 206 and "," in asked.request.headers.get("accept", ""):
            content = registry_of(original).blob_of(asked.name, asked.reference)
            answer.body, answer.headers["Content-Length"] = content, str(len(content))
        return answer
