"""Defects by which an address with an escape in it is another."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal


class EscapesInLastKept(Defect):
    """RFC 9110 section 4.2.3: what a list is to go on behind is read with its escapes undone."""

    surface = "registry"
    noticed_by = ("registry/name/escaped-is-the-same#last",)

    def page_answer(self, original: Any, request: Request, *told: Any) -> Answer:
        if "last=%" in request.query_string:
            # No name is before one that begins with a percent sign.
            request = replace(request, query_string=re.sub("last=[^&]*", "last=%25", request.query_string))
        answer: Answer = original(request, *told)
        return answer


class EscapesInALinkEscaped(Defect):
    """RFC 9110 section 4.2.3: a Link leads to the path that was asked for, whose escapes are not escaped again."""

    surface = "registry"
    noticed_by = ("registry/name/escaped-is-the-same#list",)

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return f"{request.raw_path.replace('%', '%25')}?{query}"


class EscapedPathsAreNone(Defect):
    """RFC 9110 section 4.2.3: a path is that which it is with its escapes undone."""

    surface = "registry"
    noticed_by = ("registry/name/escaped-is-the-same#blob", "registry/name/escaped-is-the-same#manifest")

    async def answer(self, original: Any, request: Request) -> Answer:
        if re.search("/(manifests/%61|blobs/[^/]*%)", request.raw_path):
            return Refusal("NAME_UNKNOWN").answer()
        answer: Answer = await original(request)
        return answer
