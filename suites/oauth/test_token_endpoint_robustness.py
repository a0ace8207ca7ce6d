"""No token request makes the endpoint answer 5xx, and every generated one meets the contract."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, Pairs, access_token, bearer, encoded
from conformance.oracles.oauth import expect_contract_kept, expect_no_token, expect_nothing_beyond, expect_token, issued
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_no_server_error
from conformance.strategies.changes import Change
from conformance.strategies.oauth import (
    AUTHORIZATION_KINDS,
    FORM_KINDS,
    authorization_changes,
    content_types,
    form_changes,
    scopes,
    token_request_bodies,
)
from conformance.strategies.properties import explores
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.mutation import Outcome

Send = Callable[[OAuthClient], Exchange]
HOSTILE = {
    "nul": b"%00",
    "invalid-utf8": b"%FF%FE",
    "emoji": b"%F0%9F%92%A5",
    "overlong": b"%C0%AF",
    "surrogate": b"%ED%A0%80",
    "sql": b"%27%20OR%201%3D1--",
    "format": b"%25s%25n%24%7Bx%7D",
    "inherited": b"__proto__",
    "100-kb": b"x" * 100_000,
    "raw-bytes": b"\xff\x00\x80",
    "non-ascii": b"%C3%BC%C3%BC",
}


@verifies("oauth/token/malformed-requests-are-no-server-error")
@pytest.mark.parametrize("name", [case("client-id", "client_id"), case("client-secret", "client_secret")])
@pytest.mark.parametrize("value", [case(name, value) for name, value in HOSTILE.items()])
def test_hostile_credentials_are_no_server_error(control: OAuthClient, name: str, value: bytes) -> None:
    """Purpose: malformed credentials are the caller's fault, so they must not cause a server error.

    Method: 1. send NUL, invalid UTF-8, non-ASCII, SQL, 100 kB or __proto__ as the client id or the secret
            2. expect no token and no 5xx
    """
    rest = [f"{each}={quote_plus(kept)}" for each, kept in control.form(scope=None) if each != name]
    reply = control.post("&".join([*rest, f"{name}="]).encode() + value)
    expect_no_token(reply)
    expect_no_server_error(reply)


def bracketed(name: str) -> Send:
    """Append brackets to the name of a parameter, of which some parsers make a list."""
    return lambda oauth: oauth.post([(f"{each}[]" if each == name else each, value) for each, value in oauth.form()])


def with_padding(size: int) -> Send:
    """Add a parameter of this size."""
    return lambda oauth: oauth.post([*oauth.form(), ("x", "y" * size)])


def coded(coding: str, write: Callable[[bytes], bytes]) -> Send:
    """Write the body in a way, and send it under a Content-Encoding."""
    return lambda oauth: oauth.post(write(encoded(oauth.form())), [FORM_TYPE, ("Content-Encoding", coding)])


MALFORMED: dict[str, Send] = {
    "list-of-client_ids": bracketed("client_id"),
    "list-of-grant_types": bracketed("grant_type"),
    "another-scheme": lambda oauth: oauth.post(oauth.form(), (FORM_TYPE, bearer("cf-unknown-token"))),
    "body-of-100-kb": with_padding(100_000),
    "body-of-2-mb": with_padding(2_000_000),
    "coding-unknown": coded("cf-unknown", bytes),
    "coding-not-gzip": coded("gzip", bytes),
    "coding-gzip": coded("gzip", gzip.compress),
    "coding-gzip-cut-off": coded("gzip", lambda body: gzip.compress(body)[:-12]),
}


@verifies("oauth/token/malformed-requests-are-no-server-error")
@pytest.mark.parametrize("name", [case(name, name) for name in MALFORMED])
def test_malformed_requests_are_no_server_error(control: OAuthClient, name: str) -> None:
    """Purpose: lists, other schemes, large bodies and broken codings are the caller's fault, not the platform's.

    Method: 1. send the valid form with brackets after a name, a bearer token, 100 kB or 2 MB more, or a
               Content-Encoding that is unknown, false, true or cut off: expect no 5xx, and no token for a list
            2. send the valid form: expect a token
    """
    reply = MALFORMED[name](control)
    control.open(reply)
    expect_no_server_error(reply)
    if name.startswith("list"):
        expect_no_token(reply)
    expect_token(control.request_token())


# Characters of four bytes in UTF-8, which some databases and frameworks do not support.
FOUR_BYTES = {"body": b"grant_type=%F0%9F%9A%80&client_id=%F0%9F%9A%80", "content_type": FORM_TYPE[1]}


def around(oauth: OAuthClient) -> Surroundings:
    """Return what must hold around a mutated token request: the valid request still gets a token."""
    secrets = [oauth.credential(role).client_secret.reveal() for role in ("full", "foreign") if oauth.has(role)]
    return Surroundings(
        expect_contract_kept, lambda: expect_token(oauth.request_token()), secrets=secrets, accepted=issued
    )


@verifies("oauth/token/any-form-keeps-the-contract")
@explores(0.5, *FORM_KINDS, change=form_changes())
def test_any_form_keeps_the_contract(control: OAuthClient, change: Change[Pairs, bytes]) -> None:
    """Purpose: client libraries can read the response to every form, valid or not.

    Method: 1. change the valid form in one way and send it
            2. expect a token for a valid form, and an error document without a token or secret for an invalid one
            3. send the valid form: expect a token
    """
    mutation = change.of(control.form())
    reply = expect_outcome(mutation, lambda: control.post(mutation.value), around(control))
    expect_contract_kept(reply)


@verifies("oauth/token/any-body-is-no-server-error")
@explores(1.0, FOUR_BYTES, body=token_request_bodies(), content_type=content_types())
def test_any_body_is_no_server_error(control: OAuthClient, body: bytes, content_type: str | None) -> None:
    """Purpose: no bytes, of whatever media type, make the endpoint fail or issue a token without credentials.

    Method: 1. send bytes without valid credentials: expect no token and no 5xx
            2. send the valid form: expect a token
    """
    reply = control.post(body, [("Content-Type", content_type)] if content_type is not None else [])
    expect_no_token(reply)
    expect_no_server_error(reply)
    expect_token(control.request_token())


@verifies("oauth/client/any-authorization-field-keeps-the-contract")
@explores(0.5, *AUTHORIZATION_KINDS, change=authorization_changes())
def test_any_authorization_field_keeps_the_contract(
    control: OAuthClient, change: Change[tuple[str, str], bytes]
) -> None:
    """Purpose: only an Authorization field with the client's own credentials gets a token.

    Method: 1. change valid Basic credentials in one way, and send them with a form without credentials
            2. expect a token for valid credentials, if Basic gets any, else a registered error code and no token
            3. send the valid form: expect a token
    """
    mutation = change.of(control.basic_pair())
    if mutation.outcome is Outcome.VALID and not control.request_by_basic().ok:
        mutation = mutation.open()
    reply = expect_outcome(mutation, lambda: control.request_under(("Authorization", mutation.value)), around(control))
    expect_contract_kept(reply)


@verifies("oauth/scope/any-text-stays-within-the-credential")
@explores(1.0, {"scope": "\U0001f680"}, scope=scopes())
def test_any_scope_stays_within_the_credential(oauth: OAuthClient, scope: str) -> None:
    """Purpose: no text in the scope parameter widens a token beyond its credential.

    Method: 1. request any text as scope with the narrow credential
            2. expect a refusal, or a token whose stated scope is within the credential's
    """
    own = oauth.scopes("narrow")
    reply = oauth.request_token("narrow", scope=scope)
    expect_no_server_error(reply)
    if issued(reply) and access_token(reply):
        expect_nothing_beyond(reply, own, own)
