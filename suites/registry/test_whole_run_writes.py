"""What is judged of all that was written to a registry in a run: sessions, statuses, fields that stand once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import NewBlob, image
from conformance.evidence.judgements.doubled import FIELD
from conformance.evidence.judgements.sessions import TOLD_BEFORE
from conformance.evidence.judgements.successes import (
    CREATED_BLOB,
    CREATED_MANIFEST,
    OPENED_UPLOAD,
    RECEIVED,
    TAKEN_CHUNK,
)
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.whole_run import expect_no_flaw, expect_told_by, once_each
from conformance.sandbox.names import Names
from conformance.vocabulary.check import concludes, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Proof

Step = Callable[[str], Exchange]


@verifies("registry/pull/fields-of-one-value-stand-once")
@concludes()
def test_no_field_stands_twice(step: Step, recorder: Recorder) -> None:
    """Purpose: every client reads of an answer what the next one does: of two values each takes the one it likes.

    Method: 1. open an upload, send it a chunk and close it
            2. in each answer that the run was given expect Location, Content-Type, Docker-Content-Digest, Range and
               their like in one line
    """
    step(CREATED_BLOB)
    expect_no_flaw(recorder, "registry", FIELD, "each field of one value in one line", once_each(recorder, "registry"))


@verifies("registry/upload/each-session-is-its-own")
@concludes()
def test_each_session_is_its_own(step: Step, recorder: Recorder) -> None:
    """Purpose: no two uploads get into each other's way, for whatever they were opened.

    Method: 1. open an upload, and mount what nobody has, which is another
            2. of all that were opened in the run expect no Location twice, and no Docker-Upload-UUID, where one is told
    """
    step(OPENED_UPLOAD)
    seen = Proof(beyond="it is about what another request was answered")
    expect_no_flaw(recorder, "registry", TOLD_BEFORE, "a session of its own to each that opens one", seen)


@verifies("registry/upload/opened-has-received-nothing")
@concludes()
def test_what_is_opened_has_received_nothing(step: Step, recorder: Recorder) -> None:
    """Purpose: a client that sends chunks begins with the first byte.

    Method: 1. open an upload, and mount what nobody has
            2. of each that was opened in the run, by a mount as well, expect Range, where it is there, to be of no byte
    """
    step(OPENED_UPLOAD)
    right = Proof(fields_lack=(("Range", "^(bytes=)?[0-9]+-0*[1-9]"),), or_statuses=(201, *range(400, 500)))
    expect_no_flaw(recorder, "registry", RECEIVED, "Range: 0-0, or none", right)


@concludes()
@pytest.mark.parametrize(
    ("what", "status"),
    [
        row("registry/upload/opened-is-202", OPENED_UPLOAD, 202),
        row("registry/upload/chunk-is-202", TAKEN_CHUNK, 202),
        row("registry/upload/created-is-201", CREATED_BLOB, 201),
        row("registry/manifest/created-is-201", CREATED_MANIFEST, 201),
    ],
)
def test_every_success_has_its_status(step: Step, recorder: Recorder, what: str, status: int) -> None:
    """Purpose: a client knows that a step is done by the status that it waits for, in whatever form it was done.

    Method: 1. open an upload, send it a chunk, close it, and push a manifest
            2. expect the step's status, and the same for each such step that the run was served before
    """
    expect_told_by(recorder, "registry", status, what, step(what))


@pytest.fixture
def step(repository: Repository, new_blob: NewBlob, names: Names, once: Once) -> Step:
    """The answer to a step of a push, which is made once: of a blob in a chunk, or of an image of its own.

    An upload is opened a second time, in place of a mount.
    """

    def uploaded() -> dict[str, Exchange]:
        opened, blob = repository.post_upload(), new_blob()
        # Nobody has it: what cannot be mounted is an upload.
        repository.post_upload(mount=blob.digest, from_=repository.name)
        upload = repository.upload_of(opened)
        return {OPENED_UPLOAD: opened, TAKEN_CHUNK: upload.patch(blob.content), CREATED_BLOB: upload.put(blob.digest)}

    def pushed() -> Exchange:
        its_own = image(names.new("image"), layers=0)
        repository.given_parts(its_own)
        return repository.push(its_own)

    def made(what: str) -> Exchange:
        return once("a manifest", pushed) if what == CREATED_MANIFEST else once("an upload", uploaded)[what]

    return made
