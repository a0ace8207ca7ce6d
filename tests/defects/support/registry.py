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
    """Keeps what was deleted."""

    deleted: dict[tuple[str, str], bytes] = {}

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted[name, digest] = registry_of(original).stored(name).blobs[digest]
        await original(name, digest)


class EveryTwentieth:
    """Counts, and says yes once in twenty times."""

    count = 0

    def due(self) -> bool:
        self.count += 1
        return self.count % 20 == 0


class _InPlaceOfAMount(Defect):
    """What is wrong where a session is opened for what cannot be mounted."""

    surface = "registry"

    def session_opened(self, original: Any, call: Call) -> Answer:
        answer: Answer = original(call)
        if call.request.parameter("mount"):
            self._alter(answer)
        return answer

    def _alter(self, answer: Answer) -> None:
        raise NotImplementedError


class _RedirectedPulls(Defect):
    """Pulls are led to a storage that all repositories have, with a signature in the address."""

    def __init__(self) -> None:
        self.registry: Registry | None = None
        self.salt = secrets.token_hex(8)

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


class _DoneBeforeTheRights(Defect):
    """Does what it refuses for want of a login or of rights; ``done`` is which kind of endpoint, by which method."""

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
        """What was refused, as far as it can be done."""
        raise NotImplementedError


class _ClosedAllTheSame(Defect):
    """Stores the bytes of a closing request under their own digest, though it refuses it by one of these codes."""

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
    """Answers requests to a kind of endpoint by a method with another status, where the right one is as told."""

    status_change: ClassVar[tuple[str, str, int, int]] = ("", "", 0, 0)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        kind, method, right, wrong = self.status_change
        if (kind_of(request), request.method, answer.status) == (kind, method, right) and self._meant(request):
            answer.status = wrong
        return answer

    def _meant(self, request: Request) -> bool:
        """Whether it is a request of those that are told otherwise."""
        return True


class _RefusalAsText(Defect):
    """Tells a refusal of one code in text, or by another code."""

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
    """What a registry answers that has failed over a request."""
    return Refusal("UNSUPPORTED", status=500)


def everything_for(subject: str, wanted: list[Access]) -> Caller:
    """Somebody who may do what is wanted."""
    return Caller(subject, frozenset((each.kind, each.name, "*") for each in wanted))


async def answered(registry: Any, request: Request, path: str) -> Answer:
    """What a GET of the path gives, nobody asked who it is."""
    route, name, reference = registry.route_of(path)
    return await getattr(registry, route.handlers["GET"])(Call(request, name, reference, ANYBODY))


def other_host(request: Request) -> str:
    """The same server under another name, as if it were another."""
    return re.sub("//127[.]0[.]0[.]1(?=:)", "//localhost", request.base_url)


def with_digest_of_other(request: Request, answer: Answer, kind: str) -> Answer:
    """The answer to a PUT of this kind that created something, with the digest of other bytes."""
    if request.method == "PUT" and kind_of(request) == kind and answer.status == 201:
        answer.headers["Docker-Content-Digest"] = grammar.digest_of(request.body + b"\n")
    return answer
