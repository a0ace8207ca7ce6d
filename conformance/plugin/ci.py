"""What a run adds where it is a step of GitHub Actions: annotations in the log, its summary on the step's page."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from conformance.reporting.annotations import annotated, loud, quiet
from conformance.runs.reading import Record

# The runner refuses a step's summary above 1 MiB as a whole.
LARGEST_SUMMARY = 1024 * 1024 - 1


class Step:
    """The step of a workflow that a run is, where it is one; elsewhere nothing is said or written."""

    def __init__(self, say: Callable[[str], None], variables: Mapping[str, str] = os.environ) -> None:
        self.say = say
        self.here = variables.get("GITHUB_ACTIONS") == "true"
        self.checkout = Path(variables.get("GITHUB_WORKSPACE") or Path.cwd())
        self.summary = variables.get("GITHUB_STEP_SUMMARY")
        self.token = secrets.token_hex(16)

    def begin(self) -> None:
        """Makes the runner take no line for a command: what a target answers is printed from here on."""
        if self.here:
            self.say(quiet(self.token))

    def end(self, record: Record, files: Mapping[str, Path]) -> None:
        """Annotates, and adds the summary to the step's page."""
        if not self.here:
            return
        self.say(loud(self.token))
        for command in annotated(record, self.checkout):
            self.say(command)
        if self.summary and "markdown" in files:
            self._summarise(Path(self.summary), files["markdown"])

    def _summarise(self, page: Path, summary: Path) -> None:
        with contextlib.suppress(OSError), page.open("ab") as file:
            # A page that cannot be written is the runner's affair, and no reason for a run to fail.
            if file.tell() + summary.stat().st_size <= LARGEST_SUMMARY:
                file.write(summary.read_bytes())
