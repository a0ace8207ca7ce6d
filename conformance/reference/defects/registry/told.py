"""Defects of what is told of what is there: digests, lists, sizes; and of whom reading is asked for too much."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.grammar import is_supported_digest
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import OCI_MANIFEST, Manifest


def edited(answer: Answer, edit: Callable[[dict[str, Any]], Any]) -> Answer:
    """The answer with its JSON object edited in place."""
    document = json.loads(answer.body)
    edit(document)
    answer.body = json.dumps(document).encode()
    return answer


class HeadOfBlobRefused(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of a blob that is there is 200."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-head-is-200", "registry/pull/blob-head-is-200#of-no-bytes")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and kind_of(request) == "blob" and answer.status == 200:
            answer.status = 204
        return answer


class TagListTypedAsText(Defect):
    """Docker Registry V2, Listing Image Tags: the list is application/json, and says so."""

    surface = "registry"
    noticed_by = ("registry/tags/are-json", "registry/tags/are-json#in-pages")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "tags" and answer.status == 200:
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
        return answer


class BlobOfAbsentRepositoryFails(Defect):
    """distribution-spec 1.1, Pulling blobs: a blob of a repository that never was is 404, and no failure."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-repository-is-404#blob", "registry/pull/absent-repository-is-404#blob-head")

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        if name not in registry_of(original).repositories:
            raise Refusal("NAME_UNKNOWN", status=500)
        content: bytes = original(name, digest)
        return content


class CreatedManifestDigestOfOther(Defect):
    """distribution-spec 1.1, Pushing Manifests: the digest that 201 tells is that of the bytes that were pushed."""

    surface = "registry"
    noticed_by = ("registry/manifest/created-digest-is-true", "registry/manifest/created-digest-is-true#index")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "PUT" and kind_of(request) == "manifest" and answer.status == 201:
            other = hashlib.sha256(request.body + b"\n").hexdigest()
            answer.headers["Docker-Content-Digest"] = f"sha256:{other}"
        return answer


class CreatedBlobDigestOfOther(Defect):
    """Docker Registry V2, Digest Header: the digest that a pushed blob's answer names is the blob's own."""

    surface = "registry"
    noticed_by = ("registry/upload/created-digest-is-true", "registry/upload/created-digest-is-true#in-chunks")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "PUT" and kind_of(request) == "upload" and answer.status == 201:
            other = hashlib.sha256(request.body + b"\n").hexdigest()
            answer.headers["Docker-Content-Digest"] = f"sha256:{other}"
        return answer


class CatalogLosesTheLast(Defect):
    """Docker Registry V2, Listing Repositories: every repository of the caller's is listed."""

    surface = "registry"
    noticed_by = ("registry/catalog/has-what-was-pushed",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "catalog" and answer.status == 200:
            return edited(
                answer,
                lambda document: document.update(
                    repositories=[name for name in document["repositories"] if not name.endswith("-stored")][:-1]
                ),
            )
        return answer


class CatalogRepeats(Defect):
    """Docker Registry V2, Listing Repositories: a repository is listed once."""

    surface = "registry"
    noticed_by = ("registry/catalog/repeats-nothing",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "catalog" and answer.status == 200:
            return edited(answer, lambda document: document["repositories"].extend(document["repositories"][-1:]))
        return answer


class ReferrersWithWrongSize(Defect):
    """image-spec 1.1, Content Descriptors: the size in a descriptor is that of what it describes."""

    surface = "registry"
    noticed_by = ("registry/referrers/describe-what-is-there",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "referrers" and answer.status == 200:
            return edited(answer, lambda document: [each.update(size=0) for each in document["manifests"]])
        return answer


class PullNeedsPush(Defect):
    """Docker token scopes: reading needs pull alone."""

    surface = "registry"
    noticed_by = (
        "registry/rights/puller-can-pull#blob",
        "registry/rights/puller-can-pull#blob-head",
        "registry/rights/puller-can-pull#manifest",
        "registry/rights/puller-can-pull#manifest-by-digest",
        "registry/rights/puller-can-pull#manifest-head",
        "registry/rights/puller-can-pull#tags",
        "registry/token/several-scopes#joined",
        "registry/token/refresh-token-gets-tokens",
    )

    def actions_wanted(self, original: Any, method: str) -> tuple[str, ...]:
        return (*original(method), "push") if method in ("GET", "HEAD") else tuple(original(method))


class LocationWithoutHost(Defect):
    """RFC 9110 section 4.2.1: an http address has a host; "http:///v2/…" is none, and engines go nowhere by it."""

    surface = "registry"
    noticed_by = ("registry/upload/session-opens",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if location := answer.headers.get("location"):
            parts = urlsplit(location)
            answer.headers["Location"] = f"http://{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return answer


class LinkWithoutHost(Defect):
    """RFC 9110 section 4.2.1: nor does a Link without a host lead anywhere."""

    surface = "registry"
    noticed_by = ("registry/tags/links-lead-to-the-end#six", "registry/catalog/links-leave-nothing-out")

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return f"http://{original(request, query)}"


class CatalogGoesOnBehindTheFirst(Defect):
    """Docker Registry V2, Pagination: the Link goes on behind a page's last name, and not behind its first."""

    surface = "registry"
    noticed_by = ("registry/catalog/links-leave-nothing-out",)

    def next_page(self, original: Any, request: Request, size: int, last: str, rest: list[str]) -> str:
        reference: str = original(request, size, rest[0] if kind_of(request) == "catalog" else last, rest)
        return reference


class HeadTypeIsAlwaysImage(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of an index says that it is one."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken", "registry/manifest/docker-list-is-taken")

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.headers["Content-Type"] = OCI_MANIFEST
        return answer


class ArtifactTypeInSmallLetters(Defect):
    """distribution-spec 1.1, Listing Referrers: artifactType is the value of the manifest's, letter for letter."""

    surface = "registry"
    noticed_by = ("registry/referrers/say-their-type#of-an-index",)

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        entry: dict[str, Any] = original(manifest)
        return {**entry, "artifactType": entry["artifactType"].lower()} if "artifactType" in entry else entry


class AnnotationsEscapedForPages(Defect):
    """distribution-spec 1.1, Listing Referrers: annotations are the manifest's, and no text of an HTML page."""

    surface = "registry"
    noticed_by = (
        "registry/referrers/carry-annotations#artifact",
        "registry/referrers/carry-annotations#filtered",
        "registry/referrers/carry-annotations#image",
        "registry/referrers/carry-annotations#index",
    )

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        entry: dict[str, Any] = original(manifest)
        told = {name: html.escape(value, quote=False) for name, value in entry.get("annotations", {}).items()}
        return {**entry, "annotations": told} if told else entry


class NoAnnotationsToldAsNull(Defect):
    """image-spec 1.1, Annotations, Rules: where there are none, the property is absent or an empty map."""

    surface = "registry"
    noticed_by = ("registry/referrers/carry-annotations#none",)

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        return {"annotations": None, **original(manifest)}


class RegistryIfRangeIgnored(Defect):
    """RFC 9110 section 13.1.5: where If-Range does not match, the whole blob is sent."""

    surface = "registry"
    noticed_by = ("registry/pull/if-range-of-another-is-the-whole",)

    def part_wanted(self, original: Any, request: Request, digest: str, size: int) -> tuple[int, int] | None:
        header = request.headers.get("range")
        part: tuple[int, int] | None = registry_of(original).byte_range(header, size) if header else None
        return part


class BadPageOfTheCatalogFails(Defect):
    """API Reference, Error Handling: an invalid parameter of the catalog is the caller's fault."""

    surface = "registry"
    noticed_by = (
        "registry/catalog/bad-n-is-no-server-error#negative",
        "registry/catalog/bad-n-is-no-server-error#word",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return Answer(500) if kind_of(request) == "catalog" and answer.status == 400 else answer


class MalformedDigestInAPostFails(Defect):
    """API Reference, Error Handling: a malformed digest is the caller's fault, in whichever form of push."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-in-a-post-is-a-callers-fault",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        digest = request.parameter("digest") if request.method == "POST" else None
        return Answer(500) if digest is not None and not is_supported_digest(digest) else answer


class ManifestWithoutTypeFails(Defect):
    """API Reference, Error Handling: a field that the caller left out is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/manifest/without-type-is-no-server-error",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        untyped = request.method == "PUT" and kind_of(request) == "manifest" and "content-type" not in request.headers
        return Answer(500) if untyped else answer
