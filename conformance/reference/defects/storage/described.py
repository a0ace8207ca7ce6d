"""Habits of real gateways in what is said of an object: its metadata, its tags, those of its copy."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject

MD5_OF_NOTHING = hashlib.md5(b"").hexdigest()
NAME_MAX = 255


class NothingPutHasNoETag(Defect):
    """S3 API Reference, PutObject, ETag: the entity tag for the uploaded object, which may have no bytes."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back#empty",)

    def stored_answer(self, original: Any, etag: str, checksums: dict[str, str]) -> Answer:
        answer: Answer = original(etag, checksums)
        if etag == MD5_OF_NOTHING:
            del answer.headers["etag"]
        return answer


class MetadataOfLongKeysLost(Defect):
    """S3 User Guide, "Working with object metadata": kept with the object, also where its name is that of no file."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept#ascii",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, replace(stored, metadata={}) if len(key.encode()) > NAME_MAX else stored, asked)


class SlashBehindNotLookedAt(Defect):
    """S3 User Guide, "Object key names": a name with a slash behind it is another than that without."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#slash-behind",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        without = call.key.removesuffix("/")
        aliased = call.key not in bucket.objects and without in bucket.objects
        answer: Answer = await original(replace(call, key=without) if aliased else call, bucket)
        return answer


class UrlsTellNoMetadata(Defect):
    """SigV4, "Using Query Parameters": a request that is made by a URL is answered as any other."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/get-is-served#a-minute",
        "storage/presigned/get-is-served#a-second-short-of-a-week",
        "storage/presigned/get-is-served#a-week",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "X-Amz-Signature" in request.query_string:
            for name in [name for name in answer.headers if name.startswith(META)]:
                del answer.headers[name]
        return answer


class EmptyTagSetPassedOver(Defect):
    """S3 API Reference, PutObjectTagging: the set that is sent takes the place of the present one, one of none too."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        kept = bucket.objects.get(call.key)
        answer: Answer = await original(call, bucket)
        if kept is not None and b"<Tag>" not in call.body:
            bucket.put(call.key, kept)
        return answer


class ReplacedCopyHasATypeAlone(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: REPLACE takes all of the request, Cache-Control too."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-is-replaced", "storage/copy/metadata-is-replaced#each-field")

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        kept = {"content-type": stored.headers["content-type"]} if replaced else stored.headers
        return replace(stored, headers=kept)


class ReplacedCopyKeepsItsExpiry(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: REPLACE takes all from the request, Expires too."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-is-replaced",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        kept = {name: value for name, value in source.headers.items() if name == "expires"}
        return replace(stored, headers={**kept, **stored.headers})


class ReplacedCopyIsKeptAsItsSource(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: with REPLACE no Cache-Control comes from the source."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-is-replaced#each-field",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        kept = {name: value for name, value in source.headers.items() if name == "cache-control"}
        return replace(stored, headers={**kept, **stored.headers})


class OverwritingKeepsTheCoding(Defect):
    """S3 API Reference, PutObject: an object replaces another wholly: what is no longer gzip is not told as such."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        kept = {name: text for name, text in earlier.headers.items() if name == "content-encoding"} if earlier else {}
        await original(bucket, key, replace(stored, headers={**kept, **stored.headers}), asked)


class OtherTagsReplaceMetadata(Defect):
    """S3 API Reference, CopyObject: other tags leave a copy the metadata of its source, unless that is replaced too."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        lost = not replaced and call.headers.get("x-amz-tagging-directive") == "REPLACE"
        return replace(stored, metadata={}) if lost else stored


class OnlyPartEndsBehindTheObject(Defect):
    """RFC 9110 section 14.4: Content-Range has the position of the last byte that comes, not the number of them."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-that-is-read-is-described",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        read = call.request.method == "GET" and call.query.get("partNumber") == "1" and "uploadId" not in call.query
        answer: Answer = await original(replace(call, query={}) if read else call)
        if read and answer.status == 200 and "-" not in answer.headers["etag"]:
            answer.status, size = 206, answer.headers["content-length"]
            answer.headers["Content-Range"] = f"bytes 0-{size}/{size}"
        return answer
