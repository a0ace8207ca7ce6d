"""``conformance verify STATEMENT``: whether a statement can be believed: signature, files of the run, verdicts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.commands.certify import suite_checks, today
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.reporting.attestation import Attestation


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "verify",
        description="Checks a statement's signature; with the run also that no file of it was changed, that what is "
        "stated follows from it, and its verdicts from the evidence, which is judged again.",
    )
    parser.add_argument("statement", metavar="STATEMENT", type=Path, help="the statement")
    parser.add_argument("folder", metavar="RUN", type=Path, nargs="?", help="the run's folder, where it is at hand")
    parser.add_argument("--key", required=True, metavar="PUBLIC.pem", type=Path, help="the signer's public key")


def run(arguments: argparse.Namespace) -> int:
    """Says VERIFIED, or why not; NON_CONFORMANT for a refusal, INCONCLUSIVE where the run cannot be judged here."""
    from conformance.reporting.certification import Refused, Unjudged, statements, still_valid
    from conformance.reporting.text import visible
    from conformance.runs.record import RecordError
    from conformance.runs.seal import SealError
    from conformance.runs.signing import KeyMistake, public_key

    if not arguments.statement.is_file():
        raise UsageMistake(f"{arguments.statement}: there is no such file")
    if arguments.folder is not None and not arguments.folder.is_dir():
        raise UsageMistake(f"{arguments.folder}: there is no such folder")
    try:
        found = statements(arguments.statement, public_key(arguments.key))
        still_valid(found, today())
        remark = "the run was not given: only the signature and the dates were checked"
        if arguments.folder is not None:
            remark = _judged_again(found, arguments.folder)
    except KeyMistake as mistake:
        raise UsageMistake(str(mistake)) from None
    except Unjudged as lack:
        print(f"NOT JUDGED  the signature holds and no file was changed, but {lack}")
        return ExitCode.INCONCLUSIVE
    except (Refused, SealError, RecordError) as refusal:
        print(f"REFUSED  {visible(str(refusal))}")
        return ExitCode.NON_CONFORMANT
    print(f"VERIFIED  {arguments.statement}: {', '.join(found[0].run.claimed)}")
    print(remark)
    return ExitCode.CONFORMANT


def _judged_again(found: list[Attestation], folder: Path) -> str:
    """Holds the run against the statement and judges its evidence anew; how much of it could be, or Refused."""
    from conformance.plugin.rejudging import rejudge
    from conformance.reporting.certification import Refused, verify_run

    record = verify_run(found, folder, suite_checks(found[0].run.claimed))
    claimed = {each.id for each in record.results if each.conformance_class in found[0].run.claimed}
    outcome = rejudge(record)
    for each in outcome.changed:
        if each.id in claimed:
            raise Refused(f"{each.id}: {each.before} in the record, {each.now} by its evidence")
    same = sum(each.id in claimed for each in outcome.same)
    told = f"{same:,} of {len(claimed):,} verdicts follow from the evidence"
    return told + ("" if same == len(claimed) else "; the others stand on what it does not keep, such as secrets")
