"""The verdict of a check by the exception it raised: only an AssertionError is a finding about the target."""

from __future__ import annotations

import itertools
import json
import operator
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.contract.catalogue import catalogue
from conformance.evidence.curl import assignments_of
from conformance.evidence.recorder import Recorder
from conformance.plugin.checks import CheckInfo
from conformance.plugin.locations import PACKAGE, suites_folder
from conformance.reporting.reproduce.requests import curl_line
from conformance.reporting.reproduce.script import script_lacks
from conformance.vocabulary.finding import (
    Deviation,
    Inconclusive,
    Kind,
    NonConformance,
    NotApplicable,
    NotConnected,
    NotOffered,
    Unreachable,
)
from conformance.vocabulary.operation import error_code
from conformance.vocabulary.verdict import Verdict

LONGEST, LONGEST_PATH = 2000, 200
NOT_AGAIN = "Failed to reproduce exception"
OTHERS = re.compile(r"\(note: (\d+) other explicit examples? also failed with this error; [^)]*\)")
NOTHING_TRIED = "Hypothesis has been told to run no"


@dataclass
class Judgement:
    """A verdict with its reason and findings.

    ``optional``: the contract permits not-applicable; ``lacks``: what the target file or this machine lacks.
    ``unanswered``: exchanges of the check itself, without its set-up, that got no response in time.
    ``level`` replaces that of the requirement: ending the service breaks a MUST, whatever the check is about.
    """

    verdict: Verdict
    reason: str = ""
    needs: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    optional: bool = False
    lacks: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    level: str = ""


def single_exceptions(error: BaseException) -> Iterator[BaseException]:
    """Yield the single exceptions of a nested group, or the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from single_exceptions(each)
    else:
        yield error


def _of_hypothesis(error: BaseException) -> Inconclusive | NotApplicable | None:
    """Translate Hypothesis's own exceptions: no examples to run, or different responses to the same requests."""
    if type(error).__name__ in ("Skipped", "SkipTest") and NOTHING_TRIED in str(error):
        return NotApplicable("--explore 0 runs no generated examples")
    # By name, since a run without properties does not import Hypothesis.
    if any(kind.__name__ == "Flaky" and kind.__module__ == "hypothesis.errors" for kind in type(error).__mro__):
        return Inconclusive(
            "the target answers identical requests differently", "a target that answers identical requests alike"
        )
    return None


def judge(error: BaseException | None, recorder: Recorder, phase: str = "call") -> Judgement:
    """Return the judgement on the exception of a check's phase (``setup``, ``call``); None is a pass."""
    if error is None:
        return Judgement(Verdict.PASS)
    raised = [_of_hypothesis(each) or each for each in single_exceptions(error)]
    errors = [each for each in raised if not isinstance(each, AssertionError | Inconclusive | NotApplicable)]
    if errors:
        return Judgement(Verdict.ERROR, recorder.redactor.text(_described(errors[0])))
    # A finding of one example counts, even if other examples are inconclusive.
    found = phase != "setup" and any(isinstance(each, AssertionError) for each in raised)
    absent = next((each for each in raised if isinstance(each, NotApplicable)), None)
    if absent is not None and not found:
        reason = recorder.redactor.text(str(absent))
        lacks = list(getattr(absent, "lacks", ()))
        return Judgement(Verdict.NOT_APPLICABLE, reason, optional=isinstance(absent, NotOffered), lacks=lacks)
    if not found:
        unclear = next((each for each in raised if isinstance(each, Inconclusive)), raised[0])
        return _inconclusive(unclear, recorder, phase)
    _gather(raised, recorder)
    different = {_origin(each): each for each in reversed(raised) if isinstance(each, AssertionError)}
    findings = [_finding(each, error, recorder) for each in reversed(different.values())]
    return Judgement(Verdict.FAIL, findings=findings)


def left_open(check: CheckInfo, judgement: Judgement) -> bool:
    """Return whether the contract permits not-applicable: the feature, surface or requirement is optional."""
    if judgement.verdict != Verdict.NOT_APPLICABLE:
        return False
    return judgement.optional or (check.requirement.id in catalogue().open and not judgement.lacks)


def _origin(error: BaseException) -> tuple[object, ...]:
    """Return a failure's origin: several explicit examples of a property that fail alike are one finding."""
    frames = traceback.extract_tb(error.__traceback__)
    explored = hasattr(error, "evidence")
    return (type(error), frames[-1].filename, frames[-1].lineno) if explored and frames else (id(error),)


def _gather(raised: list[BaseException], recorder: Recorder) -> None:
    """Retain the evidence of all failing examples of a property."""
    evidence = [entry for each in raised for entry in getattr(each, "evidence", [])]
    if evidence:
        recorder.retain(evidence)


def _inconclusive(error: BaseException, recorder: Recorder, phase: str) -> Judgement:
    if isinstance(error, Inconclusive):
        unanswered: list[str] = []
        if phase == "call" and isinstance(error, Unreachable) and not isinstance(error, NotConnected):
            unanswered = list(error.exchange_ids)
        why, needs = map(recorder.redactor.text, (error.why, error.needs))
        return Judgement(Verdict.INCONCLUSIVE, why, needs, unanswered=unanswered)
    # A failed precondition is not a finding of this check: another check verifies it.
    return Judgement(
        Verdict.INCONCLUSIVE, recorder.redactor.text(f"the precondition could not be made: {error}")[:LONGEST]
    )


def _finding(error: BaseException, group: BaseException, recorder: Recorder) -> dict[str, Any]:
    redact = recorder.redactor.body
    entries = getattr(error, "evidence", recorder.entries)
    known = {entry["id"] for entry in entries}
    sequence = _as_sent([*(entry for entry in recorder.prepared if entry["id"] not in known), *entries])
    exchanges = [entry for entry in sequence if entry["kind"] == "exchange"]
    named: list[str] = []
    if isinstance(error, NonConformance):
        expected, observed, hint, deviation = error.expected, error.observed, error.hint, error.deviation
        named = list(error.exchange_ids)
    else:
        expected, observed, hint = "the check's assertion to hold", str(error) or type(error).__name__, ""
        deviation = Deviation(Kind.BEHAVIOUR)
    shown = next(
        (entry for entry in sequence if named and entry["id"] == named[-1]), exchanges[-1] if exchanges else None
    )
    notes = [*getattr(error, "__notes__", []), *(getattr(group, "__notes__", []) if group is not error else [])]
    # The example first, then how many others fail alike.
    note_texts = [
        _readable(note, getattr(error, "tried", ()))
        for note in sorted(notes, key=lambda note: bool(OTHERS.match(note)))
    ]
    finding = {
        "asked": request_text(shown) if shown else "",
        "expected": redact(expected)[:LONGEST],
        "observed": redact(observed)[:LONGEST],
        "hint": redact("\n".join([hint, *note_texts]).strip())[:LONGEST],
        "deviation": _as_data(deviation, recorder),
        "oracle": _oracle(error),
        **(_response(shown) if shown and shown["kind"] == "exchange" else {}),
        "exchanges": named or ([shown["id"]] if shown else []),
        "sequence": [entry["id"] for entry in sequence],
    }
    curl = curl_line(finding, sequence, recorder.secret_names)
    no_script = script_lacks(finding, sequence, recorder.secret_names)
    return {
        **finding,
        "curl": curl,
        "script": not no_script,
        "no_script": no_script,
        # How to obtain the tokens in the curl line again, since they were made during the run.
        "recipes": assignments_of(curl, recorder.recipes),
    }


def _as_data(deviation: Deviation, recorder: Recorder) -> dict[str, Any]:
    """Return a deviation as plain data; only its kind if a script would have to contain a secret to search for it."""
    data = {name: value for name, value in asdict(deviation).items() if value}
    return {"kind": deviation.kind} if _contains_secret(json.dumps(data, ensure_ascii=False), recorder) else data


def _oracle(error: BaseException) -> str:
    """Return the function that raised a finding, as ``module.function``."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).stem}.{frames[-1].name}" if frames else ""


def _response(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the request of the deciding exchange, with the status and the error code of its response."""
    code = error_code(shown["response_body"].get("text", "")) if shown["status"] >= 400 else ""
    types = [value for name, value in shown["response_headers"] if name.lower() == "content-type"]
    media_type = types[0].partition(";")[0].strip().lower() if types else ""
    size = shown["response_body"]["size"]
    response = {"status": shown["status"], "code": code, "media_type": media_type, "size": size}
    return {"method": shown["method"], "url": shown["url"], **response}


def _as_sent(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries in the order of sending: a shared request is recorded where a check first used it.

    A program's transcript has no time and stays after the preceding request.
    """
    times: Iterator[float] = itertools.accumulate((entry.get("started", 0.0) for entry in entries), _or_before)
    return [entry for _, entry in sorted(zip(times, entries, strict=True), key=operator.itemgetter(0))]


def _or_before(last: float, own: float) -> float:
    return own or last


def request_text(entry: dict[str, Any]) -> str:
    """Return method, path and query of a finding's request; "" for a program's transcript."""
    if entry["kind"] != "exchange":
        return ""
    at = urlsplit(entry["url"])
    path = f"{at.path or '/'}{f'?{at.query}' if at.query else ''}"
    return f"{entry['method']} {path if len(path) <= LONGEST_PATH else f'{path[:LONGEST_PATH]}…'}"


def _contains_secret(text: str, recorder: Recorder) -> bool:
    """Return whether JSON contains a secret, also within patterns, which escape some characters again."""
    plain = re.sub(r"\\(.)", r"\1", text)
    return any(recorder.redactor.body(each) != each for each in (text, plain, re.sub(r"\\(.)", r"\1", plain)))


def _readable(note: str, tried: Iterable[str]) -> str:
    """Return Hypothesis's note on an example without the check's fixtures: only the generated values matter."""
    if note.startswith(NOT_AGAIN):
        # A traceback of the suite follows.
        return "The same requests were answered otherwise when they were sent again."
    others = OTHERS.fullmatch(note)
    if others:
        return f"Of the written examples {others[1]} more fail in this way."
    arguments = re.split(r"\n(?= {4}\w+=)", note)
    shown = tuple(f"    {name}=" for name in tried)
    return "\n".join(each for each in arguments if not each.startswith("    ") or each.startswith(shown))


def _described(error: BaseException) -> str:
    error.__notes__ = [_readable(note, getattr(error, "tried", ())) for note in getattr(error, "__notes__", [])]
    summary = "".join(traceback.format_exception_only(error)).strip()[: LONGEST // 2]
    # The innermost first, without frames of libraries.
    frames = [each for each in traceback.extract_tb(error.__traceback__) if _is_ours(each.filename)]
    locations = [f"at {each.filename}:{each.lineno} in {each.name}: {each.line}" for each in reversed(frames)]
    return "\n".join([summary, *locations])[:LONGEST].replace(f"{PACKAGE.parent}/", "")


def _is_ours(file: str) -> bool:
    return any(folder in Path(file).parents for folder in (PACKAGE, suites_folder()))
