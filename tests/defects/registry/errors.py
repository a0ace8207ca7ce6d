"""Defects of errors.

They break these promises:

- Errors carry the specified code.
- Responses are well-formed HTTP (RFC 9110, RFC 9112).
"""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call, Route
from conformance.reference.support.registry import registry_of, without

AN_HOUR = 3600

ROWS = (
    row(
        "allow-missing",
        "RFC 9110 section 15.5.6: a 405 has no Allow.",
        "registry/errors/405-has-allow",
        "registry/errors/405-has-allow#of-the-whole-run",
        rewrite=lambda request, answer: without(answer, "Allow"),
    ),
    row(
        "wrong-digest-says-upload-invalid",
        "distribution-spec 1.1, Error Codes: a wrong digest is BLOB_UPLOAD_INVALID instead of DIGEST_INVALID.",
        "registry/errors/code-matches-the-cause#wrong-digest",
        wrong_digest=lambda original, digest: Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400),
    ),
)


@defect("registry/errors/405-has-allow")
def other_methods_allowed(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.5.6: Allow lists the methods of another endpoint."""
    if answer.status == 405:
        answer.headers["Allow"] = "POST"
    return answer


def with_body(answer: Answer, body: bytes, media_type: str = "application/json") -> Answer:
    """Replace the body of a response, and return it."""
    answer.body = body
    answer.headers["Content-Type"] = media_type
    return without(answer, "Content-Length")


def errors_of(answer: Answer) -> list[dict[str, Any]]:
    """Return the error entries of a refusal, none for another response."""
    if answer.status < 400 or not answer.body:
        return []
    return json.loads(answer.body)["errors"]


@defect(
    "registry/errors/body-is-json#absent-blob,absent-manifest,absent-repository,absent-repositorys-tag,absent-tag",
    "registry/errors/body-is-json#bad-number,cancelled-session,denied-push,malformed-digest",
    "registry/errors/body-is-json#malformed-manifest-digest,missing-digest,no-login,nonsense-manifest",
    "registry/errors/body-is-json#of-the-whole-run,out-of-order,unknown-session,unknown-session-cancelled",
    "registry/errors/body-is-json#wrong-digest,wrong-manifest-digest",
)
def errors_of_a_type_nobody_reads(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Errors: an error is application/x-json instead of application/json."""
    return with_body(answer, answer.body, "application/x-json") if errors_of(answer) else answer


@defect("registry/errors/code-is-known#absent-tag")
def missing_manifest_is_not_found(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Error Codes: the code of an absent manifest is NOT_FOUND (harbor #23637)."""
    if answer.status == 404:
        answer.body = answer.body.replace(b"MANIFEST_UNKNOWN", b"NOT_FOUND")
        answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@defect("registry/errors/deletion-code-matches-the-cause#absent-blob")
def missing_blob_is_manifest_unknown(blob_of: Any, name: str, digest: str) -> bytes:
    """distribution-spec 1.1, Error Codes: the code of an absent blob is MANIFEST_UNKNOWN instead of BLOB_UNKNOWN."""
    try:
        return blob_of(name, digest)
    except Refusal:
        raise Refusal("MANIFEST_UNKNOWN", {"digest": digest}) from None


@defect("registry/errors/code-matches-the-cause#malformed-digest,malformed-manifest-digest")
def malformed_digest_unknown(check_digest: Any, text: str | None) -> str:
    """distribution-spec 1.1, Error Codes: the code of a malformed digest is BLOB_UNKNOWN instead of DIGEST_INVALID."""
    if text is not None and not registry_of(check_digest).is_digest(text):
        raise Refusal("BLOB_UNKNOWN", {"digest": text})
    return str(check_digest(text))


@defect("registry/errors/code-matches-the-cause#unknown-session-cancelled")
async def unknown_session_cancelled_by_another_code(delete_upload: Any, call: Call) -> Answer:
    """Docker Registry V2, Errors: the code for a cancelled unknown session is MANIFEST_UNKNOWN."""
    try:
        return await delete_upload(call)
    except Refusal as refusal:
        raise Refusal("MANIFEST_UNKNOWN", *refusal.details, status=refusal.status) from None


@defect("registry/errors/json-body-is-an-error-list#of-the-whole-run", "registry/name/any-reference-is-no-server-error")
def error_without_code(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Error Codes: an error entry has no code."""
    errors = [{"message": each["message"]} for each in errors_of(answer)]
    return with_body(answer, json.dumps({"errors": errors}).encode()) if errors else answer


@defect("registry/errors/json-body-is-an-error-list#of-the-whole-run")
def tag_repeated_unescaped(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Errors: an error repeats the tag without escaping it, so its JSON can break."""
    if answer.status == 400 and "/manifests/" in request.path:
        tag = request.path.rpartition("/")[2]
        answer.body = f'{{"errors": [{{"code": "TAG_INVALID", "message": "no tag: {tag}"}}]}}'.encode()
        return without(answer, "Content-Length")
    return answer


@defect("registry/errors/unsupported-method-is-405#patch-blob,post-manifest,put-tags")
def other_method_unknown(check_method: Any, route: Route, method: str) -> None:
    """RFC 9110 section 15.5.6: another method is answered 404 instead of 405."""
    if method not in route.handlers:
        raise Refusal("UNSUPPORTED", {"method": method}, status=404)


@defect("registry/errors/reveal-no-internal-details#absent-repository,no-login,nonsense-manifest,wrong-digest")
def error_reveals_internals(request: Request, answer: Answer) -> Answer:
    """API Reference, Error Handling: an error contains a traceback."""
    inside = 'Traceback (most recent call last):\n  File "/srv/registry/storage/driver.py", line 212, in stat'
    errors = [{**each, "detail": inside} for each in errors_of(answer)]
    return with_body(answer, json.dumps({"errors": errors}).encode()) if errors else answer


@defect("registry/errors/reveal-no-internal-details#absent-blob,absent-tag,unknown-session")
def login_echoed(request: Request, answer: Answer) -> Answer:
    """OWASP API8: an error repeats the Authorization field."""
    given = request.headers.get("authorization")
    if given and (entries := errors_of(answer)):
        entries[0]["detail"] = {"headers": {"Authorization": [given]}}
        return with_body(answer, json.dumps({"errors": entries}).encode())
    return answer


@defect("registry/errors/warnings-are-well-formed")
def warnings_signed_and_dated(request: Request, answer: Answer) -> Answer:
    """distribution-spec 1.1, Warnings: a warning has an agent and a date."""
    if answer.status == 200 and ":" not in request.path:
        answer.headers["Warning"] = '299 registry "this will be removed" "Sun, 29 Nov 2026 00:00:00 GMT"'
    return answer


@defect("registry/pull/dates-are-valid")
def date_of_another_zone(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 6.6.1: Date is an hour ahead: local time is called GMT."""
    answer.headers["Date"] = formatdate(time.time() + AN_HOUR, usegmt=True)
    return answer


@defect("registry/pull/single-value-headers-are-not-repeated")
def upload_in_place_of_a_mount_is_located_twice(session_opened: Any, call: Call) -> Answer:
    """RFC 9110 section 5.3: an upload opened instead of a mount has two Location lines."""
    answer: Answer = session_opened(call)
    if call.request.parameter("mount"):
        answer.headers.append("Location", answer.headers["Location"])
    return answer


@defect("registry/errors/limit-is-enforced-with-429")
def registry_limit_as_forbidden(request: Request, answer: Answer) -> Answer:
    """API Reference, Error Handling: an exceeded limit is answered 403 instead of 429."""
    answer.status = 403 if answer.status == 429 else answer.status
    return answer
