"""Each defect and variant is well made, which takes no check to see; what a mistake in one is told as."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.defects.base import Alteration, Defect, Variant
from conformance.reference.deployment import alterations
from tests.defects import mistakes_of


def test_each_is_well_made() -> None:
    assert {name: found for name, each in alterations().items() if (found := mistakes_of(each))} == {}


GOOD = {"__doc__": "API Reference, Webhooks: POST is accepted.", "surface": "webhooks"}
NOTICED = {"noticed_by": ("webhooks/delivery/post-is-accepted",)}


@pytest.mark.parametrize(
    ("kind", "changed", "told"),
    [
        (Defect, {**NOTICED, "surface": "webhook"}, 'surface = "webhook" is none of identity, registry'),
        (Defect, {**NOTICED, "taken": lambda self, original: None}, "webhooks has no method taken"),
        (Defect, {**NOTICED, "__doc__": "Bad."}, "its docstring does not say"),
        (Defect, {}, "noticed_by names no requirement"),
        (Defect, {"noticed_by": "webhooks/x"}, 'noticed_by = ("webhooks/x",) is meant'),
        (Defect, {"noticed_by": ("webhooks/x",)}, "noticed_by: the contract has no webhooks/x"),
        (Variant, {"misses": ("webhooks/x",)}, "misses: the contract has no webhooks/x"),
        (Variant, {"without": ("webhooks.x",)}, "without: the contract has no webhooks.x"),
    ],
)
def test_a_mistake_in_one_is_told(kind: type[Alteration], changed: dict[str, Any], told: str) -> None:
    (mistake,) = mistakes_of(type("Made", (kind,), {**GOOD, **changed}))
    assert told in mistake
