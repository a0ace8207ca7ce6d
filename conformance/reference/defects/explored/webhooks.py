"""Defects of the webhooks surface that no written example meets."""

from __future__ import annotations

import re
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.explored.common import failed
from conformance.reference.http import Answer, Request


class HalfOfASurrogatePairFails(Defect):
    """RFC 8259 section 8.2: an unpaired surrogate may be refused; it is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-changed-event-is-judged",)
    crashes = (ValueError,)
    shortest = 1

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        if b'\\ud800"' in body:
            raise ValueError("surrogates not allowed")
        return original(body)


class OtherJsonTypeFails(Defect):
    """The contract's table of errors: JSON of another name or with parameters is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        other = re.search(r"json.+|\+json|^json", request.headers.get("content-type", ""))
        return failed() if other and not request.body.startswith(b"{") else None


class OddContentCodingFails(Defect):
    """The contract's table of errors: a content coding that nobody knows is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        given = request.headers.get("content-encoding") or request.headers.get("cookie")
        return failed() if given and not re.fullmatch("[ -~]+", given) else None
