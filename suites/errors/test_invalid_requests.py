"""An invalid body, slug, path or parameter is answered 400 and has no effect."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from functools import partial

import pytest

from conformance.clients.oauth.client import bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import distinct_texts, expect_named, member, shows, shows_member
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_accepted_or_refused, expect_status, expect_success, unlike
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Pages, Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.wording import shortened, worded

SUCCESS = range(200, 300)
BODIES = {
    "empty": b"", "cut": b'{"name": "x"', "text": b"name=x", "array": b"[]", "string": b'"x"', "number": b"7",
    "null": b"null",
}  # fmt: skip
# Extensions of JSON that a parser may accept (RFC 8259 section 9).
EXTENDED = {
    "invalid-utf8": b'{"name": "\xff\xfe"}', "nan": b'{"name": NaN}', "two-documents": b"{} {}",
    "single-quotes": b"{'name': 'x'}", "trailing-comma": b'{"name": "x",}',
}  # fmt: skip
writes = pytest.mark.parametrize("kind", ["create", "update"])


def expect_refused(platform: Platform, operation: Operation, body: bytes, or_statuses: Iterable[int] = ()) -> None:
    """Expect 400 for this body, or one of these statuses, and no change after a 400."""
    before = platform.state(operation)
    reply = platform.with_body(operation, body)
    expect_status(reply, {400, *or_statuses}, f"for {operation}")
    if reply.status == 400:
        expect_unchanged(before, platform.state(operation), reply)


@verifies("errors/400/invalid-body")
@writes
@pytest.mark.parametrize("name", [*BODIES, *EXTENDED])
def test_invalid_body(platform: Platform, kind: str, name: str) -> None:
    """Purpose: a client learns that its body is not a JSON object.
    Method: 1. send each declared creation or update with such a body
            2. expect 400 (or 2xx for a common extension of JSON), and after 400 no change
    """
    for operation in platform.operations(kind):
        expect_refused(platform, operation, (BODIES | EXTENDED)[name], SUCCESS if name in EXTENDED else ())


@verifies("errors/400/invalid-body")
@pytest.mark.parametrize("kind", [case(f"wrong-type-{kind}", kind) for kind in ("create", "update")])
def test_member_of_wrong_type(platform: Platform, kind: str) -> None:
    """Purpose: a client learns that a member has the wrong type, and nothing of its body is stored.
    Method: 1. replace each string of the declared body by an object, in an update also together with a valid string
            2. expect 400 and no change
            3. update with an object for a member that only the creation declares; expect the same, or 2xx
    """
    for operation in platform.operations(kind):
        document = operation.document or {}
        resource = operation.resource
        created = resource.create.body if resource.create and kind == "update" else {}
        valid = {name for name, each in created.items() if isinstance(each, str) and name not in resource.naming}
        for name in [name for name, value in document.items() if isinstance(value, str)]:
            expect_refused(platform, operation, json.dumps({**document, name: {"x": 1}}).encode())
            for other in valid - {name}:
                expect_refused(platform, operation, json.dumps({other: "cf beside", name: {"x": 1}}).encode())
        for other in valid - document.keys():
            expect_refused(platform, operation, json.dumps({**document, other: {"x": 1}}).encode(), SUCCESS)


@verifies("errors/400/other-media-type")
@pytest.mark.parametrize(
    "content_type",
    [case("text", "text/plain"), case("form", "application/x-www-form-urlencoded"), case("xml", "application/xml")],
)
def test_other_media_type(platform: Platform, content_type: str) -> None:
    """Purpose: a body that is declared as another type is not parsed as JSON.
    Method: 1. send each declared creation and update with another Content-Type; 2. expect 400 or 415, and no change
    """
    for operation in platform.operations("create", "update"):
        before = platform.state(operation)
        reply = platform.with_body(operation, operation.body, [("Content-Type", content_type)])
        expect_status(reply, {400, 415}, f"for {operation} as {content_type}")
        expect_unchanged(before, platform.state(operation), reply)


SEGMENTS = {
    "nul": "%00", "invalid-utf8": "%FF%FE", "broken-percent": "%zz", "upper-case": "UPPER", "only-hyphens": "---",
    "very-long": "a" * 2000, "proto": "__proto__",
    "control": "a%0Ab", "encoded-slash": "a%2Fb", "dots": "%2e%2e", "quote": "%27%20OR%201%3D1--",
}  # fmt: skip
# A firewall may refuse a path that looks like an attack; dots may be resolved (RFC 3986 section 6.2.2).
ALSO_FOR_PATHS: dict[str, Collection[int]] = {
    "very-long": range(400, 500), "dots": {200, 301, 302, 307, 308, 403},
    "nul": {403}, "control": {403}, "quote": {403},
}  # fmt: skip


@verifies("errors/400/invalid-path-or-parameter")
@pytest.mark.parametrize("name", [case(f"path-{name}", name) for name in SEGMENTS])
def test_invalid_path(platform: Platform, name: str) -> None:
    """Purpose: a path that cannot name an item is the caller's error.
    Method: 1. GET each kind of item by a name that no item can have
            2. expect 400 or 404, or a status that a front end answers such paths with
    """
    for resource in platform.resources_with("item"):
        path = str(resource.item.path if resource.item else "").replace("{slug}", SEGMENTS[name])
        reply = platform.http.get(path, [bearer(platform.oauth.token("full"))])
        expect_status(reply, {400, 404, *ALSO_FOR_PATHS.get(name, ())}, f"for {path[:80]}")


@verifies("errors/404/absent-resource#name-encoded-twice")
def test_name_is_decoded_once(platform: Platform) -> None:
    """Purpose: a name that is decoded twice bypasses the rules of a proxy that decodes it once.
    Method: 1. GET an item by its slug, with a letter percent-encoded twice (RFC 3986 section 2.4)
            2. expect 404, or 400 or 403 from a firewall
    """
    for operation in platform.operations("read-item"):
        slug = str(platform.slug_of(operation))
        path = operation.path.replace(slug, f"%25{ord(slug[0]):02X}{slug[1:]}")
        reply = platform.as_role("full", operation, path=path)
        if reply.status not in (400, 403, 404):
            raise unlike(f"404 for {path}, decoded once", reply, (400, 403, 404))


PARAMETERS = {
    "limit-text": "limit=cf", "limit-negative": "limit=-1", "limit-huge": "limit=99999999999999999999",
    "offset-text": "offset=cf",
    "offset-negative": "offset=-1", "limit-nul": "limit=%00", "limit-twice": "limit=1&limit=x",
    "invalid-utf8": "%FF=%FF", "broken-percent": "limit=%zz",
    "limit-zero": "limit=0", "offset-huge": "offset=99999999999999999999", "offset-beyond": "offset=1000000",
    "long": f"cf={'x' * 6000}",
}  # fmt: skip
ALSO_FOR_PARAMETERS: dict[str, Collection[int]] = {"limit-nul": {403}, "long": range(400, 500)}


@verifies("errors/400/invalid-path-or-parameter")
@pytest.mark.parametrize("name", PARAMETERS)
def test_invalid_parameter(platform: Platform, once: Once, name: str) -> None:
    """Purpose: a query parameter is either validated or ignored.
    Method: 1. GET each declared resource with an invalid parameter; an offset also as the declared page parameter
            2. expect 400 or the status without it; 404 for a page after the last passes, as does a firewall's status
    """
    for operation in platform.operations("read"):
        plain = once(("plain", operation.path), partial(platform.as_role, "full", operation))
        pages = operation.resource.pages
        offsets = {"offset", pages.parameter or "offset"} if pages and "offset=" in PARAMETERS[name] else {"offset"}
        also = {404} if "offset=" in PARAMETERS[name] else ALSO_FOR_PARAMETERS.get(name, set())
        for offset in sorted(offsets):
            path = f"{operation.path}?{PARAMETERS[name].replace('offset', offset)}"
            expect_status(platform.as_role("full", operation, path=path), {400, plain.status, *also}, f"for {path}")


NOT_NUMBERS = ("cf", "-1", "1.5", "0x1", "1cf")


@verifies("errors/400/invalid-path-or-parameter#page-number")
def test_invalid_page_number(platform: Platform) -> None:
    """Purpose: a client with a malformed page number must not get the first page instead of the requested one.
    Method: 1. read each list with a limit of one; continue if its declared page parameter takes numbers
            2. GET the list with that parameter as text, negative or not an integer: expect 400, unless the target file
               says that the documentation has invalid values ignored
            3. GET it with the parameter empty: expect 400 or 2xx; and after the last page: also 404
    """
    judged = False
    for operation in platform.operations("read"):
        pages = operation.resource.pages
        if not pages or not pages.parameter or not _is_number(platform.pages("full", operation, 2, 1), pages):
            continue
        judged = True
        malformed = {400, *(SUCCESS if pages.invalid_is_ignored else ())}
        expected = {**dict.fromkeys(NOT_NUMBERS, malformed), "": {400, *SUCCESS}, "9" * 20: {400, 404, *SUCCESS}}
        for value, statuses in expected.items():
            path = f"{operation.path}{'&' if '?' in operation.path else '?'}{pages.parameter}={value}"
            expect_status(platform.as_role("full", operation, path=path), statuses, f"for {path}")
    if not judged:
        raise NotApplicable("no declared page parameter takes numbers")


def _is_number(found: list[Exchange], pages: Pages) -> bool:
    """Return whether the page parameter takes numbers, as in the address of the second page."""
    return len(found) > 1 and re.search(rf"[?&]{re.escape(str(pages.parameter))}=[0-9]+(&|$)", found[1].url) is not None


@verifies("errors/400/changed-body#unknown-member")
def test_unknown_member(platform: Platform) -> None:
    """Purpose: a client of a newer version may send members that the service does not know.
    Method: 1. create an item with an unknown member; 2. expect 400 or 2xx
    """
    for operation in platform.operations("create"):
        body = json.dumps({**(operation.document or {}), "cf_unknown": "x"}).encode()
        expect_status(platform.with_body(operation, body), {400, *SUCCESS}, f"for {operation}")


@verifies("errors/400/repeated-member")
def test_repeated_member(platform: Platform) -> None:
    """Purpose: two components that read different values of a repeated member disagree about the request.
    Method: 1. create an item with a body in which each text is repeated with another value
            2. expect 4xx; or the item to have the value that the response to its creation shows
    """
    for operation in platform.operations("create"):
        other = json.dumps(operation.reworded(lambda text: f"{text} again")).encode()
        reply = platform.with_body(operation, operation.body[:-1] + b", " + other[1:])
        slug = platform.slug_of(operation)
        if not reply.ok or not slug or not operation.resource.item:
            expect_accepted_or_refused(reply, "for a body with repeated members")
            continue
        read = platform.as_role("full", platform.operation(operation.resource, "read-item", slug))
        document = operation.document or {}
        for text in distinct_texts({name: document[name] for name in operation.texts}).values():
            last = f"{text} again"
            if shows(reply, text) and shows(read, last) != shows(reply, last):
                value = worded(last if shows(reply, last) else text)
                expected = f"the item as in the response to its creation, with {value}"
                raise NonConformance(expected, read.text[:300], reply, read)


OMITTED = {"missing": ..., "null": None, "empty": ""}
MALFORMED = {"number": 7, "list": [], "object": {}}


@verifies("errors/400/invalid-body")
@pytest.mark.parametrize("value", [case(f"unique-{name}", value) for name, value in (OMITTED | MALFORMED).items()])
def test_unique_member(platform: Platform, value: object) -> None:
    """Purpose: nothing is created without a unique name.
    Method: 1. send each declared creation without its unique member, or with null, an empty text or another type
            2. expect 400 and no item in the list
            3. for a missing, null or empty one also accept 2xx with a generated name or Location
    """
    may_be_generated = value in (..., None, "")
    for operation in platform.operations("create"):
        if operation.resource.unique is None:
            continue
        unique = str(operation.resource.unique)
        document = {name: each for name, each in (operation.document or {}).items() if name != unique}
        reply = platform.as_role("full", operation, document=document if value is ... else {**document, unique: value})
        if reply.status == 400:
            _expect_not_listed(platform, operation, reply)
        elif may_be_generated:
            _expect_generated(platform, operation, unique, reply)
        else:
            expect_status(reply, 400, f"for {operation}")


def _expect_not_listed(platform: Platform, create: Operation, refused: Exchange) -> None:
    """Expect no list with the text of a refused creation, if its body contains one."""
    text = f"text of {platform.slug_of(create)}"
    if text not in str(create.document):
        return
    for page in platform.pages("full", platform.operation(create.resource, "read")):
        if shows(page, text):
            expected = f"no item with the text {worded(text)}, which was refused"
            raise NonConformance(expected, "it is in the list", refused, page)


def _expect_generated(platform: Platform, operation: Operation, unique: str, reply: Exchange) -> None:
    """Expect 2xx with a generated name or a Location."""
    expect_status(reply, {400, *SUCCESS}, f"for {operation}")
    made = member(reply, unique)
    if isinstance(made, str) and made:
        platform.remember(operation.resource, made)
    elif shows_member(reply, unique) or not reply.headers.get("location"):
        raise NonConformance(f"400, or a generated {unique}", f"{reply.status} with {unique} {worded(made)}", reply)


def resources_with_slug(platform: Platform) -> list[Resource]:
    """Return the resources whose unique member is named slug; NotDeclared if there is none."""
    found = [each for each in platform.resources_with("create", "item") if each.unique == "slug"]
    if not found:
        raise NotDeclared("no resource of the target file has the unique member slug", "identity.resources.unique")
    return found


OUTSIDE_PATTERN = {
    "upper-case": "{}-Upper", "trailing-newline": "{}\n", "leading-hyphen": "-{}", "trailing-hyphen": "{}-",
    "underscore": "{}_x", "blank": "{} x", "slash": "{}/x", "dot": "{}.x", "non-ascii": "{}é", "percent": "{}%41",
}  # fmt: skip


@verifies("errors/400/slug-outside-its-pattern")
@pytest.mark.parametrize("template", [case(name, value) for name, value in OUTSIDE_PATTERN.items()])
def test_slug_outside_its_pattern(platform: Platform, template: str) -> None:
    """Purpose: a slug becomes part of URLs and host names, and must match [a-z0-9][a-z0-9-]*[a-z0-9].
    Method: 1. create an item whose slug has one other character, or a hyphen at an end; 2. expect 400
    """
    for resource in resources_with_slug(platform):
        operation = platform.operation(resource, "create")
        slug = template.format(platform.slug_of(operation))
        reply = platform.as_role("full", operation, document={**(operation.document or {}), "slug": slug})
        if reply.ok:
            platform.remember(resource, slug.lower())
        expect_status(reply, 400, f"for the slug {worded(slug)}")


SLUGS: dict[str, Callable[[str], str]] = {
    "two-hyphens": "{}--x".format,
    "sixty-three": lambda slug: f"{slug}-{'x' * 63}"[:63],
    "hundred": lambda slug: f"{slug}-{'x' * 100}"[:100],
    "three-hundred": lambda slug: f"{slug}-{'x' * 300}"[:300],
}


@verifies("errors/reads/written-values-are-returned")
@pytest.mark.parametrize("make", [case(f"slug-{name}", make) for name, make in SLUGS.items()])
def test_slug_is_stored_unchanged(platform: Platform, make: Callable[[str], str]) -> None:
    """Purpose: a slug that is cut or rewritten no longer names the item for its creator.
    Method: 1. create an item whose slug has two consecutive hyphens, or is long; a service may refuse it
            2. if it is accepted, expect to read the item by that slug, and with it
    """
    for resource in resources_with_slug(platform):
        slug = make(platform.names.new())
        reply = platform.create(resource, slug)
        expect_accepted_or_refused(reply, f"for the slug {shortened(slug)}")
        if reply.ok:
            if isinstance(seen := member(reply, "slug"), str) and seen != slug:
                platform.remember(resource, seen)
            found = platform.as_role("full", platform.operation(resource, "read-item", slug))
            expect_success(found, f"for the slug {shortened(slug)}, which was accepted")
            expect_named(found, "slug", slug, ", by which it is read")
