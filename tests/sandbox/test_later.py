"""Where a creation that is answered 202 will be seen."""

from __future__ import annotations

import pytest

from conformance.sandbox.accepted_later import changed_later, made_later
from conformance.sandbox.versions import Change
from conformance.target.description import Create, Foreign, Item, Resource, Update
from tests.oracles.replies import reply

THINGS = Resource(
    name="things",
    path="/ours",
    unique="name",
    create=Create(body={"name": "{slug}"}),
    update=Update(body={"text": "{slug}"}, concurrency="version"),
    item=Item(path="/ours/{slug}"),
    foreign=Foreign(path="/theirs", item="/theirs/{slug}"),
)


@pytest.mark.parametrize(
    ("status", "path", "body", "there"),
    [
        (202, "/ours", b'{"name": "a b"}', ("/ours/a%20b", "full")),
        (202, "/theirs", b'{"name": "a"}', ("/theirs/a", "foreign")),
        (201, "/ours", b'{"name": "a"}', None),
        (202, "/ours/a", b'{"name": "a"}', None),
        (202, "/ours", b'{"slug": "a"}', None),
        (202, "/ours", b"[", None),
        (202, "/ours", b"[]", None),
    ],
)
def test_what_is_made_later_is_where_its_name_says(
    status: int, path: str, body: bytes, there: tuple[str, str] | None
) -> None:
    assert made_later([THINGS], Change("POST", path, [], body), reply(status)) == there


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "there"),
    [
        (202, "PATCH", "/ours/a", b'{"text": "b"}', ("full", {"text": "b"})),
        (202, "PUT", "/theirs/a", b'{"text": "b"}', ("foreign", {"text": "b"})),
        (202, "PATCH", "/ours/a", b'{"name": "b", "version": 2, "else": 1}', ("full", {"name": "b"})),
        (202, "PATCH", "/ours/a", b"[", ("full", {})),
        (200, "PATCH", "/ours/a", b'{"text": "b"}', None),
        (202, "DELETE", "/ours/a", b"", None),
        (202, "PATCH", "/others/a", b'{"text": "b"}', None),
    ],
)
def test_what_is_changed_later_is_read_by_who_has_it(
    status: int, method: str, path: str, body: bytes, there: tuple[str, dict[str, str]] | None
) -> None:
    assert changed_later([THINGS], Change(method, path, [], body), reply(status)) == there
