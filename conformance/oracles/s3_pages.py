"""Paging: all pages of a listing together have every key once, and no page is overfull."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from conformance.clients.s3.client import S3, Bucket
from conformance.oracles.proofs import says_something
from conformance.oracles.s3_documents import (
    Listing,
    asked_of_version_2,
    expect_document,
    expect_page,
    listing_of,
    without_key,
)
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Listed, NonConformance, Proof
from conformance.vocabulary.wording import differing, plural, some, worded

GOES_ON = "NextContinuationToken"
Request = Callable[[str], Exchange]
"""Asks for the page that begins at a token or marker; "" for the first."""
LONGEST_PAGE = 1000
MOST_EMPTY = 20
MOST_OF_BUCKETS = 100
"""So many pages of the list of buckets are read: an organization may have many, and each page but one."""


def pages(ask: Request, max_keys: int, at_most: int) -> Iterator[Listing]:
    """Every page until the one that says it is the last; each is judged as it comes.

    A page may be shorter than asked for, and empty; but pages do not go on for ever, nor stand still.
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
            wanted = "another place to go on from on each page"
            proof = None if page.next else without_key(page.reply, token)
            raise NonConformance(wanted, f"{worded(token)} again", page.reply, proof=proof)
        seen.add(token)
    _expect_own(read)
    raise NonConformance(f"the last page within {at_most} pages", f"IsTruncated after {at_most}", page.reply)


def _expect_own(read: Sequence[Listing]) -> None:
    """Pages that go on beyond what is there name no other keys than were asked for: that is why they do."""
    for number, page in enumerate(read, 1):
        prefix = dict(parse_qsl(urlsplit(page.reply.url).query)).get("prefix", "")
        if strange := next((key for key in page.keys if not key.startswith(prefix)), ""):
            wanted = f"keys that begin with {worded(prefix)} alone, on every page"
            proof = without_key(page.reply, strange)
            raise NonConformance(wanted, f"{worded(strange)} on page {number}", page.reply, proof=proof)


def begun(ask: Request) -> Listing:
    """The first page that has anything, or the last one: S3 API Reference, max-keys, "might contain fewer keys".

    One that has none says where to go on, as it may where nothing was found yet but what was deleted.
    """
    page = listing_of(ask(""))
    for _ in range(MOST_EMPTY):
        if page.size or not page.truncated or not page.next:
            break
        page = listing_of(ask(page.next))
    return page


def found_under(bucket: Bucket, prefix: str, **parameters: str) -> Listing:
    """What ListObjectsV2 finds first under a prefix."""

    def ask(token: str) -> Exchange:
        return bucket.listing(prefix, **parameters, **({"continuation_token": token} if token else {}))

    return begun(ask)


def bucket_pages(s3: S3, most: int = MOST_OF_BUCKETS, **asked: str) -> Iterator[tuple[Exchange, bool]]:
    """The pages of the list of buckets, as far as there are, and whether each is the last; it may be paged unasked."""
    token = ""
    for _ in range(most):
        reply = s3.call("GET", query={**asked, **({"continuation-token": token} if token else {})})
        token = expect_document(reply, "ListAllMyBucketsResult").findtext("ContinuationToken") or ""
        yield reply, not token
        if not token:
            return


def expect_more(page: Listing) -> str:
    """A page behind which there are further keys tells where to go on (version 2); returns the token."""
    token = expect_document(page.reply, "ListBucketResult").findtext(GOES_ON)
    if not token:
        wanted, proof = "NextContinuationToken, since there are more keys", says_something(page.reply, GOES_ON)
        raise NonConformance(wanted, "a page without one", page.reply, proof=proof)
    return token


def _end_of(page: Listing) -> str:
    """Where to go on behind a page that does not tell: in version 2 it has to, for a token is the server's own."""
    return expect_more(page) if asked_of_version_2(page.reply) else _last_of(page)


def _last_of(page: Listing) -> str:
    """Where a page without NextMarker ends: version 1 gives none where there is no delimiter."""
    ends = [*page.keys[-1:], *page.prefixes[-1:]]
    if not ends:
        raise NonConformance("a place to go on from on a truncated page", "none, and no keys", page.reply)
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
    """Pages of ListObjectsV2; without max-keys where that is None."""
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
    """Pages of ListObjects (version 1); without max-keys where that is None."""
    fixed = _fixed(max_keys, delimiter) | more

    def ask(token: str) -> Exchange:
        marker = token or start_after
        return bucket.listing_v1(prefix, **fixed, **({"marker": marker} if marker else {}))

    return ask


def whole_listing(ask: Request) -> Listing:
    """All pages as one: a server may give shorter pages than it is asked for."""
    read = list(pages(ask, LONGEST_PAGE, 50))
    return replace(
        read[-1],
        entries=tuple(entry for page in read for entry in page.entries),
        prefixes=tuple(each for page in read for each in page.prefixes),
    )


def expect_all_pages(
    ask: Request, max_keys: int, keys: Sequence[str], prefixes: Sequence[str], either: Collection[str] = ()
) -> list[Listing]:
    """The pages together have exactly these keys and common prefixes, each once; prefixes in ``either`` or not.

    Returns the pages.
    """
    read = list(pages(ask, max_keys, 3 * (len(keys) + len(prefixes) + len(either)) + 3))
    _expect_each_once([key for page in read for key in page.keys], keys, "keys", "Contents/Key", read)
    told = [each for page in read for each in page.prefixes]
    # What may be there or not may still not be there twice.
    wanted = [*(each for each in prefixes if each not in either), *(set(either) & set(told))]
    _expect_each_once(told, wanted, "common prefixes", "CommonPrefixes/Prefix", read)
    return read


def _expect_each_once(
    found: Sequence[str], wanted: Sequence[str], what: str, element: str, read: list[Listing]
) -> None:
    if sorted(found) == sorted(wanted):
        return
    raise NonConformance(
        f"the {what} {some(wanted)} over all pages, each once",
        f"{plural(len(read), 'page')}, {differing(wanted, found)}",
        *(page.reply for page in read),
        proof=_whole(read, element, wanted),
    )


def _whole(read: list[Listing], element: str, wanted: Sequence[str]) -> Proof | None:
    """The pages would have all; or, where we went on from the last key of each, one would not have what is before that.

    A script goes on from where we did: between those keys a right server has other pages, which are not the whole.
    """
    if all(page.next or not page.truncated for page in read):
        return Proof(listed=(Listed(element, tuple(page.reply.id for page in read), tuple(sorted(wanted))),))
    for page, following in itertools.pairwise(read):
        marker = _last_of(page).encode()
        if again := next((key for key in following.keys if key.encode() <= marker), ""):
            return without_key(following.reply, again)
    return None
