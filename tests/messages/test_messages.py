"""That each part of a message is found and can be put otherwise alone, and that what nobody notices is told."""

from __future__ import annotations

import json

import pytest
from starlette.datastructures import Headers, MutableHeaders

from conformance.reference.http import Answer, Request
from tests.messages.__main__ import NOBODY, parsed, tried
from tests.messages.changes import DOUBLED, MISSING, Part, altered, of_answers, of_requests
from tests.messages.parts import asked, elements, reread, retold, told
from tests.messages.routes import route

LISTING = b'<?xml version="1.0"?><L xmlns="urn:s"><Name>b</Name><C><Key>a1</Key><E/></C><C><Key>a2</Key></C></L>'


def xml() -> Answer:
    return Answer(200, LISTING, MutableHeaders({"Content-Type": "application/xml"}))


def page() -> Answer:
    return Answer.json(200, {"items": [{"slug": "a1", "n": 3}, {"slug": "a2", "n": 4}], "next": None}, ETag='"e1"')


def request(method: str = "GET", path: str = "/v2/", query: str = "", body: bytes = b"", **fields: str) -> Request:
    return Request(
        method, path, query, Headers({name.replace("_", "-"): value for name, value in fields.items()}), body
    )


@pytest.mark.parametrize(
    ("value", "other"),
    [("2026-01-09T00:00:00Z", "2026-01-09T00:00:01Z"), ("true", "false"), ('"abz"', '"aby"'), ("-", "-x")],
)
def test_another_value_is_of_the_same_kind(value: str, other: str) -> None:
    assert altered(value) == other


def test_elements_are_told_by_their_way_down_from_the_root() -> None:
    found = {(path, LISTING[inner:end].decode()) for path, _, inner, end, _ in elements(LISTING.decode()) if path}

    assert found == {
        ("Name", "b"),
        ("C/Key", "a1"),
        ("C/Key", "a2"),
        ("C/E", ""),
        ("C", "<Key>a1</Key><E/>"),
        ("C", "<Key>a2</Key>"),
    }


@pytest.mark.parametrize(
    ("part", "way", "shown"),
    [
        ("element C/Key", MISSING, b"<C><E/></C><C></C></L>"),
        ("element C/Key", "altered in the last", b"<C><Key>a1</Key><E/></C><C><Key>a3</Key></C></L>"),
        ("element Name", DOUBLED, b"<Name>b</Name><Name>c</Name>"),
    ],
)
def test_an_element_is_put_otherwise_and_nothing_beside_it(part: str, way: str, shown: bytes) -> None:
    changed = retold(xml(), Part.of(part), way, lambda value: None if way == MISSING else altered(value))

    assert shown in changed.body


@pytest.mark.parametrize(
    ("part", "way", "expected"),
    [
        ("member items.[].slug", "altered", {"items": [{"slug": "a2", "n": 3}, {"slug": "a3", "n": 4}], "next": None}),
        ("member items.[].n", "altered in the last",
         {"items": [{"slug": "a1", "n": 3}, {"slug": "a2", "n": 5}], "next": None}),
        ("member items.[]", "missing in the last", {"items": [{"slug": "a1", "n": 3}], "next": None}),
        ("member next", MISSING, {"items": [{"slug": "a1", "n": 3}, {"slug": "a2", "n": 4}]}),
    ],
)  # fmt: skip
def test_a_member_is_put_otherwise_and_keeps_its_type(part: str, way: str, expected: object) -> None:
    changed = retold(page(), Part.of(part), way, lambda value: None if way.startswith(MISSING) else altered(value))

    assert json.loads(changed.body) == expected


def test_a_field_is_left_out_or_told_twice() -> None:
    assert "etag" not in retold(page(), Part.of("field etag"), MISSING, lambda value: None).headers
    assert retold(page(), Part.of("field etag"), DOUBLED, altered).headers.getlist("etag") == ['"e1"', '"e2"']


@pytest.mark.parametrize(
    ("sent", "part", "read"),
    [
        (request(query="n=2&last=a%20b"), "parameter n", request(query="n=3&last=a%20b")),
        (request(path="/b/a%25b1"), "path last", request(path="/b/a%25b2")),
        (request(range="bytes=0-1", accept="a"), "field range", request(range="bytes=0-2", accept="a")),
        (request(body=b"a=1&b=2", content_type="application/x-www-form-urlencoded"), "form b",
         request(body=b"a=1&b=3", content_type="application/x-www-form-urlencoded")),
        (request(body=b'{"a": "x1", "b": 2}', content_type="application/json"), "member a",
         request(body=b'{"a": "x2", "b": 2}', content_type="application/json")),
        (request(body=b"<D><Key>k1</Key></D>"), "element Key", request(body=b"<D><Key>k2</Key></D>")),
    ],
)  # fmt: skip
def test_a_request_is_read_otherwise_in_one_part(sent: Request, part: str, read: Request) -> None:
    assert part in {name for name, _ in asked(sent)}
    assert reread(sent, Part.of(part), "altered", altered) == read


def test_changes_are_of_parts_that_mean_something() -> None:
    seen = {
        ("GET /api/v1/organizations/{org}", 200): {name: {value} for name, value in told(page())}
        | {"field date": {"x"}}
    }
    refused = {("GET /api/v1/organizations/{org}", 403): {"member error.code": {"forbidden1"}, "field allow": {"GET"}}}

    assert {each.part for each in of_answers(seen, False)} >= {"status", "field etag", "member items.[].slug"}
    assert not [each for each in of_answers(seen, False) if each.part == "field date"]
    assert {each.part for each in of_answers(refused, False)} == {"status", "field allow"}
    assert not list(of_requests({"GET /v2/": {"field user-agent": {"a1"}, "parameter unknown": {"1"}}}, False))


def test_a_route_has_no_names_of_its_own() -> None:
    named = request("PUT", "/v2/orgs/a/b/manifests/latest", "x=1&digest=d", if_match="*")

    assert route("registry", named, fine=False) == "PUT /v2/{name}/manifests/{tag}?digest"
    assert route("registry", named, fine=True) == "PUT /v2/{name}/manifests/{tag}?digest with if-match"
    assert route("identity", request(path="/api/v1/organizations/a/projects/b"), False).endswith(
        "{org}/projects/{item}"
    )


@pytest.mark.nightly
def test_what_notices_a_change_is_told_and_what_nobody_notices() -> None:
    only = "(POST .* 400: status 404|GET .* 405: member error altered)$"

    found = tried(parsed(["--surface", "webhooks", "--side", "answer", "--only", only]))

    by = {each["change"]: each["by"] for each in found}
    assert by["answer POST /{hook} 400: status 404"].startswith("webhooks/")
    assert by["answer GET /{hook} 405: member error altered"] == NOBODY
