"""Operations and protections that a gateway need not offer: it refuses them, and never does something else instead."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from conformance.clients.s3.bodies import (
    ENCRYPTION_KEY,
    content_md5,
    delete_document,
    document,
    element,
    tagging_document,
)
from conformance.oracles.s3_documents import expect_keys, listing_of, tags_of
from conformance.oracles.s3_errors import xml_root
from conformance.oracles.s3_objects import expect_headers, expect_stored, expect_tag_set, open_to_all
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import expect_no_server_error, expect_no_success, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

OF_BUCKETS = (
    *("acl", "policy", "cors", "lifecycle", "versioning", "versions", "encryption", "website", "logging"),
    *("notification", "replication", "tagging", "object-lock", "accelerate", "requestPayment"),
    *("ownershipControls", "publicAccessBlock", "policyStatus"),
)
# Emulators use 000000000000 and 123456789012 for their own account, which owns everything.
NO_ACCOUNT, BYTES = "730291846583", b"the bytes"
OTHER_OWNER = {"x-amz-expected-bucket-owner": NO_ACCOUNT}
NO_VERSION = "cf-no-such-version-0000000000000"
Operation = Callable[[Space, str], Exchange]


@verifies("storage/subresource/of-a-bucket-is-no-listing")
@pytest.mark.parametrize("name", OF_BUCKETS)
def test_subresource_of_a_bucket_is_no_listing(space: Space, name: str) -> None:
    """Purpose: a client that requests a bucket's policy or versioning must not get a listing instead.
    Method: 1. list the bucket; GET it with the subresource
            2. expect its own document or a refusal, never a listing of objects
    """
    # The prefix has no objects, since other checks' objects may make a listing unreadable.
    listing_of(space.listing_v1(prefix := space.prefix()))
    reply = space.call("GET", query={name: "", "prefix": prefix})

    expect_no_server_error(reply)
    root = xml_root(reply)
    if reply.ok and root is not None and root.tag == "ListBucketResult":
        raise NonConformance(f"the bucket's {name}, or a refusal", "a listing of its objects", reply)


@verifies("storage/subresource/of-an-object-is-not-the-object")
@pytest.mark.parametrize("name", ["acl", "retention", "legal-hold", "torrent", "attributes"])
def test_subresource_of_an_object_is_not_the_object(space: Space, name: str) -> None:
    """Purpose: a client that requests an object's permissions or lock must not get its bytes instead.
    Method: 1. GET an object, then with the subresource
            2. expect its own document or a refusal, never the object's bytes
    """
    reply = space.get(space.readable(BYTES), {"x-amz-object-attributes": "ETag"}, {name: ""})

    expect_no_server_error(reply)
    if reply.ok and reply.body == BYTES:
        raise NonConformance(f"the object's {name}, or a refusal", "the bytes of the object", reply)


def _delete_version_among_many(space: Space, key: str) -> Exchange:
    named = f"<Object>{element('Key', key)}{element('VersionId', NO_VERSION)}</Object>"
    return space.delete_with(document("Delete", named))


def _on(method: str, query: dict[str, str], body: bytes = b"") -> Operation:
    fields = {"Content-Type": "application/xml"} if body else {}
    return lambda space, key: space.call(method, key, query, fields, body)


@pytest.mark.parametrize(
    "operation",
    [
        *(
            row(f"storage/subresource/write-never-overwrites-the-object#{name}", _on("PUT", {name: ""}, b"<Document/>"))
            for name in ("acl", "retention", "legal-hold", "tagging", "restore", "encryption")
        ),
        *(
            row(f"storage/subresource/delete-never-deletes-the-object#delete-{name}", _on("DELETE", {name: ""}))
            for name in ("acl", "tagging", "retention")
        ),
        row("storage/subresource/unknown-version-deletes-nothing#one", _on("DELETE", {"versionId": NO_VERSION})),
        row("storage/subresource/unknown-version-deletes-nothing#many", _delete_version_among_many),
        row(
            "storage/subresource/unknown-version-deletes-nothing#malformed", _on("DELETE", {"versionId": "of no form"})
        ),
    ],
)
def test_request_for_a_part_of_it_keeps_the_object(space: Space, operation: Operation) -> None:
    """Purpose: a write or deletion of a subresource, or of a missing version, must not change the object.
    Method: 1. put an object; PUT or DELETE its subresource, or delete a version that never existed
            2. expect any response without a server error, and the object as it was
    """
    reply = operation(space, key := space.stored(BYTES))

    expect_no_server_error(reply)
    expect_stored(space.get(key), BYTES)


@pytest.mark.parametrize(
    ("query", "methods"),
    [
        row("storage/subresource/unknown-version-is-refused", {"versionId": NO_VERSION}, ("GET", "HEAD")),
        row("storage/subresource/missing-part-is-refused", {"partNumber": "2"}, ("GET",)),
    ],
)
def test_missing_version_or_part_is_not_the_object(
    space: Space, query: dict[str, str], methods: tuple[str, ...]
) -> None:
    """Purpose: a client that requests a missing version or part must not get the whole present object.
    Method: 1. GET and HEAD a version that never existed; GET part 2 of an object without parts; 2. expect a refusal
    """
    key = space.stored(BYTES)
    for method in methods:
        reply = space.call(method, key, query)

        expect_no_server_error(reply)
        expect_no_success(reply, f"for a missing {next(iter(query))}")


def _delete_many(space: Space, key: str) -> Exchange:
    body = delete_document([key])
    return space.delete_with(body, {**OTHER_OWNER, "Content-MD5": content_md5(body)})


WITH_OTHER_OWNER: dict[str, Operation] = {
    "put": lambda space, key: space.put(key, b"other bytes", OTHER_OWNER),
    "delete": lambda space, key: space.delete(key, OTHER_OWNER),
    "get": lambda space, key: space.get(key, OTHER_OWNER),
    "delete-many": _delete_many,
    "list": lambda space, key: space.call("GET", query={"list-type": "2", "prefix": key}, headers=OTHER_OWNER),
    "open-upload": lambda space, key: space.create_upload(key, OTHER_OWNER),
    "get-tags": lambda space, key: space.call("GET", key, {"tagging": ""}, OTHER_OWNER),
    "delete-tags": lambda space, key: space.call("DELETE", key, {"tagging": ""}, OTHER_OWNER),
    "head-bucket": lambda space, key: space.call("HEAD", headers=OTHER_OWNER),
    "copy": lambda space, key: space.copy(f"{key}-copy", key, {"x-amz-source-expected-bucket-owner": NO_ACCOUNT}),
}


@verifies("storage/subresource/expected-owner-is-checked")
@pytest.mark.parametrize("operation", [case(name, operation) for name, operation in WITH_OTHER_OWNER.items()])
def test_expected_owner_is_heeded(space: Space, operation: Operation) -> None:
    """Purpose: a client that states whose bucket it expects must not read or change another one.
    Method: 1. put an object; send the operation with an account that does not exist as the expected owner
            2. expect 403 (or 400, 501), and the object as it was
    """
    expect_status(operation(space, key := space.stored(BYTES)), {400, 403, 501})
    expect_stored(space.get(key), BYTES)


@verifies("storage/subresource/unknown-method-is-refused")
@pytest.mark.parametrize("method", [case(each.lower(), each) for each in ("PATCH", "POST", "CONFORM", "OPTIONS")])
def test_unknown_method_is_refused(space: Space, method: str) -> None:
    """Purpose: a method that S3 does not define for an object is refused and changes nothing.
    Method: 1. put an object, send such a method to it
            2. expect a 4xx or 501 (OPTIONS may be answered), and the object as it was
    """
    reply = space.call(method, key := space.stored(BYTES), body=b"other bytes")

    if method != "OPTIONS":
        expect_no_success(reply, "for a method that objects do not have")
    expect_no_server_error(reply)
    expect_stored(space.get(key), BYTES)
    expect_keys(found_under(space, key), [key])


@verifies("storage/subresource/unknown-version-is-not-tagged")
def test_unknown_version_is_not_tagged(space: Space) -> None:
    """Purpose: tagging a version that never existed must not tag the present object.
    Method: 1. put an object with a tag; write, delete and request the tags of a version that never existed
            2. expect no tags of that version, and the object's tag as it was
    """
    key = space.stored(b"tagged", {"x-amz-tagging": "before=1"})
    before = tags_of(space.get_tags(key))
    body, unknown = tagging_document([("by", "eve")]), {"tagging": "", "versionId": NO_VERSION}
    reply = space.call("PUT", key, unknown, {"Content-MD5": content_md5(body)}, body)
    space.call("DELETE", key, unknown)

    expect_no_success(space.call("GET", key, unknown), "for tags of a version that never existed")
    expect_tag_set(space.get_tags(key), before, reply)


@verifies("storage/subresource/encryption-key-is-used-or-refused")
@pytest.mark.parametrize("copied", [case("put", False), case("copy", True)])
def test_encryption_key_is_used_or_refused(space: Space, copied: bool) -> None:
    """Purpose: a client that encrypts with its own key must not have the object stored readable by everyone.
    Method: 1. PUT or copy with a customer's key (SSE-C)
            2. expect a refusal with nothing stored, or an object that is not read without the key
    """
    key, body = space.key("secret"), b"a secret"
    reply = space.copy(key, space.stored(body), ENCRYPTION_KEY) if copied else space.put(key, body, ENCRYPTION_KEY)
    got = space.get(key)

    expect_no_server_error(reply)
    if got.ok:
        raise open_to_all("no object without the key that it was written with", reply, got)


def _lock() -> dict[str, str]:
    """Return a lock for five seconds: it ends before clean-up."""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    return {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": until}


@pytest.mark.parametrize(
    ("fields", "copied"),
    [
        row(
            "storage/subresource/encryption-is-used-or-refused",
            lambda: {"x-amz-server-side-encryption": "aws:kms"},
            False,
        ),
        row("storage/subresource/lock-is-applied-or-refused#put", _lock, False),
        row("storage/subresource/lock-is-applied-or-refused#copy", _lock, True),
    ],
)
def test_protection_is_applied_or_refused(space: Space, fields: Callable[[], dict[str, str]], copied: bool) -> None:
    """Purpose: a client that requests encryption or a lock must not wrongly assume that its object is protected.
    Method: 1. PUT or copy with x-amz-server-side-encryption: aws:kms, or with a lock of five seconds
            2. expect a refusal, or the encryption or the mode of the lock in HEAD
    """
    key, body, protection = space.key("protected"), b"evidence", fields()
    if copied:
        reply = space.copy(key, space.stored(body), protection)
    else:
        reply = space.put(key, body, {**protection, "Content-MD5": content_md5(body)})

    expect_no_server_error(reply)
    if reply.ok:
        expect_headers(space.head(key), dict([next(iter(protection.items()))]))
