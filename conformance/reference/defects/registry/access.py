"""Defects of login and rights: challenges, tokens, what each grants."""

from __future__ import annotations

from typing import Any, cast

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import ISSUER, SERVICE, Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked


def everything(wanted: list[Access], subject: str = "") -> Caller:
    """A caller who may do all that is wanted."""
    grants = {(each.kind, each.name, action) for each in wanted for action in each.actions}
    return Caller(subject, frozenset(grants))


def decoded(original: Any, token: str, leeway: float = 0, **verify: bool) -> dict[str, Any]:
    """The claims of a token, with some verification left out, or some seconds forgiven."""
    key, options = registry_of(original).key, cast(Any, verify)
    claims: dict[str, Any] = jwt.decode(
        token,
        key.private.public_key(),
        algorithms=[key.algorithm],
        audience=SERVICE,
        issuer=ISSUER,
        leeway=leeway,
        options=options,
    )
    return claims


class AnonymousPull(Defect):
    """API Reference, Docker Registry: organization images are pulled by those who may, after a login."""

    surface = "registry"
    noticed_by = (
        "registry/login/anonymous-cannot-pull#blob",
        "registry/login/anonymous-cannot-pull#manifest",
        "registry/login/anonymous-cannot-pull#manifest-head",
        "registry/login/anonymous-cannot-pull#tags",
    )

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        return everything(wanted) if caller is None and request.method in ("GET", "HEAD") and wanted else caller


class AnonymousPush(Defect):
    """API Reference, Docker Registry: images are pushed by those who may, after a login."""

    surface = "registry"
    noticed_by = (
        "registry/login/anonymous-cannot-push#mount",
        "registry/login/anonymous-cannot-push#upload",
        "registry/login/anonymous-cannot-push#upload-at-once",
        "registry/login/denial-is-told#upload",
    )

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        return everything(wanted) if caller is None and request.method in ("POST", "PATCH", "PUT") else caller


class AnonymousReferrers(Defect):
    """Docker token flow: the list of referrers needs pull."""

    surface = "registry"
    noticed_by = ("registry/login/anonymous-cannot-list-referrers",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        return everything(wanted) if caller is None and kind_of(request) == "referrers" else caller


class SupportCheckNeedsNoLogin(Defect):
    """Docker token flow: ``GET /v2/`` without a token is 401, or ``docker login`` would take any password."""

    surface = "registry"
    noticed_by = ("registry/login/support-asks-for-a-login",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        return Caller("") if caller is None and kind_of(request) == "support" else caller


class CatalogNeedsNoScope(Defect):
    """Docker token scopes: the catalogue needs ``registry:catalog:*`` where its challenge says so."""

    surface = "registry"
    noticed_by = ("registry/token/catalog-needs-its-scope",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return access.kind == "registry" or bool(original(caller, access))


class ChallengeMissing(Defect):
    """RFC 9110 section 15.5.2: 401 has a WWW-Authenticate."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-is-given#of-the-whole-run", "registry/login/challenge-is-given#support")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "WWW-Authenticate")


class ChallengeWithoutService(Defect):
    """Docker token flow: the challenge names the service."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-service",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        return [each for each in original(wanted, error) if each[0] != "service"]


class ChallengeOfMountWithoutSource(Defect):
    """Docker token flow: the challenge of a mount names both repositories (moby #20387)."""

    surface = "registry"
    noticed_by = ("registry/login/mount-challenge-names-the-source",)

    def challenged_scope(self, original: Any, wanted: list[Access]) -> str:
        return str(original(wanted[:1]))


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


class RealmRelative(Defect):
    """Docker token flow: the realm is an absolute URL."""

    surface = "registry"
    noticed_by = ("registry/login/realm-is-a-url",)

    def realm(self, original: Any) -> str:
        return "/registry/token"


class RealmOfTheInside(Defect):
    """Docker token flow: the realm can be reached from outside."""

    surface = "registry"
    noticed_by = ("registry/login/realm-can-be-reached", "interoperability/registry/login")

    def realm(self, original: Any) -> str:
        return "http://identity.internal:8080/registry/token"


class InvalidTokenNotTold(Defect):
    """RFC 6750 section 3.1: a token that is no good is told by ``error="invalid_token"`` (SHOULD)."""

    surface = "registry"
    noticed_by = ("registry/token/invalid-is-told",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        return list(original(wanted, None))


class BadTokenFails(Defect):
    """API Reference, Error Handling: a token that cannot be read is 401, not 500."""

    surface = "registry"
    noticed_by = (
        "registry/login/malformed-login-is-refused#bearer-junk",
        "registry/login/refused-in-an-upload-can-be-mended",
    )

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        if token.count(".") != 2:
            raise Refusal("UNAUTHORIZED", status=500)
        claims: dict[str, Any] = original(token)
        return claims


class AnonymousForbidden(Defect):
    """API Reference, Error Handling: a missing token is 401, not 403."""

    surface = "registry"
    noticed_by = ("registry/login/support-asks-for-a-login",)

    def unauthorized(self, original: Any, wanted: list[Access], error: str | None) -> Refusal:
        refusal: Refusal = original(wanted, error)
        return Refusal("DENIED") if error is None else refusal


class TokenForOtherServiceAccepted(Defect):
    """RFC 7519 section 4.1.3: a token for another audience is refused."""

    surface = "registry"
    noticed_by = ("registry/token/other-audience-is-refused", "registry/token/other-audience-is-refused#by-form")

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        return decoded(original, token, verify_aud=False)


class TokenSignatureUnchecked(Defect):
    """RFC 7515 section 5.2: a token whose signature is not that of its content is refused."""

    surface = "registry"
    noticed_by = (
        "registry/token/altered-is-refused#alg-none",
        "registry/token/altered-is-refused#and-more",
        "registry/token/altered-is-refused#longer-life",
        "registry/token/altered-is-refused#no-signature",
        "registry/token/altered-is-refused#one-letter",
        "registry/token/altered-is-refused#other-subject",
        "registry/token/altered-is-refused#own-certificate",
        "registry/token/altered-is-refused#own-key",
        "registry/token/altered-is-refused#own-key-by-its-name",
        "registry/token/altered-is-refused#own-key-in-its-chain",
        "registry/token/altered-is-refused#public-key",
    )

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims


class UploadsTakeAnyToken(Defect):
    """RFC 7515 section 5.2: a token's signature is looked at whatever is asked for, an upload among it."""

    surface = "registry"
    noticed_by = (
        "registry/login/bad-login-opens-nothing#mount",
        "registry/login/bad-login-opens-nothing#upload",
        "registry/login/bad-login-opens-nothing#upload-at-once",
    )

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        token = registry_of(original).bearer_token(request) or ""
        if request.path.endswith("/blobs/uploads/") and token.count(".") == 2:
            return everything(wanted, jwt.decode(token, options={"verify_signature": False}).get("sub", ""))
        caller: Caller | None = original(request, wanted)
        return caller


class SupportTakesAnyToken(Defect):
    """RFC 7515 section 5.2: a token's signature is looked at also where only the support check is asked."""

    surface = "registry"
    noticed_by = ("registry/login/bad-login-opens-nothing#support",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        shown = registry_of(original).bearer_token(request) and request.path == "/v2/"
        caller: Caller | None = everything(wanted) if shown else original(request, wanted)
        return caller


class PullTokenPushes(Defect):
    """Docker token flow: a token for pull does not push."""

    surface = "registry"
    noticed_by = (
        "registry/rights/puller-cannot-push#mount",
        "registry/rights/puller-cannot-push#put-manifest-by-digest",
        "registry/rights/puller-cannot-push#upload",
        "registry/rights/puller-cannot-push#upload-at-once",
        "registry/token/is-for-what-was-asked",
        "registry/token/is-for-what-was-asked#put-manifest",
        "registry/token/is-for-what-was-asked#upload-at-once",
        "interoperability/registry/push-is-denied-without-push-access",
    )

    def actions_wanted(self, original: Any, method: str) -> tuple[str, ...]:
        return ("pull",) if method in ("POST", "PATCH", "PUT") else original(method)


class TokenOfOtherRepositoryAccepted(Defect):
    """Docker token flow: a token grants what it names, on no other repository."""

    surface = "registry"
    noticed_by = ("registry/token/is-for-what-was-asked",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        granted = {(kind, action) for kind, _, action in caller.grants}
        return all((access.kind, action) in granted for action in access.actions)


class TokenGoesByPrefix(Defect):
    """Docker token flow: a token for ``orgs/acme/app`` says nothing of ``orgs/acme/app-two``."""

    surface = "registry"
    noticed_by = (
        "registry/token/prefix-is-another-repository#pull",
        "registry/token/prefix-is-another-repository#push",
    )

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        granted = {(kind, action) for kind, name, action in caller.grants if access.name.startswith(name)}
        return all((access.kind, action) in granted for action in access.actions)


class AbsentRepositoryTold(Defect):
    """API Reference, Error Handling: what is hidden from a caller cannot be told from what is not there."""

    surface = "registry"
    noticed_by = (
        "registry/rights/private-and-absent-are-not-told-apart#tags-anonymous",
        "registry/rights/private-and-absent-are-not-told-apart#tags-other-organization",
    )

    async def answer(self, original: Any, request: Request) -> Answer:
        registry = registry_of(original)
        route, name, _ = registry.route_of(request.path)
        try:
            answer: Answer = await original(request)
        except Refusal as refusal:
            if refusal.status == 401 and route.kind == "tags" and name not in registry.repositories:
                raise Refusal("NAME_UNKNOWN", {"name": name}) from None
            raise
        return answer


class MountTellsOfTheBlob(Defect):
    """API Reference, Error Handling: without pull on the source, a mount does not tell what is there."""

    surface = "registry"
    noticed_by = ("registry/rights/mount-tells-nothing-of-the-source",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        registry, source = registry_of(original), asked.request.parameter("from")
        if source and not registry.may_mount(asked.caller, source) and digest in registry.stored(source).blobs:
            raise Refusal("DENIED")
        answer: Answer = await original(asked, digest)
        return answer


class SchemeIsCaseSensitive(Defect):
    """RFC 9110 section 11.1: the scheme of Authorization is compared without regard to case."""

    surface = "registry"
    noticed_by = ("registry/token/scheme-is-compared-without-case",)

    def bearer_token(self, original: Any, request: Request) -> str | None:
        return original(request) if request.headers.get("authorization", "").startswith("Bearer ") else None
