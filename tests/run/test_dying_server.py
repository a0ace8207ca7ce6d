"""A server that dies in the middle of a run: the request that ended it is the one finding."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.vocabulary.verdict import ExitCode
from tests.run.mortal_front import MortalFront
from tests.run.support import Ran, conformance, redescribed

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("control")]

# One check of the area sends this.
POISON = b"?policy=&prefix="
AREA = "storage/subresource"
KILLER = "storage/subresource/of-a-bucket-is-no-listing#policy"


@pytest.fixture(scope="module")
def storage(reference: EmbeddedReference) -> str:
    """The URL of the storage."""
    text = reference.target_config.read_text(encoding="utf-8")
    return text.partition('endpoint = "')[2].partition('"')[0]


def checked(reference: EmbeddedReference, folder: Path, front: MortalFront, *words: str) -> Ran:
    """A run whose storage is behind the front, which answers within two seconds or never."""
    changes = {r'^endpoint = ".*"': f'endpoint = "{front.url}"', r"^arrival = 1$": "arrival = 1\nanswer = 2"}
    words = ("run", "--config", str(redescribed(reference, changes)), *words)
    return conformance(folder, *words, PYTEST_PLUGINS="tests.run.hurried")


@pytest.mark.parametrize("hangs", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["ended", "hung"])
def test_the_checks_after_the_end_of_a_server_have_one_cause(
    reference: EmbeddedReference, storage: str, tmp_path: Path, hangs: bool
) -> None:
    with closing(MortalFront(storage, POISON, hangs=hangs)) as front:
        ran = checked(reference, tmp_path, front, AREA, "--workers", "0")
    failed = [result for result in ran.record.results if result.verdict == "fail"]
    assert [result.id for result in failed] == [KILLER], ran.output
    title = f"Service {'hung' if hangs else 'ended'} by one request"
    assert failed[0].level == "MUST"
    # It comes first and last, with a line that ends the service again.
    printed = ran.output[ran.output.index(title) :].splitlines()
    assert printed[1].strip().startswith("curl") and printed[-1] == printed[1] and title in printed[-2]
    summary = (ran.record.folder / "summary.md").read_text(encoding="utf-8")
    assert title in summary.split("|")[0] and title in summary[-2000:]
    assert "stopped answering after this request" in failed[0].findings[0]["observed"]
    assert "?policy" in failed[0].findings[0]["curl"]
    assert failed[0].findings[0]["exchanges"][0] in failed[0].exchanges
    reasons = {result.reason for result in ran.record.results if result.verdict == "inconclusive"}
    assert len(reasons) == 1 and "?policy" in reasons.pop()
    verdicts = Counter(ran.verdicts().values())
    assert verdicts["inconclusive"] > 10 and verdicts["error"] == 0
    assert ran.code == ExitCode.NON_CONFORMANT


@pytest.mark.nightly
@pytest.mark.parametrize("workers", ["0", "3"])
def test_a_request_that_hangs_the_server_for_a_while_is_found_twice(
    reference: EmbeddedReference, storage: str, tmp_path: Path, workers: str
) -> None:
    with closing(MortalFront(storage, POISON, back_s=4.5, hangs=True)) as front:
        ran = checked(reference, tmp_path, front, AREA, "storage/key", "storage/copy", "--workers", workers)
    verdicts = ran.verdicts()
    assert [name for name, verdict in verdicts.items() if verdict == "fail"] == [KILLER], ran.output
    assert Counter(verdicts.values())["inconclusive"] == 0, ran.output
    assert front.deaths == 2
    assert ran.output.index("Service hung by one request") < ran.output.index("report")


@pytest.mark.parametrize("workers", ["0", "3"])
def test_a_server_that_comes_back_is_checked_further_and_ended_once_more(
    reference: EmbeddedReference, storage: str, tmp_path: Path, workers: str
) -> None:
    areas = (AREA, "storage/key", "storage/listing", "storage/paging", "storage/range", "storage/copy")
    with closing(MortalFront(storage, POISON, back_s=0.2)) as front:
        ran = checked(reference, tmp_path, front, *areas, "--workers", workers, "--explore", "3")
    verdicts = ran.verdicts()
    assert [name for name, verdict in verdicts.items() if verdict == "fail"] == [KILLER], ran.output
    assert Counter(verdicts.values())["inconclusive"] == 0, ran.output
    (killer,) = (result for result in ran.record.results if result.id == KILLER)
    # Repeated in isolation, it ended the server once more.
    assert (killer.worker, front.deaths) == ("main" if workers == "0" else "serial", 2)
    assert (killer.level, ran.code) == ("MUST", ExitCode.NON_CONFORMANT)


@pytest.mark.nightly
def test_a_preparation_that_met_the_end_of_a_server_is_repeated(
    reference: EmbeddedReference, storage: str, tmp_path: Path
) -> None:
    # The body of the object that nearly all of these checks read.
    with closing(MortalFront(storage, b"\r\n\r\nconditional", back_s=0.3, lives=1)) as front:
        ran = checked(reference, tmp_path, front, "storage/condition", "--workers", "2")
    verdicts = Counter(ran.verdicts().values())
    assert front.deaths == 1
    assert verdicts["inconclusive"] == verdicts["error"] == verdicts["fail"] == 0, ran.output
    assert verdicts["pass"] > 20
