"""Equivalent XML documents, similar keys, and other spellings of another organization's bucket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from conformance.clients.s3.bodies import NAMESPACE, content_md5, delete_document, element, tagging_document
from conformance.clients.s3.client import Bucket
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, xml_root
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_length,
    expect_nothing_stored,
    expect_own_or_refused,
    expect_tag_set,
)
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NoAnswer, NonConformance, Unreachable

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


@verifies("storage/multipart/tags-without-quotes-are-taken")
def test_tags_without_quotes_are_taken(space: Space) -> None:
    """Purpose: many clients keep the ETag of a part without its quotes, and complete an upload with it as they have it.

    Method: 1. send a part, complete with its ETag without quotes
            2. expect 2xx, and the object
    """
    upload = space.opened(key := space.key())
    number, tag = space.part(key, upload, 1, b"of one part")

    expect_no_error_inside(space.complete(key, upload, [(number, tag.strip('"'))]))
    expect_bytes(space.get(key), b"of one part")


@verifies("storage/service/foreign-tags-are-refused")
@pytest.mark.parametrize("operation", [case(name, call) for name, call in ON_TAGS.items()])
def test_foreign_tags_are_refused(foreign: Bucket, names: Names, operation: Callable[[Bucket, str], Exchange]) -> None:
    """Purpose: a key opens no tags in a bucket of another organization's.

    Method: 1. read, write or delete the tags of a key in a foreign bucket
            2. expect 403 AccessDenied, or 404 as if the bucket did not exist
    """
    reply = operation(foreign, names.new("foreign"))

    expect_refusal(reply, {403, 404}, {"AccessDenied", "NoSuchBucket"})


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("operation", [case(name, call) for name, call in SELDOM.items()])
def test_foreign_bucket_tells_nothing(
    foreign: Bucket, absent: Bucket, names: Names, operation: Callable[[Bucket, str], Exchange]
) -> None:
    """Purpose: a key opens no bucket of another organization's by the operations that gateways were given last.

    Method: 1. ask a foreign bucket for versions, whether it keeps any, for attributes of an object, and who may do what
            2. expect 403 AccessDenied, 404 as if the bucket did not exist, or that the operation is not offered; of who
               may do what the same may be told of a bucket that never existed: then it is of none
    """
    reply = operation(foreign, key := names.new("foreign"))

    if reply.ok and operation in OF_ALL and operation(absent, key).ok:
        return
    if reply.status not in {400, *NOT_OFFERED}:
        expect_refusal(reply, {403, 404}, {"AccessDenied", "NoSuchBucket"})


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("query", [case("by-its-host", {"list-type": "2"}), case("by-its-host-v1", {})])
def test_foreign_bucket_is_not_opened_by_its_host(foreign: Bucket, query: dict[str, str]) -> None:
    """Purpose: a key opens no foreign bucket where hosts name buckets, either, as S3's other kind of address has it.

    Method: 1. list with the foreign bucket's name before the target's own in Host, and none in the path
            2. expect no listing of objects, whatever else is answered, if anything: buckets need not have hosts
    """
    named = foreign.s3.request("GET", query=query).with_header("Host", f"{foreign.name}.{foreign.s3.host}")
    with suppress(NoAnswer, Unreachable):
        reply = foreign.s3.send(named)
        root = xml_root(reply)
        if reply.ok and root is not None and root.tag == "ListBucketResult":
            proof = lacks(reply, "<ListBucketResult")
            raise NonConformance("no listing of a foreign bucket", observed(reply), reply, proof=proof)


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize(
    ("signed", "sent"),
    [case("by-an-encoded-letter", "/{}{}", "/%{2:02X}{1}"), case("behind-two-slashes", "//{}{}", "//{}{}")],
)
def test_foreign_bucket_is_refused_however_spelled(foreign: Bucket, signed: str, sent: str) -> None:
    """Purpose: a key opens no foreign bucket whose name the guard reads otherwise than the gateway behind it.

    Method: 1. list a foreign bucket, its name in the path with its first letter encoded, or behind a second slash
            2. expect no listing of objects, whatever else is answered
    """
    name, asked = (foreign.name[0], foreign.name[1:], ord(foreign.name[0])), {"list-type": "2"}
    request = foreign.request("GET", query=asked)
    above = request.path.removesuffix(f"/{foreign.name}")
    request = foreign.s3.sign(replace(request, path=above + signed.format(*name)))
    reply = foreign.s3.send_as_is(replace(request, path=above + sent.format(*name)))
    root = xml_root(reply)

    if reply.ok and root is not None and root.tag == "ListBucketResult":
        proof = lacks(reply, "<ListBucketResult")
        raise NonConformance("no listing of a foreign bucket", observed(reply), reply, proof=proof)


@verifies("storage/key/similar-names-are-different")
@pytest.mark.parametrize(("one", "other"), [case("to-every-operation", "%41", "A")])
def test_similar_names_are_different_to_every_operation(space: Space, one: str, other: str) -> None:
    """Purpose: a key is decoded once, whatever is asked of it: not only by reads and writes, where all begin.

    Method: 1. put an object under the one name, copy a larger one to the other, which would be the one if decoded again
            2. expect HEAD to tell each its size; DELETE the copy, expect the one as it was
    """
    prefix = space.prefix()
    key, copied = space.stored(b"kept", key=prefix + other), prefix + one

    expect_no_error_inside(space.copy(copied, space.stored(b"copied bytes")))
    expect_bytes(space.get(key), b"kept", "after a copy to a similar name")
    expect_length(space.head(copied), len(b"copied bytes"))
    expect_success(space.delete(copied))
    expect_bytes(space.get(key), b"kept", "after the similar name was deleted")
    expect_status(space.get(copied), 404, "for what was deleted")


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


@verifies("storage/copy/source-is-decoded-once")
@pytest.mark.parametrize("name", [case("doubled-slash", "a//b"), case("slash-at-its-end", "folder/")])
def test_copy_source_is_no_path(space: Space, name: str) -> None:
    """Purpose: what is copied is the object of exactly that key, with each of its slashes.

    Method: 1. put an object under such a name, which may be refused; copy from there
            2. expect its bytes, or nothing copied where it was refused
    """
    prefix = space.prefix()
    put = space.put(prefix + name, b"with its slashes")

    copied = space.copy(f"{prefix}copy", prefix + name)
    if put.ok:
        expect_no_error_inside(copied)
    expect_own_or_refused(put, space.get(f"{prefix}copy"), b"with its slashes")
