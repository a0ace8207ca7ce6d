"""Defects that break the promise "Revoking or expiring a credential takes effect immediately"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client
from conformance.reference.support.identity import edited, surface_of, whoever_held
from tests.defects.rows import row
from tests.defects.support.identity import MakesCredentials

Claims = dict[str, Any]
Form = dict[str, str]

ROWS = (
    row(
        "restored-credential-revives-tokens",
        "Credentials: tokens of a revoked credential are invalid for good, though it be made active again.",
        "authorization/revocation/every-token-becomes-invalid#after-restoring",
        issued_since_revocation=lambda original, client, claims: True,
    ),
    row(
        "ended-login-gets-tokens",
        "Credentials & Webhooks: a credential that was revoked gets no token, nor one that has expired.",
        "registry/login/ended-login-opens-nothing#expired",
        "registry/login/ended-login-opens-nothing#expired-in-a-form",
        "registry/login/ended-login-opens-nothing#revoked",
        "registry/login/ended-login-opens-nothing#revoked-in-a-form",
        in_force=lambda original, account: account is not None,
    ),
)


class NextTokenRevivesEarlierOnes(Defect):
    """Credentials: a token of a revoked credential is invalid for good, whatever is issued later."""

    surface = "identity"
    noticed_by = ("authorization/model/tokens-match-the-credential-state",)
    shortest = 5

    def __init__(self) -> None:
        self.issued: set[tuple[str, int]] = set()

    def access_token_claims(self, original: Callable[..., Any], client: Client, scopes: tuple[str, ...]) -> Any:
        claims = original(client, scopes)
        self.issued.add((client.client_id, claims["credential_version"]))
        return claims

    def issued_since_revocation(self, original: Callable[..., bool], client: Client, claims: dict[str, Any]) -> bool:
        return original(client, claims) or (
            (client.client_id, surface_of(original).revocations[client.client_id]) in self.issued
        )


class RevokedCredentialNamed(Defect):
    """OWASP API2: a revoked credential is answered like one that never existed."""

    surface = "identity"
    noticed_by = ("authorization/revocation/refusal-is-as-for-a-wrong-secret",)

    def client_refused(self, original: Callable[[str], Answer], reason: str) -> Answer:
        answer = original(reason)
        if reason not in ("revoked", "expired"):
            return answer
        return edited(answer, lambda document: document.update(error_description=f"the credential is {reason}"))


class DeletedCredentialGetsTokens(MakesCredentials, Defect):
    """Credentials: revocation is immediate; here a credential that an API deletes is no more shown, and goes on."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid#of-a-deleted-credential",)

    def _revoke(self, surface: Identity, client_id: str) -> None:
        pass


class TokensOutliveTheirCredential(DeletedCredentialGetsTokens):
    """Credentials: every token becomes invalid; here none is given any more, and those that were go on."""

    noticed_by = ("authorization/revocation/every-token-becomes-invalid#of-a-deleted-credential",)

    def _revoke(self, surface: Identity, client_id: str) -> None:
        surface.clients[client_id].secret = ""


class RevokedTokenFindsNothingModified(Defect):
    """Credentials: no token of a revoked credential tells anything, which a copy being the present one is as well."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid#in-use",)
    conditional = False

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        self.conditional = request.method == "GET" and "if-none-match" in request.headers
        return original(request)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        return surface_of(original).clients.get(claims["client_id"]) if self.conditional else original(claims)


class ColdTokensOutliveRevocation(Defect):
    """Credentials: revocation is immediate, also for a token that was never used before."""

    surface = "identity"
    noticed_by = (
        "authorization/revocation/every-token-becomes-invalid#in-use",
        "authorization/revocation/every-token-becomes-invalid#unused",
    )

    def __init__(self) -> None:
        self.used: set[str] = set()

    def holder(self, original: Callable[[dict[str, Any]], Client | None], claims: Claims) -> Client | None:
        client, key = original(claims), str(claims.get("jti"))
        if client is None and key not in self.used:
            return whoever_held(original, claims)
        self.used.add(key)
        return client


class RevocationHitsNeighbours(Defect):
    """Credentials: revoking one credential leaves the others of the organization alone."""

    surface = "identity"
    noticed_by = ("authorization/revocation/other-credentials-are-unaffected",)

    def credential_is_revoked(self, original: Callable[[Client], bool], client: Client) -> bool:
        surface = surface_of(original)
        neighbours = [each for each in surface.seeds.clients if each.organization == client.organization]
        return original(client) or any(surface.revocations[each.client_id] and each.revoked for each in neighbours)


class RevokedTokenHasOwnCode(Defect):
    """RFC 6750 section 3.1: a token that was revoked is error="invalid_token"."""

    surface = "identity"
    noticed_by = ("authorization/bearer/bad-token-is-invalid-token#revoked",)

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        surface = surface_of(original)
        claims = surface.read_access_token(request.headers.get("authorization", "").partition(" ")[2])
        if claims and not surface.holder(claims):
            raise Refused(surface.unauthorized("token_revoked"))
        return original(request)


class ExpiredCredentialGetsToken(Defect):
    """Credentials: a credential past its expiry gets no token."""

    surface = "identity"
    noticed_by = ("oauth/client/expired-credential-gets-no-token",)

    def authenticated_client(self, original: Callable[[Request, Form], Client], request: Request, form: Form) -> Client:
        surface = surface_of(original)
        try:
            return original(request, form)
        except Refused:
            client = surface.find_client(form.get("client_id", ""))
            if client and client.expired and surface.secret_matches(client, form.get("client_secret", "")):
                return client
            raise


class RevokedCredentialGetsToken(Defect):
    """Credentials: a revoked credential gets no token."""

    surface = "identity"
    noticed_by = ("oauth/client/revoked-credential-gets-no-token", "authorization/revocation/no-new-token")

    def authenticated_client(self, original: Callable[[Request, Form], Client], request: Request, form: Form) -> Client:
        surface = surface_of(original)
        try:
            return original(request, form)
        except Refused:
            client = surface.find_client(form.get("client_id", ""))
            if client and client.revoked and surface.secret_matches(client, form.get("client_secret", "")):
                return client
            raise


class RevokedLoginStillWorks(Defect):
    """Credentials & Webhooks: revocation of a registry login is immediate."""

    surface = "identity"
    noticed_by = ("registry/login/revocation-is-immediate",)

    def in_force(self, original: Callable[[Any], bool], account: Any) -> bool:
        return original(account) or (account is not None and account.username == "ct-pull-revocable")
