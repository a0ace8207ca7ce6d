"""A change of a message alters one part only, and unnoticed changes are reported."""

from __future__ import annotations

import json

import pytest
from starlette.datastructures import Headers, MutableHeaders

from conformance.reference.http import Answer, Request
from tests.messages.__main__ import NOBODY, parsed, tried
from tests.messages.changes import DOUBLED, MISSING, Part, altered
from tests.messages.parts import asked, reread, retold

LISTING = b'<?xml version="1.0"?><L xmlns="urn:s"><Name>b</Name><C><Key>a1</Key><E/></C><C><Key>a2</Key></C></L>'
SLUGS = [{"slug": "a1", "n": 3}, {"slug": "a2", "n": 4}]
ITEMS = {"items": SLUGS, "next": None}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def changed(answer: Answer, part: str, way: str) -> Answer:
    return retold(answer, Part.of(part), way, lambda value: None if way.startswith(MISSING) else altered(value))


@pytest.mark.parametrize(
    ("part", "way", "shown"),
    [
        ("element C/Key", MISSING, b"<C><E/></C><C></C></L>"),
        ("element C/Key", "altered in the last", b"<C><Key>a1</Key><E/></C><C><Key>a3</Key></C></L>"),
        ("element Name", DOUBLED, b"<Name>b</Name><Name>c</Name>"),
    ],
)
def test_one_element_is_changed(part: str, way: str, shown: bytes) -> None:
    answer = Answer(200, LISTING, MutableHeaders({"Content-Type": "application/xml"}))
    assert shown in changed(answer, part, way).body


@pytest.mark.parametrize(
    ("part", "way", "expected"),
    [
        ("member items.[].n", "altered in the last", {**ITEMS, "items": [SLUGS[0], {"slug": "a2", "n": 5}]}),
        ("member items.[]", "missing in the last", {**ITEMS, "items": SLUGS[:1]}),
        ("member next", MISSING, {"items": SLUGS}),
    ],
)
def test_one_member_is_changed_and_keeps_its_type(part: str, way: str, expected: object) -> None:
    assert json.loads(changed(Answer.json(200, ITEMS), part, way).body) == expected


def request(path: str = "/", query: str = "", body: bytes = b"", **fields: str) -> Request:
    return Request("GET", path, query, Headers({name.replace("_", "-"): text for name, text in fields.items()}), body)


@pytest.mark.parametrize(
    ("part", "sent", "read"),
    [
        ("parameter n", request(query="n=2&last=a%20b"), request(query="n=3&last=a%20b")),
        ("path last", request("/b/a%25b1"), request("/b/a%25b2")),
        ("field range", request(range="bytes=0-1"), request(range="bytes=0-2")),
        ("form b", request(body=b"a=1&b=2", content_type=FORM), request(body=b"a=1&b=3", content_type=FORM)),
        ("member a", request(body=b'{"a": "x1"}', content_type=JSON), request(body=b'{"a": "x2"}', content_type=JSON)),
        ("element Key", request(body=b"<D><Key>k1</Key></D>"), request(body=b"<D><Key>k2</Key></D>")),
    ],
)
def test_one_part_of_a_request_is_read_differently(part: str, sent: Request, read: Request) -> None:
    assert part in {name for name, _ in asked(sent)}
    assert reread(sent, Part.of(part), "altered", altered) == read


@pytest.mark.nightly
def test_unnoticed_changes_are_reported() -> None:
    only = "(POST .* 400: status 404|GET .* 405: member error altered)$"
    found = tried(parsed(["--surface", "webhooks", "--side", "answer", "--only", only]))
    by = {each["change"]: each["by"] for each in found}
    assert by["answer POST /{hook} 400: status 404"].startswith("webhooks/")
    assert by["answer GET /{hook} 405: member error altered"] == NOBODY
