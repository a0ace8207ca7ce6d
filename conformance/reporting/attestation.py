"""What is stated of a run, class by class: an in-toto attestation each, with the test-result predicate (version 0.1).

``configuration`` holds four descriptors: the contract and its class, the suite, the target as it declares itself, and
the run. What is stated follows from the record alone, so that whoever has it can make the same attestation again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from conformance.contract.catalogue import catalogue
from conformance.reporting.classes import day_of, outcome, summarise
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult

HOLDS_DAYS = 365


class Part(BaseModel):
    """A part of an attestation: plain data, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Subject(Part):
    """What is stated of: the sums of the run's files."""

    name: Literal["SHA256SUMS"] = "SHA256SUMS"
    digest: dict[str, str]


class ContractNotes(Part):
    """Which part of which contract."""

    version: str
    conformance_class: str = Field(alias="class")


class Contract(Part):
    """The contract, by the digest of its data."""

    name: Literal["contract"] = "contract"
    digest: dict[str, str]
    annotations: ContractNotes


class SuiteNotes(Part):
    """What made the run."""

    version: str


class Suite(Part):
    """The suite, by its package."""

    name: Literal["suite"] = "suite"
    uri: str
    annotations: SuiteNotes


class TargetNotes(Part):
    """The target as it declares itself, and what it does not claim."""

    name: str
    organization: str
    addresses: dict[str, str]
    features: list[str]
    features_not_claimed: list[str] = Field(alias="featuresNotClaimed")


class Target(Part):
    """The target, by the digest of its redacted description."""

    name: Literal["target"] = "target"
    digest: dict[str, str]
    annotations: TargetNotes


class Permitted(Part):
    """A waiver under which a check fails."""

    id: str
    reason: str
    issue: str
    until: str


class RunNotes(Part):
    """How and when it was checked, what is claimed of it as a whole, and until when that holds."""

    id: str
    started: str
    finished: str
    profile: str
    explore: int
    seed: int
    strict: bool
    requests: int
    valid_until: str = Field(alias="validUntil")
    claimed: list[str]
    not_claimed: list[str] = Field(alias="notClaimed")
    not_applicable: list[str] = Field(alias="notApplicable")
    waivers: list[Permitted]


class Run(Part):
    """The run, by the digest of its id."""

    name: Literal["run"] = "run"
    digest: dict[str, str]
    annotations: RunNotes


class Predicate(Part):
    """The test-result predicate. Warned are failures that do not bind, and failures that a waiver permits."""

    result: Literal["PASSED", "WARNED"]
    configuration: tuple[Contract, Suite, Target, Run]
    passed: list[str] = Field(alias="passedTests")
    warned: list[str] = Field(alias="warnedTests")
    failed: list[str] = Field(alias="failedTests", max_length=0)


class Attestation(Part):
    """The statement of one class."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field("https://in-toto.io/Statement/v1", alias="_type")
    subject: tuple[Subject]
    predicate_type: Literal["https://in-toto.io/attestation/test-result/v0.1"] = Field(
        "https://in-toto.io/attestation/test-result/v0.1", alias="predicateType"
    )
    predicate: Predicate

    @property
    def conformance_class(self) -> str:
        """The class of which it is the statement."""
        return self.predicate.configuration[0].annotations.conformance_class

    @property
    def contract(self) -> Contract:
        """The contract it was held against."""
        return self.predicate.configuration[0]

    @property
    def suite_version(self) -> str:
        """The suite that checked it."""
        return self.predicate.configuration[1].annotations.version

    @property
    def target(self) -> TargetNotes:
        """The target as it declares itself."""
        return self.predicate.configuration[2].annotations

    @property
    def run(self) -> RunNotes:
        """How it was checked."""
        return self.predicate.configuration[3].annotations

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return self.model_dump(by_alias=True, mode="json")


def claimable(record: Record) -> list[str]:
    """The classes of which something applies to the target."""
    return [summary.name for summary in summarise(record) if summary.total.asked]


def attestations(record: Record, claimed: Iterable[str], sums: str, valid_until: str) -> list[Attestation]:
    """The statements of the classes that are claimed; ``sums`` is the digest of the seal, the day ``YYYY-MM-DD``."""
    claims = sorted(set(claimed))
    return [_attestation(record, each, claims, sums, valid_until) for each in claims]


def _attestation(record: Record, name: str, claims: list[str], sums: str, valid_until: str) -> Attestation:
    results = [each for each in record.results if each.conformance_class == name]
    ends: dict[str, list[str]] = {}
    for each in results:
        ends.setdefault(outcome(each, day_of(record)), []).append(each.id)
    waived = [each for each in results if outcome(each, day_of(record)) == "waived"]
    warned = sorted(ends.get("waived", []) + ends.get("fail", []) + ends.get("inconclusive", []))
    run = Run(digest=_sha256(record.info.run_id), annotations=_run(record, claims, valid_until, ends, waived))
    predicate = Predicate(
        result="WARNED" if warned else "PASSED",
        configuration=(_contract(record, name), _suite(record), _target(record), run),
        passed=sorted(ends.get("pass", [])),
        warned=warned,
        failed=[],
    )
    return Attestation(subject=(Subject(digest={"sha256": sums}),), predicate=predicate)


def _contract(record: Record, name: str) -> Contract:
    notes = ContractNotes(version=record.info.contract_version, conformance_class=name)
    return Contract(digest={"sha256": record.info.contract_digest}, annotations=notes)


def _suite(record: Record) -> Suite:
    version = record.info.suite_version
    return Suite(uri=f"pkg:generic/nextepoch-conformance@{version}", annotations=SuiteNotes(version=version))


def _target(record: Record) -> Target:
    info = record.info
    surfaces = {name: each for name, each in info.configuration.items() if isinstance(each, dict)}
    addresses = {name: each.get("url") or each.get("endpoint") for name, each in surfaces.items()}
    notes = TargetNotes(
        name=info.target,
        organization=str(info.configuration.get("organization", "")),
        addresses={name: str(address) for name, address in sorted(addresses.items()) if address},
        features=sorted(info.features),
        features_not_claimed=sorted(set(catalogue().features) - set(info.features)),
    )
    return Target(digest={"sha256": info.fingerprint}, annotations=notes)


def _run(
    record: Record, claims: list[str], valid_until: str, ends: dict[str, list[str]], waived: list[CheckResult]
) -> RunNotes:
    info = record.info
    others = {each.conformance_class for each in catalogue()} - set(claims)
    return RunNotes(
        id=info.run_id,
        started=info.started,
        finished=info.finished or info.started,
        profile=info.profile,
        explore=info.explore,
        seed=info.seed,
        strict=info.strict,
        requests=info.requests,
        valid_until=valid_until,
        claimed=claims,
        not_claimed=sorted(others),
        not_applicable=sorted(ends.get("not-applicable", [])),
        waivers=[_permitted(each) for each in waived],
    )


def _permitted(result: CheckResult) -> Permitted:
    waiver = result.waiver or {}
    return Permitted(id=result.id, **{name: str(waiver.get(name, "")) for name in ("reason", "issue", "until")})


def _sha256(text: str) -> dict[str, str]:
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}
