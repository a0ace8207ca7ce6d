"""Ids of checks, and tests in the suites that verify nothing."""

from __future__ import annotations

import pytest

from conformance.plugin.checks import check_info
from conformance.plugin.locations import suites_folder


class Item:
    """As much of a pytest item as the plugin reads."""

    def __init__(self, marks: dict[str, tuple[object, ...]], case: str = "") -> None:
        self.nodeid = "suites/oauth/test_a.py::test_a"
        self.name = "test_a"
        self.path = suites_folder() / "oauth" / "test_a.py"
        self.marks = marks
        self.obj = type(self).describe
        if case:
            self.callspec = type("CallSpec", (), {"id": case})()

    def get_closest_marker(self, name: str) -> object:
        arguments = self.marks.get(name)
        return type("Mark", (), {"args": arguments, "kwargs": {}})() if arguments else None

    def describe(self) -> None:
        """Purpose: it holds.

        Method: 1. do it
                2. expect it
        """


KNOWN = {"oauth/a/b": object()}


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        ({}, "no @verifies"),
        ({"verifies": ("oauth/a/x",)}, "unknown requirement oauth/a/x"),
        ({"verifies": ()}, "no @verifies"),
    ],
)
def test_a_test_without_a_known_requirement_is_a_mistake(marks: dict[str, tuple[object, ...]], told: str) -> None:
    mistake = check_info(Item(marks), KNOWN)  # type: ignore[arg-type]
    assert isinstance(mistake, str)
    assert told in mistake
    assert mistake.startswith("suites/oauth/test_a.py::test_a")


@pytest.mark.parametrize(
    ("verified", "case", "identifier"),
    [
        ("oauth/a/b", "", "oauth/a/b"),
        ("oauth/a/b", "one", "oauth/a/b#one"),
        ("oauth/a/b", "oauth/a/b", "oauth/a/b"),
        ("oauth/a/b#one", "", "oauth/a/b#one"),
        ("oauth/a/b", "oauth/a/b#one", "oauth/a/b#one"),
        ("oauth/a/b", "x-oauth/a/b#one", "oauth/a/b#x-one"),
        ("oauth/a/b", "x-oauth/a/b", "oauth/a/b#x"),
    ],
)
def test_an_id_is_the_requirement_and_the_case(verified: str, case: str, identifier: str) -> None:
    info = check_info(Item({"verifies": (verified,)}, case), KNOWN)  # type: ignore[arg-type]
    assert not isinstance(info, str)
    assert (info.id, info.purpose, info.method) == (identifier, "it holds.", ["do it", "expect it"])
