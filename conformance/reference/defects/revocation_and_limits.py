"""Defects of revocation, service policy and rate limits beyond the token endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import AccessKey


class DocumentedScopeUnknown(Defect):
    """API Reference, Authentication: the documented request names the scope organization:read."""

    surface = "identity"
    noticed_by = ("oauth/scope/documented-scope-is-granted", "oauth/token/documented-url-serves-tokens")

    def within_credential(self, original: Callable[..., bool], client: Any, scopes: tuple[str, ...]) -> bool:
        return scopes != ("organization:read",) and original(client, scopes)


class DocumentedScopeReplaced(Defect):
    """API Reference, Authentication: the token of the documented request has the scope that it names."""

    surface = "identity"
    noticed_by = ("oauth/scope/documented-scope-is-granted",)

    def split_scopes(self, original: Callable[[str], tuple[str, ...]], text: str) -> tuple[str, ...]:
        return ("project:read",) if text == "organization:read" else original(text)


class _Unlimited(Defect):
    noticed_by = ("errors/429/api-requests-are-limited",)

    def limit_of(self, original: Callable[..., Any], holder: Any) -> None:
        return None


class ApiRequestsUnlimited(Defect):
    """API Reference, Error Handling: above the limit the APIs answer 429."""

    surface = "identity"
    noticed_by = ("errors/429/api-requests-are-limited",)

    def api_limit_of(self, original: Callable[..., Any], caller: Any) -> None:
        return None


class RegistryRequestsUnlimited(_Unlimited):
    """API Reference, Error Handling: above the limit the registry answers 429."""

    surface = "registry"
    noticed_by = ("registry/errors/requests-are-limited",)


class StorageRequestsUnlimited(_Unlimited):
    """API Reference, Error Handling: above the limit the gateway answers 429."""

    surface = "storage"
    noticed_by = ("storage/errors/requests-are-limited",)


class WebhookRequestsUnlimited(_Unlimited):
    """API Reference, Error Handling: above the limit a webhook answers 429."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/requests-are-limited",)


class RegistryLimitAsForbidden(Defect):
    """API Reference, Error Handling: the status of an exceeded limit is 429, not 403."""

    surface = "registry"
    noticed_by = ("registry/errors/requests-are-limited",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.status = 403 if answer.status == 429 else answer.status
        return answer


class RevokedLoginStillWorks(Defect):
    """Credentials & Webhooks: revocation of a registry login is immediate."""

    surface = "identity"
    noticed_by = ("registry/login/revocation-is-immediate",)

    def in_force(self, original: Callable[[Any], bool], account: Any) -> bool:
        return original(account) or (account is not None and account.username == "ct-pull-revocable")


class RevokedAccessKeyStillWorks(Defect):
    """Credentials & Webhooks: revocation of an access key is immediate."""

    surface = "storage"
    noticed_by = ("storage/signature/revocation-is-immediate",)

    def in_force(self, original: Callable[[AccessKey], bool], key: AccessKey) -> bool:
        return True


class ServicePolicyIgnored(Defect):
    """API Reference, Permissions: permissions are constrained by service policy."""

    surface = "identity"
    noticed_by = ("authorization/matrix/service-policy-is-403",)

    def policy_permits(self, original: Callable[..., bool], caller: Any, route: str) -> bool:
        return True


class ContributorDeletes(Defect):
    """Organization Settings: a role permits what it does and no more, not for Viewer alone."""

    surface = "identity"
    noticed_by = ("authorization/matrix/lacking-role-is-403",)

    def role_permits(self, original: Callable[..., bool], caller: Any, method: str) -> bool:
        return original(caller, method) or not caller.client.reads_only
