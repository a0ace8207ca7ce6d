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
from conformance.reporting.reproduce_text import LISTS, PREAMBLE, here, patterns, printed
from conformance.target import configuration
from tests.run.support import conformance

pytestmark = pytest.mark.once

SHELL = str(shutil.which("sh"))
POSIX = ["sed", "tr", "tail", "cut", "cat", "cmp", "grep", "mktemp", "rm", "od", "dirname", "base64"]
POSIX += ["sort", "comm", "awk"]
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
    # What shows in a list, in a field, in several lists of one answer.
    "tags-return-with-their-manifest": "registry/model/repository-is-as-its-model",
    "page-skips-longer-keys": "storage/paging/any-flat-set-is-whole",
    "metadata-unescaped": "storage/object/any-metadata-comes-back",
    "empty-tag-lost": "storage/tagging/any-set-comes-back",
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


def listed(folder: Path, name: str, wanted: list[str], *pages: tuple[str, str]) -> bool:
    """What a script says of a list over pages, each a header and a body."""
    lines = [PREAMBLE, LISTS]
    for number, (head, body) in enumerate(pages, 1):
        (folder / f"{number}.head").write_text(head, encoding="utf-8", newline="")
        (folder / f"{number}.body").write_text(body, encoding="utf-8")
        lines += [f'cp {number}.head {number}.body "$answers"', f'printf 200 >"$answers/{number}.status"']
    numbers = " ".join(str(number) for number in range(1, len(pages) + 1))
    lines.append(f"{printed(' '.join(shlex.quote(f'={each}') for each in wanted))} | lists {name} {numbers}")
    script = folder / "script.sh"
    script.write_text("\n".join(lines), encoding="utf-8")
    return subprocess.run([SHELL, str(script)], check=False).returncode == 0


FIRST = ("Link: </v2/a/tags/list?last=x>; rel=next\r\n", '{"tags": ["y", "x"],\n "name": "a"}')
LAST = ("", '{"tags":["z"]}')
KEYS = (
    "<R><EncodingType>url</EncodingType><Prefix>p</Prefix><Contents><Size>1</Size>\n<Key>p%F0%9F%9A%80+%2B</Key>"
    "</Contents><Contents><Key>p&amp;&lt;</Key></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></R>"
)
SET = "<Tagging><Tag><Key>a</Key><Value/></Tag><Tag><Key>b</Key><Value></Value></Tag></Tagging>"


@pytest.mark.parametrize("wanted", [["x", "y", "z"], ["z", "y", "x"]])
def test_a_list_is_whole_over_its_pages_in_any_order(tmp_path: Path, wanted: list[str]) -> None:
    assert listed(tmp_path, "tags", wanted, FIRST, LAST)


@pytest.mark.parametrize("wanted", [["x", "y"], ["x", "y", "z", "a"], ["x", "x", "y", "z"], []])
def test_a_list_that_has_more_or_less_is_told(tmp_path: Path, wanted: list[str]) -> None:
    assert not listed(tmp_path, "tags", wanted, FIRST, LAST)


def test_of_a_list_that_goes_on_behind_what_was_asked_only_what_is_there_is_judged(tmp_path: Path) -> None:
    assert listed(tmp_path, "tags", ["w", "x", "y", "z"], FIRST)
    assert not listed(tmp_path, "tags", ["x", "z"], FIRST)


def test_what_comes_behind_the_last_page_is_no_part_of_a_list(tmp_path: Path) -> None:
    assert listed(tmp_path, "tags", ["z"], LAST, LAST)


def test_a_list_in_xml_is_read_by_its_elements(tmp_path: Path) -> None:
    assert listed(tmp_path, "Contents/Key", ["p🚀 +", "p&<"], ("", KEYS))
    assert listed(tmp_path, "CommonPrefixes/Prefix", ["p/"], ("", KEYS))
    assert not listed(tmp_path, "Contents/Key", ["p"], ("", KEYS))


def test_empty_items_count(tmp_path: Path) -> None:
    assert listed(tmp_path, "Tag/Value", ["", ""], ("", SET))
    assert not listed(tmp_path, "Tag/Value", [""], ("", SET))


def test_a_list_may_be_empty(tmp_path: Path) -> None:
    assert listed(tmp_path, "tags", [], ("", '{"tags": []}'))
    assert not listed(tmp_path, "tags", ["x"], ("", '{"tags": []}'))


def test_secrets_and_marks_become_variables() -> None:
    assert here("Bearer $TOKEN of /x/abc", ["TOKEN"], {"abc": "\0LAST_1\0"}) == "Bearer ${TOKEN} of /x/${LAST_1}"


def test_statuses_become_a_pattern() -> None:
    assert patterns([*range(200, 300), 404, 410]) == "2??|404|410"
