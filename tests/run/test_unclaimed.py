"""What a target does not claim it need not refuse; where it does, that is judged by what the refusal must be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.run.support import conformance

pytestmark = pytest.mark.nightly

CHECKS = (
    "registry/delete/refused-deletion-changes-nothing#manifest",
    "registry/delete/refused-deletion-changes-nothing#tag",
)


@pytest.mark.parametrize(
    ("switched", "verdict"), [([], "not-applicable"), (["delete-unsupported"], "pass")], ids=["deletes", "refuses"]
)
def test_deletion_that_is_not_claimed(tmp_path: Path, switched: list[str], verdict: str) -> None:
    reference = EmbeddedReference()
    try:
        tell(f"file:{reference.folder / 'conformance.secrets' / 'control-url'}", "switch", *switched)
        text = reference.target_config.read_text(encoding="utf-8")
        reference.target_config.write_text(re.sub(r'\s*"registry\.delete(-tag)?",?', "", text), encoding="utf-8")
        ran = conformance(tmp_path, "run", *CHECKS, "--config", str(reference.target_config))
    finally:
        reference.stop()

    assert ran.verdicts() == dict.fromkeys(CHECKS, verdict), ran.output


def test_a_webhook_that_takes_no_json(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    try:
        tell(f"file:{reference.folder / 'conformance.secrets' / 'control-url'}", "switch", "webhook-takes-forms-alone")
        text = reference.target_config.read_text(encoding="utf-8").replace('  "webhooks.strict-json",\n', "")
        text = re.sub("content_types = .*", 'content_types = ["application/x-www-form-urlencoded"]', text)
        reference.target_config.write_text(text, encoding="utf-8")
        ran = conformance(tmp_path, "run", "webhooks", "--config", str(reference.target_config), "--explore", "0")
    finally:
        reference.stop()

    assert ran.code == 0, ran.output
    assert set(ran.verdicts().values()) == {"pass", "not-applicable"}
