"""The end of an outside program is judged by its exit code and its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.clients.programs.runner import Outcome
from conformance.clients.registry.images import image
from conformance.oracles.programs import (
    expect_denied,
    expect_program_failure,
    expect_program_success,
    expect_same_files,
)
from conformance.vocabulary.finding import NonConformance

DONE = Outcome(0, "done", "", "x-1")
MANIFEST = image("a")


def failed(errors: str) -> Outcome:
    return Outcome(1, "", errors, "x-1")


def test_success_and_failure() -> None:
    expect_program_success(DONE, "it")
    expect_program_failure(failed("no"), "it")
    with pytest.raises(NonConformance, match=r"expected it succeeds \(exit code 0\); observed exit code 1: no") as told:
        expect_program_success(failed("no"), "it")
    assert told.value.exchange_ids == ["x-1"]
    with pytest.raises(NonConformance, match=r"expected it fails; observed exit code 0: done"):
        expect_program_failure(DONE, "it")


@pytest.mark.parametrize("words", ["denied: requested access", "UNAUTHORIZED", "insufficient_scope", "status 403"])
def test_a_denial_is_known_in_the_words_of_any_program(words: str) -> None:
    expect_denied(failed(words), "push")


def test_other_failures_are_no_denial() -> None:
    with pytest.raises(NonConformance, match="observed exit code 0"):
        expect_denied(DONE, "push")
    with pytest.raises(NonConformance, match="access is denied"):
        expect_denied(failed("connection reset"), "push")


def test_changed_missing_and_additional_files_are_found(tmp_path: Path) -> None:
    wanted, found = tmp_path / "wanted", tmp_path / "found"
    for folder in (wanted, found):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a b").write_bytes(b"one")
    expect_same_files(wanted, found)

    (found / "deep" / "a b").write_bytes(b"two!")
    with pytest.raises(NonConformance, match=r"deep/a b with the 3 uploaded bytes; observed 4 bytes that differ"):
        expect_same_files(wanted, found)
    (found / "deep" / "a b").unlink()
    with pytest.raises(NonConformance, match="observed the files none"):
        expect_same_files(wanted, found)
    (found / "more").touch()
    with pytest.raises(NonConformance, match="observed the files more"):
        expect_same_files(wanted, found)
