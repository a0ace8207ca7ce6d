"""The registry, correct otherwise: as products that are in use, and what stands before them, answer."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

from starlette.datastructures import MutableHeaders

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Upload
from conformance.reference.variants.registry import LocationElsewhere
from conformance.reference.variants.registry_servers import PullsAloneLedElsewhere

WORKED_ON_S = 0.02
HOPS = 5
LISTED_AFTER_S = 1.5
LISTS = ("tags", "catalog", "referrers")
NO_ENDPOINT = (404, 400)


class PushesAtOnceConflict(Variant):
    """API Reference, Error Handling: 409 for a concurrent update, here of the tags of one repository."""

    surface = "registry"

    def __init__(self) -> None:
        self.under_way: set[str] = set()

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.name in self.under_way:
            raise Refusal("DENIED", {"name": asked.name}, status=409)
        self.under_way.add(asked.name)
        try:
            await asyncio.sleep(WORKED_ON_S)
            answer: Answer = await original(asked)
            return answer
        finally:
            self.under_way.discard(asked.name)


class TaggedImageKept(Variant):
    """API Reference, Error Handling: 409 for a conflict, such as to delete an image that tags name: they go first."""

    surface = "registry"

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        if registry_of(original).tags_naming(name, digest):
            raise Refusal("DENIED", {"digest": digest}, status=409)
        await original(name, digest)


class SessionsElsewhereAlone(LocationElsewhere):
    """distribution-spec 1.1: where uploads have Locations of their own, no other path is an endpoint of theirs.

    What a router knows nothing of it answers in words of its own.
    """

    def intercept(self, request: Request) -> Answer | None:
        if not re.fullmatch("/v2/.+/blobs/uploads/.+", request.path):
            return None
        return Answer(404, b"404 page not found\n", MutableHeaders({"Content-Type": "text/plain"}))


class LocationsRelativeToTheRequest(Variant):
    """RFC 9110 section 10.2.2: a relative Location is of the request's own address: of its folder, here."""

    surface = "registry"

    def upload_url(self, original: Any, request: Request, upload: Any) -> str:
        return f"./{upload.session}"

    def blob_url(self, original: Any, request: Request, name: str, digest: str) -> str:
        return f"../{digest}" if "/blobs/uploads/" in request.path else f"./{digest}"

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        answer.headers["Location"] = f"./{manifest.digest}"
        return answer


class BlobsRedirectedAgain(Variant):
    """RFC 9110 section 15.4: what a pull is led to may lead on, by way of regions and of storages."""

    surface = "registry"

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        hop = int(asked.request.parameter("hop") or 0)
        registry = registry_of(original)
        registry.blob_of(asked.name, registry.check_digest(asked.reference))
        if hop == HOPS:
            found: Answer = await original(asked)
            return found
        answer = Answer(307)
        answer.headers["Location"] = f"{asked.request.raw_path}?hop={hop + 1}"
        return answer


class ListsRedirected(Variant):
    """RFC 9110 section 15.4.8: a registry in front of regions leads readers of lists to one of them before it looks."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        reads = request.method in ("GET", "HEAD") and kind_of(request) in LISTS
        if answer.status not in (200, 404) or not reads or request.parameter("at"):
            return answer
        query = f"{request.query_string}&at=1" if request.query_string else "at=1"
        led = Answer(307)
        led.headers["Location"] = f"{request.raw_path}?{query}"
        return led


class ReferrersToldMore(Variant):
    """distribution-spec 1.1, Listing Referrers: descriptors include a manifest's annotations, and may have others."""

    surface = "registry"

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        entry: dict[str, Any] = original(manifest)
        told = {"org.example.pushed-at": "2026-11-29T00:00:00Z"} | (entry.get("annotations") or {})
        return {"urls": [], **entry, "annotations": told}


class CatalogFollowsLater(Variant):
    """Docker Registry V2, Listing Repositories: "a missing entry does not mean that the registry does not have" it."""

    surface = "registry"

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.seen.setdefault(name, time.monotonic())
        await original(name, manifest)

    def may_see(self, original: Any, caller: Any, name: str) -> bool:
        begun = self.seen.setdefault(name, time.monotonic())
        return bool(original(caller, name)) and time.monotonic() - begun > LISTED_AFTER_S


class RegistryJsonWrittenOtherwise(Variant):
    """RFC 8259: white space, any character escaped, members in any order, and further members."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.body.startswith(b"{") and (answer.status >= 400 or kind_of(request) in LISTS):
            answer.body = _rewritten(answer.body)
        return answer


def _rewritten(body: bytes) -> bytes:
    document = dict(reversed(json.loads(body).items()))
    text = json.dumps({"$schema": None, **document}, indent="\t")
    escaped = re.sub(r'(?<=[A-Za-z0-9])[a-zA-Z](?=[A-Za-z0-9/:-]*")', lambda found: f"\\u{ord(found[0]):04X}", text)
    return f"\r\n {escaped}\n".replace("/", "\\/").encode()


class WarningsTold(Variant):
    """distribution-spec 1.1, Warnings: there may be some, and beside them what caches warn of (RFC 7234)."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request):
            answer.headers.append("Warning", '299 - "use of \\"latest\\" is discouraged, by your operator"')
            answer.headers.append("Warning", '299 - "this will be removed", 110 edge "Response is Stale"')
        return answer


class UploadsHaveAState(Variant):
    """API Reference, Error Handling: 400 for an invalid parameter, here the state that a Location has in its query.

    Without it a session cannot be looked up, whether it is there or not (ACR, and docker-registry by another status).
    """

    surface = "registry"

    def upload_url(self, original: Any, request: Request, upload: Upload) -> str:
        return f"{original(request, upload)}?_nouploadcache=false&_state={len(upload.content)}-{upload.session}"

    async def answer(self, original: Any, request: Request) -> Answer:
        session = request.path.rpartition("/")[2]
        if kind_of(request) == "upload" and not (request.parameter("_state") or "").endswith(f"-{session}"):
            raise Refusal("BLOB_UPLOAD_INVALID", {"state": request.parameter("_state")}, status=400)
        answer: Answer = await original(request)
        return answer


class UploadsEndByThemselves(Variant):
    """distribution-spec 1.1 knows no cancelling of uploads: who has no such endpoint says so as of any other.

    RFC 9110 section 15.5.5: by 404; or by 400, as of a deletion that is disabled: here in turn.
    """

    surface = "registry"
    misses = ("registry/upload/cancelling-is-answered-204",)

    def __init__(self) -> None:
        self.number = 0

    def intercept(self, request: Request) -> Answer | None:
        if kind_of(request) != "upload" or request.method != "DELETE":
            return None
        self.number += 1
        return Refusal("UNSUPPORTED", status=NO_ENDPOINT[self.number % len(NO_ENDPOINT)]).answer()


class HeadOfListsNotImplemented(Variant):
    """RFC 9110 section 15.6.2: a server of one purpose may not know HEAD of a list."""

    surface = "registry"

    def intercept(self, request: Request) -> Answer | None:
        lists = request.method == "HEAD" and kind_of(request) in LISTS
        return Answer(501) if lists else None


class StorageSpeaksJson(PullsAloneLedElsewhere):
    """distribution-spec 1.1, Pulling blobs: the storage that a pull is led to has errors of its own, here in JSON."""

    def _error(self, status: int, code: bytes, message: bytes) -> Answer:
        return Answer.json(status, {"error": {"code": status, "message": message.decode()}})


class RegistryBehindAContentNetwork(Variant):
    """RFC 9110 and RFC 9111: fields that caches add, and the version told by the registry and by what is before it."""

    surface = "registry"

    def __init__(self) -> None:
        self.number = 0

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        self.number += 1
        answer.headers["Via"] = "1.1 edge (by 2), 2 origin"
        answer.headers["Age"] = str(self.number % 7)
        answer.headers["X-Cache"] = "MISS, HIT" if self.number % 2 else "MISS"
        answer.headers["Alt-Svc"] = 'h3=":443"; ma=86400'
        answer.headers["X-Empty"] = ""
        answer.headers["Vary"] = "accept, ACCEPT-ENCODING"
        answer.headers["Expires"] = "0"
        answer.headers.append("Docker-Distribution-Api-Version", "registry/2.0")
        return answer


class RegistryUnavailableForAMoment(Variant):
    """RFC 9110 section 15.6.4: 503 with Retry-After, after which the same request is served."""

    surface = "registry"

    def __init__(self) -> None:
        self.number = 0

    def intercept(self, request: Request) -> Answer | None:
        self.number += 1
        if self.number % 53:
            return None
        return Answer.json(503, {"message": "starting"}, Retry_After="0")
