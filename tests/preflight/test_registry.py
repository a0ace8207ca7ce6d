"""The preflight of a registry: a login that opens nothing, and one that may push nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from conformance.preflight import SurfaceState, alive, preflight
from conformance.reference.configuration import TargetFile
from conformance.reference.deployment import Reference
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.target import configuration
from conformance.target.description import Target
from tests.preflight.test_preflight import reference as reference


def of_registry(file: TargetFile, folder: Path) -> SurfaceState:
    """What the preflight says of the registry of a target file."""
    states = preflight(configuration.load(file.path, folder).choose(None)[1])
    return next(each for each in states if each.surface == "registry")


def test_a_registry_that_creates_no_repository_is_recognized(
    reference: tuple[Reference, Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surface: Any = reference[0].surfaces["registry"]
    opened = surface.session_opened

    def of_known(asked: Any) -> Any:
        if asked.name != "orgs/acme/conformance":
            raise Refusal("NAME_UNKNOWN")
        return opened(asked)

    monkeypatch.setattr(surface, "session_opened", of_known)
    file = TargetFile(reference[0], tmp_path / "conformance.toml")
    file.write()
    state = of_registry(file, tmp_path)
    told = "an upload to orgs/acme/conformance is answered 202, and one to orgs/acme/conformance-cf-preflight"
    assert state.locked == f"{told}, which is not there yet, is answered 404"
    assert state.credentials["pusher"] == "ok"
    assert not surface.uploads


@pytest.mark.parametrize(("code", "status"), [("UNSUPPORTED", 405), ("DENIED", 403)])
def test_a_registry_that_refuses_pushes_is_recognized(
    code: str, status: int, reference: tuple[Reference, Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(asked: Any) -> Any:
        raise Refusal(code, status=status)

    monkeypatch.setattr(reference[0].surfaces["registry"], "session_opened", closed)
    file = TargetFile(reference[0], tmp_path / "conformance.toml")
    file.write()
    state = of_registry(file, tmp_path)
    assert state.locked == (
        f"pushes are answered {status} (POST /v2/orgs/acme/conformance-cf-preflight/blobs/uploads/): "
        "may the pusher push there, or is the registry read-only for now, or a cache of another one?"
    )
    assert state.credentials["pusher"] == "ok"


def test_an_upload_on_another_host_is_cancelled_without_the_login(
    reference: tuple[Reference, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, target = reference
    deployment.switch(["uploads-on-another-host"])
    surface: Any = deployment.surfaces["registry"]
    before, cancelled = set(surface.uploads), surface.delete_upload
    logins: list[str | None] = []

    async def watched(asked: Any) -> Any:
        logins.append(asked.request.headers.get("authorization"))
        return await cancelled(asked)

    monkeypatch.setattr(surface, "delete_upload", watched)
    try:
        state = next(each for each in preflight(target) if each.surface == "registry")
    finally:
        deployment.switch([])
    assert logins == [None]
    assert set(surface.uploads) == before
    assert [line for kind, line in state.lines if kind in ("fail", "warn")] == []


@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_web_page_at_the_support_check_stops_nothing_else(
    status: int, reference: tuple[Reference, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, target = reference
    surface: Any = deployment.surfaces["registry"]
    handle = surface.handle

    async def web_page(request: Request) -> Answer:
        page = Answer(status, b"<!DOCTYPE html>")
        page.headers.update({"Content-Type": "text/html", "Location": "/portal/"})
        return page if request.path == "/v2/" else cast(Answer, await handle(request))

    monkeypatch.setattr(surface, "handle", web_page)
    state = next(each for each in preflight(target) if each.surface == "registry")
    assert state.reachable and not state.locked
    assert {role: state.credentials[role] for role in ("pusher", "puller", "foreign")} == dict.fromkeys(
        ("pusher", "puller", "foreign"), "ok"
    )
    assert ("ok", "pusher may push to orgs/acme/conformance") in state.lines
    warnings = [line for kind, line in state.lines if kind == "warn"]
    assert any(line.endswith("is answered by a registry: the run goes on") for line in warnings)
    assert alive(target, "registry") == ""


@pytest.mark.parametrize(("pusher_too", "refused"), [(False, True), (True, False)])
def test_a_superuser_in_role_foreign_is_no_other_organization(
    pusher_too: bool, refused: bool, reference: tuple[Reference, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, target = reference
    identity: Any = deployment.surfaces["identity"]
    registry: Any = deployment.surfaces["registry"]
    before = set(registry.uploads)
    permitted = identity.permitted_actions
    superusers = {"ct-foreign", *(["ct-push"] if pusher_too else [])}

    def everywhere(account: Any, scope: Any) -> Any:
        own = permitted(account, scope)
        return frozenset({"pull", "push", "delete"}) if account and account.username in superusers else own

    monkeypatch.setattr(identity, "permitted_actions", everywhere)
    state = next(each for each in preflight(target) if each.surface == "registry")
    assert ("foreign" in state.refused) == refused
    assert not state.locked
    assert set(registry.uploads) <= before
