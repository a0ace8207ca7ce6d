"""Errors of the registry: the codes of the OCI distribution spec and of Docker's Registry V2.

Statuses are those of Docker's table; OCI assigns none to a code (distribution-spec 1.1, "Error Codes").
"""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.http import Answer

CODES: dict[str, tuple[int, str]] = {
    "BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "BLOB_UPLOAD_INVALID": (404, "blob upload invalid"),
    "BLOB_UPLOAD_UNKNOWN": (404, "blob upload unknown to registry"),
    "DIGEST_INVALID": (400, "provided digest did not match uploaded content"),
    "MANIFEST_BLOB_UNKNOWN": (400, "manifest references a manifest or blob unknown to registry"),
    "MANIFEST_INVALID": (400, "manifest invalid"),
    "MANIFEST_UNKNOWN": (404, "manifest unknown to registry"),
    "NAME_INVALID": (400, "invalid repository name"),
    "NAME_UNKNOWN": (404, "repository name not known to registry"),
    "SIZE_INVALID": (400, "provided length did not match content length"),
    "UNAUTHORIZED": (401, "authentication required"),
    "DENIED": (403, "requested access to the resource is denied"),
    "UNSUPPORTED": (405, "the operation is unsupported"),
    "TOOMANYREQUESTS": (429, "too many requests"),
    "TAG_INVALID": (400, "invalid tag"),
    "RANGE_INVALID": (416, "invalid content range"),
    "PAGINATION_NUMBER_INVALID": (400, "invalid number of results requested"),
}


class Refusal(Exception):
    """A refused request: one code, with an error entry for each detail, or one without detail."""

    def __init__(
        self, code: str, *details: Any, status: int | None = None, headers: list[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or (None,)
        self.status = status or CODES[code][0]
        self.headers = headers or []

    def document(self) -> dict[str, Any]:
        """Return the error body (distribution-spec 1.1, "Error Codes")."""
        plain = {"code": self.code, "message": CODES[self.code][1]}
        return {"errors": [plain if detail is None else {**plain, "detail": detail} for detail in self.details]}

    def answer(self) -> Answer:
        """Return the refusal as a response."""
        answer = Answer(self.status, json.dumps(self.document()).encode())
        answer.headers["Content-Type"] = "application/json"
        for name, value in self.headers:
            answer.headers.append(name, value)
        return answer
