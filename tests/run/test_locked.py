"""Runs against a registry that no login opens: only what strangers are told is judged, and nobody's login is blamed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reporting.markdown import escaped
from tests.preflight.test_preflight import answering, serving
from tests.run.support import conformance

pytestmark = pytest.mark.once


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Callable[..., dict[str, str]]]:
    """Verdicts of the registry's checks, by a reference that is started with these words."""
    with ExitStack() as running:

        def run(*words: str, password: str = "") -> dict[str, str]:
            reference = EmbeddedReference(words)
            running.callback(reference.stop)
            if password:
                (reference.folder / "conformance.secrets" / "registry-pusher").write_text(password, encoding="utf-8")
            config = str(reference.target_config)
            ran = conformance(tmp_path, "run", "registry", "--config", config, "--workers", "0", "--explore", "1")
            assert "registry LOCKED" in ran.output
            return ran.verdicts()

        yield run


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("defect", "check"),
    [
        ("challenge-missing", "registry/login/challenge-is-given#support"),
        ("anonymous-forbidden", "registry/login/support-asks-for-a-login"),
        ("challenge-without-service", "registry/login/challenge-names-the-service"),
        ("registry-token-not-yet-valid", "registry/support/is-answered-200"),
    ],
)
def test_a_registry_that_lets_nobody_in_is_told_apart(
    judged: Callable[..., dict[str, str]], defect: str, check: str
) -> None:
    verdicts = judged("--defect", defect)
    assert [each for each, verdict in verdicts.items() if verdict == "fail"] == [check]
    assert verdicts["registry/pull/manifest-is-what-was-pushed#tag"] == "inconclusive"


def test_a_wrong_password_accuses_nobody(judged: Callable[..., dict[str, str]]) -> None:
    assert "fail" not in judged(password="not-the-password").values()


def test_an_address_that_is_let_in_nowhere_accuses_nobody(tmp_path: Path) -> None:
    """What stands before the registry answers everybody 403, as where an address is on no list of those let in."""
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


@pytest.mark.nightly
@pytest.mark.parametrize(("secret", "found"), [("", ["oauth/scope/order-does-not-matter"]), ("not-the-secret", [])])
def test_an_identity_that_refuses_lists_of_scopes_is_told_so(tmp_path: Path, secret: str, found: list[str]) -> None:
    """Each scope is granted alone, so that the credential is right; with a wrong secret nobody is to blame."""
    reference = EmbeddedReference(["--defect", "list-of-scopes-refused"])
    try:
        if secret:
            (reference.folder / "conformance.secrets" / "identity-full").write_text(secret, encoding="utf-8")
        ran = conformance(tmp_path, "run", "oauth", "--config", str(reference.target_config), "--explore", "1")
    finally:
        reference.stop()
    assert "identity LOCKED" in ran.output
    assert [check for check, verdict in ran.verdicts().items() if verdict == "fail"] == found, ran.output


@pytest.mark.parametrize(
    ("secret", "words", "cause", "needs"),
    [
        (
            "identity-full",
            ["oauth/token", "oauth/scope"],
            'the credential full of the target file is refused a token: 401 with "invalid_client"',
            "[targets.reference.identity.credentials.full]",
        ),
        (
            "registry-puller",
            ["registry/rights", "registry/token", "interoperability/registry"],
            "the login puller of the target file is refused a token: 401",
            "[targets.reference.registry.credentials.puller]",
        ),
        (
            "storage-secret-key",
            ["storage/listing"],
            "the access key, region and buckets of the target file open nothing: conformance-a is answered 403 "
            "SignatureDoesNotMatch",
            "[targets.reference.storage]",
        ),
    ],
)
def test_a_login_that_is_refused_is_one_cause(
    tmp_path: Path, secret: str, words: list[str], cause: str, needs: str
) -> None:
    """At the beginning, in the closing lines, on the page and in the summary: once each, and no check is blamed."""
    reference = EmbeddedReference()
    try:
        (reference.folder / "conformance.secrets" / secret).write_text("not-the-secret", encoding="utf-8")
        ran = conformance(tmp_path, "run", *words, "--config", str(reference.target_config), "--explore", "1")
    finally:
        reference.stop()
    unjudged = [each for each in ran.record.results if each.verdict == "inconclusive"]
    (reason,) = {each.reason for each in unjudged}
    assert reason.startswith(cause) and len(unjudged) > 5
    assert "fail" not in ran.verdicts().values()
    first, last = [line for line in ran.output.splitlines() if cause in line]
    assert last == f"{first.strip()}. {len(unjudged)} checks could not be judged. Needed: {unjudged[0].needs}"
    assert unjudged[0].needs.startswith("the right secret in ") and unjudged[0].needs.endswith(needs)
    assert "INCONCLUSIVE" not in ran.output
    summary = (ran.record.folder / "summary.md").read_text(encoding="utf-8")
    assert summary.count(escaped(cause)) == 2, "the line at the top, and one row of what is not judged"
    assert f"{len(unjudged) - 1} more checks for the same reason" in summary
    page = (ran.record.folder / "index.html").read_text(encoding="utf-8")
    (section,) = re.findall(r'<section id="unjudged".*?</section>', page, re.DOTALL)
    assert section.count('<article class="row">') == 1
    assert page.count(f"{len(unjudged)} checks could not be judged. Needed:") == 1
