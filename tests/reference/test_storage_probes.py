"""Each probe is answered by the clean gateway as expected, and differently by its variant."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.alteration import Alteration
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


def outcome(probe: Any, *altered: type[Alteration]) -> Any:
    """What a probe returns of a gateway with these alterations."""
    return probe(Client(*altered))


@pytest.mark.parametrize("name", PROBES)
def test_clean_gateway(name: str) -> None:
    probe, expected = PROBES[name]
    assert outcome(probe) == expected


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
