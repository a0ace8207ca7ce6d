"""The preflight of every variant: each login works, and nothing is reported as missing."""

from __future__ import annotations

import pytest

from conformance.evidence.recorder import Recorder
from conformance.preflight import probe
from conformance.preflight.state import FAIL
from conformance.reference.alteration import Variant
from conformance.reference.deployment import Reference, named
from conformance.target.description import Target
from tests.preflight.test_preflight import reference as reference

pytestmark = pytest.mark.nightly

VARIANTS = named(Variant)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_right_surface_is_ready(reference: tuple[Reference, Target], name: str) -> None:
    deployment, target = reference
    deployment.switch([name])
    try:
        state = probe(target, VARIANTS[name].surface, Recorder())
    finally:
        deployment.switch([])
    # A variant may lack a feature: which one, and that it is claimed, is for the one who claims it.
    missing = [line for kind, line in state.lines if kind == FAIL and not line.endswith("is claimed and not observed")]
    assert (missing, state.locked, state.cause) == ([], "", "")
    assert set(state.credentials.values()) <= {"ok"}
