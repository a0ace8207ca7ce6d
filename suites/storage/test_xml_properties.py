"""Properties of XML bodies: a changed document is obeyed or refused as the change demands, and refused does nothing."""

from __future__ import annotations

from conformance.clients.s3.bodies import completion_document, content_md5, delete_document, tagging_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.s3_documents import tags_of
from conformance.oracles.s3_errors import error_of, expect_error_document
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored, expect_tag_set
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.xml_changes import XML_KINDS, xml_changes
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.mutation import Outcome

XmlChange = Change[bytes, bytes]
BESIDE = b"never named"


def _obeyed(reply: Exchange) -> bool:
    return reply.ok and error_of(reply) is None


def _error_form(reply: Exchange) -> None:
    """A refusal has an S3 error document; what is not implemented, and a front end's limits, may be told otherwise."""
    if reply.status not in (411, 413, 501):
        expect_error_document(reply)


@verifies("storage/xml/spoiled-deletion-is-judged")
@explores(0.2, *XML_KINDS, change=xml_changes())
def test_changed_deletion_is_judged(space: Space, change: XmlChange) -> None:
    """Purpose: a changed Delete document is obeyed as far as it is valid or refused; what it never named stays.

    Method: 1. put two objects, send a Delete document for the first, changed in one way
            2. expect the first gone where the document is still valid, a 4xx with an error document and nothing gone
               where it must be refused, either for the rest; the second there
    """
    named, beside = space.stored(b"named"), space.stored(BESIDE)
    mutation = change.of(delete_document([named]))

    reply = expect_outcome(
        mutation,
        lambda: space.delete_with(mutation.value),
        Surroundings(
            _error_form,
            lambda: expect_stored(space.get(beside), BESIDE),
            lambda: space.head(named).status,
            accepted=_obeyed,
        ),
    )
    if mutation.outcome is Outcome.VALID and reply.ok:
        expect_nothing_stored(space.get(named), "for a key that was deleted")


@verifies("storage/xml/spoiled-completion-is-judged")
@explores(0.2, *XML_KINDS, change=xml_changes())
def test_changed_completion_is_judged(space: Space, change: XmlChange) -> None:
    """Purpose: a changed CompleteMultipartUpload document makes the object of its parts, or none.

    Method: 1. open an upload, send a part, complete with a changed document
            2. expect the object whole where it is obeyed; not there where it is refused, be it within 200, and then
               a good completion to make it
    """
    key = space.key()
    upload = space.opened(key)
    part = space.part(key, upload, 1, b"the only part")
    mutation = change.of(completion_document([part]))

    reply = expect_outcome(
        mutation,
        lambda: space.complete_with(key, upload, mutation.value),
        Surroundings(_error_form, lambda: None, lambda: space.head(key).status, accepted=_obeyed, late=True),
    )
    if not _obeyed(reply):
        expect_success(space.complete(key, upload, [part]), "for the good document")
    expect_bytes(space.get(key), b"the only part")


@verifies("storage/xml/spoiled-tagging-is-judged")
@explores(0.2, *XML_KINDS, change=xml_changes())
def test_changed_tagging_is_judged(space: Space, change: XmlChange) -> None:
    """Purpose: a changed Tagging document is obeyed as far as it is valid or refused, and the object is unharmed.

    Method: 1. put an object with a tag, send a Tagging document of two others, changed in one way
            2. expect those where the document is still valid, the one from before where it is refused
    """
    key = space.stored(b"tagged", {"x-amz-tagging": "before=1"})
    tags = {"project": "alpha", "owner": "a + b"}
    mutation = change.of(tagging_document(tags.items()))
    fields = {"Content-MD5": content_md5(mutation.value)}

    reply = expect_outcome(
        mutation,
        lambda: space.call("PUT", key, {"tagging": ""}, fields, mutation.value),
        Surroundings(
            _error_form,
            lambda: expect_stored(space.get(key), b"tagged"),
            lambda: tags_of(space.get_tags(key)),
            accepted=_obeyed,
        ),
    )
    if mutation.outcome is Outcome.VALID and reply.ok:
        expect_tag_set(space.get_tags(key), tags)
