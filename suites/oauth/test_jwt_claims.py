"""A JWT access token is signed, and its claims describe its client, audience, scope and lifetime (RFC 9068)."""

from __future__ import annotations

import json

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient
from conformance.oracles.errors import readings
from conformance.oracles.headers import now_nearest
from conformance.oracles.oauth import expect_token, granted_scopes
from conformance.oracles.token_quality import claims_of, expect_jwt, header_of
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.wording import worded

CLOCKS_S, APART_S = 30, 300
CLAIMS = {
    "iss": "a string", "exp": "a number", "aud": "a string or a list of strings", "sub": "a string",
    "client_id": "a string", "iat": "a number", "jti": "a string",
}  # fmt: skip
"""The type of each required claim (RFC 7519 section 4.1)."""


@verifies("oauth/jwt/is-signed")
def test_jwt_is_signed(oauth: OAuthClient) -> None:
    """Purpose: anyone could write an unsigned token.

    Method: 1. request a token; 2. expect a JOSE header with an alg other than none, and a signature
    """
    token = expect_jwt(reply := oauth.request_token())
    algorithm = str(header_of(token).get("alg", ""))
    if algorithm.lower() in ("", "none") or not token.split(".")[2]:
        raise NonConformance("a signed JWT", f"alg {algorithm or 'missing'}", reply)


@verifies("oauth/jwt/type-is-at-jwt")
def test_jwt_type(oauth: OAuthClient) -> None:
    """Purpose: an access token cannot be mistaken for another JWT.

    Method: 1. request a token; 2. expect typ at+jwt or application/at+jwt
    """
    token = expect_jwt(reply := oauth.request_token())
    # Media types are case-insensitive (RFC 7515 section 4.1.9).
    kind = str(header_of(token).get("typ", "")).lower()
    if kind not in ("at+jwt", "application/at+jwt"):
        raise NonConformance("typ at+jwt", f"typ {kind or 'missing'}", reply)


def has_type(value: object, kind: str) -> bool:
    """Return whether a claim is of a type in ``CLAIMS``."""
    if kind == "a number":
        return isinstance(value, int | float)
    texts = value if isinstance(value, list) and "list" in kind else [value]
    return all(isinstance(each, str) for each in texts)


@verifies("oauth/jwt/has-the-claims")
@pytest.mark.parametrize("name", [case(name.replace("_", "-"), name) for name in CLAIMS])
def test_jwt_has_the_claims(oauth: OAuthClient, name: str) -> None:
    """Purpose: a resource server finds the claims that it needs to verify the token.

    Method: 1. request a token; for iss and jti another one
            2. expect the claim, of its type; nbf, if present, as a number
            3. expect client_id to be the client's, jti to differ between tokens, and iss to be the same
    """
    token = expect_jwt(reply := oauth.request_token())
    claims, own = claims_of(token), oauth.credential("full").client_id
    if not claims.get(name):
        found = ", ".join(sorted(claims))
        raise NonConformance(f"the claim {name}", f"claims {worded(found)}", reply)
    kind = CLAIMS[name]
    for each in (name, "nbf") if name == "iat" and "nbf" in claims else (name,):
        if not has_type(claims[each], kind):
            raise NonConformance(f"the claim {each} as {kind}", f"{each} {worded(claims[each])}", reply)
    if name == "client_id" and claims[name] != own:
        raise NonConformance(f"the claim client_id {own}", worded(claims[name]), reply)
    if name in ("iss", "jti"):
        other = expect_jwt(again := oauth.request_token())
        value = claims_of(other).get(name)
        if name == "jti" and other != token and value == claims[name]:
            raise NonConformance("a different jti in each token", f"jti {worded(value)} in two tokens", reply, again)
        if name == "iss" and value != claims[name]:
            expected = f"iss {worded(claims[name])} in each token"
            raise NonConformance(expected, f"iss {worded(value)} in another token", reply, again)


@verifies("oauth/jwt/subject-is-the-client")
def test_jwt_subject_is_the_client(oauth: OAuthClient) -> None:
    """Purpose: logs and access rules tell clients apart by sub.

    Method: 1. request tokens with two credentials; 2. expect two subjects
    """
    subject = claims_of(expect_jwt(reply := oauth.request_token())).get("sub")
    again = oauth.request_token("narrow")
    if subject == claims_of(oauth.learned_token(again, "narrow")).get("sub"):
        expected, seen = "a different sub for each client", f"sub {worded(subject)} for two clients"
        raise NonConformance(expected, seen, reply, again)


@pytest.mark.parametrize(
    "by_basic",
    [
        row("oauth/jwt/scope-claim-is-what-was-granted", False),
        row("oauth/jwt/scope-claim-is-what-was-granted#by-basic", True),
    ],
)
def test_jwt_scope_claim(oauth: OAuthClient, by_basic: bool) -> None:
    """Purpose: the token and the token response state the same scope.

    Method: 1. request one scope, with the credentials in the body; and by Basic, if that gets a token
            2. expect the claim scope to contain exactly what the response grants
    """
    scope = oauth.scopes()[0]
    reply = oauth.request_by_basic(scope=scope) if by_basic else oauth.request_token(scope=scope)
    if by_basic and not reply.ok:
        raise NotApplicable("Basic gets no token; another check reports that")
    claimed, granted = claims_of(expect_jwt(reply)).get("scope"), granted_scopes(reply, [scope])
    names = claimed.split(" ") if isinstance(claimed, str) else claimed
    if not isinstance(names, list) or {*map(str, names)} != granted:
        raise NonConformance(f"the claim scope {' '.join(sorted(granted))}", worded(claimed), reply)


@verifies("oauth/jwt/lifetime-is-as-stated")
def test_jwt_lifetime(oauth: OAuthClient) -> None:
    """Purpose: client and resource server must agree on when a token expires.

    Method: 1. request a token; clocks may differ by five minutes
            2. expect exp - iat to equal expires_in within a second, or the remaining lifetime of a token issued before;
               and exp to be expires_in from now
            3. expect iat not to be in the future, and nbf, if present, not to be after iat
    """
    claims, stated = claims_of(expect_jwt(reply := oauth.request_token())), expect_token(reply).get("expires_in")
    if stated is None:
        raise NotApplicable("the response has no expires_in to compare with the claims")
    begins, ends, valid = (claims.get(name) for name in ("iat", "exp", "nbf"))
    if not isinstance(begins, int | float) or not isinstance(ends, int | float) or not isinstance(stated, int):
        raise Inconclusive("iat, exp or expires_in is missing", "a token that states all three")
    now = now_nearest(ends - stated, reply)
    if abs(ends - begins - stated) > 1 and abs(ends - now - stated) > CLOCKS_S:
        raise NonConformance(f"exp - iat of {stated}", f"{ends - begins}", reply)
    if abs(ends - now - stated) > APART_S:
        raise NonConformance(f"exp {stated} s from now", f"exp {ends - now:.0f} s from now", reply)
    if begins - now > APART_S:
        raise NonConformance("iat of now or earlier", f"iat {begins - now:.0f} s from now", reply)
    if isinstance(valid, int | float) and valid > begins + 1:
        raise NonConformance("a token that is valid when it is issued", f"nbf {valid - begins:.0f} s after iat", reply)


@verifies("oauth/jwt/carries-no-secret")
def test_jwt_carries_no_secret(oauth: OAuthClient) -> None:
    """Purpose: anyone who sees a token can decode it, so it must not contain the client secret.

    Method: 1. request a token; 2. expect the client secret neither in its header nor in its claims
    """
    token = expect_jwt(reply := oauth.request_token())
    secret = oauth.credential("full").client_secret.reveal()
    parts: dict[str, object] = {"header": header_of(token), "claims": claims_of(token)}
    for part, document in parts.items():
        if any(secret in each for each in readings(json.dumps(document))):
            raise NonConformance("a token without the client secret", f"the secret in its {part}", reply)


NAMED_LIKE_CLAIMS = {
    **dict.fromkeys(("sub", "iss", "jti", "roles", "permissions"), "cf-forged"), "exp": "4711004711",
}  # fmt: skip
FORWARDED = (
    ("Forwarded", 'for=192.0.2.1;host="cf-forged.example";proto=https'),
    ("X-Forwarded-Host", "cf-forged.example"),
    ("X-Forwarded-Server", "cf-forged.example"),
    ("X-Original-Host", "cf-forged.example"),
)


@pytest.mark.parametrize(
    ("parameters", "fields"),
    [
        row("oauth/jwt/parameters-set-no-claims", NAMED_LIKE_CLAIMS, ()),
        row("oauth/jwt/header-fields-set-no-claims", {}, FORWARDED),
    ],
)
def test_requests_set_no_claims(
    oauth: OAuthClient, parameters: dict[str, str], fields: tuple[tuple[str, str], ...]
) -> None:
    """Purpose: the issuer decides what a token states, not the client that requests it.

    Method: 1. request a token with parameters named like claims, or with header fields in which a proxy names the host
            2. expect no claim with a value that was sent; the fields may be refused
    """
    reply = oauth.post(oauth.form("full", **parameters), (FORM_TYPE, *fields))
    if fields and not reply.ok:
        return
    claims = claims_of(expect_jwt(reply))
    copied = [name for name, value in claims.items() if "cf-forged" in str(value) or str(value) == "4711004711"]
    if copied:
        raise NonConformance("no claim with a value that was sent", f"{', '.join(copied)} as sent", reply)
