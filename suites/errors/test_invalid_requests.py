"""An invalid body, path or parameter is answered 400 and has no effect."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import partial

import pytest

from conformance.clients.oauth.client import bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import shows
from conformance.oracles.proofs import lacks, shows_text
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

BODIES = {
    "empty": b"", "cut": b'{"name": "x"', "text": b"name=x", "array": b"[]", "string": b'"x"', "number": b"7",
    "null": b"null",
}  # fmt: skip
# What readers take that go beyond the grammar, as they may (RFC 8259 section 9).
EXTENDED = {
    "invalid-utf8": b'{"name": "\xff\xfe"}', "nan": b'{"name": NaN}', "two-documents": b"{} {}",
    "single-quotes": b"{'name': 'x'}", "trailing-comma": b'{"name": "x",}',
}  # fmt: skip
writes = pytest.mark.parametrize("kind", [case("create", "create"), case("update", "update")])


def refused(platform: Platform, operation: Operation, body: bytes, unless: Collection[int] = ()) -> Exchange:
    """Sends a body that must be refused with 400, and has the owner look whether anything was done.

    ``unless`` are statuses that it may be taken with instead.
    """
    before = platform.state(operation)
    reply = platform.request(
        operation.method, operation.path, [operation.type_field, bearer(platform.oauth.token("full"))], body
    )
    expect_status(reply, {400, *unless}, f"for {operation}")
    if reply.status == 400:
        expect_unchanged(before, platform.state(operation), reply)
    return reply


@verifies("errors/400/body-that-is-no-json-object")
@writes
@pytest.mark.parametrize("body", [case(name, value) for name, value in BODIES.items()])
def test_body_that_is_no_json_object(platform: Platform, kind: str, body: bytes) -> None:
    """Purpose: a body that is not the JSON object it should be is told as such.

    Method: 1. send each declared create and update with a body that is empty, cut or no object
            2. expect 400, and the owner to find nothing changed
    """
    for operation in platform.operations(kind):
        refused(platform, operation, body)


@verifies("errors/400/body-that-is-no-json-object")
@writes
@pytest.mark.parametrize("body", [case(name, value) for name, value in EXTENDED.items()])
def test_body_beyond_the_grammar(platform: Platform, kind: str, body: bytes) -> None:
    """Purpose: a body that is nearly JSON is told as such, or taken by a reader of more than JSON.

    Method: 1. send each declared create and update with such a body: not UTF-8, a comma too many, other quotes …
            2. expect 400, and nothing changed; or 2xx
    """
    for operation in platform.operations(kind):
        refused(platform, operation, body, range(200, 300))


@verifies("errors/400/member-of-wrong-type")
@writes
def test_member_of_wrong_type(platform: Platform, kind: str) -> None:
    """Purpose: a member of another type than the declared body has is told as such.

    Method: 1. replace each text of the declared body by an object, beside another text of an update's that is good
            2. expect 400, and the owner to find nothing changed
            3. send an update as declared, with an object as what a creation sets besides: expect 400 and nothing
               changed, or 2xx where that is no member of an update
    """
    for operation in platform.operations(kind):
        document = operation.document or {}
        good = _texts_of_create(operation) if kind == "update" else {}
        for name, value in document.items():
            if isinstance(value, str):
                refused(platform, operation, json.dumps({**document, name: {"x": 1}}).encode())
                for beside in good.keys() - {name}:
                    mixed = {beside: "cf beside", name: {"x": 1}}
                    refused(platform, operation, json.dumps(mixed).encode())
        for beside in good.keys() - document.keys():
            mixed = {**document, beside: {"x": 1}}
            refused(platform, operation, json.dumps(mixed).encode(), unless=range(200, 300))


def _texts_of_create(operation: Operation) -> dict[str, str]:
    """The texts that the declared create sets, but for those that name the item."""
    resource = operation.resource
    body = resource.create.body if resource.create else {}
    return {name: each for name, each in body.items() if isinstance(each, str) and name not in resource.naming}


@verifies("errors/400/body-of-another-media-type")
@pytest.mark.parametrize(
    "content_type",
    [case("text", "text/plain"), case("form", "application/x-www-form-urlencoded"), case("xml", "application/xml")],
)
def test_body_of_another_media_type(platform: Platform, content_type: str) -> None:
    """Purpose: a body that says it is something else is not taken for JSON.

    Method: 1. send each declared create and update under another Content-Type
            2. expect 400 or 415, and nothing made or changed
    """
    for operation in platform.operations("create", "update"):
        before = platform.state(operation)
        reply = platform.request(
            operation.method,
            operation.path,
            [("Content-Type", content_type), bearer(platform.oauth.token("full"))],
            operation.body,
        )
        expect_status(reply, {400, 415}, f"for {operation} as {content_type}")
        expect_unchanged(before, platform.state(operation), reply)


SEGMENTS = {
    "nul": "%00", "invalid-utf8": "%FF%FE", "broken-percent": "%zz", "upper-case": "UPPER", "only-hyphens": "---",
    "very-long": "a" * 2000, "of-every-object": "__proto__",
    "control": "a%0Ab", "encoded-slash": "a%2Fb", "dots": "%2e%2e", "quote": "%27%20OR%201%3D1--",
}  # fmt: skip
# Firewalls know these, and refuse them with 403 whatever they are sent to (RFC 9110 section 15.5.4).
ATTACKS = ("nul", "control", "quote", "dots")


@verifies("errors/400/invalid-path")
@pytest.mark.parametrize("segment", [case(name, value) for name, value in SEGMENTS.items()])
def test_invalid_path(platform: Platform, segment: str) -> None:
    """Purpose: a path that can name nothing is the caller's error.

    Method: 1. read each kind of declared item by a name that no item can have
            2. expect 400 or 404 (414 for a long one); dots may lead to the path above, or be redirected there (RFC 3986
               section 6.2.2); and what reads like an attack may be refused with 403 by what stands in front
    """
    for resource in platform.resources_with("item"):
        path = str(resource.item.path if resource.item else "").replace("{slug}", segment)
        reply = platform.http.get(path, [bearer(platform.oauth.token("full"))])
        further = {SEGMENTS["very-long"]: {414}, SEGMENTS["dots"]: {200, 301, 302, 307, 308}}.get(segment, set())
        further |= {403} if segment in {SEGMENTS[each] for each in ATTACKS} else set()
        expect_status(reply, {400, 404, *further}, f"for {path[:80]}")


@verifies("errors/404/name-is-decoded-once")
def test_name_is_decoded_once(platform: Platform) -> None:
    """Purpose: what a guard in front has read is what is served: a name that is decoded twice is two names.

    Method: 1. read an item by its slug with the percent sign of an encoded letter encoded too (RFC 3986 section 2.4)
            2. expect 404, or 400 or 403 from who takes that for an attack
    """
    for operation in platform.operations("read-item"):
        slug = str(platform.slug_of(operation))
        path = operation.path.replace(slug, f"%25{ord(slug[0]):02X}{slug[1:]}")
        reply = platform.as_role("full", operation, path=path)
        if reply.status not in (400, 403, 404):
            proof = Proof(beyond="a script makes an item of another name, which is written otherwise")
            raise NonConformance(f"404 for {path}, decoded once", observed(reply), reply, proof=proof)


PARAMETERS = {
    "limit-text": "limit=cf", "limit-negative": "limit=-1", "limit-huge": "limit=99999999999999999999",
    "offset-text": "offset=cf",
    "offset-negative": "offset=-1", "limit-nul": "limit=%00", "limit-twice": "limit=1&limit=x",
    "invalid-utf8": "%FF=%FF", "broken-percent": "limit=%zz",
    "limit-zero": "limit=0", "offset-huge": "offset=99999999999999999999", "offset-beyond": "offset=1000000",
    "long": f"cf={'x' * 6000}",
}  # fmt: skip


@verifies("errors/400/invalid-parameter")
@pytest.mark.parametrize("query", [case(name, value) for name, value in PARAMETERS.items()])
def test_invalid_parameter(platform: Platform, once: Once, query: str) -> None:
    """Purpose: a query parameter is either understood, and then checked, or ignored.

    Method: 1. read each declared resource with a parameter of no good value; a page also by the one that leads to pages
            2. expect 400, or an answer of the same status as without it; 404 will do for a page beyond the last, 403
               from what stands in front for NUL, and 403, 414 or 431 for a long one
    """
    beyond = {404} if query.startswith("offset=") else {403} if query == PARAMETERS["limit-nul"] else set()
    beyond |= {403, 414, 431} if query == PARAMETERS["long"] else set()
    for operation in platform.operations("read"):
        plain = once(("plain", operation.path), partial(platform.as_role, "full", operation))
        pages = operation.resource.pages
        names = {"offset", pages.parameter or "offset"} if pages and beyond == {404} else {"offset"}
        for name in sorted(names):
            path = f"{operation.path}?{query.replace('offset', name)}"
            expect_status(platform.as_role("full", operation, path=path), {400, plain.status, *beyond}, f"for {path}")


@verifies("errors/400/unknown-member-is-refused-or-ignored")
def test_unknown_member_is_refused_or_ignored(platform: Platform) -> None:
    """Purpose: a member that means nothing is refused, or ignored; never a server's error.

    Method: 1. create an item with a member of no meaning
            2. expect 400 and no item, or 2xx
    """
    for operation in platform.operations("create"):
        slug = platform.slug_of(operation)
        reply = platform.as_role("full", operation, document={**(operation.document or {}), "cf_unknown": "x"})
        if reply.ok and slug:
            platform.remember(operation.resource, slug)
        expect_status(reply, {400, *range(200, 300)}, f"for {operation}")


@verifies("errors/404/unknown-path")
def test_unknown_path(platform: Platform) -> None:
    """Purpose: a path that names nothing at all is not found.

    Method: 1. ask for a path of the run's own at the identity endpoint, and below an item, with the full token
            2. expect 404; of the first a page will do, as a portal may show at addresses that are none of its services'
    """
    full, elsewhere = [bearer(platform.oauth.token("full"))], platform.nowhere()
    expect_status(platform.http.get(elsewhere, full), 404, f"for {elsewhere}", or_page=True)
    if any(each.create and each.item for each in platform.resources):
        path = f"{platform.operations('read-item')[0].path}/{platform.names.new()}"
        expect_status(platform.http.get(path, full), 404, f"for {path}")


def texts_of(document: dict[str, object] | None) -> list[str]:
    """The texts of a body that are long enough to be told from others."""
    return [value for value in (document or {}).values() if isinstance(value, str) and len(value) >= 8]


@verifies("errors/400/repeated-member")
def test_repeated_member(platform: Platform) -> None:
    """Purpose: a body in which a member stands twice is not read in one way here and another way there.

    Method: 1. send a create in which its texts stand twice, and not alike
            2. expect 400; or, where it is read as many parsers do, by its first or its last, an item that shows the
               text that the answer to its creation showed
    """
    for operation in platform.operations("create"):
        other = json.dumps(operation.reworded(lambda text: f"{text} again")).encode()
        fields = [operation.type_field, bearer(platform.oauth.token("full"))]
        reply = platform.request(operation.method, operation.path, fields, operation.body[:-1] + b", " + other[1:])
        slug = platform.slug_of(operation)
        if not reply.ok or not slug or not operation.resource.item:
            expect_status(reply, {400, 422, *range(200, 300)}, "for a body in which members stand twice")
            continue
        platform.remember(operation.resource, slug)
        read = platform.as_role("full", platform.operation(operation.resource, "read-item", slug))
        for text in texts_of({name: (operation.document or {})[name] for name in operation.texts}):
            last = f"{text} again"
            if shows(reply, text) and shows(read, last) != shows(reply, last):
                told = f"the item as its creation told it, with {worded(last if shows(reply, last) else text)}"
                proof = shows_text(read, last) if shows(reply, last) else lacks(read, last)
                raise NonConformance(told, read.text[:300], reply, read, proof=proof)
