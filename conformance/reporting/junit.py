"""``junit.xml``: a test suite a promise, a test case a check.

An inconclusive check is an ``<error>``, not ``<skipped>``: a promise that was not judged must not look green. Features
that are not claimed and waived failures are ``<skipped>``, each with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET  # Only written here, never parsed.

from conformance.reporting.causes import title
from conformance.reporting.classes import day_of, outcome, reason_of, waiver_of
from conformance.reporting.commands import run_name
from conformance.reporting.terminal import failure_text
from conformance.reporting.text import on_one_line, shortened, visible
from conformance.runs.promises import by_id
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult

LONGEST_MESSAGE = 500
ELEMENTS = {
    "fail": "failure",
    "error": "error",
    "inconclusive": "error",
    "not-applicable": "skipped",
    "waived": "skipped",
}


def render(record: Record) -> str:
    """Return the document."""
    info = record.info
    root = ET.Element("testsuites", name=visible(f"conformance of {info.target}"), time=f"{info.duration_s:.3f}")
    evidence = record.evidence_to_show()
    for promise in by_id(record).values():
        suite = ET.SubElement(root, "testsuite", name=visible(promise.name), timestamp=info.started[:19])
        ET.SubElement(ET.SubElement(suite, "properties"), "property", name="promise.verdict", value=promise.verdict)
        for result in sorted(promise.results, key=lambda each: each.id):
            _case(suite, result, record, evidence)
        _count(suite, sum(result.duration_s for result in promise.results))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _count(suite: ET.Element, seconds: float) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", f"{seconds:.3f}")


def _case(suite: ET.Element, result: CheckResult, record: Record, evidence: Mapping[str, Mapping[str, Any]]) -> None:
    ended = outcome(result, day_of(record))
    case = ET.SubElement(
        suite, "testcase", name=visible(result.id), classname=visible(result.area), time=f"{result.duration_s:.3f}"
    )
    if ended not in ELEMENTS:
        return
    properties = ET.SubElement(case, "properties")
    for name, value in _properties(result, ended).items():
        ET.SubElement(properties, "property", name=name, value=on_one_line(value))
    element = ET.SubElement(case, ELEMENTS[ended], message=_message(result, ended), type=_type(result, ended))
    if ended in ("fail", "waived"):
        element.text = failure_text(
            result,
            0,
            False,
            run=run_name(record),
            day=day_of(record),
            evidence=evidence,
            secret_names=record.info.secret_names,
            recipes=record.info.recipes,
        )


def _properties(result: CheckResult, ended: str) -> dict[str, str]:
    clause = result.clause
    return {
        "requirement": result.requirement,
        "level": result.level,
        "clause": f"{clause.get('document', '')}, {clause.get('section', '')}",
        "clause.url": clause.get("url", ""),
        "class": result.conformance_class,
        "verdict": ended,
    }


def _type(result: CheckResult, ended: str) -> str:
    return visible(result.level) if ended == "fail" else ended


def _message(result: CheckResult, ended: str) -> str:
    if ended == "waived":
        text = f"waived {waiver_of(result)}"
    elif ended == "fail":
        text = title(result)
    else:
        text = f"{ended}: {reason_of(result)}"
    return shortened(on_one_line(text), LONGEST_MESSAGE)
