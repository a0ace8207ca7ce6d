"""Defects of guards in front, of readers of odd tokens, and services with pages, show in the answers they name."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from jwt.algorithms import ECAlgorithm
from starlette.datastructures import Headers

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import fronts, odd_claims, told
from conformance.reference.http import Request
from conformance.reference.variants import identity_pages as pages
from tests.reference.identity_table import Look, Row, api, token
from tests.reference.identity_world import ACME, ATLAS, KEY, PROJECTS, World, claims, unpadded

OWNER = "ct-full"
ALLOWED = "access-control-allow-origin"


def field(name: str, value: str = OWNER) -> Look:
    """The status of a read without a token, under a field."""
    return api(ACME, None, headers={name: value})


def spelled(path: str) -> Look:
    """The status of a read without a token by a path that clients would tidy."""

    def look(w: World) -> int:
        request = Request("GET", path, "", Headers(), b"")
        return asyncio.run(w.application.alterations.answer(request)).status

    return look


def shown(text: str) -> Look:
    """The status of a read with this as the token."""
    return lambda w: w.ask("GET", ACME, headers={"authorization": f"Bearer {text}"}).status_code


def token_in_query(w: World) -> int:
    return w.ask("GET", f"{ACME}?jwt={w.bearer()}").status_code


def deleted_by_form(w: World) -> int:
    w.api(ATLAS, OWNER, "POST", content=b"_method=DELETE")
    return w.api(ATLAS).status_code


def infinite(w: World) -> int:
    json = {"content-type": "application/json"}
    return w.api(ATLAS, OWNER, "PATCH", content=b'{"version": 1e400}', headers=json).status_code


def by_hash(w: World) -> int:
    secret = w.identity.clients[OWNER].secret
    return w.token(client_secret=hashlib.sha256(secret.encode()).hexdigest()).status_code


def scopes_granted(w: World) -> int:
    return len(w.token(scope="member:read").json()["scope"].split())


TABLE: list[Row] = [
    (fronts.LineEndIsUnguarded, spelled(f"{ACME}%0a"), 401, 200),
    (fronts.TabIsUnguarded, spelled(f"{ACME}%09"), 401, 200),
    (fronts.EncodedDotIsUnguarded, spelled(ACME.replace("/acme", "/%2e/acme")), 401, 200),
    (fronts.EncodedHashIsUnguarded, spelled(f"{ACME}%23x"), 401, 200),
    (fronts.EncodedParameterIsUnguarded, spelled(f"{ACME}%3bx"), 401, 200),
    (fronts.OverlongSlashIsUnguarded, spelled(ACME.replace("/acme", "%c0%afacme")), 401, 200),
    (fronts.UnderscoresSeenThrough, field("x_client_id"), 401, 200),
    (fronts.RemoteUserBelieved, field("remote-user"), 401, 200),
    (fronts.ClaimsInAFieldBelieved, field("x-userinfo", "e30="), 401, 200),
    (fronts.PreflightSkipsGuard, field("access-control-request-method", "GET"), 401, 200),
    (fronts.ForwardedPrefixSkipsGuard, field("x-forwarded-prefix", "/x"), 401, 200),
    (fronts.ForwardedMethodSkipsGuard, field("x-forwarded-method", "OPTIONS"), 401, 200),
    (fronts.UpgradeSkipsGuard, field("upgrade", "websocket"), 401, 200),
    (fronts.ProberSkipsGuard, field("user-agent", "kube-probe/1.29"), 401, 200),
    (fronts.DroppedFieldSkipsGuard, field("connection", "X-Auth-Token"), 401, 200),
    (fronts.AddressThatIsNoneSkipsGuard, field("x-forwarded-for", "x"), 401, 200),
    (fronts.TokenInQueryUnderOtherName, token_in_query, 401, 200),
    (fronts.MethodInFormHonoured, deleted_by_form, 200, 404),
    (fronts.PutMakesWhatIsNotThere, api(f"{PROJECTS}/made-by-put", OWNER, "PUT", scope="project:read"), 405, 201),
    (fronts.ClientOfAFieldBelieved, token(client_secret=None, headers={"remote-user": OWNER}), 401, 200),
    (fronts.CertificateOfAFieldBelieved, token(client_secret=None, headers={"ssl-client-cert": "x"}), 401, 200),
    (fronts.HashOfSecretAccepted, by_hash, 401, 200),
    (fronts.ListOfParameterCrashes, token(**{"grant_type": None, "grant_type[]": "x"}), 400, 500),
    (fronts.FieldOfAFrontCrashes, field("traceparent", "00-zz"), 401, 500),
    (fronts.FieldOfAClientCrashes, field("origin", "null"), 401, 500),
    (fronts.InfiniteVersionCrashes, infinite, 400, 500),
    (fronts.QuotedWordShowsHidden, lambda w: "secret-lab" in w.api(f"{PROJECTS}?q='", "ct-outsider").text, False, True),
    (fronts.OriginsEndLikeOurs, lambda w: ALLOWED in answered(w, "https://cf-{host}"), False, True),
    (fronts.OriginsBeginLikeOurs, lambda w: ALLOWED in answered(w, "https://{host}.example"), False, True),
    (odd_claims.TokenOfDotsCrashes, shown(".."), 401, 500),
    (odd_claims.ManyDotsCrash, shown("." * 2000), 401, 500),
    (odd_claims.UnknownAlgorithmCrashes, shown("eyJhbGciOiJDRjk5OSJ9.e30.x"), 401, 500),
    (odd_claims.ListOfClaimsCrashes, shown("e30.W10.x"), 401, 500),
    (odd_claims.NullForAHeaderCrashes, shown("bnVsbA.e30.x"), 401, 500),
    (odd_claims.NullForClaimsCrashes, shown("e30.bnVsbA.x"), 401, 500),
    (odd_claims.OddClaimsCrash, shown("e30.eyJleHAiOiJ4In0.x"), 401, 500),
    (told.DescriptionIsAnException, lambda w: "Exception{" in w.token(grant_type="x").text, False, True),
    (pages.TokenEndpointLeadsToALogin, lambda w: w.ask("GET", "/oauth/token").status_code, 405, 302),
    (pages.DefaultScopeIsGrantedToo, scopes_granted, 1, 2),
    (pages.PortalIsShownElsewhere, lambda w: w.ask("GET", "/of-nobody").status_code, 404, 200),
    (pages.TokenEndpointShowsAPage, lambda w: w.ask("GET", "/oauth/token").status_code, 405, 200),
    (pages.UnknownScopesStandForTheDefault, token(scope="x"), 400, 200),
]  # fmt: skip


def answered(w: World, origin: str) -> Any:
    """The fields of an answer to a page of this origin."""
    host = w.api(ACME).request.headers["host"].partition(":")[0]
    return w.api(ACME, headers={"origin": origin.replace("{host}", host)}).headers


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_what_is_encrypted_is_believed() -> None:
    head, body = (unpadded(json.dumps(each).encode()) for each in ({"alg": "none"}, claims(World().bearer())))
    forged = encrypted(f"{head}.{body}.")
    assert shown(forged)(World()) == 401
    assert shown(forged)(World(odd_claims.EncryptedIsBelieved)) == 200
    assert shown(f"{forged}x")(World(odd_claims.EncryptedIsBelieved)) == 401


def encrypted(content: str) -> str:
    """Content that only the holder of the reference's key reads (RFC 7518 section 4.6)."""
    once = ec.generate_private_key(ec.SECP256R1())
    told = b"\0\0\0\x07A256GCM" + bytes(10) + b"\x01\0"
    secret = ConcatKDFHash(hashes.SHA256(), 32, told).derive(once.exchange(ec.ECDH(), KEY.private.public_key()))
    epk = ECAlgorithm.to_jwk(once.public_key(), as_dict=True)
    head = unpadded(json.dumps({"alg": "ECDH-ES", "enc": "A256GCM", "epk": epk}).encode())
    sealed = AESGCM(secret).encrypt(bytes(12), content.encode(), head.encode())
    return ".".join([head, "", *map(unpadded, (bytes(12), sealed[:-16], sealed[-16:]))])
