"""A token response has the standard members, is not cached and repeats no secret (RFC 6749, section 5.1)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient
from conformance.oracles.headers import expect_directive
from conformance.oracles.oauth import B64TOKEN, expect_bearer_token, expect_no_refresh_token, expect_token
from conformance.oracles.proofs import field_says_no, has_member, literal, without_member
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")


def expect_b64token(answer: Exchange) -> None:
    """The token can be sent in an Authorization field: it is a b64token (RFC 6750 section 2.1)."""
    if not B64TOKEN.match(expect_token(answer)["access_token"]):
        expected = "a token of the characters A-Z a-z 0-9 - . _ ~ + / and trailing ="
        # JSON may escape a slash.
        proof = has_member(answer, "access_token", r'"([A-Za-z0-9._~+-]|\\?/)+=*"')
        raise NonConformance(expected, "other characters in it", answer, proof=proof)


def expect_well_formed_scope(answer: Exchange) -> None:
    """The scope, if stated, is a list of names with one space between them (RFC 6749 section 3.3)."""
    stated = expect_token(answer).get("scope", "x")
    if not isinstance(stated, str) or not SCOPE.match(stated):
        proof = without_member(answer, "scope")
        raise NonConformance("scope, names with one space between them", f"scope {worded(stated)}", answer, proof=proof)


@pytest.mark.parametrize(
    "expect",
    [
        row("oauth/answer/json-with-token-and-type", expect_bearer_token),
        row("oauth/answer/token-fits-the-bearer-header", expect_b64token),
        row("oauth/answer/scope-is-well-formed", expect_well_formed_scope),
        row("oauth/answer/no-refresh-token", expect_no_refresh_token),
        row("oauth/answer/pragma-no-cache", lambda answer: expect_directive(answer, "Pragma", "no-cache")),
    ],
)
def test_answer_has_the_standard_form(answer: Exchange, expect: Callable[[Exchange], None]) -> None:
    """Purpose: every client library can parse the response, send its token, and rely on no cache keeping it.

    Method: 1. request a token with all scopes of the credential
            2. expect application/json, access_token as a b64token, token_type Bearer, scope as names with one space
               between them, no refresh_token, and Pragma with no-cache
    """
    expect(answer)


@verifies("oauth/answer/no-store")
def test_answer_is_not_stored(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: a cache must not keep a token.

    Method: 1. request a token with the credentials in the body, by Basic, and without a scope
            2. expect Cache-Control with no-store
    """
    expect_directive(answer, "Cache-Control", "no-store")
    for reply in (oauth.request_by_basic(), oauth.request_token(scope=None)):
        if reply.ok:
            expect_directive(reply, "Cache-Control", "no-store")


@verifies("oauth/answer/no-cookie")
def test_no_cookie(answer: Exchange, oauth: OAuthClient) -> None:
    """Purpose: an endpoint for programs starts no session.

    Method: 1. request a token, and a path that does not exist
            2. expect no cookie in the first response that is not in the second, where a load balancer set it
    """
    if "set-cookie" in answer.headers:
        absent = oauth.http.get("/cf-absent")
        own, others = ({value.partition("=")[0].strip() for value in each.headers.all("set-cookie")}
                       for each in (answer, absent))  # fmt: skip
        if added := sorted(own - others):
            proof = field_says_no(answer, "Set-Cookie", f"^({'|'.join(map(literal, added))}) *(=|$)")
            raise NonConformance("no Set-Cookie field", f"a cookie {', '.join(added)}", answer, absent, proof=proof)


# The defaults of the HTTP client in Java's library, and of one that reads XML as well.
BY_DEFAULT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
OR_XML = "application/xml, text/xml, application/json, application/*+xml, application/*+json"


@verifies("oauth/answer/is-json-for-any-accept")
@pytest.mark.parametrize(
    ("changes", "accept"),
    [
        case("token", {}, BY_DEFAULT),
        case("refusal", {"client_secret": "cf-not-the-secret"}, BY_DEFAULT),
        case("token-or-xml", {}, OR_XML),
    ],
)
def test_answer_is_json_for_any_accept(control: OAuthClient, changes: dict[str, str], accept: str) -> None:
    """Purpose: some HTTP libraries prefer pages or XML by default, but an OAuth client needs JSON.

    Method: 1. send the right secret and a wrong one with an Accept field that prefers text/html or XML
            2. expect a token in JSON, and for the wrong secret the status and media type as without Accept
    """
    form = control.form("full", **changes)
    plain, reply = control.post(form), control.post(form, (FORM_TYPE, ("Accept", accept)))
    if not changes:
        expect_token(reply)
    elif (reply.status, reply.media_type) != (plain.status, plain.media_type):
        proof = Proof(reply.id, alike_in=((plain.id, reply.id, f"^content-type: *{literal(plain.media_type)}"),))
        expected = f"{plain.status} {plain.media_type}, as without Accept"
        raise NonConformance(expected, f"{reply.status} {reply.media_type}", plain, reply, proof=proof)
