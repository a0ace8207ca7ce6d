"""The rows of the table of defects: variants that go together, and all checks of a surface by what destroys much."""

from __future__ import annotations

from itertools import product

import pytest

from tests.defect_table import Table, run_rows
from tests.rows import Row, beyond, joined, noticing, replaced, requirement_of, rows
from tests.test_defects import DEFECTS, choice_of, failed

pytestmark = pytest.mark.once


def variants() -> list[Row]:
    choice = choice_of(None)
    choice.variants = True
    return rows(choice)


@pytest.mark.parametrize(("most", "left"), [(1, 1.0), (2, 0.6), (3, 0.4)])
def test_each_variant_is_once_beside_what_replaces_other_methods(most: int, left: float) -> None:
    single = {row.name: row for row in variants()}
    groups = joined(single.values(), most)
    assert sorted(each for row in groups for each in row.parts) == sorted(single)
    assert len(groups) <= left * len(single)
    for row in groups:
        assert len(row.parts) <= most
        methods = [method for each in row.parts for method in replaced(each)]
        assert len(methods) == len(set(methods)), row.name
        assert set(row.without) == {feature for name in row.parts for feature in single[name].without}


def test_what_one_does_not_claim_is_asked_of_the_others() -> None:
    single = {row.name: row for row in variants()}
    for row in joined(single.values(), 20):
        further = beyond(row, single.values())
        for name, feature in product(row.parts, {*row.without}):
            asked = [each for each in further if name in each.parts and each.features == (feature,)]
            assert bool(asked) == (feature not in single[name].without), (name, feature)
            assert not any(feature in each.without for each in asked), (name, feature)


def test_rows_of_the_same_parts_keep_what_any_of_them_shows() -> None:
    table = Table([], "")
    for verdict, check in (("fail", "a/b/c"), ("pass", "a/b/c"), ("pass", "a/b/d")):
        table.keep("one + other", {check: {"verdict": verdict}})
    assert {check: each["verdict"] for check, each in table.verdicts["one + other"].items()} == {
        "a/b/c": "fail",
        "a/b/d": "pass",
    }


def test_of_several_that_are_minded_each_is_tried_by_itself() -> None:
    # A defect stands where a variant would: the two are minded, and it, but not the variant.
    names = ("event-answered-with204", "json-array-refused")
    only = ("webhooks/delivery/valid-events-are-accepted",)
    told = run_rows([Row(name, "webhooks", None, only=only, variant=True) for name in names], explore=0, together=2)
    assert [failed(told[name], only[0]) for name in names] == [False, True]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "beside"),
    [("token-of-one-deletes-from-all", set()), ("slug-changed-by-patch", {"errors/writes/affect-only-what-they-name"})],
)
def test_what_a_defect_destroys_fails_no_other_check(name: str, beside: set[str]) -> None:
    found = run_rows([Row(name, DEFECTS[name].surface, None)], explore=1)[name]
    spoiled = {requirement_of(check) for check, each in found.items() if each["verdict"] in ("fail", "inconclusive")}
    named = {requirement_of(each) for each in noticing(DEFECTS[name])}
    assert named <= spoiled <= named | beside
