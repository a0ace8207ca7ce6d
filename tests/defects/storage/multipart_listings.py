"""Defects that break the promise "Uploads and parts are listed correctly"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import HOUR_S, told_otherwise

_PART_MARKER = re.compile(b"<PartNumberMarker>[0-9]*</PartNumberMarker>")

ROWS = (
    row(
        "part-dated-by-the-zone",
        "S3 API Reference, Part, LastModified: when the part was uploaded, in UTC.",
        "storage/multipart/times-are-reported#copied-part",
        listed_part=lambda original, part: str(original(replace(part, modified=part.modified + HOUR_S))),
    ),
    row(
        "uploaded-object-dated-by-its-bucket",
        "S3 API Reference, HeadObject, Last-Modified: when the object was made, though it was in parts.",
        "storage/multipart/times-are-reported#copied-part",
        assembled=lambda original, call, upload, parts: replace(original(call, upload, parts), modified=0),
    ),
)


class CompletionToldOfAnotherBucket(Defect):
    """S3 API Reference, CompleteMultipartUpload, Bucket: the bucket that has the new object."""

    surface = "storage"
    noticed_by = ("storage/multipart/responses-name-their-upload#of-the-whole-run",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return told_otherwise(answer, "CompleteMultipartUploadResult", "Bucket", "pool-1")


class KeyOfAnUploadUnescaped(Defect):
    """XML 1.0 section 2.4: a key is written with its ampersands escaped, by the results of an upload too."""

    surface = "storage"
    noticed_by = ("storage/multipart/responses-name-their-upload#of-the-whole-run",)

    async def _told(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = answer.body.replace(b"&amp;", b"&")
        return answer

    create_upload = complete_upload = _told


class KeyMarkerInclusive(Defect):
    """S3 API Reference, ListMultipartUploads, key-marker: without an id only the keys that are greater are listed."""

    surface = "storage"
    noticed_by = ("storage/multipart/key-marker-alone-is-exclusive",)

    def comes_after(self, original: Any, upload: Upload, group: str | None, wanted: Wanted, id_marker: str) -> bool:
        is_marker = upload.key == wanted.after and group is None and not id_marker
        return is_marker or bool(original(upload, group, wanted, id_marker))


class MaxPartsInTens(Defect):
    """S3 API Reference, ListParts, MaxParts: how many parts the answer may have, which is no more than asked."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = answer.body.replace(b"<MaxParts>2<", b"<MaxParts>10<")
        return answer


class LastPartPromisesMore(Defect):
    """S3 API Reference, ListParts, IsTruncated: false where the last part is told, though the page is full."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if answer.body.count(b"<PartNumber>") == call.number("max-parts", 1000):
            last = re.findall(rb"<PartNumber>([0-9]+)<", answer.body)[-1]
            marked = b"<IsTruncated>true</IsTruncated><NextPartNumberMarker>%s</NextPartNumberMarker>" % last
            answer.body = answer.body.replace(b"<IsTruncated>false</IsTruncated>", marked)
        return answer


class NoPartsIsServerError(Defect):
    """S3 API Reference, ListParts: the parts that have been uploaded, of which there are none at first."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)
    shipped = True

    def parts_after(self, original: Any, upload: Upload, marker: int) -> list[Part]:
        if not upload.parts:
            raise server_error()
        found: list[Part] = original(upload, marker)
        return found


class PlaceOfPartsIsTheFirst(Defect):
    """S3 API Reference, ListParts, PartNumberMarker: the part behind which the list began."""

    surface = "storage"
    noticed_by = ("storage/multipart/response-repeats-the-marker",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.body = _PART_MARKER.sub(b"<PartNumberMarker>0</PartNumberMarker>", answer.body)
        return answer


class GroupToldForEachUpload(Defect):
    """S3 API Reference, ListMultipartUploads, delimiter: keys are grouped under a single result element."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-grouped-at-the-delimiter",)

    def page_of_uploads(
        self, original: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
    ) -> tuple[list[Upload], Page]:
        chosen, page = original(uploads, wanted, id_marker)
        page.prefixes[:] = [group for group in page.prefixes for each in uploads if each.key.startswith(group)]
        return chosen, page


class UploadsOfFoldersAloneFail(Defect):
    """S3 API Reference, ListMultipartUploads: a page that has common prefixes and no uploads is a page as well."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-grouped-at-the-delimiter",)

    def next_id_marker(self, original: Any, uploads: list[Upload], page: Page) -> str:
        if not uploads:
            raise server_error()
        return str(original(uploads, page))


class UploadsOfAllBucketsListed(Defect):
    """S3 API Reference, ListMultipartUploads: the uploads under way in one bucket."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed#of-one-bucket",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        own = [each for each in gateway(original).buckets.values() if each.organization == bucket.organization]
        return sorted((upload for each in own for upload in original(each)), key=lambda found: found.key)


class UploadsElsewhereSpoilTheList(Defect):
    """S3 API Reference, ListMultipartUploads: of one bucket, whatever is under way to the same key in another."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed#of-one-bucket",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        own: list[Upload] = original(bucket)
        others = [each for each in gateway(original).buckets.values() if each is not bucket]
        if {upload.key for upload in own} & {upload.key for each in others for upload in each.uploads.values()}:
            raise server_error()
        return own


class CompletedUploadListed(Defect):
    """S3 API Reference, ListMultipartUploads: uploads under way, not those completed."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed#under-a-prefix",)

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        bucket.uploads[upload.upload_id] = upload


class MaxUploadsPassedOver(Defect):
    """S3 API Reference, ListMultipartUploads, max-uploads: no page has more uploads than were asked for."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed-page-by-page#every-upload",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        return 1000 if name == "max-uploads" else int(original(call, name))


class UploadListNeverEnds(Defect):
    """S3 API Reference, ListMultipartUploads, IsTruncated: false where the list is at its end."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/uploads-are-listed-page-by-page#every-upload",
        "storage/multipart/uploads-are-listed-page-by-page#while-they-are-aborted",
    )

    def page_of_uploads(
        self, original: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
    ) -> tuple[list[Upload], Page]:
        chosen, page = original(uploads, wanted, id_marker)
        page.truncated = True
        return chosen, page
