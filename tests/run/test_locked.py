"""Runs with a login that is refused: it is named once, and no check is blamed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.reporting.markdown import escaped
from tests.preflight.test_preflight import answering, serving
from tests.run.support import Ran, conformance

pytestmark = pytest.mark.once


def checked(reference: EmbeddedReference, folder: Path, secret: str, *words: str) -> Ran:
    """A run whose target file has a wrong secret; none where that is ''."""
    copy = Path(shutil.copytree(reference.folder, folder / "described"))
    if secret:
        with (copy / "conformance.secrets" / secret).open("a", encoding="utf-8") as file:
            file.write("-wrong")
    config = copy / reference.target_config.name
    return conformance(folder, "run", *words, "--config", str(config), "--explore", "1")


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("defect", "secret", "area", "failing"),
    [
        ("challenge-missing", "", "registry", ["registry/login/challenge-is-given#support"]),
        ("anonymous-forbidden", "", "registry", ["registry/login/support-asks-for-a-login"]),
        ("registry-token-not-yet-valid", "", "registry", ["registry/support/is-answered-200"]),
        ("list-of-scopes-refused", "", "oauth", ["oauth/scope/order-does-not-matter"]),
        ("list-of-scopes-refused", "identity-full", "oauth", []),
    ],
)
def test_a_surface_that_accepts_no_login_is_judged_by_unauthenticated_requests(
    reference: EmbeddedReference, control: str, tmp_path: Path, defect: str, secret: str, area: str, failing: list[str]
) -> None:
    tell(control, "switch", defect)
    ran = checked(reference, tmp_path, secret, area)
    assert "LOCKED" in ran.output
    assert [each for each, verdict in ran.verdicts().items() if verdict == "fail"] == failing, ran.output


def test_a_proxy_that_refuses_every_address_accuses_no_check(tmp_path: Path) -> None:
    with serving(answering(403, "text/html", b"<html>Forbidden</html>")) as url:
        described = f"""
            [targets.shut]
            organization = "acme"
            [targets.shut.registry]
            url = "{url}"
            repository = "orgs/acme/conformance"
            [targets.shut.registry.credentials]
            pusher = {{ username = "pusher", password = "${{PUSHER}}" }}
        """
        (tmp_path / "conformance.toml").write_text(described, encoding="utf-8")
        ran = conformance(tmp_path, "run", "registry", "--workers", "0", "--explore", "1", PUSHER="a-password")
    assert "registry LOCKED" in ran.output
    assert set(ran.verdicts().values()) == {"inconclusive", "not-applicable"}, ran.output


@pytest.mark.parametrize(
    ("secret", "words", "cause", "needs"),
    [
        (
            "identity-full",
            ["oauth/token/wrong-secret-is-refused"],
            'the credential full of the target file is refused a token: 401 with "invalid_client"',
            "[targets.reference.identity.credentials.full]",
        ),
        (
            "registry-puller",
            ["registry/rights/puller-can-pull", "registry/token/bearer", "interoperability/registry"],
            "the login puller of the target file is refused a token: 401",
            "[targets.reference.registry.credentials.puller]",
        ),
        pytest.param(
            "storage-secret-key",
            ["storage/listing", "--explore", "0"],
            "the access key, region and buckets of the target file open nothing: conformance-a is answered 403 "
            "SignatureDoesNotMatch",
            "[targets.reference.storage]",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "webhooks-url",
            ["webhooks/delivery"],
            "at the URL of the target file an event is answered 404",
            "[targets.reference.webhooks]",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_a_refused_login_is_one_cause_in_every_report(
    reference: EmbeddedReference, control: str, tmp_path: Path, secret: str, words: list[str], cause: str, needs: str
) -> None:
    ran = checked(reference, tmp_path, secret, *words)
    unjudged = [each for each in ran.record.results if each.verdict == "inconclusive"]
    (reason,) = {each.reason for each in unjudged}
    assert reason.startswith(cause) and len(unjudged) > 5
    assert "fail" not in ran.verdicts().values()
    first, last = [line for line in ran.output.splitlines() if cause in line]
    assert last == f"{first.strip()}. {len(unjudged)} checks could not be judged. Needed: {unjudged[0].needs}"
    assert unjudged[0].needs.startswith("the right secret in ") and unjudged[0].needs.endswith(needs)
    summary = (ran.record.folder / "summary.md").read_text(encoding="utf-8")
    assert summary.count(escaped(cause)) == 2, "the line at the top, and one row of what is not judged"
    page = (ran.record.folder / "index.html").read_text(encoding="utf-8")
    (section,) = re.findall(r'<section id="unjudged".*?</section>', page, re.DOTALL)
    assert section.count('<article class="row">') == 1
