"""Outside programs: how they ended."""

from __future__ import annotations

from pathlib import Path

from conformance.clients.programs.image_files import Held
from conformance.clients.programs.image_tools import Pulled, Pushed
from conformance.clients.programs.runner import Outcome
from conformance.clients.registry.images import digest_of
from conformance.oracles.status import expect_status
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

WORDS_OF_DENIAL = (
    "denied",
    "unauthorized",
    "insufficient_scope",
    "insufficient scope",
    "authentication required",
    "401",
    "403",
)


def _finding(expected: str, observed: str, outcome: Outcome) -> NonConformance:
    """A finding that is shown by the transcript of a program."""
    finding = NonConformance(expected, observed)
    finding.exchange_ids = [outcome.transcript]
    return finding


def expect_program_success(outcome: Outcome, what: str) -> None:
    """The program ended with exit code 0."""
    if outcome.exit_code != 0:
        raise _finding(f"{what} succeeds", str(outcome), outcome)


def expect_program_failure(outcome: Outcome, what: str) -> None:
    """The program ended with another exit code than 0."""
    if outcome.exit_code == 0:
        raise _finding(f"{what} fails", f"exit code 0: {outcome.output.strip()[-300:]}", outcome)


def expect_denied(outcome: Outcome, what: str) -> None:
    """It was refused as a matter of rights, in words a person understands.

    Which words is the program's: docker says "denied", "unauthorized" or "insufficient_scope".
    """
    if outcome.exit_code == 0:
        raise _finding(f"{what} is denied", "success", outcome)
    if not any(word in outcome.said.lower() for word in WORDS_OF_DENIAL):
        raise _finding(f"{what} is denied as a matter of rights", str(outcome), outcome)


def expect_pulled(pulled: Pulled, pushed: Held, what: str) -> None:
    """The pull succeeded, and what the program then has is what was pushed."""
    expect_program_success(pulled.outcome, what)
    unlike = pushed.unlike(pulled.held)
    if unlike:
        raise _finding(f"{what} gets what was pushed", unlike, pulled.outcome)


def expect_stored(pushed: Pushed, reply: Exchange, what: str) -> None:
    """The push succeeded, and the registry gives for its tag the very manifest that the program told of."""
    expect_program_success(pushed.outcome, what)
    if not pushed.digest:
        raise Inconclusive(f"{what} prints no digest", "a program that prints the digest it pushed")
    expect_status(reply, {200})
    if digest_of(reply.body) != pushed.digest:
        raise NonConformance(f"the manifest {pushed.digest} under the tag after {what}", digest_of(reply.body), reply)


def expect_same_files(wanted: Path, found: Path) -> None:
    """Two folders hold the same files with the same bytes."""
    for name in sorted(_files(wanted) | _files(found)):
        there, here = wanted / name, found / name
        if not here.is_file() or not there.is_file():
            raise NonConformance(
                f"the files {', '.join(sorted(_files(wanted)))}", f"{', '.join(sorted(_files(found))) or 'none'}"
            )
        if there.read_bytes() != here.read_bytes():
            size = f"{here.stat().st_size} for {there.stat().st_size} bytes"
            raise NonConformance(f"{name} as it was uploaded", f"other bytes ({size})")


def _files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
