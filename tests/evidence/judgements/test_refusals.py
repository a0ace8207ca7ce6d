"""The form of a registry's refusals is judged, and permitted differences are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.methods import NO_ALLOW
from conformance.evidence.judgements.refusals import BROKEN, MISNAMED, NO_CHALLENGE, NO_LIST, UNTYPED, flaw, scope_flaw
from conformance.evidence.recorder import Recorder
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange, Headers

PATH = "/v2/orgs/acme/app/manifests/v1"
JSON = ("Content-Type", "application/json; charset=utf-8")
GOOD = b'{"errors": [{"code": "TAG_INVALID", "message": "no tag"}]}'


def refusal(status: int, body: bytes = b"", *fields: tuple[str, str], path: str = PATH) -> Exchange:
    return Exchange("x-1", "GET", f"http://r{path}", Headers([]), b"", status, Headers(fields), body, 0.0, 0.0)


@pytest.mark.parametrize(
    ("wrong", "reply"),
    [
        (NO_CHALLENGE, refusal(401, GOOD)),
        (NO_CHALLENGE, refusal(401, GOOD, ("WWW-Authenticate", ""))),
        (UNTYPED, refusal(404, GOOD)),
        (UNTYPED, refusal(404, GOOD, ("Content-Type", "text/plain"))),
        (NO_ALLOW, refusal(405, GOOD, JSON)),
        (NO_LIST, refusal(400, b'{"errors": [{"code": ""}]}')),
        (NO_LIST, refusal(404, b'{"errors": []}')),
        (NO_LIST, refusal(404, b'{"errors": ["TAG_INVALID"]}')),
        (NO_LIST, refusal(400, b'{"error": "no tag"}')),
        (NO_LIST, refusal(400, b'{"errors": ')),
        (BROKEN, refusal(400, b'{"errors": [{"message": "no "tag""}]}', ("Content-Type", "application/json"))),
    ],
)
def test_a_malformed_refusal_is_reported(wrong: str, reply: Exchange) -> None:
    assert flaw(reply, PATH) == wrong


@pytest.mark.parametrize(
    "reply",
    [
        refusal(400, GOOD, JSON),
        refusal(401, GOOD, ("WWW-Authenticate", "Bearer"), JSON),
        refusal(404, GOOD, ("Content-Type", "application/problem+json")),
        refusal(405, GOOD, ("Allow", ""), JSON),
        replace(refusal(405, GOOD, JSON), method="DELETE"),
        refusal(404),
        refusal(404, b"no such page"),
        refusal(429, b'{"message": "too many"}'),
        refusal(413, b'{"message": "too much"}'),
        refusal(400, b"\x1f\x8b", ("Content-Encoding", "gzip")),
        replace(refusal(405, b'{"message": "no such method"}'), method="PROPFIND"),
    ],
)
def test_a_permitted_refusal_passes(reply: Exchange) -> None:
    assert flaw(reply, PATH) == ""


@pytest.mark.parametrize(
    ("wrong", "path", "told"),
    [
        (MISNAMED, PATH, ['Bearer realm="http://r/token",scope="repository:orgs/acme/other:pull"']),
        (MISNAMED, f"{PATH}?n=1", ['Bearer scope="repository:orgs/acme:pull"']),
        ("", PATH, ['Bearer realm="http://r/token",scope="repository:orgs/acme/app:pull,push"']),
        ("", PATH, ['Bearer scope="repository:orgs/acme/other:pull repository:orgs/acme/app:push"']),
        ("", PATH, ['Bearer scope="repository:orgs/acme/other:pull"', 'Bearer scope="repository:orgs/acme/app:push"']),
        ("", PATH, ['Bearer realm="http://r/token"']),
        ("", PATH, ['Basic realm="repository:a:b"']),
        ("", "/v2/", ['Bearer scope="repository:samples/one:pull"']),
        ("", "/v2/_catalog", ['Bearer scope="registry:catalog:*"']),
        ("", "/v2/orgs/acme/App/tags/list", ['Bearer scope="repository:orgs/acme/app:pull"']),
    ],
)
def test_a_challenge_for_another_repository_is_reported(wrong: str, path: str, told: list[str]) -> None:
    fields = [("WWW-Authenticate", each) for each in told]
    found = [scope_flaw(refusal(each, b"", *fields, path=path), path) for each in (401, 403)]
    assert [each.partition(DETAIL)[0] for each in found] == [wrong, ""]


def test_refusals_of_all_workers_are_judged() -> None:
    described = {"organization": "acme", "registry": {"url": "http://r", "repository": "orgs/acme/app"}}
    recorder, other = Recorder(), Recorder()
    recorder.passive_checks.watch_target(Target.model_validate(described), "0run")
    for path in (PATH, "/token"):
        recorder.exchange(refusal(401, path=path))
    other.passive_checks.join(recorder.passive_checks.summary())

    assert [each["entry"]["url"] for each in other.passive_checks.flaws] == [f"http://r{PATH}"]
