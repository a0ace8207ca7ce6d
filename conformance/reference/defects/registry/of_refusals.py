"""Defects of what a refusal tells of itself, for one request alone."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access


class UnknownSessionIsText(Defect):
    """Docker Registry V2, Errors: a list of errors is JSON and says so, whatever was asked."""

    surface = "registry"
    noticed_by = ("registry/errors/body-is-json",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) == "upload" and request.method == "GET" and answer.status == 404:
            answer.headers["Content-Type"] = "text/plain; charset=utf-8"
        return answer


class PatchRefusedWithoutAllow(Defect):
    """RFC 9110 section 15.5.6: a 405 names the methods that there are, whichever it refuses."""

    surface = "registry"
    noticed_by = ("registry/errors/405-has-allow",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "PATCH" and answer.status == 405:
            del answer.headers["Allow"]
        return answer


class ChallengeOfAPageIsForAnother(Defect):
    """Docker token authentication: the scope is that of what was asked for, and not of what was asked for before."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope",)

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        wanted: list[Access] = original(kind, name, request)
        if kind == "tags" and "n" in dict(request.query) and "authorization" not in request.headers:
            return [Access("repository", f"{name}-before", ("pull",))]
        return wanted
