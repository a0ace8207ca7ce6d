"""Each probe is answered by the clean gateway as expected, and otherwise by each defect that it names."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import pytest

from conformance.reference.defects import storage as defects
from conformance.reference.defects.base import Alteration, Defect, Variant
from conformance.reference.variants import storage as variants
from conformance.reference.variants import storage_access as access_variants
from tests.reference import (
    storage_access_probes,
    storage_collection_probes,
    storage_object_probes,
    storage_variant_probes,
)
from tests.reference.storage_access_probes import Probe
from tests.reference.storage_support import Client

PROBES: dict[str, Probe] = {
    **storage_access_probes.PROBES,
    **storage_object_probes.PROBES,
    **storage_collection_probes.PROBES,
}


def found_in(module: Any, kind: type[Alteration]) -> dict[str, type[Alteration]]:
    return {
        each.kebab_name(): each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, kind) and each.__module__ == module.__name__
    }


DEFECTS = {
    name: each
    for info in pkgutil.iter_modules(defects.__path__)
    for name, each in found_in(import_module(f"{defects.__name__}.{info.name}"), Defect).items()
}
VARIANTS = {**found_in(variants, Variant), **found_in(access_variants, Variant)}
NAMED = [(defect, name) for name, probe in PROBES.items() for defect in probe[2].split()]


def outcome(probe: Any, *alterations: type[Alteration]) -> Any:
    """What a probe sees; what cannot be read at all is told by the kind of the mistake."""
    client = Client(*alterations)
    try:
        return probe(client)
    except Exception as mistake:
        if not alterations:
            raise
        return type(mistake)


@pytest.mark.parametrize("name", PROBES)
def test_clean_gateway(name: str) -> None:
    probe, expected, _ = PROBES[name]
    assert outcome(probe) == expected


@pytest.mark.parametrize(("defect", "name"), NAMED, ids=[" - ".join(each) for each in NAMED])
def test_defect_is_visible(defect: str, name: str) -> None:
    probe, expected, _ = PROBES[name]
    assert outcome(probe, DEFECTS[defect]) != expected


def test_every_defect_is_named() -> None:
    # These are shown by the table of checks x defects alone: what is refused or breaks, what is not heeded or not done
    # though it should be, what takes several callers or a sequence of requests, and what red-teaming found missing.
    slips = (".request_slips", ".listing_slips", ".stored_slips", ".answer_slips")
    later = (
        ".overlooked",
        ".overlooked_objects",
        ".overlooked_requests",
        ".overlooked_ways",
        ".parts",
        ".open_doors",
        ".elsewhere",
        ".url_slips",
        ".traversals",
        ".repeated",
        ".seldom",
        ".lost",
    )
    alone = (".refusals", ".sequences", ".races", ".programs", ".unheeded", ".forms", ".recommended", *slips, *later)
    shown_by_checks = {name for name, each in DEFECTS.items() if each.__module__.endswith(alone)}
    assert sorted(DEFECTS.keys() - {defect for defect, _ in NAMED} - shown_by_checks) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_is_visible_and_right(variant: str) -> None:
    probe, clean, otherwise = storage_variant_probes.PROBES[variant]
    assert outcome(probe) == clean
    assert outcome(probe, VARIANTS[variant]) == otherwise


def test_every_alteration_says_what_it_is() -> None:
    for each in (*DEFECTS.values(), *VARIANTS.values()):
        assert each.__doc__
        assert each.surface == "storage"


def test_reset_empties_the_buckets() -> None:
    client = Client()
    client.put("k")
    client.storage.reset()
    assert client.keys() == []
