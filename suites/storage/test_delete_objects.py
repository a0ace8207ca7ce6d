"""DeleteObjects: many keys in one request, and the digests of its document."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.bodies import content_md5, delete_document, document, element
from conformance.clients.s3.checksums import checksum_field
from conformance.oracles.s3_documents import deletion_of, expect_deleted, expect_keys
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored
from conformance.oracles.s3_pages import version_2, whole_listing
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, rows, sends_up_to, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import some, worded

QUIET = "<Quiet>true</Quiet>"
OLD = b"the old object"


@verifies("storage/multi-delete/named-keys-are-deleted")
def test_deletes_what_is_named(space: Space) -> None:
    """Purpose: the named keys are deleted, and no others.
    Method: 1. put four objects, delete two in one request; 2. expect both reported deleted, and only the others listed
    """
    prefix = space.prefix()
    a, b, c, ab = space.stored_all(prefix, ["a", "b", "c", "ab"])

    expect_deleted(space.delete_many([a, b]), [a, b])
    expect_keys(whole_listing(version_2(space, prefix)), [ab, c])


@verifies("storage/multi-delete/keys-are-matched-exactly")
@pytest.mark.parametrize(
    ("named", "others"),
    [
        case("similar-keys", ["G", "a ", "b/", "c", "d&amp;", "e  f"], ["a", "b", "c/d", "d&", "e f", "g"]),
        case("xml-characters", ["a&b", "a<b>", "\"q\" 'q'", "a+b", "a%20b", " é "], ["a&amp;b", "a b", "q"]),
    ],
)
def test_keys_are_matched_exactly(space: Space, named: list[str], others: list[str]) -> None:
    """Purpose: keys in the document are XML text: unescaped once, not trimmed or normalized, and not prefixes.
    Method: 1. put objects under keys that differ by case, a blank, a slash or an escape (the target may refuse some)
            2. delete some of them in one request with Quiet false, as SDKs write it
            3. expect exactly those reported as deleted, and only the others listed
    """
    prefix = space.prefix()
    stored = {name for name in [*named, *others] if space.put(prefix + name, name.encode()).ok}

    expected = [prefix + name for name in named if name in stored]
    verbose = delete_document(expected).replace(b"</Delete>", b"<Quiet>false</Quiet></Delete>")
    expect_deleted(space.delete_with(verbose), expected)
    expect_keys(whole_listing(version_2(space, prefix)), [prefix + name for name in others if name in stored])


@verifies("storage/multi-delete/keys-are-matched-exactly#leading-slash")
def test_leading_slash_is_matched(space: Space) -> None:
    """Purpose: a leading slash is part of the key in the document.
    Method: 1. put an object, put another under its key with a leading slash (it may be refused), delete the latter
            2. expect it reported as deleted, 404 for it, and the first unchanged
    """
    named = "/" + (key := space.stored(b"without"))
    with space.removing(named):
        if not space.put(named, b"with").ok:
            raise NotApplicable("the target accepts no key that begins with a slash")
        if space.get(key).body != b"without":
            raise NotApplicable("the target treats both keys as one; another check reports that")
        expect_deleted(space.delete_many([named]), [named])

        expect_status(space.get(named), 404, "for a key that was reported as deleted")
        expect_bytes(space.get(key), b"without", "when the key with a leading slash was deleted")


@verifies("storage/multi-delete/missing-keys-are-deleted-too")
@pytest.mark.parametrize("repeated", [case("missing", False), case("named-twice", True)])
def test_missing_keys_count_as_deleted(space: Space, repeated: bool) -> None:
    """Purpose: a client that repeats a deletion must not see an error.
    Method: 1. delete an object and a missing key, or one object twice, in one request
            2. expect both as Deleted, without an error, and 404 for the object
    """
    key = space.stored()
    named = [key, key if repeated else space.key("missing")]
    expect_deleted(space.delete_many(named), named)
    expect_nothing_stored(space.get(key), "for a key that was deleted")


@verifies("storage/multi-delete/quiet-names-only-errors")
def test_quiet_names_only_errors(space: Space) -> None:
    """Purpose: in quiet mode the response names only keys that could not be deleted.
    Method: 1. delete an object with Quiet before it, and another with Quiet after it, as SDKs write it
            2. expect an empty result and 404 for the object, each time
    """
    for before, after in ((QUIET, ""), ("", QUIET)):
        key = space.stored()
        reply = space.delete_with(document("Delete", f"{before}<Object><Key>{key}</Key></Object>{after}"))
        result = deletion_of(reply)

        if result.deleted or result.errors:
            raise NonConformance("no entries in quiet mode", worded(result), reply)
        expect_nothing_stored(space.get(key), "for a key that was deleted")


@verifies("storage/multi-delete/named-keys-are-deleted#every-result-is-reported")
def test_every_result_is_reported(space: Space) -> None:
    """Purpose: a client learns the result for each key, also for one with an unknown version.
    Method: 1. name an object, and an unknown version of another (not applicable if the whole request is refused)
            2. expect each of the two among the deleted keys or among the errors
    """
    keys = [space.stored(), space.stored()]
    entries = element("Key", keys[0]), element("Key", keys[1]) + element("VersionId", "cf-no-such-version")
    reply = space.delete_with(document("Delete", "".join(f"<Object>{each}</Object>" for each in entries)))
    if not reply.ok:
        raise NotApplicable("the target refuses a document that names a version")
    result = deletion_of(reply)

    if missing := {*keys} - {*result.deleted, *result.errors}:
        raise NonConformance(f"a result for {some(missing)}", worded(result), reply)


@verifies("storage/multi-delete/quiet-reports-errors")
def test_quiet_reports_errors(space: Space) -> None:
    """Purpose: quiet mode reports the same errors as verbose mode.
    Method: 1. name an unknown version and a key that is too long (only the version if the target refuses the whole
               request), with and without Quiet
            2. expect the same keys among the errors
    """
    unknown = f"<Object><Key>{space.stored()}</Key><VersionId>cf-no-such-version</VersionId></Object>"
    too_long = f"<Object><Key>{space.key()}{'k' * 1024}</Key></Object>"
    for named in (unknown + too_long, unknown):
        verbose = space.delete_with(document("Delete", f"{named}<Quiet>false</Quiet>"))
        if verbose.ok:
            break
    else:
        raise NotApplicable("the target refuses a document that names a version")
    quiet = space.delete_with(document("Delete", named + QUIET))
    due, found = ([*deletion_of(reply).errors] for reply in (verbose, quiet))

    if {*due} != {*found}:
        raise NonConformance(f"errors for {some(due)}, as without Quiet", worded(found), quiet)


@verifies("storage/multi-delete/1000-keys-are-deleted")
@sends_up_to(1100)
def test_1000_keys_are_deleted(space: Space) -> None:
    """Purpose: of 1,000 keys in one request, each key that is reported as deleted is deleted.
    Method: 1. put 1,000 objects under keys of 120 characters, so that the document is larger than many form limits
            2. delete all of them in one request
            3. expect 1,000 keys as Deleted, and none of them in a listing
    """
    prefix = space.prefix()
    keys = space.stored_many([f"{prefix}{'in-a-folder/' * 8}{number:03}" for number in range(1000)])

    expect_deleted(space.delete_many(keys), keys)
    expect_keys(whole_listing(version_2(space, prefix)), [], "after DeleteObjects reported each of them as deleted")


@pytest.mark.parametrize(
    ("document_of", "digests"),
    rows(
        {
            "storage/multi-delete/broken-document-is-refused": {
                "no-xml": (lambda key: b"delete everything", [{}]),
                "empty": (lambda key: b"", [{}]),
                "cut": (lambda key: delete_document([key])[:-12], [{}]),
                "other-root": (lambda key: b"<Remove><Object/></Remove>", [{}]),
                "no-objects": (lambda key: delete_document([]), [{}]),
                "object-without-key": (lambda key: b"<Delete><Object></Object></Delete>", [{}]),
                "json": (lambda key: b'{"Objects": []}', [{}]),
            },
            "storage/multi-delete/more-than-a-thousand-is-refused": {
                "": (lambda key: delete_document([key, *(f"{key}-{number}" for number in range(1000))]), [{}])
            },
            "storage/multi-delete/wrong-md5-deletes-nothing": {
                "": (lambda key: delete_document([key]), [{"Content-MD5": content_md5(b"another document")}])
            },
            "storage/multi-delete/wrong-checksum-deletes-nothing": {
                "": (
                    lambda key: delete_document([key]),
                    [dict([checksum_field(algorithm, b"another document")]) for algorithm in ("crc32", "sha256")],
                )
            },
        }
    ),
)
def test_broken_document_is_refused(
    space: Space, document_of: Callable[[str], bytes], digests: list[dict[str, str]]
) -> None:
    """Purpose: a body that is no Delete document, was damaged in transit, or names too many keys, deletes nothing.
    Method: 1. put an object; send a malformed document, one of 1,001 keys, or one with the digest of another document
            2. expect a 4xx, and the object unchanged
    """
    key = space.stored(OLD)
    for digest in digests:
        body = document_of(key)
        expect_refused(space.delete_with(body, digest or {"Content-MD5": content_md5(body)}))
    expect_stored(space.get(key), OLD)


@verifies("storage/multi-delete/checksum-replaces-md5")
@pytest.mark.parametrize("algorithm", ["crc32", "sha256"])
def test_checksum_replaces_md5(space: Space, algorithm: str) -> None:
    """Purpose: current SDKs send a checksum instead of Content-MD5.
    Method: 1. delete an object with x-amz-checksum and without Content-MD5; 2. expect 2xx, and 404 for the object
    """
    body = delete_document([key := space.stored()])
    name, value = checksum_field(algorithm, body)

    expect_success(space.delete_with(body, {name: value, "x-amz-sdk-checksum-algorithm": algorithm.upper()}))
    expect_nothing_stored(space.get(key), "for a key that was deleted")
