"""Of several equal flaws in a run, the finding names one that can be repeated."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements.successes import CREATED_MANIFEST
from conformance.evidence.passive_checks import KEPT_SIGHTINGS
from conformance.evidence.recorder import Recorder
from conformance.oracles.whole_run import expect_no_flaw
from conformance.target.description import Registry, Target
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import NonConformance, wrong_status

RIGHT = wrong_status([201])


@pytest.fixture
def recorder() -> Recorder:
    recorder = Recorder()
    target = Target(organization="acme", registry=Registry(url="http://h", repository="orgs/acme/app"))
    recorder.passive_checks.watch_target(target, "0run")
    recorder.begin_check()
    return recorder


def pushed(recorder: Recorder, tag: str, status: int = 200, *fields: tuple[str, str]) -> None:
    url = f"http://h/v2/orgs/acme/app/manifests/{tag}"
    asked = Headers(fields)
    recorder.exchange(Exchange(recorder.next_id(), "PUT", url, asked, b"", status, Headers([]), b"", 0.0, 0.0))


def told_of(recorder: Recorder) -> NonConformance:
    with pytest.raises(NonConformance) as caught:
        expect_no_flaw(recorder, "registry", CREATED_MANIFEST, "201", RIGHT)
    return caught.value


@pytest.mark.parametrize("before", [1, KEPT_SIGHTINGS, KEPT_SIGHTINGS + 1])
def test_a_flaw_of_the_check_itself_is_preferred(recorder: Recorder, before: int) -> None:
    for number in range(before):
        pushed(recorder, f"of-another-{number}")
    recorder.begin_check()
    pushed(recorder, "right", 201)
    pushed(recorder, "own")
    pushed(recorder, "own-again")
    finding = told_of(recorder)
    assert "/manifests/own" in finding.observed
    assert [each["id"] for each in recorder.entries] == list(recorder.ids_from(0))
    assert list(finding.exchange_ids) == [recorder.ids_from(0)[1]]
    assert finding.deviation == RIGHT


def test_a_flaw_of_another_check_is_recalled(recorder: Recorder) -> None:
    pushed(recorder, "altered", 200, ("X-Key", "$SECRET~altered-cut-1"))
    pushed(recorder, "whole")
    recorder.begin_check()
    pushed(recorder, "right", 201)
    finding = told_of(recorder)
    assert "/manifests/whole" in finding.observed
    assert [each["url"].rpartition("/")[2] for each in recorder.entries] == ["right", "whole"]
    assert list(finding.exchange_ids) == [recorder.ids_from(0)[1]]
