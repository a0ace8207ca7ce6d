"""Manifests: push, pull, deletion, referrers (distribution-spec 1.1)."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.blobs import Blobs
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.rules import ManifestRules
from conformance.reference.registry.state import OCI_INDEX, Manifest


class Manifests(ManifestRules, Blobs):
    """Stores and serves manifests, byte for byte."""

    def is_tag(self, text: str) -> bool:
        return grammar.is_tag(text)

    def check_reference(self, text: str) -> str:
        """Return a tag or a digest; TAG_INVALID or DIGEST_INVALID if it is neither."""
        if ":" in text:
            return self.check_digest(text)
        if not self.is_tag(text):
            raise Refusal("TAG_INVALID", {"tag": text})
        return text

    async def put_manifest(self, call: Call) -> Answer:
        reference, request = self.check_reference(call.reference), call.request
        self.check_manifest_size(request.body)
        media_type = self.media_type_of(request)
        self.check_supported(media_type)
        digest = reference if ":" in reference else grammar.digest_of(request.body)
        if digest == reference and not self.manifest_digest_matches(digest, request.body):
            raise Refusal("DIGEST_INVALID", {"digest": digest})
        document = self.parse_manifest(request.body)
        self.check_manifest(call.name, media_type, document)
        manifest = Manifest(digest, media_type, request.body, document)
        await self.store_manifest(call.name, manifest)
        if reference != digest:
            await self.set_tag(call.name, reference, digest)
        return self.manifest_created(call, manifest)

    def media_type_of(self, request: Request) -> str:
        return request.headers.get("content-type", "").partition(";")[0].strip()

    async def store_manifest(self, name: str, manifest: Manifest) -> None:
        """Store the manifest; storing it again does not disturb readers."""
        self.opened(name).manifests[manifest.digest] = manifest

    async def set_tag(self, name: str, tag: str, digest: str) -> None:
        """Point the tag to this manifest, atomically."""
        self.opened(name).tags[tag] = digest

    def manifest_created(self, call: Call, manifest: Manifest) -> Answer:
        """Return 201 with the manifest's Location, and OCI-Subject if it refers to another manifest."""
        answer = Answer(201)
        answer.headers["Location"] = self.url(call.request, f"/v2/{call.name}/manifests/{manifest.digest}")
        answer.headers["Docker-Content-Digest"] = manifest.digest
        if manifest.subject:
            answer.headers["OCI-Subject"] = manifest.subject
        return answer

    async def get_manifest(self, call: Call) -> Answer:
        """Return the manifest as pushed, whatever Accept says: nothing is converted."""
        manifest = self.manifest_of(call)
        if self.not_modified(call.request, manifest.digest):
            return self.unchanged(manifest.digest)
        return self.manifest_answer(call.request, manifest)

    async def head_manifest(self, call: Call) -> Answer:
        return await self.get_manifest(call)

    def manifest_of(self, call: Call) -> Manifest:
        """Return the requested manifest; MANIFEST_UNKNOWN if it does not exist."""
        manifest = self.resolve(call.name, self.check_reference(call.reference))
        if manifest is None:
            raise self.unknown_manifest(call)
        return manifest

    def resolve(self, name: str, reference: str) -> Manifest | None:
        stored = self.stored(name)
        digest = reference if ":" in reference else stored.tags.get(reference, "")
        return stored.manifests.get(digest)

    def unknown_manifest(self, call: Call) -> Refusal:
        return Refusal("MANIFEST_UNKNOWN", {"name": call.name, "reference": call.reference})

    def manifest_answer(self, request: Request, manifest: Manifest) -> Answer:
        answer = Answer(200, manifest.content)
        answer.headers["Content-Type"] = manifest.media_type
        answer.headers["Content-Length"] = str(len(manifest.content))
        answer.headers["Docker-Content-Digest"] = self.reported_digest(manifest.digest)
        answer.headers["ETag"] = f'"{manifest.digest}"'
        return answer

    async def delete_manifest(self, call: Call) -> Answer:
        """Delete, by tag, only the tag; by digest, the manifest and its tags."""
        manifest = self.manifest_of(call)
        if ":" in call.reference:
            await self.remove_manifest(call.name, manifest.digest)
        else:
            await self.remove_tag(call.name, self.check_reference(call.reference))
        return self.deleted()

    async def remove_tag(self, name: str, tag: str) -> None:
        self.stored(name).tags.pop(tag, None)

    async def remove_manifest(self, name: str, digest: str) -> None:
        stored = self.stored(name)
        stored.manifests.pop(digest, None)
        for tag in self.tags_naming(name, digest):
            stored.tags.pop(tag, None)

    def tags_naming(self, name: str, digest: str) -> list[str]:
        return [tag for tag, named in self.stored(name).tags.items() if named == digest]

    async def list_referrers(self, call: Call) -> Answer:
        """Return an index of the referrers of a digest, whether it exists or not (distribution-spec 1.1)."""
        descriptors = self.referrers_of(call.name, self.check_digest(call.reference))
        artifact_type = call.request.parameter("artifactType")
        if artifact_type:
            descriptors = [each for each in descriptors if self.filter_passes(each, artifact_type)]
        answer = self.referrers_answer(descriptors)
        if artifact_type:
            answer.headers["OCI-Filters-Applied"] = "artifactType"
        return answer

    def referrers_of(self, name: str, digest: str) -> list[dict[str, Any]]:
        return [self.entry_of(each) for each in self.stored(name).manifests.values() if each.subject == digest]

    def entry_of(self, manifest: Manifest) -> dict[str, Any]:
        return manifest.descriptor

    def filter_passes(self, descriptor: dict[str, Any], artifact_type: str) -> bool:
        return bool(descriptor.get("artifactType") == artifact_type)

    def referrers_answer(self, descriptors: list[dict[str, Any]]) -> Answer:
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
        answer = Answer(200, json.dumps(index).encode())
        answer.headers["Content-Type"] = OCI_INDEX
        return answer
