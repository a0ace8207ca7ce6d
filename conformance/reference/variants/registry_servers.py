"""The registry, correct otherwise: as registries in use answer, where the specifications leave it to them."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.common import registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Access
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Upload

S3_ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>'
LEAST_CHUNK = 128


def elsewhere(request: Request) -> str:
    """The same server under another name, as if it were another."""
    return re.sub("//127[.]0[.]0[.]1(?=:)", "//localhost", request.base_url)


class StorageAnswersItself(Variant):
    """distribution-spec 1.1, Pulling blobs: GET and HEAD may lead to a storage that knows nothing of registries.

    It is on another host, takes signed URLs, has entity tags and errors of its own, and tells no digest. What it sends
    is for any cache: only who has the URL asks for it.
    """

    surface = "registry"
    misses: ClassVar[tuple[str, ...]] = (
        "registry/pull/entity-tag-saves-a-pull",
        "registry/pull/digest-is-told",
        "registry/errors/body-is-json",
    )

    def __init__(self) -> None:
        self.salt = secrets.token_hex(8)
        self.offered: dict[str, tuple[Any, str, str]] = {}

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        digest = registry.check_digest(asked.reference)
        registry.blob_of(asked.name, digest)
        ticket = hashlib.sha256(f"{self.salt} {asked.name} {digest}".encode()).hexdigest()
        self.offered[ticket] = registry, asked.name, digest
        answer = Answer(302)
        answer.headers["Location"] = f"{elsewhere(asked.request)}/bucket/{ticket}?X-Signature={self.salt}"
        return answer

    async def head_blob(self, original: Any, asked: Asked) -> Answer:
        return await self.get_blob(original, asked)

    def intercept(self, request: Request) -> Answer | None:
        found = self.offered.get(request.raw_path.rpartition("/")[2])
        if found is None or request.method not in ("GET", "HEAD"):
            return None
        if "authorization" in request.headers:
            return self._error(400, b"InvalidArgument", b"Only one auth mechanism allowed")
        registry, name, digest = found
        content = registry.stored(name).blobs.get(digest)
        if content is None:
            return self._error(404, b"NoSuchKey", b"The specified key does not exist.")
        return self._given(request, content)

    def _given(self, request: Request, content: bytes) -> Answer:
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        try:
            part = grammar.byte_range(self._wanted(request, etag), len(content))
        except grammar.UnsatisfiableRange:
            answer = self._error(416, b"InvalidRange", b"The requested range is not satisfiable")
            answer.headers["Content-Range"] = f"bytes */{len(content)}"
            return answer
        first, end = part or (0, len(content))
        answer = Answer(206 if part else 200, content[first:end])
        answer.headers["Content-Type"] = "binary/octet-stream"
        answer.headers["Cache-Control"] = "public, max-age=31536000"
        answer.headers["ETag"] = etag
        if part:
            answer.headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        return answer

    def _wanted(self, request: Request, etag: str) -> str:
        return request.headers.get("range", "") if request.headers.get("if-range", etag) == etag else ""

    def _error(self, status: int, code: bytes, message: bytes) -> Answer:
        answer = Answer(status, S3_ERROR % (code, message))
        answer.headers["Content-Type"] = "application/xml"
        return answer


class StorageKnowsNoIfRange(StorageAnswersItself):
    """S3 API, GetObject: no parameter is an If-Range; what a registry leads to there is the same content for ever."""

    def _wanted(self, request: Request, etag: str) -> str:
        return request.headers.get("range", "")


class PullsAloneLedElsewhere(StorageAnswersItself):
    """distribution-spec 1.1, Pulling blobs: GET may lead to a storage, where HEAD is answered by the registry itself.

    The answer that leads there tells the digest, of which the storage knows nothing.
    """

    misses = ("registry/pull/entity-tag-saves-a-pull", "registry/errors/body-is-json")

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        answer = await super().get_blob(original, asked)
        answer.headers["Docker-Content-Digest"] = asked.reference
        return answer

    async def head_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        return answer


class ManifestsRedirected(Variant):
    """RFC 9110 section 15.4: a registry in front of others may lead to where the manifest is."""

    surface = "registry"

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("here"):
            found: Answer = await original(asked)
            return found
        registry_of(original).manifest_of(asked)
        answer = Answer(307)
        answer.headers["Location"] = f"{asked.request.raw_path}?here=1"
        return answer


class LinkWithAToken(Variant):
    """RFC 8288: where a Link leads is the server's affair; its relation may stand without quotes, and not alone."""

    surface = "registry"

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        query = urlencode({"next_page": last.encode().hex(), "n": size})
        return str(registry_of(original).listing_url(request, query))

    def page_answer(
        self, original: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
    ) -> Answer:
        if token := request.parameter("next_page"):
            names = registry_of(original).names_after(names, bytes.fromhex(token).decode())
        answer: Answer = original(request, document, member, names)
        if link := answer.headers.get("link"):
            told = link.replace('rel="next"', 'title="more, and more"; rel=next')
            answer.headers["Link"] = f'<{request.raw_path}>; rel="self first"; title="not; rel=next", {told}'
        return answer


class RegistryChallengesInOneField(Variant):
    """RFC 9110 section 11.6.1: several challenges may stand in one field, a comma between them."""

    surface = "registry"
    # podman, skopeo, buildah, oras and cosign read the first of them alone.
    misses = (
        "interoperability/registry/login",
        "interoperability/registry/pull",
        "interoperability/registry/pull-by-digest",
        "interoperability/registry/pull-for-a-platform",
        "interoperability/registry/push",
        "interoperability/registry/push-of-an-index",
        "interoperability/registry/signature-is-kept",
        "interoperability/registry/what-one-pushed-others-pull",
    )

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        return [", ".join(['Basic realm="registry, by name"', *original(wanted, error)])]


class MoreToldInTheChallenge(Variant):
    """RFC 6750 section 3: a challenge may have further parameters; some tell an error of a token that was not sent."""

    surface = "registry"

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = original(wanted, error or "invalid_token")
        return [*told, ("error_description", "no, or no good, token=x, scope=y"), ("charset", "UTF-8")]


class ActionsInAnotherOrder(Variant):
    """Docker token scopes: actions are a list, whose order says nothing."""

    surface = "registry"

    def actions_wanted(self, original: Any, method: str) -> tuple[str, ...]:
        return tuple(reversed(original(method)))


class RealmWithQuery(Variant):
    """Docker token flow: the realm is a URL, which may have a query already."""

    surface = "registry"

    def realm(self, original: Any) -> str:
        return f"{original()}?tenant=acme"


class OpenedWithoutRange(Variant):
    """distribution-spec 1.1, POST then PUT: the answer that opens a session need have a Location alone."""

    surface = "registry"

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        return without(original(asked), "Range")


class ChunkMinimumKept(Variant):
    """distribution-spec 1.1, Pushing a blob in chunks: chunks but the last are as long as OCI-Chunk-Min-Length says."""

    surface = "registry"

    def __init__(self) -> None:
        self.at_their_last: set[str] = set()

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = original(asked)
        answer.headers["OCI-Chunk-Min-Length"] = str(LEAST_CHUNK)
        return answer

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if upload.session in self.at_their_last:
            raise Refusal("SIZE_INVALID", {"least": LEAST_CHUNK}, status=400)
        await original(request, upload)
        if len(request.body) < LEAST_CHUNK:
            self.at_their_last.add(upload.session)


class DigestToldWhereItIsReadAlone(Variant):
    """distribution-spec 1.1, Pushing: Docker-Content-Digest need not be in the answer to a push."""

    surface = "registry"

    def blob_created(self, original: Any, asked: Asked, digest: str) -> Answer:
        return without(original(asked, digest), "Docker-Content-Digest")

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        return without(original(asked, manifest), "Docker-Content-Digest")


class ManifestLocatedByItsTag(Variant):
    """distribution-spec 1.1, Pushing Manifests: Location is a pullable manifest, by tag as well as by digest."""

    surface = "registry"

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        answer.headers["Location"] = asked.request.raw_path
        return answer


class EntityTagsWeak(Variant):
    """RFC 9110 section 8.8.1: entity tags may be weak, as a proxy makes them that may compress."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = f"W/{answer.headers['etag']}"
        return answer


class NoTagsNoRepository(Variant):
    """distribution-spec 1.1, Listing Tags: whether a repository without tags is found is left to the registry."""

    surface = "registry"

    def tags_of(self, original: Any, name: str) -> list[str]:
        tags: list[str] = original(name)
        if not tags:
            raise Refusal("NAME_UNKNOWN", {"name": name})
        return tags


class LengthNotKnownBefore(Variant):
    """RFC 9112 section 7.1: content may come in chunks, its length told by none of the fields."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "HEAD" and answer.body:
            answer = without(answer, "Content-Length")
            answer.headers["Transfer-Encoding"] = "chunked"
        return answer


class ConnectionsClosed(Variant):
    """RFC 9112 section 9.6: a server may close the connection after each answer, and says so."""

    surface = "registry"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Connection"] = "close"
        return answer


class RequestsAreCounted(Variant):
    """RFC 9110 section 16.3.2.2: further fields, of a rate limit and of a balancer, say nothing of the registry."""

    surface = "registry"

    def __init__(self) -> None:
        self.left = 1_000_000

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        self.left -= 1
        answer.headers["RateLimit-Limit"] = "1000000;w=21600"
        answer.headers["RateLimit-Remaining"] = f"{self.left};w=21600"
        answer.headers["Docker-RateLimit-Source"] = "127.0.0.1"
        answer.headers["Set-Cookie"] = f"balancer={secrets.token_hex(8)}; Path=/; HttpOnly"
        answer.headers["Strict-Transport-Security"] = "max-age=63072000"
        answer.headers["Vary"] = "Accept-Encoding, Cookie"
        return answer


class UploadsOnAnotherHost(Variant):
    """distribution-spec 1.1, POST then PUT: a Location may be absolute, on a host that needs its signature alone."""

    surface = "registry"

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(16)
        self.opened: dict[str, Any] = {}

    def upload_url(self, original: Any, request: Request, upload: Upload) -> str:
        path = urlsplit(str(original(request, upload))).path
        return f"{elsewhere(request)}{path}?signature={self._signature(upload.session)}"

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Any:
        session, signed = request.path.rpartition("/")[2], request.parameter("signature") or ""
        if kind == "upload" and session in self.opened and hmac.compare_digest(signed, self._signature(session)):
            return self.opened[session]
        return original(kind, name, request)

    def blob_url(self, original: Any, request: Request, name: str, digest: str) -> str:
        return str(original(request, name, digest)).replace("//localhost:", "//127.0.0.1:")

    def session_opened(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = original(asked)
        self.opened[list(registry_of(original).uploads)[-1]] = asked.caller
        return answer

    def _signature(self, session: str) -> str:
        return hmac.new(self.secret, session.encode(), "sha256").hexdigest()


class ListsTellMore(Variant):
    """RFC 8259 section 4: a list may have further members, of what else is known of its images."""

    surface = "registry"

    def page_answer(
        self, original: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
    ) -> Answer:
        further: dict[str, Any] = {
            "child": [],
            "manifest": {"sha256:": {"tag": ["none"], "imageSizeBytes": "0"}},
            "next_page": None,
        }
        answer: Answer = original(request, {**further, **document}, member, names)
        return answer


class TagsCannotMove(Variant):
    """distribution-spec 1.1, Pushing Manifests: no sentence promises that a tag which is there may be pushed again.

    Registries in use let their operators forbid it: whoever would move a tag is told so, and it names what it did. To
    push what it names already changes nothing, and is taken.
    """

    surface = "registry"

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        named = registry_of(original).stored(asked.name).tags.get(asked.reference)
        if named not in (None, grammar.digest_of(asked.request.body)):
            raise Refusal("DENIED", {"tag": asked.reference}, status=409)
        answer: Answer = await original(asked)
        return answer


class TagsStay(TagsCannotMove):
    """distribution-spec 1.1, Pushing Manifests: nor is it promised that a tag may be pushed again as it is."""

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.reference in registry_of(original).stored(asked.name).tags:
            raise Refusal("UNSUPPORTED", {"tag": asked.reference}, status=412)
        answer: Answer = await original(asked)
        return answer
