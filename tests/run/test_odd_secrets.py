"""Secrets that URLs, forms, JSON and shells read otherwise are nobody's defect, and are told nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.run.support import conformance

pytestmark = pytest.mark.nightly

SELECTED = (
    "oauth", "authorization/bearer", "registry/login", "registry/token", "registry/rights", "storage/signature",
    "storage/presigned", "interoperability/identity",
)  # fmt: skip


@pytest.fixture
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference(["--odd-secrets"])
    yield running
    running.stop()


def test_no_check_minds_what_characters_a_secret_has(reference: EmbeddedReference, tmp_path: Path) -> None:
    ran = conformance(
        tmp_path, "run", *SELECTED, "--config", str(reference.target_config), "--workers", "2", "--explore", "5"
    )

    assert ran.code == 0, ran.output
    assert list(ran.verdicts().values()).count("pass") > 400
    # A name that is told otherwise makes a command that nobody can paste.
    addresses = {each["url"] for each in ran.record.evidence().values() if "url" in each}
    assert any("/v2/orgs/acme/conformance-cf-" in each for each in addresses)
    assert [each for each in addresses if "~alteredcf-" in each or "$$" in each] == []


def test_where_basic_is_not_decoded_that_alone_is_found(reference: EmbeddedReference, tmp_path: Path) -> None:
    tell(f"file:{reference.folder / 'conformance.secrets' / 'control-url'}", "switch", "basic-not-form-decoded")

    ran = conformance(tmp_path, "run", "oauth/client", "oauth/errors", "--config", str(reference.target_config))

    assert [name for name, verdict in ran.verdicts().items() if verdict == "fail"] == [
        "oauth/client/basic-is-form-decoded"
    ], ran.output


def test_a_secret_that_cannot_be_a_token_may_be_a_malformed_request(
    reference: EmbeddedReference, tmp_path: Path
) -> None:
    switch = ("switch", "malformed-token-is-invalid-request")
    tell(f"file:{reference.folder / 'conformance.secrets' / 'control-url'}", *switch)

    ran = conformance(tmp_path, "run", "authorization/bearer", "--config", str(reference.target_config))

    assert ran.code == 0, ran.output
