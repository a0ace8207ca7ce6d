"""Run-length encoding of large bodies, so that a script can rebuild a body that is not stored whole."""

from __future__ import annotations

from collections.abc import Iterator

LONGEST_PERIOD, LONGEST_IN_ALL = 4200, 8192
BEGIN = 16
"""The number of bytes by which a repetition is found."""
SHORTEST_RUN = 64
LONGEST_STEP = 4096
"""A power of two: the number of bytes compared at once; halved if they differ."""
Piece = tuple[bytes, int]


def pieces_of(content: bytes) -> list[Piece]:
    """Return units with their repetitions that make up the content in order; none if the units are too long."""
    found: list[Piece] = []
    size = 0
    for unit, times in _runs(content):
        size += len(unit)
        if size > LONGEST_IN_ALL:
            return []
        if times == 1 and found and found[-1][1] == 1:
            found[-1] = found[-1][0] + unit, 1
        else:
            found.append((unit, times))
    return found


def _runs(content: bytes) -> Iterator[Piece]:
    place = 0
    while place < len(content):
        period = _period(content, place)
        run = period + _common(content, place, place + period) if period else 0
        if period and run >= max(2 * period, SHORTEST_RUN):
            times = run // period
            yield content[place : place + period], times
            place += period * times
        else:
            yield content[place : place + 1], 1
            place += 1


def _period(content: bytes, place: int) -> int:
    """Return the distance from a place to the next occurrence of the bytes there; 0 without one."""
    again = content.find(content[place : place + BEGIN], place + 1, place + LONGEST_PERIOD + BEGIN)
    return again - place if again > 0 and place + BEGIN <= len(content) else 0


def _common(content: bytes, one: int, other: int) -> int:
    """Return the number of equal bytes from two places on."""
    length, step = 0, LONGEST_STEP
    while step:
        ahead = content[other + length : other + length + step]
        if len(ahead) == step and content[one + length : one + length + step] == ahead:
            length += step
        else:
            step //= 2
    return length
