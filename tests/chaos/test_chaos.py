"""Hostile servers never break a run, and the instrument finds secrets and broken files."""

from __future__ import annotations

import os
import random
from itertools import islice
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from conformance.reference.http import Answer, Request
from tests.chaos.inspection import complaints
from tests.chaos.replies import Reply, Step
from tests.chaos.servers import NAMES, Server
from tests.chaos.trying import tried

SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
"""The first seed of this session; a failed test is repeated with the seed in its message."""
GATE, NIGHT = 15, 60
AREAS = (
    "oauth/response",
    "errors/shape",
    "errors/409",
    "registry/tags",
    "storage/sdk",
    "storage/copy",
    "webhooks/delivery",
)
JSON = Answer.json(200, {"access_token": "eyJhIjoxfQ.eyJiIjoyfQ.c2ln", "expires_in": 60, "of": [{"a": "b"}]})
XML = Answer(200, b'<?xml version="1.0" encoding="UTF-8"?><L xmlns="urn:s"><Key>a</Key><Size>1</Size></L>')


def reply_to(answer: Answer) -> Reply:
    request = Request("GET", "/v2/a", "n=1", Headers({"host": "127.0.0.1:1", "authorization": "Basic YTpi"}), b"")
    return Reply.of(request, Answer(answer.status, answer.body, answer.headers.mutablecopy()))


def changed(axis: str, name: str, seed: int, answer: Answer) -> list[Step]:
    """Return the first steps that send an answer with one choice."""
    reply = reply_to(answer)
    steps = Server(seed, {axis: name}, 1.0, 0, steady=False).steps(random.Random(seed), reply)
    return [reply.wire()] if steps is None else list(islice(steps, 20))


@pytest.mark.parametrize(("axis", "name"), [(axis, name) for axis, names in NAMES.items() for name in names])
def test_a_choice_changes_an_answer_and_repeats_by_its_seed(axis: str, name: str) -> None:
    unchanged = [[reply_to(each).wire()] for each in (JSON, XML)] * 10
    runs = [[changed(axis, name, seed, each) for seed in range(10) for each in (JSON, XML)] for _ in range(2)]
    assert runs[0] == runs[1] != unchanged


def test_a_seed_draws_one_server_and_seeds_draw_every_choice() -> None:
    servers = [str(Server.drawn(seed)) for seed in range(1000)]
    assert servers == [str(Server.drawn(seed)) for seed in range(1000)]
    drawn = " ".join(servers)
    assert [name for names in NAMES.values() for name in names if name not in drawn] == []


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


@pytest.mark.once
@pytest.mark.parametrize("number", range(GATE))
def test_a_hostile_server_harms_nobody(number: int, tmp_path: Path) -> None:
    server = Server.drawn(SEED + number)
    area = random.Random(server.seed).choice(AREAS)
    run = tried(server, [area, "--workers", "0", "--explore", "1"], tmp_path)
    assert not run.wrong, f"CHAOS_SEED={server.seed}: {server}: {area}\n" + "\n".join(run.wrong)


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(NIGHT))
def test_a_whole_run_survives_a_hostile_server(number: int, tmp_path: Path) -> None:
    server = Server.drawn(SEED + 1000 + number)
    run = tried(server, ["--workers", "0", "--explore", "1"], tmp_path, 300, ("rejudge", "report"))
    assert not run.wrong, f"CHAOS_SEED={server.seed - 1000}: {server}\n" + "\n".join(run.wrong)
