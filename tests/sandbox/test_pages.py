"""The next page of a list is found where the target tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.sandbox.pages import next_address
from conformance.target.description import Pages, Resource
from tests.oracles.replies import reply

CURSOR = Pages(member="meta.next", parameter="cursor")
ADDRESS = Pages(member="next")
PATH = "/things?limit=5&cursor=old"


@pytest.mark.parametrize(
    ("pages", "body", "expected"),
    [
        (CURSOR, {"meta": {"next": "a/+="}}, "?limit=5&cursor=a%2F%2B%3D"),
        (CURSOR, {"meta": {"next": 7}}, "?limit=5&cursor=7"),
        (CURSOR, {"meta": {"next": None}}, None),
        (CURSOR, {"meta": {"next": ""}}, None),
        (CURSOR, {"meta": {"next": False}}, None),
        (CURSOR, {"meta": []}, None),
        (CURSOR, [], None),
        (ADDRESS, {"next": "?page=2"}, "?page=2"),
        (None, {"next": "?page=2"}, None),
    ],
)
def test_next_page_is_where_the_target_file_says(pages: Pages | None, body: Any, expected: str | None) -> None:
    answer = reply(200, body)
    found = next_address(answer, Resource(name="things", path=PATH, pages=pages))
    assert found == (expected and answer.url.partition("?")[0] + expected)


def test_link_goes_before_what_the_body_tells() -> None:
    answer = reply(200, {"next": "?page=3"}, {"Link": '<?page=2>; rel="next"'})
    assert str(next_address(answer, Resource(name="things", path=PATH, pages=ADDRESS))).endswith("?page=2")
