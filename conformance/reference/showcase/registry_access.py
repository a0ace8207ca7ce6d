"""One defect for each promise on logins, tokens and rights of the registry."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import Asked as RequestedScope
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Upload
from conformance.reference.seeds import Account
from conformance.reference.support.identity import edited, is_registry_token_request
from conformance.reference.support.registry import KIB, decoded, everything, registry_of


class ChallengeWithoutService(Defect):
    """The login challenge of the registry does not name its service."""

    surface = "registry"
    promise = "RG-01"
    noticed_by = ("registry/login/challenge-names-the-service",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        return [each for each in original(wanted, error) if each[0] != "service"]


class AnonymousPull(Defect):
    """Images can be pulled without a login."""

    surface = "registry"
    promise = "RG-02"
    noticed_by = ("registry/login/anonymous-cannot-pull#blob,manifest,manifest-head,tags",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        return everything(wanted) if caller is None and request.method in ("GET", "HEAD") and wanted else caller


class UploadOfOneToken(Defect):
    """An upload cannot continue with a second token of the same login."""

    surface = "registry"
    promise = "RG-03"
    noticed_by = ("registry/upload/continues-with-a-new-token",)

    def __init__(self) -> None:
        self.tokens: dict[str, str | None] = {}

    def find_upload(self, original: Any, asked: Asked) -> Upload:
        upload: Upload = original(asked)
        token = asked.request.headers.get("authorization")
        if self.tokens.setdefault(upload.session, token) != token:
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": asked.reference})
        return upload


class StreamedBlobsUnknownToManifests(Defect):
    """A manifest is rejected if one of its layers was pushed as a stream."""

    surface = "registry"
    promise = "RG-04"
    noticed_by = ("registry/upload/serves-an-image",)

    def __init__(self) -> None:
        self.streamed: set[str] = set()

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if len(upload.content) > KIB * KIB:
            self.streamed.add(digest)
        await original(upload, digest, content)

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        registry_of(original).check_missing([each["digest"] for each in descriptors if each["digest"] in self.streamed])
        original(name, descriptors)


class ManifestReformatted(Defect):
    """A pulled manifest is formatted differently from the pushed one, so its digest does not match."""

    surface = "registry"
    promise = "RG-05"
    noticed_by = (
        "registry/manifest/bytes-are-preserved#sorted",
        "interoperability/registry/push",
        "interoperability/registry/push-of-an-index",
        "interoperability/registry/pull",
        "interoperability/registry/pull-by-digest",
    )

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        tidy = json.dumps(manifest.document, sort_keys=True, separators=(",", ":")).encode()
        answer: Answer = original(request, dataclasses.replace(manifest, content=tidy))
        return answer


class PullTokenPushes(Defect):
    """A token that grants pull access is accepted for a push."""

    surface = "registry"
    promise = "RG-06"
    noticed_by = (
        "registry/rights/puller-cannot-push#mount,put-manifest-by-digest,upload,upload-at-once",
        "registry/token/grants-only-the-requested-scope",
        "registry/token/grants-only-the-requested-scope#put-manifest,upload-at-once",
        "interoperability/registry/push-is-denied-without-push-access",
    )

    def actions_wanted(self, original: Any, method: str) -> tuple[str, ...]:
        return ("pull",) if method in ("POST", "PATCH", "PUT") else original(method)


class OrganizationMatchedByPrefix(Defect):
    """A login of orgs/acme opens images of orgs/acme-evil, which begins with the same letters."""

    surface = "identity"
    promise = "RG-07"
    noticed_by = ("registry/rights/similar-organization-is-denied#below,longer,without-dash",)

    def permitted_actions(
        self,
        original: Callable[[Account | None, RequestedScope], frozenset[str]],
        account: Account | None,
        scope: RequestedScope,
    ) -> frozenset[str]:
        rights = account.rights if account and scope.kind == "repository" else {}
        matching = [actions for slug, actions in rights.items() if scope.name.startswith(f"orgs/{slug}")]
        return original(account, scope).union(*matching)


class CatalogShowsOtherOrganizations(Defect):
    """The catalog lists repositories of other organizations."""

    surface = "registry"
    promise = "RG-08"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    def may_see(self, original: Any, caller: Any, name: str) -> bool:
        return True


class UploadOfAnotherUserAccepted(Defect):
    """A second login can continue the upload session of another one."""

    surface = "registry"
    promise = "RG-09"
    noticed_by = ("registry/rights/session-status-is-hidden-from-others",)

    def owns(self, original: Any, caller: Any, upload: Upload) -> bool:
        return True


class MountFindsItAnywhere(Defect):
    """A mount takes the blob from any repository that has it, not only from the named source."""

    surface = "registry"
    promise = "RG-10"
    noticed_by = ("registry/rights/mount-needs-pull-on-the-source#last-of-two,ours",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        repositories = registry_of(original).repositories
        holder = next((name for name, each in repositories.items() if digest in each.blobs), source)
        mounted: bool = await original(holder, target, digest)
        return mounted


class TokenOfNothingPushes(Defect):
    """A registry token that grants nothing can push."""

    surface = "registry"
    promise = "RG-11"
    noticed_by = ("registry/token/subset-is-no-error#no-rights", "registry/token/anonymous-token-grants-nothing")

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return (not caller.grants and "push" in access.actions) or bool(original(caller, access))


class TokenForOtherServiceAccepted(Defect):
    """The registry accepts a token that was issued for another service."""

    surface = "registry"
    promise = "RG-12"
    noticed_by = ("registry/token/other-audience-is-refused", "registry/token/other-audience-is-refused#by-form")

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        return decoded(original, token, verify_aud=False)


class IssuedAtIsANumber(Defect):
    """The issued_at field of a token response is a number instead of a time in RFC 3339."""

    surface = "identity"
    promise = "RG-13"
    noticed_by = ("registry/token/issued-at-is-a-time",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.update(issued_at=1_700_000_000))
        return answer


class RegistryRefreshTokenUnasked(Defect):
    """A refresh token is issued although the client did not request one."""

    surface = "identity"
    promise = "RG-14"
    noticed_by = (
        "registry/token/refresh-token-is-issued-only-on-request",
        "registry/token/refresh-token-is-issued-only-on-request#false",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.setdefault("refresh_token", "kas9Da81Dfa8"))
        return answer


class RegistryTokenMayBeStored(Defect):
    """A response with a registry token may be stored by caches."""

    surface = "identity"
    promise = "RG-15"
    noticed_by = ("registry/token/is-not-cached",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_registry_token_request(request):
            answer.headers["Cache-Control"] = "public, max-age=300"
            del answer.headers["Pragma"]
        return answer
