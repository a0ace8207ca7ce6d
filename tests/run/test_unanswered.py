"""A surface that closes the connection of one kind of request is up: its checks judge that, and all else as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.preflight import SurfaceState, preflight
from conformance.target import configuration
from tests.run.support import conformance

pytestmark = pytest.mark.nightly


@contextmanager
def reference_with(defects: str) -> Iterator[EmbeddedReference]:
    """A reference with these defects."""
    running = EmbeddedReference(defects.split())
    try:
        yield running
    finally:
        running.stop()


def state_of(surface: str, running: EmbeddedReference) -> SurfaceState:
    target = configuration.load(running.target_config, Path.cwd()).choose(None)[1]
    return next(each for each in preflight(target) if each.surface == surface)


@pytest.mark.parametrize(
    ("surface", "defect", "asked", "feature"),
    [
        ("registry", "catalog-gets-no-answer", "GET /v2/_catalog", "registry.catalog"),
        ("storage", "creation-on-condition-gets-no-answer", "PUT /conformance-a", "storage.conditional-write"),
        ("storage", "listing-gets-no-answer", "GET /", None),
        ("identity", "request-of-no-client-gets-no-answer", "POST /oauth/token", None),
    ],
)
def test_a_request_without_an_answer_is_told_and_the_surface_is_up(
    surface: str, defect: str, asked: str, feature: str | None
) -> None:
    with reference_with(f"--defect {defect}") as running:
        state = state_of(surface, running)
    closed = [line for kind, line in state.lines if kind == "fail" and "closed without an answer" in line]
    assert closed and all(line.startswith(asked) for line in closed)
    assert state.blocked is None
    assert set(state.credentials.values()) == {"ok"}
    assert feature is None or state.features[feature] == "not observable without harm"


@pytest.mark.parametrize(
    ("defects", "check"),
    [
        # A registry that is open at /v2/ is asked for tags, to see whether these have a challenge.
        (
            "--defect support-check-needs-no-login --defect tag-list-gets-no-answer",
            "registry/tags/long-list-is-complete",
        ),
        # And one of tokens for a deletion, to see what right that asks for.
        ("--defect manifest-deletion-gets-no-answer", "registry/delete/absent-is-404#deleted-manifest"),
    ],
)
def test_a_way_in_that_is_looked_for_where_nobody_answers_shuts_nothing(
    defects: str, check: str, tmp_path: Path
) -> None:
    with reference_with(defects) as running:
        ran = conformance(
            tmp_path, "run", check, "registry/pull", "--explore", "0", "--config", str(running.target_config)
        )
    verdicts = Counter(ran.verdicts().values())
    assert ran.verdicts()[check] == "fail", ran.output
    assert verdicts["pass"] > 50 and verdicts["fail"] < 10, ran.output


def test_methods_that_are_shut_out_without_an_answer_are_told_once(tmp_path: Path) -> None:
    with reference_with("--defect other-methods-get-no-answer") as running:
        ran = conformance(tmp_path, "run", "webhooks", "--explore", "0", "--config", str(running.target_config))
    failed = [check for check, verdict in ran.verdicts().items() if verdict not in ("pass", "not-applicable")]
    assert failed == ["webhooks/methods/only-post-delivers#get"], ran.output


def test_a_service_of_one_token_a_client_is_told_once(tmp_path: Path) -> None:
    with reference_with("--defect new-token-ends-the-last") as running:
        words = ("errors", "oauth/tokens", "--explore", "0", "--workers", "1", "--config", str(running.target_config))
        ran = conformance(tmp_path, "run", *words)
    failed = [check for check, verdict in ran.verdicts().items() if verdict not in ("pass", "not-applicable")]
    assert failed == ["oauth/tokens/later-requests-end-no-token#new-tokens"], ran.output
