"""How checks are distributed to workers."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from conformance.plugin.scheduling import COSTS, WAITING, Scheduling


class Node:
    """A worker as the scheduler sees it: what it was given, and whether it was told to end."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


CHECKS = [
    *(f"suites/storage/test_model_properties.py::test_a[{number}]" for number in range(3)),
    *(f"suites/none/test_short.py::test_{number}" for number in range(20)),
]


@pytest.fixture
def scheduling(monkeypatch: pytest.MonkeyPatch) -> Scheduling:
    """One that knows no files of disturbing checks, for many workers."""
    monkeypatch.setattr("conformance.plugin.scheduling.disturbing", lambda file: False)
    told: list[pytest.CollectReport] = []
    hook = SimpleNamespace(pytest_collectreport=lambda report: told.append(report))
    config = SimpleNamespace(rootpath=Path(), hook=hook, told=told, getvalue=lambda name: ["3*popen"], option=None)
    monkeypatch.setattr("xdist.scheduler.loadscope.parse_tx_spec_config", lambda config: ["popen"] * 3)
    return Scheduling(cast(pytest.Config, config), None, workers=9)


def ready(scheduling: Scheduling, node: Node, checks: list[str]) -> None:
    """What xdist does when a worker has collected its checks."""
    scheduling.add_node_collection(node, checks)
    scheduling.schedule()


def test_each_worker_begins_with_one_long_check(scheduling: Scheduling) -> None:
    nodes = [Node(f"gw{number}") for number in range(3)]
    for node in nodes:
        scheduling.add_node(node)
        ready(scheduling, node, CHECKS)
    long = [[index for index in node.given if index < 3] for node in nodes]
    assert sorted(map(len, long)) == [1, 1, 1]
    # A worker begins a check when it knows the next.
    assert all(len(node.given) > 1 for node in nodes)


def test_every_check_runs_once_when_workers_start_late(scheduling: Scheduling) -> None:
    nodes = [Node(f"gw{number}") for number in range(3)]
    done: list[int] = []
    for late, node in enumerate(nodes):
        scheduling.add_node(node)
        ready(scheduling, node, CHECKS)
        for each in nodes[: late + 1]:
            for index in [index for index in each.given if index not in done][: 5 * late]:
                done.append(index)
                scheduling.mark_test_complete(each, index)
    while len(done) < len(CHECKS):
        for node in nodes:
            for index in [index for index in node.given if index not in done][:1]:
                done.append(index)
                scheduling.mark_test_complete(node, index)
    assert sorted(index for node in nodes for index in node.given) == list(range(len(CHECKS)))
    assert scheduling.tests_finished and all(node.shutting_down for node in nodes)


def test_every_slow_check_that_is_named_exists() -> None:
    suites = Path(__file__).parents[2] / "suites"
    functions = re.compile(r"^def (test_\w+)", re.MULTILINE)
    there = [
        f"/{path.relative_to(suites.parent)}::{name}::"
        for path in suites.rglob("test_*.py")
        for name in functions.findall(path.read_text(encoding="utf-8"))
    ]
    assert [part for part in (*COSTS, *WAITING) if not any(part in each for each in there)] == []
