"""Defects of the organization API that no written example meets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.explored.common import failed
from conformance.reference.defects.identity.support import is_api_request
from conformance.reference.http import Answer, Request

Parse = Callable[[bytes], dict[str, Any]]
FIELD = "authorization/bearer/any-field-is-refused"
BODY = "errors/400/any-change-of-a-body-is-judged"
UPDATE = "errors/5xx/no-update-body-is-a-server-error"
PATH = "errors/5xx/no-path-is-a-server-error"
QUERY = "errors/5xx/no-query-is-a-server-error"


def queried(request: Request) -> set[str]:
    """The names in the query of a request to the API."""
    return {name for name, _ in request.query} if is_api_request(request) else set()


class BytesInBasicAtTheApiFail(Defect):
    """The contract's table of errors: 401 for a Basic field of any bytes."""

    surface = "identity"
    noticed_by = ("authorization/bearer/any-field-is-refused",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        return failed() if is_api_request(request) and scheme.lower() == "basic" and not rest.isascii() else None


class EscapedTextRefused(Defect):
    """RFC 8259 section 7: any character of a text may be written as an escape."""

    surface = "identity"
    noticed_by = (
        "errors/400/any-change-of-a-body-is-judged#create",
        "errors/400/any-change-of-a-body-is-judged#update",
    )
    shortest = 1

    def parsed(self, original: Parse, body: bytes) -> dict[str, Any]:
        if body.count(b"\\u00") > 3:
            raise ValueError("escapes")
        return original(body)


class BytesBeforeUpdateFail(Defect):
    """The contract's table of errors: an update that begins with no character of JSON is refused, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/no-update-body-is-a-server-error#update",)
    shortest = 2

    def intercept(self, request: Request) -> Answer | None:
        odd = re.match(rb"[^\t\r\n -~]", request.body)
        return failed() if request.method == "PATCH" and odd else None


class AddressInPathFails(Defect):
    """The contract's table of errors: 404 for a slug with ``@`` or ``:`` in it, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/no-path-is-a-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        return failed() if is_api_request(request) and re.search("[@:]", request.raw_path) else None


class UnknownPageFails(Defect):
    """The contract's table of errors: a page that cannot be read is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/no-query-is-a-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        return failed() if queried(request) & {"page", "per_page", "x[]"} else None
