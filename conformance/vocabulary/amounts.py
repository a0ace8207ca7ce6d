"""Values that a run is given in words, for whichever parser of arguments meets them.

Each raises argparse.ArgumentTypeError where the text is none, which the parser tells with the option's name.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import secrets

MOST_WORKERS = 64
CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{8,128}")


def seed(text: str) -> int:
    """A seed, or ``random`` for a new one."""
    if text == "random":
        return secrets.randbelow(2**31)
    if not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError(f'{text}: must be a number from 0, or "random"')
    return int(text)


def challenge(text: str) -> str:
    """A certifier's value that nobody could know before: 8 to 128 letters, digits or ``.``, ``_``, ``~``, ``-``."""
    if not CHALLENGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text}: must be 8 to 128 letters, digits or one of . _ ~ -")
    return text


def challenge_seed(text: str) -> int:
    """The seed of a run that answers a challenge."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def examples(text: str) -> int:
    """A number of examples, 0 for the written ones alone."""
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 0")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10**9:
        raise argparse.ArgumentTypeError(f"{text}: must be a number of seconds above 0")
    return value


def seconds_or_none(text: str) -> float:
    """A number of seconds, 0 among them."""
    return 0.0 if text in ("0", "0.0") else seconds(text)


def workers(text: str) -> int:
    """A number of processes, 0 for checking in the one that asks."""
    if not text.isdecimal() or int(text) > MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 0 to {MOST_WORKERS}")
    return int(text)


def at_least_one(text: str) -> int:
    """A number from 1."""
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 1")
    return int(text)
