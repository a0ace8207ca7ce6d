"""Requested scopes: a token grants the intersection of the request and the login's access (Docker Registry tokens)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import actions_in, ask, granted_by_password, pull, require_login, token_for
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

NOWHERE = f"sha256:{'0' * 64}"
REFUSED = {401, 403}


@verifies("registry/token/subset-is-no-error")
@pytest.mark.parametrize(
    ("role", "actions"),
    [
        case("pull-only", "puller", "pull,push"),
        case("no-rights", "foreign", "pull,push"),
        case("unknown-action", "puller", "pull,inspect"),
    ],
)
def test_subset_is_no_error(bearer: Registry, guarded: StoredImage, role: str, actions: str) -> None:
    """Purpose: a client that requests more than its login may do gets a token for what it may do.
    Method: 1. Request more actions than the login has, or an unknown one: expect 200 with a token.
            2. Expect the token to pull exactly where the login may, and not to push.
    """
    reply = ask(bearer, role, bearer.scope(guarded.repository.name, actions))
    require_login(bearer, role, reply)
    expect_status(reply, 200, "for a subset")
    token = token_in(reply)
    if not token:
        raise NonConformance("a token", observed(reply), reply)

    if role == "puller":
        expect_status(pull(guarded, token), 200, "with what the login may")
    else:
        expect_denied(pull(guarded, token), "without any access")
    expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")


@verifies("registry/token/several-scopes")
@pytest.mark.parametrize("by", [case("repeated", "query"), case("joined", "form"), case("a-dozen", "dozen")])
def test_several_scopes(bearer: Registry, stored: StoredImage, guarded: StoredImage, by: str) -> None:
    """Purpose: one token is for several repositories, as a mount or a build needs.
    Method: 1. Request two repositories by two scope parameters of a query and by one of a form, and twelve by a query.
            2. Expect the token to pull from the first and the last.
    """
    others = [f"{stored.repository.name}-{each}" for each in range(10)] if by == "dozen" else []
    names = [stored.repository.name, *others, guarded.repository.name]
    scopes = [bearer.scope(each, "pull") for each in names]
    if by == "form":
        account = bearer.account("puller")
        reply = granted_by_password(bearer, account.username, account.password, *scopes)
        if not reply.ok:
            raise NotApplicable(f"the token endpoint accepts no username and password in a form ({reply.status})")
        token = token_in(reply)
    else:
        token = token_for(bearer, "puller", *scopes)

    for each in (stored, guarded):
        expect_status(pull(each, token), 200, f"from {each.repository.name}")


@verifies("registry/token/several-scopes#that-change")
def test_scopes_that_change(bearer: Registry, stored: StoredImage, guarded: StoredImage) -> None:
    """Purpose: each scope grants its own actions, whichever repository is named first.
    Method: 1. Request one token to pull from a repository, and for everything in another; open an upload there: 2xx.
            2. DELETE a missing blob there: unless the login itself is refused, expect neither 401 nor 403.
    """
    number = 2
    scopes = bearer.scope(stored.repository.name, "pull"), bearer.scope(guarded.repository.name)
    both = guarded.repository.presenting(f"Bearer {token_for(bearer, 'pusher', *scopes[:number])}")

    expect_success(both.post_upload(), "with a token for both")
    if guarded.repository.delete_blob(NOWHERE).status not in REFUSED:
        expect_status(both.delete_blob(NOWHERE), {*range(200, 600)} - REFUSED, "with a token for both")


@verifies("registry/token/unusual-scope-grants-no-more")
@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        case("word", "pusher", ["nonsense"]),
        case("empty-name", "pusher", ["repository::pull"]),
        case("unknown-type", "pusher", ["plugin:x:pull"]),
        case("two-colons", "pusher", ["::"]),
        case("host-and-port", "pusher", ["repository:host:5000/orgs/x/y:pull"]),
        case("nul", "pusher", ["repository:\0:pull"]),
        case("nothing", "pusher", [""]),
        case("action-wildcard", "puller", ["repository:{ours}:*"]),
        case(
            "name-wildcard",
            "foreign",
            ["repository:*:pull", "repository:{organization}/*:pull", "repository:{ours}*:pull"],
        ),
        case("resource-class", "foreign", ["repository(plugin):{ours}:pull"]),
        case("dot-segments", "foreign", ["repository:{own}/{up}{ours}:pull"]),
    ],
)
def test_unusual_scope(bearer: Registry, guarded: StoredImage, role: str, scopes: list[str]) -> None:
    """Purpose: a malformed scope, a wildcard, a resource class or dot segments grant nothing beyond the login's access.
    Method: 1. Request the scope: expect 200 or 400, or 401 or 403 from an endpoint that refuses what it does not grant.
            2. Where a token is issued, expect it not to pull; not to push with a pull-only login.
    """
    ours, own = guarded.repository.name, bearer.described.foreign_repository or "x"
    names = {"ours": ours, "organization": ours.rpartition("/")[0], "own": own, "up": "../" * (own.count("/") + 1)}
    reply = ask(bearer, role, *(each.format(**names) for each in scopes))
    if role != "pusher":
        require_login(bearer, role, reply)

    expect_status(reply, {200, 400} if role == "puller" else {200, 400, *REFUSED}, "for an unusual scope")
    if (token := token_in(reply)) and role == "puller":
        expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for a push")
    elif token:
        expect_denied(pull(guarded, token), "with a token for an unusual scope")


@verifies("registry/token/other-spelling-grants-no-action")
@pytest.mark.parametrize("spelling", [case("capital", "capital"), case("slash-first", "/")])
def test_other_spelling(bearer: Registry, guarded: StoredImage, spelling: str) -> None:
    """Purpose: access is looked up for exactly the name that is in the token.
    Method: 1. Request the repository under another spelling of its name: expect 200 or 400, or 401 or 403.
            2. Expect a token that is a JWT to grant no action on it.
    """
    name = guarded.repository.name
    name = name.capitalize() if spelling == "capital" else f"/{name}"
    reply = ask(bearer, "pusher", f"repository:{name}:pull,push")

    expect_status(reply, {200, 400, *REFUSED}, "for another spelling")
    if token_in(reply) and actions_in(token_in(reply)):
        raise NonConformance("no action granted", f"{worded(sorted(actions_in(token_in(reply))))} on {name}", reply)


@verifies("registry/token/each-scope-has-its-own-actions")
def test_each_scope_has_its_own_actions(bearer: Registry, stored: StoredImage, guarded: StoredImage) -> None:
    """Purpose: a token for several repositories grants in each only the actions requested for it.
    Method: 1. Request one token to pull from a repository, and to pull from and push to another.
            2. Pull from the first: expect 200 (the control). Push to it: expect 401, 403 or 404.
    """
    scopes = bearer.scope(stored.repository.name, "pull"), bearer.scope(guarded.repository.name, "pull,push")
    token = token_for(bearer, "pusher", *scopes)
    if pull(stored, token).status != 200:
        raise Inconclusive("the token does not pull", "a login that may pull")

    expect_denied(stored.repository.presenting(f"Bearer {token}").post_upload(), "for a push with a token to pull")


@verifies("registry/token/each-scope-has-its-own-rights")
@pytest.mark.usefixtures("one_organization")
@pytest.mark.parametrize("order", [case("ours-first", 1), case("ours-last", -1)])
def test_each_scope_has_its_own_rights(bearer: Registry, guarded: StoredImage, theirs: StoredImage, order: int) -> None:
    """Purpose: access to one repository grants nothing in another that is requested with it.
    Method: 1. Request one token to pull from our repository and another organization's, in either order.
            2. Expect it to pull from ours, and not from theirs (401, 403 or 404).
    """
    names = [guarded.repository.name, theirs.repository.name][::order]
    token = token_for(bearer, "pusher", *(bearer.scope(each, "pull") for each in names))

    expect_status(pull(guarded, token), 200, "from ours")
    expect_denied(pull(theirs, token), "from another organization's")


@verifies("registry/token/actions-may-be-split-over-scopes")
@pytest.mark.parametrize("actions", [case("split", ["push", "pull", "push"]), case("reversed", ["push,pull"])])
def test_split_actions(bearer: Registry, guarded: StoredImage, actions: list[str]) -> None:
    """Purpose: a client may request actions in any order and in several scopes.
    Method: 1. Request push and pull in several scopes, of which one is repeated, and reversed in one: expect 200.
            2. Expect the token to pull and to open an upload.
    """
    reply = ask(bearer, "pusher", *(bearer.scope(guarded.repository.name, each) for each in actions), client_id="cf")
    require_login(bearer, "pusher", reply)
    expect_status(reply, 200, "for one repository")
    token = token_in(reply)

    expect_status(pull(guarded, token), 200, "with a token to pull")
    expect_success(guarded.repository.presenting(f"Bearer {token}").post_upload(), "with a token to push")


@verifies("registry/token/account-is-who-logs-in")
def test_account_is_who_logs_in(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: the login decides what a token grants, not the account name in the request.
    Method: 1. Request a token to push with a pull-only login, and account=<a login that may push>.
            2. Where a token is issued, expect it not to push.
    """
    named = bearer.account("pusher").username
    reply = ask(bearer, "puller", bearer.scope(guarded.repository.name, "pull,push"), account=named)

    if token_in(reply):
        expect_denied(guarded.repository.presenting(f"Bearer {token_in(reply)}").post_upload(), "for a push")


@verifies("registry/token/credentials-are-not-echoed")
def test_token_is_not_echoed(stored: StoredImage, to_pull: str, once: Once) -> None:
    """Purpose: an error response does not carry the token into logs.
    Method: 1. Push with a token to pull: expect the token nowhere in the response.
    """
    pulling = stored.repository.presenting(f"Bearer {to_pull}")
    reply = once(("pushed with", to_pull), pulling.post_upload)

    if to_pull in reply.text:
        raise NonConformance("a response without the token", "the token is in it", reply)
