"""Defects in what is seldom asked for: long lists, other digests, several entity tags, the neighbours of a refusal."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload

LONGEST_LIST = 100


class LongTagListCutShort(Defect):
    """Docker Registry V2, Pagination: no Link says that all has been received."""

    surface = "registry"
    noticed_by = ("registry/tags/long-list-is-whole",)

    def names_told(self, original: Any, page: list[str]) -> list[str] | None:
        told: list[str] | None = original(page[:LONGEST_LIST])
        return told


class LastBytesBehindStreamIgnored(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the closing PUT may bring the last bytes, after a stream too."""

    surface = "registry"
    noticed_by = ("registry/upload/last-chunk-by-put#behind-a-stream",)

    def __init__(self) -> None:
        self.streamed: set[str] = set()

    async def patch_upload(self, original: Any, asked: Asked) -> Answer:
        if "content-range" not in asked.request.headers:
            self.streamed.add(asked.reference)
        answer: Answer = await original(asked)
        return answer

    def whole_content(self, original: Any, upload: Upload, last: bytes) -> bytes:
        whole: bytes = original(upload, b"" if upload.session in self.streamed else last)
        return whole


class OneEntityTagRead(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is a list of entity tags."""

    surface = "registry"
    noticed_by = (
        "registry/pull/entity-tag-saves-a-pull#blob-among-others",
        "registry/pull/entity-tag-saves-a-pull#manifest-among-others",
    )

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return request.headers.get("if-none-match", "").strip() in ("*", f'"{digest}"')
