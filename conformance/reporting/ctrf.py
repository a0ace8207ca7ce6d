"""``ctrf-report.json``: the Common Test Report Format, specification 1.0.0 (https://ctrf.io)."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from conformance.reporting.causes import title
from conformance.reporting.classes import day_of, outcome, overall, reason_of, summarise
from conformance.reporting.commands import run_name
from conformance.reporting.terminal import failure_text
from conformance.reporting.text import on_one_line, shortened, visible
from conformance.runs.promises import by_id
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult

SPECIFICATION = "1.0.0"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "conformance.nextepoch.example")
# Unjudged and waived checks are "other", with the outcome as rawStatus.
STATUSES = {"pass": "passed", "fail": "failed", "not-applicable": "skipped"}


def render(record: Record) -> str:
    """Return the document."""
    info = record.info
    names = {promise.id: promise.name for promise in by_id(record).values()}
    tests = [_test(result, record, names[result.promise]) for result in record.results]
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "reportId": str(uuid.uuid5(NAMESPACE, visible(info.run_id))),
        "timestamp": info.finished or info.started,
        "generatedBy": f"nextepoch-conformance {info.suite_version}",
        "results": {
            "tool": {"name": "nextepoch-conformance", "version": info.suite_version},
            "summary": _summary(record, tests),
            "tests": tests,
            "environment": {"testEnvironment": visible(info.target), "extra": _tested(record)},
        },
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"


def _summary(record: Record, tests: list[dict[str, Any]]) -> dict[str, Any]:
    start = _milliseconds(record.info.started)
    whole = overall(record, summarise(record))
    counted = {
        status: sum(test["status"] == status for test in tests)
        for status in ("passed", "failed", "skipped", "pending", "other")
    }
    return {
        "tests": len(tests),
        **counted,
        "suites": len({test["suite"][0] for test in tests}),
        "start": start,
        "stop": _milliseconds(record.info.finished)
        if record.info.finished
        else start + round(record.info.duration_s * 1000),
        "duration": round(record.info.duration_s * 1000),
        "extra": {"statement": whole.words, "complete": record.complete},
    }


def _tested(record: Record) -> dict[str, Any]:
    info = record.info
    return {
        "contract": info.contract_version,
        "contractDigest": info.contract_digest,
        "profile": info.profile,
        "seed": info.seed,
        "targetDigest": info.fingerprint,
        "features": info.features,
    }


def _test(result: CheckResult, record: Record, promise: str) -> dict[str, Any]:
    ended = outcome(result, day_of(record))
    clause = result.clause
    test = {
        "id": str(uuid.uuid5(NAMESPACE, visible(result.id))),
        "name": visible(result.id),
        "status": STATUSES.get(ended, "other"),
        "rawStatus": ended,
        "duration": round(result.duration_s * 1000),
        "suite": [visible(promise)],
        "labels": {
            "promise": visible(result.promise),
            "requirement": visible(result.requirement),
            "level": visible(result.level),
            "class": visible(result.conformance_class),
            "clause": on_one_line(f"{clause.get('document', '')}, {clause.get('section', '')}"),
        },
        "type": "conformance",
        "filePath": visible(result.nodeid.partition("::")[0]),
        "threadId": visible(result.worker),
        "message": _message(result, ended),
        "trace": failure_text(result, 0, False, run=run_name(record)) if ended in ("fail", "waived") else "",
    }
    return {name: value for name, value in test.items() if value not in ("", [])}


def _message(result: CheckResult, ended: str) -> str:
    text = title(result) if ended in ("fail", "waived") else reason_of(result)
    return shortened(on_one_line(text), 1000)


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
