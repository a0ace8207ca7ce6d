"""Defects that show where something is asked for in letters beyond ASCII, which the platform then fails to write."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal


class NameBeyondAsciiFails(Defect):
    """API Reference, Error Handling: a name of other letters is the caller's fault, also where a manifest is read."""

    surface = "registry"
    noticed_by = ("registry/name/no-other-name-is-taken",)

    def intercept(self, request: Request) -> Answer | None:
        if request.method != "GET" or "/manifests/" not in request.path or request.path.isascii():
            return None
        return Answer.json(500, {"message": "codec can't encode"})


class DigestBeyondAsciiFails(Defect):
    """API Reference, Error Handling: a digest of other letters is the caller's fault, as any that is malformed."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-is-400", "registry/mount/malformed-is-a-callers-fault")

    def check_digest(self, original: Any, text: str | None) -> str:
        if not (text or "").isascii():
            raise Refusal("DIGEST_INVALID", status=500)
        return str(original(text))


class NoNameFails(Defect):
    """API Reference, Error Handling: a manifest under no name at all is the caller's fault."""

    surface = "registry"
    noticed_by = ("registry/name/any-name-is-a-callers-affair",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"message": "no name"}) if request.path.startswith("/v2//manifests/") else None
