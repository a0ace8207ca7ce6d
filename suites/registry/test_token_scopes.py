"""Requested scopes: a token grants the intersection of the request and the login's access (Docker Registry tokens)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import (
    actions_in,
    ask,
    granted_by_password,
    pull,
    require_login,
    token_for,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import has_member
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

NOWHERE = f"sha256:{'0' * 64}"
REFUSED = {401, 403}


@verifies("registry/token/subset-is-no-error")
@pytest.mark.parametrize(
    ("role", "asked"),
    [
        case("pull-only", "puller", "pull,push"),
        case("no-rights", "foreign", "pull,push"),
        case("unknown-action", "puller", "pull,inspect"),
    ],
)
def test_subset_is_no_error(bearer: Registry, guarded: StoredImage, role: str, asked: str) -> None:
    """Purpose: who asks for more than they may, or than there is, gets what they may.

    Method: 1. ask for pull,push with a login that may only pull, or nothing; for pull and an action that nobody knows
            2. expect 200 with a token
            3. expect the token to pull exactly where the login may, and not to push
    """
    reply = ask(bearer, role, bearer.scope(guarded.repository.name, asked))
    require_login(bearer, role, reply)
    expect_status(reply, 200, "for a subset")
    token = token_in(reply)
    if not token:
        raise NonConformance("a token", observed(reply), reply, proof=has_member(reply, "(access_)?token", '"[^"]'))

    if role == "puller":
        expect_status(pull(guarded, token), 200, "with what the login may")
    else:
        expect_denied(pull(guarded, token), "with no right at all")
    expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/several-scopes")
@pytest.mark.parametrize("by", [case("repeated", "query"), case("joined", "form")])
def test_several_scopes(bearer: Registry, stored: StoredImage, guarded: StoredImage, by: str) -> None:
    """Purpose: one token is for several repositories, as a mount needs.

    Method: 1. ask for two repositories, by two scope parameters of a query, and by one of a form with a blank between
            2. expect the token to pull from both; where no password is taken in a form, that is not asked
    """
    scopes = [bearer.scope(each.repository.name, "pull") for each in (stored, guarded)]
    if by == "form":
        account = bearer.account("puller")
        reply = granted_by_password(bearer, account.username, account.password, *scopes)
        if not reply.ok:
            raise NotApplicable(f"the token endpoint takes no username and password in a form ({reply.status})")
        token = token_in(reply)
    else:
        token = token_for(bearer, "puller", *scopes)

    for each in (stored, guarded):
        expect_status(pull(each, token), 200, f"from {each.repository.name}")


@verifies("registry/token/malformed-scope-is-a-callers-fault")
@pytest.mark.parametrize(
    "scope",
    [
        case("word", "nonsense"),
        case("empty-name", "repository::pull"),
        case("unknown-type", "plugin:x:pull"),
        case("two-colons", "::"),
        case("host-and-port", "repository:host:5000/orgs/x/y:pull"),
        case("nul", "repository:\0:pull"),
        case("nothing", ""),
    ],
)
def test_malformed_scope(bearer: Registry, guarded: StoredImage, scope: str) -> None:
    """Purpose: a scope that is none grants nothing, and is never the platform's fault.

    Method: 1. ask for a malformed scope: expect 200 or 400, or 401 or 403 of one that refuses whom it grants nothing
            2. where a token comes, expect it not to pull
    """
    reply = ask(bearer, "pusher", scope)

    expect_status(reply, {200, 400, 401, 403}, "for a malformed scope")
    if token_in(reply):
        expect_denied(pull(guarded, token_in(reply)), "for a token of a malformed scope")


@verifies("registry/token/other-spelling-grants-nothing")
@pytest.mark.parametrize("spelling", [case("capital", "capital"), case("slash-first", "/")])
def test_other_spelling(bearer: Registry, guarded: StoredImage, spelling: str) -> None:
    """Purpose: rights are looked up for the name that goes into the token, letter by letter.

    Method: 1. ask for the repository under another spelling of its name: expect 200 or 400, or 401 or 403 as above
            2. expect a token that is a JWT to grant no action on it
    """
    name = guarded.repository.name
    name = name.capitalize() if spelling == "capital" else f"/{name}"
    reply = ask(bearer, "pusher", f"repository:{name}:pull,push")

    expect_status(reply, {200, 400, 401, 403}, "for another spelling")
    if token_in(reply) and actions_in(token_in(reply)):
        raise NonConformance("no action granted", f"{worded(sorted(actions_in(token_in(reply))))} on {name}", reply)


@verifies("registry/token/asterisk-grants-no-more")
@pytest.mark.parametrize("role", [case("in-a-name", "foreign")])
def test_asterisk_in_a_name(bearer: Registry, guarded: StoredImage, role: str) -> None:
    """Purpose: who asks for whatever there is gets what they may have of it.

    Method: 1. with another organization's login, ask to pull from "*", from our organization's name with "*" behind it
               and from our repository's: expect 200 or 400, or 401 or 403 as above
            2. where a token comes, expect it not to pull ours
    """
    name = guarded.repository.name
    reply = ask(bearer, role, *(bearer.scope(f"{each}*", "pull") for each in ("", f"{name.rpartition('/')[0]}/", name)))
    require_login(bearer, role, reply)

    expect_status(reply, {200, 400, 401, 403}, "for whatever there is")
    if token_in(reply):
        expect_denied(pull(guarded, token_in(reply)), "for another organization's login")


@verifies("registry/token/each-scope-has-its-own-actions")
def test_each_scope_has_its_own_actions(bearer: Registry, stored: StoredImage, guarded: StoredImage) -> None:
    """Purpose: of a token for several repositories, each has the actions that were asked for it.

    Method: 1. ask for one token to pull from a repository, and to pull from and push to another
            2. pull from the first with it: expect 200 (the control); push to the first: expect 401, 403 or 404
    """
    scopes = bearer.scope(stored.repository.name, "pull"), bearer.scope(guarded.repository.name, "pull,push")
    token = token_for(bearer, "pusher", *scopes)
    if pull(stored, token).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")

    expect_denied(stored.repository.presenting(f"Bearer {token}").post_upload(), "for a push with a token to pull")


@verifies("registry/token/several-scopes")
@pytest.mark.parametrize("number", [case("a-dozen", 12)])
def test_a_dozen_scopes(bearer: Registry, stored: StoredImage, guarded: StoredImage, number: int) -> None:
    """Purpose: one token is for as many repositories as a build draws from.

    Method: 1. ask for one token for twelve repositories, those that are there first and last
            2. expect it to pull from both
    """
    names = [f"{stored.repository.name}-{each}" for each in range(number - 2)]
    named = [stored.repository.name, *names, guarded.repository.name]
    token = token_for(bearer, "puller", *(bearer.scope(each, "pull") for each in named))

    for each in (stored, guarded):
        expect_status(pull(each, token), 200, f"from {each.repository.name}")


@verifies("registry/token/each-scope-has-its-own-rights")
@pytest.mark.parametrize("order", [case("ours-first", 1), case("ours-last", -1)])
def test_each_scope_has_its_own_rights(bearer: Registry, guarded: StoredImage, theirs: StoredImage, order: int) -> None:
    """Purpose: what one may do in one repository is granted there, whatever else is asked for beside it.

    Method: 1. ask for one token to pull from a repository of ours and from another organization's, in either order
            2. expect it to pull from ours, and not from theirs (401, 403 or 404)
    """
    names = [guarded.repository.name, theirs.repository.name][::order]
    token = token_for(bearer, "pusher", *(bearer.scope(each, "pull") for each in names))

    expect_status(pull(guarded, token), 200, "from ours")
    expect_denied(pull(theirs, token), "from another organization's")


@verifies("registry/token/several-scopes")
@pytest.mark.parametrize("number", [case("that-change", 2)])
def test_scopes_that_change(bearer: Registry, stored: StoredImage, guarded: StoredImage, number: int) -> None:
    """Purpose: each scope grants its own actions, whichever repository is named first.

    Method: 1. ask for one token to pull from a repository, and for everything in another
            2. open an upload in the other with it: expect 2xx
            3. DELETE a blob that is not there, with the login: where that is no 401 or 403, expect none with the token
    """
    scopes = bearer.scope(stored.repository.name, "pull"), bearer.scope(guarded.repository.name)
    both = guarded.repository.presenting(f"Bearer {token_for(bearer, 'pusher', *scopes[:number])}")

    expect_success(both.post_upload(), "with a token for both")
    if guarded.repository.delete_blob(NOWHERE).status not in REFUSED:
        expect_status(both.delete_blob(NOWHERE), {*range(200, 600)} - REFUSED, "with a token for both")


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


@verifies("registry/token/is-not-told-back")
def test_token_is_not_echoed(stored: StoredImage, to_pull: str, once: Once) -> None:
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


@verifies("registry/token/other-spelling-grants-nothing")
@pytest.mark.parametrize("role", [case("dots", "foreign")])
def test_repository_name_with_dot_segments(bearer: Registry, guarded: StoredImage, role: str) -> None:
    """Purpose: rights on one name are no rights on what its dots lead to.

    Method: 1. with another organization's login, ask to pull from a name that begins with a repository of its own and
               leads to ours by "/../": expect 200 or 400, or 401 or 403 of one that refuses whom it grants nothing
            2. where a token comes, expect it not to pull ours
    """
    own, ours = bearer.described.foreign_repository or "x", guarded.repository.name
    reply = ask(bearer, role, bearer.scope(f"{own}/{'../' * (own.count('/') + 1)}{ours}", "pull"))
    require_login(bearer, role, reply)

    expect_status(reply, {200, 400, 401, 403}, "for a name with dots in it")
    if token_in(reply):
        expect_denied(pull(guarded, token_in(reply)), "for another organization's login")
