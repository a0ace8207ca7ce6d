"""Properties of XML bodies: a spoiled document is the caller's fault and changes nothing it does not say."""

from __future__ import annotations

from conformance.clients.s3_bodies import completion_document, content_md5, delete_document, tagging_document
from conformance.oracles.s3_errors import error_of, expect_error_document
from conformance.oracles.s3_objects import expect_bytes, expect_stored
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.space import Space
from conformance.strategies.explore import explores
from conformance.strategies.storage import wounded, xml_wounds
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

Wound = tuple[str, float, bytes]


def _expect_judged(reply: Exchange) -> None:
    """Obeyed, or refused with an S3 error document: never a server's fault."""
    expect_no_server_error(reply)
    if not reply.ok and reply.status != 501:
        expect_error_document(reply)


@verifies("storage/xml/spoiled-deletion-is-judged")
@explores(0.4, wound=xml_wounds())
def test_spoiled_deletion_is_judged(space: Space, wound: Wound) -> None:
    """Purpose: a spoiled Delete document is obeyed as far as it is valid or refused; what it never named stays.

    Method: 1. put two objects, send a Delete document for the first, spoiled
            2. expect 2xx, or a 4xx with an error document; the second object there; a good one obeyed afterwards
    """
    named, beside = space.stored(b"named"), space.stored(b"never named")

    reply = space.delete_with(wounded(delete_document([named]), wound))

    _expect_judged(reply)
    expect_stored(space.get(beside), b"never named")
    expect_status(space.delete_many([named]), 200)


@verifies("storage/xml/spoiled-completion-is-judged")
@explores(0.4, wound=xml_wounds())
def test_spoiled_completion_is_judged(space: Space, wound: Wound) -> None:
    """Purpose: a spoiled CompleteMultipartUpload document makes the object of its parts, or none.

    Method: 1. open an upload, send a part, complete with a spoiled document
            2. expect no server error, and the object either whole or not there; then a good completion works
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"the only part")

    reply = space.complete_with(key, upload, wounded(completion_document([part]), wound))

    expect_no_server_error(reply)
    got = space.get(key)
    expect_status(got, {200, 404})
    if got.status == 404:
        if reply.ok and error_of(reply) is None:
            raise NonConformance("an object from a completion that succeeded", "none", reply, got)
        expect_status(space.complete(key, upload, [part]), 200)
        got = space.get(key)
    expect_bytes(got, b"the only part")


@verifies("storage/xml/spoiled-tagging-is-judged")
@explores(0.4, wound=xml_wounds())
def test_spoiled_tagging_is_judged(space: Space, wound: Wound) -> None:
    """Purpose: a spoiled Tagging document is obeyed as far as it is valid or refused, and the object is unharmed.

    Method: 1. put an object, send a Tagging document, spoiled
            2. expect 2xx, or a 4xx with an error document, and the object as it was
    """
    key = space.stored(b"tagged")
    body = wounded(tagging_document([("project", "alpha"), ("owner", "a & b")]), wound)

    _expect_judged(space.call("PUT", key, {"tagging": ""}, {"Content-MD5": content_md5(body)}, body))
    expect_stored(space.get(key), b"tagged")
