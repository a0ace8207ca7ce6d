"""Access tokens that are JWTs (RFC 9068): what they say, and that none but the issuer's is accepted."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.clients.jwt_parts import hmac_signed, part, signed, unpadded
from conformance.clients.oauth import OAuthClient
from conformance.oracles.oauth import expect_token
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of, header_of
from conformance.sandbox.platform import Platform
from conformance.target.description import Credential
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

CLOCKS_S = 30.0
APART_S = 300.0
CLAIMS = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")


def issued_jwt(oauth: OAuthClient, **changes: str | None) -> tuple[str, Exchange]:
    """A new token that is a JWT, with its answer."""
    reply = oauth.request_token(**changes)
    token = str(expect_token(reply)["access_token"])
    if not claims_of(token):
        raise NonConformance("a JWT, as the target claims", "a token of another form", reply)
    return token, reply


@verifies("oauth/jwt/is-signed")
def test_jwt_is_signed(oauth: OAuthClient) -> None:
    """Purpose: a token that anybody could write is none.

    Method: 1. ask for a token
            2. expect a JOSE header with an alg that is not none, and a signature
    """
    token, reply = issued_jwt(oauth)
    algorithm = str(header_of(token).get("alg", ""))
    if algorithm.lower() in ("", "none") or not token.split(".")[2]:
        raise NonConformance("a signed JWT", f"alg {algorithm or 'missing'}", reply)


@verifies("oauth/jwt/type-is-at-jwt")
def test_jwt_type(oauth: OAuthClient) -> None:
    """Purpose: an access token cannot be mistaken for another JWT.

    Method: 1. ask for a token
            2. expect typ at+jwt or application/at+jwt
    """
    token, reply = issued_jwt(oauth)
    kind = str(header_of(token).get("typ", "")).lower()
    if kind not in ("at+jwt", "application/at+jwt"):
        raise NonConformance("typ at+jwt", f"typ {kind or 'missing'}", reply)


@verifies("oauth/jwt/has-the-claims")
@pytest.mark.parametrize("name", [case(name.replace("_", "-"), name) for name in CLAIMS])
def test_jwt_has_the_claims(oauth: OAuthClient, name: str) -> None:
    """Purpose: whoever verifies the token finds what it needs.

    Method: 1. ask for a token
            2. expect the claim, exp and iat as numbers; client_id to be the client's, and jti to be another one in
               another token
    """
    token, reply = issued_jwt(oauth)
    claims = claims_of(token)
    if not claims.get(name):
        raise NonConformance(f"the claim {name}", f"claims {', '.join(sorted(claims))}", reply)
    if name in ("exp", "iat") and not isinstance(claims[name], int | float):
        raise NonConformance(f"the claim {name} as a number", f"{name} {claims[name]!r}", reply)
    own = oauth.credential("full").client_id
    if name == "client_id" and claims[name] != own:
        raise NonConformance(f"the claim client_id {own}", f"{claims[name]!r}", reply)
    other, again = issued_jwt(oauth) if name == "jti" else (token, reply)
    if other != token and claims_of(other).get(name) == claims[name]:
        raise NonConformance("another jti in another token", f"{claims[name]!r} in both", reply, again)


@verifies("oauth/jwt/subject-is-the-client")
def test_jwt_subject_is_the_client(oauth: OAuthClient) -> None:
    """Purpose: who acts is told apart by sub, in every log and rule of whoever takes the token.

    Method: 1. ask for tokens with two credentials
            2. expect two subjects
    """
    token, reply = issued_jwt(oauth)
    subject, again = claims_of(token).get("sub"), oauth.request_token("narrow")
    if subject == claims_of(oauth.taken(again, "narrow")).get("sub"):
        raise NonConformance("sub of each client's own", f"{subject!r} in both", reply, again)


@verifies("oauth/jwt/scope-claim-is-what-was-granted")
def test_jwt_scope_claim(oauth: OAuthClient) -> None:
    """Purpose: the token says the scope that the answer says.

    Method: 1. ask for one scope
            2. expect the claim scope to hold it alone
    """
    scope = oauth.credential("full").scopes[0]
    token, reply = issued_jwt(oauth, scope=scope)
    claimed = claims_of(token).get("scope")
    if claimed not in (scope, [scope]):
        raise NonConformance(f"the claim scope {scope}", f"{claimed!r}", reply)


@verifies("oauth/jwt/lifetime-is-as-stated")
def test_jwt_lifetime(oauth: OAuthClient) -> None:
    """Purpose: two views of one token agree on when it ends.

    Method: 1. ask for a token
            2. expect exp - iat to be expires_in, give or take a second; or, of a token that was given before, what is
               left of its time; and exp to come then, as far as clocks agree
    """
    token, reply = issued_jwt(oauth)
    claims, stated = claims_of(token), expect_token(reply).get("expires_in")
    begins, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(begins, int | float) or not isinstance(ends, int | float) or not isinstance(stated, int):
        raise Inconclusive("iat, exp or expires_in is missing", "a token that states all three")
    if abs(ends - begins - stated) > 1 and abs(ends - time.time() - stated) > CLOCKS_S:
        raise NonConformance(f"exp - iat of {stated}", f"{ends - begins}", reply)
    if abs(ends - time.time() - stated) > APART_S:
        raise NonConformance(f"exp {stated} s from now", f"exp {ends - time.time():.0f} s from now", reply)


@verifies("oauth/jwt/carries-no-secret")
def test_jwt_carries_no_secret(oauth: OAuthClient) -> None:
    """Purpose: what anybody can decode holds nothing that nobody may know.

    Method: 1. ask for a token
            2. expect the client secret neither in its header nor in its claims
    """
    token, reply = issued_jwt(oauth)
    if oauth.credential("full").client_secret.reveal() in json.dumps([header_of(token), claims_of(token)]):
        raise NonConformance("claims without the client secret", "the client secret in them", reply)


@verifies("oauth/jwt/parameters-set-no-claims")
def test_parameters_set_no_claims(oauth: OAuthClient) -> None:
    """Purpose: what a token says is the issuer's word, not that of who asks for it.

    Method: 1. ask for a token with parameters that are named like claims
            2. expect a token none of whose claims has a value that was sent
    """
    sent = dict.fromkeys(("sub", "iss", "jti", "roles", "permissions"), "cf-forged")
    token, reply = issued_jwt(oauth, **sent, exp="4711004711")
    taken = [name for name, value in claims_of(token).items() if str(value) in ("cf-forged", "4711004711")]
    if taken:
        raise NonConformance("no claim of a value that was sent", f"{', '.join(taken)} as sent", reply)


def _flipped(signature: str) -> str:
    """A signature with its first byte changed; never its last character, which may hold unused bits."""
    try:
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except ValueError:
        raw = b""
    # A target that signs nothing takes this for a signature, too.
    return unpadded(bytes([raw[0] ^ 0x55]) + raw[1:] if raw else b"cf")


def _by_own_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token that is signed well, by a key that it brings along itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    kept = {name: value for name, value in header.items() if name not in ("alg", "kid")}
    return signed({**kept, "jwk": public}, claims, key)


def forged(token: str, how: str, wider: list[str], credential: Credential) -> str:
    """A token that was altered in one way; ``credential`` is the one that it was issued to."""
    head, body, signature = token.split(".")
    header, claims = header_of(token), claims_of(token)
    if how == "own-key":
        return _by_own_key(header, claims)
    if how.startswith("alg-"):
        return f"{part({**header, 'alg': how.removeprefix('alg-')})}.{body}."
    if how.startswith("hmac-"):
        own = {"hmac-client-secret": credential.client_secret.reveal(), "hmac-client-id": credential.client_id}
        key = own.get(how) or {"hmac-empty": "", "hmac-secret": "secret"}[how]
        wide = part({**claims, "cf-forged": True})
        return hmac_signed({**header, "alg": "HS256"}, wide if how in own else body, key.encode())
    headers = {
        "jwk": {"jwk": {"kty": "oct", "k": "c2VjcmV0"}, "alg": "HS256"},
        "jku": {"jku": "http://127.0.0.1:9/keys"},
        "kid-path": {"kid": "../../../../dev/null", "alg": "HS256"},
        "kid-sql": {"kid": "x' UNION SELECT 'secret'--", "alg": "HS256"},
        "crit": {"crit": ["cf-unknown"], "cf-unknown": True},
        "typ": {"typ": "JWT"},
    }
    if how in headers:
        changed = {**header, **headers[how]}
        key = {"jwk": b"secret", "kid-path": b"", "kid-sql": b"secret"}.get(how)
        return f"{part(changed)}.{body}.{signature}" if key is None else hmac_signed(changed, body, key)
    edits: dict[str, dict[str, Any]] = {
        "scope": {"scope": " ".join(wider)},
        "subject": {"sub": "cf-other", "client_id": "cf-other"},
        "expiry": {"exp": int(time.time()) + 10**7},
        "audience": {"aud": "cf-other"},
        "issuer": {"iss": "https://issuer.example"},
    }
    if how in edits:
        return f"{head}.{part({**claims, **edits[how]})}.{signature}"
    return {
        "no-signature": f"{head}.{body}",
        "empty-signature": f"{head}.{body}.",
        "flipped-signature": f"{head}.{body}.{_flipped(signature)}",
        "cut-signature": f"{head}.{body}.{signature[: len(signature) // 2]}",
    }[how]


FORGERIES = (
    "own-key", "alg-none", "alg-None", "alg-NONE", "alg-nOnE", "hmac-empty", "hmac-secret", "hmac-client-secret",
    "hmac-client-id", "jwk", "jku", "kid-path", "kid-sql", "crit", "typ", "scope", "subject", "expiry", "audience",
    "issuer", "no-signature", "empty-signature", "flipped-signature", "cut-signature",
)  # fmt: skip


def _case_name(how: str) -> str:
    return {"alg-None": "alg-none-capital", "alg-NONE": "alg-none-upper", "alg-nOnE": "alg-none-mixed"}.get(how, how)


@verifies("oauth/jwt/forged-tokens-are-refused")
@pytest.mark.parametrize("how", [case(_case_name(name), name) for name in FORGERIES])
def test_forged_tokens_are_refused(platform: Platform, how: str) -> None:
    """Purpose: a token that the issuer has not signed as it stands opens nothing.

    Method: 1. use a token at a declared resource: 2xx
            2. take away, change or replace its signature, its algorithm, a header that names keys, or a claim
            3. expect 401
    """
    operation = platform.operations("read")[0]
    oauth = platform.oauth
    token = oauth.token("full", operation.scope) if operation.scope else oauth.token("full")
    control = platform.send(operation, token)
    if not control.ok or not claims_of(token):
        raise Inconclusive(
            f"a good token is answered {control.status} at {operation.path}", "a JWT that opens a declared resource"
        )

    credential = oauth.credential("full")
    expect_status(platform.send(operation, forged(token, how, credential.scopes, credential)), 401)
