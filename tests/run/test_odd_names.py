"""Names that a target has chosen are nobody's defect: in other case, or up to a colon, one may be the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import conformance

pytestmark = pytest.mark.nightly

SAME = {
    "oauth/token/wrong-secret-is-refused#case-changed",
    "oauth/scope/only-spaces-separate-scopes#beginning",
    "registry/login/wrong-login-is-refused#password-in-capitals",
}


@pytest.fixture
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference(program=("-m", "tests.run.odd_names"))
    yield running
    running.stop()


def test_no_check_minds_how_things_are_called(reference: EmbeddedReference, tmp_path: Path) -> None:
    selected = ("oauth", "authorization", "registry/login", "storage/errors", "storage/service")
    ran = conformance(
        tmp_path, "run", *selected, "--config", str(reference.target_config), "--workers", "2", "--explore", "3"
    )

    assert ran.code == 0, ran.output
    verdicts = ran.verdicts()
    assert {verdicts[name] for name in SAME} == {"not-applicable"}
    assert verdicts["oauth/scope/is-case-sensitive"] == "pass"
