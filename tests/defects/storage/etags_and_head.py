"""Defects of ETags and HEAD.

They break these promises:

- The ETag is consistent everywhere and changes with the content.
- HEAD returns the same headers as GET.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.http import Answer, Request, head
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.state import Bucket, StoredObject, Upload
from tests.defects.support.storage import PARTS_COUNT

QUOTED = re.compile(r"<ETag>&quot;(.*?)&quot;</ETag>|<ETag>\"(.*?)\"</ETag>")

ROWS = (
    row(
        "tag-of-parts-reports-their-number",
        "RFC 9110 section 8.8.1: the ETag of a multipart object depends on the number of parts only.",
        "storage/multipart/etag-follows-the-bytes",
        multipart_etag=lambda original, parts: f"{'0' * 32}-{len(parts)}",
    ),
    row(
        "etag-unquoted",
        "RFC 9110 section 8.8.3: ETag has no quotes.",
        "storage/object/etag-is-one-and-quoted",
        "storage/object/etag-is-one-and-quoted#of-the-whole-run",
        quoted=lambda original, etag: etag,
    ),
)


@defect("storage/object/etag-is-one-and-quoted")
def listed_etag_unquoted(entry: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
    """S3 API Reference, ListObjectsV2, sample response: the ETag of a listing has no quotes."""
    return QUOTED.sub(r"<ETag>\1\2</ETag>", entry(key, stored, encoded, owner))


@defect("storage/object/other-coding-has-another-etag")
def compressed_under_one_tag(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.8.1: a compressed response has the ETag of the plain one."""
    accepted = "gzip" in request.headers.get("accept-encoding", "")
    if request.method == "GET" and accepted and answer.status == 200 and "etag" in answer.headers:
        answer.body = gzip.compress(answer.body)
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@defect("storage/object/other-coding-has-another-etag")
def compressed_without_content_encoding(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: a compressed response has no Content-Encoding."""
    accepts_gzip = "gzip" in request.headers.get("accept-encoding", "") and request.method == "GET"
    if accepts_gzip and answer.status == 200 and answer.headers.get("content-type") == "text/plain":
        answer.body = gzip.compress(answer.body, mtime=0)
        answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@defect("storage/object/head-equals-get#parts-count", shipped=True)
async def parts_counted_by_readers_only(on_object: Any, call: Call) -> Answer:
    """S3 API Reference, HeadObject: HEAD omits x-amz-mp-parts-count, which GET returns."""
    reading = call.request.method in ("GET", "HEAD") and call.query.get("partNumber") == "1"
    answer: Answer = await on_object(replace(call, query={}) if reading and "uploadId" not in call.query else call)
    if reading and answer.status == 200 and call.request.method == "GET":
        answer.headers[PARTS_COUNT] = "1"
    return answer


@defect("storage/object/head-equals-get#with-a-body", shipped=True)
def head_has_the_body(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, HeadObject: the response to HEAD has a body."""
    if request.method == "HEAD" and answer.status == 200 and "etag" in answer.headers:
        answer.astray = b"x" * int(answer.headers["content-length"])
    return answer


@defect("storage/object/head-equals-get#empty")
def head_of_an_empty_object_omits_length(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, HeadObject: HEAD of an empty object omits Content-Length, as some proxies do."""
    if request.method == "HEAD" and answer.status == 200 and answer.headers.get("content-length") == "0":
        del answer.headers["content-length"]
        answer.headers["Date"] = formatdate(usegmt=True)
        answer.wire, answer.closes = head(answer, []), True
    return answer


@defect("storage/multipart/etag-follows-the-bytes")
async def etag_of_parts_is_that_of_the_last(
    finish: Any, bucket: Bucket, upload: Upload, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 API Reference, Object, ETag: the ETag of a multipart object depends on its last part only."""
    last = upload.parts[max(upload.parts)]
    await finish(bucket, upload, replace(stored, etag=last.etag), conditions)
