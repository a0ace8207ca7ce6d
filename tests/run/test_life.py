"""A server that dies in the middle of a run: the request that killed it is told, and nothing else is accused."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.vocabulary.verdict import ExitCode
from tests.run.mortal_front import MortalFront
from tests.run.support import Ran, conformance

pytestmark = pytest.mark.once

# One check of many sends this: storage/subresource/of-a-bucket-is-no-listing#policy.
POISON = b"?policy=&prefix="
AREA = "storage/subresource"
KILLER = "storage/subresource/of-a-bucket-is-no-listing#policy"


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference()
    yield running
    running.stop()


def storage_url(reference: EmbeddedReference) -> str:
    text = reference.target_config.read_text(encoding="utf-8")
    return str(re.findall(r'^endpoint = "(.*)"', text, re.MULTILINE)[0])


def checked(
    reference: EmbeddedReference, folder: Path, front: MortalFront, *words: str, areas: tuple[str, ...] = (AREA,)
) -> Ran:
    """A run against the reference whose storage is behind the front, which answers within two seconds or never."""
    text = reference.target_config.read_text(encoding="utf-8").replace(storage_url(reference), front.url)
    text = re.sub(r"(?m)^(\[targets\.\w+\.limits\]\n)", r"\1answer = 2\n", text)
    target = reference.folder / f"{folder.name}.toml"  # beside the files of secrets that it names
    target.write_text(text, encoding="utf-8")
    return conformance(folder, "run", *areas, "--config", str(target), *words)


def test_the_request_that_killed_the_server_is_the_one_finding(reference: EmbeddedReference, tmp_path: Path) -> None:
    with MortalFront(storage_url(reference), POISON) as front:
        begun = time.monotonic()
        ran = checked(reference, tmp_path, front, "--workers", "0")
        seconds = time.monotonic() - begun
    verdicts = Counter(ran.verdicts().values())
    failed = [result for result in ran.record.results if result.verdict == "fail"]
    assert [result.id for result in failed] == [KILLER], ran.output
    assert "stopped answering after this request" in failed[0].findings[0]["observed"]
    assert "?policy" in failed[0].findings[0]["curl"]
    assert failed[0].findings[0]["exchanges"][0] in failed[0].exchanges
    reasons = {result.reason for result in ran.record.results if result.verdict == "inconclusive"}
    assert len(reasons) == 1, reasons
    assert "?policy" in reasons.pop()
    assert verdicts["inconclusive"] > 10
    assert verdicts["error"] == 0
    assert (failed[0].level, ran.code) == ("MUST", ExitCode.NON_CONFORMANT)
    assert "Service ended by one request" in ran.output
    assert seconds < 60, "each check waited for the dead server"


def test_a_server_that_comes_back_is_checked_on(reference: EmbeddedReference, tmp_path: Path) -> None:
    with MortalFront(storage_url(reference), POISON, back_s=0.5) as front:
        ran = checked(reference, tmp_path, front, "--workers", "0")
    assert [name for name, verdict in ran.verdicts().items() if verdict == "fail"] == [KILLER], ran.output
    assert Counter(ran.verdicts().values())["inconclusive"] == 0


def test_beside_another_worker_the_same_request_is_the_one_finding(
    reference: EmbeddedReference, tmp_path: Path
) -> None:
    areas = (AREA, "storage/key", "storage/listing", "storage/paging", "storage/range", "storage/copy")
    with MortalFront(storage_url(reference), POISON, back_s=0.2) as front:
        ran = checked(reference, tmp_path, front, "--workers", "3", "--explore", "3", areas=areas)
    verdicts = ran.verdicts()
    assert [name for name, verdict in verdicts.items() if verdict == "fail"] == [KILLER], ran.output
    assert Counter(verdicts.values())["inconclusive"] == 0, ran.output
    (killer,) = (result for result in ran.record.results if result.id == KILLER)
    # It alone has ended the server once more.
    assert (killer.worker, front.deaths) == ("last", 2)
    assert "hint" not in killer.findings[0] or "Other workers" not in killer.findings[0]["hint"]
    assert killer.level == "MUST"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_was_not_prepared_as_the_server_was_away_is_prepared_again(
    reference: EmbeddedReference, tmp_path: Path, workers: str
) -> None:
    # The body of the object that nearly all of these checks read.
    with MortalFront(storage_url(reference), b"\r\n\r\nconditional", back_s=0.3, lives=1) as front:
        ran = checked(reference, tmp_path, front, "--workers", workers, areas=("storage/condition",))
    verdicts = Counter(ran.verdicts().values())
    assert front.deaths == 1
    assert verdicts["inconclusive"] == verdicts["error"] == 0, ran.output
    # By itself, where it would be told of the request that ended the server, it ends it no more.
    assert verdicts["fail"] == (workers == "0"), ran.output
    assert verdicts["pass"] > 20


def test_a_server_that_falls_silent_is_one_cause_and_no_finding(reference: EmbeddedReference, tmp_path: Path) -> None:
    with MortalFront(storage_url(reference), POISON, hangs=True) as front:
        ran = checked(reference, tmp_path, front, "--workers", "0")
    verdicts = ran.verdicts()
    assert "fail" not in verdicts.values(), ran.output
    assert verdicts[KILLER] == "inconclusive"
    reasons = {result.reason for result in ran.record.results if result.verdict == "inconclusive"}
    assert len(reasons) == 1, reasons
    assert "?policy" in reasons.pop()
    assert ran.code == 7
