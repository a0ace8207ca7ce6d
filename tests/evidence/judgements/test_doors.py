"""Where challenges lead: what leads elsewhere than the first of a run is noted, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.evidence.judgements.refusals import ELSEWHERE, door_of
from conformance.evidence.recorder import Recorder
from conformance.target.description import Registry, Target
from conformance.vocabulary.exchange import Exchange, Headers


def challenged(*values: str, status: int = 401, path: str = "/v2/") -> Exchange:
    fields = Headers([("WWW-Authenticate", each) for each in values])
    return Exchange("x-1", "GET", f"http://r{path}", Headers([]), b"", status, fields, b"", 0.0, 0.0)


@pytest.mark.parametrize(
    ("door", "reply"),
    [
        ("http://a/t r", challenged('Bearer realm="http://a/t",service="r",scope="repository:a:pull"')),
        ("http://a/t r", challenged('bearer SERVICE=r, REALM = "http://a/t"')),
        ("", challenged('Basic realm="acme"')),
        ("", challenged('Bearer realm="http://a/t",service="r"', status=200)),
    ],
)
def test_where_a_challenge_leads(door: str, reply: Exchange) -> None:
    assert door_of(reply) == door


def test_what_leads_elsewhere_is_noted_once() -> None:
    recorder = Recorder()
    recorder.watch.over(
        Target(organization="acme", registry=Registry(url="http://r", repository="orgs/acme/app")), "0run"
    )
    for number, service in enumerate("rrsrs"):
        reply = challenged(f'Bearer realm="http://a/t",service="{service}"')
        recorder.exchange(replace(reply, id=f"x-{number}"))
    assert [each["wrong"] for each in recorder.watch.flaws] == [ELSEWHERE]


@pytest.mark.parametrize(
    ("path", "noted"),
    [
        ("/v2/orgs/acme/app-cf-1-stored/manifests/v1", [ELSEWHERE]),
        ("/v2/orgs/acme-too/app/manifests/v1", []),
        ("/v2/orgs/others/app/manifests/v1", []),
        ("/v2/_catalog", []),
    ],
)
def test_what_leads_elsewhere_is_noted_of_ones_own(path: str, noted: list[str]) -> None:
    recorder = Recorder()
    recorder.watch.over(
        Target(organization="acme", registry=Registry(url="http://r", repository="orgs/acme/app")), "0run"
    )
    recorder.exchange(challenged('Bearer realm="http://a/t"'))
    recorder.exchange(replace(challenged('Bearer realm="http://a/others"', path=path), id="x-2"))
    assert [each["wrong"] for each in recorder.watch.flaws] == noted
