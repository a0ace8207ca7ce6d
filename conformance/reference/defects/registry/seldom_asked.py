"""Defects in what is seldom asked for: long lists, other digests, several entity tags, the neighbours of a refusal."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import IMAGES, OCI_MANIFEST, Manifest, Upload

LONGEST_LIST = 100


class LongTagListCutShort(Defect):
    """Docker Registry V2, Pagination: no Link says that all has been received."""

    surface = "registry"
    noticed_by = ("registry/tags/long-list-is-whole",)

    def names_told(self, original: Any, page: list[str]) -> list[str] | None:
        told: list[str] | None = original(page[:LONGEST_LIST])
        return told


class Sha512BlobNotDeleted(Defect):
    """distribution-spec 1.1, Deleting Blobs: 202 is for what was deleted, by whichever digest."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-is-gone",)

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        if not digest.startswith("sha512:"):
            await original(name, digest)


class LastBytesBehindStreamIgnored(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the closing PUT may bring the last bytes, after a stream too."""

    surface = "registry"
    noticed_by = ("registry/upload/last-chunk-by-put",)

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


class UnchangedWithoutEntityTag(Defect):
    """RFC 9110 section 15.4.5: 304 has the ETag that 200 would have."""

    surface = "registry"
    noticed_by = ("registry/pull/304-has-its-etag",)

    def unchanged(self, original: Any, digest: str) -> Answer:
        return without(original(digest), "ETag")


class OneEntityTagRead(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is a list of entity tags."""

    surface = "registry"
    noticed_by = ("registry/pull/entity-tag-saves-a-pull",)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return request.headers.get("if-none-match", "").strip() in ("*", f'"{digest}"')


class WeakenedDigestIsAnother(Defect):
    """RFC 9110 section 13.1.2: If-None-Match is compared weakly: a cache that compresses has weakened the tag."""

    surface = "registry"
    noticed_by = ("registry/pull/entity-tag-saves-a-pull",)

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        told = request.headers.get("if-none-match", "").split(",")
        return "*" in told or f'"{digest}"' in [each.strip() for each in told]


class ReferringImagesWithoutAnnotations(Defect):
    """distribution-spec 1.1, Listing Referrers: the descriptor of an image has its annotations as well."""

    surface = "registry"
    noticed_by = ("registry/referrers/carry-annotations",)

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        entry = dict(original(manifest))
        if manifest.media_type in IMAGES and not manifest.document.get("artifactType"):
            entry.pop("annotations", None)
        return entry


class FilteredReferrersWithoutAnnotations(Defect):
    """distribution-spec 1.1, Listing Referrers: a filter chooses descriptors, and leaves them whole."""

    surface = "registry"
    noticed_by = ("registry/referrers/carry-annotations",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "referrers" and answer.status == 200 and request.parameter("artifactType"):
            index = json.loads(answer.body)
            for each in index["manifests"]:
                each.pop("annotations", None)
            answer.body = json.dumps(index).encode()
            return without(answer, "Content-Length")
        return answer


class SchemaVersionReadFromText(Defect):
    """image-spec 1.1, Image Manifest: schemaVersion is a number."""

    surface = "registry"
    noticed_by = ("registry/manifest/schema-version-is-2",)

    def check_schema_version(self, original: Any, document: dict[str, Any]) -> None:
        original({**document, "schemaVersion": 2} if document.get("schemaVersion") == "2" else document)


class NotANumberTaken(Defect):
    """RFC 8259 section 6: NaN is no number, and a document with it no JSON, which others cannot read."""

    surface = "registry"
    noticed_by = ("registry/manifest/nonsense-is-400",)

    def parse_manifest(self, original: Any, content: bytes) -> dict[str, Any]:
        try:
            document = json.loads(content.decode())
        except (ValueError, RecursionError):
            raise invalid("not JSON") from None
        if not isinstance(document, dict):
            raise invalid("not a JSON object")
        return document


class LayersOfANumberFail(Defect):
    """API Reference, Error Handling: layers that are no list are the caller's mistake, and no reason for a 5xx."""

    surface = "registry"
    noticed_by = ("registry/manifest/nonsense-is-400",)

    def check_member(self, original: Any, media_type: str, member: str, value: Any) -> None:
        if member == "layers" and isinstance(value, int):
            raise Refusal("MANIFEST_INVALID", status=500)
        original(media_type, member, value)


class RefusedDigestEndsEveryUpload(Defect):
    """distribution-spec 1.1, POST then PUT: an upload ends with its own closing request, refused or not."""

    surface = "registry"
    noticed_by = ("registry/upload/refusal-ends-no-other",)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        try:
            await original(upload, digest, content)
        except Refusal:
            uploads = registry_of(original).uploads
            for each in [each for each in uploads.values() if each.repository == upload.repository]:
                del uploads[each.session]
            raise


class TagForWhoTakesEveryType(Defect):
    """distribution-spec 1.1, Pulling manifests: a client names the types that it takes, of which one is enough."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-image-is-taken",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        accepted = asked.request.headers.get("accept", "")
        if ":" not in asked.reference and accepted == OCI_MANIFEST:
            raise registry_of(original).unknown_manifest(asked)
        answer: Answer = await original(asked)
        return answer


class HeadTellsTheLastChunk(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD tells the blob's length, not its last chunk's."""

    surface = "registry"
    noticed_by = ("registry/pull/head-tells-the-length",)

    def __init__(self) -> None:
        self.chunks: dict[str, int] = {}
        self.told: dict[str, int] = {}

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        await original(request, upload)
        self.chunks[upload.session] = len(request.body)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await original(upload, digest, content)
        self.told[digest] = self.chunks.get(upload.session, len(content))

    def head_answer(self, original: Any, digest: str, content: bytes) -> Answer:
        answer: Answer = original(digest, content)
        answer.body, answer.headers["Content-Length"] = b"", str(self.told.get(digest, len(content)))
        return answer
