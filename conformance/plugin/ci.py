"""GitHub Actions: annotations in the log, and the summary on the step's page."""

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
    """The workflow step of a run; outside GitHub Actions it does nothing."""

    def __init__(self, say: Callable[[str], None], variables: Mapping[str, str] = os.environ) -> None:
        self.say = say
        self.active = variables.get("GITHUB_ACTIONS") == "true"
        self.checkout = Path(variables.get("GITHUB_WORKSPACE") or Path.cwd())
        self.summary = variables.get("GITHUB_STEP_SUMMARY")
        self.token = secrets.token_hex(16)

    def begin(self) -> None:
        """Stop the runner from executing commands in the output, which contains responses of the target."""
        if self.active:
            self.say(quiet(self.token))

    def end(self, record: Record, files: Mapping[str, Path]) -> None:
        """Print annotations, and add the summary to the step's page."""
        if not self.active:
            return
        self.say(loud(self.token))
        for command in annotated(record, self.checkout):
            self.say(command)
        if self.summary and "markdown" in files:
            self._summarise(Path(self.summary), files["markdown"])

    def _summarise(self, page: Path, summary: Path) -> None:
        with contextlib.suppress(OSError), page.open("ab") as file:
            # If the runner's page cannot be written, the run does not fail.
            if file.tell() + summary.stat().st_size <= LARGEST_SUMMARY:
                file.write(summary.read_bytes())
