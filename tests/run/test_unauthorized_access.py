"""A deployment that lets in who has no right to is never certified: exit code 1, and its class is not conformant."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.reference.deployment import alterations
from conformance.reporting.classes import Statement, summarise
from conformance.target import configuration
from tests.run.support import conformance

pytestmark = pytest.mark.once

AUTHORIZATION = (
    "double-slash-is-unguarded", "forwarded-skips-guard", "dots-encoded-twice-are-unguarded",
    "anything-behind-the-token-endpoint-is-open", "deletion-by-slash-is-unguarded", "method-override-honoured",
    "foreign-organization-as-owner", "expired-token-accepted", "expiry-forgotten-by-writes",
    "client-id-compared-without-case", "any-origin-is-let-in", "identity-header-trusted", "organization-from-header",
    "path-from-header",
)  # fmt: skip
STORAGE = ("copy-sources-unsigned", "urls-obey-copy-sources-unsigned", "unsigned-amz-headers-accepted")
WEBHOOKS = ("webhook-url-compared-without-case", "webhook-url-matched-by-prefix")
CASES = [
    *((name, "authorization-core") for name in AUTHORIZATION),
    *((name, "storage-core") for name in STORAGE),
    *((name, "webhooks-core") for name in WEBHOOKS),
]


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference()
    yield running
    running.stop()


@pytest.mark.parametrize(("defect", "conformance_class"), CASES, ids=[name for name, _ in CASES])
def test_unauthorized_access_is_not_conformant(
    reference: EmbeddedReference, tmp_path: Path, defect: str, conformance_class: str
) -> None:
    target = configuration.load(reference.target_config, tmp_path).choose(None)[1]
    control = shlex.split(target.hooks.revoke or "")[3]
    noticed_by = alterations()[defect].noticed_by  # type: ignore[attr-defined]
    tell(control, "reset")
    tell(control, "switch", defect)
    # One check of the core class, so that the run speaks of it where only the basic class is concerned.
    selected = [*noticed_by, *(["storage/service/buckets-are-listed-page-by-page"] if defect in STORAGE else [])]
    ran = conformance(tmp_path, "run", *selected, "--config", str(reference.target_config), "--report", "markdown")

    assert ran.code == 1, ran.output
    statements = {each.name: each.statement for each in summarise(ran.record)}
    assert statements[conformance_class] is Statement.NOT_CONFORMANT, statements
