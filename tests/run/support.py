"""Runs the command in a process of its own, and reads the run that it left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.plugin.embedded import EmbeddedReference
from conformance.runs.reading import Record, read

TIME_LIMIT_S = 300


@dataclass
class Ran:
    """How a command ended: exit code, all it printed, the folder in which it ran."""

    code: int
    output: str
    folder: Path

    @property
    def record(self) -> Record:
        """The only run that it left."""
        (run,) = [each for each in (self.folder / "reports").iterdir() if each.is_dir()]
        return read(run)

    def verdicts(self) -> dict[str, str]:
        """Verdicts by check id."""
        return {result.id: result.verdict for result in self.record.results}


def conformance(folder: Path, *words: str, **environment: str) -> Ran:
    """Runs ``conformance WORDS`` in a folder; no traceback may be printed by it, whatever it is told."""
    return run([sys.executable, "-m", "conformance", *words], folder, **environment)


def run(command: list[str], folder: Path, **environment: str) -> Ran:
    """Runs a command in a folder."""
    variables = {**os.environ, "DOCKER_HOST": "unix:///nonexistent", "COLUMNS": "100", **environment}
    # What pytest was told here, or a command that ran in this process has told it, is not meant for the command.
    for name in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTHONUNBUFFERED"):
        variables.pop(name, None)
    # The interpreter that runs the tests is the one whose packages the command uses, also from a checkout.
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    ended = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
    )
    return Ran(ended.returncode, ended.stdout + ended.stderr, folder)


def control_of(reference: EmbeddedReference) -> str:
    """Return the address at which the defects of a reference are switched."""
    return f"file:{reference.folder / 'conformance.secrets' / 'control-url'}"


def redescribed(reference: EmbeddedReference, changes: Mapping[str, str], name: str = "changed.toml") -> Path:
    """Write the target file anew, each pattern replaced; it is beside the files of secrets that it names."""
    text = reference.target_config.read_text(encoding="utf-8")
    for pattern, replacement in changes.items():
        text, times = re.subn(pattern, replacement.replace("\\", r"\\"), text, flags=re.MULTILINE)
        assert times, pattern
    path = reference.target_config.with_name(name)
    path.write_text(text, encoding="utf-8")
    return path
