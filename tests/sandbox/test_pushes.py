"""A malformed manifest is no error of the suite."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients.programs.image_tools import Pushed
from conformance.clients.programs.runner import Outcome
from conformance.clients.registry.images import digest_of
from conformance.sandbox.names import Names
from conformance.sandbox.pushes import Pushes, note
from tests.clients.registry_server import NAME, Server, entered
from tests.clients.registry_server import server as server


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"config": null, "layers": null}', b'{"layers": [{}, 1]}'])
def test_a_malformed_manifest_is_tolerated(server: Server, body: bytes) -> None:
    for reference in ("a", digest_of(b"a")):
        server.table["GET", f"/v2/{NAME}/manifests/{reference}"] = (200, {}, body)
    repository = entered(server).repository(NAME)
    program: Any = type("a", (), {"name": "a"})()
    pushes = Pushes(repository, None, Names("run", "w"), {"a": Pushed(Outcome(0, "", "", ""), digest_of(b"a"))})

    note(repository, repository.get_manifest("a"))
    assert pushes.held_by_manifest(program) is None
