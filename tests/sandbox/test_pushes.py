"""The programs that push, as the suite finds them."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients.programs.image_tools import ImageProgram, Pushed
from conformance.clients.programs.runner import Outcome
from conformance.clients.registry.images import digest_of
from conformance.sandbox.names import Names
from conformance.sandbox.pushes import Programs, Pushes, login_as, login_of, note
from conformance.target.description import Login, Registry, Secret
from conformance.vocabulary.finding import Inconclusive, NotApplicable
from tests.clients.registry_server import NAME, Server, entered
from tests.clients.registry_server import server as server


def kind(called: str, there: bool = True) -> Any:
    """A program that is installed, or is not."""

    def made(*given: object) -> Any:
        if not there:
            raise NotApplicable(f"{called} is not installed")
        return type(called, (), {"name": called, "given": given})()

    return made


def programs(**unfit: str) -> Programs:
    find: dict[str, type[ImageProgram]] = {
        "a": kind("a"),
        "b": kind("b"),
        "c": kind("c", there=False),
        "d": kind("d"),
    }
    return Programs(find, ("x",), unfit)


def test_one_that_is_installed_is_found_once() -> None:
    found = programs()
    assert found.get("a") is found.get("a")


def test_one_that_is_not_installed_or_not_fit_says_so_each_time() -> None:
    found = programs(d="d knows no such registry")
    for _ in range(2):
        with pytest.raises(NotApplicable, match="c is not installed"):
            found.get("c")
        with pytest.raises(NotApplicable, match="no such registry"):
            found.get("d")


def test_the_others_come_in_a_ring() -> None:
    found = programs()
    assert [each.name for each in found.after(found.get("b"))] == ["d", "a"]
    assert [each.name for each in found.after(found.get("d"))] == ["a", "b"]


def test_logins_by_role() -> None:
    pusher = Login.model_construct(username="ct-push", password=Secret("X", "x"))
    registry = Registry.model_construct(url="", repository="", credentials={})
    assert login_as(registry, "puller", "pusher") is None
    with pytest.raises(Inconclusive, match="no login in role pusher"):
        login_of(registry, "pusher")
    with_one = Registry.model_construct(url="", repository="", credentials={"pusher": pusher})
    assert login_as(with_one, "puller", "pusher") == pusher
    with pytest.raises(Inconclusive, match="no login in role puller"):
        login_as(with_one, "puller")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"config": null, "layers": null}', b'{"layers": [{}, 1]}'])
def test_what_is_given_in_place_of_an_image_is_no_mistake_of_ours(server: Server, body: bytes) -> None:
    for reference in ("a", digest_of(b"a")):
        server.table["GET", f"/v2/{NAME}/manifests/{reference}"] = (200, {}, body)
    repository = entered(server).repository(NAME)
    program: Any = type("a", (), {"name": "a"})()
    pushes = Pushes(repository, None, Names("run", "w"), {"a": Pushed(Outcome(0, "", "", ""), digest_of(b"a"))})

    note(repository, repository.get_manifest("a"))
    assert pushes.told(program) is None
