"""External client programs: their exit codes, messages and results."""

from __future__ import annotations

from pathlib import Path

from conformance.clients.programs.image_files import ImageDigests
from conformance.clients.programs.image_tools import Pulled, Pushed
from conformance.clients.programs.runner import Outcome
from conformance.clients.registry.images import digest_of
from conformance.oracles.status import expect_status
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

WORDS_OF_DENIAL = (
    "denied", "unauthorized", "insufficient_scope", "insufficient scope", "authentication required", "401", "403",
)  # fmt: skip


def _finding(expected: str, observed: str, outcome: Outcome) -> NonConformance:
    """Return a finding whose evidence is the transcript of a program."""
    finding = NonConformance(expected, observed)
    finding.exchange_ids = [outcome.transcript]
    return finding


def expect_program_success(outcome: Outcome, what: str) -> None:
    """Expect exit code 0."""
    if outcome.exit_code != 0:
        raise _finding(f"{what} succeeds (exit code 0)", str(outcome), outcome)


def expect_program_failure(outcome: Outcome, what: str) -> None:
    """Expect an exit code other than 0."""
    if outcome.exit_code == 0:
        raise _finding(f"{what} fails", f"exit code 0: {outcome.output.strip()[-300:]}", outcome)


def expect_denied(outcome: Outcome, what: str) -> None:
    """Expect the program to fail and to report that access is denied.

    Each program has its own words: docker prints "denied", "unauthorized" or "insufficient_scope".
    """
    if outcome.exit_code == 0:
        raise _finding(f"{what} is denied", "exit code 0", outcome)
    if not any(word in outcome.text.lower() for word in WORDS_OF_DENIAL):
        raise _finding(f"{what} reports that access is denied", str(outcome), outcome)


def expect_pulled(pulled: Pulled, pushed: ImageDigests, what: str) -> None:
    """Expect the pull to succeed and to return the pushed content."""
    expect_program_success(pulled.outcome, what)
    difference = pushed.difference(pulled.digests)
    if difference:
        raise _finding(f"{what} returns the pushed content", difference, pulled.outcome)


def expect_stored(pushed: Pushed, reply: Exchange, what: str) -> None:
    """Expect the push to succeed and the tag to have the manifest whose digest the program printed."""
    expect_program_success(pushed.outcome, what)
    if not pushed.digest:
        raise Inconclusive(f"{what} prints no digest", "a program that prints the digest it pushed")
    expect_status(reply, {200})
    if digest_of(reply.body) != pushed.digest:
        raise NonConformance(
            f"the manifest {pushed.digest} under the tag after {what}", f"the manifest {digest_of(reply.body)}", reply
        )


def expect_same_files(expected: Path, found: Path) -> None:
    """Expect two folders to have the same files with the same bytes."""
    for name in sorted(_files(expected) | _files(found)):
        there, here = expected / name, found / name
        if not here.is_file() or not there.is_file():
            raise NonConformance(
                f"the files {', '.join(sorted(_files(expected)))}",
                f"the files {', '.join(sorted(_files(found))) or 'none'}",
            )
        if there.read_bytes() != here.read_bytes():
            raise NonConformance(
                f"{name} with the {there.stat().st_size} uploaded bytes", f"{here.stat().st_size} bytes that differ"
            )


def _files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
