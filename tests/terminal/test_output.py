"""Complete output and exit code of the most used commands, wide and narrow, on a terminal and in a pipe.

``pytest tests/terminal --snapshot-update`` stores the current output; review the difference before committing it.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.certification import runs
from tests.run.support import conformance, control_of
from tests.terminal.screen import Size, raw, shown

SIZES = {
    "wide-terminal": Size(120, True),
    "narrow-terminal": Size(60, True),
    "wide-pipe": Size(120, False),
    "narrow-pipe": Size(60, False),
}
# Other commands do not fill a pipe to its width.
FILLED = ("explain", "run-failing")
DEFECT = "token-may-be-stored"
FAILING = "oauth/response/no-store"
RUN = ["run", "--config", "reference.toml", "--workers", "0", "--out", "run"]
GOOD = {
    "good": [FAILING],
    "part-1": ["oauth/response", "--shard", "1/2"],
    "part-2": ["oauth/response", "--shard", "2/2"],
}


@dataclass(frozen=True)
class Row:
    """One command; ``broken``: the reference does not keep its contract meanwhile."""

    words: list[str]
    broken: bool = False


ROWS = {
    "init": Row(["init", "--yes", "--preset", "registry-only"]),
    "list": Row(["list", "webhooks/rotation"]),
    "explain": Row(["explain", FAILING]),
    "preflight": Row(["preflight", "--config", "reference.toml"]),
    "run-conformant": Row([*RUN, "webhooks/rotation"]),
    "run-failing": Row([*RUN, FAILING], broken=True),
    "replay": Row(["replay", "failed", "--config", "reference.toml", "--out", "again"]),
    "compare": Row(["compare", "good", "failed"]),
    "history": Row(["history", "."]),
    "merge": Row(["merge", "part-1", "part-2", "--out", "joined"]),
    "certify-refused": Row(["certify", "failed", "--key", "key.pem", "--out", "two.jsonl", *runs.product_words()]),
}  # fmt: skip


class Text(SingleFileSnapshotExtension):
    """A snapshot a file, as text."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture(scope="module")
def control(reference: EmbeddedReference) -> str:
    """The operator's address."""
    return control_of(reference)


@pytest.fixture(scope="module")
def prepared(reference: EmbeddedReference, control: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a target file, the keys, and runs: failed, good and in parts."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / ".git").mkdir()
    shutil.copy(reference.target_config, folder / "reference.toml")
    shutil.copytree(reference.folder / "conformance.secrets", folder / "conformance.secrets")
    tell(control, "switch", DEFECT)
    ran = conformance(folder, *RUN[:-1], "failed", FAILING)
    tell(control, "reset")
    assert ran.code == 1, ran.output
    runs.keys(folder)
    for out, words in GOOD.items():
        ran = conformance(folder, *RUN[:-1], out, *words)
        assert ran.code == 0, ran.output
    return folder


@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param(name, size, marks=() if size == "wide-terminal" else pytest.mark.nightly)
        for name in ROWS
        for size in SIZES
        if size != "narrow-pipe" or name in FILLED
    ],
)
def test_output(
    name: str, size: str, prepared: Path, control: str, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "here"))
    if ROWS[name].broken:
        tell(control, "switch", DEFECT)
    try:
        assert shown(ROWS[name].words, folder, SIZES[size]) == snapshot(extension_class=Text)
    finally:
        tell(control, "reset")


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "variables", "terminal", "sequences"),
    [
        (["webhooks/rotation"], {}, True, {"colour", "cursor"}),
        (["webhooks/rotation"], {"NO_COLOR": "1"}, True, {"cursor"}),
        (["webhooks/rotation"], {"TERM": "dumb"}, True, set()),
        (["webhooks/rotation", "--color"], {"NO_COLOR": "1"}, False, {"colour"}),
        (["oaut", "--no-color"], {}, True, set()),
    ],
)
def test_colour_is_as_the_environment_and_the_options_say(
    words: list[str], variables: dict[str, str], terminal: bool, sequences: set[str], prepared: Path, tmp_path: Path,
    control: str,
) -> None:  # fmt: skip
    folder = Path(shutil.copytree(prepared, tmp_path / "here"))
    _, output = raw([*RUN, *words], folder, Size(100, terminal), **variables)
    tell(control, "reset")
    kinds = {"colour": r"\x1b\[\d*m", "cursor": r"\x1b\[\d+F"}
    assert {kind for kind, pattern in kinds.items() if re.search(pattern, output)} == sequences
    assert sequences or "\x1b" not in output
