"""Requests of shared fixtures, which belong to the evidence of every failing check that uses them.

The evidence of the first check that uses a fixture contains them. Another check that fails needs them as well: without
the objects that the fixture created, its requests cannot be reproduced.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from conformance.evidence.recorder import Recorded, Recorder


class Preparation:
    """A pytest plugin that notes the requests of each shared fixture."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._requests: dict[tuple[str, str], list[Recorded]] = {}
        self._retried: set[tuple[str, str]] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
        """Set up a fixture and note its requests."""
        before = len(self.recorder)
        value = yield
        if fixturedef.scope != "function":
            self._requests[fixturedef.argname, fixturedef.baseid] = self.recorder.recorded_from(before)
        return value

    def of(self, item: pytest.Item) -> list[Recorded]:
        """Return the requests of a check's fixtures, in order."""
        # Including fixtures that a check requests by getfixturevalue.
        active = getattr(getattr(item, "_request", None), "_fixture_defs", {})
        names = {*getattr(item, "fixturenames", ()), *active}
        used = [key for key in self._requests if key[0] in names and item.nodeid.startswith(key[1])]
        for key in used:
            # Converted once, since many checks can fail.
            self._requests[key] = [self.recorder.entry_of(exchange) for exchange in self._requests[key]]
        return [exchange for key in used for exchange in self._requests[key]]

    def make_anew(self, item: pytest.Function) -> None:
        """Let pytest set up a check's failed shared fixtures again for the next check, each once.

        pytest caches the failure of a fixture: a short outage would fail every later check.
        """
        for name, fixtures in item._fixtureinfo.name2fixturedefs.items():
            for each in fixtures:
                failed = each.cached_result is not None and each.cached_result[2] is not None
                if failed and each.scope != "function" and (name, each.baseid) not in self._retried:
                    self._retried.add((name, each.baseid))
                    # The argument only names the check.
                    each.finish(item._request)  # type: ignore[arg-type]
