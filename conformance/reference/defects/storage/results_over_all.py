"""Defects of one member of one result, which is no operation's that a check is about."""

from __future__ import annotations

import base64
import re
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

CRC32 = "x-amz-checksum-crc32"


class StorageClassOfPartsTwice(Defect):
    """S3 API Reference, ListParts, StorageClass: a text, and so one; some readers fail where there are two."""

    surface = "storage"
    noticed_by = ("storage/xml/members-stand-once",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"(<StorageClass>[^<]*</StorageClass>)", rb"\1\1", answer.body)
        return answer


class PartsComeAtLocalTimes(Defect):
    """S3 API Reference, ListParts, LastModified: a timestamp says of which zone it is."""

    surface = "storage"
    noticed_by = ("storage/xml/values-have-their-form",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "part-number-marker" in call.query:
            answer.body = re.sub(rb"(<LastModified>[^<.]*)[^<]*<", rb"\1<", answer.body)
        return answer


class PrefixOfUploadsInSmallLetters(Defect):
    """S3 API Reference, ListMultipartUploads, Prefix: "the prefix that is specified", letter by letter."""

    surface = "storage"
    noticed_by = ("storage/multipart/answers-name-their-upload",)

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(
            rb"(Result[^>]*>.*?<Prefix>)([^<]*)", lambda found: found[1] + found[2].lower(), answer.body, count=1
        )
        return answer


class DelimiterOfOneLetter(Defect):
    """S3 API Reference, ListObjects, Delimiter: the one that was asked for, whole."""

    surface = "storage"
    noticed_by = ("storage/listing/says-what-was-asked",)

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"<Delimiter>([^<])[^<]*<", rb"<Delimiter>\1<", answer.body)
        return answer


class UploadsUnderNoPrefixTellOne(Defect):
    """S3 API Reference, ListMultipartUploads, Prefix: the one that was asked for, and so none where none was."""

    surface = "storage"
    noticed_by = ("storage/multipart/answers-name-their-upload",)

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "prefix" not in call.query:
            answer.body = re.sub(rb"<Prefix ?/>|<Prefix></Prefix>", b"<Prefix>undefined</Prefix>", answer.body, count=1)
        return answer


class DeletionsOfSeveralAreOfNoType(Defect):
    """RFC 9110 section 8.3: what has content says of which type it is."""

    surface = "storage"
    noticed_by = ("storage/xml/results-say-that-they-are-xml",)

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        del answer.headers["Content-Type"]
        return answer


class ChosenFieldsComeBesideOthers(Defect):
    """RFC 9110 section 5.3: a type is told once, also where the answer has a field that was chosen."""

    surface = "storage"
    noticed_by = ("storage/object/fields-of-one-value-stand-once",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "response-cache-control" in call.query:
            answer.headers.append("Content-Type", "application/octet-stream")
        return answer


class MissingKeysAreToldAsHtml(Defect):
    """S3 User Guide, "REST error responses": an error has Content-Type: application/xml, whichever it is."""

    surface = "storage"
    noticed_by = ("storage/errors/document-has-code-and-message",)

    def error_answer(self, original: Any, request: Request, fault: Fault, request_id: str) -> Answer:
        answer: Answer = original(request, fault, request_id)
        if fault.code == "NoSuchKey":
            answer.headers["Content-Type"] = "text/html; charset=utf-8"
        return answer


class NotModifiedSinceNow(Defect):
    """RFC 9110 section 8.8.2: Last-Modified is when an object was, and not when a cache asked whether it has it."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-keeps-etag",)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        answer.headers["Last-Modified"] = formatdate(found.modified + 60, usegmt=True)
        return answer


class ChecksumsOfHeadAreNumbers(Defect):
    """S3 API Reference, HeadObject, x-amz-checksum-crc32: in Base64, as GET tells it."""

    surface = "storage"
    noticed_by = ("storage/object/fields-have-their-form",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.request.method == "HEAD" and (told := answer.headers.get(CRC32)):
            answer.headers[CRC32] = str(int.from_bytes(base64.b64decode(told)))
        return answer


class EntriesBesideFoldersAreNotDescribed(Defect):
    """S3 API Reference, ListObjectsV2, Contents: size, tag and time of each, also where there is a delimiter."""

    surface = "storage"
    noticed_by = ("storage/listing/tells-what-head-tells",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.query.get("delimiter"):
            answer.body = re.sub(rb"<Size>[^<]*<", b"<Size>0<", answer.body)
        return answer


class LaterPagesHaveOtherTimes(Defect):
    """S3 API Reference, ListObjectsV2, LastModified: when the object was, on whichever page it is."""

    surface = "storage"
    noticed_by = ("storage/listing/tells-what-head-tells",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "continuation-token" in call.query:
            answer.body = re.sub(rb"<LastModified>[0-9]{4}", b"<LastModified>1970", answer.body)
        return answer


class EntriesFromAPlaceOnAreLonger(Defect):
    """S3 API Reference, ListObjectsV2, Size: that of the object, also from a place on and beside folders."""

    surface = "storage"
    noticed_by = ("storage/object/size-is-one",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.query.get("delimiter") and call.query.get("start-after"):
            answer.body = answer.body.replace(b"<Size>", b"<Size>1")
        return answer


class EntriesFromAPlaceOnHaveNoTags(Defect):
    """S3 API Reference, ListObjectsV2, ETag: of each object, also from a place on and beside folders."""

    surface = "storage"
    noticed_by = ("storage/xml/results-are-whole",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.query.get("delimiter") and call.query.get("start-after"):
            answer.body = re.sub(rb"<ETag>[^<]*</ETag>", b"", answer.body)
        return answer


class CountsOfNothingAreOne(Defect):
    """S3 API Reference, ListObjectsV2, KeyCount: how many keys and prefixes there are, where there are none as well."""

    surface = "storage"
    noticed_by = ("storage/xml/results-are-whole",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.query.get("delimiter"):
            answer.body = answer.body.replace(b"<KeyCount>0<", b"<KeyCount>1<")
        return answer


class RangesOfNothingAreMissingBuckets(Defect):
    """S3 API Reference, "List of error codes": a code and its status go together."""

    surface = "storage"
    noticed_by = ("storage/errors/codes-have-their-status",)

    def error_answer(self, original: Any, request: Request, fault: Fault, request_id: str) -> Answer:
        answer: Answer = original(request, fault, request_id)
        if fault.code == "NoSuchKey" and "range" in request.headers:
            answer.body = answer.body.replace(b"NoSuchKey", b"AccessDenied")
        return answer


class VersionsOfNoFormFail(Defect):
    """API Reference, "Error Handling": what a caller asks wrongly is the caller's fault, and no server error."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-version-deletes-nothing",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.request.method == "DELETE" and " " in call.query.get("versionId", ""):
            raise server_error()
        answer: Answer = await original(call)
        return answer
