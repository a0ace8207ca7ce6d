"""Each probe is answered by the clean gateway as expected, and otherwise by each defect that it names."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.deployment import alterations
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
NAMED = [(defect, name) for name, probe in PROBES.items() for defect in probe[2].split()]


def outcome(probe: Any, *altered: type[Alteration]) -> Any:
    """What a probe sees; what cannot be read at all is told by the kind of the mistake."""
    client = Client(*altered)
    try:
        return probe(client)
    except Exception as mistake:
        if not altered:
            raise
        return type(mistake)


@pytest.mark.parametrize("name", PROBES)
def test_clean_gateway(name: str) -> None:
    probe, expected, _ = PROBES[name]
    assert outcome(probe) == expected


@pytest.mark.parametrize(("defect", "name"), NAMED, ids=[" - ".join(each) for each in NAMED])
def test_defect_is_visible(defect: str, name: str) -> None:
    probe, expected, _ = PROBES[name]
    assert outcome(probe, alterations()[defect]) != expected


@pytest.mark.parametrize("variant", storage_variant_probes.PROBES)
def test_variant_is_visible_and_right(variant: str) -> None:
    probe, clean, otherwise = storage_variant_probes.PROBES[variant]
    assert outcome(probe) == clean
    assert outcome(probe, alterations()[variant]) == otherwise


def test_reset_empties_the_buckets() -> None:
    client = Client()
    client.put("k")
    client.storage.reset()
    assert client.keys() == []
