"""Defects of objects, keys and signatures of the S3 gateway that no written example meets."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.explored.common import failed
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

KEY = "storage/key/any-key-reaches-itself"
METADATA = "storage/object/any-metadata-comes-back"
FIELD = "storage/range/any-field-is-answered"
PARTS = "storage/range/parts-make-the-whole"
QUERY = "storage/errors/any-query-is-no-server-error"
TAGS = "storage/tagging/any-set-comes-back"
ALTERED = "storage/signature/any-altered-component-is-refused"
SIGNED = "storage/signature/any-rightly-signed-request-is-served"
ORDER = "storage/multipart/any-order-of-parts-is-one-object"


class RareCharacterNotListed(Defect):
    """S3 User Guide, "Creating object key names": a key is any UTF-8, of its rarest characters too."""

    surface = "storage"
    noticed_by = ("storage/key/any-key-reaches-itself",)
    shortest = 2

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return [key for key in original(bucket) if not any(0xF0000 <= ord(each) < 0x10FF00 for each in key)]


class MetadataReadAsAList(Defect):
    """S3 User Guide, "Working with object metadata": a value is kept whole, commas and semicolons included."""

    surface = "storage"
    noticed_by = ("storage/object/any-metadata-comes-back",)
    shortest = 2

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: re.split(";|,(?![a-z])", value)[0] for name, value in original(call).items()}


class RangeBeyondEveryIntegerFails(Defect):
    """RFC 9110 section 14.2: a number of thirty digits in Range is no reason for a 5xx."""

    surface = "storage"
    noticed_by = ("storage/range/any-field-is-answered",)
    shortest = 2

    def intercept(self, request: Request) -> Answer | None:
        return failed() if re.search("[0-9]{25}", request.headers.get("range", "")) else None


class PartOfASmallObjectIsPadding(Defect):
    """RFC 9110 section 14.2: a part is its bytes, of an object of a handful of bytes too."""

    surface = "storage"
    noticed_by = ("storage/range/parts-make-the-whole",)
    shortest = 2

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        body: bytes = original(call, found, start, end)
        return bytes(len(body)) if "range" in call.headers and 0 < found.size < 6 else body


class UnreadableParameterFails(Defect):
    """S3 API Reference, Common Request Parameters: a value that is not ASCII is no reason for a 5xx."""

    surface = "storage"
    noticed_by = (
        "storage/errors/any-query-is-no-server-error",
        "storage/errors/any-query-is-no-server-error#chosen-file-name",
    )
    shortest = 2

    def intercept(self, request: Request) -> Answer | None:
        names = {name for name, value in request.query if not value.isascii()}
        odd = {name for name in names if name.startswith(("cf-", "x-id", "response-", "conformance", "versionId"))}
        return failed() if odd and request.method == "GET" else None


class TagNameCutToItsLastStep(Defect):
    """S3 User Guide, "Categorizing your objects using tags": ``/`` is a letter of a tag's name like any other."""

    surface = "storage"
    noticed_by = ("storage/tagging/any-set-comes-back",)
    shortest = 3

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        tags: dict[str, str] = original(pairs)
        return {name.rpartition("/")[2] or name: value for name, value in tags.items()}


class SignatureComparedInItsTail(Defect):
    """S3 API Reference, Signature Version 4: the signature is compared whole."""

    surface = "storage"
    noticed_by = ("storage/signature/any-altered-component-is-refused",)
    shortest = 2

    def signature_matches(self, original: Any, given: str, computed: str) -> bool:
        return len(given) == len(computed) and given[16:] == computed[16:]


class QuotesInQuerySignedBare(Defect):
    """S3 API Reference, Signature Version 4, UriEncode: every character but the unreserved ones is encoded."""

    surface = "storage"
    noticed_by = ("storage/signature/any-rightly-signed-request-is-served",)
    shortest = 1

    def canonical_query(self, original: Any, request: Request) -> str:
        return re.sub("%2[789]", lambda found: chr(int(found[0][1:], 16)), original(request))


class FirstOfALaterPartStands(Defect):
    """S3 API Reference, UploadPart: a part sent anew overwrites the one before, though there is no first part."""

    surface = "storage"
    noticed_by = ("storage/multipart/any-order-of-parts-is-one-object",)
    shortest = 4

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        if part.number not in upload.parts or 1 in upload.parts:
            await original(upload, part)
