"""What is judged of a gateway's run as a whole: by which status it tells each success, whatever was asked for."""

from __future__ import annotations

from conformance.evidence.recorder import Recorder
from conformance.evidence.successes import DELETED, WRITTEN
from conformance.oracles.whole_run import expect_told_by
from conformance.sandbox.space import Space
from conformance.vocabulary.check import concludes, verifies


@verifies("storage/object/written-is-200")
@concludes()
def test_everything_written_is_200(space: Space, recorder: Recorder) -> None:
    """Purpose: a client knows that its bytes are there by the status that it waits for, in whatever form they came.

    Method: 1. put an object, and another in its place
            2. expect 200 for both, and for every object, part, copy, opening, completion and request to delete several
               that the run was served before
    """
    key = space.key()
    space.put(key, b"written")
    space.put(key, b"written again")

    expect_told_by(recorder, 200, WRITTEN)


@verifies("storage/object/deleted-is-204")
@concludes()
def test_everything_deleted_is_204(space: Space, recorder: Recorder) -> None:
    """Purpose: a client knows that an object is gone by the status that it waits for, whatever it was.

    Method: 1. delete an object, and once more
            2. expect 204 both times, and for every object and upload whose deletion the run was told before
    """
    key = space.stored()
    space.delete(key)
    space.delete(key)

    expect_told_by(recorder, 204, DELETED)
