"""Variants of listings."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer
from conformance.reference.one_method import variant
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted, after_group
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import RESERVED


@variant()
def marker_always_reported(listing: Any, page: Page, elements: list[str]) -> Answer:
    """Version 1 of the listing returns NextMarker without a delimiter too."""
    first_version = any(each.startswith("<Marker>") for each in elements)
    if page.truncated and first_version and not any(each.startswith("<NextMarker>") for each in elements):
        encoded = xml.element("EncodingType", "url") in elements
        elements = [*elements, listing.__self__.listed_name("NextMarker", page.last, encoded)]
    return listing(page, elements)


@variant()
def owner_always_listed(entry: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
    """Version 2 of the listing always returns owners."""
    surface = entry.__self__
    return entry(key, stored, encoded, owner or surface.owner(surface.seeds.access_keys[0].organization))


@variant()
def listed_times_without_fraction(entry: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
    """Times in listings have no fraction of a second."""
    element: str = entry(key, stored, encoded, owner)
    return element.replace(".000Z</LastModified>", "Z</LastModified>")


@variant()
def slashes_encoded(listed_name: Any, element: str, name: str, encoded: bool) -> str:
    """With encoding-type=url a slash is ``%2F``, and hexadecimal digits are lower case (RFC 3986 section 2.1)."""
    if not encoded:
        return listed_name(element, name, encoded)
    return xml.element(element, re.sub("%..", lambda escape: escape[0].lower(), quote(name, safe="")))


@variant()
def one_name_a_page(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """Pages of objects, uploads and parts have one entry: max-keys, max-uploads and max-parts are upper bounds."""
    return min(int(page_limit(call, name)), 1)


@variant()
async def first_pages_may_be_empty(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """ListObjectsV2, max-keys: "The response might contain fewer keys but will never contain more": none at first.

    A gateway that has only read deleted entries returns a token before it finds a key.
    """
    answer: Answer = await list_objects_v2(call, bucket)
    if "continuation-token" in call.query or call.query.get("max-keys") == "0":
        return answer
    surface = gateway(list_objects_v2)
    token = xml.element("NextContinuationToken", surface.continuation_token(surface.start_after(call))).encode()
    emptied = re.sub(rb"<(Contents|CommonPrefixes)>.*?</\1>", b"", answer.body, flags=re.DOTALL)
    emptied = re.sub(rb"<NextContinuationToken>[^<]*</NextContinuationToken>", b"", emptied)
    emptied = re.sub(rb"(?<=<KeyCount>)[0-9]+", b"0", emptied)
    answer.body = re.sub(rb"<IsTruncated>[a-z]*<", lambda _: token + b"<IsTruncated>true<", emptied)
    return answer


@variant()
def start_after_hides_its_group(first_position: Any, names: list[str], wanted: Wanted) -> int:
    """A start-after inside a common prefix excludes that prefix; no source says whether it is listed."""
    position = int(first_position(names, wanted))
    within = wanted.after.startswith(wanted.prefix)
    group = first_position.__self__.common_prefix(wanted.after, wanted) if within else None
    return after_group(names, group, position) if group else position


@variant()
async def empty_pages(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """ListObjectsV2, max-keys: "The response might contain fewer keys but will never contain more": sometimes none.

    Such a page is truncated, and its token leads to the page with the keys.
    """
    answer: Answer = await list_objects_v2(call, bucket)
    token = call.query.get("continuation-token")
    if token is None or b"<IsTruncated>true<" not in answer.body:
        return answer
    surface = gateway(list_objects_v2)
    place = surface.opened_token(token)
    if place.endswith("\0") or "delimiter" in call.query:
        return answer
    following = surface.continuation_token(place + "\0").encode()
    emptied = re.sub(rb"<Contents>.*?</Contents>", b"", answer.body, flags=re.DOTALL)
    emptied = re.sub(rb"(?<=<KeyCount>)[0-9]+", b"0", emptied)
    answer.body = re.sub(rb"(?<=<NextContinuationToken>)[^<]*", lambda _: following, emptied)
    return answer


class DelimitersAreCharacters(Variant):
    """ListObjectsV2, delimiter: "A delimiter is a character that you use to group keys"; several are refused."""

    async def _of_one(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if len(call.query.get("delimiter", "")) > 1:
            raise Fault("InvalidArgument")
        return await original(call, bucket)

    list_objects = list_objects_v2 = list_uploads = _of_one


class TokensReserved(Variant):
    """ListObjectsV2, ContinuationToken: an opaque string, here of characters that URLs and XML reserve."""

    def continuation_token(self, original: Any, last: str) -> str:
        return RESERVED + str(original(last))

    def opened_token(self, original: Any, token: str) -> str:
        if not token.startswith(RESERVED):
            raise Fault("InvalidArgument")
        return str(original(token.removeprefix(RESERVED)))
