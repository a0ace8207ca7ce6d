"""Access tokens that are JWTs: their signatures, as they are made and as they are read."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import OAuthClient
from conformance.evidence.recorder import Recorder
from conformance.oracles.status import expect_status
from conformance.sandbox.jwts import require_opening
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

TOKENS = 3


@verifies("oauth/jwt/signature-has-its-length")
@concludes()
def test_signature_has_its_length(oauth: OAuthClient, recorder: Recorder) -> None:
    """Purpose: a verifier that keeps to the standard takes every token, and does not refuse one of a hundred.

    Method: 1. ask for three tokens
            2. expect the signature of each, and of every other that the run was given before, to be as long as its
               algorithm says: of ES256 64 octets, though one in 128 begins with a zero in one of its halves
    """
    for _ in range(TOKENS):
        oauth.fresh_token("full")
    endpoint = oauth.http.base_url + oauth.identity.token_path
    misfits = [each for each in recorder.watch.misfits if each["entry"]["url"].startswith(endpoint)]
    if misfits:
        finding = NonConformance(
            "signatures of their algorithm's length",
            f"{len(misfits)} of another: {misfits[0]['wrong']}",
            hint=f"it may be one token in a hundred: asked by itself, this check looks at {TOKENS}",
            proof=Proof(beyond="it is about few of many tokens"),
        )
        finding.exchange_ids = [recorder.recall(each["entry"]) for each in misfits[:1]]
        raise finding


@verifies("oauth/jwt/signature-has-one-spelling")
@pytest.mark.parametrize("how", [case("padded", "padded"), case("other-alphabet", "other-alphabet")])
def test_signature_has_one_spelling(platform: Platform, how: str) -> None:
    """Purpose: what is kept of a token, that it was revoked for instance, cannot be got round by spelling it otherwise.

    Method: 1. use a token at a declared resource: 2xx
            2. pad its signature with "=", or spell it in the alphabet of base64 in place of base64url
            3. expect 401
    """
    operation = platform.operations("read")[0]
    token = next(filter(_spelt_by_both, (platform.oauth.fresh_token("full") for _ in range(TOKENS))), "")
    if not token:
        raise NotApplicable("no signature has a letter that the two alphabets have not in common")
    require_opening(platform, operation, token)

    signed, _, signature = token.rpartition(".")
    padded = signature + "=" * (-len(signature) % 4 or 4)
    spelt = padded if how == "padded" else signature.replace("-", "+").replace("_", "/")
    expect_status(platform.send(operation, f"{signed}.{spelt}"), 401, f"for a signature that is {how}")


def _spelt_by_both(token: str) -> bool:
    return bool({"-", "_"} & set(token.rpartition(".")[2]))
