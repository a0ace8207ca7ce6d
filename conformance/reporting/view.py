"""The content of the HTML report as plain data, for the template."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reporting import exchanges
from conformance.reporting.causes import title
from conformance.reporting.classes import (
    ClassSummary,
    Tally,
    areas,
    counts,
    day_of,
    outcome,
    overall,
    summarise,
    waivers_read,
)
from conformance.reporting.commands import curl_of, label_of, recipes_for, replay, run_name, script_of, show
from conformance.reporting.met_by_many import by_reason, in_front
from conformance.reporting.promises import Overview, overview
from conformance.reporting.text import duration, shortened
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.wording import plural

SURFACES = {"identity": "url", "registry": "url", "storage": "endpoint", "webhooks": "url"}
OUTCOMES = ("fail", "error", "inconclusive", "waived", "pass", "not-applicable")


@dataclass(frozen=True)
class CheckView:
    """One check in the report; exchanges and commands are only set if it did not go well."""

    result: CheckResult
    outcome: str
    findings: list[dict[str, Any]]
    curl: str
    label: str
    recipes: list[str]
    script: str
    """The command that runs the script of a finding without a curl line, or ""."""
    replay: str
    entries: list[exchanges.Entry]
    took: str

    @property
    def case(self) -> str:
        """The part of the id after ``#``."""
        return self.result.id.partition("#")[2]

    @property
    def left_out(self) -> int:
        """The number of a property's requests that are not in the evidence."""
        return max(0, self.result.requests - len(self.entries))

    @property
    def wrong(self) -> str:
        """The deviation of a failing check, else ""."""
        return title(self.result) if self.result.failing else ""


@dataclass(frozen=True)
class Row:
    """One row of the page: a check, or the passed checks of a requirement."""

    view: CheckView
    alike: list[CheckResult]
    """The checks in the row after the first."""

    @property
    def needs_no_words(self) -> bool:
        """Whether the row shows only its clause and its cases."""
        return _needs_no_words(self.view.result)

    @property
    def events(self) -> Counter[str]:
        """The summed events of the row's properties."""
        return sum((Counter(each.events) for each in (self.view.result, *self.alike)), Counter())


@dataclass(frozen=True)
class Surface:
    """One surface of the target, with the preflight's result. ``state`` is ok, warn, fail or unknown."""

    name: str
    address: str
    state: str
    summary: str
    lines: list[tuple[str, str]]


@dataclass(frozen=True)
class Report:
    """The whole report."""

    record: Record
    title: str
    statement: ClassSummary
    in_front: list[str]
    classes: list[ClassSummary]
    counts: Tally
    tally: dict[str, int]
    facts: list[tuple[str, str]]
    surfaces: list[Surface]
    overview: Overview
    waived: list[CheckResult]
    unjudged: list[list[CheckResult]]
    """The checks that could not be judged, by reason."""
    errors: list[CheckResult]
    areas: dict[str, list[Row]]
    views: dict[str, CheckView]
    leftovers: list[dict[str, str]]
    configuration: str
    show: str
    """The command that prints the exchanges of a check."""


def build(record: Record) -> Report:
    """Return the content of the report for a run's record."""
    classes = summarise(record)
    by_outcome = _by_outcome(record)
    checks = _checks(record)
    return Report(
        record=record,
        title=f"{record.info.target}: conformance",
        statement=overall(record, classes),
        in_front=in_front(record),
        classes=classes,
        counts=counts(record),
        tally={name: len(by_outcome.get(name, [])) for name in OUTCOMES},
        facts=_facts(record),
        surfaces=_surfaces(record),
        overview=overview(record),
        waived=by_outcome.get("waived", []),
        unjudged=by_reason(by_outcome.get("inconclusive", [])),
        errors=by_outcome.get("error", []),
        areas={area: _rows(found) for area, found in checks.items()},
        show=show(run_name(record), "ID"),
        views={view.result.id: view for found in checks.values() for view in found},
        leftovers=record.leftovers(),
        configuration=json.dumps(record.info.configuration, indent=2, ensure_ascii=False),
    )


def _by_outcome(record: Record) -> dict[str, list[CheckResult]]:
    found: dict[str, list[CheckResult]] = {}
    for result in record.results:
        found.setdefault(outcome(result, day_of(record)), []).append(result)
    return found


def _facts(record: Record) -> list[tuple[str, str]]:
    info = record.info
    processes = plural(info.workers, "worker") if info.workers else "one process"
    facts = [
        ("Run", info.run_id),
        ("Started", info.started.replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC")),
        ("Took", f"{duration(info.duration_s)}, {plural(info.requests, 'request')}, {processes}"),
        ("Suite", info.suite_version),
        ("Contract", f"{info.contract_version} ({info.contract_digest[:12]})"),
        ("Profile", info.profile + (", strict" if info.strict else "")),
        ("Selection", ", ".join(info.selection) or "everything"),
        ("Seed", f"{info.seed} ({plural(info.explore, 'example')} a property)"),
        ("Target digest", info.fingerprint[:12]),
        ("Features", ", ".join(info.features) or "none claimed beyond the core"),
    ]
    further = [("Waivers", waivers_read(info)), ("Shard", info.shard or "")]
    return facts + [(name, value) for name, value in further if value]


def _surfaces(record: Record) -> list[Surface]:
    states = {str(state.get("surface")): state for state in record.info.preflight}
    configured = {name: table for name in SURFACES if isinstance(table := record.info.configuration.get(name), dict)}
    return [
        _surface(name, configured.get(name, {}), states.get(name)) for name in dict.fromkeys([*configured, *states])
    ]


def _surface(name: str, table: Mapping[str, Any], preflight: Mapping[str, Any] | None) -> Surface:
    address = str(table.get(SURFACES.get(name, "url")) or (preflight or {}).get("url") or "")
    if preflight is None:
        return Surface(name, address, "unknown", "no preflight", [])
    lines = [(str(line[0]), str(line[1])) for line in preflight.get("lines", []) if len(line) == 2]
    kinds = {kind for kind, _ in lines}
    if not preflight.get("reachable"):
        return Surface(name, address, "fail", f"not reachable: {preflight.get('cause') or 'no cause given'}", lines)
    state = next((kind for kind in ("fail", "warn") if kind in kinds), "ok")
    if preflight.get("locked"):
        return Surface(name, address, "fail", "nothing of it can be judged", lines)
    summary = {"ok": "reachable", "warn": "reachable, with remarks", "fail": "reachable, with faults"}[state]
    if trip := preflight.get("round_trip_s"):
        lines.append(("ok", f"one round trip takes {duration(float(trip))}"))
    return Surface(name, address, state, summary, lines)


def _checks(record: Record) -> dict[str, list[CheckView]]:
    evidence = record.evidence_to_show()
    run = run_name(record)
    return {
        area: [_check(each, record, evidence, run) for each in found] for area, found in areas(record.results).items()
    }


def _check(result: CheckResult, record: Record, evidence: dict[str, dict[str, Any]], run: str) -> CheckView:
    if result.went_well:
        return CheckView(
            result, str(result.verdict), [], "", "", [], "", "", [], duration(result.duration_s)
        )  # fmt: skip
    named = frozenset(entry_id for finding in result.findings for entry_id in finding.get("exchanges", []))
    ids = list(dict.fromkeys([*result.exchanges, *sorted(named - set(result.exchanges))]))
    command = curl_of(result, evidence, record.info.secret_names)
    return CheckView(
        result=result,
        outcome=outcome(result, day_of(record)),
        findings=[
            {**each, "expected": _cut(each, "expected"), "observed": _cut(each, "observed")} for each in result.findings
        ],
        curl=command,
        label=label_of(command),
        recipes=recipes_for(command, record.info.recipes),
        script=script_of(result, run),
        replay=replay(result.id, run),
        entries=list(exchanges.entries(ids, evidence, named, record.info.secret_names)),
        took=duration(result.duration_s),
    )


def _rows(views: list[CheckView]) -> list[Row]:
    """Return the rows in order; checks of one requirement that went well share a row."""
    rows: dict[tuple[str, ...], Row] = {}
    for view in views:
        result = view.result
        key = (result.requirement, view.outcome, result.reason) if _needs_no_words(result) else (result.id,)
        if key in rows:
            rows[key].alike.append(result)
        else:
            rows[key] = Row(view, [])
    return [*rows.values()]


def _needs_no_words(result: CheckResult) -> bool:
    return result.went_well and not result.waiver


def _cut(finding: Mapping[str, Any], name: str) -> str:
    return shortened(str(finding.get(name) or ""))
