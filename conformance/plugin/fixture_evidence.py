"""What was asked for the fixtures that checks share, so that the finding of any of them is shown from its beginning.

What a fixture that lives longer than a check has asked is evidence of the check that it was made for first. Another one
that fails has it as well: without the objects that stand there its requests would show nothing, or what is not so.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from conformance.evidence.recorder import Recorded, Recorder


class Preparation:
    """Notes what each fixture has asked; a plugin of pytest's."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._asked: dict[tuple[str, str], list[Recorded]] = {}
        self._made_anew: set[tuple[str, str]] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
        """Makes a fixture."""
        before = len(self.recorder)
        made = yield
        if fixturedef.scope != "function":
            self._asked[fixturedef.argname, fixturedef.baseid] = self.recorder.recorded_from(before)
        return made

    def of(self, item: pytest.Item) -> list[Recorded]:
        """What was asked for the fixtures of a check, in the order in which it was."""
        # Those too that a check asks for by a name of its own (getfixturevalue).
        active = getattr(getattr(item, "_request", None), "_fixture_defs", {})
        names = {*getattr(item, "fixturenames", ()), *active}
        used = [key for key in self._asked if key[0] in names and item.nodeid.startswith(key[1])]
        for key in used:
            # Made once: many checks can fail.
            self._asked[key] = [self.recorder.entry_of(kept) for kept in self._asked[key]]
        return [kept for key in used for kept in self._asked[key]]

    def make_anew(self, item: pytest.Function) -> None:
        """Has the shared fixtures that failed for a check made again for the next one that wants them, each once.

        pytest keeps how a fixture failed as it keeps what another is: a service that was away for a moment would be so
        for every check to come.
        """
        for name, made in item._fixtureinfo.name2fixturedefs.items():
            for each in made:
                failed = each.cached_result is not None and each.cached_result[2] is not None
                if failed and each.scope != "function" and (name, each.baseid) not in self._made_anew:
                    self._made_anew.add((name, each.baseid))
                    # The argument only names the check.
                    each.finish(item._request)  # type: ignore[arg-type]
