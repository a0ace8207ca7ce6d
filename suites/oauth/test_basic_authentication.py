"""Clients authenticate with HTTP Basic (RFC 6749, section 2.3.1, and RFC 7617)."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, basic, percent_encoded
from conformance.clients.registry.challenges import challenges
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_challenge, expect_readable_challenges
from conformance.oracles.oauth import (
    expect_no_token,
    expect_refusal,
    expect_token,
)
from conformance.oracles.proofs import field_matches
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.wording import field_of


@verifies("oauth/client/basic-is-accepted")
def test_basic_is_accepted(oauth: OAuthClient, platform: Platform) -> None:
    """Purpose: HTTP Basic, which every token endpoint with client passwords must know, works.

    Method: 1. send the credentials in an Authorization field of scheme Basic, form-encoded, or as they are where a
               server takes only that
            2. expect a token; where a resource is declared that one opens which was asked for in a form, expect it to
               open that as well
    """
    reply = oauth.request_by_basic()
    expect_token(reply)
    if oauth.identity.resources:
        read = platform.operations("read")[0]
        found = platform.send(read, oauth.taken(reply, "full"))
        if not found.ok and platform.as_role("full", read).ok:
            expect_success(found, "with the token that was got by Basic")


@verifies("oauth/client/basic-is-accepted")
@pytest.mark.parametrize("name", [case("small-letters", "authorization")])
def test_basic_is_known_in_any_letters(oauth: OAuthClient, name: str) -> None:
    """Purpose: the names of fields are the same in any letters (RFC 9110 section 5.1); in HTTP/2 all are small.

    Method: 1. send the form by Basic; go on where that gets a token
            2. send the credentials in the field "authorization", and the type in "content-type"; expect a token
    """
    oauth.needs_basic()
    fields = [(FORM_TYPE[0].lower(), FORM_TYPE[1]), (name, oauth.basic()[1])]
    expect_token(oauth.post(oauth.form(client_id=None, client_secret=None), fields))


@verifies("oauth/client/scheme-is-compared-without-case")
@pytest.mark.parametrize("scheme", [case("lower", "basic"), case("upper", "BASIC")])
def test_scheme_is_compared_without_case(oauth: OAuthClient, scheme: str) -> None:
    """Purpose: the name of an authentication scheme is known in any case.

    Method: 1. send the form by Basic; go on where that gets a token
            2. send good credentials under basic, and under BASIC; expect a token
    """
    oauth.needs_basic()
    expect_token(oauth.request_by_basic(scheme=scheme))


@verifies("oauth/client/basic-failure-is-401-with-challenge")
@pytest.mark.parametrize("client", [case("wrong-secret", None), case("unknown-client", "cf-nobody")])
def test_basic_failure_is_401_with_challenge(control: OAuthClient, once: Once, client: str | None) -> None:
    """Purpose: who authenticates by the Authorization field is answered in HTTP's own terms.

    Method: 1. send Basic with a wrong secret, and with an unknown client
            2. expect 401 with a WWW-Authenticate challenge of scheme Basic that can be read, and no token
    """
    reply = once(("refused by Basic", client), lambda: refused_by_basic(control, client))

    expect_no_token(reply)
    expect_status(reply, 401)
    expect_challenge(reply, "Basic")
    expect_readable_challenges(reply)


def refused_by_basic(control: OAuthClient, client: str | None) -> Exchange:
    """The answer to a wrong secret by Basic, of a client or of the one under test."""
    authorization = basic(client or control.credential("full").client_id, "cf-not-the-secret")
    return control.post(control.form(client_id=None, client_secret=None), (FORM_TYPE, authorization))


@verifies("oauth/client/basic-challenge-names-its-realm")
def test_basic_challenge_names_its_realm(control: OAuthClient, once: Once) -> None:
    """Purpose: a client that keeps credentials by realm, as HTTP's libraries do, knows which of them are asked for.

    Method: 1. send Basic with a wrong secret; go on where that is answered with a challenge of scheme Basic
            2. expect its parameter realm
    """
    reply = once(("refused by Basic", None), lambda: refused_by_basic(control, None))
    asked = [each for each in challenges(reply) if each.scheme == "basic"]
    if not asked:
        raise NotApplicable("there is no challenge of scheme Basic, which is a finding of its own")
    if "realm" not in asked[0].parameters:
        told = field_of(reply, "WWW-Authenticate")
        proof = field_matches(reply, "WWW-Authenticate", "realm *=")
        raise NonConformance("a challenge of scheme Basic with its realm", told, reply, proof=proof)


@verifies("oauth/token/wrong-secret-is-refused")
@pytest.mark.parametrize("how", [case("basic-empty", "empty"), case("basic-cut", "cut"), case("basic-none", "none")])
def test_wrong_secret_by_basic_is_refused(control: OAuthClient, how: str) -> None:
    """Purpose: nor does a secret that is cut, empty or not there open anything in the Authorization field.

    Method: 1. send Basic with the known client id and a secret that is cut, empty, or left out with its colon
            2. expect 400 or 401 and no token
    """
    credential = control.credential("full")
    client_id, secret = credential.client_id, credential.client_secret.reveal()
    authorizations: dict[str, tuple[str, str | bytes]] = {
        "empty": basic(client_id, ""),
        "cut": basic(client_id, secret[:-1]),
        "none": ("Authorization", _encoded(client_id.encode())),
    }

    expect_refusal(control.post(control.form(client_id=None, client_secret=None), (FORM_TYPE, authorizations[how])))


@verifies("oauth/client/two-clients-at-once-are-refused")
@pytest.mark.parametrize("in_header", [case("first-by-basic", "full"), case("second-by-basic", "narrow")])
def test_two_clients_at_once_are_refused(control: OAuthClient, in_header: str) -> None:
    """Purpose: a request that names two clients gets the token of neither.

    Method: 1. send one credential by Basic and another one, or its id alone, in the body
            2. expect 400 or 401 and no token
    """
    header, body = (in_header, "narrow" if in_header == "full" else "full")
    authorization = control.basic(header)

    scope = " ".join(control.credential("narrow").scopes) or None  # so that neither is refused for its scope
    expect_refusal(control.post(control.form(body, scope=scope), (FORM_TYPE, authorization)))
    expect_refusal(control.post(control.form(body, scope=scope, client_secret=None), (FORM_TYPE, authorization)))


@verifies("oauth/client/two-methods-at-once-are-refused")
def test_two_methods_at_once_are_refused(control: OAuthClient) -> None:
    """Purpose: a client uses one method of authentication in each request.

    Method: 1. send the same good credentials by Basic and in the body
            2. expect 400 or 401 and no token
    """
    expect_refusal(control.post(control.form(), (FORM_TYPE, control.basic())))


@verifies("oauth/client/basic-password-is-whole")
def test_basic_password_is_whole(control: OAuthClient) -> None:
    """Purpose: what stands behind a second colon is part of the password, and makes it a wrong one.

    Method: 1. send Basic with the right secret, a colon and more behind it: as it is, form-encoded up to the colon, and
               all of it form-encoded
            2. expect 400 or 401 and no token
    """
    credential = control.credential("full")
    client_id, secret = credential.client_id, credential.client_secret.reveal()
    pairs = (f"{client_id}:{secret}:cf", f"{quote_plus(client_id)}:{quote_plus(secret)}:cf")
    authorizations: list[tuple[str, str | bytes]] = [basic(client_id, f"{secret}:cf")]
    authorizations += [("Authorization", _encoded(pair.encode())) for pair in dict.fromkeys(pairs)]
    for authorization in authorizations:
        expect_refusal(control.post(control.form(client_id=None, client_secret=None), (FORM_TYPE, authorization)))


def _encoded(content: bytes) -> bytes:
    return b"Basic " + base64.b64encode(content)


MALFORMED = {
    "not-base64": b"Basic !!!!",
    "no-colon": _encoded(b"no-colon-here"),
    "not-utf8": _encoded(b"\xff\xfe:\xff"),
    "only-colon": _encoded(b":"),
    "scheme-only": b"Basic",
    "other-scheme": b"Digest username=x",
    "nul": _encoded(b"a\0b:c"),
    "bad-percent": _encoded(b"%zz:%"),
    "raw-bytes": b"Basic \xff\xfe",
}


@verifies("oauth/client/malformed-basic-is-refused")
@pytest.mark.parametrize("value", [case(name, value) for name, value in MALFORMED.items()])
def test_malformed_basic_is_refused(control: OAuthClient, value: bytes) -> None:
    """Purpose: an Authorization field that cannot be read is a failed authentication, not a server error.

    Method: 1. send a form without credentials and a Basic field that is not base64, has no colon, is not UTF-8 …
            2. expect 400 or 401 and no token
    """
    reply = control.post(control.form(client_id=None, client_secret=None), (FORM_TYPE, ("Authorization", value)))

    expect_refusal(reply)


@verifies("oauth/client/basic-is-form-decoded")
def test_basic_is_form_decoded(oauth: OAuthClient) -> None:
    """Purpose: id and secret are form-encoded within Basic, so that any character can stand in them.

    Method: 1. send the form by Basic; go on where that gets a token
            2. send Basic with every character of id and secret percent-encoded, in hexadecimal digits of either case;
               expect a token
    """
    oauth.needs_basic()
    credential = oauth.credential("full")
    pair = ":".join(percent_encoded(text) for text in (credential.client_id, credential.client_secret.reveal()))
    fields = (FORM_TYPE, ("Authorization", _encoded(pair.encode())))

    expect_token(oauth.post(oauth.form(client_id=None, client_secret=None), fields))


UNPROVED: dict[str, dict[str, str | None]] = {
    "wrong-secret": {"client_secret": "cf-not-the-secret"}, "unknown-client": {"client_id": "cf-nobody"},
    "no-credentials": {"client_id": None, "client_secret": None},
}  # fmt: skip


@verifies("oauth/client/401-carries-a-challenge")
@pytest.mark.parametrize("changes", [case(name, changes) for name, changes in UNPROVED.items()])
def test_401_carries_a_challenge(control: OAuthClient, changes: dict[str, str | None]) -> None:
    """Purpose: whichever way a client authenticates, a 401 tells it one that there is.

    Method: 1. send a wrong secret, and an unknown client, in the body, and no credentials at all
            2. where the answer is 401, expect WWW-Authenticate with a challenge
    """
    reply = control.request_token("full", **changes)
    if reply.status == 401 and not challenges(reply):
        proof = field_matches(reply, "WWW-Authenticate", "[a-z]")
        raise NonConformance("401 with WWW-Authenticate", "401 without a challenge", reply, proof=proof)
