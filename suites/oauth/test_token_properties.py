"""Every generated token request meets the contract, and the next valid request is served."""

from __future__ import annotations

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, Pairs, access_token
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
from conformance.vocabulary.check import verifies
from conformance.vocabulary.mutation import Outcome

# Characters of four bytes, which databases and frameworks may not be made for.
WIDE_FORM = {"body": b"grant_type=%F0%9F%9A%80&client_id=%F0%9F%9A%80", "content_type": FORM_TYPE[1]}


def around(oauth: OAuthClient) -> Surroundings:
    """What is around a token request: nothing is kept of it, so the good request is all that there is to read back."""
    secrets = [oauth.credential(role).client_secret.reveal() for role in ("full", "foreign") if oauth.has(role)]
    return Surroundings(
        expect_contract_kept, lambda: expect_token(oauth.request_token()), secrets=secrets, accepted=issued
    )


@verifies("oauth/token/any-form-keeps-the-contract")
@explores(0.5, *FORM_KINDS, change=form_changes())
def test_any_form_keeps_the_contract(control: OAuthClient, change: Change[Pairs, bytes]) -> None:
    """Purpose: a good form that was changed is served or refused as the change demands, in the standard's form.

    Method: 1. change the good form in one way and send it
            2. expect a token for what is still valid, none for what must be refused, an error document with a
               refusal; the secret never repeated; then a token for the good form
    """
    mutation = change.of(control.form())

    reply = expect_outcome(mutation, lambda: control.post(mutation.value), around(control))
    expect_contract_kept(reply)


@verifies("oauth/token/any-body-is-no-server-error")
@explores(1.0, WIDE_FORM, body=token_request_bodies(), content_type=content_types())
def test_any_body_is_no_server_error(control: OAuthClient, body: bytes, content_type: str | None) -> None:
    """Purpose: no bytes, under whatever type, make the endpoint fail or issue a token to nobody.

    Method: 1. send bytes without good credentials in them
            2. expect no token and no 5xx
            3. expect the good request to get a token
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
    """Purpose: of Authorization fields only one with the client's own credentials gets a token.

    Method: 1. change good Basic credentials in one way and send a form without credentials under them
            2. expect a token for what is still valid, where Basic gets any, else a refusal with a registered error
               code, and no token
            3. expect the good request to get a token
    """
    mutation = change.of(control.basic_pair())
    if mutation.outcome is Outcome.VALID and not control.request_by_basic().ok:
        mutation = mutation.open()
    form = control.form(client_id=None, client_secret=None)

    send: list[tuple[str, str | bytes]] = [FORM_TYPE, ("Authorization", mutation.value)]
    reply = expect_outcome(mutation, lambda: control.post(form, send), around(control))
    expect_contract_kept(reply)


@verifies("oauth/scope/any-text-stays-within-the-credential")
@explores(1.0, {"scope": "\U0001f680"}, scope=scopes())
def test_any_scope_stays_within_the_credential(oauth: OAuthClient, scope: str) -> None:
    """Purpose: no text in the scope parameter gives more than the credential has.

    Method: 1. ask with the narrow credential for any text as scope
            2. expect a refusal, or a token whose stated scope lies within the credential's
    """
    own = oauth.scopes("narrow")
    reply = oauth.request_token("narrow", scope=scope)
    expect_no_server_error(reply)

    if issued(reply) and access_token(reply):
        expect_nothing_beyond(reply, own, own)
