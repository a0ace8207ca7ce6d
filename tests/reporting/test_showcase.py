"""The curl lines and scripts of a report show the showcase defects, and pass on a clean reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.reference.control import tell
from conformance.reporting.commands import recipes_for
from conformance.reporting.reproduce.script import SCRIPT, name_of
from conformance.runs.record import CheckResult
from tests.reporting.pasting import pasted, shows
from tests.scripts import Shown, in_turns, key_of, shown

pytestmark = pytest.mark.once

FAILS, PASSES = 1, 0
SOME = slice(1, None, 3)
"""One in three of the showcase, of which some are of each surface."""


def showcase() -> dict[str, str]:
    """By requirement a defect that vendors ship: several of each surface."""
    return {
        "oauth/token/wrong-secret-is-refused#of-another-client": "wrong-secret-accepted",
        "oauth/errors/no-internals-shown": "field-names-the-program",
        "oauth/jwt/forged-tokens-are-refused": "signature-not-verified",
        "authorization/revocation/every-token-becomes-invalid": "revoked-tokens-keep-working",
        "authorization/bearer/expired-token-is-401": "expired-token-accepted",
        "authorization/matrix/lacking-scope-is-403": "any-scope-opens-everything",
        "authorization/concealment/hidden-is-answered-as-absent": "hidden-project-deletable",
        "errors/409/duplicate-slug#sequential": "duplicate-slug-is400",
        "errors/5xx/no-input-is-a-server-error": "byte-order-mark-crashes",
        "registry/login/anonymous-cannot-pull": "anonymous-pull",
        "registry/token/push-token-cannot-delete": "push-implies-delete",
        "registry/upload/out-of-order-changes-nothing": "refused-chunk-stored",
        "registry/tags/links-reach-every-tag": "link-never-ends",
        # The gravest: a key with dots overwrites an object of another bucket.
        "storage/key/traversal-reaches-no-other-bucket": "writes-dots-resolved",
        "storage/service/foreign-source-is-refused": "foreign-copy-source",
        "storage/presigned/expired-is-refused": "presigned-never-expires",
        "storage/range/range-is-served#from-the-start": "object-range-off-by-one",
        "storage/multipart/order-of-parts-is-checked": "part-order-not-heeded",
        "storage/errors/document-has-code-and-message": "errors-within-success",
        "webhooks/secret/near-misses-are-refused": "unknown-webhook-accepted",
        "webhooks/delivery/accepted-events-arrive-once#declared-types": "event-lost",
    }


@dataclass(frozen=True)
class Reported:
    """A finding of the run, with the defect that it shows."""

    defect: str
    result: CheckResult
    number: int

    @property
    def finding(self) -> dict[str, Any]:
        """The finding itself."""
        return self.result.findings[self.number]

    def script(self, run: Path) -> Path:
        """The script of the finding."""
        return run / "reproduce" / name_of(self.result.id, self.number) / SCRIPT


@pytest.fixture(
    scope="module", params=[SOME, pytest.param(slice(None), marks=pytest.mark.nightly)], ids=["some", "all"]
)
def wanted(request: pytest.FixtureRequest) -> dict[str, str]:
    """The part of the showcase to show."""
    return dict(list(showcase().items())[request.param])


@pytest.fixture(scope="module")
def ran(wanted: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The run that found the showcase, on a reference that is still there."""
    turns = in_turns((defect, requirement) for requirement, defect in wanted.items())
    assert len(turns) == 1
    with ExitStack() as running:
        yield shown(turns[0], tmp_path_factory.mktemp("showcase"), running, "--seed", "1", "--explore", "25")


@pytest.fixture(scope="module")
def reported(ran: Shown, wanted: dict[str, str]) -> list[Reported]:
    """Every finding of the run."""
    found = [
        Reported(wanted[key], result, number)
        for result in ran.record.results
        if (key := key_of(result.id, wanted))
        for number in range(len(result.findings))
    ]
    assert {each.defect for each in found} == set(wanted.values()), ran.ended
    return found


def test_each_curl_line_shows_its_defect_and_nothing_else(ran: Shown, reported: list[Reported]) -> None:
    evidence = ran.record.evidence()
    # The others are for a person to judge, who sees the body.
    offered = [each for each in reported if each.finding["curl"] and len(each.finding["deviation"]) > 1]
    assert len(offered) >= len(reported) / 4
    for each in offered:
        line, finding = each.finding["curl"], each.finding
        lines = [*recipes_for(line, ran.record.info.recipes), line]
        recorded = evidence[finding["exchanges"][-1]]
        for defects, wanted in (([each.defect], True), ([], False)):
            tell(ran.control, "reset")
            tell(ran.control, "switch", *defects)
            answer = pasted(lines, ran.environment)
            seen = shows(finding, recorded, answer)
            assert seen is wanted, (each.result.id, defects, line, answer)


def test_scripts_tell_the_defect(ran: Shown, reported: list[Reported]) -> None:
    ended = {}
    for each in reported:
        if each.finding["script"]:
            script = each.script(ran.record.folder)
            ended[script.parent.name] = ran.ended_with(script, each.defect)
    assert PASSES not in {code for code, _ in ended.values()}, ended
    others = {name: said for name, (code, said) in ended.items() if code != FAILS}
    assert len(others) <= len(reported) / 10, others
    neither = [each.result.id for each in reported if not each.finding["curl"] and not each.finding["script"]]
    assert len(neither) <= len(reported) / 10, neither


def test_no_script_accuses_the_clean_reference(ran: Shown, reported: list[Reported]) -> None:
    tell(ran.control, "reset")
    tell(ran.control, "switch")
    for each in reported:
        if each.finding["script"]:
            code, said = ran.run(each.script(ran.record.folder))
            assert code != FAILS, (each.result.id, said)
