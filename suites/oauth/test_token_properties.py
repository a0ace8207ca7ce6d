"""Every generated token request meets the contract, and the next valid request is served."""

from __future__ import annotations

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, Pairs, access_token
from conformance.oracles.oauth import (
    expect_no_token,
    expect_nothing_beyond,
    expect_token,
    expect_token_endpoint_response,
    issued,
)
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
from conformance.vocabulary.check import verifies
from conformance.vocabulary.mutation import Outcome

# Characters of four bytes in UTF-8, which some databases and frameworks do not support.
FOUR_BYTES = {"body": b"grant_type=%F0%9F%9A%80&client_id=%F0%9F%9A%80", "content_type": FORM_TYPE[1]}


def around(oauth: OAuthClient) -> Surroundings:
    """Return the conditions around a mutated token request: the valid request still gets a token."""
    secrets = [oauth.credential(role).client_secret.reveal() for role in ("full", "foreign") if oauth.has(role)]
    return Surroundings(
        expect_token_endpoint_response, lambda: expect_token(oauth.request_token()), secrets=secrets, accepted=issued
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
    expect_token_endpoint_response(reply)


@verifies("oauth/token/any-body-is-no-server-error")
@explores(1.0, FOUR_BYTES, body=token_request_bodies(), content_type=content_types())
def test_any_body_is_no_server_error(control: OAuthClient, body: bytes, content_type: str | None) -> None:
    """Purpose: no bytes, of whatever media type, make the endpoint fail or issue a token without credentials.

    Method: 1. send bytes without valid credentials: expect no token and no 5xx; 2. send the valid form: expect a token
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
    expect_token_endpoint_response(reply)


@verifies("oauth/scope/any-text-stays-within-the-credential")
@explores(1.0, {"scope": "\U0001f680"}, scope=scopes())
def test_any_scope_stays_within_the_credential(oauth: OAuthClient, scope: str) -> None:
    """Purpose: no text in the scope parameter widens a token beyond its credential.

    Method: 1. request any text as scope with the narrow credential
            2. expect a refusal, or a token whose stated scope is within the credential's
    """
    own = oauth.scopes("narrow")
    oauth.token("narrow")
    reply = oauth.request_token("narrow", scope=scope)
    expect_no_server_error(reply)
    if issued(reply) and access_token(reply):
        expect_nothing_beyond(reply, own, own)
