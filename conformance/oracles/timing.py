"""Whether two kinds of requests take different time: rank test, effect size, and the same again.

Bare thresholds on means accuse in half of all clean runs; so a difference counts only if the
Mann-Whitney test says p < 0.0001, the common-language effect is beyond 0.5 ± 0.2, the medians are half a
millisecond apart at least (less tells nobody anything through a network), and a fresh sample shows the same sign.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

P_LIMIT = 1e-4
EFFECT_LIMIT = 0.2
SHORTEST_S = 0.0005


@dataclass(frozen=True)
class Comparison:
    """Two samples compared: chance that one of the first is above one of the second, p value, medians in seconds."""

    effect: float
    p: float
    first_median: float
    second_median: float

    @property
    def differs(self) -> bool:
        """Whether this sample alone shows a difference."""
        apart = abs(self.first_median - self.second_median)
        return self.p < P_LIMIT and abs(self.effect - 0.5) > EFFECT_LIMIT and apart >= SHORTEST_S

    def agrees_with(self, other: Comparison) -> bool:
        """Whether both samples show a difference of one sign."""
        return self.differs and other.differs and (self.effect > 0.5) == (other.effect > 0.5)

    def __str__(self) -> str:
        medians = f"medians {self.first_median * 1000:.2f} ms and {self.second_median * 1000:.2f} ms"
        return f"{medians}, effect {self.effect:.2f}, p {self.p:.1e}"


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """The Mann-Whitney U test of two samples by its normal approximation, ties corrected."""
    n, m = len(first), len(second)
    together = sorted([*first, *second])
    counts = Counter(together)
    ranks: dict[float, float] = {}
    position = 0
    for value in sorted(counts):
        ranks[value] = position + (counts[value] + 1) / 2
        position += counts[value]
    u = sum(ranks[value] for value in first) - n * (n + 1) / 2
    ties = sum(count**3 - count for count in counts.values())
    variance = n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1)))
    z = (u - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0
    return Comparison(u / (n * m), math.erfc(abs(z) / math.sqrt(2)), median(first), median(second))
