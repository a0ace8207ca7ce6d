"""The table of defects tries variants together where possible, and reports each that fails a check or does nothing."""

from __future__ import annotations

from itertools import product

import pytest

from conformance.reference.deployment import alterations
from tests.defect_table import BROKEN, Table, run_rows
from tests.rows import WRAPPED, Row, beyond, joined, replaced, rows
from tests.test_defects import choice_of, failed

pytestmark = pytest.mark.once


def variants() -> dict[str, Row]:
    choice = choice_of(None)
    choice.variants = True
    return {row.name: row for row in rows(choice)}


@pytest.mark.parametrize(("most", "left"), [(1, 1.0), (3, 0.4)])
def test_variants_together_replace_different_methods(most: int, left: float) -> None:
    single = variants()
    groups = joined(single.values(), most)
    assert sorted(each for row in groups for each in row.parts) == sorted(single)
    assert len(groups) <= left * len(single)
    for row in groups:
        methods = [method for each in row.parts for method in replaced(each) - WRAPPED]
        assert len(row.parts) <= most and len(methods) == len(set(methods)), row.name
        assert not any(
            name in getattr(alterations()[each], "conflicts", ()) for each in row.parts for name in row.parts
        )
        assert set(row.without) == {feature for name in row.parts for feature in single[name].without}


def test_a_feature_that_one_variant_lacks_is_checked_on_the_others() -> None:
    single = variants()
    for row in joined(single.values(), 20):
        further = beyond(row, single.values())
        for name, feature in product(row.parts, {*row.without}):
            checked = [each for each in further if name in each.parts and each.features == (feature,)]
            assert bool(checked) == (feature not in single[name].without), (name, feature)
            assert not any(feature in each.without for each in checked), (name, feature)


def test_a_finding_of_any_row_of_the_same_variants_stays() -> None:
    table = Table([], "")
    for verdict in ("fail", "pass"):
        table.keep("one + other", {"a/b/c": {"verdict": verdict}})
    assert table.verdicts["one + other"]["a/b/c"]["verdict"] == "fail"


def test_a_variant_that_did_nothing_is_tried_alone_and_then_reported() -> None:
    row = Row("thanks-in-html", "webhooks", None, variant=True)
    table = Table([row], "", [row])
    assert table.unseen() == [row]
    table.alone.add(row.name)
    assert table.unseen() == [] and "did nothing" in table.verdicts[row.name][BROKEN]["reason"]


def test_each_of_several_variants_is_tried_alone_if_a_check_fails() -> None:
    # A defect instead of a variant: only the defect fails the check.
    names = ("event-answered-with204", "json-array-refused")
    only = ("webhooks/delivery/valid-events-are-accepted",)
    found = run_rows([Row(name, "webhooks", None, only=only, variant=True) for name in names], explore=0, together=2)
    assert [failed(found[name], only[0]) for name in names] == [False, True]
