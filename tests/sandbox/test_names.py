"""The suite recognizes its own names, and no others."""

from __future__ import annotations

import time

import pytest

from conformance.sandbox.names import Names, base36, begun, new_run, run_of


@pytest.mark.parametrize("worker", ["w", "w0", "w11", "serial", "last"])
@pytest.mark.parametrize("more", ["", "/below", "---x", "app"])
def test_every_name_contains_its_run(worker: str, more: str) -> None:
    run = new_run()
    names = Names(run, worker)
    assert {run_of(names.new() + more), run_of(names.new("hint") + more)} == {run}
    assert 0 <= time.time() - begun(run) < 60


def test_no_name_contains_another() -> None:
    names = Names(new_run(), "w1")
    made = [names.new(), names.new("hint"), *(names.new() for _ in range(120)), Names(names.run, "w11").new()]
    assert [(one, other) for one in made for other in made if one != other and one in other] == []


@pytest.mark.parametrize(
    "name",
    [
        "cf-credentials-w-1", "cf-0tp1gro373d", "cf-0tp1gro373d-w", "cf-0tp1gro373d-x-1", "cf-0tp1gro37zz-w-1",
        "a-cf-0tp1gro373d-w-1", "CF-0tp1gro373d-w-1", "cf-0000001373d-w-1", "cf-zzzzzzz373d-w-1", "cf-", "",
    ],
)  # fmt: skip
def test_other_names_are_not_recognized(name: str) -> None:
    assert run_of(name) is None


def test_a_name_from_the_future_is_not_recognized() -> None:
    assert run_of(f"cf-{base36(int(time.time()) + 7 * 24 * 3600).rjust(7, '0')}0000-w-1") is None
