"""Defects of what a request says and the gateway does not heed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject, Upload


class DeletionConditionIgnored(Defect):
    """RFC 9110 section 13.1.1: a DELETE whose If-Match does not hold is not performed."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/deletion-keeps-what-changed",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, Conditions(None, None, None, None))


class DeletionConditionsAllFail(Defect):
    """RFC 9110 section 13.1.1: If-Match holds where the ETag is the object's, and then the DELETE is performed."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/deletion-keeps-what-changed",
        "storage/conditional-write/deletion-keeps-what-changed#any-tag",
        "storage/conditional-write/many-deletions-keep-what-changed",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if asked.match is not None:
            raise Fault("PreconditionFailed")
        await original(bucket, key, asked)


class CopiedPartConditionsAllFail(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-if-match: the part is copied where it holds."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/copied-part-heeds-conditions#date",
        "storage/multipart/copied-part-heeds-conditions#date-of-its-own",
    )

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if any(name.startswith("x-amz-copy-source-if-") for name in call.headers):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class ExpiryOfNothingServed(Defect):
    """SigV4, "Using Query Parameters": the least X-Amz-Expires is 1."""

    surface = "storage"
    noticed_by = ("storage/presigned/expiry-is-bounded#nought",)

    def expiry(self, original: Any, given: str) -> int:
        seconds: int = original("60" if given == "0" else given)
        return seconds


class TokenOfEncodedKey(Defect):
    """S3 API Reference, ListObjectsV2: keys are encoded for the answer, not for where the next page begins."""

    surface = "storage"
    noticed_by = (
        "storage/paging/encoded-pages-make-the-whole#1",
        "storage/paging/encoded-pages-make-the-whole#2",
        "storage/paging/encoded-pages-make-the-whole#3",
    )

    def continuation_token(self, original: Any, last: str) -> str:
        return str(original(quote(last, safe="/-_.~")))


class MarkerNotEncoded(Defect):
    """S3 API Reference, ListObjects, encoding-type: NextMarker is encoded as the keys are."""

    surface = "storage"
    noticed_by = ("storage/paging/encoded-marker-goes-on#1", "storage/paging/encoded-marker-goes-on#2")

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return str(original(element, name, encoded and element != "NextMarker"))


class GroupToldForEachUpload(Defect):
    """S3 API Reference, ListMultipartUploads, delimiter: keys are grouped under a single result element."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-grouped-at-the-delimiter",)

    def page_of_uploads(
        self, original: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
    ) -> tuple[list[Upload], Page]:
        chosen, page = original(uploads, wanted, id_marker)
        page.prefixes[:] = [group for group in page.prefixes for each in uploads if each.key.startswith(group)]
        return chosen, page


class UploadsOfFoldersAloneFail(Defect):
    """S3 API Reference, ListMultipartUploads: a page that has common prefixes and no uploads is a page as well."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-grouped-at-the-delimiter",)

    def next_id_marker(self, original: Any, uploads: list[Upload], page: Page) -> str:
        if not uploads:
            raise server_error()
        return str(original(uploads, page))


class PartChecksumIgnored(Defect):
    """S3 API Reference, UploadPart, x-amz-checksum-: a part that differs from its checksum is refused."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/differing-checksum-refuses-the-part#field",
        "storage/multipart/differing-checksum-refuses-the-part#of-sha256",
        "storage/multipart/differing-checksum-refuses-the-part#trailer",
    )

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        return {} if "uploadId" in call.query else dict(original(call))


class PartKeepsItsFraming(Defect):
    """SigV4, "Transferring payload in multiple chunks": a part, too, is what its chunks carry."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/parts-come-in-chunks-too#signed",
        "storage/streaming/parts-come-in-chunks-too#signed-with-trailer",
        "storage/streaming/parts-come-in-chunks-too#unsigned-with-trailer",
    )

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        original(call, stated)
        if "uploadId" in call.query:
            call.body = call.request.body


class CutOffPartKept(Defect):
    """S3 API Reference, IncompleteBody: a part that breaks off is not kept."""

    surface = "storage"
    noticed_by = ("storage/multipart/cut-off-part-is-not-kept",)

    async def broken_off(self, original: Any, request: Request) -> None:
        surface = gateway(original)
        name, key = surface.target(request)
        query = dict(pair.split("=", 1) for pair in request.query_string.split("&") if "=" in pair)
        if "uploadId" in query and name in surface.buckets:
            call = Call(request, surface.authenticate(request), name, key, query, request.body)
            await surface.upload_part(call, surface.buckets[name])


class ModifiedSinceComparedExactly(Defect):
    """S3 API Reference, GetObject, If-Modified-Since: since the date, and not at another one than the date."""

    surface = "storage"
    noticed_by = ("storage/condition/modified-since-later",)

    def modified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        return found is None or found.modified != date


class EmptySourceOfAPartIsNone(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: it names a bucket and a key, or the part is refused."""

    surface = "storage"
    noticed_by = ("storage/multipart/empty-source-is-no-part",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        copied: Answer = await (original if call.headers[SOURCE] else gateway(original).upload_part)(call, bucket)
        return copied


class RefusedMethodsNotNamed(Defect):
    """RFC 9110 section 15.5.6: a 405 carries Allow."""

    surface = "storage"
    noticed_by = ("storage/errors/405-names-methods",)

    def method_refused(self, original: Any, table: Any, asked: set[str]) -> Fault:
        return Fault("MethodNotAllowed")


class DecodedLengthIsNoLength(Defect):
    """Provisioning Storage, any S3-compatible client: chunks in transfer coding state their length as decoded."""

    surface = "storage"
    noticed_by = ("storage/streaming/in-transfer-coding-too",)

    def require_length(self, original: Any, call: Call) -> None:
        if "content-length" not in call.headers:
            raise Fault("MissingContentLength")
        original(call)
