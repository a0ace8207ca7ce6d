"""Defects of uploads that nobody thought of: drawn by lot, and each where two things meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket


class ConditionalPartsAreTheFirst(Defect):
    """S3 API Reference, UploadPartCopy, partNumber: the part has this number, also where it has a condition."""

    surface = "storage"
    noticed_by = ("storage/multipart/copied-part-heeds-conditions#if-match",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if f"{SOURCE}-if-match" in call.headers:
            call = replace(call, query={**call.query, "partNumber": "1"})
        answer: Answer = await original(call, bucket)
        return answer


class HeadCountsAPartThatGetDoesNotGive(Defect):
    """RFC 9110 section 8.6: HEAD tells the length that GET would have, of the whole where no part is read alone."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-that-is-read-is-described",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        reading = call.request.method in ("GET", "HEAD") and call.query.get("partNumber") == "1"
        answer: Answer = await original(replace(call, query={}) if reading and "uploadId" not in call.query else call)
        if reading and answer.status == 200 and call.request.method == "HEAD":
            answer.headers["Content-Length"] = str(min(int(answer.headers["Content-Length"]), SMALLEST_PART))
        return answer


class KeysOfUploadsDecodedOnceMore(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": a key is its letters, for uploads as well, and "%41" is no "A"."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#in-parts",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        of_uploads = "uploads" in call.query or "uploadId" in call.query
        answer: Answer = await original(replace(call, key=unquote(call.key)) if of_uploads else call)
        return answer


class UploadsAbortedInSmallLetters(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": keys are case-sensitive, also where an upload is aborted."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different#in-parts",)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(replace(call, key=call.key.lower()), bucket)
        return answer
