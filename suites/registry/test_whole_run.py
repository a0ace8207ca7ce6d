"""What is judged of a registry's run as a whole: the form of each refusal, whatever was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients.images import OCI_MANIFEST
from conformance.clients.registry import Repository
from conformance.evidence.recorder import Recorder
from conformance.evidence.refusals import NO_CHALLENGE, NO_LIST
from conformance.oracles.headers import expect_header
from conformance.oracles.registry import expect_error_document
from conformance.oracles.whole_run import expect_none
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.finding import Proof

OTHERS = (*range(200, 300), 400, 403, 404, 405, 415, 422)
"""What is answered in place of a 401, or asks for no challenge."""


@verifies("registry/errors/json-has-the-form")
@concludes()
@pytest.mark.parametrize("length", [case("of-the-whole-run", 1)])
def test_every_refusal_has_the_form(repository: Repository, recorder: Recorder, length: int) -> None:
    """Purpose: a client can read every refusal, those that it seldom meets among them.

    Method: 1. send a chunk of an upload that is shorter than its Content-Range says
            2. where that is refused in JSON, and in every other refusal in JSON that the run was given before, expect
               {"errors": [{"code": …}]}, the code in capitals and underscores
    """
    reply = repository.open_upload().patch(bytes(length), "0-99")

    if 400 <= reply.status < 500:
        expect_error_document(reply)
    form = Proof(matches='"errors" *: *\\[ *\\{.*"code" *: *"[A-Z_]+"')
    wanted = '{"errors": [{"code": …, "message": …, "detail": …}]}'
    expect_none(recorder, refused_so(recorder, NO_LIST), wanted, f"{NO_LIST},", form)


@verifies("registry/login/challenge-is-given")
@concludes()
@pytest.mark.parametrize("tag", [case("of-the-whole-run", "-v1")])
def test_no_401_without_a_challenge(repository: Repository, recorder: Recorder, tag: str) -> None:
    """Purpose: a client is told how to log in wherever it is told that it must.

    Method: 1. PUT a manifest under what is no tag
            2. where that is 401, and in every other 401 that the run was given before, expect WWW-Authenticate
    """
    reply = repository.put_manifest(tag, b"{}", OCI_MANIFEST)

    if reply.status == 401:
        expect_header(reply, "WWW-Authenticate", or_statuses=OTHERS)
    challenge = Proof(fields_match=(("WWW-Authenticate", "[A-Za-z]"),), or_statuses=OTHERS)
    bare = refused_so(recorder, NO_CHALLENGE)
    expect_none(recorder, bare, "401 with WWW-Authenticate", f"{NO_CHALLENGE},", challenge)


def refused_so(recorder: Recorder, wrong: str) -> list[dict[str, Any]]:
    """The evidence of the run's refusals that are wrong in this way."""
    return [each["entry"] for each in recorder.watch.refusals if each["wrong"] == wrong]
