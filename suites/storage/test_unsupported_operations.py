"""Operations and protections that a gateway need not offer: a request is rejected, never mistaken for another."""

from __future__ import annotations

import time

import pytest

from conformance.clients.s3.bodies import (
    ENCRYPTION_KEY,
    content_md5,
    delete_document,
    document,
    element,
    tagging_document,
)
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_documents import expect_keys, tags_of
from conformance.oracles.s3_errors import xml_root
from conformance.oracles.s3_objects import expect_headers, expect_stored, expect_tag_set, open_to_all
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import expect_no_server_error, expect_no_success, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance

OF_BUCKETS = [
    "acl",
    "policy",
    "cors",
    "lifecycle",
    "versioning",
    "versions",
    "encryption",
    "website",
    "logging",
    "notification",
    "replication",
    "tagging",
    "object-lock",
    "accelerate",
    "requestPayment",
    "ownershipControls",
    "publicAccessBlock",
    "policyStatus",
]
OF_OBJECTS = ["acl", "retention", "legal-hold", "torrent", "attributes"]
# Of nobody: emulators have 000000000000 and 123456789012 for their own account, to which everything belongs.
NO_ACCOUNT = "730291846583"
OTHER_OWNER = {"x-amz-expected-bucket-owner": NO_ACCOUNT}
NO_VERSION = "cf-no-such-version-0000000000000"
WRITES = ["acl", "retention", "legal-hold", "tagging", "restore", "encryption"]


@verifies("storage/subresource/of-a-bucket-is-no-listing")
@pytest.mark.parametrize("name", [case(name, name) for name in OF_BUCKETS])
def test_subresource_of_a_bucket_is_no_listing(space: Space, name: str) -> None:
    """Purpose: a client that asks for a bucket's policy or versioning does not get the bucket's contents in its place.

    Method: 1. GET the bucket with the subresource
            2. expect its own document, or a refusal; never the listing of objects
    """
    # Under a prefix that has nothing: what other checks store may make a listing that cannot be read.
    reply = space.call("GET", query={name: "", "prefix": space.prefix()})

    expect_no_server_error(reply)
    root = xml_root(reply)
    if reply.ok and root is not None and root.tag == "ListBucketResult":
        wanted, told = f"the bucket's {name}, or a refusal", "the listing of its objects"
        raise NonConformance(wanted, told, reply, proof=lacks(reply, "<ListBucketResult"))


@verifies("storage/subresource/of-an-object-is-not-the-object")
@pytest.mark.parametrize("name", [case(name, name) for name in OF_OBJECTS])
def test_subresource_of_an_object_is_not_the_object(space: Space, name: str) -> None:
    """Purpose: a client that asks for an object's permissions or lock does not get its bytes in their place.

    Method: 1. GET the object with the subresource
            2. expect its own document, or a refusal; never the object's bytes
    """
    key = space.stored(b"the bytes")
    reply = space.get(key, {"x-amz-object-attributes": "ETag"}, {name: ""})

    expect_no_server_error(reply)
    if reply.ok and reply.body == b"the bytes":
        wanted, told = f"the object's {name}, or a refusal", "the object itself"
        raise NonConformance(wanted, told, reply, proof=lacks(reply, "the bytes"))


@verifies("storage/subresource/write-never-overwrites-the-object")
@pytest.mark.parametrize("name", [case(name, name) for name in WRITES])
def test_write_to_a_subresource_never_overwrites(space: Space, name: str) -> None:
    """Purpose: what is put to a subresource is not stored as the object.

    Method: 1. put an object, PUT a document to its subresource
            2. expect it obeyed or refused, and the object's bytes as they were
    """
    key = space.stored(b"the bytes")
    reply = space.call("PUT", key, {name: ""}, {"Content-Type": "application/xml"}, b"<Document/>")

    expect_no_server_error(reply)
    expect_stored(space.get(key), b"the bytes", reply)


@verifies("storage/subresource/delete-never-deletes-the-object")
@pytest.mark.parametrize("name", [case("acl", "acl"), case("tagging", "tagging"), case("retention", "retention")])
def test_delete_of_a_subresource_never_deletes(space: Space, name: str) -> None:
    """Purpose: to delete a subresource is not to delete the object.

    Method: 1. put an object, DELETE its subresource
            2. expect it obeyed or refused, and the object there
    """
    key = space.stored(b"the bytes")
    reply = space.call("DELETE", key, {name: ""})

    expect_no_server_error(reply)
    expect_stored(space.get(key), b"the bytes")


@verifies("storage/subresource/versions-of-the-null-version")
def test_unknown_version_is_not_the_object(space: Space) -> None:
    """Purpose: a version that never existed is not answered with the present object.

    Method: 1. GET and HEAD an object with the id of a version that never existed
            2. expect a refusal of both
    """
    key = space.stored(b"the bytes")
    for method in ("GET", "HEAD"):
        reply = space.call(method, key, {"versionId": NO_VERSION})

        expect_no_server_error(reply)
        expect_no_success(reply, "for a version that never existed")


@verifies("storage/subresource/unknown-version-deletes-nothing")
@pytest.mark.parametrize(
    ("many", "version"),
    [case("one", False, NO_VERSION), case("many", True, NO_VERSION), case("of-no-form", False, "of no form")],
)
def test_unknown_version_deletes_nothing(space: Space, many: bool, version: str) -> None:
    """Purpose: to delete a version that never existed is not to delete the present object.

    Method: 1. put an object, delete it with the id of a version that never existed, or with what is none, or name such
               a version in DeleteObjects
            2. expect the object as it was, whatever is answered
    """
    key = space.stored(b"the bytes")
    if many:
        named = f"<Object>{element('Key', key)}{element('VersionId', version)}</Object>"
        reply = space.delete_with(document("Delete", named))
    else:
        reply = space.call("DELETE", key, {"versionId": version})

    expect_no_server_error(reply)
    expect_stored(space.get(key), b"the bytes", reply)


@verifies("storage/subresource/part-number-is-not-passed-over")
def test_missing_part_is_not_the_object(space: Space) -> None:
    """Purpose: a client that reads an object part by part does not get the whole in place of each.

    Method: 1. GET part 2 of an object that was put in one piece
            2. expect 416 InvalidPartNumber, or another refusal
    """
    key = space.stored(b"the bytes")
    reply = space.get(key, query={"partNumber": "2"})

    expect_no_server_error(reply)
    expect_no_success(reply, "for a part that there is not")


@verifies("storage/subresource/expected-owner-is-heeded")
@pytest.mark.parametrize("method", [case("put", "PUT"), case("delete", "DELETE")])
def test_expected_owner_is_heeded(space: Space, method: str) -> None:
    """Purpose: a caller who says whose bucket it expects does not write into another one's.

    Method: 1. put an object, overwrite or delete it, expecting the bucket to be of an account that is none
            2. expect 403 (or 400, 501), and the object as it was
    """
    key = space.stored(b"the bytes")
    body = b"other bytes" if method == "PUT" else b""
    reply = space.call(method, key, headers=OTHER_OWNER, body=body)

    expect_status(reply, {400, 403, 501})
    expect_stored(space.get(key), b"the bytes")


@verifies("storage/subresource/expected-owner-is-heeded")
@pytest.mark.parametrize(
    "operation",
    [
        case(name, name)
        for name in ("get", "delete-many", "copy", "list", "open-upload", "get-tags", "delete-tags", "head-bucket")
    ],
)
def test_expected_owner_of_other_operations_is_heeded(space: Space, operation: str) -> None:
    """Purpose: a caller who says whose bucket it expects does not read or empty another one's.

    Method: 1. put an object, read it, copy it, list it, name it in DeleteObjects, ask for its tags, delete them,
               open an upload to it or ask for its bucket by HEAD, expecting an account that is none
            2. expect 403 (or 400, 501), and the object as it was
    """
    key, copied = space.stored(b"the bytes"), space.key("copy")
    body = delete_document([key])
    reply = {
        "get": lambda: space.get(key, OTHER_OWNER),
        "delete-many": lambda: space.delete_with(body, {**OTHER_OWNER, "Content-MD5": content_md5(body)}),
        "list": lambda: space.call("GET", query={"list-type": "2", "prefix": key}, headers=OTHER_OWNER),
        "open-upload": lambda: space.create_upload(key, OTHER_OWNER),
        "get-tags": lambda: space.call("GET", key, {"tagging": ""}, OTHER_OWNER),
        "delete-tags": lambda: space.call("DELETE", key, {"tagging": ""}, OTHER_OWNER),
        "head-bucket": lambda: space.call("HEAD", headers=OTHER_OWNER),
        "copy": lambda: space.copy(copied, key, {"x-amz-source-expected-bucket-owner": NO_ACCOUNT}),
    }[operation]()

    expect_status(reply, {400, 403, 501})
    expect_stored(space.get(key), b"the bytes")


@verifies("storage/subresource/unknown-method-is-refused")
@pytest.mark.parametrize("method", [case(each.lower(), each) for each in ("PATCH", "POST", "CONFORM", "OPTIONS")])
def test_unknown_method_is_refused(space: Space, method: str) -> None:
    """Purpose: a method that S3 has not for an object is refused and changes nothing.

    Method: 1. put an object, send such a method to it
            2. expect a 4xx or 501 (of OPTIONS also what it tells of other methods), and the object as it was
    """
    key = space.stored(b"the bytes")
    reply = space.call(method, key, body=b"other bytes")

    if method != "OPTIONS":
        expect_no_success(reply, "for a method that objects do not have")
    expect_no_server_error(reply)
    expect_stored(space.get(key), b"the bytes")
    expect_keys(found_under(space, key), [key])


@verifies("storage/subresource/unknown-version-is-not-tagged")
def test_unknown_version_is_not_tagged(space: Space) -> None:
    """Purpose: to tag a version that never existed is not to tag the present object.

    Method: 1. put an object with a tag; write, delete and ask for tags with the id of a version that never existed
            2. expect the tag as it was, whatever is answered, and not told of that version
    """
    key = space.stored(b"tagged", {"x-amz-tagging": "before=1"})
    before = tags_of(space.get_tags(key))
    body = tagging_document([("by", "eve")])
    fields = {"Content-MD5": content_md5(body)}
    unknown = {"tagging": "", "versionId": "cf-no-such-version-0000000000000"}
    reply = space.call("PUT", key, unknown, fields, body)
    space.call("DELETE", key, unknown)

    told = space.call("GET", key, unknown)
    expect_no_success(told, "for tags of a version that never existed", or_refused=reply)
    expect_tag_set(space.get_tags(key), before, reply)


LOCK, UNTIL = {"x-amz-object-lock-mode": "GOVERNANCE"}, "x-amz-object-lock-retain-until-date"


def _soon() -> str:
    """Five seconds from now: a lock that is kept is over before the run ends."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))


@verifies("storage/subresource/encryption-key-is-used-or-refused")
def test_encryption_key_is_used_or_refused(space: Space) -> None:
    """Purpose: a caller who gives a key to encrypt with does not have the object stored open to all who read.

    Method: 1. PUT with a key of the customer's own (SSE-C)
            2. expect a refusal with nothing stored, or an object that is not read without the key
    """
    key = space.key("secret")
    reply = space.put(key, b"a secret", ENCRYPTION_KEY)
    got = space.get(key)

    expect_no_server_error(reply)
    if got.ok:
        raise open_to_all("no object without the key that it was put with", reply, got)


@verifies("storage/subresource/encryption-key-is-used-or-refused")
@pytest.mark.parametrize("way", [case("of-a-copy", "copy")])
def test_encryption_key_of_a_copy_is_used_or_refused(space: Space, way: str) -> None:
    """Purpose: a caller who gives a key to encrypt a copy with does not have it stored open to all who read.

    Method: 1. copy an object with a key of the customer's own (SSE-C) for the copy
            2. expect a refusal with nothing stored, or a copy that is not read without the key
    """
    key = space.key(way)
    reply = space.copy(key, space.stored(b"a secret"), ENCRYPTION_KEY)
    got = space.get(key)

    expect_no_server_error(reply)
    if got.ok:
        raise open_to_all("no copy without the key that it was made with", reply, got)


@verifies("storage/subresource/encryption-is-used-or-refused")
def test_encryption_is_used_or_refused(space: Space) -> None:
    """Purpose: a caller who asks for encryption under a managed key is not left to think that it was done.

    Method: 1. PUT with x-amz-server-side-encryption: aws:kms
            2. expect a refusal, or that encryption told by HEAD
    """
    key, asked = space.key("secret"), {"x-amz-server-side-encryption": "aws:kms"}
    reply = space.put(key, b"a secret", asked)

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), asked, reply)


@verifies("storage/subresource/lock-is-kept-or-refused")
def test_lock_is_kept_or_refused(space: Space) -> None:
    """Purpose: a caller who locks what it stores is not left to think that nobody can delete it.

    Method: 1. PUT with x-amz-object-lock-mode: GOVERNANCE, until five seconds from now
            2. expect a refusal, or that mode told by HEAD
    """
    key = space.key("locked")
    reply = space.put(key, b"evidence", {**LOCK, UNTIL: _soon(), "Content-MD5": content_md5(b"evidence")})

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), LOCK, reply)


@verifies("storage/subresource/lock-is-kept-or-refused")
@pytest.mark.parametrize("way", [case("of-a-copy", "copy")])
def test_lock_of_a_copy_is_kept_or_refused(space: Space, way: str) -> None:
    """Purpose: a caller who locks a copy that it makes is not left to think that nobody can delete it.

    Method: 1. copy an object with x-amz-object-lock-mode: GOVERNANCE, until five seconds from now
            2. expect a refusal, or that mode told by HEAD
    """
    key = space.key(way)
    reply = space.copy(key, space.stored(b"evidence"), {**LOCK, UNTIL: _soon()})

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), LOCK, reply)
