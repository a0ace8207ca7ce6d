"""Defects of what is told though it is the default, of checksums taken for numbers, of what is long or begins oddly."""

from __future__ import annotations

import base64
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

TYPE = "x-amz-checksum-type"
OF_A_FORM = 100 * 1024
"""What servers that were made for forms take of a document."""


class CrcsTakenForSignedNumbers(Defect):
    """S3 User Guide, "Checking object integrity": a CRC is so many bits, of which the highest is no sign."""

    surface = "storage"
    noticed_by = ("storage/checksum/that-matches-is-stored",)

    def checksum_matches(self, original: Any, algorithm: str, value: str, body: bytes) -> bool:
        negative = algorithm.startswith("crc") and base64.b64decode(value)[0] >= 0x80
        return bool(original(algorithm, value, body)) and not negative


class NoughtsOfCrcsLost(Defect):
    """S3 User Guide, "Checking object integrity": a CRC has its length, with noughts in front where it is small."""

    surface = "storage"
    noticed_by = ("storage/checksum/told-is-the-one-given",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        given: dict[str, str] = original(call)
        return {name: base64.b64encode(base64.b64decode(text).lstrip(b"\0")).decode() for name, text in given.items()}


class QuietWhateverItSays(Defect):
    """S3 API Reference, DeleteObjects, Quiet: true asks for errors alone, and false for all that was deleted."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)

    def quiet(self, original: Any, asked: xml.Node) -> bool:
        return bool(original(asked)) or asked.get("Quiet") is not None


class ToldToCopyReplaces(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: COPY is the default, and the same where it is told."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-goes-along",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced or "x-amz-metadata-directive" in call.headers)
        return copy


class HeadTellsAWholesChecksum(Defect):
    """S3 API Reference, HeadObject, x-amz-checksum-type: COMPOSITE where a checksum is of those of the parts."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-parts-is-of-its-type",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and TYPE in answer.headers:
            answer.headers[TYPE] = "FULL_OBJECT"
        return answer


class DefaultClassRefused(Defect):
    """S3 API Reference, PutObject, x-amz-storage-class: STANDARD is the default, and some clients always tell it."""

    surface = "storage"
    noticed_by = ("storage/signature/signed-request-is-served",)

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        if "x-amz-storage-class" in call.headers:
            raise Fault("NotImplemented")
        original(call)


class LongListsOfKeysRefused(Defect):
    """S3 API Reference, DeleteObjects: up to 1,000 keys, each of up to 1,024 bytes, in one document."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-a-thousand",)

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if len(call.body) > OF_A_FORM:
            raise Fault("MaxMessageLengthExceeded")
        answer: Answer = await original(call, bucket)
        return answer


class SlashBeforeAKeyLost(Defect):
    """S3 API Reference, DeleteObjects, Key: the very characters, a slash before the others among them."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)

    def entry_key(self, original: Any, entry: xml.Node) -> str:
        return str(original(entry)).removeprefix("/")


def _refuse_long(call: Call) -> None:
    if len(call.key.encode()) > 900:
        raise Fault("KeyTooLongError")


class LongKeysOfUploadsRefused(Defect):
    """S3 User Guide, "Object key names": up to 1,024 bytes, however the object comes to be."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        _refuse_long(call)
        answer: Answer = await original(call, bucket)
        return answer


class LongKeysOfCopiesRefused(Defect):
    """S3 User Guide, "Object key names": up to 1,024 bytes, those of copies too."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        _refuse_long(call)
        answer: Answer = await original(call, bucket)
        return answer


class OptionsIsServerError(Defect):
    """RFC 9110 section 9.3.7: OPTIONS may be asked of anything, as browsers do, and is no reason to fail."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-method-is-refused",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(500) if request.method == "OPTIONS" else None
