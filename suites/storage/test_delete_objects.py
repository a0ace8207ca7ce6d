"""DeleteObjects: many keys in one request, and the digests of its document."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import delete_document, document, element
from conformance.clients.s3.checksums import checksum_field, content_md5
from conformance.oracles.proofs import lists, literal
from conformance.oracles.s3_documents import deletion_of, expect_deleted, expect_keys
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored
from conformance.oracles.s3_pages import version_2, whole_listing
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import some, worded

BROKEN = {
    "no-xml": b"delete everything",
    "empty": b"",
    "cut": delete_document(["a"])[:-12],
    "other-root": b"<Remove><Object/></Remove>",
    "no-objects": delete_document([]),
    "object-without-key": b"<Delete><Object></Object></Delete>",
    "json": b'{"Objects": []}',
}
QUIET = "<Quiet>true</Quiet>"
THERE = (0, 99, 100, 499, 500, 999)
MALFORMED = {
    "MalformedXML",
    "InvalidRequest",
    "MissingRequestBodyError",
    "MissingContentLength",
    "UserKeyMustBeSpecified",
    "InvalidArgument",
}


@verifies("storage/multi-delete/deletes-what-is-named")
def test_deletes_what_is_named(space: Space) -> None:
    """Purpose: the named keys are deleted, and no others.

    Method: 1. put four objects, delete two of them in one request
            2. expect both named as deleted, gone, and the other two there
    """
    prefix = space.prefix()
    a, b, c, ab = space.stored_all(prefix, ["a", "b", "c", "ab"])

    expect_deleted(space.delete_many([a, b]), [a, b])
    expect_keys(whole_listing(version_2(space, prefix)), [ab, c])


@verifies("storage/multi-delete/takes-each-key-as-it-is")
def test_takes_each_key_as_it_is(space: Space) -> None:
    """Purpose: a key in the document is taken literally: not trimmed, not normalized, no prefix of others.

    Method: 1. put objects under keys that differ by case, a blank, a slash, a segment, an escape (any may be refused)
            2. delete some of them in one request with a Quiet of false, as clients write it; expect just those told as
               deleted, and the others as they were
    """
    prefix = space.prefix()
    named, beside = ["G", "a ", "b/", "c", "d&amp;", "e  f"], ["a", "b", "c/d", "d&", "e f", "g"]
    kept = {name for name in [*named, *beside] if space.put(prefix + name, name.encode()).ok}

    wanted = [prefix + name for name in named if name in kept]
    loud = delete_document(wanted).replace(b"</Delete>", b"<Quiet>false</Quiet></Delete>")
    expect_deleted(space.delete_with(loud), wanted)
    expect_keys(whole_listing(version_2(space, prefix)), [prefix + name for name in beside if name in kept])


@verifies("storage/multi-delete/takes-each-key-as-it-is")
@pytest.mark.parametrize("before", [case("slash-before-it", "/")])
def test_key_is_deleted_with_the_slash_before_it(space: Space, before: str) -> None:
    """Purpose: a slash at the beginning of a key is part of it in the document, too.

    Method: 1. put an object, put another under its key with a slash before it (it may be refused), delete that one
            2. expect it told as deleted, and gone, and the first as it was
    """
    named = before + (key := space.stored(b"without"))
    with space.removing(named):
        if not space.put(named, b"with").ok:
            raise NotApplicable("the target accepts no key that begins with a slash")
        if space.get(key).body != b"without":
            raise NotApplicable("the target takes both keys for one, which another check judges")
        expect_deleted(space.delete_many([named]), [named])

        expect_status(space.get(named), 404, "for what was told as deleted")
        expect_bytes(space.get(key), b"without", "when the key with a slash before it was deleted")


@verifies("storage/multi-delete/missing-keys-are-deleted-too")
@pytest.mark.parametrize("twice", [case("missing", False), case("named-twice", True)])
def test_missing_keys_count_as_deleted(space: Space, twice: bool) -> None:
    """Purpose: a client that repeats a deletion must not see an error.

    Method: 1. delete an object and a missing key, or one object twice, in one request
            2. expect both as Deleted, without an error, and the object gone
    """
    key = space.stored()
    named = [key, key if twice else space.key("missing")]
    expect_deleted(space.delete_many(named), named)
    expect_nothing_stored(space.get(key), "for a key that was deleted")


@verifies("storage/multi-delete/quiet-names-only-errors")
def test_quiet_names_only_errors(space: Space) -> None:
    """Purpose: in quiet mode the response names only keys that could not be deleted.

    Method: 1. delete an object with Quiet before it, another with Quiet behind it, as SDKs write it
            2. expect an empty result, and the object gone, each time
    """
    for before, behind in ((QUIET, ""), ("", QUIET)):
        key = space.stored()
        reply = space.delete_with(document("Delete", f"{before}<Object><Key>{key}</Key></Object>{behind}"))
        result = deletion_of(reply)

        if result.deleted or result.errors:
            proof = Proof(reply.id, lacks="<(Deleted|Error)[ />]")
            raise NonConformance("no entries in quiet mode", worded(result), reply, proof=proof)
        expect_nothing_stored(space.get(key), "for a key that was deleted")


@verifies("storage/multi-delete/deletes-what-is-named")
@pytest.mark.parametrize("named", [case("and-tells-each", "cf-no-such-version")])
def test_each_key_is_told(space: Space, named: str) -> None:
    """Purpose: a client learns the result for each key, also for one with an unknown version.

    Method: 1. name an object, and a version of another that never existed (not applicable where that is refused whole)
            2. expect each of the two among what was deleted or among the errors
    """
    keys = [space.stored(), space.stored()]
    entries = element("Key", keys[0]), element("Key", keys[1]) + element("VersionId", named)
    reply = space.delete_with(document("Delete", "".join(f"<Object>{each}</Object>" for each in entries)))
    if not reply.ok:
        raise NotApplicable("the target refuses a document that names a version")
    told = deletion_of(reply)

    if missing := {*keys} - {*told.deleted, *told.errors}:
        proof = Proof(reply.id, matches=f"<Key>{literal(min(missing))}<")
        raise NonConformance(f"what became of {some(missing)}", worded(told), reply, proof=proof)


@verifies("storage/multi-delete/quiet-tells-errors")
def test_quiet_tells_errors(space: Space) -> None:
    """Purpose: quiet mode reports the same errors as verbose mode.

    Method: 1. name a version that never existed, and a key that is too long (which may have all refused: then the
               version alone), without Quiet and with
            2. expect the same keys among the errors
    """
    doubtful = f"<Object><Key>{space.stored()}</Key><VersionId>cf-no-such-version</VersionId></Object>"
    too_long = f"<Object><Key>{space.key()}{'k' * 1024}</Key></Object>"
    named = doubtful + too_long
    if not (reply := space.delete_with(document("Delete", f"{named}<Quiet>false</Quiet>"))).ok:
        named = doubtful
        reply = space.delete_with(document("Delete", f"{named}<Quiet>false</Quiet>"))
    if not reply.ok:
        raise NotApplicable("the target refuses a document that names a version")
    quietly = space.delete_with(document("Delete", f"{named}<Quiet>true</Quiet>"))
    told, told_quietly = deletion_of(reply), deletion_of(quietly)

    if told.errors.keys() != told_quietly.errors.keys():
        keys = [*told.errors]
        proof, wanted = lists("Error/Key", [quietly], keys), f"errors for {some(keys)}, as without Quiet"
        raise NonConformance(wanted, worded(list(told_quietly.errors)), quietly, proof=proof)


@verifies("storage/multi-delete/takes-hard-keys")
def test_takes_hard_keys(space: Space) -> None:
    """Purpose: keys in the document are XML text: escaped characters mean themselves, and nothing else.

    Method: 1. put objects under keys that need escaping in XML, and others beside them
            2. delete the first in one request, expect them told as deleted, and only the others there
    """
    prefix = space.prefix()
    hard = space.stored_all(prefix, ["a&b", "a<b>", "\"q\" 'q'", "a+b", "a%20b", " é "])
    beside = space.stored_all(prefix, ["a&amp;b", "a b", "q"])

    expect_deleted(space.delete_many(hard), hard)
    expect_keys(whole_listing(version_2(space, prefix)), beside)


@verifies("storage/multi-delete/takes-a-thousand")
def test_takes_a_thousand_keys(space: Space) -> None:
    """Purpose: one request may name 1,000 keys, and deletes each of them.

    Method: 1. delete 1,000 keys, of which the first, the last and some between exist, where batches may end; they are
               as long as paths are, so that the document is longer than what some take for a form
            2. expect 1,000 entries as deleted, and no objects left
    """
    prefix = space.prefix()
    keys = [f"{prefix}{'in-a-folder/' * 10}{number:03}" for number in range(1000)]
    for number in THERE:
        space.stored(key=keys[number])
    expect_deleted(space.delete_many(keys), keys)
    expect_keys(whole_listing(version_2(space, prefix)), [])


@verifies("storage/multi-delete/more-than-a-thousand-is-refused")
def test_more_than_a_thousand_is_refused(space: Space) -> None:
    """Purpose: a request that names more than 1,000 keys is refused whole.

    Method: 1. name 1,001 keys, one of which exists
            2. expect 400 MalformedXML, and the object there
    """
    there = space.stored(b"what stood there")

    reply = space.delete_many([there, *(f"{there}-{number}" for number in range(1000))])

    expect_refusal(reply, 400, MALFORMED)
    expect_stored(space.get(there), b"what stood there")


@verifies("storage/multi-delete/broken-document-is-refused")
@pytest.mark.parametrize("body", [case(hint, body) for hint, body in BROKEN.items()])
def test_broken_document_is_refused(space: Space, body: bytes) -> None:
    """Purpose: a body that is no Delete document is reported as the client's mistake.

    Method: 1. send such a body with its right Content-MD5
            2. expect 400 MalformedXML; 411 MissingContentLength too where there is no body
    """
    expect_refusal(space.delete_with(body), {400} if body else {400, 411}, MALFORMED)


@pytest.mark.parametrize(
    ("digests", "codes"),
    [
        row(
            "storage/multi-delete/wrong-md5-deletes-nothing",
            [("Content-MD5", content_md5(b"another document"))],
            {"BadDigest", "InvalidDigest"},
        ),
        row(
            "storage/multi-delete/wrong-checksum-deletes-nothing",
            [checksum_field(algorithm, b"another document") for algorithm in ("crc32", "sha256")],
            {"BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch", "InvalidDigest"},
        ),
    ],
)
def test_wrong_digest_deletes_nothing(space: Space, digests: list[tuple[str, str]], codes: set[str]) -> None:
    """Purpose: a Delete document that was damaged on the way deletes nothing.

    Method: 1. name an object, with another document's Content-MD5, or its CRC-32 and then its SHA-256
            2. expect 400 BadDigest, and the object there
    """
    key = space.stored(b"what stood there")
    for digest in digests:
        expect_refusal(space.delete_with(delete_document([key]), dict([digest])), 400, codes)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/multi-delete/takes-a-checksum-for-md5")
@pytest.mark.parametrize("algorithm", [case("crc32", "crc32"), case("sha256", "sha256")])
def test_takes_a_checksum_in_place_of_md5(space: Space, algorithm: str) -> None:
    """Purpose: current SDKs send a checksum instead of Content-MD5.

    Method: 1. delete an object with x-amz-checksum and without Content-MD5
            2. expect 2xx, and the object gone
    """
    key = space.stored()
    body = delete_document([key])
    name, value = checksum_field(algorithm, body)

    reply = space.delete_with(body, {name: value, "x-amz-sdk-checksum-algorithm": algorithm.upper()})

    expect_success(reply)
    expect_nothing_stored(space.get(key), "for a key that was deleted")
