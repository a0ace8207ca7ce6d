"""Defects of listings that have every key, and say something else of what was asked or of what they group."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import LONGEST_PAGE, Page, Wanted
from conformance.reference.storage.state import Bucket, Upload

_TIME = re.compile(rb"(<LastModified>[0-9-]+)T([0-9:]+)[^<]*")
_BEHIND_ALL = "\U0010ffff"


class PrefixesWithoutTheirDelimiter(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: as far as the next delimiter, that included."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-groups", "storage/listing/delimiter-groups#of-a-folder-itself")

    def listed_prefixes(self, original: Any, prefixes: list[str], encoded: bool) -> list[str]:
        found: list[str] = original([each.removesuffix("/") for each in prefixes], encoded)
        return found


class PrefixesInNoOrder(Defect):
    """S3 User Guide, "Listing object keys programmatically": names are listed in the order of their UTF-8 bytes."""

    surface = "storage"
    noticed_by = ("storage/listing/is-in-utf8-order",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.prefixes.reverse()
        return page


class ListedTimesOfADatabase(Defect):
    """S3 API Reference, Object, LastModified: a timestamp in ISO 8601 form, in UTC."""

    surface = "storage"
    noticed_by = ("storage/listing/tells-what-head-tells",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b"<ListBucketResult" in answer.body:
            answer.body = _TIME.sub(rb"\1 \2", answer.body)
        return answer


class MaxKeysBeyondIsNought(Defect):
    """S3 API Reference, ListObjectsV2, MaxKeys: more may be asked for than a page has, and a page comes."""

    surface = "storage"
    noticed_by = ("storage/listing/max-keys-above-the-limit-is-served",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        return 0 if call.number(name, LONGEST_PAGE) > LONGEST_PAGE else int(original(call, name))


class EmptyStartIsTheEnd(Defect):
    """S3 API Reference, ListObjectsV2, StartAfter: an empty one is before every key."""

    surface = "storage"
    noticed_by = ("storage/listing/empty-parameters-ask-for-nothing",)

    def start_after(self, original: Any, call: Call) -> str:
        return _BEHIND_ALL if call.query.get("start-after") == "" else str(original(call))


class UploadsOfAllBucketsListed(Defect):
    """S3 API Reference, ListMultipartUploads: the uploads under way in one bucket."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed#beside-another-bucket-s",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        own = [each for each in gateway(original).buckets.values() if each.organization == bucket.organization]
        return sorted((upload for each in own for upload in original(each)), key=lambda found: found.key)


class UploadsElsewhereSpoilTheList(Defect):
    """S3 API Reference, ListMultipartUploads: of one bucket, whatever is under way to the same key in another."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed#beside-another-bucket-s",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        own: list[Upload] = original(bucket)
        others = [each for each in gateway(original).buckets.values() if each is not bucket]
        if {upload.key for upload in own} & {upload.key for each in others for upload in each.uploads.values()}:
            raise server_error()
        return own


class LongListEndsUnsaid(Defect):
    """S3 API Reference, ListObjectsV2, IsTruncated: false where all results were returned, not after a thousand."""

    surface = "storage"
    noticed_by = (
        "storage/listing/long-list-is-whole#more-are-asked-for",
        "storage/listing/long-list-is-whole#of-itself",
    )

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        found: Page = original(names, wanted)
        found.truncated = found.truncated and found.count < LONGEST_PAGE
        return found
