"""``reproduce.sh`` of each finding fails on the target that showed it and passes on one that is clean.

The scripts run with sh, curl and what POSIX has, in an environment that holds nothing but the secrets.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.reporting.reproduce_text import here, patterns
from conformance.target import configuration
from tests.run.support import conformance

pytestmark = pytest.mark.once

SHELL = str(shutil.which("sh"))
POSIX = ["sed", "tr", "tail", "cut", "cat", "cmp", "grep", "mktemp", "rm", "od", "dirname", "base64"]
# A defect of each surface, and the property that finds it.
DEFECTS = {
    "odd-name-in-create-crashes": "errors/400/any-change-of-a-body-is-judged",
    "odd-reference-fails": "registry/name/any-tag-names-its-manifest",
    "error-without-code": "registry/upload/any-content-range-is-a-callers-affair",
    "spoiled-xml-is-server-error": "storage/xml/spoiled-completion-is-judged",
    "malformed-basic-crashes": "oauth/client/any-authorization-field-keeps-the-contract",
    "half-of-a-surrogate-pair-fails": "webhooks/errors/any-changed-event-is-judged",
    "quotes-in-query-signed-bare": "storage/signature/any-rightly-signed-request-is-served",
    "concealment-outlives-its-item": "errors/model/items-are-as-their-model",
}


@dataclass
class Found:
    """A run against a defective reference, which is still there."""

    scripts: dict[str, list[Path]]
    control: str
    environment: dict[str, str]

    def ended(self, script: Path) -> tuple[int, str]:
        """How a script ends, run by sh."""
        ran = subprocess.run([SHELL, str(script)], env=self.environment, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """One run for all defects, and a folder that has only the tools that scripts may need."""
    folder, tools = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("tools")
    for tool in ("curl", "sha256sum", *POSIX):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    reference = EmbeddedReference([f"--defect={name}" for name in DEFECTS])
    target = configuration.load(reference.target_config, Path.cwd()).choose(None)[1]
    ran = conformance(
        folder, "run", *DEFECTS.values(), "--workers", "0", "--config", str(reference.target_config), "--explore", "40"
    )
    written = ran.record.folder / "reproduce"
    scripts = {
        name: sorted(written.glob(f"{requirement.replace('/', '-')}*/reproduce.sh"))
        for name, requirement in DEFECTS.items()
    }
    secrets = {secret.name: secret.reveal() for secret in configuration.secrets(target)}
    yield Found(scripts, shlex.split(target.hooks.revoke or "")[3], {"PATH": str(tools), **secrets})
    reference.stop()


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_script_tells_the_defective_from_the_clean(found: Found, defect: str) -> None:
    assert found.scripts[defect]
    for script in found.scripts[defect]:
        tell(found.control, "switch", *DEFECTS)
        assert found.ended(script)[0] == 1, found.ended(script)
        tell(found.control, "switch")
        assert found.ended(script)[0] == 0, found.ended(script)


def test_no_secret_stands_in_a_script(found: Found) -> None:
    files = [path for scripts in found.scripts.values() for script in scripts for path in script.parent.iterdir()]
    for path in files:
        content = path.read_bytes()
        for name, value in found.environment.items():
            assert name == "PATH" or value.encode() not in content, (path, name)


def test_a_secret_that_is_not_set_is_asked_for(found: Found) -> None:
    script = found.scripts["odd-name-in-create-crashes"][0]
    ran = subprocess.run(
        [SHELL, str(script)], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2 and "IDENTITY_FULL_CLIENT_SECRET is not set" in ran.stdout


@pytest.mark.parametrize(
    "text", ["plain", 'a "b" \\c', "$HOME `id` $(id)", "tab\there", "two\nlines", "é日", "\\n", "${X}", "a$NAME_MORE"]
)
def test_text_comes_through_shell_and_curl_as_it_is(tmp_path: Path, text: str) -> None:
    """The shell gives curl a quoted value, which, read by curl's rules, is the text."""
    quoted = here(text, ["NAME"], {})
    ran = subprocess.run(
        [SHELL, "-c", f'cat <<CURL\nvalue = "{quoted}"\nCURL'], capture_output=True, text=True, check=True
    )
    inside = ran.stdout.removeprefix('value = "').removesuffix('"\n')
    meant = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
    plain, place = "", 0
    while place < len(inside):
        pair = inside[place : place + 2]
        plain, place = (plain + meant[pair], place + 2) if pair in meant else (plain + inside[place], place + 1)
    assert plain == text


def test_secrets_and_marks_become_variables() -> None:
    assert here("Bearer $TOKEN of /x/abc", ["TOKEN"], {"abc": "\0LAST_1\0"}) == "Bearer ${TOKEN} of /x/${LAST_1}"


def test_statuses_become_a_pattern() -> None:
    assert patterns([*range(200, 300), 404, 410]) == "2??|404|410"
