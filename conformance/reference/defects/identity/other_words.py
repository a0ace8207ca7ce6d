"""Defects by which a request is taken for another one, since it is written otherwise than most are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request

Segments = tuple[str | None, ...]
Serves = Callable[[Request, Segments], Awaitable[Answer]]


class UpdateByEncodedPathKnowsNoCharset(Defect):
    """RFC 8259 section 11: a charset behind application/json has no effect, however the path is written."""

    surface = "identity"
    noticed_by = ("errors/reads/said-otherwise-is-served#update",)

    def is_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        return original(request) and not ("%" in request.raw_path and ";" in request.headers["content-type"])


class BlankInAcceptNotAcceptable(Defect):
    """RFC 9110 section 5.6.1: a blank may stand before the comma of a list."""

    surface = "identity"
    noticed_by = (
        "errors/reads/said-otherwise-is-served#create",
        "errors/reads/said-otherwise-is-served#delete",
        "errors/reads/said-otherwise-is-served#read",
        "errors/reads/said-otherwise-is-served#read-item",
    )

    async def api(self, original: Serves, request: Request, segments: Segments) -> Answer:
        if " ," in request.headers.get("accept", ""):
            return surface_of(original).api_error(406, "not_acceptable", "There is no such form.")
        return await original(request, segments)
