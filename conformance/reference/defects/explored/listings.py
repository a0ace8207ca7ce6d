"""Defects of pages and of documents of the S3 gateway that no written example meets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket

FLAT = "storage/paging/any-flat-set-is-whole"
NESTED = "storage/paging/any-nested-set-is-whole"


class KeyLostAtPageEnd(Defect):
    """S3 API Reference, ListObjectsV2: a key that ends a page is on it, though the next one begin with it."""

    surface = "storage"
    noticed_by = ("storage/paging/any-flat-set-is-whole",)
    shortest = 3

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        follows = names[names.index(page.last) + 1] if page.truncated and page.last in names[:-1] else ""
        lost = wanted.limit < 10 and not wanted.delimiter and page.last and follows == page.last + page.last[-1]
        return replace(page, keys=page.keys[:-1]) if lost else page


class PageSkipsPrefixesBeside(Defect):
    """S3 API Reference, ListObjectsV2: behind the common prefix ``a/`` what begins with ``aa`` is still to come."""

    surface = "storage"
    noticed_by = ("storage/paging/any-nested-set-is-whole",)
    shortest = 4

    def first_position(self, original: Any, names: list[str], wanted: Wanted) -> int:
        position: int = original(names, wanted)
        stem = wanted.after.removesuffix("/")
        while (
            wanted.after.endswith("/")
            and names[position : position + 1]
            and names[position].startswith(stem + stem[-1:])
        ):
            position += 1
        return position


class KeyHiddenByItsFolder(Defect):
    """S3 User Guide, "Organizing objects using prefixes": ``a`` and ``a/b`` are two keys, both listed."""

    surface = "storage"
    noticed_by = ("storage/paging/any-nested-set-is-whole",)
    shortest = 3

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        keys: list[str] = original(bucket)
        deep = {key for key in keys if key.count("/") > 2}
        return [key for key in keys if not any(each.startswith(key + "/") for each in deep)]


class _RefusedDocument(Defect):
    """A document with some mark in it is refused as malformed."""

    root: ClassVar[str] = ""
    mark: ClassVar[bytes] = b""

    def request_document(self, original: Any, body: bytes, root: str) -> Any:
        if root == self.root and re.search(self.mark, body):
            raise Fault("MalformedXML")
        return original(body, root)


class CdataInDeletionRefused(_RefusedDocument):
    """XML 1.0 section 2.7: text may be written in a CDATA section."""

    surface = "storage"
    noticed_by = ("storage/xml/spoiled-deletion-is-judged",)
    shortest, root, mark = 1, "Delete", rb"<!\[CDATA"


class CdataInCompletionRefused(_RefusedDocument):
    """XML 1.0 section 2.7: text may be written in a CDATA section."""

    surface = "storage"
    noticed_by = ("storage/xml/spoiled-completion-is-judged",)
    shortest, root, mark = 3, "CompleteMultipartUpload", rb"<!\[CDATA"


class CdataInTaggingRefused(_RefusedDocument):
    """XML 1.0 section 2.7: text may be written in a CDATA section."""

    surface = "storage"
    noticed_by = ("storage/xml/spoiled-tagging-is-judged",)
    shortest, root, mark = 2, "Tagging", rb"<!\[CDATA"
