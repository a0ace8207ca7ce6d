"""Defects that break the promise "Referrers are listed with artifact type and annotations"."""

from __future__ import annotations

import html
import json
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import OCI_INDEX, OCI_MANIFEST, Manifest
from conformance.reference.support.registry import edited_document, kind_of, registry_of
from tests.defects.support.registry import unsupported_error

ROWS = (
    row(
        "filter-reported-and-not-applied",
        "distribution-spec 1.1, Listing Referrers: OCI-Filters-Applied is sent, and the filter is not applied.",
        "registry/referrers/applied-filter-is-named",
        filter_passes=lambda original, descriptor, artifact_type: True,
    ),
    row(
        "no-annotations-reported-as-null",
        "image-spec 1.1, Annotations, Rules: missing annotations are null.",
        "registry/referrers/carry-annotations#none",
        entry_of=lambda original, manifest: {"annotations": None, **original(manifest)},
    ),
)


@defect("registry/referrers/are-an-index", "registry/referrers/are-an-index#of-one-type")
def referrers_typed_as_json(referrers_answer: Any, descriptors: list[dict[str, Any]]) -> Answer:
    """distribution-spec 1.1, Listing Referrers: the referrers list is application/json instead of an image index."""
    answer: Answer = referrers_answer(descriptors)
    answer.headers["Content-Type"] = "application/json"
    return answer


@defect("registry/referrers/are-an-index")
def referrers_without_schema_version(referrers_answer: Any, descriptors: list[dict[str, Any]]) -> Answer:
    """image-spec 1.1, Image Index: the referrers list has no schemaVersion."""
    answer: Answer = referrers_answer(descriptors)
    document = json.loads(answer.body)
    del document["schemaVersion"]
    answer.body = json.dumps(document).encode()
    return answer


@defect("registry/referrers/are-listed")
def one_referrer_of_a_type(referrers_of: Any, name: str, digest: str) -> list[dict[str, Any]]:
    """distribution-spec 1.1, Listing Referrers: of several referrers of one type only one is listed."""
    return list({each.get("artifactType"): each for each in referrers_of(name, digest)}.values())


@defect("registry/referrers/are-listed")
def referrers_of_indexes_not_listed(referrers_of: Any, name: str, digest: str) -> list[dict[str, Any]]:
    """distribution-spec 1.1, Listing Referrers: the referrers of an index are not listed."""
    subject = registry_of(referrers_of).stored(name).manifests.get(digest)
    return [] if subject and subject.media_type == OCI_INDEX else list(referrers_of(name, digest))


@defect("registry/referrers/carry-annotations#artifact,filtered,image,index")
def annotations_escaped_for_pages(entry_of: Any, manifest: Manifest) -> dict[str, Any]:
    """distribution-spec 1.1, Listing Referrers: annotations are escaped for HTML."""
    entry: dict[str, Any] = entry_of(manifest)
    annotations = {name: html.escape(value, quote=False) for name, value in entry.get("annotations", {}).items()}
    return {**entry, "annotations": annotations} if annotations else entry


class DeletedReferrerStaysInItsType(Defect):
    """distribution-spec 1.1, Listing Referrers: a filtered list contains a deleted referrer."""

    noticed_by = ("registry/referrers/deleted-is-not-listed",)
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = original(name, digest)
        self.found[name, digest] = found or self.found.get((name, digest), [])
        return found

    async def list_referrers(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(call)
        if call.request.parameter("artifactType") and not registry_of(original).referrers_of(call.name, call.reference):
            answer = registry_of(original).referrers_answer(self.found.get((call.name, call.reference), []))
        return answer


@defect("registry/referrers/descriptors-match-the-manifests")
def referrers_with_wrong_size(request: Request, answer: Answer) -> Answer:
    """image-spec 1.1, Content Descriptors: the descriptor of a referrer has a wrong size."""
    if kind_of(request) == "referrers" and answer.status == 200:
        return edited_document(answer, lambda document: [each.update(size=0) for each in document["manifests"]])
    return answer


@defect("registry/referrers/filter-is-applied")
def filter_of_types_that_begin_so(filter_passes: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
    """distribution-spec 1.1, Listing Referrers: a filter matches the beginning of a type."""
    return str(descriptor.get("artifactType", "")).startswith(artifact_type)


@defect("registry/referrers/filter-uses-the-config-type")
def filter_of_own_types_only(filter_passes: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
    """distribution-spec 1.1, Listing Referrers: a filter ignores types that come from the config."""
    stored = (each.manifests.get(descriptor["digest"]) for each in registry_of(filter_passes).repositories.values())
    return any(each is not None and each.document.get("artifactType") == artifact_type for each in stored)


class FilterOfConfigsToo(Defect):
    """distribution-spec 1.1, Listing Referrers: a filter matches the config's type although artifactType is another."""

    noticed_by = ("registry/referrers/filter-uses-the-config-type",)

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        return {**original(manifest), "config": (manifest.document.get("config") or {}).get("mediaType")}

    def filter_passes(self, original: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
        return bool(original(descriptor, artifact_type)) or descriptor["config"] == artifact_type

    def referrers_answer(self, original: Any, descriptors: list[dict[str, Any]]) -> Answer:
        return original([{k: v for k, v in each.items() if k != "config"} for each in descriptors])


@defect("registry/referrers/malformed-digest-is-400#short,tag,word")
async def referrers_of_malformed_digest(list_referrers: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Listing Referrers: a malformed digest gets an empty list instead of 400."""
    try:
        answer: Answer = await list_referrers(call)
    except Refusal:
        answer = registry_of(list_referrers).referrers_answer([])
    return answer


@defect("registry/referrers/no-oci-subject-without-subject")
def subject_reported_for_every_manifest(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """distribution-spec 1.1, Pushing Manifests with Subject: OCI-Subject is sent for a manifest without a subject."""
    answer: Answer = manifest_created(call, manifest)
    answer.headers["OCI-Subject"] = manifest.subject or manifest.digest
    return answer


@defect("registry/referrers/none-is-an-empty-index")
async def nothing_filtered_is_unknown(list_referrers: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Listing Referrers: a filter that matches nothing is answered 404."""
    answer: Answer = await list_referrers(call)
    if call.request.parameter("artifactType") and not json.loads(answer.body)["manifests"]:
        raise Refusal("MANIFEST_UNKNOWN", {"digest": call.reference})
    return answer


@defect("registry/referrers/sha512-subject-is-listed")
def sha512_subjects_not_listed(referrers_of: Any, name: str, digest: str) -> list[dict[str, Any]]:
    """distribution-spec 1.1, Listing Referrers: the referrers of a sha512 subject are not listed."""
    return [] if digest.startswith("sha512:") else list(referrers_of(name, digest))


@defect("registry/referrers/listed-for-an-absent-subject", state=dict)
async def filtered_referrers_from_cache(pages: dict[object, Answer], list_referrers: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Listing Referrers: a filtered list comes from a cache, without later referrers."""
    key, conditional = (call.request.path, call.request.query_string), {"range", "if-none-match"}
    if not call.request.query_string or conditional & set(call.request.headers):
        return await list_referrers(call)
    answer = pages.get(key) or await list_referrers(call)
    if answer.status == 200:
        pages[key] = answer
    return answer


class ReferrersLostWithTheirSubject(Defect):
    """distribution-spec 1.1, Listing Referrers: the referrers of a deleted subject are not listed."""

    noticed_by = ("registry/referrers/listed-for-an-absent-subject",)
    forgotten: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        self.forgotten.add((name, digest))

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [] if (name, digest) in self.forgotten else original(name, digest)


class ReferrersLostWhenTheSubjectReturns(Defect):
    """distribution-spec 1.1, Listing Referrers: the referrers of a subject pushed again are not listed."""

    noticed_by = ("registry/referrers/listed-for-an-absent-subject",)
    deleted: set[tuple[str, str]] = set()
    returned: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.deleted.add((name, digest))
        await original(name, digest)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.returned |= {(name, manifest.digest)} & self.deleted
        await original(name, manifest)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = original(name, digest)
        return [] if (name, digest) in self.returned else found


@defect("registry/referrers/listed-for-an-absent-subject")
async def referrers_in_an_absent_repository_fail(list_referrers: Any, call: Call) -> Answer:
    """API Reference, Error Handling: the referrers list of an absent repository is answered 500."""
    if call.name not in registry_of(list_referrers).repositories:
        raise unsupported_error()
    return await list_referrers(call)


@defect("registry/referrers/of-this-repository-only")
def referrers_of_every_repository(referrers_of: Any, name: str, digest: str) -> list[dict[str, Any]]:
    """distribution-spec 1.1, Listing Referrers: the referrers of all repositories are listed."""
    return [entry for each in registry_of(referrers_of).repositories for entry in referrers_of(each, digest)]


class DeletedReferrerNeverComesBack(Defect):
    """distribution-spec 1.1, Listing Referrers: a referrer that was deleted and pushed again is not listed."""

    noticed_by = ("registry/referrers/pushed-again-is-listed",)
    deleted: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        self.deleted.add((name, digest))

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [each for each in original(name, digest) if (name, each["digest"]) not in self.deleted]


class RefusedManifestRefers(Defect):
    """distribution-spec 1.1, Listing Referrers: a manifest refused for an absent blob is listed."""

    noticed_by = ("registry/referrers/refused-is-not-listed",)
    refused: dict[tuple[str, str | None], list[dict[str, Any]]] = {}

    async def put_manifest(self, original: Any, call: Call) -> Answer:
        try:
            return await original(call)
        except Refusal as refusal:
            if refusal.code == "MANIFEST_BLOB_UNKNOWN":
                self._note(registry_of(original).media_type_of(call.request), call)
            raise

    def _note(self, media_type: str, call: Call) -> None:
        content = call.request.body
        manifest = Manifest(grammar.digest_of(content), media_type, content, json.loads(content))
        self.refused.setdefault((call.name, manifest.subject), []).append(manifest.descriptor)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [*original(name, digest), *self.refused.get((name, digest), [])]


@defect("registry/referrers/artifact-type-is-listed#of-the-config")
def referrers_without_artifact_type(entry_of: Any, manifest: Manifest) -> dict[str, Any]:
    """distribution-spec 1.1, Listing Referrers: a referrer without artifactType does not get its config's type."""
    entry = dict(entry_of(manifest))
    if not manifest.document.get("artifactType"):
        entry.pop("artifactType", None)
    return entry


@defect("registry/referrers/artifact-type-is-listed#of-an-index")
def artifact_type_in_small_letters(entry_of: Any, manifest: Manifest) -> dict[str, Any]:
    """distribution-spec 1.1, Listing Referrers: artifactType is listed in lower case."""
    entry: dict[str, Any] = entry_of(manifest)
    return {**entry, "artifactType": entry["artifactType"].lower()} if "artifactType" in entry else entry


@defect("registry/referrers/subject-is-acknowledged#artifact,index,of-the-whole-run")
def subject_header_of_the_manifest(manifest_created: Any, call: Call, manifest: Manifest) -> Answer:
    """distribution-spec 1.1, Pushing Manifests with Subject: OCI-Subject is the manifest's own digest."""
    answer: Answer = manifest_created(call, manifest)
    if manifest.subject:
        answer.headers["OCI-Subject"] = manifest.digest
    return answer


@defect("registry/referrers/tag-schema-works")
async def tag_of_a_digest_never_moves(set_tag: Any, name: str, tag: str, digest: str) -> None:
    """distribution-spec 1.1, Referrers Tag Schema: the tag of a digest does not move to a later push."""
    if not (tag.startswith("sha256-") and tag in registry_of(set_tag).stored(name).tags):
        await set_tag(name, tag, digest)


@defect("registry/referrers/tag-schema-works")
async def tag_of_a_digest_is_of_an_image(get_manifest: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Referrers Tag Schema: the index under the tag of a digest has the type of an image."""
    answer: Answer = await get_manifest(call)
    if call.reference.startswith("sha256-"):
        answer.headers["Content-Type"] = OCI_MANIFEST
    return answer
