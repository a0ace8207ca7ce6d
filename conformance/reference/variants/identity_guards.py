"""Right ways for an identity service to be on its guard: against who guesses, and against odd texts and keys."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER, LONGEST_TOKEN
from conformance.reference.identity.records import Organization
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account, Client

Claims = dict[str, Any]
FEW_S = 6
MOMENT_S = 0.8
KEY = "of-an-edwards-curve"
ODD = re.compile(r"[^A-Za-z0-9 ._-]")
Authenticated = Callable[[Request, dict[str, str]], Client]


class _Locking(Variant):
    """A client is refused for a while, whatever its secret, after so many wrong ones."""

    most = 0
    seconds = 0.0

    def __init__(self) -> None:
        self.wrong: Counter[str] = Counter()
        self.until: dict[str, float] = {}

    def authenticated_client(self, original: Authenticated, request: Request, form: dict[str, str]) -> Client:
        surface = surface_of(original)
        asked, secret = surface.presented_credentials(request, form)
        if self.until.get(asked, 0.0) > time.monotonic():
            raise Refused(surface.client_refused("locked"))
        if surface.secret_matches(surface.find_client(asked), secret):
            self._proved(asked)
        else:
            self.wrong[asked] += 1
        if self.wrong[asked] >= self.most:
            self.until[asked] = time.monotonic() + self.seconds
            del self.wrong[asked]
        return original(request, form)

    def _proved(self, asked: str) -> None:
        """What a right secret does to the count."""


class LockedAfterWrongSecrets(_Locking):
    """RFC 6749 section 2.3.1: who guesses in a row has the client locked, for all that its secret is right later."""

    surface = "identity"
    most, seconds = 5, 30.0

    def _proved(self, asked: str) -> None:
        del self.wrong[asked]


class LockedForAMoment(_Locking):
    """RFC 6749 section 2.3.1: so may be who guesses often, though a right secret comes between, for a while alone."""

    surface = "identity"
    alone = True
    most, seconds = 25, 0.5


class RegistryLoginsLockedForAMoment(Variant):
    """RFC 6749 section 2.3.1: so may be a login of the registry, for a moment after each wrong password."""

    surface = "identity"
    alone = True

    def __init__(self) -> None:
        self.until: dict[str, float] = {}

    def account_of(self, original: Any, username: str, password: str) -> Account | None:
        account: Account | None = original(username, password)
        if account is None:
            self.until[username] = time.monotonic() + MOMENT_S
        return account if self.until.get(username, 0.0) <= time.monotonic() else None


class RegistryPasswordsTellWhoseTheyAre(Variant):
    """API Reference, Error Handling: 401 for an invalid token. Where passwords are such, any name goes with them."""

    surface = "identity"

    def account_of(self, original: Any, username: str, password: str) -> Account | None:
        surface, found = surface_of(original), None
        for account in surface.accounts.values() if username else ():
            if surface.password_matches(account.password, password):
                found = account
        return found if surface.in_force(found) else None


class TokensOfSeconds(Variant):
    """RFC 6750 section 5.3: tokens are short-lived; here they are for a few seconds, and say so."""

    surface = "identity"

    def access_token_claims(
        self, original: Callable[[Client, tuple[str, ...]], Claims], client: Client, scopes: tuple[str, ...]
    ) -> Claims:
        claims = original(client, scopes)
        return claims | {"exp": min(claims["exp"], claims["iat"] + FEW_S)}

    def token_document(
        self, original: Callable[..., Claims], token: str, client: Client, scopes: tuple[str, ...]
    ) -> Claims:
        document = original(token, client, scopes)
        return document | {"expires_in": min(document["expires_in"], FEW_S)}


class TextsOfLettersAlone(Variant):
    """The contract's table of errors: 400 for what a member cannot hold, here more than letters, digits and - _ ."""

    surface = "identity"

    def is_acceptable(
        self, original: Callable[[Organization, str, Any], bool], organization: Organization, name: str, value: Any
    ) -> bool:
        return not (isinstance(value, str) and ODD.search(value)) and original(organization, name, value)


class TokensSignedOnAnEdwardsCurve(Variant):
    """RFC 8037 section 3.1: EdDSA signs, and nothing can be encrypted to such a key."""

    surface = "identity"

    def __init__(self) -> None:
        self.private = ed25519.Ed25519PrivateKey.generate()

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        return jwt.encode(claims, self.private, "EdDSA", {"typ": "at+jwt", "kid": KEY})

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        if len(token) > LONGEST_TOKEN or not surface_of(original).is_spelt_well(token):
            return None
        try:
            header, key = jwt.get_unverified_header(token), self.private.public_key()
            claims: Claims = jwt.decode(token, key, ["EdDSA"], audience=AUDIENCE, issuer=ISSUER)
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        return claims if header.get("typ") == "at+jwt" and "crit" not in header else None

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        public = json.loads(OKPAlgorithm.to_jwk(self.private.public_key()))
        return Answer.json(200, {"keys": [public | {"kid": KEY, "use": "sig", "alg": "EdDSA"}]})


class KeySetIsElsewhere(Variant):
    """RFC 9110 section 15.4.3: who asks for the key set may be led to where it is now."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        if request.raw_path != "/.well-known/jwks.json" or request.query_string:
            return None
        answer = Answer(302)
        answer.headers["Location"] = f"{request.raw_path}?at=present"
        return answer


class SemicolonsAreRefused(Variant):
    """RFC 6749 appendix B: a form writes a semicolon as %3B; some libraries refuse a bare one."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        refused = is_token_request(request) and b";" in request.body
        return Answer.json(400, {"error": "invalid_request"}, Cache_Control="no-store") if refused else None


class SmallFormsAlone(Variant):
    """RFC 9110 section 15.5.14: how much is too much a server may say; here four kibibytes of a token request are."""

    surface = "identity"

    def intercept(self, request: Request) -> Answer | None:
        return Answer(413) if is_token_request(request) and len(request.body) > 4096 else None
