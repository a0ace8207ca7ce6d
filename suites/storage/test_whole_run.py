"""What is judged of a gateway's run as a whole: how it tells each success and each error, whatever was asked."""

from __future__ import annotations

import pytest

from conformance.evidence.error_documents import NO_CODE, UNREADABLE
from conformance.evidence.recorder import Recorder
from conformance.evidence.successes import BAD_TAG, DELETED, WRITTEN
from conformance.oracles.s3_objects import expect_entity_tag
from conformance.oracles.whole_run import expect_none, expect_told_by, flawed_so
from conformance.sandbox.space import Space
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.finding import Proof

UNREAD = "it takes a reader of XML to see where a document breaks off or repeats what it may not"


@verifies("storage/object/written-is-200")
@concludes()
def test_everything_written_is_200(space: Space, recorder: Recorder) -> None:
    """Purpose: a client knows that its bytes are there by the status that it waits for, in whatever form they came.

    Method: 1. put an object, and another in its place
            2. expect 200 for both, and for every object, part, copy, opening, completion and request to delete several
               that the run was served before
    """
    key = space.key()

    expect_told_by(recorder, 200, WRITTEN, space.put(key, b"written"), space.put(key, b"written again"))


@verifies("storage/object/deleted-is-204")
@concludes()
def test_everything_deleted_is_204(space: Space, recorder: Recorder) -> None:
    """Purpose: a client knows that an object is gone by the status that it waits for, whatever it was.

    Method: 1. delete an object, and once more
            2. expect 204 both times, and for every object and upload whose deletion the run was told before
    """
    key = space.stored()

    expect_told_by(recorder, 204, DELETED, space.delete(key), space.delete(key))


@verifies("storage/object/etag-is-one-and-quoted")
@concludes()
@pytest.mark.parametrize("body", [case("of-the-whole-run", b"tagged")])
def test_every_etag_is_quoted(space: Space, recorder: Recorder, body: bytes) -> None:
    """Purpose: an ETag that a client sends back is read as it was told, whatever it was told of.

    Method: 1. put an object
            2. expect a quoted ETag of it, where there is one, and in every other answer that the run was given before
    """
    reply = space.put(space.key(), body)
    if reply.headers.all("etag"):
        expect_entity_tag(reply)
    quoted = Proof(fields_match=(("ETag", '^"[^"]*"$'),), or_statuses=tuple(range(400, 500)))
    expect_none(recorder, flawed_so(recorder, BAD_TAG), "a strong ETag, quoted", f"{BAD_TAG},", quoted)


@verifies("storage/errors/document-has-code-and-message")
@concludes()
@pytest.mark.parametrize("name", [case("of-the-whole-run", "missing")])
def test_every_error_has_a_code(space: Space, recorder: Recorder, name: str) -> None:
    """Purpose: a client acts by the code of an error, however seldom that error is.

    Method: 1. GET a key that was never written
            2. expect that its error document, and every other that the run was answered, is well-formed and has a Code
    """
    space.get(space.key(name))

    expect_none(recorder, flawed_so(recorder, UNREADABLE), "well-formed XML", f"{UNREADABLE},", Proof(beyond=UNREAD))
    coded = Proof(matches="<Code( [^>]*)?>[^<]")
    expect_none(recorder, flawed_so(recorder, NO_CODE), "an error document with a Code", f"{NO_CODE},", coded)
