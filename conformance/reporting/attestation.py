"""The statements of a run: for each class an in-toto attestation with the test-result predicate (version 0.1).

``configuration`` has five descriptors: the contract and its class, the suite, the target with its product, the run, and
the attester. Everything except the product and the attester follows from the record, which can be verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from conformance.contract.catalogue import catalogue
from conformance.reporting.classes import day_of, outcome, summarise
from conformance.reporting.classes import unjudged as unjudged_check
from conformance.runs.outcome import not_shown
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.target.description import LimitsSection
from conformance.target.proxies import on_loopback
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.verdict import Verdict

HOLDS_DAYS = 365
NOT_TRIED = "not tried"


class Part(BaseModel):
    """A part of an attestation: plain data, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Subject(Part):
    """The subject: the digests of the run's files."""

    name: Literal["SHA256SUMS"] = "SHA256SUMS"
    digest: dict[str, str]


class ContractNotes(Part):
    """The version of the contract, and its class."""

    version: str
    conformance_class: str = Field(alias="class")


class Contract(Part):
    """The contract, by the digest of its data."""

    name: Literal["contract"] = "contract"
    digest: dict[str, str]
    annotations: ContractNotes


class SuiteNotes(Part):
    """The version of the suite."""

    version: str


class Suite(Part):
    """The suite, by its package and the digest of its modules."""

    name: Literal["suite"] = "suite"
    uri: str
    digest: dict[str, str]
    annotations: SuiteNotes


class Product(Part):
    """The product as the attester describes it: no check can verify that."""

    vendor: str
    name: str
    version: str
    contact: str


class Address(Part):
    """The address of a surface; ``loopback``: on the machine of the suite."""

    surface: str
    url: str
    loopback: bool


class TargetNotes(Part):
    """The declared target, and the features that it does not claim."""

    name: str
    organization: str
    product: Product
    addresses: list[Address]
    features: list[str]
    features_not_claimed: list[str] = Field(alias="featuresNotClaimed")


class Target(Part):
    """The target, by the digest of its redacted description."""

    name: Literal["target"] = "target"
    digest: dict[str, str]
    annotations: TargetNotes


class Permitted(Part):
    """A waiver that permits the failure of a check."""

    id: str
    reason: str
    issue: str
    until: str


class ClassResult(Part):
    """The result of a class, claimed or not."""

    name: str
    result: str
    why: str


class RelaxedLimit(Part):
    """A limit of the target file above the suite's ``default``, both in seconds."""

    name: str
    seconds: float
    default: float


class UnshownPromise(Part):
    """A promise with an unjudged MUST, or without any judged check."""

    id: str
    title: str


class RunNotes(Part):
    """The conditions of the run, the result of every class, the claimed classes, and the last day of validity.

    ``seal`` is the public key of the run's seal.
    """

    id: str
    started: str
    finished: str
    profile: str
    explore: int
    seed: int
    strict: bool
    challenge: str | None
    seal: str
    requests: int
    valid_until: str = Field(alias="validUntil")
    claimed: list[str]
    classes: list[ClassResult]
    not_applicable: list[str] = Field(alias="notApplicable")
    promises_not_shown: list[UnshownPromise] = Field(alias="promisesNotShown")
    relaxed_limits: list[RelaxedLimit] = Field(alias="relaxedLimits")
    waivers: list[Permitted]


class Run(Part):
    """The run, by the digest of its id."""

    name: Literal["run"] = "run"
    digest: dict[str, str]
    annotations: RunNotes


class AttesterNotes(Part):
    """The attester's description; ``challenge`` is the one that the attester set."""

    says: str
    challenge: str | None


class Attester(Part):
    """The attester: the holder of a key, by the key's id."""

    name: Literal["attester"] = "attester"
    digest: dict[str, str]
    annotations: AttesterNotes

    @classmethod
    def of(cls, key_id: str, challenge: str | None) -> Attester:
        """Return the holder of a key, self-attesting unless the holder set a challenge."""
        by = f"the holder of key {key_id}"
        says = (
            f"attested by {by}, who compared the run with challenge {challenge}"
            if challenge
            else f"self-attested by {by}"
        )
        return cls(digest={"sha256": key_id}, annotations=AttesterNotes(says=says, challenge=challenge))


class Predicate(Part):
    """The test-result predicate. ``warned``: failures that are not binding, or that a waiver permits."""

    result: Literal["PASSED", "WARNED"]
    configuration: tuple[Contract, Suite, Target, Run, Attester]
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
        """The class of the statement."""
        return self.predicate.configuration[0].annotations.conformance_class

    @property
    def contract(self) -> Contract:
        """The contract of the run."""
        return self.predicate.configuration[0]

    @property
    def suite_version(self) -> str:
        """The suite of the run."""
        return self.predicate.configuration[1].annotations.version

    @property
    def target(self) -> TargetNotes:
        """The declared target."""
        return self.predicate.configuration[2].annotations

    @property
    def run(self) -> RunNotes:
        """The conditions of the run."""
        return self.predicate.configuration[3].annotations

    @property
    def attester(self) -> Attester:
        """The attester."""
        return self.predicate.configuration[4]

    def plain(self) -> dict[str, Any]:
        """Return the attestation as JSON data."""
        return self.model_dump(by_alias=True, mode="json")


def claimable(record: Record) -> list[str]:
    """Return the classes with applicable checks, except those that only miss keys of the target file."""
    return [each.name for each in summarise(record) if each.total.applicable and not each.lacking]


@dataclass(frozen=True)
class Claims:
    """What an attester states in addition to the record: classes, product, last day (``YYYY-MM-DD``).

    ``sums`` is the digest of the folder's ``SHA256SUMS``, ``seal`` the public key of the run's own seal.
    """

    classes: list[str]
    product: Product
    attester: Attester
    valid_until: str
    sums: str
    seal: str


def attestations(record: Record, claims: Claims) -> list[Attestation]:
    """Return the statements of the claimed classes."""
    return [_attestation(record, each, claims) for each in sorted(set(claims.classes))]


def _attestation(record: Record, name: str, claims: Claims) -> Attestation:
    results = [each for each in record.results if each.conformance_class == name]
    ends: dict[str, list[str]] = {}
    for each in results:
        ends.setdefault(outcome(each, day_of(record)), []).append(each.id)
    waived = [each for each in results if outcome(each, day_of(record)) == "waived"]
    warned = sorted(ends.get("waived", []) + ends.get("fail", []) + ends.get("inconclusive", []))
    run = Run(digest=_sha256(record.info.run_id), annotations=_run(record, claims, ends, waived))
    predicate = Predicate(
        result="WARNED" if warned else "PASSED",
        configuration=(
            _contract(record, name), _suite(record), _target(record, claims.product), run, claims.attester,
        ),
        passed=sorted(ends.get("pass", [])),
        warned=warned,
        failed=[],
    )  # fmt: skip
    return Attestation(subject=(Subject(digest={"sha256": claims.sums}),), predicate=predicate)


def _contract(record: Record, name: str) -> Contract:
    notes = ContractNotes(version=record.info.contract_version, conformance_class=name)
    return Contract(digest={"sha256": record.info.contract_digest}, annotations=notes)


def _suite(record: Record) -> Suite:
    version, digest = record.info.suite_version, record.info.environment.get("suite_sha256", "")
    return Suite(
        uri=f"pkg:generic/nextepoch-conformance@{version}",
        digest={"sha256": digest},
        annotations=SuiteNotes(version=version),
    )


def _target(record: Record, product: Product) -> Target:
    info = record.info
    notes = TargetNotes(
        name=info.target,
        organization=str(info.configuration.get("organization", "")),
        product=product,
        addresses=list(_addresses(record)),
        features=sorted(info.features),
        features_not_claimed=sorted(set(catalogue().features) - set(info.features)),
    )
    return Target(digest={"sha256": info.fingerprint}, annotations=notes)


def _addresses(record: Record) -> Iterator[Address]:
    """Yield the address of each surface; only the host of the webhook, whose URL is secret."""
    reached = {str(state.get("surface")): str(state.get("url") or "") for state in record.info.preflight}
    for name, each in sorted(record.info.configuration.items()):
        declared = (each.get("url") or each.get("endpoint")) if isinstance(each, dict) else None
        if declared:
            url = reached.get(name) or str(declared)
            yield Address(surface=name, url=url, loopback=on_loopback(url))


def _run(record: Record, claims: Claims, ends: dict[str, list[str]], waived: list[CheckResult]) -> RunNotes:
    info = record.info
    return RunNotes(
        id=info.run_id,
        started=info.started,
        finished=info.finished or info.started,
        profile=info.profile,
        explore=info.explore,
        seed=info.seed,
        strict=info.strict,
        challenge=info.challenge,
        seal=claims.seal,
        requests=info.requests,
        valid_until=claims.valid_until,
        claimed=sorted(set(claims.classes)),
        classes=list(_classes(record)),
        not_applicable=sorted(ends.get("not-applicable", [])),
        promises_not_shown=list(_promises_not_shown(record)),
        relaxed_limits=list(_relaxed_limits(record)),
        waivers=[_permitted(each) for each in waived],
    )


def _classes(record: Record) -> Iterator[ClassResult]:
    """Yield every class of the contract with its result, also failed ones."""
    tried = summarise(record)
    for each in tried:
        yield ClassResult(name=each.name, result=each.statement.value, why=each.why)
    for name in sorted({each.conformance_class for each in catalogue()} - {each.name for each in tried}):
        yield ClassResult(name=name, result=NOT_TRIED, why="no check of it was run")


def _promises_not_shown(record: Record) -> Iterator[UnshownPromise]:
    """Yield the promises with an unjudged MUST, or without any judged check."""
    judged = {each.promise for each in record.results if each.verdict in (Verdict.PASS, Verdict.FAIL)}
    binding = [each for each in record.results if each.level == Level.MUST]
    unjudged = {each.promise for each in (*not_shown(binding), *filter(unjudged_check, binding))}
    for promise in catalogue().promises.values():
        if promise.id not in judged or promise.id in unjudged:
            yield UnshownPromise(id=promise.id, title=promise.title)


def _relaxed_limits(record: Record) -> Iterator[RelaxedLimit]:
    limits = record.info.configuration.get("limits") or {}
    for name, field in LimitsSection.model_fields.items():
        default, seconds = field.default or 0.0, limits.get(name)
        if isinstance(seconds, int | float) and seconds > default:
            yield RelaxedLimit(name=f"limits.{name}", seconds=float(seconds), default=float(default))


def _permitted(result: CheckResult) -> Permitted:
    waiver = result.waiver or {}
    return Permitted(id=result.id, **{name: str(waiver.get(name, "")) for name in ("reason", "issue", "until")})


def _sha256(text: str) -> dict[str, str]:
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}
