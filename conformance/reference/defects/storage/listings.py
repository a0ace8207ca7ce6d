"""Defects of listings of objects."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import MOMENT_S, gateway, server_error
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import LONGEST_PAGE, Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject


class KeyCountWithoutPrefixes(Defect):
    """S3 API Reference, ListObjectsV2, KeyCount: keys and common prefixes of the answer together."""

    surface = "storage"
    noticed_by = ("storage/listing/says-what-was-asked",)

    def key_count(self, original: Any, page: Page) -> int:
        return len(page.keys)


class KeyCountIsNoNumber(Defect):
    """S3 API Reference, ListObjectsV2, KeyCount: of the type Integer."""

    surface = "storage"
    noticed_by = ("storage/listing/says-what-was-asked",)

    def key_count(self, original: Any, page: Page) -> str:
        return "many"


class PageBorderRepeated(Defect):
    """S3 API Reference, ListObjectsV2: a key is listed once, on one page."""

    surface = "storage"
    noticed_by = (
        "storage/paging/pages-make-the-whole#2",
        "storage/paging/pages-make-the-whole#3",
        "storage/paging/pages-make-the-whole#4",
        "storage/paging/pages-make-the-whole#7",
    )

    def __init__(self) -> None:
        self.earlier = ""

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        self.earlier = page.keys[-2] if len(page.keys) > 1 and page.keys[-1] == page.last else page.last
        return page

    def continuation_token(self, original: Any, last: str) -> str:
        token: str = original(self.earlier)
        return token


class PageBorderLost(Defect):
    """S3 API Reference, ListObjectsV2: the pages together have every key."""

    surface = "storage"
    noticed_by = ("storage/paging/goes-on-after-start-after", "storage/at-once/listing-keeps-what-stays")

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        if page.truncated and len(page.keys) > 1:
            page.keys.pop()
        return page


class TruncationUnsaid(Defect):
    """S3 API Reference, ListObjectsV2, IsTruncated: true where more is to come."""

    surface = "storage"
    noticed_by = ("storage/paging/truncation-is-told", "storage/paging/token-can-be-used-again")

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.truncated = False
        return page


class ListedInDirectoryOrder(Defect):
    """S3 API Reference, ListObjectsV2: keys are listed in UTF-8 binary order."""

    surface = "storage"
    noticed_by = ("storage/listing/is-in-utf8-order",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.keys.sort(key=lambda key: key.split("/"))
        return page


class DelimiterOfOneCharacter(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: a string, of any length."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-of-several-letters",)

    def common_prefix(self, original: Any, name: str, wanted: Wanted) -> str | None:
        group: str | None = original(name, replace(wanted, delimiter=wanted.delimiter[:1]))
        return group


class DelimiterIsPattern(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: its very characters, not a pattern of them."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-that-does-not-occur",)

    def common_prefix(self, original: Any, name: str, wanted: Wanted) -> str | None:
        found = re.search(wanted.delimiter, name[len(wanted.prefix) :]) if wanted.delimiter else None
        return None if found is None else name[: len(wanted.prefix) + found.end()]


class DelimiterInPrefixCounted(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: up to the first delimiter after the prefix."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-below-a-prefix",)

    def common_prefix(self, original: Any, name: str, wanted: Wanted) -> str | None:
        group: str | None = original(name, replace(wanted, prefix=wanted.prefix.removesuffix(wanted.delimiter or "/")))
        return group


class EncodingTypeNotHeeded(Defect):
    """S3 API Reference, ListObjectsV2, encoding-type: with ``url`` names are percent-encoded."""

    surface = "storage"
    noticed_by = ("storage/listing/encoding-is-told",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        told: str = original(element, name, False)
        return told


class ListedKeyEncodedTwice(Defect):
    """S3 API Reference, ListObjectsV2, encoding-type: a name that is decoded once is the object's key."""

    surface = "storage"
    noticed_by = ("storage/listing/encoded-where-asked",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        told: str = original(element, name, encoded)
        return told.replace("%", "%25") if encoded else told


class ListedKeyUnescaped(Defect):
    """W3C XML 1.0 section 2.4: an ampersand in a key is escaped in the listing."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept#ampersand",)

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        told: str = original(element, name, encoded)
        return told.replace("&amp;", "&")


class PrefixIsFolder(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it, wherever it ends."""

    surface = "storage"
    noticed_by = (
        "storage/listing/prefix-is-a-whole-key",
        "storage/subresource/unknown-method-is-refused#conform",
        "storage/subresource/unknown-method-is-refused#post",
    )

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        prefix = wanted.prefix
        return replace(wanted, prefix=prefix + "/" if prefix and not prefix.endswith("/") else prefix)


class PrefixNotHeeded(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it and no others."""

    surface = "storage"
    noticed_by = (
        "storage/listing/keeps-to-the-prefix",
        "storage/listing/keeps-to-the-prefix#from-its-beginning",
        "storage/listing/keeps-to-the-prefix#of-a-folder-among-its-like",
        "storage/listing/prefix-ends-anywhere",
        "storage/listing/nothing-is-an-empty-page",
    )

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return wanted if wanted.delimiter else replace(wanted, prefix="")


class NewKeyListedLate(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": an object is listed as soon as it was put."""

    surface = "storage"
    noticed_by = (
        "storage/listing/lists-what-is-there#in-the-whole-bucket",
        "storage/listing/lists-what-is-there#of-version-1",
    )

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], float] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if key not in bucket.objects:
            self.made[bucket.name, key] = gateway(original).now() + MOMENT_S
        await original(bucket, key, stored, asked)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        now = gateway(original).now()
        return [key for key in original(bucket) if self.made.get((bucket.name, key), 0) <= now]


class MaxKeysZeroIsAll(Defect):
    """S3 API Reference, ListObjectsV2, max-keys: nought asks for no keys."""

    surface = "storage"
    noticed_by = ("storage/listing/max-keys-nought-is-empty",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        return int(original(call, name)) or 1000


class LargeMaxKeysRefused(Defect):
    """S3 API Reference, ListObjectsV2, max-keys: more than a page can hold may be asked for."""

    surface = "storage"
    noticed_by = ("storage/listing/max-keys-above-the-limit-is-served",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        if call.number(name, 0) > LONGEST_PAGE:
            raise Fault("InvalidArgument")
        return int(original(call, name))


class BadMaxKeysIsServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for a max-keys that is no number."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#max-keys-empty",
        "storage/listing/bad-parameters-are-no-server-error#max-keys-huge",
        "storage/listing/bad-parameters-are-no-server-error#max-keys-negative",
        "storage/listing/bad-parameters-are-no-server-error#max-keys-word",
    )

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        try:
            return int(original(call, name))
        except Fault:
            raise server_error() from None


class BadMaxKeysNotRefused(Defect):
    """S3 API Reference, InvalidArgument: a max-keys that is no number is refused."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-refused#max-keys-fraction",
        "storage/listing/bad-parameters-are-refused#max-keys-negative",
        "storage/listing/bad-parameters-are-refused#max-keys-word",
    )

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        try:
            return int(original(call, name))
        except Fault:
            return 1000


class BadTokenIsServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for a continuation token that is none."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#token",
        "storage/listing/bad-parameters-are-no-server-error#token-empty",
    )

    def opened_token(self, original: Any, token: str) -> str:
        try:
            return str(original(token))
        except Fault:
            raise server_error() from None


class BadTokenStartsOver(Defect):
    """S3 API Reference, InvalidArgument: a continuation token that is none does not start the listing over."""

    surface = "storage"
    noticed_by = ("storage/listing/bad-parameters-are-refused#token",)

    def opened_token(self, original: Any, token: str) -> str:
        try:
            return str(original(token))
        except Fault:
            return ""
