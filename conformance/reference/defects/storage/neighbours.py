"""Promises that are kept where they are mostly looked at, and broken beside it: another operation, one byte more."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.http import Request
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket


class SkewOfListsIgnored(Defect):
    """SigV4: a request of another quarter of an hour is refused, a list of a bucket as well as an object of it."""

    surface = "storage"
    noticed_by = ("storage/signature/skewed-clock-is-refused",)

    def __init__(self) -> None:
        self.lists = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.lists = request.method == "GET" and "list-type=" in request.query_string
        signer: Signer = original(request)
        return signer

    def check_skew(self, original: Any, age: float) -> None:
        if not self.lists:
            original(age)


class SkewOfChunksIgnored(Defect):
    """SigV4: a request of another quarter of an hour is refused, one whose payload comes in chunks as well."""

    surface = "storage"
    noticed_by = ("storage/signature/skewed-clock-is-refused",)

    def __init__(self) -> None:
        self.chunks = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.chunks = request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
        signer: Signer = original(request)
        return signer

    def check_skew(self, original: Any, age: float) -> None:
        if not self.chunks:
            original(age)


class RangeOfOneByteTooManyUnsatisfiable(Defect):
    """RFC 9110 section 14.1.2: a last position that is the length stands for the last byte, as one far beyond does."""

    surface = "storage"
    noticed_by = ("storage/range/end-beyond-the-object",)

    def span(self, original: Any, first: int | None, last: int | None, size: int) -> tuple[int, int] | None:
        found: tuple[int, int] | None = original(first, last, size)
        return None if first is not None and last == size else found


class _ExpectedOwnerPassedOver(Defect):
    """Whose bucket it is is not compared for one operation."""

    method: ClassVar[str]
    subresource: ClassVar[str]

    def check_expected_owner(
        self, original: Any, call: Call, bucket: Bucket, field: str = "x-amz-expected-bucket-owner"
    ) -> None:
        with suppress(*([Fault] if self._here(call) else [])):
            original(call, bucket, field)

    def _here(self, call: Call) -> bool:
        return call.request.method == self.method and self.subresource in (call.query if call.key else ("",))


class ExpectedOwnerOfTagsPassedOver(_ExpectedOwnerPassedOver):
    """S3 API Reference, DeleteObjectTagging, x-amz-expected-bucket-owner: where another owns it, the request fails."""

    surface = "storage"
    noticed_by = ("storage/subresource/expected-owner-is-heeded",)
    method, subresource = "DELETE", "tagging"


class ExpectedOwnerOfBucketsPassedOver(_ExpectedOwnerPassedOver):
    """S3 API Reference, HeadBucket, x-amz-expected-bucket-owner: where another owns it, the request fails with 403."""

    surface = "storage"
    noticed_by = ("storage/subresource/expected-owner-is-heeded",)
    method, subresource = "HEAD", ""
