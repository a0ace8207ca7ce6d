"""A target whose updates are of another kind than the reference's own is checked by what those promise."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.target import configuration
from tests.run.support import Ran, conformance

pytestmark = pytest.mark.nightly


OF_CREATE = 'name = "{text}", description = "{text}"'
OF_UPDATE = 'body = { description = "{text}" }'


def ran_with(tmp_path: Path, variant: str, instead: dict[str, str]) -> Ran:
    """A run against a variant of the reference, whose target file says some things in place of others."""
    reference = EmbeddedReference()
    try:
        hooks = configuration.load(reference.target_config, tmp_path).choose(None)[1].hooks
        tell(shlex.split(hooks.revoke or "")[3], "switch", variant)
        described = reference.target_config.read_text(encoding="utf-8")
        for declared, other in instead.items():
            assert declared in described
            described = described.replace(declared, other)
        reference.target_config.write_text(described, encoding="utf-8")
        words = ["errors", "authorization", "--config", str(reference.target_config), "--explore", "5"]
        return conformance(tmp_path, "run", *words, "--report", "junit")
    finally:
        reference.stop()


@pytest.mark.parametrize(
    ("variant", "instead"),
    [
        ("updates-name-their-version", {'concurrency = "If-Match"': 'concurrency = "version"'}),
        ("put-replaces-the-whole", {OF_UPDATE: f'method = "PUT", body = {{ {OF_CREATE} }}'}),
        (
            "writes-say-more",
            {
                OF_CREATE: f'kind = "large", {OF_CREATE}',
                OF_UPDATE: 'body = { slug = "{slug}", kind = "small", description = "{text}" }',
            },
        ),
    ],
)
def test_updates_are_judged_by_what_they_promise(tmp_path: Path, variant: str, instead: dict[str, str]) -> None:
    ran = ran_with(tmp_path, variant, instead)
    assert ran.code == 0, ran.output
    verdicts = ran.verdicts()
    assert set(verdicts.values()) == {"pass", "not-applicable"}
    assert verdicts["errors/409/stale-version#update"] == "pass"
