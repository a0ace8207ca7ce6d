"""Access to repositories: pull and push access, and isolation between organizations."""

from __future__ import annotations

import uuid

import pytest

from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.images import NewBlob, digest_of
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import DELETIONS, OPERATIONS, READ_FORMS, READS, WRITES, Occasion
from conformance.clients.registry.tokens import ask, pull
from conformance.oracles.concealment import Probe, expect_as_absent
from conformance.oracles.registry import expect_denied, expect_nothing_changed
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.values import unused_name_like
from conformance.vocabulary.wording import worded

CHANGES = [*WRITES, *DELETIONS]
NOWHERE = digest_of(b"nowhere")
ABSENT_CONTENT = [
    ("GET", f"referrers/{NOWHERE}"),
    ("PATCH", f"blobs/uploads/{uuid.UUID(int=0)}"),
    ("POST", f"blobs/uploads/?mount={NOWHERE}"),
    ("DELETE", f"blobs/{NOWHERE}"),
]
"""Requests for content that is in no repository."""


@verifies("registry/rights/puller-can-pull")
@pytest.mark.parametrize("operation", READS)
def test_puller_can_pull(occasion: Occasion, operation: str) -> None:
    """Purpose: a login with pull access can pull.
    Method: 1. read tags, manifests and blobs with a pull-only login; 2. expect 200
    """
    expect_status(OPERATIONS[operation].request(occasion.stored.repository.as_role("puller"), occasion), 200)


@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize(
    ("role", "because"),
    [
        row("registry/rights/puller-cannot-push", "puller", "for a login that may only pull"),
        row("registry/rights/other-organization-cannot-push", "foreign", "for another organization's login"),
    ],
)
def test_login_without_push_access_changes_nothing(occasion: Occasion, role: str, because: str, operation: str) -> None:
    """Purpose: a login with pull access only, or of another organization, changes nothing.
    Method: 1. upload, mount, push and delete with that login
            2. expect 401, 403 or 404 (400 or 405 for a deletion that is not offered), and no change in the repository
    """
    reply = OPERATIONS[operation].request(occasion.stored.repository.as_role(role), occasion)

    expect_denied(reply, because, OPERATIONS[operation].unoffered)
    expect_nothing_changed(operation, occasion)


@verifies("registry/rights/other-organization-cannot-pull")
@pytest.mark.parametrize("operation", [*READS, *READ_FORMS])
def test_other_organization_cannot_pull(occasion: Occasion, operation: str) -> None:
    """Purpose: an organization's images are inaccessible to other organizations.
    Method: 1. read tags, manifests and blobs with another organization's login: also in pages, conditionally,
               compressed and as a Docker type
            2. expect 401, 403 or 404
    """
    reads = READS | READ_FORMS
    reply = reads[operation].request(occasion.stored.repository.as_role("foreign"), occasion)

    expect_denied(reply, "for another organization's login")


@verifies("registry/rights/images-of-another-organization-are-inaccessible")
@pytest.mark.usefixtures("one_organization")
@pytest.mark.parametrize("operation", READS)
def test_their_images_are_closed(
    repository: Repository, theirs: StoredImage, new_blob: NewBlob, operation: str
) -> None:
    """Purpose: our login cannot read the images of another organization.
    Method: 1. push an image with the other organization's login; read it with that login: expect 200 (the control)
            2. read tags, manifests and blobs of the image with our login: expect 401, 403 or 404
    """
    occasion = Occasion(theirs, new_blob(), "unused")
    if OPERATIONS[operation].request(theirs.repository, occasion).status != 200:
        raise Inconclusive("the other organization cannot read its own image", "a login in role foreign that may pull")
    ours = repository.registry.repository(theirs.repository.name)

    expect_denied(OPERATIONS[operation].request(ours, occasion), "for content of another organization")


@verifies("registry/rights/private-and-absent-are-indistinguishable")
@pytest.mark.parametrize("role", [case("other-organization", "foreign"), case("anonymous", None)])
@pytest.mark.parametrize("operation", [*READS, "upload", "put-manifest", "delete-manifest"])
def test_private_and_absent(occasion: Occasion, operation: str, role: str | None) -> None:
    """Purpose: a client without access does not learn that a repository exists.
    Method: 1. send one request for an existing repository, between two for repositories that never existed
            2. expect the same status, headers and body, apart from the name; a difference other than the status counts
               if eight further rounds repeat it
    """
    existing = occasion.stored.repository
    if role is None:
        existing.registry.auth.expect_login_required()

    def ask(name: str) -> Probe:
        repository = existing.named(name).as_role(role)
        return Probe(name, OPERATIONS[operation].request(repository, occasion))

    def absent() -> str:
        # Of the same length, or Content-Length would differ without telling anything.
        before, _, after = existing.name.rpartition("guarded")
        return before + unused_name_like("guarded") + after

    expect_as_absent(ask, existing.name, absent, "to a client without access")


def namesake(repository: Repository) -> Repository:
    """Return another organization's repository for the app of this name, with its login."""
    registry = repository.registry.as_role("foreign")
    first, organization, *_ = f"{registry.described.foreign_repository or ''}//".split("/")
    name = "/".join([first, organization, *repository.name.split("/")[2:]])
    if not organization or name.count("/") < 2 or name == repository.name:
        needed = "foreign_repository of the form orgs/{another-org-slug}/{app-slug}"
        raise NotDeclared(f"the target file names no {needed}", "registry.foreign_repository")
    return registry.repository(name)


@verifies("registry/rights/same-app-of-another-organization")
@pytest.mark.parametrize("operation", ["manifest", "blob"])
def test_same_app_of_another_organization(guarded: StoredImage, new_blob: NewBlob, operation: str) -> None:
    """Purpose: apps of one name in two organizations are two apps.
    Method: 1. push an image to orgs/{our-org}/{app}
            2. read it from orgs/{other-org}/{app} with the other organization's login: expect 401, 403 or 404
    """
    reply = OPERATIONS[operation].request(namesake(guarded.repository), Occasion(guarded, new_blob(), "unused"))

    expect_denied(reply, "for another organization's repository of this name")


@verifies("registry/token/similar-name-is-another-repository#same-app")
def test_token_for_the_same_app_of_another_organization(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token for one repository does not open the same app of another organization.
    Method: 1. request a token for orgs/{other-org}/{app} with the other organization's login
            2. pull from orgs/{our-org}/{app} with the token: expect 401, 403 or 404
    """
    name = namesake(guarded.repository).name
    token = token_in(ask(bearer, "foreign", bearer.scope(name, "pull")))
    if not token:
        raise NotApplicable("the token endpoint issues no token for an absent repository")

    expect_denied(pull(guarded, token), "for an app of the same name of another organization")


@verifies("registry/rights/similar-organization-is-denied")
@pytest.mark.usefixtures("one_organization")
@pytest.mark.parametrize(
    "similar",
    [
        *(case("longer", "{}-{}"), case("without-dash", "{}x"), case("below", "{}.{}")),
        *(case("ends-so", "{1}-{0}"), case("has-an-app-so", "{1}/{2}/{0}")),
    ],
)
def test_similar_organization(repository: Repository, names: Names, similar: str) -> None:
    """Purpose: rights on one organization are none on another with a similar name, or with an app of that name.
    Method: 1. open an upload in orgs/{our-org}-x/app, orgs/x-{our-org}/app and orgs/x/orgs/{our-org}/app
            2. expect 400, 401, 403 or 404
    """
    repository.registry.auth.expect_login_required()
    first, *rest = repository.name.split("/")
    if len(rest) < 2:
        needs = 'repository = "orgs/{org-slug}/{app-slug}" in [targets.X.registry]'
        raise Inconclusive(f"no organization is named in {repository.name}", needs)
    other = repository.named("/".join([first, similar.format(rest[0], names.new(), first), *rest[1:]]))

    expect_status(other.post_upload(), {400, 401, 403, 404}, "for another organization")


def expect_same_response(one: Exchange, other: Exchange, whose: str, others: str) -> None:
    """Expect two responses with the same status and, where refused, the same codes; findings use the labels."""
    seen = [each.status for each in (one, other)], [codes_in(each) for each in (one, other)]
    for first, second in seen:
        if first != second:
            shown = f"{worded(first)} {whose}, {worded(second)} {others}"
            raise NonConformance("the same response for both", shown, one, other)


def codes_in(reply: Exchange) -> list[str]:
    """Return the codes of an error document; an empty list for any other response."""
    errors = reply.member("errors") if reply.status >= 400 else None
    return [str(each.get("code")) for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []


@verifies("registry/rights/mount-reveals-nothing-of-the-source")
@pytest.mark.usefixtures("one_organization")
def test_mount_reveals_nothing_of_its_source(repository: Repository, theirs: StoredImage, new_blob: NewBlob) -> None:
    """Purpose: a mount does not reveal which blobs and repositories another organization has.
    Method: 1. mount an existing blob of its repository, an absent blob of that, and the existing blob of an absent one
            2. expect the same status, and the same error code
    """
    source, blob = theirs.repository.name, theirs.image.blobs[-1].digest
    seen = repository.post_upload(mount=blob, from_=source)

    for digest, name in ((new_blob().digest, source), (blob, f"{source}-absent")):
        absent = repository.post_upload(mount=digest, from_=name)
        expect_same_response(seen, absent, "for an existing source", "for an absent one")


@verifies("registry/rights/range-needs-pull")
@pytest.mark.parametrize("role", [case("other-organization", "foreign"), case("anonymous", None)])
def test_range_needs_pull_access(guarded: StoredImage, role: str | None) -> None:
    """Purpose: a client without access to a blob gets no part of it.
    Method: 1. GET a blob's first bytes with another organization's login, and without one; 2. expect 401, 403 or 404
    """
    repository = guarded.repository
    if role is None:
        repository.registry.auth.expect_login_required()
    reply = repository.as_role(role).get_blob(guarded.image.blobs[-1].digest, [("Range", "bytes=0-9")])

    expect_denied(reply, "for a part of a blob")


@verifies("registry/rights/absent-content-reveals-no-repository")
@pytest.mark.parametrize("role", [case("other-organization", "foreign"), case("anonymous", None)])
def test_absent_image_reveals_no_repository(guarded: StoredImage, names: Names, role: str | None) -> None:
    """Purpose: a request for absent content does not reveal whether a repository exists.
    Method: 1. without access, request an absent tag; with a login also referrers, a session, a mount and a deletion:
               in a repository that exists, and in one that does not
            2. expect the same status and error code for both
    """
    existing, tag = guarded.repository, names.new("nothing")
    if role is None:
        existing.registry.auth.expect_login_required()
    absent = existing.named(existing.name[:-1] + ("x" if existing.name[-1] != "x" else "y"))
    for method, rest in [("GET", f"manifests/{tag}"), *(ABSENT_CONTENT if role else ())]:
        replies = [each.as_role(role).send(method, rest) for each in (existing, absent)]
        expect_same_response(replies[0], replies[1], "in the existing repository", "in the absent one")


@verifies("registry/rights/private-and-absent-are-indistinguishable#token-other-organization")
def test_token_endpoint_reveals_no_repository(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: another organization cannot learn from the token endpoint which repositories exist.
    Method: 1. request tokens to pull from an existing and from an absent repository; 2. expect the same status
    """
    existing = guarded.repository.name
    found, absent = (
        ask(bearer, "foreign", bearer.scope(each, "pull")) for each in (existing, unused_name_like(existing))
    )

    if found.status != absent.status:
        seen = f"{found.status}, and {absent.status} for a repository that never existed"
        raise NonConformance("the same status from the token endpoint for both", seen, found, absent)
