"""Properties of the token endpoint: whatever is sent, its contract holds, and the next good request is served."""

from __future__ import annotations

from conformance.clients.oauth import FORM_TYPE, OAuthClient, access_token
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.oauth import expect_contract_kept, expect_no_token, expect_nothing_beyond, expect_token, issued
from conformance.oracles.status import expect_no_server_error
from conformance.strategies.explore import explores
from conformance.strategies.oauth import (
    authorization_values,
    changed,
    content_types,
    form_changes,
    scopes,
    token_request_bodies,
)
from conformance.vocabulary.check import verifies


@verifies("oauth/token/any-form-keeps-the-contract")
@explores(changes=form_changes())
def test_any_form_keeps_the_contract(oauth: OAuthClient, changes: list[tuple[str, str, str]]) -> None:
    """Purpose: a good form with parameters dropped, doubled or replaced is served or refused in the standard's form.

    Method: 1. change the good form in up to four places and send it
            2. expect a token answer, or a refusal with a registered error code; the secret never repeated
            3. expect the good request to get a token
    """
    reply = oauth.post(changed(oauth.form(), changes))
    expect_contract_kept(reply)
    expect_not_repeated(reply, [oauth.credential("full").client_secret.reveal()], "the client secret")

    expect_token(oauth.request_token())


@verifies("oauth/token/any-body-is-no-server-error")
@explores(body=token_request_bodies(), content_type=content_types())
def test_any_body_is_no_server_error(oauth: OAuthClient, body: bytes, content_type: str | None) -> None:
    """Purpose: no bytes, under whatever type, make the endpoint fail or issue a token to nobody.

    Method: 1. send bytes without good credentials in them
            2. expect no token and no 5xx
            3. expect the good request to get a token
    """
    reply = oauth.post(body, [("Content-Type", content_type)] if content_type is not None else [])
    expect_no_token(reply)
    expect_no_server_error(reply)

    expect_token(oauth.request_token())


@verifies("oauth/client/any-authorization-field-keeps-the-contract")
@explores(value=authorization_values())
def test_any_authorization_field_keeps_the_contract(oauth: OAuthClient, value: bytes) -> None:
    """Purpose: an Authorization field of any bytes is refused in the standard's form.

    Method: 1. send a form without credentials under that field
            2. expect a refusal with a registered error code, and no token
            3. expect the good request to get a token
    """
    reply = oauth.post(oauth.form(client_id=None, client_secret=None), (FORM_TYPE, ("Authorization", value)))
    expect_no_token(reply)
    expect_contract_kept(reply)

    expect_token(oauth.request_token())


@verifies("oauth/scope/any-text-stays-within-the-credential")
@explores(scope=scopes())
def test_any_scope_stays_within_the_credential(oauth: OAuthClient, scope: str) -> None:
    """Purpose: no text in the scope parameter gives more than the credential has.

    Method: 1. ask with the narrow credential for any text as scope
            2. expect a refusal, or a token whose stated scope lies within the credential's
    """
    own = oauth.credential("narrow").scopes
    reply = oauth.request_token("narrow", scope=scope)
    expect_no_server_error(reply)

    if issued(reply) and access_token(reply):
        expect_nothing_beyond(reply, own, own)
