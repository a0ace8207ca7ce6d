"""``conformance preflight``: checks reachability, credentials and features of each surface."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.target.completeness import lines
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.preflight import SurfaceState

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "preflight", description="Examines each surface of a target. Exit code 7 if something declared is unavailable."
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="the target file (default: conformance.toml)")
    parser.add_argument("--target", metavar="NAME", help="which target of the file")
    parser.add_argument("--format", choices=["table", "json"], default="table", help="the output (default: table)")


def run(arguments: argparse.Namespace) -> int:
    """Print the state of each surface and return the exit code."""
    from conformance.preflight import preflight
    from conformance.target import configuration

    name, target = configuration.load(arguments.config, Path.cwd()).choose(arguments.target)
    states = preflight(target)
    if arguments.format == "json":
        import json

        print(json.dumps([state.plain() for state in states], indent=1))
    else:
        print("\n".join(table(name, states)))
        print("\n".join(_not_shown(configuration.redacted(target))))
    if not states:
        print(f"the target {name} describes no surface", file=sys.stderr)
        return ExitCode.NOTHING_SELECTED
    return ExitCode.INCONCLUSIVE if any(state.failing for state in states) else ExitCode.CONFORMANT


def table(name: str, states: Iterable[SurfaceState]) -> Iterable[str]:
    """Yield the lines of the report, without control characters of the target."""
    failing = list[str]()
    for state in states:
        yield f"{state.surface}  {state.url}"
        for kind, text in state.lines:
            yield f"  {MARKS[kind]}  {''.join(each if each.isprintable() else '?' for each in text)}"
        yield from _features(state)
        yield ""
        if state.failing:
            failing.append(state.surface)
    yield f"{name}: not as described: {', '.join(failing)}" if failing else f"{name}: as described"


def _not_shown(target: Mapping[str, Any]) -> Iterable[str]:
    """Yield what to add to the target file, so that each class can be certified."""
    if found := list(lines(target)):
        yield "Not shown by a run, unless the target file has these keys as well:"
        yield from found


def _features(state: SurfaceState) -> Iterable[str]:
    for observation in sorted(set(state.features.values())):
        names = sorted(name for name, each in state.features.items() if each == observation)
        yield f"        {observation}: {', '.join(names)}"
