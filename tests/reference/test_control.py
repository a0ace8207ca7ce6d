"""The control address of a running reference executes commands and reports its state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.clients.servers import refusing
from tests.run.support import control_of, serving_reference


@pytest.fixture(scope="module")
def url(reference: EmbeddedReference) -> str:
    """Return the control address of a running reference."""
    return control_of(reference)


def test_a_command_is_executed(url: str) -> None:
    assert tell(url, "revoke", "ct-revocable") == ""
    assert tell(url, "restore", "ct-revocable") == ""
    assert [tell(url, command, "ct-viewer") for command in ("promote", "demote")] == ["", ""]
    assert json.loads(tell(url, "events")) == []
    assert set(json.loads(tell(url, "state"))) == {"identity", "registry", "storage", "webhooks"}


def test_idle_alterations_and_failures_are_reported(url: str) -> None:
    tell(url, "switch", "event-lost", "one-in-seven-refused")
    assert json.loads(tell(url, "idle")) == ["event-lost", "one-in-seven-refused"]
    tell(url, "reset")
    assert json.loads(tell(url, "idle")) == []
    assert json.loads(tell(url, "failures")) == []


def test_a_command_that_fails_says_why(url: str) -> None:
    with pytest.raises(ValueError, match="unknown command fly"):
        tell(url, "fly")
    with pytest.raises(ValueError, match="not done"):
        tell(url, "revoke", "nobody")
    address = Path(url.removeprefix("file:")).read_text(encoding="utf-8").strip()
    with pytest.raises(ValueError, match="no such page"):
        tell(f"{address}x", "events")


def test_an_unreachable_reference_is_reported() -> None:
    with refusing() as url, pytest.raises(OSError, match="refused"):
        tell(f"{url}/key", "events")


def test_a_promise_id_selects_its_defect() -> None:
    with serving_reference("--defect", "WH-01", program=("-m", "conformance.reference")) as reference:
        assert json.loads(tell(control_of(reference), "idle")) == ["json-array-refused"]
