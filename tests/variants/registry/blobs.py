"""Variants of blobs."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.support.registry import registry_of, without
from tests.defects.support.registry import other_host

HOPS = 5
S3_ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>'


class NoConditionalRequests(Variant):
    """RFC 9110 section 8.8.3: a server may have no entity tags."""

    misses = ("registry/pull/if-none-match-returns-304",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "ETag")

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return False


@variant()
def sha512_reported_as_sha256(blob_answer: Any, status: int, digest: str, content: bytes) -> Answer:
    """Docker Registry V2, Digest Header: the reported digest may use another algorithm than the requested one."""
    answer: Answer = blob_answer(status, digest, content)
    if status == 200:
        answer.headers["Docker-Content-Digest"] = grammar.digest_of(content)
    return answer


@variant()
async def blob_in_use_is_not_deleted(remove_blob: Any, name: str, digest: str) -> None:
    """distribution-spec 1.1, Deleting Blobs: a registry may keep a blob that a manifest of the repository names."""
    manifests = registry_of(remove_blob).stored(name).manifests.values()
    if any(digest.encode() in each.content for each in manifests):
        raise Refusal("DENIED", {"digest": digest})
    await remove_blob(name, digest)


@variant()
async def blobs_redirected_again(get_blob: Any, call: Call) -> Answer:
    """RFC 9110 section 15.4: a redirected pull may be redirected again."""
    hop = int(call.request.parameter("hop") or 0)
    registry = registry_of(get_blob)
    registry.blob_of(call.name, registry.check_digest(call.reference))
    if hop == HOPS:
        return await get_blob(call)
    answer = Answer(307)
    answer.headers["Location"] = f"{call.request.raw_path}?hop={hop + 1}"
    return answer


class StorageAnswersItself(Variant):
    """distribution-spec 1.1, Pulling blobs: GET and HEAD may redirect to a storage that is no registry.

    It is on another host, accepts signed URLs, has its own entity tags and errors, and returns no digest. Any cache may
    store its responses, because only the holder of the URL can request them.
    """

    misses: ClassVar[tuple[str, ...]] = (
        "registry/pull/if-none-match-returns-304",
        "registry/pull/digest-header-is-present",
        "registry/errors/body-is-json",
    )

    def __init__(self) -> None:
        self.salt = secrets.token_hex(8)
        self.offered: dict[str, tuple[Any, str, str]] = {}

    async def get_blob(self, original: Any, call: Call) -> Answer:
        registry = registry_of(original)
        digest = registry.check_digest(call.reference)
        registry.blob_of(call.name, digest)
        ticket = hashlib.sha256(f"{self.salt} {call.name} {digest}".encode()).hexdigest()
        self.offered[ticket] = registry, call.name, digest
        answer = Answer(302)
        answer.headers["Location"] = f"{other_host(call.request)}/bucket/{ticket}?X-Signature={self.salt}"
        return answer

    async def head_blob(self, original: Any, call: Call) -> Answer:
        return await self.get_blob(original, call)

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


class PullsOnlyRedirected(StorageAnswersItself):
    """distribution-spec 1.1, Pulling blobs: GET may redirect to a storage, while the registry answers HEAD itself.

    The redirect contains the digest, which the storage does not know.
    """

    misses = ("registry/pull/if-none-match-returns-304", "registry/errors/body-is-json")

    async def get_blob(self, original: Any, call: Call) -> Answer:
        answer = await super().get_blob(original, call)
        answer.headers["Docker-Content-Digest"] = call.reference
        return answer

    async def head_blob(self, original: Any, call: Call) -> Answer:
        return await original(call)


class StorageSpeaksJson(PullsOnlyRedirected):
    """distribution-spec 1.1, Pulling blobs: the storage that a pull is redirected to has JSON errors."""

    def _error(self, status: int, code: bytes, message: bytes) -> Answer:
        return Answer.json(status, {"error": {"code": status, "message": message.decode()}})


class StorageKnowsNoIfRange(StorageAnswersItself):
    """S3 API, GetObject: the storage that a pull is redirected to ignores If-Range; its content never changes."""

    def _wanted(self, request: Request, etag: str) -> str:
        return request.headers.get("range", "")
