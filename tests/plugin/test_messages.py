"""Mistakes in the suites are told at collection, as usage, with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin.checks import check_info, is_check
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
def test_an_item_that_is_no_check_is_a_mistake(marks: dict[str, tuple[object, ...]], told: str) -> None:
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
    ],
)
def test_the_id_is_the_requirements_and_the_case(verified: str, case: str, identifier: str) -> None:
    info = check_info(Item({"verifies": (verified,)}, case), KNOWN)  # type: ignore[arg-type]
    assert not isinstance(info, str)
    assert (info.id, info.purpose, info.method) == (identifier, "it holds.", ["do it", "expect it"])


def test_a_check_can_name_its_case_without_a_table() -> None:
    info = check_info(Item({"verifies": ("oauth/a/b#one",)}), KNOWN)  # type: ignore[arg-type]
    assert not isinstance(info, str)
    assert info.id == "oauth/a/b#one"


def test_only_what_lies_in_the_suites_is_a_check() -> None:
    item = Item({})
    assert is_check(item)  # type: ignore[arg-type]
    item.path = Path(__file__)
    assert not is_check(item)  # type: ignore[arg-type]
