"""``reproduce.sh`` of each finding fails on the target that showed it and passes on one that is clean.

So of every defect that only properties find, by every property that finds it, and of some others. The scripts run with
sh, curl and what POSIX has, in an environment that holds nothing but the secrets.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.target import configuration
from tests.properties import explored
from tests.run.support import conformance

pytestmark = pytest.mark.once

SHELL = str(shutil.which("sh"))
TOOLS = ["curl", "sha256sum", "base64"]
POSIX = [
    "sed",
    "tr",
    "tail",
    "cut",
    "cat",
    "cmp",
    "grep",
    "mktemp",
    "rm",
    "od",
    "dirname",
    "sort",
    "comm",
    "awk",
    "sleep",
    "date",
]
# Defects that written examples find, and the check whose finding is looked at.
BESIDE = {
    "odd-name-in-create-crashes": "errors/400/any-change-of-a-body-is-judged",
    "odd-reference-fails": "registry/name/any-tag-names-its-manifest",
    "error-without-code": "registry/upload/any-content-range-is-a-callers-affair",
    "spoiled-xml-is-server-error": "storage/xml/spoiled-completion-is-judged",
    "malformed-basic-crashes": "oauth/client/any-authorization-field-keeps-the-contract",
    "revoked-tokens-keep-working": "authorization/revocation/every-token-becomes-invalid",
    "expired-token-accepted": "authorization/bearer/expired-token-is-401",
    "wrong-secret-accepted": "oauth/client/other-clients-secret-is-refused",
    "secret-compared-without-case": "oauth/token/wrong-secret-is-refused",
    "token-may-be-stored": "oauth/answer/no-store",
    "refused-chunk-kept": "registry/upload/out-of-order-changes-nothing",
    "restored-credential-revives-tokens": "authorization/revocation/restoring-revives-no-token",
    # Of the cases of these all but one look at what was made for another.
    "part-without-content-range": "registry/pull/range-is-served",
    "head-blob-without-digest": "registry/pull/head-equals-get",
    "link-never-ends": "registry/tags/links-lead-to-the-end",
    "page-border-repeated": "storage/paging/pages-make-the-whole",
    "start-after-inclusive": "storage/listing/start-after-is-exclusive",
    "range-not-heeded": "storage/range/unsatisfiable-is-416",
    # What these look at was made for a check before.
    "weak-entity-tag-is-another": "errors/reads/if-none-match-is-compared-weakly",
    "duplicate-slug-is400": "errors/table/409-duplicate-slug",
    "child-of-hidden-is403": "authorization/concealment/paths-tell-nothing",
    # Of these the script must do otherwise than the run: sign, date, repeat, go on from what is answered now.
    "copies-under-any-secret": "storage/signature/every-operation-is-closed",
    "parts-unhashed": "storage/multipart/other-payload-refuses-the-part",
    "modified-since-ignored": "storage/condition/modified-since-that-fails",
    "update-tells-old-version": "errors/409/told-version-is-the-new-one",
    "refused-requests-prolong-the-wait": "errors/429/served-after-retry-after",
    "last-ignored": "registry/tags/pages-by-last-lead-to-the-end",
    "post-told-a-session": "registry/upload/whole-blob-by-post",
    "blob-created-with204": "registry/upload/whole-blob-by-put",
    "deep-body-crashes": "errors/5xx/heavy-bodies-are-no-server-error",
}
# Enough that each is found from any seed: what was found needs no more of them.
SEED, EXPLORE = "1", "150"
HOOK = 'curl -sSf --data-binary "[\\"$1\\", \\"$2\\"]" "$(cat {control})"\n'


def turns() -> list[dict[str, str]]:
    """By requirement the defect that its property meets, in as few turns as can be: one defect of each in a turn."""
    dealt: dict[str, list[str]] = {}
    found_by = [(name, requirement) for name, each in explored().items() for requirement in each.noticed_by]
    for defect, requirement in [*found_by, *BESIDE.items()]:
        dealt.setdefault(requirement, []).append(defect)
    most = max(map(len, dealt.values()))
    return [{each: names[turn] for each, names in dealt.items() if turn < len(names)} for turn in range(most)]


TURNS = turns()


@dataclass
class Found:
    """A run against a reference which is still there, clean but for the defect that is switched on."""

    scripts: dict[str, list[Path]]
    control: str
    environment: dict[str, str]

    def ended(self, script: Path, *defects: str) -> tuple[int, str]:
        """How a script ends, run by sh, with these defects switched on and nothing left of what was made before."""
        tell(self.control, "reset")
        tell(self.control, "switch", *defects)
        ran = subprocess.run([SHELL, str(script)], env=self.environment, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr


def begun(number: int, folder: Path, running: ExitStack) -> Found:
    """One run for all defects of a turn, and a folder that has only the tools that scripts may need."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in (*TOOLS, *POSIX):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    reference = EmbeddedReference(["--odd-secrets"])
    running.callback(reference.stop)
    target = configuration.load(reference.target_config, Path.cwd()).choose(None)[1]
    control = shlex.split(target.hooks.revoke or "")[3]
    operated_by_curl(reference.target_config, control, folder / "hook.sh")
    turn = TURNS[number]
    ran = conformance(
        folder, "run", *turn, "--config", str(reference.target_config), "--workers", "0", "--seed", SEED,
        "--explore", EXPLORE, "--shrink-time", "1", PYTEST_PLUGINS="tests.reporting.switching", CONTROL=control,
        SWITCHED=json.dumps(turn),
    )  # fmt: skip
    written = ran.record.folder / "reproduce"
    scripts = {each: sorted(written.glob(f"{each.replace('/', '-')}*/reproduce.sh")) for each in turn}
    secrets = {secret.name: secret.reveal() for secret in configuration.secrets(target)}
    return Found(scripts, control, {"PATH": str(tools), **secrets})


@pytest.fixture(scope="module")
def found_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Found]]:
    """What was found in a turn, by its number; its run is made when it is asked for first."""
    with ExitStack() as running:
        yield cache(lambda number: begun(number, tmp_path_factory.mktemp("turn"), running))


def operated_by_curl(config: Path, control: str, hook: Path) -> None:
    """Has the target's hooks use nothing but sh and curl, and says that they work in no time."""
    hook.write_text(HOOK.format(control=shlex.quote(control.removeprefix("file:"))), encoding="utf-8")
    text, _, _ = config.read_text(encoding="utf-8").partition("[targets.reference.hooks]")
    hooks = "".join(f'{name} = "{SHELL} {hook} {name} {{client_id}}"\n' for name in ("revoke", "restore"))
    text = text.replace("[targets.reference.limits]\n", "[targets.reference.limits]\nrevocation = 0.1\n")
    config.write_text(f"{text}[targets.reference.hooks]\n{hooks}", encoding="utf-8")


@pytest.mark.parametrize(
    ("turn", "requirement", "defect"),
    [
        pytest.param(number, requirement, defect, id=f"{defect}-{requirement}")
        for number, turn in enumerate(TURNS)
        for requirement, defect in turn.items()
    ],
)
def test_a_script_tells_the_defective_from_the_clean(
    found_in: Callable[[int], Found], turn: int, requirement: str, defect: str
) -> None:
    found = found_in(turn)
    assert found.scripts[requirement]
    for script in found.scripts[requirement]:
        defective, clean = found.ended(script, defect), found.ended(script)
        # Of a secret that was sent in part nobody can say that it is refused now.
        passing = 2 if "a part of a secret" in script.read_text(encoding="utf-8") else 0
        assert (defective[0], clean[0]) == (1, passing), (defective, clean)


@pytest.mark.parametrize("turn", range(len(TURNS)))
def test_no_secret_stands_in_a_script(found_in: Callable[[int], Found], turn: int) -> None:
    found = found_in(turn)
    files = [path for scripts in found.scripts.values() for script in scripts for path in script.parent.iterdir()]
    for path in files:
        content = path.read_bytes()
        for name, value in found.environment.items():
            assert name == "PATH" or value.encode() not in content, (path, name)


def test_a_secret_that_is_not_set_is_asked_for(found_in: Callable[[int], Found]) -> None:
    script = found_in(0).scripts["errors/400/any-change-of-a-body-is-judged"][0]
    ran = subprocess.run(
        [SHELL, str(script)], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2 and "IDENTITY_FULL_CLIENT_SECRET is not set" in ran.stdout
