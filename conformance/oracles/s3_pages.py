"""Paging: all pages of a listing together contain every key once, and no page has too many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from conformance.clients.s3.client import S3, Bucket
from conformance.oracles.s3_documents import (
    Listing,
    expect_document,
    expect_page,
    is_version_2,
    listing_of,
)
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, wrong_body
from conformance.vocabulary.wording import differing, plural, some, worded

NEXT_TOKEN = "NextContinuationToken"
Request = Callable[[str], Exchange]
"""Requests the page after a token or marker; "" for the first."""
LONGEST_PAGE = 1000
MOST_EMPTY = 20
MOST_OF_BUCKETS = 100
"""The most pages of the list of buckets that are read: each may contain only one bucket."""


def pages(ask: Request, max_keys: int, at_most: int) -> Iterator[Listing]:
    """Yield every page up to the last; each is judged at once.

    A page may be shorter than requested, or empty; but tokens must not repeat, and there must be a last page.
    """
    token, seen, read = "", set[str](), list[Listing]()
    for _ in range(at_most):
        page = listing_of(ask(token))
        expect_page(page, max_keys)
        yield page
        read.append(page)
        if not page.truncated:
            return
        token = page.next or _end_of(page)
        if token in seen:
            expected = "a new token or marker on each page"
            raise NonConformance(expected, f"{worded(token)} a second time", page.reply)
        seen.add(token)
    _expect_own(read)
    raise NonConformance(f"at most {at_most} pages", f"IsTruncated true on page {at_most}", page.reply)


def _expect_own(read: Sequence[Listing]) -> None:
    """Expect only keys under the prefix: keys outside it explain why there are too many pages."""
    for number, page in enumerate(read, 1):
        prefix = dict(parse_qsl(urlsplit(page.reply.url).query)).get("prefix", "")
        if outside := next((key for key in page.keys if not key.startswith(prefix)), ""):
            expected = f"only keys that begin with {worded(prefix)}"
            raise NonConformance(expected, f"{worded(outside)} on page {number}", page.reply)


def first_with_entry(ask: Request) -> Listing:
    """Return the first page with an entry, or the last page: S3 API Reference, max-keys, "might contain fewer keys".

    An empty page with a token is permitted, for example after many deletions.
    """
    page = listing_of(ask(""))
    for _ in range(MOST_EMPTY):
        if page.size or not page.truncated or not page.next:
            break
        page = listing_of(ask(page.next))
    return page


def found_under(bucket: Bucket, prefix: str, **parameters: str) -> Listing:
    """Return the first page of ListObjectsV2 with an entry under a prefix."""

    def ask(token: str) -> Exchange:
        return bucket.listing(prefix, **parameters, **({"continuation_token": token} if token else {}))

    return first_with_entry(ask)


def bucket_pages(s3: S3, most: int = MOST_OF_BUCKETS, **query: str) -> Iterator[tuple[Exchange, bool]]:
    """Yield the pages of the list of buckets, and whether each is the last; a server may page it unrequested."""
    token = ""
    for _ in range(most):
        reply = s3.call("GET", query={**query, **({"continuation-token": token} if token else {})})
        token = expect_document(reply, "ListAllMyBucketsResult").findtext("ContinuationToken") or ""
        yield reply, not token
        if not token:
            return


def expect_more(page: Listing) -> str:
    """Expect a continuation token on a page with further keys after it (version 2); return the token."""
    token = expect_document(page.reply, "ListBucketResult").findtext(NEXT_TOKEN)
    if not token:
        expected, deviation = f"{NEXT_TOKEN}, since more keys follow", wrong_body(f"<{NEXT_TOKEN}( [^>]*)?>[^<]")
        raise NonConformance(expected, f"no {NEXT_TOKEN}", page.reply, deviation=deviation)
    return token


def _end_of(page: Listing) -> str:
    """Return the start of the next page if the page does not state it; version 2 requires the token."""
    return expect_more(page) if is_version_2(page.reply) else _last_of(page)


def _last_of(page: Listing) -> str:
    """Return the last key or prefix of a page: version 1 has no NextMarker without a delimiter."""
    ends = [*page.keys[-1:], *page.prefixes[-1:]]
    if not ends:
        raise NonConformance(
            "a marker or a key on a truncated page", "IsTruncated true without marker and keys", page.reply
        )
    return max(ends, key=str.encode)


def _fixed(max_keys: int | None, delimiter: str) -> dict[str, str]:
    size = {} if max_keys is None else {"max_keys": str(max_keys)}
    return size | ({"delimiter": delimiter} if delimiter else {})


def version_2(
    bucket: Bucket,
    prefix: str,
    max_keys: int | None = LONGEST_PAGE,
    delimiter: str = "",
    start_after: str = "",
    **more: str,
) -> Request:
    """Return a request for pages of ListObjectsV2; without max-keys if that is None."""
    fixed = _fixed(max_keys, delimiter) | more

    def ask(token: str) -> Exchange:
        begin = {"continuation_token": token} if token else {"start_after": start_after} if start_after else {}
        return bucket.listing(prefix, **fixed, **begin)

    return ask


def version_1(
    bucket: Bucket,
    prefix: str,
    max_keys: int | None = LONGEST_PAGE,
    delimiter: str = "",
    start_after: str = "",
    **more: str,
) -> Request:
    """Return a request for pages of ListObjects (version 1); without max-keys if that is None."""
    fixed = _fixed(max_keys, delimiter) | more

    def ask(token: str) -> Exchange:
        marker = token or start_after
        return bucket.listing_v1(prefix, **fixed, **({"marker": marker} if marker else {}))

    return ask


def whole_listing(ask: Request) -> Listing:
    """Return all pages as one: a server may return shorter pages than requested."""
    read = list(pages(ask, LONGEST_PAGE, 50))
    return replace(
        read[-1],
        entries=tuple(entry for page in read for entry in page.entries),
        prefixes=tuple(each for page in read for each in page.prefixes),
    )


def expect_all_pages(
    ask: Request, max_keys: int, keys: Sequence[str], prefixes: Sequence[str], either: Collection[str] = ()
) -> list[Listing]:
    """Expect exactly these keys and common prefixes on all pages together, each once; those in ``either`` are optional.

    Return the pages.
    """
    read = list(pages(ask, max_keys, 3 * (len(keys) + len(prefixes) + len(either)) + 3))
    _expect_each_once([key for page in read for key in page.keys], keys, "keys", "Contents/Key", read)
    got = [each for page in read for each in page.prefixes]
    # An optional prefix must not be there twice, either.
    expected = [*(each for each in prefixes if each not in either), *(set(either) & set(got))]
    _expect_each_once(got, expected, "common prefixes", "CommonPrefixes/Prefix", read)
    return read


def _expect_each_once(
    found: Sequence[str], expected: Sequence[str], what: str, element: str, read: list[Listing]
) -> None:
    if sorted(found) == sorted(expected):
        return
    raise NonConformance(
        f"the {what} {some(expected)} over all pages, each once",
        f"{plural(len(read), 'page')}, {differing(expected, found)}",
        *(page.reply for page in read),
    )
