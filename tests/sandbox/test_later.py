"""Where a creation that is answered 202 will be seen."""

from __future__ import annotations

import pytest

from conformance.sandbox.later import made_later
from conformance.sandbox.versions import Change
from conformance.target.description import Create, Foreign, Item, Resource
from tests.oracles.replies import reply

THINGS = Resource(
    name="things",
    path="/ours",
    unique="name",
    create=Create(body={"name": "{slug}"}),
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
