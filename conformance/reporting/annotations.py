"""A run's findings as annotations in the log of GitHub Actions: workflow commands, one a cause, the MUSTs first.

The runner takes any line that begins with ``::`` for a command of ours, also where a target's words stand in it:
between ``quiet`` and ``loud`` it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conformance.reporting.causes import Cause, causes
from conformance.reporting.classes import reason_of, unjudged
from conformance.reporting.met_by_many import by_reason
from conformance.reporting.text import on_one_line, shortened
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.wording import plural

# What the runner shows of a step, errors and warnings each.
MOST = 10
LONGEST = 500


def quiet(token: str) -> str:
    """From here on no line is a command, until ``loud`` with the same token, which the target cannot know."""
    return f"::stop-commands::{token}"


def loud(token: str) -> str:
    """From here on lines are commands again."""
    return f"::{token}::"


def annotated(record: Record, here: Path) -> Iterator[str]:
    """The commands; they point to the target file where it lies in ``here``, the folder that was checked out."""
    place = _place(record.info.target_file, here)
    found = causes(record)
    for kind, binding in (("error", True), ("warning", False)):
        chosen = [each for each in found if (each.level == Level.MUST or record.info.strict) is binding]
        for cause in chosen[:MOST]:
            yield _command(kind, place, cause.results[0], _failure(cause))
    unclear = [result for result in record.results if unjudged(result) and result.level == Level.MUST]
    for result, *others in by_reason(unclear)[:MOST]:
        more = f" (and {plural(len(others), 'more check')})" if others else ""
        yield _command("warning", place, result, f"{result.verdict}: {reason_of(result)}{more}")


def _failure(cause: Cause) -> str:
    more = f" (and {plural(len(cause.results) - 1, 'more check')})" if len(cause.results) > 1 else ""
    return f"{cause.title}{more}"


def _place(target_file: str | None, here: Path) -> str:
    if target_file is None or not Path(target_file).is_relative_to(here):
        return ""
    return Path(target_file).relative_to(here).as_posix()


def _command(kind: str, place: str, result: CheckResult, message: str) -> str:
    properties = {"file": place, "title": f"{result.id} ({result.level})"}
    pairs = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{kind} {pairs}::{_data(shortened(on_one_line(message), LONGEST))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(on_one_line(text)).replace(":", "%3A").replace(",", "%2C")
