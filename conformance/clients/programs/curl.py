"""The curl program with the API Reference's options on standard input, so that no secret is in a process list."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conformance.clients.programs.runner import Outcome, installed, run_program
from conformance.evidence.recorder import Recorder
from conformance.target.description import Target

TIME_LIMIT_S = 30


@dataclass
class CurlCli:
    """Runs ``curl`` with options in the form of its configuration file (``data = "…"`` for ``-d "…"``)."""

    recorder: Recorder
    target: Target

    def __post_init__(self) -> None:
        self.path = installed("curl")

    def run(self, url: str, options: Iterable[tuple[str, str]]) -> Outcome:
        """Send one request; the transcript has the options without secrets."""
        options = list(options)
        if self.target.ca_file:
            options.append(("cacert", self.target.ca_file))
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in [("url", url), *options]]
        command = [self.path, "-sS", "--fail-with-body", "--max-time", str(TIME_LIMIT_S), "-K", "-"]
        shown = ["curl", "-sS", "--fail-with-body", *(word for name, value in options for word in (f"--{name}", value))]
        return run_program(self.recorder, command, standard_input="\n".join(lines) + "\n", shown=[*shown, url])


def parsed(outcome: Outcome) -> dict[str, Any]:
    """Return the JSON object that curl printed; {} if it is none."""
    try:
        document = json.loads(outcome.output)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
