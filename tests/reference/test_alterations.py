"""Each defect and variant is well formed, and every promise has a defect."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.contract.catalogue import catalogue
from conformance.plugin.collection import collect
from conformance.reference.alteration import Alteration, Defect, Variant
from conformance.reference.deployment import alterations
from conformance.reference.one_method import defect
from conformance.vocabulary.requirement import Level
from tests.defect_table import mistakes_of
from tests.rows import requirement_of


def test_every_alteration_is_well_formed() -> None:
    assert {name: found for name, each in alterations().items() if (found := mistakes_of(each))} == {}


# Requirements whose checks the reference cannot be made to fail.
# (Where deletion is not claimed, that it is refused cannot be shown on a target that claims it. How messages are
# framed is decided by the HTTP server below the surfaces: tests/clients/test_checks_without_a_defect.py shows them.)
NOT_BY_A_DEFECT = (
    "registry/delete/refused-",
    "oauth/token/ambiguous-length-is-refused",
    "webhooks/errors/malformed-messages-are-refused",
    # The reference serves plain HTTP on loopback, of which no TLS is asked: tests/run/test_transport.py proves them.
    "oauth/transport/",
    "registry/transport/",
    # The URL stands in the target file, which no defect changes: tests/clients/test_webhooks.py shows a short one.
    "webhooks/secret/cannot-be-guessed",
)

PROGRAMS = "interoperability"


def test_every_check_that_a_defect_names_exists() -> None:
    known = {check.id for check in collect()}.union(each.id for each in catalogue())
    named = {(name, each) for name, defect in alterations().items() for each in getattr(defect, "noticed_by", ())}
    assert [(name, each) for name, each in sorted(named) if each not in known] == []


def test_every_requirement_has_a_defect() -> None:
    named = {requirement_of(each) for defect in alterations().values() for each in getattr(defect, "noticed_by", ())}
    required = [each for each in catalogue() if not each.untestable and not each.id.startswith(NOT_BY_A_DEFECT)]
    held = [
        each for each in required if each.level == Level.MUST or (each.level == Level.SHOULD and each.area != PROGRAMS)
    ]
    assert [each.id for each in held if each.id not in named] == [], "no defect names these in its noticed_by"


# No answer of the reference shows it: it serves plain HTTP on loopback.
NOT_IN_THE_SHOWCASE = {"ID-16"}


def test_the_showcase_has_one_defect_for_each_promise() -> None:
    shown = [vars(each)["promise"] for each in alterations().values() if "promise" in vars(each)]
    testable = {each.promise for each in catalogue() if not each.untestable}
    assert sorted(shown) == sorted(testable - NOT_IN_THE_SHOWCASE)


def test_the_package_contains_only_the_showcase() -> None:
    defects = {each for each in alterations().values() if issubclass(each, Defect)}
    shown = {each for each in defects if "promise" in vars(each)}
    assert {each for each in defects if each.__module__.startswith("conformance.")} == shown
    assert all(str(each.__doc__).endswith(".") and len(str(each.__doc__).split()) <= 25 for each in shown)


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
def test_a_malformed_alteration_is_reported(kind: type[Alteration], changed: dict[str, Any], told: str) -> None:
    (mistake,) = mistakes_of(type("Made", (kind,), {**GOOD, **changed}))
    assert told in mistake


@defect(state=list)
def numbered(seen: list[int], rotate: Any) -> int:
    """Return the number of calls."""
    seen.append(rotate())
    return len(seen)


class Numbered(Defect):
    seen: list[int] = []

    def rotate(self, original: Any) -> int:
        self.seen.append(original())
        return len(self.seen)


@pytest.mark.parametrize("kind", [numbered, Numbered], ids=["function", "class"])
def test_state_starts_anew_with_each_instance(kind: Any) -> None:
    one, other = kind(), kind()
    assert [one.rotate(int), one.rotate(int), other.rotate(int), kind().rotate(int)] == [1, 2, 1, 1]
