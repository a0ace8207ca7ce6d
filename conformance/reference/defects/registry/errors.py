"""Defects of error bodies, codes and of the headers that every answer has."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import EveryTwentieth, kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, Route


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
        "registry/name/any-reference-is-a-callers-affair",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        errors = [{"message": each["message"]} for each in errors_of(answer)]
        return retold(answer, json.dumps({"errors": errors}).encode()) if errors else answer


class ErrorTellsTheInside(Defect):
    """API Reference, Error Handling: an error does not tell of files, lines or addresses of the inside."""

    surface = "registry"
    noticed_by = (
        "registry/errors/tell-nothing-of-the-inside#absent-repository",
        "registry/errors/tell-nothing-of-the-inside#no-login",
        "registry/errors/tell-nothing-of-the-inside#nonsense-manifest",
        "registry/errors/tell-nothing-of-the-inside#wrong-digest",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        inside = 'Traceback (most recent call last):\n  File "/srv/registry/storage/driver.py", line 212, in stat'
        errors = [{**each, "detail": inside} for each in errors_of(answer)]
        return retold(answer, json.dumps({"errors": errors}).encode()) if errors else answer


class MalformedDigestFails(Defect):
    """API Reference, Error Handling: a malformed digest is 400, not 500 (distribution #4945)."""

    surface = "registry"
    noticed_by = (
        "registry/digest/malformed-manifest-digest-is-400#short",
        "registry/digest/malformed-manifest-digest-is-400#unknown-algorithm",
        "registry/digest/malformed-manifest-digest-is-400#words",
        "registry/digest/malformed-read-is-a-callers-fault#blob-delete",
        "registry/digest/malformed-read-is-a-callers-fault#blob-empty-hex",
        "registry/digest/malformed-read-is-a-callers-fault#blob-head",
        "registry/digest/malformed-read-is-a-callers-fault#blob-letters",
        "registry/digest/malformed-read-is-a-callers-fault#blob-longer",
        "registry/digest/malformed-read-is-a-callers-fault#blob-no-algorithm",
        "registry/digest/malformed-read-is-a-callers-fault#blob-short",
        "registry/digest/malformed-read-is-a-callers-fault#blob-unknown-algorithm",
        "registry/digest/malformed-read-is-a-callers-fault#manifest-delete",
        "registry/digest/malformed-read-is-a-callers-fault#manifest-empty-hex",
        "registry/digest/malformed-read-is-a-callers-fault#manifest-head",
        "registry/digest/malformed-read-is-a-callers-fault#manifest-letters",
        "registry/digest/malformed-read-is-a-callers-fault#manifest-longer",
        "registry/digest/malformed-read-is-a-callers-fault#manifest-short",
        "registry/digest/malformed-read-is-a-callers-fault#manifest-unknown-algorithm",
    )

    def check_digest(self, original: Any, text: str | None) -> str:
        if text is not None and not registry_of(original).is_digest(text):
            raise Refusal("DIGEST_INVALID", status=500)
        return str(original(text))


class MalformedDigestUnknown(Defect):
    """distribution-spec 1.1, Error Codes: a malformed digest is DIGEST_INVALID, where a blob is pushed with it."""

    surface = "registry"
    noticed_by = (
        "registry/errors/code-tells-the-cause#malformed-digest",
        "registry/errors/code-tells-the-cause#malformed-manifest-digest",
    )

    def check_digest(self, original: Any, text: str | None) -> str:
        if text is not None and not registry_of(original).is_digest(text):
            raise Refusal("BLOB_UNKNOWN", {"digest": text})
        return str(original(text))


class OtherMethodUnknown(Defect):
    """RFC 9110 section 15.5.6: a method that an endpoint does not know is 405."""

    surface = "registry"
    noticed_by = (
        "registry/errors/other-method-is-405#patch-blob",
        "registry/errors/other-method-is-405#post-manifest",
        "registry/errors/other-method-is-405#put-tags",
    )

    def check_method(self, original: Any, route: Route, method: str) -> None:
        if method not in route.handlers:
            raise Refusal("UNSUPPORTED", {"method": method}, status=404)


class AllowMissing(Defect):
    """RFC 9110 section 15.5.6: 405 has an Allow."""

    surface = "registry"
    noticed_by = ("registry/errors/405-has-allow", "registry/errors/405-has-allow#of-the-whole-run")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Allow")


class OtherMethodsAllowed(Defect):
    """RFC 9110 section 15.5.6: Allow lists the methods of what was asked for, and not those of another endpoint."""

    surface = "registry"
    noticed_by = ("registry/errors/405-has-allow",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405:
            answer.headers["Allow"] = "POST"
        return answer


class ApiVersionMissing(Defect):
    """Docker Registry V2, API Version Check: every answer has Docker-Distribution-Api-Version."""

    surface = "registry"
    noticed_by = ("registry/support/names-its-version#anonymous", "registry/support/names-its-version#login")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Docker-Distribution-Api-Version")


class SupportCheckRedirected(Defect):
    """distribution-spec 1.1, Determining Support: ``GET /v2/`` is answered there, not on a login page."""

    surface = "registry"
    noticed_by = ("registry/token/without-scope-opens-nothing",)

    async def support(self, original: Any, asked: Asked) -> Answer:
        answer = Answer(302)
        answer.headers["Location"] = "/login?next=/v2/"
        return answer


class OneRequestInTwentyFails(Defect):
    """API Reference, Error Handling: 5xx is for errors of the platform, not for one good request in twenty."""

    surface = "registry"
    noticed_by = (
        "registry/at-once/pulled-while-pushed-again#blob",
        "registry/at-once/pulled-while-pushed-again#digest",
        "registry/at-once/pulled-while-pushed-again#tag",
    )

    def __init__(self) -> None:
        self.twentieth = EveryTwentieth()

    def intercept(self, request: Request) -> Answer | None:
        if kind_of(request) in ("blob", "manifest") and request.method == "GET" and self.twentieth.due():
            return Answer.json(503, {"errors": [{"code": "UNAVAILABLE", "message": "service unavailable"}]})
        return None


class LoginToldBack(Defect):
    """OWASP API8: an error does not repeat the request's header fields, the login among them, as what it was about."""

    surface = "registry"
    noticed_by = (
        "registry/errors/tell-nothing-of-the-inside#absent-blob",
        "registry/errors/tell-nothing-of-the-inside#absent-tag",
        "registry/errors/tell-nothing-of-the-inside#unknown-session",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        given = request.headers.get("authorization")
        if given and (entries := errors_of(answer)):
            entries[0]["detail"] = {"headers": {"Authorization": [given]}}
            return retold(answer, json.dumps({"errors": entries}).encode())
        return answer
