"""``docs/how-to/certify-a-product.md`` does what it says: every command of it is run, in order, in an empty folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.docs.pages import follow, programs
from tests.run import support

pytestmark = pytest.mark.nightly


def test_every_command_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One of them is the whole run, on a machine that may have much else to do.
    monkeypatch.setattr(support, "TIME_LIMIT_S", 600)
    path = programs(tmp_path / "bin")
    if shutil.which("cosign") is None and not os.environ.get("CI"):
        (tmp_path / "bin" / "cosign").write_text("#!/bin/sh\necho Verified OK\n")
        (tmp_path / "bin" / "cosign").chmod(0o755)
    follow("how-to/certify-a-product.md", tmp_path / "vendor", path)
    assert (tmp_path / "vendor" / "published" / "acme.svg").exists()
