"""Defects of the webhooks surface that no written example meets."""

from __future__ import annotations

import re
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.explored.common import failed, has_undecodable
from conformance.reference.http import Answer, Request


class TabBeforeColonRefused(Defect):
    """RFC 8259 section 2: white space may stand before and after each of a JSON text's structural characters."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-changed-event-is-judged",)
    shortest = 1

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        return original(body) and b"\t:" not in body


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


class UndecodableTextFails(Defect):
    """The contract's table of errors: text in an unknown encoding is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        named = request.headers.get("content-type", "")
        text = not named.startswith(("application/json", "application/octet-stream", "image/"))
        return failed() if text and has_undecodable(request.body) else None


class OtherJsonTypeFails(Defect):
    """The contract's table of errors: JSON of another name or with parameters is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        other = re.search(r"json.+|\+json|^json", request.headers.get("content-type", ""))
        return failed() if other and not request.body.startswith(b"{") else None


class OddSignatureFails(Defect):
    """The contract's table of errors: a sender's signature that cannot be read is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        given = request.headers.get("x-hub-signature-256") or request.headers.get("x-github-event")
        return failed() if given and not re.fullmatch("[ -~]+", given) else None


class OddContentCodingFails(Defect):
    """The contract's table of errors: a content coding that nobody knows is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        given = request.headers.get("content-encoding") or request.headers.get("cookie")
        return failed() if given and not re.fullmatch("[ -~]+", given) else None
