"""Every command of the tutorial and of the how-to pages is run, in order, in an empty folder, or at least parsed."""

from __future__ import annotations

import contextlib
import random
import re
import shlex
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.commands import whole_parser
from conformance.plugin.embedded import EmbeddedReference
from tests.docs.pages import DOCS, blocks, follow, programs
from tests.run import support

pytestmark = pytest.mark.once

PAGES = ["tutorial.md", *(f"how-to/{path.name}" for path in sorted((DOCS / "how-to").glob("*.md")))]
# The first needs other machines (tests/run/test_remote_workers.py starts some here), the second a whole run: a test of
# its own follows it at night. Their commands are parsed.
ELSEWHERE = {"how-to/use-remote-workers.md", "how-to/certify-a-product.md"}
COMMAND = re.compile(r"^conformance (?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
TUTORIAL_PORT = "8700"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "TIME_LIMIT_S", 600)


@pytest.fixture
def port() -> Iterator[int]:
    """The first of five ports that no other test takes: each stays bound, and a server may listen there nevertheless.

    They are below those that the system gives to others.
    """
    while True:
        first = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as sockets:
            for each in range(first, first + 5):
                taken = sockets.enter_context(socket.socket())
                taken.bind(("127.0.0.1", each))
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            yield first
            return


@pytest.fixture
def values(reference: EmbeddedReference, port: int) -> dict[str, str]:
    """What a page says of a deployment, with what the reference has instead."""
    target = tomllib.loads(reference.target_config.read_text(encoding="utf-8"))["targets"]["reference"]
    buckets = target["storage"]["buckets"]
    return {
        "https://registry.staging.example": target["registry"]["url"],
        "https://s3.staging.example": target["storage"]["endpoint"],
        '["conformance-a", "conformance-b"]': str(buckets[:2]).replace("'", '"'),
        f"--port {TUTORIAL_PORT}": f"--port {port}",
        f"127.0.0.1:{TUTORIAL_PORT}": f"127.0.0.1:{port}",
    }


def secrets(reference: EmbeddedReference) -> dict[str, str]:
    """The variables that the target files of the pages name."""
    names = {
        "CT_PUSH_PASSWORD": "registry-pusher", "CT_PULL_PASSWORD": "registry-puller",
        "CT_S3_KEY": "storage-access-key", "CT_S3_SECRET": "storage-secret-key",
    }  # fmt: skip
    folder = reference.folder / "conformance.secrets"
    return {name: (folder / file).read_text(encoding="utf-8") for name, file in names.items()}


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE])
def test_every_command_of_the_page_works(
    page: str, reference: EmbeddedReference, values: dict[str, str], tmp_path: Path
) -> None:
    path = programs(tmp_path / "bin")
    follow(page, tmp_path / "folder", path, values=values, **secrets(reference))


@pytest.mark.parametrize("page", ["../README.md", *PAGES])
def test_every_command_of_the_page_is_understood(page: str) -> None:
    commands = [each for language, _, text in blocks(page) if language == "sh" for each in COMMAND.findall(text)]
    parser = whole_parser()
    for command in commands:
        words = shlex.split(command.replace("\\\n", " "), comments=True)[1:]
        ends = [words.index(each) for each in ("||", ">", "&") if each in words]
        parser.parse_args(words[: min(ends, default=None)])
    assert commands or page in ELSEWHERE


def test_the_templates_that_a_page_names_are_there() -> None:
    text = (DOCS / "how-to" / "gate-a-release.md").read_text(encoding="utf-8")
    named = [line.split("`")[-2] for line in text.splitlines() if line.startswith("| ") and line.endswith("` |")]
    assert "deploy/github/nightly.yml" in named
    assert all((DOCS.parent / each).is_file() for each in named)
