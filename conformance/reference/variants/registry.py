"""Variants of the registry."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import SERVICE, Access, Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import ROUTES, Call, Route
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import registry_of, without, without_delete

OWN_PAGE = 3


class RelativeLocation(Variant):
    """RFC 9110 section 10.2.2: Location may be relative."""

    surface = "registry"

    def url(self, original: Any, request: Request, path: str) -> str:
        return path


class LocationElsewhere(Variant):
    """distribution-spec 1.1: an upload's Location may be outside /v2/ and carry a state that must be kept."""

    surface = "registry"
    # An engine with a graph driver sends its credentials below /v2/ only.
    misses = ("interoperability/registry/push", "interoperability/registry/images-of-other-programs-are-pulled")

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(16)

    def upload_url(self, original: Any, request: Request, upload: Upload) -> str:
        path = f"/upload-service/{upload.repository}/-/{upload.session}?_state={self._state(upload.session)}"
        return registry_of(original).url(request, path)

    def route_of(self, original: Any, path: str) -> tuple[Route, str, str]:
        match = re.fullmatch("/upload-service/(.+)/-/([^/]+)", path)
        if match is None:
            found: tuple[Route, str, str] = original(path)
            return found
        return next(route for route in ROUTES if route.kind == "upload"), match[1], match[2]

    def find_upload(self, original: Any, call: Call) -> Upload:
        if not call.request.raw_path.startswith("/upload-service/"):
            raise Refusal("UNSUPPORTED", status=404)
        if call.request.parameter("_state") != self._state(call.reference):
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": call.reference})
        upload: Upload = original(call)
        return upload

    def _state(self, session: str) -> str:
        return hmac.new(self.secret, session.encode(), "sha256").hexdigest()


class BlobsRedirected(Variant):
    """distribution-spec 1.1, Pulling blobs: GET may answer with a redirect to a place that needs no login."""

    surface = "registry"
    misses = ("registry/pull/if-none-match-returns-304",)

    def __init__(self) -> None:
        self.salt = secrets.token_hex(8)
        self.offered: dict[str, tuple[Any, Call]] = {}

    async def get_blob(self, original: Any, call: Call) -> Answer:
        registry = registry_of(original)
        registry.blob_of(call.name, registry.check_digest(call.reference))
        ticket = hashlib.sha256(f"{self.salt} {call.name} {call.reference}".encode()).hexdigest()
        self.offered[ticket] = registry, call
        answer = Answer(307)
        answer.headers["Location"] = registry.url(call.request, f"/storage/{ticket}")
        return answer

    def intercept(self, request: Request) -> Answer | None:
        if request.raw_path.rpartition("/")[2] not in self.offered or request.method not in ("GET", "HEAD"):
            return None
        registry, call = self.offered[request.raw_path.rpartition("/")[2]]
        digest = call.reference
        try:
            content = registry.blob_of(call.name, digest)
            part = registry.part_wanted(request, digest, len(content))
        except Refusal as refusal:
            return refusal.answer()
        whole: Answer = registry.blob_answer(200, digest, content)
        return registry.part_answer(digest, content, *part) if part else whole


class OwnPageSize(Variant):
    """distribution-spec 1.1, Listing Tags: a registry may list fewer than requested, with a Link to the rest."""

    surface = "registry"

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        return OWN_PAGE if size is None else min(size, OWN_PAGE)


class ReferrersInPages(Variant):
    """distribution-spec 1.1, Listing Referrers: a long list may come in pages, with a Link to the next."""

    surface = "registry"

    async def list_referrers(self, original: Any, call: Call) -> Answer:
        registry = registry_of(original)
        artifact_type = call.request.parameter("artifactType")
        found = [
            each
            for each in registry.referrers_of(call.name, registry.check_digest(call.reference))
            if not artifact_type or registry.filter_passes(each, artifact_type)
        ]
        start = int(re.sub(r"\D", "", call.request.parameter("from") or "")[:9] or 0)
        answer = registry.referrers_answer(found[start : start + 2])
        if artifact_type:
            answer.headers["OCI-Filters-Applied"] = "artifactType"
        if start + 2 < len(found):
            query = re.sub("&?from=[^&]*", "", call.request.query_string).lstrip("&")
            link = f"{call.request.raw_path}?{query}{'&' if query else ''}from={start + 2}"
            answer.headers["Link"] = f'<{link}>; rel="next"'
        return answer


class DeleteUnsupported(Variant):
    """distribution-spec 1.1, Content Management: a registry may refuse deletions, with 405 for every caller."""

    surface = "registry"
    without = ("registry.delete", "registry.delete-tag")

    def check_method(self, original: Any, route: Route, method: str) -> None:
        original(without_delete(route) if route.kind in ("manifest", "blob") else route, method)


class NoSha512(Variant):
    """image-spec 1.1, Digests: sha512 is optional."""

    surface = "registry"

    def is_digest(self, original: Any, text: str) -> bool:
        return text.startswith("sha256:") and bool(original(text))


class NoRangeRequests(Variant):
    """RFC 9110 section 14.2: a server may ignore Range, and then says so."""

    surface = "registry"
    misses = ("registry/pull/range-is-served",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        return None

    def blob_answer(self, original: Any, status: int, digest: str, content: bytes) -> Answer:
        return without(original(status, digest, content), "Accept-Ranges")


class BasicLogin(Variant):
    """Basic instead of the token flow (RFC 7617): username and password with every request."""

    surface = "registry"

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            username, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = registry_of(original).account(username)
        if (
            account is None
            or not account.in_force
            or not hmac.compare_digest(account.password.encode(), password.encode())
        ):
            return None
        return Caller(username)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        account = registry_of(original).account(caller.subject)
        if account is None or access.kind == "registry":
            return account is not None
        return set(access.actions) <= account.rights.get(organization_of(access.name), frozenset())

    def insufficient(self, original: Any, wanted: list[Access]) -> Refusal:
        return Refusal("DENIED", [str(each) for each in wanted])

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        return [f'Basic realm="{SERVICE}"']


class BlobDeletionUnsupported(Variant):
    """distribution-spec 1.1, Deleting Blobs: a registry may delete only manifests; for blobs every caller gets 405."""

    surface = "registry"

    def check_method(self, original: Any, route: Route, method: str) -> None:
        original(without_delete(route) if route.kind == "blob" else route, method)
