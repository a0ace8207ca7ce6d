"""One defect for each promise on listings, and on DeleteObjects."""

from __future__ import annotations

import fnmatch
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.one_method import defect
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import page_of


@defect("storage/listing/response-repeats-the-request#parameters", promise="S3-28", surface="storage")
def key_count_without_prefixes(key_count: Any, page: Page) -> int:
    """The KeyCount of a listing does not include its common prefixes."""
    return len(page.keys)


@defect("storage/listing/prefix-is-honoured#no-pattern-asterisk", promise="S3-29", surface="storage")
def prefix_is_glob(page: Any, names: list[str], wanted: Wanted) -> Page:
    """An asterisk in the prefix of a listing matches any characters."""
    return page_of(page, [name for name in names if fnmatch.fnmatchcase(name, wanted.prefix + "*")], wanted)


@defect("storage/listing/max-keys-zero-is-empty", promise="S3-30", surface="storage")
def max_keys_zero_is_all(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """A listing with max-keys=0 returns every key."""
    return int(page_limit(call, name)) or 1000


@defect("storage/listing/contains-every-object-once#url-encoded", promise="S3-31", surface="storage")
def listed_key_encoded_twice(listed_name: Any, element: str, name: str, encoded: bool) -> str:
    """A URL-encoded listing encodes keys twice."""
    name_element: str = listed_name(element, name, encoded)
    return name_element.replace("%", "%25") if encoded else name_element


class TruncationNotReported(Defect):
    """A listing does not state that more pages follow."""

    surface = "storage"
    promise = "S3-32"
    noticed_by = ("storage/paging/is-truncated-is-reported", "storage/paging/token-can-be-used-again")

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.truncated = False
        return page


@defect("storage/multi-delete/quiet-reports-errors", promise="S3-33", surface="storage")
async def quiet_hides_errors(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """DeleteObjects in quiet mode does not report keys that could not be deleted."""
    result: str = await delete_entry(bucket, entry, quiet)
    return "" if quiet else result
