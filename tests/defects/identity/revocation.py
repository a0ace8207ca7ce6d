"""Defects that break the promise "Revoking or expiring a credential takes effect immediately"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Client
from conformance.reference.support.identity import client_of_claims, edited, surface_of
from tests.defects.support.identity import MakesCredentials

Claims = dict[str, Any]
Form = dict[str, str]

ROWS = (
    row(
        "restored-credential-revives-tokens",
        "Credentials: restoring a credential makes its revoked tokens valid again.",
        "authorization/revocation/every-token-becomes-invalid#after-restoring",
        issued_since_revocation=lambda original, client, claims: True,
    ),
    row(
        "ended-login-gets-tokens",
        "Credentials & Webhooks: a revoked or expired login gets a token.",
        "registry/login/ended-login-opens-nothing#expired,expired-in-a-form,revoked,revoked-in-a-form",
        in_force=lambda original, account: account is not None,
    ),
)


class NextTokenRevivesEarlierOnes(Defect):
    """Credentials: a new token makes earlier revoked ones valid again."""

    noticed_by = ("authorization/model/tokens-match-the-credential-state",)
    shortest = 5
    issued: set[tuple[str, int]] = set()

    def access_token_claims(self, original: Any, client: Client, scopes: tuple[str, ...]) -> Any:
        claims = original(client, scopes)
        self.issued.add((client.client_id, claims["credential_version"]))
        return claims

    def issued_since_revocation(self, original: Any, client: Client, claims: dict[str, Any]) -> bool:
        return original(client, claims) or (
            (client.client_id, surface_of(original).revocations[client.client_id]) in self.issued
        )


@defect("authorization/revocation/refusal-is-as-for-a-wrong-secret")
def revoked_credential_named(client_refused: Any, reason: str) -> Answer:
    """OWASP API2: a revoked credential gets another error than an unknown one."""
    answer = client_refused(reason)
    if reason not in ("revoked", "expired"):
        return answer
    return edited(answer, lambda document: document.update(error_description=f"the credential is {reason}"))


class DeletedCredentialGetsTokens(MakesCredentials, Defect):
    """Credentials: a credential deleted through the API still gets tokens."""

    noticed_by = ("authorization/revocation/every-token-becomes-invalid#of-a-deleted-credential",)

    def _revoke(self, surface: Identity, client_id: str) -> None:
        pass


class TokensOutliveTheirCredential(DeletedCredentialGetsTokens):
    """Credentials: the tokens of a deleted credential stay valid."""

    noticed_by = ("authorization/revocation/every-token-becomes-invalid#of-a-deleted-credential",)

    def _revoke(self, surface: Identity, client_id: str) -> None:
        surface.clients[client_id].secret = ""


class RevokedTokenFindsNothingModified(Defect):
    """Credentials: a token of a revoked credential gets 304 for a current copy."""

    noticed_by = ("authorization/revocation/every-token-becomes-invalid#in-use",)
    conditional = False

    def bearer_token(self, original: Any, request: Request) -> str:
        self.conditional = request.method == "GET" and "if-none-match" in request.headers
        return original(request)

    def holder(self, original: Any, claims: Claims) -> Client | None:
        return surface_of(original).clients.get(claims["client_id"]) if self.conditional else original(claims)


@defect("authorization/revocation/every-token-becomes-invalid#in-use,unused", state=set)
def cold_tokens_outlive_revocation(used: set[str], holder: Any, claims: Claims) -> Client | None:
    """Credentials: a token that was not used before its revocation stays valid."""
    client, key = holder(claims), str(claims.get("jti"))
    if client is None and key not in used:
        return client_of_claims(holder, claims)
    used.add(key)
    return client


@defect("authorization/revocation/other-credentials-are-unaffected")
def revocation_hits_neighbours(credential_is_revoked: Any, client: Client) -> bool:
    """Credentials: revoking one credential revokes the others of the organization."""
    surface = surface_of(credential_is_revoked)
    neighbours = [each for each in surface.seeds.clients if each.organization == client.organization]
    return credential_is_revoked(client) or any(
        surface.revocations[each.client_id] and each.revoked for each in neighbours
    )


def _authenticated_if(
    is_so: Callable[[Client], bool],
    authenticated_client: Callable[[Request, Form], Client],
    request: Request,
    form: Form,
) -> Client:
    """Return the client, even a refused one if its secret is right and the condition holds."""
    surface = surface_of(authenticated_client)
    try:
        return authenticated_client(request, form)
    except Refused:
        client = surface.find_client(form.get("client_id", ""))
        if client and is_so(client) and surface.secret_matches(client, form.get("client_secret", "")):
            return client
        raise


@defect("oauth/client/expired-credential-gets-no-token")
def expired_credential_gets_token(authenticated_client: Any, request: Request, form: Form) -> Client:
    """Credentials: an expired credential gets a token."""
    return _authenticated_if(lambda client: client.expired, authenticated_client, request, form)


@defect("oauth/client/revoked-credential-gets-no-token", "authorization/revocation/no-new-token")
def revoked_credential_gets_token(authenticated_client: Any, request: Request, form: Form) -> Client:
    """Credentials: a revoked credential gets a token."""
    return _authenticated_if(lambda client: client.revoked, authenticated_client, request, form)


@defect("registry/login/revocation-is-immediate")
def revoked_login_still_works(in_force: Any, account: Any) -> bool:
    """Credentials & Webhooks: a revoked registry login still works."""
    return in_force(account) or (account is not None and account.username == "ct-pull-revocable")
