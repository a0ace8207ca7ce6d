"""Defects in what is taken for a secret, token or path show in the answers they name."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import jwt
import pytest
from starlette.datastructures import Headers

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import odd_paths, odd_requests, odd_tokens
from conformance.reference.http import Request
from tests.reference.identity_table import Look, Row, api, api_header, listed, scope, token
from tests.reference.identity_world import (
    ACME,
    ATLAS,
    HIDDEN,
    World,
    basic,
    claims,
    forged,
    unpadded,
)

KEYS = "/.well-known/jwks.json"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIGNED = {"alg": "ES256", "typ": "at+jwt"}


def with_token(make: Any, path: str = ATLAS, method: str = "GET") -> Look:
    """The status of a call with a token that is made of a good one."""
    return lambda w: w.ask(method, path, headers={"authorization": f"Bearer {make(w.bearer())}"}).status_code


def unsigned(good: str) -> str:
    return forged(good, {"alg": "none"}, "")


def headed(header: Any) -> Any:
    """Makes a token whose header is this."""
    return lambda good: ".".join([unpadded(json.dumps(header).encode()), *good.split(".")[1:]])


def of_its_own(grant_type: str, parameter: str) -> Look:
    """The status of a token request by another grant with an access token of one's own."""
    return lambda w: w.token(grant_type=grant_type, **{parameter: w.bearer()}).status_code


def silence(asked: str) -> Look:
    """The scope that ct-narrow gets for a scope, and whether it is stated; the status where no token is given."""

    def look(w: World) -> Any:
        answer = w.token("ct-narrow", scope=asked)
        given = answer.json()
        return (claims(given["access_token"])["scope"], "scope" in given) if answer.is_success else answer.status_code

    return look


def quoted_twice(w: World) -> bool:
    secret = w.secret()
    form = f"grant_type=client_credentials&client_id=ct-full&client_secret={secret}&client_secret={secret}"
    return secret in w.token(raw=form.encode()).text


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def described(w: World) -> str:
    return str(w.token("b d").json()["error_description"])


def in_german(w: World) -> bool:
    return str(w.token(client_secret="x", headers={"accept-language": "de"}).json()["error_description"]).isascii()


def as_password(w: World) -> int:
    return w.by_basic(basic("ct-full", w.bearer())).status_code


def renewed(w: World) -> int:
    return w.by_basic(f"Bearer {w.bearer()}").status_code


def nbf(w: World) -> int:
    made = claims(w.bearer())
    return int(made.get("nbf", made["iat"]) - made["iat"])


def stated_twice(w: World) -> list[bool]:
    """Whether a second answer gives the same token, and says of it what the first one said, two seconds later."""
    first = w.token().json()
    began = time.time()
    w.identity.__dict__["now"] = lambda: began + 2
    second = w.token().json()
    return [first["access_token"] == second["access_token"], first["expires_in"] == second["expires_in"]]


def challenge_of_revoked(w: World) -> str:
    bearer = w.bearer()
    w.identity.revoke("ct-full")
    return w.ask("GET", ATLAS, headers={"authorization": f"Bearer {bearer}"}).headers["www-authenticate"]


def by_cookie(name: str) -> Look:
    """The status of a call whose token is in a cookie alone."""
    return lambda w: w.ask("GET", ATLAS, headers={"cookie": f"x=y; {name}={w.bearer()}"}).status_code


def of_another_program(w: World) -> list[int]:
    sent = {"authorization": f"Bearer {w.bearer()}"}
    return [w.ask("GET", ATLAS, headers={**sent, "user-agent": agent}).status_code for agent in ("a", "b")]


def by_way_of(dots: str) -> Look:
    """The status of another organization's projects by a path that begins as one's own, with its dots in it."""

    def look(w: World) -> int:
        path = f"{ACME}{dots}globex/projects".encode()
        request = Request("GET", path.decode(), "", Headers({"authorization": f"Bearer {w.bearer()}"}), b"")
        return asyncio.run(w.application.alterations.answer(request)).status

    return look


def of_client_id(written: str) -> Look:
    """The status of a token request with a client id as it is written in the form, and the secret of ct-full."""
    form = f"grant_type=client_credentials&client_id={written}&client_secret="
    return lambda w: w.token(raw=f"{form}{w.secret()}".encode()).status_code


def behind_a_hidden_one(w: World) -> Any:
    w.create(slug="aa", members=["ct-full"])
    return listed("ct-outsider", limit=1)(w)


def issuer(w: World) -> str:
    made = w.token(headers={"x-forwarded-host": "a.example"}).json()["access_token"]
    return str(claims(made)["iss"])


def names_of_keys(w: World) -> int:
    return len([key["kid"] for key in w.ask("GET", KEYS).json()["keys"]])


ONE_BLANK_OR_TWO = ("member:read project:read", "member:read  project:read")
INVALID = 'Bearer realm="reference", error='
TABLE: list[Row] = [
    (odd_requests.SmallHexadecimalDigitsUnread, token(raw=b"grant%5ftype=client_credentials"), 401, 400),
    (odd_requests.ScopeTwiceInOneListCrashes, token(scope="member:read member:read"), 200, 500),
    (odd_requests.OddClientIdQuoted, described, "client authentication failed", "b d is no client id"),
    (odd_requests.ClientIdIsAPattern, of_client_id("ct-ful%25"), 401, 200),
    (odd_requests.ClientIdIsAFilter, of_client_id("ct-ful*"), 401, 200),
    (odd_requests.InheritedClientCrashes, lambda w: w.token("__proto__").status_code, 401, 500),
    (odd_requests.InheritedGrantCrashes, token(grant_type="constructor"), 400, 500),
    (odd_requests.InheritedScopeGranted, scope(scope="constructor"), 400, "constructor"),
    (odd_requests.TokenRenewsItself, renewed, 401, 200),
    (odd_requests.TokenIsAPasswordOfBasic, as_password, 401, 200),
    (odd_requests.TokenIsARefreshToken, of_its_own("refresh_token", "refresh_token"), 400, 200),
    (odd_requests.TokenIsAnAssertion, of_its_own(BEARER, "assertion"), 400, 200),
    (odd_requests.RefusalsAreTranslated, in_german, True, False),
    (odd_requests.ScopeBeyondGrantedInSilence, silence("member:read"), 400, ("member:read", False)),
    (odd_requests.UnknownScopeIsEveryScope, silence("cf:x"), 400, ("organization:read", False)),
    (odd_requests.CapitalsGrantedInSilence, silence("ORGANIZATION:READ"), 400, ("organization:read", False)),
    (odd_requests.ManyScopesCrash, token(scope=" ".join(["member:read"] * 30)), 200, 500),
    (odd_requests.ScopeStatedWithTwoBlanks, scope(scope="member:read project:read"), *ONE_BLANK_OR_TWO),
    (odd_requests.BearerBesideFormCrashes, token(headers={"authorization": "Bearer x"}), 400, 500),
    (odd_requests.SecretQuotedThatComesTwice, quoted_twice, False, True),
    (odd_requests.TwoBlanksInAScopeCrash, token(scope="member:read  project:read"), 400, 500),
    (odd_paths.EncodedSlashCrashes, api(f"{ACME}/projects/a%2Fb"), 404, 500),
    (
        odd_paths.BodyReadBeforeOrganization,
        api(
            "/api/v1/organizations/globex/projects",
            "ct-full",
            "POST",
            content=b"{",
            headers={"content-type": "application/json"},
        ),
        404,
        400,
    ),
    (
        odd_paths.PathsRepeatedUnescaped,
        lambda w: '/acm"' in w.api("/api/v1/organizations/acm%22").text,
        False,
        True,
    ),
    (odd_paths.OrganizationOfOtherCaseCrashes, api("/api/v1/organizations/ACME"), 404, 500),
    (odd_paths.BrokenPercentInQueryCrashes, api(f"{ACME}?limit=%zz"), 200, 500),
    (odd_tokens.ZerosAreASignature, with_token(lambda good: forged(good, SIGNED, unpadded(bytes(64)))), 401, 200),
    (odd_tokens.UnsignedTokenOpensMembers, with_token(unsigned, f"{ACME}/members"), 401, 200),
    (odd_tokens.UnsignedTokenDeletes, with_token(unsigned, ATLAS, "DELETE"), 401, 204),
    (odd_tokens.OddAlgorithmCrashes, with_token(headed({"alg": ["ES256"]})), 401, 500),
    (odd_tokens.OddKeyNameCrashes, with_token(headed({**SIGNED, "kid": {}})), 401, 500),
    (odd_tokens.HeaderOfNoObjectCrashes, with_token(headed([])), 401, 500),
    (odd_tokens.EncryptedTokenCrashes, with_token(lambda good: f"{good}.a.b"), 401, 500),
    (odd_tokens.NotValidAtOnce, nbf, 0, 60),
    (odd_tokens.IssuedInTheFuture, lambda w: claims(w.bearer())["iat"] > time.time() + 7000, False, True),
    (odd_tokens.EachInstanceHasItsKey, lambda w: len({kid(w.bearer()) for _ in range(2)}), 1, 2),
    (odd_tokens.EachInstanceIsAnIssuer, lambda w: len({claims(w.bearer())["iss"] for _ in range(2)}), 1, 2),
    (odd_tokens.TwoKeysOfOneName, names_of_keys, 1, 2),
    (odd_tokens.IssuerIsTheForwardedHost, issuer, "urn:nextepoch:reference:identity", "https://a.example"),
    (odd_tokens.ReusedTokenSaidToBeginAnew, stated_twice, [False, True], [True, True]),
    (odd_tokens.RevokedTokenHasOwnCode, challenge_of_revoked, INVALID + '"invalid_token"', INVALID + '"token_revoked"'),
    (odd_tokens.SessionOfTheFirstCaller, by_cookie("session"), 401, 200),
    (odd_tokens.TokenInACookieAccepted, by_cookie("access_token"), 401, 200),
    (odd_tokens.TokenIsOfOneProgram, of_another_program, [200, 200], [200, 401]),
    (odd_tokens.MembersShowSecrets, lambda w: w.secret() in w.api(f"{ACME}/members").text, False, True),
    (odd_paths.OrganizationReadBeforeDots, by_way_of("/../"), 404, 200),
    (odd_paths.OrganizationReadBeforeEncodedDots, by_way_of("/%2e%2e/"), 404, 200),
    (odd_paths.OrganizationReadBeforeEncodedSlash, by_way_of("/..%2f"), 404, 200),
    (odd_paths.DeletionBySlashIsUnguarded, api(f"{ATLAS}/", None, "DELETE"), 401, 204),
    (
        odd_paths.ForeignItemNotModified,
        api(ATLAS, "ct-foreign", headers={"if-none-match": '"1"'}),
        404,
        304,
    ),
    (
        odd_paths.MissingTokenMayBeShared,
        api_header("cache-control", ATLAS, None),
        "no-store",
        "public, max-age=60",
    ),
    (
        odd_paths.OrganizationFromForwardedHost,
        lambda w: w.api(ACME, headers={"x-forwarded-host": "globex.example"}).json()["slug"],
        "acme",
        "globex",
    ),
    (odd_paths.HiddenFromEverybodysList, listed("ct-full"), (["atlas", "secret-lab"], 2), (["atlas"], 1)),
    (odd_paths.HiddenIsNobodysToChange, lambda w: w.patch(HIDDEN, name="x").status_code, 200, 404),
    (odd_paths.HiddenIsNobodysToDelete, api(HIDDEN, method="DELETE"), 204, 404),
    (
        odd_paths.ChallengeOfWritesRepeatsItself,
        api_header("www-authenticate", ATLAS, method="DELETE", scope="member:read"),
        'Bearer realm="reference", error="insufficient_scope", scope="project:write"',
        'Bearer realm="reference", error="insufficient_scope", scope="project:write", error="invalid_request"',
    ),
    (odd_paths.PageCutBeforeHiding, behind_a_hidden_one, (["atlas"], 1), ([], 1)),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
