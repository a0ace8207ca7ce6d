"""A registry token opens only the repository and the actions that it was issued for (Docker Registry tokens)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import DELETIONS, OPERATIONS, Occasion
from conformance.clients.registry.tokens import ask, pull, token_for
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_challenge_error
from conformance.oracles.registry import expect_denied, expect_not_mounted, expect_not_stored, expect_untouched
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

ELSEWHERE = "tags", "manifest-head", "blob", "blob-head", "upload", "put-manifest", "delete-manifest"


@pytest.fixture
def pushed(stored: StoredImage, to_pull: str, once: Once) -> Exchange:
    """The response to a push with the token."""
    return once(("pushed with", to_pull), stored.repository.presenting(f"Bearer {to_pull}").post_upload)


@verifies("registry/token/grants-only-the-requested-scope")
def test_token_of_another_repository(to_pull: str, guarded: StoredImage, pushed: Exchange) -> None:
    """Purpose: a token grants the requested access, and nothing else.
    Method: 1. ask for a token to pull from one repository; pull from it: expect 200 (the control)
            2. pull from another with it: expect 401, 403 or 404; 3. push to the first with it: expect 401, 403 or 404
    """
    expect_denied(pull(guarded, to_pull), "for another repository")
    expect_denied(pushed, "for a push with a token to pull")


@verifies("registry/token/grants-only-the-requested-scope")
@pytest.mark.parametrize("operation", ["upload-at-once", "put-manifest"])
def test_token_to_pull_writes_nothing(good: str, guarded: StoredImage, new_blob: NewBlob, operation: str) -> None:
    """Purpose: the token decides about a request, not the login that it was issued to.
    Method: 1. ask for a token to pull with a login that may push; pull with it: expect 200 (the control)
            2. push a blob in one request, and a manifest, with it: expect 401, 403 or 404
    """
    pulling = guarded.repository.presenting(f"Bearer {good}")

    expect_denied(
        OPERATIONS[operation].request(pulling, Occasion(guarded, new_blob(), "unused")), "with a token to pull"
    )


@verifies("registry/token/insufficient-scope-names-the-scope")
def test_insufficient_scope_is_reported(stored: StoredImage, pushed: Exchange) -> None:
    """Purpose: a client whose token lacks a scope learns which token to request.
    Method: 1. push with a token to pull
            2. where that is refused with 401, expect a Bearer challenge whose scope names the repository and push
    """
    if pushed.status != 401:
        raise NotApplicable(f"the refusal is no 401 ({pushed.status})")
    bearer = next((each for each in challenges(pushed) if each.scheme == "bearer"), None)
    scopes = bearer.scopes if bearer else []
    actions = [each.rpartition(":")[2].split(",") for each in scopes if f":{stored.repository.name}:" in each]

    if not any({"push", "*"} & set(each) for each in actions):
        seen = pushed.headers.get("www-authenticate") or "no challenge"
        name = stored.repository.name
        raise NonConformance(f"a Bearer challenge with repository:{name}:push", seen, pushed)


@verifies("registry/token/insufficient-scope-is-not-invalid-token")
def test_insufficient_scope_is_not_an_invalid_token(pushed: Exchange) -> None:
    """Purpose: a client whose token lacks a scope learns that a new token of the same scope does not help.
    Method: 1. push with a token to pull; 2. of a 401 expect error="insufficient_scope" in the challenge
    """
    if pushed.status != 401:
        raise NotApplicable(f"the refusal is no 401 ({pushed.status})")

    expect_challenge_error(pushed, "insufficient_scope")


@verifies("registry/token/without-scope-grants-nothing")
def test_token_without_scope(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token without a scope identifies the login, and opens no repository.
    Method: 1. ask for a token without a scope, as docker login does: expect 200, if one is given with a scope
            2. GET /v2/ with it: expect 200; pull with it: expect 401, 403 or 404
    """
    reply = ask(bearer, "pusher")
    if not reply.ok and token_for(bearer, "pusher", bearer.scope(guarded.repository.name, "pull")):
        expect_status(reply, 200, "to the login alone, which gets a token with a scope")
    token = token_in(reply)

    expect_status(bearer.presenting(f"Bearer {token}").support(), 200)
    expect_denied(pull(guarded, token), "for a token without a scope")


@verifies("registry/token/anonymous-token-grants-nothing")
def test_anonymous_token(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token that is issued without a login opens nothing of an organization.
    Method: 1. ask for a token without a login, as one who has a login has asked, and with the name of a login beside it
            2. expect 401, or a token that does not pull or push
    """
    for named in ({}, {"account": bearer.account("pusher").username}):
        reply = bearer.auth.request_token([bearer.scope(guarded.repository.name)], **named)
        expect_status(reply, {200, 400, 401, 403})
        token = token_in(reply)
        if token:
            expect_denied(pull(guarded, token), "for an anonymous token")
            expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for an anonymous token")


@verifies("registry/token/bearer-scheme-is-case-insensitive")
def test_bearer_scheme_is_case_insensitive(good: str, guarded: StoredImage) -> None:
    """Purpose: a client may write the Bearer scheme in any case.
    Method: 1. pull with the scheme in small letters; 2. expect 200
    """
    expect_status(guarded.repository.presenting(f"bearer {good}").get_manifest(guarded.tag), 200)


@verifies("registry/token/grants-only-the-requested-scope#nor-gets-another")
def test_token_gets_no_other(bearer: Registry, good: str, guarded: StoredImage) -> None:
    """Purpose: a token is no login: a client with a token to pull cannot exchange it for one that opens more.
    Method: 1. ask for a token to pull with a login that may push
            2. show it to the token endpoint in place of the login, and ask to pull and push
            3. where a token comes, expect it not to push
    """
    reply = bearer.auth.request_token([bearer.scope(guarded.repository.name, "pull,push")], f"Bearer {good}")

    if token := token_in(reply):
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/similar-name-is-another-repository")
@pytest.mark.parametrize(
    ("requested", "actions", "used"),
    [
        case("prefix-pull", "prefix", "pull", "pull"),
        case("prefix-push", "prefix", "pull,push", "pull"),
        case("parent-push", "same", "pull,push", "upload below"),
        case("child-pull", "below", "pull", "pull"),
    ],
)
def test_token_of_a_similar_name(
    bearer: Registry, guarded: StoredImage, requested: str, actions: str, used: str
) -> None:
    """Purpose: a token for one repository opens no other whose name begins like its own.
    Method: 1. Request a token for a prefix of a repository's name, or for a name below it; pull from the repository.
            2. Request one for the repository; open an upload to a name below it.
            3. Expect 401, 403 or 404; also 400 for the upload.
    """
    repository = guarded.repository
    name = {"prefix": repository.name[:-3], "same": repository.name, "below": f"{repository.name}/below"}[requested]
    if not (token := token_in(ask(bearer, "pusher", bearer.scope(name, actions)))):
        raise NotApplicable("no token is issued for such a name")
    if used == "pull":
        expect_denied(pull(guarded, token), "for another repository")
        return
    below = repository.named(f"{repository.name}/below").presenting(f"Bearer {token}")

    expect_denied(below.post_upload(), "for a name below it", {400})


@verifies("registry/token/mount-needs-pull-on-the-source")
def test_mount_with_a_token_for_the_target(bearer: Registry, stored: StoredImage, guarded: StoredImage) -> None:
    """Purpose: a mount copies nothing from a repository that the token may not pull from, though its login may.
    Method: 1. ask for a token to push to one repository; mount a layer of another of the same organization into it
            2. expect no 201, and 404 to GET of it
    """
    layer, name = stored.image.blobs[-1], guarded.repository.name
    token = token_for(bearer, "pusher", bearer.scope(name, "pull,push"))
    mounting = guarded.repository.presenting(f"Bearer {token}")
    reply = mounting.post_upload(mount=layer.digest, from_=stored.repository.name)

    expect_not_mounted(reply, (400, 401, 403, 404), "for a mount from where the token may not pull")
    expect_not_stored([guarded.repository.get_blob(layer.digest)])


@verifies("registry/token/referrers-are-of-its-repository")
def test_referrers_with_a_token_for_another(bearer: Registry, to_pull: str, guarded: StoredImage) -> None:
    """Purpose: a token for one repository lists no referrers in another of the same organization.
    Method: 1. ask for a token to pull from one repository; pull from it: expect 200 (the control)
            2. ask another for the referrers of its image with the token: expect 401, 403 or 404
    """
    reply = guarded.repository.presenting(f"Bearer {to_pull}").referrers(guarded.image.digest)

    expect_denied(reply, "for referrers in another repository")


@verifies("registry/token/delete-token-cannot-push")
def test_deletion_does_not_push(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: where deleting is a right of its own, a token to delete does not push.
    Method: 1. ask for a token to delete alone; open an upload with it; 2. expect 401, 403 or 404
    """
    if bearer.auth.delete_action != "delete":
        raise NotApplicable("the target has no separate right to delete")
    token = token_in(ask(bearer, "pusher", bearer.scope(guarded.repository.name, "delete")))
    if not token:
        raise NotApplicable("no token is given to delete alone")

    expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "with a token to delete")


@verifies("registry/token/push-token-cannot-delete")
@pytest.mark.parametrize("operation", DELETIONS)
def test_push_does_not_delete(
    bearer: Registry, guarded: StoredImage, new_blob: NewBlob, once: Once, operation: str
) -> None:
    """Purpose: where deleting is a right of its own, a token to push does not delete.
    Method: 1. ask for a token to pull and push
            2. DELETE the image, its tag and its layer with it: expect 401, 403 or 404, or a refusal where that is not
               offered (400 or 405); and the image, its tag and its layer as they were
    """
    repository, delete = guarded.repository, DELETIONS[operation].request
    occasion = Occasion(guarded, new_blob(), "unused")
    anonymous = repository.as_role(None)
    refusal, _ = once(("anonymous", operation), lambda: (delete(anonymous, occasion), occasion))
    expected = [scope.rpartition(":")[2].split(",") for each in challenges(refusal) for scope in each.scopes]
    if not any({"delete", "*"} & set(each) for each in expected):
        raise NotApplicable("the target has no separate right to delete")
    scope = bearer.scope(repository.name, "pull,push")
    token = once("token to push", lambda: token_for(bearer, "pusher", scope))
    reply = delete(repository.presenting(f"Bearer {token}"), occasion)

    expect_status(reply, {400, 401, 403, 404, 405}, "for a token to push")
    layer = guarded.image.blobs[-1]
    if operation == "delete-blob":
        expect_untouched(repository.get_blob(layer.digest), layer.content)
    else:
        expect_untouched(repository.get_manifest(guarded.tag), guarded.image.content)


@verifies("registry/token/is-for-one-repository")
@pytest.mark.parametrize("operation", ELSEWHERE)
def test_is_for_one_repository(
    token_for_one_repository: str, guarded: StoredImage, new_blob: NewBlob, operation: str
) -> None:
    """Purpose: whatever a token opens in one repository, it opens nothing in another of the same organization.
    Method: 1. ask for a token for everything in one repository; pull from it: expect 200 (the control)
            2. read another, push to it and delete from it with the token: expect 401, 403 or 404
    """
    occasion = Occasion(guarded, new_blob(), "unused")
    reply = OPERATIONS[operation].request(guarded.repository.presenting(f"Bearer {token_for_one_repository}"), occasion)

    expect_denied(reply, "for another repository", OPERATIONS[operation].unoffered)
