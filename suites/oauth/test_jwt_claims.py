"""A JWT access token is signed, and its claims describe its client, audience, scope and lifetime (RFC 9068)."""

from __future__ import annotations

import json

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient
from conformance.oracles.errors import readings
from conformance.oracles.headers import now_nearest
from conformance.oracles.oauth import expect_token, granted_scopes
from conformance.oracles.proofs import EVER, NOW, adds_up, claims_differ, claims_say, has_member, literal
from conformance.oracles.token_quality import claims_of, header_of
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Part, Proof, Sum
from conformance.vocabulary.wording import worded

CLOCKS_S, APART_S = 30, 300
CLAIMS = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")


def issued_jwt(oauth: OAuthClient, **changes: str | None) -> tuple[str, Exchange]:
    """A new token that is a JWT, with its answer."""
    reply = oauth.request_token("full", **changes)
    token = str(expect_token(reply)["access_token"])
    if not claims_of(token):
        proof = has_member(reply, "access_token", '"[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.]')
        raise NonConformance("a JWT, as the target claims", "a token of another form", reply, proof=proof)
    return token, reply


@verifies("oauth/jwt/is-signed")
def test_jwt_is_signed(oauth: OAuthClient) -> None:
    """Purpose: a token that anybody could write is none.

    Method: 1. ask for a token
            2. expect a JOSE header with an alg that is not none, and a signature
    """
    token, reply = issued_jwt(oauth)
    algorithm = str(header_of(token).get("alg", ""))
    nameless = algorithm.lower() in ("", "none")
    if nameless or not token.split(".")[2]:
        named = Proof(reply.id, inside="header", matches='"alg" *: *"[^"]', lacks='"alg" *: *"[Nn][Oo][Nn][Ee]"')
        proof = named if nameless else Proof(reply.id, inside="signature", matches=".")
        raise NonConformance("a signed JWT", f"alg {algorithm or 'missing'}", reply, proof=proof)


@verifies("oauth/jwt/type-is-at-jwt")
def test_jwt_type(oauth: OAuthClient) -> None:
    """Purpose: an access token cannot be mistaken for another JWT.

    Method: 1. ask for a token
            2. expect typ at+jwt or application/at+jwt
    """
    token, reply = issued_jwt(oauth)
    kind = str(header_of(token).get("typ", "")).lower()
    if kind not in ("at+jwt", "application/at+jwt"):
        # Media types have no case (RFC 7515 section 4.1.9), and JSON may escape a slash.
        named = r'"typ" *: *"([Aa][Pp][Pp][Ll][Ii][Cc][Aa][Tt][Ii][Oo][Nn]\\?/)?[Aa][Tt]\+[Jj][Ww][Tt]"'
        proof = Proof(reply.id, inside="header", matches=named)
        raise NonConformance("typ at+jwt", f"typ {kind or 'missing'}", reply, proof=proof)


@verifies("oauth/jwt/has-the-claims")
@pytest.mark.parametrize("name", [case(name.replace("_", "-"), name) for name in CLAIMS])
def test_jwt_has_the_claims(oauth: OAuthClient, name: str) -> None:
    """Purpose: whoever verifies the token finds what it needs.

    Method: 1. ask for a token
            2. expect the claim, exp and iat as numbers, and nbf where it is there; iss, sub and jti as texts, aud as
               text or texts (RFC 7519 section 4.1); client_id to be the client's, jti to be another one in another
               token, and iss the same one
    """
    token, reply = issued_jwt(oauth)
    claims = claims_of(token)
    if not claims.get(name):
        found, proof = ", ".join(sorted(claims)), claims_say(reply, name, r'("[^"]|[1-9]|\[ *")')
        raise NonConformance(f"the claim {name}", f"claims {worded(found)}", reply, proof=proof)
    for each in {"exp": ("exp",), "iat": ("iat", "nbf")}.get(name, ()):
        if not isinstance(claims.get(each, 0), int | float):
            proof = Proof(reply.id, inside="claims", lacks=f'"{each}" *: *[^0-9 ]')
            raise NonConformance(f"the claim {each} as a number", f"{each} {worded(claims[each])}", reply, proof=proof)
    told = claims[name]
    if name in ("iss", "sub", "jti") and not isinstance(told, str):
        raise NonConformance(
            f"the claim {name} as a text", f"{name} {worded(told)}", reply, proof=claims_say(reply, name, '"')
        )
    if name == "aud" and not all(isinstance(each, str) for each in (told if isinstance(told, list) else [told])):
        proof = claims_say(reply, name, r'(\[ *)?"')
        raise NonConformance("the claim aud, a text or several", f"aud {worded(told)}", reply, proof=proof)
    own = oauth.credential("full").client_id
    if name == "client_id" and claims[name] != own:
        proof = claims_say(reply, name, f'"{literal(own)}"')
        raise NonConformance(f"the claim client_id {own}", worded(claims[name]), reply, proof=proof)
    other, again = issued_jwt(oauth) if name in ("iss", "jti") else (token, reply)
    told = claims_of(other).get(name)
    if name == "jti" and other != token and told == claims[name]:
        proof = claims_differ(name, reply, again)
        raise NonConformance("another jti in another token", f"{worded(told)} in both", reply, again, proof=proof)
    if name == "iss" and told != claims[name]:
        raise NonConformance(
            f"iss {worded(claims[name])} in each token", f"iss {worded(told)} in another", reply, again
        )


@verifies("oauth/jwt/subject-is-the-client")
def test_jwt_subject_is_the_client(oauth: OAuthClient) -> None:
    """Purpose: who acts is told apart by sub, in every log and rule of whoever takes the token.

    Method: 1. ask for tokens with two credentials
            2. expect two subjects
    """
    token, reply = issued_jwt(oauth)
    subject, again = claims_of(token).get("sub"), oauth.request_token("narrow")
    if subject == claims_of(oauth.taken(again, "narrow")).get("sub"):
        proof = claims_differ("sub", reply, again)
        raise NonConformance("sub of each client's own", f"{worded(subject)} in both", reply, again, proof=proof)


@verifies("oauth/jwt/scope-claim-is-what-was-granted")
def test_jwt_scope_claim(oauth: OAuthClient) -> None:
    """Purpose: the token says the scope that the answer says.

    Method: 1. ask for one scope
            2. expect the claim scope to hold it alone, or with what the answer says to be granted besides
    """
    scope = oauth.scopes()[0]
    token, reply = issued_jwt(oauth, scope=scope)
    _expect_claimed(token, reply, scope)


@verifies("oauth/jwt/scope-claim-is-what-was-granted")
@pytest.mark.parametrize("scheme", [case("by-basic", "Basic")])
def test_jwt_scope_claim_by_basic(oauth: OAuthClient, scheme: str) -> None:
    """Purpose: nor does it say another one to who shows its credentials in another way.

    Method: 1. ask for one scope, by Basic
            2. where that is 2xx, expect the same
    """
    scope = oauth.scopes()[0]
    reply = oauth.request_by_basic("full", scheme, scope=scope)
    if not reply.ok:
        raise NotApplicable("Basic gets no token, which is a finding of its own")
    _expect_claimed(oauth.taken(reply, "full", [scope]), reply, scope)


def _expect_claimed(token: str, reply: Exchange, scope: str) -> None:
    """The claim scope of a token is what its answer grants to who asked for this one."""
    claimed, granted = claims_of(token).get("scope"), granted_scopes(reply, [scope])
    told = claimed.split(" ") if isinstance(claimed, str) else claimed
    if not isinstance(told, list) or {*map(str, told)} != granted:
        alone = claims_say(reply, "scope", rf'(\[ *)?"{literal(scope)}"( *\])?')
        proof = alone if granted == {scope} else Proof(beyond="it is about several names, in whatever order")
        expected = f"the claim scope {' '.join(sorted(granted))}"
        raise NonConformance(expected, worded(claimed), reply, proof=proof)


@verifies("oauth/jwt/lifetime-is-as-stated")
def test_jwt_lifetime(oauth: OAuthClient) -> None:
    """Purpose: two views of one token agree on when it ends.

    Method: 1. ask for a token
            2. expect exp - iat to be expires_in, give or take a second; or, of a token that was given before, what is
               left of its time; and exp to come then, as far as clocks agree
            3. expect iat not to be in the future, as far as clocks agree, and nbf, where it is there, not behind iat
    """
    token, reply = issued_jwt(oauth)
    claims, stated = claims_of(token), expect_token(reply).get("expires_in")
    if stated is None:
        raise NotApplicable("no expires_in is stated, with which the claims could agree")
    begins, ends, valid = (claims.get(name) for name in ("iat", "exp", "nbf"))
    if not isinstance(begins, int | float) or not isinstance(ends, int | float) or not isinstance(stated, int):
        raise Inconclusive("iat, exp or expires_in is missing", "a token that states all three")
    now = now_nearest(ends - stated, reply)
    told, (iat, exp, nbf) = (reply.id, "expires_in"), ((reply.id, f"claims.{name}") for name in ("iat", "exp", "nbf?"))
    if abs(ends - begins - stated) > 1 and abs(ends - now - stated) > CLOCKS_S:
        proof = adds_up(reply, Sum((exp,), (iat, told), -1, 1), Sum((exp,), (NOW, told), -CLOCKS_S, CLOCKS_S))
        raise NonConformance(f"exp - iat of {stated}", f"{ends - begins}", reply, proof=proof)
    if abs(ends - now - stated) > APART_S:
        proof, left = adds_up(reply, Sum((exp,), (NOW, told), -APART_S, APART_S)), ends - now
        raise NonConformance(f"exp {stated} s from now", f"exp {left:.0f} s from now", reply, proof=proof)
    if begins - now > APART_S:
        proof, ahead = adds_up(reply, Sum((NOW,), (iat,), -APART_S, EVER)), begins - now
        raise NonConformance("iat of now or earlier", f"iat {ahead:.0f} s from now", reply, proof=proof)
    if isinstance(valid, int | float) and valid > begins + 1:
        proof, later = adds_up(reply, Sum((iat,), (nbf,), -1, EVER)), valid - begins
        raise NonConformance(
            "a token that is valid when it is issued", f"nbf {later:.0f} s after iat", reply, proof=proof
        )


@verifies("oauth/jwt/carries-no-secret")
def test_jwt_carries_no_secret(oauth: OAuthClient) -> None:
    """Purpose: what anybody can decode holds nothing that nobody may know.

    Method: 1. ask for a token
            2. expect the client secret neither in its header nor in its claims
    """
    token, reply = issued_jwt(oauth)
    secret = oauth.credential("full").client_secret.reveal()
    parts: dict[Part, object] = {"header": header_of(token), "claims": claims_of(token)}
    for part, document in parts.items():
        if any(secret in each for each in readings(json.dumps(document))):
            proof = Proof(reply.id, inside=part, unsaid=(secret,))
            raise NonConformance("a token without the client secret", f"it stands in its {part}", reply, proof=proof)


@verifies("oauth/jwt/parameters-set-no-claims")
def test_parameters_set_no_claims(oauth: OAuthClient) -> None:
    """Purpose: what a token says is the issuer's word, not that of who asks for it.

    Method: 1. ask for a token with parameters that are named like claims
            2. expect a token in none of whose claims a value stands that was sent, in a list neither
    """
    sent = dict.fromkeys(("sub", "iss", "jti", "roles", "permissions"), "cf-forged")
    token, reply = issued_jwt(oauth, **sent, exp="4711004711")
    claims = claims_of(token)
    taken = [name for name, value in claims.items() if "cf-forged" in str(value) or str(value) == "4711004711"]
    if taken:
        proof = Proof(reply.id, inside="claims", lacks=r"cf-forged|[^0-9]4711004711[^0-9]")
        raise NonConformance("no claim of a value that was sent", f"{', '.join(taken)} as sent", reply, proof=proof)


FORWARDED = (
    ("Forwarded", 'for=192.0.2.1;host="cf-forged.example";proto=https'),
    ("X-Forwarded-Host", "cf-forged.example"),
    ("X-Forwarded-Server", "cf-forged.example"),
    ("X-Original-Host", "cf-forged.example"),
)


@verifies("oauth/jwt/header-fields-set-no-claims")
def test_header_fields_set_no_claims(oauth: OAuthClient) -> None:
    """Purpose: who issued a token is not for its bearer to say, by which verifiers would know it.

    Method: 1. ask for a token under fields by which a proxy tells the host that its caller has named
            2. expect a refusal, or a token in none of whose claims that host stands
    """
    reply = oauth.post(oauth.form(), (FORM_TYPE, *FORWARDED))
    if not reply.ok:
        return
    claims = claims_of(oauth.taken(reply, "full"))
    taken = [name for name, value in claims.items() if "cf-forged" in str(value)]
    if taken:
        told, proof = ", ".join(taken), Proof(reply.id, inside="claims", lacks="cf-forged")
        raise NonConformance("claims that say nothing of a header field", f"{told} as sent", reply, proof=proof)
