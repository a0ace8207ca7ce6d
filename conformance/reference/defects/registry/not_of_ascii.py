"""Defects that show where something is asked for in letters beyond ASCII, which the platform then fails to write."""

from __future__ import annotations

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request


class NoNameFails(Defect):
    """API Reference, Error Handling: a manifest under no name at all is the caller's fault."""

    surface = "registry"
    noticed_by = ("registry/name/any-name-is-a-callers-affair#nothing",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"message": "no name"}) if request.path.startswith("/v2//manifests/") else None
