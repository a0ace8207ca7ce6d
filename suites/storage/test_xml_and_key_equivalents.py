"""Equivalent XML documents, similar keys, and other spellings of another organization's bucket."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.bodies import NAMESPACE, content_md5, delete_document, element, tagging_document
from conformance.clients.s3.client import Bucket
from conformance.oracles.s3_objects import (
    expect_nothing_stored,
    expect_tag_set,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange

ON_TAGS: dict[str, Callable[[Bucket, str], Exchange]] = {
    "read": lambda bucket, key: bucket.get_tags(key),
    "written": lambda bucket, key: bucket.put_tags(key, [("by", "eve")]),
    "deleted": lambda bucket, key: bucket.delete_tags(key),
}


SELDOM: dict[str, Callable[[Bucket, str], Exchange]] = {
    "versions": lambda bucket, key: bucket.call("GET", query={"versions": "", "prefix": key}),
    "versioning": lambda bucket, key: bucket.call("GET", query={"versioning": ""}),
    "attributes": lambda bucket, key: bucket.call("GET", key, {"attributes": ""}, {"x-amz-object-attributes": "ETag"}),
    "access-list": lambda bucket, key: bucket.call("GET", query={"acl": ""}),
    "access-list-of-an-object": lambda bucket, key: bucket.call("GET", key, {"acl": ""}),
}
OF_ALL = (SELDOM["access-list"], SELDOM["access-list-of-an-object"])


def _by_prefix(key: str) -> bytes:
    named = f"<s:Object>{element('Key', key).replace('<', '<s:').replace('<s:/', '</s:')}</s:Object>"
    return f'<s:Delete xmlns:s="{NAMESPACE}">{named}</s:Delete>'.encode()


def _with_mark(key: str) -> bytes:
    return b"\xef\xbb\xbf" + delete_document([key])


@verifies("storage/xml/namespace-by-prefix-is-read")
@pytest.mark.parametrize("write", [case("prefix", _by_prefix), case("byte-order-mark", _with_mark)])
def test_document_may_be_written_otherwise(space: Space, write: Callable[[str], bytes]) -> None:
    """Purpose: a document is XML, in whichever of its forms a client's library writes it.

    Method: 1. name an object in a Delete document whose elements have their namespace by a prefix, or which begins
               with a byte order mark
            2. expect 2xx, and the object gone
    """
    key = space.stored()

    expect_success(space.delete_with(write(key)))
    expect_nothing_stored(space.get(key))


@verifies("storage/tagging/tags-come-back")
@pytest.mark.parametrize("empty", [case("of-an-empty-element", b"<Value />")])
def test_empty_value_may_be_an_empty_element(space: Space, empty: bytes) -> None:
    """Purpose: what is empty may be written as one tag, as the SDK for Python writes it.

    Method: 1. tag an object, the empty value as an empty-element tag
            2. expect 2xx, and the tag
    """
    key, body = space.stored(), tagging_document([("reviewed", "")]).replace(b"<Value></Value>", empty)

    expect_success(space.call("PUT", key, {"tagging": ""}, {"Content-MD5": content_md5(body)}, body))
    expect_tag_set(space.get_tags(key), {"reviewed": ""})


@verifies("storage/tagging/tags-come-back")
@pytest.mark.parametrize(("one", "other"), [case("of-similar-names", "%41", "A")])
def test_tags_of_similar_names_are_different(space: Space, one: str, other: str) -> None:
    """Purpose: a key is decoded once, where it is tagged too.

    Method: 1. put objects under two names, of which one would be the other if it were decoded again; tag that
            2. expect its tags, and none of the other
    """
    prefix = space.prefix()
    tagged, plain = space.stored(key=prefix + one), space.stored(key=prefix + other)

    expect_status(space.put_tags(tagged, [("project", "alpha")]), {200, 204})
    expect_tag_set(space.get_tags(plain), {})
    expect_tag_set(space.get_tags(tagged), {"project": "alpha"})
