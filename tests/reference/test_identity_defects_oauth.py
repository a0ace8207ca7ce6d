"""Defects of the token endpoint, bearer tokens, scopes, revocation and limits show in the answers they name."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from jwt.algorithms import ECAlgorithm

from conformance.clients.key_server import KeyServer
from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import (
    access_tokens,
    bearer,
    client_authentication,
    limits,
    revocation,
    scopes,
    token_answers,
    token_requests,
)
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import SCOPES
from tests.reference.identity_table import (
    Look,
    Row,
    api,
    api_header,
    error,
    header,
    member,
    scope,
    statuses,
    token,
)
from tests.reference.identity_world import (
    ABSENT,
    ACME,
    ATLAS,
    FORM,
    NOBODY,
    PROJECTS,
    World,
    basic,
    claims,
    forged,
    pauses,
    unpadded,
)

ALL, TWICE = " ".join(SCOPES), ["client_credentials"] * 2
JSON_FORM: dict[str, Any] = {"headers": {"content-type": "application/json"}}


def query_of(w: World) -> str:
    return f"?grant_type=client_credentials&client_id=ct-full&client_secret={w.secret()}"


def as_json(w: World) -> int:
    body = {"grant_type": "client_credentials", "client_id": "ct-full", "client_secret": w.secret()}
    return w.token(raw=json.dumps(body).encode(), **JSON_FORM).status_code


def in_parts(w: World) -> int:
    fields = {"grant_type": "client_credentials", "client_id": "ct-full", "client_secret": w.secret()}
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items())
    return w.token(
        raw=f"{parts}--b--".encode(), headers={"content-type": "multipart/form-data; boundary=b"}
    ).status_code


def with_secret(change: Any) -> Look:
    return lambda w: w.token(client_secret=change(w.secret())).status_code


def by_basic(change: Any, **form: Any) -> Look:
    return lambda w: w.by_basic(change(basic("ct-full", w.secret())), **form).status_code


def percent_encoded(w: World) -> int:
    return w.by_basic(basic("%63t-full", w.secret())).status_code


def both_ways(w: World) -> int:
    return w.by_basic(basic("ct-full", w.secret()), client_secret=w.secret(), client_id="ct-full").status_code


def lone(value: Any) -> Look:
    """Status of a call with an Authorization made from a token."""
    return lambda w: w.ask("GET", ATLAS, headers={"authorization": value(w.bearer())}).status_code


def two_headers(first: bool) -> Look:
    def look(w: World) -> int:
        values = [f"Bearer {w.bearer()}", "Bearer x"][:: 1 if first else -1]
        return w.ask("GET", ATLAS, headers=[("authorization", value) for value in values]).status_code

    return look


def attacked(attack: Any) -> Look:
    """Status of a call with a token that an attacker has made of a valid one."""
    return lambda w: w.ask("GET", ACME, headers={"authorization": f"Bearer {attack(w)}"}).status_code


def signed_with_public_key(w: World) -> str:
    text = forged(w.bearer(), {"alg": "HS256", "typ": "at+jwt"}, "").rstrip(".")
    public = w.identity.key.private.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"{text}.{unpadded(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"


def signed_with_own_key(w: World) -> str:
    key = SigningKey()
    brought = json.loads(ECAlgorithm.to_jwk(key.private.public_key()))
    return key.sign(claims(w.bearer()), typ="at+jwt", jwk=brought)


def signed_by_a_key_elsewhere(w: World) -> int:
    key = SigningKey()
    published = {"keys": [json.loads(ECAlgorithm.to_jwk(key.private.public_key()))]}
    with KeyServer(json.dumps(published).encode(), "http://127.0.0.1") as keys:
        return int(attacked(lambda w: key.sign(claims(w.bearer()), typ="at+jwt", jku=keys.url))(w))


def certificates_asked_for(w: World) -> int:
    with KeyServer(b"", "http://127.0.0.1") as keys:
        attacked(lambda w: SigningKey().sign(claims(w.bearer()), typ="at+jwt", x5u=keys.url))(w)
    return len(keys.asked)


def eleventh_use(w: World) -> int:
    headers = {"authorization": f"Bearer {w.bearer()}"}
    return [w.ask("GET", ACME, headers=headers).status_code for _ in range(11)][-1]


def registry_token(w: World) -> str:
    return str(w.registry("ct-push").json()["token"])


def overridden(w: World) -> int:
    headers = {"x-http-method-override": "DELETE"}
    return w.api(ATLAS, scope="project:read", headers=headers).status_code


def cached(w: World) -> int:
    return w.api(ACME).status_code and w.ask("GET", ACME).status_code


def same_second(w: World) -> bool:
    w.identity.now = lambda: 4_000_000_000.0  # type: ignore[method-assign]
    return w.bearer() == w.bearer()


def after_expiry(w: World) -> int:
    w.identity.clients["ct-short"].lifetime_s = -60
    return int(attacked(lambda world: world.bearer("ct-short"))(w))


def copy_after_expiry(w: World) -> int:
    w.identity.clients["ct-short"].lifetime_s = -60
    fields = {"authorization": f"Bearer {w.bearer('ct-short')}", "if-none-match": "*"}
    return int(w.ask("GET", ATLAS, headers=fields).status_code)


def revoked(warm: bool, *calls: tuple[str, str], restored: bool = False) -> Look:
    """Statuses of calls with a token whose credential was revoked after it was used (warm) or not."""

    def look(w: World) -> list[int]:
        headers = {"authorization": f"Bearer {w.bearer('ct-revocable')}"}
        if warm:
            w.ask("GET", ACME, headers=headers)
        w.identity.revoke("ct-revocable")
        if restored:
            w.identity.restore("ct-revocable")
        return [w.ask(method, url, headers=headers).status_code for method, url in calls or [("GET", ACME)]]

    return look


def revoked_client(client_id: str) -> Look:
    def look(w: World) -> int:
        w.identity.revoke("ct-revocable")
        return w.token(client_id).status_code

    return look


def burst(count: int, wait: float = 0.0, start: float = 1000.0, **form: Any) -> Look:
    """Statuses of so many requests at once, then one more after a while: [last of the burst, the one after]."""

    def look(w: World) -> list[int]:
        clock = [start]
        w.identity.monotonic = lambda: clock[0]  # type: ignore[method-assign]
        last = [w.token("ct-limited", **form).status_code for _ in range(count)][-1]
        clock[0] += wait
        return [last, w.token("ct-limited").status_code]

    return look


def limit_header(name: str) -> Look:
    def look(w: World) -> str | None:
        w.identity.monotonic = lambda: 1000.0  # type: ignore[method-assign]
        told: str | None = [w.token("ct-limited") for _ in range(11)][-1].headers.get(name)
        return told

    return look


def neighbour(w: World) -> list[int]:
    return [burst(11)(w)[0], w.token().status_code]


def told_by_time(w: World) -> list[int]:
    return [pauses(lambda: w.token(client_secret="x")), pauses(lambda: w.token("never-existed"))]


REQUESTS: list[Row] = [
    (token_requests.TokenByGet, lambda w: w.token(method="GET", query=query_of(w), raw=b"").status_code, 405, 200),
    (token_requests.TokenByPut, token(method="PUT"), 405, 200),
    (token_requests.TokenAllowMissing, header("allow", method="PUT"), "POST", None),
    (token_requests.TokenRequestAsJson, as_json, 400, 200),
    (token_requests.TokenRequestInParts, in_parts, 400, 200),
    (token_requests.TokenContentTypeIgnored, token(headers={"content-type": "text/plain"}), 400, 200),
    (token_requests.TokenContentTypeComparedWithCase, token(headers={"content-type": FORM.upper()}), 200, 400),
    (token_requests.TokenCharsetParameterRefused, token(headers={"content-type": FORM + ";charset=utf-8"}), 200, 400),
    (token_requests.UnknownParameterRefused, token(unknown="x"), 200, 400),
    (token_requests.EmptyParameterNotOmitted, token(scope=""), 200, 400),
    (token_requests.DuplicateGrantTypeAccepted, token(grant_type=TWICE), 400, 200),
    (
        token_requests.LastDuplicateCredentialWins,
        lambda w: w.token(client_secret=["x", w.secret()]).status_code,
        400,
        200,
    ),
    (
        token_requests.FirstDuplicateCredentialWins,
        lambda w: w.token(client_secret=[w.secret(), "x"]).status_code,
        400,
        200,
    ),
    (token_requests.DuplicateScopesUnited, scope(scope=list(SCOPES[:2])), 400, " ".join(SCOPES[:2])),
    (token_requests.MissingGrantTypeAccepted, token(grant_type=None), 400, 200),
    (token_requests.GrantTypeComparedWithoutCase, token(grant_type="Client_Credentials"), 400, 200),
    (token_requests.GrantTypeCutAtNul, token(grant_type="client_credentials\0x"), 400, 200),
    (token_requests.UnknownGrantCrashes, token(grant_type="x"), 400, 500),
    (
        token_requests.UnknownGrantIsInvalidGrant,
        error(grant_type="x"),
        (400, "unsupported_grant_type"),
        (400, "invalid_grant"),
    ),
    (token_requests.UndecodableFormCrashes, token(raw=b"client_id=%FF"), 400, 500),
    (token_requests.LargeTokenRequestCrashes, token(unknown="x" * 70_000), 200, 502),
    (token_requests.TokenTrailingQueryRefused, token(query="?x=1"), 200, 500),
]
CLIENTS: list[Row] = [
    (client_authentication.WrongSecretAccepted, token(client_secret="x"), 401, 200),
    (client_authentication.EmptyBasicSecretAccepted, lambda w: w.by_basic(basic("ct-full", "")).status_code, 401, 200),
    (client_authentication.SecretComparedByPrefix, with_secret(lambda secret: secret + "x"), 401, 200),
    (client_authentication.SecretComparedWithoutCase, with_secret(str.swapcase), 401, 200),
    (client_authentication.SecretOfNoValueAccepted, with_secret(lambda _: "null"), 401, 200),
    (client_authentication.SecretComparedByPattern, with_secret(lambda _: "%"), 401, 200),
    (client_authentication.SecretTrimmed, with_secret(lambda secret: f" {secret}"), 401, 200),
    (client_authentication.SecretPaddedWithNul, with_secret(lambda secret: f"{secret}\0"), 401, 200),
    (client_authentication.NonAsciiSecretCrashes, token(client_secret="\u00e9"), 401, 500),
    (client_authentication.AccessTokenAcceptedAsSecret, lambda w: w.token(client_secret=w.bearer()).status_code, 401,
     200),
    (client_authentication.UnknownClientAnsweredFaster, told_by_time, [0, 0], [1, 0]),
    (client_authentication.UnknownClientAnsweredAMillisecondFaster, told_by_time, [0, 0], [1, 0]),
    (client_authentication.ClientIdComparedWithoutCase, lambda w: w.token("CT-FULL",
     client_secret=w.secret()).status_code, 401, 200),
    (client_authentication.NulInClientIdCrashes, token(client_id="a\0"), 401, 500),
    (client_authentication.UnknownClientNamed, lambda w: w.token("x").content == w.token(client_secret="x").content,
     True, False),
    (client_authentication.UnknownClientIs400, lambda w: w.token("x").status_code, 401, 400),
    (client_authentication.RevokedCredentialNamed, lambda w: b"revoked" in w.token("ct-revoked").content, False, True),
    (client_authentication.ClientRefusedWith403, token(client_secret="x"), 401, 403),
    (client_authentication.WrongSecretIsUnauthorizedClient, error(client_secret="x"),
     (401, "invalid_client"), (401, "unauthorized_client")),
    (client_authentication.ExpiredCredentialGetsToken, lambda w: w.token("ct-expired").status_code, 401, 200),
    (client_authentication.RevokedCredentialGetsToken, lambda w: w.token("ct-revoked").status_code, 401, 200),
    (client_authentication.BasicAuthenticationRefused, by_basic(str), 200, 401),
    (client_authentication.BodyCredentialsRefused, token(), 200, 401),
    (client_authentication.BasicSchemeComparedWithCase, by_basic(lambda value: value.replace("Basic", "basic")), 200,
     401),
    (client_authentication.BasicNotFormDecoded, percent_encoded, 200, 401),
    (client_authentication.MalformedBasicCrashes, by_basic(lambda value: "Basic ?"), 401, 500),
    (client_authentication.TwoAuthenticationsAccepted, both_ways, 400, 200),
    (client_authentication.BasicWinsOverOtherClientId, by_basic(str, client_id="ct-narrow"), 400, 200),
    (client_authentication.CredentialsInQueryAccepted,
     lambda w: w.token(raw=b"scope=project%3Aread", query=query_of(w)).status_code, 400, 200),
    (client_authentication.TokenChallengeMissing, lambda w: "www-authenticate" in w.token("x").headers, True, False),
    (client_authentication.TokenChallengeIsBearer, lambda w: w.token("x").headers["www-authenticate"][:6], "Basic ",
     "Bearer"),
]  # fmt: skip
ANSWERS: list[Row] = [
    (token_answers.TokenMayBeStored, header("cache-control"), "no-store", "private, max-age=3600"),
    (token_answers.TokenErrorMayBeStored, header("cache-control", grant_type="x"), "no-store", None),
    (token_answers.PragmaMissing, header("pragma"), "no-cache", None),
    (token_answers.TokenSetsCookie, header("set-cookie"), None, "session=b0a1c2; Path=/"),
    (token_answers.TokenTypeMissing, member("token_type"), "Bearer", None),
    (token_answers.TokenTypeIsAccessToken, member("token_type"), "Bearer", "access_token"),
    (token_answers.ExpiresInIsText, member("expires_in"), 3600, "3600"),
    (token_answers.ExpiresInMilliseconds, member("expires_in"), 3600, 3_600_000),
    (token_answers.ExpiresInMissing, member("expires_in"), 3600, None),
    (token_answers.RefreshTokenIssued, member("refresh_token"), None, "0ZtVnL1yqkWbSg6yT0cQbQ"),
    (token_answers.GrantedScopeNotStated, member("scope"), ALL, None),
    (token_answers.ScopeStatedAsArray, member("scope"), ALL, list(SCOPES)),
    (token_answers.TokenAnswerWrapped, lambda w: list(w.token().json())[:1], ["access_token"], ["data"]),
    (token_answers.SecretEchoedWithToken, lambda w: w.secret() in w.token().text, False, True),
    (token_answers.TokenIssuedWith201, token(), 200, 201),
    (token_answers.TokenErrorIsHtml, header("content-type", grant_type="x"), "application/json", "text/html"),
    (
        token_answers.TokenErrorNested,
        member("error", grant_type="x"),
        "unsupported_grant_type",
        {"code": "unsupported_grant_type"},
    ),
    (token_answers.TokenErrorUnregistered, member("error", grant_type="x"), "unsupported_grant_type", "auth_failure"),
    (token_answers.TokenErrorWith200, token(grant_type="x"), 400, 200),
    (token_answers.TokenErrorQuotesRequest, lambda w: '"' in w.token("x").json()["error_description"], False, True),
    (token_answers.TokenErrorEchoesRequest, lambda w: "s3cr3t" in w.token(client_secret="s3cr3t").text, False, True),
    (token_answers.TokenErrorShowsStackTrace, lambda w: "Traceback" in w.token("x").text, False, True),
    (token_answers.TokenAnswerWithRepeatedMember, lambda w: w.token().text.count('"scope"'), 1, 2),
]
TOKENS: list[Row] = [
    (access_tokens.TokensAreCounted, lambda w: w.bearer().startswith("nextepoch-"), False, True),
    (access_tokens.CountedTokensAreGivenAgain, lambda w: w.bearer() == w.bearer(), False, True),
    (access_tokens.TokensAreShort, lambda w: len(w.bearer()) > 40, True, False),
    (access_tokens.TokensRepeatWithinASecond, same_second, False, True),
    (access_tokens.TokensLiveForTenDays, member("expires_in"), 3600, 864_000),
    (access_tokens.TokenOutlivesExpiresIn, after_expiry, 401, 200),
    (access_tokens.ExpiredTokenAccepted, after_expiry, 401, 200),
    (access_tokens.ExpiredTokenFindsNothingModified, copy_after_expiry, 401, 304),
    (access_tokens.TokenDiesEarly, eleventh_use, 200, 401),
    (access_tokens.SecretInsideToken, lambda w: w.secret() in str(claims(w.bearer())), False, True),
    (access_tokens.JtiMissing, lambda w: "jti" in claims(w.bearer()), True, False),
    (access_tokens.SignatureNotVerified, attacked(lambda w: forged(w.bearer(), {"alg": "ES256"}, scope=ALL, x=1)), 401,
     200),
    (access_tokens.UnsignedTokenAccepted, attacked(lambda w: forged(w.bearer(), {"alg": "None"}, "")), 401, 200),
    (access_tokens.PublicKeyTakenAsHmacSecret, attacked(signed_with_public_key), 401, 200),
    (access_tokens.EmbeddedKeyTrusted, attacked(signed_with_own_key), 401, 200),
    (access_tokens.KeySetUrlFollowed, signed_by_a_key_elsewhere, 401, 200),
    (access_tokens.CertificateUrlFetched, certificates_asked_for, 0, 1),
    (access_tokens.TokenOfAnotherServiceAccepted, attacked(registry_token), 401, 200),
    (access_tokens.TokenOfNoValueAccepted, attacked(lambda w: "null"), 401, 200),
    (access_tokens.LongTokenCrashes, attacked(lambda w: "a" * 5000), 401, 500),
]  # fmt: skip
SCOPE_ROWS: list[Row] = [
    (scopes.UnknownScopeGranted, scope(scope="x"), 400, "x"),
    (scopes.ScopeBeyondCredentialGranted, scope(client_id="ct-narrow", scope="project:write"), 400, "project:write"),
    (scopes.ScopeBesideAnAllowedOneGranted, lambda w: w.token("ct-narrow", scope=ALL).status_code, 400, 200),
    (scopes.ScopeComparedWithoutCase, scope(scope="PROJECT:READ"), 400, "project:read"),
    (scopes.ScopesSplitAtCommas, scope(scope="project:read,member:read"), 400, "project:read member:read"),
    (scopes.ScopeGrammarNotChecked, scope(scope="project:read\tmember:read"), 400, "project:read member:read"),
    (scopes.MalformedScopeGranted, scope(scope='project:read "x"'), 400, 'project:read "x"'),
    (scopes.WildcardScopeGranted, scope(scope="project:*"), 400, "project:read project:write"),
    (scopes.ScopeAllIsEverything, scope(scope="all"), 400, ALL),
    (scopes.OmittedScopeGrantsEverything, lambda w: w.token("ct-narrow").json()["scope"], "organization:read", ALL),
    (scopes.OmittedScopeRefused, token(), 200, 400),
    (scopes.NarrowingIgnored, scope(scope="project:read"), "project:read", ALL),
    (scopes.StatedScopeNotEnforced, api(ACME, scope="project:read"), 403, 200),
    (scopes.OrderOfScopesMatters, token(scope="project:read member:read"), 200, 400),
    (scopes.InvalidScopeIs403, token(scope="x"), 400, 403),
    (scopes.ReadScopeWrites, api(ATLAS, method="PATCH", scope="project:read", json={}), 403, 200),
    (scopes.ReadScopeDeletes, api(ATLAS, method="DELETE", scope="project:read"), 403, 204),
    (scopes.MembersNeedOrganizationScopeOnly, api(f"{ACME}/members", scope="organization:read"), 403, 200),
    (scopes.WriteScopeReads, api(ATLAS, scope="project:write"), 403, 200),
    (scopes.AnyScopeOpensEverything, api(ATLAS, scope="member:read"), 403, 200),
    (scopes.NeededScopeRefused, api(ATLAS, scope="project:read"), 200, 403),
]
BEARER: list[Row] = [
    (bearer.TokenInQueryAccepted, lambda w: w.ask("GET", ACME, params={"access_token": w.bearer()}).status_code, 401,
     200),
    (bearer.TokenInBodyAccepted, lambda w: w.ask("GET", ACME, content=f"access_token={w.bearer()}").status_code, 401,
     200),
    (bearer.BearerSchemeComparedWithCase, lone(lambda text: f"bearer {text}"), 200, 401),
    (bearer.AnySchemeAccepted, lone(lambda text: f"Token {text}"), 401, 200),
    (bearer.BareTokenAccepted, lone(str), 401, 200),
    (bearer.JunkAfterTokenAccepted, lone(lambda text: f"Bearer {text} junk"), 401, 200),
    (bearer.FirstAuthorizationWins, two_headers(True), 401, 200),
    (bearer.LastAuthorizationWins, two_headers(False), 401, 200),
    (bearer.MissingTokenIs403, api(ACME, None), 401, 403),
    (bearer.BadTokenIs403, lone(lambda text: "Bearer x.y.z"), 401, 403),
    (bearer.BadTokenCrashes, lone(lambda text: "Bearer x"), 401, 500),
    (bearer.ApiChallengeMissing, api_header("www-authenticate", ACME, None), 'Bearer realm="reference"', None),
    (bearer.ApiChallengeIsBasic, api_header("www-authenticate", ACME, None), 'Bearer realm="reference"',
     'Basic realm="reference"'),
    (bearer.MissingTokenNamesError, lambda w: "error" in w.api(ACME, None).headers["www-authenticate"], False, True),
    (bearer.BadTokenNamesNoError, lambda w: "error" in w.ask(
        "GET", ACME, headers={"authorization": "Bearer x"}).headers["www-authenticate"], True, False),
    (bearer.LackingScopeIs401, api(ATLAS, "ct-narrow"), 403, 401),
    (bearer.LackingScopeIs404, api(ATLAS, "ct-narrow"), 403, 404),
    (bearer.LackingScopeNamesNoError, lambda w: "error" in w.api(ATLAS, "ct-narrow").headers["www-authenticate"], True,
     False),
    (bearer.AbsenceToldToStrangers, api(NOBODY, None), 401, 404),
    (bearer.ProjectToldToStrangers, api(ABSENT, None), 401, 404),
    (bearer.MethodRefusedWhereSomethingIs, api(ATLAS, None, "PUT"), 401, 405),
    (bearer.BodyRefusedBeforeToken, api(PROJECTS, None, "POST", content=b"{"), 401, 400),
    (bearer.ProjectLookedUpBeforeScope, api(ABSENT, "ct-narrow"), 403, 404),
    (bearer.HeadNeedsNoScope, api(ATLAS, "ct-narrow", "HEAD"), 403, 200),
    (bearer.MethodOverrideHonoured, statuses(overridden, api(ATLAS)), [200, 200], [204, 404]),
    (bearer.IdentityHeaderTrusted, api("/api/v1/organizations/globex", headers={"x-organization-id": "globex"}), 404,
     200),
    (bearer.SharedCacheInFront, cached, 401, 200),
    (bearer.ApiAnswersMayBeStored, api_header("cache-control", ACME), "no-store", "public, max-age=300"),
    (bearer.TokenEchoedInError, lambda w: "t0k3n" in w.ask(
        "GET", ACME, headers={"authorization": "Bearer t0k3n"}).text, False, True),
]  # fmt: skip
LIFE: list[Row] = [
    (revocation.WarmTokensOutliveRevocation, revoked(True), [401], [200]),
    (revocation.ColdTokensOutliveRevocation, revoked(False), [401], [200]),
    (revocation.RevocationTakesSeconds, revoked(True), [401], [200]),
    (revocation.RevokedTokensKeepWorking, revoked(True), [401], [200]),
    (revocation.RevocationMissedByOneInstance, revoked(False, *[("GET", ACME)] * 4), [401] * 4, [401, 401, 401, 200]),
    (
        revocation.RevocationMissedByOneApi,
        revoked(True, ("GET", ACME), ("GET", f"{ACME}/members")),
        [401, 401],
        [401, 200],
    ),
    (revocation.RevokedTokensStillRead, revoked(True, ("GET", ATLAS), ("DELETE", ATLAS)), [401, 401], [200, 401]),
    (revocation.RestoredCredentialRevivesTokens, revoked(True, restored=True), [401], [200]),
    (revocation.RevocationHitsNeighbours, revoked_client("ct-full"), 200, 401),
    (revocation.RevocationLimitedToTokens, revoked_client("ct-revocable"), 401, 200),
    (limits.LimitNotEnforced, burst(11), [429, 429], [200, 200]),
    (limits.LimitTwiceAsHigh, burst(11), [429, 429], [200, 200]),
    (limits.LimitHalfAsHigh, burst(6), [200, 200], [429, 429]),
    (limits.LimitExceededIs503, burst(11), [429, 429], [503, 503]),
    (limits.LimitExceededIs403, burst(11), [429, 429], [403, 403]),
    (limits.LimitExceededIsInvalidClient, burst(11), [429, 429], [401, 401]),
    (limits.RetryAfterIsAFraction, limit_header("retry-after"), "1", "1.000"),
    (limits.RetryAfterIsNoDate, limit_header("retry-after"), "1", "Thu, 31 Feb 2099 00:00:00 GMT"),
    (limits.RetryAfterTooShort, limit_header("retry-after"), "1", "0"),
    (limits.RetryAfterIsAnHour, limit_header("retry-after"), "1", "3601"),
    (limits.RefusedRequestsProlongTheWait, burst(11, wait=1.0), [429, 200], [429, 429]),
    (limits.LimitSharedByAll, neighbour, [429, 200], [429, 429]),
]
TABLE = [*REQUESTS, *CLIENTS, *ANSWERS, *TOKENS, *SCOPE_ROWS, *BEARER, *LIFE]


@pytest.mark.parametrize(("defect", "look", "clean", "broken"), TABLE, ids=lambda value: getattr(value, "__name__", ""))
def test_what_each_defect_changes(defect: type[Alteration], look: Look, clean: Any, broken: Any) -> None:
    assert clean != broken
    assert (look(World()), look(World(defect))) == (clean, broken)
