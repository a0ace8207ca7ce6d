"""Checks that try to make or delete a bucket: last of all, and only where the target file permits them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.runs.reading import read
from tests.run.support import Ran, conformance

pytestmark = pytest.mark.once

ABOUT_BUCKETS = {
    "storage/service/create-bucket-harms-nothing",
    "storage/service/buckets-are-not-self-service",
    "storage/service/delete-bucket-destroys-nothing",
}


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference()
    yield running
    running.stop()


def checked(reference: EmbeddedReference, folder: Path, permitted: bool) -> Ran:
    text = reference.target_config.read_text(encoding="utf-8")
    assert "\ndestructive = true\n" in text
    target = reference.folder / f"destructive-{permitted}.toml"  # beside the files of secrets that it names
    target.write_text(text if permitted else text.replace("\ndestructive = true\n", "\n"), encoding="utf-8")
    return conformance(folder, "run", "storage/service", "--config", str(target), "--workers", "2")


def bucket_requests(ran: Ran) -> list[str]:
    """What was asked of a bucket itself that would make or delete it."""
    (run,) = (ran.folder / "reports").glob("2*")
    entries = list(read(run).evidence_of_checks())
    asked = [(each["method"], urlsplit(each["url"])) for each in entries if each["kind"] == "exchange"]
    return [method for method, url in asked if method in ("PUT", "DELETE") and re.fullmatch("/[^/]+/?", url.path)]


def test_nothing_is_asked_of_buckets_that_is_not_permitted(reference: EmbeddedReference, tmp_path: Path) -> None:
    ran = checked(reference, tmp_path, permitted=False)
    assert ran.code == 0, ran.output
    assert {name for name, verdict in ran.verdicts().items() if verdict == "not-applicable"} == ABOUT_BUCKETS
    assert bucket_requests(ran) == []


def test_what_is_permitted_comes_last(reference: EmbeddedReference, tmp_path: Path) -> None:
    ran = checked(reference, tmp_path, permitted=True)
    assert ran.code == 0, ran.output
    assert set(ran.verdicts().values()) == {"pass"}
    assert {result.id for result in ran.record.results[-3:]} == ABOUT_BUCKETS
    assert sorted(bucket_requests(ran)) == ["DELETE", "PUT", "PUT"]
