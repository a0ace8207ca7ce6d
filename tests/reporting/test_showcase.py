"""What a report offers for the showcase defects holds: each curl line shows its defect, each script tells it.

The defects are on while the lines are pasted and the scripts run, after a run whose own things are gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.reference.control import tell
from conformance.reporting.commands import recipes_for
from conformance.reporting.reproduce.requests import SCRIPT, name_of
from conformance.runs.record import CheckResult
from tests.reporting.pasting import pasted, shows
from tests.run.support import conformance
from tests.scripts import Shown, in_turns, key_of, shown

pytestmark = pytest.mark.once

FAILS, PASSES = 1, 0


def showcase() -> dict[str, str]:
    """By requirement a defect that vendors ship: one or more of each surface and of most topics of the promises."""
    return {
        "oauth/token/wrong-secret-is-refused#of-another-client": "wrong-secret-accepted",
        "oauth/response/no-store": "token-may-be-stored",
        "oauth/errors/no-internals-shown": "field-names-the-program",
        "oauth/scope/is-case-sensitive": "scope-compared-without-case",
        "oauth/jwt/forged-tokens-are-refused": "signature-not-verified",
        "oauth/jwt/published-keys-are-public": "key-set-shows-private-key",
        "authorization/revocation/every-token-becomes-invalid": "revoked-tokens-keep-working",
        "authorization/bearer/401-carries-a-bearer-challenge": "api-challenge-missing",
        "authorization/bearer/expired-token-is-401": "expired-token-accepted",
        "authorization/bearer/token-in-a-form-is-refused": "token-in-body-accepted",
        "authorization/matrix/lacking-scope-is-403": "any-scope-opens-everything",
        "authorization/isolation/equal-names-are-separate-items": "creation-reaches-other-organization",
        "authorization/concealment/hidden-is-answered-as-absent": "hidden-project-deletable",
        "errors/404/absent-resource#path": "absent-is-gone",
        "errors/400/slug-outside-its-pattern": "any-slug-accepted",
        "errors/409/duplicate-slug#sequential": "duplicate-slug-is400",
        "errors/409/stale-version#update": "concurrent-update-told200",
        "errors/429/above-the-limit#token-requests": "limit-exceeded-is-invalid-client",
        "errors/5xx/no-input-is-a-server-error": "byte-order-mark-crashes",
        "registry/login/challenge-is-given": "challenge-without-realm",
        "registry/login/anonymous-cannot-pull": "anonymous-pull",
        "registry/login/wrong-login-is-refused": "wrong-password-accepted",
        "registry/rights/puller-cannot-push": "manifests-deleted-before-the-rights",
        "registry/token/push-token-cannot-delete": "push-implies-delete",
        "registry/upload/out-of-order-changes-nothing": "refused-chunk-kept",
        "registry/digest/of-another-repository-is-verified": "known-elsewhere-unverified",
        "registry/pull/range-is-served": "part-without-content-range",
        "registry/tags/links-reach-every-tag": "link-never-ends",
        "registry/errors/body-is-json": "errors-of-a-type-nobody-reads",
        # The gravest: a key with dots overwrites an object of another bucket.
        "storage/key/traversal-reaches-no-other-bucket": "writes-dots-resolved",
        "storage/object/missing-is-404": "missing-key-is-bucket-missing",
        "storage/service/foreign-source-is-refused": "foreign-copy-source",
        "storage/signature/every-operation-is-closed": "anonymous-object-read",
        "storage/presigned/expired-is-refused": "presigned-never-expires",
        "storage/condition/if-match-is-honoured#if-match-fails": "read-if-match-ignored",
        "storage/range/range-is-served#from-the-start": "object-range-off-by-one",
        "storage/copy/metadata-is-copied": "copy-merges-metadata",
        "storage/multi-delete/deletes-what-is-named": "multi-delete-leaves-last",
        "storage/multipart/order-of-parts-is-checked": "part-order-not-heeded",
        "storage/errors/document-has-code-and-message": "errors-within-success",
        "webhooks/delivery/post-is-accepted": "webhook-takes-forms-alone",
        "webhooks/secret/near-misses-are-refused": "unknown-webhook-accepted",
        "webhooks/secret/is-not-repeated": "deletion-names-url",
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


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The run that found the showcase, on a reference that is still there."""
    turns = in_turns((defect, requirement) for requirement, defect in showcase().items())
    assert len(turns) == 1
    with ExitStack() as running:
        yield shown(turns[0], tmp_path_factory.mktemp("showcase"), running, "--seed", "1", "--explore", "25")


@pytest.fixture(scope="module")
def reported(ran: Shown) -> list[Reported]:
    """Every finding of the run."""
    found = [
        Reported(showcase()[key], result, number)
        for result in ran.record.results
        if (key := key_of(result.id, showcase()))
        for number in range(len(result.findings))
    ]
    assert {each.defect for each in found} == set(showcase().values()), ran.ended
    return found


def test_each_curl_line_shows_its_defect_and_nothing_else(ran: Shown, reported: list[Reported]) -> None:
    secrets = {**ran.environment, "WEBHOOK_SECRET": ran.environment["WEBHOOKS_URL"].rpartition("/")[2]}
    evidence, offered = ran.record.evidence(), [each for each in reported if each.finding["curl"]]
    assert len(offered) >= len(reported) / 4
    for each in offered:
        line, finding = each.finding["curl"], each.finding
        lines = [*recipes_for(line, ran.record.info.recipes), line]
        recorded = evidence[(finding.get("proof") or {}).get("exchange") or finding["exchanges"][-1]]
        for defects, wanted in (([each.defect], True), ([], False)):
            tell(ran.control, "reset")
            tell(ran.control, "switch", *defects)
            answer = pasted(lines, ran.environment)
            seen = shows(finding, recorded, answer, secrets)
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


def test_every_finding_of_the_showcase_has_a_line_or_a_script(reported: list[Reported]) -> None:
    neither = [each.result.id for each in reported if not each.finding["curl"] and not each.finding["script"]]
    assert len(neither) <= len(reported) / 10, neither


def test_no_script_accuses_the_clean_reference_and_none_leaves_anything(
    ran: Shown, reported: list[Reported], tmp_path: Path
) -> None:
    tell(ran.control, "reset")
    tell(ran.control, "switch")
    for each in reported:
        if each.finding["script"]:
            # What may be rare is read a few times, not sixty.
            code, said = ran.run(each.script(ran.record.folder), "3")
            assert code != FAILS, (each.result.id, said)
            assert not re.search("left behind|have the credential restored", said), (each.result.id, said)
    swept = conformance(tmp_path, "sweep", "--dry-run", "--older-than", "0m", "--config", str(ran.config))
    assert "nothing left" in swept.output, swept.output
