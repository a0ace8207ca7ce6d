"""Checks that try to make or delete a bucket run last, and only where the target file permits them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import conformance, redescribed

pytestmark = pytest.mark.once

ABOUT_BUCKETS = {
    "storage/service/create-bucket-keeps-its-objects",
    "storage/service/buckets-are-not-self-service",
    "storage/service/delete-bucket-keeps-its-objects",
}


@pytest.mark.parametrize(
    ("changes", "verdict", "requests"),
    [({"^destructive = true$": ""}, "not-applicable", []), ({}, "pass", ["DELETE", "PUT", "PUT"])],
    ids=["not-permitted", "permitted"],
)
def test_buckets_are_changed_only_where_permitted(
    reference: EmbeddedReference, control: str, tmp_path: Path, changes: dict[str, str], verdict: str,
    requests: list[str],
) -> None:  # fmt: skip
    config = str(redescribed(reference, changes))
    ran = conformance(tmp_path, "run", "storage/service", "--config", config, "--workers", "2" if requests else "0")
    assert ran.code == 0, ran.output
    verdicts = ran.verdicts()
    assert {verdicts[name] for name in ABOUT_BUCKETS} == {verdict}
    assert {each for name, each in verdicts.items() if name not in ABOUT_BUCKETS} == {"pass"}
    if requests:
        assert {result.id for result in ran.record.results[-3:]} == ABOUT_BUCKETS
    sent = [(each["method"], urlsplit(each["url"]).path) for each in ran.record.evidence().values() if "url" in each]
    changing = [method for method, path in sent if method in ("PUT", "DELETE") and re.fullmatch("/[^/]+/?", path)]
    assert sorted(changing) == requests
