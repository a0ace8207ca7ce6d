"""Defects that break the promise "No input makes an organization API answer 5xx"."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import is_api_request, service_error, surface_of
from tests.defects.support.common import server_error_page
from tests.defects.support.identity import _RefusedButDone, body_document, unexpected_error

KEPT_S = 5.0


def _write_crashes(name: str, clause: str, cases: str, crashing: Callable[[Request], bool]) -> type[Defect]:
    """Make a defect that fails with 500 over the body of some writes."""

    def body_object(original: Any, request: Request) -> dict[str, Any]:
        if crashing(request):
            raise LookupError(request.method)
        return original(request)

    clause = f"The contract's table of errors: {clause} is no reason for a 5xx."
    check = f"errors/5xx/no-input-is-a-server-error#{cases}"
    return row(name, clause, check, crashes=(LookupError,), body_object=body_object)


ROWS = (
    _write_crashes(
        "byte-order-mark-crashes",
        "a byte order mark before the body",
        "byte-order-mark-create,byte-order-mark-update",
        lambda request: request.body.startswith(b"\xef\xbb\xbf"),
    ),
    _write_crashes(
        "named-coding-crashes-updates",
        "a body that is not in its stated content coding",
        "update-not-in-its-coding",
        lambda request: request.headers.get("content-encoding") == "gzip" and request.body[:2] != b"\x1f\x8b",
    ),
    _write_crashes(
        "unknown-charset-crashes",
        "an unknown charset",
        "update-with-unknown-charset",
        lambda request: (
            re.search(r"charset=(?!\"?utf-8\"?$)", request.headers.get("content-type", ""), re.I) is not None
        ),
    ),
    _write_crashes(
        "parts-without-boundary-crash",
        "multipart content without a boundary",
        "update-without-boundary",
        lambda request: request.headers.get("content-type", "") == "multipart/form-data",
    ),
    _write_crashes(
        "half-a-type-crashes",
        "a Content-Type without a slash",
        "update-with-half-a-type",
        lambda request: "/" not in request.headers.get("content-type", "/"),
    ),
)


@defect("errors/5xx/no-input-is-a-server-error#huge-number-create,huge-number-update")
def infinite_version_crashes(body_object: Any, request: Request) -> dict[str, Any]:
    """The contract's table of errors: a number beyond the range of a double is answered 500."""
    if re.search(rb"[0-9][eE][0-9]{3}", request.body):
        raise Refused(unexpected_error())
    return body_object(request)


@defect(
    "errors/5xx/no-input-is-a-server-error#deep-array-create,deep-array-update,deep-object-create",
    "errors/5xx/no-input-is-a-server-error#deep-object-update",
    crashes=(RecursionError,),
)
def deep_body_crashes(parsed: Any, body: bytes) -> dict[str, Any]:
    """The contract's table of errors: a deeply nested body is answered 500 instead of 400."""
    if max(body.count(b"["), body.count(b"{")) > 500:
        raise RecursionError("maximum recursion depth exceeded")
    return parsed(body)


@defect("errors/5xx/no-input-is-a-server-error#nul-update", crashes=(ValueError,))
def nul_in_text_crashes(is_acceptable: Any, organization: Organization, name: str, value: Any) -> bool:
    """The contract's table of errors: a NUL in a text is answered 500 instead of 400."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")
    return is_acceptable(organization, name, value)


@defect("errors/5xx/no-input-is-a-server-error#lone-surrogate-update", crashes=(UnicodeEncodeError,))
def lone_surrogate_crashes(is_acceptable: Any, organization: Organization, name: str, value: Any) -> bool:
    """RFC 8259 section 8.2: an unpaired surrogate is answered 500 instead of 400."""
    if isinstance(value, str):
        value.encode()
    return is_acceptable(organization, name, value)


class LongNameRefusedButStored(_RefusedButDone):
    """The contract's table of errors: an update refused with 400 for a long text stores its beginning."""

    noticed_by = ("errors/5xx/no-input-is-a-server-error#1-mb-text-update",)
    methods = frozenset({"PATCH"})
    refusals = frozenset({400})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return found is not None and len(str(body_document(request).get("name", ""))) > 100_000

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        if found is not None:
            surface.apply(found, {"name": body_document(request)["name"][:200]})


@defect("errors/5xx/no-input-is-a-server-error#long-name", crashes=(ValueError,))
def long_slug_crashes(is_slug: Any, slug: Any) -> bool:
    """The contract's table of errors: a slug longer than the column of 255 characters is answered 500."""
    if isinstance(slug, str) and len(slug) > 255:
        raise ValueError(slug)
    return is_slug(slug)


@defect("errors/5xx/no-input-is-a-server-error#create-without-type,update-without-type", crashes=(KeyError,))
def body_of_no_type_fails(body_object: Any, request: Request) -> dict[str, Any]:
    """The contract's table of errors: a body without a Content-Type is answered 500."""
    if "content-type" not in request.headers:
        raise KeyError("content-type")
    return body_object(request)


@defect(
    "errors/5xx/no-input-is-a-server-error#create-without-credentials,delete-without-credentials",
    "errors/5xx/no-input-is-a-server-error#update-without-credentials",
    crashes=(IndexError,),
)
def half_a_field_of_writes_crashes(caller: Any, request: Request) -> Caller:
    """The contract's table of errors: a write with a scheme but no token is answered 500 instead of 401."""
    words = request.headers.get("authorization", "").split()
    if request.method in ("POST", "PATCH", "DELETE") and len(words) == 1:
        raise IndexError("list index out of range")
    return caller(request)


@defect("errors/5xx/no-input-is-a-server-error#update-if-match")
def malformed_condition_of_an_update_fails(request: Request) -> Answer | None:
    """The contract's table of errors: an update with a malformed If-Match is answered 500."""
    malformed = request.headers.get("if-match", '""').count('"') % 2
    return Answer.json(500, {"error": "index out of range"}) if malformed and request.method == "PATCH" else None


@defect("errors/5xx/no-input-is-a-server-error#page-400,page-404")
def page_of_an_error_crashes(request: Request, answer: Answer) -> Answer:
    """The contract's table of errors: a client error is answered 500 if the client accepts HTML."""
    if answer.status >= 400 and request.headers.get("accept") == "text/html":
        answer.status = 500
    return answer


@defect(
    "errors/5xx/no-input-is-a-server-error#accept,accept-language,content-encoding,content-type,cookie,expect",
    "errors/5xx/no-input-is-a-server-error#forwarded,if-match,if-modified-since,if-none-match,many,browser-fields",
    "errors/5xx/no-input-is-a-server-error#proxy-fields,library-fields,range,te",
    state=dict,
)
def refused_variant_is_stored(stored: dict[str, float], request: Request) -> Answer | None:
    """RFC 9110 section 12.5.5: a cache ignores Accept, and returns a stored 406 to other clients."""
    if is_api_request(request) and "xml" in request.headers.get("accept", ""):
        stored[request.raw_path] = time.monotonic()
    if time.monotonic() - stored.get(request.raw_path, -KEPT_S) < KEPT_S:
        return Answer.json(406, {"error": {"code": "not_acceptable", "message": "No such representation."}})
    return None


class UnusualDateBreaksItem(Defect):
    """The contract's table of errors: an item is answered 500 after an update with an unusual date."""

    noticed_by = ("errors/5xx/no-input-is-a-server-error#update-if-unmodified-since",)
    crashes = (ValueError,)
    broken: set[str | None] = set()

    async def patch_project(self, original: Any, call: Call) -> Answer:
        if "99:99" in call.request.headers.get("if-unmodified-since", ""):
            self.broken.add(call.slug)
        return await original(call)

    async def get_project(self, original: Any, call: Call) -> Answer:
        if call.slug in self.broken:
            raise ValueError("time data does not match format")
        return await original(call)


@defect("errors/5xx/no-input-is-a-server-error#generated-paths", shortest=1)
def address_in_path_fails(request: Request) -> Answer | None:
    """The contract's table of errors: a slug with ``@`` or ``:`` is answered 500 instead of 404."""
    return server_error_page() if is_api_request(request) and re.search("[@:]", request.raw_path) else None


@defect("errors/5xx/no-input-is-a-server-error#organization-long", crashes=(LookupError,))
def long_organization_crashes(visible_organization: Any, caller: Caller, slug: str | None) -> Organization:
    """The contract's table of errors: a long organization in a path is answered 500 instead of 404."""
    if slug and len(slug) > 255:
        raise LookupError("no row is that wide")
    return visible_organization(caller, slug)


@defect("errors/5xx/no-input-is-a-server-error#organization-upper-case", crashes=(KeyError,))
def organization_of_other_case_crashes(visible_organization: Any, caller: Caller, slug: str | None) -> Organization:
    """The contract's table of errors: an organization in capitals passes the membership check, and is answered 500."""
    own = caller.client.organization
    return (
        surface_of(visible_organization).organizations[slug or ""]
        if (slug or "").lower() == own
        else visible_organization(caller, slug)
    )


@defect(
    "errors/5xx/no-input-is-a-server-error#organization-with-blank,organization-with-nul",
    "errors/400/invalid-path-or-parameter#path-broken-percent,path-control,path-dots,path-encoded-slash",
    "errors/400/invalid-path-or-parameter#path-invalid-utf8,path-nul,path-quote",
)
def encoded_path_crashes(request: Request) -> Answer | None:
    """The contract's table of errors: a percent-encoded path is answered 500."""
    return service_error() if is_api_request(request) and "%" in request.raw_path else None


def queried(request: Request) -> set[str]:
    """Return the names in the query of a request to the API."""
    return {name for name, _ in request.query} if is_api_request(request) else set()


@defect("errors/5xx/no-input-is-a-server-error#generated-queries", shortest=1)
def unknown_page_fails(request: Request) -> Answer | None:
    """The contract's table of errors: a parameter of another kind of paging is answered 500."""
    return server_error_page() if queried(request) & {"page", "per_page", "x[]"} else None


@defect("errors/5xx/no-input-is-a-server-error#generated-update-bodies", shortest=2)
def bytes_before_update_fail(request: Request) -> Answer | None:
    """The contract's table of errors: an update that begins with an invalid byte is answered 500."""
    invalid = re.match(rb"[^\t\r\n -~]", request.body)
    return server_error_page() if request.method == "PATCH" and invalid else None


@defect("errors/5xx/no-repeated-server-error")
def options_of_an_item_fails(request: Request) -> Answer | None:
    """The contract's table of errors: OPTIONS of an item is answered 500."""
    return service_error() if request.method == "OPTIONS" and "/projects/" in request.raw_path else None
