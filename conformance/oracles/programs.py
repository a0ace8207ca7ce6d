"""Outside programs: how they ended."""

from __future__ import annotations

from conformance.clients.engine import Done
from conformance.clients.program import Outcome
from conformance.vocabulary.finding import NonConformance


def expect_program_success(outcome: Outcome, what: str) -> None:
    """The program ended with exit code 0."""
    if outcome.exit_code != 0:
        raise NonConformance(f"{what} succeeds", str(outcome))


def expect_program_failure(outcome: Outcome, what: str) -> None:
    """The program ended with another exit code than 0."""
    if outcome.exit_code == 0:
        raise NonConformance(f"{what} fails", f"exit code 0: {outcome.output.strip()[-300:]}")


def expect_done(done: Done, what: str) -> None:
    """The engine's operation succeeded."""
    if done.error:
        raise NonConformance(f"{what} succeeds", done.error)


def expect_denied(done: Done, what: str) -> None:
    """The engine's operation was refused as a matter of rights, in words a person understands.

    Which words is the engine's: Docker says "denied", "unauthorized" or "insufficient_scope".
    """
    if not done.error:
        raise NonConformance(f"{what} is denied", "success")
    words = (
        "denied",
        "unauthorized",
        "insufficient_scope",
        "insufficient scope",
        "authentication required",
        "401",
        "403",
    )
    if not any(word in done.error.lower() for word in words):
        raise NonConformance(f"{what} is denied as a matter of rights", done.error)
