"""A host is the same however it is spelled: in the target file, and in what a registry says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.run.support import conformance

pytestmark = pytest.mark.nightly

SELECTED = ("registry/upload", "registry/tags", "registry/login", "authorization/matrix", "storage/object")


def test_a_host_in_capitals_is_the_same(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    try:
        tell(f"file:{reference.folder / 'conformance.secrets' / 'control-url'}", "switch", "addresses-in-capitals")
        text = reference.target_config.read_text(encoding="utf-8")
        reference.target_config.write_text(text.replace("http://127.0.0.1", "HTTP://LocalHost"), encoding="utf-8")
        ran = conformance(tmp_path, "run", *SELECTED, "--config", str(reference.target_config), "--workers", "2")
    finally:
        reference.stop()

    assert ran.code == 0, ran.output
    assert list(ran.verdicts().values()).count("pass") > 300
