"""Options of a run that depend on one another."""

from __future__ import annotations

import argparse

import pytest

from conformance.plugin.options import DEFAULT_SEED, seed_of
from conformance.vocabulary.amounts import challenge, challenge_seed, seed


def test_a_challenge_decides_the_seed() -> None:
    assert seed_of(None, None) == DEFAULT_SEED
    assert seed_of(7, None) == 7
    assert seed_of(None, "nonce-of-today") == challenge_seed("nonce-of-today") != challenge_seed("nonce-of-tomorrow")


def test_a_seed_beside_a_challenge_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match="--challenge sets the seed; leave --seed out"):
        seed_of(1, "nonce-of-today")


def test_the_seed_of_a_challenge_can_be_given_to_another_run() -> None:
    assert seed(str(challenge_seed("nonce-of-today"))) == challenge_seed("nonce-of-today")


@pytest.mark.parametrize("text", ["short", "two words!", "a" * 129, "", "line\nbreak-"])
def test_a_challenge_has_one_form(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be 8 to 128 letters, digits or one of"):
        challenge(text)
