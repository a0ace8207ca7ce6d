"""The options of a run, declared once: ``--NAME`` of ``conformance run``, ``--conformance-NAME`` of pytest.

The prefix avoids conflicts with options of pytest (``--strict``, ``--durations``) and its plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conformance.vocabulary.amounts import at_least_one, challenge, examples, seconds, seconds_or_none, seed

PREFIX = "--conformance-"
MOST_REQUESTS = 200_000
SELECTION, TESTING, JUDGING, OUTPUT = "what to check", "how to check it", "how to judge it", "what to write"
"""The groups of the options in the help."""


@dataclass(frozen=True)
class Option:
    """One option; without a ``metavar`` it is a flag."""

    name: str
    metavar: str | None
    help: str
    type: Callable[[str], Any] = str
    default: Any = None
    group: str = ""

    @property
    def keywords(self) -> dict[str, Any]:
        """The arguments that argparse and pytest's parser take in addition to the name."""
        if self.metavar is None:
            return {"action": "store_true", "help": self.help}
        return {"metavar": self.metavar, "help": self.help, "type": self.type, "default": self.default}


def _grouped(group: str, *options: Option) -> Iterator[Option]:
    return (replace(option, group=group) for option in options)


OPTIONS = (
    *_grouped(
        SELECTION,
        Option("config", "FILE", "the target file (default: conformance.toml of this folder or a parent)"),
        Option("target", "NAME", "which target of the file (default: the only one)"),
        Option("profile", "NAME", "quick, core, full (default) or non-disruptive", default="full"),
        Option("shard", "I/N", "the I-th of N parts of the run"),
        Option("durations", "RUN", "an earlier run whose durations balance the parts"),
    ),
    *_grouped(
        TESTING,
        Option("explore", "N", "examples per property; 0: only the fixed ones (default: the profile's)", examples),
        Option("explore-time", "SECONDS", "time after which properties start no new example", seconds),
        Option("shrink-time", "SECONDS", "longest time to shrink a failing example (default: 20)", seconds_or_none),
        Option("seed", "N", 'seed of all random values, or "random" (default: 1)', seed),
        Option(
            "challenge",
            "NONCE",
            "a value from the certifier that sets the seed and proves that the run is new",
            challenge,
        ),
        Option("database", "DIR", "where failing examples are stored and read first (default: the run's folder)"),
        Option("rate", "RATE", 'maximum request rate, such as "50/s" (default: the target file\'s)'),
        Option(
            "max-requests",
            "N",
            f"the most requests of the run, which then ends as after an interrupt (default: {MOST_REQUESTS})",
            at_least_one,
            MOST_REQUESTS,
        ),
    ),
    *_grouped(
        OUTPUT,
        Option("out", "DIR", "folder for this run (default: a new one in reports/)"),
        Option("report", "LIST", "of html,junit,ctrf,markdown,allure,scripts (default: all)", default="all"),
    ),
    *_grouped(
        JUDGING,
        Option("waivers", "FILE", "the waivers (default: waivers.toml next to the target file)"),
        Option("strict", None, "count a SHOULD like a MUST, and a waived finding like any other"),
    ),
)


def option_arguments(values: Mapping[str, Any]) -> list[str]:
    """Return pytest's arguments for values by option name; a value of None or False gives no argument."""
    options = {f"{PREFIX}{name}": value for name, value in values.items() if value is not None and value is not False}
    return [name if value is True else f"{name}={value}" for name, value in options.items()]


def values_of(arguments: object) -> dict[str, Any]:
    """Return the value of every option in the parsed arguments of ``conformance run``, by name."""
    return {each.name: getattr(arguments, each.name.replace("-", "_")) for each in OPTIONS}
