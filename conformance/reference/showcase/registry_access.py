"""One defect for each promise on logins, tokens and rights of the registry."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import RequestedScope
from conformance.reference.one_method import defect
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Manifest, Upload
from conformance.reference.seeds import Account
from conformance.reference.support.identity import edited, is_registry_token_request
from conformance.reference.support.registry import KIB, decoded, everything, registry_of


@defect("registry/login/challenge-names-the-service", promise="RG-01", surface="registry")
def challenge_without_service(
    challenge_parameters: Any, wanted: list[Access], error: str | None
) -> list[tuple[str, str]]:
    """The login challenge of the registry does not name its service."""
    return [each for each in challenge_parameters(wanted, error) if each[0] != "service"]


@defect("registry/login/anonymous-cannot-pull#blob,manifest,manifest-head,tags", promise="RG-02", surface="registry")
def anonymous_pull(authenticate: Any, request: Request, wanted: list[Access]) -> Caller | None:
    """Images can be pulled without a login."""
    caller: Caller | None = authenticate(request, wanted)
    return everything(wanted) if caller is None and request.method in ("GET", "HEAD") and wanted else caller


class UploadOfOneToken(Defect):
    """An upload cannot continue with a second token of the same login."""

    surface = "registry"
    promise = "RG-03"
    noticed_by = ("registry/upload/continues-with-a-new-token",)

    def __init__(self) -> None:
        self.tokens: dict[str, str | None] = {}

    def find_upload(self, original: Any, call: Call) -> Upload:
        upload: Upload = original(call)
        token = call.request.headers.get("authorization")
        if self.tokens.setdefault(upload.session, token) != token:
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": call.reference})
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


@defect(
    "registry/manifest/bytes-are-preserved#sorted",
    "interoperability/registry/push",
    "interoperability/registry/push-of-an-index",
    "interoperability/registry/pull",
    "interoperability/registry/pull-by-digest",
    promise="RG-05",
    surface="registry",
)
def manifest_reformatted(manifest_answer: Any, request: Request, manifest: Manifest) -> Answer:
    """A pulled manifest is formatted differently from the pushed one, so its digest does not match."""
    tidy = json.dumps(manifest.document, sort_keys=True, separators=(",", ":")).encode()
    answer: Answer = manifest_answer(request, dataclasses.replace(manifest, content=tidy))
    return answer


@defect(
    "registry/rights/puller-cannot-push#mount,put-manifest-by-digest,upload,upload-at-once",
    "registry/token/grants-only-the-requested-scope",
    "registry/token/grants-only-the-requested-scope#put-manifest,upload-at-once",
    "interoperability/registry/push-is-denied-without-push-access",
    promise="RG-06",
    surface="registry",
)
def pull_token_pushes(actions_wanted: Any, method: str) -> tuple[str, ...]:
    """A token that grants pull access is accepted for a push."""
    return ("pull",) if method in ("POST", "PATCH", "PUT") else actions_wanted(method)


@defect("registry/rights/similar-organization-is-denied#below,longer,without-dash", promise="RG-07", surface="identity")
def organization_matched_by_prefix(
    permitted_actions: Callable[[Account | None, RequestedScope], frozenset[str]],
    account: Account | None,
    scope: RequestedScope,
) -> frozenset[str]:
    """A login of orgs/acme opens images of orgs/acme-evil, which begins with the same letters."""
    rights = account.rights if account and scope.kind == "repository" else {}
    matching = [actions for slug, actions in rights.items() if scope.name.startswith(f"orgs/{slug}")]
    return permitted_actions(account, scope).union(*matching)


@defect("registry/rights/catalog-hides-other-organizations", promise="RG-08", surface="registry")
def catalog_shows_other_organizations(may_see: Any, caller: Any, name: str) -> bool:
    """The catalog lists repositories of other organizations."""
    return True


@defect("registry/rights/session-status-is-hidden-from-others", promise="RG-09", surface="registry")
def upload_of_another_user_accepted(owns: Any, caller: Any, upload: Upload) -> bool:
    """A second login can continue the upload session of another one."""
    return True


@defect("registry/rights/mount-needs-pull-on-the-source#last-of-two,ours", promise="RG-10", surface="registry")
async def mount_finds_it_anywhere(mount_blob: Any, source: str, target: str, digest: str) -> bool:
    """A mount takes the blob from any repository that has it, not only from the named source."""
    repositories = registry_of(mount_blob).repositories
    holder = next((name for name, each in repositories.items() if digest in each.blobs), source)
    mounted: bool = await mount_blob(holder, target, digest)
    return mounted


@defect(
    "registry/token/subset-is-no-error#no-rights",
    "registry/token/anonymous-token-grants-nothing",
    promise="RG-11",
    surface="registry",
)
def token_without_rights_pushes(permits: Any, caller: Caller, access: Access) -> bool:
    """A registry token that grants nothing can push."""
    return (not caller.grants and "push" in access.actions) or bool(permits(caller, access))


@defect(
    "registry/token/other-audience-is-refused",
    "registry/token/other-audience-is-refused#by-form",
    promise="RG-12",
    surface="registry",
)
def token_for_other_service_accepted(claims_of: Any, token: str) -> dict[str, Any]:
    """The registry accepts a token that was issued for another service."""
    return decoded(claims_of, token, verify_aud=False)


@defect("registry/token/issued-at-is-a-time", promise="RG-13", surface="identity")
def issued_at_is_a_number(request: Request, answer: Answer) -> Answer:
    """The issued_at field of a token response is a number instead of a time in RFC 3339."""
    if is_registry_token_request(request) and answer.status == 200:
        return edited(answer, lambda document: document.update(issued_at=1_700_000_000))
    return answer


@defect(
    "registry/token/refresh-token-is-issued-only-on-request",
    "registry/token/refresh-token-is-issued-only-on-request#false",
    promise="RG-14",
    surface="identity",
)
def registry_refresh_token_unrequested(request: Request, answer: Answer) -> Answer:
    """A refresh token is issued although the client did not request one."""
    if is_registry_token_request(request) and answer.status == 200:
        return edited(answer, lambda document: document.setdefault("refresh_token", "kas9Da81Dfa8"))
    return answer


@defect("registry/token/is-not-cached", promise="RG-15", surface="identity")
def registry_token_may_be_stored(request: Request, answer: Answer) -> Answer:
    """A response with a registry token may be stored by caches."""
    if is_registry_token_request(request):
        answer.headers["Cache-Control"] = "public, max-age=300"
        del answer.headers["Pragma"]
    return answer
