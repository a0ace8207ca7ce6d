"""Defects by which the rights, the login or a digest are gone round."""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Upload

ANYBODY = Caller("")
OWN_NAME = re.compile("/v2/(orgs/[^/]+/[^/]+)/")


def everything(subject: str, wanted: list[Access]) -> Caller:
    """Somebody who may do what is wanted."""
    return Caller(subject, frozenset((each.kind, each.name, "*") for each in wanted))


async def answered(registry: Any, request: Request, path: str) -> Answer:
    """What a GET of the path gives, nobody asked who it is."""
    route, name, reference = registry.route_of(path)
    answer: Answer = await getattr(registry, route.handlers["GET"])(Asked(request, name, reference, ANYBODY))
    return answer


class EscapedPathsNeedNoLogin(Defect):
    """API Reference, Error Handling: a missing token is 401, however the path is written."""

    surface = "registry"
    noticed_by = (
        "registry/login/no-spelling-of-a-path-opens#deletion",
        "registry/login/no-spelling-of-a-path-opens#letter-escaped",
        "registry/login/no-spelling-of-a-path-opens#slash-escaped",
    )

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind == "manifest" and re.search("%2f|%6d", request.raw_path, re.IGNORECASE):
            return ANYBODY
        caller: Caller = original(kind, name, request)
        return caller


class TwoSlashesNeedNoLogin(Defect):
    """API Reference, Error Handling: a rule for ``/v2/`` holds for ``//v2/`` where that leads to the same."""

    surface = "registry"
    noticed_by = ("registry/login/no-spelling-of-a-path-opens#slash-before",)

    async def answer(self, original: Any, request: Request) -> Answer:
        if request.method == "GET" and request.path.startswith("//v2/"):
            return await answered(registry_of(original), request, request.path[1:])
        answer: Answer = await original(request)
        return answer


class RightsOfTheFirstNameInThePath(Defect):
    """Docker token scopes: rights count for what a path leads to, and not for where it begins."""

    surface = "registry"
    noticed_by = (
        "registry/rights/no-path-leads-to-others#escaped",
        "registry/rights/no-path-leads-to-others#plain",
        "registry/rights/no-path-leads-to-others#slash-escaped",
    )

    async def answer(self, original: Any, request: Request) -> Answer:
        own = OWN_NAME.match(request.path)
        if request.method == "GET" and own and "/../" in request.path:
            registry = registry_of(original)
            registry.authorize("manifest", own[1], request)
            return await answered(registry, request, posixpath.normpath(request.path))
        answer: Answer = await original(request)
        return answer


class NameAloneOpens(Defect):
    """API Reference, Error Handling: a name without its password is no login, in whichever scheme."""

    surface = "registry"
    noticed_by = ("registry/login/name-alone-opens-nothing#none",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and (username := self._named(credentials)):
            return everything(username, wanted)
        caller: Caller | None = original(request, wanted)
        return caller

    def _named(self, credentials: str) -> str:
        try:
            username, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return "" if password else username


class RefreshTokenOpens(Defect):
    """RFC 6749 section 1.5: a refresh token is for the token endpoint, and opens nothing itself."""

    surface = "registry"
    noticed_by = ("registry/token/refresh-token-is-none-here",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        if re.fullmatch("Bearer [A-Za-z0-9_-]{43}", request.headers.get("authorization", "")):
            return everything("somebody", wanted)
        caller: Caller | None = original(request, wanted)
        return caller


class PartsForEveryLogin(Defect):
    """Docker token scopes: a part of a blob needs pull, as the whole does."""

    surface = "registry"
    noticed_by = ("registry/rights/part-needs-the-same#other-organization",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind == "blob" and "range" in request.headers:
            somebody: Caller | None = registry_of(original).authenticate(request, [])
            if somebody:
                return somebody
        caller: Caller = original(kind, name, request)
        return caller


class CatalogTokenOpensAll(Defect):
    """Docker token scopes: ``registry:catalog:*`` is for the list, and for no repository in it."""

    surface = "registry"
    noticed_by = ("registry/token/catalog-opens-no-repository",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return ("registry", "catalog", "*") in caller.grants or bool(original(caller, access))


class TokenGoesUpwards(Defect):
    """Docker token scopes: a token for ``app/below`` is none for ``app``."""

    surface = "registry"
    noticed_by = ("registry/token/name-below-is-another-repository#pull",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        above = {(kind, name.rpartition("/")[0], action) for kind, name, action in caller.grants}
        return bool(original(Caller(caller.subject, caller.grants | above), access))


class TokenGoesDownwards(Defect):
    """Docker token scopes: a token for ``app`` is none for ``app/below``."""

    surface = "registry"
    noticed_by = ("registry/token/name-below-is-another-repository#push",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        above = Access(access.kind, access.name.rpartition("/")[0], access.actions)
        return bool(original(caller, access) or original(caller, above))


class CatalogCutBeforeItIsFiltered(Defect):
    """API Reference, Error Handling: a Link to the next page of the catalog names nothing that is hidden."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        answer = registry.page_answer(asked.request, {}, "repositories", registry.in_order(list(registry.repositories)))
        page = json.loads(answer.body)["repositories"]
        seen = [each for each in page if registry.may_see(asked.caller, each)]
        answer.body = json.dumps({"repositories": seen}).encode()
        return without(answer, "Content-Length")


class TokenToldBack(Defect):
    """OWASP API8: an error does not expose what it was given to keep, such as a token."""

    surface = "registry"
    noticed_by = ("registry/token/is-not-told-back", "registry/token/is-not-told-back#of-no-use")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        given = request.headers.get("authorization")
        if answer.status == 401 and given and answer.body:
            document = json.loads(answer.body)
            document["errors"][0]["message"] = f"{given} is not enough"
            answer.body = json.dumps(document).encode()
            return without(answer, "Content-Length")
        return answer


class EscapedDigestAlone(Defect):
    """RFC 3986 section 3.4: a colon may stand in a query as it is."""

    surface = "registry"
    noticed_by = ("registry/upload/digest-is-read-as-written#not-escaped",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        if re.search("digest=[^&]*:", asked.request.query_string):
            raise Refusal("DIGEST_INVALID")
        answer: Answer = await original(asked)
        return answer


class LastDigestStored(Defect):
    """Docker Registry V2, Digest Parameter: a blob is stored under the digest that was verified."""

    surface = "registry"
    noticed_by = ("registry/digest/of-two-none-is-believed#true-first",)

    async def put_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        named = [value for name, value in asked.request.query if name == "digest"]
        blobs = registry_of(original).stored(asked.name).blobs
        if len(named) > 1 and named[0] in blobs:
            blobs[named[-1]] = blobs[named[0]]
        return answer


class Sha512ManifestsNotFound(Defect):
    """distribution-spec 1.1, Pulling manifests: what was pushed under a sha512 digest is pulled by that."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-manifest-comes-back",)

    def resolve(self, original: Any, name: str, reference: str) -> Any:
        return None if reference.startswith("sha512:") else original(name, reference)


class KnownElsewhereUnverified(Defect):
    """Docker Registry V2, Digest Parameter: bytes are verified, though another repository has the digest already."""

    surface = "registry"
    noticed_by = (
        "registry/digest/known-elsewhere-is-verified#nothing-in-a-post",
        "registry/digest/known-elsewhere-is-verified#nothing-other-organization",
        "registry/digest/known-elsewhere-is-verified#nothing-ours",
        "registry/digest/known-elsewhere-is-verified#other-bytes-other-organization",
        "registry/digest/known-elsewhere-is-verified#other-bytes-ours",
    )

    async def commit_blob(self, original: Any, name: str, digest: str, content: bytes) -> None:
        registry = registry_of(original)
        if any(digest in each.blobs for other, each in registry.repositories.items() if other != name):
            await registry.store_blob(name, digest, content)
        else:
            await original(name, digest, content)


class EmbeddedDataRefused(Defect):
    """image-spec 1.1, Content Descriptors: a descriptor may have its content in ``data``."""

    surface = "registry"
    noticed_by = ("registry/manifest/embedded-data-is-taken",)

    def check_data(self, original: Any, member: str, descriptor: dict[str, Any]) -> None:
        if "data" in descriptor:
            raise Refusal("MANIFEST_INVALID", f"{member}: data")


class Sha512SubjectsNotListed(Defect):
    """distribution-spec 1.1, Listing Referrers: a subject is found by the digest that was named, of sha512 as well."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-a-sha512-subject",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [] if digest.startswith("sha512:") else list(original(name, digest))


class SubjectToldOfEveryManifest(Defect):
    """distribution-spec 1.1, Pushing Manifests with Subject: OCI-Subject is told of what has a subject."""

    surface = "registry"
    noticed_by = ("registry/referrers/no-subject-none-told",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        answer.headers["OCI-Subject"] = manifest.subject or manifest.digest
        return answer


class MountWithinOneOrganization(Defect):
    """Docker token scopes: a mount needs pull on the source, in one's own organization as well."""

    surface = "registry"
    noticed_by = ("registry/token/mount-needs-pull-on-the-source",)

    def may_mount(self, original: Any, caller: Caller, source: str) -> bool:
        own = {organization_of(name) for _, name, _ in caller.grants}
        return organization_of(source) in own or bool(original(caller, source))


class ReferrersOfOnesOrganization(Defect):
    """Docker token scopes: a list of referrers needs pull on that repository, and not on one of its organization's."""

    surface = "registry"
    noticed_by = ("registry/token/referrers-are-of-its-repository",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        somebody: Caller | None = registry_of(original).authenticate(request, []) if kind == "referrers" else None
        if somebody and organization_of(name) in {organization_of(each) for _, each, _ in somebody.grants}:
            return somebody
        caller: Caller = original(kind, name, request)
        return caller


class UploadOfOneToken(Defect):
    """Docker token scopes: an upload is its subject's, whichever token of the subject's comes."""

    surface = "registry"
    noticed_by = ("registry/upload/outlives-its-token",)

    def __init__(self) -> None:
        self.tokens: dict[str, str | None] = {}

    def find_upload(self, original: Any, asked: Asked) -> Upload:
        upload: Upload = original(asked)
        token = asked.request.headers.get("authorization")
        if self.tokens.setdefault(upload.session, token) != token:
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": asked.reference})
        return upload
