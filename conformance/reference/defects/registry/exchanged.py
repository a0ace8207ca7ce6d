"""Defects that come with a part that was exchanged: a firewall, a database, a library, a release half rolled out."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request

LONGEST_ADDRESS = 320
PUNCTUATION = re.compile(r"[._-]")


class LongAddressRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a name and a tag may be long, both of them in one address."""

    surface = "registry"
    noticed_by = ("registry/name/each-name-is-its-own",)

    def intercept(self, request: Request) -> Answer | None:
        if len(request.path) <= LONGEST_ADDRESS or "/manifests/" not in request.path:
            return None
        return Answer.json(414, {"message": "URI too long"})


class TagsInOrderWithoutPunctuation(Defect):
    """distribution-spec 1.1, Listing Tags: the order is that of the names, of which points and dashes are a part."""

    surface = "registry"
    noticed_by = ("registry/tags/are-sorted",)

    def order(self, original: Any, name: str) -> tuple[str, str]:
        return PUNCTUATION.sub("", name).lower(), name
