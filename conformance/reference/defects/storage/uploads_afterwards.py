"""Defects of uploads in parts that show only afterwards: what was refused ended them, what is over goes on."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, query_of
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload


def _all_parts(original: Any, upload: Upload) -> StoredObject:
    """The object that all parts make, in whatever state they are."""
    surface = gateway(original)
    parts: list[Part] = [part for _, part in sorted(upload.parts.items())]
    return StoredObject(surface.joined(parts), surface.multipart_etag(parts), surface.seconds(), upload.headers)


# Completions that are refused, and that are repeated.


class RefusedCompletionEndsTheUpload(Defect):
    """S3 API Reference, CompleteMultipartUpload: applications are to retry what failed: the upload stays."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/broken-completion-is-refused#cut",
        "storage/multipart/broken-completion-is-refused#other-root",
        "storage/multipart/refused-completion-can-be-mended",
    )

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            bucket.uploads.pop(call.query["uploadId"], None)
            raise
        return answer


class BrokenCompletionTakesAllParts(Defect):
    """S3 API Reference, MalformedXML: a completion that names no parts is refused, and not one of all of them."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/broken-completion-is-refused#cut",
        "storage/multipart/broken-completion-is-refused#no-parts",
        "storage/multipart/broken-completion-is-refused#number-no-number",
    )

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            upload = bucket.uploads.get(call.query["uploadId"])
            if fault.code != "MalformedXML" or upload is None:
                raise
            stored = _all_parts(original, upload)
            await gateway(original).finish(bucket, upload, stored, Conditions.of(call.headers))
            answer = gateway(original).completed(call, stored)
        return answer


class _Repeated(Defect):
    """S3 API Reference, CompleteMultipartUpload: what is repeated is told as the first time, or NoSuchUpload."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        self.objects[upload.upload_id] = stored


class RepeatedCompletionHasAnotherTag(_Repeated):
    """S3 API Reference, CompleteMultipartUploadResult, ETag: that of the object, though its parts are gone by then."""

    surface = "storage"
    noticed_by = ("storage/multipart/completing-twice-is-harmless",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        made = self.objects.get(call.query["uploadId"])
        if made is not None:
            return gateway(original).completed(call, replace(made, etag=f"{hashlib.md5(b'').hexdigest()}-0"))
        answer: Answer = await original(call, bucket)
        return answer


class RepeatedCompletionRemovesTheObject(_Repeated):
    """S3 API Reference, NoSuchUpload: what is told so changes nothing, the object of that upload neither."""

    surface = "storage"
    noticed_by = ("storage/multipart/completing-twice-is-harmless",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query["uploadId"] in self.objects:
            bucket.remove(call.key)
        answer: Answer = await original(call, bucket)
        return answer


# Whose upload it is.


class CompletedByAnyKey(Defect):
    """S3 API Reference, NoSuchUpload: an upload id is good for its own key, to complete it too."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-key",)
    method = "POST"

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        found = bucket.uploads.get(call.query["uploadId"]) if call.request.method == self.method else None
        upload: Upload = found or original(call, bucket)
        return upload


class AbortedByAnyKey(CompletedByAnyKey):
    """S3 API Reference, NoSuchUpload: an upload id is good for its own key, to abort it too."""

    noticed_by = ("storage/multipart/upload-is-of-its-key",)

    method = "DELETE"


class AbortionOfNothingDeletes(Defect):
    """S3 API Reference, AbortMultipartUpload: it aborts an upload, and is not the deletion of the object."""

    surface = "storage"
    noticed_by = ("storage/multipart/abort-of-unknown-upload-is-harmless",)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query["uploadId"] not in bucket.uploads:
            bucket.remove(call.key)
        answer: Answer = await original(call, bucket)
        return answer


# Uploads that are over.


class AbortedUploadTakesMoreParts(Defect):
    """S3 API Reference, AbortMultipartUpload: no more parts can be uploaded with that upload id."""

    surface = "storage"
    noticed_by = ("storage/multipart/aborted-upload-takes-no-parts",)
    method = "PUT"

    def __init__(self) -> None:
        self.aborted: dict[str, Upload] = {}

    async def forget_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        await original(bucket, upload)
        self.aborted[upload.upload_id] = upload

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        found = self.aborted.get(call.query["uploadId"]) if call.request.method == self.method else None
        upload: Upload = found or original(call, bucket)
        return upload


class AbortedUploadCompletes(AbortedUploadTakesMoreParts):
    """S3 API Reference, AbortMultipartUpload: the parts are gone, and make no object any more."""

    noticed_by = ("storage/multipart/aborted-upload-takes-no-parts",)

    method = "POST"


class AbortedUploadStillListed(Defect):
    """S3 API Reference, ListMultipartUploads: uploads in progress are listed, and none that was aborted."""

    surface = "storage"
    noticed_by = ("storage/multipart/abort-removes-the-upload",)

    def __init__(self) -> None:
        self.aborted: list[tuple[str, Upload]] = []

    async def forget_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        await original(bucket, upload)
        self.aborted.append((bucket.name, upload))

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        uploads: list[Upload] = original(bucket)
        uploads += [upload for name, upload in self.aborted if name == bucket.name]
        return sorted(uploads, key=lambda upload: (upload.key, upload.upload_id))


class AbortionToldAs200(Defect):
    """S3 API Reference, AbortMultipartUpload: if the action is successful, the answer is 204."""

    surface = "storage"
    noticed_by = ("storage/multipart/abort-removes-the-upload",)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.status = 200
        return answer


# Parts.


class RefusedPartLosesTheEarlier(Defect):
    """S3 API Reference, UploadPart: a part that is refused does not take the place of the one that came before it."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/differing-md5-refuses-the-part",
        "storage/multipart/other-payload-refuses-the-part",
    )

    async def answered(self, original: Any, request: Request) -> Answer:
        try:
            answer: Answer = await original(request)
        except Fault:
            query, bucket = query_of(request), gateway(original).buckets.get(gateway(original).target(request)[0])
            upload = bucket.uploads.get(query.get("uploadId", "")) if bucket is not None else None
            if request.method == "PUT" and upload is not None and query.get("partNumber", "").isdigit():
                upload.parts.pop(int(query["partNumber"]), None)
            raise
        return answer


class PartsWrittenOverTheObject(Defect):
    """S3 User Guide, "Multipart upload process": what stands there stays until the upload is completed."""

    surface = "storage"
    noticed_by = ("storage/multipart/old-object-stands-until-complete",)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if (found := bucket.objects.get(call.key)) is not None:
            bucket.put(call.key, replace(found, body=call.body))
        return answer


class PartsListedWithAnotherTag(Defect):
    """S3 API Reference, Object, ETag: the entity tag of an object in parts is the same wherever it is told."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-make-the-object#backwards",)

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        tag = stored.etag if "-" not in stored.etag else hashlib.md5(stored.body).hexdigest()
        return str(original(key, replace(stored, etag=tag), encoded, owner))


class HalfNamedPartFails(Defect):
    """API Reference, Error Handling: 5xx is for errors of the platform, and a part that is half named is none."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/half-named-part-is-not-the-object#empty-upload",
        "storage/multipart/half-named-part-is-not-the-object#no-number",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        named = {"uploadId", "partNumber"} & call.query.keys()
        if call.query.get("uploadId") == "" or (call.request.method == "PUT" and len(named) == 1):
            raise server_error()
        answer: Answer = await original(call)
        return answer


class EncryptedUploadFails(Defect):
    """API Reference, Error Handling: 5xx is for errors of the platform, and a key to encrypt with is none."""

    surface = "storage"
    noticed_by = ("storage/multipart/encryption-key-is-used-or-refused",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if any(name.startswith("x-amz-server-side-encryption-customer-") for name in call.headers):
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class PartsKeptByKeyAndNumber(Defect):
    """S3 API Reference, UploadPart, uploadId: a part is of its upload, and not of the last one to that key."""

    surface = "storage"
    noticed_by = ("storage/multipart/two-uploads-do-not-mix",)

    def __init__(self) -> None:
        self.files: dict[tuple[str, int], bytes] = {}

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        await original(upload, part)
        self.files[upload.key, part.number] = part.body

    def chosen_part(self, original: Any, upload: Upload, number: int, listed: xml.Node) -> Part:
        part: Part = original(upload, number, listed)
        return replace(part, body=self.files[upload.key, number])


class EmptyUploadKeepsTheObject(Defect):
    """S3 API Reference, CompleteMultipartUpload: an object is made of its parts, though they have no bytes."""

    surface = "storage"
    noticed_by = ("storage/multipart/one-small-part-is-enough",)

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        if stored.body or upload.key not in bucket.objects:
            await original(bucket, upload, stored, asked)
        else:
            bucket.uploads.pop(upload.upload_id, None)


# Lists of uploads.


class MaxUploadsPassedOver(Defect):
    """S3 API Reference, ListMultipartUploads, max-uploads: no page has more uploads than were asked for."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed-page-by-page",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        return 1000 if name == "max-uploads" else int(original(call, name))


class UploadListNeverEnds(Defect):
    """S3 API Reference, ListMultipartUploads, IsTruncated: false where the list is at its end."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/uploads-are-listed-page-by-page",
        "storage/multipart/uploads-are-listed-page-by-page#while-they-are-aborted",
    )

    def page_of_uploads(
        self, original: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
    ) -> tuple[list[Upload], Page]:
        chosen, page = original(uploads, wanted, id_marker)
        page.truncated = True
        return chosen, page
