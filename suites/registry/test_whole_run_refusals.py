"""What is judged of each refusal of a run: its type, the methods that it names, what its challenge is for."""

from __future__ import annotations

import uuid

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.evidence.judgements.methods import NO_ALLOW
from conformance.evidence.judgements.refusals import IN_A_REPOSITORY, MISNAMED, UNTYPED
from conformance.evidence.recorder import Recorder
from conformance.oracles.proofs import literal
from conformance.oracles.whole_run import expect_no_flaw, flawed_so
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.finding import Proof

REFUSED = r"^((application|text)/json|[^/]+/[^/]+[+]json) *(;|$)"
OTHERS = (*range(200, 300), 400, 403, 404, 501)
"""What is answered in place of a 405, and needs no Allow; in place of a 401, and tells no scope."""


@verifies("registry/errors/body-is-json")
@concludes()
@pytest.mark.parametrize("session", [case("of-the-whole-run", f"blobs/uploads/{uuid.UUID(int=0)}")])
def test_every_list_of_errors_is_told_to_be_one(stored: StoredImage, recorder: Recorder, session: str) -> None:
    """Purpose: clients that read errors by their type, as engines do, tell their users what was wrong.

    Method: 1. GET a session that never was
            2. of every refusal of the run that is a list of errors, expect a Content-Type that says JSON
    """
    stored.repository.send("GET", session)
    right = Proof(fields_match=(("Content-Type", REFUSED),))
    expect_no_flaw(recorder, "registry", UNTYPED, "errors that are told to be JSON", right)


@verifies("registry/errors/405-has-allow")
@concludes()
@pytest.mark.parametrize("method", [case("of-the-whole-run", "PATCH")])
def test_no_405_without_allow(stored: StoredImage, recorder: Recorder, method: str) -> None:
    """Purpose: nor is another method refused without those that there are.

    Method: 1. PATCH a list of tags
            2. of every 405 of the run, but to a deletion, expect an Allow field
    """
    stored.repository.send(method, "tags/list")
    right = Proof(fields_match=(("Allow", "^"),), or_statuses=OTHERS)
    expect_no_flaw(recorder, "registry", NO_ALLOW, "405 with Allow", right)


@verifies("registry/login/challenge-names-the-scope")
@concludes()
@pytest.mark.parametrize("query", [case("of-the-whole-run", "?n=1")])
def test_no_challenge_for_another(bearer: Registry, stored: StoredImage, recorder: Recorder, query: str) -> None:
    """Purpose: a client asks for a token for what it wants, and not for what another one wanted before it.

    Method: 1. ask for one tag without a login
            2. of every 401 of the run to a request within a repository, whose Bearer challenge tells scopes of
               repositories, expect that repository among them
    """
    stored.repository.as_role(None).tags(query)
    found = flawed_so(recorder, "registry", MISNAMED)
    asked = IN_A_REPOSITORY.fullmatch(found[0]["url"].removeprefix(bearer.http.base_url)) if found else None
    scope = f"repository:{asked[1]}:" if asked else "repository:"
    right = Proof(fields_match=(("WWW-Authenticate", literal(scope)),), or_statuses=OTHERS)
    expect_no_flaw(recorder, "registry", MISNAMED, f"a scope of {scope}…", right)
