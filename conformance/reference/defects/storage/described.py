"""Habits of real gateways in what is said of an object: its metadata, its tags, those of its copy."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request, head
from conformance.reference.storage import canonical
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject

COLUMN = 128
MD5_OF_NOTHING = hashlib.md5(b"").hexdigest()
NAME_MAX = 255
TYPED = {"true": "True", "no": "False", "1e3": "1000.0"}


class WordsInMetadataTyped(Defect):
    """S3 User Guide, "Working with object metadata": values are text, and ``null`` or ``No`` is a word as any."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        told: dict[str, str] = original(call)
        return {name: TYPED.get(value.lower(), value) for name, value in told.items() if value != "null"}


class WordsInTagsTyped(Defect):
    """S3 User Guide, "Categorizing your storage using tags": values are text, and ``null`` or ``007`` is one as any."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        told: dict[str, str] = original(pairs)
        return {name: "" if value == "null" else value.lstrip("0") for name, value in told.items()}


class LongTypesCut(Defect):
    """S3 API Reference, PutObject, Content-Type: given back as it was given, with all its parameters."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def content_type(self, original: Any, call: Call) -> str:
        return str(original(call))[:COLUMN]


class CacheControlLowered(Defect):
    """RFC 9111 section 5.2: directives are of any case, and not what stands in quotes behind them."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        return {name: text.lower() if name == "cache-control" else text for name, text in original(call).items()}


class OneLanguageKept(Defect):
    """RFC 9110 section 8.5: Content-Language is a list of the languages of those for whom an object is meant."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        told: dict[str, str] = original(call)
        return {name: text.partition(",")[0] if name == "content-language" else text for name, text in told.items()}


class PastExpiresDropped(Defect):
    """S3 API Reference, PutObject, Expires: given back as it was given; one that is past says not to keep a copy."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        told: dict[str, str] = original(call)
        return {name: text for name, text in told.items() if name != "expires" or " 19" not in text}


class HeadOfCodedTellsNoLength(Defect):
    """S3 API Reference, HeadObject: its answer is that of GET, with the length of what is stored, coded or not."""

    surface = "storage"
    noticed_by = ("storage/streaming/own-encoding-is-kept",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 200 and "content-encoding" in answer.headers:
            del answer.headers["content-length"]
            answer.headers["Date"] = formatdate(usegmt=True)
            answer.wire, answer.closes = head(answer, []), True
        return answer


class NothingPutHasNoETag(Defect):
    """S3 API Reference, PutObject, ETag: the entity tag for the uploaded object, which may have no bytes."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back",)

    def stored_answer(self, original: Any, etag: str, checksums: dict[str, str]) -> Answer:
        answer: Answer = original(etag, checksums)
        if etag == MD5_OF_NOTHING:
            del answer.headers["etag"]
        return answer


class MetadataOfLongKeysLost(Defect):
    """S3 User Guide, "Working with object metadata": kept with the object, also where its name is that of no file."""

    surface = "storage"
    noticed_by = ("storage/key/of-1024-bytes-is-kept",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, replace(stored, metadata={}) if len(key.encode()) > NAME_MAX else stored, asked)


class SlashBehindNotLookedAt(Defect):
    """S3 User Guide, "Object key names": a name with a slash behind it is another than that without."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        without = call.key.removesuffix("/")
        aliased = call.key not in bucket.objects and without in bucket.objects
        answer: Answer = await original(replace(call, key=without) if aliased else call, bucket)
        return answer


class MetadataTakenForTheType(Defect):
    """S3 User Guide, "Working with object metadata": what is named x-amz-meta-content-type is no Content-Type."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def content_type(self, original: Any, call: Call) -> str:
        return call.headers.get(META + "content-type") or str(original(call))


class BlanksInMetadataMadeOne(Defect):
    """SigV4, "Create a canonical request": blanks are made one for the signature, and not in what is stored."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: canonical.trimmed(value) for name, value in original(call).items()}


class NumbersInMetadataReckoned(Defect):
    """S3 User Guide, "Working with object metadata": values are text, and ``007`` is not 7."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: str(int(value)) if value.isdecimal() else value for name, value in original(call).items()}


class BackslashesInMetadataTaken(Defect):
    """S3 User Guide, "Working with object metadata": a backslash is kept, and escapes nothing."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value.replace("\\", "") for name, value in original(call).items()}


class RangesLoseTheLanguage(Defect):
    """RFC 9110 section 15.3.7: a part without If-Range is described as the whole would have been."""

    surface = "storage"
    noticed_by = ("storage/range/part-is-described-as-the-whole",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 206:
            del answer.headers["content-language"]
        return answer


class UrlsTellNoMetadata(Defect):
    """SigV4, "Using Query Parameters": a request that is made by a URL is answered as any other."""

    surface = "storage"
    noticed_by = ("storage/presigned/get-is-served",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "X-Amz-Signature" in request.query_string:
            for name in [name for name in answer.headers if name.startswith(META)]:
                del answer.headers[name]
        return answer


class TagNamesOfAnyCase(Defect):
    """S3 User Guide, "Categorizing your storage using tags": keys and values are case sensitive."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        if len({key.lower() for key, _ in pairs}) != len(pairs):
            raise Fault("InvalidTag", "Cannot provide multiple Tags with the same key")
        return dict(original(pairs))


class TagsInLatinLetters(Defect):
    """S3 User Guide, "Categorizing your storage using tags": any letters that UTF-8 has."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        return {key: value.encode("latin-1", "replace").decode("latin-1") for key, value in original(pairs).items()}


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


class MetadataEndsAtAnEqualsSign(Defect):
    """S3 User Guide, "Working with object metadata": a value is given back as it was sent, whatever signs it has."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value.partition("=")[0] for name, value in original(call).items()}


class MetadataOfEncryptingClientsLost(Defect):
    """S3 User Guide, "Working with object metadata": any name behind x-amz-meta-, one that begins with x-amz- too."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value for name, value in original(call).items() if not name.startswith("x-amz-")}


class CopyTakesTheTypeUnasked(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: without REPLACE the type is the source's, too."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-goes-along",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        given = call.headers.get("content-type", stored.headers["content-type"])
        return replace(stored, headers={**stored.headers, "content-type": given})


class ReplacedCopyHasATypeAlone(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: REPLACE takes all of the request, Cache-Control too."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-is-replaced",)

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
    noticed_by = ("storage/copy/metadata-is-replaced",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        kept = {name: value for name, value in source.headers.items() if name == "cache-control"}
        return replace(stored, headers={**kept, **stored.headers})


class FileNameOfOtherLettersLost(Defect):
    """S3 API Reference, PutObject, Content-Disposition: given back as it was given, with its extended file name."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value.partition("; filename*=")[0] for name, value in original(call).items()}


class OverwritingKeepsTheCoding(Defect):
    """S3 API Reference, PutObject: an object replaces another wholly: what is no longer gzip is not told as such."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        kept = {name: text for name, text in earlier.headers.items() if name == "content-encoding"} if earlier else {}
        await original(bucket, key, replace(stored, headers={**kept, **stored.headers}), asked)


class CopyLowersMetadata(Defect):
    """S3 API Reference, CopyObject: a copy has its source's metadata, in the letters that they were given in."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-goes-along",)

    def copied(self, original: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
        stored: StoredObject = original(call, source, replaced)
        return replace(stored, metadata={name: value.lower() for name, value in stored.metadata.items()})


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
