"""Defects that break the promise "The registry challenges for a login as `docker login` expects"."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.support.registry import kind_of, registry_of, without
from tests.defects.support.registry import _RefusalAsText

ROWS = (
    row(
        "challenge-missing",
        "RFC 9110 section 15.5.2: a 401 has no WWW-Authenticate.",
        "registry/login/challenge-is-given#of-the-whole-run,support",
        rewrite=lambda request, answer: without(answer, "WWW-Authenticate"),
    ),
    row(
        "challenge-of-mount-without-source",
        "Docker token flow: the challenge to a mount names only the target (moby #20387).",
        "registry/login/mount-challenge-names-the-source",
        challenged_scope=lambda original, wanted: str(original(wanted[:1])),
    ),
    row(
        "scopes-joined-by-commas",
        "Docker token scopes: commas instead of blanks separate the scopes of a challenge.",
        "registry/login/mount-challenge-names-the-source",
        challenged_scope=lambda original, wanted: str(original(wanted)).replace(" ", ","),
    ),
    row(
        "realm-of-the-inside",
        "Docker token flow: the realm is an internal address.",
        "registry/login/realm-can-be-reached",
        "interoperability/registry/login",
        realm=lambda original: "http://identity.internal:8080/registry/token",
    ),
    row(
        "realm-relative",
        "Docker token flow: the realm is a relative URL.",
        "registry/login/realm-is-a-url",
        realm=lambda original: "/registry/token",
    ),
    row(
        "api-version-missing",
        "Docker Registry V2, API Version Check: a response has no Docker-Distribution-Api-Version.",
        "registry/support/names-its-version#anonymous,login",
        rewrite=lambda request, answer: without(answer, "Docker-Distribution-Api-Version"),
    ),
)


@defect("registry/login/catalog-challenge-names-the-scope")
def catalog_challenge_without_scope(
    challenge_parameters: Any, wanted: list[Access], error: str | None
) -> list[tuple[str, str]]:
    """Docker token scopes: the challenge to the catalog has no scope."""
    return challenge_parameters([each for each in wanted if each.kind == "repository"], error)


@defect(
    "registry/login/challenge-is-given#blob,blob-head,delete-blob,delete-manifest,delete-tag,manifest",
    "registry/login/challenge-is-given#manifest-by-digest,manifest-head,mount,put-manifest,put-manifest-by-digest",
    "registry/login/challenge-is-given#tags,upload,upload-at-once",
)
def challenge_runs_on(challenges: Any, wanted: list[Access], error: str | None) -> list[str]:
    """RFC 9110 section 11.2: text follows the quoted string of a challenge."""
    values: list[str] = challenges(wanted, error)
    return values if error else [value + "x" for value in values]


def _shown(request: Request) -> str:
    return request.headers.get("authorization", "")


@defect("registry/login/challenge-is-given#malformed-token,of-the-whole-run")
def bad_token_unchallenged(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.5.2: the 401 to an invalid token has no WWW-Authenticate."""
    return without(answer, "WWW-Authenticate") if re.search("(?i)^bearer ", _shown(request)) else answer


@defect("registry/login/challenge-is-given#support")
def challenge_without_realm(challenge_parameters: Any, wanted: Any, error: str | None) -> list[tuple[str, str]]:
    """RFC 6750 section 3: the challenge has no realm."""
    return [each for each in challenge_parameters(wanted, error) if each[0] != "realm"]


@defect(
    "registry/login/challenge-names-the-scope#blob,blob-head,chunk,delete-blob,delete-manifest,delete-tag",
    "registry/login/challenge-names-the-scope#manifest,manifest-by-digest,manifest-head,mount,of-the-whole-run",
    "registry/login/challenge-names-the-scope#put-manifest,put-manifest-by-digest,tags,upload,upload-at-once",
)
def challenge_scope_of_the_app(challenged_scope: Any, wanted: list[Access]) -> str:
    """Docker token scopes: the scope in a challenge lacks the organization."""
    return " ".join(f"{each.kind}:{each.name.rpartition('/')[2]}:{','.join(each.actions)}" for each in wanted)


@defect("registry/login/challenge-names-the-scope#chunk")
def challenge_missing_for_a_chunk(request: Request, answer: Answer) -> Answer:
    """Docker token flow: the 401 to a chunk has no challenge."""
    return without(answer, "WWW-Authenticate") if kind_of(request) == "upload" else answer


@defect("registry/login/challenge-names-the-scope#support", shipped=True)
def support_wants_any_scope(
    challenge_parameters: Any, wanted: list[Access], error: str | None
) -> list[tuple[str, str]]:
    """Docker token scopes: the challenge of ``/v2/`` has the scope ``*`` (gitea #36907)."""
    parameters: list[tuple[str, str]] = challenge_parameters(wanted, error)
    return parameters if wanted else [*parameters, ("scope", "*")]


class DenialReportedAsText(_RefusalAsText):
    """Docker Registry V2, On Failure: a 401 is plain text instead of JSON."""

    noticed_by = ("registry/login/401-is-an-error-document#manifest",)
    code = "UNAUTHORIZED"


class DenialReportedAsUnsupported(_RefusalAsText):
    """Docker Registry V2, On Failure: the code of a 401 is UNSUPPORTED instead of UNAUTHORIZED."""

    noticed_by = ("registry/login/401-is-an-error-document#manifest,tags",)
    code = "UNAUTHORIZED"
    instead = "UNSUPPORTED"


class _OneOfTwo:
    """Every other challenge comes from another instance, which changes some parameters (``_named``)."""

    challenges = 0

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        self.challenges += 1
        parameters: list[tuple[str, str]] = original(wanted, error)
        return (
            [(name, self._named(name, value)) for name, value in parameters] if self.challenges % 2 == 0 else parameters
        )

    def _named(self, name: str, value: str) -> str:
        raise NotImplementedError


class AnotherServiceAtOneOfTwo(_OneOfTwo, Defect):
    """Docker token authentication: one of two instances names another service."""

    noticed_by = ("registry/login/every-challenge-gets-a-token",)

    def _named(self, name: str, value: str) -> str:
        return "registry-of-before" if name == "service" else value


class RealmInsideAtOneOfTwo(_OneOfTwo, Defect):
    """Docker token authentication: one of two instances names an internal realm."""

    noticed_by = ("registry/login/every-challenge-gets-a-token",)

    def _named(self, name: str, value: str) -> str:
        return "http://registry.invalid/token" if name == "realm" else value


@defect("registry/login/realm-is-a-url#upload")
def realm_of_a_push_relative(request: Request, answer: Answer) -> Answer:
    """Docker token flow: the realm is relative in all challenges except that of ``/v2/``."""
    challenge = answer.headers.get("www-authenticate")
    if challenge and kind_of(request) != "support":
        answer.headers["WWW-Authenticate"] = challenge.replace('realm="http://', 'realm="//').replace("https://", "//")
    return answer


@defect("registry/login/referrers-challenge-names-the-scope")
def referrers_challenge_without_scope(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """Docker token scopes: the challenge to the referrers list has no scope."""
    registry = registry_of(authorize)
    if kind == "referrers" and registry.bearer_token(request) is None:
        raise registry.unauthorized([], None)
    return authorize(kind, name, request)


@defect("registry/login/support-asks-for-a-login")
def support_check_needs_no_login(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """Docker token flow: ``GET /v2/`` needs no token, so ``docker login`` accepts any password."""
    caller: Caller | None = authenticate(request, wanted)
    return Caller("") if caller is None and kind_of(request) == "support" else caller


@defect("registry/login/support-asks-for-a-login")
def anonymous_forbidden(unauthorized: Any, wanted: list[Access], error: str | None) -> Refusal:
    """API Reference, Error Handling: a missing token is answered 403 instead of 401."""
    refusal: Refusal = unauthorized(wanted, error)
    return Refusal("DENIED") if error is None else refusal


@defect("registry/support/names-its-version#anonymous")
def version_of_the_first_registry(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, API Version Check: Docker-Distribution-API-Version is registry/1.0."""
    if kind_of(request) == "support":
        answer.headers["Docker-Distribution-Api-Version"] = "registry/1.0"
    return answer


@defect("registry/login/support-asks-for-a-login", "registry/support/names-its-version#login")
def web_page_at_the_support_check(request: Request) -> Answer | None:
    """Docker Registry V2, API Version Check: ``/v2/`` returns an HTML page."""
    page = Answer(200, b"<!DOCTYPE html><html><title>Registry</title></html>")
    page.headers["Content-Type"] = "text/html"
    return page if request.path == "/v2/" else None
