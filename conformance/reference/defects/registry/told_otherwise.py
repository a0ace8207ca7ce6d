"""Defects of what is done as it should be and told otherwise: another status, a field or a word that is not so."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.defects.registry.unusual import failed
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import OCI_INDEX, Manifest, Upload


class _AnotherStatus(Defect):
    """Answers requests to a kind of endpoint by a method with another status, where the right one is as told."""

    told: ClassVar[tuple[str, str, int, int]] = ("", "", 0, 0)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        kind, method, right, wrong = self.told
        if (kind_of(request), request.method, answer.status) == (kind, method, right) and self._meant(request):
            answer.status = wrong
        return answer

    def _meant(self, request: Request) -> bool:
        """Whether it is a request of those that are told otherwise."""
        return True


class BlobDeletionAnswered204(_AnotherStatus):
    """distribution-spec 1.1, Deleting Blobs: "Upon success, the registry MUST respond with code 202 Accepted"."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-is-gone", "registry/delete/blob-is-gone#sha512")
    told = ("blob", "DELETE", 202, 204)


class TagDeletionAnswered204(_AnotherStatus):
    """distribution-spec 1.1, Deleting tags: "Upon success, the registry MUST respond with a 202 Accepted code"."""

    surface = "registry"
    noticed_by = ("registry/delete/tag-alone",)
    told = ("manifest", "DELETE", 202, 204)

    def _meant(self, request: Request) -> bool:
        return ":" not in request.path


class OutOfOrderAnswered400(_AnotherStatus):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk out of order "MUST be responded to with 416"."""

    surface = "registry"
    noticed_by = (
        "registry/upload/416-tells-where-to-go-on",
        "registry/upload/out-of-order-is-416#one-byte-early",
        "registry/upload/out-of-order-is-416#overlapping",
    )
    told = ("upload", "PATCH", 416, 400)


class PostedBlobAnswered200(_AnotherStatus):
    """distribution-spec 1.1, Single POST: 201 where the blob was stored, and 202 where it was not."""

    surface = "registry"
    noticed_by = ("registry/upload/whole-blob-by-post",)
    told = ("uploads", "POST", 201, 200)


class TagsUnknownToHead(_AnotherStatus):
    """RFC 9110 section 9.3.2: HEAD of a tag is answered as GET of it is."""

    surface = "registry"
    noticed_by = ("registry/pull/head-equals-get#tag",)
    told = ("manifest", "HEAD", 200, 404)

    def _meant(self, request: Request) -> bool:
        return ":" not in request.path


class IndexDeletionAnswered200(Defect):
    """distribution-spec 1.1, Deleting Manifests: 202 for an index, as for an image."""

    surface = "registry"
    noticed_by = ("registry/delete/index-goes-with-its-tags",)

    async def delete_manifest(self, original: Any, asked: Asked) -> Answer:
        manifest = registry_of(original).manifest_of(asked)
        answer: Answer = await original(asked)
        answer.status = 200 if manifest.media_type == OCI_INDEX else answer.status
        return answer


class OutOfOrderWithoutLocation(Defect):
    """Docker Registry V2, Chunked Upload: 416 has the Location at which the upload goes on."""

    surface = "registry"
    noticed_by = ("registry/upload/416-tells-where-to-go-on",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Location") if answer.status == 416 and kind_of(request) == "upload" else answer


class StatusIsOneByteAhead(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the Range of a session ends with the last byte that it has."""

    surface = "registry"
    noticed_by = ("registry/upload/cut-off-chunk-can-be-resumed",)

    async def get_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if told := answer.headers.get("Range"):
            answer.headers["Range"] = f"0-{int(told.partition('-')[2]) + 1}"
        return answer


class StatusOfChunksAnswered200(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: "The response to an active upload <location> MUST be a 204"."""

    surface = "registry"
    noticed_by = ("registry/upload/status-is-told",)

    async def get_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.status = 200 if registry_of(original).find_upload(asked).content else answer.status
        return answer


class OneNameForEverySession(Defect):
    """Docker Registry V2, Initiate Blob Upload: Docker-Upload-UUID tells one upload from another."""

    surface = "registry"
    noticed_by = ("registry/upload/uuid-stays-the-same",)

    def upload_answer(self, original: Any, status: int, request: Request, upload: Upload) -> Answer:
        answer: Answer = original(status, request, upload)
        answer.headers["Docker-Upload-UUID"] = "00000000-0000-4000-8000-000000000000"
        return answer


class CreatedDigestOfTidiedManifest(Defect):
    """Docker Registry V2, Content Digests: the digest that a push is answered with is of the bytes that were pushed."""

    surface = "registry"
    noticed_by = ("registry/manifest/bytes-are-kept#escaped", "registry/manifest/bytes-are-kept#utf-8")

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        tidied = json.dumps(manifest.document, separators=(",", ":"), ensure_ascii=False).encode()
        answer.headers["Docker-Content-Digest"] = grammar.digest_of(tidied)
        return answer


class ErrorCodesOfItsOwn(Defect):
    """distribution-spec 1.1, Error Codes: "The code field MUST be one of the following"."""

    surface = "registry"
    noticed_by = ("registry/errors/code-is-of-the-lists#absent-blob",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.body = answer.body.replace(b'"BLOB_UNKNOWN"', b'"BLOB_NOT_FOUND"')
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class _ToldInText(Defect):
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


class MissingReferenceToldInText(_ToldInText):
    """Docker Registry V2, Pushing an Image Manifest: an error of the list for each blob that is not there."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/missing-reference-is-told-by-code#child",
        "registry/manifest/missing-reference-is-told-by-code#child-elsewhere",
        "registry/manifest/missing-reference-is-told-by-code#config",
        "registry/manifest/missing-reference-is-told-by-code#deleted",
        "registry/manifest/missing-reference-is-told-by-code#deleted-child",
        "registry/manifest/missing-reference-is-told-by-code#docker-child",
        "registry/manifest/missing-reference-is-told-by-code#known-elsewhere",
        "registry/manifest/missing-reference-is-told-by-code#layer",
        "registry/manifest/missing-reference-is-told-by-code#layer-elsewhere",
        "registry/manifest/each-missing-blob-is-told",
    )
    code = "MANIFEST_BLOB_UNKNOWN"


class DenialToldInText(_ToldInText):
    """Docker Registry V2, On Failure: Authentication Required: the errors stand in a JSON body."""

    surface = "registry"
    noticed_by = ("registry/login/denial-is-told#manifest",)
    code = "UNAUTHORIZED"


class DenialToldAsUnsupported(_ToldInText):
    """Docker Registry V2, On Failure: Authentication Required: the code of it is UNAUTHORIZED."""

    surface = "registry"
    noticed_by = ("registry/login/denial-is-told#manifest", "registry/login/denial-is-told#tags")
    code = "UNAUTHORIZED"
    instead = "UNSUPPORTED"


class BadPagesToldInAnotherForm(_ToldInText):
    """distribution-spec 1.1, Error Codes: what was wrong with a query stands in the list that every error stands in."""

    surface = "registry"
    noticed_by = ("registry/tags/any-query-is-a-callers-affair",)
    code = "PAGINATION_NUMBER_INVALID"
    instead = "n, invalid"


class LargePageToldAsUnsupported(Defect):
    """Docker Registry V2, Errors: PAGINATION_NUMBER_INVALID where n is "bigger than the maximum allowed"."""

    surface = "registry"
    noticed_by = ("registry/tags/n-limits-the-list#more",)

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size is not None and size > 1000:
            raise Refusal("UNSUPPORTED", {"n": size}, status=400)
        return size


class ChallengeWithoutRealm(Defect):
    """RFC 6750 section 3: a Bearer challenge tells its realm, without which nobody knows where tokens are given."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-is-given#support",)

    def challenge_parameters(self, original: Any, wanted: Any, error: str | None) -> list[tuple[str, str]]:
        return [each for each in original(wanted, error) if each[0] != "realm"]


class VersionOfTheFirstRegistry(Defect):
    """Docker Registry V2, API Version Check: Docker-Distribution-API-Version "should be set to registry/2.0"."""

    surface = "registry"
    noticed_by = ("registry/support/names-its-version#anonymous",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "support":
            answer.headers["Docker-Distribution-Api-Version"] = "registry/1.0"
        return answer


class PageOfNoneHasALink(Defect):
    """distribution-spec 1.1, Listing Tags: "When n is zero … MUST NOT include a Link header"."""

    surface = "registry"
    noticed_by = ("registry/tags/n-nought-is-empty",)

    async def list_tags(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if asked.request.parameter("n") == "0":
            answer.headers["Link"] = f'<{asked.request.path}?n=0>; rel="next"'
        return answer


class ReferrersWithoutSchemaVersion(Defect):
    """image-spec 1.1, Image Index: schemaVersion is REQUIRED, in the list of referrers as well."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-an-index",)

    def referrers_answer(self, original: Any, descriptors: list[dict[str, Any]]) -> Answer:
        answer: Answer = original(descriptors)
        document = json.loads(answer.body)
        del document["schemaVersion"]
        answer.body = json.dumps(document).encode()
        return answer


class FilterToldAndNotApplied(Defect):
    """distribution-spec 1.1, Listing Referrers: OCI-Filters-Applied is told "if requested and applied"."""

    surface = "registry"
    noticed_by = ("registry/referrers/applied-filter-is-named",)

    def filter_passes(self, original: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
        return True


class WrongSizeFails(Defect):
    """API Reference, Error Handling: a descriptor of another size than its blob's is its pusher's mistake."""

    surface = "registry"
    noticed_by = ("registry/manifest/wrong-size-is-refused",)

    def check_size(self, original: Any, descriptor: dict[str, Any], content: bytes | None) -> None:
        try:
            original(descriptor, content)
        except Refusal:
            raise failed() from None
