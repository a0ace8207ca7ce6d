"""However long a time limit is, few requests are sent until it is over, and the last one after it."""

from __future__ import annotations

import time

import pytest

from conformance.clients.polling import MOST_PAUSES, tries


@pytest.mark.parametrize("limit_s", [-1.0, 0.0, 0.2, 1.0, 300.0])
def test_tries_are_few_and_the_last_is_after_the_limit(limit_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    times = [(now[0], over) for over in tries(100.0 + limit_s, 0.05)]
    assert [over for _, over in times] == [False] * (len(times) - 1) + [True]
    assert len(times) <= MOST_PAUSES + 2
    assert times[0][0] == 100.0
    assert 100.0 + limit_s <= times[-1][0] <= 100.0 + max(limit_s, 0.0) * (1 + 1 / MOST_PAUSES) + 0.05 + 1e-6
