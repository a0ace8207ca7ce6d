"""Certification of a run by signed statements, and verification of such statements."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from conformance.contract.catalogue import catalogue
from conformance.contract.profiles import profiles
from conformance.reporting.attestation import (
    HOLDS_DAYS,
    Attestation,
    Attester,
    Claims,
    Product,
    attestations,
    claimable,
)
from conformance.reporting.causes import ends_service
from conformance.reporting.classes import ClassSummary, Statement, day_of, outcome, summarise
from conformance.reporting.text import on_one_line
from conformance.runs.reading import Record, read
from conformance.runs.record import CheckResult
from conformance.runs.seal import SealError, check_run_seal, seal, unseal
from conformance.runs.signing import Unsigned, opened, signed
from conformance.vocabulary.amounts import challenge_seed
from conformance.vocabulary.verdict import Verdict
from conformance.vocabulary.wording import plural

RELEASED = re.compile(r"^\d{4}\.\d+(\.\d+)?$")
PROFILE = "full"
LARGEST = 64 * 1024 * 1024


class NotEntitled(Exception):
    """A run does not justify the statement: the reasons, one a line."""


class Refused(Exception):
    """A statement is not valid: the reason."""


@dataclass(frozen=True)
class Request:
    """A request to certify: ``classes`` (none: all that apply), the product, and the day (UTC).

    ``challenge`` is the one that the attester set, if any.
    """

    classes: list[str]
    product: Product
    day: str
    challenge: str | None = None


JudgeAgain = Callable[[Record], Iterable[str]]


class Unjudged(Exception):
    """A statement's signature and files are valid, but this suite cannot judge its run again, and which can."""


def certify(
    record: Record, request: Request, signer: CryptoSigner, checks: Mapping[str, str], judge_again: JudgeAgain
) -> list[str]:
    """Return the signed statements of the classes (default: all that apply), and write the digests of the run's files.

    ``checks`` are the suite's, each with its requirement. ``judge_again`` yields each verdict that the evidence
    contradicts; it is called last, since it takes long. Raises NotEntitled, and SealError if sealing fails.
    """
    classes = sorted(set(request.classes)) or claimable(record)
    until = valid_until(record)
    reasons = [*_reasons(record), *_class_reasons(record, classes, request.day, checks), *_unanswered(record, request)]
    if until < request.day:
        reasons.append(f"the run is of {day_of(record)}, and a statement holds no longer than {until}")
    if not classes and not reasons:
        reasons += list(not_claimed(record, [])) or ["nothing in this run applies to what the target claims"]
    reasons = reasons or [*_lost(record, classes)] or [*judge_again(record)]
    if reasons:
        raise NotEntitled("\n".join(reasons))
    attester = Attester.of(signer.public_key.keyid, request.challenge)
    key = check_run_seal(record.folder)
    claims = Claims(classes, request.product, attester, until, seal(record.folder), key)
    return [signed(each.plain(), signer) for each in attestations(record, claims)]


def not_claimed(record: Record, classes: Iterable[str]) -> Iterator[str]:
    """Yield a line for each applicable class that is not claimed."""
    for each in summarise(record):
        if each.total.applicable and each.name not in set(classes):
            yield f"{each.name}: {each.statement.value}: {each.why}"


def _unanswered(record: Record, request: Request) -> Iterator[str]:
    """Yield a reason if the run was not made with the attester's challenge."""
    if request.challenge and record.info.challenge != request.challenge:
        challenge = f"with challenge {record.info.challenge}" if record.info.challenge else "without one"
        yield f"the run was made {challenge}; conformance run --challenge {request.challenge} makes one that answers"


def valid_until(record: Record) -> str:
    """Return the last day of a statement's validity: after a year, or when the first waiver expires."""
    begun = datetime.date.fromisoformat(day_of(record))
    days = [(begun + datetime.timedelta(days=HOLDS_DAYS)).isoformat()]
    return min(days + [str((each.waiver or {}).get("until")) for each in record.results if _waived(each, record)])


def _waived(result: CheckResult, record: Record) -> bool:
    return outcome(result, day_of(record)) == "waived"


def _reasons(record: Record) -> Iterator[str]:
    """Yield why the run as a whole cannot be certified."""
    info, contract = record.info, catalogue()
    yield from _broken_seal(record)
    if info.challenge and info.seed != challenge_seed(info.challenge):
        yield f"the seed {info.seed} was not derived from the challenge {info.challenge}"
    if not record.complete or record.remarks:
        yield "the run is not complete" + (f" ({record.remarks[0]})" if record.remarks else "")
    if info.shard:
        yield f"the run is shard {info.shard}; conformance merge joins the shards of a run"
    if info.profile != PROFILE:
        yield f"the run is of the profile {info.profile}; a statement takes --profile {PROFILE}"
    elif info.explore < profiles()[PROFILE].explore:
        yield f"the run tried {info.explore} examples a property; a statement takes {profiles()[PROFILE].explore}"
    if not RELEASED.match(info.contract_version):
        yield f"the run's contract {info.contract_version} is not a released version"
    if info.contract_digest != contract.digest:
        yield (
            f"the run was made with another contract (version {info.contract_version}, digest "
            f"{info.contract_digest[:12]}…) than this suite's ({contract.version}, {contract.digest[:12]}…): "
            "certify it with the suite that made it"
        )
    errors = [each.id for each in record.results if outcome(each, day_of(record)) == Verdict.ERROR]
    if errors:
        yield f"{plural(len(errors), 'check')} ended in an error of the suite, {errors[0]} the first"


def _broken_seal(record: Record) -> Iterator[str]:
    try:
        check_run_seal(record.folder)
    except SealError as broken:
        yield f"{broken}; run it again"


def _class_reasons(record: Record, claimed: Iterable[str], day: str, checks: Mapping[str, str]) -> Iterator[str]:
    summaries = {each.name: each for each in summarise(record)}
    known = {each.conformance_class for each in catalogue()}
    for name in claimed:
        if name not in known:
            yield f"{name}: there is no such class; the run has {', '.join(claimable(record))}"
        elif name not in summaries or not summaries[name].total.applicable:
            yield f"{name}: nothing in this run applies to it; leave it out"
        else:
            yield from _standing(summaries[name], record, day)
            yield from _coverage(name, record, checks)


def _standing(summary: ClassSummary, record: Record, day: str) -> Iterator[str]:
    # An incomplete run is reported once, for the whole.
    wrong = {Statement.NOT_CONFORMANT, *([Statement.NOT_SHOWN] if record.complete else [])}
    if summary.statement in wrong:
        yield f"{summary.name}: {summary.statement.value}: {summary.why}; mend it, or name the others with --class"
    for each in (each for each in record.results if each.conformance_class == summary.name):
        until = str((each.waiver or {}).get("until"))
        if _waived(each, record) and until < day:
            yield f"{summary.name}: the waiver of {each.id} ran out on {until}"


def _coverage(name: str, record: Record, checks: Mapping[str, str]) -> Iterator[str]:
    """Yield differences between the class's checks in the run and in the suite: missing, unknown, another level."""
    contract = catalogue()
    expected = {each for each, requirement in checks.items() if contract[requirement].conformance_class == name}
    judged = {each.id: each for each in record.results if each.conformance_class == name}
    missing, unknown = sorted(expected - judged.keys()), sorted(judged.keys() - expected)
    if missing and record.complete:
        yield f"{name}: only a part was run; {plural(len(missing), 'check')} missing, {missing[0]} the first"
    if unknown:
        yield f"{name}: {unknown[0]} is no check of this class"
    for each in (judged[known] for known in sorted(expected & judged.keys())):
        if each.level != contract[checks[each.id]].level and not ends_service(each):
            yield f"{name}: {each.id} is a {contract[checks[each.id]].level}, and not a {each.level}"


def statements(path: Path, key: SSlibKey | None) -> list[Attestation]:
    """Return the attestations of a file; Refused names an invalid line. Without a key, signatures are not verified."""
    try:
        if path.stat().st_size > LARGEST:
            raise Refused(f"{path}: is larger than any statement")
        text = path.read_bytes().decode()
    except OSError as failure:
        raise Refused(f"{path}: cannot be read ({failure.strerror})") from None
    except ValueError:
        raise Refused(f"{path}: is not a statement") from None
    lines = text.split("\n")
    if not text or lines.pop():
        raise Refused(f"{path}: {'is empty' if not text else 'its last line is cut off'}")
    found = [_statement(f"{path}:{number}", line, key) for number, line in enumerate(lines, 1)]
    _whole(path, found)
    return found


def _statement(source: str, line: str, key: SSlibKey | None) -> Attestation:
    try:
        attestation = Attestation.model_validate_json(json.dumps(opened(line, key)))
    except Unsigned as refusal:
        raise Refused(f"{source}: {refusal}") from None
    except ValidationError as mistake:
        first = mistake.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise Refused(f"{source}: says something else than a statement of a run: {where}: {first['msg']}") from None
    attester = attestation.attester
    if attester != Attester.of(attester.digest.get("sha256", ""), attester.annotations.challenge):
        raise Refused(f"{source}: says of its attester what no statement says")
    if key is not None and attester.digest != {"sha256": key.keyid}:
        raise Refused(f"{source}: names another key than the one that signed it")
    return attestation


def _whole(path: Path, found: list[Attestation]) -> None:
    names = [each.conformance_class for each in found]
    claimed = found[0].run.claimed
    for name in sorted({*claimed, *names}):
        if name not in names or name not in claimed:
            problem = "is missing" if name not in names else "is not claimed by the others"
            raise Refused(f"{path}: the statement of {name} {problem}")
    if names != claimed:
        raise Refused(f"{path}: its lines are not one for each class, in order")
    if len({(each.run.id, each.subject[0].digest.get("sha256")) for each in found}) > 1:
        raise Refused(f"{path}: holds statements of more than one run")


def verify_run(found: list[Attestation], folder: Path, checks: Mapping[str, str]) -> Record:
    """Compare a run's folder and its record with the statements, and return the record.

    ``checks`` are the suite's, each with its requirement.
    Raises SealError, RecordError, Refused, and Unjudged if the run was made with another contract.
    """
    first = found[0]
    sums = first.subject[0].digest.get("sha256", "")
    unseal(folder, sums)
    record = read(folder)
    if first.contract.digest.get("sha256") != catalogue().digest:
        raise Unjudged(
            f"the run was made with suite {first.suite_version} and contract {first.contract.annotations.version}, "
            "which is not this suite's: install that version to judge it again"
        )
    reasons = [*_reasons(record), *_class_reasons(record, first.run.claimed, day_of(record), checks)]
    if reasons:
        raise Refused(f"the run does not entitle to the statement: {on_one_line(reasons[0])}")
    key = check_run_seal(folder)
    # Only the statement has the product and the key.
    claims = Claims(first.run.claimed, first.target.product, first.attester, valid_until(record), sums, key)
    expected = {each.conformance_class: each for each in attestations(record, claims)}
    for each in found:
        if expected[each.conformance_class] != each:
            raise Refused(f"the statement of {each.conformance_class} is not what follows from the run")
    for reason in _lost(record, first.run.claimed):
        raise Refused(reason)
    return record


def _lost(record: Record, claimed: Iterable[str]) -> Iterator[str]:
    """Yield the checks of the claimed classes whose evidence is missing."""
    evidence = record.evidence()
    for each in record.results:
        missing = sorted(set(each.exchanges) - evidence.keys()) if each.conformance_class in set(claimed) else []
        if missing:
            yield f"{each.id}: its evidence {missing[0]} is not in the run"


def still_valid(found: list[Attestation], day: str) -> None:
    """Raise Refused if the statements have expired on a day (``YYYY-MM-DD``), or have a later date."""
    for each in found:
        if each.run.valid_until < day:
            raise Refused(f"the statement ran out on {each.run.valid_until}; ask for one of a newer run")
        if each.run.started[:10] > day:
            raise Refused(
                f"the statement is of a run on {each.run.started[:10]}, which is a day to come; is the clock right?"
            )
