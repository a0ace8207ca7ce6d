"""``conformance verify``: checks a statement: its signature, the files of its run, the verdicts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.commands.certify import contradictions, suite_checks, today
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.reporting.attestation import Attestation


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "verify",
        description="Checks the signature of a statement. With the run, also checks that no file of the run was "
        "changed, that the statement follows from the run, and that the verdicts follow from the evidence.",
    )
    parser.add_argument("statement", metavar="STATEMENT", type=Path, help="the statement")
    parser.add_argument(
        "folder", metavar="RUN", type=Path, nargs="?", help="the run's folder, to check the verdicts as well"
    )
    parser.add_argument("--key", required=True, metavar="PUBLIC.pem", type=Path, help="the signer's public key")


def run(arguments: argparse.Namespace) -> int:
    """Print the result; return NON_CONFORMANT for a refusal, INCONCLUSIVE if this suite cannot judge the run."""
    from conformance.reporting.certification import Refused, Unjudged, statements, still_valid
    from conformance.reporting.text import on_one_line, visible
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
        judged = _rejudged(found, arguments.folder) if arguments.folder is not None else ""
    except KeyMistake as mistake:
        raise UsageMistake(str(mistake)) from None
    except Unjudged as lack:
        print(f"NOT JUDGED  the signature holds and no file was changed, but {lack}")
        return ExitCode.INCONCLUSIVE
    except (Refused, SealError, RecordError) as refusal:
        print(f"REFUSED  {visible(str(refusal))}")
        return ExitCode.NON_CONFORMANT
    if judged:
        print(f"VERIFIED  {arguments.statement}: {', '.join(found[0].run.claimed)}")
        print(judged)
    else:
        print(f"SIGNATURE VALID  {arguments.statement}: the run was not examined, so no verdict was verified")
        print(f"verify them:  conformance verify {arguments.statement} RUN --key {arguments.key}")
    print(on_one_line(found[0].attester.annotations.says))
    return ExitCode.CONFORMANT


def _rejudged(found: list[Attestation], folder: Path) -> str:
    """Verify the run and judge its evidence again; return how many verdicts follow, or raise Refused."""
    from conformance.plugin.rejudging import rejudge
    from conformance.reporting.certification import Refused, verify_run

    record = verify_run(found, folder, suite_checks(found[0].run.claimed))
    outcome = rejudge(record)
    for contradiction in contradictions(outcome):
        raise Refused(contradiction)
    claimed = {each.id for each in record.results if each.conformance_class in found[0].run.claimed}
    same = sum(each.id in claimed for each in outcome.same)
    summary = f"{same:,} of {len(claimed):,} verdicts follow from the evidence"
    if same < len(claimed):
        summary += (
            f"; {len(claimed) - same:,} depend on what it does not keep, such as secrets, and were not judged again"
        )
    return summary
