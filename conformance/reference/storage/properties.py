"""The properties of an object: system headers, metadata, tags, storage class."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import parse_qsl

from conformance.reference.storage import xml
from conformance.reference.storage.base import Gateway
from conformance.reference.storage.call import Call, decoded
from conformance.reference.storage.conditions import Preconditions
from conformance.reference.storage.digests import Digests
from conformance.reference.storage.faults import Fault

LARGEST_METADATA = 2048
LONGEST_KEY = 1024
MOST_TAGS, LONGEST_TAG_KEY, LONGEST_TAG_VALUE = 10, 128, 256
META = "x-amz-meta-"
SYSTEM_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
)
STORAGE_CLASSES = {
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
}
OWN_KEY_ENCRYPTION = ("x-amz-server-side-encryption-customer-", "x-amz-copy-source-server-side-encryption-")
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def valid_tag_text(text: str) -> bool:
    """Return whether a tag's key or value has only letters, digits, spaces and ``+ - = . _ : / @``."""
    return all(character in "+-=._:/@" or unicodedata.category(character)[0] in "LNZ" for character in text)


class Properties(Digests, Preconditions, Gateway):
    """Reads and limits the properties in a write request."""

    def refuse_unsupported(self, call: Call) -> None:
        """Refuse unsupported headers, since a client would rely on them."""
        headers = call.headers
        if any(name.startswith(OWN_KEY_ENCRYPTION) for name in headers):
            raise Fault("NotImplemented")
        if headers.get("x-amz-server-side-encryption", "AES256") != "AES256":
            raise Fault("NotImplemented")
        if any(name.startswith("x-amz-object-lock-") for name in headers):
            raise Fault("InvalidRequest", "Bucket is missing Object Lock Configuration")
        if any(name.startswith("x-amz-grant-") for name in headers) or headers.get("x-amz-acl", "private") not in (
            "private",
            "bucket-owner-full-control",
        ):
            raise Fault("AccessControlListNotSupported")

    def check_key(self, key: str) -> None:
        if self.key_too_long(key):
            raise Fault("KeyTooLongError")
        if not xml.expressible(key):
            raise Fault("InvalidArgument", "The key has characters that XML 1.0 cannot express.")

    def key_too_long(self, key: str) -> bool:
        return len(key.encode()) > LONGEST_KEY

    def content_type(self, call: Call) -> str:
        return call.headers.get("content-type") or "binary/octet-stream"

    def content_encoding(self, call: Call) -> str:
        """Return Content-Encoding without ``aws-chunked``, which belongs to the transfer, not to the object."""
        codings = [part.strip() for part in call.headers.get("content-encoding", "").split(",")]
        return ",".join(part for part in codings if part and part.lower() != "aws-chunked")

    def system_headers(self, call: Call) -> dict[str, str]:
        found = {name: call.headers[name] for name in SYSTEM_HEADERS if call.headers.get(name)}
        encoding = self.content_encoding(call)
        if encoding:
            found["content-encoding"] = encoding
        return {"content-type": self.content_type(call), **found}

    def metadata(self, call: Call) -> dict[str, str]:
        """Return user metadata by name; Fault MetadataTooLarge above 2 KiB of names and values."""
        found: dict[str, str] = {}
        for name, value in call.headers.items():
            if name.startswith(META):
                found[name[len(META) :]] = ",".join(call.headers.getlist(name))
                if _CONTROLS.search(value):
                    raise Fault("InvalidArgument", "Metadata may not contain control characters.")
        if self.metadata_too_large(sum(len(name) + len(value) for name, value in found.items())):
            raise Fault("MetadataTooLarge")
        return found

    def metadata_too_large(self, size: int) -> bool:
        return size > LARGEST_METADATA

    def storage_class(self, call: Call) -> str:
        given = call.headers.get("x-amz-storage-class", "STANDARD")
        if given not in STORAGE_CLASSES:
            raise Fault("InvalidStorageClass")
        return given

    def header_tags(self, call: Call) -> dict[str, str]:
        """Return tags of the x-amz-tagging header, which has the form of a query."""
        given = call.headers.get("x-amz-tagging", "")
        decoded(given, "InvalidArgument")
        pairs = parse_qsl(given, keep_blank_values=True)
        if len({name for name, _ in pairs}) != len(pairs):
            raise Fault("InvalidArgument", "The header 'x-amz-tagging' may not name a tag twice.")
        return self.checked_tags(pairs)

    def checked_tags(self, pairs: list[tuple[str, str]]) -> dict[str, str]:
        """Return tags by key; else Fault InvalidTag (S3 User Guide, "Categorizing your storage using tags")."""
        if len(pairs) > MOST_TAGS:
            raise Fault("InvalidTag", "Object tags cannot be greater than 10")
        for key, value in pairs:
            if not 1 <= len(key) <= LONGEST_TAG_KEY or not valid_tag_text(key) or key.startswith("aws:"):
                raise Fault("InvalidTag", "The TagKey you have provided is invalid")
            if len(value) > LONGEST_TAG_VALUE or not valid_tag_text(value):
                raise Fault("InvalidTag", "The TagValue you have provided is invalid")
        tags = dict(pairs)
        if len(tags) != len(pairs):
            raise Fault("InvalidTag", "Cannot provide multiple Tags with the same key")
        return tags
