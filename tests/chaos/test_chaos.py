"""Runs against a reference whose answers are changed: nothing breaks the suite, and a seed changes always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from conformance.reference.http import Answer, Request
from tests.chaos.inspection import complaints, forms, unfit_for_terminals
from tests.chaos.layer import Plan
from tests.chaos.replies import MUTATIONS, End, Reply, Step
from tests.chaos.trying import Tried, tried

FEW = ("--workers", "0", "--explore", "1", "--shrink-time", "0")
SELECTIONS = {
    "identity": ("oauth/response", "authorization/matrix", "errors/409"),
    "registry": ("registry/tags", "registry/pull"),
    "storage": ("storage/listing", "storage/sdk"),
    "webhooks": ("webhooks/method", "webhooks/secret"),
}
GRACE = {"identity": 30, "registry": 40, "storage": 12, "webhooks": 2}
JSON = Answer.json(200, {"access_token": "eyJhIjoxfQ.eyJiIjoyfQ.c2ln", "expires_in": 60, "of": [{"a": "b"}]})
XML = Answer(200, b'<?xml version="1.0" encoding="UTF-8"?><L xmlns="urn:s"><Key>a</Key><Size>1</Size></L>')


def reply(answer: Answer) -> Reply:
    """A fresh reply that says what an answer does."""
    request = Request("GET", "/v2/a", "n=1", Headers({"host": "127.0.0.1:1", "authorization": "Basic YTpi"}), b"")
    return Reply.of(request, Answer(answer.status, answer.body, answer.headers.mutablecopy()))


def played(name: str, seed: int, answer: Answer) -> list[Step]:
    """What goes on the wire of a mutated answer, the beginning of it where it has no end."""
    changed = reply(answer)
    steps = MUTATIONS[name](random.Random(seed), changed)
    return [changed.wire()] if steps is None else list(islice(steps, 20))


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_changes_an_answer_and_the_same_seed_alike(name: str) -> None:
    plain = [reply(each).wire() for each in (JSON, XML)]
    runs = [[played(name, seed, each) for seed in range(20) for each in (JSON, XML)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert any(steps != [whole] for steps, whole in zip(runs[0], plain * 20, strict=True))
    assert all(isinstance(step, bytes | float | End) for steps in runs[0] for step in steps)


def test_a_plan_spares_the_first_answers_and_leaves_alone_what_it_is_not_for() -> None:
    request = reply(JSON).request
    plan = Plan(seed=1, share=1.0, grace=2, only="^GET /v2")
    assert [plan.chosen("registry", request) is not None for _ in range(4)] == [False, False, True, True]
    assert Plan(seed=1, share=1.0, only="^PUT").chosen("registry", request) is None
    third = Plan(seed=1, nth=3)
    assert [third.chosen("registry", request) is not None for _ in range(4)] == [False, False, True, False]


@pytest.mark.parametrize("form", sorted({*forms("a-secret/of?sixteen")}))
def test_a_secret_is_found_in_whatever_form(form: bytes, tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "a.txt").write_bytes(b"before" + form + b"behind")
    assert "the secret s" in complaints(tmp_path, {"s": "a-secret/of?sixteen"})[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.html", b"<p><img src=x onerror=alert(1)></p>"),
        ("index.html", b"<a href='javascript:alert(1)'>a</a>"),
        ("index.html", b"<p>\x1b[31m</p>"),
        ("junit.xml", b"<testsuites><testsuite/>"),
        ("a.json", b'{"a": NaN}'),
        ("results.ndjson", b'{"kind": "check"}\n'),
        ("summary.md", b"\x00"),
        ("summary.md", b"\xff"),
    ],
)
def test_a_file_that_is_broken_is_told(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert complaints(tmp_path, {})[0].startswith(f"{name}: ")


def test_what_a_terminal_obeys_is_told() -> None:
    assert unfit_for_terminals("a \x1b[31m b") and unfit_for_terminals("a \u202e b")
    assert not unfit_for_terminals("lines\n\tof text, é")


@pytest.fixture(scope="module", params=sorted(SELECTIONS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    """A run of some checks of a surface, with a third of the answers changed."""
    surface = request.param
    plan = Plan(seed=7, share=0.3, grace=GRACE[surface], answer_s=0.6)
    yield tried(plan, [*SELECTIONS[surface], *FEW], tmp_path_factory.mktemp(surface), 100, ("rejudge", "report"))


@pytest.mark.nightly
def test_a_run_survives_whatever_is_answered(run: Tried) -> None:
    assert not run.wrong, "\n".join(run.wrong)
    assert len(run.plan.log) > 10
    assert {"pass", "fail"} <= set(run.verdicts.values())
