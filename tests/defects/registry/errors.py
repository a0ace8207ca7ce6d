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

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, Route
from conformance.reference.support.registry import registry_of, without
from tests.defects.rows import row
from tests.defects.support.registry import _InPlaceOfAMount

AN_HOUR = 3600

ROWS = (
    row(
        "allow-missing",
        "RFC 9110 section 15.5.6: 405 has an Allow.",
        "registry/errors/405-has-allow",
        "registry/errors/405-has-allow#of-the-whole-run",
        rewrite=lambda request, answer: without(answer, "Allow"),
    ),
    row(
        "wrong-digest-says-upload-invalid",
        "distribution-spec 1.1, Error Codes: a digest that is not the content's is DIGEST_INVALID.",
        "registry/errors/code-matches-the-cause#wrong-digest",
        wrong_digest=lambda original, digest: Refusal("BLOB_UPLOAD_INVALID", {"digest": digest}, status=400),
    ),
    row(
        "registry-requests-unlimited",
        "API Reference, Error Handling: above the limit the registry answers 429.",
        "registry/errors/requests-are-limited",
        limit_of=lambda original, holder: None,
    ),
)


class OtherMethodsAllowed(Defect):
    """RFC 9110 section 15.5.6: Allow lists the methods of what was asked for, and not those of another endpoint."""

    surface = "registry"
    noticed_by = ("registry/errors/405-has-allow",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405:
            answer.headers["Allow"] = "POST"
        return answer


def retold(answer: Answer, body: bytes, media_type: str = "application/json") -> Answer:
    """The same answer with another body."""
    answer.body = body
    answer.headers["Content-Type"] = media_type
    return without(answer, "Content-Length")


def errors_of(answer: Answer) -> list[dict[str, Any]]:
    """The error entries of a refusal, none for another answer."""
    if answer.status < 400 or not answer.body:
        return []
    found: list[dict[str, Any]] = json.loads(answer.body)["errors"]
    return found


class ErrorsOfATypeNobodyReads(Defect):
    """Docker Registry V2, Errors: Content-Type is application/json, by which clients know what they can read."""

    surface = "registry"
    noticed_by = (
        "registry/errors/body-is-json#absent-blob",
        "registry/errors/body-is-json#absent-manifest",
        "registry/errors/body-is-json#absent-repository",
        "registry/errors/body-is-json#absent-repositorys-tag",
        "registry/errors/body-is-json#absent-tag",
        "registry/errors/body-is-json#bad-number",
        "registry/errors/body-is-json#cancelled-session",
        "registry/errors/body-is-json#denied-push",
        "registry/errors/body-is-json#malformed-digest",
        "registry/errors/body-is-json#malformed-manifest-digest",
        "registry/errors/body-is-json#missing-digest",
        "registry/errors/body-is-json#no-login",
        "registry/errors/body-is-json#nonsense-manifest",
        "registry/errors/body-is-json#of-the-whole-run",
        "registry/errors/body-is-json#out-of-order",
        "registry/errors/body-is-json#unknown-session",
        "registry/errors/body-is-json#unknown-session-cancelled",
        "registry/errors/body-is-json#wrong-digest",
        "registry/errors/body-is-json#wrong-manifest-digest",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return retold(answer, answer.body, "application/x-json") if errors_of(answer) else answer


class MissingManifestIsNotFound(Defect):
    """distribution-spec 1.1, Error Codes: the code is MANIFEST_UNKNOWN, not one of one's own (harbor #23637)."""

    surface = "registry"
    noticed_by = ("registry/errors/code-is-known#absent-tag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.body = answer.body.replace(b"MANIFEST_UNKNOWN", b"NOT_FOUND")
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class MissingBlobIsManifestUnknown(Defect):
    """distribution-spec 1.1, Error Codes: a blob that is not there is BLOB_UNKNOWN."""

    surface = "registry"
    noticed_by = ("registry/errors/code-of-a-deletion#absent-blob",)

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        try:
            content: bytes = original(name, digest)
        except Refusal:
            raise Refusal("MANIFEST_UNKNOWN", {"digest": digest}) from None
        return content


class MalformedDigestUnknown(Defect):
    """distribution-spec 1.1, Error Codes: a malformed digest is DIGEST_INVALID, where a blob is pushed with it."""

    surface = "registry"
    noticed_by = (
        "registry/errors/code-matches-the-cause#malformed-digest",
        "registry/errors/code-matches-the-cause#malformed-manifest-digest",
    )

    def check_digest(self, original: Any, text: str | None) -> str:
        if text is not None and not registry_of(original).is_digest(text):
            raise Refusal("BLOB_UNKNOWN", {"digest": text})
        return str(original(text))


class UnknownSessionCancelledByAnotherCode(Defect):
    """Docker Registry V2, Errors: BLOB_UPLOAD_UNKNOWN tells of a session that is not there, however it is asked."""

    surface = "registry"
    noticed_by = ("registry/errors/code-matches-the-cause#unknown-session-cancelled",)

    async def delete_upload(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal as refusal:
            raise Refusal("MANIFEST_UNKNOWN", *refusal.details, status=refusal.status) from None
        return answer


class ErrorWithoutCode(Defect):
    """distribution-spec 1.1, Error Codes: every entry has a code."""

    surface = "registry"
    noticed_by = (
        "registry/errors/json-has-the-form#absent-blob",
        "registry/errors/json-has-the-form#absent-repository",
        "registry/errors/json-has-the-form#absent-tag",
        "registry/errors/json-has-the-form#no-login",
        "registry/errors/json-has-the-form#nonsense-manifest",
        "registry/errors/json-has-the-form#of-the-whole-run",
        "registry/errors/json-has-the-form#unknown-session",
        "registry/errors/json-has-the-form#wrong-digest",
        "registry/name/any-reference-is-no-server-error",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        errors = [{"message": each["message"]} for each in errors_of(answer)]
        return retold(answer, json.dumps({"errors": errors}).encode()) if errors else answer


class TagRepeatedUnescaped(Defect):
    """Docker Registry V2, Errors: a refusal is JSON, whatever stands in the tag that it repeats."""

    surface = "registry"
    noticed_by = ("registry/errors/json-has-the-form#of-the-whole-run",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 400 and "/manifests/" in request.path:
            tag = request.path.rpartition("/")[2]
            answer.body = f'{{"errors": [{{"code": "TAG_INVALID", "message": "no tag: {tag}"}}]}}'.encode()
            return without(answer, "Content-Length")
        return answer


class OtherMethodUnknown(Defect):
    """RFC 9110 section 15.5.6: a method that an endpoint does not know is 405."""

    surface = "registry"
    noticed_by = (
        "registry/errors/unsupported-method-is-405#patch-blob",
        "registry/errors/unsupported-method-is-405#post-manifest",
        "registry/errors/unsupported-method-is-405#put-tags",
    )

    def check_method(self, original: Any, route: Route, method: str) -> None:
        if method not in route.handlers:
            raise Refusal("UNSUPPORTED", {"method": method}, status=404)


class ErrorTellsTheInside(Defect):
    """API Reference, Error Handling: an error does not tell of files, lines or addresses of the inside."""

    surface = "registry"
    noticed_by = (
        "registry/errors/reveal-no-internal-details#absent-repository",
        "registry/errors/reveal-no-internal-details#no-login",
        "registry/errors/reveal-no-internal-details#nonsense-manifest",
        "registry/errors/reveal-no-internal-details#wrong-digest",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        inside = 'Traceback (most recent call last):\n  File "/srv/registry/storage/driver.py", line 212, in stat'
        errors = [{**each, "detail": inside} for each in errors_of(answer)]
        return retold(answer, json.dumps({"errors": errors}).encode()) if errors else answer


class LoginToldBack(Defect):
    """OWASP API8: an error does not repeat the request's header fields, the login among them, as what it was about."""

    surface = "registry"
    noticed_by = (
        "registry/errors/reveal-no-internal-details#absent-blob",
        "registry/errors/reveal-no-internal-details#absent-tag",
        "registry/errors/reveal-no-internal-details#unknown-session",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        given = request.headers.get("authorization")
        if given and (entries := errors_of(answer)):
            entries[0]["detail"] = {"headers": {"Authorization": [given]}}
            return retold(answer, json.dumps({"errors": entries}).encode())
        return answer


class WarningsSignedAndDated(Defect):
    """distribution-spec 1.1, Warnings: the agent of a warning is "-", and it has no date."""

    surface = "registry"
    noticed_by = ("registry/errors/warnings-have-the-form",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 200 and ":" not in request.path:
            answer.headers["Warning"] = '299 registry "this will be removed" "Sun, 29 Nov 2026 00:00:00 GMT"'
        return answer


class DateOfAnotherZone(Defect):
    """RFC 9110 section 6.6.1: Date is when the answer was made, in GMT."""

    surface = "registry"
    noticed_by = ("registry/pull/dates-are-valid",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Date"] = formatdate(time.time() + AN_HOUR, usegmt=True)
        return answer


class UploadInPlaceOfAMountIsLocatedTwice(_InPlaceOfAMount):
    """RFC 9110 section 5.3: an answer has one Location."""

    noticed_by = ("registry/pull/single-value-headers-are-not-repeated",)

    def _spoil(self, answer: Answer) -> None:
        answer.headers.append("Location", answer.headers["Location"])


class RegistryLimitAsForbidden(Defect):
    """API Reference, Error Handling: the status of an exceeded limit is 429, not 403."""

    surface = "registry"
    noticed_by = ("registry/errors/requests-are-limited",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.status = 403 if answer.status == 429 else answer.status
        return answer
