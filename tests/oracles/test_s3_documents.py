"""Listings and the other result documents, and paging over them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.oracles.s3_documents import deletion_of, listing_of, parts_of
from conformance.oracles.s3_errors import xml_root
from conformance.oracles.s3_pages import expect_more, pages
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import answer as reply

COUNTED = "<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>"


def page(*keys: str, token: str = "") -> Exchange:
    """One page of a listing."""
    contents = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    following = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    body = f"<IsTruncated>{str(bool(token)).lower()}</IsTruncated><KeyCount>{len(keys)}</KeyCount>{following}"
    return reply(200, f"<ListBucketResult>{body}{contents}</ListBucketResult>")


def served(*given: Exchange) -> Callable[[str], Exchange]:
    """Pages in the order of their tokens "1", "2", …"""
    return lambda token: given[int(token or 0)]


def test_a_page_before_further_keys_tells_where_to_go_on() -> None:
    assert expect_more(listing_of(page("a", token="1"))) == "1"
    with pytest.raises(NonConformance) as found:
        expect_more(listing_of(page("a")))
    with pytest.raises(NonConformance):
        expect_more(listing_of(reply(200, COUNTED.format("<NextMarker>a</NextMarker>"))))
    assert re.search(found.value.deviation.matches, page("a", token="1").text)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<Other/>",
        "<ListBucketResult/>",
        "<ListBucketResult><IsTruncated>no</IsTruncated></ListBucketResult>",
        "<?xml version='1.0' encoding='rot13'?><ListBucketResult/>",
        "<?xml version='1.0' encoding='utf-7'?><ListBucketResult/>",
        "<ListBucketResult>" * 100_000,
        COUNTED.format("<KeyCount>²</KeyCount>"),
        COUNTED.format("<KeyCount>-1</KeyCount>"),
        COUNTED.format("<MaxKeys>many</MaxKeys>"),
        COUNTED.format(f"<KeyCount>{'9' * 5000}</KeyCount>"),
        COUNTED.format("<Contents><Key>a</Key><Size>²</Size></Contents>"),
    ],
)
def test_no_listing(body: str) -> None:
    with pytest.raises(NonConformance):
        listing_of(reply(200, body))


def test_short_and_empty_pages_are_right() -> None:
    read = list(pages(served(page("a", token="1"), page(token="2"), page("b")), 1000, 5))

    assert [each.keys for each in read] == [["a"], [], ["b"]]


def test_deletion_that_is_refused_key_by_key() -> None:
    refused = "<Error><Key>b</Key><Code>AccessDenied</Code></Error>"
    gone = "<Deleted><Key>a</Key></Deleted>"

    assert deletion_of(reply(200, f"<DeleteResult>{refused}</DeleteResult>")).refuses({"b"}, {"AccessDenied"})
    assert not deletion_of(reply(200, f"<DeleteResult>{refused}</DeleteResult>")).refuses({"b"}, {"NoSuchBucket"})
    assert not deletion_of(reply(200, f"<DeleteResult>{refused}{gone}</DeleteResult>")).refuses({"b"}, {"AccessDenied"})
    assert not deletion_of(reply(200, "<DeleteResult/>")).refuses({"b"}, {"AccessDenied"})


@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_no_entity_is_read_whatever_the_encoding(coding: str) -> None:
    text = '<!DOCTYPE a [<!ENTITY e "x">]><ListBucketResult><IsTruncated>&e;</IsTruncated></ListBucketResult>'
    assert xml_root(reply(200, text.encode(coding))) is None


@pytest.mark.parametrize("number", ["", "²", "-1", "1.5"])
def test_a_part_has_a_number(number: str) -> None:
    part = f"<Part><PartNumber>{number}</PartNumber><Size>1</Size><ETag>a</ETag></Part>"
    with pytest.raises(NonConformance, match="a number in <PartNumber>"):
        parts_of(reply(200, f"<ListPartsResult>{part}</ListPartsResult>"))


def test_pages_that_go_on_beyond_a_prefix_are_told_by_the_keys_that_are_not_below_it() -> None:
    def ask(token: str) -> Exchange:
        number = int(token or 0)
        url = f"http://gateway.test/bucket?list-type=2&prefix=run%20a%2F&continuation-token={token}"
        return replace(
            page(f"run a/{number}" if number < 2 else f"of-another/{number}", token=str(number + 1)), url=url
        )

    with pytest.raises(NonConformance, match="run a/") as found:
        list(pages(ask, 1000, 4))
    assert found.value.observed == '"of-another/2" on page 3'
    with pytest.raises(NonConformance, match="at most 4 pages"):
        list(pages(lambda token: page(f"key{token}", token=f"{int(token or 0) + 1}"), 1000, 4))
