"""Parsers of option values, shared by the command line and the pytest plugin.

Each raises argparse.ArgumentTypeError for invalid text; the argument parser adds the option's name.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import secrets

MOST_WORKERS = 64
CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{8,128}")


def seed(text: str) -> int:
    """Parse a seed; ``random`` draws a new one."""
    if text == "random":
        return secrets.randbelow(2**31)
    if not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError(f'{text}: must be a number from 0, or "random"')
    return int(text)


def challenge(text: str) -> str:
    """Parse a certifier's unpredictable value: 8 to 128 letters, digits or ``.``, ``_``, ``~``, ``-``."""
    if not CHALLENGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text}: must be 8 to 128 letters, digits or one of . _ ~ -")
    return text


def challenge_seed(text: str) -> int:
    """Return the seed of a run that answers a challenge."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def examples(text: str) -> int:
    """Parse a number of generated examples; 0 runs only the explicit ones."""
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 0")
    return int(text)


def seconds(text: str) -> float:
    """Parse a number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10**9:
        raise argparse.ArgumentTypeError(f"{text}: must be a number of seconds above 0")
    return value


def seconds_or_none(text: str) -> float:
    """Parse a number of seconds from 0."""
    return 0.0 if text in ("0", "0.0") else seconds(text)


def workers(text: str) -> int:
    """Parse a number of worker processes; 0 runs the checks in the current process."""
    if not text.isdecimal() or int(text) > MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 0 to {MOST_WORKERS}")
    return int(text)


def at_least_one(text: str) -> int:
    """Parse a whole number from 1."""
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 1")
    return int(text)
