"""Defects of what a part, a page or a chosen list tells of itself, where the whole tells it well."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request


class DigestOfAPart(Defect):
    """Docker Registry V2, Digest Header: the digest that comes with a part is that of the blob, and not of another."""

    surface = "registry"
    noticed_by = ("registry/pull/digest-field-is-true#of-the-whole-run",)

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        answer: Answer = original(digest, content, first, end)
        if end - first == 1:
            answer.headers["Docker-Content-Digest"] = f"sha256:{'0' * 64}"
        return answer


class HeadOfWhatIsKnownTellsNoTag(Defect):
    """RFC 9110 section 15.4.5: a 304 has the entity tag, to HEAD as well."""

    surface = "registry"
    noticed_by = ("registry/pull/304-has-its-etag#manifest-head",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 304:
            del answer.headers["ETag"]
        return answer
