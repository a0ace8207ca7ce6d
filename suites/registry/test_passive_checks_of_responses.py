"""Passive checks of all responses of a run: errors, challenges, dates, digests, lists, sessions and statuses."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from conformance.clients.http import on_one_host
from conformance.clients.registry.challenges import challenges_in
from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.images import OCI_INDEX, OCI_MANIFEST, NewBlob, image, index
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import pull
from conformance.evidence.judgements.doubled import FIELD
from conformance.evidence.judgements.methods import NO_ALLOW
from conformance.evidence.judgements.reads import ANOTHER_DIGEST, ANOTHER_NAME, NO_INDEX, NO_JSON
from conformance.evidence.judgements.refusals import (
    BAD_WARNING,
    BROKEN,
    ELSEWHERE,
    IN_A_REPOSITORY,
    LONG_WARNINGS,
    MISNAMED,
    NO_CHALLENGE,
    NO_LIST,
    UNTYPED,
)
from conformance.evidence.judgements.sessions import ANOTHER_SUBJECT, TOLD_BEFORE
from conformance.evidence.judgements.successes import (
    CREATED_BLOB,
    CREATED_MANIFEST,
    OPENED_UPLOAD,
    RECEIVED,
    TAKEN_CHUNK,
)
from conformance.evidence.judgements.times import ANOTHER_TIME, NO_DATE, TO_COME
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.proofs import literal
from conformance.oracles.registry import expect_reachable
from conformance.oracles.registry_errors import FORM, OF_THE_FORM, expect_error_document
from conformance.oracles.whole_run import expect_no_flaw, expect_none, expect_told_by, flawed_so, once_each
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, concludes, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

SHOWN_CHARACTERS = 100
BAD_WARNING_FORM = r'^([^12]|2[^19]|29[^9]|299([^ ]| [^-]| -[^ ])|299 - "([^"\\]|\\.)*" ")'
"""A warning of a code that is neither a registry's nor a cache's, of an agent, or with a date."""
NO_FIXDATE = "^([^MTWFS]|[A-Za-z]{4}|.*[^T]$)"
"""A date that does not begin with three letters of a day, or end with GMT."""
NOT_401 = (*range(200, 300), 400, 403, 404, 405, 415, 422)
"""What is answered in place of a 401, or asks for no challenge."""
REFUSED = r"^((application|text)/json|[^/]+/[^/]+[+]json) *(;|$)"
NOT_401_NOR_405 = (*range(200, 300), 400, 403, 404, 501)
"""What is answered in place of a 405, and needs no Allow; in place of a 401, and tells no scope."""
SUBJECT = re.compile(r'"subject".*?"digest"\s*:\s*"([^"]+)"', re.DOTALL)
"""In a manifest as it was sent, which may be in another encoding than UTF-8."""
Step = Callable[[str], Exchange]


@pytest.fixture
def no_tag(repository: Repository, once: Once) -> Exchange:
    """The response to the push of a manifest under an invalid tag with a quotation mark."""
    return once("no tag", lambda: repository.put_manifest("-v%221", b"{}", OCI_MANIFEST))


@verifies("registry/errors/json-body-is-an-error-list")
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
        expect_header(no_tag, name, or_statuses=NOT_401)
    challenge = Proof(fields_match=((name, "[A-Za-z]"),), or_statuses=NOT_401)
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


@verifies("registry/errors/warnings-are-well-formed")
@concludes()
def test_every_warning_has_the_form(registry: Registry, recorder: Recorder) -> None:
    """Purpose: engines that show a registry's warnings to their users can read them.
    Method: 1. GET /v2/
            2. in the Warning fields of each answer that the run was given expect 299 - "…" alone, of no more than 4096
               bytes; or what caches add of their own
    """
    registry.support()
    form = Proof(fields_lack=(("Warning", BAD_WARNING_FORM),))
    length = Proof(beyond="a script does not look at how long warnings are together")
    of_that_length = "no more than 4096 bytes of warnings"
    for wrong, wanted, right in ((BAD_WARNING, 'Warning: 299 - "…"', form), (LONG_WARNINGS, of_that_length, length)):
        found = flawed_so(recorder, "registry", wrong)
        told = [value for name, value in (found[0]["response_headers"] if found else ()) if name.lower() == "warning"]
        expect_none(recorder, found, wanted, f"{wrong} ({worded(told)[:SHOWN_CHARACTERS]}),", right)


@verifies("registry/pull/dates-are-valid")
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


@verifies("registry/errors/body-is-json")
@concludes()
@pytest.mark.parametrize("session", [case("of-the-whole-run", f"blobs/uploads/{uuid.UUID(int=0)}")])
def test_every_error_list_has_a_json_type(stored: StoredImage, recorder: Recorder, session: str) -> None:
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
    """Purpose: a client that uses a wrong method learns the supported methods.
    Method: 1. PATCH a list of tags
            2. of every 405 of the run, but to a deletion, expect an Allow field
    """
    stored.repository.send(method, "tags/list")
    right = Proof(fields_match=(("Allow", "^"),), or_statuses=NOT_401_NOR_405)
    expect_no_flaw(recorder, "registry", NO_ALLOW, "405 with Allow", right)


@verifies("registry/login/challenge-names-the-scope")
@concludes()
@pytest.mark.parametrize("query", [case("of-the-whole-run", "?n=1")])
def test_every_challenge_names_its_repository(
    bearer: Registry, stored: StoredImage, recorder: Recorder, query: str
) -> None:
    """Purpose: a client asks for a token for what it wants, and not for what another one wanted before it.
    Method: 1. ask for one tag without a login
            2. of every 401 of the run to a request within a repository, whose Bearer challenge tells scopes of
               repositories, expect that repository among them
    """
    stored.repository.as_role(None).tags(query)
    found = flawed_so(recorder, "registry", MISNAMED)
    asked = IN_A_REPOSITORY.fullmatch(found[0]["url"].removeprefix(bearer.http.base_url)) if found else None
    scope = f"repository:{asked[1]}:" if asked else "repository:"
    right = Proof(fields_match=(("WWW-Authenticate", literal(scope)),), or_statuses=NOT_401_NOR_405)
    expect_no_flaw(recorder, "registry", MISNAMED, f"a scope of {scope}…", right)


@verifies("registry/pull/digest-header-is-correct")
@concludes()
@pytest.mark.parametrize("asked", [case("of-the-whole-run", "bytes=0-0")])
def test_every_digest_is_the_one_asked_for(stored: StoredImage, recorder: Recorder, asked: str) -> None:
    """Purpose: the digest in a 206 or 304 response is that of the requested content.
    Method: 1. GET the first byte of a blob, and HEAD a manifest by digest
            2. of all that was read by its digest in the run, with 200, 206 or 304, expect Docker-Content-Digest, where
               it is there, to be that digest; or of another algorithm
    """
    repository, digest = stored.repository, stored.image.digest
    repository.get_blob(stored.image.blobs[-1].digest, [("Range", asked)])
    repository.head_manifest(digest)
    found = flawed_so(recorder, "registry", ANOTHER_DIGEST)
    wanted = found[0]["url"].rpartition("/")[2] if found else ""
    right = Proof(fields_match=(("Docker-Content-Digest", f"^{wanted}$"),))
    expect_no_flaw(recorder, "registry", ANOTHER_DIGEST, f"Docker-Content-Digest: {wanted}, as was asked for", right)


@verifies("registry/tags/are-listed")
@concludes()
@pytest.mark.parametrize("query", [case("under-their-name", "?n=1")])
def test_every_list_has_its_name(stored: StoredImage, recorder: Recorder, query: str) -> None:
    """Purpose: a client can verify which repository a page of tags belongs to.
    Method: 1. ask for one tag of a repository
            2. of each list of tags that the run was given, in pages as well, expect name to be the one asked for
    """
    stored.repository.tags(query)
    found = flawed_so(recorder, "registry", ANOTHER_NAME)
    wanted = found[0]["url"].partition("/v2/")[2].partition("/tags/list")[0] if found else ""
    right = Proof(matches=f'"name" *: *"{wanted}"')
    expect_no_flaw(recorder, "registry", ANOTHER_NAME, f'"name": "{wanted}", as was asked for', right)


@verifies("registry/tags/are-json")
@concludes()
@pytest.mark.parametrize("query", [case("in-pages", "?n=1")])
def test_every_list_is_json(stored: StoredImage, recorder: Recorder, query: str) -> None:
    """Purpose: clients can parse every page of tags.
    Method: 1. ask for one tag of a repository
            2. expect Content-Type: application/json of each list of tags that the run was given
    """
    stored.repository.tags(query)
    right = Proof(fields_match=(("Content-Type", "^application/json *(;|$)"),))
    expect_no_flaw(recorder, "registry", NO_JSON, "Content-Type: application/json", right)


@verifies("registry/referrers/are-an-index")
@concludes()
@pytest.mark.parametrize("kind", [case("of-one-type", "application/vnd.example.sbom.v1+json")])
def test_all_referrers_are_an_index(stored: StoredImage, recorder: Recorder, kind: str) -> None:
    """Purpose: clients can parse the referrers of one type as an index.
    Method: 1. ask for the referrers of an image that are of one type
            2. expect Content-Type: application/vnd.oci.image.index.v1+json of each such list that the run was given
    """
    stored.repository.referrers(stored.image.digest, kind)
    right = Proof(fields_match=(("Content-Type", f"^{OCI_INDEX.replace('+', '[+]')} *(;|$)"),))
    expect_no_flaw(recorder, "registry", NO_INDEX, f"Content-Type: {OCI_INDEX}", right)


@verifies("registry/referrers/subject-is-acknowledged")
@concludes()
@pytest.mark.parametrize("kind", [case("of-the-whole-run", "index")])
def test_every_subject_is_the_one_sent(stored: StoredImage, recorder: Recorder, kind: str) -> None:
    """Purpose: a client does not take what is told of another manifest for an acknowledgement of its own.
    Method: 1. push an index with a subject
            2. of all manifests with one that were pushed in the run, expect OCI-Subject, where it is told, to be that
    """
    stored.repository.push(index([stored.image], subject=stored.image.descriptor))
    found = flawed_so(recorder, "registry", ANOTHER_SUBJECT)
    sent = SUBJECT.search(found[0]["request_body"].get("text", "")) if found else None
    right = Proof(fields_match=(("OCI-Subject", f"^{sent[1]}$"),)) if sent else Proof(beyond="it is read by no script")
    wanted = f"OCI-Subject: {sent[1]}, as was sent" if sent else "OCI-Subject as was sent"
    expect_no_flaw(recorder, "registry", ANOTHER_SUBJECT, wanted, right)


@verifies("registry/pull/single-value-headers-are-not-repeated")
@concludes()
def test_no_single_value_header_is_repeated(push_step: Step, recorder: Recorder) -> None:
    """Purpose: all clients read the same value of a header; of two values they may choose differently.
    Method: 1. open an upload, send it a chunk and close it
            2. in each answer that the run was given expect Location, Content-Type, Docker-Content-Digest, Range and
               their like in one line
    """
    push_step(CREATED_BLOB)
    expect_no_flaw(recorder, "registry", FIELD, "each field of one value in one line", once_each(recorder, "registry"))


@verifies("registry/upload/each-upload-has-its-own-session")
@concludes()
def test_each_session_is_its_own(push_step: Step, recorder: Recorder) -> None:
    """Purpose: no two uploads get into each other's way, for whatever they were opened.
    Method: 1. open an upload, and mount what nobody has, which is another
            2. of all that were opened in the run expect no Location twice, and no Docker-Upload-UUID, where one is told
    """
    push_step(OPENED_UPLOAD)
    seen = Proof(beyond="it is about what another request was answered")
    expect_no_flaw(recorder, "registry", TOLD_BEFORE, "a session of its own to each that opens one", seen)


@verifies("registry/upload/new-session-has-no-bytes")
@concludes()
def test_new_session_has_received_nothing(push_step: Step, recorder: Recorder) -> None:
    """Purpose: a client that sends chunks begins with the first byte.
    Method: 1. open an upload, and mount what nobody has
            2. of each that was opened in the run, by a mount as well, expect Range, where it is there, to be of no byte
    """
    push_step(OPENED_UPLOAD)
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
def test_every_success_has_its_status(push_step: Step, recorder: Recorder, what: str, status: int) -> None:
    """Purpose: a client knows that a step is done by the status that it waits for, in whatever form it was done.
    Method: 1. open an upload, send it a chunk, close it, and push a manifest
            2. expect the step's status, and the same for each such step that the run was served before
    """
    expect_told_by(recorder, "registry", status, what, push_step(what))


@pytest.fixture
def push_step(repository: Repository, new_blob: NewBlob, names: Names, once: Once) -> Step:
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
