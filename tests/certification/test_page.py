"""``docs/certification.md`` does what it says: every command of it is run, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.run import support

PAGE = Path(__file__).parents[2] / "docs" / "certification.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """A PATH on which ``conformance`` is the one under test."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "conformance"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conformance "$@"\n')
    command.chmod(0o755)
    if shutil.which("cosign") is None and not os.environ.get("CI"):
        (folder / "cosign").write_text("#!/bin/sh\necho Verified OK\n")
        (folder / "cosign").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_every_command_of_the_page_works(tmp_path: Path, programs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # One of them is the whole run, on a machine that may have much else to do.
    monkeypatch.setattr(support, "TIME_LIMIT_S", 600)
    folder = tmp_path / "vendor"
    (folder / ".git").mkdir(parents=True)
    output = ""
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "sh":
            ran = support.run(["sh", "-euc", text], folder, PATH=programs)
            assert ran.code == 0, f"{text}\n{ran.output}"
            output = ran.output
        else:
            for line in text.splitlines():
                assert line.partition("…")[0] in output, f"{line!r} is not in\n{output}"
    assert (folder / "published" / "acme.svg").exists()
