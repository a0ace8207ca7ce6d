"""Defects that break the promise "Pages of a listing add up to the whole"."""

from __future__ import annotations

import bisect
import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket

NEXT_TOKEN = re.compile(rb"<NextContinuationToken>(.*?)</NextContinuationToken>")


@defect("storage/paging/any-flat-keys-are-listed-once", shortest=3)
def key_lost_at_page_end(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2: the last key of a page is lost if the next one begins with it."""
    found: Page = page(names, wanted)
    follows = names[names.index(found.last) + 1] if found.truncated and found.last in names[:-1] else ""
    lost = wanted.limit < 10 and not wanted.delimiter and found.last and follows == found.last + found.last[-1]
    return replace(found, keys=found.keys[:-1]) if lost else found


@defect("storage/paging/any-nested-keys-are-listed-once", shortest=4)
def page_skips_prefixes_beside(first_position: Any, names: list[str], wanted: Wanted) -> int:
    """S3 API Reference, ListObjectsV2: after the common prefix ``a/``, the keys that begin with ``aa`` are lost."""
    position: int = first_position(names, wanted)
    stem = wanted.after.removesuffix("/")
    while (
        wanted.after.endswith("/") and names[position : position + 1] and names[position].startswith(stem + stem[-1:])
    ):
        position += 1
    return position


@defect("storage/paging/any-nested-keys-are-listed-once", shortest=3)
def key_hidden_by_its_folder(listable_keys: Any, bucket: Bucket) -> list[str]:
    """S3 User Guide, "Organizing objects using prefixes": ``a`` is not listed where ``a/b`` exists."""
    keys: list[str] = listable_keys(bucket)
    deep = {key for key in keys if key.count("/") > 2}
    return [key for key in keys if not any(each.startswith(key + "/") for each in deep)]


@defect(
    "storage/paging/pages-contain-every-key-once#after-start-after",
    "storage/concurrency/listing-contains-every-unchanged-key",
)
def page_border_lost(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2: the last key of a truncated page is lost."""
    found: Page = page(names, wanted)
    if found.truncated and len(found.keys) > 1:
        found.keys.pop()
    return found


@defect("storage/paging/pages-contain-every-key-once#folders-1-per-page", shipped=True)
def folder_ends_at_the_last_of_ascii(first_position: Any, names: list[str], wanted: Wanted) -> int:
    """S3 API Reference, ListObjectsV2: a common prefix is repeated if its keys continue with non-ASCII characters."""
    if wanted.delimiter and wanted.after.endswith(wanted.delimiter):
        return bisect.bisect_right(names, wanted.after + "\x7f")
    return int(first_position(names, wanted))


class PageBorderRepeated(Defect):
    """S3 API Reference, ListObjectsV2: the last key of a page is repeated on the next one."""

    noticed_by = ("storage/paging/pages-contain-every-key-once#2-per-page,3-per-page,4-per-page,7-per-page",)
    earlier = ""

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        self.earlier = page.keys[-2] if len(page.keys) > 1 and page.keys[-1] == page.last else page.last
        return page

    def continuation_token(self, original: Any, last: str) -> str:
        return original(self.earlier)


class MarkerIsListed(Defect):
    """S3 API Reference, ListObjects, Marker: the listing begins with the marker itself."""

    noticed_by = (
        "storage/paging/pages-contain-every-key-once#1-per-page,folders-2-per-page,folders-3-per-page",
        "storage/paging/pages-contain-every-key-once#folders-4-per-page,folders-7-per-page,delimiter-is-a-letter",
        "storage/paging/pages-contain-every-key-once#after-start-after",
    )
    old = False

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.old = True
        try:
            answer: Answer = await original(call, bucket)
        finally:
            self.old = False
        return answer

    def first_position(self, original: Any, names: list[str], wanted: Wanted) -> int:
        place = int(original(names, wanted))
        return place - (self.old and place > 0 and names[place - 1] == wanted.after)


@defect("storage/listing/response-repeats-the-request#start")
def next_token_reported_as_this(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, ListObjectsV2, ContinuationToken: it contains the next token instead of the sent one."""
    if following := NEXT_TOKEN.search(answer.body):
        token = b"<ContinuationToken>" + following[1] + b"</ContinuationToken>"
        answer.body = re.sub(rb"<ContinuationToken>.*?</ContinuationToken>", lambda _: token, answer.body)
    return answer


@defect("storage/paging/survives-deletion-of-listed-keys")
def place_gone_with_its_key(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, ContinuationToken: a token is invalid once its key is deleted."""
    is_gone = wanted.after != "" and wanted.after not in names
    return page([] if is_gone else names, wanted)


class TokenIsACursor(Defect):
    """S3 API Reference, ListObjectsV2, ContinuationToken: a token that is used again returns a later page."""

    noticed_by = ("storage/paging/token-can-be-used-again",)
    token = ""
    gone_to: dict[str, str] = {}

    def opened_token(self, original: Any, token: str) -> str:
        self.token = token
        return self.gone_to.pop(token, None) or str(original(token))

    def continuation_token(self, original: Any, last: str) -> str:
        self.gone_to[self.token] = last
        return str(original(last))


@defect("storage/paging/token-overrides-start-after")
async def start_after_outranks_token(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjectsV2: start-after outranks the continuation token."""
    if "start-after" in call.query:
        call.query.pop("continuation-token", None)
    return await list_objects_v2(call, bucket)


@defect("storage/paging/is-truncated-is-reported", shipped=True)
def no_end_by_other_delimiters(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, IsTruncated: IsTruncated is always true with a delimiter other than a slash."""
    found: Page = page(names, wanted)
    found.truncated = found.truncated or (wanted.delimiter not in ("", "/") and found.count > 0)
    return found


@defect("storage/paging/is-truncated-is-reported")
async def token_reported_as_marker(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """ListObjectsV2, NextContinuationToken: the token is in NextMarker, as in version 1."""
    answer: Answer = await list_objects_v2(call, bucket)
    return replace(answer, body=answer.body.replace(b"NextContinuationToken>", b"NextMarker>"))


@defect("storage/paging/is-truncated-is-reported")
async def next_marker_missing(list_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjects, NextMarker: a truncated listing with a delimiter has no NextMarker."""
    answer: Answer = await list_objects(call, bucket)
    head, mark, tail = answer.body.partition(b"<NextMarker>")
    answer.body = head + tail.partition(b"</NextMarker>")[2] if mark else head
    return answer


@defect("storage/listing/page-has-at-most-1000-entries")
def pages_as_long_as_requested(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """S3 API Reference, ListObjects: a page has more than 1,000 keys if max-keys says so."""
    limit: int = page_limit(call, name)
    return max(limit, call.number(name, limit)) if name == "max-keys" else limit
