"""That a token grants what was asked and what the login may do, and no more (Docker Registry token authentication)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import DELETIONS, OPERATIONS, Occasion
from conformance.clients.registry.tokens import ask, pull, refresh_token_of, requested_by_form, require_login, token_for
from conformance.clients.registry.uploads import CANCELS_NONE, at_the_registry
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_denied, expect_untouched
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Proof

ELSEWHERE = "tags", "manifest-head", "blob", "blob-head", "upload", "put-manifest", "delete-manifest"


@pytest.fixture
def for_one(bearer: Registry, stored: StoredImage, once: Once) -> str:
    """A token for everything in the stored image's repository, from which it pulls."""
    token = once("token for one", lambda: token_for(bearer, "pusher", bearer.scope(stored.repository.name)))
    if once("pulled with the token for one", lambda: pull(stored, token)).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")
    return token


@verifies("registry/token/is-for-one-repository")
@pytest.mark.parametrize("operation", [case(name, name) for name in ELSEWHERE])
def test_is_for_one_repository(for_one: str, guarded: StoredImage, new_blob: NewBlob, operation: str) -> None:
    """Purpose: whatever a token opens in one repository, it opens nothing in another of the same organization.

    Method: 1. ask for a token for everything in one repository; pull from it: expect 200 (the control)
            2. read another, push to it and delete from it with the token: expect 401, 403 or 404
    """
    occasion = Occasion(guarded, new_blob(), "unused")
    reply = OPERATIONS[operation].request(guarded.repository.presenting(f"Bearer {for_one}"), occasion)

    expect_denied(reply, "for another repository", OPERATIONS[operation].unoffered)


@verifies("registry/token/actions-add-up")
@pytest.mark.parametrize("actions", [case("split", ["push", "pull", "push"]), case("reversed", ["push,pull"])])
def test_actions_add_up(bearer: Registry, guarded: StoredImage, actions: list[str]) -> None:
    """Purpose: the actions on a repository may be asked for in any order, and in several scopes.

    Method: 1. ask with client_id for a token to push and pull, in scopes of which one is twice, and in one: expect 200
            2. expect it to pull and to open an upload
    """
    reply = ask(bearer, "pusher", *(bearer.scope(guarded.repository.name, each) for each in actions), client_id="cf")
    require_login(bearer, "pusher", reply)
    expect_status(reply, 200, "for one repository")
    token = token_in(reply)

    expect_status(pull(guarded, token), 200, "with a token to pull")
    expect_success(guarded.repository.presenting(f"Bearer {token}").post_upload(), "with a token to push")


@verifies("registry/token/asterisk-grants-no-more")
def test_asterisk(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: who asks for every action gets those that they may do.

    Method: 1. ask for the action "*" on a repository with a login that may only pull: expect 200 or 400
            2. where a token comes, expect it not to push
    """
    reply = ask(bearer, "puller", bearer.scope(guarded.repository.name, "*"))
    require_login(bearer, "puller", reply)

    expect_status(reply, {200, 400}, "for every action")
    if token_in(reply):
        expect_denied(guarded.repository.presenting(f"Bearer {token_in(reply)}").post_upload(), "for a push")


@verifies("registry/token/session-needs-push")
@pytest.mark.parametrize("method", [case("patch", "PATCH"), case("put", "PUT"), case("delete", "DELETE")])
def test_session_needs_push(stored: StoredImage, to_pull: str, new_blob: NewBlob, once: Once, method: str) -> None:
    """Purpose: each request of an upload needs the right to push, and not the first alone.

    Method: 1. open a session; ask for a token to pull with the same login, and pull with it: expect 200 (the control)
            2. PATCH a chunk, PUT a whole blob, DELETE the session with that token: expect 401, 403 or 404; or 400,
               405 or 501 to DELETE, where no upload is cancelled
    """
    repository, blob = stored.repository, new_blob()
    session = once("session of one who may push", repository.open_upload)
    upload = at_the_registry(session).by(repository.registry.presenting(f"Bearer {to_pull}"))
    use = {
        "PATCH": lambda: upload.patch(blob.content),
        "PUT": lambda: upload.put(blob.digest, blob.content),
        "DELETE": upload.cancel,
    }[method]

    expect_denied(use(), "with a token to pull", CANCELS_NONE if method == "DELETE" else ())


@verifies("registry/token/is-for-one-repository")
@pytest.mark.parametrize("operation", [case("chunk", "chunk")])
def test_session_of_another_repository(
    bearer: Registry, for_one: str, guarded: StoredImage, new_blob: NewBlob, operation: str
) -> None:
    """Purpose: whose session it is does not stand for the right to push to its repository.

    Method: 1. open a session in a repository; ask for a token for everything in another; pull there: expect 200
            2. PATCH a chunk with that token: expect 401, 403 or 404
    """
    upload = at_the_registry(guarded.repository.open_upload())

    expect_denied(upload.by(bearer.presenting(f"Bearer {for_one}")).patch(new_blob().content), "for another repository")


@verifies("registry/token/push-does-not-delete")
@pytest.mark.parametrize("operation", [case(name, name) for name in DELETIONS])
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
    stranger = repository.as_role(None)
    asked, _ = once(("anonymous", operation), lambda: (delete(stranger, occasion), occasion))
    wanted = [scope.rpartition(":")[2].split(",") for each in challenges(asked) for scope in each.scopes]
    if not any({"delete", "*"} & set(each) for each in wanted):
        raise NotApplicable("deleting is no right of its own here")
    scope = bearer.scope(repository.name, "pull,push")
    token = once("token to push", lambda: token_for(bearer, "pusher", scope))
    reply = delete(repository.presenting(f"Bearer {token}"), occasion)

    expect_status(reply, {400, 401, 403, 404, 405}, "for a token to push")
    layer = guarded.image.blobs[-1]
    if operation == "delete-blob":
        expect_untouched(repository.get_blob(layer.digest), layer.content)
    else:
        expect_untouched(repository.get_manifest(guarded.tag), guarded.image.content)


@verifies("registry/token/account-is-who-logs-in")
def test_account_is_who_logs_in(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: whose rights a token has, the login says, and not the name beside it.

    Method: 1. ask for a token to push with a login that may only pull, and with account=<one that may push>
            2. where a token comes, expect it not to push
    """
    named = bearer.account("pusher").username
    reply = ask(bearer, "puller", bearer.scope(guarded.repository.name, "pull,push"), account=named)

    if token_in(reply):
        expect_denied(guarded.repository.presenting(f"Bearer {token_in(reply)}").post_upload(), "for a push")


@verifies("registry/token/account-is-who-logs-in")
@pytest.mark.parametrize("by", [case("refresh-token", "refresh_token")])
def test_account_is_whose_refresh_token_it_is(bearer: Registry, guarded: StoredImage, by: str) -> None:
    """Purpose: nor do names beside a refresh token say whose rights its tokens have.

    Method: 1. exchange the refresh token of a login that may only pull for a token to push, with one that may push in
               username and account
            2. where a token comes, expect it not to push
    """
    named = bearer.account("pusher").username
    form = {"grant_type": by, by: refresh_token_of(bearer, "puller"), "service": bearer.door.service}
    form |= {"scope": bearer.scope(guarded.repository.name, "pull,push"), "username": named, "account": named}
    token = token_in(requested_by_form(bearer, form, "REGISTRY_NAMED_TOKEN"))

    if token:
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/is-not-told-back")
def test_token_is_not_told_back(stored: StoredImage, to_pull: str, once: Once) -> None:
    """Purpose: an error does not carry the token on to where errors are written down.

    Method: 1. push with a token to pull
            2. expect the token nowhere in the answer
    """
    stranger = stored.repository.presenting(f"Bearer {to_pull}")
    reply = once(("pushed with", to_pull), stranger.post_upload)

    if to_pull in reply.text:
        proof = Proof(reply.id, unsaid=(to_pull,))
        raise NonConformance("an answer without the token", "the token is in it", reply, proof=proof)


@verifies("registry/token/class-grants-no-more")
def test_class_of_a_resource(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a class of resources, which a scope may name, gives no rights on what is not of it.

    Method: 1. with another organization's login, ask for repository(plugin) of our name: expect 200 or 400, or 401 or
               403 of one that refuses whom it grants nothing (of which subset-is-no-error tells)
            2. where a token comes, expect it not to pull (401, 403 or 404)
    """
    reply = ask(bearer, "foreign", f"repository(plugin):{guarded.repository.name}:pull")
    require_login(bearer, "foreign", reply)

    expect_status(reply, {200, 400, 401, 403}, "for a class of resources")
    if token_in(reply):
        expect_denied(pull(guarded, token_in(reply)), "for another organization's login")
