"""One defect for each promise on listings, and on DeleteObjects."""

from __future__ import annotations

import fnmatch
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import page_of


class KeyCountWithoutPrefixes(Defect):
    """The KeyCount of a listing does not include its common prefixes."""

    surface = "storage"
    promise = "S3-28"
    noticed_by = ("storage/listing/response-repeats-the-request#parameters",)

    def key_count(self, original: Any, page: Page) -> int:
        return len(page.keys)


class PrefixIsGlob(Defect):
    """An asterisk in the prefix of a listing matches any characters."""

    surface = "storage"
    promise = "S3-29"
    noticed_by = ("storage/listing/prefix-is-honoured#no-pattern-asterisk",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        return page_of(original, [name for name in names if fnmatch.fnmatchcase(name, wanted.prefix + "*")], wanted)


class MaxKeysZeroIsAll(Defect):
    """A listing with max-keys=0 returns every key."""

    surface = "storage"
    promise = "S3-30"
    noticed_by = ("storage/listing/max-keys-zero-is-empty",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        return int(original(call, name)) or 1000


class ListedKeyEncodedTwice(Defect):
    """A URL-encoded listing encodes keys twice."""

    surface = "storage"
    promise = "S3-31"
    noticed_by = ("storage/listing/contains-every-object-once#url-encoded",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        told: str = original(element, name, encoded)
        return told.replace("%", "%25") if encoded else told


class TruncationUnsaid(Defect):
    """A listing does not state that more pages follow."""

    surface = "storage"
    promise = "S3-32"
    noticed_by = ("storage/paging/is-truncated-is-reported", "storage/paging/token-can-be-used-again")

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.truncated = False
        return page


class QuietHidesErrors(Defect):
    """DeleteObjects in quiet mode does not report keys that could not be deleted."""

    surface = "storage"
    promise = "S3-33"
    noticed_by = ("storage/multi-delete/quiet-tells-errors",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        told: str = await original(bucket, entry, quiet)
        return "" if quiet else told
