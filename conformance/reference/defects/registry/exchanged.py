"""Defects that come with a part that was exchanged: a firewall, a database, a library, a release half rolled out."""

from __future__ import annotations

import gzip
import json
import re
import time
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import Upload

LONGEST_ADDRESS = 320
AN_HOUR = 3600
COUNTED = re.compile(r"\+(\d+)")


class LongAddressRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a name and a tag may be long, both of them in one address."""

    surface = "registry"
    noticed_by = ("registry/name/each-name-is-its-own#longest",)

    def intercept(self, request: Request) -> Answer | None:
        if len(request.path) <= LONGEST_ADDRESS or "/manifests/" not in request.path:
            return None
        return Answer.json(414, {"message": "URI too long"})


class DateOfAnotherZone(Defect):
    """RFC 9110 section 6.6.1: Date is when the answer was made, in GMT."""

    surface = "registry"
    noticed_by = ("registry/pull/dates-are-dates",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Date"] = formatdate(time.time() + AN_HOUR, usegmt=True)
        return answer


class TagRepeatedUnescaped(Defect):
    """Docker Registry V2, Errors: a refusal is JSON, whatever stands in the tag that it repeats."""

    surface = "registry"
    noticed_by = ("registry/errors/json-has-the-form#of-the-whole-run",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 400 and "/manifests/" in request.path:
            tag = request.path.rpartition("/")[2]
            answer.body = f'{{"errors": [{{"code": "TAG_INVALID", "message": "no tag: {tag}"}}]}}'.encode()
            return without(answer, "Content-Length")
        return answer


class _OneOfTwo:
    """Every other challenge is another instance's, which names some parameters otherwise (``_named``)."""

    def __init__(self) -> None:
        self.asked = 0

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        self.asked += 1
        told: list[tuple[str, str]] = original(wanted, error)
        return [(name, self._named(name, value)) for name, value in told] if self.asked % 2 == 0 else told

    def _named(self, name: str, value: str) -> str:
        raise NotImplementedError


class AnotherServiceAtOneOfTwo(_OneOfTwo, Defect):
    """Docker token authentication: each instance names the service whose tokens it takes."""

    surface = "registry"
    noticed_by = ("registry/login/every-challenge-gets-a-token",)

    def _named(self, name: str, value: str) -> str:
        return "registry-of-before" if name == "service" else value


class RealmInsideAtOneOfTwo(_OneOfTwo, Defect):
    """Docker token authentication: each instance names a realm that is reached by those who are sent there."""

    surface = "registry"
    noticed_by = ("registry/login/every-challenge-gets-a-token",)

    def _named(self, name: str, value: str) -> str:
        return "http://registry.invalid/token" if name == "realm" else value


class LinkCounts(Defect):
    """distribution-spec 1.1, Listing Tags: a page begins behind the last tag of that before, whatever went since."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        before = COUNTED.fullmatch(request.parameter("last") or "")
        return str(original(request, size, f"+{size + int(before[1] if before else 0)}", rest))

    def names_after(self, original: Any, names: list[str], last: str | None) -> list[str]:
        counted = COUNTED.fullmatch(last or "")
        return names[int(counted[1]) :] if counted else list(original(names, last))


class BlobKnownSinceTheSessionOpened(Defect):
    """distribution-spec 1.1, Pushing a blob: 201 says that a blob is there, deleted meanwhile or not."""

    surface = "registry"
    noticed_by = ("registry/delete/can-be-pushed-again",)

    def __init__(self) -> None:
        self.known: set[tuple[str, str]] = set()

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        open_ones = registry_of(original).uploads.values()
        self.known |= {(each.session, digest) for each in open_ones if each.repository == name}
        await original(name, digest)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await original(upload, digest, content)
        if (upload.session, digest) in self.known:
            del registry_of(original).stored(upload.repository).blobs[digest]


class SmallEscapeUnread(Defect):
    """RFC 3986 section 2.1: the digits of an escape are the same in small letters."""

    surface = "registry"
    noticed_by = ("registry/upload/digest-is-read-as-written#escaped-in-small-letters",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        if re.search("digest=[^&]*%3a", asked.request.query_string):
            raise Refusal("DIGEST_INVALID")
        answer: Answer = await original(asked)
        return answer


class HeadOfAManifestWrittenAnew(Defect):
    """RFC 9110 section 9.3.2: HEAD tells the length that GET does, of what was pushed and not of its JSON anew."""

    surface = "registry"
    noticed_by = ("registry/manifest/docker-image-is-taken",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        manifest = registry_of(original).resolve(asked.name, asked.reference)
        if answer.status == 200 and manifest:
            answer.headers["Content-Length"] = str(len(json.dumps(manifest.document, separators=(",", ":"))))
        return answer


class AnnotationOfADraftRefused(Defect):
    """image-spec 1.1, Annotations: a key that nobody knows is no error, whatever it begins with."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept#escaped", "registry/manifest/bytes-are-kept#spaced")

    def check_annotations(self, original: Any, member: str, annotations: Any) -> None:
        original(member, annotations)
        if any(re.match(r"org\.opencontainers\.(?!image\.)", key) for key in annotations or {}):
            raise invalid(f"{member}: an annotation of no standard")


class PartCompressedBehindItsRange(Defect):
    """RFC 9110 section 14.4: Content-Range tells of what is sent, and not of what it was before it was compressed."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says#the-whole",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 206 and "gzip" in request.headers.get("accept-encoding", ""):
            answer.body = gzip.compress(answer.body)
            answer.headers["Content-Encoding"] = "gzip"
            return without(answer, "Content-Length")
        return answer
