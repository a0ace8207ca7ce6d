"""Hostile identity servers: every run ends, with findings or one clear cause, in bounded memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conformance.preflight import preflight
from conformance.target import configuration
from conformance.vocabulary.verdict import ExitCode
from tests.run.hostile import BEHAVIOURS, serving
from tests.run.support import Ran, run

pytestmark = pytest.mark.nightly

CHECKS = (
    "oauth/response",
    "oauth/tokens",
    "oauth/errors/other-grants-issue-nothing#no-grant-type",
    "oauth/scope/requested-scope-is-granted",
    "authorization/matrix/no-token-is-401",
    "errors/shape",
)
# So many requests the preflight makes; answered well, they let the checks begin.
OF_THE_PREFLIGHT = 8
# What each of these shows, others show as well: all are tried on the preflight.
OF_A_KIND = (
    "redirect-to-itself", "token-of-a-megabyte", "token-is-a-list", "endless-body", "endless-interim-answers",
    "length-too-long", "length-too-short", "invalid-utf8", "web-page", "error-with-200", "nested-beyond-reason",
    "slow-head", "half-of-a-pair-in-an-error", "half-of-a-pair-in-a-token",
)  # fmt: skip
MOST_MEMORY = 1536 * 1024 * 1024
SECRET = "the-secret-of-a-hostile-server"
CONFIG = """\
[targets.hostile]
organization = "acme"
[targets.hostile.identity]
url = "{url}"
[targets.hostile.identity.credentials.full]
client_id = "ct-full"
client_secret = "${{CT_HOSTILE_SECRET}}"
scopes = ["organization:read"]
[[targets.hostile.identity.resources]]
name = "organization"
path = "/api/v1/organizations/acme"
scope = "organization:read"
[targets.hostile.limits]
answer = 0.6
connect = 1
"""
# Runs the command with a bound on its memory: beyond it allocation fails, which would be a traceback.
BOUNDED = """\
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, ({0}, {0}))
runpy.run_module("conformance", run_name="__main__")
"""


def described(folder: Path, url: str) -> Path:
    """The target file of a server."""
    path = folder / "conformance.toml"
    path.write_text(CONFIG.format(url=url), encoding="utf-8")
    return path


def checked(folder: Path, url: str) -> Ran:
    """Runs the checks against a server; the time limit of every test's command bounds the run."""
    described(folder, url)
    command = [sys.executable, "-c", BOUNDED.format(MOST_MEMORY), "run", *CHECKS, "--report", "junit"]
    return run(command, folder, CT_HOSTILE_SECRET=SECRET)


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_the_preflight_names_the_cause(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT_HOSTILE_SECRET", SECRET)
    with serving(name) as url:
        target = configuration.load(described(tmp_path, url), tmp_path).choose(None)[1]
        (state,) = preflight(target)
    assert state.cause or state.credentials["full"]
    assert SECRET not in repr(state)
    assert all(len(text) < 400 for _, text in state.lines)


@pytest.mark.parametrize("name", OF_A_KIND)
def test_a_run_ends_with_findings_or_a_cause(name: str, tmp_path: Path) -> None:
    with serving(name, OF_THE_PREFLIGHT) as url:
        ran = checked(tmp_path, url)
    assert ran.code in (ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE), ran.output
    assert "Traceback" not in ran.output
    assert SECRET not in ran.output
    results = ran.record.results
    assert {result.verdict for result in results} <= {"pass", "fail", "inconclusive", "not-applicable"}
    assert any(result.verdict in ("fail", "inconclusive") for result in results)
    for result in results:
        assert result.verdict != "inconclusive" or result.reason
        assert all(each["expected"] and each["observed"] for each in result.findings)
