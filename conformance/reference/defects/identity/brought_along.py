"""Defects in what a verifier takes from a token itself, and in what it is compared with."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

import jwt
from cryptography import x509

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.access_tokens import header_of, unverified
from conformance.reference.defects.identity.support import is_api_request
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import Claims
from conformance.reference.seeds import Client

Reads = Callable[[str], Claims | None]
KeySet = Callable[[], Answer]


class CertificateBroughtAlongTrusted(Defect):
    """RFC 8725 section 3.10: a certificate in x5c that nobody trusted has signed proves nothing."""

    surface = "identity"
    noticed_by = ("oauth/jwt/forged-tokens-are-refused",)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        chain = header_of(token).get("x5c")
        if not isinstance(chain, list) or not chain:
            return original(token)
        try:
            certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0]))
            key = certificate.public_key()
            claims: Claims = jwt.decode(token, key, algorithms=["ES256"], options={"verify_aud": False})  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        return claims


class UnsecuredWhateverIsBehind(Defect):
    """RFC 9068 section 4: a token with the algorithm "none" is refused, though a signature stands behind it."""

    surface = "identity"
    noticed_by = ("oauth/jwt/forged-tokens-are-refused",)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        is_unsecured = header_of(token).get("alg") == "none" and token.rpartition(".")[2] != ""
        return unverified(token) if is_unsecured else original(token)


class PartsBehindIgnored(Defect):
    """RFC 7515 section 7.1: a signed token has three parts; what has more is no token of the issuer's."""

    surface = "identity"
    noticed_by = ("oauth/jwt/forged-tokens-are-refused",)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return original(".".join(token.split(".")[:3]))


class KeySetIsABareList(Defect):
    """RFC 7517 section 5: a JWK set is an object, whose member keys has the keys."""

    surface = "identity"
    noticed_by = ("oauth/jwt/published-keys-verify",)

    def key_set(self, original: KeySet) -> Answer:
        return Answer.json(200, json.loads(original().body)["keys"])


class KeySetIsEmpty(Defect):
    """RFC 9068 section 4: the keys with which tokens are verified are those that are published."""

    surface = "identity"
    noticed_by = ("oauth/jwt/published-keys-verify",)

    def key_set(self, original: KeySet) -> Answer:
        return Answer.json(200, {"keys": []})


class SecretNormalized(Defect):
    """RFC 6749 section 2.3.1: a secret is compared as it is, not as a database's collation or Unicode folds it."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused",)

    def secret_matches(
        self, original: Callable[[Client | None, str], bool], client: Client | None, secret: str
    ) -> bool:
        return original(client, unicodedata.normalize("NFKC", secret))


class SecretDecodedTwice(Defect):
    """RFC 6749 appendix B: a form is decoded once; what is percent-encoded in it then is so in the secret."""

    surface = "identity"
    noticed_by = ("oauth/token/wrong-secret-is-refused",)

    def secret_matches(
        self, original: Callable[[Client | None, str], bool], client: Client | None, secret: str
    ) -> bool:
        return original(client, secret) or original(client, unquote(secret))


class KnownCopyIs412(Defect):
    """RFC 9110 section 13.1.2: where a copy is the present one, GET is answered 304, and never 412."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-tells-its-fields",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 304:
            answer.status = 412
        return answer
