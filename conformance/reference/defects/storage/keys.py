"""Defects of keys: two that are told apart by the caller become one."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import server_error
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket


class KeySlashesCollapsed(Defect):
    """S3 User Guide, "Creating object key names": a key is its characters; ``a//b`` is not ``a/b``."""

    surface = "storage"
    noticed_by = (
        "storage/key/dots-and-slashes-alias-nothing#deleted-slashes-at-the-end",
        "storage/key/dots-and-slashes-alias-nothing#deleted-triple-slash",
        "storage/key/dots-and-slashes-alias-nothing#double-slash",
    )

    def object_key(self, original: Any, key: str) -> str:
        return re.sub("/+", "/", key)


class KeyPlusIsSpace(Defect):
    """RFC 3986 section 3.3: a plus sign in a path is a plus sign."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#blank-and-plus", "interoperability/storage/upload")

    def object_key(self, original: Any, key: str) -> str:
        return key.replace("+", " ")


class KeyNormalised(Defect):
    """S3 User Guide, "Creating object key names": a key is a sequence of Unicode characters, composed or not."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#composed-and-decomposed",)

    def object_key(self, original: Any, key: str) -> str:
        return unicodedata.normalize("NFC", key)


class KeyLeadingSlashDropped(Defect):
    """S3 User Guide, "Creating object key names": ``/a`` is not ``a``."""

    surface = "storage"
    noticed_by = ("storage/key/leading-slash-is-kept",)

    def object_key(self, original: Any, key: str) -> str:
        return key.lstrip("/") or key


class KeyDecodedTwice(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once."""

    surface = "storage"
    noticed_by = (
        "storage/key/similar-names-are-different#encoded-slash",
        "storage/key/similar-names-are-different#percent-and-letter",
        "storage/key/similar-names-are-different#to-every-operation",
    )

    def object_key(self, original: Any, key: str) -> str:
        return unquote(key)


class KeySpacesTrimmed(Defect):
    """S3 User Guide, "Creating object key names": a space at the end is part of the key."""

    surface = "storage"
    noticed_by = (
        "storage/key/similar-names-are-different#end-of-a-line",
        "storage/key/similar-names-are-different#trailing-blank",
    )

    def object_key(self, original: Any, key: str) -> str:
        return key.strip() or key


class LongKeyCut(Defect):
    """S3 API Reference, KeyTooLongError: a key above 1024 bytes is refused, not cut."""

    surface = "storage"
    noticed_by = (
        "storage/key/over-1024-bytes-is-refused#in-parts",
        "storage/key/over-1024-bytes-is-refused#one-more",
        "storage/key/over-1024-bytes-is-refused#twice",
    )

    def object_key(self, original: Any, key: str) -> str:
        return key.encode()[:1024].decode(errors="ignore")


class KeyLimitOffByOne(Defect):
    """S3 User Guide, "Creating object key names": a key may have 1024 bytes."""

    surface = "storage"
    noticed_by = (
        "storage/key/of-1024-bytes-is-kept#ascii",
        "storage/key/of-1024-bytes-is-kept#copied",
        "storage/key/of-1024-bytes-is-kept#in-parts",
    )

    def key_too_long(self, original: Any, key: str) -> bool:
        return bool(original(key + "."))


class KeyBelowKeyIsServerError(Defect):
    """S3 User Guide, "Organizing objects using prefixes": ``a`` and ``a/b`` are two keys like any others."""

    surface = "storage"
    noticed_by = ("storage/key/object-beside-its-prefix", "storage/model/nested-keys")

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        above = call.key.split("/")[:-1]
        if any("/".join(above[:depth]) in bucket.objects for depth in range(1, len(above) + 1)):
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class PoisonKeyStored(Defect):
    """W3C XML 1.0 section 2.2: a listing is well-formed, whatever keys were stored."""

    surface = "storage"
    noticed_by = (
        "storage/key/control-characters-do-not-break-listings#escape",
        "storage/key/control-characters-do-not-break-listings#return",
    )

    def check_key(self, original: Any, key: str) -> None:
        if len(key) > 1024:
            original(key)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return (
            f"<{element}>{name}</{element}>"
            if any(ord(each) < 32 for each in name)
            else original(element, name, encoded)
        )


class ControlCharacterKeyIsServerError(Defect):
    """S3 API Reference, InvalidArgument: a key that cannot be stored is refused with 400."""

    surface = "storage"
    noticed_by = (
        "storage/key/control-characters-do-not-break-listings#escape",
        "storage/key/control-characters-do-not-break-listings#one",
    )

    def check_key(self, original: Any, key: str) -> None:
        if any(ord(each) < 32 for each in key):
            raise server_error()
        original(key)


class LongNamesCut(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": of a key's 1,024 bytes all may be between two slashes."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#one-segment",)

    def object_key(self, original: Any, key: str) -> str:
        return "/".join(name[:255] for name in str(original(key)).split("/"))


class InvisibleLettersLost(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a space of no width, a mark or a hyphen that none sees are there."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#unicode",)

    def object_key(self, original: Any, key: str) -> str:
        return str(original(key)).translate(dict.fromkeys(map(ord, "\u200b\u00ad\u200f\ufeff")))
