"""A run's findings as annotations in the log of GitHub Actions: workflow commands, one a cause, the MUSTs first.

The runner executes any line that begins with ``::``, also text from a target, except between ``quiet`` and ``loud``.
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

# The runner shows so many errors, and so many warnings, of a step.
MOST = 10
LONGEST = 500


def quiet(token: str) -> str:
    """Return the line that stops commands until ``loud`` with the same token, which the target cannot know."""
    return f"::stop-commands::{token}"


def loud(token: str) -> str:
    """Return the line that resumes commands."""
    return f"::{token}::"


def annotated(record: Record, checkout: Path) -> Iterator[str]:
    """Yield the commands; they name the target file if it is in ``checkout``, the folder of the workflow."""
    file = _relative(record.info.target_file, checkout)
    found = causes(record)
    for kind, binding in (("error", True), ("warning", False)):
        chosen = [each for each in found if (each.level == Level.MUST or record.info.strict) is binding]
        for cause in chosen[:MOST]:
            yield _command(kind, file, cause.results[0], _failure(cause))
    unclear = [result for result in record.results if unjudged(result) and result.level == Level.MUST]
    for result, *others in by_reason(unclear)[:MOST]:
        more = f" (and {plural(len(others), 'more check')})" if others else ""
        yield _command("warning", file, result, f"{result.verdict}: {reason_of(result)}{more}")


def _failure(cause: Cause) -> str:
    more = f" (and {plural(len(cause.results) - 1, 'more check')})" if len(cause.results) > 1 else ""
    return f"{cause.title}{more}"


def _relative(target_file: str | None, checkout: Path) -> str:
    if target_file is None or not Path(target_file).is_relative_to(checkout):
        return ""
    return Path(target_file).relative_to(checkout).as_posix()


def _command(kind: str, file: str, result: CheckResult, message: str) -> str:
    properties = {"file": file, "title": f"{result.id} ({result.level})"}
    pairs = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{kind} {pairs}::{_data(shortened(on_one_line(message), LONGEST))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(on_one_line(text)).replace(":", "%3A").replace(",", "%2C")
