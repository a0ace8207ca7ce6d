"""What a token opens, where the registry takes bearer tokens (Docker Registry token authentication)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.images import NewBlob
from conformance.clients.registry.login import token_in
from conformance.clients.registry.operations import OPERATIONS, Occasion
from conformance.clients.registry.tokens import (
    actions_in,
    ask,
    granted_by_password,
    pull,
    require_login,
    token_for,
)
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_error_told
from conformance.oracles.proofs import field_matches, has_member, literal
from conformance.oracles.registry import expect_denied
from conformance.oracles.status import expect_status, observed
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import worded


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


@pytest.fixture
def pushed(stored: StoredImage, to_pull: str, once: Once) -> Exchange:
    """The answer to a push with it."""
    return once(("pushed with", to_pull), stored.repository.presenting(f"Bearer {to_pull}").post_upload)


@verifies("registry/token/is-for-what-was-asked")
def test_token_of_another_repository(to_pull: str, guarded: StoredImage, pushed: Exchange) -> None:
    """Purpose: a token opens what it was asked for, and nothing else.

    Method: 1. ask for a token to pull from one repository; pull from it: expect 200 (the control)
            2. pull from another with it: expect 401, 403 or 404
            3. push to the first with it: expect 401, 403 or 404
    """
    expect_denied(pull(guarded, to_pull), "for another repository")
    expect_denied(pushed, "for a push with a token to pull")


@verifies("registry/token/is-for-what-was-asked")
@pytest.mark.parametrize("operation", [case(each, each) for each in ("upload-at-once", "put-manifest")])
def test_token_to_pull_writes_nothing(good: str, guarded: StoredImage, new_blob: NewBlob, operation: str) -> None:
    """Purpose: what a token may is looked at, and not what its login might.

    Method: 1. ask for a token to pull with a login that may push; pull with it: expect 200 (the control)
            2. push a blob in one request, and a manifest, with it: expect 401, 403 or 404
    """
    pulling = guarded.repository.presenting(f"Bearer {good}")

    expect_denied(
        OPERATIONS[operation].request(pulling, Occasion(guarded, new_blob(), "unused")), "with a token to pull"
    )


@verifies("registry/token/too-little-is-told")
def test_too_little_is_told(stored: StoredImage, pushed: Exchange) -> None:
    """Purpose: a client whose token is good for less learns which token to ask for.

    Method: 1. push with a token to pull
            2. where that is refused with 401, expect a Bearer challenge whose scope names the repository and push
    """
    if pushed.status != 401:
        raise NotApplicable(f"the refusal is no 401 ({pushed.status})")
    bearer = next((each for each in challenges(pushed) if each.scheme == "bearer"), None)
    scopes = bearer.scopes if bearer else []
    actions = [each.rpartition(":")[2].split(",") for each in scopes if f":{stored.repository.name}:" in each]

    if not any({"push", "*"} & set(each) for each in actions):
        told = pushed.headers.get("www-authenticate") or "no challenge"
        name = stored.repository.name
        proof = field_matches(pushed, "WWW-Authenticate", f'bearer.*repository:{literal(name)}:[^ "]*(push|[*])')
        raise NonConformance(f"a Bearer challenge with repository:{name}:push", told, pushed, proof=proof)


@verifies("registry/token/too-little-is-no-bad-token")
def test_too_little_is_no_bad_token(pushed: Exchange) -> None:
    """Purpose: a client whose token is good for less learns that a new one for the same would be no better.

    Method: 1. push with a token to pull
            2. where that is refused with 401, expect error="insufficient_scope" in the challenge
    """
    if pushed.status != 401:
        raise NotApplicable(f"the refusal is no 401 ({pushed.status})")

    expect_error_told(pushed, "insufficient_scope")


@verifies("registry/token/without-scope-opens-nothing")
def test_token_without_scope(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token for nothing shows who asks, and opens no repository.

    Method: 1. ask for a token without a scope, as docker login does: expect 200, if one is given with a scope
            2. GET /v2/ with it: expect 200; pull with it: expect 401, 403 or 404
    """
    reply = ask(bearer, "pusher")
    if not reply.ok and token_for(bearer, "pusher", bearer.scope(guarded.repository.name, "pull")):
        expect_status(reply, 200, "to the login alone, which gets a token with a scope")
    token = token_in(reply)

    expect_status(bearer.presenting(f"Bearer {token}").support(), 200)
    expect_denied(pull(guarded, token), "for a token without a scope")


@verifies("registry/token/anonymous-opens-nothing")
def test_anonymous_token(bearer: Registry, guarded: StoredImage) -> None:
    """Purpose: a token that anybody gets opens nothing of an organization's.

    Method: 1. ask for a token without a login, as one who has a login has asked, and with the name of a login beside it
            2. expect 401, or a token that does not pull or push
    """
    for named in ({}, {"account": bearer.account("pusher").username}):
        reply = bearer.door.ask_token([bearer.scope(guarded.repository.name)], **named)
        expect_status(reply, {200, 400, 401, 403})
        token = token_in(reply)
        if token:
            expect_denied(pull(guarded, token), "for an anonymous token")
            expect_denied(guarded.repository.presenting(f"Bearer {token}").post_upload(), "for an anonymous token")


@verifies("registry/token/scheme-is-compared-without-case")
def test_scheme_without_case(good: str, guarded: StoredImage) -> None:
    """Purpose: "bearer" is "Bearer".

    Method: 1. pull with the scheme in small letters
            2. expect 200
    """
    expect_status(guarded.repository.presenting(f"bearer {good}").get_manifest(guarded.tag), 200)


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
