"""``allure-results/``: the run as Allure results, made with Allure's own classes.

Epic is the area, feature the promise, story the requirement. Only a check that did not pass has its description, its
clause and its exchanges. Results of one check in several runs share a history id made from the check's id.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from conformance.reporting.causes import title
from conformance.reporting.classes import day_of, outcome, reason_of
from conformance.reporting.commands import run_name
from conformance.reporting.markdown import escaped
from conformance.reporting.terminal import failure_text
from conformance.reporting.text import on_one_line, shortened, visible
from conformance.runs.promises import name_of
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult

# In Allure, "broken" is an error in the suite, and "unknown" is shown separately.
STATUSES = {
    "pass": "passed",
    "fail": "failed",
    "waived": "failed",
    "error": "broken",
    "inconclusive": "unknown",
    "not-applicable": "skipped",
}
SEVERITIES = {"MUST": "critical", "SHOULD": "normal", "MAY": "minor"}
MOST_STEPS = 40


def write(record: Record, folder: Path) -> None:
    """Write the folder, replacing an existing one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    evidence = record.evidence_to_show()
    for result in record.results:
        test_result = _result(result, record, evidence, folder)
        # Allure's own writer is three times slower.
        content = json.dumps(test_result, default=_members, ensure_ascii=False)
        (folder / test_result.file_pattern.format(prefix=test_result.uuid)).write_text(content, encoding="utf-8")
    lines = [f"{name}={on_one_line(value)}" for name, value in _environment(record).items()]
    (folder / "environment.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _members(item: Any) -> dict[str, Any]:
    """Return the members of an Allure object that have a value."""
    return {name: value for name, value in vars(item).items() if value or value is False}


def _environment(record: Record) -> dict[str, str]:
    info = record.info
    return {
        "target": info.target,
        "contract": info.contract_version,
        "suite": info.suite_version,
        "profile": info.profile,
        "seed": str(info.seed),
    }


def _result(result: CheckResult, record: Record, evidence: Mapping[str, dict[str, Any]], folder: Path) -> Any:
    from allure_commons import model2

    ended = outcome(result, day_of(record))
    entries = [evidence[entry_id] for entry_id in result.exchanges if entry_id in evidence]
    start = _start(record, entries)
    explained = ended not in ("pass", "not-applicable")
    shown = entries[-MOST_STEPS:] if explained else []
    clause = result.clause
    stable = hashlib.sha256(visible(result.id).encode()).hexdigest()[:32]
    return model2.TestResult(
        uuid=str(uuid.uuid4()),
        name=visible(result.title if "#" not in result.id else f"{result.title} ({result.id.partition('#')[2]})"),
        fullName=visible(result.id),
        historyId=stable,
        testCaseId=stable,
        status=STATUSES[ended],
        statusDetails=_details(result, ended, record, evidence),
        stage="finished",
        description=_description(result) if explained else None,
        start=start,
        stop=start + round(result.duration_s * 1000),
        labels=[model2.Label(name=name, value=visible(value)) for name, value in _labels(result, record).items()],
        links=[model2.Link(type="link", url=url, name=visible(f"{clause.get('document')}, {clause.get('section')}"))]
        if explained and (url := visible(clause.get("url", ""))).startswith(("https://", "http://"))
        else [],
        steps=[_step(entry) for entry in shown],
        attachments=[_attached(shown, folder)] if shown else [],
    )


def _labels(result: CheckResult, record: Record) -> dict[str, str]:
    promise = name_of(result.promise, record.info)
    return {
        "epic": result.area,
        "feature": promise,
        "story": result.requirement,
        "severity": SEVERITIES.get(result.level, "normal"),
        "tag": result.level,
        "conformanceClass": result.conformance_class,
        "thread": result.worker,
    }


def _details(result: CheckResult, ended: str, record: Record, evidence: Mapping[str, dict[str, Any]]) -> Any:
    from allure_commons import model2

    if ended == "pass":
        return None
    if ended not in ("fail", "waived"):
        return model2.StatusDetails(message=shortened(on_one_line(reason_of(result)), 1000))
    message = shortened(on_one_line(title(result)), 1000)
    trace = failure_text(
        result, 0, False, run=run_name(record), evidence=evidence, secret_names=record.info.secret_names
    )
    return model2.StatusDetails(known=ended == "waived", message=message, trace=trace)


def _description(result: CheckResult) -> str:
    steps = [f"{number}. {escaped(step)}" for number, step in enumerate(result.method, 1)]
    quote = f"> {escaped(result.clause.get('quote', ''), 2000)}"
    return "\n".join([quote, "", f"**Purpose** {escaped(result.purpose or result.title)}", "", *steps])


def _attached(entries: Sequence[Mapping[str, Any]], folder: Path) -> Any:
    """Attach all exchanges as one file: writing many small files is slow."""
    from allure_commons import model2

    file = f"{uuid.uuid4()}-attachment.json"
    # One member a line; json's own indentation is slow.
    shown = (
        ",\n  ".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in entry.items())
        for entry in entries
    )
    content = "[\n " + ",\n ".join(f"{{\n  {each}\n }}" for each in shown) + "\n]"
    (folder / file).write_text(visible(content), encoding="utf-8")
    return model2.Attachment(name="exchanges", source=file, type="application/json")


def _step(entry: Mapping[str, Any]) -> Any:
    from allure_commons import model2

    if entry.get("kind") == "transcript":
        name = f"{' '.join(map(str, entry.get('command', [])))} ended with {entry.get('exit_code')}"
    else:
        name = f"{entry.get('method')} {entry.get('url')} answered {entry.get('status') or entry.get('error')}"
    start = round(float(entry.get("started", 0)) * 1000) or None
    return model2.TestStepResult(
        name=shortened(on_one_line(f"{entry.get('id')}: {name}"), 300),
        status="passed",
        start=start,
        stop=start and start + round(float(entry.get("duration_s", 0)) * 1000),
    )


def _start(record: Record, entries: list[dict[str, Any]]) -> int:
    first = min((float(entry["started"]) for entry in entries if entry.get("started")), default=0.0)
    return round((first or datetime.fromisoformat(record.info.started).timestamp()) * 1000)
