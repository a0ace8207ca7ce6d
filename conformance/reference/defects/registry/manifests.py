"""Defects of pushing, pulling and deleting manifests."""

from __future__ import annotations

import dataclasses
import gzip
import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import Manifest


class ManifestReformatted(Defect):
    """distribution-spec 1.1, Pushing Manifests: the bytes pulled are those pushed, blanks and order too."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/bytes-are-kept#sorted",
        "interoperability/registry/push",
        "interoperability/registry/push-of-an-index",
        "interoperability/registry/pull",
        "interoperability/registry/pull-by-digest",
    )

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        tidy = json.dumps(manifest.document, sort_keys=True, separators=(",", ":")).encode()
        answer: Answer = original(request, dataclasses.replace(manifest, content=tidy))
        return answer


class ManifestTypeLost(Defect):
    """distribution-spec 1.1, Pulling manifests: Content-Type is what was pushed."""

    surface = "registry"
    noticed_by = (
        "registry/pull/manifest-is-what-was-pushed#accepting-another-type",
        "registry/pull/manifest-is-what-was-pushed#accepting-anything",
        "registry/pull/manifest-is-what-was-pushed#accepting-html",
        "registry/pull/manifest-is-what-was-pushed#accepting-index",
        "registry/pull/manifest-is-what-was-pushed#accepting-nonsense",
        "registry/pull/manifest-is-what-was-pushed#digest",
        "registry/pull/manifest-is-what-was-pushed#tag",
        "registry/manifest/oci-image-is-taken",
        "registry/manifest/no-layers-is-taken",
        "registry/manifest/is-taken-by-digest",
        "interoperability/registry/pull-for-a-platform",
        "interoperability/registry/what-one-pushed-others-pull",
    )

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        answer: Answer = original(request, manifest)
        answer.headers["Content-Type"] = "application/json"
        return answer


class ManifestWithoutDigestHeader(Defect):
    """Docker Registry V2, Pulling an Image Manifest: the answer has Docker-Content-Digest."""

    surface = "registry"
    noticed_by = (
        "registry/pull/digest-is-told#manifest",
        "registry/pull/digest-is-told#manifest-by-digest",
        "registry/pull/digest-is-told#manifest-head",
        "registry/pull/digest-is-told#manifest-head-by-digest",
    )

    def manifest_answer(self, original: Any, request: Request, manifest: Manifest) -> Answer:
        return without(original(request, manifest), "Docker-Content-Digest")


class HeadManifestWithoutType(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD has the Content-Type of the manifest."""

    surface = "registry"
    noticed_by = ("registry/pull/head-equals-get#digest",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.headers["Content-Type"] = "text/plain"
        return answer


class HeadManifestWithoutLength(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD has the Content-Length of the manifest."""

    surface = "registry"
    noticed_by = ("registry/pull/head-tells-the-length#large-manifest", "registry/pull/head-tells-the-length#manifest")

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.body = b""
        return without(answer, "Content-Length")


class Sha512ManifestsFail(Defect):
    """API Reference, Error Handling: an algorithm that is not supported is no fault of the platform's."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-manifest-comes-back",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.reference.startswith("sha512:"):
            raise Refusal("UNSUPPORTED", status=500)
        answer: Answer = await original(asked)
        return answer


class HeadOfMissingManifestAnswered200(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD of a manifest that is not there is 404."""

    surface = "registry"
    noticed_by = (
        "registry/pull/absent-manifest-is-404#digest-head",
        "registry/pull/absent-repository-is-404#manifest-head",
    )

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal:
            return Answer(200)
        return answer


class SubjectHeaderOfTheManifest(Defect):
    """distribution-spec 1.1, Pushing Manifests with Subject: OCI-Subject is the subject's digest, not one's own."""

    surface = "registry"
    noticed_by = (
        "registry/referrers/subject-is-acknowledged#artifact",
        "registry/referrers/subject-is-acknowledged#index",
        "registry/referrers/subject-is-acknowledged#of-the-whole-run",
    )

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        if manifest.subject:
            answer.headers["OCI-Subject"] = manifest.digest
        return answer


class ManifestCreatedWith202(Defect):
    """distribution-spec 1.1, Pushing Manifests: a stored manifest is answered 201."""

    surface = "registry"
    noticed_by = ("registry/manifest/created-is-201",)

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        answer.status = 202
        return answer


class MissingManifestIsNotFound(Defect):
    """distribution-spec 1.1, Error Codes: the code is MANIFEST_UNKNOWN, not one of one's own (harbor #23637)."""

    surface = "registry"
    noticed_by = ("registry/errors/code-is-of-the-lists#absent-tag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.body = answer.body.replace(b"MANIFEST_UNKNOWN", b"NOT_FOUND")
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class CodedWithoutSayingSo(Defect):
    """RFC 9110 section 8.4: an answer that was compressed on its way says so by Content-Encoding."""

    surface = "registry"
    noticed_by = ("registry/pull/compressed-is-the-same#manifest",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        _is_compressed(request, answer)
        return answer


def _is_compressed(request: Request, answer: Answer) -> bool:
    """Compresses a manifest for who takes that; whether it did."""
    if "gzip" not in request.headers.get("accept-encoding", "") or kind_of(request) != "manifest":
        return False
    answer.body = gzip.compress(answer.body)
    answer.headers["Content-Length"] = str(len(answer.body))
    return True


class CodedUnderTheSameEntityTag(Defect):
    """RFC 9110 section 8.8.3.3: what was compressed on its way has another strong entity tag."""

    surface = "registry"
    noticed_by = ("registry/pull/coded-has-another-entity-tag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if _is_compressed(request, answer):
            answer.headers["Content-Encoding"] = "gzip"
        return answer


class CodedThoughNotAccepted(Defect):
    """RFC 9110 section 12.5.3: a coding of which the weight is 0 is not accepted, though it is named."""

    surface = "registry"
    noticed_by = ("registry/pull/no-coding-where-none-is-accepted",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if _is_compressed(request, answer):
            answer.headers |= {"Content-Encoding": "gzip", "ETag": f"W/{answer.headers.get('ETag', '')}"}
        return answer


class EmptyIndexFails(Defect):
    """API Reference, Error Handling: an index of nothing is taken or refused, and is no failure of the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/empty-index-is-no-server-error#docker",
        "registry/manifest/empty-index-is-no-server-error#oci",
    )

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if b'"manifests":[]' in asked.request.body.replace(b" ", b""):
            raise invalid("index out of range: 0", status=500)
        answer: Answer = await original(asked)
        return answer


class VersionsAreNumbers(Defect):
    """API Reference, Docker Registry: an image is pulled by the tag it was pushed under; v1.0.0 is not kept as v1.0."""

    surface = "registry"
    noticed_by = ("registry/name/image-naming-of-the-contract",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag.removesuffix(".0"), digest)
