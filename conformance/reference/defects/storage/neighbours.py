"""Promises that are kept where they are mostly looked at, and broken beside it: another operation, one byte more."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Request
from conformance.reference.storage.call import Signer


class SkewOfListsIgnored(Defect):
    """SigV4: a request of another quarter of an hour is refused, a list of a bucket as well as an object of it."""

    surface = "storage"
    noticed_by = ("storage/signature/skewed-clock-is-refused#read-behind",)

    def __init__(self) -> None:
        self.lists = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.lists = request.method == "GET" and "list-type=" in request.query_string
        signer: Signer = original(request)
        return signer

    def check_skew(self, original: Any, age: float) -> None:
        if not self.lists:
            original(age)


class RangeOfOneByteTooManyUnsatisfiable(Defect):
    """RFC 9110 section 14.1.2: a last position that is the length stands for the last byte, as one far beyond does."""

    surface = "storage"
    noticed_by = ("storage/range/end-beyond-the-object",)

    def span(self, original: Any, first: int | None, last: int | None, size: int) -> tuple[int, int] | None:
        found: tuple[int, int] | None = original(first, last, size)
        return None if first is not None and last == size else found
