"""Range requests on blobs (RFC 9110 section 14), and conditions on them (section 13)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import on_one_host
from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import OCI_LAYER, digest_of
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.registry import (
    expect_bytes,
    expect_coded,
    expect_content_length,
    expect_partial,
    expect_true_digest,
)
from conformance.oracles.status import expect_status
from conformance.strategies.properties import explores
from conformance.strategies.registry import ranges
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

SIZE = 2048
TO_GO_ON = "bytes=500-"
RANGES = [
    case("middle", "bytes=500-1499", 500, 1499),
    case("open", TO_GO_ON, 500, SIZE - 1),
    case("to-the-end", f"bytes=500-{SIZE - 1}", 500, SIZE - 1),
    case("last", "bytes=-500", SIZE - 500, SIZE - 1),
    case("beyond-the-end", f"bytes=2000-{SIZE}", 2000, SIZE - 1),
    case("first-byte", "bytes=0-0", 0, 0),
    case("last-one", "bytes=-1", SIZE - 1, SIZE - 1),
    case("last-byte", f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
]
OF_ANOTHER = [("If-None-Match", '"of-another"')]
FAR_BEYOND = "bytes=5000-10000"
ALL_OF_IT = "bytes=0-"
THE_WHOLE = case("the-whole", ALL_OF_IT, 0, SIZE - 1)
MORE_THAN_THERE_IS = case("last-of-more-than-there-is", f"bytes=-{2 * SIZE}", 0, SIZE - 1)
Ask = Callable[[str], Exchange]
# Where it is sent with a whole, it is sent with a part of it (RFC 9110 section 15.3.7).
SENT_WITH_A_PART = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary")


@pytest.fixture
def whole(repository: Repository, content: bytes, once: Once) -> Exchange:
    """GET of the blob by one who has another."""
    return once("whole", lambda: repository.get_blob(digest_of(content), OF_ANOTHER))


@pytest.fixture(scope="session")
def ask(repository: Repository, content: bytes, once: Once) -> Ask:
    """GET of the blob with a Range, once for each; of the whole as one who takes it compressed.

    Who goes on with a pull takes several types, as engines do that read manifests and blobs alike.
    """
    digest = digest_of(content)
    beside = {ALL_OF_IT: [("Accept-Encoding", "gzip")], TO_GO_ON: [("Accept", f"{OCI_LAYER}, */*")]}
    return lambda asked: once(
        ("range", asked), lambda: repository.get_blob(digest, [("Range", asked), *beside.get(asked, [])])
    )


@verifies("registry/pull/range-is-served")
@pytest.mark.parametrize(("asked", "first", "last"), RANGES)
def test_range_is_served(ask: Ask, content: bytes, asked: str, first: int, last: int) -> None:
    """Purpose: an interrupted pull is resumed.

    Method: 1. GET a blob with a Range
            2. expect 206 with exactly those bytes, and a Content-Range that says so, though the blob came in two chunks
    """
    expect_partial(ask(asked), content, first, last)


@verifies("registry/pull/part-is-what-it-says")
@pytest.mark.parametrize(("asked", "first", "last"), [*RANGES, THE_WHOLE, MORE_THAN_THERE_IS])
def test_part_is_what_it_says(ask: Ask, content: bytes, asked: str, first: int, last: int) -> None:
    """Purpose: whoever resumes a pull gets the blob in the end.

    Method: 1. GET a blob with a Range
            2. expect the whole with 200, or 206 with exactly the bytes asked for, and no digest but the whole's; where
               it comes compressed, as whoever takes that may get it, 206 with as many bytes as Content-Range tells
    """
    reply = ask(asked)

    expect_status(reply, {200, 206})
    expect_true_digest(reply, digest_of(content))
    if (reply.headers.get("content-encoding") or "identity").lower() != "identity":
        expect_coded(reply, content)
    elif reply.status == 200:
        expect_bytes(reply, content, or_statuses=(206,))
    else:
        expect_partial(reply, content, first, last)


@verifies("registry/pull/head-states-the-length")
@pytest.mark.parametrize("what", [case("blob-in-chunks", "a blob that came in two chunks")])
def test_head_of_a_blob_pushed_in_chunks(repository: Repository, content: bytes, what: str) -> None:
    """Purpose: how much a client would pull is all of it, and not what came last.

    Method: 1. HEAD a blob that came in two chunks
            2. expect Content-Length to be its size
    """
    expect_content_length(repository.head_blob(digest_of(content)), len(content))


@verifies("registry/pull/unsatisfiable-range")
@pytest.mark.parametrize("asked", [case("beyond", f"bytes={SIZE}-"), case("far-beyond", FAR_BEYOND)])
def test_unsatisfiable_range(ask: Ask, content: bytes, asked: str) -> None:
    """Purpose: a range that the blob has nothing of is told as such.

    Method: 1. GET a blob with a Range beyond its end
            2. expect 416, or the whole with 200
    """
    reply = ask(asked)

    expect_status(reply, {200, 416})
    if reply.status == 200:
        expect_bytes(reply, content, or_statuses=(416,))


@verifies("registry/pull/range-of-another-unit-is-no-part")
def test_range_of_another_unit(ask: Ask, content: bytes) -> None:
    """Purpose: who asks for something else than bytes is not sent some bytes as that.

    Method: 1. GET a blob with a Range of lines
            2. expect the whole with 200; a refusal (400, 416), as libraries give it, is let pass
    """
    reply = ask("lines=500-1499")

    expect_status(reply, {200, 400, 416})
    if reply.status == 200:
        expect_bytes(reply, content, or_statuses=(400, 416))


@verifies("registry/pull/416-tells-the-size")
def test_416_tells_the_size(ask: Ask, content: bytes) -> None:
    """Purpose: the refusal of a range says how large the blob is.

    Method: 1. GET a blob of 2,048 bytes with a Range beyond its end
            2. where the answer is 416, expect Content-Range: bytes */2048
    """
    reply = ask(FAR_BEYOND)
    if reply.status != 416:
        raise NotApplicable("the registry sends the whole blob instead, as it may")

    expect_header(reply, "Content-Range", f"bytes */{len(content)}")


@verifies("registry/pull/if-none-match-of-another-is-the-whole")
def test_if_none_match_of_another(repository: Repository, whole: Exchange, content: bytes) -> None:
    """Purpose: who has another content than this one gets this one.

    Method: 1. GET a blob with an If-None-Match that names another entity tag than its own
            2. expect 200 with the whole; and 200 to HEAD with that
    """
    expect_bytes(whole, content)
    expect_status(repository.head_blob(digest_of(content), OF_ANOTHER), 200, "for who has another")


@verifies("registry/pull/part-has-the-fields-of-the-whole")
def test_part_has_the_fields_of_the_whole(ask: Ask, whole: Exchange) -> None:
    """Purpose: whoever puts a blob together of parts sees that they are parts of one thing.

    Method: 1. GET a blob, and a part of it
            2. where the part comes with 206, expect the ETag of the whole, and Cache-Control, Content-Location, Expires
               and Vary where the whole has them
    """
    part = ask("bytes=500-1499")
    expect_status(whole, 200)
    if part.status != 206:
        raise NotApplicable("the registry sends the whole blob instead, as it may")

    for name in (each for each in SENT_WITH_A_PART if each in whole.headers):
        told, wanted = (expect_header(each, name).removeprefix("W/") for each in (part, whole))
        if name == "ETag" and told != wanted:
            proof = Proof(same=(("ETag", whole.id, part.id),))
            raise NonConformance(f"ETag: {wanted}", f"ETag: {told}", whole, part, proof=proof)


@verifies("registry/pull/part-is-what-it-says")
@pytest.mark.parametrize("asked", [case("of-what-is-had", "bytes=500-1499")])
def test_part_of_what_is_had(repository: Repository, whole: Exchange, content: bytes, asked: str) -> None:
    """Purpose: a pull that is resumed, if the blob is still the same, goes on where it ended.

    Method: 1. GET a blob with a Range, and its ETag in If-Range, where that is a strong one
            2. expect the whole with 200, or 206 with exactly the bytes asked for
    """
    if not (etag := whole.headers.get("etag") or "").startswith('"'):
        raise NotApplicable("the blob comes without an ETag that tells it byte by byte, as it may")
    reply = repository.get_blob(digest_of(content), [("Range", asked), ("If-Range", etag)])

    expect_status(reply, {200, 206})
    if reply.status == 200:
        expect_bytes(reply, content, or_statuses=(206,))
    else:
        expect_partial(reply, content, 500, 1499)


@verifies("registry/pull/if-range-of-another-is-the-whole")
def test_if_range_of_another(repository: Repository, content: bytes) -> None:
    """Purpose: a pull that is resumed is not put together of two things.

    Method: 1. GET a blob with a Range and an If-Range that names another entity tag than its own
            2. expect 200 with the whole

    An object store that the pull is led to may send the part: what is at the address of one content is no other, and
    S3's GetObject has no If-Range. What such a store does with one is asked of a storage (SHOULD).
    """
    fields = [("Range", "bytes=500-1499"), ("If-Range", '"of-another"')]
    reply = repository.get_blob(digest_of(content), fields)
    if reply.status == 206 and not on_one_host(reply.url, repository.registry.http.base_url):
        expect_partial(reply, content, 500, 1499)
        raise NotApplicable("a store that the pull is led to sent the part, and knows no If-Range")

    expect_bytes(reply, content)


@verifies("registry/pull/any-range-is-a-callers-affair")
@explores(0.6, {"asked": "bytes=0-9,20-29"}, {"asked": "bytes=-"}, asked=ranges())
def test_any_range(repository: Repository, content: bytes, asked: str) -> None:
    """Purpose: whatever the Range field is, the answer is the whole, a part of it, or a refusal.

    Method: 1. GET a blob with it
            2. expect 200 with the whole, 206 that says which part it is, or parts, 400 or 416
    """
    reply = repository.get_blob(digest_of(content), [("Range", asked)])

    expect_status(reply, {200, 206, 400, 416})
    if reply.status == 200:
        expect_bytes(reply, content, or_statuses=(206, 400, 416))
    elif reply.status == 206 and reply.media_type != "multipart/byteranges" and "content-range" not in reply.headers:
        # Without a proof of one answer: the whole, and a refusal, have none either and are right.
        raise NonConformance("a Content-Range field", "206 without one", reply)
