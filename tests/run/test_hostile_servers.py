"""Hostile servers: every run ends by itself, with findings or one clear cause, in bounded memory, and harms nobody."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.plugin.surfaces import surface_of
from conformance.preflight import preflight
from conformance.runs.reading import Record, read
from conformance.target import configuration
from conformance.vocabulary.verdict import ExitCode
from tests.chaos.inspection import complaints, hidden
from tests.chaos.trying import command, judged
from tests.run.hostile import BEHAVIOURS, HostileFront, serving
from tests.run.mortal_front import MortalFront

SURFACES = ("identity", "registry", "storage", "webhooks")
CHECKS = (
    "oauth/response", "errors/shape", "registry/tags", "storage/listing/prefix-is-honoured",
    "storage/listing/bad-parameters-are-no-server-error", "storage/sdk", "webhooks/methods",
)  # fmt: skip
NO_USE = (
    "silent", "byte-a-second", "endless-interim-answers", "endless-head", "endless-body", "length-too-long",
    "other-surfaces-at-first", "stalled-tls-at-first",
)  # fmt: skip
"""Surfaces that give no answer of their own: each is one cause. Runs that wait longest begin first."""
UNANSWERED = ("silent", "byte-a-second")
"""Of these the first request without an answer may fail its check, as one that hangs the service."""
SCENARIOS = (
    *NO_USE, "gzip-bomb", "length-too-short", "redirect-to-itself", "harmful", "harmful-at-first", "other-surfaces",
    "dies-each-50th-request",
)  # fmt: skip
"""A run meets those with ``at-first`` in its preflight; the others begin when the checks do."""
OTHERS = sorted({*BEHAVIOURS} - {*SCENARIOS, "harmful-storage", "stalled-tls"})
BY_NIGHT = (
    "endless-interim-answers", "length-too-long", "length-too-short", "redirect-to-itself", "other-surfaces",
    "harmful-at-first",
)  # fmt: skip
"""Scenarios that resemble another one."""
AT_FIRST, AT_ONCE = "-at-first", 8
TIME_LIMIT_S = 300
MOST_MB = 300
ENDS = (ExitCode.NON_CONFORMANT, ExitCode.INCONCLUSIVE)
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
[targets.hostile.limits]
answer = 0.6
connect = 1
"""


@dataclass
class Met:
    """A run that met a hostile target: its output, what is wrong with it, its folder."""

    output: str
    wrong: list[str]
    record: Record


class Target:
    """A copy of the reference's target file in which each surface is behind a front."""

    def __init__(self, reference: EmbeddedReference, folder: Path) -> None:
        self.folder, self.run = folder, folder / "run"
        self.file = folder / "conformance.toml"
        secrets = reference.folder / "conformance.secrets"
        shutil.copytree(secrets, folder / secrets.name)
        self.secret_files = [each for each in (folder / secrets.name).iterdir() if each.suffix != ".crt"]
        text = reference.target_config.read_text(encoding="utf-8")
        self.urls = dict(zip(SURFACES, re.findall(r'(?m)^(?:url|endpoint) = "(http.*)"', text), strict=False))
        webhook = urlsplit((secrets / "webhooks-url").read_text(encoding="utf-8").strip())
        self.urls["webhooks"] = f"{webhook.scheme}://{webhook.netloc}"
        self.file.write_text(re.sub(r"(?m)^(\[.*\.limits\]\n)", r"\1answer = 1\nconnect = 1\n", text), "utf-8")

    def replace(self, surface: str, url: str) -> None:
        """Let a surface be at another address."""
        for file in (self.file, *self.secret_files):
            file.write_text(file.read_text(encoding="utf-8").replace(self.urls[surface], url), encoding="utf-8")

    def begun(self) -> bool:
        """Whether the checks have begun."""
        return (self.run / "results.ndjson").exists()

    def secrets(self) -> dict[str, str]:
        """The secrets, by name."""
        return hidden({each.name: each.read_text(encoding="utf-8").strip() for each in self.secret_files})


def fronts(name: str, target: Target) -> Iterator[tuple[str, HostileFront | MortalFront]]:
    """The hostile front of each surface."""
    turned = (lambda: True) if name.endswith(AT_FIRST) else target.begun
    name = name.removesuffix(AT_FIRST)
    for number, surface in enumerate(SURFACES):
        url = target.urls[surface]
        if name == "dies-each-50th-request":
            yield surface, MortalFront(url, b"", back_s=0.1, every=50)
        elif name == "other-surfaces":
            yield surface, HostileFront(url, target.urls[SURFACES[number - 1]], turned)
        else:
            yield surface, HostileFront(url, BEHAVIOURS.get(f"{name}-{surface}") or BEHAVIOURS[name], turned)


def met(name: str, reference: EmbeddedReference, folder: Path) -> Met:
    """Run some checks of each surface against a hostile target; find harm in its output and its files."""
    target = Target(reference, folder)
    with ExitStack() as opened:
        for surface, front in fronts(name, target):
            opened.callback(front.close)
            target.replace(surface, front.url.replace("http:", "https:") if "tls" in name else front.url)
        words = [*CHECKS, "--workers", "0", "--explore", "2", "--shrink-time", "0", "--config", str(target.file)]
        arguments = ["run", *words, "--out", str(target.run)]
        output, wrong, _ = command(arguments, folder, TIME_LIMIT_S, ENDS, MOST_MB)
    secrets = target.secrets()
    wrong += [*judged(target.run)[1], *complaints(target.run, secrets)]
    wrong += [f"the output contains {name}" for name, secret in secrets.items() if secret in output]
    return Met(output, wrong, read(target.run))


@pytest.fixture(scope="module")
def runs(
    reference: EmbeddedReference, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Met]]]:
    """Each selected scenario's run, several at once since most of them wait."""
    selected = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    names = [name for name in SCENARIOS if name in selected]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(met, name, reference, tmp_path_factory.mktemp(name)) for name in names}
        pool.shutdown(cancel_futures=True)


@pytest.mark.once
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.nightly) if name in BY_NIGHT else name for name in SCENARIOS]
)
def test_a_run_ends_and_harms_nobody(name: str, runs: dict[str, Future[Met]]) -> None:
    run = runs[name].result()
    expect_unharmed(run)
    failed = [each for each in run.record.results if each.verdict == "fail"]
    causes = {(surface_of(each.id), each.reason) for each in run.record.results if each.verdict == "inconclusive"}
    if name in NO_USE:
        hung = [each for each in failed if "stopped answering" in each.findings[0]["observed"]]
        assert failed == hung and len(hung) <= len(SURFACES) * (name in UNANSWERED), run.output
        assert len(causes) == len(SURFACES), causes


@pytest.mark.nightly
@pytest.mark.parametrize("name", OTHERS)
def test_other_answers_harm_nobody(name: str, reference: EmbeddedReference, tmp_path: Path) -> None:
    expect_unharmed(met(name, reference, tmp_path))


def expect_unharmed(run: Met) -> None:
    """The run ended by itself with findings or causes, and leaves nothing that harms its readers."""
    assert run.wrong == [], run.output
    assert {each.verdict for each in run.record.results} & {"inconclusive", "fail"}


@pytest.mark.nightly
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_the_preflight_says_in_a_sentence_what_it_met(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CT_HOSTILE_SECRET", SECRET)
    with serving(name) as url:
        path = tmp_path / "conformance.toml"
        path.write_text(CONFIG.format(url=url), encoding="utf-8")
        target = configuration.load(path, tmp_path).choose(None)[1]
        (state,) = preflight(target)
    assert state.cause or state.credentials["full"]
    assert SECRET not in repr(state)
    assert all(len(text) < 400 for _, text in state.lines)
