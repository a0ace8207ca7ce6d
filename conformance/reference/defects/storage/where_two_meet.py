"""Defects that show where two things meet: a read and another kind of write, a key and another bucket, two digests."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import AccessKey
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, StoredObject, Upload

DIRECTIVE = "x-amz-metadata-directive"
COLUMN = 255
LONG_NAME = 64
LARGE_CHUNK = 64 * 1024
SIGNATURE = "X-Amz-Signature="


class SameKeyElsewhereIsItself(Defect):
    """S3 API Reference, CopyObject: a copy to the same key of another bucket is no copy onto itself."""

    surface = "storage"
    noticed_by = ("storage/copy/between-buckets",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if gateway(original).copy_source(call)[1] == call.key and DIRECTIVE not in call.headers:
            raise Fault("InvalidRequest")
        answer: Answer = await original(call, bucket)
        return answer


class TagsCountedAsTheyWerePut(Defect):
    """S3 API Reference, GetObject, x-amz-tagging-count: the number of tags on the object, and not of those it had."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        before = bucket.objects.get(key)
        await original(bucket, key, tags)
        if before is not None and before.tags and not tags:
            counted = {**before.headers, "x-amz-tagging-count": str(len(before.tags))}
            bucket.put(key, replace(bucket.objects[key], headers=counted))


class LongFieldsCut(Defect):
    """S3 API Reference, PutObject, Content-Disposition: what describes an object is given back whole."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value[:COLUMN] for name, value in original(call).items()}


class LongNamesOfMetadataCut(Defect):
    """S3 User Guide, "Working with object metadata": two kibibytes of names and values, and a name is one of them."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name[:LONG_NAME]: value for name, value in original(call).items()}


class ParametersWithoutValueUnsigned(Defect):
    """SigV4, "Task 1": a parameter without a value is signed too, or who carries a request makes it another one."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-request-is-refused",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        valued = [each for each in request.query_string.split("&") if each.partition("=")[2]]
        for query in (request.query_string, "&".join(valued)):
            with suppress(Fault):
                found: Signer = original(replace(request, query_string=query))
                return found
        raise Fault("SignatureDoesNotMatch")


class AccessKeyOfAnyCase(Defect):
    """S3 API Reference, InvalidAccessKeyId: a key in other letters is one that was never issued."""

    surface = "storage"
    noticed_by = ("storage/signature/unknown-key-is-refused",)

    def known_key(self, original: Any, access_key: str) -> AccessKey | None:
        issued = gateway(original).access_keys
        return next((key for name, key in issued.items() if name.lower() == access_key.lower()), None)


class AccessKeyByItsBeginning(Defect):
    """S3 API Reference, InvalidAccessKeyId: the beginning of a key is not that key."""

    surface = "storage"
    noticed_by = ("storage/signature/unknown-key-is-refused",)

    def known_key(self, original: Any, access_key: str) -> AccessKey | None:
        issued = gateway(original).access_keys
        return next((key for name, key in issued.items() if access_key and name.startswith(access_key)), None)


class AccessKeyWithMoreBehind(Defect):
    """S3 API Reference, InvalidAccessKeyId: what only begins with a key is not that key."""

    surface = "storage"
    noticed_by = ("storage/signature/unknown-key-is-refused",)

    def known_key(self, original: Any, access_key: str) -> AccessKey | None:
        issued = gateway(original).access_keys
        return next((key for name, key in issued.items() if access_key.startswith(name)), None)


class KeyBelowStandsInTheWay(Defect):
    """S3 API Reference, PutObject, If-None-Match: a key that others begin with has no object, and can be created."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/creates-what-is-absent",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if asked.none_match == "*" and any(each.startswith(f"{key}/") for each in bucket.keys):
            raise Fault("PreconditionFailed")
        await original(bucket, key, stored, asked)


class _KeptUntilAPut(Defect):
    """A cache that PUT and DELETE refresh, and nothing else that writes or deletes."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], StoredObject | None] = {}

    def _known(self, bucket: Bucket, key: str) -> StoredObject | None:
        return self.kept.setdefault((bucket.name, key), bucket.objects.get(key))

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.kept.pop((bucket.name, call.key), None)
        return answer

    delete_object = put_tags = delete_tags = put_object


class _ReadsKeptUntilAPut(_KeptUntilAPut):
    method = "GET"

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        plain = not call.query and not any(name.startswith(("if-", "range", "x-amz-checksum")) for name in call.headers)
        if call.request.method == self.method and plain:
            known = self._known(bucket, call.key)
            if known is not None:
                return gateway(original).object_answer(call, known, {})
        answer: Answer = await original(call, bucket)
        return answer


class BytesKeptUntilAPut(_ReadsKeptUntilAPut):
    """S3 User Guide, "Amazon S3 data consistency model": a read sees what a copy or an upload has written as well."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read", "storage/object/delete-removes")


class HeadsKeptUntilAPut(_ReadsKeptUntilAPut):
    """S3 User Guide, "Amazon S3 data consistency model": HEAD tells of what a copy or an upload has written as well."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read", "storage/object/delete-removes")
    method = "HEAD"


class AbsenceKeptUntilAPut(_KeptUntilAPut):
    """S3 User Guide, "Amazon S3 data consistency model": a read finds the first object of a key, an upload's too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        if self._known(bucket, key) is None:
            raise Fault("NoSuchKey")
        found: StoredObject = await original(bucket, key)
        return found


class AbsenceKeptThoughCopied(AbsenceKeptUntilAPut):
    """S3 User Guide, "Amazon S3 data consistency model": a read finds the first object of a key, a copy too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        self.kept.pop((bucket.name, upload.key), None)


class ListsKeptThoughCopied(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": lists are strongly consistent, after a copy too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Answer] = {}

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        asked = bucket.name, call.request.query_string
        if asked not in self.kept:
            self.kept[asked] = await original(call, bucket)
        told = self.kept[asked]
        return replace(told, headers=told.headers.mutablecopy())

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.kept.clear()
        return answer

    delete_object = delete_objects = complete_upload = put_object


class EntriesKeptUntilAPut(_KeptUntilAPut):
    """S3 User Guide, "Amazon S3 data consistency model": a listing tells of what a copy or an upload has written."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        return self._known(bucket, key)


class DeletionsComparedByCrc32Alone(Defect):
    """S3 User Guide, "Checking object integrity": a list of keys is compared by whichever checksum comes with it."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/wrong-checksum-deletes-nothing",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        if "delete" in call.query and "x-amz-checksum-crc32" not in call.headers:
            return {}
        found: dict[str, str] = original(call)
        return found


class PartsComparedByCrc32Alone(Defect):
    """S3 API Reference, UploadPart, x-amz-checksum-: a part is compared by whichever checksum comes with it."""

    surface = "storage"
    noticed_by = ("storage/multipart/differing-checksum-refuses-the-part",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        stated = gateway(original).stated_checksum(call)
        if "partNumber" in call.query and stated is not None and stated[0] != "crc32":
            return dict([stated])
        found: dict[str, str] = original(call)
        return found


class QuerySignedAsSent(Defect):
    """SigV4, "Task 1": the query is encoded anew for the signature, however it was encoded on its way."""

    surface = "storage"
    noticed_by = ("storage/signature/encoding-on-the-wire-does-not-matter",)

    def canonical_query(self, original: Any, request: Request) -> str:
        sent = [each for each in request.query_string.split("&") if each and not each.startswith(SIGNATURE)]
        return "&".join("=".join(pair) for pair in sorted(tuple(each.partition("=")[::2]) for each in sent))


class SignatureMustBeLast(Defect):
    """SigV4, "Using Query Parameters": the canonical query is sorted, wherever in the URL the signature stands."""

    surface = "storage"
    noticed_by = ("storage/presigned/get-is-served",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        if SIGNATURE in request.query_string.rpartition("&")[0]:
            raise Fault("AuthorizationQueryParametersError")
        found: Signer = original(request)
        return found


class UrlsToPostRefused(Defect):
    """SigV4, "Using Query Parameters": a request is expressed entirely in a URL, the opening of an upload too."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        if request.method == "POST" and SIGNATURE in request.query_string:
            raise Fault("SignatureDoesNotMatch")
        found: Signer = original(request)
        return found


class NamedKeyUnescapedTwice(Defect):
    """XML 1.0 section 2.4: an ampersand is escaped once, and what stands behind it in a key is part of that key."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)

    def entry_key(self, original: Any, entry: xml.Node) -> str:
        return str(original(entry)).replace("&amp;", "&")


class LargeChunksRefused(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": a chunk has 8 KiB at least; SDKs send them of 128 KiB."""

    surface = "storage"
    noticed_by = ("storage/streaming/chunks-are-joined",)

    def check_chunk_sizes(self, original: Any, sizes: list[int], signed: bool) -> None:
        if any(size > LARGE_CHUNK for size in sizes):
            raise Fault("InvalidChunkSizeError")
        original(sizes, signed)


class StartAfterGroupsBySlashAlone(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: keys are grouped by any, also behind a start-after."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        if wanted.after and wanted.delimiter not in ("", "/"):
            page.prefixes.clear()
        return page


class CreationSeesNoParts(Defect):
    """S3 API Reference, PutObject, If-None-Match: an object that came in parts is there as any other is."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/replaces-what-matches",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        found = bucket.objects.get(call.key)
        if found is not None and "-" in found.etag and call.headers.get("if-none-match") == "*":
            bucket.remove(call.key)
        answer: Answer = await original(call, bucket)
        return answer


class CopySourceSplitBeforeItIsDecoded(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: the value is URL-encoded, the slash in it as well."""

    surface = "storage"
    noticed_by = ("storage/copy/source-is-decoded-once",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        if "/" not in call.headers[SOURCE].removeprefix("/"):
            raise Fault("InvalidArgument")
        bucket, key = original(call)
        return bucket, key


class FoldersKeptUntilOneIsMade(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a listing has the folders that keys have now."""

    surface = "storage"
    noticed_by = ("storage/listing/folders-go-with-their-last-key",)

    def __init__(self) -> None:
        self.told: dict[Wanted, list[str]] = {}

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.prefixes = self.told.setdefault(wanted, page.prefixes)
        return page
