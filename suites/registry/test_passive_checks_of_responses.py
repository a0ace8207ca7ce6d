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
from conformance.evidence.judgements.duplicates import FIELD
from conformance.evidence.judgements.methods import NO_ALLOW
from conformance.evidence.judgements.reads import ANOTHER_DIGEST, ANOTHER_NAME, NO_INDEX, NO_JSON
from conformance.evidence.judgements.refusals import (
    ANOTHER_REALM,
    BAD_WARNING,
    BROKEN,
    IN_A_REPOSITORY,
    LONG_WARNINGS,
    MISNAMED,
    NO_CHALLENGE,
    NO_LIST,
    UNTYPED,
)
from conformance.evidence.judgements.sessions import ANOTHER_SUBJECT, REUSED_SESSION
from conformance.evidence.judgements.successes import (
    ACCEPTED_CHUNK,
    CREATED_BLOB,
    CREATED_MANIFEST,
    LISTED_FIELDS,
    OPENED_UPLOAD,
    RECEIVED,
    lacking,
)
from conformance.evidence.judgements.times import ANOTHER_TIME, IN_FUTURE, NO_DATE
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.registry import expect_reachable
from conformance.oracles.registry_errors import FORM, expect_error_document
from conformance.oracles.whole_run import expect_no_flaw, expect_none, expect_success_status, flawed_entries
from conformance.sandbox.names import Names
from conformance.vocabulary.check import concludes, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

SHOWN_CHARACTERS = 100
REFERRERS = "referrers/{}?artifactType=application/vnd.example.sbom.v1%2Bjson"
UNKNOWN_SESSION = f"blobs/uploads/{uuid.UUID(int=0)}"
SUBJECT = re.compile(r'"subject".*?"digest"\s*:\s*"([^"]+)"', re.DOTALL)
"""Matches the subject's digest in a manifest as it was sent, also in an encoding other than UTF-8."""
Step = Callable[[str], Exchange]


@pytest.fixture
def no_tag(repository: Repository, once: Once) -> Exchange:
    """The response to the push of a manifest under an invalid tag with a quotation mark."""
    return once("no tag", lambda: repository.put_manifest("-v%221", b"{}", OCI_MANIFEST))


@verifies("registry/errors/json-body-is-an-error-list#of-the-whole-run")
@concludes()
def test_every_refusal_has_the_form(repository: Repository, no_tag: Exchange, recorder: Recorder) -> None:
    """Purpose: a client can parse every refusal.
    Method: 1. PUT a manifest under an invalid tag; send a chunk that is shorter than its Content-Range
            2. in every JSON refusal of the run, expect {"errors": [{"code": …}]}, the code in capitals and underscores
            3. in every refusal of the run with a JSON Content-Type, expect JSON
    """
    reply = repository.open_upload().patch(bytes(1), "0-99")

    if 400 <= reply.status < 500:
        expect_error_document(reply)
    expect_no_flaw(recorder, "registry", NO_LIST, FORM)
    expect_no_flaw(recorder, "registry", BROKEN, "valid JSON, as Content-Type declares")


@verifies("registry/login/challenge-is-given#of-the-whole-run")
@concludes()
def test_no_401_without_a_challenge(no_tag: Exchange, recorder: Recorder) -> None:
    """Purpose: a client that must log in learns how.
    Method: 1. PUT a manifest under an invalid tag; 2. expect WWW-Authenticate in every 401 of the run
    """
    name = "WWW-Authenticate"
    if no_tag.status == 401:
        expect_header(no_tag, name)
    bare = flawed_entries(recorder, "registry", NO_CHALLENGE)
    expect_none(recorder, bare, f"401 with {name}", f"{NO_CHALLENGE},")
    if no_tag.ok:
        raise NotApplicable("a missing tag is served without a login; another check reports that")


@verifies("registry/login/every-challenge-gets-a-token")
@concludes()
def test_every_challenge_gets_a_token(bearer: Registry, stored: StoredImage, recorder: Recorder) -> None:
    """Purpose: a client gets a token, whichever instance of the registry challenges it.
    Method: 1. for each challenge of the run whose realm or service differs from the first one, request a token to pull
               there; send the login only to the first realm's host
            2. expect a response from the realm, and that the token pulls
    """
    auth, scope = bearer.auth, bearer.scope(stored.repository.name, "pull")
    for entry in flawed_entries(recorder, "registry", ANOTHER_REALM):
        seen = [value for name, value in entry["response_headers"] if name.lower() == "www-authenticate"]
        for other in (auth.with_challenge(each) for each in challenges_in(seen) if each.scheme == "bearer"):
            if (other.realm, other.service) == (auth.realm, auth.service):
                continue
            reply = expect_reachable("a realm", partial(other.request_token, [scope]))
            if on_one_host(other.realm, auth.realm):
                reply = other.request_token_as(bearer.account("pusher"), [scope])
                if token := token_in(reply):
                    reply = pull(stored, token)
                expect_leads_on(recorder, entry, reply, token)


def expect_leads_on(recorder: Recorder, entry: dict[str, Any], reply: Exchange, token: str) -> None:
    """Expect a token from the realm or service that a response names, and the image for the token."""
    if token and reply.status == 200:
        return
    expected = "a token that pulls" if token else "a token"
    seen = f"{reply.status} at the realm in the response to {entry['method']} {entry['url']}"
    finding = NonConformance(f"{expected} from every realm that a challenge names", seen, reply)
    finding.exchange_ids = [recorder.recall(entry), *finding.exchange_ids]
    raise finding


@verifies("registry/errors/warnings-are-well-formed")
@concludes()
def test_every_warning_has_the_form(registry: Registry, recorder: Recorder) -> None:
    """Purpose: engines can show a registry's warnings to their users.
    Method: 1. GET /v2/; 2. in all responses expect only Warning: 299 - "…" of at most 4096 bytes, or codes of caches
    """
    registry.support()
    of_that_length = "no more than 4096 bytes of warnings"
    for wrong, expected in ((BAD_WARNING, 'Warning: 299 - "…"'), (LONG_WARNINGS, of_that_length)):
        found = flawed_entries(recorder, "registry", wrong)
        seen = [value for name, value in (found[0]["response_headers"] if found else ()) if name.lower() == "warning"]
        expect_none(recorder, found, expected, f"{wrong} ({worded(seen)[:SHOWN_CHARACTERS]}),")


@verifies("registry/pull/dates-are-valid")
@concludes()
def test_every_date_is_a_date(registry: Registry, recorder: Recorder) -> None:
    """Purpose: caches and clients with conditional requests calculate with the registry's dates.
    Method: 1. GET /v2/; 2. expect the IMF-fixdate form of Date and Last-Modified in every response of the run
            3. expect Date within 15 minutes of now, unless a cache adds Age, and Last-Modified at most a minute later
    """
    registry.support()
    for wrong in (*NO_DATE.values(), ANOTHER_TIME, IN_FUTURE):
        found = flawed_entries(recorder, "registry", wrong)
        fields = {name.title(): value for name, value in (found[0]["response_headers"] if found else ())}
        seen = ", ".join(f"{name}: {fields[name]}" for name in NO_DATE if name in fields)
        expect_none(recorder, found, "dates in the form of HTTP, and none in the future", f"{wrong} ({seen}),")


@verifies("registry/errors/405-has-allow#of-the-whole-run")
@concludes()
def test_no_405_without_allow(stored: StoredImage, recorder: Recorder) -> None:
    """Purpose: a client that uses a wrong method learns the supported methods.
    Method: 1. PATCH a list of tags; 2. expect an Allow header in every 405 of the run, except to a deletion
    """
    stored.repository.send("PATCH", "tags/list")
    expect_no_flaw(recorder, "registry", NO_ALLOW, "405 with Allow")


@verifies("registry/login/challenge-names-the-scope#of-the-whole-run")
@concludes()
def test_every_challenge_names_its_repository(bearer: Registry, stored: StoredImage, recorder: Recorder) -> None:
    """Purpose: a client requests a token for the repository that it uses, and for no other.
    Method: 1. list a repository's tags without a login
            2. in every Bearer challenge of the run with repository scopes, expect the requested repository
    """
    stored.repository.as_role(None).tags("?n=1")
    found = flawed_entries(recorder, "registry", MISNAMED)
    match = IN_A_REPOSITORY.fullmatch(found[0]["url"].removeprefix(bearer.http.base_url)) if found else None
    scope = f"repository:{match[1]}:" if match else "repository:"
    expect_no_flaw(recorder, "registry", MISNAMED, f"a challenge with the scope {scope}…")


@verifies("registry/pull/digest-header-is-correct#of-the-whole-run")
@concludes()
def test_every_digest_is_the_one_asked_for(stored: StoredImage, recorder: Recorder) -> None:
    """Purpose: the digest in a 200, 206 or 304 response is that of the requested content.
    Method: 1. GET the first byte of a blob, and HEAD a manifest by digest
            2. in every 200, 206 or 304 of the run to a read by digest, expect Docker-Content-Digest, if present, to be
               the requested digest or one of another algorithm
    """
    repository, digest = stored.repository, stored.image.digest
    repository.get_blob(stored.image.blobs[-1].digest, [("Range", "bytes=0-0")])
    repository.head_manifest(digest)
    found = flawed_entries(recorder, "registry", ANOTHER_DIGEST)
    expected = found[0]["url"].rpartition("/")[2] if found else ""
    expect_no_flaw(recorder, "registry", ANOTHER_DIGEST, f"Docker-Content-Digest: {expected}, as requested")


@verifies("registry/tags/are-listed#under-their-name")
@concludes()
def test_every_list_has_its_name(stored: StoredImage, recorder: Recorder) -> None:
    """Purpose: a client can verify which repository a page of tags belongs to.
    Method: 1. request one tag of a repository; 2. expect the requested name in every tag list of the run
    """
    stored.repository.tags("?n=1")
    found = flawed_entries(recorder, "registry", ANOTHER_NAME)
    expected = found[0]["url"].partition("/v2/")[2].partition("/tags/list")[0] if found else ""
    expect_no_flaw(recorder, "registry", ANOTHER_NAME, f'"name": "{expected}", the requested repository')


@concludes()
@pytest.mark.parametrize(
    ("rest", "wrong", "expected"),
    [
        row("registry/tags/are-json#in-pages", "tags/list?n=1", NO_JSON, "application/json"),
        row("registry/referrers/are-an-index#of-one-type", REFERRERS, NO_INDEX, OCI_INDEX),
        row("registry/errors/body-is-json#of-the-whole-run", UNKNOWN_SESSION, UNTYPED, "a JSON type"),
    ],
)
def test_every_response_has_its_media_type(
    stored: StoredImage, recorder: Recorder, rest: str, wrong: str, expected: str
) -> None:
    """Purpose: clients can parse every page of tags, every list of referrers and every error list.
    Method: 1. GET one tag, the referrers of one type, or an unknown upload session
            2. expect the documented Content-Type in every such response of the run
    """
    stored.repository.send("GET", rest.format(stored.image.digest))
    expect_no_flaw(recorder, "registry", wrong, f"Content-Type: {expected}")


@verifies("registry/referrers/subject-is-acknowledged#of-the-whole-run")
@concludes()
def test_every_subject_is_the_one_sent(stored: StoredImage, recorder: Recorder) -> None:
    """Purpose: a client learns that its own subject was processed, and not another one.
    Method: 1. push an index with a subject; 2. expect every OCI-Subject of the run to be the subject that was pushed
    """
    stored.repository.push(index([stored.image], subject=stored.image.descriptor))
    found = flawed_entries(recorder, "registry", ANOTHER_SUBJECT)
    sent = SUBJECT.search(found[0]["request_body"].get("text", "")) if found else None
    expected = f"OCI-Subject: {sent[1]}, as pushed" if sent else "OCI-Subject as pushed"
    expect_no_flaw(recorder, "registry", ANOTHER_SUBJECT, expected)


@verifies("registry/pull/single-value-headers-are-not-repeated")
@concludes()
def test_no_single_value_header_is_repeated(push_step: Step, recorder: Recorder) -> None:
    """Purpose: all clients read the same value of a header; of two values, they may choose differently.
    Method: 1. open an upload, send a chunk and close it
            2. in every response of the run, expect Location, Content-Type, Docker-Content-Digest, Range and others once
    """
    push_step(CREATED_BLOB)
    expect_no_flaw(recorder, "registry", FIELD, "each single-value header once")


@verifies("registry/upload/each-upload-has-its-own-session")
@concludes()
def test_each_session_is_its_own(push_step: Step, recorder: Recorder) -> None:
    """Purpose: no two uploads share a session, however they were opened.
    Method: 1. open an upload with a POST, and another with a mount of an unknown blob
            2. in the whole run, expect no Location and no Docker-Upload-UUID of an opened upload twice
    """
    push_step(OPENED_UPLOAD)
    expect_no_flaw(recorder, "registry", REUSED_SESSION, "a separate session for each upload")


@verifies("registry/upload/new-session-has-no-bytes")
@concludes()
def test_new_session_has_received_nothing(push_step: Step, recorder: Recorder) -> None:
    """Purpose: a client that sends chunks begins with the first byte.
    Method: 1. open an upload with a POST, and another with a mount of an unknown blob
            2. expect Range, if present, to be 0-0 in every response of the run that opens an upload
    """
    push_step(OPENED_UPLOAD)
    expect_no_flaw(recorder, "registry", RECEIVED, "Range: 0-0, or none")


@concludes()
@pytest.mark.parametrize(
    ("name", "status"),
    [
        row("registry/upload/opened-is-202", OPENED_UPLOAD, 202),
        row("registry/upload/chunk-is-202", ACCEPTED_CHUNK, 202),
        row("registry/upload/created-is-201", CREATED_BLOB, 201),
        row("registry/manifest/created-is-201", CREATED_MANIFEST, 201),
    ],
)
def test_every_success_has_its_status(push_step: Step, recorder: Recorder, name: str, status: int) -> None:
    """Purpose: a client recognizes a successful step by its documented status, in every form of that step.
    Method: 1. open an upload, send a chunk, close the upload and push a manifest
            2. expect the documented status of every such step of the run
    """
    expect_success_status(recorder, "registry", status, name, push_step(name))


@concludes()
@pytest.mark.parametrize(
    "kind",
    [
        row("registry/manifest/created-digest-is-present", CREATED_MANIFEST),
        row("registry/upload/documented-headers-are-present#created-blob", CREATED_BLOB),
        row("registry/upload/documented-headers-are-present#opened-upload", OPENED_UPLOAD),
        row("registry/upload/documented-headers-are-present#accepted-chunk", ACCEPTED_CHUNK),
    ],
)
def test_every_success_has_its_headers(push_step: Step, recorder: Recorder, kind: str) -> None:
    """Purpose: a client finds every header that Docker Registry V2 documents, also those that OCI leaves optional.
    Method: 1. open an upload, send a chunk, close the upload, push an image and an index of it
            2. expect Docker-Content-Digest in every 201 of the run, and Docker-Upload-UUID in every 202, to a push;
               also Range in every 202 that opens an upload
    """
    push_step(kind)
    for name in LISTED_FIELDS[kind]:
        expect_no_flaw(recorder, "registry", lacking(name, kind), f"a {name} header")


@pytest.fixture
def push_step(repository: Repository, new_blob: NewBlob, names: Names, once: Once) -> Step:
    """Returns the response to a step of a push, which is sent once: a chunked blob, or an image.
    An upload is opened a second time by a mount.
    """

    def uploaded() -> dict[str, Exchange]:
        opened, blob = repository.post_upload(), new_blob()
        # The blob does not exist: a mount that is impossible opens an upload.
        repository.post_upload(mount=blob.digest, from_=repository.name)
        upload = repository.upload_of(opened)
        patched = upload.patch(blob.content)
        return {OPENED_UPLOAD: opened, ACCEPTED_CHUNK: patched, CREATED_BLOB: upload.put(blob.digest)}

    def pushed() -> Exchange:
        its_own = image(names.new("image"), layers=0)
        repository.given_parts(its_own)
        reply = repository.push(its_own)
        repository.push(index([its_own]))
        return reply

    def made(name: str) -> Exchange:
        return once("a manifest", pushed) if name == CREATED_MANIFEST else once("an upload", uploaded)[name]

    return made
