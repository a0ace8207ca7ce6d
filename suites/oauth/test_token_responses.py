"""A token response has the standard members, is not cached and repeats no secret (RFC 6749, section 5.1)."""

from __future__ import annotations

import re

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import expect_directive
from conformance.oracles.oauth import B64TOKEN, expect_bearer_token, expect_no_refresh_token, expect_token
from conformance.oracles.proofs import field_says_no, has_member, literal, without_member
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")


@verifies("oauth/answer/json-with-token-and-type")
def test_answer_is_json_with_token_and_type(answer: Exchange) -> None:
    """Purpose: what a client library reads is there and has the right types.

    Method: 1. ask for a token
            2. expect application/json, one object without repeated members, access_token a string, token_type Bearer
    """
    expect_bearer_token(answer)


@verifies("oauth/answer/token-fits-the-bearer-header")
def test_token_fits_the_bearer_header(answer: Exchange) -> None:
    """Purpose: the token can be sent in an Authorization field as it is.

    Method: 1. ask for a token
            2. expect it to be a b64token of RFC 6750 section 2.1
    """
    token = expect_token(answer)["access_token"]
    if not B64TOKEN.match(token):
        wanted = "a token of the characters A-Z a-z 0-9 - . _ ~ + / and trailing ="
        # A solidus may be escaped in JSON.
        proof = has_member(answer, "access_token", r'"([A-Za-z0-9._~+-]|\\?/)+=*"')
        raise NonConformance(wanted, "other characters in it", answer, proof=proof)


@verifies("oauth/answer/scope-is-well-formed")
def test_scope_is_well_formed(answer: Exchange) -> None:
    """Purpose: a client that splits the stated scope at its blanks has names, and no empty one among them.

    Method: 1. ask for a token with all scopes of the credential
            2. expect scope, where it is stated, to be names with one blank between them
    """
    stated = expect_token(answer).get("scope", "x")
    if not isinstance(stated, str) or not SCOPE.match(stated):
        proof = without_member(answer, "scope")
        raise NonConformance("scope, names with one blank between them", f"scope {worded(stated)}", answer, proof=proof)


@verifies("oauth/answer/no-refresh-token")
def test_no_refresh_token(answer: Exchange) -> None:
    """Purpose: the client credentials grant gives no second, longer-lived credential.

    Method: 1. ask for a token
            2. expect no refresh_token
    """
    expect_no_refresh_token(answer)


@verifies("oauth/answer/no-store")
def test_answer_is_not_stored(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: no cache keeps a token.

    Method: 1. ask for a token, with the credentials in the body and by Basic, and without a scope
            2. expect Cache-Control with no-store
    """
    expect_directive(answer, "Cache-Control", "no-store")
    for reply in (oauth.request_by_basic(), oauth.request_token(scope=None)):
        if reply.ok:
            expect_directive(reply, "Cache-Control", "no-store")


@verifies("oauth/answer/pragma-no-cache")
def test_pragma_no_cache(answer: Exchange) -> None:
    """Purpose: nor does a cache that knows HTTP/1.0 alone.

    Method: 1. ask for a token
            2. expect Pragma with no-cache
    """
    expect_directive(answer, "Pragma", "no-cache")


@verifies("oauth/answer/no-secret-repeated")
def test_no_secret_repeated(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: the answer does not carry the client's secret back.

    Method: 1. ask for a token
            2. expect the client secret nowhere in the answer
    """
    expect_not_repeated(answer, [oauth.credential("full").client_secret.reveal()], "the client secret")


@verifies("oauth/answer/no-cookie")
def test_no_cookie(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: a server-to-server endpoint starts no session.

    Method: 1. ask for a token
            2. expect no Set-Cookie field, or none but of cookies that come with everything at that host, with what is
               not there as well: those are of a balancer in front, and no session
    """
    if "set-cookie" in answer.headers:
        absent = oauth.http.get("/cf-absent")
        own = _cookies(answer) - _cookies(absent)
        if own:
            proof = field_says_no(answer, "Set-Cookie", f"^({'|'.join(map(literal, sorted(own)))}) *(=|$)")
            told = f"a cookie {', '.join(sorted(own))}"
            raise NonConformance("no Set-Cookie field", told, answer, absent, proof=proof)


def _cookies(reply: Exchange) -> set[str]:
    """The names of the cookies that an answer sets."""
    return {value.partition("=")[0].strip() for value in reply.headers.all("set-cookie")}


# What the HTTP client of Java's library asks for by itself, and one that can read XML as well.
BY_DEFAULT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
OR_XML = "application/xml, text/xml, application/json, application/*+xml, application/*+json"


@verifies("oauth/answer/is-json-whatever-is-preferred")
@pytest.mark.parametrize(
    ("secret", "accept"),
    [
        case("token", None, BY_DEFAULT),
        case("refusal", "cf-not-the-secret", BY_DEFAULT),
        case("token-or-xml", None, OR_XML),
    ],
)
def test_answer_is_json_whatever_is_preferred(control: OAuthClient, secret: str | None, accept: str) -> None:
    """Purpose: a client whose HTTP library asks for pages, or for XML, by default is not given one.

    Method: 1. ask for a token, with the right secret and with a wrong one, under an Accept that prefers text/html and
               takes anything; and with the right one under an Accept that names XML before JSON
            2. expect a token in JSON; and the same kind of refusal, in JSON where it is without that Accept
    """
    form = control.form(**({} if secret is None else {"client_secret": secret}))
    plain, reply = control.post(form), control.post(form, (FORM_TYPE, ("Accept", accept)))
    if secret is None:
        expect_token(reply)
    elif (reply.status, reply.media_type) != (plain.status, plain.media_type):
        expected = f"{plain.status} {plain.media_type}, as without Accept"
        alike = ((plain.id, reply.id, f"^content-type: *{literal(plain.media_type)}"),)
        raise NonConformance(
            expected, f"{reply.status} {reply.media_type}", plain, reply, proof=Proof(reply.id, alike_in=alike)
        )
