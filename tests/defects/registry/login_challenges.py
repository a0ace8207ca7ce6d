"""Defects that break the promise "The registry challenges for a login as `docker login` expects"."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.rows import row
from tests.defects.support.registry import _ToldInText

ROWS = (
    row(
        "challenge-missing",
        "RFC 9110 section 15.5.2: 401 has a WWW-Authenticate.",
        "registry/login/challenge-is-given#of-the-whole-run",
        "registry/login/challenge-is-given#support",
        rewrite=lambda request, answer: without(answer, "WWW-Authenticate"),
    ),
    row(
        "challenge-of-mount-without-source",
        "Docker token flow: the challenge of a mount names both repositories (moby #20387).",
        "registry/login/mount-challenge-names-the-source",
        challenged_scope=lambda original, wanted: str(original(wanted[:1])),
    ),
    row(
        "scopes-joined-by-commas",
        (
            "Docker token scopes: between the scopes of a challenge stand blanks; commas stand between a scope's "
            "actions."
        ),
        "registry/login/mount-challenge-names-the-source",
        challenged_scope=lambda original, wanted: str(original(wanted)).replace(" ", ","),
    ),
    row(
        "realm-of-the-inside",
        "Docker token flow: the realm can be reached from outside.",
        "registry/login/realm-can-be-reached",
        "interoperability/registry/login",
        realm=lambda original: "http://identity.internal:8080/registry/token",
    ),
    row(
        "realm-relative",
        "Docker token flow: the realm is an absolute URL.",
        "registry/login/realm-is-a-url",
        realm=lambda original: "/registry/token",
    ),
    row(
        "api-version-missing",
        "Docker Registry V2, API Version Check: every answer has Docker-Distribution-Api-Version.",
        "registry/support/names-its-version#anonymous",
        "registry/support/names-its-version#login",
        rewrite=lambda request, answer: without(answer, "Docker-Distribution-Api-Version"),
    ),
)


class CatalogChallengeWithoutScope(Defect):
    """Docker token scopes: the challenge names ``registry:catalog:*`` where that is what is wanted."""

    surface = "registry"
    noticed_by = ("registry/login/catalog-challenge-names-the-scope",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        parameters: list[tuple[str, str]] = original([each for each in wanted if each.kind == "repository"], error)
        return parameters


class ChallengeRunsOn(Defect):
    """RFC 9110 section 11.2: behind a parameter's quotes comes a comma or the end of the challenge."""

    surface = "registry"
    noticed_by = (
        "registry/login/challenge-is-given#blob",
        "registry/login/challenge-is-given#blob-head",
        "registry/login/challenge-is-given#delete-blob",
        "registry/login/challenge-is-given#delete-manifest",
        "registry/login/challenge-is-given#delete-tag",
        "registry/login/challenge-is-given#manifest",
        "registry/login/challenge-is-given#manifest-by-digest",
        "registry/login/challenge-is-given#manifest-head",
        "registry/login/challenge-is-given#mount",
        "registry/login/challenge-is-given#put-manifest",
        "registry/login/challenge-is-given#put-manifest-by-digest",
        "registry/login/challenge-is-given#tags",
        "registry/login/challenge-is-given#upload",
        "registry/login/challenge-is-given#upload-at-once",
    )

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        told: list[str] = original(wanted, error)
        return told if error else [value + "x" for value in told]


def _shown(request: Request) -> str:
    return request.headers.get("authorization", "")


class BadTokenUnchallenged(Defect):
    """RFC 9110 section 15.5.2: 401 has a WWW-Authenticate, that for a token which cannot be read, too."""

    surface = "registry"
    noticed_by = (
        "registry/login/challenge-is-given#malformed-token",
        "registry/login/challenge-is-given#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "WWW-Authenticate") if re.search("(?i)^bearer ", _shown(request)) else answer


class ChallengeWithoutRealm(Defect):
    """RFC 6750 section 3: a Bearer challenge tells its realm, without which nobody knows where tokens are given."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-is-given#support",)

    def challenge_parameters(self, original: Any, wanted: Any, error: str | None) -> list[tuple[str, str]]:
        return [each for each in original(wanted, error) if each[0] != "realm"]


class ChallengeScopeOfTheApp(Defect):
    """Docker token scopes: the scope has the whole repository name, its organization too."""

    surface = "registry"
    noticed_by = (
        "registry/login/challenge-names-the-scope#blob",
        "registry/login/challenge-names-the-scope#blob-head",
        "registry/login/challenge-names-the-scope#chunk",
        "registry/login/challenge-names-the-scope#delete-blob",
        "registry/login/challenge-names-the-scope#delete-manifest",
        "registry/login/challenge-names-the-scope#delete-tag",
        "registry/login/challenge-names-the-scope#manifest",
        "registry/login/challenge-names-the-scope#manifest-by-digest",
        "registry/login/challenge-names-the-scope#manifest-head",
        "registry/login/challenge-names-the-scope#mount",
        "registry/login/challenge-names-the-scope#of-the-whole-run",
        "registry/login/challenge-names-the-scope#put-manifest",
        "registry/login/challenge-names-the-scope#put-manifest-by-digest",
        "registry/login/challenge-names-the-scope#tags",
        "registry/login/challenge-names-the-scope#upload",
        "registry/login/challenge-names-the-scope#upload-at-once",
    )

    def challenged_scope(self, original: Any, wanted: list[Access]) -> str:
        return " ".join(f"{each.kind}:{each.name.rpartition('/')[2]}:{','.join(each.actions)}" for each in wanted)


class ChallengeMissingForAChunk(Defect):
    """Docker token flow: whose token runs out in the middle of an upload is told where to get the next."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope#chunk",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "WWW-Authenticate") if kind_of(request) == "upload" else answer


class SupportWantsAnyScope(Defect):
    """Docker token scopes: a scope is a type, a name and actions, which ``*`` is none of (gitea #36907)."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope#support",)
    shipped = True

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = original(wanted, error)
        return told if wanted else [*told, ("scope", "*")]


class DenialToldInText(_ToldInText):
    """Docker Registry V2, On Failure: Authentication Required: the errors stand in a JSON body."""

    surface = "registry"
    noticed_by = ("registry/login/401-is-an-error-document#manifest",)
    code = "UNAUTHORIZED"


class DenialToldAsUnsupported(_ToldInText):
    """Docker Registry V2, On Failure: Authentication Required: the code of it is UNAUTHORIZED."""

    surface = "registry"
    noticed_by = ("registry/login/401-is-an-error-document#manifest", "registry/login/401-is-an-error-document#tags")
    code = "UNAUTHORIZED"
    instead = "UNSUPPORTED"


class _OneOfTwo:
    """Every other challenge is another instance's, which names some parameters otherwise (``_named``)."""

    def __init__(self) -> None:
        self.asked = 0

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        self.asked += 1
        told: list[tuple[str, str]] = original(wanted, error)
        return [(name, self._named(name, value)) for name, value in told] if self.asked % 2 == 0 else told

    def _named(self, name: str, value: str) -> str:
        raise NotImplementedError


class AnotherServiceAtOneOfTwo(_OneOfTwo, Defect):
    """Docker token authentication: each instance names the service whose tokens it takes."""

    surface = "registry"
    noticed_by = ("registry/login/every-challenge-gets-a-token",)

    def _named(self, name: str, value: str) -> str:
        return "registry-of-before" if name == "service" else value


class RealmInsideAtOneOfTwo(_OneOfTwo, Defect):
    """Docker token authentication: each instance names a realm that is reached by those who are sent there."""

    surface = "registry"
    noticed_by = ("registry/login/every-challenge-gets-a-token",)

    def _named(self, name: str, value: str) -> str:
        return "http://registry.invalid/token" if name == "realm" else value


class RealmOfAPushRelative(Defect):
    """Docker token flow: the realm is an absolute URL wherever it is told, and not on ``/v2/`` alone."""

    surface = "registry"
    noticed_by = ("registry/login/realm-is-a-url#upload",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        told = answer.headers.get("www-authenticate")
        if told and kind_of(request) != "support":
            answer.headers["WWW-Authenticate"] = told.replace('realm="http://', 'realm="//').replace("https://", "//")
        return answer


class ReferrersChallengeWithoutScope(Defect):
    """Docker token scopes: the challenge names the repository to who asks for referrers as well."""

    surface = "registry"
    noticed_by = ("registry/login/referrers-challenge-names-the-scope",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry = registry_of(original)
        if kind == "referrers" and registry.bearer_token(request) is None:
            raise registry.unauthorized([], None)
        caller: Caller = original(kind, name, request)
        return caller


class SupportCheckNeedsNoLogin(Defect):
    """Docker token flow: ``GET /v2/`` without a token is 401, or ``docker login`` would take any password."""

    surface = "registry"
    noticed_by = ("registry/login/support-asks-for-a-login",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        return Caller("") if caller is None and kind_of(request) == "support" else caller


class AnonymousForbidden(Defect):
    """API Reference, Error Handling: a missing token is 401, not 403."""

    surface = "registry"
    noticed_by = ("registry/login/support-asks-for-a-login",)

    def unauthorized(self, original: Any, wanted: list[Access], error: str | None) -> Refusal:
        refusal: Refusal = original(wanted, error)
        return Refusal("DENIED") if error is None else refusal


class VersionOfTheFirstRegistry(Defect):
    """Docker Registry V2, API Version Check: Docker-Distribution-API-Version "should be set to registry/2.0"."""

    surface = "registry"
    noticed_by = ("registry/support/names-its-version#anonymous",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "support":
            answer.headers["Docker-Distribution-Api-Version"] = "registry/1.0"
        return answer
