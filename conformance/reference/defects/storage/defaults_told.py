"""Defects of what is told though it is the default, of checksums taken for numbers, of what is long or begins oddly."""

from __future__ import annotations

import base64
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call


class NoughtsOfCrcsLost(Defect):
    """S3 User Guide, "Checking object integrity": a CRC has its length, with noughts in front where it is small."""

    surface = "storage"
    noticed_by = ("storage/checksum/told-is-the-one-given#crc32", "storage/checksum/told-is-the-one-given#crc32c")

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        given: dict[str, str] = original(call)
        return {name: base64.b64encode(base64.b64decode(text).lstrip(b"\0")).decode() for name, text in given.items()}


class SlashBeforeAKeyLost(Defect):
    """S3 API Reference, DeleteObjects, Key: the very characters, a slash before the others among them."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is#slash-before-it",)

    def entry_key(self, original: Any, entry: xml.Node) -> str:
        return str(original(entry)).removeprefix("/")


class OptionsIsServerError(Defect):
    """RFC 9110 section 9.3.7: OPTIONS may be asked of anything, as browsers do, and is no reason to fail."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-method-is-refused#options",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(500) if request.method == "OPTIONS" else None
