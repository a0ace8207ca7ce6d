"""Files are dealt out so that what takes longest does not come last."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from conformance.plugin.scheduling import DEAR, WAITING, Scheduling, longest_first


def test_checks_that_start_programs_come_before_many_that_do_not() -> None:
    files = {
        "suites/oauth/test_b.py": {f"b{number}": False for number in range(50)},
        "suites/oauth/test_a.py": {f"a{number}": False for number in range(60)},
        "suites/interoperability/test_aws_cli.py": {f"c{number}": False for number in range(6)},
    }

    order = longest_first(files)

    assert list(order) == [
        "suites/interoperability/test_aws_cli.py",
        "suites/oauth/test_a.py",
        "suites/oauth/test_b.py",
    ]
    assert order == files


def test_files_that_wait_come_before_those_of_as_many_checks_that_do_not() -> None:
    files = {
        "suites/oauth/test_a.py": {f"a{number}": False for number in range(20)},
        "suites/errors/test_rate_limit.py": {f"b{number}": False for number in range(5)},
        "suites/authorization/test_token_expiry.py": {f"c{number}": False for number in range(5)},
    }

    assert [each.rsplit("/", 1)[1] for each in longest_first(files)] == [
        "test_token_expiry.py",
        "test_rate_limit.py",
        "test_a.py",
    ]


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


def test_a_worker_begins_before_the_others_are_there(scheduling: Scheduling) -> None:
    first, second = Node("gw0"), Node("gw1")
    scheduling.add_node(first)
    scheduling.add_node(second)
    ready(scheduling, first, CHECKS)
    assert first.given and not second.given and not second.shutting_down
    ready(scheduling, second, CHECKS)
    assert second.given and not set(first.given) & set(second.given)


def test_no_two_long_checks_wait_on_one_worker(scheduling: Scheduling) -> None:
    nodes = [Node(f"gw{number}") for number in range(3)]
    for node in nodes:
        scheduling.add_node(node)
        ready(scheduling, node, CHECKS)
    long = [[index for index in node.given if index < 3] for node in nodes]
    assert sorted(map(len, long)) == [1, 1, 1]
    # A worker begins a check when it knows the next.
    assert all(len(node.given) > 1 for node in nodes)


def test_all_is_run_once_however_many_workers_come_late(scheduling: Scheduling) -> None:
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


def test_a_worker_with_other_checks_is_told_of_and_gets_none(scheduling: Scheduling) -> None:
    first, other = Node("gw0"), Node("gw1")
    scheduling.add_node(first)
    scheduling.add_node(other)
    ready(scheduling, first, CHECKS)
    ready(scheduling, other, CHECKS[1:])
    assert not other.given
    assert [report.nodeid for report in scheduling.config.told] == ["gw1"]


def test_each_place_of_dear_checks_is_there() -> None:
    suites = Path(__file__).parents[2] / "suites"
    functions = re.compile(r"^def (test_\w+)", re.MULTILINE)
    there = [
        f"/{path.relative_to(suites.parent)}::{name}::"
        for path in suites.rglob("test_*.py")
        for name in functions.findall(path.read_text(encoding="utf-8"))
    ]
    assert [part for part in (*DEAR, *WAITING) if not any(part in each for each in there)] == []


def test_a_long_check_is_not_begun_behind_others_that_wait(scheduling: Scheduling) -> None:
    node = Node("gw0")
    scheduling.add_node(node)
    ready(scheduling, node, CHECKS)
    first, *behind = node.given
    assert first < 3 and len(behind) == 1
    scheduling.mark_test_complete(node, first)
    # The next long one comes behind one short check, not behind a row of them.
    assert [index < 3 for index in node.given] == [True, False, True]


def test_without_checks_the_workers_end(scheduling: Scheduling) -> None:
    first, second = Node("gw0"), Node("gw1")
    scheduling.add_node(first)
    scheduling.add_node(second)
    ready(scheduling, first, [])
    assert first.shutting_down and scheduling.tests_finished
