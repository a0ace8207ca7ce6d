"""Merging of the shards of one run into the record of the whole run.

Shards must have the same contract, target, seed, suite version, profile, selection and plan. Each must be present once,
complete and unchanged, and no check may be in two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from conformance.runs.outcome import exit_code
from conformance.runs.reading import Record, entries_of, need_untouched, read, read_whole
from conformance.runs.record import CheckResult, EvidenceWriter, RecordError, RecordWriter, RunInfo
from conformance.runs.seal import SealError, check_run_seal
from conformance.runs.waivers import Waivers, of_plain
from conformance.vocabulary.verdict import Verdict

SAME = {
    "contract_version": "contract", "contract_digest": "contract", "suite_version": "version of the suite",
    "target": "target", "fingerprint": "target's description", "seed": "seed", "explore": "number of examples",
    "profile": "profile", "selection": "selection", "strict": "strictness", "plan": "plan of the shards",
    "challenge": "challenge",
}  # fmt: skip

PART = ("shard", "run_id", "started", "duration_s", "requests")


def merge(folders: Sequence[Path], out: Path, waivers: Waivers | None = None) -> Record:
    """Write the merged run of these shards into a new folder; RecordError if they cannot be merged."""
    shards = _ordered([read_whole(folder) for folder in folders])
    results = list(_results(shards))
    for shard in shards:
        _need_sealed(shard.folder)
    info = _info([shard.info for shard in shards])
    known = waivers or Waivers(of_plain(_waivers(shards, results)), info.started[:10], selection=info.selection)
    info.waivers = [each.plain() for each in known.entries]
    info.waivers_file = waivers.read_from if waivers else info.waivers_file
    for result in results:
        known.mark(result)
    info.exit_code = exit_code(results, info.strict, known)
    writer = RecordWriter(out, info)
    for result in results:
        writer.check(result)
    for shard in shards:
        _copy_evidence(shard, writer)
    leftovers = [each for shard in shards for each in shard.leftovers()]
    writer.close(True, dict(Counter(result.verdict for result in results)), leftovers)
    return read(out)


def _waivers(shards: Sequence[Record], results: Sequence[CheckResult]) -> Iterator[dict[str, Any]]:
    """Yield the waivers that the shards read; for an older record, those of its failing checks."""
    for shard in shards:
        yield from shard.info.waivers or []
    yield from (result.waiver for result in results if result.waiver)


def _need_sealed(folder: Path) -> None:
    """Raise RecordError if a shard was changed after it ended: the seal of the merged run would hide that."""
    try:
        check_run_seal(folder)
    except SealError as mistake:
        raise RecordError(str(mistake)) from None


def _ordered(shards: list[Record]) -> list[Record]:
    """Return the shards in order; RecordError unless they are all the parts of one run."""
    first = shards[0]
    for shard in shards:
        if shard.info.shard is None or shard.info.plan is None:
            raise RecordError(f"{shard.folder}: is not a shard (conformance run --shard I/N)")
        for name, label in SAME.items():
            one, other = getattr(first.info, name), getattr(shard.info, name)
            if one != other:
                values = f"{_shortened(other)}, not {_shortened(one)}"
                raise RecordError(f"{shard.folder}: another {label} than {first.folder} ({values})")
    by_shard: dict[str, Record] = {}
    for shard in shards:
        name = str(shard.info.shard)
        if name in by_shard:
            raise RecordError(f"{shard.folder}: is shard {name}, as {by_shard[name].folder} is")
        by_shard[name] = shard
    parts = int(str(first.info.shard).partition("/")[2])
    expected = [f"{number}/{parts}" for number in range(1, parts + 1)]
    missing = [each for each in expected if each not in by_shard]
    if missing:
        raise RecordError(f"the folders lack shard {', '.join(missing)}")
    if unknown := sorted(set(by_shard) - set(expected)):
        raise RecordError(f"there is no shard {', '.join(unknown)}: the run has {parts} shards")
    return [by_shard[each] for each in expected]


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"


def _results(shards: Sequence[Record]) -> Iterator[CheckResult]:
    """Yield every check once; a check of the whole run has the worst verdict of all shards."""
    judged: dict[str, Record] = {}
    whole: dict[str, CheckResult] = {}
    for shard in shards:
        recorded = shard.evidence().keys()
        need_untouched(shard)
        for result in shard.results:
            missing = set(result.exchanges) - recorded
            if missing:
                raise RecordError(f"{shard.folder}: evidence of {result.id} is missing ({min(missing)})")
            named = _renamed(shard, result)
            if result.whole_run:
                whole[result.id] = _worse(whole[result.id], named) if result.id in whole else named
                continue
            if result.id in judged:
                raise RecordError(f"{shard.folder}: {result.id} was also judged by {judged[result.id].folder}")
            judged[result.id] = shard
            yield named
    yield from whole.values()
    planned = shards[0].info.planned
    if len(judged) + len(whole) != planned:
        raise RecordError(
            f"the shards contain {len(judged) + len(whole)} checks, but the run was divided into {planned}"
        )


def _worse(one: CheckResult, other: CheckResult) -> CheckResult:
    order = list(Verdict)
    worse, better = sorted((one, other), key=lambda each: order.index(Verdict(each.verdict)), reverse=True)
    return replace(
        worse,
        findings=[*worse.findings, *better.findings],
        exchanges=[*worse.exchanges, *better.exchanges],
        duration_s=worse.duration_s + better.duration_s,
        requests=worse.requests + better.requests,
    )


def _prefix(shard: Record) -> str:
    """Return the prefix of a shard's workers and exchanges, unique among the shards."""
    return f"s{str(shard.info.shard).partition('/')[0]}-"


def _renamed(shard: Record, result: CheckResult) -> CheckResult:
    prefix, exchanges = _prefix(shard), set(result.exchanges)

    def renamed(value: Any) -> Any:
        """Return a part of a finding with the ids of exchanges renamed."""
        if isinstance(value, dict):
            return {key: renamed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [renamed(each) for each in value]
        return prefix + value if value in exchanges else value

    findings = [renamed(each) for each in result.findings]
    ids = [prefix + name for name in result.exchanges]
    return replace(result, worker=prefix + result.worker, exchanges=ids, findings=findings)


def _copy_evidence(shard: Record, writer: RecordWriter) -> None:
    prefix = _prefix(shard)
    for path in shard.evidence_files():
        name = f"{prefix}{path.name.removesuffix('.gz')}.gz"
        copy = EvidenceWriter(writer.folder / "evidence" / name)
        for _, entries in groupby(entries_of(path, []), key=lambda entry: entry.get("check")):
            copy.write({**entry, "id": f"{prefix}{entry['id']}"} for entry in entries)
        copy.close()
        writer.evidence(name, copy.digest)


def _info(infos: Sequence[RunInfo]) -> RunInfo:
    """Return the info of the merged run: the first shard's, with the sums and times of all."""
    first = infos[0]
    started = min(info.started for info in infos)
    finished = max(str(info.finished) for info in infos)
    return replace(
        first,
        started=started,
        finished=finished,
        duration_s=(datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds(),
        workers=sum(info.workers for info in infos),
        requests=sum(info.requests for info in infos),
        recipes={name: recipe for info in infos for name, recipe in info.recipes.items()},
        preflight=_preflight(infos),
        shard=None,
        parts=[{name: getattr(info, name) for name in PART} for info in infos],
    )


def _preflight(infos: Sequence[RunInfo]) -> list[dict[str, Any]]:
    """Return the worst state of each surface among the shards."""
    worst: dict[str, dict[str, Any]] = {}
    for state in (state for info in infos for state in info.preflight):
        known = worst.get(str(state.get("surface")))
        if known is None or (known.get("reachable") and not state.get("reachable")):
            worst[str(state.get("surface"))] = state
    return list(worst.values())
