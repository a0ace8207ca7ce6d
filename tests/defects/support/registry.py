"""Helpers that defects and variants of the registry surface share."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call, find_route
from conformance.reference.support.registry import kind_of, registry_of

ANYBODY = Caller("")


class _DeletedBlobs(Defect):
    """Keeps deleted blobs."""

    deleted: dict[tuple[str, str], bytes] = {}

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted[name, digest] = registry_of(original).stored(name).blobs[digest]
        await original(name, digest)


class EveryTwentieth:
    """Counts, and is due once in twenty times."""

    count = 0

    def due(self) -> bool:
        self.count += 1
        return self.count % 20 == 0


class _RedirectedPulls(Defect):
    """Redirects pulls to a storage that all repositories share, with a signature in the URL."""

    registry: Registry | None = None
    salt = secrets.token_hex(8)

    def _signature(self, name: str, digest: str) -> str:
        return hashlib.sha256(f"{self.salt} {name} {digest}".encode()).hexdigest()

    async def get_blob(self, original: Any, call: Call) -> Answer:
        self.registry = registry_of(original)
        self.registry.blob_of(call.name, self.registry.check_digest(call.reference))
        answer = Answer(307)
        path = f"/signed/{call.name}/-/{call.reference}?signature={self._signature(call.name, call.reference)}"
        answer.headers["Location"] = self.registry.url(call.request, path)
        return answer

    def intercept(self, request: Request) -> Answer | None:
        name, _, digest = request.path.removeprefix("/signed/").partition("/-/")
        if self.registry is None or not request.path.startswith("/signed/"):
            return None
        kept = {key: content for each in self.registry.repositories.values() for key, content in each.blobs.items()}
        if request.parameter("signature") != self._signature(name, digest) or digest not in kept:
            return Answer(403)
        return self.registry.blob_answer(200, digest, kept[digest])


class _DoneBeforeAuthorization(Defect):
    """Does what it answers 401; ``done`` is the kind of endpoint and the method."""

    done: ClassVar[tuple[str, str]] = ("", "")

    async def answer(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Refusal as refusal:
            found = find_route(request.path)
            if refusal.status == 401 and found and (found[0].kind, request.method) == self.done:
                await self._do(registry_of(original), Call(request, *found[1:], Caller("", frozenset())))
            raise
        return answer

    async def _do(self, registry: Registry, call: Call) -> None:
        """Do the refused operation as far as possible."""
        raise NotImplementedError


class _RefusedButStored(Defect):
    """Stores the bytes of a closing request under their own digest, although it refuses it by one of these codes."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def put_upload(self, original: Any, call: Call) -> Answer:
        registry, upload = registry_of(original), registry_of(original).uploads.get(call.reference)
        try:
            answer: Answer = await original(call)
        except Refusal as refusal:
            if refusal.code in self.codes:
                content = bytes(upload.content if upload else b"") + call.request.body
                await registry.store_blob(call.name, grammar.digest_of(content), content)
            raise
        return answer


class _AnotherStatus(Defect):
    """Replaces a status: ``status_change`` is the kind of endpoint, the method, the right and the wrong status."""

    status_change: ClassVar[tuple[str, str, int, int]] = ("", "", 0, 0)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        kind, method, right, wrong = self.status_change
        if (kind_of(request), request.method, answer.status) == (kind, method, right) and self._meant(request):
            answer.status = wrong
        return answer

    def _meant(self, request: Request) -> bool:
        """Return whether the status of this request is replaced."""
        return True


class _RefusalAsText(Defect):
    """Reports a refusal of one code in plain text, or by another code."""

    code: ClassVar[str] = ""
    instead: ClassVar[str] = ""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if f'"{self.code}"'.encode() not in answer.body or answer.status < 400:
            return answer
        if self.instead:
            answer.body = answer.body.replace(self.code.encode(), self.instead.encode())
        else:
            answer.body = b"refused\n"
            answer.headers["Content-Type"] = "text/plain"
        answer.headers["Content-Length"] = str(len(answer.body))
        return answer


def unsupported_error() -> Refusal:
    """Return the refusal of a registry that failed."""
    return Refusal("UNSUPPORTED", status=500)


def everything_for(subject: str, wanted: list[Access]) -> Caller:
    """Return a caller that may do everything wanted."""
    return Caller(subject, frozenset((each.kind, each.name, "*") for each in wanted))


async def answered(registry: Any, request: Request, path: str) -> Answer:
    """Return the response to a GET of the path without a login."""
    route, name, reference = registry.route_of(path)
    return await getattr(registry, route.handlers["GET"])(Call(request, name, reference, ANYBODY))


def other_host(request: Request) -> str:
    """Return the URL of the same server under another host name."""
    return re.sub("//127[.]0[.]0[.]1(?=:)", "//localhost", request.base_url)


def with_digest_of_other(request: Request, answer: Answer, kind: str) -> Answer:
    """Give the 201 to a PUT of this kind the digest of other bytes, and return it."""
    if request.method == "PUT" and kind_of(request) == kind and answer.status == 201:
        answer.headers["Docker-Content-Digest"] = grammar.digest_of(request.body + b"\n")
    return answer
