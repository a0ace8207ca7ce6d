"""Defects of what is refused though it is right, or breaks the server though it is only wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import StoredObject

SOME_BUCKET = (
    b"<ListAllMyBucketsResult><Buckets><Bucket><Name>of-another</Name></Bucket></Buckets></ListAllMyBucketsResult>"
)
BYTE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")


def _refused(status: int, code: str) -> Answer:
    answer = Answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())
    answer.headers["Content-Type"] = "application/xml"
    return answer


class PresignedUrlsRefused(Defect):
    """SigV4, "Authenticating Requests: Using Query Parameters": a presigned URL is served."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/get-is-served#a-minute",
        "storage/presigned/get-is-served#as-of-javascript",
        "storage/presigned/head-is-served",
        "storage/presigned/put-is-served",
        "storage/presigned/put-is-served#of-a-hard-key",
        "storage/presigned/life-runs-from-its-date",
        "storage/sdk/presigned-url",
    )

    def intercept(self, request: Request) -> Answer | None:
        return _refused(403, "AccessDenied") if "X-Amz-Signature" in request.query_string else None


class DigestsNotImplemented(Defect):
    """S3 API Reference, PutObject: Content-MD5 and x-amz-checksum- are taken with a body."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/md5-that-matches-is-stored",
        "storage/checksum/that-matches-is-stored#crc32",
        "storage/checksum/that-matches-is-stored#crc32c",
    )

    def intercept(self, request: Request) -> Answer | None:
        digests = [name for name in request.headers if name == "content-md5" or name.startswith("x-amz-checksum-c")]
        return _refused(501, "NotImplemented") if digests and request.method == "PUT" else None


class ConditionsNotImplemented(Defect):
    """S3 API Reference, GetObject, PutObject: a condition that holds stands in nothing's way."""

    surface = "storage"
    noticed_by = (
        "storage/condition/if-none-match-that-holds",
        "storage/condition/unmodified-since-that-holds",
        "storage/conditional-write/creates-what-is-absent",
        "storage/conditional-write/creates-what-is-absent#above-another-key",
        "storage/conditional-write/creates-what-is-absent#beside-another-bucket-s",
        "storage/conditional-write/created-again-after-deletion",
    )

    def intercept(self, request: Request) -> Answer | None:
        return _refused(501, "NotImplemented") if any(name.startswith("if-") for name in request.headers) else None


class BucketsListedToAnyone(Defect):
    """S3 API Reference, ListBuckets: anonymous callers list no buckets."""

    surface = "storage"
    noticed_by = ("storage/signature/anonymous-list-buckets-is-refused",)

    def intercept(self, request: Request) -> Answer | None:
        if request.raw_path != "/" or "authorization" in request.headers:
            return None
        return Answer(200, SOME_BUCKET)


class BucketHeadRefused(Defect):
    """S3 API Reference, HeadBucket: 200 where the bucket exists and the caller may use it."""

    surface = "storage"
    noticed_by = ("storage/service/endpoint-is-path-style",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(403) if request.method == "HEAD" and request.raw_path.count("/") == 1 else None


class OddRangeIsServerError(Defect):
    """RFC 9110 section 14.2: a Range field that is no valid range is ignored, or answered 416."""

    surface = "storage"
    noticed_by = (
        "storage/range/not-understood-is-ignored#letters",
        "storage/range/not-understood-is-ignored#nothing",
        "storage/range/not-understood-is-ignored#unit",
        "storage/range/several-are-told-apart",
    )

    def intercept(self, request: Request) -> Answer | None:
        asked = request.headers.get("range")
        return None if asked is None or BYTE_RANGE.fullmatch(asked) else _refused(500, "InternalError")


class CopyRangeIsServerError(Defect):
    """S3 API Reference, UploadPartCopy: a range in another form is the caller's fault."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/bad-copy-range-is-refused#open",
        "storage/multipart/bad-copy-range-is-refused#word",
    )

    def intercept(self, request: Request) -> Answer | None:
        asked = request.headers.get("x-amz-copy-source-range")
        wrong = asked is not None and not re.fullmatch(r"bytes=\d+-\d+", asked)
        return _refused(500, "InternalError") if wrong else None


class BrokenUtf8IsServerError(Defect):
    """API Reference, Error Handling: 400 for an invalid path."""

    surface = "storage"
    noticed_by = (
        "storage/key/broken-utf8-is-refused-or-kept#cut-sequence",
        "storage/key/broken-utf8-is-refused-or-kept#lone-byte",
        "storage/key/broken-utf8-is-refused-or-kept#overlong-slash",
    )

    def intercept(self, request: Request) -> Answer | None:
        return _refused(500, "InternalError") if re.search("%(FF|C0|E2%82$)", request.raw_path) else None


class EmptyTagSetIsMissing(Defect):
    """S3 API Reference, GetObjectTagging: an object without tags has an empty set of them."""

    surface = "storage"
    noticed_by = ("storage/tagging/none-is-an-empty-set",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        asked = request.method == "GET" and request.query_string.startswith("tagging")
        return _refused(404, "NoSuchTagSet") if asked and b"<Tag>" not in answer.body else answer


class ExpectedBodyNotTaken(Defect):
    """RFC 9110 section 10.1.1: after 100 (Continue) the body is sent, and is what is stored."""

    surface = "storage"
    noticed_by = ("storage/object/expected-continue-comes",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, body=b"") if "expect" in call.headers else stored


class MissingToldBeforeTheSignature(Defect):
    """S3 API Reference, GetObject: whether an object exists is told to those alone who may know."""

    surface = "storage"
    noticed_by = (
        "storage/signature/refusal-tells-not-what-exists#get",
        "storage/signature/refusal-tells-not-what-exists#head",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        bucket, key = surface.target(request)
        held = surface.buckets.get(bucket)
        if request.method in ("GET", "HEAD") and key and held is not None and key not in held.objects:
            raise Fault("NoSuchKey")
        signer: Signer = original(request)
        return signer
