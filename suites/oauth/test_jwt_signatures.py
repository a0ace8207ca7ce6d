"""Access tokens that are JWTs: their signatures, over all tokens that a run is given."""

from __future__ import annotations

from conformance.clients.oauth import OAuthClient
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.check import concludes, verifies
from conformance.vocabulary.finding import NonConformance, Proof

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
