"""Changed responses never break a run, and the instrument finds secrets and broken files."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from conformance.plugin.surfaces import surface_of
from conformance.reference.http import Answer, Request
from conformance.runs.reading import read
from tests.chaos.inspection import complaints
from tests.chaos.layer import Plan
from tests.chaos.replies import MUTATIONS, Reply, Step
from tests.chaos.trying import tried

SELECTIONS = {
    "identity": (30, ["oauth/response", "authorization/matrix", "errors/409"]),
    "registry": (40, ["registry/tags", "registry/pull"]),
    "storage": (12, ["storage/listing", "storage/sdk"]),
    "webhooks": (2, ["webhooks/method", "webhooks/secret"]),
}
"""By surface, how many answers stay unchanged at first, and the selected checks."""
EACH_SURFACE = (
    "oauth/response", "errors/shape", "registry/tags", "storage/listing/prefix-is-honoured", "storage/sdk",
    "storage/listing/bad-parameters-are-no-server-error", "webhooks/methods",
)  # fmt: skip
PREFLIGHT = 40
"""So many responses of a surface the preflight needs at most."""
NO_RESPONSE = ("drips", "endless")
"""Mutations after which a surface gives no usable response: each surface is one cause."""
JSON = Answer.json(200, {"access_token": "eyJhIjoxfQ.eyJiIjoyfQ.c2ln", "expires_in": 60, "of": [{"a": "b"}]})
XML = Answer(200, b'<?xml version="1.0" encoding="UTF-8"?><L xmlns="urn:s"><Key>a</Key><Size>1</Size></L>')


def changed(name: str, seed: int, answer: Answer) -> list[Step]:
    """Return the first steps that send a mutated answer."""
    request = Request("GET", "/v2/a", "n=1", Headers({"host": "127.0.0.1:1", "authorization": "Basic YTpi"}), b"")
    reply = Reply.of(request, Answer(answer.status, answer.body, answer.headers.mutablecopy()))
    steps = MUTATIONS[name](random.Random(seed), reply) if name else None
    return [reply.wire()] if steps is None else list(islice(steps, 20))


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_changes_an_answer_and_repeats_by_its_seed(name: str) -> None:
    unchanged = [changed("", 0, each) for each in (JSON, XML)] * 10
    runs = [[changed(name, seed, each) for seed in range(10) for each in (JSON, XML)] for _ in range(2)]
    assert runs[0] == runs[1] != unchanged


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.txt", b"before a-secret/of?sixteen after", "the secret s"),
        ("index.html", b"<p><img src=x onerror=alert(1)></p>", "index.html: "),
        ("index.html", b"<a href='javascript:alert(1)'>a</a>", "index.html: "),
        ("index.html", b"<p>\x1b[31m</p>", "index.html: "),
        ("junit.xml", b"<testsuites><testsuite/>", "junit.xml: "),
        ("a.json", b'{"a": NaN}', "a.json: "),
        ("results.ndjson", b'{"kind": "check"}\n', "results.ndjson: "),
        ("summary.md", b"\xff", "summary.md: "),
    ],
)
def test_a_secret_or_a_broken_file_is_found(name: str, content: bytes, found: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert found in complaints(tmp_path, {"s": "a-secret/of?sixteen"})[0]


@pytest.mark.nightly
@pytest.mark.parametrize("surface", SELECTIONS)
def test_a_run_survives_any_answer(surface: str, tmp_path: Path) -> None:
    grace, selected = SELECTIONS[surface]
    plan = Plan(seed=7, share=0.3, grace=grace, answer_s=0.6)
    words = [*selected, "--workers", "0", "--explore", "1", "--shrink-time", "0"]
    run = tried(plan, words, tmp_path, 100, ("rejudge", "report"))
    assert not run.wrong, "\n".join(run.wrong)
    assert len(plan.log) > 10
    assert {"pass", "fail"} <= set(run.verdicts.values())


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "grace"),
    [("drips", 0), ("endless", 0), ("compressed", PREFLIGHT), ("json-poisoned", PREFLIGHT), ("moved", 0), ("", 0)],
)
def test_a_target_with_one_kind_of_response_harms_nobody(name: str, grace: int, tmp_path: Path) -> None:
    plan = Plan(seed=1, share=1.0, grace=grace, names=(name,) if name else (), early=0, answer_s=0.6)
    words = [*EACH_SURFACE, "--workers", "0", "--explore", "2", "--shrink-time", "0"]
    run = tried(plan, words, tmp_path, 200, most_mb=400)
    assert not run.wrong, "\n".join(run.wrong)
    results = read(tmp_path / "run").results
    causes = {(surface_of(each.id), each.reason) for each in results if each.verdict == "inconclusive"}
    assert len(causes) == 4 or name not in NO_RESPONSE, causes
    assert {"fail", "inconclusive"} & {*run.verdicts.values()}
