"""Clients authenticate with HTTP Basic (RFC 6749, section 2.3.1, and RFC 7617)."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, basic, percent_encoded
from conformance.clients.registry.challenges import challenges
from conformance.evidence.judgements.methods import NO_BASIC
from conformance.evidence.recorder import Recorder
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_challenge, expect_readable_challenges
from conformance.oracles.oauth import expect_no_token, expect_refusal, expect_token
from conformance.oracles.status import expect_status, expect_success
from conformance.oracles.whole_run import expect_no_flaw
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, concludes, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import field_of


@verifies("oauth/client/basic-is-accepted")
def test_basic_is_accepted(oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: client libraries authenticate with HTTP Basic by default, so it must work.

    Method: 1. request a token with the credentials in an Authorization field of scheme Basic: expect a token
            2. where a token that was requested by form opens a declared resource, expect this one to open it too
    """
    reply = oauth.request_by_basic()
    expect_token(reply)
    if oauth.identity.resources:
        read = platform.operations("read")[0]
        answer = platform.send(read, oauth.learned_token(reply, "full"))
        if not answer.ok and platform.as_role("full", read).ok:
            expect_success(answer, "with the token that was requested by Basic")


def _in_lower_case(oauth: OAuthClient) -> Exchange:
    """Send the field names in lower case: they are case-insensitive (RFC 9110 section 5.1)."""
    fields = [(name.lower(), value) for name, value in (FORM_TYPE, oauth.basic())]
    return oauth.post(oauth.form(client_id=None, client_secret=None), fields)


def _form_encoded(oauth: OAuthClient) -> Exchange:
    """Percent-encode every character of id and secret, with hexadecimal digits of both cases."""
    credential = oauth.credential("full")
    pair = ":".join(percent_encoded(text) for text in (credential.client_id, credential.client_secret.reveal()))
    return oauth.request_under(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))


def _with(name: str, value: str | None = None) -> Callable[[OAuthClient], Exchange]:
    """Add a parameter to the body, by default with the client's own value."""
    return lambda oauth: oauth.request_by_basic(**{name: dict(oauth.form())[name] if value is None else value})


@pytest.mark.parametrize(
    "send",
    [
        row("oauth/client/scheme-is-compared-without-case#lower", lambda oauth: oauth.request_by_basic(scheme="basic")),
        row("oauth/client/scheme-is-compared-without-case#upper", lambda oauth: oauth.request_by_basic(scheme="BASIC")),
        row("oauth/client/basic-is-accepted#small-letters", _in_lower_case),
        row("oauth/client/basic-is-form-decoded", _form_encoded),
        row("oauth/client/client-id-in-the-body-is-accepted-with-basic", _with("client_id")),
        row("oauth/token/empty-parameters-count-as-omitted#client-secret-with-basic", _with("client_secret", "")),
        row("oauth/token/empty-parameters-count-as-omitted#client-id-with-basic", _with("client_id", "")),
        row("oauth/token/unknown-parameters-are-ignored#with-basic", _with("x_unknown", "something")),
    ],
)
def test_forms_of_basic_are_accepted(oauth: OAuthClient, send: Callable[[OAuthClient], Exchange]) -> None:
    """Purpose: client libraries write Basic in several valid forms, and add parameters to the body.

    Method: 1. request a token by Basic; continue if one is issued
            2. change the case of the field names or the scheme, percent-encode the credentials, or add the client_id,
               an empty credential or an unknown parameter to the body: expect a token
    """
    oauth.require_basic()
    expect_token(send(oauth))


def refused_by_basic(control: OAuthClient, client: str | None = None) -> Exchange:
    """Send a wrong secret by Basic, for this client id or by default that of the role full."""
    return control.request_under(basic(client or control.credential("full").client_id, "cf-not-the-secret"))


@verifies("oauth/client/basic-failure-is-401-with-challenge")
@pytest.mark.parametrize("client", [case("wrong-secret", None), case("unknown-client", "cf-nobody")])
def test_basic_failure_is_401_with_challenge(control: OAuthClient, once: Once, client: str | None) -> None:
    """Purpose: HTTP libraries detect failed authentication by 401 and its challenge.

    Method: 1. send Basic with a wrong secret, and with an unknown client
            2. expect 401, a well-formed WWW-Authenticate challenge of scheme Basic, and no token
    """
    reply = once(("refused by Basic", client), lambda: refused_by_basic(control, client))
    expect_no_token(reply)
    expect_status(reply, 401)
    expect_challenge(reply, "Basic")
    expect_readable_challenges(reply)


@verifies("oauth/client/basic-failure-is-401-with-challenge#malformed-credentials")
@concludes()
def test_no_401_to_basic_without_its_challenge(oauth: OAuthClient, recorder: Recorder) -> None:
    """Purpose: a client whose Basic credentials cannot be read must learn how to authenticate, too.

    Method: 1. send Basic credentials that are missing, not base64, and without a colon
            2. expect a challenge of scheme Basic in every 401 with which the token endpoint answers Basic in this run
    """
    credentials = ("Basic", "Basic !!!!", "Basic bm8tY29sb24=")
    replies = [oauth.request_under(("Authorization", value)) for value in credentials]
    expect_no_flaw(recorder, "identity", NO_BASIC, "401 with a challenge of scheme Basic")
    if all(reply.ok for reply in replies):
        raise NotApplicable("malformed credentials are accepted; another check reports that")


@verifies("oauth/client/basic-challenge-names-its-realm")
def test_basic_challenge_names_its_realm(control: OAuthClient, once: Once) -> None:
    """Purpose: HTTP libraries store credentials by realm and select them by the realm of the challenge.

    Method: 1. send Basic with a wrong secret; 2. expect the parameter realm in any challenge of scheme Basic
    """
    reply = once(("refused by Basic", None), lambda: refused_by_basic(control))
    offered = [each for each in challenges(reply) if each.scheme == "basic"]
    if not offered:
        raise NotApplicable("there is no challenge of scheme Basic; another check reports that")
    if "realm" not in offered[0].parameters:
        raise NonConformance("a challenge of scheme Basic with its realm", field_of(reply, "WWW-Authenticate"), reply)


@verifies("oauth/client/401-carries-a-challenge")
@pytest.mark.parametrize(
    "changes",
    [
        case("wrong-secret", {"client_secret": "cf-not-the-secret"}),
        case("unknown-client", {"client_id": "cf-nobody"}),
        case("no-credentials", {"client_id": None, "client_secret": None}),
    ],
)
def test_401_carries_a_challenge(control: OAuthClient, changes: dict[str, str | None]) -> None:
    """Purpose: a 401 tells every client at least one way to authenticate.

    Method: 1. send a wrong secret and an unknown client in the body, and no credentials at all
            2. where the status is 401, expect a WWW-Authenticate challenge
    """
    reply = control.request_token("full", **changes)
    if reply.status == 401 and not challenges(reply):
        raise NonConformance("401 with WWW-Authenticate", "401 without a challenge", reply)


@verifies("oauth/client/two-clients-at-once-are-refused")
@pytest.mark.parametrize("in_header", [case("first-by-basic", "full"), case("second-by-basic", "narrow")])
def test_two_clients_at_once_are_refused(control: OAuthClient, in_header: str) -> None:
    """Purpose: a proxy and the server must not read two different clients from one request.

    Method: 1. send one credential by Basic, another or its client_id in the body; 2. expect 400 or 401 and no token
    """
    in_body = "narrow" if in_header == "full" else "full"
    scope = " ".join(control.credential("narrow").scopes) or None  # so that neither is refused for its scope
    for changes in ({}, {"client_secret": None}):
        form = control.form(in_body, scope=scope, **changes)
        expect_refusal(control.post(form, (FORM_TYPE, control.basic(in_header))))


@verifies("oauth/client/two-methods-at-once-are-refused")
def test_two_methods_at_once_are_refused(control: OAuthClient) -> None:
    """Purpose: a client uses one authentication method in each request.

    Method: 1. send the same valid credentials by Basic and in the body; 2. expect 400 or 401 and no token
    """
    expect_refusal(control.post(control.form(), (FORM_TYPE, control.basic())))
