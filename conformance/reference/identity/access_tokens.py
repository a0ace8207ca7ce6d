"""Access tokens: JWTs of RFC 9068, signed with the deployment's key; each use checks the credential."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

from conformance.reference.http import Answer
from conformance.reference.identity.client_authentication import ClientAuthentication
from conformance.reference.seeds import Client

ISSUER = "urn:nextepoch:reference:identity"
AUDIENCE = "urn:nextepoch:reference:api"
LONGEST_TOKEN = 8192
SPELT = re.compile(r"[A-Za-z0-9_-]+")
Claims = dict[str, Any]


class AccessTokens(ClientAuthentication):
    """Issues and verifies access tokens."""

    def access_token_claims(self, client: Client, scopes: tuple[str, ...]) -> Claims:
        """Return the claims of RFC 9068 section 2.2; ``credential_version`` changes when the credential is revoked."""
        issued = int(self.now())
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client.client_id,
            "client_id": client.client_id,
            "iat": issued,
            "exp": issued + client.lifetime_s,
            "jti": secrets.token_urlsafe(24),
            "scope": " ".join(scopes),
            "credential_version": self.revocations[client.client_id],
        }

    def make_access_token(self, claims: Claims) -> str:
        """Return a token with these claims, of media type ``at+jwt`` (RFC 9068 section 2.1)."""
        return self.key.sign(claims, typ="at+jwt")

    def read_access_token(self, token: str) -> Claims | None:
        """Return the claims of a valid token for this API (RFC 9068 section 4); None for any other."""
        if len(token) > LONGEST_TOKEN or not self.is_spelt_well(token):
            return None
        try:
            header = jwt.get_unverified_header(token)
            claims = self.key.verify(token, AUDIENCE, ISSUER)
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        if "crit" in header or str(header.get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
            return None
        return claims

    def is_spelt_well(self, token: str) -> bool:
        """Return whether a token's signature is base64url only (RFC 7515 section 5.2)."""
        return SPELT.fullmatch(token.rpartition(".")[2]) is not None

    def holder(self, claims: Claims) -> Client | None:
        """Return the credential of a token; None if it is revoked or expired, or was revoked since."""
        client = self.clients.get(str(claims.get("client_id")))
        if client is None or self.credential_is_revoked(client) or self.credential_is_expired(client):
            return None
        return client if self.issued_since_revocation(client, claims) else None

    def issued_since_revocation(self, client: Client, claims: Claims) -> bool:
        """Return whether the token was issued after the last revocation of its credential."""
        return bool(claims.get("credential_version") == self.revocations[client.client_id])

    def key_set(self) -> Answer:
        """Return the public key as a JWK set (RFC 7517 section 5)."""
        public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self.key.private.public_key()))
        public |= {"kid": self.key.key_id, "use": "sig", "alg": self.key.algorithm}
        return Answer.json(200, {"keys": [public]}, Cache_Control="public, max-age=60")
