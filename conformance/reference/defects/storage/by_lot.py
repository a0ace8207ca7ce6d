"""Defects that nobody thought of: drawn by lot out of what an answer tells and a request may have, and by machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

_VALUE = 257


class NotModifiedTellsHowLongWasKept(Defect):
    """RFC 9110 section 15.4.5: 304 has the Expires that 200 would have, not that of what was overwritten."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-keeps-caching-fields",)

    def __init__(self) -> None:
        self.before: dict[str, StoredObject] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if (found := bucket.objects.get(key)) is not None:
            self.before[stored.etag] = found
        await original(bucket, key, stored, asked)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        before = self.before.get(found.etag, found)
        answer.headers.update({name: value for name, value in before.headers.items() if name == "expires"})
        return answer


class ChosenFieldsAreAskedAnew(Defect):
    """RFC 9110 section 13.1.2: If-None-Match that does not hold is 304, whichever fields of the answer are chosen."""

    surface = "storage"
    noticed_by = ("storage/presigned/get-is-served",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if any(name.startswith("response-") for name in call.query):
            headers = call.request.headers.mutablecopy()
            del headers["If-None-Match"]
            call = replace(call, request=replace(call.request, headers=headers))
        answer: Answer = await original(call, bucket)
        return answer


class LongTagValuesInTheField(Defect):
    """S3 User Guide, "Categorizing your storage using tags": a value has 256 characters at most, however it comes."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-of-the-field-are-kept",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        headers = call.request.headers.mutablecopy()
        headers["x-amz-tagging"] = (headers.get("x-amz-tagging") or "").replace("v" * _VALUE, "v")
        found: dict[str, str] = original(replace(call, request=replace(call.request, headers=headers)))
        return found


class FieldsRefusedAtAnOpening(Defect):
    """S3 API Reference, CreateMultipartUpload: Cache-Control and its like are taken as by PutObject."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if "cache-control" in call.headers:
            raise Fault("InvalidArgument")
        answer: Answer = await original(call, bucket)
        return answer


class UploadWithFieldsIsAnother(Defect):
    """S3 API Reference, CreateMultipartUpload, UploadId: parts are sent under the id that an opening tells."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "cache-control" in call.headers:
            bucket.uploads = {f"{number}-": upload for number, upload in bucket.uploads.items()}
        return answer
