"""Defects of one member of one result, which is no operation's that a check is about."""

from __future__ import annotations

import base64
import re
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Defect
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


class EntriesFromAPlaceOnAreLonger(Defect):
    """S3 API Reference, ListObjectsV2, Size: that of the object, also from a place on and beside folders."""

    surface = "storage"
    noticed_by = ("storage/object/size-is-one",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.query.get("delimiter") and call.query.get("start-after"):
            answer.body = answer.body.replace(b"<Size>", b"<Size>1")
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
