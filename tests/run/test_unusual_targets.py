"""Targets that are right in an unusual way, or are described in another way: no check accuses them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.run.support import Ran, conformance, redescribed, run, serving_reference

pytestmark = pytest.mark.nightly

CREATE = 'name = "{text}", description = "{text}"'
UPDATE = r'body = \{ description = "\{text\}" \}'
UPDATES = ["errors", "authorization", "--explore", "5"]
REFUSED = [f"registry/delete/refused-deletion-changes-nothing#{each}" for each in ("manifest", "tag")]
NO_DELETION = {r'^\s*"registry\.delete(-tag)?",\n': ""}


@dataclass
class Case:
    """Variants and defects that are on, changes of the target file, checks to run, verdicts allowed besides pass."""

    switched: list[str]
    changes: dict[str, str]
    selected: list[str]
    verdicts: set[str] = field(default_factory=lambda: {"pass", "not-applicable"})


CASES = {
    "version-in-the-body": Case(
        ["updates-name-their-version"], {'concurrency = "If-Match"': 'concurrency = "version"'}, UPDATES
    ),
    "update-by-put": Case(["put-replaces-the-whole"], {UPDATE: f'method = "PUT", body = {{ {CREATE} }}'}, UPDATES),
    "larger-bodies": Case(
        ["writes-say-more"],
        {
            r'name = "\{text\}", description': 'kind = "large", name = "{text}", description',
            UPDATE: 'body = { slug = "{slug}", kind = "small", description = "{text}" }',
        },
        UPDATES,
    ),
    "hosts-in-capitals": Case(
        ["addresses-in-capitals"], {"http://127.0.0.1": "HTTP://LocalHost"},
        ["registry/upload", "registry/tags", "registry/login", "authorization/matrix", "storage/object"],
    ),
    "deletes-without-claiming-it": Case([], NO_DELETION, REFUSED, {"not-applicable"}),
    "refuses-to-delete": Case(["delete-unsupported"], NO_DELETION, REFUSED, {"pass"}),
    "webhook-without-json": Case(
        ["webhook-accepts-forms-only"],
        {
            r'^  "webhooks\.strict-json",\n': "",
            "^content_types = .*": 'content_types = ["application/x-www-form-urlencoded"]',
        },
        ["webhooks", "--explore", "0"],
    ),
    "garbage-collected-blobs": Case(
        ["unnamed-blobs-collected"], {},
        ["registry/concurrency/pull-during-deletion-is-whole-or-404", "registry/manifest/bytes-are-preserved"],
        {"pass"},
    ),
}  # fmt: skip


def checked(reference: EmbeddedReference, folder: Path, changes: dict[str, str], *words: str) -> Ran:
    config = redescribed(reference, changes)
    return conformance(folder, "run", "--config", str(config), "--report", "junit", *words)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_check_fails(reference: EmbeddedReference, control: str, tmp_path: Path, case: Case) -> None:
    tell(control, "switch", *case.switched)
    ran = checked(reference, tmp_path, case.changes, *case.selected)
    assert ran.code == 0, ran.output
    assert set(ran.verdicts().values()) <= case.verdicts, ran.output
    if case.selected == UPDATES:
        assert ran.verdicts()["errors/409/stale-version#update"] == "pass"


def test_a_brief_target_file_leaves_checks_unjudged_and_fails_none(
    reference: EmbeddedReference, control: str, tmp_path: Path
) -> None:
    table = r"\n(?:[^\[\n].*\n)+"
    changes = {
        rf"^\[targets\.reference\.\w+\.credentials\.(?!full\]|pusher\])\w+\]{table}": "",
        rf"^\[targets\.reference\.(?:hooks|limits|foreign)\]{table}": "",
        r", forbidden_to = \[[^]]*\]": "",
        r"^(?:concealed_from|refused_by_policy|hidden_body|hidden_from|foreign|pages|absent|unique) = .*\n": "",
        r"^(?:jwks_path|expired_token|foreign_repository|foreign_bucket|limited_url|largest_body) = .*\n": "",
        r"^destructive = .*\n": "",
        r', "conformance-b"': "",
    }
    ran = checked(reference, tmp_path, changes, "--explore", "1")
    assert ran.code == 7, ran.output
    assert set(ran.verdicts().values()) == {"pass", "not-applicable", "inconclusive"}, ran.output
    unclear = {each.reason for each in ran.record.results if each.verdict == "inconclusive"}
    assert unclear == {"only one bucket is named"}, "what else the file lacks is not applicable"


@pytest.mark.parametrize(
    ("switched", "failing"),
    [
        ([], []),
        (["basic-not-form-decoded"], ["oauth/client/basic-is-form-decoded"]),
        (["malformed-token-is-invalid-request"], []),
    ],
    ids=["clean", "basic-is-not-decoded", "malformed-token"],
)
def test_secrets_of_any_characters_are_accepted(tmp_path: Path, switched: list[str], failing: list[str]) -> None:
    selected = ("oauth/client", "oauth/errors", "authorization/bearer", "registry/login", "registry/token",
                "storage/signature", "storage/presigned", "interoperability/identity", "--explore", "5")  # fmt: skip
    with serving_reference("--odd-secrets", switched=switched) as reference:
        words = ["--config", str(reference.target_config), "--workers", "2"]
        ran = conformance(tmp_path, "run", *words, *selected)
    assert [name for name, verdict in ran.verdicts().items() if verdict == "fail"] == failing, ran.output
    # A name that is written in another way makes a command that cannot be pasted.
    addresses = {each["url"] for each in ran.record.evidence().values() if "url" in each}
    assert [each for each in addresses if "~alteredcf-" in each or "$$" in each] == []


def test_a_slow_registry_gets_fewer_concurrent_requests(tmp_path: Path) -> None:
    # The time for concurrent requests is cut to that of a few: so the reference counts as slow.
    hurried = (
        "import sys; from conformance.clients import concurrency; from conformance.commands import main; "
        "concurrency.LONGEST_S = 0.004; sys.exit(main())"
    )
    ran = run([sys.executable, "-c", hurried, "run", "registry/concurrency", "--workers", "1"], tmp_path)
    assert ran.code == 0, ran.output
    assert Counter(ran.verdicts().values()).keys() == {"pass"}


def test_runs_of_an_unchanged_target_do_not_differ(reference: EmbeddedReference, control: str, tmp_path: Path) -> None:
    areas = ["authorization/isolation", "errors/5xx", "oauth/scope", "registry/catalog", "registry/tags"]
    runs = {"first": ["--workers", "1"], "again": ["--workers", "2"], "seeded": ["--workers", "2", "--seed", "7"]}
    for name, more in runs.items():
        words = [*areas, "--config", str(reference.target_config), "--explore", "1", "--report", "junit"]
        ran = conformance(tmp_path, "run", *words, *more, "--out", name)
        assert ran.code == 0, ran.output
    for order in (list(runs), list(reversed(runs))):
        compared = conformance(tmp_path, "compare", *order, "--fail-on", "any")
        assert compared.code == 0, compared.output
