"""Defects that break the promise "Uploads and parts are listed correctly"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, Upload
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import HOUR_S, failing, with_element_text

_PART_MARKER = re.compile(b"<PartNumberMarker>[0-9]*</PartNumberMarker>")

ROWS = (
    row(
        "part-dated-by-the-zone",
        "S3 API Reference, Part, LastModified: it is an hour off.",
        "storage/multipart/times-are-reported#copied-part",
        listed_part=lambda original, part: str(original(replace(part, modified=part.modified + HOUR_S))),
    ),
    row(
        "uploaded-object-dated-by-its-bucket",
        "S3 API Reference, HeadObject, Last-Modified: the date of a multipart object is wrong.",
        "storage/multipart/times-are-reported#copied-part",
        assembled=lambda original, call, upload, parts: replace(original(call, upload, parts), modified=0),
    ),
    row(
        "no-parts-is-server-error",
        "S3 API Reference, ListParts: listing no parts is answered with a 5xx.",
        "storage/multipart/parts-are-listed",
        shipped=True,
        parts_after=failing(lambda upload, marker: not upload.parts),
    ),
    row(
        "uploads-of-folders-only-fail",
        "S3 API Reference, ListMultipartUploads: a page with common prefixes only is answered with a 5xx.",
        "storage/multipart/uploads-are-grouped-at-the-delimiter",
        next_id_marker=failing(lambda uploads, page: not uploads),
    ),
)


@defect("storage/multipart/responses-name-their-upload#of-the-whole-run")
def completion_names_another_bucket(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, CompleteMultipartUpload, Bucket: it is another bucket's name."""
    return with_element_text(answer, "CompleteMultipartUploadResult", "Bucket", "pool-1")


class KeyOfAnUploadUnescaped(Defect):
    """XML 1.0 section 2.4: the key in an upload's results is not escaped."""

    noticed_by = ("storage/multipart/responses-name-their-upload#of-the-whole-run",)

    async def _altered(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = answer.body.replace(b"&amp;", b"&")
        return answer

    create_upload = complete_upload = _altered


@defect("storage/multipart/key-marker-alone-is-exclusive")
def key_marker_inclusive(comes_after: Any, upload: Upload, group: str | None, wanted: Wanted, id_marker: str) -> bool:
    """S3 API Reference, ListMultipartUploads, key-marker: the uploads of the marker's key are listed again."""
    is_marker = upload.key == wanted.after and group is None and not id_marker
    return is_marker or bool(comes_after(upload, group, wanted, id_marker))


@defect("storage/multipart/parts-are-listed")
async def max_parts_in_tens(list_parts: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListParts, MaxParts: it is 10 where 2 was requested."""
    answer: Answer = await list_parts(call, bucket)
    answer.body = answer.body.replace(b"<MaxParts>2<", b"<MaxParts>10<")
    return answer


@defect("storage/multipart/parts-are-listed")
async def last_part_promises_more(list_parts: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListParts, IsTruncated: it is true for a full last page."""
    answer: Answer = await list_parts(call, bucket)
    if answer.body.count(b"<PartNumber>") == call.number("max-parts", 1000):
        last = re.findall(rb"<PartNumber>([0-9]+)<", answer.body)[-1]
        marked = b"<IsTruncated>true</IsTruncated><NextPartNumberMarker>%s</NextPartNumberMarker>" % last
        answer.body = answer.body.replace(b"<IsTruncated>false</IsTruncated>", marked)
    return answer


@defect("storage/multipart/response-repeats-the-marker")
def place_of_parts_is_the_first(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, ListParts, PartNumberMarker: it is the number of the first listed part."""
    answer.body = _PART_MARKER.sub(b"<PartNumberMarker>0</PartNumberMarker>", answer.body)
    return answer


@defect("storage/multipart/uploads-are-grouped-at-the-delimiter")
def group_reported_for_each_upload(
    page_of_uploads: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
) -> tuple[list[Upload], Page]:
    """S3 API Reference, ListMultipartUploads, delimiter: a common prefix is repeated for each upload."""
    chosen, page = page_of_uploads(uploads, wanted, id_marker)
    page.prefixes[:] = [group for group in page.prefixes for each in uploads if each.key.startswith(group)]
    return chosen, page


@defect("storage/multipart/uploads-are-listed#of-one-bucket")
def uploads_of_all_buckets_listed(listed_uploads: Any, bucket: Bucket) -> list[Upload]:
    """S3 API Reference, ListMultipartUploads: the uploads of all buckets are listed."""
    own = [each for each in gateway(listed_uploads).buckets.values() if each.organization == bucket.organization]
    return sorted((upload for each in own for upload in listed_uploads(each)), key=lambda found: found.key)


@defect("storage/multipart/uploads-are-listed#of-one-bucket")
def uploads_of_other_keys_break_the_list(listed_uploads: Any, bucket: Bucket) -> list[Upload]:
    """S3 API Reference, ListMultipartUploads: an upload of the same key in another bucket breaks the listing."""
    own: list[Upload] = listed_uploads(bucket)
    others = [each for each in gateway(listed_uploads).buckets.values() if each is not bucket]
    if {upload.key for upload in own} & {upload.key for each in others for upload in each.uploads.values()}:
        raise server_error()
    return own


@defect("storage/multipart/uploads-are-listed#under-a-prefix")
async def completed_upload_listed(finish: Any, bucket: Bucket, upload: Upload, stored: Any, conditions: Any) -> None:
    """S3 API Reference, ListMultipartUploads: a completed upload is still listed."""
    await finish(bucket, upload, stored, conditions)
    bucket.uploads[upload.upload_id] = upload


@defect("storage/multipart/uploads-are-listed-page-by-page#every-upload")
def max_uploads_passed_over(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """S3 API Reference, ListMultipartUploads, max-uploads: it is ignored."""
    return 1000 if name == "max-uploads" else int(page_limit(call, name))


@defect("storage/multipart/uploads-are-listed-page-by-page#every-upload,while-they-are-aborted")
def upload_list_never_ends(
    page_of_uploads: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
) -> tuple[list[Upload], Page]:
    """S3 API Reference, ListMultipartUploads, IsTruncated: it is always true."""
    chosen, page = page_of_uploads(uploads, wanted, id_marker)
    page.truncated = True
    return chosen, page
