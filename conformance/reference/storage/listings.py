"""Listings of objects: ListObjects and ListObjectsV2."""

from __future__ import annotations

import base64
import bisect
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote

from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.base import Gateway, iso_time
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.objects import Objects
from conformance.reference.storage.state import Bucket, StoredObject

LONGEST_PAGE = 1000
_TOKEN_KEY = secrets.token_bytes(16)
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class Wanted:
    """The parameters of a page: names that begin with ``prefix`` and come after ``after``.

    If ``after`` is a common prefix, the page begins after all names under it.
    """

    prefix: str
    delimiter: str
    after: str
    limit: int


@dataclass
class Page:
    """A page: keys and common prefixes, each in order; ``last`` is the last of both."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""

    @property
    def count(self) -> int:
        """The number of keys and common prefixes, as max-keys counts them."""
        return len(self.keys) + len(self.prefixes)


def after_group(keys: list[str], group: str, position: int) -> int:
    """Return the position of the first key from ``position`` that does not begin with ``group``."""
    position = bisect.bisect_left(keys, group + _LAST_CHARACTER, position)
    while position < len(keys) and keys[position].startswith(group):
        position += 1
    return position


class Paging(Gateway):
    """Pages of sorted names and their XML, for objects and uploads."""

    def common_prefix(self, name: str, wanted: Wanted) -> str | None:
        """Return the common prefix of a name, up to and including the first delimiter after the prefix, or None."""
        if not wanted.delimiter:
            return None
        found = name.find(wanted.delimiter, len(wanted.prefix))
        return None if found < 0 else name[: found + len(wanted.delimiter)]

    def first_position(self, names: list[str], wanted: Wanted) -> int:
        position = max(bisect.bisect_left(names, wanted.prefix), bisect.bisect_right(names, wanted.after))
        if wanted.after.startswith(wanted.prefix) and self.common_prefix(wanted.after, wanted) == wanted.after:
            position = after_group(names, wanted.after, position)
        return position

    def page(self, names: list[str], wanted: Wanted) -> Page:
        """Return the page of sorted names; a common prefix counts like a name."""
        page, position = Page(), self.first_position(names, wanted)
        while position < len(names) and names[position].startswith(wanted.prefix):
            if page.count >= wanted.limit:
                page.truncated = wanted.limit > 0
                break
            group = self.common_prefix(names[position], wanted)
            page.last = names[position] if group is None else group
            (page.keys if group is None else page.prefixes).append(page.last)
            position = position + 1 if group is None else after_group(names, group, position)
        return page

    def page_limit(self, call: Call, name: str = "max-keys") -> int:
        """Return the largest number of names of a page: as requested, at most a thousand."""
        return min(call.number(name, LONGEST_PAGE), LONGEST_PAGE)

    def url_encoded(self, call: Call) -> bool:
        """Return whether names are percent-encoded; Fault InvalidArgument for another encoding."""
        given = call.query.get("encoding-type")
        if given not in (None, "url"):
            raise Fault("InvalidArgument", "Invalid Encoding Method specified in Request")
        return given == "url"

    def listed_name(self, element: str, name: str, encoded: bool) -> str:
        """Return a name in a listing; Fault InvalidArgument if XML cannot express it unencoded."""
        if encoded:
            return xml.element(element, quote(name, safe="/-_.~"))
        if not xml.expressible(name):
            raise Fault("InvalidArgument", f"{element} has characters that only encoding-type=url can express.")
        return xml.element(element, name)

    def listed_prefixes(self, prefixes: list[str], encoded: bool) -> list[str]:
        return [xml.group("CommonPrefixes", self.listed_name("Prefix", name, encoded)) for name in prefixes]


class Listings(Paging, Objects):
    """The two listings of a bucket's objects."""

    def listable_keys(self, bucket: Bucket) -> list[str]:
        """Return the keys in UTF-8 binary order."""
        return bucket.keys

    def wanted(self, call: Call, after: str) -> Wanted:
        return Wanted(call.query.get("prefix", ""), call.query.get("delimiter", ""), after, self.page_limit(call))

    def echoed(self, call: Call, wanted: Wanted, encoded: bool) -> list[str]:
        """Return the elements that repeat the request."""
        elements = [self.listed_name("Prefix", wanted.prefix, encoded), xml.element("MaxKeys", wanted.limit)]
        if wanted.delimiter:
            elements.append(self.listed_name("Delimiter", wanted.delimiter, encoded))
        return elements + ([xml.element("EncodingType", "url")] if encoded else [])

    def listed_contents(self, bucket: Bucket, page: Page, encoded: bool, owner: str) -> list[str]:
        """Return the Contents elements; ``owner`` is an element or ""."""
        found = ((key, self.listed_object(bucket, key)) for key in page.keys)
        return [self.entry(key, stored, encoded, owner) for key, stored in found if stored is not None]

    def listed_object(self, bucket: Bucket, key: str) -> StoredObject | None:
        return bucket.objects.get(key)

    def entry(self, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        return xml.group(
            "Contents",
            self.listed_name("Key", key, encoded),
            xml.element("LastModified", iso_time(stored.modified)),
            xml.element("ETag", self.quoted(stored.etag)),
            xml.element("Size", stored.size),
            owner,
            xml.element("StorageClass", stored.storage_class),
        )

    async def list_objects(self, call: Call, bucket: Bucket) -> Answer:
        """Return a page after a marker (version 1)."""
        marker, encoded = call.query.get("marker", ""), self.url_encoded(call)
        wanted = self.wanted(call, marker)
        page = self.page(self.listable_keys(bucket), wanted)
        elements = [xml.element("Name", bucket.name), *self.echoed(call, wanted, encoded)]
        elements.append(self.listed_name("Marker", marker, encoded))
        if page.truncated and wanted.delimiter:
            elements.append(self.listed_name("NextMarker", page.last, encoded))
        contents = self.listed_contents(bucket, page, encoded, self.owner(bucket.organization))
        return self.listing(page, elements + contents + self.listed_prefixes(page.prefixes, encoded))

    async def list_objects_v2(self, call: Call, bucket: Bucket) -> Answer:
        """Return a page after an opaque token, or the first one after start-after (version 2)."""
        encoded, token = self.url_encoded(call), call.query.get("continuation-token")
        after = self.start_after(call) if token is None else self.opened_token(token)
        wanted = self.wanted(call, after)
        page = self.page(self.listable_keys(bucket), wanted)
        elements = [xml.element("Name", bucket.name), *self.echoed(call, wanted, encoded)]
        elements.append(xml.element("KeyCount", self.key_count(page)))
        if "start-after" in call.query:
            elements.append(self.listed_name("StartAfter", call.query["start-after"], encoded))
        if token is not None:
            elements.append(xml.element("ContinuationToken", token))
        if page.truncated:
            elements.append(xml.element("NextContinuationToken", self.continuation_token(page.last)))
        owner = self.owner(bucket.organization) if call.query.get("fetch-owner") == "true" else ""
        contents = self.listed_contents(bucket, page, encoded, owner)
        return self.listing(page, elements + contents + self.listed_prefixes(page.prefixes, encoded))

    def listing(self, page: Page, elements: list[str]) -> Answer:
        truncated = xml.element("IsTruncated", "true" if page.truncated else "false")
        return self.document("ListBucketResult", *elements, truncated)

    def start_after(self, call: Call) -> str:
        return call.query.get("start-after", "")

    def key_count(self, page: Page) -> int:
        return page.count

    def continuation_token(self, last: str) -> str:
        """Return an opaque token for the page after this key or common prefix."""
        name = last.encode()
        return base64.urlsafe_b64encode(hmac.digest(_TOKEN_KEY, name, "sha256")[:12] + name).decode()

    def opened_token(self, token: str) -> str:
        """Return the name in a token; Fault InvalidArgument for one that this server did not make."""
        try:
            content = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except ValueError:
            content = b""
        mark, name = content[:12], content[12:]
        if not hmac.compare_digest(mark, hmac.digest(_TOKEN_KEY, name, "sha256")[:12]):
            raise Fault("InvalidArgument", "The continuation token provided is incorrect")
        return name.decode()
