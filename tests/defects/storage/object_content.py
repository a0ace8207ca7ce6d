"""Defects that break the promise "An object is returned byte for byte"."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import Storage
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import crashing, gateway
from tests.defects.support.storage import MOMENT_S, FormUploads, refusing, text

MD5_OF_NOTHING = hashlib.md5(b"").hexdigest()


ROWS = (
    row(
        "forms-refused",
        "S3 API Reference, PutObject, Content-Type: an object with the Content-Type of a form is refused.",
        "storage/object/bytes-come-back#1KiB,64KiB-and-one",
        put_object=refusing("InvalidRequest", lambda call, bucket: "form" in call.headers.get("content-type", "")),
    ),
    row(
        "missing-length-is-server-error",
        "S3 API Reference, MissingContentLength: a body without a length is answered with a 5xx.",
        "storage/object/chunked-transfer-is-stored-or-refused",
        require_length=lambda original, call: crashing(lambda: original(call)),
    ),
)


@defect("storage/object/bytes-come-back#5MiB", "storage/object/large-object-comes-back")
async def large_bodies_refused(put_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Uploading objects": a body above one megabyte is refused, as by an unconfigured proxy."""
    if len(call.body) > 4 * 1024 * 1024:
        fault = Fault("InvalidRequest", "Your proposed upload exceeds the maximum allowed size")
        fault.code = "EntityTooLarge"
        raise fault
    return await put_object(call, bucket)


@defect(
    "storage/object/bytes-come-back#128KiB-and-one,16MiB,64KiB",
    "interoperability/storage/aws-s3-cp-round-trip",
    "interoperability/storage/aws-s3-cp-from-standard-input",
)
def line_ends_translated(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """S3 API Reference, GetObject: line ends are translated."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, body=stored.body.replace(b"\r\n", b"\n"))


@defect("storage/object/bytes-come-back#csv,html,plain-text,script,xml")
def line_ends_of_text_translated(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """S3 API Reference, GetObject: line ends of text are translated."""
    stored: StoredObject = new_object(call, md5, checksums)
    is_text = call.headers.get("content-type", "").startswith("text/")
    return replace(stored, body=stored.body.replace(b"\r\n", b"\n")) if is_text else stored


@defect(
    "storage/object/bytes-come-back#same-beginning-as-another,same-ends-as-another",
    state=lambda: SimpleNamespace(stored={}),
)
def deduplicated_by_length_and_beginning(
    state: Any, new_object: Any, call: Call, md5: str, checksums: dict[str, str]
) -> StoredObject:
    """S3 API Reference, GetObject: an earlier object of the same length and beginning is returned."""
    stored: StoredObject = new_object(call, md5, checksums)
    like = len(stored.body), zlib.crc32(stored.body[:1024])
    return replace(stored, body=state.stored.setdefault(like, stored.body))


@defect("storage/object/bytes-come-back#empty")
def nothing_put_has_no_e_tag(stored_answer: Any, etag: str, checksums: dict[str, str]) -> Answer:
    """S3 API Reference, PutObject, ETag: an empty object has no ETag in the response."""
    answer: Answer = stored_answer(etag, checksums)
    if etag == MD5_OF_NOTHING:
        del answer.headers["etag"]
    return answer


@defect("storage/object/chunked-transfer-is-stored-or-refused")
def missing_length_cut_off(require_length: Any, call: Call) -> None:
    """RFC 9112 section 7.1: a body without a length is cut after its first chunk."""
    if "content-length" in call.headers or "x-amz-decoded-content-length" in call.headers:
        require_length(call)
    else:
        call.body = call.body[:6]


@defect("storage/object/interrupted-upload-stores-nothing#between-signed-chunks,signed")
async def cut_off_upload_leaves_a_file(broken_off: Any, request: Request) -> None:
    """S3 API Reference, IncompleteBody: a truncated upload leaves a temporary file in the listing."""
    surface = gateway(broken_off)
    name, key = surface.target(request)
    if request.method == "PUT":
        call = Call(request, surface.authenticate(request), name, key, {}, request.body)
        surface.buckets[name].put(f"{key}.part", surface.new_object(call, "0" * 32, {}))


@defect(
    "storage/object/interrupted-upload-stores-nothing#between-signed-chunks,last-chunk-missing,within-a-signed-chunk"
)
async def cut_off_new_object_stored(broken_off: Any, request: Request) -> None:
    """S3 API Reference, IncompleteBody: a truncated upload of a new key is stored."""
    surface = gateway(broken_off)
    name, key = surface.target(request)
    if request.method == "PUT" and key not in surface.buckets[name].objects:
        call = Call(request, surface.authenticate(request), name, key, {}, request.body)
        surface.buckets[name].put(key, surface.new_object(call, "0" * 32, {}))


@defect("storage/object/interrupted-upload-stores-nothing#between-signed-chunks,unsigned")
async def cut_off_upload_stored(broken_off: Any, request: Request) -> None:
    """S3 API Reference, IncompleteBody: a truncated upload is stored."""
    surface = gateway(broken_off)
    name, key = surface.target(request)
    if request.method == "PUT":
        call = Call(request, surface.authenticate(request), name, key, {}, request.body)
        surface.buckets[name].put(key, surface.new_object(call, "0" * 32, {}))


class FormNamesNoFile(FormUploads, Defect):
    """S3 API Reference, POST Object, key: ${filename} is not replaced."""

    noticed_by = ("storage/object/form-chooses-key-and-status",)

    def _key(self, fields: dict[str, str]) -> str:
        return text(fields["key"])


class FormAnswersAsItLikes(FormUploads, Defect):
    """S3 API Reference, POST Object, success_action_status: 204 is answered where 201 was requested."""

    noticed_by = ("storage/object/form-chooses-key-and-status",)

    def _status(self, fields: dict[str, str]) -> int:
        return 204


class FormAnswerIsCut(FormUploads, Defect):
    """S3 API Reference, POST Object, success_action_status: the XML document is truncated."""

    noticed_by = ("storage/object/form-chooses-key-and-status",)

    def _form_response(self, surface: Storage, bucket: str, fields: dict[str, str]) -> Answer:
        answer = super()._form_response(surface, bucket, fields)
        answer.body = answer.body[:-10]
        return answer


class FormAnswerNamesTheTemplate(FormUploads, Defect):
    """S3 API Reference, POST Object, Key: the response contains ${filename} instead of the file's name."""

    noticed_by = ("storage/object/form-chooses-key-and-status",)

    def _named(self, bucket: str, fields: dict[str, str]) -> list[tuple[str, str]]:
        return [("Bucket", bucket), ("Key", text(fields["key"]))]


class FormsWithoutCacheControl(FormUploads, Defect):
    """S3 API Reference, POST Object, Cache-Control and its like: Cache-Control is lost."""

    noticed_by = ("storage/object/form-chooses-key-and-status",)

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        return super()._stored({name: fields[name] for name in fields.keys() - {"cache-control"}}, now)


class FormChoosesAnyStatus(FormUploads, Defect):
    """S3 API Reference, POST Object, success_action_status: any status is accepted."""

    noticed_by = ("storage/object/form-chooses-key-and-status",)

    def _status(self, fields: dict[str, str]) -> int:
        return int(fields.get("success_action_status", "204"))


class FormFieldsLost(FormUploads, Defect):
    """S3 API Reference, POST Object: header fields in the form are lost."""

    noticed_by = ("storage/object/form-is-stored-as-a-put",)

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        return super()._stored({"file": fields["file"]}, now)


class FormFilesAreText(FormUploads, Defect):
    """S3 API Reference, POST Object, file: the file is decoded as text."""

    noticed_by = ("storage/object/form-is-stored-as-a-put",)

    def _stored(self, fields: dict[str, str], now: int) -> StoredObject:
        text = fields["file"].encode("latin-1").decode("utf-8", "replace")
        return super()._stored({**fields, "file": text.encode().decode("latin-1")}, now)


class FormFieldsBeginWithNothing(FormUploads, Defect):
    """SigV4, "Browser-based uploads using POST": starts-with of an empty string permits empty values only."""

    noticed_by = ("storage/object/form-is-stored-as-a-put", "storage/object/form-chooses-key-and-status")

    def _size_is_permitted(self, policy: Any, fields: dict[str, str]) -> bool:
        any_of = [each[1][1:].lower() for each in policy["conditions"] if isinstance(each, list) and each[2] == ""]
        return not any(fields.get(name) for name in any_of) and super()._size_is_permitted(policy, fields)


@defect("storage/object/overwriting-replaces-everything#put,chunks,empty")
async def shorter_writes_keep_the_tail(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 API Reference, PutObject: a shorter object keeps the tail of the overwritten one."""
    stood = bucket.objects.get(key)
    tail = stood.body[stored.size :] if stood else b""
    await commit(bucket, key, replace(stored, body=stored.body + tail), conditions)


@defect("storage/object/overwriting-replaces-everything#same-bytes", state=dict)
async def head_cached_by_tag(
    kept: dict[tuple[str, str, str], Answer], get_object: Any, call: Call, bucket: Bucket
) -> Answer:
    """HeadObject: HEAD returns the cached fields of another object with the same ETag."""
    answer: Answer = await get_object(call, bucket)
    if call.request.method != "HEAD" or answer.status != 200 or "versionId" in call.query:
        return answer
    return replace(kept.setdefault((bucket.name, call.key, answer.headers["etag"]), answer))


class DeletedMetadataRevived(Defect):
    """S3 API Reference, PutObject: an object gets the metadata of a deleted one of its key."""

    noticed_by = ("storage/object/overwriting-replaces-everything#after-deletion",)
    deleted: dict[tuple[str, str], dict[str, str]] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        found = bucket.objects.get(key)
        await original(bucket, key, conditions)
        if found is not None:
            self.deleted[bucket.name, key] = found.metadata

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Any) -> None:
        kept = self.deleted.pop((bucket.name, key), {})
        await original(bucket, key, replace(stored, metadata=kept | stored.metadata), conditions)


@defect("storage/object/overwriting-replaces-everything#put")
async def checksum_of_the_overwritten(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 API Reference, PutObject: the checksum of the overwritten object is kept."""
    earlier = bucket.objects.get(key)
    kept = earlier.checksums if earlier and not stored.checksums else stored.checksums
    await commit(bucket, key, replace(stored, checksums=kept), conditions)


class PartsOutliveTheirObject(Defect):
    """S3 API Reference, PutObject: the parts of the overwritten object can still be read."""

    noticed_by = ("storage/object/overwriting-replaces-everything#object-in-parts",)
    sizes: dict[tuple[str, str], int] = {}

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        self.sizes[call.bucket, call.key] = len(parts[0].body)
        return original(call, upload, parts)

    async def on_object(self, original: Any, call: Call) -> Answer:
        size = self.sizes.get((call.bucket, call.key))
        if call.request.method == "GET" and call.query.get("partNumber") == "1" and size:
            headers = call.request.headers.mutablecopy()
            headers["Range"] = f"bytes=0-{size - 1}"
            call = replace(call, query={}, request=replace(call.request, headers=headers))
        return await original(call)


@defect("storage/object/size-is-the-same-everywhere")
async def entries_from_a_place_on_are_longer(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjectsV2, Size: with start-after and a delimiter, sizes are wrong."""
    answer: Answer = await list_objects_v2(call, bucket)
    if call.query.get("delimiter") and call.query.get("start-after"):
        answer.body = answer.body.replace(b"<Size>", b"<Size>1")
    return answer


@defect("storage/object/written-is-200")
async def overwriting_answers_no_content(put_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, PutObject, Response Syntax: an overwrite is answered with 204."""
    stood = call.key in bucket.objects
    answer: Answer = await put_object(call, bucket)
    answer.status = 204 if stood else answer.status
    return answer


@defect("storage/object/written-is-read#put", shipped=True, state=dict)
def ranges_cached(
    kept: dict[tuple[str, str, str], StoredObject],
    object_answer: Any,
    call: Call,
    found: StoredObject,
    overrides: dict[str, str],
) -> Answer:
    """S3 User Guide, "Amazon S3 data consistency model": a range is served from a cache after an overwrite."""
    range_value = call.headers.get("range")
    first = found if range_value is None else kept.setdefault((call.bucket, call.key, range_value), found)
    return object_answer(call, first, overrides)


@defect("storage/object/written-is-read#put,uploaded-in-parts,copied", shipped=True, state=set)
async def absence_reported_by_head_cached(
    missed: set[tuple[str, str]], get_object: Any, call: Call, bucket: Bucket
) -> Answer:
    """S3 User Guide, "Amazon S3 data consistency model": 404 is cached for HEAD."""
    place = (call.bucket, call.key)
    if call.request.method == "HEAD" and (call.key not in bucket.objects or place in missed):
        missed.add(place)
        raise Fault("NoSuchKey")
    return await get_object(call, bucket)


class CopiesMakeNoFolder(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: copied keys make no common prefix."""

    noticed_by = ("storage/object/written-is-read#in-each-listing",)
    copies: set[str] = set()

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.copies.add(call.key)
        return answer

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        shown = [name for name in names if not (wanted.delimiter and name in self.copies)]
        return original(shown, wanted)


class StaleRead(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a read after an overwrite returns the old object."""

    noticed_by = (
        "storage/object/written-is-read#put,with-if-none-match",
        "storage/conditional-write/matching-object-is-replaced",
        "storage/conditional-write/matching-object-is-replaced#multipart-object",
        "storage/multipart/old-object-remains-until-completion",
        "storage/multipart/old-object-remains-until-completion#copied-over",
    )
    earlier: dict[tuple[str, str], tuple[StoredObject, float]] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
        before = bucket.objects.get(key)
        await original(bucket, key, stored, conditions)
        if before is not None:
            self.earlier[bucket.name, key] = (before, gateway(original).now() + MOMENT_S)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        before, until = self.earlier.get((bucket.name, key), (None, 0.0))
        return before if found is not None and before is not None and gateway(original).now() < until else found


@defect("storage/object/written-is-read#put,uploaded-in-parts", state=dict)
def head_cached(earlier: dict[str, Answer], request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: HEAD is served from a cache after an overwrite."""
    if request.method != "HEAD" or answer.status != 200:
        return answer
    return earlier.setdefault(request.raw_path + request.headers.get("range", ""), answer)


@defect("storage/object/written-is-read#put,in-each-listing,uploaded-in-parts", state=dict)
def listing_cached(earlier: dict[str, Answer], request: Request, answer: Answer) -> Answer:
    """S3 User Guide, "Amazon S3 data consistency model": a listing is served from a cache."""
    if request.method != "GET" or answer.status != 200 or b"<ListBucketResult" not in answer.body[:200]:
        return answer
    return earlier.setdefault(f"{request.raw_path}?{request.query_string}", answer)
