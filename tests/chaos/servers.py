"""The generator of hostile servers: one seed draws what every answer of a server is like.

A server is the reference behind a choice on six axes: status, header, body, framing, timing and connection. A choice
that is missing leaves the reference's own. ``CHANGES`` and ``SENDINGS`` hold the choices.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.reference.http import Request
from tests.chaos import bodies, framing, heads  # noqa: F401  # they fill the tables
from tests.chaos.replies import CHANGES, SENDINGS, Reply, Step

CHANCES = {"status": 0.5, "header": 0.3, "body": 0.7, "framing": 0.3, "timing": 0.1, "connection": 0.15}
"""How likely a server has a choice of its own on an axis."""
NAMES: dict[str, list[str]] = {
    **{axis: sorted(table) for axis, table in CHANGES.items()},
    **{axis: sorted(table) for axis, table in SENDINGS.items()},
}
HOPELESS = frozenset({"circular", "drips", "endless", "huge", "million-fields", "no-http", "retry-after-a-year"})
"""Choices after which no answer is right, in any area. Others may leave an answer as it is, such as JSON to XML."""
PREFLIGHT = 40
"""So many responses of a surface the preflight needs at most."""


def choices(chance: random.Random) -> dict[str, str]:
    """Draw a name on some of the axes, on one at least."""
    found: dict[str, str] = {}
    while not found:
        for axis, likely in CHANCES.items():
            if chance.random() < likely:
                found[axis] = chance.choice(NAMES[axis])
    return found


@dataclass
class Server:
    """One hostile server, drawn with a seed.

    ``grace``: so many answers of each surface are the reference's own at first. ``share`` of the later ones is hostile.
    ``names`` are the choices by axis; without them each answer has its own, on one axis. ``steady``: each choice has
    the same outcome for every answer. ``answer_s`` is the time limit in the target file.
    """

    seed: int
    names: dict[str, str]
    share: float
    grace: int
    steady: bool
    answer_s: float = 0.6
    hostile: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    signatures: set[str] = field(default_factory=set)

    @classmethod
    def drawn(cls, seed: int) -> Server:
        """Return the server of a seed."""
        chance = random.Random(seed)
        if chance.random() < 0.25:
            return cls(seed, {}, chance.choice((0.05, 0.3)), 20, steady=False)
        whole = chance.random() < 0.7
        grace = 0 if chance.random() < 0.6 else PREFLIGHT
        return cls(seed, choices(chance), 1.0 if whole else 0.3, grace, steady=chance.random() < 0.7)

    @property
    def hopeless(self) -> bool:
        """Whether no answer can be right, so that no run may end as conformant."""
        return self.share == 1.0 and not self.grace and not HOPELESS.isdisjoint(self.names.values())

    def __str__(self) -> str:
        kind = ", ".join(f"{axis} {name}" for axis, name in self.names.items()) or "any"
        return f"seed {self.seed}: {kind}; share {self.share}, grace {self.grace}, {'steady' * self.steady or 'varied'}"

    def chosen(self, surface: str) -> random.Random | None:
        """Return the random source of a response; None if the response stays as it is."""
        self.requests[surface] += 1
        if self.requests[surface] <= self.grace:
            return None
        chance = random.Random(f"{self.seed} {surface} {self.requests[surface]}")
        if chance.random() >= self.share:
            return None
        self.hostile += 1
        return random.Random(self.seed) if self.steady else chance

    def steps(self, chance: random.Random, reply: Reply) -> Iterable[Step] | None:
        """Change a reply; return the steps that send it, or None if ``Reply.wire`` does."""
        names = self.names or dict([chance.choice(sorted(choices(chance).items()))])
        steps: Iterable[Step] | None = None
        for axis, table in CHANGES.items():
            if axis in names and steps is None:
                steps = table[names[axis]](chance, reply)
        for axis, ways in SENDINGS.items():
            if axis in names:
                steps = ways[names[axis]](chance, [reply.wire()] if steps is None else steps)
        return steps

    def early(self, chance: random.Random, request: Request) -> bool:
        """Return whether the response comes before the request body is read."""
        return chance.random() < 0.01 and request.method in ("POST", "PUT", "PATCH")
