"""What is judged of a whole run of a registry: the form of refusals, warnings and dates, and where challenges lead."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from conformance.clients.http import on_one_host
from conformance.clients.registry.challenges import challenges_in
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.images import OCI_MANIFEST
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import pull
from conformance.evidence.judgements.refusals import (
    BAD_WARNING,
    BROKEN,
    ELSEWHERE,
    LONG_WARNINGS,
    NO_CHALLENGE,
    NO_LIST,
)
from conformance.evidence.judgements.times import ANOTHER_TIME, NO_DATE, TO_COME
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.registry import expect_reachable
from conformance.oracles.registry_errors import FORM, OF_THE_FORM, expect_error_document
from conformance.oracles.whole_run import expect_no_flaw, expect_none, flawed_so
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

SHOWN = 100
NOT_OF_THE_FORM = r'^([^12]|2[^19]|29[^9]|299([^ ]| [^-]| -[^ ])|299 - "([^"\\]|\\.)*" ")'
"""A warning of a code that is neither a registry's nor a cache's, of an agent, or with a date."""
NO_FIXDATE = "^([^MTWFS]|[A-Za-z]{4}|.*[^T]$)"
"""A date that does not begin with three letters of a day, or end with GMT."""
OTHERS = (*range(200, 300), 400, 403, 404, 405, 415, 422)
"""What is answered in place of a 401, or asks for no challenge."""


@pytest.fixture
def no_tag(repository: Repository, once: Once) -> Exchange:
    """The answer to who pushes a manifest under what is no tag, with a quotation mark in it."""
    return once("no tag", lambda: repository.put_manifest("-v%221", b"{}", OCI_MANIFEST))


@verifies("registry/errors/json-has-the-form")
@concludes()
@pytest.mark.parametrize("length", [case("of-the-whole-run", 1)])
def test_every_refusal_has_the_form(repository: Repository, no_tag: Exchange, recorder: Recorder, length: int) -> None:
    """Purpose: a client can read every refusal, those that it seldom meets among them.

    Method: 1. PUT a manifest under what is no tag; send a chunk of an upload, shorter than its Content-Range says
            2. where that is refused in JSON, and in every other refusal in JSON that the run was given before, expect
               {"errors": [{"code": …}]}, the code in capitals and underscores; and of every other refusal that says it
               is JSON, expect that it is
    """
    reply = repository.open_upload().patch(bytes(length), "0-99")

    if 400 <= reply.status < 500:
        expect_error_document(reply)
    expect_no_flaw(recorder, "registry", NO_LIST, FORM, OF_THE_FORM)
    unread = Proof(beyond="a script does not read JSON")
    expect_no_flaw(recorder, "registry", BROKEN, "a body that is the JSON it says it is", unread)


@verifies("registry/login/challenge-is-given")
@concludes()
@pytest.mark.parametrize("name", [case("of-the-whole-run", "WWW-Authenticate")])
def test_no_401_without_a_challenge(no_tag: Exchange, recorder: Recorder, name: str) -> None:
    """Purpose: a client is told how to log in wherever it is told that it must.

    Method: 1. PUT a manifest under what is no tag
            2. where that is 401, and in every other 401 that the run was given before, expect WWW-Authenticate
    """
    if no_tag.status == 401:
        expect_header(no_tag, name, or_statuses=OTHERS)
    challenge = Proof(fields_match=((name, "[A-Za-z]"),), or_statuses=OTHERS)
    bare = flawed_so(recorder, "registry", NO_CHALLENGE)
    expect_none(recorder, bare, f"401 with {name}", f"{NO_CHALLENGE},", challenge)


@verifies("registry/login/every-challenge-gets-a-token")
@concludes()
def test_every_challenge_gets_a_token(bearer: Registry, stored: StoredImage, recorder: Recorder) -> None:
    """Purpose: a client gets in whichever instance tells it where tokens are.

    Method: 1. of the challenges that the run was given for /v2/ and for names of its own, follow each whose realm or
               service is another than the first's: ask there for a token to pull; show the login to none but the host
               that the first names
            2. expect the realm to be reached, and the token to pull
    """
    door, scope = bearer.door, bearer.scope(stored.repository.name, "pull")
    kept = Proof(beyond="a script asks the realm of the run, and not the one that is named now")
    for entry in flawed_so(recorder, "registry", ELSEWHERE):
        told = [value for name, value in entry["response_headers"] if name.lower() == "www-authenticate"]
        for other in (door.led_by(each) for each in challenges_in(told) if each.scheme == "bearer"):
            if (other.realm, other.service) == (door.realm, door.service):
                continue
            reply = expect_reachable("a realm", partial(other.ask_token, [scope]), kept)
            if on_one_host(other.realm, door.realm):
                reply = other.ask_as(bearer.account("pusher"), [scope])
                if token := token_in(reply):
                    reply = pull(stored, token)
                expect_leads_on(recorder, entry, reply, token)


def expect_leads_on(recorder: Recorder, entry: dict[str, Any], reply: Exchange, token: str) -> None:
    """A token of the realm or service that an answer names, and the image for it."""
    if token and reply.status == 200:
        return
    wanted = "a token that pulls" if token else "a token"
    told = f"{reply.status} to who goes where the answer to {entry['method']} {entry['url']} leads"
    proof = Proof(beyond="a script asks for a token where the first challenge leads")
    finding = NonConformance(f"{wanted}, wherever a challenge leads", told, reply, proof=proof)
    finding.exchange_ids = [recorder.recall(entry), *finding.exchange_ids]
    raise finding


@verifies("registry/errors/warnings-have-the-form")
@concludes()
def test_every_warning_has_the_form(registry: Registry, recorder: Recorder) -> None:
    """Purpose: engines that show a registry's warnings to their users can read them.

    Method: 1. GET /v2/
            2. in the Warning fields of each answer that the run was given expect 299 - "…" alone, of no more than 4096
               bytes; or what caches add of their own
    """
    registry.support()
    form = Proof(fields_lack=(("Warning", NOT_OF_THE_FORM),))
    length = Proof(beyond="a script does not look at how long warnings are together")
    of_that_length = "no more than 4096 bytes of warnings"
    for wrong, wanted, right in ((BAD_WARNING, 'Warning: 299 - "…"', form), (LONG_WARNINGS, of_that_length, length)):
        found = flawed_so(recorder, "registry", wrong)
        told = [value for name, value in (found[0]["response_headers"] if found else ()) if name.lower() == "warning"]
        expect_none(recorder, found, wanted, f"{wrong} ({worded(told)[:SHOWN]}),", right)


@verifies("registry/pull/dates-are-dates")
@concludes()
def test_every_date_is_a_date(registry: Registry, recorder: Recorder) -> None:
    """Purpose: caches on the way, and clients that ask whether a thing has changed, reckon with its dates.

    Method: 1. GET /v2/
            2. in each answer that the run was given expect Date and Last-Modified, where they are there, in the form
               that senders use; Date within a quarter of an hour of now, and Last-Modified not later, a minute aside;
               what a cache has kept (Age) may be of any time
    """
    registry.support()
    no_clock = Proof(beyond="a script has no clock but the Date of the answer")
    forms = [(wrong, Proof(fields_lack=((name, NO_FIXDATE),))) for name, wrong in NO_DATE.items()]
    for wrong, right in (*forms, (ANOTHER_TIME, no_clock), (TO_COME, no_clock)):
        found = flawed_so(recorder, "registry", wrong)
        fields = {name.title(): value for name, value in (found[0]["response_headers"] if found else ())}
        told = ", ".join(f"{name}: {fields[name]}" for name in NO_DATE if name in fields)
        expect_none(recorder, found, "dates of HTTP, and none to come", f"{wrong} ({told}),", right)
