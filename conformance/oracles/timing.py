"""Decides whether two kinds of requests take different times: rank test or lead, effect size, and a second sample.

Thresholds on means report a difference in half of all clean runs. A difference counts only if it is at least half a
millisecond, because less is invisible through a network, and if two samples show the same sign in one of two ways:

- ranks: the Mann-Whitney test says p < 0.0001 and the common-language effect is beyond 0.5 ± 0.2;
- lead: k responses of one kind are quicker than the quickest of the other, each by half a millisecond. Without a real
  difference the probability is 2^-k. A busy machine slows some responses, which hides a difference from the ranks,
  but makes none quicker.

``benchmarks/error_rates.py`` measures the error rate; ``docs/explanation/statistics.md`` reports it.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

# (pairs, p, lead): after so many pairs the sample is judged. It is extended if it shows no difference but hints at one,
# by a smaller p or a larger lead. So a quiet machine needs few requests, and a busy one gets enough.
LOOKS = ((40, 0.2, 3), (100, 0.1, 5))
MOST_PAIRS = 200
P_LIMIT = 1e-4
EFFECT_LIMIT = 0.2
LEAD_LIMIT = 12
SHORTEST_S = 0.0005

Both = tuple[float, float]
Ask = Callable[[], Exchange]


@dataclass(frozen=True)
class Comparison:
    """Two samples compared, in seconds; ``effect`` is the probability that a first value is above a second one.

    ``lead`` is the number of second values clearly below all first ones; negative, the reverse.
    """

    effect: float
    p: float
    medians: Both
    quickest: Both
    lead: int

    @property
    def longer(self) -> int:
        """The result of this sample: 1 if the first takes longer, -1 if the second, 0 for no difference."""
        if self.p < P_LIMIT and abs(self.effect - 0.5) > EFFECT_LIMIT and _far_apart(self.medians):
            return 1 if self.effect > 0.5 else -1
        if abs(self.lead) >= LEAD_LIMIT:
            return 1 if self.lead > 0 else -1
        return 0

    def hints(self, p: float, lead: int) -> bool:
        """Return whether more pairs might show a difference."""
        return not self.longer and (self.p < p or abs(self.lead) >= lead)

    def __str__(self) -> str:
        medians = f"medians {self.medians[0] * 1000:.2f} ms and {self.medians[1] * 1000:.2f} ms"
        quickest = f"the quickest {self.quickest[0] * 1000:.2f} ms and {self.quickest[1] * 1000:.2f} ms"
        return f"{medians}, {quickest}, lead {abs(self.lead)}, effect {self.effect:.2f}, p {self.p:.1e}"


def _far_apart(both: Both) -> bool:
    return abs(both[0] - both[1]) >= SHORTEST_S


def _clearly_below(quickest: float, values: Sequence[float]) -> int:
    """Return how many values are quicker by a visible amount.

    Timer resolution makes a few much quicker at times, and many may be quicker by a few microseconds.
    """
    return sum(quickest - value >= SHORTEST_S for value in values)


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare two samples by the Mann-Whitney U test (normal approximation, corrected for ties) and by lead."""
    n, m = len(first), len(second)
    counts = Counter([*first, *second])
    ranks: dict[float, float] = {}
    position = 0
    for value in sorted(counts):
        ranks[value] = position + (counts[value] + 1) / 2
        position += counts[value]
    u = sum(ranks[value] for value in first) - n * (n + 1) / 2
    ties = sum(count**3 - count for count in counts.values())
    variance = n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1)))
    z = (u - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0
    p = math.erfc(abs(z) / math.sqrt(2))
    quickest = min(first), min(second)
    lead = _clearly_below(quickest[0], second) - _clearly_below(quickest[1], first)
    return Comparison(u / (n * m), p, (median(first), median(second)), quickest, lead)


def expect_same_time(first: Ask, second: Ask, of: str) -> None:
    """Expect two kinds of requests to take the same time; ``of`` names them."""
    once = _sample(first, second)
    if once.longer:
        again = _sample(first, second)
        if again.longer == once.longer:
            raise NonConformance(f"equal response times for {of}", str(again), first(), second())


def _sample(first: Ask, second: Ask) -> Comparison:
    """Compare pairs in random order; the first pair, which may open a connection, does not count."""
    _timed_pair(first, second)
    pairs: list[Both] = []
    for most, p, lead in LOOKS:
        pairs += [_timed_pair(first, second) for _ in range(most - len(pairs))]
        found = _of_pairs(pairs)
        if not found.hints(p, lead):
            return found
    pairs += [_timed_pair(first, second) for _ in range(MOST_PAIRS - len(pairs))]
    return _of_pairs(pairs)


def _of_pairs(pairs: Sequence[Both]) -> Comparison:
    return compare([one for one, _ in pairs], [other for _, other in pairs])


def _timed_pair(first: Ask, second: Ask) -> Both:
    if random.random() < 0.5:
        return first().duration_s, second().duration_s
    late = second().duration_s
    return first().duration_s, late
