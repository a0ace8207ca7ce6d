"""Another organization's bucket: tags, uploads, copies, less common operations, and other spellings of its name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from conformance.clients.s3.client import Bucket
from conformance.oracles.s3_errors import error_of, expect_refusal, xml_root
from conformance.oracles.status import NOT_OFFERED, expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NoAnswer, NonConformance, NotApplicable, Unreachable

UPLOAD, TAG = "cf-no-such-upload-0000000000000000", '"0123456789abcdef0123456789abcdef"'
HIDDEN, DENIED = 404, {"AccessDenied", "NoSuchBucket"}
Operation = Callable[[Bucket, str], Exchange]
TAGS: dict[str, Operation] = {
    "read": lambda bucket, key: bucket.get_tags(key),
    "written": lambda bucket, key: bucket.put_tags(key, [("by", "eve")]),
    "deleted": lambda bucket, key: bucket.delete_tags(key),
}
UPLOADS: dict[str, Operation] = {
    "abort": lambda bucket, key: bucket.abort(key, UPLOAD),
    "put-part": lambda bucket, key: bucket.put_part(key, UPLOAD, 1, b"never to be stored"),
    "list-parts": lambda bucket, key: bucket.list_parts(key, UPLOAD),
    "put-with-if-match": lambda bucket, key: bucket.put(key, b"never to be stored", {"If-Match": TAG}),
}
LESS_COMMON: dict[str, Operation] = {
    "versions": lambda bucket, key: bucket.call("GET", query={"versions": "", "prefix": key}),
    "versioning": lambda bucket, key: bucket.call("GET", query={"versioning": ""}),
    "attributes": lambda bucket, key: bucket.call("GET", key, {"attributes": ""}, {"x-amz-object-attributes": "ETag"}),
    "bucket-acl": lambda bucket, key: bucket.call("GET", query={"acl": ""}),
    "object-acl": lambda bucket, key: bucket.call("GET", key, {"acl": ""}),
}


@pytest.mark.parametrize(
    "operation",
    [
        *(row(f"storage/service/foreign-tags-are-refused#{name}", each) for name, each in TAGS.items()),
        *(row(f"storage/service/foreign-bucket-is-refused#{name}", each) for name, each in LESS_COMMON.items()),
    ],
)
def test_operation_is_refused(foreign: Bucket, absent: Bucket, names: Names, operation: Operation) -> None:
    """Purpose: an access key gives no access to another organization's bucket, by less common operations either.
    Method: 1. send the operation to another organization's bucket
            2. expect 403 AccessDenied, or 404 as for a missing bucket; less common operations may not be offered
            3. accept an ACL that a missing bucket gets as well: it reveals nothing
    """
    reply = operation(foreign, key := names.new("foreign"))

    if "acl=" in reply.url and reply.ok and operation(absent, key).ok:
        raise NotApplicable("the ACL of a bucket that never existed is answered alike")
    if operation not in LESS_COMMON.values() or reply.status not in {400, *NOT_OFFERED}:
        expect_refusal(reply, {403, 404}, DENIED)


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("operation", [case(name, operation) for name, operation in UPLOADS.items()])
def test_access_is_checked_first(foreign: Bucket, names: Names, operation: Operation) -> None:
    """Purpose: the way a request is refused must not reveal which uploads and objects another organization has.
    Method: 1. send the operation for a missing upload, or a PUT with If-Match for a missing object
            2. expect 403 AccessDenied, 404 as for a missing bucket, or 405 or 501 if it is not offered
            3. accept NoSuchUpload or NoSuchKey if the whole bucket is hidden
    """
    reply = operation(foreign, key := names.new("foreign"))
    codes = {*DENIED, "MethodNotAllowed", "NotImplemented"}
    if reply.status == HIDDEN and foreign.get(key).status == HIDDEN:
        codes |= {"NoSuchUpload", "NoSuchKey"}

    expect_refusal(reply, {403, 404, *NOT_OFFERED}, codes)


READS: dict[str, Operation] = {
    "head": lambda bucket, key: bucket.head(key),
    "get": lambda bucket, key: bucket.get(key),
    "range": lambda bucket, key: bucket.get(key, {"Range": "bytes=0-3"}),
    "condition": lambda bucket, key: bucket.head(key, {"If-None-Match": "*"}),
    "tags": lambda bucket, key: bucket.get_tags(key),
    "list": lambda bucket, key: bucket.listing(key),
    "delete": lambda bucket, key: bucket.delete(key),
}


@verifies("storage/service/foreign-objects-are-not-revealed")
@pytest.mark.parametrize("operation", [case(name, operation) for name, operation in READS.items()])
def test_foreign_objects_are_not_revealed(
    foreign: Bucket, foreign_object: str, names: Names, operation: Operation
) -> None:
    """Purpose: a client must not learn from refusals which objects another organization has.
    Method: 1. with the other organization's key, put an object into its bucket
            2. with our key, request that object and one that never existed; expect the same refusal of both
    """
    existing = operation(foreign, foreign_object)
    replies = existing, operation(foreign, names.new("foreign"))

    expect_status(existing, {*range(400, 500), 501}, "for an object of another organization")
    one, other = ((reply.status, error.code if (error := error_of(reply)) else "") for reply in replies)
    if one != other:
        expected = f"{other[0]} {other[1]}".strip() + ", as for an object that never existed there"
        raise NonConformance(expected, f"{observed(existing)} for an existing bucket", *replies)


@verifies("storage/service/foreign-bucket-is-refused#copy-into")
def test_copy_into_it_is_refused(space: Space, foreign: Bucket) -> None:
    """Purpose: an access key must not write into another organization's bucket by copying from its own.
    Method: 1. copy an object of ours into another organization's bucket; 2. expect 403 AccessDenied, or 404 as absent
    """
    source, key = space.stored(b"ours"), space.key("copy")
    reply = foreign.copy(key, source, source_bucket=space.name)
    if reply.ok:
        foreign.delete(key)

    expect_refusal(reply, {403, 404}, DENIED)


@verifies("storage/service/foreign-source-of-a-part-is-refused")
def test_copying_a_part_from_it_is_refused(space: Space, foreign: Bucket) -> None:
    """Purpose: an access key must not read another organization's bucket by copying parts from it.
    Method: 1. copy a part from another organization's bucket into an upload of ours
            2. expect 403 AccessDenied, or 404 as for a missing bucket
    """
    upload = space.opened(key := space.key("stolen"))
    reply = space.copy_part(key, upload, 1, space.key("source"), source_bucket=foreign.name)
    space.abort(key, upload)

    expect_refusal(reply, {403, 404}, DENIED)


def _expect_no_listing(reply: Exchange) -> None:
    root = xml_root(reply)
    if reply.ok and root is not None and root.tag == "ListBucketResult":
        raise NonConformance("no listing of another organization's bucket", observed(reply), reply)


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize("query", [case("by-host-name", {"list-type": "2"}), case("by-host-name-v1", {})])
def test_its_host_name_gives_no_listing(foreign: Bucket, query: dict[str, str]) -> None:
    """Purpose: access must be checked also if the host name, not the path, names the bucket.
    Method: 1. list with the other bucket's name before the target's own in Host, and none in the path
            2. expect any response but a listing of objects, or none
    """
    named = foreign.s3.request("GET", query=query).with_header("Host", f"{foreign.name}.{foreign.s3.host}")
    with suppress(NoAnswer, Unreachable):
        _expect_no_listing(foreign.s3.send(named))


@verifies("storage/service/foreign-bucket-is-refused")
@pytest.mark.parametrize(
    ("signed", "sent"), [case("encoded-letter", "/{}{}", "/%{2:02X}{1}"), case("double-slash", "//{}{}", "//{}{}")]
)
def test_other_spellings_of_its_name_give_no_listing(foreign: Bucket, signed: str, sent: str) -> None:
    """Purpose: a proxy may read a bucket's name differently from the gateway, and access must still be checked.
    Method: 1. list the bucket, the first letter of its name encoded, or its name after a second slash
            2. expect any response but a listing of objects
    """
    name = foreign.name[0], foreign.name[1:], ord(foreign.name[0])
    request = foreign.request("GET", query={"list-type": "2"})
    above = request.path.removesuffix(f"/{foreign.name}")
    request = foreign.s3.sign(replace(request, path=above + signed.format(*name)))

    _expect_no_listing(foreign.s3.send_as_is(replace(request, path=above + sent.format(*name))))
