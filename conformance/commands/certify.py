"""``conformance certify``: signs a statement of the conformance classes that a run shows."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.vocabulary.amounts import challenge
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.plugin.rejudging import Outcome
    from conformance.reporting.attestation import Product
    from conformance.runs.reading import Record

PRODUCT = {
    "vendor": "the vendor of the product",
    "name": "the product's name",
    "version": "the version that is deployed",
    "contact": "contact for questions on the statement: an address or URL",
}
"""The product in a statement; each part is an option and a key of ``[targets.X.product]``."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "certify",
        description="Judges the evidence of a run again, and signs a statement for each class claimed, over the "
        "digests of every file of the run. The run must be complete and unchanged, use the full profile and a released "
        "contract, and have a verdict for every check of a claimed class.",
    )
    parser.add_argument("folder", metavar="RUN", type=Path, help="the run's folder; SHA256SUMS is written into it")
    parser.add_argument("--key", required=True, metavar="KEY.pem", type=Path, help="private key, EC P-256 or Ed25519")
    parser.add_argument("--out", required=True, metavar="STATEMENT", type=Path, help="where the statement is written")
    parser.add_argument(
        "--class", dest="classes", metavar="NAME", action="append", default=[],
        help="claim this class only; repeatable (default: every class that the target file lets the run show)",
    )  # fmt: skip
    parser.add_argument(
        "--challenge", metavar="NONCE", type=challenge, help="refuse a run that was not made with this challenge"
    )
    for name, meaning in PRODUCT.items():
        parser.add_argument(
            _option(name),
            dest=f"product_{name}",
            metavar="TEXT",
            help=f"{meaning} (default: [targets.X.product] {name})",
        )


def _option(name: str) -> str:
    return f"--product-{name}" if name in ("name", "version") else f"--{name}"


def run(arguments: argparse.Namespace) -> int:
    """Write and summarize the statement; NON_CONFORMANT if the run does not justify it."""
    from conformance.reporting.attestation import claimable
    from conformance.reporting.certification import NotEntitled, Request, certify, not_claimed
    from conformance.reporting.text import visible
    from conformance.runs.reading import read
    from conformance.runs.record import RecordError
    from conformance.runs.seal import SealError
    from conformance.runs.signing import KeyMistake, private_key

    folder, out = arguments.folder, arguments.out
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageMistake(f"--out {out}: is in the run's folder, whose files are signed; choose another folder")
    try:
        signer = private_key(arguments.key)
        record = read(folder)
        request = Request(arguments.classes, product(arguments, record), today(), arguments.challenge)
        lines = certify(record, request, signer, suite_checks(arguments.classes or claimable(record)), contradicted)
        out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except NotEntitled as refusal:
        print(f"{folder}: no statement can be made of this run:")
        print("\n".join(f"  {visible(reason)}" for reason in str(refusal).splitlines()))
        return ExitCode.NON_CONFORMANT
    except (KeyMistake, RecordError, SealError) as mistake:
        raise UsageMistake(str(mistake)) from None
    except OSError as failure:
        raise UsageMistake(f"{out}: cannot be written ({failure.strerror})") from None
    print(f"{out}: {len(lines)} {'statement' if len(lines) == 1 else 'statements'}, signed with {arguments.key}")
    for each in not_claimed(record, arguments.classes or claimable(record)):
        print(visible(f"not claimed: {each}"))
    print(f"show it:    conformance statement show {out}")
    print(f"verify it:  conformance verify {out} {folder} --key PUBLIC.pem")
    return ExitCode.CONFORMANT


def product(arguments: argparse.Namespace, record: Record) -> Product:
    """Return the product by the options or the run's target file; UsageMistake names what both lack."""
    from conformance.reporting.attestation import Product

    described = record.info.configuration.get("product") or {}
    parts = {name: getattr(arguments, f"product_{name}") or described.get(name) or "" for name in PRODUCT}
    if missing := [name for name, text in parts.items() if not str(text).strip()]:
        raise UsageMistake(
            f"a statement names vendor, product, version and contact: give {', '.join(map(_option, missing))}, "
            f"or {', '.join(missing)} in [targets.{record.info.target}.product] of the target file before the run"
        )
    return Product(**{name: str(text).strip() for name, text in parts.items()})


def contradicted(record: Record) -> Iterator[str]:
    """Judge a run again without the target; yield the verdicts that its evidence contradicts."""
    from conformance.plugin.rejudging import rejudge

    yield from contradictions(rejudge(record))


def contradictions(outcome: Outcome) -> Iterator[str]:
    """Yield a sentence for each verdict that changed when it was judged again."""
    for each in outcome.changed:
        yield f"{each.id}: {each.before} in the record, {each.now} by its evidence"


def suite_checks(classes: Iterable[str]) -> dict[str, str]:
    """Return the suite's checks in the areas of the classes, each with its requirement."""
    from conformance.contract.catalogue import catalogue
    from conformance.plugin.collection import collect

    areas = {each.area for each in catalogue() if each.conformance_class in set(classes)}
    return {each.id: each.requirement.id for each in collect(*sorted(areas))}


def today() -> str:
    """Return the day in UTC, ``YYYY-MM-DD``."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
