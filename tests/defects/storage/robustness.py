"""Defects that break the promise "No input makes the gateway answer 5xx"."""

from __future__ import annotations

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.support.storage import crashing
from tests.defects.support.common import server_error_page
from tests.defects.support.storage import failing

ROWS = (
    row(
        "broken-escape-in-query-fails",
        "API Reference, Error Handling: an invalid percent escape in the query is answered with a 5xx.",
        "storage/errors/any-query-is-no-server-error#broken-escape",
        intercept=lambda request: Answer(500) if "%zz" in request.query_string else None,
    ),
    row(
        "unknown-algorithm-is-server-error",
        "S3 API Reference, CreateMultipartUpload, x-amz-checksum-algorithm: an unknown one is answered with a 5xx.",
        "storage/errors/invalid-fields-are-no-server-error#x-amz-checksum-algorithm",
        requested_algorithm=lambda original, call: crashing(lambda: original(call)),
    ),
    row(
        "unreadable-tags-of-the-field-are-server-error",
        "S3 API Reference, InvalidArgument: a malformed x-amz-tagging is answered with a 5xx.",
        "storage/errors/invalid-fields-are-no-server-error#x-amz-tagging",
        header_tags=lambda original, call: dict(crashing(lambda: original(call))),
    ),
    row(
        "other-letters-in-metadata-cannot-be-read",
        "API Reference, Error Handling: an object with non-ASCII metadata cannot be read.",
        "storage/errors/invalid-fields-are-no-server-error#x-amz-meta-unusual",
        object_headers=failing(lambda found: not all(value.isascii() for value in found.metadata.values())),
    ),
    row(
        "token-of-no-session-crash",
        "S3 API Reference, InvalidToken: an unknown session token is answered with a 5xx.",
        "storage/errors/invalid-fields-are-no-server-error#x-amz-security-token",
        presented=failing(lambda request: "x-amz-security-token" in request.headers),
    ),
)


@defect(
    "storage/errors/any-query-is-no-server-error",
    "storage/errors/any-query-is-no-server-error#file-name-beyond-ascii",
    shortest=2,
)
def unreadable_parameter_fails(request: Request) -> Answer | None:
    """S3 API Reference, Common Request Parameters: a parameter outside ASCII is answered with a 5xx."""
    names = {name for name, value in request.query if not value.isascii()}
    odd = {name for name in names if name.startswith(("cf-", "x-id", "response-", "conformance", "versionId"))}
    return server_error_page() if odd and request.method == "GET" else None
