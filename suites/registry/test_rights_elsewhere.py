"""What is another organization's, in lists and in answers about something else."""

from __future__ import annotations

import uuid
from urllib.parse import unquote

import pytest

from conformance.clients.registry.challenges import asks_for_no_scope
from conformance.clients.registry.client import NewRepository, Registry, Repository, StoredImage
from conformance.clients.registry.images import NewBlob, digest_of
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import ask, pull, token_for
from conformance.clients.registry.uploads import CANCELS_NONE, at_the_registry, uses
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import alike, both_have, literal, not_among
from conformance.oracles.registry import expect_denied, pages_from, strings_of
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

FEW = 5
NOWHERE = digest_of(b"nowhere")
NOTHING = [
    ("GET", f"referrers/{NOWHERE}"),
    ("PATCH", f"blobs/uploads/{uuid.UUID(int=0)}"),
    ("POST", f"blobs/uploads/?mount={NOWHERE}"),
    ("DELETE", f"blobs/{NOWHERE}"),
]
"""Requests for what is in no repository."""


def expect_one_answer(one: Exchange, other: Exchange, whose: str, others: str) -> None:
    """Two requests have one status, and where they are refused the same codes; words tell of which each is."""
    told = [each.status for each in (one, other)], [codes_in(each) for each in (one, other)]
    for first, second in told:
        if first != second:
            codes = sorted({*told[1][0]} ^ {*told[1][1]})
            proof = alike(one, other) or (both_have(one, other, f'"{literal(codes[0])}"') if codes else None)
            shown = f"{worded(first)} {whose}, {worded(second)} {others}"
            raise NonConformance("one answer to both", shown, one, other, proof=proof)


def codes_in(reply: Exchange) -> list[str]:
    """The codes of an error document; none of another answer."""
    errors = reply.member("errors") if reply.status >= 400 else None
    return [str(each.get("code")) for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []


@verifies("registry/rights/mount-tells-nothing-of-the-source")
def test_mount_tells_nothing(repository: Repository, theirs: StoredImage, new_blob: NewBlob) -> None:
    """Purpose: a mount does not tell which blobs and repositories another organization has.

    Method: 1. mount its blob from its repository, one that nobody has, and its blob from one that it has not
            2. expect the same status, and the same code where it is refused
    """
    source, blob = theirs.repository.name, theirs.image.blobs[-1].digest
    told = repository.post_upload(mount=blob, from_=source)

    for digest, name in ((new_blob().digest, source), (blob, f"{source}-absent")):
        absent = repository.post_upload(mount=digest, from_=name)
        expect_one_answer(told, absent, "for what is there", "for what is not")


def beyond(repository: Repository, listed: list[str]) -> list[str]:
    """A few of the names that are of other organizations than a repository is, by the form of names."""
    own = "/".join(repository.name.split("/")[:2]) + "/"
    return [each for each in listed if each.startswith("orgs/") and not each.startswith(own)][:FEW]


@verifies("registry/rights/catalog-hides-other-organizations")
def test_catalog_hides_other_organizations(registry: Registry, theirs: StoredImage, guarded: StoredImage) -> None:
    """Purpose: the catalog names what the caller may see.

    Method: 1. push an image with the other organization's login, read the catalog with ours to its end
            2. expect its repository not to be listed
            3. of what is listed of any further organization, ask for the tags of five repositories: expect none to be
               401 or 403, since an organization's name may begin with that of another one
            4. ask for the same page with the other login: expect our repository not to be listed
            5. ask, as each of the two, for the one name behind what comes just before the other's: expect it neither in
               the list, where one comes, nor in a Link, and no 5xx
    """
    name = theirs.repository.name
    pages = pages_from(registry.catalog("?n=50"), registry.follow_catalog)
    listed = [each for page in pages for each in strings_of(page, "repositories")]
    if name in listed:
        raise NonConformance(f"{name} not to be listed", "it is", *pages, proof=not_among(pages, f'"{name}"'))
    same, ours = registry.as_role("foreign").catalog("?n=50"), guarded.repository.name
    if same.status == 200 and ours in strings_of(same, "repositories"):
        raise NonConformance(f"{ours} not to be listed", "it is", same, proof=not_among([same], f'"{ours}"'))
    for other in beyond(guarded.repository, listed):
        reply = registry.repository(other).tags()
        if reply.status in (401, 403):
            told = f"it is, and its tags are answered {reply.status}"
            raise NonConformance(f"{other} not to be listed", told, *pages, reply, proof=not_among(pages, f'"{other}"'))
    for hidden, login in ((name, registry), (guarded.repository.name, registry.as_role("foreign"))):
        reply = login.catalog(f"?n=1&last={hidden[:-1]}")
        expect_no_server_error(reply)
        listed = strings_of(reply, "repositories") if reply.status == 200 else []
        told = f"{listed}, Link: {unquote(reply.headers.get('link') or '')}"
        if hidden in told:
            raise NonConformance(f"{hidden} in no list or Link", told, reply, proof=Proof(reply.id, unsaid=(hidden,)))


@verifies("registry/token/catalog-needs-its-scope")
def test_catalog_needs_its_scope(bearer: Registry, good: str, once: Once) -> None:
    """Purpose: a token for a repository does not open the catalog.

    Method: 1. ask for the catalog without a login: the challenge names its scope, or this is not asked
            2. ask for a token to pull from a repository, GET the catalog with it, and a page of it
            3. expect 401 or 403 (or 404)
    """
    if asks_for_no_scope(once("catalog without a login", bearer.as_role(None).catalog)):
        raise NotApplicable("the registry asks for no scope for the catalog")
    for query in ("", "?n=1"):
        reply = bearer.presenting(f"Bearer {good}").catalog(query)
        expect_denied(reply, "for a token without registry:catalog:*")


@verifies("registry/token/prefix-is-another-repository")
@pytest.mark.parametrize("right", [case("pull", "pull"), case("push", "pull,push")])
def test_token_of_a_prefix(bearer: Registry, new_repository: NewRepository, guarded: StoredImage, right: str) -> None:
    """Purpose: a token for one repository opens no other whose name begins like its.

    Method: 1. ask for a token for the beginning of a repository's name
            2. pull from the repository with it: expect 401, 403 or 404
    """
    token = token_for(bearer, "pusher", bearer.scope(guarded.repository.name[:-3], right))

    expect_denied(pull(guarded, token), "for a name's beginning")


@verifies("registry/token/catalog-opens-no-repository")
def test_catalog_opens_no_repository(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token to list repositories pulls from none.

    Method: 1. ask for a token for the catalog: expect it, or none
            2. pull with it: expect 401, 403 or 404
    """
    token = token_in(ask(bearer, "pusher", "registry:catalog:*"))
    if not token:
        raise NotApplicable("no token is given for the catalog")

    expect_denied(pull(guarded, token), "for a token for the catalog")


@verifies("registry/rights/part-needs-the-same")
@pytest.mark.parametrize("role", [case("other-organization", "foreign"), case("anonymous", None)])
def test_part_needs_its_right(guarded: StoredImage, role: str | None) -> None:
    """Purpose: who may not have a blob gets no part of it.

    Method: 1. GET the first bytes of a blob, with another organization's login and without one
            2. expect 401, 403 or 404
    """
    repository = guarded.repository
    if role is None:
        repository.registry.door.expect_locked()
    reply = repository.as_role(role).get_blob(guarded.image.blobs[-1].digest, [("Range", "bytes=0-9")])

    expect_denied(reply, "for a part of a blob")


@verifies("registry/token/name-below-is-another-repository")
@pytest.mark.parametrize("action", [case("push", "push")])
def test_token_of_a_name_above(bearer: Registry, guarded: StoredImage, action: str) -> None:
    """Purpose: a token for one repository opens none below it.

    Method: 1. ask for a token for a repository; open an upload with it to one whose name goes on behind a slash
            2. expect 401, 403 or 404 (or 400, where that is no name)
    """
    token = token_for(bearer, "pusher", bearer.scope(guarded.repository.name, f"pull,{action}"))
    below = guarded.repository.named(f"{guarded.repository.name}/below").presenting(f"Bearer {token}")

    expect_denied(below.post_upload(), "for a name below it", {400})


@verifies("registry/token/name-below-is-another-repository")
@pytest.mark.parametrize("action", [case("pull", "pull")])
def test_token_of_a_name_below(bearer: Registry, guarded: StoredImage, action: str) -> None:
    """Purpose: a token for one repository opens none above it.

    Method: 1. ask for a token for a repository whose name goes on behind a slash after another's
            2. pull from the other with it: expect 401, 403 or 404
    """
    token = token_in(ask(bearer, "pusher", bearer.scope(f"{guarded.repository.name}/below", action)))
    if not token:
        raise NotApplicable("no token is given for such a name")

    expect_denied(pull(guarded, token), "for a name below it")


@verifies("registry/rights/absent-image-is-not-told")
@pytest.mark.parametrize("role", [case("other-organization", "foreign"), case("anonymous", None)])
def test_absent_image_is_not_told(guarded: StoredImage, names: Names, role: str | None) -> None:
    """Purpose: a stranger does not find out that a repository is there by asking it for what is not.

    Method: 1. ask, as a stranger, for a tag that nobody pushed, and with a login for referrers and a session, to mount
               and to delete a blob: of a repository that exists, and of one that does not
            2. expect the same status of the one and the other, and the same code
    """
    existing, tag = guarded.repository, names.new("nothing")
    if role is None:
        existing.registry.door.expect_locked()
    absent = existing.named(existing.name[:-1] + ("x" if existing.name[-1] != "x" else "y"))
    for method, rest in [("GET", f"manifests/{tag}"), *(NOTHING if role else ())]:
        replies = [each.as_role(role).send(method, rest) for each in (existing, absent)]
        expect_one_answer(replies[0], replies[1], "of the one that is there", "of the other")


@verifies("registry/rights/session-tells-others-nothing")
def test_session_tells_others_nothing(repository: Repository) -> None:
    """Purpose: how far an upload has come is its opener's affair.

    Method: 1. open a session; GET it with a login that may only pull
            2. expect 401, 403 or 404; then 204 to the opener
    """
    other, upload = repository.registry.as_role("puller"), at_the_registry(repository.open_upload())

    expect_denied(upload.by(other).status(), "to another")
    expect_success(upload.status(), "to the opener")


@verifies("registry/login/bad-login-opens-nothing")
@pytest.mark.parametrize(
    "method", [case("upload-status", "GET"), case("upload-end", "PUT"), case("upload-given-up", "DELETE")]
)
def test_bad_login_in_an_upload(
    guarded: StoredImage, bad_login: str, new_blob: NewBlob, once: Once, method: str
) -> None:
    """Purpose: in the middle of an upload, too, the login is verified, and not only seen to be there.

    Method: 1. open a session; GET, PUT and DELETE it with a token of which one letter was altered; with the name of
               nobody where the registry takes no tokens
            2. expect 401 (400, 405 or 501 to DELETE, where no upload is cancelled)
    """
    session = once("session under a bad login", guarded.repository.open_upload)
    upload = at_the_registry(session).by(guarded.repository.registry.presenting(bad_login))
    reply = uses(upload, new_blob())[method]()

    expect_status(reply, {401, *(CANCELS_NONE if method == "DELETE" else ())}, "for a login that is none")
